(** The strategy [exact] as a program: exact dyadic weights in, numbers of certainly correct and of
    certainly wrong inputs out. T1, T2, T3 and T7 (b, c) in integers; ExactSound.v proves it. *)
From Coq Require Import ZArith Reals Lra Lia List Arith Bool Permutation.
From Flocq Require Import Core.Raux Core.Zaux.
From Ballproof Require Import Sums Transformer Counts Theorems Exp Walk Lose.
Import ListNotations.

(** ** Weights: integers times 2^-zs *)
Record zmodel := { zv : nat; zn : nat; zd : nat; zh : nat; zs : Z;
  zE : list (list Z); zPos : list (list Z); zQ : list (list Z); zK : list (list Z);
  zV : list (list Z); zO : list (list Z); zU : list (list Z);
  zbQ : list Z; zbK : list Z; zbV : list Z; zbO : list Z; zbU : list Z }.

Definition get (l : list Z) (i : nat) : Z := nth i l 0%Z.
Definition get2 (l : list (list Z)) (i j : nat) : Z := get (nth i l []) j.
Definition val (s z : Z) : R := (IZR z * pow2 (- s))%R.

Definition real_model (W : zmodel) : model :=
  let m1 l i := val (zs W) (get l i) in
  let m2 l i j := val (zs W) (get2 l i j) in
  {| d_vocab := zv W; n_free := zn W; d_model := zd W; d_head := zh W;
     W_E := m2 (zE W); W_pos := m2 (zPos W); W_Q := m2 (zQ W); W_K := m2 (zK W);
     W_V := m2 (zV W); W_O := m2 (zO W); W_U := m2 (zU W);
     b_Q := m1 (zbQ W); b_K := m1 (zbK W); b_V := m1 (zbV W); b_O := m1 (zbO W); b_U := m1 (zbU W) |}.

(** ** Tables *)
Definition tab2 (n m : nat) (f : nat -> nat -> Z) : list (list Z) :=
  map (fun i => map (f i) (seq 0 m)) (seq 0 n).
Definition dot (n : nat) (a b : nat -> Z) : Z := zsum n (fun c => (a c * b c)%Z).

Record tables := { tabD : list (list Z); tabV : list (list Z); tabP : list (list Z);
                   tabS : list (list Z); tabR : list (list Z); epsZ : Z }.

Definition up_by (s z : Z) : Z := Z.shiftl z s.

Definition make_tables (W : zmodel) (num : Z) (den : positive) : tables :=
  let v := zv W in let n := zn W in let k := S n in let d := zd W in let h := zh W in let s := zs W in
  let A := tab2 v d (fun q c => get2 (zE W) q c + get2 (zPos W) n c)%Z in
  let QR := tab2 v h (fun q a => dot d (get2 A q) (fun c => get2 (zQ W) c a) + up_by s (get (zbQ W) a))%Z in
  let EK := tab2 v h (fun t a => dot d (get2 (zE W) t) (fun c => get2 (zK W) c a)) in
  let PK := tab2 k h (fun t a => dot d (get2 (zPos W) t) (fun c => get2 (zK W) c a)) in
  let EV := tab2 v h (fun t a => dot d (get2 (zE W) t) (fun c => get2 (zV W) c a)) in
  let PV := tab2 k h (fun t a => dot d (get2 (zPos W) t) (fun c => get2 (zV W) c a)) in
  let EVO := tab2 v d (fun t c => dot h (get2 EV t) (fun a => get2 (zO W) a c)) in
  let PVO := tab2 k d (fun t c => dot h (get2 PV t) (fun a => get2 (zO W) a c)) in
  let DR := tab2 v d (fun q c => up_by s (get2 A q c + get (zbO W) c)
                                 + dot h (get (zbV W)) (fun a => get2 (zO W) a c))%Z in
  {| tabD := tab2 v v (fun q j => Zpos den * up_by s (dot d (get2 DR q) (fun c => get2 (zU W) c j)
                                                      + up_by (2 * s) (get (zbU W) j)))%Z;
     tabV := tab2 v v (fun t j => Zpos den * dot d (get2 EVO t) (fun c => get2 (zU W) c j))%Z;
     tabP := tab2 k v (fun i j => Zpos den * dot d (get2 PVO i) (fun c => get2 (zU W) c j))%Z;
     tabS := tab2 v v (fun q t => dot h (get2 QR q) (get2 EK t));
     tabR := tab2 v k (fun q i => dot h (get2 QR q) (get2 PK i));
     epsZ := up_by (4 * s) num |}.

