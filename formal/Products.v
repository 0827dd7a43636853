(** What an error may do: ranges of the rows of products, peeling, and the bound by the trace of a power
    of the Gram matrix. Matrices are functions of row and column; an inner size goes with each product. *)
From Coq Require Import Reals Lra Lia List Arith.
From Ballproof Require Import Sums.
Import ListNotations.
Local Open Scope R_scope.

Definition matrix : Type := nat -> nat -> R.
Definition mul (k : nat) (X Y : matrix) : matrix := fun i j => sum k (fun l => X i l * Y l j).

(** ** Ranges: r bounds the largest less the smallest of the entries 0 .. n-1 *)
Definition in_range (n : nat) (y : nat -> R) (r : R) : Prop :=
  forall s t, (s < n)%nat -> (t < n)%nat -> y s - y t <= r.

Lemma in_range_abs n y r s t : in_range n y r -> (s < n)%nat -> (t < n)%nat -> Rabs (y s - y t) <= r.
Proof.
  intros H Hs Ht. pose proof (H s t Hs Ht). pose proof (H t s Ht Hs).
  unfold Rabs. destruct (Rcase_abs _); lra.
Qed.

Lemma in_range_plus n y z r s : in_range n y r -> in_range n z s -> in_range n (fun t => y t + z t) (r + s).
Proof. intros Hy Hz a b Ha Hb. specialize (Hy a b Ha Hb). specialize (Hz a b Ha Hb). lra. Qed.

(** Range lemma: an error moves differences within a row by at most its range. *)
Theorem range_lemma n (row approx : nat -> R) e s t :
  in_range n (fun t => row t - approx t) e -> (s < n)%nat -> (t < n)%nat ->
  Rabs ((row s - row t) - (approx s - approx t)) <= e.
Proof.
  intros H Hs Ht. replace ((row s - row t) - (approx s - approx t))
    with ((row s - approx s) - (row t - approx t)) by ring.
  apply (in_range_abs n (fun t => row t - approx t)); assumption.
Qed.

(** Product lemma. *)
Definition plain (k : nat) (x r : nat -> R) : R := sum k (fun l => Rabs (x l) * r l).

Theorem product_lemma n k (x : nat -> R) (Y : matrix) r :
  (forall l, (l < k)%nat -> in_range n (Y l) (r l)) ->
  in_range n (fun t => sum k (fun l => x l * Y l t)) (plain k x r).
Proof.
  intros H s t Hs Ht. rewrite <- sum_minus. unfold plain. apply sum_le. intros l Hl.
  replace (x l * Y l s - x l * Y l t) with (x l * (Y l s - Y l t)) by ring.
  pose proof (in_range_abs n (Y l) (r l) s t (H l Hl) Hs Ht).
  eapply Rle_trans; [apply Rle_abs|]. rewrite Rabs_mult.
  apply Rmult_le_compat_l; [apply Rabs_pos|assumption].
Qed.

(** Mean row apart: [m] may be any row. *)
Theorem mean_row_apart n k (x m : nat -> R) (Y : matrix) r e :
  (forall l, (l < k)%nat -> in_range n (Y l) (r l)) ->
  in_range n (fun t => sum k (fun l => m l * Y l t)) e ->
  in_range n (fun t => sum k (fun l => x l * Y l t)) (e + plain k (fun l => x l - m l) r).
Proof.
  intros H Hm s t Hs Ht.
  pose proof (in_range_plus n _ _ _ _ Hm (product_lemma n k (fun l => x l - m l) Y r H) s t Hs Ht) as P.
  cbv beta in P. rewrite <- !sum_plus in P.
  rewrite (sum_ext k (fun l => x l * Y l s) (fun l => m l * Y l s + (x l - m l) * Y l s)) by (intros; ring).
  rewrite (sum_ext k (fun l => x l * Y l t) (fun l => m l * Y l t + (x l - m l) * Y l t)) by (intros; ring).
  exact P.
Qed.

(** ** Products of many factors: each next factor with its inner size. A factor is replaced by its
    residual; the term of what was taken out is formed with the others as they stand. *)
