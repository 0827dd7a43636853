(** T13: the tasks of Transformer.v and their automata. *)
From Coq Require Import List Arith Bool Lia Permutation.
From Ballproof Require Import Transformer Counts Automata Folds Rules Tasks Marked.
Import ListNotations.
Local Open Scope nat_scope.

Definition everywhere (i : nat) : bool := true.

Lemma tokens_everywhere x i : tokens (readings everywhere i x) = x.
Proof. revert i. induction x; intros i; simpl; [reflexivity|]. f_equal. apply IHx. Qed.

Lemma is_max_list_max m x : x <> [] -> is_max m x <-> list_max x = m.
Proof.
  intros Hx. assert (Hmax : is_max (list_max x) x).
  { split.
    - induction x as [|a x IH]; [congruence|]. destruct x as [|b x]; [simpl; lia|].
      change (list_max (a :: b :: x)) with (Nat.max a (list_max (b :: x))).
      destruct (Nat.max_spec a (list_max (b :: x))) as [[_ ->]|[_ ->]]; [right|left; reflexivity].
      apply IH. discriminate.
    - assert (H : Forall (fun t => t <= list_max x) x) by (apply list_max_le; lia).
      rewrite Forall_forall in H. exact H. }
  split; [|intros <-; assumption]. intros [H1 H2]. destruct Hmax as [H3 H4].
  specialize (H2 _ H3). specialize (H4 _ H1). lia.
Qed.

Lemma is_min_fold m x : x <> [] -> is_min m x <-> fold_right Nat.min (hd 0 x) x = m.
Proof.
  intros Hx.
  assert (Hgen : forall l b, (In (fold_right Nat.min b l) l \/ fold_right Nat.min b l = b)
                 /\ fold_right Nat.min b l <= b /\ forall t, In t l -> fold_right Nat.min b l <= t).
  { clear. intros l b. induction l as [|a l (IH1 & IH2 & IH3)]; simpl.
    - repeat split; [right; reflexivity|lia|intros t []].
    - repeat split.
      + destruct (Nat.min_spec a (fold_right Nat.min b l)) as [[_ ->]|[_ ->]]; tauto.
      + lia.
      + intros t [<-|Ht]; [lia|]. specialize (IH3 t Ht). lia. }
  assert (Hmin : is_min (fold_right Nat.min (hd 0 x) x) x).
  { destruct (Hgen x (hd 0 x)) as (H1 & _ & H3). split; [|exact H3].
    destruct H1 as [H1|H1]; [assumption|]. rewrite H1. destruct x; [congruence|left; reflexivity]. }
  split; [|intros <-; assumption]. intros [H1 H2]. destruct Hmin as [H3 H4].
  specialize (H2 _ H3). specialize (H4 _ H1). lia.
Qed.

Lemma snoc_nonempty (y : list nat) q : y ++ [q] <> [].
Proof. destruct y; discriminate. Qed.

Theorem T13_max_of v n m q y : length y = n ->
  decides n everywhere false (read_max m) (fun s => s) q y = true
  <-> label (max_of v (S n)) (y ++ [q]) = m.
Proof.
  intros L. rewrite T13_max, tokens_everywhere by assumption. apply is_max_list_max, snoc_nonempty.
Qed.

Theorem T13_min_of v n m q y : length y = n ->
  decides n everywhere false (read_min m) (fun s => s) q y = true
  <-> label (min_of v (S n)) (y ++ [q]) = m.
Proof.
  intros L. rewrite T13_min, tokens_everywhere by assumption. apply is_min_fold, snoc_nonempty.
Qed.

Theorem T13_rank_of r v n m q y : 0 < r <= S n -> length y = n ->
  decides n everywhere (0, 0) (read_rank r m) (accepts_rank r) q y = true
  <-> label (rank_of r v (S n)) (y ++ [q]) = m.
Proof.
  intros Hr L. rewrite T13_rank, tokens_everywhere by (assumption || lia). unfold is_rank. simpl.
  assert (Hlen : pred r < length (descending (y ++ [q]))).
  { rewrite (Permutation_length (descending_perm _)), app_length, L. simpl. lia. }
  rewrite (nth_error_nth' _ 0 Hlen). split; [intros [= H]; assumption|intros ->; reflexivity].
Qed.

(** The query `=` is not read. *)
Theorem T13_sum_mod p n m q y : p <> 0 -> length y = n ->
  decides n (fun i => i <? n) 0 (read_sum p (fun _ => 1)) (fun s => s mod p =? m) q y = true
  <-> label (sum_mod p n) (y ++ [q]) = m.
Proof.
  intros Hp L. rewrite T13_sum by assumption. unfold is_sum. simpl.
  assert (Hs : forall l i, i + length l <= n ->
    weighted_sum (fun _ => 1) (readings (fun i => i <? n) i l) = list_sum l).
  { unfold weighted_sum. induction l as [|t l IH]; intros i Hi; [reflexivity|]. simpl in Hi. simpl.
    destruct (Nat.ltb_spec i n); [|lia]. simpl. rewrite Nat.add_0_r. f_equal. apply IH. lia. }
  rewrite readings_app, L, firstn_app, L, Nat.sub_diag, firstn_O, app_nil_r, firstn_all2 by lia.
  simpl. rewrite Nat.ltb_irrefl, app_nil_r, Hs by lia. reflexivity.
Qed.

(** Their positions. *)
Lemma positions_all v n : length (repeat (seq 0 v) n) = n.
Proof. apply repeat_length. Qed.

(** The acceptor of max on all inputs has two states, was m read or not, and its fold is the closed formula
    of the classes. *)
Definition max_states (i : nat) : list bool := [false; true].
Definition max_delta (m : nat) : nat -> bool -> nat -> option bool := step everywhere bool (read_max m).

Lemma max_states_NoDup i : NoDup (max_states i).
Proof. repeat constructor; simpl; intuition discriminate. Qed.
Lemma max_states_closed (A : nat -> list nat) m i s t s' :
  In s (max_states i) -> In t (A i) -> max_delta m i s t = Some s' -> In s' (max_states (S i)).
Proof. intros _ _ _. destruct s'; simpl; tauto. Qed.

Lemma max_decides v n q m y : q <= m -> In y (words (tokens_at (max_of v (S n))) 0 n) ->
  accepted (max_delta m) (fun s => s) 0 (q =? m) y = true <-> label (max_of v (S n)) (y ++ [q]) = m.
Proof.
  intros Hq Hy. apply in_words in Hy as [L _]. rewrite <- (T13_max_of v n m q y L).
  assert (E : start n everywhere bool false (read_max m) q = Some (q =? m)).
  { unfold start, everywhere, read_max. destruct (Nat.ltb_spec m q); [lia|reflexivity]. }
  unfold decides. rewrite E. reflexivity.
Qed.

Theorem T13_max_size v n q m : q <= m -> m < v ->
  size bool Bool.bool_dec (max_delta m) (fun s => s) (tokens_at (max_of v (S n))) max_states (q =? m) n = N n q m.
Proof.
  intros Hq Hm.
  rewrite (T13_size bool Bool.bool_dec (max_delta m) (fun s => s) _ max_states max_states_NoDup
             (max_states_closed _ m) (q =? m)) by (destruct (q =? m); simpl; tauto).
  rewrite <- (frees_length n q m Hq), <- (Permutation_length (free_words_max v n q m Hm Hq)).
  f_equal. symmetry. apply (T13_class n (max_of v (S n)) (Some (q =? m)) (max_delta m) (fun s => s) q m).
  intros y Hy. apply max_decides; assumption.
Qed.
