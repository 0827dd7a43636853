(** T12, piece by piece: sums in any order with relative errors and underflow, a stage of the program, its
    scores, its mixture, and what the gaps of logits move by. *)
From Coq Require Import Reals Lra Lia List.
From Ballproof Require Import Sums Transformer Products Programs Mixtures.
Import ListNotations.
Local Open Scope R_scope.

Section Rounding.
Variables u eta : R. (* relative error of an operation, and what underflow may add *)
Hypothesis u_small : 0 < u < 1.
Hypothesis eta_nonneg : 0 <= eta.

(** A rounded operation with the exact result z. *)
Definition rounded (z r : R) : Prop := exists e d, Rabs e <= u /\ Rabs d <= eta /\ r = z * (1 + e) + d.

Definition gamma (n : nat) : R := INR n * u / (1 - INR n * u).

Lemma gamma_step n : INR (S n) * u < 1 -> u + (1 + u) * gamma n <= gamma (S n).
Proof.
  intros H. unfold gamma. rewrite S_INR in *. set (x := INR n * u) in *.
  assert (Hx : 0 <= x) by (apply Rmult_le_pos; [apply pos_INR|lra]).
  replace ((INR n + 1) * u) with (x + u) in * by (unfold x; ring).
  replace (u + (1 + u) * (x / (1 - x))) with ((x + u) / (1 - x)) by (field; lra).
  unfold Rdiv. apply Rmult_le_compat_l; [lra|]. apply Rinv_le_contravar; lra.
Qed.

Lemma gamma_nonneg n : INR n * u < 1 -> 0 <= gamma n.
Proof.
  intros H. unfold gamma. apply Rmult_le_pos; [apply Rmult_le_pos; [apply pos_INR|lra]|].
  left. apply Rinv_0_lt_compat. lra.
Qed.

Lemma gamma_mono n m : (n <= m)%nat -> INR m * u < 1 -> gamma n <= gamma m.
Proof.
  intros Hnm H. apply le_INR in Hnm. assert (Hle : INR n * u <= INR m * u) by (apply Rmult_le_compat_r; lra).
  assert (0 <= INR n * u) by (apply Rmult_le_pos; [apply pos_INR|lra]).
  unfold gamma, Rdiv. apply Rmult_le_compat; [assumption|left; apply Rinv_0_lt_compat; lra|assumption|].
  apply Rinv_le_contravar; lra.
Qed.

(** A product of n factors (1 + e) or 1 / (1 + e) is 1 + theta. *)
Inductive factors : nat -> R -> Prop :=
| no_factor : factors 0 1
| times_factor n p e : factors n p -> Rabs e <= u -> factors (S n) (p * (1 + e))
| over_factor n p e : factors n p -> Rabs e <= u -> factors (S n) (p / (1 + e)).

Lemma Rabs_bound a b : Rabs a <= b -> - b <= a <= b.
Proof. unfold Rabs. destruct (Rcase_abs a); lra. Qed.

