(** The subcubic strategies: scores about the mean position, attention to the maximum, logits at a given
    attention, bounds of phi, and which inputs of a class (q, m) of max-of-k are proved correct. What an
    error of the scores may do is in Products.v. *)
From Coq Require Import Reals Lra Lia List Arith Bool.
From Ballproof Require Import Sums Transformer Counts Theorems Tasks Marked Cubic.
From Ballproof Require Products.
Import ListNotations.
Local Open Scope R_scope.

(** ** Bounds on phi *)

(** One anchor: a line is at most its value at s plus the deviation times its steepest slope, of either
    sign. *)
Theorem one_anchor (b r phi_s r_min r_max s x : R) :
  b + s * r <= phi_s -> r_min <= r <= r_max ->
  b + x * r <= phi_s + Rmax ((x - s) * r_max) ((x - s) * r_min).
Proof.
  intros Hs Hr. assert ((x - s) * r <= Rmax ((x - s) * r_max) ((x - s) * r_min)); [|lra].
  destruct (Rle_dec s x).
  - eapply Rle_trans; [|apply Rmax_l]. apply Rmult_le_compat_l; lra.
  - eapply Rle_trans; [|apply Rmax_r]. apply Rmult_le_compat_neg_l; lra.
Qed.

(** Two anchors: the chord, between them. *)
Theorem chord (b r phi_s phi_t s t x : R) :
  b + s * r <= phi_s -> b + t * r <= phi_t -> s < t -> s <= x <= t ->
  b + x * r <= ((t - x) * phi_s + (x - s) * phi_t) / (t - s).
Proof.
  intros Hs Ht Hst Hx. apply (Rmult_le_reg_r (t - s)); [lra|]. unfold Rdiv.
  rewrite Rmult_assoc, Rinv_l, Rmult_1_r by lra.
  apply Rle_trans with ((t - x) * (b + s * r) + (x - s) * (b + t * r)); [right; ring|].
  apply Rplus_le_compat; apply Rmult_le_compat_l; lra.
Qed.

(** Both ends decide. *)
Lemma line_between (c s lo hi x : R) : lo <= x <= hi -> c + s * lo < 0 -> c + s * hi < 0 -> c + s * x < 0.
Proof.
  intros Hx H1 H2. destruct (Rle_dec 0 s).
  - assert (s * x <= s * hi) by (apply Rmult_le_compat_l; lra). lra.
  - assert (s * x <= s * lo) by (apply Rmult_le_compat_neg_l; lra). lra.
Qed.

Theorem both_ends_one_anchor phi_s r_min r_max s W d lo hi x : lo <= x <= hi ->
  phi_s + Rmax ((lo - s) * r_max) ((lo - s) * r_min) + (1 - lo) * W + d < 0 ->
  phi_s + Rmax ((hi - s) * r_max) ((hi - s) * r_min) + (1 - hi) * W + d < 0 ->
  phi_s + Rmax ((x - s) * r_max) ((x - s) * r_min) + (1 - x) * W + d < 0.
Proof.
  intros Hx H1 H2.
  assert (M1 := Rmax_l ((lo - s) * r_max) ((lo - s) * r_min)).
  assert (M2 := Rmax_r ((lo - s) * r_max) ((lo - s) * r_min)).
  assert (M3 := Rmax_l ((hi - s) * r_max) ((hi - s) * r_min)).
  assert (M4 := Rmax_r ((hi - s) * r_max) ((hi - s) * r_min)).
  assert (E : forall r, phi_s + (x - s) * r + (1 - x) * W + d < 0 <-> (phi_s - s * r + W + d) + (r - W) * x < 0)
    by (intros; split; intros; lra).
  unfold Rmax at 1. destruct (Rle_dec _ _); apply E; apply (line_between _ _ lo hi); lra.
Qed.

Theorem both_ends_chord phi_s phi_t s t W d lo hi x : s < t -> lo <= x <= hi ->
  ((t - lo) * phi_s + (lo - s) * phi_t) / (t - s) + (1 - lo) * W + d < 0 ->
  ((t - hi) * phi_s + (hi - s) * phi_t) / (t - s) + (1 - hi) * W + d < 0 ->
  ((t - x) * phi_s + (x - s) * phi_t) / (t - s) + (1 - x) * W + d < 0.
