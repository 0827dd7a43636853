(** T7 for a class of any task: what a prefix of free tokens decides for all its completions. *)
From Coq Require Import Reals Lra Lia List Arith Bool.
From Ballproof Require Import Sums Transformer Counts Automata Folds Tasks.
Import ListNotations.
Local Open Scope R_scope.

Lemma total_app up i z y : total up i (z ++ y) = total up i z + total up (i + length z) y.
Proof.
  revert i. induction z as [|t z IH]; intros i; simpl.
  - rewrite Nat.add_0_r. ring.
  - rewrite IH, Nat.add_succ_r. simpl. ring.
Qed.

Section Branch.
Variable M : model.
Notation n := (n_free M).
Variable T : task.
Notation A := (tokens_at T).
Variables q m : nat.
Variable eps : R.
Variable z : list nat. (* the prefix *)

(** Completions: words of the positions left with which the input is in the class. *)
Definition completion (y : list nat) : Prop :=
  In (z ++ y) (words A 0 n) /\ label T (z ++ y ++ [q]) = m.
Definition most (up : nat -> nat -> R) (b : R) : Prop := forall y, completion y -> total up (length z) y <= b.
Definition least (low : nat -> nat -> R) (b : R) : Prop := forall y, completion y -> b <= total low (length z) y.

Lemma completion_free y : completion y -> In (z ++ y) (free_words n T q m).
Proof.
  intros [Hin Hl]. apply filter_In. split; [assumption|]. apply Nat.eqb_eq. rewrite <- app_assoc. assumption.
Qed.

Theorem T7a c j up own b y : upper M T eps c q m j up own -> most up b ->
  own + total up 0 z + b < 0 -> completion y -> ~ beats M eps (z ++ y ++ [q]) j m.
Proof.
  intros Hup Hb Hs Hy. rewrite app_assoc.
  apply (T2_pair_upper M T eps c q m j up own (z ++ y) Hup (completion_free y Hy)). rewrite total_app.
  specialize (Hb y Hy). simpl in *. lra.
Qed.

Theorem T7b c j low own b y : lower M T eps c q m j low own -> least low b ->
  0 <= own + total low 0 z + b -> In j (answers T) -> j <> m ->
  completion y -> ~ correct M T eps (z ++ y ++ [q]).
Proof.
  intros Hlow Hb Hs Hj Hne Hy [_ Hc]. assert (Hf := completion_free y Hy). destruct Hy as [Hin Hl]. rewrite Hl in Hc.
  apply (Hc j Hj Hne). rewrite wins_beats, Hl, app_assoc.
  apply (T2_pair_lower M T eps c q m j low own (z ++ y) Hlow Hf). rewrite total_app.
  specialize (Hb y (conj Hin Hl)). simpl in *. lra.
Qed.

(** [J] are the rivals on the list, all others win nowhere in the class (T3). *)
Theorem T7c (J : list nat) c ups owns bs y : In m (answers T) ->
  (forall j x, In j (answers T) -> j <> m -> ~ In j J -> In x (class_of n T q m) -> ~ beats M eps x j m) ->
  (forall j, In j J -> upper M T eps (c j) q m j (ups j) (owns j) /\ most (ups j) (bs j)
                       /\ owns j + total (ups j) 0 z + bs j < 0) ->
  completion y -> correct M T eps (z ++ y ++ [q]).
Proof.
  intros Hm Hout HJ Hy. destruct Hy as [Hin Hl].
  assert (Hc : In ((z ++ y) ++ [q]) (class_of n T q m)).
  { unfold class_of, free_words. apply (in_map (fun y => y ++ [q])), filter_In. split; [assumption|].
    apply Nat.eqb_eq. rewrite <- app_assoc. assumption. }
  split; [rewrite Hl; assumption|]. intros j Hj Hne. rewrite Hl in Hne.
  rewrite wins_beats, Hl. destruct (in_dec Nat.eq_dec j J) as [HinJ|Hn].
  - destruct (HJ j HinJ) as (Hup & Hb & Hs). apply (T7a (c j) j (ups j) (owns j) (bs j) y Hup Hb Hs).
    split; assumption.
  - rewrite app_assoc. apply (Hout j _ Hj Hne Hn Hc).
Qed.
End Branch.

(** With an automaton of the class the completions are the words that it accepts from its state after the
    prefix, and a fold from that state gives their number ([T13_size]) and their largest sum
    ([T13_worst_case]). *)
Theorem T7_completions (State : Type) delta (accepts : State -> bool) s0 s z y :
  run delta 0 s0 z = Some s ->
  accepted delta accepts 0 s0 (z ++ y) = accepted delta accepts (length z) s y.
Proof. intros H. unfold accepted. rewrite run_app, H. reflexivity. Qed.
