(* Certificates as JSON: one object, one spelling of every number (docs/certificate.md). Nothing that
   is proved rests on this file: what it reads is what the verdict prints and what the proved program
   is asked about. *)

type t = Number of string | Text of string | Bool of bool | Null | List of t list | Object of (string * t) list

exception Refused of string * string (* reason, sentence *)

let refuse reason sentence = raise (Refused (reason, sentence))
let syntax sentence = refuse "syntax" ("certificate: " ^ sentence)
let max_nesting = 16
let max_digits = 2000

let parse (text : string) : t =
  let size = String.length text and at = ref 0 in
  let peek () = if !at < size then text.[!at] else '\000' in
  let next () = let c = peek () in incr at; c in
  let expect c = if next () <> c then syntax (Printf.sprintf "%C is expected at byte %d." c (!at - 1)) in
  let rec space () = match peek () with ' ' | '\t' | '\n' | '\r' -> incr at; space () | _ -> () in
  let word w value = String.iter expect w; value in
  let string () =
    expect '"';
    let found = Buffer.create 16 in
    let rec go () =
      if !at >= size then syntax "a string does not end.";
      match next () with
      | '"' -> Buffer.contents found
      | '\\' ->
        (match next () with
         | ('"' | '\\' | '/') as c -> Buffer.add_char found c
         | _ -> refuse "unsupported" "certificate: an escape that this checker does not read.");
        go ()
      | c when c < ' ' || c > '~' -> refuse "unsupported" "certificate: a string with bytes other than printable ASCII."
      | c -> Buffer.add_char found c; go () in
    go () in
  let number () =
    let start = !at in
    if peek () = '-' then incr at;
    let digits = !at in
    while peek () >= '0' && peek () <= '9' do incr at done;
    let length = !at - digits in
    if length = 0 || (text.[digits] = '0' && length > 1) then syntax "a number is misspelt.";
    if String.contains ".eE" (peek ()) && !at < size then syntax "a number is not an integer.";
    if length > max_digits then refuse "limit" "certificate: a number has too many digits.";
    let found = String.sub text start (!at - start) in
    if found = "-0" then syntax "-0 is not an exact number.";
    Number found in
  let rec value nesting =
    if nesting > max_nesting then refuse "limit" "certificate: nesting is too deep.";
    space ();
    let found =
      match peek () with
      | '{' -> incr at; Object (fields nesting)
      | '[' -> incr at; List (items nesting)
      | '"' -> Text (string ())
      | 't' -> word "true" (Bool true)
      | 'f' -> word "false" (Bool false)
      | 'n' -> word "null" Null
      | _ -> number () in
    space (); found
  and items nesting =
    space ();
    if peek () = ']' then (incr at; [])
    else
      let rec go found =
        let found = value (nesting + 1) :: found in
        match next () with
        | ',' -> go found
        | ']' -> List.rev found
        | _ -> syntax "a list is misspelt." in
      go []
  and fields nesting =
    space ();
    if peek () = '}' then (incr at; [])
    else
      let seen = Hashtbl.create 16 in
      let rec go found =
        space ();
        let key = string () in
        if Hashtbl.mem seen key then syntax "a key appears twice.";
        Hashtbl.add seen key ();
        space (); expect ':';
        let found = (key, value (nesting + 1)) :: found in
        match next () with
        | ',' -> go found
        | '}' -> List.rev found
        | _ -> syntax "an object is misspelt." in
      go [] in
  if peek () <> '{' then syntax "the file must start with '{'.";
  (* White space after the object is not read as part of it. *)
  incr at;
  let found = Object (fields 1) in
  let rest = String.sub text !at (size - !at) in
  if rest <> "" && rest <> "\n" then syntax "bytes follow the JSON object.";
  found

(* Fields, counts, rationals *)
let fields_of what keys = function
  | Object fields ->
    let found = List.map fst fields in
    List.iter (fun key -> if not (List.mem key found) then syntax (Printf.sprintf "%s: the key %S is missing." what key)) keys;
    List.iter (fun key -> if not (List.mem key keys) then syntax (Printf.sprintf "%s: the key %S is unknown." what key)) found;
    fun key -> List.assoc key fields
  | _ -> syntax (what ^ ": an object is expected.")

let text what = function Text t -> t | _ -> syntax (what ^ ": a string is expected.")
let all_digits t = t <> "" && String.for_all (fun c -> c >= '0' && c <= '9') t
let is_natural t = all_digits t && (t = "0" || t.[0] <> '0')

let natural what most t =
  if String.length t > most && all_digits t then refuse "limit" (what ^ ": a number has too many digits.");
  if not (is_natural t) then syntax (what ^ ": not spelt as a number is.");
  Zar.of_string t

let count what value = natural what max_digits (text what value)

let small what low high = function
  | Number t ->
    let n = Zar.of_string t in
    if Zar.lt n (Zar.of_int low) || Zar.gt n (Zar.of_int high) then
      refuse "limit" (Printf.sprintf "certificate: %s: not between %d and %d." what low high);
    Zar.to_int n
  | _ -> syntax (what ^ ": a JSON integer is expected.")

(* n or n/d in lowest terms; negative ones are not margins. *)
let rational what t =
  if t <> "" && t.[0] = '-' then refuse "unsupported" (what ^ ": a margin is not negative.");
  match String.index_opt t '/' with
  | None -> (natural what (max_digits / 10) t, Zar.one)
  | Some i ->
    let n = natural what (max_digits / 10) (String.sub t 0 i) in
    let d = natural what (max_digits / 10) (String.sub t (i + 1) (String.length t - i - 1)) in
    if Zar.leq d Zar.one || not (Zar.equal (Zar.gcd n d) Zar.one) then syntax (what ^ ": not in lowest terms.");
    (n, d)
