(** T3 to T6 of docs/theorems.md. *)
From Coq Require Import Reals Lra Lia List Arith Bool ZArith Permutation Classical_Prop.
From Flocq Require Import Core.Raux.
From Ballproof Require Import Sums Transformer Counts.
Import ListNotations.
Local Open Scope R_scope.

Section T.
Variable M : model.
Notation n := (n_free M).
Notation k := (S (n_free M)).
Notation v := (d_vocab M).
Notation maxk := (max_task M).

(** An upper table of the class (q, m) for the rival j, in units of 1/c. *)
Definition upper_table (eps c : R) (q m j : nat) (up : nat -> nat -> R) : Prop :=
  0 < c /\ forall i t, (i < k)%nat -> (t <= m)%nat -> c * g M eps q m j i t <= up i t.
Definition lower_table (eps c : R) (q m j : nat) (low : nat -> nat -> R) : Prop :=
  0 < c /\ forall i t, (i < k)%nat -> (t <= m)%nat -> low i t <= c * g M eps q m j i t.

Definition member (q m : nat) (x : input) : Prop := In x (class v k q m).

Lemma member_spec q m x : member q m x ->
  length x = k /\ list_max x = m /\ tok x n = q /\ (forall i, (i < k)%nat -> (tok x i <= m)%nat) /\
  ((q < m)%nat -> exists p, (p < n)%nat /\ tok x p = m).
