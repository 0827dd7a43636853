(** T15: a ReLU MLP behind attention. Neuron by neuron, on an interval that holds its input, ReLU is
    bounded by a line; what is left is a linear reading of the stream before the MLP, and T1 (one head)
    or T14 (several) apply to it. *)
From Coq Require Import Reals Lra Lia List Arith Bool.
From Ballproof Require Import Sums Transformer Automata Folds Tasks Layer Heads.
Import ListNotations.
Local Open Scope R_scope.

(** ** Lines *)

(** g ReLU(y) <= g (s y + o) for lo <= y <= hi. The cases come in this order: a neuron that is never
    negative takes the first, whatever its sign; s may be larger than hi / (hi - lo), and the offset is
    formed with the same lo and s. *)
Definition line_above (g lo hi s o : R) : Prop :=
  (0 <= lo /\ s = 1 /\ o = 0) \/
  (hi <= 0 /\ s = 0 /\ o = 0) \/
  (lo < 0 < hi /\ 0 <= g /\ hi / (hi - lo) <= s /\ o = - (s * lo)) \/
  (lo < 0 < hi /\ g <= 0 /\ 0 <= s <= 1 /\ o = 0).

(** The same from below: the two inner cases change places. *)
Definition line_below (g lo hi s o : R) : Prop := line_above (- g) lo hi s o.

Theorem line_above_sound g lo hi s o y :
  line_above g lo hi s o -> lo <= y <= hi -> g * ReLU y <= g * (s * y + o).
