(** Rules for layers in sequence (R1, R2, R4, R5, R6, R8), each about one step, in real numbers: what an
    error before the step can be behind it. Vectors are functions, of d entries; the sum of absolute
    values in a column is what an error of all entries is multiplied by. *)
From Coq Require Import Reals Lra Lia List.
From Ballproof Require Import Sums Products Programs.
Local Open Scope R_scope.

Lemma sum_abs_bound d (e w : nat -> R) rho : (forall l, (l < d)%nat -> Rabs (e l) <= rho) ->
  Rabs (sum d (fun l => e l * w l)) <= rho * sum d (fun l => Rabs (w l)).
Proof.
  intros H. eapply Rle_trans; [apply Rabs_sum|]. rewrite <- sum_scal_l. apply sum_le. intros l Hl.
  rewrite Rabs_mult. apply Rmult_le_compat_r; [apply Rabs_pos|]. apply H, Hl.
Qed.

(** R1, R2: a linear map with rounded weights; [half] is the rounding of the bias and of the result. *)
Theorem R2 d (x x' w w' : nat -> R) b b' rho m half :
  (forall l, (l < d)%nat -> Rabs (x l - x' l) <= rho) -> (forall l, (l < d)%nat -> Rabs (x' l) <= m) ->
  Rabs (b - b') <= half ->
  Rabs (sum d (fun l => x l * w l) + b - (sum d (fun l => x' l * w' l) + b'))
  <= rho * sum d (fun l => Rabs (w l)) + m * sum d (fun l => Rabs (w l - w' l)) + half.
Proof.
  intros Hx Hm Hb.
  replace (sum d (fun l => x l * w l) + b - (sum d (fun l => x' l * w' l) + b'))
    with (sum d (fun l => (x l - x' l) * w l) + sum d (fun l => x' l * (w l - w' l)) + (b - b')).
  2:{ rewrite (sum_ext d (fun l => (x l - x' l) * w l) (fun l => x l * w l - x' l * w l)) by (intros; ring).
      rewrite (sum_ext d (fun l => x' l * (w l - w' l)) (fun l => x' l * w l - x' l * w' l)) by (intros; ring).
      rewrite !sum_minus. ring. }
  pose proof (sum_abs_bound d (fun l => x l - x' l) w rho Hx) as H1.
  pose proof (sum_abs_bound d x' (fun l => w l - w' l) m Hm) as H2.
  eapply Rle_trans; [apply Rabs_triang|]. apply Rplus_le_compat; [|assumption].
  eapply Rle_trans; [apply Rabs_triang|]. lra.
Qed.

(** R4: the residual stream is read by a column r; a M + b is written to it. *)
Theorem R4 d k (x x' a a' : nat -> R) (M M' : nat -> nat -> R) (b b' r : nat -> R) rho_r rho_a m D half :
  Rabs (sum d (fun c => (x c - x' c) * r c)) <= rho_r ->
  (forall l, (l < k)%nat -> Rabs (a l - a' l) <= rho_a) -> (forall l, (l < k)%nat -> Rabs (a' l) <= m) ->
  (forall c, (c < d)%nat -> sum k (fun l => Rabs (M l c - M' l c)) <= D) ->
  (forall c, (c < d)%nat -> Rabs (b c - b' c) <= half) -> 0 <= m ->
  Rabs (sum d (fun c => ((x c + sum k (fun l => a l * M l c) + b c) - (x' c + sum k (fun l => a' l * M' l c) + b' c)) * r c))
  <= rho_r + rho_a * sum k (fun l => Rabs (sum d (fun c => M l c * r c)))
     + (m * D + half) * sum d (fun c => Rabs (r c)).
Proof.
  intros Hx Ha Hm HD Hb H0.
  replace (sum d (fun c => ((x c + sum k (fun l => a l * M l c) + b c) - (x' c + sum k (fun l => a' l * M' l c) + b' c)) * r c))
    with (sum d (fun c => (x c - x' c) * r c)
          + sum k (fun l => (a l - a' l) * sum d (fun c => M l c * r c))
          + sum d (fun c => (sum k (fun l => a' l * (M l c - M' l c)) + (b c - b' c)) * r c)).
  2:{ rewrite <- (sum_linear k d (fun l => a l - a' l) M r).
      rewrite <- !sum_plus. apply sum_ext. intros c _.
      rewrite (sum_ext k (fun l => (a l - a' l) * M l c) (fun l => a l * M l c - a' l * M l c)) by (intros; ring).
      rewrite (sum_ext k (fun l => a' l * (M l c - M' l c)) (fun l => a' l * M l c - a' l * M' l c)) by (intros; ring).
      rewrite !sum_minus. ring. }
  pose proof (sum_abs_bound k (fun l => a l - a' l) (fun l => sum d (fun c => M l c * r c)) rho_a Ha) as H1.
  assert (H2 : Rabs (sum d (fun c => (sum k (fun l => a' l * (M l c - M' l c)) + (b c - b' c)) * r c))
    <= (m * D + half) * sum d (fun c => Rabs (r c))).
  { apply sum_abs_bound. intros c Hc. eapply Rle_trans; [apply Rabs_triang|]. apply Rplus_le_compat; [|auto].
    eapply Rle_trans; [apply (sum_abs_bound k a' (fun l => M l c - M' l c) m Hm)|].
    apply Rmult_le_compat_l; auto. }
  eapply Rle_trans; [apply Rabs_triang|]. apply Rplus_le_compat; [|exact H2].
  eapply Rle_trans; [apply Rabs_triang|]. lra.
Qed.

(** R5: a score is a product of two vectors that both have errors. *)
Theorem R5 d (q q' k k' : nat -> R) rho_q rho_k : 0 <= rho_q -> 0 <= rho_k ->
  (forall a, (a < d)%nat -> Rabs (q a - q' a) <= rho_q) -> (forall a, (a < d)%nat -> Rabs (k a - k' a) <= rho_k) ->
  Rabs (dot d q k - dot d q' k')
  <= rho_q * sum d (fun a => Rabs (k' a)) + rho_k * sum d (fun a => Rabs (q' a)) + INR d * rho_q * rho_k.
Proof.
  intros H0 H0' Hq Hk. unfold dot. rewrite <- sum_minus.
  rewrite (sum_ext d _ (fun a => (q a - q' a) * k' a + (k a - k' a) * q' a + (q a - q' a) * (k a - k' a)))
    by (intros; ring).
  rewrite !sum_plus.
  pose proof (sum_abs_bound d (fun a => q a - q' a) k' rho_q Hq) as H1.
  pose proof (sum_abs_bound d (fun a => k a - k' a) q' rho_k Hk) as H2.
  assert (H3 : Rabs (sum d (fun a => (q a - q' a) * (k a - k' a))) <= INR d * (rho_q * rho_k)).
  { apply Rabs_sum_le. intros a Ha. rewrite Rabs_mult. apply Rmult_le_compat; auto using Rabs_pos. }
  eapply Rle_trans; [apply Rabs_triang|]. rewrite Rmult_assoc. apply Rplus_le_compat; [|assumption].
  eapply Rle_trans; [apply Rabs_triang|]. lra.
Qed.

(** R6: weights of attention that are low by less than u, the largest sum of which is at least 1; all
    quotients together are off by at most 2 N u. The scores' part is [Mixtures.mixture_moved]. *)
Theorem R6_weights (N : nat) (W w : nat -> R) u : 0 <= u ->
  (forall j, (j < N)%nat -> 0 <= w j /\ 0 <= W j - w j <= u) -> 1 <= sum N W -> 0 < sum N w ->
  sum N (fun j => Rabs (W j / sum N W - w j / sum N w)) <= 2 * INR N * u.
Proof.
  intros Hu H HW Hw. set (ZW := sum N W) in *. set (Zw := sum N w) in *.
  assert (Hd : 0 <= ZW - Zw <= INR N * u).
  { unfold ZW, Zw. rewrite <- sum_minus. split.
    - apply sum_nonneg. intros j Hj. apply H, Hj.
    - rewrite <- Layer.sum_const. apply sum_le. intros j Hj. apply H, Hj. }
  assert (Hi : 0 < / ZW <= 1).
  { split; [apply Rinv_0_lt_compat; lra|]. rewrite <- Rinv_1. apply Rinv_le_contravar; lra. }
  apply Rle_trans with (sum N (fun j => (W j - w j) * / ZW + w j * ((ZW - Zw) * / ZW * / Zw))).
  - apply sum_le. intros j Hj. destruct (H j Hj) as [Hj0 Hj1].
    replace (W j / ZW - w j / Zw) with ((W j - w j) * / ZW - w j * ((ZW - Zw) * / ZW * / Zw)) by (field; lra).
    assert (0 < / Zw) by (apply Rinv_0_lt_compat; assumption).
    assert (0 <= (W j - w j) * / ZW) by (apply Rmult_le_pos; lra).
    assert (0 <= w j * ((ZW - Zw) * / ZW * / Zw))
      by (apply Rmult_le_pos; [lra|apply Rmult_le_pos; [apply Rmult_le_pos|]; lra]).
    unfold Rabs. destruct (Rcase_abs _); lra.
  - rewrite sum_plus, !sum_scal_r, sum_minus. fold ZW Zw.
    replace (Zw * ((ZW - Zw) * / ZW * / Zw)) with ((ZW - Zw) * / ZW) by (field; lra).
    assert ((ZW - Zw) * / ZW <= INR N * u * 1) by (apply Rmult_le_compat; lra). lra.
Qed.

(** A product of two numbers with errors (gated layers, R7). *)
Theorem R7_gate (a a' b b' rho_a rho_b : R) : Rabs (a - a') <= rho_a -> Rabs (b - b') <= rho_b ->
  Rabs (a * b - a' * b') <= rho_a * Rabs b' + Rabs a' * rho_b + rho_a * rho_b.
Proof.
  intros Ha Hb. replace (a * b - a' * b') with ((a - a') * b' + a' * (b - b') + (a - a') * (b - b')) by ring.
  pose proof (Rabs_pos (a - a')). pose proof (Rabs_pos (b - b')).
  eapply Rle_trans; [apply Rabs_triang|]. apply Rplus_le_compat.
  - eapply Rle_trans; [apply Rabs_triang|]. rewrite !Rabs_mult.
    apply Rplus_le_compat; apply Rmult_le_compat; auto using Rabs_pos; lra.
  - rewrite Rabs_mult. apply Rmult_le_compat; auto using Rabs_pos.
Qed.

(** *** R8: norms *)
Definition centred (d : nat) (x : nat -> R) : nat -> R := fun i => x i - sum d x / INR d.
Definition spread (d : nat) (eps : R) (c : nat -> R) : R := sqrt (dot d c c / INR d + eps).

(** Triangle inequality for the root of a sum of squares and a constant. *)
Lemma spread_triangle d eps (c c' : nat -> R) : (0 < d)%nat -> 0 <= eps ->
  Rabs (spread d eps c - spread d eps c') <= sqrt (dot d (fun i => c i - c' i) (fun i => c i - c' i) / INR d).
Proof.
  intros Hd He. assert (Hn : 0 < INR d) by (apply lt_0_INR; assumption).
  assert (Hnn : forall v, 0 <= dot d v v / INR d).
  { intros v. apply Rmult_le_pos; [apply dot_nonneg|left; apply Rinv_0_lt_compat; assumption]. }
  assert (Htri : forall a b, spread d eps a <= spread d eps b + sqrt (dot d (fun i => a i - b i) (fun i => a i - b i) / INR d)).
  { intros a b. set (e := fun i => a i - b i).
    set (A := dot d a a / INR d). set (B := dot d b b / INR d). set (D := dot d e e / INR d). set (X := dot d b e / INR d).
    assert (EA : A = B + 2 * X + D).
    { unfold A, B, D, X. replace (dot d a a) with (dot d b b + 2 * dot d b e + dot d e e).
      - field. lra.
      - unfold dot, e. rewrite <- sum_scal_l, <- !sum_plus. apply sum_ext. intros; ring. }
    assert (HX : X * X <= (B + eps) * D).
    { pose proof (dot_square d b e) as C.
      assert (X * X <= B * D).
      { unfold X, B, D. replace (dot d b e / INR d * (dot d b e / INR d)) with (dot d b e * dot d b e / (INR d * INR d)) by (field; lra).
        replace (dot d b b / INR d * (dot d e e / INR d)) with (dot d b b * dot d e e / (INR d * INR d)) by (field; lra).
        apply Rmult_le_compat_r; [|assumption]. left. apply Rinv_0_lt_compat. apply Rmult_lt_0_compat; assumption. }
      assert (0 <= eps * D) by (apply Rmult_le_pos; [assumption|apply Hnn]). lra. }
    assert (HB : 0 <= B + eps) by (pose proof (Hnn b); unfold B; lra).
    assert (HD : 0 <= D) by apply Hnn.
    assert (HXs : X <= sqrt (B + eps) * sqrt D).
    { rewrite <- sqrt_mult by assumption. destruct (Rle_dec X 0).
      - eapply Rle_trans; [eassumption|apply sqrt_pos].
      - rewrite <- (sqrt_square X) by lra. apply sqrt_le_1_alt. assumption. }
    unfold spread. fold A B. apply Rsqr_incr_0_var.
    - rewrite Rsqr_sqrt by (pose proof (Hnn a); unfold A; lra). rewrite Rsqr_plus, !Rsqr_sqrt by assumption.
      fold e D. rewrite EA. lra.
    - fold e D. pose proof (sqrt_pos (B + eps)). pose proof (sqrt_pos D). lra. }
  pose proof (Htri c c') as H1. pose proof (Htri c' c) as H2.
  assert (Es : dot d (fun i => c' i - c i) (fun i => c' i - c i) = dot d (fun i => c i - c' i) (fun i => c i - c' i))
    by (unfold dot; apply sum_ext; intros; ring).
  rewrite Es in H2. unfold Rabs. destruct (Rcase_abs _); lra.
Qed.

Lemma mean_square d (e : nat -> R) rho : (0 < d)%nat -> 0 <= rho -> (forall i, (i < d)%nat -> Rabs (e i) <= rho) ->
  sqrt (dot d e e / INR d) <= rho.
Proof.
  intros Hd H0 He. assert (Hn : 0 < INR d) by (apply lt_0_INR; assumption).
  rewrite <- (sqrt_square rho) by assumption. apply sqrt_le_1_alt.
  apply (Rmult_le_reg_r (INR d)); [assumption|]. unfold Rdiv. rewrite Rmult_assoc, Rinv_l, Rmult_1_r by lra.
  rewrite (Rmult_comm _ (INR d)), <- Layer.sum_const. apply sum_le. intros i Hi. specialize (He i Hi).
  assert (e i * e i = Rabs (e i) * Rabs (e i)) by (unfold Rabs; destruct (Rcase_abs (e i)); ring).
  rewrite H. apply Rmult_le_compat; auto using Rabs_pos.
Qed.

Lemma centred_square d (e : nat -> R) : (0 < d)%nat -> dot d (centred d e) (centred d e) <= dot d e e.
Proof.
  intros Hd. assert (Hn : 0 < INR d) by (apply lt_0_INR; assumption).
  set (mu := sum d e / INR d).
  assert (E : dot d (centred d e) (centred d e) = dot d e e - INR d * (mu * mu)).
  { unfold dot, centred. fold mu.
    rewrite (sum_ext d _ (fun i => e i * e i - (2 * mu) * e i + mu * mu)) by (intros; ring).
    rewrite sum_plus, sum_minus, sum_scal_l, Layer.sum_const.
    replace (sum d e) with (INR d * mu) by (unfold mu; field; lra). ring. }
  rewrite E. assert (0 <= INR d * (mu * mu)) by (apply Rmult_le_pos; [lra|apply (Rle_0_sqr mu)]). lra.
Qed.

Theorem R8_spread_rms d eps (x x' : nat -> R) rho : (0 < d)%nat -> 0 <= eps -> 0 <= rho ->
  (forall i, (i < d)%nat -> Rabs (x i - x' i) <= rho) -> Rabs (spread d eps x - spread d eps x') <= rho.
Proof.
  intros Hd He H0 Hx. eapply Rle_trans; [apply spread_triangle; assumption|].
  apply mean_square; assumption.
Qed.

Theorem R8_spread_layer d eps (x x' : nat -> R) rho : (0 < d)%nat -> 0 <= eps -> 0 <= rho ->
  (forall i, (i < d)%nat -> Rabs (x i - x' i) <= rho) ->
  Rabs (spread d eps (centred d x) - spread d eps (centred d x')) <= rho.
Proof.
  intros Hd He H0 Hx. assert (Hn : 0 < INR d) by (apply lt_0_INR; assumption).
  eapply Rle_trans; [apply spread_triangle; assumption|].
  eapply Rle_trans; [|apply (mean_square d (fun i => x i - x' i)); assumption].
  apply sqrt_le_1_alt. apply Rmult_le_compat_r; [left; apply Rinv_0_lt_compat; assumption|].
  eapply Rle_trans; [|apply centred_square; assumption]. right. unfold dot, centred.
  apply sum_ext. intros i _. rewrite sum_minus. field. lra.
Qed.

(** What a map reads from a norm y = c / s: [R] is the map's column as the stream sees it, [Z] at least
    sqrt(d) times its length. *)
Theorem R8 d (c C R : nat -> R) s S rho rho_R Z s_lo : (0 < d)%nat ->
  0 < s_lo <= s -> 0 < S -> Rabs (s - S) <= rho ->
  Rabs (sum d (fun i => (c i - C i) * R i)) <= rho_R ->
  Rabs (sum d (fun i => C i / S * R i)) <= Z ->
  Rabs (sum d (fun i => c i / s * R i) - sum d (fun i => C i / S * R i)) <= (rho_R + Z * rho) / s_lo.
Proof.
  intros Hd Hs HS Hr HR HZ.
  replace (sum d (fun i => c i / s * R i) - sum d (fun i => C i / S * R i))
    with ((sum d (fun i => (c i - C i) * R i) + sum d (fun i => C i / S * R i) * (S - s)) * / s).
  2:{ rewrite <- sum_scal_r, <- sum_plus, <- sum_scal_r, <- sum_minus. apply sum_ext. intros i _. field. lra. }
  rewrite Rabs_mult, (Rabs_right (/ s)) by (left; apply Rinv_0_lt_compat; lra).
  unfold Rdiv. apply Rmult_le_compat; [apply Rabs_pos|left; apply Rinv_0_lt_compat; lra| |apply Rinv_le_contravar; lra].
  eapply Rle_trans; [apply Rabs_triang|]. apply Rplus_le_compat; [assumption|]. rewrite Rabs_mult.
  apply Rmult_le_compat; auto using Rabs_pos. rewrite Rabs_minus_sym. assumption.
Qed.

(** |Y|_2 <= sqrt(d), so that a column is read from Y with at most sqrt(d) times its length. *)
Theorem R8_length d eps (C R : nat -> R) : (0 < d)%nat -> 0 <= eps -> 0 < spread d eps C ->
  Rabs (sum d (fun i => C i / spread d eps C * R i)) <= sqrt (INR d) * sqrt (dot d R R).
Proof.
  intros Hd He HS. assert (Hn : 0 < INR d) by (apply lt_0_INR; assumption).
  set (S := spread d eps C) in *. set (Y := fun i => C i / S).
  assert (HY : dot d Y Y <= INR d).
  { assert (HSS : S * S = dot d C C / INR d + eps).
    { unfold S, spread. apply sqrt_sqrt. apply Rplus_le_le_0_compat; [|assumption].
      apply Rmult_le_pos; [apply dot_nonneg|left; apply Rinv_0_lt_compat; assumption]. }
    apply (Rmult_le_reg_r (S * S)); [apply Rmult_lt_0_compat; assumption|].
    replace (dot d Y Y * (S * S)) with (dot d C C).
    - rewrite HSS. replace (INR d * (dot d C C / INR d + eps)) with (dot d C C + INR d * eps) by (field; lra).
      assert (0 <= INR d * eps) by (apply Rmult_le_pos; lra). lra.
    - unfold dot, Y. rewrite <- sum_scal_r. apply sum_ext. intros i _. field. lra. }
  rewrite <- sqrt_mult by (try apply dot_nonneg; lra).
  change (fun i => C i / S * R i) with (fun i => Y i * R i). fold (dot d Y R).
  rewrite <- sqrt_Rsqr_abs. apply sqrt_le_1_alt. unfold Rsqr.
  eapply Rle_trans; [apply dot_square|]. apply Rmult_le_compat_r; [apply dot_nonneg|assumption].
Qed.

(** A centred vector is read by a map as the vector is by the centred map, and by the centred map alike. *)
Theorem R8_centred d (x w : nat -> R) : (0 < d)%nat ->
  sum d (fun i => centred d x i * w i) = sum d (fun i => x i * centred d w i)
  /\ sum d (fun i => centred d x i * centred d w i) = sum d (fun i => centred d x i * w i).
Proof.
  intros Hd. assert (Hn : INR d <> 0) by (apply not_0_INR; lia). unfold centred. split.
  - rewrite (sum_ext d (fun i => (x i - sum d x / INR d) * w i) (fun i => x i * w i - sum d x / INR d * w i)) by (intros; ring).
    rewrite (sum_ext d (fun i => x i * (w i - sum d w / INR d)) (fun i => x i * w i - x i * (sum d w / INR d))) by (intros; ring).
    rewrite !sum_minus, sum_scal_l, sum_scal_r. field. assumption.
  - rewrite (sum_ext d (fun i => (x i - sum d x / INR d) * (w i - sum d w / INR d))
      (fun i => (x i - sum d x / INR d) * w i - (x i - sum d x / INR d) * (sum d w / INR d))) by (intros; ring).
    rewrite sum_minus, sum_scal_r, sum_minus, Layer.sum_const. field. assumption.
Qed.
