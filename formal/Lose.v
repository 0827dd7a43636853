(** T7 (b), in integers: a walk over prefixes that counts completions some rival certainly wins. *)
From Coq Require Import ZArith Lia List Arith Bool.
From Ballproof Require Import Counts Transformer Walk.
Import ListNotations.
Local Open Scope nat_scope.

(** Lower tables: the bound of a row is its smallest entry. *)
Definition wins_all (r : rival) : bool := (0 <=? fst r + bests (snd r))%Z.

(** The second part of an item is a hint, the largest entries of its rows: it only drops rivals. *)
Definition hinted : Type := rival * list Z.
Definition keep (rh : hinted) : bool := (0 <=? fst (fst rh) + fold_right Z.add 0 (snd rh))%Z.
Definition hstep (t : nat) (rh : hinted) : hinted := (step t (fst rh), tl (snd rh)).

Fixpoint lose (m places : nat) (holds : bool) (live : list hinted) : nat :=
  match filter keep live with
  | [] => 0
  | live =>
    if existsb (fun rh => wins_all (fst rh)) live then completions places m holds
    else match places with
         | O => 0
         | S places =>
             fold_left (fun acc t => acc + lose m places (holds || (t =? m)) (map (hstep t) live)) (seq 0 (S m)) 0
         end
  end.

Definition lost (m : nat) (holds : bool) (live : list rival) (y : list nat) : bool :=
  (holds || holds_max m y) && existsb (fun r => (0 <=? total r y)%Z) live.
Definition bounded_below (m : nat) (r : rival) : Prop :=
  Forall (fun br : Z * list Z => forall t, t <= m -> (fst br <= entry_at t (snd br))%Z) (snd r).

Lemma total_ge m rows y s :
  Forall (fun br : Z * list Z => forall t, t <= m -> (fst br <= entry_at t (snd br))%Z) rows ->
  Forall (fun t => t < S m) y -> length y = length rows -> (s + bests rows <= total_from s rows y)%Z.
Proof.
  intros H. revert s y. induction H as [|(b, row) rows Hb _ IH]; intros s [|t y] Hy L; simpl in *; try lia.
  inversion Hy; subst. specialize (IH (s + entry_at t row)%Z y ltac:(assumption) ltac:(lia)).
  specialize (Hb t ltac:(lia)). simpl in Hb. lia.
Qed.

Lemma lost_sub m holds live live' y : (forall r, In r live -> In r live') ->
  lost m holds live y = true -> lost m holds live' y = true.
Proof.
  intros H. unfold lost. rewrite !andb_true_iff, !existsb_exists. intros (Hh & r & Hr & W). eauto 6.
Qed.

Lemma all_lost m places holds live :
  (forall rh, In rh live -> bounded_below m (fst rh) /\ length (snd (fst rh)) = places) ->
  existsb (fun rh : hinted => wins_all (fst rh)) live = true ->
  completions places m holds <= count (lost m holds (map fst live)) (seqs (S m) places).
Proof.
  intros H E. rewrite <- count_completions. apply count_le. intros y Hy Hh. unfold lost. rewrite Hh.
  apply existsb_exists in E as (rh & Hr & W). apply existsb_exists. exists (fst rh).
  split; [apply in_map, Hr|]. destruct (H rh Hr) as (Hb & L). apply in_seqs in Hy as (Ly & Hf).
  unfold wins_all in W. apply Z.leb_le in W. apply Z.leb_le. unfold total.
  pose proof (total_ge m (snd (fst rh)) y (fst (fst rh)) Hb Hf ltac:(lia)). lia.
Qed.

Theorem lose_sound m places holds live :
  (forall rh, In rh live -> bounded_below m (fst rh) /\ length (snd (fst rh)) = places) ->
  lose m places holds live <= count (lost m holds (map fst live)) (seqs (S m) places).
Proof.
  revert holds live. induction places as [|places IH]; intros holds live H; cbn [lose].
  all: match goal with |- _ <= count _ (seqs _ ?P) =>
      apply Nat.le_trans with (count (lost m holds (map fst (filter keep live))) (seqs (S m) P)) end;
    [|apply count_le; intros y _; apply lost_sub; intros r Hr; apply in_map_iff in Hr as (rh & <- & Hr);
      apply filter_In in Hr as (Hr & _); apply in_map, Hr].
  all: match type of H with forall rh, _ -> _ /\ _ = ?P =>
      assert (H' : forall rh, In rh (filter keep live) -> bounded_below m (fst rh) /\ length (snd (fst rh)) = P)
      by (intros rh Hr; apply filter_In in Hr as (Hr & _); exact (H rh Hr)) end; clear H.
  all: generalize dependent (filter keep live); clear live; intros [|r0 live0] H; [lia|].
  all: set (live := r0 :: live0) in *.
  all: destruct (existsb (fun rh => wins_all (fst rh)) live) eqn:E; [apply all_lost; assumption|].
  - lia.
  - set (p := lost m holds (map fst live)).
    rewrite seqs_S, <- (Nat.add_0_l (count p _)), <- count_flat.
    apply fold_le; [lia|]. intros t Ht. eapply Nat.le_trans; [apply IH|].
    + intros r Hr. apply in_map_iff in Hr as (r' & <- & Hr'). destruct (H r' Hr') as (Hb & Ll).
      destruct r' as [[s [|(b, row) rows]] hs]; simpl in *; [discriminate|].
      unfold bounded_below, hstep, step in *; simpl in *. inversion Hb; subst. split; [assumption|lia].
    + apply count_le. intros y _. unfold p, lost, holds_max. cbn [existsb]. rewrite !andb_true_iff.
      intros (Hh & Hl). split.
      * rewrite <- Hh. rewrite orb_assoc. reflexivity.
      * apply existsb_exists in Hl as (r & Hr & W). apply in_map_iff in Hr as (rh & <- & Hr).
        apply in_map_iff in Hr as (r' & <- & Hr').
        apply existsb_exists. exists (fst r'). split; [apply in_map, Hr'|]. destruct (H r' Hr') as (_ & Ll).
        destruct r' as [[s [|(b, row) rows]] hs]; simpl in *; [discriminate|].
        unfold total, hstep, step in *; simpl in *. assumption.
Qed.
