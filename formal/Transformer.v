(** The specification: a transformer of one layer of attention in real numbers, and what it means
    that it answers a task correctly. docs/theorems.md#objects and #t13-tasks, line by line. Whoever
    wants to know what the theorems of this folder say reads this file down to [n_correct]. *)
From Coq Require Import Reals Lra Lia List Arith Bool.
From Ballproof Require Import Sums.
Import ListNotations.
Local Open Scope R_scope.

(** Weights: a matrix is a function of row and column, of which the entries below the sizes are
    read. An absent bias is zero. *)
Record model := {
  d_vocab : nat; n_free : nat; (* n_ctx = S n_free *) d_model : nat; d_head : nat;
  W_E : nat -> nat -> R;   (* d_vocab x d_model *)
  W_pos : nat -> nat -> R; (* n_ctx x d_model *)
  W_Q : nat -> nat -> R; W_K : nat -> nat -> R; W_V : nat -> nat -> R; (* d_model x d_head *)
  W_O : nat -> nat -> R;   (* d_head x d_model *)
  W_U : nat -> nat -> R;   (* d_model x answers *)
  b_Q : nat -> R; b_K : nat -> R; b_V : nat -> R; b_O : nat -> R; b_U : nat -> R }.

(** An input is the list of its tokens. The last one is the query. *)
Definition input := list nat.
Definition tok (x : input) (i : nat) : nat := nth i x O.

(** A task: the tokens allowed at each position, the logits that compete, and the label that is
    right. *)
Record task := {
  positions : list (list nat);
  answers : list nat;
  label : input -> nat }.

Fixpoint product (sets : list (list nat)) : list (list nat) :=
  match sets with
  | [] => [[]]
  | s :: sets => flat_map (fun t => map (cons t) (product sets)) s
  end.
Definition inputs (T : task) : list (list nat) := product (positions T).

Section Logits.
Variable M : model.
Notation n := (n_free M).
Notation k := (S (n_free M)).
Notation d := (d_model M).
Notation h := (d_head M).

Definition resid (x : input) (i c : nat) : R := W_E M (tok x i) c + W_pos M i c.
Definition query (x : input) (a : nat) := sum d (fun c => resid x n c * W_Q M c a) + b_Q M a.
Definition key (x : input) (i a : nat) := sum d (fun c => resid x i c * W_K M c a) + b_K M a.
Definition value (x : input) (i a : nat) := sum d (fun c => resid x i c * W_V M c a) + b_V M a.
Definition score (x : input) (i : nat) : R :=
  sum h (fun a => query x a * key x i a) / sqrt (INR h).
Definition alpha (x : input) (i : nat) : R :=
  exp (score x i) / sum k (fun i => exp (score x i)).
Definition mixed (x : input) (a : nat) : R := sum k (fun i => alpha x i * value x i a).
Definition final (x : input) (c : nat) : R :=
  resid x n c + sum h (fun a => mixed x a * W_O M a c) + b_O M c.
Definition logit (x : input) (j : nat) : R := sum d (fun c => final x c * W_U M c j) + b_U M j.

Variable T : task.

