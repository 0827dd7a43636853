(** T4 and T11 for a class of any task, and the closed formula of T11 for the largest token. *)
From Coq Require Import Reals Lra Lia List Arith Bool Permutation Classical_Prop.
From Ballproof Require Import Sums Transformer Counts Automata Folds Tasks Pools.
Import ListNotations.
Local Open Scope nat_scope.

Section Union.
Variable M : model.
Notation n := (n_free M).
Variable T : task.
Notation A := (tokens_at T).
Variables q m : nat.
Variable eps : R.
Hypothesis m_answer : In m (answers T).

Definition wrong (x : input) : bool := negb (correctb M T eps x).

Lemma wrong_won x : In x (class_of n T q m) -> wrong x = true ->
  exists j, In j (answers T) /\ j <> m /\ beats M eps x j m.
Proof.
  intros Hx Hw. unfold wrong in Hw. rewrite negb_true_iff, <- not_true_iff_false, correctb_spec in Hw.
  assert (E : label T x = m).
  { unfold class_of, free_words in Hx. apply in_map_iff in Hx as (y & <- & Hy).
    apply filter_In in Hy as [_ E]. apply Nat.eqb_eq, E. }
  apply NNPP. intros Hno. apply Hw. split; [congruence|]. intros j Hj Hne Hb. apply Hno. exists j.
  rewrite E in Hne. repeat split; auto. apply (class_wins M T eps q m x j Hx). assumption.
Qed.

(** Inputs that some rival of the groups wins, among those that [few] picks. *)
Lemma count_groups_few (few : input -> bool) groups b l :
  Forall2 (fun G c => count (fun x => few x && group_wins M m eps G x) l <= c) groups b ->
  count (fun x => few x && group_wins M m eps (concat groups) x) l <= list_sum b.
Proof.
  induction 1 as [|G c groups b HG _ IH]; simpl.
  - rewrite (count_ext _ (fun _ => false)); [unfold count; rewrite filter_false; simpl; lia|].
    intros x _. unfold group_wins. simpl. apply andb_false_r.
  - rewrite (count_ext _ (fun x => (few x && group_wins M m eps G x)
                                  || (few x && group_wins M m eps (concat groups) x))).
    + pose proof (count_or (fun x => few x && group_wins M m eps G x)
        (fun x => few x && group_wins M m eps (concat groups) x) l). lia.
    + intros x _. unfold group_wins. rewrite existsb_app. apply andb_orb_distrib_r.
Qed.

(** [few] may be any set of inputs of the class: those with at most a marked free tokens, for T11; all of
    them, for T4. The others are given up, once. *)
Theorem T11 (few : input -> bool) groups b :
  (forall j x, In j (answers T) -> j <> m -> ~ In j (concat groups) -> In x (class_of n T q m) ->
     ~ beats M eps x j m) ->
  Forall2 (fun G c => count (fun x => few x && group_wins M m eps G x) (class_of n T q m) <= c) groups b ->
  let N := length (class_of n T q m) in
  let K := count few (class_of n T q m) in
  count wrong (class_of n T q m) <= Nat.min N (N - K + list_sum b).
Proof.
  intros Hout Hb N K. apply Nat.min_glb.
  - unfold N. rewrite <- count_true. apply count_le. reflexivity.
  - eapply Nat.le_trans; [|apply Nat.add_le_mono_l, (count_groups_few few groups b _ Hb)].
    assert (EN : K + count (fun x => negb (few x)) (class_of n T q m) = N) by apply count_compl.
    replace (N - K) with (count (fun x => negb (few x)) (class_of n T q m)) by lia.
    eapply Nat.le_trans; [|apply count_or]. apply count_le. intros x Hx Hw.
    destruct (few x); [simpl|reflexivity].
    destruct (wrong_won x Hx Hw) as (j & Hj & Hne & Hbt). apply existsb_exists. exists j.
    split; [|apply beatsb_spec, Hbt].
    destruct (in_dec Nat.eq_dec j (concat groups)) as [|Hn]; [assumption|].
    exfalso. exact (Hout j x Hj Hne Hn Hx Hbt).
Qed.

Theorem T4_task groups b :
  (forall j x, In j (answers T) -> j <> m -> ~ In j (concat groups) -> In x (class_of n T q m) ->
     ~ beats M eps x j m) ->
  Forall2 (fun G c => count (group_wins M m eps G) (class_of n T q m) <= c) groups b ->
  count wrong (class_of n T q m) <= Nat.min (length (class_of n T q m)) (list_sum b).
Proof.
  intros Hout Hb. pose proof (T11 (fun _ => true) groups b Hout Hb) as H. cbv zeta in H.
  rewrite count_true, Nat.sub_diag in H. exact H.
Qed.
End Union.

(** ** How many inputs have at most a marked tokens, for the largest token *)
Fixpoint binomial (n e : nat) : nat :=
  match n, e with
  | _, O => 1
  | O, S _ => 0
  | S n, S e => binomial n e + binomial n (S e)
  end.

