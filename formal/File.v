(** The weights file: the strict subset of safetensors that is read, and what model it holds.
    docs/certificate.md#the-weights-file. The first part is the specification, the second the program
    that reads; FileSound.v proves that they fit. *)
From Coq Require Import ZArith Reals List Bool Arith Ascii.
From Coq Require String. Import String.StringSyntax.
From Ballproof Require Import Transformer Floats Json Sha256 Exact.
Import ListNotations.
Local Delimit Scope string_scope with string.

(** ** Names *)
Fixpoint bytes (s : String.string) : text :=
  match s with String.EmptyString => [] | String.String c s => Z.of_nat (nat_of_ascii c) :: bytes s end.
Local Notation "` s" := (ltac:(let x := eval vm_compute in (bytes s%string) in exact x)) (at level 0, s constr, only parsing).

Definition key_E := `"embed.W_E". Definition key_pos := `"pos_embed.W_pos".
Definition key_Q := `"blocks.0.attn.W_Q". Definition key_K := `"blocks.0.attn.W_K".
Definition key_V := `"blocks.0.attn.W_V". Definition key_O := `"blocks.0.attn.W_O".
Definition key_U := `"unembed.W_U".
Definition key_bQ := `"blocks.0.attn.b_Q". Definition key_bK := `"blocks.0.attn.b_K".
Definition key_bV := `"blocks.0.attn.b_V". Definition key_bO := `"blocks.0.attn.b_O".
Definition key_bU := `"unembed.b_U".
Definition tensor_keys : list text :=
  [key_E; key_pos; key_Q; key_K; key_V; key_O; key_U; key_bQ; key_bK; key_bV; key_bO; key_bU].
Definition key_metadata := `"__metadata__". Definition key_parts := `"parts".
Definition key_dtype := `"dtype". Definition key_shape := `"shape". Definition key_offsets := `"data_offsets".
Definition tag (f : format) : text :=
  match f with F16 => `"F16" | BF16 => `"BF16" | F32 => `"F32" | F64 => `"F64" end.
(** What metadata may state of the model's parts: those of Transformer.v, quotes escaped. *)
Definition parts_text : text := `"[{\""part\"":\""embed\""},{\""part\"":\""positions\""},{\""part\"":\""attention\"",\""heads\"":1,\""mask\"":\""causal\"",\""scale\"":\""1/sqrt(d_head)\""},{\""part\"":\""readout\"",\""position\"":\""last\""}]".

(** ** The specification *)
Definition same (a b : text) : bool := if list_eq_dec Z.eq_dec a b then true else false.
Fixpoint assoc {A} (key : text) (fields : list (text * A)) : option A :=
  match fields with
  | [] => None
  | (k, a) :: fields => if same key k then Some a else assoc key fields
  end.
Definition slice (first past : nat) (l : list Z) : list Z := firstn (past - first) (skipn first l).
Definition natural (digits : text) : nat := Z.to_nat (number_value digits).

(** The bytes are the length of the header in eight bytes, the header, spaces, and the body. *)
Definition file_reads (data : list Z) (fields : list (text * json)) (body : list Z) : Prop :=
  exists size padding,
    data = size ++ write (Object fields) ++ padding ++ body /\
    length size = 8 /\
    little_endian size = Z.of_nat (length (write (Object fields) ++ padding)) /\
    Forall (eq 32%Z) padding /\ Forall (fun b => (0 <= b < 256)%Z) data /\
    well_formed (Object fields) = true /\ NoDup (map fst fields).

(** The tensor of this name has this format, shape and bytes. *)
Definition tensor (fields : list (text * json)) (body : list Z) (key : text)
    (f : format) (shape : list nat) (data : list Z) : Prop :=
  exists entry sizes first past,
    assoc key fields = Some (Object entry) /\ NoDup (map fst entry) /\ length entry = 3 /\
    assoc key_dtype entry = Some (String (tag f)) /\
    assoc key_shape entry = Some (Array (map Number sizes)) /\ map natural sizes = shape /\
    assoc key_offsets entry = Some (Array [Number first; Number past]) /\
    data = slice (natural first) (natural past) body /\
    length data = bytes_of f * fold_right Nat.mul 1 shape.

