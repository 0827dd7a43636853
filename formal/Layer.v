(** The specification of the one-layer transformer with any number of heads and, if it has neurons, a
    ReLU MLP: the objects of T14, T15 and T16 in docs/theorems.md. With one head and no neurons it is
    the transformer of Transformer.v ([logit_one_head]).

    A weight of attention is [share] times softmax plus [uniform]: (1, 0) but for models that say so. *)
From Coq Require Import Reals Lra Lia List.
From Ballproof Require Import Sums Transformer.
Local Open Scope R_scope.

Record layer := {
  l_vocab : nat; l_free : nat; (* n_ctx = S l_free *) l_model : nat; l_head : nat;
  l_heads : nat; l_neurons : nat;
  share : R; uniform : R;
  WE : nat -> nat -> R; WP : nat -> nat -> R;
  WQ : nat -> nat -> nat -> R; WK : nat -> nat -> nat -> R; WV : nat -> nat -> nat -> R; (* head first *)
  WO : nat -> nat -> nat -> R;
  bQ : nat -> nat -> R; bK : nat -> nat -> R; bV : nat -> nat -> R; bO : nat -> R;
  W_in : nat -> nat -> R; b_in : nat -> R; W_out : nat -> nat -> R;
  b_out : nat -> R; (* zero where there are no neurons *)
  WU : nat -> nat -> R; bU : nat -> R }.

Definition ReLU (y : R) : R := Rmax y 0.

Section Spec.
Variable M : layer.
Notation n := (l_free M).
Notation k := (S (l_free M)).
Notation d := (l_model M).
Notation h := (l_head M).
Notation H := (l_heads M).

Definition stream (x : input) (i c : nat) : R := WE M (tok x i) c + WP M i c.
Definition queries (p : nat) (x : input) (a : nat) := sum d (fun c => stream x n c * WQ M p c a) + bQ M p a.
Definition keys (p : nat) (x : input) (i a : nat) := sum d (fun c => stream x i c * WK M p c a) + bK M p a.
Definition values (p : nat) (x : input) (i a : nat) := sum d (fun c => stream x i c * WV M p c a) + bV M p a.
Definition scores (p : nat) (x : input) (i : nat) : R :=
  sum h (fun a => queries p x a * keys p x i a) / sqrt (INR h).
Definition softmax (p : nat) (x : input) (i : nat) : R :=
  exp (scores p x i) / sum k (fun i => exp (scores p x i)).
Definition attention (p : nat) (x : input) (i : nat) : R := share M * softmax p x i + uniform M.
Definition middle (x : input) (c : nat) : R :=
  stream x n c
  + sum H (fun p => sum h (fun a => sum k (fun i => attention p x i * values p x i a) * WO M p a c))
  + bO M c.
Definition pre (x : input) (l : nat) : R := sum d (fun c => middle x c * W_in M c l) + b_in M l.
Definition last_stream (x : input) (c : nat) : R :=
  middle x c + sum (l_neurons M) (fun l => ReLU (pre x l) * W_out M l c) + b_out M c.
Definition logits (x : input) (j : nat) : R := sum d (fun c => last_stream x c * WU M c j) + bU M j.

(** Logit j reaches logit m, up to the margin. *)
Definition reaches (eps : R) (x : input) (j m : nat) : Prop := logits x j + eps >= logits x m.

(** ** Weights of the heads: each look-up is of one position and its token *)
Definition query_row (p q a : nat) : R := sum d (fun c => (WE M q c + WP M n c) * WQ M p c a) + bQ M p a.
Definition head_weight (p q i t : nat) : R :=
  exp (sum h (fun a => query_row p q a * sum d (fun c => (WE M t c + WP M i c) * WK M p c a)) / sqrt (INR h)).

Lemma softmax_weight p x i :
  softmax p x i = head_weight p (tok x n) i (tok x i) / sum k (fun i => head_weight p (tok x n) i (tok x i)).
