(** T13, the rule first-picks: the first token read says whether the label is the largest or the smallest of
    the others. The query is read before it. *)
From Coq Require Import List Arith Bool Lia Permutation.
From Ballproof Require Import Transformer Counts Automata Rules Argmax.
Import ListNotations.
Local Open Scope nat_scope.

Section Picks.
Variable n : nat.
Variable reads : nat -> bool.
Variables largest m : nat. (* the first token that says max; any other one says min *)

Definition is_first_picks (l : list nat) : Prop :=
  match l with
  | [] => False
  | f :: others => if f =? largest then is_max m others else is_min m others
  end.

(** Whether the first token says max, if it was read; of the others, was there one above m, m, one below. *)
Record picks_state := { says_max : option bool; above_m : bool; equal_m : bool; below_m : bool }.
Definition init_picks := {| says_max := None; above_m := false; equal_m := false; below_m := false |}.
Definition settle (s : picks_state) : option picks_state :=
  match says_max s with
  | None => Some s
  | Some top =>
      if (if top then above_m s else below_m s) then None
      else Some {| says_max := Some top; above_m := false; equal_m := equal_m s; below_m := false |}
  end.
Definition read_picks (i : nat) (s : picks_state) (t : nat) : option picks_state :=
  settle (if place reads i =? 0
          then {| says_max := Some (t =? largest); above_m := above_m s; equal_m := equal_m s; below_m := below_m s |}
          else {| says_max := says_max s; above_m := above_m s || (m <? t);
                  equal_m := equal_m s || (t =? m); below_m := below_m s || (t <? m) |}).
Definition accepts_picks (s : picks_state) : bool :=
  match says_max s with Some _ => equal_m s | None => false end.

Notation of_reading := (of_reading reads).
Definition within (top : bool) (l : list nat) : Prop := forall t, In t l -> if top then t <= m else m <= t.

Lemma within_cons top t l :
  within top (t :: l) <-> (if (if top then m <? t else t <? m) then False else True) /\ within top l.
Proof.
  unfold within. split.
  - intros H. split; [|intros u Hu; apply H; right; assumption].
    specialize (H t (or_introl eq_refl)). destruct top.
    + destruct (Nat.ltb_spec m t); [lia|exact I].
    + destruct (Nat.ltb_spec t m); [lia|exact I].
  - intros [H1 H2] u [<-|Hu]; [|apply H2; assumption]. destruct top.
    + destruct (Nat.ltb_spec m t); [destruct H1|assumption].
    + destruct (Nat.ltb_spec t m); [destruct H1|assumption].
Qed.

Lemma ends_said top e l : (forall i t, In (i, t) l -> place reads i <> 0) ->
  ends read_picks accepts_picks
    {| says_max := Some top; above_m := false; equal_m := e; below_m := false |} l = true
  <-> (e = true \/ In m (tokens l)) /\ within top (tokens l).
Proof.
  revert e. induction l as [|(i, t) l IH]; intros e Hp; unfold ends; cbn [reads_to].
  - unfold accepts_picks, within. simpl. intuition.
  - unfold read_picks at 1. destruct (Nat.eqb_spec (place reads i) 0) as [E|_].
    + exfalso. apply (Hp i t (or_introl eq_refl) E).
    + unfold settle. cbn [says_max above_m below_m equal_m orb].
      change (tokens ((i, t) :: l)) with (t :: tokens l). rewrite within_cons.
      destruct (if top then m <? t else t <? m).
      * split; [discriminate|]. intros (_ & [] & _).
      * fold (ends read_picks accepts_picks
          {| says_max := Some top; above_m := false; equal_m := e || (t =? m); below_m := false |} l).
        rewrite IH by (intros; eapply Hp; right; eassumption). rewrite orb_true_iff, Nat.eqb_eq. simpl. tauto.
Qed.

Definition others (l : list (nat * nat)) : list nat := map snd (filter (fun pt => negb (fst pt =? 0)) l).

