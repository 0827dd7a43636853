(** T7 (c), in integers: a walk over prefixes that counts completions no rival reaches. *)
From Coq Require Import ZArith Lia List Arith Bool Permutation.
From Ballproof Require Import Counts Transformer.
Import ListNotations.
Local Open Scope nat_scope.

(** A rival: its sum so far, and for each position left a bound of its row and the row. *)
Definition rival : Type := Z * list (Z * list Z).

Fixpoint bests (rows : list (Z * list Z)) : Z :=
  match rows with [] => 0%Z | (b, _) :: rows => (b + bests rows)%Z end.
Definition may_win (r : rival) : bool := (0 <=? fst r + bests (snd r))%Z.
Definition entry_at (t : nat) (row : list Z) : Z := nth t row 0%Z.
Definition step (t : nat) (r : rival) : rival :=
  match snd r with [] => r | (_, row) :: rows => ((fst r + entry_at t row)%Z, rows) end.
Definition completions (places m : nat) (holds : bool) : nat :=
  S m ^ places - (if holds then 0 else m ^ places).

Fixpoint walk (m places : nat) (holds : bool) (live : list rival) : nat :=
  match filter may_win live with
  | [] => completions places m holds
  | live =>
      match places with
      | O => 0
      | S places =>
          fold_left (fun acc t => acc + walk m places (holds || (t =? m)) (map (step t) live)) (seq 0 (S m)) 0
      end
  end.

(** What it means. *)
Fixpoint total_from (s : Z) (rows : list (Z * list Z)) (y : list nat) : Z :=
  match rows, y with
  | (_, row) :: rows, t :: y => total_from (s + entry_at t row) rows y
  | _, _ => s
  end.
Definition total (r : rival) (y : list nat) : Z := total_from (fst r) (snd r) y.
Definition holds_max (m : nat) (y : list nat) : bool := existsb (fun t => t =? m) y.
Definition clear (m : nat) (holds : bool) (live : list rival) (y : list nat) : bool :=
  (holds || holds_max m y) && forallb (fun r => (total r y <? 0)%Z) live.

Definition bounded (m : nat) (r : rival) : Prop :=
  Forall (fun br : Z * list Z => forall t, t <= m -> (entry_at t (snd br) <= fst br)%Z) (snd r).

Lemma total_le m rows y s :
  Forall (fun br : Z * list Z => forall t, t <= m -> (entry_at t (snd br) <= fst br)%Z) rows ->
  Forall (fun t => t < S m) y -> length y = length rows ->
  (total_from s rows y <= s + bests rows)%Z.
Proof.
  intros H. revert s y. induction H as [|(b, row) rows Hb _ IH]; intros s [|t y] Hy L; simpl in *; try lia.
  inversion Hy; subst. specialize (IH (s + entry_at t row)%Z y ltac:(assumption) ltac:(lia)).
  specialize (Hb t ltac:(lia)). simpl in Hb. lia.
Qed.

Lemma count_completions m places (holds : bool) :
  count (fun y => holds || holds_max m y) (seqs (S m) places) = completions places m holds.
Proof.
  unfold completions. destruct holds; simpl.
  - rewrite Nat.sub_0_r, <- (seqs_length (S m) places). unfold count.
    generalize (seqs (S m) places). intros l. induction l; simpl; congruence.
  - pose proof (count_compl (holds_max m) (seqs (S m) places)) as C. rewrite seqs_length in C.
    change (fun y => holds_max m y) with (holds_max m).
    assert (E : count (fun y => negb (holds_max m y)) (seqs (S m) places) = m ^ places); [|simpl in *; lia].
    rewrite <- seqs_length. apply Permutation_length, NoDup_Permutation.
    + apply NoDup_filter, seqs_NoDup.
    + apply seqs_NoDup.
    + intros y. rewrite filter_In, !in_seqs, negb_true_iff. unfold holds_max.
      rewrite <- not_true_iff_false, existsb_exists, !Forall_forall. split.
      * intros ((Hl & Hf) & Hn). split; [assumption|]. intros t Ht. specialize (Hf t Ht).
        assert (t <> m); [|lia]. intros ->. apply Hn. exists m. rewrite Nat.eqb_refl. tauto.
      * intros (Hl & Hf). repeat split; auto.
        -- intros t Ht. specialize (Hf t Ht). lia.
        -- intros (t & Ht & E). apply Nat.eqb_eq in E. specialize (Hf t Ht). lia.
Qed.

Lemma count_flat {A} (p : list A -> bool) (ts : list A) l acc :
  fold_left (fun acc t => acc + count (fun y => p (t :: y)) l) ts acc
  = acc + count p (flat_map (fun t => map (cons t) l) ts).