Definition chain (X : matrix) (factors : list (nat * matrix)) : matrix :=
  fold_left (fun P kX => mul (fst kX) P (snd kX)) factors X.

Lemma chain_add X Y Z factors i j : (forall a b, X a b = Y a b + Z a b) ->
  chain X factors i j = chain Y factors i j + chain Z factors i j.
Proof.
  revert X Y Z. induction factors as [|(k, F) factors IH]; intros X Y Z H; simpl; [apply H|].
  apply IH. intros a b. unfold mul. simpl. rewrite <- sum_plus. apply sum_ext. intros l _. rewrite H. ring.
Qed.

Lemma chain_app X l l' : chain X (l ++ l') = chain (chain X l) l'.
Proof. unfold chain. apply fold_left_app. Qed.

Lemma mul_add_r k P Y Z X i j : (forall a b, X a b = Y a b + Z a b) ->
  mul k P X i j = mul k P Y i j + mul k P Z i j.
Proof. intros H. unfold mul. rewrite <- sum_plus. apply sum_ext. intros l _. rewrite H. ring. Qed.

(** A factor, the first or a later one, is the sum of what is taken out and what is left. *)
Inductive replaced : matrix * list (nat * matrix) -> matrix * list (nat * matrix) -> matrix * list (nat * matrix) -> Prop :=
| replaced_first X part rest factors :
    (forall a b, X a b = part a b + rest a b) ->
    replaced (X, factors) (part, factors) (rest, factors)
