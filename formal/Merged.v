(** T18: the merged walk. Atoms are sums of all rivals, a state of the acceptor and a number of ways;
    whatever is extended, dropped, cashed, merged and lifted, the count bounds the inputs of the class
    that some rival wins; T18b, the dual, bounds them from below. *)
From Coq Require Import Reals Lra Lia List Arith Bool Permutation Relations.
From Ballproof Require Import Sums Transformer Counts Automata Folds Tasks Pools Cells.
Import ListNotations.
Local Open Scope nat_scope.

Section Walk.
Variable n : nat.
Variable A : nat -> list nat.
Variable cell : nat -> nat -> nat.
Variable cells : nat -> list nat.
Variable State : Type.
Variable delta : nat -> State -> nat -> option State. (* of cells *)
Variable accepts : State -> bool.
Variable J : list nat.
Variable up : nat -> nat -> nat -> R. (* rival, position, cell *)

Notation weight := (weight A cell cells).
Notation size := (cell_size A cell).
Notation reach := (some_reaches J up).

(** Completions of a state at depth i, and those on which some rival's sum is not negative. *)
Definition completions (i : nat) (st : State) : nat := weight i (n - i) (accepted delta accepts i st).
Definition won_from (i : nat) (s : nat -> R) (st : State) : nat :=
  weight i (n - i) (fun C => accepted delta accepts i st C && reach s i C).

Record atom := { depth : nat; sums : nat -> R; state : State; ways : nat }.
Definition worth (a : atom) : nat := ways a * won_from (depth a) (sums a) (state a).
Definition config : Type := nat * list atom. (* the count so far, and the atoms *)
Definition potential (c : config) : nat := fst c + lsum_nat (snd c) worth.

Definition extensions (a : atom) : list atom :=
  flat_map (fun c =>
    match delta (depth a) (state a) c with
    | Some st => [{| depth := S (depth a); sums := fun j => (sums a j + up j (depth a) c)%R;
                     state := st; ways := ways a * size (depth a) c |}]
    | None => []
    end) (cells (depth a)).

Lemma weight_le i len P P' : (forall C, In C (words cells i len) -> P C = true -> P' C = true) ->
  weight i len P <= weight i len P'.
Proof.
  intros H. apply lsum_nat_le. intros C HC. specialize (H C HC).
  destruct (P C); [rewrite H by reflexivity; lia|lia].
Qed.
Lemma weight_ext i len P P' : (forall C, In C (words cells i len) -> P C = P' C) -> weight i len P = weight i len P'.
Proof. intros H. apply lsum_nat_ext. intros C HC. rewrite (H C HC). reflexivity. Qed.
Lemma weight_none i len P : (forall C, In C (words cells i len) -> P C = false) -> weight i len P = 0.
Proof.
  intros H. unfold weight. rewrite (lsum_nat_ext _ _ (fun _ => 0)).
  - clear. induction (words cells i len); simpl; auto.
  - intros C HC. rewrite (H C HC). reflexivity.
Qed.

Lemma reach_cons s i c C : reach s i (c :: C) = reach (fun j => (s j + up j i c)%R) (S i) C.
Proof.
  unfold some_reaches. generalize J. intros l. induction l as [|j l IH]; cbn [existsb]; [reflexivity|].
  f_equal; [|exact IH]. cbn [total]. rewrite Rplus_assoc. reflexivity.
Qed.

(** Extending keeps the potential. *)
Lemma worth_extensions a : depth a < n -> lsum_nat (extensions a) worth = worth a.
Proof.
  intros Hd. unfold extensions. rewrite lsum_nat_flat_map. unfold worth at 2, won_from.
  destruct (n - depth a) as [|len] eqn:El; [lia|]. rewrite weight_cons, <- lsum_nat_scal.
  apply lsum_nat_ext. intros c _.
  destruct (delta (depth a) (state a) c) as [st|] eqn:E; simpl.
  - unfold worth, won_from. simpl. replace (n - S (depth a)) with len by lia.
    rewrite Nat.add_0_r, <- Nat.mul_assoc. do 2 f_equal. apply weight_ext. intros C _.
    rewrite accepted_cons, E, reach_cons. reflexivity.
  - rewrite weight_none; [lia|]. intros C _. rewrite accepted_cons, E. reflexivity.