Proof.
  revert acc. induction ts as [|t ts IH]; intros acc; simpl; [unfold count; simpl; lia|].
  rewrite IH. unfold count. rewrite filter_app, app_length.
  assert (E : length (filter p (map (cons t) l)) = length (filter (fun y => p (t :: y)) l)); [|lia].
  clear. induction l; simpl; [reflexivity|]. destruct (p (t :: a)); simpl; congruence.
Qed.

Lemma fold_le (ts : list nat) (F G : nat -> nat) acc acc' :
  acc <= acc' -> (forall t, In t ts -> F t <= G t) ->
  fold_left (fun a t => a + F t) ts acc <= fold_left (fun a t => a + G t) ts acc'.
Proof.
  revert acc acc'. induction ts as [|t ts IH]; intros acc acc' Ha H; simpl; [assumption|].
  apply IH; [|intros; apply H; right; assumption]. specialize (H t (or_introl eq_refl)). lia.
Qed.

Lemma dropped m places r y :
  bounded m r -> length (snd r) = places -> may_win r = false -> length y = places ->
  Forall (fun t => t < S m) y -> (total r y < 0)%Z.
Proof.
  intros Hb Ll W L Hy. unfold may_win in W. apply Z.leb_gt in W. unfold total.
  pose proof (total_le m (snd r) y (fst r) Hb Hy ltac:(lia)). lia.
Qed.

Theorem walk_sound m places holds live :
  (forall r, In r live -> bounded m r /\ length (snd r) = places) ->
  walk m places holds live <= count (clear m holds live) (seqs (S m) places).
Proof.
  revert holds live. induction places as [|places IH]; intros holds live H.
  - cbn [walk]. destruct (filter may_win live) as [|r0 rs0] eqn:E; [|lia].
    rewrite <- count_completions. apply count_le. intros y Hy Hh. unfold clear. rewrite Hh.
    apply in_seqs in Hy as (L & Hf). apply forallb_forall. intros r Hr. apply Z.ltb_lt.
    apply (dropped m 0 r y); auto; try (apply H; assumption). destruct (may_win r) eqn:W; [|reflexivity]. exfalso.
    assert (I : In r (filter may_win live)) by (apply filter_In; tauto). rewrite E in I. destruct I.
  - cbn [walk].
    assert (Drop : forall r y, In r live -> may_win r = false -> length y = S places ->
              Forall (fun t => t < S m) y -> (total r y < 0)%Z)
      by (intros r y Hr; apply dropped; apply H; assumption).
    destruct (filter may_win live) as [|r0 rs0] eqn:E.
    + rewrite <- count_completions. apply count_le. intros y Hy Hh. unfold clear. rewrite Hh.
      apply in_seqs in Hy as (L & Hf). apply forallb_forall. intros r Hr. apply Z.ltb_lt.
      apply Drop; auto. destruct (may_win r) eqn:W; [|reflexivity]. exfalso.
      assert (I : In r (filter may_win live)) by (apply filter_In; tauto). rewrite E in I. destruct I.
    + rewrite <- E. clear r0 rs0 E. set (live' := filter may_win live).
      set (p := fun y => clear m holds live' y).
      apply Nat.le_trans with (count p (seqs (S m) (S places))).
      * rewrite seqs_S, <- (Nat.add_0_l (count p _)), <- count_flat.
        apply fold_le; [lia|]. intros t Ht. eapply Nat.le_trans; [apply IH|].
        -- intros r Hr. apply in_map_iff in Hr as (r' & <- & Hr').
           apply filter_In in Hr' as (Hr' & _). destruct (H r' Hr') as (Hb & Ll).
           destruct r' as [s [|(b, row) rows]]; simpl in *; [discriminate|].
           unfold bounded, step in *; simpl in *. inversion Hb; subst. split; [assumption|lia].
        -- apply count_le. intros y _. unfold p, clear, holds_max. simpl.
           rewrite !andb_true_iff, !forallb_forall. intros (Hh & Hl). split.
           ++ rewrite <- Hh. destruct holds, (t =? m); simpl; reflexivity.
           ++ intros r Hr. specialize (Hl (step t r) (in_map _ _ _ Hr)).
              apply filter_In in Hr as (Hr & _). destruct (H r Hr) as (_ & Ll).
              destruct r as [s [|(b, row) rows]]; simpl in *; [discriminate|].
              unfold total, step in *; simpl in *. assumption.
      * apply count_le. intros y Hy. apply in_seqs in Hy as (L & Hf). unfold p, clear.
        rewrite !andb_true_iff, !forallb_forall. intros (Hh & Hl). split; [assumption|].
        intros r Hr. destruct (may_win r) eqn:W.
        -- apply Hl, filter_In. tauto.
        -- apply Z.ltb_lt, Drop; assumption.
Qed.
