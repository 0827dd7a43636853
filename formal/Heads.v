(** T14: several heads. A lead is a direct part and a mean for each head; shares of the direct part
    make tests that concern one head each.

    Stated for any linear reading of the stream between attention and MLP, and for any mixture: with
    plain softmax the parts of the mixture are the heads; where attention is a share of softmax beside
    uniform weights, each head is two parts. *)
From Coq Require Import Reals Lra Lia List Arith Bool.
From Ballproof Require Import Sums Transformer Counts Automata Folds Tasks Layer.
Import ListNotations.
Local Open Scope R_scope.

Lemma sum_lt n f g : (0 < n)%nat -> (forall i, (i < n)%nat -> f i < g i) -> sum n f < sum n g.
Proof.
  intros Hn H. assert (0 < sum n (fun i => g i - f i)).
  { apply sum_pos; [assumption|]. intros i Hi. specialize (H i Hi). lra. }
  rewrite sum_minus in H0. lra.
Qed.

(** ** T14 for any summands N / Z with Z > 0. There is at least one: without any, a lead of exactly 0 has
    no summand to show it. *)
Theorem T14 (P : nat) (d : R) (N Z lambda : nat -> R) :
  (0 < P)%nat -> (forall p, (p < P)%nat -> 0 < Z p) -> d + sum P lambda <= 0 ->
  0 <= d + sum P (fun p => N p / Z p) -> exists p, (p < P)%nat /\ 0 <= N p - lambda p * Z p.
