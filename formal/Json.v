(** The subset of JSON that a header is read in: no white space, strings of printable ASCII with the
    escapes of quote and backslash alone, numbers without sign, fraction and exponent. A text is read as a value
    only if it is what [write] makes of that value, and the value is well formed. *)
From Coq Require Import ZArith Lia List Bool.
Import ListNotations.
Local Open Scope Z_scope.

(** Texts are lists of bytes. *)
Definition text := list Z.

(** ** The specification *)

(** Digits and the insides of strings are kept as they are written. *)
Inductive json :=
| Number (digits : text)
| String (inside : text)
| Array (items : list json)
| Object (fields : list (text * json)).

Definition quote := 34. Definition backslash := 92. Definition comma := 44. Definition colon := 58.
Definition open_array := 91. Definition close_array := 93.
Definition open_object := 123. Definition close_object := 125.

Fixpoint separated (items : list text) : text :=
  match items with
  | [] => []
  | [item] => item
  | item :: items => item ++ comma :: separated items
  end.
Definition quoted (inside : text) : text := quote :: inside ++ [quote].
Fixpoint write (value : json) : text :=
  match value with
  | Number digits => digits
  | String inside => quoted inside
  | Array items => open_array :: separated (map write items) ++ [close_array]
  | Object fields =>
      open_object :: separated (map (fun field => match field with (key, value) =>
        quoted key ++ colon :: write value end) fields) ++ [close_object]
  end.

Definition is_digit (b : Z) : bool := (48 <=? b) && (b <=? 57).
Definition number_formed (digits : text) : bool :=
  forallb is_digit digits &&
  match digits with [] => false | [_] => true | d :: _ => negb (d =? 48) end.
Definition plain (b : Z) : bool := (32 <=? b) && (b <=? 126) && negb (b =? quote) && negb (b =? backslash).
Fixpoint inside_formed (inside : text) : bool :=
  match inside with
  | [] => true
  | b :: rest =>
      if b =? backslash then
        match rest with c :: rest => ((c =? quote) || (c =? backslash)) && inside_formed rest | [] => false end
      else plain b && inside_formed rest
  end.
Fixpoint well_formed (value : json) : bool :=
  match value with
  | Number digits => number_formed digits
  | String inside => inside_formed inside
  | Array items => forallb well_formed items
  | Object fields =>
      forallb (fun field => match field with (key, value) => inside_formed key && well_formed value end) fields
  end.

Definition number_value (digits : text) : Z := fold_left (fun a d => 10 * a + (d - 48)) digits 0.

(** ** The program *)

Fixpoint read_digits (t : text) : text * text :=
  match t with
  | [] => ([], [])
  | b :: rest => if is_digit b then let (ds, rest) := read_digits rest in (b :: ds, rest) else ([], t)
  end.

(** What stands before the closing quote, and what follows it. *)
Fixpoint read_inside (t : text) : option (text * text) :=
  match t with
  | [] => None
  | b :: rest =>
      if b =? quote then Some ([], rest)
      else if b =? backslash then
        match rest with
        | c :: rest =>
            if (c =? quote) || (c =? backslash) then
              match read_inside rest with Some (s, rest) => Some (b :: c :: s, rest) | None => None end
            else None
        | [] => None
        end
      else if plain b then
        match read_inside rest with Some (s, rest) => Some (b :: s, rest) | None => None end
      else None
  end.

Definition reader (A : Type) : Type := text -> option (A * text).

(** One item or more, up to the closing byte. *)
Fixpoint read_items {A} (item : reader A) (close : Z) (most : nat) (t : text) : option (list A * text) :=
  match most with
  | O => None
  | S most =>
      match item t with
      | Some (a, b :: rest) =>
          if b =? close then Some ([a], rest)
          else if b =? comma then
            match read_items item close most rest with Some (l, rest) => Some (a :: l, rest) | None => None end
          else None
      | _ => None
      end
  end.

