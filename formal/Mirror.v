(** The smallest token instead of the largest: with tokens and outputs numbered from the other end, min-of-k
    of a model is max-of-k of its mirror image. *)
From Coq Require Import ZArith Reals Lra Lia List Arith Bool Permutation.
From Ballproof Require Import Sums Transformer Counts Theorems Exact ExactSound.
Import ListNotations.
Local Open Scope nat_scope.

(** ** The program *)
Definition mirror (W : zmodel) : zmodel :=
  let v := zv W in
  {| zv := v; zn := zn W; zd := zd W; zh := zh W; zs := zs W;
     zE := tab2 v (zd W) (fun t c => get2 (zE W) (v - S t) c);
     zPos := zPos W; zQ := zQ W; zK := zK W; zV := zV W; zO := zO W;
     zU := tab2 (zd W) v (fun c j => get2 (zU W) c (v - S j));
     zbQ := zbQ W; zbK := zbK W; zbV := zbV W; zbO := zbO W;
     zbU := map (fun j => get (zbU W) (v - S j)) (seq 0 v) |}.

(** ** The proof *)
Section Mirror.
Variable W : zmodel.
Notation v := (zv W).
Notation n := (zn W).
Notation M := (real_model W).
Notation M' := (real_model (mirror W)).
Definition turned (x : input) : input := map (fun t => v - S t) x.

Section Input.
Variable x : input.
Hypothesis x_length : length x = S n.
Hypothesis x_tokens : Forall (fun t => t < v) x.

Lemma tok_below i : i < S n -> tok x i < v.
Proof. intros Hi. rewrite Forall_forall in x_tokens. apply x_tokens, nth_In. lia. Qed.
Lemma tok_turned i : i < S n -> tok (turned x) i = v - S (tok x i).
Proof. intros Hi. unfold tok, turned. rewrite (nth_map_lt _ x i 0 0) by lia. reflexivity. Qed.

Lemma resid_turned i c : i < S n -> c < zd W -> resid M' x i c = resid M (turned x) i c.
Proof.
  intros Hi Hc. unfold resid. rewrite tok_turned by assumption. cbn [W_E W_pos real_model mirror zE zPos zs].
  rewrite get2_tab2 by (try apply tok_below; assumption). reflexivity.
Qed.
Lemma query_turned a : query M' x a = query M (turned x) a.
Proof. unfold query. cbn. f_equal. apply sum_ext. intros c Hc. rewrite <- resid_turned by (assumption || lia). reflexivity. Qed.
Lemma key_turned i a : i < S n -> key M' x i a = key M (turned x) i a.
Proof. intros Hi. unfold key. cbn. f_equal. apply sum_ext. intros c Hc. rewrite <- resid_turned by assumption. reflexivity. Qed.
Lemma value_turned i a : i < S n -> value M' x i a = value M (turned x) i a.
Proof. intros Hi. unfold value. cbn. f_equal. apply sum_ext. intros c Hc. rewrite <- resid_turned by assumption. reflexivity. Qed.
Lemma score_turned i : i < S n -> score M' x i = score M (turned x) i.
Proof.
  intros Hi. unfold score. cbn [d_head real_model mirror zh]. f_equal. apply sum_ext. intros a _.
  rewrite query_turned, key_turned by assumption. reflexivity.
Qed.
Lemma alpha_turned i : i < S n -> alpha M' x i = alpha M (turned x) i.
Proof.
  intros Hi. unfold alpha. rewrite score_turned by assumption. f_equal. cbn [n_free real_model mirror zn].
  apply sum_ext. intros l Hl. rewrite score_turned by assumption. reflexivity.
Qed.
Lemma mixed_turned a : mixed M' x a = mixed M (turned x) a.
Proof.
  unfold mixed. cbn [n_free real_model mirror zn]. apply sum_ext. intros i Hi.
  rewrite alpha_turned, value_turned by assumption. reflexivity.
Qed.
Lemma final_turned c : c < zd W -> final M' x c = final M (turned x) c.
Proof.
  intros Hc. unfold final. cbn [n_free d_head b_O W_O real_model mirror zn zh zO zbO zs].
  rewrite resid_turned by (assumption || lia). do 2 f_equal. apply sum_ext. intros a _. rewrite mixed_turned. reflexivity.