(** ** Attention weights *)
Definition ball : Type := option fball.
Definition exp_ball (prec : positive) (num e sq : Z) : ball := exp_neg (Zpos prec) num e sq.
Definition span : Type := Z * Z.
Definition at_unit (u : Z) (b : ball) : span :=
  match b with
  | Some (lo, hi, e) => (floor_at lo e u, ceil_at hi e u)
  | None => (0, -1)%Z
  end.
Definition fine (s : span) : bool := (fst s <=? snd s)%Z.
(** The unit is a choice that nothing rests on. *)
Definition top_of (b : ball) : Z :=
  match b with Some (_, hi, e) => (Z.log2 hi + 1 + e)%Z | None => 0%Z end.
Definition unit_of (prec : positive) (bs : list ball) : Z :=
  match bs with
  | [] => 0%Z
  | b :: bs => (fold_left (fun a b => Z.max a (top_of b)) bs (top_of b) - Zpos prec)%Z
  end.
Definition maxl (l : list Z) : Z :=
  match l with [] => 0%Z | x :: l => fold_left Z.max l x end.
Definition balls (prec : positive) (e sq : Z) (row : list Z) : list ball :=
  let top := maxl row in map (fun x => exp_ball prec (x - top) e sq) row.

(** ** One class *)
Definition span_mul (t p : span) : span := ((fst t * fst p)%Z, (snd t * snd p)%Z).
Definition entry (F : Z) (w : span) : Z := if (0 <? F)%Z then (F * snd w)%Z else (F * fst w)%Z.

Definition entry_low (F : Z) (w : span) : Z := if (0 <? F)%Z then (F * fst w)%Z else (F * snd w)%Z.
Definition minl (l : list Z) : Z := (- maxl (map Z.opp l))%Z.

Section Class.
Variables (T : tables) (v n : nat) (prec : positive).

Definition gap (f : list (list Z)) (i j m : nat) : Z := (get2 f i j - get2 f i m)%Z.
Definition token_gaps (m j : nat) : list Z := map (fun t => gap (tabV T) t j m) (seq 0 (S m)).
Definition place_gaps (m j : nat) : list Z := map (fun i => gap (tabP T) i j m) (seq 0 (S n)).

Definition row_of (base : Z) (gv : list Z) (ws : list span) : list Z :=
  map (fun gw => entry (base + fst gw) (snd gw)) (combine gv ws).

Definition rival_of (q m : nat) (wss : list (list span)) (gv gp : list Z) (j : nat) : rival :=
  let base := (gap (tabD T) q j m + epsZ T)%Z in
  (entry (base + get gp n + get gv q) (nth q (nth n wss []) (0, 0)%Z),
   map (fun i => let row := row_of (base + get gp i)%Z gv (nth i wss []) in (maxl row, row)) (seq 0 n)).

(** T3 for one rival. *)
Definition exchange (m : nat) (r : rival) : Z :=
  maxl (map (fun br : Z * list Z => entry_at m (snd br) - fst br)%Z (snd r)).
Definition survives (q m : nat) (r : rival) : bool :=
  let largest := (fst r + bests (snd r))%Z in
  (0 <=? largest)%Z && (if (q <? m)%nat then (0 <=? largest + exchange m r)%Z else true).

Definition class_right (gvs gps : list (list Z)) (tb pb : list ball) (q m : nat) : nat :=
  let tb := firstn (S m) tb in
  let ts := map (at_unit (unit_of prec tb)) tb in
  let ps := map (at_unit (unit_of prec pb)) pb in
  if forallb fine ts && forallb fine ps && (length ts =? S m)%nat && (length ps =? S n)%nat then
    let wss := map (fun p => map (fun t => span_mul t p) ts) ps in
    let rivals := map (fun j => rival_of q m wss (nth j gvs []) (nth j gps []) j)
                      (filter (fun j => negb (j =? m)%nat) (seq 0 v)) in
    walk m n (q =? m)%nat (filter (survives q m) rivals)
  else O.
(** The upper end: lower tables of the rivals that T3 leaves. *)
Definition row_low (base : Z) (gv : list Z) (ws : list span) : list Z :=
  map (fun gw => entry_low (base + fst gw) (snd gw)) (combine gv ws).