Definition read_list {A} (item : reader A) (close : Z) (most : nat) (t : text) : option (list A * text) :=
  match t with
  | b :: rest => if b =? close then Some ([], rest) else read_items item close most t
  | [] => None
  end.

Definition read_field (value : reader json) (t : text) : option ((text * json) * text) :=
  match t with
  | b :: t =>
      if b =? quote then
        match read_inside t with
        | Some (key, c :: t) =>
            if c =? colon then
              match value t with Some (v, t) => Some ((key, v), t) | None => None end
            else None
        | _ => None
        end
      else None
  | [] => None
  end.

(** A value of at most this nesting, with at most so many items in each list. *)
Fixpoint read_value (nesting most : nat) (t : text) : option (json * text) :=
  match nesting, t with
  | S nesting, b :: rest =>
      if b =? quote then
        match read_inside rest with Some (s, rest) => Some (String s, rest) | None => None end
      else if b =? open_array then
        match read_list (read_value nesting most) close_array most rest with
        | Some (l, rest) => Some (Array l, rest) | None => None end
      else if b =? open_object then
        match read_list (read_field (read_value nesting most)) close_object most rest with
        | Some (l, rest) => Some (Object l, rest) | None => None end
      else
        let (ds, rest) := read_digits t in
        if number_formed ds then Some (Number ds, rest) else None
  | _, _ => None
  end.

(** ** The proof *)
Definition sound {A} (item : reader A) (written : A -> text) (formed : A -> bool) : Prop :=
  forall t a rest, item t = Some (a, rest) -> t = written a ++ rest /\ formed a = true.

Lemma read_digits_app t : fst (read_digits t) ++ snd (read_digits t) = t.
Proof.
  induction t as [|b t IH]; simpl; [reflexivity|].
  destruct (is_digit b); [|reflexivity]. destruct (read_digits t). simpl in *. congruence.
Qed.

Lemma read_inside_sound t : forall s rest, read_inside t = Some (s, rest) ->
  t = s ++ quote :: rest /\ inside_formed s = true.
Proof.
  assert (H : forall n t, (length t < n)%nat -> forall s rest, read_inside t = Some (s, rest) ->
    t = s ++ quote :: rest /\ inside_formed s = true).
  2:{ apply (H (S (length t))). lia. }
  clear t. induction n as [|n IH]; intros t L s rest; [lia|].
  destruct t as [|b t]; cbn [read_inside]; [discriminate|]. cbn [length] in L.
  destruct (Z.eqb_spec b quote) as [->|Hq]; [intros E; injection E as <- <-; split; reflexivity|].
  destruct (Z.eqb_spec b backslash) as [->|Hb].
  - destruct t as [|c t]; [discriminate|]. destruct ((c =? quote) || (c =? backslash)) eqn:Ec; [|discriminate].
    destruct (read_inside t) as [[s' r']|] eqn:E; [|discriminate]. intros E'. injection E' as <- <-.
    destruct (IH t ltac:(cbn [length] in L; lia) _ _ E) as (-> & F).
    split; [reflexivity|]. cbn [inside_formed]. rewrite Z.eqb_refl, Ec, F. reflexivity.
  - destruct (plain b) eqn:Ep; [|discriminate].
    destruct (read_inside t) as [[s' r']|] eqn:E; [|discriminate]. intros E'. injection E' as <- <-.
    destruct (IH t ltac:(lia) _ _ E) as (-> & F).
    split; [reflexivity|]. cbn [inside_formed]. apply Z.eqb_neq in Hb. rewrite Hb, Ep, F. reflexivity.
Qed.

Lemma read_items_sound {A} (item : reader A) written formed close most :
  sound item written formed -> forall t l rest, read_items item close most t = Some (l, rest) ->
  l <> [] /\ t = separated (map written l) ++ close :: rest /\ forallb formed l = true.