Qed.
Lemma logit_turned j : j < v -> logit M' x j = logit M (turned x) (v - S j).
Proof.
  intros Hj. unfold logit. cbn [d_model b_U W_U real_model mirror zd zs zU zbU]. f_equal.
  - apply sum_ext. intros c Hc. rewrite final_turned by assumption. rewrite get2_tab2 by assumption. reflexivity.
  - unfold get at 1. rewrite nth_map_seq by assumption. reflexivity.
Qed.

Lemma min_turned : label (min_of v (S n)) (turned x) = v - S (list_max x).
Proof.
  cbn [label min_of]. destruct x as [|t y]; [discriminate|]. clear x x_length.
  cbn [turned map hd]. inversion x_tokens as [|? ? Ht Hy]; subst. clear x_tokens.
  assert (H : forall y, fold_right Nat.min (v - S t) (map (fun t => v - S t) y) = v - S (Nat.max t (list_max y))).
  { unfold list_max. induction y0 as [|u z IH]; cbn [map fold_right]; [f_equal; lia|]. rewrite IH. lia. }
  cbn [fold_right]. rewrite H. unfold list_max. cbn [fold_right]. lia.
Qed.

Lemma max_below : list_max x < v.
Proof.
  destruct (zv W) as [|b] eqn:Eb.
  - destruct x; [discriminate|]. inversion x_tokens. lia.
  - apply Nat.lt_succ_r, list_max_le_forall. assumption.
Qed.

Lemma correct_turned eps : correctb M' (max_of v (S n)) eps x = correctb M (min_of v (S n)) eps (turned x).
Proof.
  pose proof max_below as Hm. pose proof min_turned as El.
  apply eq_true_iff_eq. rewrite !correctb_spec. unfold correct. rewrite El.
  cbn [answers label max_of min_of]. unfold wins. rewrite El. cbn [label max_of].
  split; intros (_ & H); (split; [apply in_seq; lia|]); intros j Hj Hne; apply in_seq in Hj.
  - specialize (H (v - S j)). rewrite !logit_turned in H by lia.
    replace (v - S (v - S j)) with j in H by lia. apply H; [apply in_seq; lia|lia].
  - specialize (H (v - S j)). rewrite <- !logit_turned in H by lia.
    rewrite logit_turned in H by lia. rewrite logit_turned by lia.
    apply H; [apply in_seq; lia|lia].
Qed.
End Input.

Lemma turned_inputs : Permutation (map turned (seqs v (S n))) (seqs v (S n)).
Proof.
  assert (Hin : forall x, In x (seqs v (S n)) -> In (turned x) (seqs v (S n))).
  { intros x Hx. apply in_seqs in Hx as (Hl & Hf). apply in_seqs. unfold turned. rewrite map_length. split; [assumption|].
    rewrite Forall_forall in *. intros t Ht. apply in_map_iff in Ht as (u & <- & Hu). specialize (Hf u Hu). lia. }
  assert (Htwice : forall x, In x (seqs v (S n)) -> turned (turned x) = x).
  { intros x Hx. apply in_seqs in Hx as (_ & Hf). unfold turned. rewrite map_map. rewrite <- (map_id x) at 2.
    apply map_ext_in. intros t Ht. rewrite Forall_forall in Hf. specialize (Hf t Ht). lia. }
  apply NoDup_Permutation.
  - apply (NoDup_map_inv turned). rewrite map_map. rewrite (map_ext_in (fun x => turned (turned x)) (fun x => x) (seqs v (S n)) Htwice), map_id. apply seqs_NoDup.
  - apply seqs_NoDup.
  - intros x. rewrite in_map_iff. split.
    + intros (y & <- & Hy). apply Hin, Hy.
    + intros Hx. exists (turned x). split; [apply Htwice, Hx|apply Hin, Hx].
Qed.

Theorem mirror_correct eps : n_correct M (min_of v (S n)) eps = n_correct M' (max_of v (S n)) eps.
Proof.
  unfold n_correct. change (inputs (min_of v (S n))) with (seqs v (S n)). change (inputs (max_of v (S n))) with (seqs v (S n)).
  fold (count (correctb M (min_of v (S n)) eps) (seqs v (S n))).
  rewrite <- (count_perm _ _ _ turned_inputs), count_map. apply count_ext. intros x Hx.
  apply in_seqs in Hx as (Hl & Hf). symmetry. apply correct_turned; assumption.
Qed.
End Mirror.
