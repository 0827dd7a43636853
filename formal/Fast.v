(** The same numbers in fewer steps: products of matrices by rows and columns as lists, and gaps of
    tokens column by column. Each is proved equal to what it stands in for, so that nothing else has
    to be proved again. *)
From Coq Require Import ZArith Lia List Bool.
From Ballproof Require Import Counts Theorems Exp Exact ExactSound.
Import ListNotations.

Definition listed (n : nat) (f : nat -> Z) : list Z := map f (seq 0 n).
Fixpoint dot_of (acc : Z) (a b : list Z) : Z :=
  match a, b with x :: a, y :: b => dot_of (acc + x * y)%Z a b | _, _ => acc end.
(** A (n, d) times B (d, m). *)
Definition matrix_product (n d m : nat) (A B : nat -> nat -> Z) : list (list Z) :=
  let columns := map (fun j => listed d (fun c => B c j)) (seq 0 m) in
  map (fun i => let row := listed d (A i) in map (dot_of 0 row) columns) (seq 0 n).
(** The same with a number added to each entry, and the margin's denominator as a factor. *)
Definition affine (F : nat -> nat -> Z -> Z) (t : list (list Z)) : list (list Z) :=
  map (fun irow => map (fun jx => F (fst irow) (fst jx) (snd jx)) (combine (seq 0 (length (snd irow))) (snd irow)))
      (combine (seq 0 (length t)) t).

Lemma dot_of_listed d f g acc : forall s,
  dot_of acc (map f (seq s d)) (map g (seq s d)) = (acc + zsum d (fun c => f (s + c)%nat * g (s + c)%nat))%Z.
Proof.
  revert acc. induction d as [|d IH]; intros acc s; [simpl; lia|].
  cbn [seq map dot_of]. rewrite IH.
  assert (Shift : forall m F, zsum (S m) F = (F O + zsum m (fun i => F (S i)))%Z).
  { clear. induction m; intros F; [simpl; lia|]. change (zsum (S (S m)) F) with (zsum (S m) F + F (S m))%Z.
    rewrite IHm. simpl. lia. }
  rewrite Shift, Nat.add_0_r.
  replace (zsum d (fun c => f (S s + c)%nat * g (S s + c)%nat)%Z)
    with (zsum d (fun i => f (s + S i)%nat * g (s + S i)%nat)%Z); [lia|].
  clear. induction d; [reflexivity|]. cbn [zsum]. rewrite IHd. do 2 f_equal; f_equal; lia.
Qed.

Lemma matrix_product_eq n d m A B :
  matrix_product n d m A B = tab2 n m (fun i j => dot d (A i) (fun c => B c j)).
Proof.
  unfold matrix_product, tab2, listed. apply map_ext. intros i. rewrite map_map. apply map_ext. intros j.
  rewrite dot_of_listed. unfold dot. rewrite Z.add_0_l. reflexivity.
Qed.

Lemma combine_map {A B} (g : nat -> A -> B) (f : nat -> A) n : forall s,
  map (fun ix => g (fst ix) (snd ix)) (combine (seq s n) (map f (seq s n))) = map (fun i => g i (f i)) (seq s n).
Proof. induction n; intros s; cbn [seq map combine]; [reflexivity|]. rewrite IHn. reflexivity. Qed.

Lemma affine_eq n m F G : affine F (tab2 n m G) = tab2 n m (fun i j => F i j (G i j)).
Proof.
  unfold affine, tab2. rewrite map_length, seq_length.
  rewrite (combine_map (fun i row => map (fun jx => F i (fst jx) (snd jx)) (combine (seq 0 (length row)) row))).
  apply map_ext. intros i. rewrite map_length, seq_length. apply (combine_map (fun j x => F i j x)).
Qed.

Definition fast_tables (W : zmodel) (num : Z) (den : positive) : tables :=
  let v := zv W in let n := zn W in let k := S n in let d := zd W in let h := zh W in let s := zs W in
  let A := tab2 v d (fun q c => get2 (zE W) q c + get2 (zPos W) n c)%Z in
  let QR := affine (fun q a x => x + up_by s (get (zbQ W) a))%Z (matrix_product v d h (get2 A) (get2 (zQ W))) in
  let EK := matrix_product v d h (get2 (zE W)) (get2 (zK W)) in
  let PK := matrix_product k d h (get2 (zPos W)) (get2 (zK W)) in
  let EV := matrix_product v d h (get2 (zE W)) (get2 (zV W)) in
  let PV := matrix_product k d h (get2 (zPos W)) (get2 (zV W)) in
  let EVO := matrix_product v h d (get2 EV) (get2 (zO W)) in
  let PVO := matrix_product k h d (get2 PV) (get2 (zO W)) in
  let bias := listed d (fun c => dot h (get (zbV W)) (fun a => get2 (zO W) a c)) in
  let DR := tab2 v d (fun q c => up_by s (get2 A q c + get (zbO W) c) + get bias c)%Z in
  {| tabD := affine (fun q j x => Zpos den * up_by s (x + up_by (2 * s) (get (zbU W) j)))%Z
                    (matrix_product v d v (get2 DR) (get2 (zU W)));
     tabV := affine (fun t j x => Zpos den * x)%Z (matrix_product v d v (get2 EVO) (get2 (zU W)));
     tabP := affine (fun i j x => Zpos den * x)%Z (matrix_product k d v (get2 PVO) (get2 (zU W)));
     tabS := matrix_product v h v (get2 QR) (fun a t => get2 EK t a);
     tabR := matrix_product v h k (get2 QR) (fun a i => get2 PK i a);
     epsZ := up_by (4 * s) num |}.

Lemma tab2_ext n m f g : (forall i j, i < n -> j < m -> f i j = g i j) -> tab2 n m f = tab2 n m g.
Proof.
  intros H. unfold tab2. apply map_ext_in. intros i Hi. apply map_ext_in. intros j Hj.
  apply in_seq in Hi. apply in_seq in Hj. apply H; lia.
Qed.

Theorem fast_tables_eq W num den : fast_tables W num den = make_tables W num den.
Proof.
  unfold fast_tables, make_tables. cbv zeta. rewrite !matrix_product_eq, !affine_eq.
  f_equal; [|reflexivity..].
  apply tab2_ext. intros q j Hq Hj. do 3 f_equal. unfold dot at 1 3.
  apply zsum_ext. intros c Hc. rewrite !get2_tab2 by assumption. f_equal. f_equal.
  unfold listed, get at 1. rewrite nth_map_seq by assumption. reflexivity.
Qed.

(** ** Gaps *)
Fixpoint differences (many : nat) (a b : list Z) : list Z :=
  match many, a, b with
  | S many, x :: a, y :: b => (x - y)%Z :: differences many a b
  | _, _, _ => []
  end.
(** The columns of a table. *)
Definition columns_of (rows columns : nat) (f : list (list Z)) : list (list Z) :=
  map (fun j => map (fun t => get (nth t f []) j) (seq 0 rows)) (seq 0 columns).
Definition all_gaps (many m : nat) (columns : list (list Z)) : list (list Z) :=
  let own := nth m columns [] in map (fun column => differences many column own) columns.

Lemma differences_seq many rows f g : many <= rows -> forall s,
  differences many (map f (seq s rows)) (map g (seq s rows)) = map (fun t => f t - g t)%Z (seq s many).
Proof.
  revert rows. induction many as [|many IH]; intros rows H s; [reflexivity|].
  destruct rows as [|rows]; [lia|]. cbn [seq map differences]. f_equal. apply IH. lia.
Qed.

Lemma all_gaps_eq many rows columns m f : many <= rows -> m < columns ->
  all_gaps many m (columns_of rows columns f)
  = map (fun j => map (fun t => get2 f t j - get2 f t m)%Z (seq 0 many)) (seq 0 columns).
Proof.
  intros H Hm. unfold all_gaps, columns_of. rewrite nth_map_seq by assumption. rewrite map_map.
  apply map_ext. intros j. apply differences_seq, H.
Qed.

(** ** The count *)

(** Both ends over all classes, of whatever is counted in a class. *)
Definition fast_with
  (class_ends : tables -> nat -> nat -> positive -> list (list Z) -> list (list Z) -> list ball -> list ball -> nat -> nat -> nat * nat)
  (W : zmodel) (prec : positive) (num : Z) (den : positive) : nat * nat :=
  let T := fast_tables W num den in
  let v := zv W in
  let n := zn W in
  let e := (- (4 * zs W))%Z in
  let sq := Z.of_nat (zh W) in
  if (0 <=? zs W)%Z && (0 <? sq)%Z then
    let bs := map (fun q => (balls prec e sq (nth q (tabS T) []), balls prec e sq (nth q (tabR T) [])))
                  (seq 0 v) in
    let tokens := columns_of v v (tabV T) in
    let places := columns_of (S n) v (tabP T) in
    nsum2 v (fun m =>
      let gvs := all_gaps (S m) m tokens in
      let gps := all_gaps (S n) m places in
      nsum2 (S m) (fun q =>
        let b := nth q bs ([], []) in class_ends T v n prec gvs gps (fst b) (snd b) q m))
  else (O, O).

Definition fast_counts := fast_with class_counts.

Lemma nsum2_ext n f g : (forall i, i < n -> f i = g i) -> nsum2 n f = nsum2 n g.
Proof.
  induction n; intros H; cbn [nsum2]; [reflexivity|].
  rewrite IHn, H by (intros; try apply H; lia). reflexivity.
Qed.

Theorem fast_counts_eq W prec num den : fast_counts W prec num den = check_both W prec num den.
Proof.
  unfold fast_counts, fast_with, check_both. rewrite fast_tables_eq. cbv zeta. destruct (_ && _)%bool; [|reflexivity].
  apply nsum2_ext. intros m Hm. rewrite !all_gaps_eq by lia. reflexivity.
Qed.

Theorem fast_with_ends class_ends W prec num den : fast_with class_ends W prec num den
  = (check_with (fun T v n prec gvs gps tb pb q m => fst (class_ends T v n prec gvs gps tb pb q m)) W prec num den,
     check_with (fun T v n prec gvs gps tb pb q m => snd (class_ends T v n prec gvs gps tb pb q m)) W prec num den).
Proof.
  unfold fast_with, check_with. rewrite fast_tables_eq. cbv zeta. destruct (_ && _)%bool; [|reflexivity].
  rewrite nsum2_ends. f_equal; apply nsum_ext; intros m Hm; rewrite !all_gaps_eq by lia; rewrite nsum2_ends; reflexivity.
Qed.