Definition low_of (q m : nat) (wss : list (list span)) (gv gp : list Z) (j : nat) : hinted :=
  let base := (gap (tabD T) q j m + epsZ T)%Z in
  let rows := map (fun i => row_low (base + get gp i)%Z gv (nth i wss [])) (seq 0 n) in
  ((entry_low (base + get gp n + get gv q) (nth q (nth n wss []) (0, 0)%Z),
    map (fun row => (minl row, row)) rows), map maxl rows).

Definition class_wrong (gvs gps : list (list Z)) (tb pb : list ball) (q m : nat) : nat :=
  let tb := firstn (S m) tb in
  let ts := map (at_unit (unit_of prec tb)) tb in
  let ps := map (at_unit (unit_of prec pb)) pb in
  if forallb fine ts && forallb fine ps && (length ts =? S m)%nat && (length ps =? S n)%nat then
    let wss := map (fun p => map (fun t => span_mul t p) ts) ps in
    let rivals := filter (fun j => negb (j =? m)%nat) (seq 0 v) in
    let left := filter (fun j => survives q m (rival_of q m wss (nth j gvs []) (nth j gps []) j)) rivals in
    lose m n (q =? m)%nat (map (fun j => low_of q m wss (nth j gvs []) (nth j gps []) j) left)
  else O.

(** Both ends at once: the upper tables are made once. *)
Definition class_counts (gvs gps : list (list Z)) (tb pb : list ball) (q m : nat) : nat * nat :=
  let tb := firstn (S m) tb in
  let ts := map (at_unit (unit_of prec tb)) tb in
  let ps := map (at_unit (unit_of prec pb)) pb in
  if forallb fine ts && forallb fine ps && (length ts =? S m)%nat && (length ps =? S n)%nat then
    let wss := map (fun p => map (fun t => span_mul t p) ts) ps in
    let rivals := filter (fun j => negb (j =? m)%nat) (seq 0 v) in
    let tables := map (fun j => (j, rival_of q m wss (nth j gvs []) (nth j gps []) j)) rivals in
    let left := filter (fun jr => survives q m (snd jr)) tables in
    (walk m n (q =? m)%nat (map snd left),
     lose m n (q =? m)%nat (map (fun jr => low_of q m wss (nth (fst jr) gvs []) (nth (fst jr) gps []) (fst jr)) left))
  else (O, O).
End Class.

Definition check_with (class_count : tables -> nat -> nat -> positive -> list (list Z) -> list (list Z) -> list ball -> list ball -> nat -> nat -> nat)
  (W : zmodel) (prec : positive) (num : Z) (den : positive) : nat :=
  let T := make_tables W num den in
  let v := zv W in
  let e := (- (4 * zs W))%Z in
  let sq := Z.of_nat (zh W) in
  if (0 <=? zs W)%Z && (0 <? sq)%Z then
    let bs := map (fun q => (balls prec e sq (nth q (tabS T) []), balls prec e sq (nth q (tabR T) [])))
                  (seq 0 v) in
    nsum v (fun m =>
      let gvs := map (token_gaps T m) (seq 0 v) in
      let gps := map (place_gaps T (zn W) m) (seq 0 v) in
      nsum (S m) (fun q =>
        let b := nth q bs ([], []) in class_count T v (zn W) prec gvs gps (fst b) (snd b) q m))
  else O.

(** How many inputs are certainly correct, and certainly wrong. *)
Definition check := check_with class_right.
Definition check_wrong := check_with class_wrong.

(** Both, from one pass. *)
Fixpoint nsum2 (n : nat) (f : nat -> nat * nat) : nat * nat :=
  match n with
  | O => (O, O)
  | S n => let a := nsum2 n f in let b := f n in (fst a + fst b, snd a + snd b)%nat
  end.
Definition check_both (W : zmodel) (prec : positive) (num : Z) (den : positive) : nat * nat :=
  let T := make_tables W num den in
  let v := zv W in
  let e := (- (4 * zs W))%Z in
  let sq := Z.of_nat (zh W) in
  if (0 <=? zs W)%Z && (0 <? sq)%Z then
    let bs := map (fun q => (balls prec e sq (nth q (tabS T) []), balls prec e sq (nth q (tabR T) [])))
                  (seq 0 v) in
    nsum2 v (fun m =>
      let gvs := map (token_gaps T m) (seq 0 v) in
      let gps := map (place_gaps T (zn W) m) (seq 0 v) in
      nsum2 (S m) (fun q =>
        let b := nth q bs ([], []) in class_counts T v (zn W) prec gvs gps (fst b) (snd b) q m))
  else (O, O).
