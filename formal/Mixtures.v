(** How far a softmax mixture moves when its scores move: step (3) of T12, and the lemma of R6. *)
From Coq Require Import Reals Lra Lia List.
From Ballproof Require Import Sums.
Local Open Scope R_scope.

(** A share x whose odds are multiplied by E^2 moves by at most (E - 1) / (E + 1). *)
Lemma share_moved x E : 0 <= x <= 1 -> 1 <= E -> E * E * x / (E * E * x + (1 - x)) - x <= (E - 1) / (E + 1).
Proof.
  intros Hx HE. set (D := E * E * x + (1 - x)).
  assert (HD : 0 < D).
  { unfold D. destruct (Req_dec x 0) as [->|]; [lra|]. assert (1 * 1 <= E * E) by (apply Rmult_le_compat; lra).
    assert (x <= E * E * x) by (rewrite <- (Rmult_1_l x) at 1; apply Rmult_le_compat_r; lra). lra. }
  apply (Rmult_le_reg_r (D * (E + 1))); [apply Rmult_lt_0_compat; lra|].
  replace ((E * E * x / D - x) * (D * (E + 1))) with ((E + 1) * (E * E * x - x * D)) by (field; lra).
  replace ((E - 1) / (E + 1) * (D * (E + 1))) with ((E - 1) * D) by (field; lra).
  assert (H : (E - 1) * D - (E + 1) * (E * E * x - x * D) = (E - 1) * ((1 - x * (E + 1)) * (1 - x * (E + 1))))
    by (unfold D; ring).
  assert (0 <= (E - 1) * ((1 - x * (E + 1)) * (1 - x * (E + 1)))).
  { apply Rmult_le_pos; [lra|]. apply (Rle_0_sqr (1 - x * (E + 1))). }
  lra.
Qed.

