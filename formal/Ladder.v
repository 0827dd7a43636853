(** The ladder strategies: pools of queries with the rivals that are left, split, cleared, counted or given
    up. Whatever tree of pools a witness describes, its total bounds the wrong inputs. *)
From Coq Require Import Reals Lra Lia List Arith Bool Permutation.
From Ballproof Require Import Sums Transformer Counts Automata Folds Tasks Pools Cells Marked.
Import ListNotations.
Local Open Scope nat_scope.

Section Ladder.
Variable M : model.
Notation n := (n_free M).
Variable T : task.
Notation A := (tokens_at T).
Variable eps : R.
Hypothesis T_positions : length (positions T) = S n.

Notation wrong := (wrong M T eps).
Notation size q m := (length (class_of n T q m)).
Notation wrong_in q m := (count wrong (class_of n T q m)).
(** Rival j is cleared for the query q: it wins on no input of the class. *)
Definition cleared (m q j : nat) : Prop :=
  forall x, In x (class_of n T q m) -> ~ beats M eps x j m.

(** A pool of queries, the rivals left, and a bound of the wrong inputs of its classes together. *)
Inductive ladder (m : nat) : list nat -> list nat -> nat -> Prop :=
| no_rival pool : ladder m pool [] 0
| given_up pool J : ladder m pool J (lsum_nat pool (fun q => size q m))
| counted pool J (b : nat) : (* T4, T11 with T5, T6, T10 or T18, on tables that hold for each query *)
    (forall q, In q pool ->
       (forall j, In j (answers T) -> j <> m -> ~ In j J -> cleared m q j) -> wrong_in q m <= b) ->
    ladder m pool J (length pool * b)