| replaced_later X l k F part rest l' :
    (forall a b, F a b = part a b + rest a b) ->
    replaced (X, l ++ (k, F) :: l') (X, l ++ (k, part) :: l') (X, l ++ (k, rest) :: l').

Definition value (c : matrix * list (nat * matrix)) : matrix := chain (fst c) (snd c).

Lemma replaced_value c part rest i j :
  replaced c part rest -> value c i j = value part i j + value rest i j.
Proof.
  intros H. destruct H as [X part rest factors H|X l k F part rest l' H]; unfold value; simpl.
  - apply chain_add, H.
  - unfold chain. rewrite !fold_left_app. simpl. apply chain_add. intros a b. apply mul_add_r, H.
Qed.

Inductive telescoped : matrix * list (nat * matrix) -> list (matrix * list (nat * matrix))
                       -> matrix * list (nat * matrix) -> Prop :=
| telescoped_none c : telescoped c [] c
| telescoped_next c part rest terms last :
    replaced c part rest -> telescoped rest terms last -> telescoped c (part :: terms) last.

(** The product is exactly the sum of the terms and of the product of all final residuals. *)
Theorem telescoping c terms last i j : telescoped c terms last ->
  value c i j = fold_right (fun t s => value t i j + s) (value last i j) terms.
Proof.
  induction 1 as [c|c part rest terms last H _ IH]; simpl; [reflexivity|].
  rewrite <- IH. apply replaced_value, H.
Qed.

(** What peeling takes out has rank one: u (u^T X) / (u.u) from the left, (X w) w^T / (w.w) from the right. *)
Definition dot (n : nat) (u v : nat -> R) : R := sum n (fun i => u i * v i).
Definition taken_left (n : nat) (u : nat -> R) (X : matrix) : matrix :=
  fun i j => u i * dot n u (fun a => X a j) / dot n u u.
Definition peel_left (n : nat) (u : nat -> R) (X : matrix) : matrix :=
  fun i j => X i j - taken_left n u X i j.
Definition taken_right (n : nat) (w : nat -> R) (X : matrix) : matrix :=
  fun i j => dot n (X i) w * w j / dot n w w.
Definition peel_right (n : nat) (w : nat -> R) (X : matrix) : matrix :=
  fun i j => X i j - taken_right n w X i j.

Lemma peel_left_sum n u X i j : X i j = taken_left n u X i j + peel_left n u X i j.
Proof. unfold peel_left. ring. Qed.
Lemma peel_right_sum n w X i j : X i j = taken_right n w X i j + peel_right n w X i j.
Proof. unfold peel_right. ring. Qed.

(** A chain with a factor of rank one is a column times a row. *)
Lemma chain_column_row (c r : nat -> R) factors i j :
  chain (fun a b => c a * r b) factors i j = c i * chain (fun _ b => r b) factors O j.
Proof.
  revert r. induction factors as [|(k, F) factors IH]; intros r; simpl; [reflexivity|].
  assert (E : forall X Y a b, (forall a b, X a b = Y a b) -> chain X factors a b = chain Y factors a b).
  { clear. induction factors as [|(k, F) factors IH]; intros X Y a b H; simpl; [apply H|].
    apply IH. intros a' b'. unfold mul. apply sum_ext. intros l _. rewrite H. reflexivity. }
  rewrite (E _ (fun a b => c a * sum k (fun l => r l * F l b))).
  - rewrite IH. f_equal.
  - intros a b. unfold mul. simpl. rewrite <- sum_scal_l. apply sum_ext. intros. ring.
Qed.

(** Two terms: L by u from the left, then N by w from the right. *)
Theorem two_terms a h b u w (L N : matrix) i j :
  mul h L N i j
  = mul h (taken_left a u L) N i j + mul h (peel_left a u L) (taken_right b w N) i j
    + mul h (peel_left a u L) (peel_right b w N) i j.
Proof.
  pose proof (telescoping (L, [(h, N)])
    [(taken_left a u L, [(h, N)]); (peel_left a u L, [(h, taken_right b w N)])]
    (peel_left a u L, [(h, peel_right b w N)]) i j) as H.
  unfold value, chain in H. simpl in H. rewrite H; [ring|].
  eapply telescoped_next; [apply replaced_first; intros; apply peel_left_sum|].
  eapply telescoped_next; [|apply telescoped_none].
  apply (replaced_later (peel_left a u L) [] h N (taken_right b w N) (peel_right b w N) []).
  intros; apply peel_right_sum.
Qed.

(** ** Singular value, by norms: no eigenvalues are needed *)
Lemma dot_comm n u v : dot n u v = dot n v u.
Proof. apply sum_ext. intros. ring. Qed.
Lemma dot_nonneg n u : 0 <= dot n u u.
Proof. apply sum_nonneg. intros. nra. Qed.

(** Cauchy and Schwarz. *)
Lemma dot_square n u v : dot n u v * dot n u v <= dot n u u * dot n v v.
Proof.
  set (a := dot n u u). set (b := dot n u v). set (c := dot n v v).
  assert (H : forall t, 0 <= a * (t * t) + 2 * b * t + c).
  { intros t. replace (a * (t * t) + 2 * b * t + c) with (dot n (fun i => t * u i + v i) (fun i => t * u i + v i)).
    - apply dot_nonneg.
    - unfold dot, a, b, c, dot. rewrite (sum_ext n _ (fun i => (t * t) * (u i * u i) + (2 * t) * (u i * v i) + v i * v i))
        by (intros; ring). rewrite !sum_plus, !sum_scal_l. ring. }
  assert (Ha : 0 <= a) by apply dot_nonneg.
  destruct (Req_dec a 0) as [E|Hne].
  - destruct (Req_dec b 0) as [->|Hb]; [rewrite E; lra|exfalso].
    specialize (H (- (c + 1) / (2 * b))). rewrite E in H.
    replace (0 * (- (c + 1) / (2 * b) * (- (c + 1) / (2 * b))) + 2 * b * (- (c + 1) / (2 * b)) + c) with (-1) in H
      by (field; assumption). lra.
  - specialize (H (- b / a)).
    replace (a * (- b / a * (- b / a)) + 2 * b * (- b / a) + c) with (c - b * b / a) in H by (field; assumption).
    assert (Hp : b * b / a * a <= c * a) by (apply Rmult_le_compat_r; lra).
    unfold Rdiv in Hp. rewrite Rmult_assoc, Rinv_l, Rmult_1_r in Hp by assumption. lra.
Qed.

Definition symmetric (n : nat) (A : matrix) : Prop := forall i j, (i < n)%nat -> (j < n)%nat -> A i j = A j i.
Definition apply_to (n : nat) (A : matrix) (v : nat -> R) : nat -> R := fun i => dot n (A i) v.
Definition form (n : nat) (A : matrix) (v : nat -> R) : R := dot n v (apply_to n A v).
Definition trace (n : nat) (A : matrix) : R := sum n (fun i => A i i).
Definition gram (a : nat) (Err : matrix) : matrix := fun i j => sum a (fun q => Err q i * Err q j).

Fixpoint squared (n p : nat) (A : matrix) : matrix := (* the power 2^p *)
  match p with O => A | S p => mul n (squared n p A) (squared n p A) end.

Lemma squared_symmetric n p A : symmetric n A -> symmetric n (squared n p A).
Proof.
  intros H. induction p as [|p IH]; [assumption|]. intros i j Hi Hj. simpl. unfold mul.
  apply sum_ext. intros l Hl. rewrite (IH i l), (IH l j) by assumption. ring.
Qed.

Lemma form_square n A v : symmetric n A ->
  form n (mul n A A) v = dot n (apply_to n A v) (apply_to n A v).
Proof.
  intros H. unfold form, apply_to, dot, mul.
  rewrite (sum_ext n (fun i => v i * _) (fun i => sum n (fun l => (v i * A i l) * sum n (fun j => A l j * v j)))).
  - rewrite sum_swap. apply sum_ext. intros l Hl. rewrite sum_scal_r. f_equal.
    apply sum_ext. intros i Hi. rewrite (H i l) by assumption. ring.
  - intros i _.
    rewrite (sum_ext n (fun l => v i * A i l * _) (fun l => v i * (A i l * sum n (fun j => A l j * v j))))
      by (intros; ring).
    rewrite sum_scal_l. f_equal.
    rewrite (sum_ext n _ (fun j => sum n (fun l => A i l * (A l j * v j)))).
    + rewrite sum_swap. apply sum_ext. intros l _. apply sum_scal_l.
    + intros j _. rewrite <- sum_scal_r. apply sum_ext. intros; ring.
Qed.

(** The form of a square matrix at v is at most its trace times v.v, for a matrix that is a square of a
    symmetric one, and for a Gram matrix. *)
Lemma form_gram a n Err v : form n (gram a Err) v = sum a (fun q => dot n (Err q) v * dot n (Err q) v).
Proof.
  unfold form, apply_to, dot, gram.
  rewrite (sum_ext n _ (fun i => sum a (fun q => (v i * Err q i) * sum n (fun j => Err q j * v j)))).
  - rewrite sum_swap. apply sum_ext. intros q _. rewrite sum_scal_r. f_equal.
    apply sum_ext. intros; ring.
  - intros i _.
    rewrite (sum_ext a _ (fun q => v i * (Err q i * sum n (fun j => Err q j * v j)))) by (intros; ring).
    rewrite sum_scal_l. f_equal.
    rewrite (sum_ext n _ (fun j => sum a (fun q => Err q i * (Err q j * v j)))).
    + rewrite sum_swap. apply sum_ext. intros q _. apply sum_scal_l.
    + intros j _. rewrite <- sum_scal_r. apply sum_ext. intros; ring.
Qed.

Lemma form_gram_trace a n Err v : form n (gram a Err) v <= dot n v v * trace n (gram a Err).
Proof.
  rewrite form_gram. unfold trace, gram.
  rewrite sum_swap, <- sum_scal_l. apply sum_le. intros q _.
  eapply Rle_trans; [apply dot_square|]. unfold dot. lra.
Qed.

Lemma square_is_gram n A i j : symmetric n A -> (i < n)%nat -> (j < n)%nat -> mul n A A i j = gram n A i j.
Proof.
  intros H Hi Hj. unfold mul, gram. apply sum_ext. intros l Hl. rewrite (H i l) by assumption. reflexivity.
Qed.

Lemma form_ext n A B v : (forall i j, (i < n)%nat -> (j < n)%nat -> A i j = B i j) -> form n A v = form n B v.
Proof.
  intros H. unfold form, dot, apply_to. apply sum_ext. intros i Hi. f_equal. unfold dot.
  apply sum_ext. intros j Hj. rewrite (H i j) by assumption. reflexivity.
Qed.
Lemma trace_ext n A B : (forall i j, (i < n)%nat -> (j < n)%nat -> A i j = B i j) -> trace n A = trace n B.
Proof. intros H. apply sum_ext. intros i Hi. apply H; assumption. Qed.

Lemma form_squared_trace a n Err p v :
  form n (squared n p (gram a Err)) v <= dot n v v * trace n (squared n p (gram a Err)).
Proof.
  assert (Hs : symmetric n (gram a Err)) by (intros i j _ _; unfold gram; apply sum_ext; intros; ring).
  destruct p as [|p]; [apply form_gram_trace|]. simpl.
  pose proof (squared_symmetric n p _ Hs) as Hp.
  rewrite (form_ext n _ (gram n (squared n p (gram a Err))) v),
          (trace_ext n _ (gram n (squared n p (gram a Err))))
    by (intros; apply square_is_gram; assumption).
  apply form_gram_trace.
Qed.

Lemma pow_square (x : R) e : x ^ (2 * e) = (x * x) ^ e.
Proof. rewrite pow_mult. f_equal. simpl. ring. Qed.

(** (v^T A v)^(2^p) <= (v.v)^(2^p - 1) (v^T A^(2^p) v), step by step. *)
Lemma form_power a n Err p v : 0 < dot n v v ->
  (form n (gram a Err) v / dot n v v) ^ (2 ^ p) <= form n (squared n p (gram a Err)) v / dot n v v.
Proof.
  intros Hv. assert (Hs : symmetric n (gram a Err)) by (intros i j _ _; unfold gram; apply sum_ext; intros; ring).
  assert (H0 : 0 <= form n (gram a Err) v / dot n v v).
  { apply Rmult_le_pos; [|left; apply Rinv_0_lt_compat; assumption]. rewrite form_gram. apply sum_nonneg. intros. nra. }
  induction p as [|p IH]; [simpl; lra|].
  replace (2 ^ S p)%nat with (2 ^ p * 2)%nat by (simpl; lia). rewrite pow_mult.
  set (A := squared n p (gram a Err)) in *. set (x := (form n (gram a Err) v / dot n v v) ^ (2 ^ p)) in *.
  assert (Hx : 0 <= x) by (apply pow_le; assumption).
  simpl squared. fold A. rewrite form_square by (apply squared_symmetric; assumption).
  apply Rle_trans with ((form n A v / dot n v v) ^ 2).
  - apply pow_incr. split; assumption.
  - pose proof (dot_square n v (apply_to n A v)) as C. fold (form n A v) in C.
    replace ((form n A v / dot n v v) ^ 2) with (form n A v * form n A v / (dot n v v * dot n v v)) by (field; lra).
    apply (Rmult_le_reg_r (dot n v v * dot n v v)); [nra|].
    replace (form n A v * form n A v / (dot n v v * dot n v v) * (dot n v v * dot n v v))
      with (form n A v * form n A v) by (field; nra).
    replace (dot n (apply_to n A v) (apply_to n A v) / dot n v v * (dot n v v * dot n v v))
      with (dot n v v * dot n (apply_to n A v) (apply_to n A v)) by (field; lra). assumption.
Qed.

(** Differences of entries of a row of Err: the power 2 2^p of their size is at most 2^(2^p) times the
    trace of the 2^p-th power of Err^T Err. *)
Theorem singular_value a n Err p q s t : (q < a)%nat -> (s < n)%nat -> (t < n)%nat ->
  (Err q s - Err q t) ^ (2 * 2 ^ p) <= 2 ^ (2 ^ p) * trace n (squared n p (gram a Err)).
Proof.
  intros Hq Hs Ht.
  destruct (Nat.eq_dec s t) as [->|Hne].
  { replace (Err q t - Err q t) with 0 by ring.
    rewrite pow_i by (pose proof (Nat.pow_nonzero 2 p); lia).
    apply Rmult_le_pos; [apply pow_le; lra|].
    pose proof (form_squared_trace a n Err p (fun i => if (i =? t)%nat then 1 else 0)) as H.
    assert (Hd : dot n (fun i => if (i =? t)%nat then 1 else 0) (fun i => if (i =? t)%nat then 1 else 0) = 1).
    { unfold dot. rewrite (sum_change n t _ (fun _ => 0)), sum_zero, Nat.eqb_refl; [ring|assumption|].
      intros i _ Hi. apply Nat.eqb_neq in Hi. rewrite Hi. ring. }
    rewrite Hd, Rmult_1_l in H. eapply Rle_trans; [|exact H].
    pose proof (form_power a n Err p (fun i => if (i =? t)%nat then 1 else 0)) as P. rewrite Hd in P.
    specialize (P ltac:(lra)). unfold Rdiv in P. rewrite Rinv_1, !Rmult_1_r in P.
    eapply Rle_trans; [|exact P]. apply pow_le. rewrite form_gram. apply sum_nonneg. intros. nra. }
  set (v := fun i => if (i =? s)%nat then 1 else if (i =? t)%nat then -1 else 0).
  assert (Hv : forall F, sum n (fun i => F i * v i) = F s - F t).
  { intros F. rewrite (sum_change n s _ (fun i => if (i =? t)%nat then - F t else 0)).
    - rewrite (sum_change n t (fun i => if (i =? t)%nat then - F t else 0) (fun _ => 0)), sum_zero.
      + unfold v. rewrite !Nat.eqb_refl. apply Nat.eqb_neq in Hne. rewrite Hne. ring.
      + assumption.
      + intros i _ Hi. apply Nat.eqb_neq in Hi. rewrite Hi. reflexivity.
    - assumption.
    - intros i _ Hi. unfold v. apply Nat.eqb_neq in Hi. rewrite Hi.
      destruct (Nat.eqb_spec i t) as [->|]; ring. }
  assert (Hd : dot n v v = 2).
  { unfold dot. rewrite Hv. unfold v. rewrite !Nat.eqb_refl.
    destruct (Nat.eqb_spec t s); [lia|]. ring. }
  assert (Hf : (Err q s - Err q t) * (Err q s - Err q t) <= form n (gram a Err) v).
  { rewrite form_gram. replace ((Err q s - Err q t) * (Err q s - Err q t))
      with (dot n (Err q) v * dot n (Err q) v) by (unfold dot; rewrite Hv; reflexivity).
    apply Rle_trans with (sum a (fun q' => if (q' =? q)%nat then dot n (Err q) v * dot n (Err q) v else 0)).
    - rewrite (sum_change a q _ (fun _ => 0)), sum_zero, Nat.eqb_refl; [lra|assumption|].
      intros i _ Hi. apply Nat.eqb_neq in Hi. rewrite Hi. reflexivity.
    - apply sum_le. intros q' _. destruct (Nat.eqb_spec q' q) as [->|]; [lra|nra]. }
  pose proof (form_power a n Err p v ltac:(rewrite Hd; lra)) as P. rewrite Hd in P.
  pose proof (form_squared_trace a n Err p v) as Q. rewrite Hd in Q.
  rewrite pow_square.
  apply Rle_trans with (form n (gram a Err) v ^ (2 ^ p)).
  - apply pow_incr. split; [apply (Rle_0_sqr (Err q s - Err q t))|assumption].
  - replace (form n (gram a Err) v) with (2 * (form n (gram a Err) v / 2)) by field.
    rewrite Rpow_mult_distr. apply Rmult_le_compat_l; [apply pow_le; lra|]. lra.