Proof.
  set (b := sum h (fun a => queries p x a * bK M p a) / sqrt (INR h)).
  assert (Ex : forall i, exp (scores p x i) = exp b * head_weight p (tok x n) i (tok x i)).
  { intros i'. unfold head_weight. rewrite <- exp_plus. f_equal. unfold scores, b, Rdiv.
    rewrite <- Rmult_plus_distr_r, <- sum_plus. f_equal. apply sum_ext; intros a _.
    unfold keys. change (query_row p (tok x n) a) with (queries p x a). unfold stream. ring. }
  unfold softmax. rewrite Ex, (sum_ext k _ (fun i => exp b * head_weight p (tok x n) i (tok x i)))
    by (intros; apply Ex).
  rewrite sum_scal_l. pose proof (exp_pos b).
  assert (0 < sum k (fun i => head_weight p (tok x n) i (tok x i)))
    by (apply sum_pos; [lia|]; intros; apply exp_pos).
  field. split; lra.
Qed.

Lemma softmax_sum p x : sum k (softmax p x) = 1.
Proof.
  rewrite (sum_ext k _ (fun i => head_weight p (tok x n) i (tok x i)
    * / sum k (fun i => head_weight p (tok x n) i (tok x i)))) by (intros; apply softmax_weight).
  rewrite sum_scal_r. apply Rinv_r.
  assert (0 < sum k (fun i => head_weight p (tok x n) i (tok x i)))
    by (apply sum_pos; [lia|]; intros; apply exp_pos). lra.
Qed.

Lemma sum_const (m : nat) (c : R) : sum m (fun _ => c) = INR m * c.
Proof. induction m; cbn [sum]; [simpl; ring|]. rewrite IHm, S_INR. ring. Qed.

Lemma attention_sum p x : sum k (attention p x) = share M + INR k * uniform M.
Proof.
  unfold attention. rewrite sum_plus, sum_scal_l, sum_const.
  change (fun i => softmax p x i) with (softmax p x). rewrite softmax_sum. ring.
Qed.

(** ** A linear reading of the stream between attention and MLP, as a sum of look-ups *)
Definition read (rho : nat -> R) (x : input) : R := sum d (fun c => middle x c * rho c).
Definition through_head (p : nat) (r rho : nat -> R) : R := (* r W_V W_O rho *)
  sum d (fun c => sum h (fun a => sum d (fun b => r b * WV M p b a) * WO M p a c) * rho c).
Definition direct (rho : nat -> R) (q : nat) : R :=
  sum d (fun c => (WE M q c + WP M n c + bO M c
    + (share M + INR k * uniform M) * sum H (fun p => sum h (fun a => bV M p a * WO M p a c))) * rho c).
Definition look_up (rho : nat -> R) (p i t : nat) : R := through_head p (fun c => WE M t c + WP M i c) rho.

(** The look-up is a sum over token and position. *)
Lemma look_up_split rho p i t : look_up rho p i t = through_head p (WE M t) rho + through_head p (WP M i) rho.
Proof.
  unfold look_up, through_head. rewrite <- sum_plus. apply sum_ext; intros c _.
  rewrite <- Rmult_plus_distr_r, <- sum_plus. f_equal. apply sum_ext; intros a _.
  rewrite <- Rmult_plus_distr_r, <- sum_plus. f_equal. apply sum_ext; intros b _. ring.
Qed.

Theorem read_split rho x :
  read rho x = direct rho (tok x n)
    + sum H (fun p => sum k (fun i => attention p x i * look_up rho p i (tok x i))).