| visited pool J J' total : (* T3 on a table of T8, or T9 *)
    (forall q j, In q pool -> In j J -> ~ In j J' -> cleared m q j) ->
    ladder m pool J' total -> ladder m pool J total
| split pool J pool1 pool2 total1 total2 :
    Permutation pool (pool1 ++ pool2) ->
    ladder m pool1 J total1 -> ladder m pool2 J total2 -> ladder m pool J (total1 + total2).

Lemma wrong_le_size q m : wrong_in q m <= size q m.
Proof. rewrite <- count_true. apply count_le. reflexivity. Qed.

Lemma lsum_nat_app' {X} (l l' : list X) F : lsum_nat (l ++ l') F = lsum_nat l F + lsum_nat l' F.
Proof. induction l; simpl; lia. Qed.
Lemma lsum_nat_perm' {X} (F : X -> nat) l l' : Permutation l l' -> lsum_nat l F = lsum_nat l' F.
Proof. induction 1; simpl; lia. Qed.

Theorem ladder_pool m pool J total : In m (answers T) -> ladder m pool J total ->
  (forall q j, In q pool -> In j (answers T) -> j <> m -> ~ In j J -> cleared m q j) ->
  lsum_nat pool (fun q => wrong_in q m) <= total.
Proof.
  intros Hm H. induction H as [pool|pool J|pool J b Hb|pool J J' total Hv _ IH|pool J p1 p2 t1 t2 P _ IH1 _ IH2];
    intros Hc.
  - replace (lsum_nat pool (fun q => wrong_in q m)) with 0; [lia|].
    assert (H0 : forall q, In q pool -> wrong_in q m = 0).
    { intros q Hq. rewrite (count_ext _ (fun _ => false)).
      - unfold count. rewrite filter_false. reflexivity.
      - intros x Hx. destruct (wrong x) eqn:E; [|reflexivity]. exfalso.
        destruct (wrong_won M T q m eps Hm x Hx E) as (j & Hj & Hne & Hb).
        exact (Hc q j Hq Hj Hne (fun f => f) x Hx Hb). }
    clear Hc. induction pool as [|q pool IH]; [reflexivity|]. simpl. rewrite H0 by (left; reflexivity).
    apply IH. intros q' Hq'. apply H0. right. assumption.
  - apply lsum_nat_le. intros q _. apply wrong_le_size.
  - assert (Hle : forall q, In q pool -> wrong_in q m <= b).
    { intros q Hq. apply Hb; [assumption|]. intros j Hj Hne Hn. apply (Hc q j Hq Hj Hne Hn). }
    clear Hb Hc. induction pool as [|q pool IH]; simpl; [lia|].
    specialize (Hle q (or_introl eq_refl)) as H1.
    specialize (IH (fun q Hq => Hle q (or_intror Hq))). lia.
  - apply IH. intros q j Hq Hj Hne Hn. destruct (in_dec Nat.eq_dec j J) as [Hin|Hno].
    + apply (Hv q j Hq Hin Hn).
    + apply (Hc q j Hq Hj Hne Hno).
  - rewrite (lsum_nat_perm' _ _ _ P), lsum_nat_app'.
    assert (H1 : forall q, In q p1 -> In q pool)
      by (intros q Hq; apply (Permutation_in q (Permutation_sym P)), in_or_app; left; assumption).
    assert (H2 : forall q, In q p2 -> In q pool)
      by (intros q Hq; apply (Permutation_in q (Permutation_sym P)), in_or_app; right; assumption).
    specialize (IH1 (fun q j Hq => Hc q j (H1 q Hq))). specialize (IH2 (fun q j Hq => Hc q j (H2 q Hq))). lia.
Qed.

Lemma all_inputs : n_correct M T eps + count wrong (inputs T) = length (inputs T).
Proof. apply count_compl. Qed.

(** All labels together: each has a tree that begins with all queries and all rivals, or a bound of its own
    where it is no answer or its inputs are given up. *)
Theorem ladder_correct labels (total : nat -> nat) : NoDup labels ->
  (forall x, In x (inputs T) -> In (label T x) labels) ->
  (forall m, In m labels ->
     total m = lsum_nat (A n) (fun q => size q m) \/
     (In m (answers T) /\ ladder m (A n) (answers T) (total m))) ->
  length (inputs T) <= n_correct M T eps + lsum_nat labels total.
Proof.
  intros HN HL Ht. rewrite <- all_inputs. apply Nat.add_le_mono_l.
  etransitivity; [apply Nat.eq_le_incl, (T13_partition n T T_positions labels wrong HN HL)|].
  apply lsum_nat_le. intros m Hm. destruct (Ht m Hm) as [->|[Ha Hl]].
  - apply lsum_nat_le. intros q _. apply wrong_le_size.
  - apply (ladder_pool m (A n) (answers T) (total m) Ha Hl). intros q j _ Hj _ Hn. contradiction.
Qed.

(** From below: for each class a number of inputs that are wrong for certain. *)
Theorem ladder_wrong labels (low : nat -> nat -> nat) : NoDup labels ->
  (forall x, In x (inputs T) -> In (label T x) labels) ->
  (forall m q, In m labels -> In q (A n) -> low m q <= wrong_in q m) ->
  n_correct M T eps + lsum_nat labels (fun m => lsum_nat (A n) (low m)) <= length (inputs T).
Proof.
  intros HN HL Hlow. rewrite <- all_inputs. apply Nat.add_le_mono_l.
  etransitivity; [|apply Nat.eq_le_incl; symmetry; apply (T13_partition n T T_positions labels wrong HN HL)].
  apply lsum_nat_le. intros m Hm. apply lsum_nat_le. intros q Hq. apply Hlow; assumption.
Qed.

(** What one rival wins, or some rival of a list, is wrong: T6 (b), T10 and T18b give such numbers. *)
Theorem group_wrong q m J : (forall j, In j J -> In j (answers T) /\ j <> m) ->
  count (group_wins M m eps J) (class_of n T q m) <= wrong_in q m.
Proof.
  intros HJ. apply count_le. intros x Hx Hw. unfold Marked.wrong.
  rewrite negb_true_iff, <- not_true_iff_false, correctb_spec.
  apply (group_wins_wrong M T q m eps J x HJ Hx Hw).
Qed.
End Ladder.
