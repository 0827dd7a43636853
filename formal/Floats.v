(** Reading floating-point numbers: the integers that the bits stand for, against Flocq's IEEE 754. *)
From Coq Require Import ZArith Reals Lia Lra Bool List.
From Flocq Require Import Core.Raux Core.Zaux Core.Defs IEEE754.Binary IEEE754.Bits.
Import ListNotations.
Local Open Scope Z_scope.

(** ** The specification *)

(** Bytes are integers 0 .. 255; the lowest comes first. *)
Fixpoint little_endian (bytes : list Z) : Z :=
  match bytes with [] => 0 | b :: bytes => b + 256 * little_endian bytes end.

(** The formats of a weights file. *)
Inductive format := F16 | BF16 | F32 | F64.
Definition bytes_of (f : format) : nat := match f with F16 | BF16 => 2 | F32 => 4 | F64 => 8 end.
Definition fraction_bits (f : format) : Z := match f with F16 => 10 | BF16 => 7 | F32 => 23 | F64 => 52 end.
Definition exponent_bits (f : format) : Z := match f with F16 => 5 | BF16 | F32 => 8 | F64 => 11 end.

(** The real number of a finite float, after Flocq. *)
Definition float_value (f : format) (bits : Z) : R :=
  match f with
  | F16 => B2R _ _ (binary_float_of_bits 10 5 eq_refl eq_refl eq_refl bits)
  | BF16 => B2R _ _ (binary_float_of_bits 7 8 eq_refl eq_refl eq_refl bits)
  | F32 => B2R _ _ (b32_of_bits bits)
  | F64 => B2R _ _ (b64_of_bits bits)
  end.
Definition float_finite (f : format) (bits : Z) : bool :=
  match f with
  | F16 => is_finite _ _ (binary_float_of_bits 10 5 eq_refl eq_refl eq_refl bits)
  | BF16 => is_finite _ _ (binary_float_of_bits 7 8 eq_refl eq_refl eq_refl bits)
  | F32 => is_finite _ _ (b32_of_bits bits)
  | F64 => is_finite _ _ (b64_of_bits bits)
  end.

(** ** The program *)

(** A mantissa and an exponent, of a finite float. *)
Definition decode (f : format) (bits : Z) : option (Z * Z) :=
  let mw := fraction_bits f in
  let ew := exponent_bits f in
  let fraction := bits mod 2 ^ mw in
  let e := (bits / 2 ^ mw) mod 2 ^ ew in
  let m := if e =? 0 then fraction else fraction + 2 ^ mw in
  if e =? 2 ^ ew - 1 then None
  else Some ((if 2 ^ (mw + ew) <=? bits then - m else m), Z.max e 1 - (2 ^ (ew - 1) - 1 + mw)).

(** ** The proof *)
Lemma decode_bits mw ew (Hmw : 0 < mw) (Hew : 0 < ew) (Hmax : mw + 1 < 2 ^ (ew - 1)) bits m e :
  let fraction := bits mod 2 ^ mw in
  let x := (bits / 2 ^ mw) mod 2 ^ ew in
  (x =? 2 ^ ew - 1) = false ->
  m = (if 2 ^ mw * 2 ^ ew <=? bits then - (if x =? 0 then fraction else fraction + 2 ^ mw)
       else if x =? 0 then fraction else fraction + 2 ^ mw) ->
  e = Z.max x 1 - (2 ^ (ew - 1) - 1 + mw) ->
  is_finite _ _ (binary_float_of_bits mw ew Hmw Hew Hmax bits) = true /\
  (B2R _ _ (binary_float_of_bits mw ew Hmw Hew Hmax bits) = IZR m * bpow radix2 e)%R.
Proof.
  intros fraction x Hn Hm He.
  assert (Hf : 0 <= fraction < 2 ^ mw) by (apply Z.mod_pos_bound; lia).
  assert (Hx : 0 <= x < 2 ^ ew) by (apply Z.mod_pos_bound; lia).
  assert (Hp : 0 < 2 ^ mw) by lia.
  unfold binary_float_of_bits. rewrite B2R_FF2B, is_finite_FF2B.
  unfold binary_float_of_bits_aux, split_bits. fold fraction. fold x.
  set (sx := 2 ^ mw * 2 ^ ew <=? bits) in *. clearbody sx fraction x.
  replace (Zeq_bool x 0) with (x =? 0) by (rewrite Z.eqb_compare; unfold Zeq_bool; destruct (x ?= 0); reflexivity).
  replace (Zeq_bool x (2 ^ ew - 1)) with (x =? 2 ^ ew - 1)
    by (rewrite Z.eqb_compare; unfold Zeq_bool; destruct (x ?= 2 ^ ew - 1); reflexivity).
  rewrite Hn. destruct (Z.eqb_spec x 0) as [E0|E0].
  - rewrite E0 in He. destruct fraction as [|p|p] eqn:Ef; [| |lia].
    + split; [reflexivity|]. subst m. destruct sx; simpl; lra.
    + split; [reflexivity|]. subst m e. unfold FF2R, F2R. cbn [Fnum Fexp]. apply f_equal2.
      * destruct sx; reflexivity.
      * apply f_equal. unfold SpecFloat.emin. lia.
  - destruct (fraction + 2 ^ mw) as [|p|p] eqn:Ef; try lia.
    split; [reflexivity|]. subst m e. unfold FF2R, F2R. cbn [Fnum Fexp]. apply f_equal2.
    + destruct sx; reflexivity.
    + apply f_equal. unfold SpecFloat.emin. lia.
Qed.

Theorem decode_correct f bits m e : decode f bits = Some (m, e) ->
  float_finite f bits = true /\ (float_value f bits = IZR m * bpow radix2 e)%R.
Proof.
  unfold decode. cbv zeta. destruct (_ =? 2 ^ _ - 1) eqn:Hn; [discriminate|]. intros H. injection H as Hm He.
  rewrite Z.pow_add_r in Hm by (destruct f; discriminate). symmetry in Hm, He.
  destruct f; cbn [fraction_bits exponent_bits float_finite float_value] in *;
    unfold b32_of_bits, b64_of_bits;
    match goal with |- context [binary_float_of_bits ?mw ?ew ?a ?b ?c bits] =>
      exact (decode_bits mw ew a b c bits m e Hn Hm He) end.
Qed.