Proof.
  intros H Hy. unfold ReLU. destruct H as [(H & -> & ->)|[(H & -> & ->)|[(H & Hg & Hs & ->)|(H & Hg & Hs & ->)]]].
  - rewrite Rmax_left by lra. lra.
  - rewrite Rmax_right by lra. lra.
  - apply Rmult_le_compat_l; [assumption|].
    assert (Hs' : hi <= s * (hi - lo)).
    { apply (Rmult_le_compat_r (hi - lo)) in Hs; [|lra]. unfold Rdiv in Hs.
      rewrite Rmult_assoc, Rinv_l, Rmult_1_r in Hs by lra. assumption. }
    assert (0 <= s).
    { apply Rle_trans with (hi / (hi - lo)); [|assumption]. left. apply Rdiv_lt_0_compat; lra. }
    unfold Rmax. destruct (Rle_dec y 0).
    + replace (s * y + - (s * lo)) with (s * (y - lo)) by ring. apply Rmult_le_pos; lra.
    + (* linear in y, right at both ends of [0, hi] *)
      assert (Hm : hi * y <= s * (hi - lo) * y) by (apply Rmult_le_compat_r; lra).
      assert (Hp : 0 <= - (s * lo)).
      { replace (- (s * lo)) with (s * - lo) by ring. apply Rmult_le_pos; lra. }
      assert (Hq : 0 <= (- (s * lo)) * (hi - y)) by (apply Rmult_le_pos; lra).
      apply (Rmult_le_reg_l hi); [lra|].
      replace (hi * (s * y + - (s * lo))) with (s * (hi - lo) * y + - (s * lo) * (hi - y)) by ring. lra.
  - assert (Hr : s * y + 0 <= Rmax y 0).
    { unfold Rmax. destruct (Rle_dec y 0).
      - assert (0 <= s * - y) by (apply Rmult_le_pos; lra). lra.
      - assert (s * y <= 1 * y) by (apply Rmult_le_compat_r; lra). lra. }
    apply Rmult_le_compat_neg_l with (r := g) in Hr; lra.
Qed.

Theorem line_below_sound g lo hi s o y :
  line_below g lo hi s o -> lo <= y <= hi -> g * (s * y + o) <= g * ReLU y.
Proof. intros H Hy. pose proof (line_above_sound _ _ _ _ _ _ H Hy). lra. Qed.

(** In integers: the true input y exceeds what the tables say, p, by at most theta; a line that rises is
    raised, one that falls is taken at p. *)
Theorem T15_rounded (sigma y p theta : R) : p <= y <= p + theta ->
  (0 <= sigma -> sigma * y <= sigma * p + sigma * theta) /\ (sigma <= 0 -> sigma * y <= sigma * p).
Proof.
  intros Hy. split; intros Hs.
  - rewrite <- Rmult_plus_distr_l. apply Rmult_le_compat_l; lra.
  - apply Rmult_le_compat_neg_l; lra.
Qed.

Theorem T15_product (w lo hi x : R) : lo <= w <= hi -> w * x <= lo * x + (hi - lo) * Rmax x 0.
Proof.
  intros Hw. unfold Rmax. destruct (Rle_dec x 0).
  - assert ((w - lo) * - x >= 0) by (apply Rle_ge, Rmult_le_pos; lra). lra.
  - assert ((hi - w) * x >= 0) by (apply Rle_ge, Rmult_le_pos; lra). lra.
Qed.

Section Relaxation.
Variable M : layer.
Notation n := (l_free M).
Notation k := (S (l_free M)).
Notation d := (l_model M).
Notation neurons := (l_neurons M).

Definition in_column (l c : nat) : R := W_in M c l.

Lemma pre_read x l : pre M x l = lead M (in_column l) (b_in M l) x.
Proof. reflexivity. Qed.

Variables j m : nat.
Variable eps : R.
Variables slope offset : nat -> R.

(** The reading that is left, and its constant. *)
Definition relaxed (c : nat) : R :=
  toward M j m c + sum neurons (fun l => gain M j m l * slope l * in_column l c).
Definition relaxed_constant : R :=
  bias M j m + eps + sum neurons (fun l => gain M j m l * (slope l * b_in M l + offset l)).

Lemma relaxed_lead x :
  lead M relaxed relaxed_constant x
  = read M (toward M j m) x + bias M j m + eps
    + sum neurons (fun l => gain M j m l * (slope l * pre M x l + offset l)).
Proof.
  unfold lead, read, relaxed, relaxed_constant.
  rewrite (sum_ext d _ (fun c => middle M x c * toward M j m c
    + sum neurons (fun l => gain M j m l * slope l * in_column l c) * middle M x c)) by (intros; ring).
  rewrite sum_plus, sum_linear.
  rewrite (sum_ext neurons (fun l => gain M j m l * (slope l * pre M x l + offset l))
    (fun l => gain M j m l * slope l * sum d (fun c => in_column l c * middle M x c)
              + gain M j m l * (slope l * b_in M l + offset l))).
  - rewrite sum_plus. ring.
  - intros l _. unfold pre.
    rewrite (sum_ext d (fun c => middle M x c * W_in M c l) (fun c => in_column l c * middle M x c))
      by (intros; unfold in_column; ring). ring.
Qed.

Theorem T15_above (lo hi : nat -> R) x :
  (forall l, (l < neurons)%nat -> line_above (gain M j m l) (lo l) (hi l) (slope l) (offset l)) ->
  (forall l, (l < neurons)%nat -> lo l <= pre M x l <= hi l) ->
  reaches M eps x j m -> 0 <= lead M relaxed relaxed_constant x.
Proof.
  intros Hl Hi Hr. unfold reaches in Hr. rewrite relaxed_lead. pose proof (lead_split M x j m) as L.
  assert (sum neurons (fun l => gain M j m l * ReLU (pre M x l))
          <= sum neurons (fun l => gain M j m l * (slope l * pre M x l + offset l))); [|lra].
  apply sum_le. intros l Hln. apply line_above_sound with (lo l) (hi l); auto.
Qed.

Theorem T15_below (lo hi : nat -> R) x :
  (forall l, (l < neurons)%nat -> line_below (gain M j m l) (lo l) (hi l) (slope l) (offset l)) ->
  (forall l, (l < neurons)%nat -> lo l <= pre M x l <= hi l) ->
  0 <= lead M relaxed relaxed_constant x -> reaches M eps x j m.
Proof.
  intros Hl Hi Hr. unfold reaches. rewrite relaxed_lead in Hr. pose proof (lead_split M x j m) as L.
  assert (sum neurons (fun l => gain M j m l * (slope l * pre M x l + offset l))
          <= sum neurons (fun l => gain M j m l * ReLU (pre M x l))); [|lra].
  apply sum_le. intros l Hln. apply line_below_sound with (lo l) (hi l); auto.
Qed.
End Relaxation.

(** ** Intervals that are verified: for any mixture *)
Section Intervals.
Variable M : layer.
Notation n := (l_free M).
Notation k := (S (l_free M)).
Variable P : nat.
Variable omega : nat -> nat -> nat -> nat -> R.
Variable phi : (nat -> R) -> nat -> nat -> nat -> R.
Hypothesis omega_pos : forall p q i t, 0 < omega p q i t.
Hypothesis mixed : mixture M P omega phi.
Variable rho : nat -> R.
Variable kappa : R.

(** Part by part, an upper bound of the sum of w (a - lambda) that is at most 0 shows that the mean is
    at most lambda; the lambda and the direct part add up to an end of the interval. *)
Theorem T15_interval_above (lambda : nat -> R) x :
  (forall p, (p < P)%nat -> excess M omega phi rho p (lambda p) x <= 0) ->
  lead M rho kappa x <= direct_lead M rho kappa (tok x n) + sum P lambda.
Proof.
  intros H. rewrite (lead_mixed M P omega phi mixed).
  assert (sum P (fun p => Np M omega phi rho p x / Zp M omega p x) <= sum P lambda); [|lra].
  apply sum_le. intros p Hp. specialize (H p Hp). rewrite (excess_ratio M omega phi omega_pos) in H.
  pose proof (Zp_pos M omega omega_pos p x) as HZ.
  assert (Np M omega phi rho p x / Zp M omega p x - lambda p <= 0); [|lra].
  apply (Rmult_le_reg_r (Zp M omega p x)); lra.
Qed.

Theorem T15_interval_below (mu : nat -> R) x :
  (forall p, (p < P)%nat -> 0 <= excess M omega phi rho p (mu p) x) ->
  direct_lead M rho kappa (tok x n) + sum P mu <= lead M rho kappa x.
Proof.
  intros H. rewrite (lead_mixed M P omega phi mixed).
  assert (sum P mu <= sum P (fun p => Np M omega phi rho p x / Zp M omega p x)); [|lra].
  apply sum_le. intros p Hp. apply (excess_sign M omega phi omega_pos), H, Hp.
Qed.

(** By tables of a class, and by the plain extremes of the entries. *)
Theorem T15_interval_table A q c p lambda up own y :
  part_upper M omega phi rho A q c p lambda up own -> In y (words A 0 n) ->
  own + total up 0 y <= 0 -> excess M omega phi rho p lambda (y ++ [q]) <= 0.
Proof.
  intros Hup Hy Hs. pose proof (part_upper_le M omega phi rho A q c p lambda up own y Hup Hy).
  destruct Hup as [Hc _]. apply (Rmult_le_reg_l c); lra.
Qed.

Theorem T15_interval_extremes p lambda x :
  (forall i, (i < k)%nat -> phi rho p i (tok x i) <= lambda) -> excess M omega phi rho p lambda x <= 0.
Proof.
  intros H. unfold excess. rewrite <- (sum_zero k). apply sum_le. intros i Hi.
  specialize (H i Hi). specialize (omega_pos p (tok x n) i (tok x i)).
  assert (0 <= omega p (tok x n) i (tok x i) * (lambda - phi rho p i (tok x i))) by (apply Rmult_le_pos; lra).
  lra.
Qed.
End Intervals.

(** ** One head: the relaxed lead in the form of T1, and the lead itself *)
Section OneHead.
Variable M : layer.
Hypothesis heads : l_heads M = 1%nat.
Hypothesis plain : share M = 1 /\ uniform M = 0.
Notation n := (l_free M).
Notation k := (S (l_free M)).
Notation w := (head_weight M 0).

Definition Z (x : input) : R := sum k (fun i => w (tok x n) i (tok x i)).

(** Z times a reading is a sum of look-ups, each of one position and its token. *)
Definition entry (rho : nat -> R) (kappa : R) (q i t : nat) : R :=
  direct_lead M rho kappa q + look_up M rho 0 i t.

Lemma sum_1 F : sum 1 F = F O.
Proof. simpl. ring. Qed.

Lemma lead_one_head rho kappa x :
  Z x * lead M rho kappa x = sum k (fun i => w (tok x n) i (tok x i) * entry rho kappa (tok x n) i (tok x i)).
Proof.
  destruct plain as [Hs Hu].
  rewrite (lead_mixed M _ _ _ (plain_mixture M Hs Hu)), heads, sum_1.
  pose proof (Zp_pos M (head_weight M) (head_weight_pos M) 0 x) as HZ.
  assert (E : Z x = Zp M (head_weight M) 0 x) by reflexivity. rewrite E in *.
  rewrite (sum_ext k _ (fun i => direct_lead M rho kappa (tok x n) * w (tok x n) i (tok x i)
    + w (tok x n) i (tok x i) * look_up M rho 0 i (tok x i))) by (intros; unfold entry; ring).
  rewrite sum_plus, sum_scal_l. fold (Z x). rewrite E.
  change (sum k (fun i => w (tok x n) i (tok x i) * look_up M rho 0 i (tok x i)))
    with (Np M (head_weight M) (look_up M) rho 0 x).
  field. lra.
Qed.

Lemma Z_pos x : 0 < Z x.
Proof. apply sum_pos; [lia|]. intros. apply head_weight_pos. Qed.

Lemma ReLU_scale c y : 0 <= c -> ReLU (c * y) = c * ReLU y.
Proof. intros H. unfold ReLU. rewrite <- (Rmult_0_r c) at 1. apply RmaxRmult. assumption. Qed.

(** lin_i(t) is the entry of the reading of the lead without neurons, a_{i,l}(t) that of a neuron. *)
Theorem T15_split eps x j m :
  Z x * (logits M x j - logits M x m + eps)
  = sum k (fun i => w (tok x n) i (tok x i) * entry (toward M j m) (bias M j m + eps) (tok x n) i (tok x i))
    + sum (l_neurons M) (fun l => gain M j m l
        * ReLU (sum k (fun i => w (tok x n) i (tok x i) * entry (in_column M l) (b_in M l) (tok x n) i (tok x i)))).
Proof.
  rewrite lead_split, <- lead_one_head.
  rewrite (sum_ext (l_neurons M) (fun l => gain M j m l * ReLU (sum k _))
    (fun l => Z x * (gain M j m l * ReLU (pre M x l)))).
  - rewrite sum_scal_l. unfold lead. ring.
  - intros l _. rewrite <- lead_one_head. rewrite ReLU_scale by (left; apply Z_pos).
    rewrite pre_read. ring.
Qed.

(** A rival wins only if a sum of look-ups is not negative: every rule for one head applies to it. *)
Theorem T15_one_head_above eps j m slope offset (lo hi : nat -> R) x :
  (forall l, (l < l_neurons M)%nat -> line_above (gain M j m l) (lo l) (hi l) (slope l) (offset l)) ->
  (forall l, (l < l_neurons M)%nat -> lo l <= pre M x l <= hi l) ->
  reaches M eps x j m ->
  0 <= sum k (fun i => w (tok x n) i (tok x i)
         * entry (relaxed M j m slope) (relaxed_constant M j m eps slope offset) (tok x n) i (tok x i)).
Proof.
  intros Hl Hi Hr. rewrite <- lead_one_head. apply Rmult_le_pos; [left; apply Z_pos|].
  apply (T15_above M j m eps slope offset lo hi x Hl Hi Hr).
Qed.

Theorem T15_one_head_below eps j m slope offset (lo hi : nat -> R) x :
  (forall l, (l < l_neurons M)%nat -> line_below (gain M j m l) (lo l) (hi l) (slope l) (offset l)) ->
  (forall l, (l < l_neurons M)%nat -> lo l <= pre M x l <= hi l) ->
  0 <= sum k (fun i => w (tok x n) i (tok x i)
         * entry (relaxed M j m slope) (relaxed_constant M j m eps slope offset) (tok x n) i (tok x i)) ->
  reaches M eps x j m.
Proof.
  intros Hl Hi Hr. apply (T15_below M j m eps slope offset lo hi x Hl Hi).
  apply (Rmult_le_reg_l (Z x)); [apply Z_pos|]. rewrite Rmult_0_r, lead_one_head. assumption.
Qed.
End OneHead.
