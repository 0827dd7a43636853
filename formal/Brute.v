(** The strategy [brute-force] as a program: every input of a class is evaluated, with all rivals side by
    side; and the proof that what it counts is right, or wrong. T1 with upper and lower tables (T2). *)
From Coq Require Import ZArith Reals Lra Lia List Arith Bool Permutation.
From Ballproof Require Import Sums Transformer Counts Theorems Exp Walk Exact ExactSound Fast.
Import ListNotations.
Local Open Scope nat_scope.

(** ** The program *)

(** The first [many] columns of a list of rows. *)
Fixpoint transpose (many : nat) (rows : list (list Z)) : list (list Z) :=
  match many with
  | O => []
  | S many => map (hd 0%Z) rows :: transpose many (map (@tl Z) rows)
  end.

Fixpoint added (a b : list Z) : list Z :=
  match a, b with x :: a, y :: b => (x + y)%Z :: added a b | _, _ => [] end.
Definition added2 (a b : nat * nat) : nat * nat := (fst a + fst b, snd a + snd b).

Section Enumeration.
Variable m : nat.
(** Whether a rival wins on all of these free tokens. *)
Variable lost_on : list nat -> bool.

(** The numbers of right and of wrong inputs among one: [sums] are the rivals' sums in upper tables, [y]
    the free tokens, the last one first. *)
Definition decide (holds : bool) (sums : list Z) (y : list nat) : nat * nat :=
  if holds then
    if forallb (fun s => s <? 0)%Z sums then (1, 0) else if lost_on (rev y) then (0, 1) else (0, 0)
  else (0, 0).

