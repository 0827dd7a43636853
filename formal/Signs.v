(** Exact signs, the direction that a verdict rests on: if the coefficients of equal exponents add up to 0,
    the sum of exponentials is 0. (That nothing else gives 0 is the theorem of Lindemann and Weierstrass;
    it shows that the search for a sign ends, and no bound rests on it.) *)
From Coq Require Import Reals Lra Lia List Arith.
From Ballproof Require Import Sums Transformer Tasks.
Import ListNotations.
Local Open Scope R_scope.

(** A term is an exponent and a coefficient; [key] names the exponent. *)
Section Groups.
Variable A : Type.
Variable key : A -> nat.
Variable exponent : nat -> R. (* of a key *)
Variable coefficient : A -> R.

Definition sum_of (l : list A) : R := fold_right (fun a s => exp (exponent (key a)) * coefficient a + s) 0 l.
Definition group_of (c : nat) (l : list A) : R :=
  fold_right (fun a s => (if (key a =? c)%nat then coefficient a else 0) + s) 0 l.

Lemma sum_by_group l keys : (forall a, In a l -> (key a < keys)%nat) ->
  sum_of l = sum keys (fun c => exp (exponent c) * group_of c l).
Proof.
  induction l as [|a l IH]; intros H; simpl.
  - rewrite (sum_ext keys _ (fun _ => 0)) by (intros; ring). symmetry. apply sum_zero.
  - rewrite IH by (intros; apply H; right; assumption).
    rewrite (sum_ext keys (fun c => exp (exponent c) * ((if (key a =? c)%nat then coefficient a else 0) + group_of c l))
      (fun c => (if (key a =? c)%nat then exp (exponent c) * coefficient a else 0) + exp (exponent c) * group_of c l)).
    2:{ intros c _. destruct (key a =? c)%nat; ring. }
    rewrite sum_plus. f_equal.
    rewrite (sum_change keys (key a) _ (fun _ => 0)), sum_zero, Nat.eqb_refl; [ring|apply H; left; reflexivity|].
    intros c _ Hc. destruct (Nat.eqb_spec (key a) c); [congruence|reflexivity].
Qed.

Theorem tie l keys : (forall a, In a l -> (key a < keys)%nat) ->
  (forall c, (c < keys)%nat -> group_of c l = 0) -> sum_of l = 0.
Proof.
  intros H H0. rewrite (sum_by_group l keys H), (sum_ext keys _ (fun _ => 0)); [apply sum_zero|].
  intros c Hc. rewrite (H0 c Hc). ring.
Qed.

(** Groups that are left with one sign decide. *)
Theorem one_sign l keys : (forall a, In a l -> (key a < keys)%nat) ->
  ((forall c, (c < keys)%nat -> 0 <= group_of c l) -> 0 <= sum_of l) /\
  ((forall c, (c < keys)%nat -> group_of c l <= 0) -> (exists c, (c < keys)%nat /\ group_of c l < 0) -> sum_of l < 0).
Proof.
  intros H. rewrite (sum_by_group l keys H). split.
  - intros Hp. apply sum_nonneg. intros c Hc. apply Rmult_le_pos; [left; apply exp_pos|auto].
  - intros Hn (c & Hc & Hlt).
    rewrite (sum_change keys c _ (fun i => if (i =? c)%nat then 0 else exp (exponent i) * group_of i l)); [|assumption|].
    + rewrite Nat.eqb_refl.
      assert (Hle : 0 <= sum keys (fun i => - (if (i =? c)%nat then 0 else exp (exponent i) * group_of i l))).
      { apply sum_nonneg. intros i Hi. destruct (i =? c)%nat; [lra|]. specialize (Hn i Hi).
        assert (0 <= exp (exponent i) * - group_of i l) by (apply Rmult_le_pos; [left; apply exp_pos|lra]). lra. }
      rewrite (sum_ext keys (fun i => - _) (fun i => -1 * (if (i =? c)%nat then 0 else exp (exponent i) * group_of i l))) in Hle
        by (intros; ring).
      rewrite sum_scal_l in Hle.
      assert (0 < exp (exponent c) * - group_of c l) by (apply Rmult_lt_0_compat; [apply exp_pos|lra]). lra.
    + intros i _ Hi. apply Nat.eqb_neq in Hi. rewrite Hi. reflexivity.
Qed.
End Groups.

(** For an input and a rival: the terms of T1 up to the positive factor of their query. *)
Theorem tie_wins M eps x j m (keys : nat) (key : nat -> nat) (exponent : nat -> R) :
  (forall i, (i < S (n_free M))%nat -> (key i < keys)%nat /\
     tS M (tok x (n_free M)) (tok x i) + tR M (tok x (n_free M)) i = exponent (key i)) ->
  (forall c, (c < keys)%nat -> group_of nat key (fun i => f M eps (tok x (n_free M)) m j i (tok x i)) c (seq 0 (S (n_free M))) = 0) ->
  beats M eps x j m.
Proof.
  intros Hk H0. apply T1_pair. right. symmetry.
  rewrite <- (tie nat key exponent (fun i => f M eps (tok x (n_free M)) m j i (tok x i)) (seq 0 (S (n_free M))) keys).
  - assert (E : forall len s, (s + len <= S (n_free M))%nat ->
      sum_of nat key exponent (fun i => f M eps (tok x (n_free M)) m j i (tok x i)) (seq s len)
      = sum len (fun i => g M eps (tok x (n_free M)) m j (s + i) (tok x (s + i)))).
    { induction len as [|len IH]; intros s Hs; [reflexivity|].
      rewrite seq_S. unfold sum_of. rewrite fold_right_app. cbn [fold_right].
      assert (Ef : forall l b, fold_right (fun a s => exp (exponent (key a)) * f M eps (tok x (n_free M)) m j a (tok x a) + s) b l
        = sum_of nat key exponent (fun i => f M eps (tok x (n_free M)) m j i (tok x i)) l + b).
      { induction l as [|a l IHl]; intros b; simpl; [ring|]. rewrite IHl. ring. }
      rewrite Ef, IH by lia. cbn [sum]. unfold g at 3, w.
      rewrite (proj2 (Hk (s + len)%nat ltac:(lia))). ring. }
    rewrite (E (S (n_free M)) O ltac:(lia)). reflexivity.
  - intros i Hi. apply in_seq in Hi. apply Hk. lia.
  - assumption.
Qed.