Theorem T12_factors n p : factors n p -> INR n * u < 1 -> Rabs (p - 1) <= gamma n.
Proof.
  induction 1 as [|n p e _ IH He|n p e _ IH He]; intros Hn.
  - unfold gamma. simpl. replace (1 - 1) with 0 by ring. rewrite Rabs_R0, Rmult_0_l. unfold Rdiv. lra.
  - assert (Hn' : INR n * u < 1) by (rewrite S_INR in Hn; lra). specialize (IH Hn').
    eapply Rle_trans; [|apply gamma_step; assumption].
    replace (p * (1 + e) - 1) with ((p - 1) * (1 + e) + e) by ring.
    eapply Rle_trans; [apply Rabs_triang|]. rewrite Rabs_mult.
    assert (Rabs (1 + e) <= 1 + u) by (apply Rabs_bound in He; rewrite Rabs_right; lra).
    assert (Rabs (p - 1) * Rabs (1 + e) <= gamma n * (1 + u)) by (apply Rmult_le_compat; auto using Rabs_pos). lra.
  - assert (Hn' : INR n * u < 1) by (rewrite S_INR in Hn; lra). specialize (IH Hn').
    apply Rabs_bound in He. rewrite S_INR in Hn. unfold gamma in *. rewrite S_INR. set (x := INR n * u) in *.
    assert (Hx : 0 <= x) by (apply Rmult_le_pos; [apply pos_INR|lra]).
    replace ((INR n + 1) * u) with (x + u) in * by (unfold x; ring).
    replace (p / (1 + e) - 1) with ((p - 1 - e) * / (1 + e)) by (field; lra).
    rewrite Rabs_mult, (Rabs_right (/ (1 + e))) by (left; apply Rinv_0_lt_compat; lra).
    assert (H1 : Rabs (p - 1 - e) <= x / (1 - x) + u).
    { replace (p - 1 - e) with ((p - 1) + - e) by ring. eapply Rle_trans; [apply Rabs_triang|].
      rewrite Rabs_Ropp. apply Rplus_le_compat; [assumption|]. unfold Rabs. destruct (Rcase_abs e); lra. }
    assert (H2 : / (1 + e) <= / (1 - u)) by (apply Rinv_le_contravar; lra).
    apply Rle_trans with ((x / (1 - x) + u) * / (1 - u)).
    + apply Rmult_le_compat; [apply Rabs_pos|left; apply Rinv_0_lt_compat; lra|assumption|assumption].
    + apply (Rmult_le_reg_r ((1 - x) * (1 - u) * (1 - (x + u)))).
      { apply Rmult_lt_0_compat; [apply Rmult_lt_0_compat|]; lra. }
      replace ((x / (1 - x) + u) * / (1 - u) * ((1 - x) * (1 - u) * (1 - (x + u))))
        with ((x + u - x * u) * (1 - (x + u))) by (field; lra).
      replace ((x + u) / (1 - (x + u)) * ((1 - x) * (1 - u) * (1 - (x + u))))
        with ((x + u) * ((1 - x) * (1 - u))) by (field; lra).
      assert (0 <= x * u) by (apply Rmult_le_pos; lra). nra.
Qed.

(** A sum in any order and with any parentheses: terms, at most n roundings on each way from a term to the
    result, and the number of operations; a term may be a product that is rounded, or go into a fused
    operation. *)
Inductive computed : list R -> nat -> nat -> R -> Prop :=
| term t : computed [t] 0 0 t
| rounded_term t r : rounded t r -> computed [t] 1 1 r
| added l1 l2 n1 n2 n k1 k2 r1 r2 r :
    computed l1 n1 k1 r1 -> computed l2 n2 k2 r2 -> (n1 < n)%nat -> (n2 < n)%nat -> rounded (r1 + r2) r ->
    computed (l1 ++ l2) n (S (k1 + k2)) r.

Definition total_of (l : list R) : R := fold_right Rplus 0 l.
Definition sizes_of (l : list R) : R := fold_right (fun t s => Rabs t + s) 0 l.
Lemma total_app l l' : total_of (l ++ l') = total_of l + total_of l'.
Proof. induction l; simpl; lra. Qed.
Lemma sizes_app l l' : sizes_of (l ++ l') = sizes_of l + sizes_of l'.
Proof. induction l; simpl; lra. Qed.
Lemma total_sizes l : Rabs (total_of l) <= sizes_of l.
Proof. induction l as [|t l IH]; simpl; [rewrite Rabs_R0; lra|]. eapply Rle_trans; [apply Rabs_triang|]. lra. Qed.
Lemma sizes_nonneg l : 0 <= sizes_of l.
Proof. induction l as [|t l IH]; simpl; [lra|]. pose proof (Rabs_pos t). lra. Qed.

Theorem T12_sum l n k r : computed l n k r -> INR n * u < 1 ->
  Rabs (r - total_of l) <= gamma n * sizes_of l + INR k * eta * (1 + gamma n).
