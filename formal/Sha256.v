(** SHA-256 (FIPS 180-4) of a list of bytes, as a list of 32 bytes. Its specification is the
    standard; the test vectors at the end are evaluated by Coq itself. *)
From Coq Require Import ZArith List.
Import ListNotations.
Local Open Scope Z_scope.

Definition word := 2 ^ 32.
Definition add32 (a b : Z) : Z := (a + b) mod word.
Definition rotr (n x : Z) : Z := x / 2 ^ n + (x mod 2 ^ n) * 2 ^ (32 - n).
Definition shr (n x : Z) : Z := x / 2 ^ n.
Definition xor3 (a b c : Z) : Z := Z.lxor a (Z.lxor b c).
Definition choice (x y z : Z) : Z := Z.lxor (Z.land x y) (Z.land (word - 1 - x) z).
Definition majority (x y z : Z) : Z := xor3 (Z.land x y) (Z.land x z) (Z.land y z).
Definition big_sigma0 (x : Z) : Z := xor3 (rotr 2 x) (rotr 13 x) (rotr 22 x).
Definition big_sigma1 (x : Z) : Z := xor3 (rotr 6 x) (rotr 11 x) (rotr 25 x).
Definition small_sigma0 (x : Z) : Z := xor3 (rotr 7 x) (rotr 18 x) (shr 3 x).
Definition small_sigma1 (x : Z) : Z := xor3 (rotr 17 x) (rotr 19 x) (shr 10 x).

(** The first 32 bits of the fractions of the cube roots of the first 64 primes. *)
Definition constants : list Z :=
  [1116352408; 1899447441; 3049323471; 3921009573; 961987163; 1508970993; 2453635748; 2870763221;
   3624381080; 310598401; 607225278; 1426881987; 1925078388; 2162078206; 2614888103; 3248222580;
   3835390401; 4022224774; 264347078; 604807628; 770255983; 1249150122; 1555081692; 1996064986;
   2554220882; 2821834349; 2952996808; 3210313671; 3336571891; 3584528711; 113926993; 338241895;
   666307205; 773529912; 1294757372; 1396182291; 1695183700; 1986661051; 2177026350; 2456956037;
   2730485921; 2820302411; 3259730800; 3345764771; 3516065817; 3600352804; 4094571909; 275423344;
   430227734; 506948616; 659060556; 883997877; 958139571; 1322822218; 1537002063; 1747873779;
   1955562222; 2024104815; 2227730452; 2361852424; 2428436474; 2756734187; 3204031479; 3329325298].
(** Those of the square roots of the first 8 primes. *)
Definition initial : list Z :=
  [1779033703; 3144134277; 1013904242; 2773480762; 1359893119; 2600822924; 528734635; 1541459225].

(** The sixteen words of a schedule that come next. *)
Definition slide (w : list Z) : list Z :=
  let at_ i := nth i w 0 in
  tl w ++ [add32 (add32 (small_sigma1 (at_ 14%nat)) (at_ 9%nat)) (add32 (small_sigma0 (at_ 1%nat)) (at_ 0%nat))].

Definition round (k w : Z) (state : list Z) : list Z :=
  match state with
  | [a; b; c; d; e; f; g; h] =>
      let t1 := add32 (add32 (add32 h (big_sigma1 e)) (add32 (choice e f g) k)) w in
      let t2 := add32 (big_sigma0 a) (majority a b c) in
      [add32 t1 t2; a; b; c; add32 d t1; e; f; g]
  | _ => state
  end.
Fixpoint rounds (ks w state : list Z) : list Z :=
  match ks with [] => state | k :: ks => rounds ks (slide w) (round k (hd 0 w) state) end.
Definition compress (state block : list Z) : list Z :=
  map (fun p => add32 (fst p) (snd p)) (combine state (rounds constants block state)).

Fixpoint big_endian (bytes : list Z) : list Z :=
  match bytes with
  | a :: b :: c :: d :: bytes => (a * 2 ^ 24 + b * 2 ^ 16 + c * 2 ^ 8 + d) :: big_endian bytes
  | _ => []
  end.
(** The bytes of a number, the highest first. *)
Fixpoint bytes_big (n : nat) (x : Z) : list Z :=
  match n with O => [] | S n => (x / 256 ^ Z.of_nat n) mod 256 :: bytes_big n x end.

Fixpoint absorb (blocks : nat) (words state : list Z) : list Z :=
  match blocks with
  | O => state
  | S blocks => absorb blocks (skipn 16 words) (compress state (firstn 16 words))
  end.

Definition sha256 (message : list Z) : list Z :=
  let size := Z.of_nat (length message) in
  let zeros := Z.to_nat ((55 - size) mod 64) in
  let padded := message ++ 128 :: repeat 0 zeros ++ bytes_big 8 (8 * size) in
  let blocks := Z.to_nat ((size + 72) / 64) in
  flat_map (bytes_big 4) (absorb blocks (big_endian padded) initial).

(** ** Test vectors *)
Definition hex (digest : list Z) : Z := fold_left (fun a b => 256 * a + b) digest 0.

Example empty_message :
  hex (sha256 []) = 0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855.
Proof. vm_compute. reflexivity. Qed.
Example abc :
  hex (sha256 [97; 98; 99]) = 0xba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad.
Proof. vm_compute. reflexivity. Qed.
Example two_blocks :
  hex (sha256 [97;98;99;100;98;99;100;101;99;100;101;102;100;101;102;103;101;102;103;104;102;103;104;105;103;104;105;106;104;105;106;107;105;106;107;108;106;107;108;109;107;108;109;110;108;109;110;111;109;110;111;112;110;111;112;113])
  = 0x248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1.
Proof. vm_compute. reflexivity. Qed.
Example of_55_bytes :
  hex (sha256 (repeat 97 55)) = 0x9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318.
Proof. vm_compute. reflexivity. Qed.
Example of_56_bytes :
  hex (sha256 (repeat 97 56)) = 0xb35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a.
Proof. vm_compute. reflexivity. Qed.
Example of_64_bytes :
  hex (sha256 (repeat 97 64)) = 0xffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb.
Proof. vm_compute. reflexivity. Qed.
Example of_1000_bytes :
  hex (sha256 (map (fun i => Z.of_nat i mod 256) (seq 0 1000))) = 0xa8af099bf2e878609558dbf69d8f88f4a31040a8cf84b549a0cfa912f12ffc3f.
Proof. vm_compute. reflexivity. Qed.
