(** T16 for the one-layer transformer: its program of look-ups (M1), the error of the program in fixed
    point (M2), and the compact proofs with a remainder (M3), cells (M4) and the strongest neurons (M5). *)
From Coq Require Import Reals Lra Lia List Arith Bool.
From Ballproof Require Import Sums Transformer Layer Heads Relaxation.
Import ListNotations.
Local Open Scope R_scope.

(** ** M1: look-ups, and heads that mix look-ups with weights that add up to 1 *)
Section Program.
Variable M : layer.
Notation n := (l_free M).
Notation k := (S (l_free M)).
Notation H := (l_heads M).

Definition mixed_look_up (rho : nat -> R) (p i t : nat) : R := share M * look_up M rho p i t.
Definition plain_look_up (rho : nat -> R) (i t : nat) : R := uniform M * sum H (fun p => look_up M rho p i t).

Theorem M1 rho x :
  read M rho x
  = direct M rho (tok x n) + sum k (fun i => plain_look_up rho i (tok x i))
    + sum H (fun p => sum k (fun i => softmax M p x i * mixed_look_up rho p i (tok x i))).
Proof.
  rewrite read_split. rewrite Rplus_assoc. f_equal. unfold plain_look_up, mixed_look_up, attention.
  rewrite (sum_ext k (fun i => uniform M * _) (fun i => sum H (fun p => uniform M * look_up M rho p i (tok x i))))
    by (intros; rewrite <- sum_scal_l; reflexivity).
  rewrite (sum_swap k H), <- sum_plus. apply sum_ext. intros p _. rewrite <- sum_plus. apply sum_ext. intros; ring.
Qed.

(** One number may be moved from all look-ups of a head to a plain one: the weights add up to 1. *)
Theorem M1_moved p x (T : nat -> nat -> R) c :
  sum k (fun i => softmax M p x i * T i (tok x i)) = c + sum k (fun i => softmax M p x i * (T i (tok x i) - c)).
Proof.
  rewrite (sum_ext k (fun i => softmax M p x i * (T i (tok x i) - c))
    (fun i => softmax M p x i * T i (tok x i) - softmax M p x i * c)) by (intros; ring).
  rewrite sum_minus, sum_scal_r. change (fun i => softmax M p x i) with (softmax M p x). rewrite softmax_sum. ring.
Qed.