Proof.
  intros Hst Hx H1 H2.
  assert (E : forall y, ((t - y) * phi_s + (y - s) * phi_t) / (t - s) + (1 - y) * W + d
     = ((t * phi_s - s * phi_t) / (t - s) + W + d) + ((phi_t - phi_s) / (t - s) - W) * y)
    by (intros; field; lra).
  rewrite E in *. apply (line_between _ _ lo hi); assumption.
Qed.

(** ** Attention to the maximum: a quotient of sums of weights *)

(** It grows with I and falls with O and with the factor; both forms of it. *)
Definition share_of (I O x : R) : R := I / (I + O * x).

Theorem share_monotone I I' O O' x x' : 0 < I <= I' -> 0 <= O' <= O -> 0 < x' <= x ->
  share_of I O x <= share_of I' O' x'.
Proof.
  intros HI HO Hx. unfold share_of.
  assert (H1 : 0 <= O' * x') by (apply Rmult_le_pos; lra).
  assert (H2 : O' * x' <= O * x) by (apply Rmult_le_compat; lra).
  apply (Rmult_le_reg_r (I + O * x)); [lra|]. unfold Rdiv at 1. rewrite Rmult_assoc, Rinv_l, Rmult_1_r by lra.
  apply (Rmult_le_reg_r (I' + O' * x')); [lra|].
  replace (I' / (I' + O' * x') * (I + O * x) * (I' + O' * x')) with (I' * (I + O * x)) by (field; lra).
  assert (I * (O' * x') <= I' * (O * x)) by (apply Rmult_le_compat; lra). lra.
Qed.

Theorem share_two_forms I O y : 0 < I -> 0 <= O -> share_of I O (exp (- y)) = I * exp y / (I * exp y + O).
Proof.
  intros HI HO. unfold share_of. rewrite exp_Ropp. pose proof (exp_pos y).
  assert (0 < I * exp y) by (apply Rmult_lt_0_compat; assumption).
  assert (0 <= O * / exp y) by (apply Rmult_le_pos; [assumption|left; apply Rinv_0_lt_compat; assumption]).
  field. repeat split; lra.
Qed.

Section Subcubic.
Variable M : model.
Notation n := (n_free M).
Notation k := (S (n_free M)).
Notation d := (d_model M).
Notation h := (d_head M).
Notation v := (d_vocab M).

(** *** Scores about a mean position: any row may stand for it *)
Variable mean_pos : nat -> R.
Definition shift (q : nat) : R :=
  sum h (fun a => qrow M q a * sum d (fun c => mean_pos c * W_K M c a)) / sqrt (INR h).
Definition score_about (q t : nat) : R :=
  sum h (fun a => qrow M q a * sum d (fun c => (W_E M t c + mean_pos c) * W_K M c a)) / sqrt (INR h).
Definition score_left (q i : nat) : R :=
  sum h (fun a => qrow M q a * sum d (fun c => (W_pos M i c - mean_pos c) * W_K M c a)) / sqrt (INR h).

Lemma score_about_shift q t : score_about q t = tS M q t + shift q.
Proof.
  unfold score_about, tS, rS, shift, Rdiv. rewrite <- Rmult_plus_distr_r, <- sum_plus. f_equal.
  apply sum_ext. intros a _. rewrite <- Rmult_plus_distr_l, <- sum_plus. f_equal.
  apply sum_ext. intros; ring.
Qed.
Lemma score_left_shift q i : score_left q i = tR M q i - shift q.
Proof.
  unfold score_left, tR, rR, shift, Rdiv. rewrite <- Rmult_minus_distr_r, <- sum_minus. f_equal.
  apply sum_ext. intros a _. rewrite <- Rmult_minus_distr_l, <- sum_minus. f_equal.
  apply sum_ext. intros; ring.
Qed.

Theorem scores_about_mean q i t : tS M q t + tR M q i = score_about q t + score_left q i.
Proof. rewrite score_about_shift, score_left_shift. ring. Qed.

Variables q m : nat.
Definition pw (i : nat) : R := exp (score_left q i).
Lemma w_about i t : w M q i t = exp (score_about q t) * pw i.
Proof. unfold w, pw. rewrite scores_about_mean, exp_plus. reflexivity. Qed.

(** *** Attention to the maximum *)
Definition holds (x : input) (i : nat) : bool := (tok x i =? m)%nat.
Definition attention_to (x : input) : R := sum k (fun i => if holds x i then alpha M x i else 0).
Definition I_of (x : input) : R := sum k (fun i => if holds x i then pw i else 0).
Definition O_of (x : input) : R := sum k (fun i => if holds x i then 0 else pw i).

Lemma O_nonneg x : 0 <= O_of x.
Proof. apply sum_nonneg. intros i _. destruct (holds x i); [lra|left; apply exp_pos]. Qed.

Lemma I_pos x : member M q m x -> 0 < I_of x.
Proof.
  intros Hx. destruct (member_spec M q m x Hx) as (_ & _ & Hq & Hall & Hp).
  assert (He : exists i, (i < k)%nat /\ holds x i = true).
  { destruct (Nat.eq_dec q m) as [E|Hne].
    - exists n. split; [lia|]. unfold holds. rewrite Hq, E. apply Nat.eqb_refl.
    - assert (Hqm : (q <= m)%nat) by (rewrite <- Hq; apply Hall; lia).
      destruct (Hp ltac:(lia)) as (i & Hi & E). exists i. split; [lia|]. unfold holds. rewrite E. apply Nat.eqb_refl. }
  destruct He as (i & Hi & E). unfold I_of.
  rewrite (sum_change k i _ (fun l => if (l =? i)%nat then 0 else if holds x l then pw l else 0)).
  - rewrite E, Nat.eqb_refl.
    assert (0 <= sum k (fun l => if (l =? i)%nat then 0 else if holds x l then pw l else 0)).
    { apply sum_nonneg. intros l _. destruct (l =? i)%nat, (holds x l); try lra. left; apply exp_pos. }
    pose proof (exp_pos (score_left q i)). fold (pw i) in *. lra.
  - assumption.
  - intros l _ Hl. apply Nat.eqb_neq in Hl. rewrite Hl. reflexivity.
Qed.

Theorem attention_ends x lo hi : member M q m x ->
  (forall i, (i < k)%nat -> tok x i <> m -> lo <= score_about q m - score_about q (tok x i) <= hi) ->
  share_of (I_of x) (O_of x) (exp (- lo)) <= attention_to x <= share_of (I_of x) (O_of x) (exp (- hi)).
Proof.
  intros Hx Hs. destruct (member_spec M q m x Hx) as (_ & _ & Hq & _ & _).
  pose proof (I_pos x Hx) as HI. pose proof (O_nonneg x) as HO.
  set (e := exp (score_about q m)). assert (He : 0 < e) by apply exp_pos.
  set (X := sum k (fun i => if holds x i then 0 else exp (- (score_about q m - score_about q (tok x i))) * pw i)).
  assert (EZ : Zw M x = e * (I_of x + X)).
  { unfold Zw, I_of, X. rewrite <- sum_plus, <- sum_scal_l. apply sum_ext. intros i _. rewrite Hq, w_about.
    unfold holds, e. destruct (Nat.eqb_spec (tok x i) m) as [->|]; [ring|].
    rewrite Rplus_0_l, <- Rmult_assoc, <- exp_plus. f_equal. f_equal. ring. }
  assert (EA : attention_to x = I_of x / (I_of x + X)).
  { assert (HX : 0 <= X) by (apply sum_nonneg; intros i _; destruct (holds x i); [lra|];
      left; apply Rmult_lt_0_compat; apply exp_pos).
    unfold attention_to. rewrite (sum_ext k _ (fun i => (if holds x i then pw i else 0) * (e / Zw M x))).
    - rewrite sum_scal_r. fold (I_of x). rewrite EZ. field. lra.
    - intros i _. rewrite alpha_w, Hq, w_about. unfold holds, e.
      destruct (Nat.eqb_spec (tok x i) m) as [->|]; unfold Rdiv; ring. }
  assert (Hexp : forall y z, y <= z -> exp y <= exp z).
  { intros y z [H| ->]; [left; apply exp_increasing; assumption|lra]. }
  assert (HX1 : X <= O_of x * exp (- lo)).
  { unfold O_of. rewrite <- sum_scal_r. apply sum_le. intros i Hi. unfold holds.
    destruct (Nat.eqb_spec (tok x i) m) as [|Hne]; [lra|]. specialize (Hs i Hi Hne).
    rewrite Rmult_comm. apply Rmult_le_compat_l; [left; apply exp_pos|apply Hexp; lra]. }
  assert (HX2 : O_of x * exp (- hi) <= X).
  { unfold O_of. rewrite <- sum_scal_r. apply sum_le. intros i Hi. unfold holds.
    destruct (Nat.eqb_spec (tok x i) m) as [|Hne]; [lra|]. specialize (Hs i Hi Hne).
    rewrite Rmult_comm. apply Rmult_le_compat_r; [left; apply exp_pos|apply Hexp; lra]. }
  assert (H0 : 0 <= O_of x * exp (- hi)) by (apply Rmult_le_pos; [assumption|left; apply exp_pos]).
  rewrite EA. unfold share_of.
  assert (Hd : forall y z, 0 <= y <= z -> I_of x / (I_of x + z) <= I_of x / (I_of x + y)).
  { intros y z Hyz. apply Rmult_le_compat_l; [lra|]. apply Rinv_le_contravar; lra. }
  split; apply Hd; lra.
Qed.

(** *** Logits at a given attention *)
Variable j : nat.
Variable eps : R.

Theorem logits_at_attention x mu_j mu_m diff P_hat Wr :
  tok x n = q ->
  tD M q j - tD M q m <= mu_j - mu_m + diff ->
  (forall i, (i < k)%nat -> tP M i j - tP M i m <= P_hat) ->
  (forall i, (i < k)%nat -> tok x i <> m -> tV M (tok x i) j - tV M (tok x i) m <= Wr) ->
  logit M x j - logit M x m + eps
  <= (mu_j - mu_m + P_hat) + attention_to x * (tV M m j - tV M m m) + (1 - attention_to x) * Wr + diff + eps.
Proof.
  intros Hq HD HP HV. rewrite !logit_split, Hq.
  assert (Ha : forall i, 0 <= alpha M x i).
  { intros i. rewrite alpha_w. left. apply Rdiv_lt_0_compat; [apply exp_pos|apply Zw_pos]. }
  assert (Hs : sum k (fun i => alpha M x i * (tV M (tok x i) j + tP M i j))
               - sum k (fun i => alpha M x i * (tV M (tok x i) m + tP M i m))
               <= sum k (fun i => (if holds x i then alpha M x i else 0) * (tV M m j - tV M m m - Wr)
                                  + alpha M x i * (Wr + P_hat))).
  { rewrite <- sum_minus. apply sum_le. intros i Hi. specialize (HP i Hi). specialize (HV i Hi).
    replace (alpha M x i * (tV M (tok x i) j + tP M i j) - alpha M x i * (tV M (tok x i) m + tP M i m))
      with (alpha M x i * (tV M (tok x i) j - tV M (tok x i) m + (tP M i j - tP M i m))) by ring.
    unfold holds. destruct (Nat.eqb_spec (tok x i) m) as [E|Hne].
    - rewrite E. apply Rle_trans with (alpha M x i * (tV M m j - tV M m m + P_hat)); [|right; ring].
      apply Rmult_le_compat_l; [apply Ha|lra].
    - rewrite Rmult_0_l, Rplus_0_l. apply Rmult_le_compat_l; [apply Ha|]. specialize (HV Hne). lra. }
  rewrite sum_plus, !sum_scal_r in Hs. fold (attention_to x) in Hs.
  change (sum k (fun i => alpha M x i)) with (sum k (alpha M x)) in Hs. rewrite alpha_sum in Hs. lra.
Qed.

(** *** One input: with ends of the attention, and a bound of phi that is negative at both *)
Theorem subcubic_one_anchor x mu_j mu_m diff P_hat Wr lo hi phi_s r_min r_max s :
  tok x n = q ->
  tD M q j - tD M q m <= mu_j - mu_m + diff ->
  (forall i, (i < k)%nat -> tP M i j - tP M i m <= P_hat) ->
  (forall i, (i < k)%nat -> tok x i <> m -> tV M (tok x i) j - tV M (tok x i) m <= Wr) ->
  lo <= attention_to x <= hi ->
  (mu_j - mu_m + P_hat) + s * (tV M m j - tV M m m) <= phi_s -> r_min <= tV M m j - tV M m m <= r_max ->
  phi_s + Rmax ((lo - s) * r_max) ((lo - s) * r_min) + (1 - lo) * Wr + (diff + eps) < 0 ->
  phi_s + Rmax ((hi - s) * r_max) ((hi - s) * r_min) + (1 - hi) * Wr + (diff + eps) < 0 ->
  ~ beats M eps x j m.
Proof.
  intros Hq HD HP HV Ha Hphi Hr H1 H2 Hb. unfold beats in Hb.
  pose proof (logits_at_attention x mu_j mu_m diff P_hat Wr Hq HD HP HV) as L.
  pose proof (one_anchor _ _ _ r_min r_max s (attention_to x) Hphi Hr) as A.
  pose proof (both_ends_one_anchor phi_s r_min r_max s Wr (diff + eps) lo hi _ Ha H1 H2) as B. lra.
Qed.

Theorem subcubic_chord x mu_j mu_m diff P_hat Wr lo hi phi_s phi_t s t :
  tok x n = q ->
  tD M q j - tD M q m <= mu_j - mu_m + diff ->
  (forall i, (i < k)%nat -> tP M i j - tP M i m <= P_hat) ->
  (forall i, (i < k)%nat -> tok x i <> m -> tV M (tok x i) j - tV M (tok x i) m <= Wr) ->
  lo <= attention_to x <= hi -> s < t -> s <= lo -> hi <= t ->
  (mu_j - mu_m + P_hat) + s * (tV M m j - tV M m m) <= phi_s ->
  (mu_j - mu_m + P_hat) + t * (tV M m j - tV M m m) <= phi_t ->
  ((t - lo) * phi_s + (lo - s) * phi_t) / (t - s) + (1 - lo) * Wr + (diff + eps) < 0 ->
  ((t - hi) * phi_s + (hi - s) * phi_t) / (t - s) + (1 - hi) * Wr + (diff + eps) < 0 ->
  ~ beats M eps x j m.
Proof.
  intros Hq HD HP HV Ha Hst Hlo Hhi Hs Ht H1 H2 Hb. unfold beats in Hb.
  pose proof (logits_at_attention x mu_j mu_m diff P_hat Wr Hq HD HP HV) as L.
  pose proof (chord _ _ _ _ s t (attention_to x) Hs Ht Hst ltac:(lra)) as A.
  pose proof (both_ends_chord phi_s phi_t s t Wr (diff + eps) lo hi _ Hst Ha H1 H2) as B. lra.
Qed.
End Subcubic.

(** ** Score gaps: from the approximate scores and the range of the error *)
Theorem score_gap (row approx : nat -> R) e (n m t : nat) lo_max hi_min :
  Products.in_range n (fun t => row t - approx t) e -> (m < n)%nat -> (t < n)%nat ->
  approx t <= lo_max -> hi_min <= approx t ->
  approx m - lo_max - e <= row m - row t <= approx m - hi_min + e.
Proof.
  intros H Hm Ht Hlo Hhi. pose proof (Products.range_lemma n row approx e m t H Hm Ht) as A.
  unfold Rabs in A. destruct (Rcase_abs _) in A; lra.
Qed.

(** ** The direct path, with a reference row *)
Section Direct.
Variable M : model.
Notation d := (d_model M).
Notation v := (d_vocab M).
Definition direct_row (q c : nat) : R :=
  W_E M q c + W_pos M (n_free M) c + sum (d_head M) (fun a => b_V M a * W_O M a c) + b_O M c.

Theorem direct_path (x r : nat -> R) q j m :
  (forall l, (l < d)%nat -> Products.in_range v (W_U M l) (r l)) -> (j < v)%nat -> (m < v)%nat ->
  let mu := fun j => sum d (fun l => x l * W_U M l j) + b_U M j in
  tD M q j - tD M q m <= mu j - mu m + Products.plain d (fun l => direct_row q l - x l) r.
Proof.
  intros Hr Hj Hm mu.
  pose proof (Products.product_lemma v d (fun l => direct_row q l - x l) (W_U M) r Hr j m Hj Hm) as P.
  cbv beta in P. rewrite <- sum_minus in P. unfold mu, tD.
  change (fun c => (W_E M q c + W_pos M (n_free M) c + sum (d_head M) (fun a => b_V M a * W_O M a c) + b_O M c) * W_U M c j)
    with (fun c => direct_row q c * W_U M c j).
  change (fun c => (W_E M q c + W_pos M (n_free M) c + sum (d_head M) (fun a => b_V M a * W_O M a c) + b_O M c) * W_U M c m)
    with (fun c => direct_row q c * W_U M c m).
  assert (E : sum d (fun i => (direct_row q i - x i) * W_U M i j - (direct_row q i - x i) * W_U M i m)
    = (sum d (fun c => direct_row q c * W_U M c j) - sum d (fun c => direct_row q c * W_U M c m))
      - (sum d (fun l => x l * W_U M l j) - sum d (fun l => x l * W_U M l m))).
  { rewrite <- !sum_minus. apply sum_ext. intros; ring. }
  rewrite E in P. lra.
Qed.

(** From the exact table: the range of its row. *)
Theorem direct_path_exact q j m diff : Products.in_range v (tD M q) diff -> (j < v)%nat -> (m < v)%nat ->
  tD M q j - tD M q m <= 0 - 0 + diff.
Proof. intros H Hj Hm. specialize (H j m Hj Hm). lra. Qed.
End Direct.

(** ** How many inputs: f free positions without m, each with one of the tokens 0 .. m - g *)
Theorem subcubic_count n m g f : (1 <= g)%nat ->
  count (fun y => in_G (fun t => (t + g <=? m)%nat) m y && (count (fun t => (t + g <=? m)%nat) y =? f)%nat) (seqs (S m) n)
  = (binomial n f * (S m - g) ^ f)%nat.
Proof.
  intros Hg. rewrite cubic_count.
  - f_equal. f_equal. unfold size_G, count.
    destruct (Nat.le_gt_cases g m) as [Hle|Hgt].
    + assert (Es : seq 0 m = seq 0 (S m - g) ++ seq (0 + (S m - g)) (g - 1))
        by (rewrite <- seq_app; f_equal; lia).
      rewrite Es, filter_app, app_length.
      assert (E1 : forall l, (forall t, In t l -> (t + g <= m)%nat) -> length (filter (fun t => (t + g <=? m)%nat) l) = length l).
      { induction l as [|t l IH]; intros H; simpl; [reflexivity|].
        specialize (H t (or_introl eq_refl)) as Ht. apply Nat.leb_le in Ht. rewrite Ht. simpl.
        rewrite IH by (intros; apply H; right; assumption). reflexivity. }
      assert (E2 : forall l, (forall t, In t l -> (m < t + g)%nat) -> length (filter (fun t => (t + g <=? m)%nat) l) = 0%nat).
      { induction l as [|t l IH]; intros H; simpl; [reflexivity|].
        specialize (H t (or_introl eq_refl)) as Ht. apply Nat.leb_gt in Ht. rewrite Ht.
        apply IH. intros; apply H; right; assumption. }
      rewrite E1, E2, seq_length; [lia| |]; intros t Ht; apply in_seq in Ht; lia.
    + assert (E2 : forall l, length (filter (fun t => (t + g <=? m)%nat) l) = 0%nat).
      { induction l as [|t l IH]; simpl; [reflexivity|]. destruct (Nat.leb_spec (t + g) m); [lia|assumption]. }
      rewrite E2. lia.
  - intros t Ht. apply Nat.leb_le in Ht. lia.
Qed.

(** c = 0: all tokens are m, and the direct path is taken from the exact table. *)
Theorem subcubic_all_maximum M m j eps x P_hat :
  (forall i, (i < S (n_free M))%nat -> tok x i = m) ->
  (forall i, (i < S (n_free M))%nat -> tP M i j - tP M i m <= P_hat) ->
  tD M m j - tD M m m + (tV M m j - tV M m m) + P_hat + eps < 0 -> ~ beats M eps x j m.
Proof.
  intros Hx HP H Hb. unfold beats in Hb.
  assert (Ha : attention_to M m x = 1).
  { unfold attention_to. rewrite <- (alpha_sum M x). apply sum_ext. intros i Hi. unfold holds.
    rewrite (Hx i Hi), Nat.eqb_refl. reflexivity. }
  pose proof (logits_at_attention M m m j eps x (tD M m j) (tD M m m) 0 P_hat 0 (Hx _ (Nat.lt_succ_diag_r _))
    ltac:(lra) HP (fun i Hi Hne => False_ind _ (Hne (Hx i Hi)))) as L.
  rewrite Ha in L. lra.
Qed.
