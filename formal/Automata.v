(** T13: a class is what an automaton accepts, and a sum over a class is a fold over states.

    Written for any deterministic automaton over any finite set of states: the class of a task, the
    acceptor of a class, and the product of either with a counter or with any refinement. *)
From Coq Require Import List Arith Bool Lia.
From Ballproof Require Import Counts.
Import ListNotations.
Local Open Scope nat_scope.

(** ** Words: a token of [A i] at each position i *)
Fixpoint words (A : nat -> list nat) (i len : nat) : list (list nat) :=
  match len with
  | O => [[]]
  | S len => flat_map (fun t => map (cons t) (words A (S i) len)) (A i)
  end.

Fixpoint allowed (A : nat -> list nat) (i : nat) (y : list nat) : Prop :=
  match y with [] => True | t :: y => In t (A i) /\ allowed A (S i) y end.

Lemma in_words A i len y : In y (words A i len) <-> length y = len /\ allowed A i y.
Proof.
  revert i y. induction len as [|len IH]; intros i y; simpl.
  - split; [intros [<-|[]]; split; [reflexivity|exact I]|]. intros [H _].
    destruct y; [left; reflexivity|discriminate].
  - rewrite in_flat_map. split.
    + intros (t & Ht & Hy). apply in_map_iff in Hy as (z & <- & Hz). apply IH in Hz as [E Hz].
      simpl. auto with arith.
    + intros [E H]. destruct y as [|t y]; [discriminate|]. destruct H as [Ht H].
      exists t. split; [assumption|]. apply in_map, IH. simpl in E. split; [lia|assumption].
Qed.

Lemma words_NoDup A i len : (forall i, NoDup (A i)) -> NoDup (words A i len).
Proof.
  intros HA. revert i. induction len as [|len IH]; intros i; simpl.
  - constructor; [simpl; tauto|constructor].
  - specialize (HA i). induction HA as [|t ts Ht _ IHts]; simpl; [constructor|].
    apply NoDup_app_disj; [|assumption|].
    + apply FinFun.Injective_map_NoDup; [|apply IH]. intros a b E. congruence.
    + intros x Hx Hx'. apply in_map_iff in Hx as (y & <- & _).
      apply in_flat_map in Hx' as (t' & Ht' & Hx'). apply in_map_iff in Hx' as (z & E & _). congruence.
Qed.

Fixpoint sizes (A : nat -> list nat) (i len : nat) : nat :=
  match len with O => 1 | S len => length (A i) * sizes A (S i) len end.

Lemma words_length A i len : length (words A i len) = sizes A i len.
Proof.
  revert i. induction len as [|len IH]; intros i; simpl; [reflexivity|]. rewrite <- IH.
  generalize (words A (S i) len) as l. intros l. induction (A i) as [|t ts IHt]; simpl; [reflexivity|].
  rewrite app_length, map_length, IHt. reflexivity.
Qed.

(** ** Runs of a deterministic automaton: no next state means that the word is lost for good *)
Section Automaton.
Variable State : Type.
Variable delta : nat -> State -> nat -> option State. (* position, state, token *)
Variable accepts : State -> bool.

Fixpoint run (i : nat) (s : State) (y : list nat) : option State :=
  match y with
  | [] => Some s
  | t :: y => match delta i s t with Some s' => run (S i) s' y | None => None end
  end.
Definition accepted (i : nat) (s : State) (y : list nat) : bool :=
  match run i s y with Some s' => accepts s' | None => false end.

Lemma accepted_cons i s t y :
  accepted i s (t :: y) = match delta i s t with Some s' => accepted (S i) s' y | None => false end.
Proof. unfold accepted. simpl. destruct (delta i s t); reflexivity. Qed.

Lemma run_app i s y z :
  run i s (y ++ z) = match run i s y with Some s' => run (i + length y) s' z | None => None end.
