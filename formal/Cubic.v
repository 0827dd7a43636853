(** The cubic strategy: positions and rivals are pessimised apart; which inputs of a class (q, m) of
    max-of-k it proves correct, and how many they are. *)
From Coq Require Import Reals Lra Lia List Arith Bool Permutation Sorted.
From Ballproof Require Import Sums Transformer Counts Theorems Tasks Pools Marked.
Import ListNotations.
Local Open Scope R_scope.

Section Cubic.
Variable M : model.
Notation n := (n_free M).
Notation k := (S (n_free M)).
Notation v := (d_vocab M).
Variables q m : nat.
Variable eps : R.

(** Weights of tokens and positions: w_i(t) is their product. *)
Definition a (t : nat) : R := exp (tS M q t).
Definition p (i : nat) : R := exp (tR M q i).

Lemma w_product i t : w M q i t = a t * p i.
Proof. unfold w, a, p. rewrite exp_plus. reflexivity. Qed.

(** u(t) bounds the gap of every rival at every position. *)
Variable u : nat -> R.
Hypothesis u_bound : forall j i t, (j < v)%nat -> j <> m -> (i < k)%nat -> (t <= m)%nat ->
  f M eps q m j i t <= u t.

Notation P := (sum n p).
Definition F (t : nat) (B : R) : R := a q * p n * u q + a m * u m * (P - B) + a t * u t * B.

(** Linear in B. *)
Lemma F_between t B B1 B2 : B1 <= B <= B2 -> F t B1 < 0 -> F t B2 < 0 -> F t B < 0.
Proof.
  intros HB H1 H2. unfold F in *.
  set (c := a q * p n * u q + a m * u m * P) in *. set (s := a t * u t - a m * u m).
  assert (E : forall b, a q * p n * u q + a m * u m * (P - b) + a t * u t * b = c + s * b)
    by (intros; unfold c, s; ring).
  rewrite E in *. destruct (Rle_dec 0 s).
  - assert (s * B <= s * B2) by (apply Rmult_le_compat_l; lra). lra.
  - assert (s * B <= s * B1) by (apply Rmult_le_compat_neg_l; lra). lra.
Qed.

(** Positions that hold another token than m, and their weight. *)
Definition other (x : input) (i : nat) : bool := negb (tok x i =? m)%nat.
Definition others (x : input) : R := sum n (fun i => if other x i then p i else 0).

(** Bounds of the sum of the weights of c free positions, whichever they are. *)
Fixpoint chosen (c : nat -> bool) (len : nat) : nat :=
  match len with O => O | S len => (chosen c len + if c len then 1 else 0)%nat end.
Definition bounds_of (c : nat) (B1 B2 : R) : Prop :=
  forall sel, chosen sel n = c -> B1 <= sum n (fun i => if sel i then p i else 0) <= B2.

Lemma sum_gap x j : (j < v)%nat -> j <> m -> member M q m x ->
  sum k (fun i => g M eps (tok x n) m j i (tok x i))
  <= a q * p n * u q + a m * u m * (P - others x)
     + sum n (fun i => if other x i then a (tok x i) * u (tok x i) * p i else 0).
Proof.
  intros Hj Hne Hx. destruct (member_spec M q m x Hx) as (Hl & Hm & Hq & Hall & _).
  cbn [sum]. rewrite Hq.
  assert (Hg : forall i, (i < k)%nat -> g M eps q m j i (tok x i) <= a (tok x i) * u (tok x i) * p i).
  { intros i Hi. unfold g. rewrite w_product. specialize (u_bound j i (tok x i) Hj Hne Hi (Hall i Hi)).
    replace (a (tok x i) * u (tok x i) * p i) with (a (tok x i) * p i * u (tok x i)) by ring.
    apply Rmult_le_compat_l; [|assumption]. left. apply Rmult_lt_0_compat; apply exp_pos. }
  assert (Hn := Hg n (Nat.lt_succ_diag_r n)). rewrite Hq in Hn.
  assert (Hs : sum n (fun i => g M eps q m j i (tok x i))
    <= a m * u m * (P - others x) + sum n (fun i => if other x i then a (tok x i) * u (tok x i) * p i else 0)).
  { replace (a m * u m * (P - others x)) with (sum n (fun i => a m * u m * (if other x i then 0 else p i))).
    - rewrite <- sum_plus. apply sum_le. intros i Hi. specialize (Hg i ltac:(lia)). unfold other in *.
      destruct (Nat.eqb_spec (tok x i) m) as [E|]; simpl; [rewrite E in *|]; lra.
    - rewrite sum_scal_l. f_equal. unfold others. rewrite <- sum_minus. apply sum_ext. intros i _.
      destruct (other x i); ring. }
  lra.
