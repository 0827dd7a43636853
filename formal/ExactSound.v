(** The verified checker is sound: what it counts is at most the number of correct inputs. *)
From Coq Require Import ZArith Reals Lra Lia List Arith Bool Permutation.
From Flocq Require Import Core.Raux Core.Zaux.
From Ballproof Require Import Sums Transformer Counts Theorems Exp Walk Lose Exact.
Import ListNotations.
Local Open Scope R_scope.

(** ** Dyadic numbers *)
Lemma val_add s a b : val s a + val s b = val s (a + b).
Proof. unfold val. rewrite plus_IZR. ring. Qed.
Lemma val_sub s a b : val s a - val s b = val s (a - b).
Proof. unfold val. rewrite minus_IZR. ring. Qed.
Lemma val_mul s t a b : val s a * val t b = val (s + t) (a * b).
Proof. unfold val. rewrite mult_IZR, Z.opp_add_distr, bpow_plus. ring. Qed.
Lemma val_up s t z : (0 <= s)%Z -> val t z = val (t + s) (up_by s z).
Proof.
  intros H. unfold val, up_by. rewrite Z.shiftl_mul_pow2, mult_IZR by assumption.
  replace (IZR (2 ^ s)) with (pow2 s) by (rewrite <- IZR_Zpower by assumption; reflexivity).
  rewrite Rmult_assoc, <- bpow_plus. do 2 f_equal. lia.
Qed.
Lemma sum_val n s F : sum n (fun i => val s (F i)) = val s (zsum n F).
Proof.
  induction n; simpl; [unfold val; ring|]. rewrite IHn. apply val_add.
Qed.
Lemma dot_val n s t a b : sum n (fun c => val s (a c) * val t (b c)) = val (s + t) (dot n a b).
Proof. unfold dot. rewrite <- sum_val. apply sum_ext. intros. apply val_mul. Qed.

Lemma nth_map_lt {A B} (F : A -> B) l i d d' : (i < length l)%nat -> nth i (map F l) d = F (nth i l d').
Proof.
  revert i. induction l as [|a l IH]; intros [|i] H; simpl in *; try lia; [reflexivity|].
  apply IH. lia.
Qed.
Lemma nth_map_seq {A} (F : nat -> A) n i d : (i < n)%nat -> nth i (map F (seq 0 n)) d = F i.
Proof.
  intros H. rewrite (nth_map_lt F (seq 0 n) i d O) by (rewrite seq_length; assumption).
  rewrite seq_nth by assumption. reflexivity.
Qed.
Lemma get2_tab2 n m F i j : (i < n)%nat -> (j < m)%nat -> get2 (tab2 n m F) i j = F i j.
Proof.
  intros Hi Hj. unfold get2, get, tab2. rewrite nth_map_seq by assumption. apply nth_map_seq, Hj.
Qed.

(** ** Path tables *)
Section Tables.
Variables (W : zmodel) (num : Z) (den : positive).
Hypothesis s_nonneg : (0 <= zs W)%Z.
Notation M := (real_model W).
Notation maxk := (max_task (real_model W)).
Notation s := (zs W).
Notation T := (make_tables W num den).
Notation v := (zv W).
Notation n := (zn W).
Notation d := (zd W).
Notation h := (zh W).

Lemma rows_ok N (X : list (list Z)) (XV XVO : list (list Z)) :
  XV = tab2 N h (fun t a => dot d (get2 X t) (fun c => get2 (zV W) c a)) ->
  XVO = tab2 N d (fun t c => dot h (get2 XV t) (fun a => get2 (zO W) a c)) ->
  forall t j, (t < N)%nat ->
  ov M (fun b => val s (get2 X t b)) j
  = val (4 * s) (dot d (get2 XVO t) (fun c => get2 (zU W) c j)).
Proof.
  intros -> -> t j Ht. unfold ov. cbn [d_model d_head W_V W_O W_U real_model].
  replace (4 * s)%Z with (s + s + s + s)%Z by lia. rewrite <- dot_val.
  apply sum_ext; intros c Hc. f_equal. rewrite get2_tab2 by assumption.
  rewrite <- dot_val. apply sum_ext; intros a Ha. f_equal. rewrite get2_tab2 by assumption.
  rewrite <- dot_val. reflexivity.
Qed.

Lemma val_den z : val (4 * s) (Zpos den * z) = IZR (Zpos den) * val (4 * s) z.
Proof. unfold val. rewrite mult_IZR. ring. Qed.

Lemma tabV_ok t j : (t < v)%nat -> (j < v)%nat ->
  val (4 * s) (get2 (tabV T) t j) = IZR (Zpos den) * tV M t j.
Proof.
  intros Ht Hj. unfold make_tables. cbn [tabV]. rewrite get2_tab2 by assumption. rewrite val_den.
  f_equal. symmetry. unfold tV. cbn [W_E real_model]. eapply (rows_ok v); [reflexivity|reflexivity|assumption].
Qed.

Lemma tabP_ok i j : (i < S n)%nat -> (j < v)%nat ->
  val (4 * s) (get2 (tabP T) i j) = IZR (Zpos den) * tP M i j.
Proof.
  intros Hi Hj. unfold make_tables. cbn [tabP]. rewrite get2_tab2 by assumption. rewrite val_den.
  f_equal. symmetry. unfold tP. cbn [W_pos real_model]. eapply (rows_ok (S n)); [reflexivity|reflexivity|assumption].
Qed.

Lemma tabD_ok q j : (q < v)%nat -> (j < v)%nat ->
  val (4 * s) (get2 (tabD T) q j) = IZR (Zpos den) * tD M q j.
Proof.
  intros Hq Hj. unfold make_tables. cbn [tabD]. rewrite get2_tab2 by assumption. rewrite val_den.
  f_equal. symmetry. unfold tD.
  cbn [d_model d_head n_free W_E W_pos W_V W_O W_U b_V b_O b_U real_model].
  replace (4 * s)%Z with (s + s + s + s)%Z by lia. rewrite <- val_up by assumption.
  rewrite <- val_add. f_equal.
  - rewrite <- dot_val. apply sum_ext; intros c Hc. f_equal. rewrite get2_tab2 by assumption.
    rewrite <- val_add, <- val_up by assumption. rewrite get2_tab2 by assumption.
    rewrite <- !val_add, <- dot_val. ring.
  - replace (s + s + s)%Z with (s + 2 * s)%Z by lia. apply val_up. lia.
