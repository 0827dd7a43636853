(** Integer enclosures of exp(- |num| * 2^e / sqrt(sq)) with nothing but the real numbers of the
    standard library: Taylor sums rounded both ways, squarings, one division. No error analysis:
    each step encloses. *)
From Coq Require Import ZArith Reals Lra Lia List Bool.
From Flocq Require Import Core.Raux Core.Zaux.
Local Open Scope R_scope.
Notation pow2 e := (bpow radix2 e).

(** ** Taylor, by the mean value theorem *)
Fixpoint taylor (n : nat) (z : R) : R :=     (* sum of z^i / i! for i < n *)
  match n with O => 0 | S n => taylor n z + z ^ n / INR (fact n) end.

Lemma taylor_0 n : taylor (S n) 0 = 1.
Proof. induction n; [simpl; lra|]. change (taylor (S (S n)) 0) with (taylor (S n) 0 + 0 ^ (S n) / INR (fact (S n))).
  rewrite IHn, pow_i by lia. unfold Rdiv. ring. Qed.

Lemma term_lim n z : derivable_pt_lim (fun z => z ^ (S n) / INR (fact (S n))) z (z ^ n / INR (fact n)).
Proof.
  pose proof (derivable_pt_lim_scal (fun z => z ^ (S n)) (/ INR (fact (S n))) z _ (derivable_pt_lim_pow z (S n))) as H.
  replace (z ^ n / INR (fact n)) with (/ INR (fact (S n)) * (INR (S n) * z ^ pred (S n))).
  - eapply derivable_pt_lim_ext; [|exact H]. intros. unfold mult_real_fct. cbv beta. unfold Rdiv. ring.
  - simpl pred. rewrite fact_simpl, mult_INR. field. split; [apply INR_fact_neq_0|apply not_0_INR; lia].
Qed.

Lemma taylor_lim n z : derivable_pt_lim (taylor (S n)) z (taylor n z).
Proof.
  induction n as [|n IH].
  - simpl. eapply derivable_pt_lim_ext; [|apply (derivable_pt_lim_const 1)]. intros; unfold fct_cte; simpl; field.
  - change (taylor (S n) z) with (taylor n z + z ^ n / INR (fact n)).
    eapply derivable_pt_lim_ext; [|apply (derivable_pt_lim_plus _ _ _ _ _ IH (term_lim n z))]. reflexivity.
Qed.