(** The number at an index of a tensor's bytes. *)
Definition number_at (f : format) (data : list Z) (i : nat) : Z :=
  little_endian (slice (i * bytes_of f) (i * bytes_of f + bytes_of f) data).
Definition holds (fields : list (text * json)) (body : list Z) (key : text) (shape : list nat)
    (rows columns : nat) (F : nat -> nat -> R) : Prop :=
  exists f data, tensor fields body key f shape data /\
    forall i j, i < rows -> j < columns ->
      float_finite f (number_at f data (i * columns + j)) = true /\
      F i j = float_value f (number_at f data (i * columns + j)).
(** A bias may be missing: zeros. *)
Definition holds_bias fields body key shape (n : nat) (F : nat -> R) : Prop :=
  holds fields body key shape 1 n (fun _ => F) \/
  (assoc key fields = None /\ forall i, i < n -> F i = 0%R).

(** The file holds the weights of this model, and no other tensors. *)
Definition file_holds (fields : list (text * json)) (body : list Z) (M : model) : Prop :=
  let v := d_vocab M in let k := S (n_free M) in let d := d_model M in let h := d_head M in
  (forall key, In key (map fst fields) -> In key (key_metadata :: tensor_keys)) /\
  holds fields body key_E [v; d] v d (W_E M) /\
  holds fields body key_pos [k; d] k d (W_pos M) /\
  holds fields body key_Q [1; d; h] d h (W_Q M) /\
  holds fields body key_K [1; d; h] d h (W_K M) /\
  holds fields body key_V [1; d; h] d h (W_V M) /\
  holds fields body key_O [1; h; d] h d (W_O M) /\
  holds fields body key_U [d; v] d v (W_U M) /\
  holds_bias fields body key_bQ [1; h] h (b_Q M) /\
  holds_bias fields body key_bK [1; h] h (b_K M) /\
  holds_bias fields body key_bV [1; h] h (b_V M) /\
  holds_bias fields body key_bO [d] d (b_O M) /\
  holds_bias fields body key_bU [v] v (b_U M).

(** The digest: SHA-256 of the tensors, by ascending name, each as name NUL dtype NUL shape NUL length
    data. *)
Fixpoint before (a b : text) : bool :=
  match a, b with
  | [], _ => true
  | _, [] => false
  | x :: a, y :: b => (x <? y)%Z || ((x =? y)%Z && before a b)
  end.
Section Sort.
Context {A : Type} (first : A -> A -> bool).
Fixpoint place (a : A) (l : list A) : list A :=
  match l with [] => [a] | b :: l => if first a b then a :: b :: l else b :: place a l end.
Definition sort (l : list A) : list A := fold_right place [] l.
End Sort.
Fixpoint bytes_little (n : nat) (x : Z) : list Z :=
  match n with O => [] | S n => (x mod 256 :: bytes_little n (x / 256))%Z end.
Definition inside (j : option json) : text := match j with Some (String s) => s | _ => [] end.
Definition listed (j : option json) : list text :=
  match j with
  | Some (Array l) => map (fun j => match j with Number ds => ds | _ => [] end) l
  | _ => []
  end.
Definition data_of (body : list Z) (entry : list (text * json)) : list Z :=
  match listed (assoc key_offsets entry) with
  | [first; past] => slice (natural first) (natural past) body
  | _ => []
  end.
Definition hashed (body : list Z) (field : text * json) : list Z :=
  match field with
  | (key, Object entry) =>
      let data := data_of body entry in
      key ++ [0%Z] ++ inside (assoc key_dtype entry) ++ [0%Z]
      ++ separated (listed (assoc key_shape entry)) ++ [0%Z]
      ++ bytes_little 8 (Z.of_nat (length data)) ++ data
  | _ => []
  end.
Definition tensors_of (fields : list (text * json)) : list (text * json) :=
  filter (fun field => negb (same (fst field) key_metadata)) fields.
Definition digest (fields : list (text * json)) (body : list Z) : list Z :=
  sha256 (flat_map (hashed body) (sort (fun a b => before (fst a) (fst b)) (tensors_of fields))).

(** ** The program *)
Inductive refusal := Syntax | Limit | Unsupported | Digest | Statement | Count.
Inductive result (A : Type) := Good (a : A) | Bad (r : refusal).
Arguments Good {A} a. Arguments Bad {A} r.
Definition bind {A B} (x : result A) (f : A -> result B) : result B :=
  match x with Good a => f a | Bad r => Bad r end.
Notation "'do' x <- a ; b" := (bind a (fun x => b)) (at level 200, x pattern, a at level 100, b at level 200).
Notation "'demand' c 'or' r ; b" := (if c then b else Bad r) (at level 200, c at level 100, r at level 0, b at level 200).
Definition some {A} (x : option A) (r : refusal) : result A :=
  match x with Some a => Good a | None => Bad r end.

Fixpoint distinct (l : list text) : bool :=
  match l with [] => true | a :: l => negb (existsb (same a) l) && distinct l end.
Definition is_byte (b : Z) : bool := (0 <=? b)%Z && (b <? 256)%Z.
Definition nesting := 16.
Definition longest_header := (2 ^ 24)%Z.

Definition read_file (data : list Z) : result (list (text * json) * list Z) :=
  demand forallb is_byte data or Syntax;
  let size := firstn 8 data in
  demand (length size =? 8) or Syntax;
  let long := little_endian size in
  demand (long <=? longest_header)%Z or Limit;
  let rest := skipn 8 data in
  demand (long <=? Z.of_nat (length rest))%Z or Syntax;
  let header := firstn (Z.to_nat long) rest in
  let body := skipn (Z.to_nat long) rest in
  match read_value nesting (length header) header with
  | Some (Object fields, padding) =>
      demand forallb (Z.eqb 32) padding or Syntax;
      demand distinct (map fst fields) or Syntax;
      Good (fields, body)
  | _ => Bad Syntax
  end.

(** Numbers of so many digits are read. *)
Definition most_digits := 12.
Definition format_of (t : text) : option format :=
  if same t (tag F32) then Some F32 else if same t (tag F64) then Some F64
  else if same t (tag F16) then Some F16 else if same t (tag BF16) then Some BF16 else None.
Fixpoint digits_of (l : list json) : option (list text) :=
  match l with
  | [] => Some []
  | Number ds :: l =>
      if length ds <=? most_digits then
        match digits_of l with Some dss => Some (ds :: dss) | None => None end
      else None
  | _ => None
  end.

Record located := { l_format : format; l_shape : list nat; l_first : nat; l_past : nat }.
Definition locate (size : nat) (value : json) : result located :=
  match value with
  | Object entry =>
      demand distinct (map fst entry) && (length entry =? 3) or Syntax;
      match assoc key_dtype entry, assoc key_shape entry, assoc key_offsets entry with
      | Some (String t), Some (Array sizes), Some (Array offsets) =>
          do f <- some (format_of t) Unsupported;
          do sizes <- some (digits_of sizes) Syntax;
          do offsets <- some (digits_of offsets) Syntax;
          match offsets with
          | [first; past] =>
              let shape := map natural sizes in
              demand (length shape <=? 8) or Limit;
              demand (natural first <=? natural past) && (natural past <=? size)
                && (natural past - natural first =? bytes_of f * fold_right Nat.mul 1 shape) or Syntax;
              Good {| l_format := f; l_shape := shape; l_first := natural first; l_past := natural past |}
          | _ => Bad Syntax
          end
      | _, _, _ => Bad Syntax
      end
  | _ => Bad Syntax
  end.

(** The spans cover the body without holes and overlaps. *)
Fixpoint tiled (start size : nat) (spans : list located) : bool :=
  match spans with
  | [] => start =? size
  | l :: spans => (l_first l =? start) && tiled (l_past l) size spans
  end.
Definition earlier (a b : located) : bool :=
  (l_first a <? l_first b) || ((l_first a =? l_first b) && (l_past a <=? l_past b)).
Fixpoint all_located (size : nat) (fields : list (text * json)) : result (list located) :=
  match fields with
  | [] => Good []
  | (_, value) :: fields => do l <- locate size value; do ls <- all_located size fields; Good (l :: ls)
  end.

Definition is_text (field : text * json) : bool := match snd field with String _ => true | _ => false end.
(** Metadata are strings, and state no other parts than these. *)
Definition metadata_fits (fields : list (text * json)) : result unit :=
  match assoc key_metadata fields with
  | None => Good tt
  | Some (Object texts) =>
      demand forallb is_text texts && distinct (map fst texts) or Syntax;
      match assoc key_parts texts with
      | None => Good tt
      | Some value => demand same (inside (Some value)) parts_text or Unsupported; Good tt
      end
  | _ => Bad Syntax
  end.

Definition pairs := list (Z * Z).
Fixpoint numbers (f : format) (n : nat) (data : list Z) : option pairs :=
  match n with
  | O => Some []
  | S n =>
      match decode f (little_endian (firstn (bytes_of f) data)) with
      | Some me => match numbers f n (skipn (bytes_of f) data) with Some l => Some (me :: l) | None => None end
      | None => None
      end
  end.

Definition same_shape (a b : list nat) : bool := if list_eq_dec Nat.eq_dec a b then true else false.
Definition required (fields : list (text * json)) (body : list Z) (key : text) (shape : list nat) : result pairs :=
  do value <- some (assoc key fields) Unsupported;
  do l <- locate (length body) value;
  demand same_shape (l_shape l) shape or Unsupported;
  some (numbers (l_format l) (fold_right Nat.mul 1 shape) (slice (l_first l) (l_past l) body)) Unsupported.
Definition optional fields body key shape : result pairs :=
  match assoc key fields with
  | None => Good []
  | Some _ => required fields body key shape
  end.

(** Mantissas at one exponent. *)
Definition lowest (l : pairs) (acc : Z) : Z :=
  fold_left (fun acc me => if (fst me =? 0)%Z then acc else Z.min acc (snd me)) l acc.
Definition scale (s : Z) (me : Z * Z) : option Z :=
  if (fst me =? 0)%Z then Some 0%Z
  else if (0 <=? snd me + s)%Z then Some (Z.shiftl (fst me) (snd me + s)) else None.
Fixpoint scaled (s : Z) (l : pairs) : option (list Z) :=
  match l with
  | [] => Some []
  | me :: l =>
      match scale s me, scaled s l with Some z, Some zs => Some (z :: zs) | _, _ => None end
  end.
Fixpoint in_rows (rows columns : nat) (l : list Z) : list (list Z) :=
  match rows with O => [] | S rows => firstn columns l :: in_rows rows columns (skipn columns l) end.

Definition shape_at (fields : list (text * json)) (key : text) (size : nat) : result (list nat) :=
  do value <- some (assoc key fields) Unsupported; do l <- locate size value; Good (l_shape l).
Definition largest_table := (2 ^ 22)%Z.
(** Bits of the number of inputs, roughly. *)
Definition most_bits := 6000%Z.

Definition load (fields : list (text * json)) (body : list Z) : result zmodel :=
  let size := length body in
  demand forallb (fun key => existsb (same key) (key_metadata :: tensor_keys)) (map fst fields) or Unsupported;
  do _ <- metadata_fits fields;
  do spans <- all_located size (tensors_of fields);
  demand tiled 0 size (sort earlier spans) or Syntax;
  do shape_E <- shape_at fields key_E size;
  do shape_pos <- shape_at fields key_pos size;
  do shape_Q <- shape_at fields key_Q size;
  match shape_E, shape_pos, shape_Q with
  | [v; d], [S n; _], [_; _; h] =>
      demand negb ((v =? 0) || (d =? 0) || (h =? 0)) or Unsupported;
      demand (Z.of_nat v * Z.of_nat v * Z.of_nat (S n) <=? largest_table)%Z
        && (Z.of_nat d * Z.of_nat d <=? largest_table)%Z && (Z.of_nat h * Z.of_nat h <=? largest_table)%Z
        && (Z.of_nat (S n) * (Z.log2 (Z.of_nat v) + 1) <=? most_bits)%Z or Limit;
      do wE <- required fields body key_E [v; d];
      do wP <- required fields body key_pos [S n; d];
      do wQ <- required fields body key_Q [1; d; h];
      do wK <- required fields body key_K [1; d; h];
      do wV <- required fields body key_V [1; d; h];
      do wO <- required fields body key_O [1; h; d];
      do wU <- required fields body key_U [d; v];
      do bQ <- optional fields body key_bQ [1; h];
      do bK <- optional fields body key_bK [1; h];
      do bV <- optional fields body key_bV [1; h];
      do bO <- optional fields body key_bO [d];
      do bU <- optional fields body key_bU [v];
      let s := (- fold_left (fun acc l => lowest l acc) [wE; wP; wQ; wK; wV; wO; wU; bQ; bK; bV; bO; bU] 0)%Z in
      let in_units l := some (scaled s l) Limit in
      do wE <- in_units wE; do wP <- in_units wP; do wQ <- in_units wQ; do wK <- in_units wK;
      do wV <- in_units wV; do wO <- in_units wO; do wU <- in_units wU;
      do bQ <- in_units bQ; do bK <- in_units bK; do bV <- in_units bV; do bO <- in_units bO; do bU <- in_units bU;
      Good {| zv := v; zn := n; zd := d; zh := h; zs := s;
              zE := in_rows v d wE; zPos := in_rows (S n) d wP; zQ := in_rows d h wQ; zK := in_rows d h wK;
              zV := in_rows d h wV; zO := in_rows h d wO; zU := in_rows d v wU;
              zbQ := bQ; zbK := bK; zbV := bV; zbO := bO; zbU := bU |}
  | _, _, _ => Bad Unsupported
  end.