Section Formula.
Variable X : nat -> bool. (* the marked tokens *)
Definition marked_tokens (y : list nat) : nat := count X y.
Definition marked_below (v : nat) : nat := count X (seq 0 v).

Lemma lsum_nat_if {Y} (p : Y -> bool) a b l :
  lsum_nat l (fun t => if p t then a else b) = count p l * a + (length l - count p l) * b.
Proof.
  assert (H : count p l <= length l) by (rewrite <- count_true; apply count_le; reflexivity).
  induction l as [|t l IH]; [reflexivity|]. simpl.
  assert (H' : count p l <= length l) by (rewrite <- count_true; apply count_le; reflexivity).
  rewrite (IH H'). unfold count in *. simpl. destruct (p t); simpl; [|destruct (length (filter p l))]; nia.
Qed.

Lemma marked_below_le v : marked_below v <= v.
Proof.
  unfold marked_below. rewrite <- (seq_length v 0) at 2. rewrite <- count_true. apply count_le. reflexivity.
Qed.

Lemma count_marked v len e :
  count (fun y => marked_tokens y =? e) (seqs v len)
  = binomial len e * marked_below v ^ e * (v - marked_below v) ^ (len - e).
Proof.
  revert e. induction len as [|len IH]; intros e.
  - unfold count, marked_tokens, count. simpl. destruct e; simpl; lia.
  - rewrite seqs_S, count_flat_map.
    rewrite (lsum_nat_ext _ _ (fun t => if X t
      then match e with O => 0 | S e => count (fun y => marked_tokens y =? e) (seqs v len) end
      else count (fun y => marked_tokens y =? e) (seqs v len))).
    2:{ intros t _. rewrite count_map. unfold marked_tokens, count at 2. simpl. destruct (X t).
        - destruct e as [|e]; [|reflexivity].
          rewrite (count_ext _ (fun _ => false)) by reflexivity. unfold count. rewrite filter_false. reflexivity.
        - reflexivity. }
    rewrite lsum_nat_if. fold (marked_below v). rewrite seq_length, !IH.
    destruct e as [|e].
    + rewrite Nat.sub_0_r. simpl. destruct len; simpl; [nia|nia].
    + rewrite IH. cbn [binomial Nat.sub].
      destruct (Nat.le_gt_cases (S e) len) as [Hle|Hgt].
      * replace (len - e) with (S (len - S e)) by lia. cbn [Nat.pow]. ring.
      * assert (Z0 : binomial len (S e) = 0).
        { clear -Hgt. revert e Hgt. induction len as [|len IH]; intros e H; [reflexivity|]. simpl.
          destruct e as [|e]; [lia|]. rewrite !IH by lia. reflexivity. }
        rewrite Z0. cbn [Nat.pow]. ring.
Qed.

Lemma count_few v len a :
  count (fun y => marked_tokens y <=? a) (seqs v len)
  = nsum (S (Nat.min a len)) (fun e => binomial len e * marked_below v ^ e * (v - marked_below v) ^ (len - e)).
Proof.
  rewrite <- (nsum_ext (S (Nat.min a len)) (fun e => count (fun y => marked_tokens y =? e) (seqs v len)))
    by (intros; apply count_marked).
  rewrite nsum_count_le. apply count_ext. intros y Hy. apply in_seqs in Hy as [L _].
  assert (marked_tokens y <= len).
  { unfold marked_tokens. rewrite <- L, <- count_true. apply count_le. reflexivity. }
  destruct (Nat.leb_spec (marked_tokens y) a), (Nat.leb_spec (marked_tokens y) (Nat.min a len)); lia.
Qed.

(** K of T11: for tokens of X below m, [marked_below (S m)] of them. *)
Definition K (a n q m : nat) : nat :=
  nsum (S (Nat.min a n)) (fun e => binomial n e * marked_below (S m) ^ e *
    ((S m - marked_below (S m)) ^ (n - e) - (if q <? m then (m - marked_below (S m)) ^ (n - e) else 0))).

Lemma nsum_minus n f g : (forall i, i < n -> g i <= f i) -> nsum n (fun i => f i - g i) = nsum n f - nsum n g.
Proof.
  intros H. assert (E : nsum n (fun i => f i - g i) + nsum n g = nsum n f); [|lia].
  rewrite <- nsum_plus. apply nsum_ext. intros i Hi. specialize (H i Hi). lia.
Qed.

Lemma count_few_frees a n q m : q <= m -> (forall t, X t = true -> t < m) ->
  count (fun y => marked_tokens y <=? a) (frees n q m) = K a n q m.
Proof.
  intros Hq HX.
  assert (Em : marked_below (S m) = marked_below m).
  { unfold marked_below. rewrite seq_S, count_app. unfold count at 2. simpl.
    destruct (X m) eqn:E; [specialize (HX m E); lia|simpl; lia]. }
  unfold frees. rewrite count_filter.
  pose proof (count_compl (fun y => Nat.max (list_max y) q =? m)
    (filter (fun y => marked_tokens y <=? a) (seqs (S m) n))) as C.
  rewrite !count_filter in C. fold (count (fun y => marked_tokens y <=? a) (seqs (S m) n)) in C.
  rewrite count_few in C.
  rewrite (count_ext _ (fun y => (marked_tokens y <=? a) && (Nat.max (list_max y) q =? m)))
    by (intros; apply andb_comm).
  unfold K. destruct (Nat.ltb_spec q m) as [Hlt|Hge].
  - assert (E : count (fun y => (marked_tokens y <=? a) && negb (Nat.max (list_max y) q =? m)) (seqs (S m) n)
            = count (fun y => marked_tokens y <=? a) (seqs m n)).
    { unfold count. apply Permutation_length, NoDup_Permutation.
      - apply NoDup_filter, seqs_NoDup.
      - apply NoDup_filter, seqs_NoDup.
      - intros y. rewrite !filter_In, !in_seqs, andb_true_iff, negb_true_iff, Nat.eqb_neq. split.
        + intros ((Hl & Hf) & Hm & Hne). repeat split; auto.
          apply list_max_le_forall in Hf. destruct m; [lia|]. apply list_max_le_forall. lia.
        + intros ((Hl & Hf) & Hm). destruct m; [lia|]. apply list_max_le_forall in Hf.
          repeat split; auto; [|lia]. apply list_max_le_forall. lia. }
    rewrite E, count_few, <- Em in C.
    rewrite (nsum_ext (S (Nat.min a n)) _ (fun e =>
      binomial n e * marked_below (S m) ^ e * (S m - marked_below (S m)) ^ (n - e)
      - binomial n e * marked_below (S m) ^ e * (m - marked_below (S m)) ^ (n - e)))
      by (intros; apply Nat.mul_sub_distr_l).
    rewrite nsum_minus; [lia|]. intros e _. apply Nat.mul_le_mono_l, Nat.pow_le_mono_l. lia.
  - rewrite (nsum_ext (S (Nat.min a n)) _ (fun e =>
      binomial n e * marked_below (S m) ^ e * (S m - marked_below (S m)) ^ (n - e)))
      by (intros; rewrite Nat.sub_0_r; reflexivity).
    assert (E : count (fun y => (marked_tokens y <=? a) && negb (Nat.max (list_max y) q =? m)) (seqs (S m) n) = 0);
      [|lia].
    rewrite (count_ext _ (fun _ => false)); [unfold count; rewrite filter_false; reflexivity|].
    intros y Hy. apply in_seqs in Hy as [_ Hf]. apply list_max_le_forall in Hf.
    apply andb_false_iff. right. apply negb_false_iff, Nat.eqb_eq. lia.
Qed.
End Formula.

(** The class of max-of-k as a class of a task. *)
Lemma nth_all v n i : i < n -> nth i (repeat (seq 0 v) n) [] = seq 0 v.
Proof.
  revert i. induction n as [|n IH]; intros i Hi; [lia|]. simpl. destruct i; [reflexivity|]. apply IH. lia.
Qed.

Lemma free_words_max v n q m : m < v -> q <= m ->
  Permutation (free_words n (max_of v (S n)) q m) (frees n q m).
Proof.
  intros Hm Hq.
  assert (E : words (tokens_at (max_of v (S n))) 0 n = seqs v n).
  { unfold seqs. rewrite product_words, repeat_length. apply words_ext. intros p _ Hp.
    unfold tokens_at. cbn [positions max_of]. rewrite !nth_all by lia. reflexivity. }
  unfold free_words, frees. rewrite E. apply NoDup_Permutation.
  - apply NoDup_filter, seqs_NoDup.
  - apply NoDup_filter, seqs_NoDup.
  - intros y. cbn [label max_of]. rewrite !filter_In, !in_seqs, !Nat.eqb_eq, list_max_snoc. split.
    + intros ((Hl & Hf) & H). repeat split; auto. apply list_max_le_forall. lia.
    + intros ((Hl & Hf) & H). repeat split; auto.
      eapply Forall_impl; [|exact Hf]. simpl. intros; lia.
Qed.

Theorem T11_max (X : nat -> bool) a v n q m : m < v -> q <= m -> (forall t, X t = true -> t < m) ->
  count (fun x => marked_tokens X (removelast x) <=? a) (class_of n (max_of v (S n)) q m) = K X a n q m.
Proof.
  intros Hm Hq HX. unfold class_of. rewrite count_map, <- (count_few_frees X a n q m Hq HX).
  rewrite <- (count_perm _ _ _ (free_words_max v n q m Hm Hq)). apply count_ext. intros y _.
  rewrite removelast_last. reflexivity.
Qed.
