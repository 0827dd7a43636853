(** T13, the rule argmax r: the place, among the positions read, of the r-th largest token; of equal tokens
    the first comes first. *)
From Coq Require Import List Arith Bool Lia Permutation Sorted.
From Ballproof Require Import Transformer Counts Automata Rules.
Import ListNotations.
Local Open Scope nat_scope.

(** A token t at place p, before or after place m, is ahead of the token x at m if x < bound. *)
Definition bound (m p t : nat) : nat := t + if p <? m then 1 else 0.
Lemma bound_ahead m p t x : x < bound m p t <-> x < t \/ (t = x /\ p < m).
Proof. unfold bound. destruct (Nat.ltb_spec p m); lia. Qed.

(** Places and tokens, in the order of the positions. *)
Definition placed (l : list nat) : list (nat * nat) := combine (seq 0 (length l)) l.
Definition ahead (m x : nat) (pt : nat * nat) : bool :=
  negb (fst pt =? m) && (x <? bound m (fst pt) (snd pt)).
Definition is_argmax (r m : nat) (l : list nat) : Prop :=
  exists x, nth_error l m = Some x /\ S (count (ahead m x) (placed l)) = r.

Section Automaton.
Variable n : nat.
Variable reads : nat -> bool.
Variables r m : nat.

Definition place (i : nat) : nat := count reads (seq 0 i).

(** The largest r bounds, until the token x at place m is known; then x and how many are ahead. *)
Inductive argmax_state := Bounds (b : list nat) | Known (x c : nat).
Definition read_argmax (i : nat) (s : argmax_state) (t : nat) : option argmax_state :=
  match s with
  | Bounds b =>
      if place i =? m
      then if count (fun u => t <? u) b <? r then Some (Known t (count (fun u => t <? u) b)) else None
      else Some (Bounds (firstn r (insert (bound m (place i) t) b)))
  | Known x c =>
      if ahead m x (place i, t) then if S c <? r then Some (Known x (S c)) else None else Some s
  end.
Definition accepts_argmax (s : argmax_state) : bool :=
  match s with Bounds _ => false | Known _ c => S c =? r end.

Definition of_reading (it : reading) : nat * nat := (place (fst it), snd it).

Lemma ends_known x c l : c < r ->
  ends read_argmax accepts_argmax (Known x c) l = true
  <-> S (c + count (ahead m x) (map of_reading l)) = r.
Proof.
  revert c. induction l as [|(i, t) l IH]; intros c Hc; unfold ends; cbn [reads_to].
  - cbn [map]. unfold count. cbn [filter length]. rewrite Nat.add_0_r. apply (Nat.eqb_eq (S c) r).
  - cbn [map]. unfold of_reading at 1, count. cbn [fst snd filter].
    destruct (read_argmax i (Known x c) t) as [s|] eqn:E; cbn [read_argmax] in E;
    destruct (ahead m x (place i, t)) eqn:Ea.
    + destruct (Nat.ltb_spec (S c) r); [|discriminate]. injection E as <-.
      fold (ends read_argmax accepts_argmax (Known x (S c)) l). rewrite IH by assumption.
      unfold count. cbn [length]. rewrite Nat.add_succ_r. reflexivity.
    + injection E as <-. fold (ends read_argmax accepts_argmax (Known x c) l). apply IH. assumption.
    + destruct (Nat.ltb_spec (S c) r); [discriminate|]. cbn [length]. split; [discriminate|lia].
    + discriminate.
Qed.

Lemma count_firstn x b : StronglySorted ge b ->
  count (fun u => x <? u) (firstn r b) = Nat.min r (count (fun u => x <? u) b).