Qed.

(** For Err = L N that trace is the one of the small matrix (L^T L) (N N^T). *)
Lemma mul_assoc k l A B C i j : mul l (mul k A B) C i j = mul k A (mul l B C) i j.
Proof. unfold mul. apply sum_linear. Qed.

Lemma mul_ext k A A' B B' i j :
  (forall l, (l < k)%nat -> A i l = A' i l) -> (forall l, (l < k)%nat -> B l j = B' l j) ->
  mul k A B i j = mul k A' B' i j.
Proof. intros HA HB. apply sum_ext. intros l Hl. rewrite HA, HB by assumption. reflexivity. Qed.

Lemma trace_cyclic n h X Y : trace n (mul h X Y) = trace h (mul n Y X).
Proof.
  unfold trace, mul. rewrite sum_swap. apply sum_ext. intros l _. apply sum_ext. intros. ring.
Qed.

(** (X Y)^(2^p) = X W and (Y X)^(2^p) = W X. *)
Fixpoint between (n h : nat) (X Y : matrix) (p : nat) : matrix :=
  match p with O => Y | S p => mul h (mul n (between n h X Y p) X) (between n h X Y p) end.

Lemma squared_left n h X Y p i j : squared n p (mul h X Y) i j = mul h X (between n h X Y p) i j.
Proof.
  revert i j. induction p as [|p IH]; intros i j; [reflexivity|]. simpl. set (W := between n h X Y p) in *.
  rewrite (mul_ext n _ (mul h X W) _ (mul h X W)) by auto.
  rewrite mul_assoc.
  apply mul_ext; [reflexivity|]. intros l _. symmetry. apply mul_assoc.