Proof.
  revert i s. induction y as [|t y IH]; intros i s; simpl.
  - rewrite Nat.add_0_r. reflexivity.
  - destruct (delta i s t); [|reflexivity]. rewrite IH, Nat.add_succ_r. reflexivity.
Qed.

(** ** The acceptor of a class

    Unrolled from a state; states from which no accepting end can be reached, and the arcs into them,
    are gone; states of one level are equal if their arcs are: an acceptor is the list of its arcs, so
    that merging is equality. (The program writes an arc for a range of tokens, here it is one for a
    token.) *)
Fixpoint acceptor (len : nat) : Type :=
  match len with O => unit | S len => list (nat * acceptor len) end.

Definition arc_of {B} (t : nat) (a : option B) : list (nat * B) :=
  match a with Some b => [(t, b)] | None => [] end.

Variable A : nat -> list nat.

Fixpoint build (len i : nat) (s : State) : option (acceptor len) :=
  match len return option (acceptor len) with
  | O => if accepts s then Some tt else None
  | S len =>
      match flat_map (fun t => arc_of t
              (match delta i s t with Some s' => build len (S i) s' | None => None end)) (A i) with
      | [] => None
      | arcs => Some arcs
      end
  end.

Fixpoint paths (len : nat) : acceptor len -> list (list nat) :=
  match len return acceptor len -> list (list nat) with
  | O => fun _ => [[]]
  | S len => fun arcs => flat_map (fun ta => map (cons (fst ta)) (paths len (snd ta))) arcs
  end.

Definition paths_of (len : nat) (a : option (acceptor len)) : list (list nat) :=
  match a with Some a => paths len a | None => [] end.

Lemma filter_flat_map {X Y} (p : Y -> bool) (F : X -> list Y) l :
  filter p (flat_map F l) = flat_map (fun x => filter p (F x)) l.
Proof. induction l; simpl; [reflexivity|]. rewrite filter_app. congruence. Qed.

Lemma flat_map_flat_map {X Y Z} (F : Y -> list Z) (G : X -> list Y) l :
  flat_map F (flat_map G l) = flat_map (fun x => flat_map F (G x)) l.
Proof. induction l; simpl; [reflexivity|]. rewrite flat_map_app. congruence. Qed.

Lemma filter_map_cons (p : list nat -> bool) t l :
  filter p (map (cons t) l) = map (cons t) (filter (fun y => p (t :: y)) l).
Proof. induction l; simpl; [reflexivity|]. destruct (p (t :: a)); simpl; congruence. Qed.

Lemma filter_false {X} (l : list X) : filter (fun _ => false) l = [].
Proof. induction l; auto. Qed.

(** The accepted words of a state, token by token. *)
Lemma accepted_words i len s :
  filter (accepted i s) (words A i (S len)) =
  flat_map (fun t => map (cons t)
    (match delta i s t with Some s' => filter (accepted (S i) s') (words A (S i) len) | None => [] end))
    (A i).
