(** T13, rules: what each automaton of a rule accepts. The query is read first, if the rule reads it,
    then the free positions that it reads; each says whether the label of what was read is m. *)
From Coq Require Import List Arith Bool Lia Permutation Sorted.
From Ballproof Require Import Transformer Counts Automata.
Import ListNotations.
Local Open Scope nat_scope.

(** A reading is a position and its token. *)
Definition reading : Type := nat * nat.

Section Reading.
Variable n : nat. (* free positions; the query's position is n *)
Variable reads : nat -> bool.
Variable State : Type.
Variable init : State.
Variable read : nat -> State -> nat -> option State. (* None: m is lost, for good *)
Variable accepts : State -> bool.

Definition start (q : nat) : option State := if reads n then read n init q else Some init.
Definition step (i : nat) (s : State) (t : nat) : option State :=
  if reads i then read i s t else Some s.
Definition decides (q : nat) (y : list nat) : bool :=
  match start q with Some s => accepted step accepts 0 s y | None => false end.

Fixpoint readings (i : nat) (y : list nat) : list reading :=
  match y with
  | [] => []
  | t :: y => if reads i then (i, t) :: readings (S i) y else readings (S i) y
  end.
(** In the order in which they are read. *)
Definition read_of (q : nat) (y : list nat) : list reading :=
  if reads n then (n, q) :: readings 0 y else readings 0 y.

Lemma readings_app i y z : readings i (y ++ z) = readings i y ++ readings (i + length y) z.
Proof.
  revert i. induction y as [|t y IH]; intros i; simpl.
  - rewrite Nat.add_0_r. reflexivity.
  - rewrite IH, Nat.add_succ_r. destruct (reads i); reflexivity.
Qed.

(** The readings of the input, in the order of its positions, are these. *)
Lemma read_of_perm q y : length y = n -> Permutation (read_of q y) (readings 0 (y ++ [q])).
Proof.
  intros E. rewrite readings_app, E. unfold read_of. simpl. destruct (reads n).
  - apply Permutation_cons_append.
  - rewrite app_nil_r. apply Permutation_refl.
Qed.

Fixpoint reads_to (s : State) (l : list reading) : option State :=
  match l with
  | [] => Some s
  | (i, t) :: l => match read i s t with Some s' => reads_to s' l | None => None end
  end.
Definition ends (s : State) (l : list reading) : bool :=
  match reads_to s l with Some s' => accepts s' | None => false end.

Lemma decides_ends q y : decides q y = ends init (read_of q y).
Proof.
  assert (H : forall y i s, accepted step accepts i s y = ends s (readings i y)).
  { clear. induction y as [|t y IH]; intros i s; [reflexivity|].
    rewrite accepted_cons. unfold step at 1. simpl. destruct (reads i).
    - unfold ends. simpl. destruct (read i s t); [apply IH|reflexivity].
    - apply IH. }
  unfold decides, start, read_of. destruct (reads n).
  - unfold ends. simpl. destruct (read n init q); [apply H|reflexivity].
  - apply H.
Qed.
End Reading.

Arguments decides n reads {State}. Arguments ends {State}. Arguments reads_to {State}.

Definition tokens (l : list reading) : list nat := map snd l.
Definition above (m : nat) (l : list nat) : nat := count (fun t => m <? t) l.
Definition at_least (m : nat) (l : list nat) : nat := count (fun t => m <=? t) l.

Lemma above_perm m l l' : Permutation l l' -> above m l = above m l'.
Proof. apply count_perm. Qed.

(** *** max and min: was m read? *)
Definition is_max (m : nat) (l : list nat) : Prop := In m l /\ forall t, In t l -> t <= m.
Definition is_min (m : nat) (l : list nat) : Prop := In m l /\ forall t, In t l -> m <= t.

Definition read_max (m : nat) (i : nat) (s : bool) (t : nat) : option bool :=
  if m <? t then None else Some (s || (t =? m)).
Definition read_min (m : nat) (i : nat) (s : bool) (t : nat) : option bool :=
  if t <? m then None else Some (s || (t =? m)).

Lemma ends_max m s l :
  ends (read_max m) (fun s => s) s l = true <->
  (s = true \/ In m (tokens l)) /\ forall t, In t (tokens l) -> t <= m.
Proof.
  revert s. induction l as [|(i, t) l IH]; intros s; unfold ends; simpl.
  - intuition.
  - unfold read_max at 1. destruct (Nat.ltb_spec m t) as [Hlt|Hge].
    + split; [discriminate|]. intros [_ H]. specialize (H t (or_introl eq_refl)). lia.
    + change (ends (read_max m) (fun s => s) (s || (t =? m)) l = true <-> (s = true \/ t = m \/ In m (tokens l)) /\
        (forall u, t = u \/ In u (tokens l) -> u <= m)).
      rewrite IH, orb_true_iff, Nat.eqb_eq. split.
      * intros [H1 H2]. split; [tauto|]. intros u [<-|Hu]; auto.
      * intros [H1 H2]. split; [tauto|]. intros u Hu. auto.
Qed.

Lemma ends_min m s l :
  ends (read_min m) (fun s => s) s l = true <->
  (s = true \/ In m (tokens l)) /\ forall t, In t (tokens l) -> m <= t.
Proof.
  revert s. induction l as [|(i, t) l IH]; intros s; unfold ends; simpl.
  - intuition.
  - unfold read_min at 1. destruct (Nat.ltb_spec t m) as [Hlt|Hge].
    + split; [discriminate|]. intros [_ H]. specialize (H t (or_introl eq_refl)). lia.
    + change (ends (read_min m) (fun s => s) (s || (t =? m)) l = true <-> (s = true \/ t = m \/ In m (tokens l)) /\
        (forall u, t = u \/ In u (tokens l) -> m <= u)).
      rewrite IH, orb_true_iff, Nat.eqb_eq. split.
      * intros [H1 H2]. split; [tauto|]. intros u [<-|Hu]; auto.
      * intros [H1 H2]. split; [tauto|]. intros u Hu. auto.
Qed.

Theorem T13_max n reads m q y : length y = n ->
  decides n reads false (read_max m) (fun s => s) q y = true
  <-> is_max m (tokens (readings reads 0 (y ++ [q]))).
Proof.
  intros E. rewrite decides_ends, ends_max. unfold is_max.
  pose proof (Permutation_map snd (read_of_perm n reads q y E)) as P. fold (tokens (read_of n reads q y)) in P.
  fold (tokens (readings reads 0 (y ++ [q]))) in P. split; intros [H1 H2]; split.
  - destruct H1 as [|H1]; [discriminate|]. eapply Permutation_in; eassumption.
  - intros t Ht. apply H2. eapply Permutation_in; [apply Permutation_sym|]; eassumption.
  - right. eapply Permutation_in; [apply Permutation_sym|]; eassumption.
  - intros t Ht. apply H2. eapply Permutation_in; eassumption.
Qed.

Theorem T13_min n reads m q y : length y = n ->
  decides n reads false (read_min m) (fun s => s) q y = true
  <-> is_min m (tokens (readings reads 0 (y ++ [q]))).
Proof.
  intros E. rewrite decides_ends, ends_min. unfold is_min.
  pose proof (Permutation_map snd (read_of_perm n reads q y E)) as P. fold (tokens (read_of n reads q y)) in P.
  fold (tokens (readings reads 0 (y ++ [q]))) in P. split; intros [H1 H2]; split.
  - destruct H1 as [|H1]; [discriminate|]. eapply Permutation_in; eassumption.
  - intros t Ht. apply H2. eapply Permutation_in; [apply Permutation_sym|]; eassumption.
  - right. eapply Permutation_in; [apply Permutation_sym|]; eassumption.
  - intros t Ht. apply H2. eapply Permutation_in; eassumption.
Qed.

(** *** rank r: the r-th largest, equal tokens counted each *)
Definition is_rank (r m : nat) (l : list nat) : Prop := nth_error (descending l) (pred r) = Some m.

Lemma insert_perm t l : Permutation (insert t l) (t :: l).
Proof.
  induction l as [|u l IH]; simpl; [apply Permutation_refl|].
  destruct (u <=? t); [apply Permutation_refl|].
  eapply Permutation_trans; [apply perm_skip, IH|apply perm_swap].
Qed.
Lemma descending_perm l : Permutation (descending l) l.
Proof.
  induction l; simpl; [constructor|]. eapply Permutation_trans; [apply insert_perm|auto].
Qed.
Lemma insert_sorted t l : StronglySorted ge l -> StronglySorted ge (insert t l).
Proof.
  induction 1 as [|u l Hl IH Hu]; simpl; [repeat constructor|].
  destruct (Nat.leb_spec u t).
  - constructor; [constructor; assumption|]. constructor; [assumption|].
    eapply Forall_impl; [|exact Hu]. simpl. intros; lia.
  - constructor; [assumption|]. rewrite Forall_forall in *. intros x Hx.
    apply (Permutation_in _ (insert_perm t l)) in Hx as [<-|Hx]; [lia|auto].
Qed.
Lemma descending_sorted l : StronglySorted ge (descending l).
Proof. induction l; simpl; [constructor|]. apply insert_sorted; assumption. Qed.

Lemma sorted_rank l m r : StronglySorted ge l ->
  nth_error l r = Some m <-> above m l <= r < at_least m l.
Proof.
  intros H. revert r. unfold above, at_least, count. induction H as [|u l Hl IH Hu]; intros r; simpl.
  - destruct r; split; try discriminate; lia.
  - assert (None_above : forall b, u <= b -> length (filter (fun t => b <? t) l) = 0).
    { intros b Hb. rewrite (filter_ext_in _ (fun _ => false)).
      - rewrite filter_false. reflexivity.
      - intros t Ht. rewrite Forall_forall in Hu. specialize (Hu t Ht). apply Nat.ltb_ge. lia. }
    destruct r as [|r]; simpl.
    + split.
      * intros [= ->]. rewrite Nat.ltb_irrefl, Nat.leb_refl. simpl. rewrite None_above by lia. lia.
      * destruct (Nat.ltb_spec m u), (Nat.leb_spec m u); simpl; intros; try lia.
        -- f_equal. lia.
        -- assert (E0 : length (filter (fun t => m <=? t) l) = 0); [|lia].
           rewrite (filter_ext_in _ (fun _ => false)).
           ++ rewrite filter_false. reflexivity.
           ++ intros t Ht. rewrite Forall_forall in Hu. specialize (Hu t Ht). apply Nat.leb_gt. lia.
    + rewrite IH. destruct (Nat.ltb_spec m u), (Nat.leb_spec m u); simpl; try lia.
      * assert (u = m) by lia. subst u. rewrite None_above by lia. lia.
      * assert (E0 : length (filter (fun t => m <=? t) l) = 0); [|lia].
        rewrite (filter_ext_in _ (fun _ => false)).
        -- rewrite filter_false. reflexivity.
        -- intros t Ht. rewrite Forall_forall in Hu. specialize (Hu t Ht). apply Nat.leb_gt. lia.
Qed.

Lemma is_rank_counts r m l : 0 < r -> is_rank r m l <-> above m l < r <= at_least m l.
Proof.
  intros Hr. unfold is_rank. rewrite sorted_rank by apply descending_sorted.
  unfold above, at_least. rewrite !(count_perm _ _ _ (descending_perm l)). lia.
Qed.

(** The state: tokens above m, and tokens equal to m, the latter up to r. *)
Definition read_rank (r m : nat) (i : nat) (s : nat * nat) (t : nat) : option (nat * nat) :=
  if m <? t then (if S (fst s) <? r then Some (S (fst s), snd s) else None)
  else if t =? m then Some (fst s, Nat.min r (S (snd s))) else Some s.
Definition accepts_rank (r : nat) (s : nat * nat) : bool := r <=? fst s + snd s.

Lemma ends_rank r m a e l : a < r -> e <= r ->
  ends (read_rank r m) (accepts_rank r) (a, e) l = true <->
  a + above m (tokens l) < r /\ r <= a + e + at_least m (tokens l).
Proof.
  unfold above, at_least, count.
  revert a e. induction l as [|(i, t) l IH]; intros a e Ha He; unfold ends; simpl.
  - unfold accepts_rank. simpl. rewrite Nat.leb_le. lia.
  - unfold read_rank at 1. cbn [fst snd]. destruct (Nat.ltb_spec m t) as [Hlt|Hge].
    + destruct (Nat.leb_spec m t); [|lia]. simpl. destruct (Nat.ltb_spec (S a) r).
      * fold (ends (read_rank r m) (accepts_rank r) (S a, e) l). rewrite IH by lia. lia.
      * split; [discriminate|lia].
    + destruct (Nat.eqb_spec t m) as [->|Hne].
      * rewrite Nat.leb_refl. simpl.
        fold (ends (read_rank r m) (accepts_rank r) (a, Nat.min r (S e)) l). rewrite IH by lia. lia.
      * destruct (Nat.leb_spec m t); [lia|].
        fold (ends (read_rank r m) (accepts_rank r) (a, e) l). rewrite IH by lia. lia.
Qed.

Theorem T13_rank n reads r m q y : 0 < r -> length y = n ->
  decides n reads (0, 0) (read_rank r m) (accepts_rank r) q y = true
  <-> is_rank r m (tokens (readings reads 0 (y ++ [q]))).
Proof.
  intros Hr E. rewrite decides_ends, ends_rank, is_rank_counts by lia.
  pose proof (Permutation_map snd (read_of_perm n reads q y E)) as P.
  fold (tokens (read_of n reads q y)) in P. fold (tokens (readings reads 0 (y ++ [q]))) in P.
  unfold above, at_least. rewrite !(count_perm _ _ _ P). lia.
Qed.

(** rank 1 is max *)
Lemma rank_max m l : is_rank 1 m l <-> is_max m l.
Proof.
  rewrite is_rank_counts by lia. unfold is_max, above, at_least, count.
  assert (H : forall p : nat -> bool, length (filter p l) = 0 <-> forall t, In t l -> p t = false).
  { intros p. rewrite length_zero_iff_nil. split.
    - intros E t Ht. destruct (p t) eqn:Ep; [|reflexivity].
      assert (Hin : In t (filter p l)) by (apply filter_In; tauto). rewrite E in Hin. destruct Hin.
    - intros E. rewrite (filter_ext_in _ (fun _ => false)) by exact E. apply filter_false. }
  split.
  - intros [H1 H2]. assert (H1' := proj1 (H (fun t => m <? t)) ltac:(lia)).
    assert (Hle : forall t, In t l -> t <= m) by (intros t Ht; specialize (H1' t Ht); apply Nat.ltb_ge in H1'; lia).
    split; [|assumption]. destruct (filter (fun t => m <=? t) l) as [|t l'] eqn:E; [simpl in H2; lia|].
    assert (Hin : In t (filter (fun t => m <=? t) l)) by (rewrite E; left; reflexivity).
    apply filter_In in Hin as [Hin Ht]. apply Nat.leb_le in Ht. specialize (Hle t Hin).
    replace m with t by lia. assumption.
  - intros [H1 H2]. split.
    + assert (E : length (filter (fun t => m <? t) l) = 0); [|lia].
      apply H. intros t Ht. apply Nat.ltb_ge. auto.
    + destruct (filter (fun t => m <=? t) l) as [|t l'] eqn:E; [exfalso|simpl; lia].
      assert (Hin : In m (filter (fun t => m <=? t) l)) by (apply filter_In; rewrite Nat.leb_refl; tauto).
      rewrite E in Hin. destruct Hin.
Qed.

(** *** sum with coefficients, modulo p: the sum so far *)
Definition weighted_sum (c : nat -> nat) (l : list reading) : nat :=
  list_sum (map (fun it => c (fst it) * snd it) l).
Definition is_sum (p : nat) (c : nat -> nat) (m : nat) (l : list reading) : Prop :=
  weighted_sum c l mod p = m.
Definition read_sum (p : nat) (c : nat -> nat) (i s t : nat) : option nat := Some ((s + c i * t) mod p).

Lemma ends_sum p c m s l : p <> 0 ->
  ends (read_sum p c) (fun s => s mod p =? m) s l = true <-> (s + weighted_sum c l) mod p = m.
Proof.
  intros Hp. revert s. unfold weighted_sum. induction l as [|(i, t) l IH]; intros s; unfold ends; simpl.
  - rewrite Nat.add_0_r. apply Nat.eqb_eq.
  - fold (ends (read_sum p c) (fun s => s mod p =? m) ((s + c i * t) mod p) l). rewrite IH.
    rewrite Nat.add_mod_idemp_l, Nat.add_assoc by assumption. reflexivity.
Qed.

Theorem T13_sum n reads p c m q y : p <> 0 -> length y = n ->
  decides n reads 0 (read_sum p c) (fun s => s mod p =? m) q y = true
  <-> is_sum p c m (readings reads 0 (y ++ [q])).
Proof.
  intros Hp E. rewrite decides_ends, ends_sum by assumption. unfold is_sum, weighted_sum. rewrite Nat.add_0_l.
  assert (P : list_sum (map (fun it : reading => c (fst it) * snd it) (read_of n reads q y))
            = list_sum (map (fun it : reading => c (fst it) * snd it) (readings reads 0 (y ++ [q])))).
  { generalize (Permutation_map (fun it : reading => c (fst it) * snd it) (read_of_perm n reads q y E)).
    induction 1; simpl; lia. }
  unfold reading in P. rewrite P. reflexivity.
Qed.

(** *** product, from the left: the product of the factors read, and, apart from it, the query, which
    is read first and is the last factor *)
Section Product.
Variable n : nat.
Variable reads : nat -> bool.
Variable element : nat -> nat. (* of a token *)
Variable times : nat -> nat -> nat.
Variable unit : nat.

Definition product (l : list reading) : nat :=
  fold_left (fun a it => times a (element (snd it))) l unit.
Definition read_product (i : nat) (s : nat * option nat) (t : nat) : option (nat * option nat) :=
  if i =? n then Some (fst s, Some (element t)) else Some (times (fst s) (element t), snd s).
Definition accepts_product (m : nat) (s : nat * option nat) : bool :=
  (match snd s with Some b => times (fst s) b | None => fst s end) =? m.

Theorem T13_product m q y : length y = n ->
  decides n reads (unit, None) read_product (accepts_product m) q y = true
  <-> product (readings reads 0 (y ++ [q])) = m.
Proof.
  intros E. rewrite decides_ends, readings_app, E. unfold product. rewrite fold_left_app.
  assert (H : forall y i a b, i + length y <= n ->
    ends read_product (accepts_product m) (a, b) (readings reads i y)
    = accepts_product m (fold_left (fun a it => times a (element (snd it))) (readings reads i y) a, b)).
  { clear. induction y as [|t y IH]; intros i a b L; [reflexivity|]. simpl in L. simpl.
    destruct (reads i); [|apply IH; lia]. unfold ends. simpl. unfold read_product at 1.
    destruct (Nat.eqb_spec i n); [lia|]. cbn [fst snd]. apply IH. lia. }
  unfold read_of. simpl. destruct (reads n).
  - unfold ends. simpl. unfold read_product at 1. rewrite Nat.eqb_refl. cbn [fst].
    fold (ends read_product (accepts_product m) (unit, Some (element q)) (readings reads 0 y)).
    rewrite H by lia. unfold accepts_product. simpl. apply Nat.eqb_eq.
  - rewrite H by lia. unfold accepts_product. simpl. apply Nat.eqb_eq.
Qed.
End Product.

(** *** table, and any rule: all that was read *)
Definition read_all (i : nat) (s : list reading) (t : nat) : option (list reading) := Some (s ++ [(i, t)]).

Theorem T13_table n reads (label : list reading -> nat) m q y :
  decides n reads [] read_all (fun s => label s =? m) q y = true <-> label (read_of n reads q y) = m.
Proof.
  rewrite decides_ends.
  assert (H : forall l s, ends read_all (fun s => label s =? m) s l = (label (s ++ l) =? m)).
  { induction l as [|(i, t) l IH]; intros s; unfold ends; simpl.
    - rewrite app_nil_r. reflexivity.
    - fold (ends read_all (fun s => label s =? m) (s ++ [(i, t)]) l). rewrite IH, <- app_assoc. reflexivity. }
  rewrite H. apply Nat.eqb_eq.
Qed.