Proof.
  intros Hi. induction most as [|most IH]; intros t l rest; cbn [read_items]; [discriminate|].
  destruct (item t) as [[a [|b t']]|] eqn:E; try discriminate. apply Hi in E as (-> & Fa).
  destruct (Z.eqb_spec b close) as [->|Hc].
  - intros E. injection E as <- <-. split; [discriminate|]. split; [reflexivity|]. simpl. rewrite Fa. reflexivity.
  - destruct (Z.eqb_spec b comma) as [->|Hm]; [|discriminate].
    destruct (read_items item close most t') as [[l' r']|] eqn:E; [|discriminate].
    intros E'. injection E' as <- <-. destruct (IH _ _ _ E) as (N & -> & F).
    split; [discriminate|]. split.
    + destruct l' as [|a' l']; [contradiction|]. cbn [map separated]. rewrite <- app_assoc. reflexivity.
    + cbn [forallb]. rewrite Fa, F. reflexivity.
Qed.

Lemma read_list_sound {A} (item : reader A) written formed close most :
  sound item written formed -> forall t l rest, read_list item close most t = Some (l, rest) ->
  t = separated (map written l) ++ close :: rest /\ forallb formed l = true.
Proof.
  intros Hi [|b t] l rest; cbn [read_list]; [discriminate|]. destruct (Z.eqb_spec b close) as [->|Hc].
  - intros E. injection E as <- <-. split; reflexivity.
  - intros E. apply (read_items_sound item written formed) in E; [tauto|assumption].
Qed.

Theorem read_value_sound nesting most : sound (read_value nesting most) write well_formed.
Proof.
  induction nesting as [|nesting IH]; intros [|b t] value rest; cbn [read_value]; try discriminate.
  destruct (Z.eqb_spec b quote) as [->|Hq].
  { destruct (read_inside t) as [[s r]|] eqn:E; [|discriminate]. intros E'. injection E' as <- <-.
    apply read_inside_sound in E as (-> & F). split; [|exact F].
    cbn [write]. unfold quoted. cbn [app]. rewrite <- app_assoc. reflexivity. }
  destruct (Z.eqb_spec b open_array) as [->|Ha].
  { destruct (read_list _ close_array most t) as [[l r]|] eqn:E; [|discriminate]. intros E'. injection E' as <- <-.
    apply (read_list_sound _ write well_formed) in E as (-> & F); [|exact IH]. split; [|exact F].
    cbn [write app]. rewrite <- app_assoc. reflexivity. }
  destruct (Z.eqb_spec b open_object) as [->|Ho].
  { destruct (read_list _ close_object most t) as [[l r]|] eqn:E; [|discriminate]. intros E'. injection E' as <- <-.
    eapply (read_list_sound _
       (fun field : text * json => match field with (key, value) => quoted key ++ colon :: write value end)
       (fun field : text * json => match field with (key, value) => inside_formed key && well_formed value end))
      in E as (-> & F).
    - split; [|exact F]. cbn [write app]. rewrite <- app_assoc. reflexivity.
    - clear - IH. intros t' (key & v) r'. unfold read_field. destruct t' as [|c t']; [discriminate|].
      destruct (Z.eqb_spec c quote) as [->|]; [|discriminate].
      destruct (read_inside t') as [[key' [|c t'']]|] eqn:E; try discriminate.
      destruct (Z.eqb_spec c colon) as [->|]; [|discriminate].
      destruct (read_value nesting most t'') as [[v' r'']|] eqn:Ev; [|discriminate].
      intros E'. injection E' as <- <- <-. apply read_inside_sound in E as (-> & Fk). apply IH in Ev as (-> & Fv).
      split; [|rewrite Fk, Fv; reflexivity]. unfold quoted. cbn [app]. rewrite <- !app_assoc. reflexivity. }
  pose proof (read_digits_app (b :: t)) as A. destruct (read_digits (b :: t)) as [ds r]. cbn [fst snd] in A.
  destruct (number_formed ds) eqn:F; [|discriminate]. intros E. injection E as <- <-. split; [|exact F].
  symmetry. exact A.
Qed.
