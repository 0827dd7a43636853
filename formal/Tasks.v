(** T13 for the transformer: tasks, classes (q, m) of any task, correct inputs, and what T1, T2, T3, T5
    and T6 say of a class.

    Transformer.v has the label of max-of-k in its [wins]; here the label is any function of the input,
    and answers are any list of logits. *)
From Coq Require Import Reals Lra Lia List Arith Bool ZArith.
From Ballproof Require Import Sums Transformer Counts Theorems Automata Folds.
Import ListNotations.
Local Open Scope nat_scope.

(** ** Words and their last token *)
Lemma allowed_app A i y z : allowed A i (y ++ z) <-> allowed A i y /\ allowed A (i + length y) z.
Proof.
  revert i. induction y as [|t y IH]; intros i; simpl.
  - rewrite Nat.add_0_r. tauto.
  - rewrite IH, Nat.add_succ_r. simpl. tauto.
Qed.

Lemma allowed_nth A i y p : allowed A i y -> p < length y -> In (nth p y 0) (A (i + p)).
Proof.
  revert i p. induction y as [|t y IH]; intros i p; simpl; [lia|]. intros [Ht Hy] Hp.
  destruct p as [|p]; [rewrite Nat.add_0_r; assumption|]. rewrite Nat.add_succ_r.
  apply (IH (S i) p Hy). lia.
Qed.

Fixpoint lsum_nat {X} (l : list X) (F : X -> nat) : nat :=
  match l with [] => 0 | x :: l => F x + lsum_nat l F end.

Lemma lsum_nat_ext {X} (l : list X) F G : (forall x, In x l -> F x = G x) -> lsum_nat l F = lsum_nat l G.
Proof. induction l; intros H; simpl; [reflexivity|]. rewrite H, IHl; auto with datatypes. Qed.
Lemma lsum_nat_le {X} (l : list X) F G : (forall x, In x l -> F x <= G x) -> lsum_nat l F <= lsum_nat l G.
Proof.
  induction l as [|x l IH]; intros H; simpl; [lia|]. specialize (IH (fun y Hy => H y (or_intror Hy))).
  specialize (H x (or_introl eq_refl)). lia.