Proof.
  intros H. generalize r as e. induction H as [|u b Hb IH Hu]; intros e.
  - rewrite firstn_nil. unfold count. simpl. lia.
  - destruct e as [|e]; [reflexivity|]. specialize (IH e). unfold count in *. cbn [firstn filter].
    destruct (Nat.ltb_spec x u); cbn [length]; [rewrite IH; lia|].
    assert (E : forall l, (forall w, In w l -> w <= u) -> length (filter (fun u => x <? u) l) = 0).
    { induction l as [|w l IHl]; intros Hl; simpl; [reflexivity|].
      specialize (Hl w (or_introl eq_refl)) as Hw. destruct (Nat.ltb_spec x w); [lia|].
      apply IHl. intros; apply Hl; right; assumption. }
    rewrite Forall_forall in Hu. rewrite !E; [lia| |].
    + intros w Hw. specialize (Hu w Hw). lia.
    + intros w Hw.
      assert (Hw' : In w b) by (rewrite <- (firstn_skipn e b); apply in_or_app; left; assumption).
      specialize (Hu w Hw'). lia.
Qed.

Lemma firstn_sorted e b : StronglySorted ge b -> StronglySorted ge (firstn e b).
Proof.
  intros H. revert e. induction H as [|u b Hb IH Hu]; intros e; [rewrite firstn_nil; constructor|].
  destruct e; simpl; [constructor|]. constructor; [apply IH|]. rewrite Forall_forall in *. intros w Hw.
  apply Hu. rewrite <- (firstn_skipn e b). apply in_or_app. left. assumption.
Qed.

(** [seen x] tokens read before are ahead of a token x at place m. *)
Lemma ends_bounds b seen l : StronglySorted ge b ->
  (forall x, count (fun u => x <? u) b = Nat.min r (seen x)) ->
  (forall i t, In (i, t) l -> forall i' t', In (i', t') l -> place i = place i' -> (i, t) = (i', t')) ->
  NoDup l ->
  ends read_argmax accepts_argmax (Bounds b) l = true
  <-> exists x, In (m, x) (map of_reading l) /\ S (seen x + count (ahead m x) (map of_reading l)) = r.
Proof.
  revert b seen. induction l as [|(i, t) l IH]; intros b seen Hs Hseen Huniq HN; unfold ends; cbn [reads_to].
  - simpl. split; [discriminate|intros (x & [] & _)].
  - inversion HN as [|? ? Hni HN']; subst. cbn [map]. unfold of_reading at 1 3. cbn [fst snd].
    destruct (read_argmax i (Bounds b) t) as [s|] eqn:E; cbn [read_argmax] in E;
    destruct (Nat.eqb_spec (place i) m) as [Em|Hne].
    + destruct (Nat.ltb_spec (count (fun u => t <? u) b) r) as [Hlt|]; [|discriminate]. injection E as <-.
      fold (ends read_argmax accepts_argmax (Known t (count (fun u => t <? u) b)) l).
      rewrite ends_known by assumption. rewrite Hseen in *. rewrite Nat.min_r by lia.
      assert (Ha : ahead m t (m, t) = false) by (unfold ahead; simpl; rewrite Nat.eqb_refl; reflexivity).
      rewrite Em. split.
      * intros H. exists t. split; [left; reflexivity|]. unfold count in *. cbn [filter]. rewrite Ha. assumption.
      * intros (x & Hin & H).
        assert (Ex : x = t).
        { destruct Hin as [[= ->]|Hin]; [reflexivity|]. apply in_map_iff in Hin as ((i', t') & Eq & Hin).
          unfold of_reading in Eq. simpl in Eq. injection Eq as Ep ->. exfalso. apply Hni.
          assert (Eit : (i, t) = (i', x)); [|rewrite Eit; assumption].
          apply Huniq; [left; reflexivity|right; assumption|congruence]. }
        subst x. unfold count in *. cbn [filter] in H. rewrite Ha in H. assumption.
    + injection E as <-.
      fold (ends read_argmax accepts_argmax (Bounds (firstn r (insert (bound m (place i) t) b))) l).
      rewrite (IH _ (fun x => (if x <? bound m (place i) t then 1 else 0) + seen x)).
      * split; intros (x & Hin & H); exists x.
        -- split; [right; assumption|]. unfold count in *. cbn [filter]. unfold ahead at 1. cbn [fst snd].
           apply Nat.eqb_neq in Hne. rewrite Hne. cbn [negb andb].
           destruct (x <? bound m (place i) t); cbn [length]; lia.
        -- split; [destruct Hin as [[= Ep ->]|Hin]; [congruence|assumption]|].
           unfold count in *. cbn [filter] in H. unfold ahead at 1 in H. cbn [fst snd] in H.
           apply Nat.eqb_neq in Hne. rewrite Hne in H. cbn [negb andb] in H.
           destruct (x <? bound m (place i) t); cbn [length] in H; lia.
      * apply firstn_sorted, insert_sorted, Hs.
      * intros x. rewrite count_firstn by (apply insert_sorted, Hs).
        rewrite (count_perm _ _ _ (insert_perm _ _)). specialize (Hseen x). unfold count in *. cbn [filter].
        destruct (x <? bound m (place i) t); cbn [length]; lia.
      * intros i1 t1 H1 i2 t2 H2. apply Huniq; right; assumption.
      * assumption.
    + destruct (Nat.ltb_spec (count (fun u => t <? u) b) r) as [|Hge]; [discriminate|].
      split; [discriminate|]. intros (x & Hin & H). exfalso.
      assert (Ex : x = t).
      { rewrite Em in Hin. destruct Hin as [[= ->]|Hin]; [reflexivity|].
        apply in_map_iff in Hin as ((i', t') & Eq & Hin).
        unfold of_reading in Eq. simpl in Eq. injection Eq as Ep ->. exfalso. apply Hni.
        assert (Eit : (i, t) = (i', x)); [|rewrite Eit; assumption].
        apply Huniq; [left; reflexivity|right; assumption|congruence]. }
      subst x. rewrite Hseen in Hge. lia.
    + discriminate.
Qed.

Lemma place_S i : place (S i) = place i + if reads i then 1 else 0.
Proof.
  unfold place. rewrite seq_S. unfold count. rewrite filter_app, app_length. simpl.
  destruct (reads i); reflexivity.
Qed.

(** The places of the readings, in the order of the positions, are 0, 1, 2, .. *)
Lemma places_readings y i :
  map of_reading (readings reads i y)
  = combine (seq (place i) (length (readings reads i y))) (tokens (readings reads i y)).
Proof.
  revert i. induction y as [|t y IH]; intros i; [reflexivity|]. specialize (IH (S i)). rewrite place_S in IH.
  cbn [readings]. destruct (reads i).
  - cbn [map length seq tokens combine]. rewrite IH. unfold of_reading at 1. cbn [fst snd].
    rewrite Nat.add_1_r. reflexivity.
  - rewrite Nat.add_0_r in IH. exact IH.
Qed.

Lemma readings_positions y i : map fst (readings reads i y) = filter reads (seq i (length y)).
Proof.
  revert i. induction y as [|t y IH]; intros i; [reflexivity|]. simpl. destruct (reads i); simpl; rewrite IH; reflexivity.
Qed.

Lemma in_combine_nth (l : list nat) s p x : In (s + p, x) (combine (seq s (length l)) l) <-> nth_error l p = Some x.
Proof.
  revert s p. induction l as [|a l IH]; intros s p.
  - simpl. destruct p; split; try discriminate; tauto.
  - cbn [length seq combine]. destruct p as [|p].
    + rewrite Nat.add_0_r. simpl. split.
      * intros [[= ->]|H]; [reflexivity|]. exfalso. apply in_combine_l, in_seq in H. lia.
      * intros [= ->]. left. reflexivity.
    + cbn [nth_error]. rewrite <- (IH (S s)). replace (s + S p) with (S s + p) by lia. split.
      * intros [[= E]|H]; [lia|assumption].
      * intros H. right. assumption.
Qed.

Theorem T13_argmax q y : length y = n ->
  decides n reads (Bounds []) read_argmax accepts_argmax q y = true
  <-> is_argmax r m (tokens (readings reads 0 (y ++ [q]))).
Proof.
  intros L. rewrite decides_ends.
  pose proof (read_of_perm n reads q y L) as P. set (l := readings reads 0 (y ++ [q])) in *.
  assert (Eplaced : map of_reading l = placed (tokens l)).
  { unfold l. rewrite places_readings. unfold placed, tokens. rewrite map_length. reflexivity. }
  assert (HNp : NoDup (map fst (map of_reading l))).
  { rewrite Eplaced. unfold placed.
    assert (E : forall (s : nat) (t : list nat), map fst (combine (seq s (length t)) t) = seq s (length t)).
    { intros s t. revert s. induction t as [|a t IH]; intros s; simpl; [reflexivity|]. rewrite IH. reflexivity. }
    rewrite E. apply seq_NoDup. }
  assert (HNl : NoDup l) by (rewrite map_map in HNp; exact (NoDup_map_inv _ _ HNp)).
  rewrite (ends_bounds [] (fun _ => 0)).
  - unfold is_argmax. rewrite <- Eplaced.
    assert (Pm : Permutation (map of_reading (read_of n reads q y)) (map of_reading l)) by (apply Permutation_map, P).
    split; intros (x & Hin & H); exists x.
    + split.
      * apply (in_combine_nth (tokens l) 0 m x). fold (placed (tokens l)). rewrite <- Eplaced.
        eapply Permutation_in; [exact Pm|assumption].
      * rewrite <- H. simpl. rewrite (count_perm _ _ _ Pm). reflexivity.
    + split.
      * eapply Permutation_in; [apply Permutation_sym, Pm|]. rewrite Eplaced.
        apply (in_combine_nth (tokens l) 0 m x). assumption.
      * simpl. rewrite (count_perm _ _ _ Pm). assumption.
  - constructor.
  - intros x. unfold count. simpl. lia.
  - intros i t Hi i' t' Hi' E.
    apply (Permutation_in _ P) in Hi. apply (Permutation_in _ P) in Hi'.
    rewrite map_map in HNp. clear -HNp Hi Hi' E. induction l as [|a l IH]; [destruct Hi|].
    simpl in HNp. inversion HNp as [|? ? Hna HN]; subst.
    destruct Hi as [->|Hi], Hi' as [Ea|Hi']; auto.
    + exfalso. apply Hna. apply in_map_iff. exists (i', t'). split; [simpl; congruence|assumption].
    + subst a. exfalso. apply Hna. apply in_map_iff. exists (i, t). split; [simpl; congruence|assumption].
  - eapply Permutation_NoDup; [apply Permutation_sym, P|assumption].
Qed.
End Automaton.
