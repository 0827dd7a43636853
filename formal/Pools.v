(** T8 and T9: one table for a pool of queries, thresholds, and T4's one table above several rivals. *)
From Coq Require Import Reals Lra Lia List Arith Bool.
From Ballproof Require Import Sums Transformer Counts Automata Folds Tasks.
Import ListNotations.
Local Open Scope R_scope.

(** ** Entries: a weight in [lo, hi] times a gap that is at most (at least) F *)
Definition entry_above (lo hi F : R) : R := if Rlt_dec 0 F then hi * F else lo * F.
Definition entry_below (lo hi F : R) : R := if Rlt_dec 0 F then lo * F else hi * F.

Lemma entry_above_ge lo hi F w f : 0 < w -> lo <= w <= hi -> f <= F -> w * f <= entry_above lo hi F.
Proof.
  intros Hw Hb Hf. apply Rle_trans with (w * F); [apply Rmult_le_compat_l; lra|].
  unfold entry_above. destruct (Rlt_dec 0 F).
  - apply Rmult_le_compat_r; lra.
  - assert (0 <= (w - lo) * - F) by (apply Rmult_le_pos; lra). lra.
Qed.

Lemma entry_below_le lo hi F w f : 0 < w -> lo <= w <= hi -> F <= f -> entry_below lo hi F <= w * f.
Proof.
  intros Hw Hb Hf. apply Rle_trans with (w * F); [|apply Rmult_le_compat_l; lra].
  unfold entry_below. destruct (Rlt_dec 0 F).
  - apply Rmult_le_compat_r; lra.
  - assert (0 <= (hi - w) * - F) by (apply Rmult_le_pos; lra). lra.
Qed.

(** Entries do not decrease with F, and so not with delta; the largest entry over rivals is the entry of
    the largest F. *)
Theorem T9_monotone lo hi F F' : 0 <= lo <= hi -> F <= F' -> entry_above lo hi F <= entry_above lo hi F'.
Proof.
  intros Hb HF. unfold entry_above. destruct (Rlt_dec 0 F), (Rlt_dec 0 F'); try lra.
  - apply Rmult_le_compat_l; lra.
  - apply Rle_trans with 0.
    + assert (0 <= lo * - F) by (apply Rmult_le_pos; lra). lra.
    + apply Rmult_le_pos; lra.
  - apply Rmult_le_compat_l; lra.
Qed.

Section Pool.
Variable M : model.
Notation n := (n_free M).
Variable T : task.
Notation A := (tokens_at T).
Variable pool : list nat.
Variable u : nat. (* any token: the weights are relative to its weight at position 0 *)
Variable cell : nat -> nat -> nat. (* the cell of a token at a position *)
Variables m j : nat.
Variable eps : R.

Definition relative (q i t : nat) : R := exp (tS M q t - tS M q u + (tR M q i - tR M q 0)).

Lemma relative_w q i t : / w M q 0 u * w M q i t = relative q i t.
Proof.
  unfold w, relative. rewrite <- exp_Ropp, <- exp_plus. f_equal. ring.
Qed.

(** Bounds that hold for all queries of the pool, and at each free position for all tokens of a cell that
    occur there; those of the query's own entry apart. *)
Record pool_above (lo hi : nat -> nat -> R) (delta : R) (nu : nat -> nat -> R) (pi : nat -> R)
    (own_lo own_hi own_nu own_pi : R) : Prop := {
  weights_above : forall q i t, In q pool -> (i < n)%nat -> present M T q m i t ->
    lo i (cell i t) <= relative q i t <= hi i (cell i t);
  delta_above : forall q, In q pool -> tD M q j - tD M q m <= delta;
  nu_above : forall q i t, In q pool -> (i < n)%nat -> present M T q m i t -> tV M t j - tV M t m <= nu i (cell i t);
  pi_above : forall i, (i < n)%nat -> tP M i j - tP M i m <= pi i;
  own_weights_above : forall q, In q pool -> own_lo <= relative q n q <= own_hi;
  own_nu_above : forall q, In q pool -> tV M q j - tV M q m <= own_nu;
  own_pi_above : tP M n j - tP M n m <= own_pi }.

Record pool_below (lo hi : nat -> nat -> R) (delta : R) (nu : nat -> nat -> R) (pi : nat -> R)
    (own_lo own_hi own_nu own_pi : R) : Prop := {
  weights_below : forall q i t, In q pool -> (i < n)%nat -> present M T q m i t ->
    lo i (cell i t) <= relative q i t <= hi i (cell i t);
  delta_below : forall q, In q pool -> delta <= tD M q j - tD M q m;
  nu_below : forall q i t, In q pool -> (i < n)%nat -> present M T q m i t -> nu i (cell i t) <= tV M t j - tV M t m;
  pi_below : forall i, (i < n)%nat -> pi i <= tP M i j - tP M i m;
  own_weights_below : forall q, In q pool -> own_lo <= relative q n q <= own_hi;
  own_nu_below : forall q, In q pool -> own_nu <= tV M q j - tV M q m;
  own_pi_below : own_pi <= tP M n j - tP M n m }.

Definition pool_up (lo hi : nat -> nat -> R) (delta : R) (nu : nat -> nat -> R) (pi : nat -> R) (i c : nat) : R :=
  entry_above (lo i c) (hi i c) (delta + eps + nu i c + pi i).
Definition pool_low (lo hi : nat -> nat -> R) (delta : R) (nu : nat -> nat -> R) (pi : nat -> R) (i c : nat) : R :=
  entry_below (lo i c) (hi i c) (delta + eps + nu i c + pi i).

Theorem T8_above lo hi delta nu pi own_lo own_hi own_nu own_pi :
  pool_above lo hi delta nu pi own_lo own_hi own_nu own_pi ->
  forall q, In q pool ->
  upper M T eps (/ w M q 0 u) q m j (fun i t => pool_up lo hi delta nu pi i (cell i t))
        (entry_above own_lo own_hi (delta + eps + own_nu + own_pi)).
Proof.
  intros [Hw Hd Hnu Hpi How Honu Hopi] q Hq. split; [|split].
  - apply Rinv_0_lt_compat, exp_pos.
  - intros i t Hi Ht. unfold g. rewrite <- Rmult_assoc, relative_w. apply entry_above_ge.
    + apply exp_pos.
    + auto.
    + specialize (Hd q Hq). specialize (Hnu q i t Hq Hi Ht). specialize (Hpi i Hi). unfold f. lra.
  - unfold g. rewrite <- Rmult_assoc, relative_w. apply entry_above_ge.
    + apply exp_pos.
    + auto.
    + specialize (Hd q Hq). specialize (Honu q Hq). unfold f. lra.
Qed.

Theorem T8_below lo hi delta nu pi own_lo own_hi own_nu own_pi :
  pool_below lo hi delta nu pi own_lo own_hi own_nu own_pi ->
  forall q, In q pool ->
  lower M T eps (/ w M q 0 u) q m j (fun i t => pool_low lo hi delta nu pi i (cell i t))
        (entry_below own_lo own_hi (delta + eps + own_nu + own_pi)).
Proof.
  intros [Hw Hd Hnu Hpi How Honu Hopi] q Hq. split; [|split].
  - apply Rinv_0_lt_compat, exp_pos.
  - intros i t Hi Ht. unfold g. rewrite <- Rmult_assoc, relative_w. apply entry_below_le.
    + apply exp_pos.
    + auto.
    + specialize (Hd q Hq). specialize (Hnu q i t Hq Hi Ht). specialize (Hpi i Hi). unfold f. lra.
  - unfold g. rewrite <- Rmult_assoc, relative_w. apply entry_below_le.
    + apply exp_pos.
    + auto.
    + specialize (Hd q Hq). specialize (Honu q Hq). unfold f. lra.
Qed.

(** Intervals of the two differences of scores give bounds of the weights; the ends may be rounded
    outward. *)
Theorem T8_intervals a a' b b' lo hi :
  (forall q i t, In q pool -> (i < n)%nat -> present M T q m i t ->
     a (cell i t) <= tS M q t - tS M q u <= a' (cell i t)) ->
  (forall q i, In q pool -> (i < n)%nat -> b i <= tR M q i - tR M q 0 <= b' i) ->
  (forall i c : nat, lo i c <= exp (a c + b i) /\ exp (a' c + b' i) <= hi i c) ->
  forall q i t, In q pool -> (i < n)%nat -> present M T q m i t ->
  lo i (cell i t) <= relative q i t <= hi i (cell i t).
Proof.
  intros Ha Hb Hr q i t Hq Hi Ht. specialize (Ha q i t Hq Hi Ht). specialize (Hb q i Hq Hi).
  destruct (Hr i (cell i t)) as [Hlo Hhi].
  assert (Hexp : forall y z, y <= z -> exp y <= exp z).
  { intros y z [H| ->]; [left; apply exp_increasing; assumption|lra]. }
  unfold relative. split; (eapply Rle_trans; [try exact Hlo; apply Hexp|]); try exact Hhi; try lra.
  apply Hexp. lra.
Qed.

(** ** T3 on a table of the pool clears the rival in all its classes at once, and T9: with any number x
    in place of delta, in the query's own entry too, it clears the queries of the pool with
    D[q,j] - D[q,m] <= x. The classes of a pool have one acceptor and one start. *)
Section Classes.
Variable State : Type.
Variable State_dec : forall s s' : State, {s = s'} + {s <> s'}.
Variable delta : nat -> State -> nat -> option State.
Variable accepts : State -> bool.
Variable states : nat -> list State.
Hypothesis states_NoDup : forall i, NoDup (states i).
Hypothesis states_closed : forall i s t s',
  In s (states i) -> In t (A i) -> delta i s t = Some s' -> In s' (states (S i)).
Variable s0 : State.
Hypothesis s0_in : In s0 (states 0%nat).
Hypothesis decides : forall q y, In q pool -> In y (words A 0 n) ->
  accepted delta accepts 0 s0 y = true <-> label T (y ++ [q]) = m.

Notation worst_case := (worst_case State State_dec delta accepts A states s0 n).

Theorem T8_clears lo hi dl nu pi own_lo own_hi own_nu own_pi q x :
  pool_above lo hi dl nu pi own_lo own_hi own_nu own_pi -> In q pool ->
  match worst_case (fun i t => pool_up lo hi dl nu pi i (cell i t)) with
  | Some w => entry_above own_lo own_hi (dl + eps + own_nu + own_pi) + w < 0 | None => True end ->
  In x (class_of n T q m) -> ~ wins M T eps x j.
Proof.
  intros Hp Hq Hw Hx. rewrite (class_wins M T eps q m x j Hx).
  apply (T3_fold M T State State_dec delta accepts states states_NoDup states_closed s0 s0_in q m
           (fun y => decides q y Hq) eps (/ w M q 0 u) j _ _ x (T8_above _ _ _ _ _ _ _ _ _ Hp q Hq) Hw Hx).
Qed.
End Classes.
End Pool.

(** The pool's other bounds hold for the pool of one query, and x is a delta for it. *)
Theorem T9 M T pool u cell m j eps (State : Type) State_dec delta accepts states
  (states_NoDup : forall i, NoDup (states i))
  (states_closed : forall i s t s',
     In s (states i) -> In t (tokens_at T i) -> delta i s t = Some s' -> In s' (states (S i)))
  (s0 : State) (s0_in : In s0 (states 0%nat))
  (decides : forall q y, In q pool -> In y (words (tokens_at T) 0 (n_free M)) ->
     accepted delta accepts 0 s0 y = true <-> label T (y ++ [q]) = m)
  lo hi dl nu pi own_lo own_hi own_nu own_pi (x : R) q y :
  pool_above M T pool u cell m j lo hi dl nu pi own_lo own_hi own_nu own_pi ->
  match worst_case State State_dec delta accepts (tokens_at T) states s0 (n_free M)
          (fun i t => pool_up eps lo hi x nu pi i (cell i t)) with
  | Some w => entry_above own_lo own_hi (x + eps + own_nu + own_pi) + w < 0 | None => True end ->
  In q pool -> tD M q j - tD M q m <= x ->
  In y (class_of (n_free M) T q m) -> ~ wins M T eps y j.
Proof.
  intros Hp Hw Hq Hx Hy.
  refine (T8_clears M T [q] u cell m j eps State State_dec delta accepts states states_NoDup states_closed
            s0 s0_in _ lo hi x nu pi own_lo own_hi own_nu own_pi q y _ (or_introl eq_refl) Hw Hy).
  - intros q' z [<-|[]] Hz. apply decides; assumption.
  - destruct Hp as [H1 H2 H3 H4 H5 H6 H7].
    constructor; intros; try match goal with H : In _ [q] |- _ => destruct H as [<-|[]] end; eauto.
Qed.

(** ** T4: one table above several rivals. Its count bounds the inputs that some rival of the group wins,
    and T3 on it clears the group. *)
Section Group.
Variable M : model.
Notation n := (n_free M).
Variable T : task.
Notation A := (tokens_at T).
Variables q m : nat.
Variable eps : R.

Definition group_wins (G : list nat) (x : input) : bool := existsb (fun j => beatsb M eps m j x) G.

Theorem T4_one_table c (G : list nat) (ups : nat -> nat -> nat -> R) (owns : nat -> R) up own :
  (forall j, In j G -> upper M T eps (c j) q m j (ups j) (owns j)) ->
  (forall j i t, In j G -> ups j i t <= up i t) -> (forall j, In j G -> owns j <= own) ->
  (count (group_wins G) (class_of n T q m)
   <= count (fun y => if Rle_dec 0 (own + total up 0 y) then true else false) (free_words n T q m))%nat.
Proof.
  intros Hup Hle Hown. unfold class_of. rewrite count_map. apply count_le. intros y Hy Hw.
  apply existsb_exists in Hw as (j & Hj & Hb). apply beatsb_spec in Hb.
  destruct (Rle_dec 0 (own + total up 0 y)) as [|Hn]; [reflexivity|exfalso].
  refine (T2_pair_upper M T eps (c j) q m j (ups j) (owns j) y (Hup j Hj) Hy _ Hb).
  assert (Ht : forall z i, total (ups j) i z <= total up i z).
  { induction z as [|t z IH]; intros i; simpl; [lra|]. specialize (IH (S i)). specialize (Hle j i t Hj). lra. }
  specialize (Ht y 0%nat). specialize (Hown j Hj). lra.
Qed.
End Group.