Qed.

Lemma reach_le s s' i C : (forall j, In j J -> (s j <= s' j)%R) -> reach s i C = true -> reach s' i C = true.
Proof.
  intros H. unfold some_reaches. rewrite !existsb_exists. intros (j & Hj & E). exists j. split; [assumption|].
  destruct (Rle_dec 0 (s j + _)); [|discriminate]. specialize (H j Hj).
  destruct (Rle_dec 0 (s' j + _)); [reflexivity|lra].
Qed.

Lemma won_from_le i s s' st : (forall j, In j J -> (s j <= s' j)%R) -> won_from i s st <= won_from i s' st.
Proof.
  intros H. apply weight_le. intros C _. rewrite !andb_true_iff. intros [Ha Hr]. split; [assumption|].
  apply (reach_le s s'); assumption.
Qed.

Lemma won_completions i s st : won_from i s st <= completions i st.
Proof. apply weight_le. intros C _. rewrite andb_true_iff. tauto. Qed.

(** What the positions left can add along the acceptor (T3). *)
Definition most (j i : nat) (st : State) (b : R) : Prop :=
  forall C, In C (words cells i (n - i)) -> accepted delta accepts i st C = true -> (total (up j) i C <= b)%R.
Definition least (j i : nat) (st : State) (b : R) : Prop :=
  forall C, In C (words cells i (n - i)) -> accepted delta accepts i st C = true -> (b <= total (up j) i C)%R.

Lemma dropped_worth a :
  (forall j, In j J -> exists b, most j (depth a) (state a) b /\ (sums a j + b < 0)%R) -> worth a = 0.
Proof.
  intros H. unfold worth, won_from. rewrite weight_none; [lia|]. intros C HC.
  destruct (accepted _ _ _ _ C) eqn:E; [|reflexivity]. simpl. unfold some_reaches.
  rewrite <- not_true_iff_false, existsb_exists. intros (j & Hj & Hr).
  destruct (H j Hj) as (b & Hb & Hs). specialize (Hb C HC E).
  destruct (Rle_dec 0 _); [lra|discriminate].
Qed.

Lemma cashed_worth a :
  (exists j, In j J /\ exists b, least j (depth a) (state a) b /\ (0 <= sums a j + b)%R) ->
  won_from (depth a) (sums a) (state a) = completions (depth a) (state a).
Proof.
  intros (j & Hj & b & Hb & Hs). apply weight_ext. intros C HC.
  destruct (accepted _ _ _ _ C) eqn:E; [|reflexivity]. simpl. apply existsb_exists. exists j.
  split; [assumption|]. specialize (Hb C HC E). destruct (Rle_dec 0 _); [reflexivity|lra].
Qed.

(** From above. *)
Inductive step : config -> config -> Prop :=
| reorder cnt l l' : Permutation l l' -> step (cnt, l) (cnt, l')
| extend cnt a l : depth a < n -> step (cnt, a :: l) (cnt, extensions a ++ l)
| drop cnt a l :
    (forall j, In j J -> exists b, most j (depth a) (state a) b /\ (sums a j + b < 0)%R) ->
    step (cnt, a :: l) (cnt, l)
| cash cnt a l : step (cnt, a :: l) (cnt + ways a * completions (depth a) (state a), l)
| merge cnt a b c l :
    depth b = depth a -> state b = state a -> depth c = depth a -> state c = state a ->
    ways c = ways a + ways b ->
    (forall j, In j J -> (sums a j <= sums c j)%R /\ (sums b j <= sums c j)%R) ->
    step (cnt, a :: b :: l) (cnt, c :: l)
| lift cnt a c l :
    depth c = depth a -> state c = state a -> ways c = ways a ->
    (forall j, In j J -> (sums a j <= sums c j)%R) -> step (cnt, a :: l) (cnt, c :: l).

Lemma lsum_nat_perm {X} (F : X -> nat) l l' : Permutation l l' -> lsum_nat l F = lsum_nat l' F.
Proof. induction 1; simpl; lia. Qed.

Lemma step_potential c c' : step c c' -> potential c <= potential c'.
Proof.
  intros H; destruct H; unfold potential; cbn [fst snd lsum_nat].
  - rewrite (lsum_nat_perm worth l l') by assumption. lia.
  - rewrite lsum_nat_app, worth_extensions by assumption. lia.
  - rewrite dropped_worth by assumption. lia.
  - pose proof (won_completions (depth a) (sums a) (state a)) as W. unfold worth at 1.
    apply (Nat.mul_le_mono_l _ _ (ways a)) in W. lia.
  - unfold worth at 1 2 4. rewrite H, H0, H1, H2, H3.
    assert (Wa := won_from_le (depth a) (sums a) (sums c) (state a) (fun j Hj => proj1 (H4 j Hj))).
    assert (Wb := won_from_le (depth a) (sums b) (sums c) (state a) (fun j Hj => proj2 (H4 j Hj))).
    apply (Nat.mul_le_mono_l _ _ (ways a)) in Wa. apply (Nat.mul_le_mono_l _ _ (ways b)) in Wb. lia.
  - unfold worth at 1 3. rewrite H, H0, H1.
    assert (W := won_from_le (depth a) (sums a) (sums c) (state a) H2).
    apply (Nat.mul_le_mono_l _ _ (ways a)) in W. lia.
Qed.

Definition start (own : nat -> R) (s0 : State) : config :=
  (0, [{| depth := 0; sums := own; state := s0; ways := 1 |}]).

Lemma potential_start own s0 : potential (start own s0) = won_from 0 own s0.
Proof. unfold potential, start, worth. simpl. lia. Qed.

Theorem T18_walk own s0 cnt :
  clos_refl_trans _ step (start own s0) (cnt, []) -> won_from 0 own s0 <= cnt.
Proof.
  intros H. rewrite <- potential_start.
  assert (P : potential (start own s0) <= potential (cnt, [])).
  { induction H; [apply step_potential; assumption|lia|lia]. }
  unfold potential at 2 in P. simpl in P. lia.
Qed.

(** From below. *)
Inductive step_below : config -> config -> Prop :=
| reorder_below cnt l l' : Permutation l l' -> step_below (cnt, l) (cnt, l')
| extend_below cnt a l : depth a < n -> step_below (cnt, a :: l) (cnt, extensions a ++ l)
| drop_below cnt a l : step_below (cnt, a :: l) (cnt, l)
| cash_below cnt a l :
    (exists j, In j J /\ exists b, least j (depth a) (state a) b /\ (0 <= sums a j + b)%R) ->
    step_below (cnt, a :: l) (cnt + ways a * completions (depth a) (state a), l)
| merge_below cnt a b c l :
    depth b = depth a -> state b = state a -> depth c = depth a -> state c = state a ->
    ways c = ways a + ways b ->
    (forall j, In j J -> (sums c j <= sums a j)%R /\ (sums c j <= sums b j)%R) ->
    step_below (cnt, a :: b :: l) (cnt, c :: l)
| lower_below cnt a c l :
    depth c = depth a -> state c = state a -> ways c = ways a ->
    (forall j, In j J -> (sums c j <= sums a j)%R) -> step_below (cnt, a :: l) (cnt, c :: l).

Lemma step_below_potential c c' : step_below c c' -> potential c' <= potential c.
Proof.
  intros H; destruct H; unfold potential; cbn [fst snd lsum_nat].
  - rewrite (lsum_nat_perm worth l l') by assumption. lia.
  - rewrite lsum_nat_app, worth_extensions by assumption. lia.
  - lia.
  - unfold worth at 2. rewrite cashed_worth by assumption. lia.
  - unfold worth at 1 3 4. rewrite H, H0, H1, H2, H3.
    assert (Wa := won_from_le (depth a) (sums c) (sums a) (state a) (fun j Hj => proj1 (H4 j Hj))).
    assert (Wb := won_from_le (depth a) (sums c) (sums b) (state a) (fun j Hj => proj2 (H4 j Hj))).
    apply (Nat.mul_le_mono_l _ _ (ways a)) in Wa. apply (Nat.mul_le_mono_l _ _ (ways b)) in Wb. lia.
  - unfold worth at 1 3. rewrite H, H0, H1.
    assert (W := won_from_le (depth a) (sums c) (sums a) (state a) H2).
    apply (Nat.mul_le_mono_l _ _ (ways a)) in W. lia.
Qed.

Theorem T18b_walk own s0 cnt l :
  clos_refl_trans _ step_below (start own s0) (cnt, l) -> cnt <= won_from 0 own s0.
Proof.
  intros H. rewrite <- potential_start.
  assert (P : potential (cnt, l) <= potential (start own s0)).
  { remember (start own s0) as c0. remember (cnt, l) as c1. clear Heqc0 Heqc1.
    induction H; [apply step_below_potential; assumption|lia|lia]. }
  unfold potential at 1 in P. simpl in P. lia.
Qed.
End Walk.

(** For a class of a task of the transformer. *)
Section Model.
Variable M : model.
Notation n := (n_free M).
Variable T : task.
Notation A := (tokens_at T).
Variable cell : nat -> nat -> nat.
Variable cells : nat -> list nat.
Hypothesis cells_NoDup : forall i, NoDup (cells i).
Hypothesis cells_cover : forall i t, In t (A i) -> In (cell i t) (cells i).
Variable State : Type.
Variable delta : nat -> State -> nat -> option State.
Variable cell_delta : nat -> State -> nat -> option State.
Variable accepts : State -> bool.
Hypothesis arcs : forall i s t, In t (A i) -> delta i s t = cell_delta i s (cell i t).
Variable s0 : State.
Variables q m : nat.
Hypothesis decides : forall y, In y (words A 0 n) ->
  accepted delta accepts 0 s0 y = true <-> label T (y ++ [q]) = m.
Variable eps : R.
Variable J : list nat.

Theorem T18 (c : nat -> R) up own cnt :
  (forall j, In j J -> upper M T eps (c j) q m j (fun i t => up j i (cell i t)) (own j)) ->
  clos_refl_trans _ (step n A cell cells State cell_delta accepts J up) (start State own s0) (cnt, []) ->
  count (group_wins M m eps J) (class_of n T q m) <= cnt.
Proof.
  intros Hup H. apply T18_walk in H. eapply Nat.le_trans; [|exact H].
  unfold won_from. rewrite Nat.sub_0_r.
  apply (T10_above M T cell cells cells_NoDup cells_cover State delta cell_delta accepts arcs s0 q m decides
           eps J c up own Hup).
Qed.

Theorem T18b (c : nat -> R) low own cnt l :
  (forall j, In j J -> lower M T eps (c j) q m j (fun i t => low j i (cell i t)) (own j)) ->
  clos_refl_trans _ (step_below n A cell cells State cell_delta accepts J low) (start State own s0) (cnt, l) ->
  cnt <= count (group_wins M m eps J) (class_of n T q m).
Proof.
  intros Hlow H. apply T18b_walk in H. eapply Nat.le_trans; [exact H|].
  unfold won_from. rewrite Nat.sub_0_r.
  apply (T10_below M T cell cells cells_NoDup cells_cover State delta cell_delta accepts arcs s0 q m decides
           eps J c low own Hlow).
Qed.
End Model.