Proof.
  intros HP HZ Hd Hl.
  assert (Hdec : (exists p, (p < P)%nat /\ 0 <= N p - lambda p * Z p)
                 \/ forall p, (p < P)%nat -> N p - lambda p * Z p < 0).
  { clear. induction P as [|P' [(p & Hp & He)|IH]]; [right; intros; lia|left; eauto|].
    destruct (Rle_dec 0 (N P' - lambda P' * Z P')); [left; eauto|]. right. intros p Hp.
    destruct (Nat.eq_dec p P') as [->|]; [lra|]. apply IH. lia. }
  destruct Hdec as [|Hno]; [assumption|exfalso].
  assert (sum P (fun p => N p / Z p) < sum P lambda); [|lra].
  apply sum_lt; [assumption|]. intros p Hp. specialize (Hno p Hp). specialize (HZ p Hp).
  apply (Rmult_lt_reg_r (Z p)); [assumption|]. unfold Rdiv. rewrite Rmult_assoc, Rinv_l, Rmult_1_r by lra. lra.
Qed.

Theorem T14_from_below (P : nat) (d : R) (N Z mu : nat -> R) :
  (forall p, (p < P)%nat -> 0 < Z p) -> 0 <= d + sum P mu ->
  (forall p, (p < P)%nat -> 0 <= N p - mu p * Z p) -> 0 <= d + sum P (fun p => N p / Z p).
Proof.
  intros HZ Hd He. assert (sum P mu <= sum P (fun p => N p / Z p)); [|lra].
  apply sum_le. intros p Hp. specialize (He p Hp). specialize (HZ p Hp).
  apply (Rmult_le_reg_r (Z p)); [assumption|]. unfold Rdiv. rewrite Rmult_assoc, Rinv_l, Rmult_1_r by lra. lra.
Qed.

Section Mixture.
Variable M : layer.
Notation n := (l_free M).
Notation k := (S (l_free M)).
Variable P : nat. (* parts *)
Variable omega : nat -> nat -> nat -> nat -> R. (* part, query, position, token *)
Variable phi : (nat -> R) -> nat -> nat -> nat -> R. (* reading, part, position, token *)
Hypothesis omega_pos : forall p q i t, 0 < omega p q i t.

Definition Zp (p : nat) (x : input) : R := sum k (fun i => omega p (tok x n) i (tok x i)).
Definition Np (rho : nat -> R) (p : nat) (x : input) : R :=
  sum k (fun i => omega p (tok x n) i (tok x i) * phi rho p i (tok x i)).
Definition mixture : Prop := forall rho x,
  read M rho x = direct M rho (tok x n) + sum P (fun p => Np rho p x / Zp p x).
Hypothesis mixed : mixture.

Lemma Zp_pos p x : 0 < Zp p x.
Proof. apply sum_pos; [lia|]. intros. apply omega_pos. Qed.

Variable rho : nat -> R.
Variable kappa : R.
Definition lead (x : input) : R := read M rho x + kappa.
Definition direct_lead (q : nat) : R := direct M rho q + kappa.
(** One part's test, with its share lambda. *)
Definition excess (p : nat) (lambda : R) (x : input) : R :=
  sum k (fun i => omega p (tok x n) i (tok x i) * (phi rho p i (tok x i) - lambda)).

Lemma excess_ratio p lambda x : excess p lambda x = (Np rho p x / Zp p x - lambda) * Zp p x.
Proof.
  pose proof (Zp_pos p x).
  replace ((Np rho p x / Zp p x - lambda) * Zp p x) with (Np rho p x - lambda * Zp p x) by (field; lra).
  unfold excess, Np, Zp. rewrite <- sum_scal_l, <- sum_minus. apply sum_ext. intros. ring.
Qed.

Lemma excess_sign p lambda x : 0 <= excess p lambda x <-> lambda <= Np rho p x / Zp p x.
Proof.
  rewrite excess_ratio. pose proof (Zp_pos p x). split; intros H'.
  - assert (0 <= Np rho p x / Zp p x - lambda); [|lra]. apply (Rmult_le_reg_r (Zp p x)); lra.
  - apply Rmult_le_pos; lra.
Qed.

Lemma lead_mixed x : lead x = direct_lead (tok x n) + sum P (fun p => Np rho p x / Zp p x).
Proof. unfold lead, direct_lead. rewrite mixed. ring. Qed.

Theorem T14_above (lambda : nat -> R) x : (0 < P)%nat ->
  direct_lead (tok x n) + sum P lambda <= 0 -> 0 <= lead x ->
  exists p, (p < P)%nat /\ 0 <= excess p (lambda p) x.
Proof.
  intros HP Hd Hl. rewrite lead_mixed in Hl.
  destruct (T14 P _ (fun p => Np rho p x) (fun p => Zp p x) lambda HP (fun p _ => Zp_pos p x) Hd Hl) as (p & Hp & He).
  exists p. split; [assumption|]. apply excess_sign. pose proof (Zp_pos p x).
  apply (Rmult_le_reg_r (Zp p x)); [assumption|]. unfold Rdiv. rewrite Rmult_assoc, Rinv_l, Rmult_1_r by lra. lra.
Qed.

Theorem T14_below (mu : nat -> R) x :
  0 <= direct_lead (tok x n) + sum P mu -> (forall p, (p < P)%nat -> 0 <= excess p (mu p) x) -> 0 <= lead x.
Proof.
  intros Hd He. rewrite lead_mixed.
  assert (sum P mu <= sum P (fun p => Np rho p x / Zp p x)); [|lra].
  apply sum_le. intros p Hp. apply excess_sign, He, Hp.
Qed.

(** One head takes the slack: the other parts have bounds of their ratios. *)
Theorem T14_slack (lambda : nat -> R) p x : (p < P)%nat ->
  (forall r, (r < P)%nat -> r <> p -> Np rho r x <= lambda r * Zp r x) ->
  lambda p = - direct_lead (tok x n) - (sum P lambda - lambda p) ->
  0 <= lead x -> 0 <= excess p (lambda p) x.
Proof.
  intros Hp Hr Hs Hl. apply excess_sign. rewrite lead_mixed in Hl.
  set (b := fun r => if (r =? p)%nat then Np rho p x / Zp p x else lambda r).
  assert (Hb : sum P (fun r => Np rho r x / Zp r x) <= sum P b).
  { apply sum_le. intros r Hrp. unfold b. destruct (Nat.eqb_spec r p) as [->|Hne]; [lra|].
    pose proof (Zp_pos r x). apply (Rmult_le_reg_r (Zp r x)); [assumption|].
    unfold Rdiv. rewrite Rmult_assoc, Rinv_l, Rmult_1_r by lra. auto. }
  rewrite (sum_change P p b lambda) in Hb; [|assumption|].
  - unfold b in Hb. rewrite Nat.eqb_refl in Hb. lra.
  - intros i _ Hi. unfold b. apply Nat.eqb_neq in Hi. rewrite Hi. reflexivity.
Qed.

(** ** Tables and counts, for the classes of a task *)
Variable A : nat -> list nat.
Variable q : nat.

Definition part_upper (c : R) (p : nat) (lambda : R) (up : nat -> nat -> R) (own : R) : Prop :=
  0 < c /\ (forall i t, (i < n)%nat -> In t (A i) -> c * (omega p q i t * (phi rho p i t - lambda)) <= up i t)
  /\ c * (omega p q n q * (phi rho p n q - lambda)) <= own.
Definition part_lower (c : R) (p : nat) (lambda : R) (low : nat -> nat -> R) (own : R) : Prop :=
  0 < c /\ (forall i t, (i < n)%nat -> In t (A i) -> low i t <= c * (omega p q i t * (phi rho p i t - lambda)))
  /\ own <= c * (omega p q n q * (phi rho p n q - lambda)).

Lemma scaled_excess c p lambda y : length y = n ->
  c * excess p lambda (y ++ [q])
  = sum n (fun i => c * (omega p q i (nth i y O) * (phi rho p i (nth i y O) - lambda)))
    + c * (omega p q n q * (phi rho p n q - lambda)).
Proof.
  intros L. unfold excess. cbn [sum].
  assert (Hq : tok (y ++ [q]) n = q) by (unfold tok; rewrite app_nth2, L, Nat.sub_diag by lia; reflexivity).
  rewrite Hq, Rmult_plus_distr_l, <- sum_scal_l. f_equal. apply sum_ext. intros i Hi.
  replace (tok (y ++ [q]) i) with (nth i y O); [reflexivity|].
  unfold tok. rewrite app_nth1 by lia. reflexivity.
Qed.

Lemma part_upper_le c p lambda up own y : part_upper c p lambda up own -> In y (words A 0 n) ->
  c * excess p lambda (y ++ [q]) <= own + total up 0 y.
Proof.
  intros (Hc & Hup & Hown) Hy. apply in_words in Hy as [L Hy].
  rewrite total_sum, L, scaled_excess by assumption.
  assert (sum n (fun i => c * (omega p q i (nth i y O) * (phi rho p i (nth i y O) - lambda)))
          <= sum n (fun i => up i (nth i y O))); [|lra].
  apply sum_le. intros i Hi. apply Hup; [assumption|]. apply (allowed_nth A 0 y i Hy). lia.
Qed.

Theorem T14_part_upper c p lambda up own y : part_upper c p lambda up own -> In y (words A 0 n) ->
  own + total up 0 y < 0 -> excess p lambda (y ++ [q]) < 0.
Proof.
  intros Hup Hy Hs. pose proof (part_upper_le c p lambda up own y Hup Hy). destruct Hup as [Hc _].
  apply (Rmult_lt_reg_l c); lra.
Qed.

Theorem T14_part_lower c p lambda low own y : part_lower c p lambda low own -> In y (words A 0 n) ->
  0 <= own + total low 0 y -> 0 <= excess p lambda (y ++ [q]).
Proof.
  intros (Hc & Hlow & Hown) Hy Hs. apply in_words in Hy as [L Hy].
  rewrite total_sum, L in Hs. apply (Rmult_le_reg_l c); [assumption|].
  rewrite Rmult_0_r, scaled_excess by assumption.
  assert (sum n (fun i => low i (nth i y O))
          <= sum n (fun i => c * (omega p q i (nth i y O) * (phi rho p i (nth i y O) - lambda)))); [|lra].
  apply sum_le. intros i Hi. apply Hlow; [assumption|]. apply (allowed_nth A 0 y i Hy). lia.
Qed.

Definition leadsb (y : list nat) : bool := if Rle_dec 0 (lead (y ++ [q])) then true else false.
Definition excessb (p : nat) (lambda : R) (y : list nat) : bool :=
  if Rle_dec 0 (excess p lambda (y ++ [q])) then true else false.

Lemma query_of y : In y (words A 0 n) -> tok (y ++ [q]) n = q.
Proof.
  intros Hy. apply in_words in Hy as [L _]. unfold tok. rewrite app_nth2, L, Nat.sub_diag by lia. reflexivity.
Qed.

(** Counts of the parts add up; one part's count from below shows nothing, and all together show what
    they have in common. *)
Theorem T14_above_count (lambda : nat -> R) l : (0 < P)%nat -> direct_lead q + sum P lambda <= 0 ->
  (forall y, In y l -> In y (words A 0 n)) ->
  (count leadsb l <= nsum P (fun p => count (excessb p (lambda p)) l))%nat.
Proof.
  intros HP Hd. induction l as [|y l IH]; intros Hl.
  - unfold count. simpl. lia.
  - specialize (IH (fun z Hz => Hl z (or_intror Hz))). specialize (Hl y (or_introl eq_refl)).
    rewrite (nsum_ext P _ (fun p => ((if excessb p (lambda p) y then 1 else 0) + count (excessb p (lambda p)) l)%nat)).
    2:{ intros p _. unfold count. simpl. destruct (excessb p (lambda p) y); reflexivity. }
    rewrite nsum_plus. unfold count at 1. simpl. fold (count leadsb l).
    destruct (leadsb y) eqn:Ey; [simpl|unfold count in *; lia].
    assert (1 <= nsum P (fun p => if excessb p (lambda p) y then 1 else 0))%nat; [|unfold count in *; lia].
    unfold leadsb in Ey. destruct (Rle_dec 0 (lead (y ++ [q]))) as [Hlead|]; [|discriminate].
    destruct (T14_above lambda (y ++ [q]) HP) as (p & Hp & He); [rewrite query_of by assumption; assumption|assumption|].
    clear -Hp He. induction P as [|P' IH]; [lia|]. simpl. destruct (Nat.eq_dec p P') as [->|].
    + unfold excessb at 2. destruct (Rle_dec 0 (excess P' (lambda P') (y ++ [q]))); [lia|contradiction].
    + assert (p < P')%nat by lia. specialize (IH H). lia.
Qed.

Theorem T14_below_count (mu : nat -> R) l : 0 <= direct_lead q + sum P mu ->
  (forall y, In y l -> In y (words A 0 n)) ->
  (nsum P (fun p => count (excessb p (mu p)) l) <= count leadsb l + (P - 1) * length l)%nat.
Proof.
  intros Hd. induction l as [|y l IH]; intros Hl.
  - unfold count. simpl. clear. induction P; simpl in *; lia.
  - specialize (IH (fun z Hz => Hl z (or_intror Hz))). specialize (Hl y (or_introl eq_refl)).
    rewrite (nsum_ext P _ (fun p => ((if excessb p (mu p) y then 1 else 0) + count (excessb p (mu p)) l)%nat)).
    2:{ intros p _. unfold count. simpl. destruct (excessb p (mu p) y); reflexivity. }
    rewrite nsum_plus.
    assert (Hy : (nsum P (fun p => if excessb p (mu p) y then 1 else 0)
                  <= (if leadsb y then 1 else 0) + (P - 1))%nat).
    { destruct (leadsb y) eqn:Ey.
      - assert (nsum P (fun p => if excessb p (mu p) y then 1 else 0) <= P)%nat; [|lia].
        clear. induction P; simpl; [lia|]. destruct (excessb _ _ _); lia.
      - assert (Hno : exists p, (p < P)%nat /\ excessb p (mu p) y = false).
        { assert (Hdec : (exists p, (p < P)%nat /\ excessb p (mu p) y = false)
                         \/ forall p, (p < P)%nat -> excessb p (mu p) y = true).
          { clear. induction P as [|P' [(p & Hp & He)|IH]]; [right; intros; lia|left; eauto|].
            destruct (excessb P' (mu P') y) eqn:Ep; [|left; eauto]. right. intros p Hp.
            destruct (Nat.eq_dec p P') as [->|]; [assumption|]. apply IH. lia. }
          destruct Hdec as [|Hall]; [assumption|exfalso]. unfold leadsb in Ey.
          destruct (Rle_dec 0 (lead (y ++ [q]))) as [|Hneg]; [discriminate|]. apply Hneg.
          apply (T14_below mu).
          - rewrite query_of by assumption. assumption.
          - intros p Hp. specialize (Hall p Hp). unfold excessb in Hall.
            destruct (Rle_dec 0 (excess p (mu p) (y ++ [q]))); [assumption|discriminate]. }
        destruct Hno as (p & Hp & Ep).
        assert (nsum P (fun p => if excessb p (mu p) y then 1 else 0) + 1 <= P)%nat; [|lia].
        clear -Hp Ep. induction P as [|P' IH]; [lia|]. simpl. destruct (Nat.eq_dec p P') as [->|].
        + rewrite Ep. assert (forall m, nsum m (fun p => if excessb p (mu p) y then 1 else 0) <= m)%nat.
          { induction m; simpl; [lia|]. destruct (excessb m (mu m) y); lia. }
          specialize (H P'). lia.
        + assert (p < P')%nat by lia. specialize (IH H). destruct (excessb P' (mu P') y); lia. }
    unfold count at 2. simpl. fold (count leadsb l).
    destruct (leadsb y); unfold count in *; simpl in *; lia.
Qed.
End Mixture.

(** ** Mixtures of a model *)
Section Parts.
Variable M : layer.
Notation n := (l_free M).
Notation k := (S (l_free M)).
Notation H := (l_heads M).

(** Plain softmax: the parts are the heads. *)
Definition plain_phi (rho : nat -> R) (p i t : nat) : R := look_up M rho p i t.

Lemma softmax_mean rho p x :
  sum k (fun i => softmax M p x i * look_up M rho p i (tok x i))
  = Np M (head_weight M) (look_up M) rho p x / Zp M (head_weight M) p x.
Proof.
  unfold Np, Zp, Rdiv. rewrite <- sum_scal_r. apply sum_ext. intros i _. rewrite softmax_weight.
  unfold Rdiv. ring.
Qed.

Theorem plain_mixture : share M = 1 -> uniform M = 0 -> mixture M H (head_weight M) (look_up M).
Proof.
  intros Hs Hu rho x. rewrite read_split. f_equal. apply sum_ext. intros p _. rewrite <- softmax_mean.
  apply sum_ext. intros i _. unfold attention. rewrite Hs, Hu. ring.
Qed.

Lemma head_weight_pos p q i t : 0 < head_weight M p q i t.
Proof. apply exp_pos. Qed.

(** A share of softmax beside uniform weights: head p is the parts p and H + p, and the second has
    weights 1, so that its denominator is k. *)
Definition shared_omega (p q i t : nat) : R := if (p <? H)%nat then head_weight M p q i t else 1.
Definition shared_phi (rho : nat -> R) (p i t : nat) : R :=
  if (p <? H)%nat then share M * look_up M rho p i t
  else INR k * uniform M * look_up M rho (p - H) i t.

Lemma shared_omega_pos p q i t : 0 < shared_omega p q i t.
Proof. unfold shared_omega. destruct (p <? H)%nat; [apply exp_pos|lra]. Qed.

Lemma sum_split a b (F : nat -> R) : sum (a + b) F = sum a F + sum b (fun i => F (a + i)%nat).
Proof.
  induction b; simpl; [rewrite Nat.add_0_r; ring|]. rewrite Nat.add_succ_r. simpl. rewrite IHb. ring.
Qed.

Theorem shared_mixture : mixture M (H + H) shared_omega shared_phi.
Proof.
  intros rho x. rewrite read_split. f_equal. rewrite sum_split, <- sum_plus.
  apply sum_ext. intros p Hp. unfold Np, Zp, shared_omega, shared_phi.
  apply Nat.ltb_lt in Hp as Hp'. rewrite Hp'.
  destruct (Nat.ltb_spec (H + p) H) as [|_]; [lia|]. replace (H + p - H)%nat with p by lia.
  rewrite sum_const, Rmult_1_r.
  assert (Hk : INR k <> 0) by (apply not_0_INR; lia).
  replace (sum k (fun i => 1 * (INR k * uniform M * look_up M rho p i (tok x i))) / INR k)
    with (sum k (fun i => uniform M * look_up M rho p i (tok x i))).
  2:{ unfold Rdiv. rewrite <- sum_scal_r. apply sum_ext. intros i _. field. assumption. }
  replace (sum k (fun i => head_weight M p (tok x n) i (tok x i) * (share M * look_up M rho p i (tok x i)))
           / sum k (fun i => head_weight M p (tok x n) i (tok x i)))
    with (sum k (fun i => share M * (softmax M p x i * look_up M rho p i (tok x i)))).
  2:{ unfold Rdiv at 1. rewrite <- sum_scal_r. apply sum_ext. intros i _. rewrite softmax_weight.
      unfold Rdiv. ring. }
  rewrite <- sum_plus. apply sum_ext. intros i _. unfold attention. ring.
Qed.

(** Without neurons the lead of a rival is such a reading. *)
Theorem reaches_lead eps x j m : l_neurons M = O ->
  reaches M eps x j m <-> 0 <= lead M (toward M j m) (bias M j m + eps) x.
Proof.
  intros Hn. unfold reaches, lead. pose proof (lead_split M x j m) as L. rewrite Hn in L. simpl in L.
  split; intros; lra.
Qed.

(** T14 for the transformer, plain softmax. [direct_lead] is d = D[q,j] - D[q,m] + eps of the paper. *)
Theorem T14_reaches_above eps x j m (lambda : nat -> R) :
  l_neurons M = O -> share M = 1 -> uniform M = 0 -> (0 < H)%nat ->
  direct_lead M (toward M j m) (bias M j m + eps) (tok x n) + sum H lambda <= 0 ->
  reaches M eps x j m ->
  exists p, (p < H)%nat /\ 0 <= excess M (head_weight M) (look_up M) (toward M j m) p (lambda p) x.
Proof.
  intros Hn Hs Hu HH Hd Hr. apply (reaches_lead eps x j m Hn) in Hr.
  apply (T14_above M H (head_weight M) (look_up M) head_weight_pos (plain_mixture Hs Hu) _ _ lambda x HH Hd Hr).
Qed.

Theorem T14_reaches_below eps x j m (mu : nat -> R) :
  l_neurons M = O -> share M = 1 -> uniform M = 0 ->
  0 <= direct_lead M (toward M j m) (bias M j m + eps) (tok x n) + sum H mu ->
  (forall p, (p < H)%nat -> 0 <= excess M (head_weight M) (look_up M) (toward M j m) p (mu p) x) ->
  reaches M eps x j m.
Proof.
  intros Hn Hs Hu Hd He. apply (reaches_lead eps x j m Hn).
  apply (T14_below M H (head_weight M) (look_up M) head_weight_pos (plain_mixture Hs Hu) _ _ mu x Hd He).
Qed.
End Parts.