(** (exp y - 1) / (exp y + 1) <= y / 2 *)
Lemma half_tanh y : 0 <= y -> (exp y - 1) / (exp y + 1) <= y / 2.
Proof.
  intros Hy. pose proof (exp_pos y) as He.
  assert (H : 0 <= (y - 2) * exp y + (y + 2)).
  { destruct (Req_dec y 0) as [->|Hne]; [rewrite exp_0; lra|].
    set (h := fun z => (z - 2) * exp z + (z + 2)). set (h' := fun z => (1 * exp z + (z - 2) * exp z) + 1).
    destruct (MVT_cor2 h h' 0 y) as (c & E & Hc); [lra| |].
    - intros c _. unfold h, h'.
      apply (derivable_pt_lim_plus (fun z => (z - 2) * exp z) (fun z => z + 2)).
      + apply (derivable_pt_lim_mult (fun z => z - 2) exp); [|apply derivable_pt_lim_exp].
        replace 1 with (1 - 0) by ring.
        apply (derivable_pt_lim_minus id (fct_cte 2)); [apply derivable_pt_lim_id|apply derivable_pt_lim_const].
      + replace 1 with (1 + 0) by ring.
        apply (derivable_pt_lim_plus id (fct_cte 2)); [apply derivable_pt_lim_id|apply derivable_pt_lim_const].
    - assert (E0 : h 0 = 0) by (unfold h; rewrite exp_0; ring). rewrite E0 in E.
      fold (h y). replace (h y) with (h' c * (y - 0)) by lra. apply Rmult_le_pos; [|lra].
      unfold h'. pose proof (exp_ineq1_le (- c)) as Hexp. pose proof (exp_pos c) as Hpc.
      assert (Hm : exp c * (1 + - c) <= exp c * exp (- c)) by (apply Rmult_le_compat_l; lra).
      rewrite <- exp_plus, Rplus_opp_r, exp_0 in Hm. lra. }
  apply (Rmult_le_reg_r (exp y + 1)); [lra|]. unfold Rdiv at 1.
  rewrite Rmult_assoc, Rinv_l, Rmult_1_r by lra. lra.
Qed.

Section Mixture.
Variable k : nat.
Hypothesis k_pos : (0 < k)%nat.
Definition mean (s f : nat -> R) : R := sum k (fun i => exp (s i) * f i) / sum k (fun i => exp (s i)).

Lemma Z_pos s : 0 < sum k (fun i => exp (s i)).
Proof. apply sum_pos; [assumption|]. intros. apply exp_pos. Qed.

Lemma moved_up (s s' f : nat -> R) (delta lo hi : R) : 0 <= delta ->
  (forall i, (i < k)%nat -> Rabs (s' i - s i) <= delta) ->
  (forall i, (i < k)%nat -> lo <= f i <= hi) ->
  mean s' f - mean s f <= delta * (hi - lo) / 2.
Proof.
  intros Hd Hs Hf. set (E := exp delta).
  assert (HE : 1 <= E) by (unfold E; pose proof (exp_ineq1_le delta); lra).
  set (P := fun s => sum k (fun i => exp (s i) * (f i - lo))).
  set (Q := fun s => sum k (fun i => exp (s i) * (hi - f i))).
  set (Z := fun s => sum k (fun i => exp (s i))).
  assert (HZ : forall s, 0 < Z s) by apply Z_pos.
  assert (HP : forall s, 0 <= P s).
  { intros. apply sum_nonneg. intros i Hi. specialize (Hf i Hi). apply Rmult_le_pos; [left; apply exp_pos|lra]. }
  assert (HQ : forall s, 0 <= Q s).
  { intros. apply sum_nonneg. intros i Hi. specialize (Hf i Hi). apply Rmult_le_pos; [left; apply exp_pos|lra]. }
  assert (HPQ : forall s, P s + Q s = (hi - lo) * Z s).
  { intros. unfold P, Q, Z. rewrite <- sum_plus, <- sum_scal_l. apply sum_ext. intros; ring. }
  assert (Hm : forall s, mean s f = lo + P s / Z s).
  { intros s0. unfold mean, P. fold (Z s0).
    rewrite (sum_ext k (fun i => exp (s0 i) * (f i - lo)) (fun i => exp (s0 i) * f i - exp (s0 i) * lo)) by (intros; ring).
    rewrite sum_minus, sum_scal_r. fold (Z s0). specialize (HZ s0). field. lra. }
  destruct (Rle_lt_dec (hi - lo) 0) as [H0|Hr].
  { (* all values are equal *)
    assert (E0 : forall s, P s = 0).
    { intros s0. pose proof (HPQ s0) as H. pose proof (HZ s0). pose proof (HP s0). pose proof (HQ s0).
      assert ((hi - lo) * Z s0 <= 0).
      { assert (0 <= - (hi - lo) * Z s0) by (apply Rmult_le_pos; lra). lra. } lra. }
    assert (hi - lo = 0).
    { specialize (Hf 0%nat k_pos). lra. }
    rewrite !Hm, !E0, H. unfold Rdiv. lra. }
  assert (Hw : forall i, (i < k)%nat -> exp (s' i) <= E * exp (s i) /\ exp (s i) <= E * exp (s' i)).
  { intros i Hi. specialize (Hs i Hi). unfold E. rewrite <- !exp_plus.
    assert (Hexp : forall y z, y <= z -> exp y <= exp z)
      by (intros y z [H| ->]; [left; apply exp_increasing; assumption|lra]).
    unfold Rabs in Hs. destruct (Rcase_abs _) in Hs; split; apply Hexp; lra. }
  assert (HP' : P s' <= E * P s).
  { unfold P. rewrite <- sum_scal_l. apply sum_le. intros i Hi. rewrite <- Rmult_assoc.
    specialize (Hf i Hi). apply Rmult_le_compat_r; [lra|]. apply Hw, Hi. }
  assert (HQ' : Q s <= E * Q s').
  { unfold Q. rewrite <- sum_scal_l. apply sum_le. intros i Hi. rewrite <- Rmult_assoc.
    specialize (Hf i Hi). apply Rmult_le_compat_r; [lra|]. apply Hw, Hi. }
  set (x := P s / ((hi - lo) * Z s)).
  assert (HRZ : forall s, 0 < (hi - lo) * Z s) by (intros; apply Rmult_lt_0_compat; [lra|apply HZ]).
  assert (Ex : P s = x * ((hi - lo) * Z s)) by (unfold x; specialize (HRZ s); field; split; specialize (HZ s); lra).
  assert (Hx : 0 <= x <= 1).
  { split; [unfold x; apply Rmult_le_pos; [apply HP|left; apply Rinv_0_lt_compat, HRZ]|].
    apply (Rmult_le_reg_r ((hi - lo) * Z s)); [apply HRZ|]. rewrite <- Ex. pose proof (HPQ s). pose proof (HQ s). lra. }
  assert (HD : 0 < E * E * x + (1 - x)).
  { destruct (Req_dec x 0) as [->|]; [lra|]. assert (1 * 1 <= E * E) by (apply Rmult_le_compat; lra).
    assert (x <= E * E * x) by (rewrite <- (Rmult_1_l x) at 1; apply Rmult_le_compat_r; lra). lra. }
  (* the new share is at most the moved one *)
  assert (Hshare : P s' / ((hi - lo) * Z s') <= E * E * x / (E * E * x + (1 - x))).
  { rewrite <- HPQ. pose proof (HRZ s') as H1. rewrite <- HPQ in H1.
    apply (Rmult_le_reg_r ((P s' + Q s') * (E * E * x + (1 - x)))); [apply Rmult_lt_0_compat; assumption|].
    replace (P s' / (P s' + Q s') * ((P s' + Q s') * (E * E * x + (1 - x)))) with (P s' * (E * E * x + (1 - x))) by (field; lra).
    replace (E * E * x / (E * E * x + (1 - x)) * ((P s' + Q s') * (E * E * x + (1 - x))))
      with (E * E * x * (P s' + Q s')) by (field; lra).
    (* P' (1 - x) <= E^2 x Q' *)
    assert (Hc : P s' * (1 - x) <= E * E * x * Q s').
    { apply (Rmult_le_reg_r ((hi - lo) * Z s)); [apply HRZ|].
      replace (P s' * (1 - x) * ((hi - lo) * Z s)) with (P s' * ((hi - lo) * Z s - x * ((hi - lo) * Z s))) by ring.
      rewrite <- Ex, <- HPQ. replace (P s + Q s - P s) with (Q s) by ring.
      replace (E * E * x * Q s' * (P s + Q s)) with (E * E * (x * (P s + Q s)) * Q s') by ring.
      rewrite HPQ, <- Ex.
      apply Rle_trans with (E * P s * (E * Q s')); [|right; ring].
      apply Rmult_le_compat; auto. }
    lra. }
  rewrite !Hm.
  assert (Hsh : P s' / Z s' - P s / Z s <= (hi - lo) * ((E - 1) / (E + 1))).
  { pose proof (share_moved x E Hx HE) as Hmv.
    replace (P s' / Z s') with ((hi - lo) * (P s' / ((hi - lo) * Z s'))) by (specialize (HZ s'); field; lra).
    replace (P s / Z s) with ((hi - lo) * x) by (unfold x; specialize (HZ s); field; lra).
    rewrite <- Rmult_minus_distr_l. apply Rmult_le_compat_l; lra. }
  pose proof (half_tanh delta Hd) as Ht. fold E in Ht.
  assert ((hi - lo) * ((E - 1) / (E + 1)) <= (hi - lo) * (delta / 2)) by (apply Rmult_le_compat_l; lra).
  lra.
Qed.

(** Scores that move by at most delta move the mixture by at most delta times half the range of its values. *)
Theorem mixture_moved (s s' f : nat -> R) (delta lo hi : R) :
  (forall i, (i < k)%nat -> Rabs (s' i - s i) <= delta) ->
  (forall i, (i < k)%nat -> lo <= f i <= hi) ->
  Rabs (mean s' f - mean s f) <= delta * (hi - lo) / 2.
Proof.
  intros Hs Hf.
  assert (Hd : 0 <= delta) by (eapply Rle_trans; [apply Rabs_pos|apply (Hs 0%nat k_pos)]).
  pose proof (moved_up s s' f delta lo hi Hd Hs Hf) as H1.
  pose proof (moved_up s' s f delta lo hi Hd
    (fun i Hi => eq_ind _ (fun r => r <= delta) (Hs i Hi) _ (Rabs_minus_sym _ _)) Hf) as H2.
  unfold Rabs. destruct (Rcase_abs _); lra.
Qed.
End Mixture.