Lemma grows f f' z : 0 <= z -> f 0 = 0 ->
  (forall c, 0 <= c <= z -> derivable_pt_lim f c (f' c)) -> (forall c, 0 <= c <= z -> 0 <= f' c) -> 0 <= f z.
Proof.
  intros Hz H0 Hd Hp. destruct (Req_dec z 0) as [->|Hne]; [lra|].
  destruct (MVT_cor2 f f' 0 z ltac:(lra) Hd) as (c & E & Hc).
  specialize (Hp c ltac:(lra)). rewrite H0 in E.
  assert (0 <= f' c * (z - 0)) by (apply Rmult_le_pos; lra). lra.
Qed.

Lemma taylor_le n z : 0 <= z -> taylor n z <= exp z.
Proof.
  revert z. induction n as [|n IH]; intros z Hz; [simpl; left; apply exp_pos|].
  cut (0 <= exp z - taylor (S n) z); [lra|].
  apply (grows (fun z => exp z - taylor (S n) z) (fun z => exp z - taylor n z)); [assumption| | |].
  - rewrite exp_0, taylor_0. lra.
  - intros c _. apply (derivable_pt_lim_minus exp (taylor (S n)) c); [apply derivable_pt_lim_exp|apply taylor_lim].
  - intros c Hc. specialize (IH c ltac:(lra)). lra.
Qed.

Lemma taylor_ge n z : 0 <= z <= 1 -> exp z <= taylor n z + 3 * (z ^ n / INR (fact n)).
Proof.
  revert z. induction n as [|n IH]; intros z Hz.
  - simpl. assert (exp z <= exp 1) by (destruct (Req_dec z 1) as [->|]; [lra|left; apply exp_increasing; lra]).
    pose proof exp_le_3. lra.
  - cut (0 <= taylor (S n) z + 3 * (z ^ S n / INR (fact (S n))) - exp z); [lra|].
    apply (grows (fun z => taylor (S n) z + 3 * (z ^ S n / INR (fact (S n))) - exp z)
                 (fun z => taylor n z + 3 * (z ^ n / INR (fact n)) - exp z)); [lra| | |].
    + rewrite exp_0, taylor_0, pow_i by lia. unfold Rdiv. ring.
    + intros c _.
      apply (derivable_pt_lim_minus (fun z => taylor (S n) z + 3 * (z ^ S n / INR (fact (S n)))) exp c);
        [|apply derivable_pt_lim_exp].
      apply (derivable_pt_lim_plus (taylor (S n)) (fun z => 3 * (z ^ S n / INR (fact (S n)))) c); [apply taylor_lim|].
      apply (derivable_pt_lim_scal (fun z => z ^ S n / INR (fact (S n))) 3 c _ (term_lim n c)).
    + intros c Hc. specialize (IH c ltac:(lra)). lra.
Qed.

(** ** Floors and ceilings at a unit *)
Definition floor_at (m e u : Z) : Z := Z.shiftl m (e - u).
Definition ceil_at (m e u : Z) : Z := (- Z.shiftl (- m) (e - u))%Z.

Lemma floor_at_le m e u : IZR (floor_at m e u) * pow2 u <= IZR m * pow2 e.
Proof.
  unfold floor_at.
  replace (pow2 e) with (pow2 (e - u) * pow2 u) by (rewrite <- bpow_plus; f_equal; lia).
  rewrite <- Rmult_assoc. apply Rmult_le_compat_r; [apply bpow_ge_0|].
  destruct (Z.le_gt_cases 0 (e - u)) as [H|H].
  - rewrite Z.shiftl_mul_pow2, mult_IZR by assumption.
    apply Req_le. f_equal. rewrite <- IZR_Zpower by assumption. reflexivity.
  - replace (e - u)%Z with (- (u - e))%Z by lia. set (s := (u - e)%Z) in *.
    rewrite Z.shiftl_opp_r, Z.shiftr_div_pow2 by lia.
    rewrite bpow_opp. apply (Rmult_le_reg_r (pow2 s)); [apply bpow_gt_0|].
    rewrite Rmult_assoc, Rinv_l, Rmult_1_r by (apply Rgt_not_eq, bpow_gt_0).
    rewrite <- IZR_Zpower by lia. rewrite <- mult_IZR. apply IZR_le.
    change (radix2 ^ s)%Z with (2 ^ s)%Z. rewrite Z.mul_comm. apply Z.mul_div_le. lia.
Qed.

Lemma ceil_at_ge m e u : IZR m * pow2 e <= IZR (ceil_at m e u) * pow2 u.
Proof.
  pose proof (floor_at_le (- m) e u) as H. unfold floor_at in H. unfold ceil_at.
  rewrite opp_IZR in *. lra.
Qed.

Definition cdiv (a b : Z) : Z := (- (- a / b))%Z.
Lemma div_le a b : (0 < b)%Z -> IZR (a / b) <= IZR a / IZR b.
Proof.
  intros H. apply (Rmult_le_reg_r (IZR b)); [apply IZR_lt, H|].
  unfold Rdiv. rewrite Rmult_assoc, Rinv_l, Rmult_1_r by (apply not_0_IZR; lia).
  rewrite <- mult_IZR. apply IZR_le. rewrite Z.mul_comm. apply Z.mul_div_le, H.
Qed.
Lemma cdiv_ge a b : (0 < b)%Z -> IZR a / IZR b <= IZR (cdiv a b).
Proof.
  intros H. unfold cdiv. rewrite opp_IZR. pose proof (div_le (- a) b H) as D. rewrite opp_IZR in D.
  unfold Rdiv in *. lra.
Qed.

(** ** Taylor sums in integers, in units of 2^-g *)
Fixpoint tlo (n : nat) (i T z g acc : Z) : Z :=
  match n with
  | O => acc
  | S n => tlo n (i + 1) (floor_at (T * z) (- g) 0 / (i + 1)) z g (acc + T)
  end.
Fixpoint thi (n : nat) (i T z g acc : Z) : Z :=
  match n with
  | O => acc + 3 * T
  | S n => thi n (i + 1) (cdiv (ceil_at (T * z) (- g) 0) (i + 1)) z g (acc + T)
  end.

Lemma next_term i z : z ^ S i / INR (fact (S i)) = z ^ i / INR (fact i) * z / IZR (Z.of_nat i + 1).
Proof.
  replace (IZR (Z.of_nat i + 1)) with (INR (S i)) by (rewrite INR_IZR_INZ; f_equal; lia).
  rewrite fact_simpl, mult_INR. simpl pow. field. split; [apply INR_fact_neq_0|apply not_0_INR; lia].
Qed.

Lemma term_nonneg i z : 0 <= z -> 0 <= z ^ i / INR (fact i).
Proof.
  intros H. unfold Rdiv. apply Rmult_le_pos; [apply pow_le, H|].
  left. apply Rinv_0_lt_compat, INR_fact_lt_0.
Qed.

Lemma tlo_le n i T zz g acc z : (0 <= zz)%Z -> IZR zz * pow2 (- g) <= z ->
  (0 <= T)%Z -> IZR T * pow2 (- g) <= z ^ i / INR (fact i) -> IZR acc * pow2 (- g) <= taylor i z ->
  IZR (tlo n (Z.of_nat i) T zz g acc) * pow2 (- g) <= taylor (i + n) z.
Proof.
  intros Hz Hzz. revert i T acc. induction n as [|n IH]; intros i T acc HT Hterm Hacc.
  - rewrite Nat.add_0_r. assumption.
  - cbn [tlo]. replace (i + S n)%nat with (S i + n)%nat by lia.
    replace (Z.of_nat i + 1)%Z with (Z.of_nat (S i)) by lia. apply IH.
    + apply Z.div_pos; [|lia]. apply Z.shiftl_nonneg. lia.
    + eapply Rle_trans.
      * apply Rmult_le_compat_r; [apply bpow_ge_0|]. apply div_le. lia.
      * rewrite next_term. replace (Z.of_nat i + 1)%Z with (Z.of_nat (S i)) by lia.
        unfold Rdiv at 1 2. rewrite (Rmult_comm (IZR _)), Rmult_assoc, Rmult_comm.
        apply Rmult_le_compat_r; [left; apply Rinv_0_lt_compat, IZR_lt; lia|].
        pose proof (floor_at_le (T * zz) (- g) 0) as F. simpl (pow2 0) in F. rewrite Rmult_1_r, mult_IZR in F.
        apply IZR_le in Hz. apply IZR_le in HT. pose proof (bpow_ge_0 radix2 (- g)) as B.
        eapply Rle_trans; [apply Rmult_le_compat_r; [exact B|exact F]|].
        replace (IZR T * IZR zz * pow2 (- g) * pow2 (- g)) with ((IZR T * pow2 (- g)) * (IZR zz * pow2 (- g))) by ring.
        apply Rmult_le_compat; try assumption; apply Rmult_le_pos; assumption.
    + rewrite plus_IZR. simpl taylor. lra.
Qed.

Lemma thi_ge n i T zz g acc z : 0 <= z <= IZR zz * pow2 (- g) ->
  z ^ i / INR (fact i) <= IZR T * pow2 (- g) -> taylor i z <= IZR acc * pow2 (- g) ->
  taylor (i + n) z + 3 * (z ^ (i + n) / INR (fact (i + n)))
  <= IZR (thi n (Z.of_nat i) T zz g acc) * pow2 (- g).
Proof.
  intros Hz. revert i T acc. induction n as [|n IH]; intros i T acc Hterm Hacc.
  - rewrite Nat.add_0_r. cbn [thi]. rewrite plus_IZR, mult_IZR. lra.
  - cbn [thi]. replace (i + S n)%nat with (S i + n)%nat by lia.
    replace (Z.of_nat i + 1)%Z with (Z.of_nat (S i)) by lia. apply IH.
    + eapply Rle_trans.
      2:{ apply Rmult_le_compat_r; [apply bpow_ge_0|]. apply cdiv_ge. lia. }
      rewrite next_term. replace (Z.of_nat i + 1)%Z with (Z.of_nat (S i)) by lia.
      unfold Rdiv at 1 3. rewrite (Rmult_assoc (IZR _) _ (pow2 _)), (Rmult_comm (/ _) (pow2 _)), <- Rmult_assoc.
      apply Rmult_le_compat_r; [left; apply Rinv_0_lt_compat, IZR_lt; lia|].
      pose proof (ceil_at_ge (T * zz) (- g) 0) as F. simpl (pow2 0) in F. rewrite Rmult_1_r, mult_IZR in F.
      pose proof (bpow_ge_0 radix2 (- g)) as B.
      eapply Rle_trans; [|apply Rmult_le_compat_r; [exact B|exact F]].
      replace (IZR T * IZR zz * pow2 (- g) * pow2 (- g)) with ((IZR T * pow2 (- g)) * (IZR zz * pow2 (- g))) by ring.
      apply Rmult_le_compat; try lra. apply term_nonneg; lra.
    + rewrite plus_IZR. simpl taylor. lra.
Qed.

(** ** Balls: [lo * 2^e <= x <= hi * 2^e] *)
Definition fball : Type := Z * Z * Z.
Definition ball_in (b : fball) (x : R) : Prop :=
  let '(lo, hi, e) := b in (0 <= lo)%Z /\ IZR lo * pow2 e <= x <= IZR hi * pow2 e.
Definition trim (p : Z) (b : fball) : fball :=
  let '(lo, hi, e) := b in
  let k := (Z.log2 hi + 1 - p)%Z in
  if (k <=? 0)%Z then b else (floor_at lo e (e + k), ceil_at hi e (e + k), (e + k)%Z).
Definition sqr (b : fball) : fball := let '(lo, hi, e) := b in ((lo * lo)%Z, (hi * hi)%Z, (2 * e)%Z).
Definition inv (p : Z) (b : fball) : option fball :=
  let '(lo, hi, e) := b in
  if (0 <? lo)%Z && (0 <? hi)%Z && (0 <=? p)%Z
  then Some ((2 ^ p / hi)%Z, cdiv (2 ^ p) lo, (- p - e)%Z) else None.
Fixpoint squarings (r : nat) (p : Z) (b : fball) : fball :=
  match r with O => b | S r => squarings r p (trim p (sqr b)) end.

Lemma trim_in p b x : ball_in b x -> ball_in (trim p b) x.
Proof.
  destruct b as [[lo hi] e]. unfold trim. cbv zeta. intros (H0 & H1 & H2).
  destruct (_ <=? 0)%Z; [repeat split; assumption|]. split; [apply Z.shiftl_nonneg; assumption|]. split.
  - eapply Rle_trans; [apply floor_at_le|assumption].
  - eapply Rle_trans; [exact H2|apply ceil_at_ge].
Qed.

Lemma sqr_in b x : ball_in b x -> ball_in (sqr b) (x * x).
Proof.
  destruct b as [[lo hi] e]. cbn [sqr ball_in]. intros (H0 & H1 & H2). split; [lia|].
  replace (2 * e)%Z with (e + e)%Z by lia. rewrite bpow_plus, !mult_IZR. apply IZR_le in H0.
  pose proof (Rmult_le_pos _ _ H0 (bpow_ge_0 radix2 e)).
  split; [replace (IZR lo * IZR lo * (pow2 e * pow2 e)) with ((IZR lo * pow2 e) * (IZR lo * pow2 e)) by ring
         |replace (IZR hi * IZR hi * (pow2 e * pow2 e)) with ((IZR hi * pow2 e) * (IZR hi * pow2 e)) by ring];
    apply Rmult_le_compat; lra.
Qed.

Lemma squarings_in r p b x : ball_in b (exp x) -> ball_in (squarings r p b) (exp (x * pow2 (Z.of_nat r))).
Proof.
  revert b x. induction r as [|r IH]; intros b x H.
  - simpl. rewrite Rmult_1_r. assumption.
  - cbn [squarings].
    replace (x * pow2 (Z.of_nat (S r))) with ((x + x) * pow2 (Z.of_nat r)).
    + apply IH, trim_in. rewrite exp_plus. apply sqr_in, H.
    + rewrite Nat2Z.inj_succ, <- Z.add_1_r, bpow_plus. change (pow2 1) with 2. ring.
Qed.

Lemma inv_in p b x b' : ball_in b x -> inv p b = Some b' -> ball_in b' (/ x).
Proof.
  destruct b as [[lo hi] e]. unfold inv. intros (H0 & H1 & H2).
  destruct (_ && _)%bool eqn:E; [|discriminate]. intros Eq. injection Eq as <-.
  rewrite !Bool.andb_true_iff, Z.leb_le, !Z.ltb_lt in E. destruct E as ((Hl & Hh) & Hp).
  pose proof (bpow_gt_0 radix2 e) as B. pose proof (IZR_lt _ _ Hl) as Hl'. pose proof (IZR_lt _ _ Hh) as Hh'.
  assert (Hx : 0 < x) by (eapply Rlt_le_trans; [|exact H1]; apply Rmult_lt_0_compat; assumption).
  assert (P2 : IZR (2 ^ p) = pow2 p) by (rewrite <- IZR_Zpower by assumption; reflexivity).
  assert (Eu : forall c, 0 < c -> pow2 p / c * pow2 (- p - e) = / (c * pow2 e)).
  { intros c Hc. replace (- p - e)%Z with (- p + - e)%Z by lia. rewrite bpow_plus, !bpow_opp. pose proof (bpow_gt_0 radix2 p). field. repeat split; lra. }
  split; [apply Z.div_pos; lia|]. split.
  - eapply Rle_trans; [apply Rmult_le_compat_r; [apply bpow_ge_0|apply div_le; assumption]|].
    rewrite P2, Eu by assumption. apply Rinv_le_contravar; assumption.
  - eapply Rle_trans; [|apply Rmult_le_compat_r; [apply bpow_ge_0|apply cdiv_ge; assumption]].
    rewrite P2, Eu by assumption. apply Rinv_le_contravar; [apply Rmult_lt_0_compat; assumption|assumption].
Qed.

(** ** exp(num * 2^e / sqrt(sq)) for num <= 0 *)
Definition exp_neg (prec num e sq : Z) : option fball :=
  if (num <=? 0)%Z && (0 <? sq)%Z then
    let g0 := Z.max (- e) (prec + 64) in
    let A := Z.shiftl (- num) (e + g0) in
    let Y := Z.sqrt (A * A / sq) in
    let r := Z.to_nat (Z.log2 Y + 1 - g0) in
    let g := (prec + Z.of_nat r + 16)%Z in
    let zl := floor_at Y (- (g0 + Z.of_nat r)) (- g) in
    let zh := ceil_at (Y + 1) (- (g0 + Z.of_nat r)) (- g) in
    if (0 <=? g)%Z && (zh <=? 2 ^ g)%Z then
      let n := Z.to_nat (g / 3 + 4) in
      match inv (2 * g) (squarings r g (tlo n 0 (2 ^ g) zl g 0, thi n 0 (2 ^ g) zh g 0, (- g)%Z)) with
      | Some b => Some (trim prec b)
      | None => None
      end
    else None
  else None.

Lemma tlo_nonneg n i T z g acc : (0 <= i)%Z -> (0 <= T)%Z -> (0 <= z)%Z -> (0 <= acc)%Z -> (0 <= tlo n i T z g acc)%Z.
Proof.
  revert i T acc. induction n as [|n IH]; intros i T acc Hi HT Hz Ha; [assumption|]. cbn [tlo]. apply IH; try lia.
  apply Z.div_pos; [|lia]. apply Z.shiftl_nonneg. lia.
Qed.

Theorem exp_neg_in prec num e sq b : exp_neg prec num e sq = Some b ->
  ball_in b (exp (IZR num * pow2 e / sqrt (IZR sq))).
Proof.
  unfold exp_neg. destruct (_ && _)%bool eqn:E; [|discriminate].
  apply Bool.andb_true_iff in E as (Hn & Hs). apply Z.leb_le in Hn. apply Z.ltb_lt in Hs. cbv zeta.
  set (g0 := Z.max (- e) (prec + 64)). set (A := Z.shiftl (- num) (e + g0)). set (Y := Z.sqrt (A * A / sq)).
  set (r := Z.to_nat (Z.log2 Y + 1 - g0)). set (g := (prec + Z.of_nat r + 16)%Z).
  set (zl := floor_at Y _ _). set (zh := ceil_at (Y + 1) _ _).
  destruct (_ && _)%bool eqn:E; [|discriminate].
  apply Bool.andb_true_iff in E as (Hg & Hzh). apply Z.leb_le in Hg. apply Z.leb_le in Hzh.
  set (n := Z.to_nat _).
  destruct (inv _ _) as [b'|] eqn:Ei; [|discriminate]. intros Eb. injection Eb as <-.
  assert (Hg0 : (0 <= e + g0)%Z) by (unfold g0; lia).
  assert (HA : (0 <= A)%Z) by (apply Z.shiftl_nonneg; lia).
  assert (EA : IZR A = IZR (- num) * pow2 (e + g0)).
  { unfold A. rewrite Z.shiftl_mul_pow2, mult_IZR by assumption. f_equal.
    rewrite <- IZR_Zpower by assumption. reflexivity. }
  set (y := - (IZR num * pow2 e / sqrt (IZR sq))).
  assert (Hs' : 0 < IZR sq) by (apply IZR_lt; assumption).
  pose proof (sqrt_lt_R0 _ Hs') as Hq.
  assert (Ey : y * pow2 g0 = IZR A / sqrt (IZR sq)).
  { unfold y. rewrite EA, opp_IZR, bpow_plus. field. lra. }
  (* Y <= y 2^g0 <= Y + 1 *)
  assert (HY : IZR Y <= y * pow2 g0 <= IZR (Y + 1)).
  { rewrite Ey. pose proof (Z.sqrt_nonneg (A * A / sq)) as HY0. fold Y in HY0.
    assert (Hd : (0 <= A * A / sq)%Z) by (apply Z.div_pos; nia).
    pose proof (Z.sqrt_spec _ Hd) as (S1 & S2). fold Y in S1, S2. unfold Z.succ in S2.
    pose proof (Z.mul_div_le (A * A) sq Hs) as D1.
    pose proof (Z.mul_succ_div_gt (A * A) sq Hs) as D2.
    assert (L : (sq * (Y * Y) <= A * A)%Z) by nia.
    assert (U : (A * A <= sq * ((Y + 1) * (Y + 1)))%Z) by nia.
    apply IZR_le in L. apply IZR_le in U. rewrite !mult_IZR in L, U.
    apply IZR_le in HY0. pose proof (IZR_le _ _ HA) as HA'.
    assert (Eq : IZR sq = sqrt (IZR sq) * sqrt (IZR sq)) by (symmetry; apply sqrt_sqrt; lra).
    rewrite Eq in L at 1. rewrite Eq in U at 1. set (c := sqrt (IZR sq)) in *.
    assert (HY1 : 0 <= IZR (Y + 1)) by (rewrite plus_IZR; lra).
    assert (L' : IZR Y * c <= IZR A).
    { apply Rsqr_incr_0; [unfold Rsqr; lra|apply Rmult_le_pos; lra|assumption]. }
    assert (U' : IZR A <= IZR (Y + 1) * c).
    { apply Rsqr_incr_0; [unfold Rsqr; lra|assumption|apply Rmult_le_pos; lra]. }
    split; apply (Rmult_le_reg_r c); try assumption; unfold Rdiv; rewrite ?Rmult_assoc, ?Rinv_l; lra. }
  set (z := y * pow2 (- Z.of_nat r)).
  assert (Ez : z = y * pow2 g0 * pow2 (- (g0 + Z.of_nat r))).
  { unfold z. rewrite Rmult_assoc, <- bpow_plus. do 2 f_equal. lia. }
  assert (HY0 : 0 <= IZR Y) by (apply IZR_le, Z.sqrt_nonneg).
  assert (Hzl : IZR zl * pow2 (- g) <= z).
  { eapply Rle_trans; [apply floor_at_le|]. rewrite Ez. apply Rmult_le_compat_r; [apply bpow_ge_0|apply HY]. }
  assert (Hzh' : z <= IZR zh * pow2 (- g)).
  { eapply Rle_trans; [|apply ceil_at_ge]. rewrite Ez. apply Rmult_le_compat_r; [apply bpow_ge_0|apply HY]. }
  assert (Hz0 : 0 <= z) by (rewrite Ez; apply Rmult_le_pos; [lra|apply bpow_ge_0]).
  assert (P2 : IZR (2 ^ g) = pow2 g) by (rewrite <- IZR_Zpower by assumption; reflexivity).
  assert (One : IZR (2 ^ g) * pow2 (- g) = 1).
  { rewrite P2, <- bpow_plus. replace (g + - g)%Z with 0%Z by lia. reflexivity. }
  assert (Hz1 : z <= 1).
  { eapply Rle_trans; [exact Hzh'|]. rewrite <- One. apply Rmult_le_compat_r; [apply bpow_ge_0|apply IZR_le, Hzh]. }
  assert (Hzl0 : (0 <= zl)%Z) by (apply Z.shiftl_nonneg, Z.sqrt_nonneg).
  assert (Hpow : (0 <= 2 ^ g)%Z) by (apply Z.pow_nonneg; lia).
  assert (Hb : ball_in (tlo n 0 (2 ^ g) zl g 0, thi n 0 (2 ^ g) zh g 0, (- g)%Z) (exp z)).
  { split; [apply tlo_nonneg; lia|]. split.
    - eapply Rle_trans; [apply (tlo_le n 0 (2 ^ g) zl g 0 z)|apply taylor_le; assumption]; try assumption.
      + rewrite One. simpl. lra.
      + simpl. lra.
    - eapply Rle_trans; [apply (taylor_ge n z); lra|].
      apply (thi_ge n 0 (2 ^ g) zh g 0 z).
      + lra.
      + rewrite One. simpl. lra.
      + simpl. lra. }
  apply trim_in.
  replace (exp (IZR num * pow2 e / sqrt (IZR sq))) with (/ exp (z * pow2 (Z.of_nat r))).
  - eapply inv_in; [apply squarings_in, Hb|exact Ei].
  - rewrite <- exp_Ropp. f_equal. unfold z. rewrite Rmult_assoc, <- bpow_plus.
    replace (- Z.of_nat r + Z.of_nat r)%Z with 0%Z by lia. unfold y. simpl (pow2 0). ring.
Qed.