Proof.
  assert (Hmix : forall p c,
    sum h (fun a => sum k (fun i => attention p x i * values p x i a) * WO M p a c)
    = sum k (fun i => attention p x i * sum h (fun a => sum d (fun b => stream x i b * WV M p b a) * WO M p a c))
      + (share M + INR k * uniform M) * sum h (fun a => bV M p a * WO M p a c)).
  { intros p c. rewrite <- (sum_linear k h), <- (sum_scal_l h (share M + _)), <- sum_plus.
    apply sum_ext; intros a _.
    replace (sum k (fun i => attention p x i * values p x i a))
      with (sum k (fun i => attention p x i * sum d (fun b => stream x i b * WV M p b a))
            + (share M + INR k * uniform M) * bV M p a).
    { ring. }
    rewrite <- (attention_sum p x), <- sum_scal_r, <- sum_plus. apply sum_ext; intros i _. unfold values. ring. }
  unfold read, middle, direct.
  rewrite (sum_ext d _ (fun c =>
    (WE M (tok x n) c + WP M n c + bO M c
      + (share M + INR k * uniform M) * sum H (fun p => sum h (fun a => bV M p a * WO M p a c))) * rho c
    + sum H (fun p => sum k (fun i => attention p x i
        * (sum h (fun a => sum d (fun b => stream x i b * WV M p b a) * WO M p a c) * rho c))))).
  - rewrite sum_plus. f_equal. rewrite sum_swap. apply sum_ext; intros p _.
    rewrite sum_swap. apply sum_ext; intros i _. rewrite sum_scal_l. reflexivity.
  - intros c _. rewrite (sum_ext H _ (fun p =>
      sum k (fun i => attention p x i * sum h (fun a => sum d (fun b => stream x i b * WV M p b a) * WO M p a c))
      + (share M + INR k * uniform M) * sum h (fun a => bV M p a * WO M p a c))) by (intros; apply Hmix).
    rewrite sum_plus, sum_scal_l. unfold stream at 1.
    rewrite (sum_ext H (fun p => sum k (fun i => attention p x i * (_ * rho c)))
      (fun p => sum k (fun i => attention p x i * sum h (fun a => sum d (fun b => stream x i b * WV M p b a) * WO M p a c)) * rho c)).
    + rewrite sum_scal_r. ring.
    + intros p _. rewrite <- sum_scal_r. apply sum_ext; intros; ring.
Qed.

(** ** The lead of j over m: a linear reading and the neurons *)
Definition toward (j m c : nat) : R := WU M c j - WU M c m.
Definition gain (j m l : nat) : R := sum d (fun c => W_out M l c * toward j m c).
Definition bias (j m : nat) : R := sum d (fun c => b_out M c * toward j m c) + bU M j - bU M m.

Theorem lead_split x j m :
  logits x j - logits x m
  = read (toward j m) x + bias j m + sum (l_neurons M) (fun l => gain j m l * ReLU (pre x l)).
Proof.
  unfold logits, read, bias.
  replace (sum d (fun c => last_stream x c * WU M c j) + bU M j - (sum d (fun c => last_stream x c * WU M c m) + bU M m))
    with (sum d (fun c => last_stream x c * toward j m c) + (bU M j - bU M m)).
  2:{ transitivity (sum d (fun c => last_stream x c * WU M c j - last_stream x c * WU M c m) + (bU M j - bU M m)).
      - f_equal. apply sum_ext; intros; unfold toward; ring.
      - rewrite sum_minus. ring. }
  rewrite (sum_ext d _ (fun c => middle x c * toward j m c + b_out M c * toward j m c
    + sum (l_neurons M) (fun l => ReLU (pre x l) * W_out M l c) * toward j m c))
    by (intros; unfold last_stream; ring).
  rewrite !sum_plus, sum_linear.
  rewrite (sum_ext (l_neurons M) _ (fun l => gain j m l * ReLU (pre x l))).
  - ring.
  - intros l _. unfold gain. ring.
Qed.
End Spec.

(** ** One head and no neurons: Transformer.v *)
Definition one_head (M : model) : layer := {|
  l_vocab := d_vocab M; l_free := n_free M; l_model := d_model M; l_head := d_head M;
  l_heads := 1; l_neurons := 0; share := 1; uniform := 0;
  WE := W_E M; WP := W_pos M; WQ := fun _ => W_Q M; WK := fun _ => W_K M; WV := fun _ => W_V M;
  WO := fun _ => W_O M; bQ := fun _ => b_Q M; bK := fun _ => b_K M; bV := fun _ => b_V M; bO := b_O M;
  W_in := fun _ _ => 0; b_in := fun _ => 0; W_out := fun _ _ => 0; b_out := fun _ => 0;
  WU := W_U M; bU := b_U M |}.

Theorem logit_one_head (M : model) x j : logits (one_head M) x j = logit M x j.
Proof.
  unfold logits, logit. simpl. f_equal. apply sum_ext; intros c _. f_equal.
  unfold last_stream, middle, final. simpl. rewrite !Rplus_0_r, Rplus_0_l. do 2 f_equal.
  apply sum_ext; intros a _. f_equal. unfold mixed. cbn [sum]. f_equal.
  - apply sum_ext; intros i _. unfold attention. simpl. rewrite Rplus_0_r, Rmult_1_l. reflexivity.
  - unfold attention. simpl. rewrite Rplus_0_r, Rmult_1_l. reflexivity.
Qed.