(** [rows] holds for each position left and each token the rivals' entries. *)
Fixpoint enumerate (rows : list (list (list Z))) (holds : bool) (sums : list Z) (y : list nat) : nat * nat :=
  match rows with
  | [] => decide holds sums y
  | row :: rows =>
      fold_left (fun acc tc => added2 acc
          (enumerate rows (holds || (fst tc =? m)) (added sums (snd tc)) (fst tc :: y)))
        (combine (seq 0 (S m)) row) (0, 0)
  end.
End Enumeration.

Definition class_evaluated (T : tables) (v n : nat) (prec : positive)
  (gvs gps : list (list Z)) (tb pb : list ball) (q m : nat) : nat * nat :=
  let tb := firstn (S m) tb in
  let ts := map (at_unit (unit_of prec tb)) tb in
  let ps := map (at_unit (unit_of prec pb)) pb in
  if forallb fine ts && forallb fine ps && (length ts =? S m) && (length ps =? S n) then
    let wss := map (fun p => map (fun t => span_mul t p) ts) ps in
    let rivals := filter (fun j => negb (j =? m)) (seq 0 v) in
    let upper := map (fun j => rival_of T n q m wss (nth j gvs []) (nth j gps []) j) rivals in
    let lower := map (fun j => fst (low_of T n q m wss (nth j gvs []) (nth j gps []) j)) rivals in
    let rows := map (fun i => transpose (S m) (map (fun r : rival => snd (nth i (snd r) (0%Z, []))) upper)) (seq 0 n) in
    enumerate m (fun y => existsb (fun r => 0 <=? total r y)%Z lower) rows (q =? m) (map fst upper) []
  else (0, 0).

(** ** The proof *)
Lemma transpose_nth many rows t : t < many -> nth t (transpose many rows) [] = map (fun row => nth t row 0%Z) rows.
Proof.
  revert rows t. induction many as [|many IH]; intros rows [|t] H; try lia; cbn [transpose nth].
  - apply map_ext. intros [|]; reflexivity.
  - rewrite IH, map_map by lia. apply map_ext. intros [|x row]; [destruct t|]; reflexivity.
Qed.

Lemma transpose_length many rows : length (transpose many rows) = many.
Proof. revert rows. induction many; intros; simpl; congruence. Qed.

Lemma added_map {A} (f g : A -> Z) l : added (map f l) (map g l) = map (fun a => f a + g a)%Z l.
Proof. induction l; simpl; congruence. Qed.

Lemma combine_nth_seq {A} (row : list A) d s : combine (seq s (length row)) row = map (fun t => (t, nth (t - s) row d)) (seq s (length row)).
Proof.
  revert s. induction row as [|x row IH]; intros s; [reflexivity|]. cbn [length seq combine map].
  rewrite Nat.sub_diag. cbn [nth]. f_equal. rewrite IH. apply map_ext_in. intros t Ht. apply in_seq in Ht.
  replace (t - s) with (S (t - S s)) by lia. reflexivity.
Qed.

Section EnumerationSound.
Variable m : nat.
Variable lost_on : list nat -> bool.

(** The sums at the end of a sequence. *)
Fixpoint ends (rows : list (list (list Z))) (sums : list Z) (y : list nat) : list Z :=
  match rows, y with
  | row :: rows, t :: y => ends rows (added sums (nth t row [])) y
  | _, _ => sums
  end.

Lemma fold_added2 {A} (F : A -> nat * nat) l acc :
  fold_left (fun acc a => added2 acc (F a)) l acc
  = (fold_left (fun acc a => acc + fst (F a)) l (fst acc), fold_left (fun acc a => acc + snd (F a)) l (snd acc)).
Proof. revert acc. induction l as [|a l IH]; intros acc; simpl; [destruct acc; reflexivity|]. rewrite IH. reflexivity. Qed.

Lemma fold_map {A B} (h : A -> B) (F : B -> nat) l acc :
  fold_left (fun acc b => acc + F b) (map h l) acc = fold_left (fun acc a => acc + F (h a)) l acc.
Proof. revert acc. induction l; intros; simpl; auto. Qed.

Lemma enumerate_sound rows holds sums y0 : Forall (fun row => length row = S m) rows ->
  fst (enumerate m lost_on rows holds sums y0)
    <= count (fun y => (holds || holds_max m y) && forallb (fun s => s <? 0)%Z (ends rows sums y)) (seqs (S m) (length rows)) /\
  snd (enumerate m lost_on rows holds sums y0)
    <= count (fun y => (holds || holds_max m y) && lost_on (rev y0 ++ y)) (seqs (S m) (length rows)).
Proof.
  intros H. revert holds sums y0. induction H as [|row rows Hr _ IH]; intros holds sums y0.
  - cbn [enumerate length ends]. unfold decide, count, seqs. cbn [repeat product filter holds_max existsb].
    rewrite orb_false_r, app_nil_r. destruct holds; cbn [andb]; [|simpl; lia].
    destruct (forallb _ sums), (lost_on (rev y0)); simpl; lia.
  - cbn [enumerate length]. rewrite fold_added2. cbn [fst snd].
    rewrite <- Hr, (combine_nth_seq row [] 0), Hr, !fold_map. cbn [fst snd].
    rewrite !seqs_S. split.
    + rewrite <- (Nat.add_0_l (count _ (flat_map _ _))), <- count_flat.
      apply fold_le; [lia|]. intros t _. rewrite Nat.sub_0_r.
      eapply Nat.le_trans; [apply (IH (holds || (t =? m)))|]. apply count_le. intros y _ E. cbn [ends holds_max existsb] in *.
      rewrite orb_assoc. exact E.
    + rewrite <- (Nat.add_0_l (count _ (flat_map _ _))), <- count_flat.
      apply fold_le; [lia|]. intros t _. rewrite Nat.sub_0_r.
      eapply Nat.le_trans; [apply (IH (holds || (t =? m)))|]. apply count_le. intros y _ E. cbn [holds_max existsb rev] in *.
      rewrite <- app_assoc in E. rewrite orb_assoc. exact E.
Qed.
End EnumerationSound.

(** Side by side as one by one. *)
Lemma ends_totals m (rs : list rival) n : (forall r, In r rs -> length (snd r) = n) ->
  forall y, length y = n -> Forall (fun t => t < S m) y ->
  ends (map (fun i => transpose (S m) (map (fun r : rival => snd (nth i (snd r) (0%Z, []))) rs)) (seq 0 n)) (map fst rs) y
  = map (fun r => total r y) rs.
Proof.
  revert rs. induction n as [|n IH]; intros rs H y Hl Hy.
  - destruct y; [|discriminate]. cbn [seq map ends]. apply map_ext_in. intros r Hr. specialize (H r Hr).
    destruct r as [s [|]]; [reflexivity|discriminate].
  - destruct y as [|t y]; [discriminate|]. inversion Hy; subst. cbn [seq map ends].
    rewrite transpose_nth, map_map, added_map by assumption.
    replace (map (fun r => total r (t :: y)) rs) with (map (fun r => total r y) (map (step t) rs)).
    + rewrite <- IH; [rewrite map_map|intros r Hr; apply in_map_iff in Hr as (r' & <- & Hr'); specialize (H r' Hr');
                       destruct r' as [s [|(b, row) rows]]; simpl in *; [discriminate|lia]|simpl in Hl; lia|assumption].
      rewrite <- seq_shift, map_map. f_equal.
      * apply map_ext. intros i. f_equal. rewrite map_map. apply map_ext_in. intros r Hr. specialize (H r Hr).
        destruct r as [s [|(b, row) rows]]; [discriminate|reflexivity].
      * apply map_ext_in. intros r Hr. specialize (H r Hr). destruct r as [s [|(b, row) rows]]; [discriminate|reflexivity].
    + rewrite map_map. apply map_ext_in. intros r Hr. specialize (H r Hr).
      destruct r as [s [|(b, row) rows]]; [discriminate|reflexivity].
Qed.

Lemma holds_label m q y : q <= m -> Forall (fun t => t < S m) y ->
  (q =? m) || holds_max m y = true -> (Nat.max (list_max y) q =? m) = true.
Proof.
  intros Hq Hy Hh. apply Nat.eqb_eq. apply orb_true_iff in Hh as [Hh|Hh].
  - apply Nat.eqb_eq in Hh. subst q. apply list_max_le_forall in Hy. lia.
  - unfold holds_max in Hh. apply existsb_exists in Hh as (t & Ht & E). apply Nat.eqb_eq in E. subst t.
    assert (H1 : m <= list_max y).
    { assert (Hle : Forall (fun t => t <= list_max y) y) by (apply list_max_le; lia).
      rewrite Forall_forall in Hle. apply Hle, Ht. }
    apply list_max_le_forall in Hy. lia.
Qed.

(** The inputs of a class, by their free tokens. *)
Lemma class_count_le M q m (P : list nat -> bool) (Q : list nat -> bool) : m < d_vocab M -> q <= m ->
  (forall y, Forall (fun t => t < S m) y -> Q y = true -> (Nat.max (list_max y) q =? m) = true) ->
  (forall y, length y = n_free M -> Forall (fun t => t < S m) y -> Q y = true -> member M q m (y ++ [q]) -> P (y ++ [q]) = true) ->
  count Q (seqs (S m) (n_free M)) <= count P (class (d_vocab M) (S (n_free M)) q m).
Proof.
  intros Hm Hq Hmax HP. rewrite (count_perm _ _ _ (class_perm (d_vocab M) (n_free M) q m Hm Hq)), count_map.
  unfold frees. rewrite count_filter. apply count_le. intros y Hy HQ.
  pose proof Hy as Hin. apply in_seqs in Hy as (Hl & Hf). rewrite (Hmax y Hf HQ). cbn [andb].
  apply HP; try assumption. unfold member.
  apply (Permutation_in _ (Permutation_sym (class_perm (d_vocab M) (n_free M) q m Hm Hq))).
  apply in_map_iff. exists y. split; [reflexivity|]. apply filter_In. split; [assumption|apply Hmax; assumption].
Qed.

Lemma correct_of M eps q m x : m < d_vocab M -> member M q m x ->
  (forall j, j < d_vocab M -> j <> m -> ~ wins M (max_task M) eps x j) -> correctb M (max_task M) eps x = true.
Proof.
  intros Hm Hx H. destruct (member_spec M q m x Hx) as (_ & El & _).
  apply correctb_spec. unfold correct. cbn [answers label max_task max_of]. rewrite El.
  split; [apply in_seq; lia|]. intros j Hj Hne. apply in_seq in Hj. apply H; [lia|assumption].
Qed.

(** What a strategy has to show of a class: [cc] counts inputs with the property [P]. *)
Definition class_sound (P : model -> R -> list nat -> bool)
  (cc : tables -> nat -> nat -> positive -> list (list Z) -> list (list Z) -> list ball -> list ball -> nat -> nat -> nat) : Prop :=
  forall W num den prec tb pb q m Sx Rx, (0 <= zs W)%Z -> m < zv W -> q <= m ->
  (forall t, t < length tb -> t < zv W -> ball_ok (nth t tb None) (exp (tS (real_model W) q t - Sx))) ->
  (forall i, i < length pb -> i < S (zn W) -> ball_ok (nth i pb None) (exp (tR (real_model W) q i - Rx))) ->
  cc (make_tables W num den) (zv W) (zn W) prec
     (map (token_gaps (make_tables W num den) m) (seq 0 (zv W)))
     (map (place_gaps (make_tables W num den) (zn W) m) (seq 0 (zv W))) tb pb q m
  <= count (P (real_model W) (IZR num / IZR (Zpos den))%R) (class (zv W) (S (zn W)) q m).

Definition right := fun M => correctb M (max_task M).

Lemma evaluated_ends W num den prec tb pb q m Sx Rx : (0 <= zs W)%Z -> m < zv W -> q <= m ->
  (forall t, t < length tb -> t < zv W -> ball_ok (nth t tb None) (exp (tS (real_model W) q t - Sx))) ->
  (forall i, i < length pb -> i < S (zn W) -> ball_ok (nth i pb None) (exp (tR (real_model W) q i - Rx))) ->
  let cc := class_evaluated (make_tables W num den) (zv W) (zn W) prec
     (map (token_gaps (make_tables W num den) m) (seq 0 (zv W)))
     (map (place_gaps (make_tables W num den) (zn W) m) (seq 0 (zv W))) tb pb q m in
  fst cc <= count (right (real_model W) (IZR num / IZR (Zpos den))%R) (class (zv W) (S (zn W)) q m) /\
  snd cc <= count (wrongb (real_model W) (IZR num / IZR (Zpos den))%R) (class (zv W) (S (zn W)) q m).
Proof.
  intros Hs Hm Hq Htb Hpb. unfold class_evaluated. cbv zeta.
  destruct (_ && _)%bool eqn:E; [|cbn [fst snd]; split; apply Nat.le_0_l].
  rewrite !andb_true_iff, !Nat.eqb_eq in E. destruct E as (((E1 & E2) & E3) & E4).
  set (ts := map (at_unit (unit_of prec (firstn (S m) tb))) (firstn (S m) tb)) in *.
  set (ps := map (at_unit (unit_of prec pb)) pb) in *.
  set (wss := map (fun p => map (fun t => span_mul t p) ts) ps).
  set (T := make_tables W num den) in *. set (js := filter _ (seq 0 (zv W))).
  assert (Hjs : forall j, In j js <-> j < zv W /\ j <> m).
  { intros j. unfold js. rewrite filter_In, in_seq, negb_true_iff, Nat.eqb_neq. lia. }
  rewrite (map_ext_in (fun j => rival_of T (zn W) q m wss (nth j _ []) (nth j _ []) j)
    (fun j => rival_of T (zn W) q m wss (token_gaps T m j) (place_gaps T (zn W) m j) j))
    by (intros j Hj; apply Hjs in Hj; rewrite !nth_map_seq by lia; reflexivity).
  rewrite (map_ext_in (fun j => fst (low_of T (zn W) q m wss (nth j _ []) (nth j _ []) j))
    (fun j => fst (low_of T (zn W) q m wss (token_gaps T m j) (place_gaps T (zn W) m j) j)))
    by (intros j Hj; apply Hjs in Hj; rewrite !nth_map_seq by lia; reflexivity).
  set (upper := map (fun j => rival_of _ _ _ _ _ _ _ _) js).
  set (lower := map (fun j => fst (low_of _ _ _ _ _ _ _ _)) js).
  assert (Hup : forall r, In r upper -> length (snd r) = zn W).
  { intros r Hr. apply in_map_iff in Hr as (j & <- & _). apply rival_length. }
  set (rows := map (fun i => transpose (S m) _) (seq 0 (zn W))).
  assert (Hrows : Forall (fun row => length row = S m) rows).
  { apply Forall_forall. intros row Hr. apply in_map_iff in Hr as (i & <- & _). apply transpose_length. }
  assert (Hn : length rows = zn W) by (unfold rows; rewrite map_length; apply seq_length).
  destruct (enumerate_sound m (fun y => existsb (fun r => 0 <=? total r y)%Z lower) rows (q =? m) (map fst upper) [] Hrows) as (H1 & H2).
  rewrite Hn in H1, H2. cbn [rev app] in H2.
  split; (eapply Nat.le_trans; [eassumption|]); apply (class_count_le (real_model W) q m); try assumption;
    cbn [n_free real_model]; try (intros y Hy Hh; apply andb_true_iff in Hh as (Hh & _); apply holds_label; assumption);
    intros y Hl Hy Hh Hx; apply andb_true_iff in Hh as (_ & Hh).
  - apply (correct_of _ _ q m); [assumption|assumption|]. intros j Hj Hne.
    unfold rows in Hh. rewrite ends_totals in Hh by assumption.
    rewrite forallb_forall in Hh.
    apply (no_win W num den Hs tb pb q m Sx Rx Hm Hq Htb Hpb _ _ ts ps eq_refl eq_refl E1 E2 E3 E4 j Hj y); [|exact Hx].
    apply Z.ltb_lt, Hh. apply (in_map (fun r => total r y)). unfold upper.
    apply (in_map (fun j => rival_of T (zn W) q m wss (token_gaps T m j) (place_gaps T (zn W) m j) j)).
    apply Hjs. split; assumption.
  - apply existsb_exists in Hh as (r & Hr & W1). apply in_map_iff in Hr as (j & <- & Hj). apply Hjs in Hj as (Hjv & Hjm).
    destruct (member_spec (real_model W) q m _ Hx) as (_ & El & _).
    apply wrongb_spec; [exact (member_tokens _ q m _ Hx)|cbn [d_vocab real_model]; lia|]. exists j.
    split; [assumption|]. split; [rewrite El; assumption|].
    apply (a_win W num den Hs tb pb q m Sx Rx Hm Hq Htb Hpb _ _ ts ps eq_refl eq_refl E1 E2 E3 E4 j Hjv y);
      [apply Z.leb_le, W1|exact Hx].
Qed.

Theorem evaluated_right_sound : class_sound right (fun T v n prec gvs gps tb pb q m => fst (class_evaluated T v n prec gvs gps tb pb q m)).
Proof. intros W num den prec tb pb q m Sx Rx Hs Hm Hq Htb Hpb. apply (evaluated_ends W num den prec tb pb q m Sx Rx); assumption. Qed.

Theorem evaluated_wrong_sound : class_sound wrongb (fun T v n prec gvs gps tb pb q m => snd (class_evaluated T v n prec gvs gps tb pb q m)).
Proof. intros W num den prec tb pb q m Sx Rx Hs Hm Hq Htb Hpb. apply (evaluated_ends W num den prec tb pb q m Sx Rx); assumption. Qed.

(** A strategy is sound if it is so in each class. *)
Lemma fast_with_sound cc W prec num den :
  class_sound right (fun T v n prec gvs gps tb pb q m => fst (cc T v n prec gvs gps tb pb q m)) ->
  class_sound wrongb (fun T v n prec gvs gps tb pb q m => snd (cc T v n prec gvs gps tb pb q m)) ->
  let correct := n_correct (real_model W) (max_of (zv W) (S (zn W))) (IZR num / IZR (Zpos den))%R in
  fst (fast_with cc W prec num den) <= correct /\ correct + snd (fast_with cc W prec num den) <= zv W ^ S (zn W).
Proof.
  intros H1 H2. rewrite fast_with_ends. cbn [fst snd]. split.
  - apply (check_with_sound right). intros. eapply H1; eassumption.
  - rewrite <- (seqs_length (zv W) (S (zn W))).
    rewrite <- (count_compl (correctb (real_model W) (max_task (real_model W)) (IZR num / IZR (Zpos den))%R)).
    apply Nat.add_le_mono_l. apply (check_with_sound wrongb). intros. eapply H2; eassumption.
Qed.

Theorem evaluated_sound W prec num den :
  let counts := fast_with class_evaluated W prec num den in
  let correct := n_correct (real_model W) (max_of (zv W) (S (zn W))) (IZR num / IZR (Zpos den))%R in
  fst counts <= correct /\ correct + snd counts <= zv W ^ S (zn W).
Proof. apply fast_with_sound; [apply evaluated_right_sound|apply evaluated_wrong_sound]. Qed.