(** A rival [j] wins when its logit comes within the margin [eps] of the label's: a tie is a win. *)
Definition wins (eps : R) (x : input) (j : nat) : Prop := logit x j + eps >= logit x (label T x).
Definition correct (eps : R) (x : input) : Prop :=
  In (label T x) (answers T) /\
  forall j, In j (answers T) -> j <> label T x -> ~ wins eps x j.

(** How many inputs of the task are correct. *)
Definition winsb (eps : R) (x : input) (j : nat) : bool :=
  if Rge_dec (logit x j + eps) (logit x (label T x)) then true else false.
Definition correctb (eps : R) (x : input) : bool :=
  existsb (Nat.eqb (label T x)) (answers T) &&
  forallb (fun j => (j =? label T x)%nat || negb (winsb eps x j)) (answers T).
Definition n_correct (eps : R) : nat := length (filter (correctb eps) (inputs T)).

Lemma winsb_spec eps x j : winsb eps x j = true <-> wins eps x j.
Proof. unfold winsb, wins. destruct Rge_dec; split; intros; auto; discriminate. Qed.

Lemma correctb_spec eps x : correctb eps x = true <-> correct eps x.
Proof.
  unfold correctb, correct. rewrite andb_true_iff, existsb_exists, forallb_forall.
  assert (E : (exists a, In a (answers T) /\ (label T x =? a)%nat = true) <-> In (label T x) (answers T)).
  { split; [intros (a & Ha & E); apply Nat.eqb_eq in E; subst a; exact Ha|].
    intros H. exists (label T x). split; [exact H|apply Nat.eqb_refl]. }
  rewrite E. clear E. apply and_iff_compat_l. split.
  - intros H j Hj Hm Hw. specialize (H j Hj). apply winsb_spec in Hw. rewrite Hw in H.
    apply Nat.eqb_neq in Hm. rewrite Hm in H. discriminate.
  - intros H j Hj. destruct (Nat.eqb_spec j (label T x)) as [|Hm]; simpl; [reflexivity|].
    specialize (H j Hj Hm). rewrite <- winsb_spec in H. destruct (winsb eps x j); simpl; congruence.
Qed.
End Logits.

(** ** Tasks *)

(** All inputs of [len] tokens below [v]. *)
Definition seqs (v len : nat) : list (list nat) := product (repeat (seq 0 v) len).

(** The largest token. *)
Definition max_of (v len : nat) : task :=
  {| positions := repeat (seq 0 v) len; answers := seq 0 v; label := list_max |}.

(** The smallest token. *)
Definition min_of (v len : nat) : task :=
  {| positions := repeat (seq 0 v) len; answers := seq 0 v;
     label := fun x => fold_right Nat.min (hd O x) x |}.

(** The [r]-th largest token, r >= 1, equal tokens counted each. *)
Fixpoint insert (t : nat) (x : list nat) : list nat :=
  match x with [] => [t] | u :: x => if (u <=? t)%nat then t :: u :: x else u :: insert t x end.
Definition descending (x : list nat) : list nat := fold_right insert [] x.
Definition rank_of (r v len : nat) : task :=
  {| positions := repeat (seq 0 v) len; answers := seq 0 v;
     label := fun x => nth (pred r) (descending x) O |}.

(** The sum of the tokens at the positions before the last, modulo [p]: the last token is the query `=`. *)
Definition sum_mod (p len : nat) : task :=
  {| positions := repeat (seq 0 p) len ++ [[p]]; answers := seq 0 p;
     label := fun x => (list_sum (firstn len x) mod p)%nat |}.

(** The task max-of-k of a model: every token at every position. *)
Definition max_task (M : model) : task := max_of (d_vocab M) (S (n_free M)).

(** ** Path tables *)
Section Spec.
Variable M : model.
Notation n := (n_free M).
Notation k := (S (n_free M)).
Notation d := (d_model M).
Notation h := (d_head M).

Definition ov (r : nat -> R) (j : nat) : R :=
  sum d (fun c => sum h (fun a => sum d (fun b => r b * W_V M b a) * W_O M a c) * W_U M c j).
Definition qrow (q a : nat) : R :=
  sum d (fun c => (W_E M q c + W_pos M n c) * W_Q M c a) + b_Q M a.
Definition tD (q j : nat) : R :=
  sum d (fun c => (W_E M q c + W_pos M n c + sum h (fun a => b_V M a * W_O M a c) + b_O M c)
                  * W_U M c j) + b_U M j.
Definition tV (t j : nat) : R := ov (W_E M t) j.
Definition tP (i j : nat) : R := ov (W_pos M i) j.
Definition rS (q t : nat) : R := sum h (fun a => qrow q a * sum d (fun c => W_E M t c * W_K M c a)).
Definition rR (q i : nat) : R := sum h (fun a => qrow q a * sum d (fun c => W_pos M i c * W_K M c a)).
Definition tS (q t : nat) : R := rS q t / sqrt (INR h).
Definition tR (q i : nat) : R := rR q i / sqrt (INR h).

Definition w (q i t : nat) : R := exp (tS q t + tR q i).
Definition f (eps : R) (q m j i t : nat) : R :=
  tD q j - tD q m + (tV t j - tV t m) + (tP i j - tP i m) + eps.
Definition g (eps : R) (q m j i t : nat) : R := w q i t * f eps q m j i t.

Lemma query_qrow x a : query M x a = qrow (tok x n) a.
Proof. reflexivity. Qed.

(** Scores: up to a number that does not depend on the position. *)
Lemma score_split x i :
  score M x i = (tS (tok x n) (tok x i) + tR (tok x n) i)
              + sum h (fun a => query M x a * b_K M a) / sqrt (INR h).
Proof.
  unfold score, tS, tR, rS, rR, key.
  rewrite (sum_ext h _ (fun a =>
     qrow (tok x n) a * sum d (fun c => W_E M (tok x i) c * W_K M c a)
   + qrow (tok x n) a * sum d (fun c => W_pos M i c * W_K M c a)
   + query M x a * b_K M a)).
  - rewrite !sum_plus. unfold Rdiv. ring.
  - intros a _. rewrite query_qrow.
    rewrite (sum_ext d (fun c => resid M x i c * W_K M c a)
      (fun c => W_E M (tok x i) c * W_K M c a + W_pos M i c * W_K M c a))
      by (intros; unfold resid; ring).
    rewrite sum_plus. ring.
Qed.

Definition Zw (x : input) : R := sum k (fun i => w (tok x n) i (tok x i)).

Lemma Zw_pos x : 0 < Zw x.
Proof. apply sum_pos; [lia|]. intros. apply exp_pos. Qed.

Lemma alpha_w x i : alpha M x i = w (tok x n) i (tok x i) / Zw x.
Proof.
  unfold alpha, Zw.
  set (c := sum h (fun a => query M x a * b_K M a) / sqrt (INR h)).
  assert (E : forall i, exp (score M x i) = exp c * w (tok x n) i (tok x i)).
  { intros. rewrite score_split. fold c. unfold w. rewrite <- exp_plus. f_equal. ring. }
  rewrite E, (sum_ext k _ (fun i => exp c * w (tok x n) i (tok x i))) by (intros; apply E).
  rewrite sum_scal_l. pose proof (Zw_pos x) as HZ. unfold Zw in HZ. pose proof (exp_pos c).
  field. split; lra.
Qed.

Lemma alpha_sum x : sum k (alpha M x) = 1.
Proof.
  rewrite (sum_ext k _ (fun i => w (tok x n) i (tok x i) * / Zw x)) by (intros; apply alpha_w).
  rewrite sum_scal_r. fold (Zw x). apply Rinv_r. pose proof (Zw_pos x). lra.
Qed.

Lemma ov_resid x i j : ov (resid M x i) j = tV (tok x i) j + tP i j.
Proof.
  unfold tV, tP, ov. rewrite <- sum_plus. apply sum_ext; intros c _.
  rewrite <- Rmult_plus_distr_r, <- sum_plus. f_equal. apply sum_ext; intros a _.
  rewrite <- Rmult_plus_distr_r, <- sum_plus. f_equal. apply sum_ext; intros b _.
  unfold resid. ring.
Qed.

Lemma mixed_split x a :
  mixed M x a = sum k (fun i => alpha M x i * sum d (fun b => resid M x i b * W_V M b a)) + b_V M a.
Proof.
  unfold mixed, value.
  rewrite (sum_ext k _ (fun i => alpha M x i * sum d (fun b => resid M x i b * W_V M b a)
                                 + alpha M x i * b_V M a)) by (intros; ring).
  rewrite sum_plus, sum_scal_r, alpha_sum. ring.
Qed.

(** The claim of "Objects": logits are sums of path tables. *)
Theorem logit_split x j :
  logit M x j = tD (tok x n) j + sum k (fun i => alpha M x i * (tV (tok x i) j + tP i j)).
Proof.
  assert (E : forall c, sum h (fun a => mixed M x a * W_O M a c)
     = sum k (fun i => alpha M x i * sum h (fun a => sum d (fun b => resid M x i b * W_V M b a) * W_O M a c))
       + sum h (fun a => b_V M a * W_O M a c)).
  { intros c. rewrite <- (sum_linear k h), <- sum_plus. apply sum_ext; intros a _.
    rewrite mixed_split. ring. }
  unfold logit, tD, final.
  rewrite (sum_ext d _ (fun c =>
    (W_E M (tok x n) c + W_pos M n c + sum h (fun a => b_V M a * W_O M a c) + b_O M c) * W_U M c j
    + sum k (fun i => alpha M x i * sum h (fun a => sum d (fun b => resid M x i b * W_V M b a) * W_O M a c))
      * W_U M c j)).
  - rewrite sum_plus, sum_linear.
    rewrite (sum_ext k _ (fun i => alpha M x i * (tV (tok x i) j + tP i j))).
    + ring.
    + intros. rewrite <- ov_resid. reflexivity.
  - intros c _. rewrite E. unfold resid at 1. ring.
Qed.

(** ** T1: separability *)
Variable T : task.

Lemma gap_weighted eps x j m :
  logit M x j + eps - logit M x m
  = sum k (fun i => g eps (tok x n) m j i (tok x i)) / Zw x.
Proof.
  rewrite !logit_split. pose proof (Zw_pos x) as HZ.
  apply (Rmult_eq_reg_r (Zw x)); [|lra].
  unfold Rdiv. rewrite Rmult_assoc, Rinv_l, Rmult_1_r by lra.
  transitivity ((sum k (alpha M x) * (tD (tok x n) j - tD (tok x n) m + eps)
    + (sum k (fun i => alpha M x i * (tV (tok x i) j + tP i j))
       - sum k (fun i => alpha M x i * (tV (tok x i) m + tP i m)))) * Zw x).
  - rewrite alpha_sum. ring.
  - rewrite <- sum_minus, <- sum_scal_r, <- sum_plus, <- sum_scal_r.
    apply sum_ext; intros i _. rewrite alpha_w. unfold g, f. field. lra.
Qed.

Theorem T1 eps x j :
  wins M T eps x j <-> 0 <= sum k (fun i => g eps (tok x n) (label T x) j i (tok x i)).
Proof.
  unfold wins. pose proof (gap_weighted eps x j (label T x)) as E. pose proof (Zw_pos x) as HZ.
  set (s := sum k _) in *.
  assert (E' : s = (logit M x j + eps - logit M x (label T x)) * Zw x) by (rewrite E; field; lra).
  rewrite E'. split; intros H.
  - apply Rmult_le_pos; lra.
  - apply Rle_ge. assert (0 <= logit M x j + eps - logit M x (label T x)); [|lra].
    apply (Rmult_le_reg_r (Zw x)); lra.
Qed.

(** ** T2: relaxation. Tables may be scaled by any positive number. *)
Theorem T2_upper eps x j (up : nat -> nat -> R) (c : R) :
  0 < c ->
  (forall i, (i < k)%nat -> c * g eps (tok x n) (label T x) j i (tok x i) <= up i (tok x i)) ->
  sum k (fun i => up i (tok x i)) < 0 -> ~ wins M T eps x j.
Proof.
  intros Hc H Hs Hw. apply T1 in Hw.
  pose proof (sum_le k _ _ H) as L. rewrite sum_scal_l in L.
  pose proof (Rmult_le_pos _ _ (Rlt_le _ _ Hc) Hw). lra.
Qed.

Theorem T2_lower eps x j (low : nat -> nat -> R) (c : R) :
  0 < c ->
  (forall i, (i < k)%nat -> low i (tok x i) <= c * g eps (tok x n) (label T x) j i (tok x i)) ->
  0 <= sum k (fun i => low i (tok x i)) -> wins M T eps x j.
Proof.
  intros Hc H Hs. apply T1.
  pose proof (sum_le k _ _ H) as L. rewrite sum_scal_l in L.
  apply (Rmult_le_reg_l c); lra.
Qed.

End Spec.
