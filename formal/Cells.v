(** T10: cells. Tokens of one cell share their entries and their arcs; a tuple of cells stands for the
    product of the cells, and is counted by its size. *)
From Coq Require Import Reals Lra Lia List Arith Bool.
From Ballproof Require Import Sums Transformer Counts Automata Folds Tasks Pools.
Import ListNotations.
Local Open Scope nat_scope.

Section Cells.
Variable A : nat -> list nat.
Variable cell : nat -> nat -> nat.
Variable cells : nat -> list nat.
Hypothesis cells_NoDup : forall i, NoDup (cells i).
Hypothesis cells_cover : forall i t, In t (A i) -> In (cell i t) (cells i).

Definition cell_size (i c : nat) : nat := count (fun t => cell i t =? c) (A i).
Fixpoint cells_of (i : nat) (y : list nat) : list nat :=
  match y with [] => [] | t :: y => cell i t :: cells_of (S i) y end.
Fixpoint tuple_size (i : nat) (C : list nat) : nat :=
  match C with [] => 1 | c :: C => cell_size i c * tuple_size (S i) C end.

(** How many sequences stand in the tuples that a predicate picks. *)
Definition weight (i len : nat) (P : list nat -> bool) : nat :=
  lsum_nat (words cells i len) (fun C => if P C then tuple_size i C else 0).

Lemma lsum_nat_map {X Y} (h : X -> Y) l F : lsum_nat (map h l) F = lsum_nat l (fun x => F (h x)).
Proof. induction l; simpl; congruence. Qed.
Lemma lsum_nat_app {X} (l l' : list X) F : lsum_nat (l ++ l') F = lsum_nat l F + lsum_nat l' F.
Proof. induction l; simpl; lia. Qed.
Lemma lsum_nat_flat_map {X Y} (h : X -> list Y) l F :
  lsum_nat (flat_map h l) F = lsum_nat l (fun x => lsum_nat (h x) F).
Proof. induction l; simpl; [reflexivity|]. rewrite lsum_nat_app. congruence. Qed.
Lemma lsum_nat_scal {X} a (l : list X) F : lsum_nat l (fun x => a * F x) = a * lsum_nat l F.
Proof. induction l; simpl; lia. Qed.

Lemma weight_cons i len P :
  weight i (S len) P = lsum_nat (cells i) (fun c => cell_size i c * weight (S i) len (fun C => P (c :: C))).
Proof.
  unfold weight. cbn [words]. rewrite lsum_nat_flat_map. apply lsum_nat_ext. intros c _.
  rewrite lsum_nat_map, <- lsum_nat_scal. apply lsum_nat_ext. intros C _. simpl.
  destruct (P (c :: C)); lia.
Qed.

Lemma pick c (F : nat -> nat) l : NoDup l -> In c l ->
  lsum_nat l (fun d => if c =? d then F d else 0) = F c.