Qed.

Lemma squared_right n h X Y p i j : squared h p (mul n Y X) i j = mul n (between n h X Y p) X i j.
Proof.
  revert i j. induction p as [|p IH]; intros i j; [reflexivity|]. simpl. set (W := between n h X Y p) in *.
  rewrite (mul_ext h _ (mul n W X) _ (mul n W X)) by auto. symmetry. apply mul_assoc.
Qed.

Theorem trace_squared n h X Y p : trace n (squared n p (mul h X Y)) = trace h (squared h p (mul n Y X)).
Proof.
  rewrite (trace_ext n _ (mul h X (between n h X Y p))) by (intros; apply squared_left).
  rewrite (trace_ext h (squared h p (mul n Y X)) (mul n (between n h X Y p) X)) by (intros; apply squared_right).
  apply trace_cyclic.
Qed.

(** Err = L N, with L (a,h) and N (h,n): Err^T Err = N^T ((L^T L) N). *)
Theorem singular_value_factors a n h L N p q s t : (q < a)%nat -> (s < n)%nat -> (t < n)%nat ->
  let outer : matrix := fun i j => sum n (fun b => N i b * N j b) in
  (mul h L N q s - mul h L N q t) ^ (2 * 2 ^ p)
  <= 2 ^ (2 ^ p) * trace h (squared h p (mul h (gram a L) outer)).