Proof.
  unfold member, class, in_class.
  rewrite filter_In, in_seqs, andb_true_iff, !Nat.eqb_eq. intros ((Hl & Hf) & Hm & Hq).
  assert (Hlast : tok x n = q).
  { rewrite Hq. unfold tok, lastt. destruct (@exists_last _ x) as (y & t & E); [intros ->; discriminate|].
    subst x. rewrite last_last, app_length in *. simpl in Hl.
    rewrite app_nth2 by lia. replace (n - length y)%nat with O by lia. reflexivity. }
  assert (Hall : forall i, (i < k)%nat -> (tok x i <= m)%nat).
  { intros i Hi. subst m.
    assert (H : Forall (fun t => (t <= list_max x)%nat) x) by (apply list_max_le; lia).
    rewrite Forall_forall in H. apply H, nth_In. lia. }
  repeat split; auto.
  intros Hlt. assert (Hin : In m x).
  { subst m. clear -Hl. destruct x as [|a x]; [discriminate|].
    clear Hl. revert a. induction x as [|b x IH]; intros a; simpl; [lia|].
    specialize (IH b). simpl in IH.
    destruct (Nat.max_spec b (list_max x)) as [[? E]|[? E]]; rewrite E in *;
    destruct (Nat.max_spec a (list_max x)) as [[? E']|[? E']];
    destruct (Nat.max_spec a b) as [[? E'']|[? E'']]; rewrite ?E', ?E''; tauto. }
  destruct (In_nth x m O Hin) as (p & Hp & Ep). exists p. split; [|exact Ep].
  assert (p <> n) by (intros ->; unfold tok in Hlast; lia). lia.
Qed.

Lemma member_tokens q m x : member q m x -> Forall (fun t => (t < v)%nat) x.
Proof. unfold member, class. rewrite filter_In, in_seqs. tauto. Qed.

(** ** T3: worst case. [G] are bounds of the rows, [X] of what the exchange for m costs. *)
Theorem T3_gen eps c q m j up G X x :
  upper_table eps c q m j up ->
  (forall i t, (i < n)%nat -> (t <= m)%nat -> up i t <= G i) ->
  (forall p, (p < n)%nat -> up p m - G p <= X) ->
  up n q + sum n G + (if (q <? m)%nat then X else 0) < 0 ->
  member q m x -> ~ wins M maxk eps x j.
Proof.
  intros (Hc & Hup) HG HX Hw Hx.
  destruct (member_spec _ _ _ Hx) as (Hl & Hm & Hq & Hall & Hp).
  apply (T2_upper M maxk eps x j up c Hc).
  - intros i Hi. cbn [label max_task max_of]. rewrite Hq, Hm. apply Hup; [assumption|apply Hall; assumption].
  - cbn [sum]. rewrite Hq.
    assert (Hle : forall i, (i < n)%nat -> up i (tok x i) <= G i)
      by (intros; apply HG; [assumption|apply Hall; lia]).
    destruct (Nat.ltb_spec q m) as [Hlt|_].
    + destruct (Hp Hlt) as (p & Hpn & Ep).
      set (b' := fun i => if (i =? p)%nat then up p m else G i).
      assert (Hle' : sum n (fun i => up i (tok x i)) <= sum n b').
      { apply sum_le. intros i Hi. unfold b'.
        destruct (Nat.eqb_spec i p) as [->|]; [rewrite Ep; lra|auto]. }
      rewrite (sum_change n p b' G) in Hle'; [|assumption|].
      2:{ intros i _ Hi. unfold b'. apply Nat.eqb_neq in Hi. rewrite Hi. reflexivity. }
      unfold b' in Hle'. rewrite Nat.eqb_refl in Hle'.
      specialize (HX p Hpn). lra.
    + pose proof (sum_le n _ _ Hle). lra.
Qed.

Definition best (up : nat -> nat -> R) (m i : nat) : R := maxn m (up i).
Definition worst (up : nat -> nat -> R) (q m : nat) : R :=
  up n q + sum n (best up m) +
  (if (q <? m)%nat then maxn (pred n) (fun p => up p m - best up m p) else 0).

Theorem T3 eps c q m j up x :
  upper_table eps c q m j up -> worst up q m < 0 -> member q m x -> ~ wins M maxk eps x j.
Proof.
  intros Hup Hw. unfold worst in Hw.
  apply (T3_gen eps c q m j up (best up m) (maxn (pred n) (fun p => up p m - best up m p)));
    try assumption.
  - intros. apply maxn_ge. assumption.
  - intros p Hp. apply (maxn_ge (pred n) (fun p => up p m - best up m p)). lia.
Qed.

(** ** T4: union *)
Definition wrongb eps x := negb (correctb M maxk eps x).

Lemma wrongb_spec eps x : Forall (fun t => (t < v)%nat) x -> (0 < v)%nat ->
  wrongb eps x = true <-> exists j, (j < v)%nat /\ j <> list_max x /\ wins M maxk eps x j.
Proof.
  intros Hx Hv.
  assert (Hl : (list_max x < v)%nat).
  { destruct (d_vocab M) as [|b]; [lia|]. apply Nat.lt_succ_r, list_max_le_forall, Hx. }
  unfold wrongb. rewrite negb_true_iff, <- not_true_iff_false, correctb_spec.
  unfold correct. cbn [answers label max_task max_of]. split.
  - intros H. apply NNPP. intros Hn. apply H. split; [apply in_seq; lia|].
    intros j Hj Hne Hw. apply Hn. apply in_seq in Hj. exists j. repeat split; [lia|assumption|assumption].
  - intros (j & Hj & Hne & Hw) (_ & H). apply (H j); [apply in_seq; lia|assumption|assumption].
Qed.

Definition won_by eps (G : list nat) (x : input) : bool := existsb (winsb M maxk eps x) G.

Lemma count_groups eps (groups : list (list nat)) (b : list nat) l :
  Forall2 (fun G c => (count (won_by eps G) l <= c)%nat) groups b ->
  (count (won_by eps (concat groups)) l <= list_sum b)%nat.
Proof.
  induction 1 as [|G c groups b HG _ IH]; simpl.
  - unfold count, won_by. simpl. induction l; simpl; auto.
  - rewrite (count_ext _ (fun x => won_by eps G x || won_by eps (concat groups) x)%bool).
    + pose proof (count_or (won_by eps G) (won_by eps (concat groups)) l). lia.
    + intros x _. unfold won_by. apply existsb_app.
Qed.

Theorem T4 eps q m groups b :
  (m < v)%nat -> (q <= m)%nat ->
  (forall j x, (j < v)%nat -> j <> m -> ~ In j (concat groups) -> member q m x -> ~ wins M maxk eps x j) ->
  Forall2 (fun G c => (count (won_by eps G) (class v k q m) <= c)%nat) groups b ->
  (count (wrongb eps) (class v k q m) <= Nat.min (N n q m) (list_sum b))%nat.
Proof.
  intros Hm Hq Hout Hb. apply Nat.min_glb.
  - rewrite <- (class_size v n q m Hm Hq). unfold count.
    generalize (class v k q m). intros l. induction l; simpl; [lia|]. destruct (wrongb eps a); simpl; lia.
  - eapply Nat.le_trans; [|apply (count_groups eps groups b _ Hb)].
    apply count_le. intros x Hx Hwr. apply wrongb_spec in Hwr as (j & Hj & Hne & Hw);
      [|apply (member_tokens q m), Hx|lia].
    apply existsb_exists. exists j. split; [|apply winsb_spec, Hw].
    destruct (member_spec q m x Hx) as (_ & El & _). rewrite El in Hne.
    destruct (in_dec Nat.eq_dec j (concat groups)) as [|Hn]; [assumption|].
    exfalso. exact (Hout j x Hj Hne Hn Hx Hw).
Qed.

End T.

(** ** T5: moments *)
Definition nonnegb (r : R) : bool := if Rle_dec 0 r then true else false.
Fixpoint lsum {A} (l : list A) (F : A -> R) : R :=
  match l with [] => 0 | a :: l => F a + lsum l F end.

Theorem T5 {A} (l : list A) (S : A -> R) (L : R) : 0 < L ->
  INR (count (fun s => nonnegb (S s)) l) <= lsum l (fun s => exp (L * S s)).
Proof.
  intros HL. unfold count. induction l as [|a l IH]; cbn [filter lsum]; [simpl; lra|].
  pose proof (exp_pos (L * S a)). unfold nonnegb at 1. destruct (Rle_dec 0 (S a)) as [H0|_]; [|lra].
  cbn [length]. rewrite S_INR.
  assert (1 <= exp (L * S a)); [|lra]. rewrite <- exp_0.
  destruct (Rmult_le_pos L (S a) ltac:(lra) H0) as [Hlt|<-]; [left; apply exp_increasing, Hlt|lra].
Qed.

Lemma lsum_app {A} (l l' : list A) F : lsum (l ++ l') F = lsum l F + lsum l' F.
Proof. induction l; simpl; lra. Qed.
Lemma lsum_map {A B} (h : A -> B) l F : lsum (map h l) F = lsum l (fun a => F (h a)).
Proof. induction l; simpl; lra. Qed.
Lemma lsum_scal {A} c (l : list A) F : lsum l (fun a => c * F a) = c * lsum l F.
Proof. induction l; simpl; lra. Qed.
Lemma lsum_ext {A} (l : list A) F G : (forall a, In a l -> F a = G a) -> lsum l F = lsum l G.
Proof.
  induction l; intros H; simpl; [reflexivity|].
  rewrite (H a) by (left; reflexivity). rewrite IHl; [reflexivity|]. intros; apply H; right; assumption.
Qed.

(** An exponential of a sum is a product; a sum of products is a product of sums. *)
Fixpoint prodseq (y : nat -> nat -> R) (i : nat) (x : list nat) : R :=
  match x with [] => 1 | t :: x => y i t * prodseq y (S i) x end.
Fixpoint prodsum (v : nat) (y : nat -> nat -> R) (i len : nat) : R :=
  match len with O => 1 | S len => sum v (y i) * prodsum v y (S i) len end.

Theorem T5_product v len y i : lsum (seqs v len) (prodseq y i) = prodsum v y i len.
Proof.
  revert i. induction len as [|len IH]; intros i; [simpl; lra|].
  rewrite seqs_S. cbn [prodsum]. rewrite <- IH.
  assert (H : forall s, lsum (flat_map (fun t => map (cons t) (seqs v len)) (seq s v)) (prodseq y i)
                 = sum v (fun t => y i (s + t)%nat) * lsum (seqs v len) (prodseq y (S i))).
  { generalize (seqs v len) as l. intros l. clear IH. induction v as [|v IHv]; intros s.
    - simpl. ring.
    - rewrite seq_S, flat_map_app, lsum_app, IHv. simpl. rewrite app_nil_r, lsum_map.
      simpl. rewrite lsum_scal. ring. }
  rewrite H. f_equal.
Qed.

(** ** T6: grids *)
Definition gceil (rate : Z) (W x : R) : Z := Zceil (IZR rate * x / W).
Definition gfloor (rate : Z) (W x : R) : Z := Zfloor (IZR rate * x / W).
Fixpoint zsum (n : nat) (F : nat -> Z) : Z := match n with O => 0%Z | S n => (zsum n F + F n)%Z end.

Lemma zsum_ext n F G : (forall i, (i < n)%nat -> F i = G i) -> zsum n F = zsum n G.
Proof. induction n; intros H; simpl; [reflexivity|]. rewrite IHn, H by (intros; try apply H; lia). reflexivity. Qed.

Lemma IZR_zsum n F : IZR (zsum n F) = sum n (fun i => IZR (F i)).
Proof. induction n; simpl; [reflexivity|]. rewrite plus_IZR, IHn. reflexivity. Qed.

Theorem T6a rate W k (x : nat -> R) : (0 < rate)%Z -> 0 < W ->
  0 <= sum k x -> (0 <= zsum k (fun i => gceil rate W (x i)))%Z.
Proof.
  intros Hr HW H. apply le_IZR. rewrite IZR_zsum.
  apply Rle_trans with (sum k (fun i => IZR rate / W * x i)).
  - rewrite sum_scal_l. apply Rmult_le_pos; [|assumption].
    apply IZR_lt in Hr. left. apply Rdiv_lt_0_compat; assumption.
  - apply sum_le. intros i _. unfold gceil.
    replace (IZR rate / W * x i) with (IZR rate * x i / W) by (unfold Rdiv; ring). apply Zceil_ub.
Qed.

Theorem T6b rate W k (x : nat -> R) : (0 < rate)%Z -> 0 < W ->
  (0 <= zsum k (fun i => gfloor rate W (x i)))%Z -> 0 <= sum k x.
Proof.
  intros Hr HW H. apply IZR_le in H. rewrite IZR_zsum in H.
  assert (Hq : 0 < IZR rate / W) by (apply IZR_lt in Hr; apply Rdiv_lt_0_compat; assumption).
  apply (Rmult_le_reg_l (IZR rate / W)); [assumption|]. rewrite Rmult_0_r, <- sum_scal_l.
  eapply Rle_trans; [exact H|]. apply sum_le. intros i _. unfold gfloor.
  replace (IZR rate / W * x i) with (IZR rate * x i / W) by (unfold Rdiv; ring). apply Zfloor_lb.
Qed.
