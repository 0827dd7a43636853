(** Reading a float32: the integers that the bits stand for, against Flocq's IEEE 754. *)
From Coq Require Import ZArith Reals Lia Lra Bool.
From Flocq Require Import Core.Raux Core.Zaux Core.Defs IEEE754.Binary IEEE754.Bits.
Local Open Scope Z_scope.

Definition decode32 (bits : Z) : option (Z * Z) :=
  let f := bits mod 2 ^ 23 in
  let e := (bits / 2 ^ 23) mod 2 ^ 8 in
  let m := if e =? 0 then f else f + 2 ^ 23 in
  if e =? 255 then None
  else Some ((if 2 ^ 31 <=? bits then - m else m), Z.max e 1 - 150).

Theorem decode32_correct bits m e : 0 <= bits < 2 ^ 32 -> decode32 bits = Some (m, e) ->
  (is_finite 24 128 (b32_of_bits bits) = true) /\
  (B2R 24 128 (b32_of_bits bits) = IZR m * bpow radix2 e)%R.
Proof.
  intros Hb H. unfold decode32 in H.
  set (f := bits mod 2 ^ 23) in *. set (x := (bits / 2 ^ 23) mod 2 ^ 8) in *.
  assert (Hf : 0 <= f < 2 ^ 23) by (apply Z.mod_pos_bound; lia).
  assert (Hx : 0 <= x < 2 ^ 8) by (apply Z.mod_pos_bound; lia).
  unfold b32_of_bits, binary_float_of_bits. rewrite B2R_FF2B, is_finite_FF2B.
  unfold binary_float_of_bits_aux, split_bits.
  change (2 ^ 23)%Z with (2 ^ 23) in *. fold f. fold x.
  replace (Zle_bool (2 ^ 23 * 2 ^ 8) bits) with (2 ^ 31 <=? bits) by reflexivity.
  set (sx := 2 ^ 31 <=? bits) in *.
  rewrite <- (Z.eqb_compare x 0) in * || idtac.
  destruct (Z.eqb_spec x 255) as [|Hn]; [discriminate|]. injection H as Hm He.
  unfold Zeq_bool. fold (x ?= 0).
  destruct (Z.eqb_spec x 0) as [E0|E0].
  - rewrite E0 in *. simpl (0 ?= 0). cbv iota.
    destruct f as [|p|p] eqn:Ef; [| |lia].
    + split; [reflexivity|]. simpl. subst m. destruct sx; simpl; lra.
    + split; [reflexivity|]. simpl. subst m e. unfold F2R. simpl Fnum. simpl Fexp. destruct sx; reflexivity.
  - destruct (x ?= 0) eqn:C0; [apply Z.compare_eq in C0; lia| |].
    + apply -> Z.compare_lt_iff in C0. lia.
    + destruct (x ?= 2 ^ 8 - 1) eqn:C1.
      { apply Z.compare_eq in C1. simpl in C1. lia. }
      all: destruct (f + 2 ^ 23) as [|p|p] eqn:Ef; try lia.
      all: split; [reflexivity|]; subst m e; unfold FF2R, F2R; cbn [Fnum Fexp];
        change (Z.pow_pos 2 23) with (2 ^ 23); rewrite ?Ef;
        apply f_equal2; [destruct sx; reflexivity|apply f_equal; unfold SpecFloat.emin; lia].
Qed.