Qed.

(** Exactly c >= 1 free tokens differ from m, and each of them is negative at both ends. *)
Theorem cubic_correct c B1 B2 x j :
  (0 < c)%nat -> bounds_of c B1 B2 -> chosen (other x) n = c ->
  (forall i, (i < n)%nat -> other x i = true -> F (tok x i) B1 < 0 /\ F (tok x i) B2 < 0) ->
  (j < v)%nat -> j <> m -> member M q m x -> ~ wins M (max_task M) eps x j.
Proof.
  intros Hc HB Ec HG Hj Hne Hx Hw. apply (T1 M (max_task M)) in Hw.
  destruct (member_spec M q m x Hx) as (_ & Hm & _). cbn [label max_task max_of] in Hw. rewrite Hm in Hw.
  pose proof (sum_gap x j Hj Hne Hx) as Hs.
  specialize (HB (other x) Ec). fold (others x) in HB.
  assert (HF : forall i, (i < n)%nat -> other x i = true -> F (tok x i) (others x) < 0).
  { intros i Hi Ho. destruct (HG i Hi Ho). apply (F_between _ _ B1 B2); assumption. }
  (* times the sum of the weights: a sum of p_i F, negative *)
  assert (Hpos : 0 < others x).
  { unfold others. rewrite <- Ec in Hc. clear -Hc. induction n as [|l IH]; simpl in *; [lia|].
    assert (0 <= sum l (fun i => if other x i then p i else 0)).
    { apply sum_nonneg. intros i _. destruct (other x i); [left; apply exp_pos|lra]. }
    destruct (other x l); [pose proof (exp_pos (tR M q l)); unfold p at 2; lra|].
    specialize (IH ltac:(lia)). lra. }
  assert (E : others x * (a q * p n * u q + a m * u m * (P - others x)
                 + sum n (fun i => if other x i then a (tok x i) * u (tok x i) * p i else 0))
              = sum n (fun i => if other x i then p i * F (tok x i) (others x) else 0)).
  { set (b := others x). set (d := a q * p n * u q + a m * u m * (P - b)).
    rewrite Rmult_plus_distr_l. unfold b at 1, others. rewrite (Rmult_comm _ d), <- !sum_scal_l, <- sum_plus.
    apply sum_ext. intros i _. unfold F. fold d. destruct (other x i); ring. }
  assert (Hneg : sum n (fun i => if other x i then p i * F (tok x i) (others x) else 0) < 0).
  { assert (Ec' : (0 < chosen (other x) n)%nat) by lia. clear -Ec' HF.
    revert HF Ec'. generalize (others x) as b. intros b. generalize n as l. intros l.
    induction l as [|l IH]; intros HF Ec'; simpl in *; [lia|].
    assert (Hle : sum l (fun i => if other x i then p i * F (tok x i) b else 0) <= 0).
    { apply Rle_trans with (sum l (fun _ => 0)); [|rewrite sum_zero; lra]. apply sum_le. intros i Hi. destruct (other x i) eqn:Ho; [|lra].
      specialize (HF i ltac:(lia) Ho). pose proof (exp_pos (tR M q i)). unfold p.
      assert (0 <= exp (tR M q i) * - F (tok x i) b) by (apply Rmult_le_pos; lra). lra. }
    destruct (other x l) eqn:Ho.
    - specialize (HF l ltac:(lia) Ho). pose proof (exp_pos (tR M q l)). unfold p at 2.
      assert (0 < exp (tR M q l) * - F (tok x l) b) by (apply Rmult_lt_0_compat; lra). lra.
    - specialize (IH (fun i Hi => HF i (Nat.lt_lt_succ_r _ _ Hi)) ltac:(lia)). lra. }
  rewrite <- E in Hneg.
  assert (0 <= others x * (a q * p n * u q + a m * u m * (P - others x)
            + sum n (fun i => if other x i then a (tok x i) * u (tok x i) * p i else 0))); [|lra].
  apply Rmult_le_pos; lra.
Qed.

(** c = 0: all free tokens are m. *)
Theorem cubic_all_maximum x j :
  a q * p n * u q + a m * u m * P < 0 -> chosen (other x) n = O ->
  (j < v)%nat -> j <> m -> member M q m x -> ~ wins M (max_task M) eps x j.
Proof.
  intros H0 Ec Hj Hne Hx Hw. apply (T1 M (max_task M)) in Hw.
  destruct (member_spec M q m x Hx) as (_ & Hm & _). cbn [label max_task max_of] in Hw. rewrite Hm in Hw.
  pose proof (sum_gap x j Hj Hne Hx) as Hs.
  assert (Ho : forall i, (i < n)%nat -> other x i = false).
  { clear -Ec. induction n as [|l IH]; intros i Hi; simpl in *; [lia|].
    destruct (Nat.eq_dec i l) as [->|]; [destruct (other x l); [lia|reflexivity]|]. apply IH; lia. }
  assert (E1 : others x = 0).
  { unfold others. transitivity (sum n (fun _ => 0)); [|apply sum_zero]. apply sum_ext. intros i Hi. rewrite (Ho i Hi). reflexivity. }
  assert (E2 : sum n (fun i => if other x i then a (tok x i) * u (tok x i) * p i else 0) = 0).
  { transitivity (sum n (fun _ => 0)); [|apply sum_zero]. apply sum_ext. intros i Hi. rewrite (Ho i Hi). reflexivity. }
  rewrite E1, E2 in Hs. lra.
Qed.
(** In enclosures: each of the three terms by the sign of its second factor; the sum of the weights of the
    free positions by the sign of u(m). *)
Theorem cubic_enclosed a_lo a_hi p_lo p_hi t B :
  (forall s, 0 <= a_lo s /\ a_lo s <= a s <= a_hi s) ->
  (forall i, 0 <= p_lo i /\ p_lo i <= p i <= p_hi i) ->
  let P' := if Rlt_dec 0 (u m) then sum n p_hi else sum n p_lo in
  F t B <= entry_above (a_lo q * p_lo n) (a_hi q * p_hi n) (u q)
           + entry_above (a_lo m) (a_hi m) (u m * (P' - B))
           + entry_above (a_lo t) (a_hi t) (u t * B).
Proof.
  intros Ha Hp P'. unfold F.
  assert (Hpos : forall s, 0 < a s) by (intros; apply exp_pos).
  assert (H1 : a q * p n * u q <= entry_above (a_lo q * p_lo n) (a_hi q * p_hi n) (u q)).
  { apply entry_above_ge; [|split|lra].
    - apply Rmult_lt_0_compat; apply exp_pos.
    - specialize (Ha q). specialize (Hp n). apply Rmult_le_compat; lra.
    - pose proof (Hpos q). assert (0 < p n) by apply exp_pos.
      specialize (Ha q). specialize (Hp n). apply Rmult_le_compat; lra. }
  assert (H2 : a m * (u m * (P - B)) <= entry_above (a_lo m) (a_hi m) (u m * (P' - B))).
  { apply entry_above_ge; [apply Hpos|apply Ha|]. unfold P'.
    assert (Hlo : sum n p_lo <= P) by (apply sum_le; intros; apply Hp).
    assert (Hhi : P <= sum n p_hi) by (apply sum_le; intros; apply Hp).
    destruct (Rlt_dec 0 (u m)).
    - apply Rmult_le_compat_l; lra.
    - apply Rmult_le_compat_neg_l; lra. }
  assert (H3 : a t * (u t * B) <= entry_above (a_lo t) (a_hi t) (u t * B))
    by (apply entry_above_ge; [apply Hpos|apply Ha|lra]).
  lra.
Qed.
End Cubic.

(** ** How many inputs: exactly c free tokens differ from m, all of them in G *)
Local Open Scope nat_scope.

Section Count.
Variable G : nat -> bool. (* tokens below m *)
Variable m : nat.
Hypothesis G_below : forall t, G t = true -> t < m.

Definition in_G (y : list nat) : bool := forallb (fun t => G t || (t =? m)) y.
Definition size_G : nat := count G (seq 0 m).

Lemma lsum_nat_if3 (e1 e2 : nat) :
  lsum_nat (seq 0 (S m)) (fun t => if G t then e1 else if t =? m then e2 else 0) = size_G * e1 + e2.
Proof.
  rewrite seq_S. assert (H : forall l, lsum_nat (l ++ [m]) (fun t => if G t then e1 else if t =? m then e2 else 0)
    = lsum_nat l (fun t => if G t then e1 else if t =? m then e2 else 0) + e2).
  { induction l as [|t l IH]; simpl.
    - destruct (G m) eqn:E; [specialize (G_below m E); lia|]. rewrite Nat.eqb_refl. lia.
    - rewrite IH. lia. }
  cbn [Nat.add]. rewrite H. f_equal. unfold size_G.
  assert (Hl : forall t, In t (seq 0 m) -> t <> m) by (intros t Ht; apply in_seq in Ht; lia).
  induction (seq 0 m) as [|t l IH]; [reflexivity|]. simpl. rewrite IH by auto with datatypes.
  specialize (Hl t (or_introl eq_refl)). apply Nat.eqb_neq in Hl. rewrite Hl.
  unfold count. simpl. destruct (G t); simpl; lia.
Qed.

Theorem cubic_count n c :
  count (fun y => in_G y && (count G y =? c)) (seqs (S m) n) = binomial n c * size_G ^ c.
Proof.
  revert c. induction n as [|n IH]; intros c.
  - unfold count. simpl. destruct c; simpl; lia.
  - rewrite seqs_S, count_flat_map.
    rewrite (lsum_nat_ext _ _ (fun t =>
      if G t then match c with O => 0 | S c => count (fun y => in_G y && (count G y =? c)) (seqs (S m) n) end
      else if t =? m then count (fun y => in_G y && (count G y =? c)) (seqs (S m) n) else 0)).
    2:{ intros t _. rewrite count_map. destruct (G t) eqn:Eg.
        - destruct c as [|c].
          + rewrite (count_ext _ (fun _ => false)).
            * unfold count. rewrite Automata.filter_false. reflexivity.
            * intros y _. unfold count. simpl. rewrite Eg. apply andb_false_r.
          + apply count_ext. intros y _. unfold count at 1. simpl. rewrite Eg. reflexivity.
        - destruct (t =? m) eqn:Et.
          + apply count_ext. intros y _. unfold count at 1. simpl. rewrite Eg, Et. reflexivity.
          + rewrite (count_ext _ (fun _ => false)).
            * unfold count. rewrite Automata.filter_false. reflexivity.
            * intros y _. simpl. rewrite Eg, Et. reflexivity. }
    rewrite lsum_nat_if3, IH. destruct c as [|c].
    + simpl. destruct n; simpl; lia.
    + rewrite IH. cbn [binomial Nat.pow]. ring.
Qed.

(** They are in the class (q, m) for q = m; for q < m they are if c < n, so that some free token is m. *)
Theorem cubic_in_class n c q y :
  (q = m \/ q < m /\ c < n) -> In y (seqs (S m) n) -> in_G y = true -> count G y = c -> In y (frees n q m).
Proof.
  intros Hq Hy HG Hc. unfold frees. apply filter_In. split; [assumption|]. apply Nat.eqb_eq.
  apply in_seqs in Hy as [L Hf]. pose proof (proj2 (list_max_le_forall y m) Hf) as Hle.
  destruct Hq as [->|[Hlt Hcn]]; [lia|].
  assert (Hin : In m y).
  { destruct (in_dec Nat.eq_dec m y) as [|Hno]; [assumption|exfalso].
    assert (count G y = length y); [|lia]. unfold count. clear -HG Hno.
    induction y as [|t y IH]; [reflexivity|]. simpl in *. apply andb_true_iff in HG as [Ht HG].
    destruct (G t); [simpl; rewrite IH; auto|].
    simpl in Ht. apply Nat.eqb_eq in Ht. exfalso. apply Hno. left. assumption. }
  assert (m <= list_max y); [|lia].
  assert (H : Forall (fun t => t <= list_max y) y) by (apply list_max_le; lia).
  rewrite Forall_forall in H. apply H, Hin.
Qed.
End Count.

(** ** The c smallest lower ends: any c numbers add up to at least those *)
Local Open Scope R_scope.
Definition total_of (l : list R) : R := fold_right Rplus 0 l.

Lemma total_of_perm l l' : Permutation l l' -> total_of l = total_of l'.
Proof. induction 1; simpl; lra. Qed.

Theorem smallest_total (sorted part rest : list R) :
  StronglySorted Rle sorted -> Permutation (part ++ rest) sorted ->
  total_of (firstn (length part) sorted) <= total_of part.
Proof.
  intros H. revert part rest. induction H as [|x l Hl IH Hx]; intros part rest P.
  - apply Permutation_sym, Permutation_nil in P. apply app_eq_nil in P as [-> ->]. simpl. lra.
  - destruct part as [|y part]; [simpl; lra|].
    assert (Hin : In x ((y :: part) ++ rest)) by (apply Permutation_in with (x :: l); [apply Permutation_sym, P|left; reflexivity]).
    apply in_app_or in Hin as [Hin|Hin].
    + apply in_split in Hin as (l1 & l2 & E). rewrite E in *.
      assert (P' : Permutation ((l1 ++ l2) ++ rest) l).
      { apply Permutation_cons_inv with x. eapply Permutation_trans; [|exact P].
        rewrite <- !app_assoc. simpl. apply Permutation_middle. }
      specialize (IH (l1 ++ l2) rest P'). rewrite app_length. simpl. rewrite Nat.add_succ_r. simpl.
      rewrite app_length in IH.
      rewrite (total_of_perm (l1 ++ x :: l2) (x :: l1 ++ l2)) by (apply Permutation_sym, Permutation_middle).
      simpl. lra.
    + assert (Hxy : x <= y).
      { assert (Hy : In y (x :: l)) by (apply Permutation_in with ((y :: part) ++ rest); [exact P|left; reflexivity]).
        destruct Hy as [->|Hy]; [lra|]. rewrite Forall_forall in Hx. apply Hx, Hy. }
      apply in_split in Hin as (r1 & r2 & E). subst rest.
      assert (P' : Permutation (part ++ (y :: r1 ++ r2)) l).
      { apply Permutation_cons_inv with x. eapply Permutation_trans; [|exact P].
        rewrite app_comm_cons. rewrite (app_assoc (y :: part) r1 (x :: r2)).
        eapply Permutation_trans; [|apply Permutation_middle]. apply perm_skip.
        rewrite <- app_assoc. simpl. apply Permutation_sym, Permutation_middle. }
      specialize (IH part (y :: r1 ++ r2) P'). simpl. lra.
Qed.