Proof.
  induction 1 as [t|t r Hr|l1 l2 n1 n2 n k1 k2 r1 r2 r H1 IH1 H2 IH2 Hn1 Hn2 Hr]; intros Hn.
  - simpl. replace (t - (t + 0)) with 0 by ring. rewrite Rabs_R0. unfold gamma. simpl. unfold Rdiv. lra.
  - destruct Hr as (e & d & He & Hd & ->). pose proof (gamma_step 0 Hn) as G. unfold gamma at 1 in G. simpl in G.
    unfold Rdiv in G. rewrite !Rmult_0_l, Rmult_0_r, Rplus_0_r in G. simpl. rewrite Rplus_0_r, Rmult_1_l, Rplus_0_r.
    replace (t * (1 + e) + d - t) with (e * t + d) by ring.
    eapply Rle_trans; [apply Rabs_triang|]. rewrite Rabs_mult.
    assert (Rabs e * Rabs t <= gamma 1 * Rabs t) by (apply Rmult_le_compat_r; [apply Rabs_pos|lra]).
    assert (0 <= eta * gamma 1) by (apply Rmult_le_pos; lra). lra.
  - destruct n as [|n]; [lia|].
    assert (Hn' : INR n * u < 1) by (rewrite S_INR in Hn; lra).
    assert (M1 := gamma_mono n1 n ltac:(lia) Hn'). assert (M2 := gamma_mono n2 n ltac:(lia) Hn').
    assert (L1 : INR n1 * u < 1).
    { assert (INR n1 * u <= INR n * u) by (apply Rmult_le_compat_r; [lra|apply le_INR; lia]). lra. }
    assert (L2 : INR n2 * u < 1).
    { assert (INR n2 * u <= INR n * u) by (apply Rmult_le_compat_r; [lra|apply le_INR; lia]). lra. }
    specialize (IH1 L1). specialize (IH2 L2).
    destruct Hr as (e & d & He & Hd & ->). rewrite total_app, sizes_app, S_INR, plus_INR.
    set (g := gamma n) in *. pose proof (gamma_step n Hn) as G. fold g in G.
    assert (Hg : 0 <= g) by (apply gamma_nonneg; assumption).
    set (A1 := sizes_of l1) in *. set (A2 := sizes_of l2) in *.
    assert (HA1 : 0 <= A1) by apply sizes_nonneg. assert (HA2 : 0 <= A2) by apply sizes_nonneg.
    assert (T : Rabs (total_of l1 + total_of l2) <= A1 + A2).
    { eapply Rle_trans; [apply Rabs_triang|]. apply Rplus_le_compat; apply total_sizes. }
    assert (K1 : 0 <= INR k1 * eta) by (apply Rmult_le_pos; [apply pos_INR|assumption]).
    assert (K2 : 0 <= INR k2 * eta) by (apply Rmult_le_pos; [apply pos_INR|assumption]).
    assert (E1 : Rabs (r1 - total_of l1) <= g * A1 + INR k1 * eta * (1 + g)).
    { eapply Rle_trans; [exact IH1|]. apply Rplus_le_compat; [apply Rmult_le_compat_r; assumption|].
      apply Rmult_le_compat_l; lra. }
    assert (E2 : Rabs (r2 - total_of l2) <= g * A2 + INR k2 * eta * (1 + g)).
    { eapply Rle_trans; [exact IH2|]. apply Rplus_le_compat; [apply Rmult_le_compat_r; assumption|].
      apply Rmult_le_compat_l; lra. }
    replace ((r1 + r2) * (1 + e) + d - (total_of l1 + total_of l2))
      with (e * (total_of l1 + total_of l2) + (1 + e) * ((r1 - total_of l1) + (r2 - total_of l2)) + d) by ring.
    assert (B1 : Rabs (e * (total_of l1 + total_of l2)) <= u * (A1 + A2)).
    { rewrite Rabs_mult. apply Rmult_le_compat; auto using Rabs_pos. }
    assert (B2 : Rabs ((1 + e) * ((r1 - total_of l1) + (r2 - total_of l2)))
                 <= (1 + u) * (g * (A1 + A2) + (INR k1 * eta + INR k2 * eta) * (1 + g))).
    { rewrite Rabs_mult. apply Rmult_le_compat; try apply Rabs_pos.
      - apply Rabs_bound in He. rewrite Rabs_right; lra.
      - eapply Rle_trans; [apply Rabs_triang|]. lra. }
    eapply Rle_trans; [apply Rabs_triang|].
    eapply Rle_trans; [apply Rplus_le_compat; [apply Rabs_triang|exact Hd]|].
    set (g' := gamma (S n)) in *.
    assert (F1 : (u + (1 + u) * g) * (A1 + A2) <= g' * (A1 + A2)) by (apply Rmult_le_compat_r; lra).
    assert (F2 : (INR k1 * eta + INR k2 * eta) * ((1 + u) * (1 + g)) <= (INR k1 * eta + INR k2 * eta) * (1 + g')).
    { apply Rmult_le_compat_l; [lra|]. lra. }
    assert (Hg' : 0 <= g') by (apply gamma_nonneg; assumption).
    assert (F3 : eta * 1 <= eta * (1 + g')) by (apply Rmult_le_compat_l; lra).
    lra.
Qed.

(** gamma_n <= c_n = n u + 2 (n u)^2, which has few bits. *)
Definition c_of (n : nat) : R := INR n * u + 2 * (INR n * u) * (INR n * u).

Theorem T12_c n : INR n * u <= / 4 -> gamma n <= c_of n.
Proof.
  intros H. unfold gamma, c_of. set (x := INR n * u) in *.
  assert (Hx : 0 <= x) by (apply Rmult_le_pos; [apply pos_INR|lra]).
  apply (Rmult_le_reg_r (1 - x)); [lra|]. unfold Rdiv. rewrite Rmult_assoc, Rinv_l, Rmult_1_r by lra. nra.
Qed.

(** G_n(A) = c_n (A + n tiny) pays for all losses of a sum of at most n - 1 products. *)
Definition G (tiny : R) (n : nat) (A : R) : R := c_of n * (A + INR n * tiny).

Theorem T12_sum_G tiny l n k r A : (0 < n)%nat -> INR n * u <= / 4 -> 4 * eta <= u * tiny -> 0 <= tiny ->
  computed l n k r -> (k <= 2 * n)%nat -> sizes_of l <= A -> Rabs (r - total_of l) <= G tiny n A.
Proof.
  intros H0 Hn Ht Htiny Hr Hk HA. assert (Hn1 : INR n * u < 1) by lra.
  eapply Rle_trans; [apply (T12_sum l n k r Hr Hn1)|].
  pose proof (T12_c n Hn) as Hc. pose proof (gamma_nonneg n Hn1) as Hg. unfold G.
  assert (Hone : 1 <= INR n) by (apply (le_INR 1); lia).
  assert (Hx : 0 <= INR n * u) by (apply Rmult_le_pos; lra).
  assert (Hc1 : c_of n <= 1) by (unfold c_of; nra).
  assert (Hcu : INR n * u <= c_of n) by (unfold c_of; nra).
  assert (H1 : gamma n * sizes_of l <= c_of n * A)
    by (apply Rmult_le_compat; [assumption|apply sizes_nonneg|assumption|assumption]).
  assert (H2 : INR k * eta * (1 + gamma n) <= INR (2 * n) * eta * 2).
  { apply Rmult_le_compat; [apply Rmult_le_pos; [apply pos_INR|assumption]|lra| |lra].
    apply Rmult_le_compat_r; [assumption|]. apply le_INR. assumption. }
  rewrite mult_INR in H2. simpl (INR 2) in H2.
  assert (H3 : INR n * (4 * eta) <= INR n * (u * tiny)) by (apply Rmult_le_compat_l; lra).
  assert (H4 : INR n * u * tiny <= c_of n * tiny) by (apply Rmult_le_compat_r; lra).
  assert (H5 : c_of n * tiny <= c_of n * (INR n * tiny)).
  { apply Rmult_le_compat_l; [lra|]. assert (1 * tiny <= INR n * tiny) by (apply Rmult_le_compat_r; lra). lra. }
  lra.
Qed.
End Rounding.

(** The constants of float32. *)
Theorem T12_constants : 4 * / 2 ^ 126 <= / 2 ^ 24 * / 2 ^ 92.
Proof.
  rewrite <- Rinv_mult, <- pow_add. simpl Nat.add.
  apply (Rmult_le_reg_r (2 ^ 126)); [apply pow_lt; lra|]. rewrite Rmult_assoc, Rinv_l, Rmult_1_r by (apply pow_nonzero; lra).
  replace (2 ^ 126) with (2 ^ 116 * 2 ^ 10) by (rewrite <- pow_add; reflexivity).
  rewrite <- Rmult_assoc, Rinv_l, Rmult_1_l by (apply pow_nonzero; lra). lra.
Qed.

(** Step (5): a stage. (a, b) bound a vector and its error, a' and b' those of its image. *)
Theorem T12_stage (d : nat) (x x' a b w : nat -> R) c g r :
  0 <= g ->
  (forall l, (l < d)%nat -> Rabs (x l) <= a l /\ Rabs (x' l - x l) <= b l - a l) ->
  let B := sum d (fun l => b l * Rabs (w l)) + Rabs c in
  let A' := sum d (fun l => a l * Rabs (w l)) + Rabs c in
  Rabs (r - (sum d (fun l => x' l * w l) + c)) <= g * (sum d (fun l => Rabs (x' l * w l)) + Rabs c) ->
  Rabs (sum d (fun l => x l * w l) + c) <= A' /\
  Rabs (r - (sum d (fun l => x l * w l) + c)) <= (1 + g) * B - A'.
Proof.
  intros Hg Hx B A' Hr. split.
  - unfold A'. eapply Rle_trans; [apply Rabs_triang|]. apply Rplus_le_compat_r.
    eapply Rle_trans; [apply Rabs_sum|]. apply sum_le. intros l Hl. rewrite Rabs_mult.
    apply Rmult_le_compat_r; [apply Rabs_pos|apply Hx, Hl].
  - assert (Hb : forall l, (l < d)%nat -> Rabs (x' l) <= b l).
    { intros l Hl. destruct (Hx l Hl) as [H1 H2]. replace (x' l) with (x l + (x' l - x l)) by ring.
      eapply Rle_trans; [apply Rabs_triang|]. lra. }
    assert (H1 : sum d (fun l => Rabs (x' l * w l)) + Rabs c <= B).
    { unfold B. apply Rplus_le_compat_r, sum_le. intros l Hl. rewrite Rabs_mult.
      apply Rmult_le_compat_r; [apply Rabs_pos|apply Hb, Hl]. }
    assert (H2 : Rabs (sum d (fun l => x' l * w l) - sum d (fun l => x l * w l)) <= B - A').
    { unfold B, A'. rewrite <- sum_minus.
      replace (sum d (fun l => b l * Rabs (w l)) + Rabs c - (sum d (fun l => a l * Rabs (w l)) + Rabs c))
        with (sum d (fun l => b l * Rabs (w l)) - sum d (fun l => a l * Rabs (w l))) by ring.
      rewrite <- sum_minus. eapply Rle_trans; [apply Rabs_sum|]. apply sum_le. intros l Hl.
      replace (x' l * w l - x l * w l) with ((x' l - x l) * w l) by ring. rewrite Rabs_mult.
      replace (b l * Rabs (w l) - a l * Rabs (w l)) with ((b l - a l) * Rabs (w l)) by ring.
      apply Rmult_le_compat_r; [apply Rabs_pos|apply Hx, Hl]. }
    replace (r - (sum d (fun l => x l * w l) + c))
      with ((r - (sum d (fun l => x' l * w l) + c)) + (sum d (fun l => x' l * w l) - sum d (fun l => x l * w l))) by ring.
    eapply Rle_trans; [apply Rabs_triang|].
    assert (g * (sum d (fun l => Rabs (x' l * w l)) + Rabs c) <= g * B) by (apply Rmult_le_compat_l; assumption). lra.
Qed.

(** Step (2): the exact product of two computed vectors. *)
Theorem T12_score (h : nat) (q q' k k' a b a' b' : nat -> R) :
  (forall l, (l < h)%nat -> Rabs (q l) <= a l /\ Rabs (q' l - q l) <= b l - a l) ->
  (forall l, (l < h)%nat -> Rabs (k l) <= a' l /\ Rabs (k' l - k l) <= b' l - a' l) ->
  Rabs (dot h q' k' - dot h q k) <= sum h (fun l => b l * b' l - a l * a' l).
Proof.
  intros Hq Hk. unfold dot. rewrite <- sum_minus. eapply Rle_trans; [apply Rabs_sum|]. apply sum_le. intros l Hl.
  destruct (Hq l Hl) as [Q1 Q2]. destruct (Hk l Hl) as [K1 K2].
  replace (q' l * k' l - q l * k l) with ((q' l - q l) * k' l + q l * (k' l - k l)) by ring.
  eapply Rle_trans; [apply Rabs_triang|]. rewrite !Rabs_mult.
  assert (K3 : Rabs (k' l) <= b' l).
  { replace (k' l) with (k l + (k' l - k l)) by ring. eapply Rle_trans; [apply Rabs_triang|]. lra. }
  assert (Rabs (q' l - q l) * Rabs (k' l) <= (b l - a l) * b' l) by (apply Rmult_le_compat; auto using Rabs_pos).
  assert (Rabs (q l) * Rabs (k' l - k l) <= a l * (b' l - a' l)) by (apply Rmult_le_compat; auto using Rabs_pos).
  lra.
Qed.

(** Step (4): a mixture of computed values with computed weights. *)
Theorem T12_mix (k : nat) (alpha theta v v' : nat -> R) g a_max e_max : 0 <= g ->
  (forall i, (i < k)%nat -> 0 <= alpha i) -> sum k alpha = 1 ->
  (forall i, (i < k)%nat -> Rabs (theta i) <= g /\ Rabs (v i) <= a_max /\ Rabs (v' i - v i) <= e_max) ->
  Rabs (sum k (fun i => alpha i * (1 + theta i) * v' i) - sum k (fun i => alpha i * v i))
  <= (1 + g) * (a_max + e_max) - a_max.
Proof.
  intros Hg Ha Hs H. rewrite <- sum_minus. eapply Rle_trans; [apply Rabs_sum|].
  apply Rle_trans with (sum k (fun i => alpha i * ((1 + g) * (a_max + e_max) - a_max))).
  - apply sum_le. intros i Hi. destruct (H i Hi) as (H1 & H2 & H3). specialize (Ha i Hi).
    replace (alpha i * (1 + theta i) * v' i - alpha i * v i) with (alpha i * (theta i * v' i + (v' i - v i))) by ring.
    rewrite Rabs_mult, (Rabs_right (alpha i)) by lra. apply Rmult_le_compat_l; [assumption|].
    eapply Rle_trans; [apply Rabs_triang|]. rewrite Rabs_mult.
    assert (Hv : Rabs (v' i) <= a_max + e_max).
    { replace (v' i) with (v i + (v' i - v i)) by ring. eapply Rle_trans; [apply Rabs_triang|]. lra. }
    assert (Rabs (theta i) * Rabs (v' i) <= g * (a_max + e_max)) by (apply Rmult_le_compat; auto using Rabs_pos). lra.
  - rewrite sum_scal_r. change (fun i => alpha i) with alpha. rewrite Hs. lra.
Qed.

(** Step (3): scores off by at most sigma move a gap of logits by at most sigma rho, rho the range of a
    column of V plus that of one of P. *)
Section Gap.
Variable M : model.
Notation n := (n_free M).
Notation k := (S (n_free M)).

Definition gap_at (s : nat -> R) (x : input) (j m : nat) : R :=
  tD M (tok x n) j - tD M (tok x n) m
  + mean k s (fun i => tV M (tok x i) j + tP M i j - (tV M (tok x i) m + tP M i m)).

Lemma gap_real x j m : logit M x j - logit M x m = gap_at (score M x) x j m.
Proof.
  rewrite !logit_split. unfold gap_at, mean.
  rewrite (sum_ext k (fun i => exp (score M x i) * _) (fun i => exp (score M x i) * (tV M (tok x i) j + tP M i j)
    - exp (score M x i) * (tV M (tok x i) m + tP M i m))) by (intros; ring).
  rewrite sum_minus.
  assert (E : forall c, sum k (fun i => alpha M x i * (tV M (tok x i) c + tP M i c))
    = sum k (fun i => exp (score M x i) * (tV M (tok x i) c + tP M i c)) / sum k (fun i => exp (score M x i))).
  { intros c. unfold Rdiv. rewrite <- sum_scal_r. apply sum_ext. intros i _. unfold alpha, Rdiv. ring. }
  rewrite !E. unfold Rdiv. ring.
Qed.

Theorem T12_gap (s' : nat -> R) x j m sigma rho :
  (forall i, (i < k)%nat -> Rabs (s' i - score M x i) <= sigma) ->
  (forall c i i', c = j \/ c = m -> (i < k)%nat -> (i' < k)%nat ->
     tV M (tok x i) c + tP M i c - (tV M (tok x i') c + tP M i' c) <= rho) ->
  Rabs (gap_at s' x j m - (logit M x j - logit M x m)) <= sigma * rho.
Proof.
  intros Hs Hr. rewrite gap_real. unfold gap_at.
  set (f := fun i => tV M (tok x i) j + tP M i j - (tV M (tok x i) m + tP M i m)).
  assert (Hrange : forall i, (i < k)%nat -> f i <= maxn (pred k) f) by (intros; apply maxn_ge; lia).
  assert (Hmax : exists i, (i < k)%nat /\ maxn (pred k) f = f i).
  { assert (H : forall p, exists i, (i <= p)%nat /\ maxn p f = f i).
    { induction p as [|p (i & Hi & E)]; [exists O; split; [lia|reflexivity]|]. simpl.
      unfold Rmax. destruct (Rle_dec (maxn p f) (f (S p))); [exists (S p)|exists i]; split; auto; lia. }
    destruct (H (pred k)) as (i & Hi & E). exists i. split; [lia|assumption]. }
  destruct Hmax as (i0 & Hi0 & E0).
  pose proof (mixture_moved k ltac:(lia) (score M x) s' f sigma (maxn (pred k) f - 2 * rho) (maxn (pred k) f) Hs) as Hm.
  replace (tD M (tok x n) j - tD M (tok x n) m + mean k s' f
           - (tD M (tok x n) j - tD M (tok x n) m + mean k (score M x) f))
    with (mean k s' f - mean k (score M x) f) by ring.
  eapply Rle_trans; [apply Hm|right; field].
  intros i Hi. split; [|apply Hrange, Hi]. rewrite E0.
  assert (H1 := Hr j i0 i (or_introl eq_refl) Hi0 Hi). assert (H2 := Hr m i i0 (or_intror eq_refl) Hi Hi0).
  unfold f. lra.
Qed.
End Gap.

(** Steps (6) and (7): with every gap off by at most eps, margins move by eps. *)
Theorem T12_margin (gap computed eps mu : R) : Rabs (computed - gap) <= eps ->
  (mu + eps < gap -> mu < computed) /\ (mu < computed -> mu - eps < gap).
Proof. intros H. unfold Rabs in H. destruct (Rcase_abs _) in H; split; intros; lra. Qed.
