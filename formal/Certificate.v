(** From bytes to a statement: what a certificate claims, when it is verified, and the theorem that
    a verified claim is true. *)
From Coq Require Import ZArith Reals Lia List Bool Arith.
From Ballproof Require Import Transformer Exact ExactSound Fast Brute CubicBound Mirror Json File FileSound.
Import ListNotations.

Inductive strategy := ExactCount | BruteForce | CubicCount.

(** The largest token of k, or the smallest, where every token stands at every position. *)
Inductive rule := Largest | Smallest.

(** What a certificate claims about such a task of a model with one head: the digest of the weights, their
    sizes, the rule, the margin, and the counts. The strategy and the precision are no part of the
    statement. *)
Record claim := {
  c_digest : list Z;
  c_vocab : nat; c_ctx : nat; c_model : nat; c_head : nat;
  c_rule : rule;
  c_numerator : Z; c_denominator : positive;
  c_total : Z; c_at_least : Z; c_at_most : Z;
  c_strategy : strategy; c_precision : positive }.

(** ** The specification *)
Definition margin (c : claim) : R := (IZR (c_numerator c) / IZR (Zpos (c_denominator c)))%R.

Definition task_of (c : claim) : task :=
  match c_rule c with
  | Largest => max_of (c_vocab c) (c_ctx c)
  | Smallest => min_of (c_vocab c) (c_ctx c)
  end.

(** The bytes are a weights file with this digest, which holds a model of these sizes, and that many
    inputs of the task are correct. *)
Definition true_of (data : list Z) (c : claim) : Prop :=
  exists fields body M,
    file_reads data fields body /\ file_holds fields body M /\ digest fields body = c_digest c /\
    d_vocab M = c_vocab c /\ S (n_free M) = c_ctx c /\ d_model M = c_model c /\ d_head M = c_head c /\
    c_total c = Z.of_nat (length (inputs (task_of c))) /\
    (c_at_least c <= Z.of_nat (n_correct M (task_of c) (margin c)) <= c_at_most c)%Z.

(** ** The program *)

(** Whether a count is good enough at this precision, or at twice as many bits, and so on. *)
Fixpoint reached (enough : positive -> bool) (doublings : nat) (precision : positive) : bool :=
  enough precision ||
  match doublings with
  | O => false
  | S doublings => reached enough doublings (precision~0)
  end.

Definition doublings := 3.

(** The model in the file, if the claim is about it and its numbers are in order. *)
Definition read_model (data : list Z) (c : claim) : result zmodel :=
  do (fields, body) <- read_file data;
  do W <- load fields body;
  demand same (digest fields body) (c_digest c) or Digest;
  demand (zv W =? c_vocab c) && (S (zn W) =? c_ctx c) && (zd W =? c_model c) && (zh W =? c_head c) or Statement;
  let total := Z.pow (Z.of_nat (zv W)) (Z.of_nat (S (zn W))) in
  demand (c_total c =? total)%Z && (c_at_least c <=? c_at_most c)%Z && (c_at_most c <=? total)%Z or Statement;
  Good W.

(** How many inputs are certainly correct, and certainly wrong. *)
Definition counts_of (s : strategy) (W : zmodel) (precision : positive) (num : Z) (den : positive) : nat * nat :=
  match s with
  | ExactCount => fast_counts W precision num den
  | BruteForce => fast_with class_evaluated W precision num den
  | CubicCount => fast_with cubic_ends W precision num den
  end.

Definition check_file (data : list Z) (c : claim) : result unit :=
  do found <- read_model data c;
  (* The smallest token is the largest one of the mirror image. *)
  let W := match c_rule c with Largest => found | Smallest => mirror found end in
  let enough precision :=
    match c_strategy c, (c_at_most c =? c_total c)%Z with
    (* An upper end that claims nothing is free. *)
    | ExactCount, true => (c_at_least c <=? Z.of_nat (check W precision (c_numerator c) (c_denominator c)))%Z
    | strategy, _ =>
      let counts := counts_of strategy W precision (c_numerator c) (c_denominator c) in
      (c_at_least c <=? Z.of_nat (fst counts))%Z && (c_total c - Z.of_nat (snd counts) <=? c_at_most c)%Z
    end in
  demand reached enough doublings (c_precision c) or Count;
  Good tt.

(** ** The proof *)
Lemma reached_spec enough doublings precision :
  reached enough doublings precision = true -> exists p, enough p = true.
Proof.
  revert precision. induction doublings as [|n IH]; intros p; cbn [reached]; intros H;
    apply orb_true_iff in H as [H|H]; eauto. discriminate.
Qed.

Lemma read_model_sound data c W : read_model data c = Good W ->
  exists fields body,
    file_reads data fields body /\ file_holds fields body (real_model W) /\ digest fields body = c_digest c /\
    zv W = c_vocab c /\ S (zn W) = c_ctx c /\ zd W = c_model c /\ zh W = c_head c /\
    c_total c = Z.of_nat (c_vocab c ^ c_ctx c).
