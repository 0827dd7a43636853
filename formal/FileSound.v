(** What is read from a weights file is what the file holds. *)
From Coq Require Import ZArith Reals Lra Lia List Bool Arith.
From Flocq Require Import Core.Raux Core.Zaux.
From Ballproof Require Import Sums Transformer Floats Json Exp Exact ExactSound File.
Import ListNotations.

(** ** Results *)
Ltac step H :=
  match type of H with
  | bind ?x _ = Good _ => let E := fresh "E" in destruct x eqn:E; cbn [bind] in H; [|discriminate H]
  | (if ?c then _ else _) = Good _ => let E := fresh "E" in destruct c eqn:E; [|discriminate H]
  | some ?x _ = Good _ => let E := fresh "E" in destruct x eqn:E; cbn [some] in H; [|discriminate H]; injection H as H
  end.

Lemma same_spec a b : same a b = true <-> a = b.
Proof. unfold same. destruct list_eq_dec; split; congruence. Qed.

Lemma existsb_same a l : existsb (same a) l = true <-> In a l.
Proof.
  rewrite existsb_exists. split.
  - intros (b & Hb & E). apply same_spec in E. subst b. exact Hb.
  - intros H. exists a. split; [exact H|apply same_spec; reflexivity].
Qed.

Lemma distinct_spec l : distinct l = true -> NoDup l.
Proof.
  induction l as [|a l IH]; cbn [distinct]; intros H; constructor; apply andb_true_iff in H as (H1 & H2).
  - intros Hin. apply existsb_same in Hin. rewrite Hin in H1. discriminate.
  - apply IH, H2.
Qed.

(** ** Header and body *)
Lemma little_endian_nonneg l : Forall (fun b => (0 <= b < 256)%Z) l -> (0 <= little_endian l)%Z.
Proof. induction 1; cbn [little_endian]; lia. Qed.