(** T14's summands of a model without neurons: the heads, and the look-ups at free positions of a share of
    uniform attention, with Z = 1; the last position's is in d. *)
Definition summand_N (rho : nat -> R) (x : input) (p : nat) : R :=
  if (p <? H)%nat then sum k (fun i => head_weight M p (tok x n) i (tok x i) * mixed_look_up rho p i (tok x i))
  else sum n (fun i => plain_look_up rho i (tok x i)).
Definition summand_Z (x : input) (p : nat) : R :=
  if (p <? H)%nat then sum k (fun i => head_weight M p (tok x n) i (tok x i)) else 1.

Lemma summand_Z_pos x p : 0 < summand_Z x p.
Proof. unfold summand_Z. destruct (p <? H)%nat; [|lra]. apply sum_pos; [lia|]. intros. apply exp_pos. Qed.

Theorem read_summands rho x :
  read M rho x = direct M rho (tok x n) + plain_look_up rho n (tok x n)
                 + sum (S H) (fun p => summand_N rho x p / summand_Z x p).
Proof.
  rewrite M1. cbn [sum]. unfold summand_N at 2, summand_Z at 2. rewrite Nat.ltb_irrefl.
  rewrite (sum_ext H (fun p => summand_N rho x p / summand_Z x p)
    (fun p => sum n (fun i => softmax M p x i * mixed_look_up rho p i (tok x i))
              + softmax M p x n * mixed_look_up rho p n (tok x n))).
  - unfold Rdiv. rewrite Rinv_1. ring.
  - intros p Hp. unfold summand_N, summand_Z. apply Nat.ltb_lt in Hp. rewrite Hp.
    change (sum n (fun i => softmax M p x i * mixed_look_up rho p i (tok x i))
              + softmax M p x n * mixed_look_up rho p n (tok x n))
      with (sum k (fun i => softmax M p x i * mixed_look_up rho p i (tok x i))).
    unfold Rdiv. rewrite <- sum_scal_r. apply sum_ext. intros i _. rewrite softmax_weight. unfold Rdiv. ring.
Qed.

Theorem T14_summands eps x j m (lambda : nat -> R) : l_neurons M = O ->
  direct M (toward M j m) (tok x n) + plain_look_up (toward M j m) n (tok x n) + bias M j m + eps
    + sum (S H) lambda <= 0 ->
  reaches M eps x j m ->
  exists p, (p < S H)%nat /\ 0 <= summand_N (toward M j m) x p - lambda p * summand_Z x p.
Proof.
  intros Hn Hd Hr. apply (reaches_lead M eps x j m Hn) in Hr. unfold lead in Hr. rewrite read_summands in Hr.
  apply (T14 (S H) (direct M (toward M j m) (tok x n) + plain_look_up (toward M j m) n (tok x n) + bias M j m + eps)
           (summand_N (toward M j m) x) (summand_Z x)); [lia|intros; apply summand_Z_pos|assumption|].
  lra.
Qed.

(** The bias of the keys adds one number to all scores of a query, and cancels: [softmax_weight]. *)
End Program.

(** ** M2: fixed point *)
Lemma Rabs_sum n (F : nat -> R) : Rabs (sum n F) <= sum n (fun i => Rabs (F i)).
Proof.
  induction n; simpl; [rewrite Rabs_R0; lra|]. eapply Rle_trans; [apply Rabs_triang|]. lra.
Qed.

(** [units] is 2^fa, [weights] 2^K; look-ups are floored, weights of attention are low by at most 2. *)
Theorem M2_sums (g H k : nat) (units weights : R) (L L' : nat -> R) (alpha alpha' T T' B : nat -> nat -> R) :
  0 < weights ->
  (forall l, (l < g)%nat -> 0 <= L l * units - L' l < 1) ->
  (forall h i, (h < H)%nat -> (i < k)%nat -> 0 <= T h i * units - T' h i < 1) ->
  (forall h i, (h < H)%nat -> (i < k)%nat -> 0 <= alpha h i /\ 0 <= alpha h i * weights - alpha' h i <= 2) ->
  (forall h, (h < H)%nat -> sum k (alpha h) <= 1) ->
  (forall h i, (h < H)%nat -> (i < k)%nat -> Rabs (T' h i) <= B h i) ->
  Rabs (weights * units * (sum g L + sum H (fun h => sum k (fun i => alpha h i * T h i)))
        - (weights * sum g L' + sum H (fun h => sum k (fun i => alpha' h i * T' h i))))
  <= (INR g + INR H) * weights + 2 * sum H (fun h => sum k (B h)).
Proof.
  intros Hw HL HT Ha Hs HB.
  replace (weights * units * (sum g L + sum H (fun h => sum k (fun i => alpha h i * T h i)))
        - (weights * sum g L' + sum H (fun h => sum k (fun i => alpha' h i * T' h i))))
    with (weights * sum g (fun l => L l * units - L' l)
          + sum H (fun h => sum k (fun i => weights * alpha h i * (T h i * units - T' h i)
                                           + (alpha h i * weights - alpha' h i) * T' h i))).
  2:{ rewrite sum_minus, sum_scal_r.
      rewrite (sum_ext H (fun h => sum k (fun i => weights * alpha h i * _ + _))
        (fun h => weights * units * sum k (fun i => alpha h i * T h i) - sum k (fun i => alpha' h i * T' h i))).
      - rewrite sum_minus, sum_scal_l. ring.
      - intros h _. rewrite <- sum_scal_l, <- sum_minus. apply sum_ext. intros; ring. }
  assert (H1 : Rabs (weights * sum g (fun l => L l * units - L' l)) <= INR g * weights).
  { rewrite Rabs_mult, (Rabs_right weights) by lra. rewrite Rmult_comm. apply Rmult_le_compat_r; [lra|].
    eapply Rle_trans; [apply Rabs_sum|]. rewrite <- (Rmult_1_r (INR g)), <- sum_const. apply sum_le. intros l Hl.
    specialize (HL l Hl). rewrite Rabs_right; lra. }
  assert (H2 : Rabs (sum H (fun h => sum k (fun i => weights * alpha h i * (T h i * units - T' h i)
                                           + (alpha h i * weights - alpha' h i) * T' h i)))
    <= INR H * weights + 2 * sum H (fun h => sum k (B h))).
  { eapply Rle_trans; [apply Rabs_sum|]. rewrite <- sum_const, <- sum_scal_l, <- sum_plus.
    apply sum_le. intros h Hh. eapply Rle_trans; [apply Rabs_sum|].
    apply Rle_trans with (weights * sum k (alpha h) + 2 * sum k (B h)).
    - rewrite <- !sum_scal_l, <- sum_plus. apply sum_le. intros i Hi.
      specialize (HT h i Hh Hi). specialize (Ha h i Hh Hi). specialize (HB h i Hh Hi).
      eapply Rle_trans; [apply Rabs_triang|]. apply Rplus_le_compat.
      + rewrite Rabs_right.
        * rewrite <- (Rmult_1_r (weights * alpha h i)) at 2. apply Rmult_le_compat_l; [|lra].
          apply Rmult_le_pos; lra.
        * apply Rle_ge. apply Rmult_le_pos; [apply Rmult_le_pos; lra|lra].
      + rewrite Rabs_mult. apply Rmult_le_compat; try apply Rabs_pos; [|assumption].
        rewrite Rabs_right; lra.
    - specialize (Hs h Hh). assert (weights * sum k (alpha h) <= weights * 1) by (apply Rmult_le_compat_l; lra). lra. }
  eapply Rle_trans; [apply Rabs_triang|]. lra.
Qed.

(** A weight of attention from enclosures lo <= W <= hi of weights in one unit: [floor] is the quotient
    rounded down, and the test bounds what it is low by. *)
Theorem M2_weight (lo hi W sum_lo sum_hi sum_W weights floor : R) :
  0 <= lo <= W -> W <= hi -> 0 < sum_lo <= sum_W -> sum_W <= sum_hi -> 0 <= weights ->
  floor <= lo * weights / sum_hi -> hi * weights <= (floor + 2) * sum_lo ->
  0 <= W / sum_W * weights - floor <= 2.
Proof.
  intros Hlo Hhi Hs1 Hs2 Hw Hf Ht.
  assert (H1 : lo * weights / sum_hi <= W / sum_W * weights).
  { apply (Rmult_le_reg_r (sum_W * sum_hi)); [apply Rmult_lt_0_compat; lra|].
    replace (lo * weights / sum_hi * (sum_W * sum_hi)) with (weights * (lo * sum_W)) by (field; lra).
    replace (W / sum_W * weights * (sum_W * sum_hi)) with (weights * (W * sum_hi)) by (field; lra).
    apply Rmult_le_compat_l; [assumption|]. apply Rmult_le_compat; lra. }
  assert (H2 : W / sum_W * weights <= floor + 2).
  { apply (Rmult_le_reg_r sum_W); [lra|].
    replace (W / sum_W * weights * sum_W) with (W * weights) by (field; lra).
    assert (W * weights <= hi * weights) by (apply Rmult_le_compat_r; lra).
    assert (0 <= floor + 2).
    { assert (0 <= hi * weights) by (apply Rmult_le_pos; lra).
      destruct (Rle_dec 0 (floor + 2)); [assumption|exfalso].
      assert ((floor + 2) * sum_lo < 0); [|lra].
      assert (0 < - (floor + 2) * sum_lo) by (apply Rmult_lt_0_compat; lra). lra. }
    assert ((floor + 2) * sum_lo <= (floor + 2) * sum_W) by (apply Rmult_le_compat_l; lra). lra. }
  lra.
Qed.

Lemma ReLU_lipschitz x y : Rabs (ReLU x - ReLU y) <= Rabs (x - y).
Proof.
  unfold ReLU, Rmax, Rabs. repeat match goal with |- context [Rle_dec ?a ?b] => destruct (Rle_dec a b) end;
    repeat match goal with |- context [Rcase_abs ?a] => destruct (Rcase_abs a) end; lra.
Qed.

(** The activation: the sum divided by [cut] = 2^S, floored, negative ones 0. *)
Theorem M2_activation (pre pre' cut r floor : R) : 0 < cut -> Rabs (pre - pre') <= r ->
  floor <= pre' / cut < floor + 1 -> Rabs (ReLU pre / cut - ReLU floor) <= r / cut + 1.
Proof.
  intros Hc Hr Hf.
  assert (Hi : 0 < / cut) by (apply Rinv_0_lt_compat; assumption).
  assert (E : ReLU pre / cut = ReLU (pre / cut)).
  { unfold Rdiv. rewrite !(Rmult_comm _ (/ cut)), ReLU_scale by lra. reflexivity. }
  rewrite E. eapply Rle_trans; [apply ReLU_lipschitz|].
  replace (pre / cut - floor) with ((pre - pre') / cut + (pre' / cut - floor)) by (field; lra).
  eapply Rle_trans; [apply Rabs_triang|]. apply Rplus_le_compat.
  - unfold Rdiv. rewrite Rabs_mult, (Rabs_right (/ cut)) by lra. apply Rmult_le_compat_r; lra.
  - rewrite Rabs_right; lra.
Qed.

(** A difference of two outputs, in the unit of the result; [act] and [W] in their own units. *)
Theorem M2_difference (neurons : nat) (beside beside' : nat -> R) (act act' : nat -> R) (W W' : nat -> nat -> R)
    (r_dir r_act C : R) (j m : nat) :
  (forall c, c = j \/ c = m -> Rabs (beside c - beside' c) <= r_dir) ->
  (forall l, (l < neurons)%nat -> 0 <= act' l /\ Rabs (act l - act' l) <= r_act) ->
  (forall l c, (l < neurons)%nat -> c = j \/ c = m -> 0 <= W l c - W' l c < 1) ->
  (forall c, c = j \/ c = m -> sum neurons (fun l => Rabs (W' l c) + 1) <= C) -> 0 <= r_act ->
  Rabs ((beside j + sum neurons (fun l => act l * W l j)) - (beside m + sum neurons (fun l => act l * W l m))
        - ((beside' j + sum neurons (fun l => act' l * W' l j)) - (beside' m + sum neurons (fun l => act' l * W' l m))))
  <= 2 * r_dir + 2 * r_act * C + sum neurons act'.
Proof.
  intros Hb Ha HW HC Hr.
  assert (Hcol : forall c, c = j \/ c = m -> Rabs (sum neurons (fun l => (act l - act' l) * W l c)) <= r_act * C).
  { intros c Hc. eapply Rle_trans; [apply Rabs_sum|].
    apply Rle_trans with (r_act * sum neurons (fun l => Rabs (W' l c) + 1)).
    - rewrite <- sum_scal_l. apply sum_le. intros l Hl. rewrite Rabs_mult.
      apply Rmult_le_compat; try apply Rabs_pos; [apply Ha, Hl|].
      specialize (HW l c Hl Hc). unfold Rabs. destruct (Rcase_abs (W l c)), (Rcase_abs (W' l c)); lra.
    - apply Rmult_le_compat_l; [assumption|]. apply HC, Hc. }
  assert (Hdiff : Rabs (sum neurons (fun l => act' l * ((W l j - W' l j) - (W l m - W' l m)))) <= sum neurons act').
  { eapply Rle_trans; [apply Rabs_sum|]. apply sum_le. intros l Hl. rewrite Rabs_mult.
    destruct (Ha l Hl) as [H0 _]. rewrite (Rabs_right (act' l)) by lra.
    rewrite <- (Rmult_1_r (act' l)) at 2. apply Rmult_le_compat_l; [assumption|].
    assert (H1 := HW l j Hl (or_introl eq_refl)). assert (H2 := HW l m Hl (or_intror eq_refl)).
    unfold Rabs. destruct (Rcase_abs _); lra. }
  replace ((beside j + sum neurons (fun l => act l * W l j)) - (beside m + sum neurons (fun l => act l * W l m))
        - ((beside' j + sum neurons (fun l => act' l * W' l j)) - (beside' m + sum neurons (fun l => act' l * W' l m))))
    with ((beside j - beside' j) - (beside m - beside' m)
          + sum neurons (fun l => (act l - act' l) * W l j) - sum neurons (fun l => (act l - act' l) * W l m)
          + sum neurons (fun l => act' l * ((W l j - W' l j) - (W l m - W' l m)))).
  2:{ assert (E : forall c, sum neurons (fun l => (act l - act' l) * W l c)
            = sum neurons (fun l => act l * W l c) - sum neurons (fun l => act' l * W l c)).
      { intros c. rewrite <- sum_minus. apply sum_ext. intros; ring. }
      rewrite !E.
      rewrite (sum_ext neurons (fun l => act' l * ((W l j - W' l j) - (W l m - W' l m)))
        (fun l => (act' l * W l j - act' l * W' l j) - (act' l * W l m - act' l * W' l m))) by (intros; ring).
      rewrite !sum_minus. ring. }
  assert (B1 := Hb j (or_introl eq_refl)). assert (B2 := Hb m (or_intror eq_refl)).
  assert (C1 := Hcol j (or_introl eq_refl)). assert (C2 := Hcol m (or_intror eq_refl)).
  revert B1 B2 C1 C2 Hdiff.
  generalize (beside j - beside' j) (beside m - beside' m) (sum neurons (fun l => (act l - act' l) * W l j))
    (sum neurons (fun l => (act l - act' l) * W l m)) (sum neurons (fun l => act' l * ((W l j - W' l j) - (W l m - W' l m)))).
  intros a b c d e. unfold Rabs. repeat destruct (Rcase_abs _); lra.
Qed.

(** Decision, on the largest of the differences with the label. *)
Theorem M2_decision (lead approx E eps : R) : Rabs (lead - approx) <= E ->
  (eps < approx - E -> eps < lead) /\ (approx + E <= eps -> lead <= eps).
Proof. intros H. unfold Rabs in H. destruct (Rcase_abs _) in H; split; intros; lra. Qed.

(** ** M3, M4 and M5: one layer W of neurons *)
Section OneLayer.
Variable neurons : nat.
Variable W : nat -> nat -> R. (* neuron, answer *)

(** M3: a factored part, a linear function of the inputs, and a remainder that is charged. *)
Theorem M3 (pre kappa mu : nat -> R) (UV : nat -> nat -> R) (range : nat -> R) j m :
  (forall l, (l < neurons)%nat -> Rabs ((W l j - UV l j) - (W l m - UV l m)) <= range l) ->
  let rem l := ReLU (pre l) - mu l - kappa l * pre l in
  Rabs (sum neurons (fun l => ReLU (pre l) * (W l j - W l m))
        - (sum neurons (fun l => (mu l + kappa l * pre l) * ((W l j - UV l j) - (W l m - UV l m)))
           + sum neurons (fun l => ReLU (pre l) * (UV l j - UV l m))))
  <= sum neurons (fun l => Rabs (rem l) * range l).
Proof.
  intros Hr rem. rewrite <- sum_plus, <- sum_minus. eapply Rle_trans; [apply Rabs_sum|].
  apply sum_le. intros l Hl.
  replace (ReLU (pre l) * (W l j - W l m)
           - ((mu l + kappa l * pre l) * ((W l j - UV l j) - (W l m - UV l m)) + ReLU (pre l) * (UV l j - UV l m)))
    with (rem l * ((W l j - UV l j) - (W l m - UV l m))) by (unfold rem; ring).
  rewrite Rabs_mult. apply Rmult_le_compat_l; [apply Rabs_pos|]. apply Hr, Hl.
Qed.

(** M4: rows are replaced by multiples of a few directions; [moved r l] is what row r loses at neuron l. *)
Theorem M4 (rows : nat) (alpha : nat -> R) (row near : nat -> nat -> R) (base range : nat -> R) j m :
  (forall r, (r < rows)%nat -> 0 <= alpha r) ->
  (forall l, (l < neurons)%nat -> Rabs (W l j - W l m) <= range l) ->
  Rabs (sum neurons (fun l => ReLU (base l + sum rows (fun r => alpha r * row r l)) * (W l j - W l m))
        - sum neurons (fun l => ReLU (base l + sum rows (fun r => alpha r * near r l)) * (W l j - W l m)))
  <= sum rows (fun r => alpha r * sum neurons (fun l => Rabs (row r l - near r l) * range l)).
Proof.
  intros Ha Hr. rewrite <- sum_minus. eapply Rle_trans; [apply Rabs_sum|].
  rewrite (sum_ext rows _ (fun r => sum neurons (fun l => alpha r * Rabs (row r l - near r l) * range l)))
    by (intros; rewrite <- sum_scal_l; apply sum_ext; intros; ring).
  rewrite sum_swap. apply sum_le. intros l Hl. rewrite sum_scal_r, <- Rmult_minus_distr_r, Rabs_mult.
  apply Rmult_le_compat; try apply Rabs_pos; [|apply Hr, Hl].
  eapply Rle_trans; [apply ReLU_lipschitz|].
  replace (base l + sum rows (fun r => alpha r * row r l) - (base l + sum rows (fun r => alpha r * near r l)))
    with (sum rows (fun r => alpha r * (row r l - near r l))).
  - eapply Rle_trans; [apply Rabs_sum|]. apply sum_le. intros r Hrr. rewrite Rabs_mult, (Rabs_right (alpha r)).
    + lra.
    + apply Rle_ge, Ha, Hrr.
  - rewrite (sum_ext rows _ (fun r => alpha r * row r l - alpha r * near r l)) by (intros; ring).
    rewrite sum_minus. ring.
Qed.

(** On a cell a neuron is on, off or open: with those that are on linear and those that are off gone. *)
Theorem M4_cell (y : nat -> R) (on off : nat -> bool) j :
  (forall l, (l < neurons)%nat -> on l = true -> 0 <= y l) ->
  (forall l, (l < neurons)%nat -> off l = true -> y l <= 0) ->
  sum neurons (fun l => ReLU (y l) * W l j)
  = sum neurons (fun l => if on l then y l * W l j else if off l then 0 else ReLU (y l) * W l j).
Proof.
  intros Hon Hoff. apply sum_ext. intros l Hl. unfold ReLU.
  destruct (on l) eqn:E; [rewrite Rmax_left by (apply Hon; assumption); reflexivity|].
  destruct (off l) eqn:E'; [rewrite Rmax_right by (apply Hoff; assumption); ring|reflexivity].
Qed.

(** M5: every output loses the same, and terms of the rival may be dropped; [best] is at least the largest
    entry of a row. *)
Theorem M5 (pre best : nat -> R) (keep : nat -> bool) j m :
  (forall l, (l < neurons)%nat -> W l j <= best l) ->
  let G l c := best l - W l c in
  - sum neurons (fun l => ReLU (pre l) * G l m) + sum neurons (fun l => if keep l then ReLU (pre l) * G l j else 0)
  <= sum neurons (fun l => ReLU (pre l) * W l m) - sum neurons (fun l => ReLU (pre l) * W l j).
Proof.
  intros Hb G. rewrite <- sum_minus.
  replace (- sum neurons (fun l => ReLU (pre l) * G l m) + sum neurons (fun l => if keep l then ReLU (pre l) * G l j else 0))
    with (sum neurons (fun l => (if keep l then ReLU (pre l) * G l j else 0) - ReLU (pre l) * G l m))
    by (rewrite sum_minus; ring).
  apply sum_le. intros l Hl. specialize (Hb l Hl).
  assert (0 <= ReLU (pre l) * G l j) by (apply Rmult_le_pos; [apply Rmax_r|unfold G; lra]).
  unfold G in *. destruct (keep l); lra.
Qed.

Theorem M5_exact (pre best : nat -> R) (keep : nat -> bool) j m :
  (forall l, (l < neurons)%nat -> keep l = false -> pre l <= 0) ->
  let G l c := best l - W l c in
  - sum neurons (fun l => ReLU (pre l) * G l m) + sum neurons (fun l => if keep l then ReLU (pre l) * G l j else 0)
  = sum neurons (fun l => ReLU (pre l) * W l m) - sum neurons (fun l => ReLU (pre l) * W l j).
Proof.
  intros Hk G. rewrite <- sum_minus.
  replace (- sum neurons (fun l => ReLU (pre l) * G l m) + sum neurons (fun l => if keep l then ReLU (pre l) * G l j else 0))
    with (sum neurons (fun l => (if keep l then ReLU (pre l) * G l j else 0) - ReLU (pre l) * G l m))
    by (rewrite sum_minus; ring).
  apply sum_ext. intros l Hl. unfold G. destruct (keep l) eqn:E; [ring|].
  unfold ReLU. rewrite Rmax_right by (apply Hk; assumption). ring.
Qed.
End OneLayer.

(** For the transformer: [output] is W_out W_U, and its difference of two answers is the gain of
    [lead_split]. *)
Section Layer.
Variable M : layer.
Definition output (l j : nat) : R := sum (l_model M) (fun c => W_out M l c * WU M c j).

Lemma gain_output j m l : gain M j m l = output l j - output l m.
Proof. unfold gain, output, toward. rewrite <- sum_minus. apply sum_ext. intros; ring. Qed.

Theorem lead_output x j m :
  logits M x j - logits M x m
  = read M (toward M j m) x + bias M j m
    + sum (l_neurons M) (fun l => ReLU (pre M x l) * (output l j - output l m)).
Proof.
  rewrite lead_split. f_equal. apply sum_ext. intros l _. rewrite gain_output. ring.
Qed.

Theorem M5_layer x j m best (keep : nat -> bool) :
  (forall l, (l < l_neurons M)%nat -> output l j <= best l) ->
  read M (toward M m j) x + bias M m j
    - sum (l_neurons M) (fun l => ReLU (pre M x l) * (best l - output l m))
    + sum (l_neurons M) (fun l => if keep l then ReLU (pre M x l) * (best l - output l j) else 0)
  <= logits M x m - logits M x j.
Proof.
  intros Hb. rewrite lead_output.
  pose proof (M5 (l_neurons M) output (pre M x) best keep j m Hb) as H. cbv zeta beta in H.
  rewrite <- sum_minus in H.
  rewrite (sum_ext (l_neurons M) (fun l => ReLU (pre M x l) * (output l m - output l j))
    (fun l => ReLU (pre M x l) * output l m - ReLU (pre M x l) * output l j)) by (intros; ring).
  lra.
Qed.
End Layer.
