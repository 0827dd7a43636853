(** The strategy [cubic] as a program, and the proof that what it counts is right: the theorems of Cubic.v in
    integers, each quantity in the enclosure that makes it larger. *)
From Coq Require Import ZArith Reals Lra Lia List Arith Bool.
From Flocq Require Import Core.Raux Core.Zaux.
From Ballproof Require Import Sums Transformer Counts Theorems Marked Cubic Exp Walk Exact ExactSound Brute Fast.
Import ListNotations.
Local Open Scope nat_scope.

(** ** The program *)

(** The least, or the largest, sums of c of the first n numbers, for c = 0 .. n. *)
Fixpoint joined (pick : Z -> Z -> Z) (x : Z) (r : list Z) : list Z :=
  match r with
  | a :: ((b :: _) as rest) => pick b (x + a)%Z :: joined pick x rest
  | [a] => [(x + a)%Z]
  | [] => []
  end.
Fixpoint extremes (pick : Z -> Z -> Z) (f : nat -> Z) (n : nat) : list Z :=
  match n with O => [0%Z] | S n => 0%Z :: joined pick (f n) (extremes pick f n) end.

(** A row of Pascal's triangle. *)
Fixpoint pairs (r : list nat) : list nat :=
  match r with a :: ((b :: _) as rest) => a + b :: pairs rest | r => r end.
Fixpoint pascal (n : nat) : list nat := match n with O => [1] | S n => 1 :: pairs (pascal n) end.

(** u(t): the largest gap over rivals and positions, parts apart. *)
Definition largest_gaps (T : tables) (q m : nat) (rivals : list nat) (gvs gps : list (list Z)) : list Z :=
  let direct := maxl (map (fun j => gap (tabD T) q j m + epsZ T)%Z rivals) in
  let sums := map (fun j => let worst := maxl (nth j gps []) in map (fun x => x + worst)%Z (nth j gvs [])) rivals in
  map (fun column => direct + maxl column)%Z (transpose (S m) sums).

Section Terms.
Variables (n q m : nat) (us : list Z) (ts ps : list span).
Definition token (t : nat) : span := nth t ts (0, 0)%Z.
Definition place (i : nat) : span := nth i ps (0, 0)%Z.

(** The terms of the query and of the label, where others than the label weigh B. *)
Definition base (b : Z) : Z :=
  let um := get us m in
  let total := if (0 <? um)%Z then zsum n (fun i => snd (place i)) else zsum n (fun i => fst (place i)) in
  (entry (get us q) (span_mul (token q) (place n)) + entry (um * (total - b)) (token m))%Z.
Definition negative_at (b base : Z) (t : nat) : bool := (base + entry (get us t * b) (token t) <? 0)%Z.
(** The bound is negative at both ends. *)
Definition good (b1 base1 b2 base2 : Z) (t : nat) : bool :=
  (t <? m) && (negative_at b1 base1 t && negative_at b2 base2 t).

(** Inputs of c free tokens below the label, all of them good. *)
Definition mixtures (lows highs : list Z) (row : list nat) (c : nat) : nat :=
  let b1 := get lows c in let b2 := get highs c in
  let base1 := base b1 in let base2 := base b2 in
  nth c row 0 * count (good b1 base1 b2 base2) (seq 0 m) ^ c.

(** The sum of a rival where all free tokens are the label. *)
Definition on_label (start : Z) (gv gp : list Z) : Z :=
  (zsum n (fun i => entry (start + get gp i + get gv m) (span_mul (token m) (place i)))
   + entry (start + get gp n + get gv q) (span_mul (token q) (place n)))%Z.
End Terms.

Definition class_cubic (T : tables) (v n : nat) (prec : positive)
  (gvs gps : list (list Z)) (tb pb : list ball) (q m : nat) : nat :=
  let tb := firstn (S m) tb in
  let ts := map (at_unit (unit_of prec tb)) tb in
  let ps := map (at_unit (unit_of prec pb)) pb in
  if forallb fine ts && forallb fine ps && (length ts =? S m) && (length ps =? S n) && ((q =? m) || (0 <? n)) then
    let rivals := filter (fun j => negb (j =? m)) (seq 0 v) in
    let us := largest_gaps T q m rivals gvs gps in
    let lows := extremes Z.min (fun i => fst (place ps i)) n in
    let highs := extremes Z.max (fun i => snd (place ps i)) n in
    let row := pascal n in
    let alone := (base n q m us ts ps 0 <? 0)%Z ||
      forallb (fun j => on_label n q m ts ps (gap (tabD T) q j m + epsZ T) (nth j gvs []) (nth j gps []) <? 0)%Z rivals in
    nsum (S (if q =? m then n else pred n)) (fun c =>
      if c =? 0 then (if alone then 1 else 0) else mixtures n q m us ts ps lows highs row c)
  else 0.

Definition cubic_ends (T : tables) (v n : nat) (prec : positive)
  (gvs gps : list (list Z)) (tb pb : list ball) (q m : nat) : nat * nat :=
  (class_cubic T v n prec gvs gps tb pb q m, 0).

(** ** Sums of c numbers, and binomials *)
Lemma joined_length pick x r : length (joined pick x r) = length r.
Proof. induction r as [|a [|b r] IH]; simpl in *; congruence. Qed.

Lemma joined_nth pick x r c : c < length r ->
  nth c (joined pick x r) 0%Z = if S c <? length r then pick (nth (S c) r 0%Z) (x + nth c r 0%Z)%Z else (x + nth c r 0%Z)%Z.
Proof.
  revert c. induction r as [|a [|b r] IH]; intros c H; [simpl in H; lia| |].
  - destruct c; [reflexivity|simpl in H; lia].
  - destruct c as [|c]; [reflexivity|]. cbn [joined nth]. rewrite IH by (simpl in *; lia). reflexivity.
Qed.

Lemma extremes_length pick f n : length (extremes pick f n) = S n.
Proof. induction n; simpl; [reflexivity|]. rewrite joined_length, IHn. reflexivity. Qed.

Lemma chosen_le sel n : chosen sel n <= n.
Proof. induction n; simpl; [lia|]. destruct (sel n); lia. Qed.

Lemma extremes_bound f g sel n :
  (nth (chosen sel n) (extremes Z.min f n) 0 <= zsum n (fun i => if sel i then f i else 0))%Z /\
  (zsum n (fun i => if sel i then g i else 0) <= nth (chosen sel n) (extremes Z.max g n) 0)%Z.
Proof.
  induction n as [|n IH]; [simpl; lia|]. cbn [chosen zsum extremes].
  pose proof (chosen_le sel n) as Hc. set (c := chosen sel n) in *.
  pose proof (extremes_length Z.min f n) as L1. pose proof (extremes_length Z.max g n) as L2.
  assert (Z1 : nth 0 (extremes Z.min f n) 0%Z = 0%Z) by (destruct n; reflexivity).
  assert (Z2 : nth 0 (extremes Z.max g n) 0%Z = 0%Z) by (destruct n; reflexivity).
  destruct (sel n).
  - rewrite Nat.add_1_r. cbn [nth]. rewrite !joined_nth by lia.
    destruct (S c <? length (extremes Z.min f n)), (S c <? length (extremes Z.max g n)); lia.
  - rewrite Nat.add_0_r. destruct c as [|c]; cbn [nth]; [lia|].
    rewrite !joined_nth by lia. rewrite L1, L2. destruct (Nat.ltb_spec (S c) (S n)); lia.
Qed.

Lemma pairs_nth r c : nth c (pairs r) 0 = nth c r 0 + nth (S c) r 0.
Proof.
  revert c. induction r as [|a [|b r] IH]; intros c; [destruct c; reflexivity| |].
  - destruct c as [|[|c]]; simpl; lia.
  - destruct c as [|c]; [reflexivity|]. cbn [pairs nth]. rewrite IH. reflexivity.
Qed.

Lemma pascal_nth n c : nth c (pascal n) 0 = binomial n c.
Proof.
  revert c. induction n as [|n IH]; intros [|c]; cbn [pascal nth binomial]; try reflexivity; [destruct c; reflexivity|].
  rewrite pairs_nth, !IH. reflexivity.
Qed.

(** ** One class *)
Definition unlike (m : nat) (y : list nat) : nat := count (fun t => negb (t =? m)) y.

Lemma chosen_unlike m q y : chosen (other m (y ++ [q])) (length y) = unlike m y.
Proof.
  unfold unlike. induction y as [|t y IH] using rev_ind; [reflexivity|].
  rewrite app_length. cbn [length]. rewrite Nat.add_1_r. cbn [chosen].
  assert (E : forall n z, n <= length y -> chosen (other m ((y ++ [t]) ++ z)) n = chosen (other m (y ++ [q])) n).
  { induction n; intros z H; [reflexivity|]. cbn [chosen]. rewrite IHn by lia. do 2 f_equal.
    unfold other, tok. rewrite <- app_assoc, !app_nth1 by lia. reflexivity. }
  rewrite E, IH by lia. unfold count. rewrite filter_app, app_length. f_equal.
  unfold other, tok. rewrite <- app_assoc, app_nth2, Nat.sub_diag by lia. cbn [app nth filter].
  destruct (negb (t =? m)); reflexivity.
Qed.

Lemma unlike_good G m y : (forall t, G t = true -> t < m) -> in_G G m y = true -> unlike m y = count G y.
Proof.
  intros HG. unfold unlike, count, in_G. induction y as [|t y IH]; [reflexivity|]. cbn [forallb filter].
  intros H. apply andb_true_iff in H as (Ht & H). specialize (IH H). destruct (G t) eqn:E.
  - specialize (HG t E). destruct (Nat.eqb_spec t m); [lia|]. simpl in *. lia.
  - simpl in Ht. rewrite Ht. simpl. exact IH.
Qed.

Lemma none_below m (t : nat) : false = true -> t < m.
Proof. discriminate. Qed.

Lemma nsum_more a b f : a <= b -> nsum a f <= nsum b f.
Proof. induction 1; simpl; lia. Qed.

Lemma term_ge F (t : span) (w x : R) : (IZR (fst t) <= w <= IZR (snd t))%R -> (0 <= w)%R -> (x <= IZR F)%R ->
  (w * x <= IZR (entry F t))%R.
Proof.
  intros (H1 & H2) Hw Hx. apply Rle_trans with (w * IZR F)%R; [apply Rmult_le_compat_l; assumption|].
  unfold entry. destruct (Z.ltb_spec 0 F) as [H|H]; rewrite mult_IZR; apply IZR_lt in H || apply IZR_le in H;
    rewrite (Rmult_comm w).
  - apply Rmult_le_compat_l; lra.
  - apply Rmult_le_compat_neg_l; lra.
Qed.

Section ClassSound.
Variables (W : zmodel) (num : Z) (den : positive).
Hypothesis s_nonneg : (0 <= zs W)%Z.
Notation M := (real_model W).
Notation maxk := (max_task (real_model W)).
Notation T := (make_tables W num den).
Notation v := (zv W).
Notation n := (zn W).
Notation eps := (IZR num / IZR (Zpos den))%R.
Variables (tb pb : list ball) (q m : nat) (Sx Rx : R).
Hypothesis Hm : m < v.
Hypothesis Hq : q <= m.
Hypothesis Htb : forall t, t < length tb -> t < v -> ball_ok (nth t tb None) (exp (tS M q t - Sx)).
Hypothesis Hpb : forall i, i < length pb -> i < S n -> ball_ok (nth i pb None) (exp (tR M q i - Rx)).
Variables (ut up : Z) (ts ps : list span).
Hypothesis Ets : ts = map (at_unit ut) (firstn (S m) tb).
Hypothesis Eps : ps = map (at_unit up) pb.
Hypothesis Fts : forallb fine ts = true.
Hypothesis Fps : forallb fine ps = true.
Hypothesis Lts : length ts = S m.
Hypothesis Lps : length ps = S n.

Notation rivals := (filter (fun j => negb (j =? m)) (seq 0 v)).
Notation us := (largest_gaps T q m rivals (map (token_gaps T m) (seq 0 v)) (map (place_gaps T n m) (seq 0 v))).
Notation base := (base n q m us ts ps).

Lemma in_rivals j : In j rivals <-> j < v /\ j <> m.
Proof. rewrite filter_In, in_seq, negb_true_iff, Nat.eqb_neq. lia. Qed.

Local Open Scope R_scope.
(** What the integers enclose, and in which units. *)
Definition weight_t (t : nat) : R := exp (tS M q t - Sx) * pow2 (- ut).
Definition weight_p (i : nat) : R := exp (tR M q i - Rx) * pow2 (- up).
Definition unit_t : R := exp Sx * pow2 ut.
Definition unit_p : R := exp Rx * pow2 up.
Definition unit_g : R := pow2 (4 * zs W) * IZR (Zpos den).
Definition gap_of (t : nat) : R := IZR (get us t) / unit_g.

Lemma unit_t_pos : 0 < unit_t.
Proof. apply Rmult_lt_0_compat; [apply exp_pos|apply bpow_gt_0]. Qed.
Lemma unit_p_pos : 0 < unit_p.
Proof. apply Rmult_lt_0_compat; [apply exp_pos|apply bpow_gt_0]. Qed.
Lemma unit_g_pos : 0 < unit_g.
Proof. apply Rmult_lt_0_compat; [apply bpow_gt_0|apply IZR_lt; reflexivity]. Qed.

Lemma a_unit t : a M q t = unit_t * weight_t t.
Proof.
  unfold a, unit_t, weight_t. replace (tS M q t) with (Sx + (tS M q t - Sx)) at 1 by ring. rewrite exp_plus.
  assert (E : pow2 ut * pow2 (- ut) = 1) by (rewrite <- bpow_plus; replace (ut + - ut)%Z with 0%Z by lia; reflexivity).
  transitivity (exp Sx * exp (tS M q t - Sx) * (pow2 ut * pow2 (- ut))); [rewrite E; ring|ring].
Qed.
Lemma p_unit i : p M q i = unit_p * weight_p i.
Proof.
  unfold p, unit_p, weight_p. replace (tR M q i) with (Rx + (tR M q i - Rx)) at 1 by ring. rewrite exp_plus.
  assert (E : pow2 up * pow2 (- up) = 1) by (rewrite <- bpow_plus; replace (up + - up)%Z with 0%Z by lia; reflexivity).
  transitivity (exp Rx * exp (tR M q i - Rx) * (pow2 up * pow2 (- up))); [rewrite E; ring|ring].
Qed.

Lemma token_in t : (t <= m)%nat -> (0 <= fst (token ts t))%Z /\ IZR (fst (token ts t)) <= weight_t t <= IZR (snd (token ts t)).
Proof. intros Ht. apply (span_t W tb q m Sx Hm Hq Htb ut ts ps Ets Fts Lts Lps t Ht). Qed.
Lemma place_in i : (i < S n)%nat -> (0 <= fst (place ps i))%Z /\ IZR (fst (place ps i)) <= weight_p i <= IZR (snd (place ps i)).
Proof. intros Hi. eapply (span_p W pb q m Rx); eassumption. Qed.

Lemma maxl_in l x : In x l -> (x <= maxl l)%Z.
Proof. intros H. destruct (In_nth l x 0%Z H) as (i & Hi & <-). apply maxl_ge, Hi. Qed.

Lemma gap_bounded j i t : (j < v)%nat -> j <> m -> (i < S n)%nat -> (t <= m)%nat -> f M eps q m j i t <= gap_of t.
Proof.
  intros Hj Hne Hi Ht. unfold gap_of. pose proof unit_g_pos as HG.
  apply (Rmult_le_reg_l unit_g); [assumption|].
  replace (unit_g * (IZR (get us t) / unit_g)) with (IZR (get us t)) by (field; lra).
  unfold unit_g. rewrite <- (gap_ok W num den s_nonneg q m Hm Hq ts ps Lts Lps j Hj i t Hi Ht). apply IZR_le.
  assert (Hin : In j rivals) by (apply in_rivals; split; assumption).
  unfold largest_gaps, get. cbv zeta. rewrite (nth_map_lt _ _ _ _ []) by (rewrite transpose_length; lia).
  rewrite transpose_nth by lia. rewrite map_map.
  pose proof (maxl_in _ _ (in_map (fun j => gap (tabD T) q j m + epsZ T)%Z _ _ Hin)) as H1. cbv beta in H1.
  pose proof (maxl_in _ _ (in_map (fun j => nth t (map (fun x => (x + maxl (nth j (map (place_gaps T n m) (seq 0 v)) []))%Z)
    (nth j (map (token_gaps T m) (seq 0 v)) [])) 0%Z) _ _ Hin)) as H2. cbv beta in H2.
  rewrite !nth_map_seq in H2 by assumption.
  rewrite (nth_map_lt _ _ _ _ 0%Z) in H2 by (unfold token_gaps; rewrite map_length, seq_length; lia).
  unfold token_gaps at 1 in H2. rewrite nth_map_seq in H2 by lia.
  assert (H3 : (gap (tabP T) i j m <= maxl (place_gaps T n m j))%Z).
  { apply maxl_in. unfold place_gaps. apply (in_map (fun i => gap (tabP T) i j m)). apply in_seq. lia. }
  unfold gapZ. lia.
Qed.

(** The terms of the query and of the label, without units. *)
Lemma base_ge b :
  weight_t q * weight_p n * IZR (get us q) + weight_t m * (IZR (get us m) * (sum n weight_p - IZR b)) <= IZR (base b).
Proof.
  unfold CubicBound.base. cbv zeta. rewrite plus_IZR. apply Rplus_le_compat.
  - destruct (token_in q Hq) as (T0 & T1). destruct (place_in n (Nat.lt_succ_diag_r n)) as (P0 & P1).
    eapply Rle_trans; [|apply (entry_ge _ _ _ _ _ T0 P0 T1 P1)]. apply Req_le. ring.
  - destruct (token_in m (Nat.le_refl m)) as (T0 & T1). apply IZR_le in T0.
    apply term_ge; [assumption|lra|]. rewrite mult_IZR, minus_IZR.
    assert (Hlo : IZR (zsum n (fun i => fst (place ps i))) <= sum n weight_p).
    { rewrite IZR_zsum. apply sum_le. intros i Hi. apply place_in. lia. }
    assert (Hhi : sum n weight_p <= IZR (zsum n (fun i => snd (place ps i)))).
    { rewrite IZR_zsum. apply sum_le. intros i Hi. apply place_in. lia. }
    destruct (Z.ltb_spec 0 (get us m)) as [H|H]; apply IZR_lt in H || apply IZR_le in H.
    + apply Rmult_le_compat_l; lra.
    + apply Rmult_le_compat_neg_l; lra.
Qed.

Lemma sum_p : sum n (p M q) = unit_p * sum n weight_p.
Proof. rewrite <- sum_scal_l. apply sum_ext. intros. apply p_unit. Qed.

Lemma F_negative t b : (t <= m)%nat -> negative_at us ts b (base b) t = true -> F M q m gap_of t (unit_p * IZR b) < 0.
Proof.
  intros Ht H. unfold negative_at in H. apply Z.ltb_lt in H. apply IZR_lt in H. rewrite plus_IZR in H.
  pose proof (base_ge b) as Hb. destruct (token_in t Ht) as (T0 & T1). apply IZR_le in T0.
  assert (Ht' : weight_t t * (IZR (get us t) * IZR b) <= IZR (entry (get us t * b) (token ts t)))
    by (apply term_ge; [assumption|lra|rewrite mult_IZR; lra]).
  pose proof unit_t_pos. pose proof unit_p_pos. pose proof unit_g_pos.
  unfold F. cbn [n_free real_model]. rewrite sum_p, !a_unit, p_unit. unfold gap_of.
  match goal with |- ?l < 0 => replace l with (unit_t * unit_p * / unit_g *
    (weight_t q * weight_p n * IZR (get us q) + weight_t m * (IZR (get us m) * (sum n weight_p - IZR b))
     + weight_t t * (IZR (get us t) * IZR b))) by (field; lra) end.
  assert (0 < unit_t * unit_p * / unit_g) by (apply Rmult_lt_0_compat; [apply Rmult_lt_0_compat|apply Rinv_0_lt_compat]; assumption).
  rewrite <- (Rmult_0_r (unit_t * unit_p * / unit_g)). apply Rmult_lt_compat_l; lra.
Qed.

Lemma label_negative : (base 0 < 0)%Z ->
  a M q q * p M q n * gap_of q + a M q m * gap_of m * sum n (p M q) < 0.
Proof.
  intros H. apply IZR_lt in H. pose proof (base_ge 0) as Hb.
  pose proof unit_t_pos. pose proof unit_p_pos. pose proof unit_g_pos.
  rewrite sum_p, !a_unit, p_unit. unfold gap_of.
  match goal with |- ?l < 0 => replace l with (unit_t * unit_p * / unit_g *
    (weight_t q * weight_p n * IZR (get us q) + weight_t m * (IZR (get us m) * (sum n weight_p - IZR 0)))) by (field; lra) end.
  assert (0 < unit_t * unit_p * / unit_g) by (apply Rmult_lt_0_compat; [apply Rmult_lt_0_compat|apply Rinv_0_lt_compat]; assumption).
  rewrite <- (Rmult_0_r (unit_t * unit_p * / unit_g)). apply Rmult_lt_compat_l; lra.
Qed.

Notation lows := (extremes Z.min (fun i => fst (place ps i)) n).
Notation highs := (extremes Z.max (fun i => snd (place ps i)) n).

Lemma weights_between c : bounds_of M q c (unit_p * IZR (get lows c)) (unit_p * IZR (get highs c)).
Proof.
  intros sel Ec. cbn [n_free real_model] in *. subst c. pose proof unit_p_pos as HU.
  destruct (extremes_bound (fun i => fst (place ps i)) (fun i => snd (place ps i)) sel n) as (H1 & H2).
  apply IZR_le in H1. apply IZR_le in H2. rewrite IZR_zsum in H1, H2. unfold get.
  replace (sum n (fun i => if sel i then p M q i else 0)) with (unit_p * sum n (fun i => if sel i then weight_p i else 0)).
  2:{ rewrite <- sum_scal_l. apply sum_ext. intros i _. destruct (sel i); [symmetry; apply p_unit|ring]. }
  split; apply Rmult_le_compat_l; try lra.
  - eapply Rle_trans; [exact H1|]. apply sum_le. intros i Hi. destruct (sel i); [apply place_in; lia|lra].
  - eapply Rle_trans; [|exact H2]. apply sum_le. intros i Hi. destruct (sel i); [apply place_in; lia|lra].
Qed.

Lemma on_label_right j y : (j < v)%nat -> j <> m -> unlike m y = O -> member M q m (y ++ [q]) ->
  (on_label n q m ts ps (gap (tabD T) q j m + epsZ T) (token_gaps T m j) (place_gaps T n m j) < 0)%Z ->
  ~ wins M maxk eps (y ++ [q]) j.
Proof.
  intros Hj Hne Hu Hx H. destruct (member_spec M q m _ Hx) as (Hl & Em & Eq & Hall & _).
  rewrite app_length in Hl. cbn [length n_free real_model] in Hl, Eq, Hall.
  apply (T2_upper M maxk eps (y ++ [q]) j (upR W num den q m ts ps j) (unit_c W den Sx Rx ut up) (unit_c_pos W den Sx Rx ut up)).
  - cbn [n_free real_model label max_task max_of]. intros i Hi. rewrite Em, Eq.
    apply (upper_ok W num den s_nonneg tb pb q m Sx Rx Hm Hq Htb Hpb ut up ts ps Ets Eps Fts Fps Lts Lps j Hj);
      [assumption|apply Hall; assumption].
  - cbn [n_free real_model sum]. rewrite Eq.
    rewrite (sum_ext n _ (fun i => upR W num den q m ts ps j i m)).
    2:{ intros i Hi. f_equal. unfold tok. rewrite app_nth1 by lia. unfold unlike in Hu.
        assert (Ha : forall t, In t y -> t = m).
        { intros t Ht. destruct (Nat.eq_dec t m) as [|Hn]; [assumption|exfalso].
          assert (In t (filter (fun t => negb (t =? m)%nat) y)) as Hf
            by (apply filter_In; split; [assumption|apply negb_true_iff, Nat.eqb_neq, Hn]).
          unfold count in Hu. destruct (filter _ y); [destruct Hf|discriminate]. }
        apply Ha, nth_In. lia. }
    unfold on_label in H. apply IZR_lt in H. rewrite plus_IZR, IZR_zsum in H.
    unfold upR, gapZ. unfold place_gaps, token_gaps, get, token, place in H.
    rewrite !nth_map_seq in H by lia.
    rewrite (sum_ext n _ (fun i => IZR (entry (gap (tabD T) q j m + epsZ T + gap (tabP T) i j m + gap (tabV T) m j m)
      (span_mul (nth m ts (0, 0)%Z) (nth i ps (0, 0)%Z))))) in H.
    + exact H.
    + intros i Hi. rewrite !nth_map_seq by lia. reflexivity.
Qed.

Local Open Scope nat_scope.
Notation alone := ((base 0 <? 0)%Z || forallb (fun j => on_label n q m ts ps (gap (tabD T) q j m + epsZ T)
   (nth j (map (token_gaps T m) (seq 0 v)) []) (nth j (map (place_gaps T n m) (seq 0 v)) []) <? 0)%Z rivals).
Definition good_of (c : nat) : nat -> bool :=
  good m us ts (get lows c) (base (get lows c)) (get highs c) (base (get highs c)).

(** The inputs that it counts. *)
Definition counted (y : list nat) : bool :=
  (Nat.max (list_max y) q =? m) && (if unlike m y =? 0 then alone else in_G (good_of (unlike m y)) m y).

Lemma counted_right : count counted (seqs (S m) n) <= count (correctb M maxk eps) (class v (S n) q m).
Proof.
  apply (class_count_le M q m); [assumption|assumption| |].
  { intros y _ H. unfold counted in H. apply andb_true_iff in H. tauto. }
  intros y Hl Hy H Hx. cbn [n_free real_model] in Hl. unfold counted in H. apply andb_true_iff in H as (_ & H).
  apply (correct_of _ _ q m); [assumption|assumption|]. intros j Hj Hne.
  pose proof (chosen_unlike m q y) as Ec. rewrite Hl in Ec.
  destruct (Nat.eqb_spec (unlike m y) 0) as [E0|E0].
  - apply orb_true_iff in H as [H|H].
    + apply (cubic_all_maximum M q m eps gap_of gap_bounded); try assumption.
      * apply label_negative, Z.ltb_lt, H.
      * cbn [n_free real_model]. rewrite Ec. assumption.
    + rewrite forallb_forall in H. specialize (H j (proj2 (in_rivals j) (conj Hj Hne))).
      rewrite !nth_map_seq in H by assumption. apply Z.ltb_lt in H. apply on_label_right; assumption.
  - apply (cubic_correct M q m eps gap_of gap_bounded (unlike m y) _ _ (y ++ [q]) j ltac:(lia) (weights_between (unlike m y)));
      cbn [n_free real_model]; try assumption.
    intros i Hi Ho. unfold other, tok in Ho. apply negb_true_iff, Nat.eqb_neq in Ho.
    assert (Et : tok (y ++ [q]) i = nth i y 0) by (unfold tok; apply app_nth1; lia). rewrite Et.
    fold (tok (y ++ [q]) i) in Ho. rewrite Et in Ho.
    assert (Hin : In (nth i y 0) y) by (apply nth_In; lia).
    unfold in_G in H. rewrite forallb_forall in H. specialize (H _ Hin). apply orb_true_iff in H as [H|H];
      [|apply Nat.eqb_eq in H; congruence].
    unfold good_of, good in H. rewrite !andb_true_iff, Nat.ltb_lt in H. destruct H as (Hlt & H1 & H2).
    split; apply F_negative; try assumption; lia.
Qed.

Lemma good_below c t : good_of c t = true -> t < m.
Proof. unfold good_of, good. rewrite andb_true_iff, Nat.ltb_lt. tauto. Qed.

Lemma bound_counted : q = m \/ 0 < n ->
  nsum (S (if q =? m then n else pred n)) (fun c =>
      if c =? 0 then (if alone then 1 else 0) else mixtures n q m us ts ps lows highs (pascal n) c)
  <= count counted (seqs (S m) n).
Proof.
  intros Hn. rewrite (count_partition counted (unlike m) (S n)).
  2:{ intros y Hy. apply in_seqs in Hy as (Hl & _). unfold unlike, count.
      pose proof (count_le_length (fun t => negb (t =? m)) y). lia. }
  set (most := if q =? m then n else pred n).
  assert (Hmost : most <= n /\ forall c, c <= most -> q = m \/ q < m /\ c < n).
  { unfold most. destruct (Nat.eqb_spec q m); split; intros; lia. }
  destruct Hmost as (Hmost & Hc).
  eapply Nat.le_trans; [|apply (nsum_more (S most) (S n)); lia].
  apply nsum_le. intros c Hlt. specialize (Hc c ltac:(lia)).
  destruct (Nat.eqb_spec c 0) as [->|Hne].
  - destruct alone eqn:Ea; [|lia].
    pose proof (cubic_count (fun _ => false) m (none_below m) n 0) as E. cbn [Nat.pow] in E.
    replace (binomial n 0) with 1 in E by (destruct n; reflexivity).
    rewrite Nat.mul_1_r in E. rewrite <- E at 1. apply count_le. intros y Hy H.
    apply andb_true_iff in H as (H1 & H2). apply Nat.eqb_eq in H2.
    pose proof (unlike_good _ m y (none_below m) H1) as Eu. rewrite H2 in Eu.
    pose proof (cubic_in_class (fun _ => false) m n 0 q y Hc Hy H1 H2) as Hf. apply filter_In in Hf as (_ & Hf).
    unfold counted. rewrite Eu, Hf. cbn [Nat.eqb andb]. exact Ea.
  - unfold mixtures. rewrite pascal_nth. fold (good_of c).
    pose proof (cubic_count (good_of c) m (good_below c) n c) as E. unfold size_G in E. rewrite <- E.
    apply count_le. intros y Hy H. apply andb_true_iff in H as (H1 & H2). apply Nat.eqb_eq in H2.
    pose proof (unlike_good _ m y (good_below c) H1) as Eu. rewrite H2 in Eu.
    pose proof (cubic_in_class (good_of c) m n c q y Hc Hy H1 H2) as Hf. apply filter_In in Hf as (_ & Hf).
    unfold counted. rewrite Eu, Hf, Nat.eqb_refl. cbn [andb]. destruct (Nat.eqb_spec c 0); [contradiction|exact H1].
Qed.
End ClassSound.

Theorem cubic_right_sound : class_sound right class_cubic.
Proof.
  intros W num den prec tb pb q m Sx Rx Hs Hm Hq Htb Hpb. unfold class_cubic. cbv zeta.
  destruct (_ && _)%bool eqn:E; [|apply Nat.le_0_l].
  rewrite !andb_true_iff, !Nat.eqb_eq, orb_true_iff, Nat.eqb_eq, Nat.ltb_lt in E. destruct E as ((((E1 & E2) & E3) & E4) & E5).
  eapply Nat.le_trans; [eapply (bound_counted W num den pb q m Rx); eauto|].
  eapply (counted_right W num den Hs tb pb q m Sx Rx Hm Hq Htb Hpb); eauto.
Qed.

Theorem cubic_sound W prec num den :
  let counts := fast_with cubic_ends W prec num den in
  let correct := n_correct (real_model W) (max_of (zv W) (S (zn W))) (IZR num / IZR (Zpos den))%R in
  fst counts <= correct /\ correct + snd counts <= zv W ^ S (zn W).
Proof.
  apply fast_with_sound; [exact cubic_right_sound|].
  intros W' num' den' prec' tb pb q m Sx Rx _ _ _ _ _. apply Nat.le_0_l.
Qed.