Qed.
Lemma lsum_nat_add {X} (l : list X) F G : lsum_nat l (fun x => F x + G x) = lsum_nat l F + lsum_nat l G.
Proof. induction l; simpl; lia. Qed.
Lemma lsum_nat_swap {X Y} (l : list X) (l' : list Y) F :
  lsum_nat l (fun x => lsum_nat l' (F x)) = lsum_nat l' (fun y => lsum_nat l (fun x => F x y)).
Proof.
  induction l; simpl; [induction l'; simpl; congruence|]. rewrite IHl, lsum_nat_add. reflexivity.
Qed.

Lemma count_app {X} (p : X -> bool) l l' : count p (l ++ l') = count p l + count p l'.
Proof. unfold count. rewrite filter_app, app_length. reflexivity. Qed.
Lemma count_map {X Y} (p : Y -> bool) (h : X -> Y) l : count p (map h l) = count (fun x => p (h x)) l.
Proof. unfold count. induction l; simpl; [reflexivity|]. destruct (p (h a)); simpl; congruence. Qed.
Lemma count_flat_map {X Y} (p : Y -> bool) (h : X -> list Y) l :
  count p (flat_map h l) = lsum_nat l (fun x => count p (h x)).
Proof. induction l; simpl; [reflexivity|]. rewrite count_app, IHl. reflexivity. Qed.
Lemma count_filter {X} (p r : X -> bool) l : count p (filter r l) = count (fun x => r x && p x) l.
Proof.
  unfold count. induction l; simpl; [reflexivity|]. destruct (r a); simpl; [|assumption].
  destruct (p a); simpl; congruence.
Qed.
Lemma count_true {X} (l : list X) : count (fun _ => true) l = length l.
Proof. unfold count. induction l; simpl; congruence. Qed.

Lemma count_words_last A (p : list nat -> bool) i len :
  count p (words A i (S len)) = lsum_nat (A (i + len)) (fun q => count (fun y => p (y ++ [q])) (words A i len)).
Proof.
  revert p i. induction len as [|len IH]; intros p i.
  - simpl. rewrite Nat.add_0_r, count_flat_map. apply lsum_nat_ext. intros t _.
    unfold count. simpl. destruct (p [t]); reflexivity.
  - change (words A i (S (S len))) with (flat_map (fun t => map (cons t) (words A (S i) (S len))) (A i)).
    rewrite count_flat_map.
    rewrite (lsum_nat_ext _ _ (fun t => lsum_nat (A (i + S len)) (fun q =>
      count (fun y => p (t :: y ++ [q])) (words A (S i) len)))).
    + rewrite lsum_nat_swap. apply lsum_nat_ext. intros q _. cbn [words]. rewrite count_flat_map.
      apply lsum_nat_ext. intros t _. rewrite count_map. reflexivity.
    + intros t _. rewrite count_map, (IH (fun y => p (t :: y))), Nat.add_succ_r. reflexivity.
Qed.

(** ** Tasks *)

Lemma words_ext A B i len : (forall p, i <= p -> p < i + len -> A p = B p) -> words A i len = words B i len.
Proof.
  revert i. induction len as [|len IH]; intros i H; simpl; [reflexivity|].
  rewrite (H i), (IH (S i)) by (intros; try apply H; lia). reflexivity.
Qed.
Lemma words_shift A i len : words A (S i) len = words (fun p => A (S p)) i len.
Proof.
  revert i. induction len as [|len IH]; intros i; simpl; [reflexivity|]. rewrite IH. reflexivity.
Qed.
Lemma product_words sets : product sets = words (fun i => nth i sets []) 0 (length sets).
Proof.
  induction sets as [|s sets IH]; [reflexivity|].
  cbn [product length words nth]. rewrite words_shift, IH. reflexivity.
Qed.

Section Task.
Variable n : nat. (* free positions; the query's position is n *)
Variable T : task.
Hypothesis T_positions : length (positions T) = S n.
Definition tokens_at (i : nat) : list nat := nth i (positions T) [].
Notation A := tokens_at.

Lemma inputs_words : inputs T = words A 0 (S n).
Proof. unfold inputs. rewrite product_words, T_positions. reflexivity. Qed.

(** Free tokens of the class (q, m), and the class. *)
Definition free_words (q m : nat) : list (list nat) :=
  filter (fun y => label T (y ++ [q]) =? m) (words A 0 n).
Definition class_of (q m : nat) : list (list nat) := map (fun y => y ++ [q]) (free_words q m).

Theorem in_class_of q m x :
  In q (A n) -> (In x (class_of q m) <-> In x (inputs T) /\ last x 0 = q /\ label T x = m).
Proof.
  intros Hq. rewrite inputs_words. unfold class_of, free_words. rewrite in_map_iff, in_words. split.
  - intros (y & <- & Hy). apply filter_In in Hy as [Hy E]. apply Nat.eqb_eq in E.
    apply in_words in Hy as [L Hy]. rewrite app_length, last_last, allowed_app, L. simpl. intuition lia.
  - intros ((L & Hx) & El & Em).
    destruct (@exists_last _ x) as (y & t & ->); [intros ->; discriminate|].
    rewrite last_last in El. subst t. rewrite app_length in L. simpl in L.
    exists y. split; [reflexivity|]. apply filter_In. split; [|apply Nat.eqb_eq; assumption].
    apply allowed_app in Hx as [Hy _]. apply in_words. split; [lia|assumption].
Qed.

(** Every input is in exactly one class. [labels] may be any list without repetition that holds the
    labels of all inputs. *)
Theorem T13_partition labels (p : list nat -> bool) : NoDup labels ->
  (forall x, In x (inputs T) -> In (label T x) labels) ->
  count p (inputs T) = lsum_nat labels (fun m => lsum_nat (A n) (fun q => count p (class_of q m))).
Proof.
  intros HN HL.
  assert (Hpick : forall a (b : bool), In a labels ->
            lsum_nat labels (fun m => if (a =? m) && b then 1 else 0) = if b then 1 else 0).
  { intros a b Ha. clear HL. induction HN as [|m ms Hm HN IH]; [destruct Ha|]. simpl.
    destruct (Nat.eqb_spec a m) as [->|Hne]; simpl.
    - assert (E : lsum_nat ms (fun m' => if (m =? m') && b then 1 else 0) = 0);
        [|rewrite E; destruct b; reflexivity].
      clear IH Ha HN. induction ms as [|u ms IHms]; simpl; [reflexivity|].
      destruct (Nat.eqb_spec m u) as [->|]; [exfalso; apply Hm; left; reflexivity|]. simpl.
      apply IHms. intros H. apply Hm. right. assumption.
    - rewrite IH; [reflexivity|]. destruct Ha; [congruence|assumption]. }
  rewrite lsum_nat_swap, inputs_words, count_words_last. apply lsum_nat_ext. intros q Hq.
  unfold class_of, free_words.
  rewrite (lsum_nat_ext _ _ (fun m => count (fun y => (label T (y ++ [q]) =? m) && p (y ++ [q])) (words A 0 n)))
    by (intros; rewrite count_map, count_filter; reflexivity).
  assert (HL' : forall y, In y (words A 0 n) -> In (label T (y ++ [q])) labels).
  { intros y Hy. apply HL. rewrite inputs_words. apply in_words in Hy as [L Hy]. apply in_words.
    rewrite app_length, allowed_app, L. simpl. intuition lia. }
  revert HL'. generalize (words A 0 n) as l. intros l. unfold count.
  induction l as [|y l IH]; intros HL'; simpl.
  - clear. induction labels; simpl; auto.
  - rewrite (lsum_nat_ext _ _ (fun m => (if (label T (y ++ [q]) =? m) && p (y ++ [q]) then 1 else 0)
       + length (filter (fun y => (label T (y ++ [q]) =? m) && p (y ++ [q])) l)))
      by (intros; destruct (_ && p _); simpl; lia).
    rewrite lsum_nat_add, Hpick by (apply HL'; left; reflexivity).
    rewrite <- IH by (intros; apply HL'; right; assumption).
    destruct (p (y ++ [q])); simpl; lia.
Qed.

(** The kernel's guard: the sizes of all classes add up to the number of inputs. *)
Theorem T13_guard labels : NoDup labels ->
  (forall x, In x (inputs T) -> In (label T x) labels) ->
  lsum_nat labels (fun m => lsum_nat (A n) (fun q => length (class_of q m))) = sizes A 0 (S n).
Proof.
  intros HN HL. rewrite <- (words_length A 0 (S n)), <- inputs_words, <- (count_true (inputs T)).
  rewrite (T13_partition labels) by assumption.
  apply lsum_nat_ext. intros m _. apply lsum_nat_ext. intros q _. rewrite count_true. reflexivity.
Qed.

(** An automaton that decides the label m gives the class. *)
Theorem T13_class {State : Type} (start : option State) delta accepts q m :
  (forall y, In y (words A 0 n) ->
     (match start with Some s => accepted delta accepts 0 s y | None => false end) = true
     <-> label T (y ++ [q]) = m) ->
  free_words q m = match start with
                   | Some s => filter (accepted delta accepts 0 s) (words A 0 n) | None => [] end.
Proof.
  intros H. unfold free_words. destruct start as [s|].
  - apply filter_ext_in. intros y Hy. apply eq_true_iff_eq. rewrite (H y Hy). apply Nat.eqb_eq.
  - rewrite <- (filter_false (words A 0 n)). apply filter_ext_in. intros y Hy.
    apply eq_true_iff_eq. rewrite (H y Hy). apply Nat.eqb_eq.
Qed.
End Task.

(** ** The transformer *)
Section Model.
Variable M : model.
Notation n := (n_free M).
Notation k := (S (n_free M)).
Variable T : task.
Notation A := (tokens_at T).
Local Open Scope R_scope.

(** Logit j reaches logit m, up to the margin: [wins] with the label m written out. *)
Definition beats (eps : R) (x : input) (j m : nat) : Prop := logit M x j + eps >= logit M x m.

Definition beatsb (eps : R) (m j : nat) (x : input) : bool :=
  if Rge_dec (logit M x j + eps) (logit M x m) then true else false.
Lemma beatsb_spec eps x j m : beatsb eps m j x = true <-> beats eps x j m.
Proof. unfold beatsb, beats. destruct Rge_dec; split; intros; auto; discriminate. Qed.

Lemma wins_beats eps x j : wins M T eps x j <-> beats eps x j (label T x).
Proof. reflexivity. Qed.

Lemma class_wins eps q m x j : In x (class_of n T q m) -> wins M T eps x j <-> beats eps x j m.
Proof.
  intros Hx. unfold class_of, free_words in Hx. apply in_map_iff in Hx as (y & <- & Hy).
  apply filter_In in Hy as [_ E]. apply Nat.eqb_eq in E. rewrite wins_beats, E. reflexivity.
Qed.

(** A label that is no answer: all inputs of its classes are wrong. *)
Lemma no_answer eps q m x : ~ In m (answers T) -> In x (class_of n T q m) -> ~ correct M T eps x.
Proof.
  intros Hm Hx [Hin _]. unfold class_of, free_words in Hx. apply in_map_iff in Hx as (y & <- & Hy).
  apply filter_In in Hy as [_ E]. apply Nat.eqb_eq in E. congruence.
Qed.

(** *** T1 and T2 hold for any label and any rival *)
Theorem T1_pair eps x j m :
  beats eps x j m <-> 0 <= sum k (fun i => g M eps (tok x n) m j i (tok x i)).
Proof.
  unfold beats. pose proof (gap_weighted M eps x j m) as E. pose proof (Zw_pos M x) as HZ.
  set (s := sum k _) in *.
  assert (E' : s = (logit M x j + eps - logit M x m) * Zw M x) by (rewrite E; field; lra).
  rewrite E'. split; intros H.
  - apply Rmult_le_pos; lra.
  - apply Rle_ge. assert (0 <= logit M x j + eps - logit M x m); [|lra].
    apply (Rmult_le_reg_r (Zw M x)); lra.
Qed.

(** The tokens that occur at a free position in the class: tables hold for these. *)
Definition present (q m i t : nat) : Prop := exists y, In y (free_words n T q m) /\ nth i y O = t.

(** A table of a class (q, m) for the rival j, in units of 1/c: entries of the free positions for the
    tokens that occur there, and the query's own entry. *)
Definition upper (eps c : R) (q m j : nat) (up : nat -> nat -> R) (own : R) : Prop :=
  0 < c /\ (forall i t, (i < n)%nat -> present q m i t -> c * g M eps q m j i t <= up i t)
  /\ c * g M eps q m j n q <= own.
Definition lower (eps c : R) (q m j : nat) (low : nat -> nat -> R) (own : R) : Prop :=
  0 < c /\ (forall i t, (i < n)%nat -> present q m i t -> low i t <= c * g M eps q m j i t)
  /\ own <= c * g M eps q m j n q.

Lemma tok_free y q i : length y = n -> (i < n)%nat -> tok (y ++ [q]) i = nth i y O.
Proof. intros L Hi. unfold tok. rewrite app_nth1 by lia. reflexivity. Qed.
Lemma tok_query y q : length y = n -> tok (y ++ [q]) n = q.
Proof. intros L. unfold tok. rewrite app_nth2 by lia. rewrite L, Nat.sub_diag. reflexivity. Qed.

Lemma scaled_sum eps c q m j y : length y = n ->
  c * sum k (fun i => g M eps (tok (y ++ [q]) n) m j i (tok (y ++ [q]) i))
  = sum n (fun i => c * g M eps q m j i (nth i y O)) + c * g M eps q m j n q.
Proof.
  intros L. cbn [sum]. rewrite (tok_query y q L), Rmult_plus_distr_l, <- sum_scal_l. f_equal.
  apply sum_ext. intros i Hi. rewrite tok_free by assumption. reflexivity.
Qed.

Theorem T2_pair_upper eps c q m j up own y :
  upper eps c q m j up own -> In y (free_words n T q m) ->
  own + total up 0 y < 0 -> ~ beats eps (y ++ [q]) j m.
Proof.
  intros (Hc & Hup & Hown) Hy Hs Hb.
  assert (L : length y = n) by (apply filter_In in Hy as [Hy _]; apply in_words in Hy; tauto). apply T1_pair in Hb.
  apply (Rmult_le_compat_l c) in Hb; [|lra]. rewrite Rmult_0_r, scaled_sum in Hb by assumption.
  rewrite total_sum, L in Hs.
  assert (Hle : sum n (fun i => c * g M eps q m j i (nth i y O)) <= sum n (fun i => up i (nth i y O))); [|lra].
  apply sum_le. intros i Hi. apply Hup; [assumption|]. exists y. split; [assumption|reflexivity].
Qed.

Theorem T2_pair_lower eps c q m j low own y :
  lower eps c q m j low own -> In y (free_words n T q m) ->
  0 <= own + total low 0 y -> beats eps (y ++ [q]) j m.
Proof.
  intros (Hc & Hlow & Hown) Hy Hs.
  assert (L : length y = n) by (apply filter_In in Hy as [Hy _]; apply in_words in Hy; tauto). apply T1_pair.
  apply (Rmult_le_reg_l c); [assumption|]. rewrite Rmult_0_r, scaled_sum by assumption.
  rewrite total_sum, L in Hs.
  assert (Hle : sum n (fun i => low i (nth i y O)) <= sum n (fun i => c * g M eps q m j i (nth i y O))); [|lra].
  apply sum_le. intros i Hi. apply Hlow; [assumption|]. exists y. split; [assumption|reflexivity].
Qed.

(** *** T3, T5 and T6 for a class of any task, by folds over any automaton that accepts it *)
Section Class.
Variable State : Type.
Variable State_dec : forall s s' : State, {s = s'} + {s <> s'}.
Variable delta : nat -> State -> nat -> option State.
Variable accepts : State -> bool.
Variable states : nat -> list State.
Hypothesis states_NoDup : forall i, NoDup (states i).
Hypothesis states_closed : forall i s t s',
  In s (states i) -> In t (A i) -> delta i s t = Some s' -> In s' (states (S i)).
Variable s0 : State.
Hypothesis s0_in : In s0 (states 0).
Variables q m : nat.
Hypothesis decides : forall y, In y (words A 0 n) ->
  accepted delta accepts 0 s0 y = true <-> label T (y ++ [q]) = m.

Lemma free_words_class : free_words n T q m = class_words State delta accepts A s0 n.
Proof. apply (T13_class n T (Some s0) delta accepts q m decides). Qed.

Notation worst_case := (worst_case State State_dec delta accepts A states s0 n).

Theorem T3_fold eps c j up own x :
  upper eps c q m j up own ->
  match worst_case up with Some w => own + w < 0 | None => True end ->
  In x (class_of n T q m) -> ~ beats eps x j m.
Proof.
  intros Hup Hw Hx. apply in_map_iff in Hx as (y & <- & Hy). assert (Hf := Hy). rewrite free_words_class in Hy.
  pose proof (T13_worst_case State State_dec delta accepts A states states_NoDup states_closed s0 s0_in n up) as HW.
  destruct (worst_case up) as [w|].
  - destruct HW as [Hle _]. apply (T2_pair_upper eps c q m j up own y Hup Hf). specialize (Hle y Hy). lra.
  - rewrite HW in Hy. destruct Hy.
Qed.

(** Inputs of the class that one rival wins: at most its moment, at most its count on a grid from
    above, and at least its count on a grid from below. *)
Notation won eps j := (count (beatsb eps m j) (class_of n T q m)).

Lemma won_le eps c j up own (p : list nat -> bool) : upper eps c q m j up own ->
  (forall y, 0 <= own + total up 0 y -> p y = true) ->
  (won eps j <= count p (class_words State delta accepts A s0 n))%nat.
Proof.
  intros Hup Hp. rewrite <- free_words_class. unfold class_of. rewrite count_map.
  apply count_le. intros y Hy Hb. apply Hp. apply beatsb_spec in Hb.
  destruct (Rle_dec 0 (own + total up 0 y)) as [H|H]; [assumption|exfalso].
  refine (T2_pair_upper eps c q m j up own y Hup Hy _ Hb). lra.
Qed.

Theorem T5_class eps c j up own L : 0 < L -> upper eps c q m j up own ->
  INR (won eps j) <= moment State State_dec delta accepts A states s0 n L own up.
Proof.
  intros HL Hup. eapply Rle_trans; [|apply T5_fold; assumption].
  apply le_INR, (won_le eps c j up own _ Hup). intros y Hy. unfold nonnegb.
  destruct (Rle_dec 0 (own + total up 0 y)); [reflexivity|contradiction].
Qed.

Lemma total_gceil rate W up own y : (0 < rate)%Z -> 0 < W -> 0 <= own + total up 0 y ->
  (0 <= gceil rate W own + ztotal (fun i t => gceil rate W (up i t)) 0 y)%Z.
Proof.
  intros Hr HW. assert (Hq : 0 < IZR rate / W) by (apply IZR_lt in Hr; apply Rdiv_lt_0_compat; assumption).
  intros H. apply le_IZR. rewrite plus_IZR.
  assert (H1 : forall a, IZR rate / W * a <= IZR (gceil rate W a)).
  { intros a. unfold gceil. replace (IZR rate / W * a) with (IZR rate * a / W) by (unfold Rdiv; ring).
    apply Flocq.Core.Raux.Zceil_ub. }
  assert (H2 : forall y i, IZR rate / W * total up i y <= IZR (ztotal (fun i t => gceil rate W (up i t)) i y)).
  { clear H y. induction y as [|t y IH]; intros i; cbn [total ztotal]; [lra|]. rewrite plus_IZR.
    specialize (IH (S i)). specialize (H1 (up i t)). lra. }
  specialize (H1 own). specialize (H2 y O).
  assert (0 <= IZR rate / W * (own + total up 0 y)) by (apply Rmult_le_pos; lra). lra.
Qed.

Lemma total_gfloor rate W low own y : (0 < rate)%Z -> 0 < W ->
  (0 <= gfloor rate W own + ztotal (fun i t => gfloor rate W (low i t)) 0 y)%Z -> 0 <= own + total low 0 y.
Proof.
  intros Hr HW. assert (Hq : 0 < IZR rate / W) by (apply IZR_lt in Hr; apply Rdiv_lt_0_compat; assumption).
  intros H. apply IZR_le in H. rewrite plus_IZR in H.
  assert (H1 : forall a, IZR (gfloor rate W a) <= IZR rate / W * a).
  { intros a. unfold gfloor. replace (IZR rate / W * a) with (IZR rate * a / W) by (unfold Rdiv; ring).
    apply Flocq.Core.Raux.Zfloor_lb. }
  assert (H2 : forall y i, IZR (ztotal (fun i t => gfloor rate W (low i t)) i y) <= IZR rate / W * total low i y).
  { clear H y. induction y as [|t y IH]; intros i; cbn [total ztotal]; [lra|]. rewrite plus_IZR.
    specialize (IH (S i)). specialize (H1 (low i t)). lra. }
  specialize (H1 own). specialize (H2 y O).
  apply (Rmult_le_reg_l (IZR rate / W)); [assumption|]. lra.
Qed.

Notation on_grid own I := (count (fun y => (0 <=? own + ztotal I 0 y)%Z) (class_words State delta accepts A s0 n)).

(** What [on_grid] counts, [T6_budget] computes. *)
Theorem T6a_class eps c j up own rate W : (0 < rate)%Z -> 0 < W -> upper eps c q m j up own ->
  (won eps j <= on_grid (gceil rate W own) (fun i t => gceil rate W (up i t)))%nat.
Proof.
  intros Hr HW Hup. apply (won_le eps c j up own _ Hup). intros y Hy.
  apply Z.leb_le, total_gceil; assumption.
Qed.

Theorem T6b_class eps c j low own rate W : (0 < rate)%Z -> 0 < W -> lower eps c q m j low own ->
  (on_grid (gfloor rate W own) (fun i t => gfloor rate W (low i t)) <= won eps j)%nat.
Proof.
  intros Hr HW Hlow. rewrite <- free_words_class. unfold class_of. rewrite count_map.
  apply count_le. intros y Hy Hb. apply Z.leb_le in Hb. apply beatsb_spec.
  apply (T2_pair_lower eps c q m j low own y Hlow Hy). apply (total_gfloor rate W); assumption.
Qed.
End Class.
End Model.