Proof.
  unfold read_model. cbv zeta. intros H.
  destruct (read_file data) as [(fields, body)|] eqn:Er; cbn [bind] in H; [|discriminate].
  step H. step H. step H. step H. injection H as ->.
  rewrite !andb_true_iff, !Nat.eqb_eq in E1. destruct E1 as (((Ev & Ek) & Ed) & Eh).
  rewrite !andb_true_iff, Z.eqb_eq in E2. destruct E2 as ((Et & _) & _).
  rewrite Ev, Ek, <- Nat2Z.inj_pow in Et.
  exists fields, body. split; [apply read_file_sound, Er|]. split; [apply load_sound, E|].
  split; [apply same_spec, E0|]. repeat split; assumption.
Qed.

Lemma counts_of_sound s W precision num den :
  let counts := counts_of s W precision num den in
  let correct := n_correct (real_model W) (max_of (zv W) (S (zn W))) (IZR num / IZR (Zpos den))%R in
  (fst counts <= correct /\ correct + snd counts <= zv W ^ S (zn W))%nat.
Proof.
  destruct s; cbn [counts_of].
  - rewrite fast_counts_eq, check_both_ends. cbn [fst snd]. split; [apply check_sound|apply check_wrong_sound].
  - apply evaluated_sound.
  - apply cubic_sound.
Qed.

(** How many inputs of the claim's task are correct. *)
Lemma task_correct W c : zv W = c_vocab c -> S (zn W) = c_ctx c ->
  n_correct (real_model W) (task_of c) (margin c)
  = n_correct (real_model (match c_rule c with Largest => W | Smallest => mirror W end))
      (max_of (c_vocab c) (c_ctx c)) (margin c).
Proof.
  intros Ev Ek. unfold task_of. rewrite <- Ev, <- Ek. destruct (c_rule c); [reflexivity|]. apply mirror_correct.
Qed.

Theorem check_file_sound data c : check_file data c = Good tt -> true_of data c.
Proof.
  unfold check_file. cbv zeta. intros H.
  destruct (read_model data c) as [found|] eqn:Er; cbn [bind] in H; [|discriminate].
  step H. clear H. apply reached_spec in E as (p & Hp).
  apply read_model_sound in Er as (fields & body & Hr & Hh & Hd & Ev & Ek & Em & Eh & Et).
  exists fields, body, (real_model found). rewrite task_correct by assumption.
  set (W := match c_rule c with Largest => found | Smallest => mirror found end) in *.
  cbn [real_model d_vocab n_free d_model d_head].
  assert (Hl : length (inputs (max_of (c_vocab c) (c_ctx c))) = (c_vocab c ^ c_ctx c)%nat)
    by apply (Counts.seqs_length (c_vocab c) (c_ctx c)).
  split; [exact Hr|]. split; [exact Hh|]. split; [exact Hd|]. split; [exact Ev|]. split; [exact Ek|].
  split; [exact Em|]. split; [exact Eh|]. split; [rewrite Et, <- Hl; unfold task_of; destruct (c_rule c); reflexivity|].
  assert (Wv : zv W = c_vocab c) by (unfold W; destruct (c_rule c); assumption).
  assert (Wk : S (zn W) = c_ctx c) by (unfold W; destruct (c_rule c); assumption).
  set (num := c_numerator c) in *. set (den := c_denominator c) in *.
  destruct (match c_strategy c with ExactCount => (c_at_most c =? c_total c)%Z | _ => false end) eqn:Efree.
  - (* only the lower end *)
    destruct (c_strategy c); try discriminate Efree. rewrite Efree in Hp.
    pose proof (check_sound W p num den) as S1. rewrite Wv, Wk in S1. unfold margin. fold num den.
    apply Z.eqb_eq in Efree. apply Z.leb_le in Hp. split; [lia|]. rewrite Efree, Et. apply inj_le.
    unfold n_correct. rewrite <- Hl. apply Counts.count_le_length.
  - pose proof (counts_of_sound (c_strategy c) W p num den) as Hc. cbv zeta in Hc. rewrite Wv, Wk in Hc.
    unfold margin. fold num den.
    set (counts := counts_of (c_strategy c) W p num den) in *.
    assert (Hp' : (c_at_least c <=? Z.of_nat (fst counts))%Z && (c_total c - Z.of_nat (snd counts) <=? c_at_most c)%Z = true).
    { unfold counts. destruct (c_strategy c); try rewrite Efree in Hp; exact Hp. }
    rewrite Et in Hp'. apply andb_true_iff in Hp' as (H1 & H2). apply Z.leb_le in H1. apply Z.leb_le in H2. lia.
Qed.