Proof.
  intros Hq Hs Ht outer.
  eapply Rle_trans; [apply (singular_value a n (mul h L N) p q s t Hq Hs Ht)|].
  apply Rmult_le_compat_l; [apply pow_le; lra|]. right.
  set (X := fun i l => N l i : R). set (Y := mul h (gram a L) N).
  assert (E : forall i j, gram a (mul h L N) i j = mul h X Y i j).
  { intros i j. unfold gram, mul, X, Y. unfold mul, gram.
    rewrite (sum_ext a _ (fun q => sum h (fun l => N l i * (L q l * sum h (fun l' => L q l' * N l' j))))).
    - rewrite sum_swap. apply sum_ext. intros l _. rewrite sum_scal_l. f_equal.
      rewrite (sum_ext a _ (fun q => sum h (fun l' => L q l * L q l' * N l' j))).
      + rewrite sum_swap. apply sum_ext. intros l' _. rewrite sum_scal_r. reflexivity.
      + intros q' _. rewrite <- sum_scal_l. apply sum_ext. intros; ring.
    - intros q' _. rewrite <- sum_scal_r. apply sum_ext. intros; ring. }
  assert (Sq : forall A B p, (forall i j, (i < n)%nat -> (j < n)%nat -> A i j = B i j) ->
            forall i j, (i < n)%nat -> (j < n)%nat -> squared n p A i j = squared n p B i j).
  { clear. intros A B p H. induction p as [|p IH]; intros i j Hi Hj; simpl; [apply H; assumption|].
    apply mul_ext; intros l Hl; apply IH; assumption. }
  rewrite (trace_ext n _ (squared n p (mul h X Y))) by (intros; apply Sq; auto).
  rewrite trace_squared.
  assert (Sh : forall A B p, (forall i j, A i j = B i j) -> forall i j, squared h p A i j = squared h p B i j).
  { clear. intros A B p H. induction p as [|p IH]; intros i j; simpl; [apply H|].
    apply mul_ext; intros l Hl; apply IH. }
  apply trace_ext. intros i j _ _. apply Sh. intros i' j'. unfold Y. rewrite mul_assoc. reflexivity.
Qed.

(** ** The trace in integers: each true entry within rho of C's, in one unit *)
Definition within (n : nat) (A : matrix) (C : nat -> nat -> R) (rho : R) : Prop :=
  forall i j, (i < n)%nat -> (j < n)%nat -> Rabs (A i j - C i j) <= rho.

Theorem cut_radius n A C rho unit : 0 < unit -> within n A C rho ->
  forall C', (forall i j, (i < n)%nat -> (j < n)%nat -> C' i j <= C i j / unit < C' i j + 1) ->
  within n (fun i j => A i j / unit) C' (rho / unit + 1).
Proof.
  intros Hu H C' HC i j Hi Hj. specialize (H i j Hi Hj). specialize (HC i j Hi Hj).
  assert (E : A i j / unit - C' i j = (A i j - C i j) / unit + (C i j / unit - C' i j)) by (field; lra).
  rewrite E. eapply Rle_trans; [apply Rabs_triang|].
  assert (Rabs ((A i j - C i j) / unit) <= rho / unit).
  { unfold Rdiv. rewrite Rabs_mult, (Rabs_right (/ unit)).
    - apply Rmult_le_compat_r; [left; apply Rinv_0_lt_compat; lra|assumption].
    - apply Rle_ge. left. apply Rinv_0_lt_compat. lra. }
  assert (Rabs (C i j / unit - C' i j) <= 1) by (rewrite Rabs_right; lra). lra.
Qed.

Lemma Rabs_sum_le n F b : (forall l, (l < n)%nat -> Rabs (F l) <= b) -> Rabs (sum n F) <= INR n * b.
Proof.
  induction n as [|n IH]; intros H; [simpl; rewrite Rabs_R0; lra|]. cbn [sum].
  eapply Rle_trans; [apply Rabs_triang|]. rewrite S_INR.
  specialize (IH (fun l Hl => H l (Nat.lt_lt_succ_r _ _ Hl))). specialize (H n (Nat.lt_succ_diag_r n)). lra.
Qed.

Theorem square_radius n A C rho c : 0 <= rho -> within n A C rho ->
  (forall i j, (i < n)%nat -> (j < n)%nat -> Rabs (C i j) <= c) ->
  within n (mul n A A) (mul n C C) (INR n * (2 * (c * rho) + rho * rho)).
Proof.
  intros Hr H Hc i j Hi Hj. unfold mul. rewrite <- sum_minus. apply Rabs_sum_le. intros l Hl.
  assert (H1 := H i l Hi Hl). assert (H2 := H l j Hl Hj).
  assert (H3 := Hc i l Hi Hl). assert (H4 := Hc l j Hl Hj).
  replace (A i l * A l j - C i l * C l j)
    with ((A i l - C i l) * C l j + C i l * (A l j - C l j) + (A i l - C i l) * (A l j - C l j)) by ring.
  eapply Rle_trans; [apply Rabs_triang|].
  assert (Rabs ((A i l - C i l) * C l j + C i l * (A l j - C l j)) <= rho * c + c * rho).
  { eapply Rle_trans; [apply Rabs_triang|]. rewrite !Rabs_mult.
    apply Rplus_le_compat; apply Rmult_le_compat; auto using Rabs_pos. }
  assert (Rabs ((A i l - C i l) * (A l j - C l j)) <= rho * rho).
  { rewrite Rabs_mult. apply Rmult_le_compat; auto using Rabs_pos. }
  lra.
Qed.

Theorem trace_radius n A C rho : within n A C rho -> trace n A <= trace n C + INR n * rho.
Proof.
  intros H. assert (E : Rabs (trace n A - trace n C) <= INR n * rho).
  { unfold trace. rewrite <- sum_minus. apply Rabs_sum_le. intros i Hi. apply H; assumption. }
  pose proof (Rle_abs (trace n A - trace n C)). lra.
Qed.
