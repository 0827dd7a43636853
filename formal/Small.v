(** A bound as a theorem of Coq alone: the program runs inside of Coq's kernel (vm_compute), without
    extraction and without OCaml. The model has 8 tokens and 3 positions, that is 512 inputs. *)
From Coq Require Import ZArith List Reals.
From Ballproof Require Import Transformer Exact ExactSound.
Import ListNotations.
Open Scope Z_scope.

Definition small : zmodel := {| zv := 8%nat; zn := 2%nat; zd := 4%nat; zh := 4%nat; zs := 6;
  zE := [[-1;66;-2;0];[62;65;1;1];[129;63;-2;1];[190;65;1;2];[254;65;0;-1];[322;62;0;-2];[382;62;2;-2];[449;63;1;-2]];
  zPos := [[2;-1;1;1];[2;-1;0;-1];[-1;1;0;-2]];
  zQ := [[0;1;1;-1];[127;1;1;0];[-1;1;0;1];[1;1;0;1]];
  zK := [[193;-1;0;0];[1;0;1;0];[1;-1;0;-1];[1;0;0;1]];
  zV := [[63;0;1;1];[1;65;0;-1];[0;1;65;-1];[-1;1;0;64]];
  zO := [[256;1;-1;0];[-1;256;1;1];[1;1;256;1];[-1;-1;1;255]];
  zU := [[-1;127;257;385;511;640;769;896];[1;-64;-256;-576;-1023;-1599;-2303;-3135];[-1;0;1;1;-1;1;1;-1];[0;-1;0;0;1;1;-1;1]];
  zbQ := [1;1;0;1]; zbK := [0;-2;2;2]; zbV := [2;2;0;1]; zbO := [2;-2;-1;-1]; zbU := [2;2;-1;-2;2;0;-2;-2] |}.

(** How many of the 512 inputs are certainly right, at 64 bits and margin 0. *)
Definition found := Eval vm_compute in check small 64 0 1.

Theorem small_accuracy : (found <= n_correct (real_model small) (max_of 8 3) (IZR 0 / IZR 1))%nat.
Proof.
  replace found with (check small 64 0 1) by (vm_cast_no_check (eq_refl found)).
  apply check_sound.
Qed.

Print found.