Proof.
  cbn [words]. rewrite filter_flat_map. apply flat_map_ext. intros t.
  rewrite filter_map_cons. f_equal. destruct (delta i s t) as [s'|] eqn:E.
  - apply filter_ext. intros y. rewrite accepted_cons, E. reflexivity.
  - rewrite (filter_ext _ (fun _ => false)); [apply filter_false|].
    intros y. rewrite accepted_cons, E. reflexivity.
Qed.

(** The paths of the acceptor are the accepted words, one path each, in the same order. *)
Theorem T13_acceptor len i s :
  paths_of len (build len i s) = filter (accepted i s) (words A i len).
Proof.
  revert i s. induction len as [|len IH]; intros i s.
  - simpl. unfold accepted. simpl. destruct (accepts s); reflexivity.
  - rewrite accepted_words. cbn [build].
    transitivity (flat_map (fun ta : nat * acceptor len => map (cons (fst ta)) (paths len (snd ta)))
      (flat_map (fun t => arc_of t
        (match delta i s t with Some s' => build len (S i) s' | None => None end)) (A i))).
    { destruct (flat_map _ (A i)); reflexivity. }
    rewrite flat_map_flat_map. apply flat_map_ext. intros t.
    destruct (delta i s t) as [s'|]; [|reflexivity]. rewrite <- IH.
    destruct (build len (S i) s'); simpl; [rewrite app_nil_r|]; reflexivity.
Qed.

(** Every state of an acceptor leads to an accepted word. *)
Theorem T13_trim len i s a : build len i s = Some a -> paths len a <> [].
Proof.
  revert i s a. induction len as [|len IH]; intros i s a H; simpl in *; [discriminate|].
  destruct (flat_map _ (A i)) as [|(t, b) arcs] eqn:E; [discriminate|]. injection H as <-.
  assert (Hin : In (t, b) ((t, b) :: arcs)) by (left; reflexivity). rewrite <- E in Hin.
  apply in_flat_map in Hin as (t' & _ & Hin). destruct (delta i s t') as [s'|]; [|destruct Hin].
  destruct (build len (S i) s') as [b'|] eqn:Eb; [|destruct Hin].
  destruct Hin as [[= <- <-]|[]]. specialize (IH _ _ _ Eb).
  simpl. destruct (paths len b'); [congruence|discriminate].
Qed.
End Automaton.

Arguments run {State}. Arguments accepted {State}. Arguments build {State}.

(** Acceptors of the same words are equal: two queries start in the same state exactly if their
    classes have the same free tokens. The two automata need not be the same. *)
Section Canonical.
Variable A : nat -> list nat.
Hypothesis A_NoDup : forall i, NoDup (A i).

Definition group (t : nat) (l : list (list nat)) : list (list nat) :=
  map (@tl nat) (filter (fun y => match y with [] => false | u :: _ => u =? t end) l).

Lemma group_same t l : group t (map (cons t) l) = l.
Proof.
  unfold group. induction l; simpl; [reflexivity|]. rewrite Nat.eqb_refl. simpl. congruence.
Qed.
Lemma group_other t u l : u <> t -> group t (map (cons u) l) = [].
Proof.
  intros H. apply Nat.eqb_neq in H. unfold group. induction l; simpl; [reflexivity|].
  rewrite H. assumption.
Qed.
Lemma group_app t l l' : group t (l ++ l') = group t l ++ group t l'.
Proof. unfold group. rewrite filter_app, map_app. reflexivity. Qed.

Lemma group_words t ts (F : nat -> list (list nat)) : NoDup ts -> In t ts ->
  group t (flat_map (fun u => map (cons u) (F u)) ts) = F t.
Proof.
  induction 1 as [|u ts Hu _ IH]; intros Hin; [destruct Hin|]. simpl. rewrite group_app.
  destruct (Nat.eq_dec u t) as [->|Hne].
  - rewrite group_same. rewrite <- (app_nil_r (F t)) at 2. f_equal.
    clear IH Hin. induction ts as [|u ts IH]; simpl; [reflexivity|]. rewrite group_app.
    rewrite group_other; [|intros ->; apply Hu; left; reflexivity]. apply IH.
    intros H; apply Hu; right; assumption.
  - rewrite group_other by assumption. apply IH. destruct Hin; [congruence|assumption].
Qed.

Lemma flat_map_ext_in {X Y} (F G : X -> list Y) l :
  (forall x, In x l -> F x = G x) -> flat_map F l = flat_map G l.
Proof. induction l; intros H; simpl; [reflexivity|]. rewrite H, IHl; auto with datatypes. Qed.

Theorem T13_canonical {S1 S2 : Type} d1 a1 d2 a2 len i (s1 : S1) (s2 : S2) :
  (forall y, In y (words A i len) -> accepted d1 a1 i s1 y = accepted d2 a2 i s2 y) ->
  build d1 a1 A len i s1 = build d2 a2 A len i s2.
Proof.
  intros H.
  assert (E : filter (accepted d1 a1 i s1) (words A i len) = filter (accepted d2 a2 i s2) (words A i len))
    by (apply filter_ext_in; assumption).
  clear H. revert i s1 s2 E. induction len as [|len IH]; intros i s1 s2 E.
  - simpl in *. unfold accepted in E. simpl in E. destruct (a1 s1), (a2 s2); congruence.
  - rewrite !accepted_words in E. cbn [build].
    rewrite (flat_map_ext_in _ (fun t => arc_of t
      (match d2 i s2 t with Some s' => build d2 a2 A len (S i) s' | None => None end))); [reflexivity|].
    intros t Ht. f_equal.
    apply (f_equal (group t)) in E. rewrite !group_words in E by auto.
    destruct (d1 i s1 t) as [s1'|], (d2 i s2 t) as [s2'|]; auto.
    + rewrite <- (T13_acceptor S1 d1 a1 A) in E.
      destruct (build d1 a1 A len (S i) s1') as [b|] eqn:Eb; [|reflexivity].
      apply T13_trim in Eb. simpl in E. congruence.
    + rewrite <- (T13_acceptor S2 d2 a2 A) in E.
      destruct (build d2 a2 A len (S i) s2') as [b|] eqn:Eb; [|reflexivity].
      apply T13_trim in Eb. simpl in E. congruence.
Qed.

Theorem T13_same_start {S1 S2 : Type} d1 a1 d2 a2 len i (s1 : S1) (s2 : S2) :
  build d1 a1 A len i s1 = build d2 a2 A len i s2 <->
  filter (accepted d1 a1 i s1) (words A i len) = filter (accepted d2 a2 i s2) (words A i len).
Proof.
  split; intros E.
  - rewrite <- !T13_acceptor, E. reflexivity.
  - apply T13_canonical. intros y Hy.
    assert (Hp : forall p : list nat -> bool, p y = true <-> In y (filter p (words A i len))).
    { intros p. rewrite filter_In. tauto. }
    apply eq_true_iff_eq. rewrite (Hp (accepted d1 a1 i s1)), (Hp (accepted d2 a2 i s2)), E. reflexivity.
Qed.
End Canonical.

(** ** Fold

    Values form a commutative monoid; a token at a position acts on them, and respects sums. Numbers
    under +, times 1, give sizes; under +, times exponentials, T5; polynomials under +, times a power
    of z, T6; numbers under max, plus an entry, T3. *)
Section Fold.
Variable V : Type.
Variable zero : V.
Variable add : V -> V -> V.
Hypothesis add_assoc : forall a b c, add a (add b c) = add (add a b) c.
Hypothesis add_comm : forall a b, add a b = add b a.
Hypothesis add_zero : forall a, add zero a = a.

Fixpoint vsum {X} (l : list X) (F : X -> V) : V :=
  match l with [] => zero | x :: l => add (F x) (vsum l F) end.

Lemma vsum_app {X} (l l' : list X) F : vsum (l ++ l') F = add (vsum l F) (vsum l' F).
Proof. induction l; simpl; [auto|]. rewrite IHl, add_assoc. reflexivity. Qed.
Lemma vsum_map {X Y} (h : X -> Y) l F : vsum (map h l) F = vsum l (fun x => F (h x)).
Proof. induction l; simpl; congruence. Qed.
Lemma vsum_flat_map {X Y} (h : X -> list Y) l F :
  vsum (flat_map h l) F = vsum l (fun x => vsum (h x) F).
Proof. induction l; simpl; [reflexivity|]. rewrite vsum_app, IHl. reflexivity. Qed.
Lemma vsum_ext {X} (l : list X) F G : (forall x, In x l -> F x = G x) -> vsum l F = vsum l G.
Proof. induction l; intros H; simpl; [reflexivity|]. rewrite H, IHl; auto with datatypes. Qed.
Lemma vsum_zero {X} (l : list X) : vsum l (fun _ => zero) = zero.
Proof. induction l; simpl; [reflexivity|]. rewrite IHl. apply add_zero. Qed.
Lemma vsum_add {X} (l : list X) F G : vsum l (fun x => add (F x) (G x)) = add (vsum l F) (vsum l G).
Proof.
  induction l; simpl; [symmetry; apply add_zero|]. rewrite IHl, !add_assoc. f_equal.
  rewrite <- !add_assoc. f_equal. apply add_comm.
Qed.
Lemma vsum_swap {X Y} (l : list X) (l' : list Y) F :
  vsum l (fun x => vsum l' (F x)) = vsum l' (fun y => vsum l (fun x => F x y)).
Proof.
  induction l as [|x l IH]; simpl; [symmetry; apply vsum_zero|]. rewrite IH, <- vsum_add. reflexivity.
Qed.

Section Weights.
Variable State : Type.
Variable State_dec : forall s s' : State, {s = s'} + {s <> s'}.
Variable delta : nat -> State -> nat -> option State.
Variable accepts : State -> bool.
Variable A : nat -> list nat.
Variable states : nat -> list State.
Variable act : nat -> nat -> V -> V. (* position, token *)
Hypothesis act_zero : forall i t, act i t zero = zero.
Hypothesis act_add : forall i t a b, act i t (add a b) = add (act i t a) (act i t b).
Hypothesis states_NoDup : forall i, NoDup (states i).
Hypothesis states_closed : forall i s t s',
  In s (states i) -> In t (A i) -> delta i s t = Some s' -> In s' (states (S i)).

Fixpoint weigh (i : nat) (y : list nat) (a : V) : V :=
  match y with [] => a | t :: y => weigh (S i) y (act i t a) end.

Definition is (s : State) (o : option State) : bool :=
  match o with Some s' => if State_dec s s' then true else false | None => false end.

(** The value of a state, position by position: what comes in over its arcs. *)
Fixpoint value (init : State -> V) (i : nat) (s' : State) : V :=
  match i with
  | O => init s'
  | S i => vsum (states i) (fun s => vsum (A i) (fun t =>
             if is s' (delta i s t) then act i t (value init i s) else zero))
  end.

Lemma weigh_zero i y : weigh i y zero = zero.
Proof. revert i. induction y; intros i; simpl; [reflexivity|]. rewrite act_zero. apply IHy. Qed.
Lemma weigh_add i y a b : weigh i y (add a b) = add (weigh i y a) (weigh i y b).
Proof. revert i a b. induction y; intros i a' b; simpl; [reflexivity|]. rewrite act_add. apply IHy. Qed.
Lemma weigh_vsum {X} i y (l : list X) F : weigh i y (vsum l F) = vsum l (fun x => weigh i y (F x)).
Proof. induction l; simpl; [apply weigh_zero|]. rewrite weigh_add, IHl. reflexivity. Qed.

Lemma vsum_pick (l : list State) o (F : State -> V) : NoDup l ->
  (forall s, o = Some s -> In s l) ->
  vsum l (fun s => if is s o then F s else zero)
  = match o with Some s => F s | None => zero end.
Proof.
  intros Hl Ho. destruct o as [s|]; [|simpl; apply vsum_zero]. specialize (Ho s eq_refl). simpl.
  induction Hl as [|u l Hu Hl IH]; [destruct Ho|]. simpl.
  destruct (State_dec u s) as [->|Hne].
  - rewrite (vsum_ext l _ (fun _ => zero)), vsum_zero, add_comm, add_zero; [reflexivity|].
    intros x Hx. destruct (State_dec x s) as [->|]; [contradiction|reflexivity].
  - rewrite add_zero. apply IH. destruct Ho; [congruence|assumption].
Qed.

Lemma fold_from (init : State -> V) i len :
  vsum (states (i + len)) (fun s => if accepts s then value init (i + len) s else zero)
  = vsum (states i) (fun s => vsum (filter (accepted delta accepts i s) (words A i len))
                                   (fun y => weigh i y (value init i s))).
Proof.
  revert i. induction len as [|len IH]; intros i.
  - rewrite Nat.add_0_r. apply vsum_ext. intros s _. simpl. unfold accepted. simpl.
    destruct (accepts s); simpl; [rewrite add_comm, add_zero|]; reflexivity.
  - rewrite Nat.add_succ_r. change (S (i + len)) with (S i + len). rewrite IH.
    (* both sides as a sum over source, token, target, rest *)
    transitivity (vsum (states i) (fun s => vsum (A i) (fun t => vsum (states (S i)) (fun s' =>
      if is s' (delta i s t)
      then vsum (filter (accepted delta accepts (S i) s') (words A (S i) len))
             (fun y => weigh (S i) y (act i t (value init i s)))
      else zero)))).
    + rewrite (vsum_ext (states (S i)) _ (fun s' => vsum (states i) (fun s => vsum (A i) (fun t =>
        if is s' (delta i s t)
        then vsum (filter (accepted delta accepts (S i) s') (words A (S i) len))
               (fun y => weigh (S i) y (act i t (value init i s)))
        else zero)))).
      * rewrite vsum_swap. apply vsum_ext. intros s _. apply vsum_swap.
      * intros s' _. cbn [value].
        rewrite (vsum_ext (filter _ _) _ (fun y => vsum (states i) (fun s => vsum (A i) (fun t =>
          weigh (S i) y (if is s' (delta i s t) then act i t (value init i s) else zero))))).
        2:{ intros y _. rewrite weigh_vsum. apply vsum_ext. intros s _. apply weigh_vsum. }
        rewrite vsum_swap. apply vsum_ext. intros s _. rewrite vsum_swap. apply vsum_ext. intros t _.
        destruct (is s' (delta i s t)); [reflexivity|].
        rewrite (vsum_ext _ _ (fun _ => zero)); [apply vsum_zero|]. intros y _. apply weigh_zero.
    + apply vsum_ext. intros s Hs. rewrite accepted_words, vsum_flat_map.
      apply vsum_ext. intros t Ht.
      rewrite (vsum_pick (states (S i)) (delta i s t) (fun s' =>
        vsum (filter (accepted delta accepts (S i) s') (words A (S i) len))
             (fun y => weigh (S i) y (act i t (value init i s)))) (states_NoDup _)).
      2:{ intros s' E. eapply states_closed; eassumption. }
      rewrite vsum_map. destruct (delta i s t); reflexivity.
Qed.

(** The sum over the accepted words is the sum of the values of the accepting states. *)
Theorem T13_fold (s0 : State) (one : V) n : In s0 (states 0) ->
  vsum (states n) (fun s => if accepts s
    then value (fun s => if State_dec s s0 then one else zero) n s else zero)
  = vsum (filter (accepted delta accepts 0 s0) (words A 0 n)) (fun y => weigh 0 y one).
Proof.
  intros H0. rewrite (fold_from _ 0 n).
  rewrite (vsum_ext (states 0) _ (fun s => if is s (Some s0)
     then vsum (filter (accepted delta accepts 0 s) (words A 0 n)) (fun y => weigh 0 y one) else zero)).
  - rewrite vsum_pick; [reflexivity|apply states_NoDup|]. intros s [= <-]. assumption.
  - intros s _. simpl. destruct (State_dec s s0) as [->|]; [reflexivity|].
    rewrite (vsum_ext _ _ (fun _ => zero)); [apply vsum_zero|]. intros y _. apply weigh_zero.
Qed.
End Weights.
End Fold.
