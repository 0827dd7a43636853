(** The folds of T13's table: sizes and completions, worst cases (T3), moments (T5) and grids (T6)
    with any automaton, and a counter of marked tokens (T11). *)
From Coq Require Import Reals Lra Lia List Arith Bool ZArith FunctionalExtensionality.
From Ballproof Require Import Sums Counts Theorems Automata.
Import ListNotations.

(** Position by position, the sum of a word's entries in a table. *)
Fixpoint total (up : nat -> nat -> R) (i : nat) (y : list nat) : R :=
  match y with [] => 0%R | t :: y => (up i t + total up (S i) y)%R end.
Fixpoint ztotal (up : nat -> nat -> Z) (i : nat) (y : list nat) : Z :=
  match y with [] => 0%Z | t :: y => (up i t + ztotal up (S i) y)%Z end.
Fixpoint ntotal (d : nat -> nat -> nat) (i : nat) (y : list nat) : nat :=
  match y with [] => 0 | t :: y => d i t + ntotal d (S i) y end.

Lemma total_sum up y : total up 0 y = sum (length y) (fun i => up i (nth i y 0)).
Proof.
  assert (H : forall y i, total up i y = sum (length y) (fun p => up (i + p) (nth p y 0))).
  { clear y. induction y as [|t y IH]; intros i; [reflexivity|]. cbn [total length]. rewrite IH.
    rewrite (sum_ext _ _ (fun p => up (i + S p) (nth (S p) (t :: y) 0))).
    2:{ intros p _. replace (S i + p) with (i + S p) by lia. reflexivity. }
    generalize (length y) as n. induction n; simpl in *.
    - rewrite Nat.add_0_r. ring.
    - rewrite <- IHn. ring. }
  rewrite H. reflexivity.
Qed.

Local Open Scope nat_scope.

Section Folds.
Variable State : Type.
Variable State_dec : forall s s' : State, {s = s'} + {s <> s'}.
Variable delta : nat -> State -> nat -> option State.
Variable accepts : State -> bool.
Variable A : nat -> list nat.
Variable states : nat -> list State.
Hypothesis states_NoDup : forall i, NoDup (states i).
Hypothesis states_closed : forall i s t s',
  In s (states i) -> In t (A i) -> delta i s t = Some s' -> In s' (states (S i)).
Variable s0 : State.
Hypothesis s0_in : In s0 (states 0).
Variable n : nat.

Definition class_words : list (list nat) := filter (accepted delta accepts 0 s0) (words A 0 n).

Section Value.
Variable V : Type.
Variable zero one : V.
Variable add : V -> V -> V.
Variable act : nat -> nat -> V -> V.
Definition value_at (i : nat) (s : State) : V :=
  value V zero add State State_dec delta A states act
    (fun s => if State_dec s s0 then one else zero) i s.
Definition fold : V := vsum V zero add (states n) (fun s => if accepts s then value_at n s else zero).
End Value.

(** *** Rounding: a relation that zero, one, sums and actions respect holds between the folds.
    With [<=] and actions rounded up the fold is rounded up. *)
Theorem fold_related (V V' : Type) zero zero' one one' add add' act act' (rel : V -> V' -> Prop) :
  rel zero zero' -> rel one one' ->
  (forall a a' b b', rel a a' -> rel b b' -> rel (add a b) (add' a' b')) ->
  (forall i t a a', In t (A i) -> rel a a' -> rel (act i t a) (act' i t a')) ->
  rel (fold V zero one add act) (fold V' zero' one' add' act').
Proof.
  intros H0 H1 Hadd Hact.
  assert (Hs : forall X (l : list X) F F', (forall x, In x l -> rel (F x) (F' x)) ->
            rel (vsum V zero add l F) (vsum V' zero' add' l F')).
  { induction l; intros F F' H; simpl; [assumption|]. apply Hadd; auto with datatypes. }
  assert (Hv : forall i s, rel (value_at V zero one add act i s) (value_at V' zero' one' add' act' i s)).
  { unfold value_at. induction i; intros s; simpl.
    - destruct (State_dec s s0); assumption.
    - apply Hs. intros s1 _. apply Hs. intros t Ht.
      destruct (is _ _ _); [apply Hact|]; auto. }
  unfold fold. apply Hs. intros s _. destruct (accepts s); auto.
Qed.

(** *** Sizes *)
Definition size : nat := fold nat 0 1 Nat.add (fun _ _ a => a).

Lemma nat_vsum_one {X} (l : list X) : vsum nat 0 Nat.add l (fun _ => 1) = length l.
Proof. induction l; simpl; congruence. Qed.

Lemma weigh_same i y (a : nat) : weigh nat (fun _ _ a => a) i y a = a.
Proof. revert i. induction y; simpl; auto. Qed.

Theorem T13_size : size = length class_words.
Proof.
  unfold size, fold, value_at.
  rewrite (T13_fold nat 0 Nat.add Nat.add_assoc Nat.add_comm Nat.add_0_l); try exact states_closed; auto.
  rewrite (vsum_ext nat 0 Nat.add _ _ (fun _ => 1)).
  - apply nat_vsum_one.
  - intros y _. apply weigh_same.
Qed.

(** *** Worst cases: numbers with minus infinity, under max *)
Definition omax (a b : option R) : option R :=
  match a, b with Some a, Some b => Some (Rmax a b) | None, b => b | a, None => a end.
Definition worst_case (up : nat -> nat -> R) : option R :=
  fold (option R) None (Some 0%R) omax (fun i t => option_map (Rplus (up i t))).

Lemma omax_assoc a b c : omax a (omax b c) = omax (omax a b) c.
Proof. destruct a, b, c; simpl; auto. rewrite Rmax_assoc. reflexivity. Qed.
Lemma omax_comm a b : omax a b = omax b a.
Proof. destruct a, b; simpl; auto. rewrite Rmax_comm. reflexivity. Qed.
Lemma omax_zero a : omax None a = a.
Proof. reflexivity. Qed.

Lemma weigh_total up i y a :
  weigh (option R) (fun i t => option_map (Rplus (up i t))) i y (Some a) = Some (total up i y + a)%R.
Proof.
  revert i a. induction y as [|t y IH]; intros i a; simpl.
  - f_equal. ring.
  - rewrite IH. f_equal. ring.
Qed.

Lemma max_of_all {X} (l : list X) (F : X -> R) :
  match vsum (option R) None omax l (fun x => Some (F x)) with
  | None => l = []
  | Some m => (forall x, In x l -> (F x <= m)%R) /\ exists x, In x l /\ F x = m
  end.
Proof.
  induction l as [|x l IH]; simpl; [reflexivity|].
  destruct (vsum _ _ _ l _) as [m|]; simpl.
  - destruct IH as (Hle & u & Hu & E). split.
    + intros z [<-|Hz]; [apply Rmax_l|]. eapply Rle_trans; [apply Hle, Hz|apply Rmax_r].
    + unfold Rmax. destruct (Rle_dec (F x) m); eauto.
  - subst l. split; [intros z [<-|[]]; lra|eauto].
Qed.

(** The worst case is the largest sum of the class, exactly; none if the class is empty. *)
Theorem T13_worst_case up :
  match worst_case up with
  | None => class_words = []
  | Some m => (forall y, In y class_words -> (total up 0 y <= m)%R)
              /\ exists y, In y class_words /\ total up 0 y = m
  end.
Proof.
  unfold worst_case, fold, value_at.
  rewrite (T13_fold (option R) None omax omax_assoc omax_comm omax_zero); try exact states_closed; auto.
  - fold class_words.
    rewrite (vsum_ext (option R) None omax _ _ (fun y => Some (total up 0 y))).
    + apply max_of_all.
    + intros y _. rewrite weigh_total, Rplus_0_r. reflexivity.
  - intros i t [a|] [b|]; simpl; auto. f_equal.
    unfold Rmax. destruct (Rle_dec a b), (Rle_dec (up i t + a) (up i t + b)); lra.
Qed.

(** *** T5 with states *)
Definition moment (L c : R) (x : nat -> nat -> R) : R :=
  (exp (L * c) * fold R 0 1 Rplus (fun i t a => exp (L * x i t) * a))%R.

Lemma R_vsum {X} (l : list X) F : vsum R 0%R Rplus l F = lsum l F.
Proof. induction l; simpl; congruence. Qed.

Lemma weigh_exp L x i y a :
  weigh R (fun i t a => exp (L * x i t) * a)%R i y a = (exp (L * total x i y) * a)%R.
Proof.
  revert i a. induction y as [|t y IH]; intros i a; simpl.
  - rewrite Rmult_0_r, exp_0. ring.
  - rewrite IH, Rmult_plus_distr_l, exp_plus. ring.
Qed.

Theorem T5_fold L c x : (0 < L)%R ->
  (INR (count (fun y => nonnegb (c + total x 0 y)) class_words) <= moment L c x)%R.
Proof.
  intros HL. unfold moment, fold, value_at.
  rewrite (T13_fold R 0%R Rplus); try exact states_closed; auto; try (intros; ring).
  fold class_words. rewrite R_vsum, <- lsum_scal.
  eapply Rle_trans; [apply (T5 class_words (fun y => (c + total x 0 y)%R) L HL)|]. right.
  apply lsum_ext. intros y _. rewrite weigh_exp, Rmult_plus_distr_l, exp_plus. ring.
Qed.

(** *** T6 with states: counts by distance from the top, powers above B left out on the way *)
Definition padd (a b : nat -> nat) : nat -> nat := fun e => a e + b e.
Definition times_power (B d : nat) (a : nat -> nat) : nat -> nat :=
  fun e => if (d <=? e) && (e <=? B) then a (e - d) else 0.
Definition pone : nat -> nat := fun e => if e =? 0 then 1 else 0.
Definition by_distance (B : nat) (d : nat -> nat -> nat) : nat -> nat :=
  fold (nat -> nat) (fun _ => 0) pone padd (fun i t => times_power B (d i t)).

Lemma weigh_distance B d i y a e : e <= B ->
  weigh (nat -> nat) (fun i t => times_power B (d i t)) i y a e
  = if ntotal d i y <=? e then a (e - ntotal d i y) else 0.
Proof.
  intros He. revert i a. induction y as [|t y IH]; intros i a; simpl.
  - rewrite Nat.sub_0_r. reflexivity.
  - rewrite IH. unfold times_power.
    destruct (Nat.leb_spec (ntotal d (S i) y) e), (Nat.leb_spec (d i t) (e - ntotal d (S i) y)),
      (Nat.leb_spec (e - ntotal d (S i) y) B), (Nat.leb_spec (d i t + ntotal d (S i) y) e);
      simpl; try lia; try reflexivity. f_equal. lia.
Qed.

Lemma pvsum_at {X} (l : list X) F (e : nat) :
  vsum (nat -> nat) (fun _ => 0) padd l F e = vsum nat 0 Nat.add l (fun x => F x e).
Proof. induction l; simpl; [reflexivity|]. unfold padd at 1. rewrite IHl. reflexivity. Qed.

Lemma vsum_count {X} (p : X -> bool) (l : list X) :
  vsum nat 0 Nat.add l (fun x => if p x then 1 else 0) = count p l.
Proof. unfold count. induction l; simpl; [reflexivity|]. rewrite IHl. destruct (p a); reflexivity. Qed.

Theorem T6_distance B d e : e <= B ->
  by_distance B d e = count (fun y => ntotal d 0 y =? e) class_words.
Proof.
  intros He. unfold by_distance, fold, value_at.
  rewrite (T13_fold (nat -> nat) (fun _ => 0) padd); try exact states_closed; auto.
  - fold class_words. rewrite pvsum_at, <- vsum_count. apply vsum_ext. intros y _.
    rewrite weigh_distance by assumption. unfold pone.
    destruct (Nat.leb_spec (ntotal d 0 y) e), (Nat.eqb_spec (ntotal d 0 y) e),
      (Nat.eqb_spec (e - ntotal d 0 y) 0); try lia; reflexivity.
  - intros. extensionality z. unfold padd. lia.
  - intros. extensionality z. unfold padd. lia.
  - intros. extensionality z. unfold times_power. destruct (_ && _); reflexivity.
  - intros. extensionality z. unfold times_power, padd. destruct (_ && _); reflexivity.
Qed.

Fixpoint top_total (top : nat -> Z) (i len : nat) : Z :=
  match len with O => 0%Z | S len => (top i + top_total top (S i) len)%Z end.

Lemma distance_total (I : nat -> nat -> Z) top i y len :
  (forall i t, In t (A i) -> (I i t <= top i)%Z) -> In y (words A i len) ->
  (ztotal I i y = top_total top i len - Z.of_nat (ntotal (fun i t => Z.to_nat (top i - I i t)) i y))%Z.
Proof.
  intros H. revert i y. induction len as [|len IH]; intros i y Hy; apply in_words in Hy as [E Hy].
  - destruct y; [reflexivity|discriminate].
  - destruct y as [|t y]; [discriminate|]. destruct Hy as [Ht Hy]. cbn [ztotal ntotal top_total].
    rewrite (IH (S i) y) by (apply in_words; split; [simpl in E; lia|assumption]).
    specialize (H i t Ht). lia.
Qed.

Lemma nsum_count_le {X} (d : X -> nat) l B :
  nsum (S B) (fun e => count (fun x => d x =? e) l) = count (fun x => d x <=? B) l.
Proof.
  unfold count. induction l as [|x l IH]; simpl.
  - clear. induction B; simpl in *; lia.
  - destruct (Nat.leb_spec (d x) B) as [Hle|Hgt].
    + transitivity (nsum (S B) (fun e => (if (e =? d x) && true then 1 else 0) + count (fun x => d x =? e) l)).
      * apply (nsum_ext (S B)). intros e _. unfold count. rewrite (Nat.eqb_sym e).
        destruct (d x =? e); reflexivity.
      * rewrite nsum_plus, nsum_one by lia. unfold count. rewrite IH. reflexivity.
    + rewrite <- IH. apply (nsum_ext (S B)). intros e He. destruct (Nat.eqb_spec (d x) e); [lia|reflexivity].
Qed.

(** The budget is the largest sum that the integers leave; [own] is the query's own entry. *)
Theorem T6_budget (I : nat -> nat -> Z) top own :
  (forall i t, In t (A i) -> (I i t <= top i)%Z) ->
  let B := (own + top_total top 0 n)%Z in
  count (fun y => (0 <=? own + ztotal I 0 y)%Z) class_words
  = if (B <? 0)%Z then 0
    else nsum (S (Z.to_nat B)) (by_distance (Z.to_nat B) (fun i t => Z.to_nat (top i - I i t))).
Proof.
  intros H B. set (d := fun i t => Z.to_nat (top i - I i t)).
  assert (E : forall y, In y class_words -> (own + ztotal I 0 y = B - Z.of_nat (ntotal d 0 y))%Z).
  { intros y Hy. apply filter_In in Hy as [Hy _].
    rewrite (distance_total I top 0 y n H Hy). unfold B. fold d. lia. }
  destruct (Z.ltb_spec B 0) as [Hn|Hp].
  - rewrite (count_ext _ (fun _ => false)).
    + unfold count. rewrite filter_false. reflexivity.
    + intros y Hy. rewrite (E y Hy). apply Z.leb_gt. lia.
  - rewrite (nsum_ext _ _ (fun e => count (fun y => ntotal d 0 y =? e) class_words)).
    + rewrite nsum_count_le. apply count_ext. intros y Hy. rewrite (E y Hy).
      destruct (Z.leb_spec 0 (B - Z.of_nat (ntotal d 0 y))), (Nat.leb_spec (ntotal d 0 y) (Z.to_nat B)); lia.
    + intros e He. apply T6_distance. lia.
Qed.
End Folds.

(** *** A counter beside any automaton: at most a marked tokens *)
Section Counter.
Variable State : Type.
Variable delta : nat -> State -> nat -> option State.
Variable accepts : State -> bool.
Variable marked : nat -> nat -> bool.
Variable a : nat.

Definition counter_delta (i : nat) (s : State * nat) (t : nat) : option (State * nat) :=
  match delta i (fst s) t with
  | None => None
  | Some s' =>
      if marked i t then if snd s <? a then Some (s', S (snd s)) else None else Some (s', snd s)
  end.
Definition marks : nat -> list nat -> nat := ntotal (fun i t => if marked i t then 1 else 0).

Theorem counter_accepted i s e y : e <= a ->
  accepted counter_delta (fun s => accepts (fst s)) i (s, e) y
  = accepted delta accepts i s y && (e + marks i y <=? a).
Proof.
  revert i s e. induction y as [|t y IH]; intros i s e He.
  - unfold accepted, marks. simpl. rewrite Nat.add_0_r. apply Nat.leb_le in He. rewrite He.
    rewrite andb_true_r. reflexivity.
  - rewrite !accepted_cons. unfold counter_delta at 1, marks. cbn [fst snd ntotal].
    destruct (delta i s t) as [s'|]; [|reflexivity].
    destruct (marked i t).
    + destruct (Nat.ltb_spec e a).
      * rewrite IH by lia. unfold marks. f_equal. f_equal. lia.
      * symmetry. apply andb_false_iff. right. apply Nat.leb_gt. lia.
    + rewrite IH by lia. reflexivity.
Qed.
End Counter.
