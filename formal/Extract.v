From Coq Require Import ZArith List.
From Coq Require Extraction ExtrOcamlBasic ExtrOcamlNatBigInt ExtrOcamlZBigInt.
From Ballproof Require Import Exp Checker.
(* Operations of Z and positive that ExtrOcamlZBigInt leaves to bit-by-bit recursion. *)
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
Extract Constant Nat.ltb => "Big_int_Z.lt_big_int".
Extract Constant Nat.leb => "Big_int_Z.le_big_int".
Extract Constant Nat.pow => "(fun b e -> Zar.pow b (Zar.to_int e))".
Extract Constant Z.of_nat => "(fun n -> n)".
Extraction "checker.ml" check check_wrong class_right make_tables balls token_gaps place_gaps.