Qed.

Lemma qrow_ok q a : (q < v)%nat -> (a < h)%nat ->
  qrow M q a = val (s + s) (dot d (get2 (tab2 v d (fun q c => get2 (zE W) q c + get2 (zPos W) n c)%Z) q)
                             (fun c => get2 (zQ W) c a) + up_by s (get (zbQ W) a))%Z.
Proof.
  intros Hq Ha. unfold qrow. cbn [d_model n_free W_E W_pos W_Q b_Q real_model].
  rewrite <- val_add, <- val_up by assumption. f_equal.
  rewrite <- dot_val. apply sum_ext; intros c Hc. rewrite get2_tab2 by assumption.
  rewrite <- val_add. reflexivity.
Qed.

Lemma tabS_ok q t : (q < v)%nat -> (t < v)%nat -> val (4 * s) (get2 (tabS T) q t) = rS M q t.
Proof.
  intros Hq Ht. unfold make_tables. cbn [tabS]. rewrite get2_tab2 by assumption.
  replace (4 * s)%Z with (s + s + (s + s))%Z by lia. rewrite <- dot_val. symmetry.
  unfold rS. apply sum_ext; intros a Ha. cbn [d_head real_model] in Ha.
  rewrite !get2_tab2 by assumption. f_equal; [apply qrow_ok; assumption|].
  cbn [d_model W_E W_K real_model]. apply dot_val.
Qed.

Lemma tabR_ok q i : (q < v)%nat -> (i < S n)%nat -> val (4 * s) (get2 (tabR T) q i) = rR M q i.
Proof.
  intros Hq Hi. unfold make_tables. cbn [tabR]. rewrite get2_tab2 by assumption.
  replace (4 * s)%Z with (s + s + (s + s))%Z by lia. rewrite <- dot_val. symmetry.
  unfold rR. apply sum_ext; intros a Ha. cbn [d_head real_model] in Ha.
  rewrite !get2_tab2 by assumption. f_equal; [apply qrow_ok; assumption|].
  cbn [d_model W_pos W_K real_model]. apply dot_val.
Qed.

Lemma eps_ok : val (4 * s) (epsZ T) = IZR num.
Proof.
  unfold make_tables. cbn [epsZ]. replace (4 * s)%Z with (0 + 4 * s)%Z at 1 by lia.
  rewrite <- val_up by lia. unfold val. simpl. ring.
Qed.
End Tables.

(** ** Balls *)
Definition ball_ok (b : ball) (x : R) : Prop := match b with Some b => ball_in b x | None => True end.

Lemma exp_ball_ok prec num e sq : ball_ok (exp_ball prec num e sq) (exp (IZR num * pow2 e / sqrt (IZR sq))).
Proof.
  unfold exp_ball. destruct (exp_neg _ num e sq) as [b|] eqn:E; [|exact I]. apply exp_neg_in in E. exact E.
Qed.

Lemma at_unit_ok u b x : ball_ok b x -> fine (at_unit u b) = true ->
  (0 <= fst (at_unit u b))%Z /\ IZR (fst (at_unit u b)) * pow2 u <= x <= IZR (snd (at_unit u b)) * pow2 u.
Proof.
  intros Hb. destruct b as [[[lo hi] e]|]; [|discriminate]. intros _. cbn [ball_ok ball_in at_unit fst snd] in *.
  destruct Hb as (H0 & H1 & H2).
  pose proof (floor_at_le lo e u). pose proof (ceil_at_ge hi e u).
  split; [apply Z.shiftl_nonneg, H0|]. split; lra.
Qed.

Lemma maxl_ge l i : (i < length l)%nat -> (nth i l 0 <= maxl l)%Z.
Proof.
  assert (H : forall l a, (a <= fold_left Z.max l a)%Z /\ forall i, (i < length l)%nat -> (nth i l 0 <= fold_left Z.max l a)%Z).
  { clear. induction l as [|b l IH]; intros a; simpl; [split; [lia|intros; lia]|].
    destruct (IH (Z.max a b)) as [H1 H2]. split; [lia|]. intros [|i] Hi; [lia|]. apply H2. lia. }
  destruct l as [|a l]; simpl; [lia|]. intros Hi. destruct (H l a) as [H1 H2].
  destruct i; [assumption|]. apply H2. lia.
Qed.

Lemma entry_ge F (t p : span) (wt wp : R) :
  (0 <= fst t)%Z -> (0 <= fst p)%Z ->
  IZR (fst t) <= wt <= IZR (snd t) -> IZR (fst p) <= wp <= IZR (snd p) ->
  IZR F * (wt * wp) <= IZR (entry F (span_mul t p)).
Proof.
  intros Ht Hp [Ht1 Ht2] [Hp1 Hp2]. apply IZR_le in Ht. apply IZR_le in Hp. unfold entry, span_mul. cbn [fst snd].
  destruct (Z.ltb_spec 0 F) as [H|H]; apply IZR_lt in H || apply IZR_le in H; rewrite !mult_IZR.
  - apply Rmult_le_compat_l; [lra|]. apply Rmult_le_compat; lra.
  - apply Rmult_le_compat_neg_l; [lra|]. apply Rmult_le_compat; lra.
Qed.

(** ** One class *)
Lemma total_from_sum rows y st : length y = length rows ->
  total_from st rows y
  = (st + zsum (length rows) (fun i => entry_at (nth i y O) (snd (nth i rows (0%Z, [])))))%Z.
Proof.
  assert (Shift : forall m F, zsum (S m) F = (F O + zsum m (fun i => F (S i)))%Z).
  { induction m; intros F; [simpl; lia|]. change (zsum (S (S m)) F) with (zsum (S m) F + F (S m))%Z.
    rewrite IHm. simpl. lia. }
  revert st y. induction rows as [|[b row] rows IH]; intros st [|t y] L; try discriminate L; [simpl; lia|].
  cbn [length]. rewrite Shift. cbn [nth snd total_from]. rewrite IH by (simpl in L; lia). lia.
Qed.