Lemma others_rest l : (forall i t, In (i, t) l -> place reads i <> 0) -> others (map of_reading l) = tokens l.
Proof.
  induction l as [|(i, t) l IH]; intros H; [reflexivity|]. unfold others. cbn [map filter].
  specialize (H i t (or_introl eq_refl)) as Hi. apply Nat.eqb_neq in Hi. unfold of_reading at 1. cbn [fst].
  rewrite Hi. cbn [negb map snd]. fold (others (map of_reading l)).
  rewrite IH by (intros; eapply H; right; eassumption). reflexivity.
Qed.

Lemma ends_unsaid a e b l : NoDup (map fst (map of_reading l)) ->
  ends read_picks accepts_picks {| says_max := None; above_m := a; equal_m := e; below_m := b |} l = true
  <-> exists f, In (0, f) (map of_reading l)
      /\ (if (if f =? largest then a else b) then False else True)
      /\ (e = true \/ In m (others (map of_reading l)))
      /\ within (f =? largest) (others (map of_reading l)).
Proof.
  revert a e b. induction l as [|(i, t) l IH]; intros a e b HN; unfold ends; cbn [reads_to].
  - simpl. split; [discriminate|]. intros (f & [] & _).
  - cbn [map] in HN. inversion HN as [|? ? Hni HN']; subst. unfold read_picks at 1.
    unfold others. cbn [map filter].
    change (of_reading (i, t)) with (place reads i, t) in *. cbn [fst] in *.
    destruct (Nat.eqb_spec (place reads i) 0) as [E|Hne]; cbn [negb].
    + assert (Hp : forall i' t', In (i', t') l -> place reads i' <> 0).
      { intros i' t' H E'. apply Hni. rewrite E, <- E'.
        apply (in_map fst (map of_reading l) (of_reading (i', t'))), in_map. assumption. }
      fold (others (map of_reading l)). rewrite others_rest by assumption.
      unfold settle. cbn [says_max above_m below_m equal_m].
      assert (Huniq : forall f, In (0, f) ((place reads i, t) :: map of_reading l) <-> f = t).
      { intros f. simpl. split.
        - intros [[= _ ->]|H]; [reflexivity|]. exfalso. apply in_map_iff in H as ((i', t') & Eq & H).
          unfold Argmax.of_reading in Eq. simpl in Eq. injection Eq as Ep _. apply (Hp i' t' H Ep).
        - intros ->. left. rewrite E. reflexivity. }
      destruct (if t =? largest then a else b) eqn:Eab.
      * split; [discriminate|]. intros (f & Hf & Hab & _). apply Huniq in Hf. subst f. rewrite Eab in Hab. destruct Hab.
      * fold (ends read_picks accepts_picks
          {| says_max := Some (t =? largest); above_m := false; equal_m := e; below_m := false |} l).
        rewrite ends_said by assumption. split.
        -- intros [H1 H2]. exists t. rewrite Eab. split; [apply Huniq; reflexivity|]. split; [exact I|]. split; assumption.
        -- intros (f & Hf & _ & H1 & H2). apply Huniq in Hf. subst f. tauto.
    + unfold settle. cbn [says_max above_m below_m equal_m].
      fold (ends read_picks accepts_picks
        {| says_max := None; above_m := a || (m <? t); equal_m := e || (t =? m); below_m := b || (t <? m) |} l).
      rewrite IH by assumption. cbn [map snd]. fold (others (map of_reading l)).
      split; intros (f & Hf & Hab & H1 & H2); exists f.
      * split; [right; assumption|]. rewrite within_cons.
        rewrite orb_true_iff, Nat.eqb_eq in H1.
        destruct (f =? largest); simpl in *;
          [destruct a, (m <? t)|destruct b, (t <? m)]; simpl in *; tauto.
      * split; [destruct Hf as [[= Ep _]|Hf]; [congruence|assumption]|]. rewrite within_cons in H2.
        rewrite orb_true_iff, Nat.eqb_eq.
        destruct (f =? largest); simpl in *;
          [destruct a, (m <? t)|destruct b, (t <? m)]; simpl in *; tauto.
Qed.

Theorem T13_first_picks q y : length y = n ->
  decides n reads init_picks read_picks accepts_picks q y = true
  <-> is_first_picks (tokens (readings reads 0 (y ++ [q]))).
Proof.
  intros L. rewrite decides_ends.
  pose proof (read_of_perm n reads q y L) as P. set (l := readings reads 0 (y ++ [q])) in *.
  assert (Pm : Permutation (map of_reading (read_of n reads q y)) (map of_reading l)) by (apply Permutation_map, P).
  assert (Eplaced : map of_reading l = placed (tokens l)).
  { unfold l. rewrite places_readings. unfold placed, tokens. rewrite map_length. reflexivity. }
  assert (HNl : NoDup (map fst (map of_reading l))).
  { rewrite Eplaced. unfold placed.
    assert (E : forall (s : nat) (t : list nat), map fst (combine (seq s (length t)) t) = seq s (length t)).
    { intros s t. revert s. induction t as [|a t IH]; intros s; simpl; [reflexivity|]. rewrite IH. reflexivity. }
    rewrite E. apply seq_NoDup. }
  unfold init_picks. rewrite ends_unsaid by (eapply Permutation_NoDup; [apply Permutation_sym, Permutation_map, Pm|assumption]).
  assert (Po : Permutation (others (map of_reading (read_of n reads q y))) (others (map of_reading l))).
  { unfold others. apply Permutation_map. clear -Pm. induction Pm; simpl.
    - constructor.
    - destruct (negb (fst x =? 0)); [constructor|]; assumption.
    - destruct (negb (fst x =? 0)), (negb (fst y0 =? 0)); try apply perm_swap; apply Permutation_refl.
    - eapply Permutation_trans; eassumption. }
  assert (Hin : forall t, In t (others (map of_reading (read_of n reads q y))) <-> In t (others (map of_reading l))).
  { intros t. split; apply Permutation_in; [assumption|apply Permutation_sym; assumption]. }
  assert (Hf : forall f, In (0, f) (map of_reading (read_of n reads q y)) <-> In (0, f) (map of_reading l)).
  { intros f. split; apply Permutation_in; [assumption|apply Permutation_sym; assumption]. }
  assert (Hw : forall top, within top (others (map of_reading (read_of n reads q y))) <-> within top (others (map of_reading l))).
  { intros top. unfold within. split; intros H t Ht; apply H, Hin; assumption. }
  rewrite Eplaced in *. destruct (tokens l) as [|f rest].
  - simpl. split; [|tauto]. intros (f & H & _). apply Hf in H. destruct H.
  - assert (Eo : others (placed (f :: rest)) = rest).
    { unfold others, placed. cbn [length seq combine filter fst negb Nat.eqb].
      assert (E : forall (t : list nat) s, map snd (filter (fun pt : nat * nat => negb (fst pt =? 0)) (combine (seq (S s) (length t)) t)) = t).
      { induction t as [|a t IH]; intros s; [reflexivity|]. simpl. f_equal. apply IH. }
      apply E. }
    assert (E0 : forall f', In (0, f') (placed (f :: rest)) <-> f' = f).
    { intros f'. unfold placed. cbn [length seq combine]. split.
      - intros [[= ->]|H]; [reflexivity|]. exfalso. apply in_combine_l, in_seq in H. lia.
      - intros ->. left. reflexivity. }
    rewrite Eo in *. unfold is_first_picks, is_max, is_min. split.
    + intros (f' & H & _ & [Hx|Hm] & Hwi); [discriminate|]. apply Hf, E0 in H. subst f'.
      apply Hin in Hm. apply Hw in Hwi. unfold within in Hwi. destruct (f =? largest); split; assumption.
    + intros H. exists f. rewrite Hf, E0, Hw, (Hin m). split; [reflexivity|].
      unfold within. destruct (f =? largest); destruct H as [H1 H2]; repeat split; auto.
Qed.
End Picks.
