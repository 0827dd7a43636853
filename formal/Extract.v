(** The program as OCaml. Each line below is trusted: it says which function of Zarith stands for one
    of Coq. tests of this folder compare each with Coq's own evaluation (mappings.py). Natural numbers
    are big integers, never machine ones. *)
From Coq Require Import ZArith List.
From Coq Require Extraction ExtrOcamlBasic ExtrOcamlNatBigInt ExtrOcamlZBigInt.
From Ballproof Require Import Json File Certificate.
Extract Constant Z.leb => "Big_int_Z.le_big_int".
Extract Constant Z.ltb => "Big_int_Z.lt_big_int".
Extract Constant Z.geb => "Big_int_Z.ge_big_int".
Extract Constant Z.gtb => "Big_int_Z.gt_big_int".
Extract Constant Pos.leb => "Big_int_Z.le_big_int".
Extract Constant Pos.ltb => "Big_int_Z.lt_big_int".
Extract Constant Pos.eqb => "Big_int_Z.eq_big_int".
Extract Constant Z.log2 => "(fun z -> if Zar.sign z <= 0 then Zar.zero else Zar.of_int (Zar.numbits z - 1))".
Extract Constant Z.sqrt => "(fun z -> if Zar.sign z <= 0 then Zar.zero else Zar.sqrt z)".
Extract Constant Z.pow => "(fun b e -> if Zar.sign e < 0 then Zar.zero else Zar.pow b (Zar.to_int e))".
Extract Constant Z.land => "Zar.logand".
Extract Constant Z.lxor => "Zar.logxor".
Extract Constant Z.of_nat => "(fun n -> n)".
Extract Constant Z.to_nat => "(fun z -> if Zar.sign z < 0 then Zar.zero else z)".
Extract Constant Nat.ltb => "Big_int_Z.lt_big_int".
Extract Constant Nat.leb => "Big_int_Z.le_big_int".
Extract Constant Nat.pow => "(fun b e -> Zar.pow b (Zar.to_int e))".
Extract Constant Nat.eq_dec => "Big_int_Z.eq_big_int".
Extraction "verified.ml" check_file read_model.