Theorem read_file_sound data fields body : read_file data = Good (fields, body) -> file_reads data fields body.
Proof.
  unfold read_file. cbv zeta. intros H. step H. step H. step H. step H.
  set (long := little_endian (firstn 8 data)) in *. set (rest := skipn 8 data) in *.
  destruct (read_value nesting _ _) as [[[| | |fs] padding]|] eqn:Er; try discriminate.
  step H. step H. injection H as <- <-.
  apply read_value_sound in Er as (Et & Ef).
  assert (Hbyte : Forall (fun b => (0 <= b < 256)%Z) data).
  { apply Forall_forall. intros b Hb. rewrite forallb_forall in E. specialize (E b Hb). unfold is_byte in E.
    apply andb_true_iff in E as (E' & E''). apply Z.leb_le in E'. apply Z.ltb_lt in E''. lia. }
  assert (Hlong : (0 <= long)%Z).
  { apply little_endian_nonneg. rewrite <- (firstn_skipn 8 data) in Hbyte. apply Forall_app in Hbyte. tauto. }
  exists (firstn 8 data), padding. apply Nat.eqb_eq in E0. apply Z.leb_le in E2.
  repeat split.
  - rewrite app_assoc with (l := write (Object fs)). rewrite <- Et.
    rewrite firstn_skipn. unfold rest. symmetry. apply firstn_skipn.
  - exact E0.
  - fold long. rewrite <- Et, firstn_length. lia.
  - apply Forall_forall. intros b Hb. rewrite forallb_forall in E3. apply Z.eqb_eq, E3, Hb.
  - exact Hbyte.
  - exact Ef.
  - apply distinct_spec, E4.
Qed.

(** ** Tensors *)
Lemma format_of_spec t f : format_of t = Some f -> t = tag f.
Proof.
  unfold format_of.
  repeat match goal with |- (if same ?a ?b then _ else _) = _ -> _ =>
    let E := fresh "E" in
    destruct (same a b) eqn:E; [apply same_spec in E; intros H; injection H as <-; exact E|] end. discriminate.
Qed.

Lemma digits_of_spec l dss : digits_of l = Some dss -> l = map Number dss.
Proof.
  revert dss. induction l as [|j l IH]; intros dss; cbn [digits_of]; [intros E; injection E as <-; reflexivity|].
  destruct j as [ds| | |]; try discriminate. destruct (length ds <=? most_digits); [|discriminate].
  destruct (digits_of l) as [dss'|]; [|discriminate]. intros E. injection E as <-. cbn [map]. f_equal.
  apply IH. reflexivity.
Qed.

Lemma slice_length first past (l : list Z) : past <= length l -> length (slice first past l) = past - first.
Proof. intros H. unfold slice. rewrite firstn_length, skipn_length. lia. Qed.

Lemma locate_sound fields (body : list Z) key value l :
  assoc key fields = Some value -> locate (length body) value = Good l ->
  tensor fields body key (l_format l) (l_shape l) (slice (l_first l) (l_past l) body).
Proof.
  intros Ha H. unfold locate in H. destruct value as [| | |entry]; try discriminate. step H.
  destruct (assoc key_dtype entry) as [[|t| |]|] eqn:Ed; try discriminate.
  destruct (assoc key_shape entry) as [[| |sizes|]|] eqn:Es; try discriminate.
  destruct (assoc key_offsets entry) as [[| |offsets|]|] eqn:Eo; try discriminate.
  step H. step H. step H. destruct a1 as [|first [|past [|]]]; try discriminate. cbv zeta in H.
  step H. step H. injection H as <-. cbn [l_format l_shape l_first l_past].
  apply andb_true_iff in E as (En & El). apply Nat.eqb_eq in El.
  destruct (format_of t) eqn:Ef; [|discriminate]. injection E0 as ->. apply format_of_spec in Ef. subst t.
  destruct (digits_of sizes) eqn:Ez; [|discriminate]. injection E1 as ->. apply digits_of_spec in Ez. subst sizes.
  destruct (digits_of offsets) eqn:Ez; [|discriminate]. injection E2 as ->. apply digits_of_spec in Ez. subst offsets.
  rewrite !andb_true_iff, !Nat.leb_le, Nat.eqb_eq in E4. destruct E4 as ((L1 & L2) & L3).
  exists entry, a0, first, past. repeat split; try assumption.
  - apply distinct_spec, En.
  - rewrite slice_length by assumption. exact L3.
Qed.

Lemma skipn_twice {A} a b (l : list A) : skipn a (skipn b l) = skipn (b + a) l.
Proof.
  revert l. induction b as [|b IH]; intros l; [reflexivity|].
  destruct l; [rewrite !skipn_nil; reflexivity|]. cbn [skipn Nat.add]. apply IH.
Qed.

Lemma numbers_sound f n data l : numbers f n data = Some l ->
  length l = n /\ forall i, i < n -> decode f (number_at f data i) = Some (nth i l (0, 0)%Z).
Proof.
  revert data l. induction n as [|n IH]; intros data l; cbn [numbers].
  - intros E. injection E as <-. split; [reflexivity|]. intros i Hi. lia.
  - destruct (decode f _) as [me|] eqn:Ed; [|discriminate].
    destruct (numbers f n _) as [l'|] eqn:En; [|discriminate]. intros E. injection E as <-.
    destruct (IH _ _ En) as (L & H). split; [cbn [length]; lia|]. intros [|i] Hi; cbn [nth].
    + rewrite <- Ed. unfold number_at, slice. do 2 f_equal. simpl. rewrite Nat.sub_0_r. reflexivity.
    + rewrite <- H by lia. unfold number_at, slice. do 2 f_equal.
      replace (S i * bytes_of f + bytes_of f - S i * bytes_of f) with (bytes_of f) by lia.
      replace (i * bytes_of f + bytes_of f - i * bytes_of f) with (bytes_of f) by lia.
      rewrite skipn_twice. reflexivity.
Qed.

(** The numbers of a list of pairs are those of a tensor. *)
Definition numbers_are (f : format) (data : list Z) (l : pairs) : Prop :=
  forall i, i < length l -> decode f (number_at f data i) = Some (nth i l (0, 0)%Z).

Lemma required_sound fields body key shape l : required fields body key shape = Good l ->
  exists f data, tensor fields body key f shape data /\ length l = fold_right Nat.mul 1 shape /\ numbers_are f data l.
Proof.
  unfold required. intros H. step H. step H. step H. step H.
  unfold same_shape in E1. destruct (list_eq_dec Nat.eq_dec (l_shape a0) shape) as [<-|]; [|discriminate].
  destruct (assoc key fields) eqn:Ea; [|discriminate]. injection E as ->.
  exists (l_format a0), (slice (l_first a0) (l_past a0) body). split; [eapply locate_sound; eassumption|].
  subst p. apply numbers_sound in E2 as (L & N). split; [exact L|]. unfold numbers_are. rewrite L. exact N.
Qed.

(** ** Mantissas at one exponent *)
Lemma scale_sound s me z : scale s me = Some z -> val s z = (IZR (fst me) * bpow radix2 (snd me))%R.
Proof.
  unfold scale. destruct (Z.eqb_spec (fst me) 0) as [->|_]; [intros E; injection E as <-; unfold val; ring|].
  destruct (Z.leb_spec 0 (snd me + s)) as [H|]; [|discriminate]. intros E. injection E as <-.
  unfold val. rewrite Z.shiftl_mul_pow2, mult_IZR by assumption.
  replace (IZR (2 ^ (snd me + s))) with (bpow radix2 (snd me + s)) by (rewrite <- IZR_Zpower by assumption; reflexivity).
  rewrite Rmult_assoc, <- bpow_plus. do 2 f_equal. lia.
Qed.

Lemma scaled_sound s l zs : scaled s l = Some zs ->
  length zs = length l /\
  forall i, i < length l -> let me := nth i l (0, 0)%Z in
    val s (nth i zs 0%Z) = (IZR (fst me) * bpow radix2 (snd me))%R.
Proof.
  revert zs. induction l as [|me l IH]; intros zs; cbn [scaled].
  - intros E. injection E as <-. split; [reflexivity|]. intros i Hi. simpl in Hi. lia.
  - destruct (scale s me) as [z|] eqn:Ez; [|discriminate]. destruct (scaled s l) as [zs'|]; [|discriminate].
    intros E. injection E as <-. destruct (IH zs' eq_refl) as (L & H). split; [simpl; lia|].
    intros [|i] Hi; cbn [nth]; [apply scale_sound, Ez|]. apply H. simpl in Hi. lia.
Qed.

Lemma firstn_nth (l : list Z) n i d : i < n -> nth i (firstn n l) d = nth i l d.
Proof.
  revert l i. induction n as [|n IH]; intros l i H; [lia|]. destruct l as [|a l]; [destruct i; reflexivity|].
  destruct i; [reflexivity|]. cbn [firstn nth]. apply IH. lia.
Qed.
Lemma skipn_nth (l : list Z) n i d : nth i (skipn n l) d = nth (n + i) l d.
Proof.
  revert l. induction n as [|n IH]; intros l; [reflexivity|]. destruct l as [|a l]; [destruct i; reflexivity|].
  cbn [skipn Nat.add nth]. apply IH.
Qed.

Lemma in_rows_get rows columns l i j : i < rows -> j < columns ->
  get2 (in_rows rows columns l) i j = nth (i * columns + j) l 0%Z.
Proof.
  revert l i. induction rows as [|rows IH]; intros l i Hi Hj; [lia|]. unfold get2, get in *.
  destruct i as [|i]; cbn [in_rows nth].
  - apply firstn_nth, Hj.
  - rewrite IH by lia. rewrite skipn_nth. f_equal. lia.
Qed.

Lemma matrix_sound fields body key shape rows columns l s zs :
  required fields body key shape = Good l -> fold_right Nat.mul 1 shape = rows * columns -> scaled s l = Some zs ->
  holds fields body key shape rows columns (fun i j => val s (get2 (in_rows rows columns zs) i j)).
Proof.
  intros Hr Hs Hz. apply required_sound in Hr as (f & data & Ht & L & N). exists f, data. split; [exact Ht|].
  intros i j Hi Hj. assert (Hij : i * columns + j < length l) by nia.
  apply scaled_sound in Hz as (_ & Hz). specialize (N _ Hij). specialize (Hz _ Hij). cbv zeta in Hz.
  destruct (nth (i * columns + j) l (0, 0)%Z) as (m, e). apply decode_correct in N as (F & V).
  split; [exact F|]. rewrite in_rows_get by assumption. rewrite Hz, V. reflexivity.
Qed.

Lemma bias_sound fields body key shape n l s zs :
  optional fields body key shape = Good l -> fold_right Nat.mul 1 shape = n -> scaled s l = Some zs ->
  holds_bias fields body key shape n (fun i => val s (get zs i)).
Proof.
  unfold optional. intros Hr Hs Hz. destruct (assoc key fields) as [value|] eqn:Ea.
  - left. apply required_sound in Hr as (f & data & Ht & L & N). exists f, data. split; [exact Ht|].
    intros i j Hi Hj. assert (i = 0) by lia. subst i. cbn [Nat.mul Nat.add]. assert (Hij : j < length l) by lia.
    apply scaled_sound in Hz as (_ & Hz). specialize (N _ Hij). specialize (Hz _ Hij). cbv zeta in Hz.
    unfold get. destruct (nth j l (0, 0)%Z) as (m, e). apply decode_correct in N as (F & V).
    split; [exact F|]. rewrite Hz, V. reflexivity.
  - right. split; [exact Ea|]. intros i _. injection Hr as <-. injection Hz as <-.
    unfold get, val. destruct i; simpl; ring.
Qed.

(** ** The model *)
Theorem load_sound fields body W : load fields body = Good W -> file_holds fields body (real_model W).
Proof.
  unfold load. cbv zeta. intros H. step H. step H. step H. step H. step H. step H. step H.
  destruct a1 as [|v [|d [|]]]; try discriminate.
  destruct a2 as [|[|n] [|d' [|]]]; try discriminate.
  destruct a3 as [|x [|y [|h [|]]]]; try discriminate.
  step H. step H.
  do 12 step H.
  set (s := (- _)%Z) in H.
  do 12 step H. injection H as <-.
  unfold some in *.
  repeat match goal with E : match ?x with Some _ => _ | None => _ end = Good ?a |- _ =>
    let E' := fresh "Z" in destruct x eqn:E'; [|discriminate E]; injection E as ->  end.
  unfold file_holds. cbn [real_model d_vocab n_free d_model d_head W_E W_pos W_Q W_K W_V W_O W_U b_Q b_K b_V b_O b_U
    zv zn zd zh zs zE zPos zQ zK zV zO zU zbQ zbK zbV zbO zbU].
  split.
  { intros key Hk. rewrite forallb_forall in E. apply existsb_same, E, Hk. }
  repeat split; first [eapply matrix_sound; [eassumption|cbn [fold_right]; ring|eassumption]
                      |eapply bias_sound; [eassumption|cbn [fold_right]; ring|eassumption]
                      |eapply (matrix_sound _ _ _ _ (S n)); [eassumption|cbn [fold_right]; ring|eassumption]].
Qed.