Proof.
  assert (Hnot : forall l, ~ In c l -> lsum_nat l (fun d => if c =? d then F d else 0) = 0).
  { induction l0 as [|d l0 IH]; intros H; simpl; [reflexivity|].
    destruct (Nat.eqb_spec c d) as [->|]; [exfalso; apply H; left; reflexivity|].
    apply IH. intros H'. apply H. right. assumption. }
  induction 1 as [|d l Hd _ IH]; intros Hc; [destruct Hc|]. simpl.
  destruct (Nat.eqb_spec c d) as [->|Hne]; [rewrite (Hnot l Hd); lia|].
  apply IH. destruct Hc; [congruence|assumption].
Qed.

(** Tokens grouped by their cells. *)
Lemma sum_by_cell i (F : nat -> nat) l : (forall t, In t l -> In (cell i t) (cells i)) ->
  lsum_nat l (fun t => F (cell i t)) = lsum_nat (cells i) (fun c => count (fun t => cell i t =? c) l * F c).
Proof.
  intros Hl. induction l as [|t l IH]; simpl.
  - unfold count. simpl. clear. induction (cells i); simpl; auto.
  - rewrite IH by auto with datatypes. specialize (Hl t (or_introl eq_refl)).
    rewrite (lsum_nat_ext (cells i) (fun c => count (fun t => cell i t =? c) (t :: l) * F c)
      (fun c => (if cell i t =? c then F c else 0) + count (fun t => cell i t =? c) l * F c)).
    2:{ intros c _. unfold count. simpl. destruct (cell i t =? c); simpl; lia. }
    rewrite lsum_nat_add, pick by auto. reflexivity.
Qed.

Theorem T10_count i len (P : list nat -> bool) :
  count (fun y => P (cells_of i y)) (words A i len) = weight i len P.
Proof.
  revert i P. induction len as [|len IH]; intros i P.
  - unfold count, weight. simpl. destruct (P []); reflexivity.
  - rewrite weight_cons. cbn [words]. rewrite count_flat_map.
    rewrite (lsum_nat_ext (A i) _ (fun t => weight (S i) len (fun C => P (cell i t :: C)))).
    + rewrite (sum_by_cell i (fun c => weight (S i) len (fun C => P (c :: C)))) by auto. reflexivity.
    + intros t _. rewrite count_map. apply (IH (S i) (fun C => P (cell i t :: C))).
Qed.

Lemma total_cells up i y : total (fun p t => up p (cell p t)) i y = total up i (cells_of i y).
Proof. revert i. induction y; intros i; simpl; [reflexivity|]. rewrite IHy. reflexivity. Qed.

(** Tokens of a cell have equal arcs, missing ones included: then the tuple tells whether its sequences
    are in the class. *)
Lemma accepted_cells {State : Type} delta cell_delta (accepts : State -> bool) i s y :
  (forall i s t, In t (A i) -> delta i s t = cell_delta i s (cell i t)) -> allowed A i y ->
  accepted delta accepts i s y = accepted cell_delta accepts i s (cells_of i y).
Proof.
  intros H. revert i s. induction y as [|t y IH]; intros i s; [reflexivity|]. intros [Ht Hy].
  rewrite accepted_cons. cbn [cells_of]. rewrite accepted_cons, (H i s t Ht).
  destruct (cell_delta i s (cell i t)); [apply IH; assumption|reflexivity].
Qed.
End Cells.

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
Variable J : list nat. (* rivals *)

(** Some rival's sum over the tuple, its sum so far included, is not negative. *)
Definition some_reaches (up : nat -> nat -> nat -> R) (s : nat -> R) (i : nat) (C : list nat) : bool :=
  existsb (fun j => if Rle_dec 0 (s j + total (up j) i C) then true else false) J.

Notation tuple_in := (accepted cell_delta accepts 0 s0).

Lemma free_words_cells y : In y (words A 0 n) ->
  (label T (y ++ [q]) =? m) = tuple_in (cells_of cell 0 y).
Proof.
  intros Hy. rewrite <- (accepted_cells A cell delta cell_delta accepts 0 s0 y arcs).
  - apply eq_true_iff_eq. rewrite Nat.eqb_eq. symmetry. apply decides, Hy.
  - apply in_words in Hy. tauto.
Qed.

Theorem T10_above (c : nat -> R) up own :
  (forall j, In j J -> upper M T eps (c j) q m j (fun i t => up j i (cell i t)) (own j)) ->
  count (group_wins M m eps J) (class_of n T q m)
  <= weight A cell cells 0 n (fun C => tuple_in C && some_reaches up own 0 C).
Proof.
  intros Hup. rewrite <- (T10_count A cell cells cells_NoDup cells_cover).
  unfold class_of, free_words. rewrite count_map, count_filter. apply count_le. intros y Hy H.
  apply andb_true_iff in H as [Hl Hw].
  assert (Hf : In y (free_words n T q m)) by (apply filter_In; split; assumption).
  rewrite (free_words_cells y Hy) in Hl. rewrite Hl.
  apply existsb_exists in Hw as (j & Hj & Hb). apply beatsb_spec in Hb.
  apply existsb_exists. exists j. split; [assumption|]. rewrite <- total_cells.
  destruct (Rle_dec 0 _) as [|Hneg]; [reflexivity|exfalso].
  refine (T2_pair_upper M T eps (c j) q m j _ _ y (Hup j Hj) Hf _ Hb). lra.
Qed.

Theorem T10_below (c : nat -> R) low own :
  (forall j, In j J -> lower M T eps (c j) q m j (fun i t => low j i (cell i t)) (own j)) ->
  weight A cell cells 0 n (fun C => tuple_in C && some_reaches low own 0 C)
  <= count (group_wins M m eps J) (class_of n T q m).
Proof.
  intros Hlow. rewrite <- (T10_count A cell cells cells_NoDup cells_cover).
  unfold class_of, free_words. rewrite count_map, count_filter. apply count_le. intros y Hy H.
  apply andb_true_iff in H as [Hl Hw]. rewrite <- (free_words_cells y Hy) in Hl.
  assert (Hf : In y (free_words n T q m)) by (apply filter_In; split; assumption). rewrite Hl.
  apply existsb_exists in Hw as (j & Hj & Hb). rewrite <- total_cells in Hb.
  destruct (Rle_dec 0 _) as [Hge|]; [|discriminate].
  apply existsb_exists. exists j. split; [assumption|]. apply beatsb_spec.
  apply (T2_pair_lower M T eps (c j) q m j _ _ y (Hlow j Hj) Hf Hge).
Qed.

(** Inputs that a rival among the answers wins are wrong. *)
Lemma group_wins_wrong x : (forall j, In j J -> In j (answers T) /\ j <> m) ->
  In x (class_of n T q m) -> group_wins M m eps J x = true -> ~ correct M T eps x.
Proof.
  intros HJ Hx Hw [_ Hc]. apply existsb_exists in Hw as (j & Hj & Hb). apply beatsb_spec in Hb.
  destruct (HJ j Hj) as [Ha Hne]. apply (class_wins M T eps q m x j Hx) in Hb.
  refine (Hc j Ha _ Hb). unfold class_of, free_words in Hx. apply in_map_iff in Hx as (y & <- & Hy).
  apply filter_In in Hy as [_ E]. apply Nat.eqb_eq in E. congruence.
Qed.
End Model.
