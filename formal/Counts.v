(** Counting inputs: every input of max-of-k is in one class (q, m), and the sizes of the classes. *)
From Coq Require Import Reals Lra Lia List Arith Bool ZArith Permutation.
From Ballproof Require Import Sums Transformer.
Import ListNotations.

Local Open Scope nat_scope.

Definition count {A} (p : A -> bool) (l : list A) : nat := length (filter p l).

Lemma count_le {A} (p q : A -> bool) l :
  (forall a, In a l -> p a = true -> q a = true) -> count p l <= count q l.
Proof.
  unfold count. induction l as [|a l IH]; intros H; simpl; [lia|].
  assert (IH' := IH (fun b Hb => H b (or_intror Hb))).
  specialize (H a (or_introl eq_refl)).
  destruct (p a); [rewrite H by reflexivity; simpl; lia|].
  destruct (q a); simpl; lia.
Qed.

Lemma count_ext {A} (p q : A -> bool) l : (forall a, In a l -> p a = q a) -> count p l = count q l.
Proof. unfold count. intros H. f_equal. apply filter_ext_in, H. Qed.

Lemma count_or {A} (p q : A -> bool) l : count (fun a => p a || q a) l <= count p l + count q l.
Proof.
  unfold count. induction l as [|a l IH]; simpl; [lia|].
  destruct (p a), (q a); simpl; lia.
Qed.

Lemma count_compl {A} (p : A -> bool) l : count p l + count (fun a => negb (p a)) l = length l.
Proof. unfold count. induction l as [|a l IH]; simpl; [lia|]. destruct (p a); simpl; lia. Qed.

Lemma count_le_length {A} (p : A -> bool) l : length (filter p l) <= length l.
Proof. induction l as [|a l IH]; simpl; [lia|]. destruct (p a); simpl; lia. Qed.

Lemma count_perm {A} (p : A -> bool) l l' : Permutation l l' -> count p l = count p l'.
Proof.
  unfold count. induction 1; simpl; try lia.
  - destruct (p x); simpl; lia.
  - destruct (p x), (p y); simpl; lia.
Qed.

Fixpoint nsum (n : nat) (f : nat -> nat) : nat :=
  match n with O => 0 | S n => nsum n f + f n end.

Lemma nsum_ext n f g : (forall i, i < n -> f i = g i) -> nsum n f = nsum n g.
Proof. induction n; intros H; simpl; [lia|]. rewrite IHn, H by (intros; try apply H; lia). lia. Qed.
Lemma nsum_le n f g : (forall i, i < n -> f i <= g i) -> nsum n f <= nsum n g.
Proof.
  induction n; intros H; simpl; [lia|].
  specialize (IHn (fun i Hi => H i (Nat.lt_lt_succ_r _ _ Hi))).
  specialize (H n (Nat.lt_succ_diag_r n)). lia.
Qed.
Lemma nsum_plus n f g : nsum n (fun i => f i + g i) = nsum n f + nsum n g.
Proof. induction n; simpl; lia. Qed.
Lemma nsum_one n c (b : bool) : c < n -> nsum n (fun i => if (i =? c) && b then 1 else 0) = if b then 1 else 0.
Proof.
  induction n; intros H; simpl; [lia|].
  destruct (Nat.eqb_spec n c) as [->|Hn]; simpl.
  - assert (E : nsum c (fun i => if (i =? c) && b then 1 else 0) = 0); [|rewrite E; reflexivity].
    clear. set (z := c) at 1. assert (z <= c) by (subst z; lia). clearbody z.
    induction z; simpl; [lia|].
    destruct (Nat.eqb_spec z c); [lia|]. rewrite IHz by lia. reflexivity.
  - rewrite IHn by lia. lia.
Qed.

(** Every element has one key. *)
Lemma count_partition {A} (p : A -> bool) (key : A -> nat) n l :
  (forall a, In a l -> key a < n) ->
  count p l = nsum n (fun c => count (fun a => (c =? key a) && p a) l).
Proof.
  unfold count. induction l as [|a l IH]; intros H; simpl.
  - clear H. induction n; simpl; lia.
  - assert (IH' := IH (fun b Hb => H b (or_intror Hb))).
    rewrite (nsum_ext n _ (fun c => (if (c =? key a) && p a then 1 else 0)
       + length (filter (fun b => (c =? key b) && p b) l)))
      by (intros; destruct (_ && p a); simpl; lia).
    rewrite nsum_plus, nsum_one by (apply H; left; reflexivity).
    destruct (p a); simpl; lia.
Qed.

(** ** Sequences *)
Lemma seqs_S v len : seqs v (S len) = flat_map (fun t => map (cons t) (seqs v len)) (seq 0 v).
Proof. reflexivity. Qed.

Lemma in_seqs v len x : In x (seqs v len) <-> length x = len /\ Forall (fun t => t < v) x.
Proof.
  revert x. unfold seqs. induction len as [|len IH]; intros x; cbn [repeat product].
  - split.
    + intros [<-|[]]. split; constructor.
    + intros [H _]. left. destruct x; [reflexivity|discriminate].
  - rewrite in_flat_map. split.
    + intros (t & Ht & Hx). apply in_seq in Ht. apply in_map_iff in Hx as (y & <- & Hy).
      apply IH in Hy as [Hl Hf]. simpl. split; [lia|]. constructor; [lia|assumption].
    + intros [Hl Hf]. destruct x as [|t x]; [discriminate|]. inversion Hf; subst.
      exists t. split; [apply in_seq; lia|]. apply in_map. apply IH. split; [simpl in Hl; lia|assumption].
Qed.

Lemma seqs_length v len : length (seqs v len) = v ^ len.
Proof.
  induction len as [|len IH]; [reflexivity|]. rewrite seqs_S. cbn [Nat.pow].
  rewrite <- IH. clear IH. generalize 0 as s. generalize (seqs v len) as l. intros l.
  induction v as [|v IHv]; intros s; simpl; [lia|].
  rewrite app_length, map_length, IHv. lia.
Qed.

Lemma NoDup_app_disj {A} (l l' : list A) :
  NoDup l -> NoDup l' -> (forall a, In a l -> ~ In a l') -> NoDup (l ++ l').
Proof.
  induction 1; simpl; intros H' D; [assumption|]. constructor.
  - rewrite in_app_iff. intros [?|?]; [tauto|]. eapply D; [left; reflexivity|assumption].
  - apply IHNoDup; [assumption|]. intros; apply D; right; assumption.
Qed.

Lemma seqs_NoDup v len : NoDup (seqs v len).
Proof.
  induction len as [|len IH].
  - constructor; [simpl; tauto|constructor].
  - rewrite seqs_S. assert (H := seq_NoDup v 0). induction H as [|t ts Ht Hts IHts]; simpl; [constructor|].
    apply NoDup_app_disj; [|assumption|].
    + apply FinFun.Injective_map_NoDup; [|assumption]. intros a b E. congruence.
    + intros x Hx Hx'. apply in_map_iff in Hx as (y & <- & _).
      apply in_flat_map in Hx' as (t' & Ht' & Hx').
      apply in_map_iff in Hx' as (z & E & _). congruence.
Qed.

Definition lastt (x : list nat) : nat := last x 0.
Definition in_class (q m : nat) (x : list nat) : bool := (m =? list_max x) && (q =? lastt x).
Definition class (v k q m : nat) : list (list nat) := filter (in_class q m) (seqs v k).
(** Free tokens whose maximum, together with q, is m. *)
Definition frees (n q m : nat) : list (list nat) :=
  filter (fun y => Nat.max (list_max y) q =? m) (seqs (S m) n).
Definition N (n q m : nat) : nat := S m ^ n - (if q <? m then m ^ n else 0).

Lemma list_max_le_forall x b : list_max x <= b <-> Forall (fun t => t < S b) x.
Proof.
  rewrite list_max_le. split; intros H; (eapply Forall_impl; [|exact H]); simpl; intros; lia.
Qed.

Lemma list_max_snoc y q : list_max (y ++ [q]) = Nat.max (list_max y) q.
Proof. rewrite list_max_app. simpl. lia. Qed.

Lemma lastt_snoc y q : lastt (y ++ [q]) = q.
Proof. unfold lastt. apply last_last. Qed.

Lemma class_perm v n q m : m < v -> q <= m ->
  Permutation (class v (S n) q m) (map (fun y => y ++ [q]) (frees n q m)).
Proof.
  intros Hm Hq. apply NoDup_Permutation.
  - apply NoDup_filter, seqs_NoDup.
  - apply FinFun.Injective_map_NoDup; [|apply NoDup_filter, seqs_NoDup].
    intros a b E. apply app_inj_tail in E. tauto.
  - intros x. unfold class, frees, in_class.
    rewrite filter_In, in_seqs, in_map_iff, andb_true_iff, !Nat.eqb_eq. split.
    + intros ((Hl & Hf) & Em & Eq).
      destruct (@exists_last _ x) as (y & t & ->); [intros ->; discriminate|].
      rewrite lastt_snoc in Eq. subst t. rewrite list_max_snoc in Em.
      rewrite app_length in Hl; simpl in Hl.
      exists y. split; [reflexivity|]. rewrite filter_In, in_seqs, Nat.eqb_eq.
      repeat split; try lia. apply list_max_le_forall. lia.
    + intros (y & <- & Hy). rewrite filter_In, in_seqs, Nat.eqb_eq in Hy.
      destruct Hy as ((Hl & Hf) & E). rewrite list_max_snoc, lastt_snoc, app_length. simpl.
      repeat split; try lia. apply Forall_app. split.
      * eapply Forall_impl; [|exact Hf]. simpl; intros; lia.
      * constructor; [lia|constructor].
Qed.

Lemma frees_length n q m : q <= m -> length (frees n q m) = N n q m.
Proof.
  intros Hq. unfold frees, N.
  pose proof (count_compl (fun y => Nat.max (list_max y) q =? m) (seqs (S m) n)) as C.
  unfold count in C. rewrite seqs_length in C.
  destruct (Nat.ltb_spec q m) as [Hlt|Hge].
  - assert (E : length (filter (fun y => negb (Nat.max (list_max y) q =? m)) (seqs (S m) n)) = m ^ n).
    { rewrite <- seqs_length. apply Permutation_length, NoDup_Permutation.
      - apply NoDup_filter, seqs_NoDup.
      - apply seqs_NoDup.
      - intros y. rewrite filter_In, !in_seqs, negb_true_iff, Nat.eqb_neq. split.
        + intros ((Hl & Hf) & Hne). split; [assumption|].
          apply list_max_le_forall in Hf. destruct m; [lia|].
          apply list_max_le_forall. lia.
        + intros (Hl & Hf). destruct m; [lia|]. apply list_max_le_forall in Hf.
          repeat split; try lia. apply list_max_le_forall. lia. }
    lia.
  - assert (E : length (filter (fun y => negb (Nat.max (list_max y) q =? m)) (seqs (S m) n)) = 0).
    { destruct (filter (fun y => negb _) _) as [|y l] eqn:F; [reflexivity|exfalso].
      assert (Hy : In y (y :: l)) by (left; reflexivity). rewrite <- F in Hy.
      rewrite filter_In, in_seqs, negb_true_iff, Nat.eqb_neq in Hy.
      destruct Hy as ((_ & Hf) & Hne). apply list_max_le_forall in Hf. lia. }
    lia.
Qed.

Theorem class_size v n q m : m < v -> q <= m -> length (class v (S n) q m) = N n q m.
Proof.
  intros Hm Hq. rewrite (Permutation_length (class_perm v n q m Hm Hq)), map_length.
  apply frees_length, Hq.
Qed.

(** Every input is in exactly one class: a count is a sum over classes. *)
Theorem count_classes v n (p : list nat -> bool) : 0 < v ->
  count p (seqs v (S n)) = nsum v (fun m => nsum (S m) (fun q => count p (class v (S n) q m))).
Proof.
  intros Hv. rewrite (count_partition p list_max v).
  2:{ intros x Hx. apply in_seqs in Hx as [_ Hf]. destruct v; [lia|].
      apply list_max_le_forall in Hf. lia. }
  apply nsum_ext. intros m Hm.
  transitivity (count p (filter (fun x => m =? list_max x) (seqs v (S n)))).
  { unfold count. generalize (seqs v (S n)). intros l. induction l; simpl; [reflexivity|].
    destruct (m =? list_max a); simpl; [|assumption]. destruct (p a); simpl; congruence. }
  rewrite (count_partition p lastt (S m)).
  - apply nsum_ext. intros q Hq. unfold class, in_class, count.
    generalize (seqs v (S n)). intros l. induction l; simpl; [reflexivity|].
    destruct (m =? list_max a); simpl; [|assumption].
    destruct (q =? lastt a); simpl; [|assumption]. destruct (p a); simpl; congruence.
  - intros x Hx. rewrite filter_In, in_seqs, Nat.eqb_eq in Hx. destruct Hx as ((Hl & _) & Hm').
    destruct (@exists_last _ x) as (y & t & ->); [intros ->; discriminate|].
    rewrite lastt_snoc. rewrite list_max_snoc in Hm'. lia.
Qed.