Lemma bests_sum rows : bests rows = zsum (length rows) (fun i => fst (nth i rows (0%Z, []))).
Proof.
  assert (Shift : forall m F, zsum (S m) F = (F O + zsum m (fun i => F (S i)))%Z).
  { induction m; intros F; [simpl; lia|]. change (zsum (S (S m)) F) with (zsum (S m) F + F (S m))%Z.
    rewrite IHm. simpl. lia. }
  induction rows as [|[b row] rows IH]; [reflexivity|].
  cbn [length]. rewrite Shift. cbn [nth fst bests]. rewrite IH. reflexivity.
Qed.

Lemma count_map {A B} (F : A -> B) p l : count p (map F l) = count (fun a => p (F a)) l.
Proof.
  unfold count. induction l; simpl; [reflexivity|]. destruct (p (F a)); simpl; congruence.
Qed.
Lemma count_filter {A} (p f' : A -> bool) l : count p (filter f' l) = count (fun a => f' a && p a)%bool l.
Proof.
  unfold count. induction l; simpl; [reflexivity|].
  destruct (f' a); simpl; [|assumption]. destruct (p a); simpl; congruence.
Qed.

Section ClassSound.
Variables (W : zmodel) (num : Z) (den : positive) (prec : positive).
Hypothesis s_nonneg : (0 <= zs W)%Z.
Notation M := (real_model W).
Notation maxk := (max_task (real_model W)).
Notation s := (zs W).
Notation T := (make_tables W num den).
Notation v := (zv W).
Notation n := (zn W).
Notation eps := (IZR num / IZR (Zpos den)).

Variables (tb pb : list ball) (q m : nat) (Sx Rx : R).
Hypothesis Hm : (m < v)%nat.
Hypothesis Hq : (q <= m)%nat.
Hypothesis Htb : forall t, (t < length tb)%nat -> (t < v)%nat -> ball_ok (nth t tb None) (exp (tS M q t - Sx)).
Hypothesis Hpb : forall i, (i < length pb)%nat -> (i < S n)%nat -> ball_ok (nth i pb None) (exp (tR M q i - Rx)).

Variables (ut up : Z) (ts ps : list span).
Hypothesis Ets : ts = map (at_unit ut) (firstn (S m) tb).
Hypothesis Eps : ps = map (at_unit up) pb.
Hypothesis Fts : forallb fine ts = true.
Hypothesis Fps : forallb fine ps = true.
Hypothesis Lts : length ts = S m.
Hypothesis Lps : length ps = S n.

Lemma span_t t : (t <= m)%nat -> let sp := nth t ts (0, 0)%Z in
  (0 <= fst sp)%Z /\ IZR (fst sp) <= exp (tS M q t - Sx) * pow2 (- ut) <= IZR (snd sp).
Proof.
  intros Ht sp. rewrite Ets, map_length in Lts.
  assert (Hlt : (t < length tb)%nat) by (rewrite firstn_length in Lts; lia).
  assert (E : sp = at_unit ut (nth t tb None)).
  { unfold sp. rewrite Ets. rewrite (nth_map_lt _ _ _ _ (None : ball)) by lia. f_equal.
    rewrite <- (firstn_skipn (S m) tb) at 2. symmetry. apply app_nth1. lia. }
  assert (Ff : fine sp = true).
  { rewrite forallb_forall in Fts. apply Fts. unfold sp. apply nth_In. rewrite Ets, map_length. lia. }
  rewrite E in *. destruct (at_unit_ok ut _ _ (Htb t Hlt ltac:(lia)) Ff) as (H0 & H1 & H2).
  split; [assumption|]. rewrite bpow_opp.
  pose proof (bpow_gt_0 radix2 ut). split.
  - apply (Rmult_le_reg_r (pow2 ut)); [assumption|]. rewrite Rmult_assoc, Rinv_l by lra. lra.
  - apply (Rmult_le_reg_r (pow2 ut)); [assumption|]. rewrite Rmult_assoc, Rinv_l by lra. lra.
Qed.

Lemma span_p i : (i < S n)%nat -> let sp := nth i ps (0, 0)%Z in
  (0 <= fst sp)%Z /\ IZR (fst sp) <= exp (tR M q i - Rx) * pow2 (- up) <= IZR (snd sp).
Proof.
  intros Hi sp. rewrite Eps, map_length in Lps.
  assert (Hlt : (i < length pb)%nat) by lia.
  assert (E : sp = at_unit up (nth i pb None)).
  { unfold sp. rewrite Eps. apply nth_map_lt. assumption. }
  assert (Ff : fine sp = true).
  { rewrite forallb_forall in Fps. apply Fps. unfold sp. apply nth_In. rewrite Eps, map_length. lia. }
  rewrite E in *. destruct (at_unit_ok up _ _ (Hpb i Hlt Hi) Ff) as (H0 & H1 & H2).
  split; [assumption|]. rewrite bpow_opp.
  pose proof (bpow_gt_0 radix2 up). split.
  - apply (Rmult_le_reg_r (pow2 up)); [assumption|]. rewrite Rmult_assoc, Rinv_l by lra. lra.
  - apply (Rmult_le_reg_r (pow2 up)); [assumption|]. rewrite Rmult_assoc, Rinv_l by lra. lra.
Qed.

Definition unit_c : R :=
  pow2 (4 * s) * IZR (Zpos den) * (exp (- Sx) * exp (- Rx)) * (pow2 (- ut) * pow2 (- up)).

Lemma unit_c_pos : 0 < unit_c.
Proof.
  unfold unit_c. repeat apply Rmult_lt_0_compat; try apply bpow_gt_0; try apply exp_pos.
  apply IZR_lt. reflexivity.
Qed.

Notation wss := (map (fun p => map (fun t => span_mul t p) ts) ps).

Lemma weight_of i t : (i < S n)%nat -> (t <= m)%nat ->
  nth t (nth i wss []) (0, 0)%Z = span_mul (nth t ts (0, 0)%Z) (nth i ps (0, 0)%Z).
Proof.
  intros Hi Ht. rewrite (nth_map_lt _ ps i _ (0, 0)%Z) by (rewrite Lps; lia).
  rewrite (nth_map_lt _ ts t _ (0, 0)%Z) by (rewrite Lts; lia). reflexivity.
Qed.

Lemma weights_length i : (i < S n)%nat -> length (nth i wss []) = S m.
Proof.
  intros Hi. rewrite (nth_map_lt _ ps i _ (0, 0)%Z) by (rewrite Lps; lia). rewrite map_length. exact Lts.
Qed.

Section Rival.
Variable j : nat.
Hypothesis Hj : (j < v)%nat.
Notation r := (rival_of T n q m wss (token_gaps T m j) (place_gaps T n m j) j).
Definition gapZ (i t : nat) : Z :=
  (gap (tabD T) q j m + epsZ T + gap (tabP T) i j m + gap (tabV T) t j m)%Z.
Definition upR (i t : nat) : R :=
  IZR (entry (gapZ i t) (span_mul (nth t ts (0, 0)%Z) (nth i ps (0, 0)%Z))).

Lemma gap_ok i t : (i < S n)%nat -> (t <= m)%nat ->
  IZR (gapZ i t) = pow2 (4 * s) * IZR (Zpos den) * f M eps q m j i t.
Proof.
  intros Hi Ht.
  assert (E : val (4 * s) (gapZ i t) = IZR (Zpos den) * f M eps q m j i t).
  { unfold gapZ, gap. rewrite <- !val_add, <- !val_sub.
    rewrite !tabD_ok, !tabV_ok, !tabP_ok, eps_ok by (assumption || lia).
    unfold f. field. apply not_0_IZR. discriminate. }
  rewrite Rmult_assoc, <- E. unfold val. rewrite Rmult_comm, Rmult_assoc, <- bpow_plus.
  replace (- (4 * s) + 4 * s)%Z with 0%Z by lia. simpl. ring.
Qed.

Lemma upper_ok : upper_table M eps unit_c q m j upR.
Proof.
  split; [apply unit_c_pos|]. intros i t Hi Ht. cbn [n_free real_model] in Hi.
  destruct (span_t t Ht) as (T0 & T1). destruct (span_p i Hi) as (P0 & P1).
  unfold upR. eapply Rle_trans; [|apply (entry_ge _ _ _ _ _ T0 P0 T1 P1)].
  rewrite gap_ok by assumption. unfold unit_c, g, w, Rminus. rewrite !exp_plus. apply Req_le. ring.
Qed.

Lemma rival_rows i : (i < n)%nat ->
  nth i (snd r) (0%Z, []) =
  (let row := row_of (gap (tabD T) q j m + epsZ T + get (place_gaps T n m j) i)%Z (token_gaps T m j) (nth i wss [])
   in (maxl row, row)).
Proof. intros Hi. unfold rival_of. cbn [snd]. rewrite nth_map_seq by assumption. reflexivity. Qed.

Lemma rival_length : length (snd r) = n.
Proof. unfold rival_of. cbn [snd]. rewrite map_length, seq_length. reflexivity. Qed.

Lemma row_length base ws : length ws = S m -> length (row_of base (token_gaps T m j) ws) = S m.
Proof.
  intros L. unfold row_of, token_gaps. rewrite map_length, combine_length, map_length, seq_length, L. lia.
Qed.

Lemma row_entry i t : (i < n)%nat -> (t <= m)%nat ->
  IZR (entry_at t (snd (nth i (snd r) (0%Z, [])))) = upR i t.
Proof.
  intros Hi Ht. rewrite rival_rows by assumption. cbn [snd]. unfold upR, entry_at. f_equal.
  unfold row_of. pose proof (weights_length i ltac:(lia)) as Lw. rewrite (nth_map_lt _ _ _ _ (0, (0, 0))%Z).
  2:{ rewrite combine_length. unfold token_gaps. rewrite map_length, seq_length, Lw. lia. }
  rewrite combine_nth by (unfold token_gaps; rewrite map_length, seq_length; symmetry; exact Lw).
  cbn [fst snd]. rewrite weight_of by lia.
  unfold gapZ, token_gaps, place_gaps, get. rewrite !nth_map_seq by lia. reflexivity.
Qed.

Lemma own_entry : IZR (fst r) = upR n q.
Proof.
  unfold rival_of, upR. cbn [fst]. f_equal. rewrite weight_of by lia. unfold gapZ, token_gaps, place_gaps, get.
  rewrite !nth_map_seq by lia. reflexivity.
Qed.

Lemma rival_bounded : bounded m r.
Proof.
  unfold bounded. apply Forall_forall. intros br Hbr t Ht.
  unfold rival_of in Hbr. cbn [snd] in Hbr. apply in_map_iff in Hbr as (i & <- & Hi). cbn [fst snd].
  apply in_seq in Hi. unfold entry_at. apply maxl_ge. rewrite row_length; [lia|apply weights_length; lia].
Qed.

Lemma entry_bounded i t : (i < n)%nat -> (t <= m)%nat -> upR i t <= IZR (fst (nth i (snd r) (0%Z, []))).
Proof.
  intros Hi Ht. rewrite <- row_entry by assumption. apply IZR_le.
  pose proof rival_bounded as B. unfold bounded in B. rewrite Forall_forall in B.
  apply B; [|assumption]. apply nth_In. rewrite rival_length. assumption.
Qed.

(** The exchange costs something or nothing: where the largest entries do not reach 0 it is not looked at. *)
Lemma cleared x : survives q m r = false -> member M q m x -> ~ wins M maxk eps x j.
Proof.
  intros Hs.
  pose (X := if (0 <=? fst r + bests (snd r))%Z then IZR (exchange m r) else 0).
  apply (T3_gen M eps unit_c q m j upR (fun i => IZR (fst (nth i (snd r) (0%Z, [])))) X x upper_ok).
  - intros i t Hi Ht. cbn [n_free real_model] in Hi. apply entry_bounded; assumption.
  - intros p Hp. cbn [n_free real_model] in Hp. unfold X.
    destruct (0 <=? _)%Z; [|pose proof (entry_bounded p m Hp ltac:(lia)); lra].
    rewrite <- row_entry by lia. rewrite <- minus_IZR. apply IZR_le. unfold exchange.
    pose proof (maxl_ge (map (fun br : Z * list Z => entry_at m (snd br) - fst br)%Z (snd r)) p) as Hx.
    rewrite map_length, rival_length in Hx. specialize (Hx Hp).
    rewrite (nth_map_lt _ _ _ _ (0%Z, [])) in Hx by (rewrite rival_length; assumption). exact Hx.
  - cbn [n_free real_model]. rewrite <- own_entry, <- IZR_zsum. unfold survives in Hs. cbv zeta in Hs. unfold X.
    pose proof (bests_sum (snd r)) as Eb. rewrite rival_length in Eb. rewrite <- Eb.
    destruct (Z.leb_spec 0 (fst r + bests (snd r))) as [H0|H0]; cbn [andb] in Hs.
    + destruct (q <? m)%nat; [|discriminate]. apply Z.leb_gt in Hs. rewrite <- !plus_IZR. apply IZR_lt. lia.
    + destruct (q <? m)%nat; rewrite <- !plus_IZR; apply IZR_lt; lia.
Qed.

Lemma no_win y : (total r y < 0)%Z -> member M q m (y ++ [q]) -> ~ wins M maxk eps (y ++ [q]) j.
Proof.
  intros Ht Hx. destruct (member_spec M q m _ Hx) as (Hl & Em & Eq & Hall & _).
  rewrite app_length in Hl. cbn [length n_free real_model] in Hl, Eq, Hall.
  apply (T2_upper M maxk eps (y ++ [q]) j upR unit_c unit_c_pos).
  - cbn [n_free real_model label max_task max_of]. intros i Hi. rewrite Em, Eq. apply upper_ok; [assumption|apply Hall; assumption].
  - cbn [n_free real_model sum]. rewrite Eq.
    unfold total in Ht. rewrite total_from_sum in Ht by (rewrite rival_length; lia).
    rewrite rival_length in Ht. apply IZR_lt in Ht. rewrite plus_IZR, IZR_zsum, own_entry in Ht.
    rewrite (sum_ext n _ (fun i => IZR (entry_at (nth i y O) (snd (nth i (snd r) (0%Z, [])))))).
    + lra.
    + intros i Hi. assert (E : tok (y ++ [q]) i = nth i y O) by (unfold tok; apply app_nth1; lia).
      rewrite row_entry; [rewrite E; reflexivity|assumption|]. rewrite <- E. apply Hall. lia.
Qed.
End Rival.

Lemma walk_right :
  (walk m n (q =? m)%nat (filter (survives q m)
     (map (fun j => rival_of T n q m wss (token_gaps T m j) (place_gaps T n m j) j)
          (filter (fun j => negb (j =? m)%nat) (seq 0 v))))
   <= count (correctb M maxk eps) (class v (S n) q m))%nat.
Proof.
  set (live := filter _ _).
  assert (Hlive : forall r, In r live -> exists j, (j < v)%nat /\ r = rival_of T n q m wss (token_gaps T m j) (place_gaps T n m j) j).
  { intros r Hr. apply filter_In in Hr as (Hr & _). apply in_map_iff in Hr as (j & <- & Hj).
    apply filter_In in Hj as (Hj & _). apply in_seq in Hj. exists j. split; [lia|reflexivity]. }
  eapply Nat.le_trans.
  - apply walk_sound. intros r Hr. destruct (Hlive r Hr) as (j & Hj & ->).
    split; [apply rival_bounded; assumption|apply rival_length].
  - eapply Nat.le_trans; [|apply Nat.eq_le_incl; symmetry; exact (count_perm _ _ _ (class_perm v n q m Hm Hq))].
    rewrite count_map. unfold frees. rewrite count_filter.
    apply count_le. intros y Hy Hc. unfold clear in Hc. apply andb_true_iff in Hc as (Hh & Hf).
    assert (Hmax : (Nat.max (list_max y) q =? m)%nat = true).
    { apply in_seqs in Hy as (_ & Hy). apply Nat.eqb_eq. apply orb_true_iff in Hh as [Hh|Hh].
      - apply Nat.eqb_eq in Hh. subst q. apply list_max_le_forall in Hy. lia.
      - unfold holds_max in Hh. apply existsb_exists in Hh as (t & Ht & E). apply Nat.eqb_eq in E. subst t.
        assert (H1 : (m <= list_max y)%nat).
        { assert (Hle : Forall (fun t => (t <= list_max y)%nat) y) by (apply list_max_le; lia).
          rewrite Forall_forall in Hle. apply Hle, Ht. }
        apply list_max_le_forall in Hy. lia. }
    rewrite Hmax. simpl.
    assert (Hmem : member M q m (y ++ [q])).
    { unfold member. cbn [d_vocab n_free real_model].
      apply (Permutation_in _ (Permutation_sym (class_perm v n q m Hm Hq))).
      apply in_map_iff. exists y. split; [reflexivity|]. apply filter_In. split; assumption. }
    destruct (member_spec M q m _ Hmem) as (_ & El & _).
    apply correctb_spec. unfold correct. cbn [answers label max_task max_of d_vocab real_model]. rewrite El.
    split; [apply in_seq; lia|]. intros j Hj Hne. apply in_seq in Hj. assert (Hjv : (j < v)%nat) by lia. clear Hj.
    destruct (survives q m (rival_of T n q m wss (token_gaps T m j) (place_gaps T n m j) j)) eqn:Es.
    + apply no_win; [exact Hjv| |exact Hmem].
      rewrite forallb_forall in Hf. apply Z.ltb_lt, Hf. apply filter_In. split; [|assumption].
      apply (in_map (fun j => rival_of T n q m wss (token_gaps T m j) (place_gaps T n m j) j)), filter_In. split; [apply in_seq; lia|]. apply negb_true_iff, Nat.eqb_neq, Hne.
    + apply cleared; assumption.
Qed.

(** ** The upper end *)
Lemma entry_low_le F (t p : span) (wt wp : R) :
  (0 <= fst t)%Z -> (0 <= fst p)%Z ->
  IZR (fst t) <= wt <= IZR (snd t) -> IZR (fst p) <= wp <= IZR (snd p) ->
  IZR (entry_low F (span_mul t p)) <= IZR F * (wt * wp).
Proof.
  intros Ht Hp [Ht1 Ht2] [Hp1 Hp2]. apply IZR_le in Ht. apply IZR_le in Hp. unfold entry_low, span_mul. cbn [fst snd].
  destruct (Z.ltb_spec 0 F) as [H|H]; apply IZR_lt in H || apply IZR_le in H; rewrite !mult_IZR.
  - apply Rmult_le_compat_l; [lra|]. apply Rmult_le_compat; lra.
  - apply Rmult_le_compat_neg_l; [lra|]. apply Rmult_le_compat; lra.
Qed.

Lemma minl_le l i : (i < length l)%nat -> (minl l <= nth i l 0)%Z.
Proof.
  intros H. unfold minl. pose proof (maxl_ge (map Z.opp l) i) as M1. rewrite map_length in M1. specialize (M1 H).
  rewrite (nth_map_lt _ _ _ _ 0%Z) in M1 by assumption. lia.
Qed.

Section Low.
Variable j : nat.
Hypothesis Hj : (j < v)%nat.
Notation rl := (fst (low_of T n q m wss (token_gaps T m j) (place_gaps T n m j) j)).
Definition lowR (i t : nat) : R :=
  IZR (entry_low (gapZ j i t) (span_mul (nth t ts (0, 0)%Z) (nth i ps (0, 0)%Z))).

Lemma lower_ok : lower_table M eps unit_c q m j lowR.
Proof.
  split; [apply unit_c_pos|]. intros i t Hi Ht. cbn [n_free real_model] in Hi.
  destruct (span_t t Ht) as (T0 & T1). destruct (span_p i Hi) as (P0 & P1).
  unfold lowR. eapply Rle_trans; [apply (entry_low_le _ _ _ _ _ T0 P0 T1 P1)|].
  rewrite gap_ok by assumption. unfold unit_c, g, w, Rminus. rewrite !exp_plus. apply Req_le. ring.
Qed.

Lemma low_length : length (snd rl) = n.
Proof. unfold low_of. cbn [fst snd]. rewrite !map_length, seq_length. reflexivity. Qed.

Lemma low_row i : (i < n)%nat -> nth i (snd rl) (0%Z, []) =
  (let row := row_low (gap (tabD T) q j m + epsZ T + get (place_gaps T n m j) i)%Z (token_gaps T m j) (nth i wss [])
   in (minl row, row)).
Proof.
  intros Hi. unfold low_of. cbn [fst snd]. rewrite map_map. rewrite nth_map_seq by assumption. reflexivity.
Qed.

Lemma low_entry i t : (i < n)%nat -> (t <= m)%nat ->
  IZR (entry_at t (snd (nth i (snd rl) (0%Z, [])))) = lowR i t.
Proof.
  intros Hi Ht. rewrite low_row by assumption. cbn [snd]. unfold lowR, entry_at. f_equal.
  unfold row_low. pose proof (weights_length i ltac:(lia)) as Lw. rewrite (nth_map_lt _ _ _ _ (0, (0, 0))%Z).
  2:{ rewrite combine_length. unfold token_gaps. rewrite map_length, seq_length, Lw. lia. }
  rewrite combine_nth by (unfold token_gaps; rewrite map_length, seq_length; symmetry; exact Lw).
  cbn [fst snd]. rewrite weight_of by lia.
  unfold gapZ, token_gaps, place_gaps, get. rewrite !nth_map_seq by lia. reflexivity.
Qed.

Lemma low_own : IZR (fst rl) = lowR n q.
Proof.
  unfold low_of, lowR. cbn [fst]. f_equal. rewrite weight_of by lia. unfold gapZ, token_gaps, place_gaps, get.
  rewrite !nth_map_seq by lia. reflexivity.
Qed.

Lemma low_bounded : bounded_below m rl.
Proof.
  unfold bounded_below. apply Forall_forall. intros br Hbr t Ht.
  unfold low_of in Hbr. cbn [fst snd] in Hbr. rewrite map_map in Hbr. apply in_map_iff in Hbr as (i & <- & Hi).
  cbn [fst snd]. apply in_seq in Hi. unfold entry_at. apply minl_le.
  unfold row_low, token_gaps. rewrite map_length, combine_length, map_length, seq_length, weights_length by lia. lia.
Qed.

Lemma a_win y : (0 <= total rl y)%Z -> member M q m (y ++ [q]) -> wins M maxk eps (y ++ [q]) j.
Proof.
  intros Ht Hx. destruct (member_spec M q m _ Hx) as (Hl & Em & Eq & Hall & _).
  rewrite app_length in Hl. cbn [length n_free real_model] in Hl, Eq, Hall.
  apply (T2_lower M maxk eps (y ++ [q]) j lowR unit_c unit_c_pos).
  - cbn [n_free real_model label max_task max_of]. intros i Hi. rewrite Em, Eq. apply lower_ok; [assumption|apply Hall; assumption].
  - cbn [n_free real_model sum]. rewrite Eq.
    unfold total in Ht. rewrite total_from_sum in Ht by (rewrite low_length; lia).
    rewrite low_length in Ht. apply IZR_le in Ht. rewrite plus_IZR, IZR_zsum, low_own in Ht.
    rewrite (sum_ext n _ (fun i => IZR (entry_at (nth i y O) (snd (nth i (snd rl) (0%Z, [])))))).
    + lra.
    + intros i Hi. assert (E : tok (y ++ [q]) i = nth i y O) by (unfold tok; apply app_nth1; lia).
      rewrite low_entry; [rewrite E; reflexivity|assumption|]. rewrite <- E. apply Hall. lia.
Qed.
End Low.

Lemma lose_wrong (js : list nat) : (forall j, In j js -> (j < v)%nat /\ j <> m) ->
  (lose m n (q =? m)%nat (map (fun j => low_of T n q m wss (token_gaps T m j) (place_gaps T n m j) j) js)
   <= count (wrongb M eps) (class v (S n) q m))%nat.
Proof.
  intros Hjs. eapply Nat.le_trans.
  - apply lose_sound. intros rh Hr. apply in_map_iff in Hr as (j & <- & Hj). destruct (Hjs j Hj).
    split; [apply low_bounded; assumption|apply low_length].
  - eapply Nat.le_trans; [|apply Nat.eq_le_incl; symmetry; exact (count_perm _ _ _ (class_perm v n q m Hm Hq))].
    rewrite count_map. unfold frees. rewrite count_filter.
    apply count_le. intros y Hy Hc. unfold lost in Hc. apply andb_true_iff in Hc as (Hh & Hf).
    assert (Hmax : (Nat.max (list_max y) q =? m)%nat = true).
    { apply in_seqs in Hy as (_ & Hy). apply Nat.eqb_eq. apply orb_true_iff in Hh as [Hh|Hh].
      - apply Nat.eqb_eq in Hh. subst q. apply list_max_le_forall in Hy. lia.
      - unfold holds_max in Hh. apply existsb_exists in Hh as (t & Ht & E). apply Nat.eqb_eq in E. subst t.
        assert (H1 : (m <= list_max y)%nat).
        { assert (Hle : Forall (fun t => (t <= list_max y)%nat) y) by (apply list_max_le; lia).
          rewrite Forall_forall in Hle. apply Hle, Ht. }
        apply list_max_le_forall in Hy. lia. }
    rewrite Hmax. simpl.
    assert (Hmem : member M q m (y ++ [q])).
    { unfold member. cbn [d_vocab n_free real_model].
      apply (Permutation_in _ (Permutation_sym (class_perm v n q m Hm Hq))).
      apply in_map_iff. exists y. split; [reflexivity|]. apply filter_In. split; assumption. }
    destruct (member_spec M q m _ Hmem) as (_ & El & _).
    apply existsb_exists in Hf as (r & Hr & W1). apply in_map_iff in Hr as (rh & <- & Hr).
    apply in_map_iff in Hr as (j & <- & Hj). destruct (Hjs j Hj) as (Hjv & Hjm).
    apply wrongb_spec; [exact (member_tokens M q m _ Hmem)|cbn [d_vocab real_model]; lia|]. exists j. split; [assumption|]. split; [rewrite El; assumption|].
    apply a_win; [assumption|apply Z.leb_le, W1|assumption].
Qed.
End ClassSound.

Theorem class_wrong_sound W num den prec tb pb q m Sx Rx :
  (0 <= zs W)%Z -> (m < zv W)%nat -> (q <= m)%nat ->
  (forall t, (t < length tb)%nat -> (t < zv W)%nat -> ball_ok (nth t tb None) (exp (tS (real_model W) q t - Sx))) ->
  (forall i, (i < length pb)%nat -> (i < S (zn W))%nat -> ball_ok (nth i pb None) (exp (tR (real_model W) q i - Rx))) ->
  (class_wrong (make_tables W num den) (zv W) (zn W) prec
     (map (token_gaps (make_tables W num den) m) (seq 0 (zv W)))
     (map (place_gaps (make_tables W num den) (zn W) m) (seq 0 (zv W))) tb pb q m
   <= count (wrongb (real_model W) (IZR num / IZR (Zpos den))) (class (zv W) (S (zn W)) q m))%nat.
Proof.
  intros Hs Hm Hq Htb Hpb. unfold class_wrong. cbv zeta.
  destruct (_ && _)%bool eqn:E; [|lia].
  rewrite !andb_true_iff, !Nat.eqb_eq in E. destruct E as (((E1 & E2) & E3) & E4).
  set (js := filter _ (filter _ _)).
  assert (Hjs : forall j, In j js -> (j < zv W)%nat /\ j <> m).
  { intros j Hj. apply filter_In in Hj as (Hj & _). apply filter_In in Hj as (Hj & Hne). apply in_seq in Hj.
    apply negb_true_iff, Nat.eqb_neq in Hne. split; [lia|assumption]. }
  erewrite (map_ext_in (fun j => low_of _ _ q m _ (nth j _ []) (nth j _ []) j)).
  - exact (lose_wrong W num den Hs tb pb q m Sx Rx Hm Hq Htb Hpb _ _ _ _ eq_refl eq_refl E1 E2 E3 E4 js Hjs).
  - intros j Hj. destruct (Hjs j Hj). rewrite !nth_map_seq by lia. reflexivity.
Qed.

Theorem class_right_sound W num den prec tb pb q m Sx Rx :
  (0 <= zs W)%Z -> (m < zv W)%nat -> (q <= m)%nat ->
  (forall t, (t < length tb)%nat -> (t < zv W)%nat -> ball_ok (nth t tb None) (exp (tS (real_model W) q t - Sx))) ->
  (forall i, (i < length pb)%nat -> (i < S (zn W))%nat -> ball_ok (nth i pb None) (exp (tR (real_model W) q i - Rx))) ->
  (class_right (make_tables W num den) (zv W) (zn W) prec
     (map (token_gaps (make_tables W num den) m) (seq 0 (zv W)))
     (map (place_gaps (make_tables W num den) (zn W) m) (seq 0 (zv W))) tb pb q m
   <= count (correctb (real_model W) (max_task (real_model W)) (IZR num / IZR (Zpos den))) (class (zv W) (S (zn W)) q m))%nat.
Proof.
  intros Hs Hm Hq Htb Hpb. unfold class_right. cbv zeta.
  destruct (_ && _)%bool eqn:E; [|lia].
  rewrite !andb_true_iff, !Nat.eqb_eq in E. destruct E as (((E1 & E2) & E3) & E4).
  erewrite (map_ext_in (fun j => rival_of _ _ q m _ (nth j _ []) (nth j _ []) j)).
  - exact (walk_right W num den Hs tb pb q m Sx Rx Hm Hq Htb Hpb _ _ _ _ eq_refl eq_refl E1 E2 E3 E4).
  - intros j Hj. apply filter_In in Hj as (Hj & _). apply in_seq in Hj.
    rewrite !nth_map_seq by lia. reflexivity.
Qed.

(** ** The checker *)
Lemma check_with_sound (P : model -> R -> list nat -> bool)
  (cc : tables -> nat -> nat -> positive -> list (list Z) -> list (list Z) -> list ball -> list ball -> nat -> nat -> nat)
  W prec num den :
  (forall tb pb q m Sx Rx, (0 <= zs W)%Z -> (m < zv W)%nat -> (q <= m)%nat ->
  (forall t, (t < length tb)%nat -> (t < zv W)%nat -> ball_ok (nth t tb None) (exp (tS (real_model W) q t - Sx))) ->
  (forall i, (i < length pb)%nat -> (i < S (zn W))%nat -> ball_ok (nth i pb None) (exp (tR (real_model W) q i - Rx))) ->
  (cc (make_tables W num den) (zv W) (zn W) prec
     (map (token_gaps (make_tables W num den) m) (seq 0 (zv W)))
     (map (place_gaps (make_tables W num den) (zn W) m) (seq 0 (zv W))) tb pb q m
   <= count (P (real_model W) (IZR num / IZR (Zpos den))%R) (class (zv W) (S (zn W)) q m))%nat) ->
  (check_with cc W prec num den
   <= count (P (real_model W) (IZR num / IZR (Zpos den))%R) (seqs (zv W) (S (zn W))))%nat.
Proof.
  intros Hcc. unfold check_with. cbv zeta.
  destruct (_ && _)%bool eqn:E; [|lia]. apply andb_true_iff in E as (Hs & Hsq).
  apply Z.leb_le in Hs. apply Z.ltb_lt in Hsq.
  destruct (Nat.eq_dec (zv W) 0) as [Hv|Hv]; [rewrite Hv; simpl; lia|].
  eapply Nat.le_trans; [|apply Nat.eq_le_incl; symmetry; apply (count_classes (zv W) (zn W) (P (real_model W) (IZR num / IZR (Zpos den))%R)); lia].
  apply nsum_le. intros m Hm. cbv zeta. apply nsum_le. intros q Hq.
  rewrite nth_map_seq by lia. cbn [fst snd].
  set (T := make_tables W num den).
  assert (Hexp : forall top x, exp (IZR (x - top) * pow2 (- (4 * zs W)) / sqrt (IZR (Z.of_nat (zh W))))
     = exp (val (4 * zs W) x / sqrt (INR (zh W)) - val (4 * zs W) top / sqrt (INR (zh W)))).
  { intros. f_equal. rewrite <- INR_IZR_INZ. unfold val. rewrite minus_IZR. unfold Rdiv. ring. }
  apply (Hcc _ _ q m
    (val (4 * zs W) (maxl (nth q (tabS T) [])) / sqrt (INR (zh W)))
    (val (4 * zs W) (maxl (nth q (tabR T) [])) / sqrt (INR (zh W)))); try assumption; try lia.
  - intros t Hlt Ht. unfold balls in *. rewrite map_length in Hlt.
    rewrite (nth_map_lt _ _ _ _ 0%Z) by assumption. unfold tS.
    rewrite <- (tabS_ok W num den) by (assumption || lia). cbn [d_head real_model].
    change (nth t (nth q (tabS T) []) 0%Z) with (get2 (tabS T) q t).
    rewrite <- Hexp. apply exp_ball_ok.
  - intros i Hlt Hi. unfold balls in *. rewrite map_length in Hlt.
    rewrite (nth_map_lt _ _ _ _ 0%Z) by assumption. unfold tR.
    rewrite <- (tabR_ok W num den) by (assumption || lia). cbn [d_head real_model].
    change (nth i (nth q (tabR T) []) 0%Z) with (get2 (tabR T) q i).
    rewrite <- Hexp. apply exp_ball_ok.
Qed.

(** The lower end. *)
Theorem check_sound W prec num den :
  (check W prec num den <= n_correct (real_model W) (max_of (zv W) (S (zn W))) (IZR num / IZR (Zpos den)))%nat.
Proof. apply (check_with_sound (fun M => correctb M (max_task M))). intros. eapply class_right_sound; eassumption. Qed.

(** The upper end. *)
Theorem check_wrong_sound W prec num den :
  (n_correct (real_model W) (max_of (zv W) (S (zn W))) (IZR num / IZR (Zpos den)) + check_wrong W prec num den
   <= zv W ^ S (zn W))%nat.
Proof.
  rewrite <- (seqs_length (zv W) (S (zn W))).
  rewrite <- (count_compl (correctb (real_model W) (max_task (real_model W)) (IZR num / IZR (Zpos den)))).
  apply Nat.add_le_mono_l. apply (check_with_sound wrongb). intros. eapply class_wrong_sound; eassumption.
Qed.


(** ** One pass *)
Lemma filter_tables {A B} (r : A -> B) (keep : B -> bool) (l : list A) :
  map snd (filter (fun ab => keep (snd ab)) (map (fun a => (a, r a)) l)) = filter keep (map r l) /\
  map fst (filter (fun ab => keep (snd ab)) (map (fun a => (a, r a)) l)) = filter (fun a => keep (r a)) l.
Proof.
  induction l as [|a l [IH1 IH2]]; cbn [map filter]; [split; reflexivity|]. cbn [snd].
  destruct (keep (r a)); cbn [map]; rewrite ?IH1, ?IH2; split; reflexivity.
Qed.

Lemma class_counts_ends T v n prec gvs gps tb pb q m :
  class_counts T v n prec gvs gps tb pb q m
  = (class_right T v n prec gvs gps tb pb q m, class_wrong T v n prec gvs gps tb pb q m).
Proof.
  unfold class_counts, class_right, class_wrong. cbv zeta. destruct (_ && _)%bool; [|reflexivity].
  match goal with |- context [map (fun p : span => map (fun t : span => span_mul t p) ?a) ?b] =>
    set (wss := map (fun p : span => map (fun t : span => span_mul t p) a) b) end.
  set (r := fun j => rival_of T n q m wss (nth j gvs []) (nth j gps []) j).
  set (rivals := filter (fun j => negb (j =? m)%nat) (seq 0 v)).
  pose proof (filter_tables r (survives q m) rivals) as (E1 & E2). f_equal.
  - f_equal. exact E1.
  - f_equal. change (filter (fun j => survives q m (rival_of T n q m wss (nth j gvs []) (nth j gps []) j)) rivals)
      with (filter (fun a => survives q m (r a)) rivals).
    rewrite <- E2, map_map. reflexivity.
Qed.

Lemma nsum2_ends n f : nsum2 n f = (nsum n (fun i => fst (f i)), nsum n (fun i => snd (f i))).
Proof. induction n; cbn [nsum2 nsum]; [reflexivity|]. rewrite IHn. reflexivity. Qed.

Theorem check_both_ends W prec num den :
  check_both W prec num den = (check W prec num den, check_wrong W prec num den).
Proof.
  unfold check_both, check, check_wrong, check_with. cbv zeta. destruct (_ && _)%bool; [|reflexivity].
  rewrite nsum2_ends. f_equal; apply nsum_ext; intros m Hm; rewrite nsum2_ends; apply nsum_ext; intros q Hq;
    rewrite class_counts_ends; reflexivity.
Qed.
