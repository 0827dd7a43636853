(* The verified checker: `verified-checker MODEL CERT`. Reads two files, asks the proved program, and
   prints the verdict of docs/certificate.md. Trusted of this file are that the bytes of MODEL are
   handed over as they are, and that the statement that is printed is the claim that was checked. *)

open Json

let usage () =
  prerr_endline "usage: verified-checker MODEL CERT [--at-least N/D] [--task T] [--semantics S] [--margin N/D] \
                 [--max-operations N] [--seconds N] [--json]";
  exit 64

let declined = 2 and rejected = 1
let words = "embed,positions,attention(1-head,causal,1/sqrt(d_head)),readout(last)"

let parts =
  let part fields = Object (List.map (fun (k, v) -> (k, v)) fields) in
  [ part [ ("part", Text "embed") ]; part [ ("part", Text "positions") ];
    part [ ("part", Text "attention"); ("heads", Number "1"); ("mask", Text "causal"); ("scale", Text "1/sqrt(d_head)") ];
    part [ ("part", Text "readout"); ("position", Text "last") ] ]

let sorted = function Object fields -> Object (List.sort compare fields) | other -> other
let unsupported sentence = refuse "unsupported" sentence

(* The order of keys in the metadata of weights is that of the certificate: only one order is read there. *)
let require_parts = function
  | List found when List.map sorted found = List.map sorted parts -> ()
  | _ -> unsupported "certificate: only one layer of attention with one head is served."

type certificate = {
  claim : Verified.claim; digest : string; task : string; semantics : string; margin : string;
  strategy : string; operations : Zar.t; witness_empty : bool }

let strategies = [ ("exact", Verified.ExactCount); ("brute-force", Verified.BruteForce); ("cubic", Verified.CubicCount) ]

let rules = [ ("max", Verified.Largest); ("min", Verified.Smallest) ]

let over_all task vocab ctx =
  let span = List [ Number "0"; Number (string_of_int vocab) ] in
  task "positions" = List (List.init ctx (fun _ -> span))
  && task "reads" = List (List.init ctx (fun i -> Number (string_of_int i)))
  && task "answers" = span

let hex_digits t = String.for_all (fun c -> (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')) t

let read_certificate data max_operations =
  let whole = Json.parse data in
  (match whole with
   | Object fields when List.mem_assoc "format" fields && List.assoc "format" fields <> Text "ballproof-certificate/2" ->
     unsupported "certificate: not of the format ballproof-certificate/2."
   | _ -> ());
  let top = fields_of "certificate" [ "format"; "claim"; "proof" ] whole in
  let stated =
    fields_of "claim" [ "model"; "task"; "semantics"; "margin"; "total"; "correct_at_least"; "correct_at_most" ] (top "claim") in
  let model = fields_of "claim.model" [ "sha256"; "parts"; "sizes" ] (stated "model") in
  require_parts (model "parts");
  let names = [ "d_vocab"; "n_ctx"; "d_model"; "d_head"; "d_vocab_out" ] in
  let size = fields_of "claim.model.sizes" names (model "sizes") in
  let size name = small ("claim.model.sizes." ^ name) 1 (1 lsl 28) (size name) in
  let vocab = size "d_vocab" and ctx = size "n_ctx" and width = size "d_model" and head = size "d_head" in
  let outputs = size "d_vocab_out" in
  let rule, served_rule = match stated "task" with
    | Object fields ->
      (match List.assoc_opt "rule" fields with
       | Some (Text rule) when List.mem_assoc rule rules -> (rule, List.assoc rule rules)
       | _ -> unsupported "certificate: only the tasks max-of-k and min-of-k are served.")
    | _ -> unsupported "certificate: only the tasks max-of-k and min-of-k are served." in
  let task = fields_of "claim.task" [ "rule"; "positions"; "reads"; "answers" ] (stated "task") in
  let proof = fields_of "proof" [ "tally"; "strategy"; "precision"; "operations"; "witness" ] (top "proof") in
  let digest = text "claim.model.sha256" (model "sha256") in
  if String.length digest <> 64 || not (hex_digits digest) then syntax "claim.model.sha256: not 64 lower-case hex digits.";
  let semantics = text "claim.semantics" (stated "semantics") in
  let margin = text "claim.margin" (stated "margin") in
  let numerator, denominator = rational "claim.margin" margin in
  let total = count "claim.total" (stated "total") in
  let at_least = count "claim.correct_at_least" (stated "correct_at_least") in
  let at_most = count "claim.correct_at_most" (stated "correct_at_most") in
  let strategy = text "proof.strategy" (proof "strategy") in
  let precision = small "proof.precision" 32 1024 (proof "precision") in
  let operations = count "proof.operations" (proof "operations") in
  ignore (small "proof.tally" 1 1 (proof "tally"));
  let witness_empty = match proof "witness" with
    | Object fields -> fields = [] | _ -> syntax "proof.witness: not an object." in
  if Zar.gt operations max_operations then refuse "limit" "the budget of operations is above the limit.";
  if semantics <> "real" then unsupported "only the semantics real are served.";
  let served = match List.assoc_opt strategy strategies with
    | Some served -> served
    | None -> unsupported (Printf.sprintf "the strategy %S is not served." strategy) in
  if ctx > 500 then refuse "limit" "more than 500 positions are not walked.";
  if not (over_all task vocab ctx && outputs = vocab) then
    unsupported "only tasks over all tokens, positions and outputs are served.";
  if served = Verified.CubicCount && served_rule <> Verified.Largest then
    unsupported "cubic serves only max-of-k.";
  let byte i = Zar.of_int (int_of_string ("0x" ^ String.sub digest (2 * i) 2)) in
  { digest; task = Printf.sprintf "%s-of-%d" rule ctx; semantics; margin; strategy; operations; witness_empty;
    claim =
      { Verified.c_digest = List.init 32 byte;
        c_vocab = Zar.of_int vocab; c_ctx = Zar.of_int ctx; c_model = Zar.of_int width; c_head = Zar.of_int head;
        c_rule = served_rule; c_numerator = numerator; c_denominator = denominator;
        c_total = total; c_at_least = at_least; c_at_most = at_most; c_strategy = served; c_precision = Zar.of_int precision } }

(* Pins of the caller *)
type pins = {
  mutable at_least : (Zar.t * Zar.t) option; mutable task : string option; mutable semantics : string option;
  mutable margin : string option; mutable max_operations : Zar.t;
  mutable seconds : float; mutable json : bool }

let require_pins pins (c : certificate) =
  let pinned what wanted claimed =
    match wanted with
    | Some w when w <> claimed -> refuse "pin" (Printf.sprintf "the %s is %s, not %s." what claimed w)
    | _ -> () in
  pinned "task" pins.task c.task;
  pinned "semantics" pins.semantics c.semantics;
  pinned "margin" pins.margin c.margin;
  match pins.at_least with
  | Some (n, d) when Zar.lt (Zar.mul c.claim.c_at_least d) (Zar.mul n c.claim.c_total) ->
    refuse "pin" (Printf.sprintf "only %s of %s are claimed." (Zar.to_string c.claim.c_at_least) (Zar.to_string c.claim.c_total))
  | _ -> ()

let sentence_of = function
  | Verified.Syntax -> ("syntax", "weights: not of the subset of safetensors that this checker reads.")
  | Verified.Limit -> ("limit", "weights: over a limit.")
  | Verified.Unsupported -> ("unsupported", "weights: a tensor, dtype, shape or number that this checker does not serve.")
  | Verified.Digest -> ("digest", "the certificate is for other weights.")
  | Verified.Statement -> ("statement", "sizes, total or order of the counts do not fit the weights.")
  | Verified.Count -> ("count", "the claim goes beyond what the check establishes.")

let exit_code = function "syntax" | "limit" | "unsupported" -> declined | _ -> rejected

let verdict weights data pins =
  let c = read_certificate data pins.max_operations in
  let established : 'a. 'a Verified.result -> 'a = function
    | Verified.Good found -> found
    | Verified.Bad reason -> let reason, sentence = sentence_of reason in refuse reason sentence in
  ignore (established (Verified.read_model weights c.claim));
  require_pins pins c;
  if not c.witness_empty then refuse "witness" (c.strategy ^ " takes the empty witness.");
  established (Verified.check_file weights c.claim);
  c

open Verified

let share (c : certificate) =
  let s = Zar.div (Zar.mul c.claim.c_at_least (Zar.of_int 100000)) c.claim.c_total in
  let whole, part = Zar.div_rem s (Zar.of_int 100000) in
  Printf.sprintf "%s.%05d" (Zar.to_string whole) (Zar.to_int part)

let line (c : certificate) =
  Printf.sprintf "s VERIFIED %s of %s sha256:%s %s margin %s: at least %s of %s correct (>= %s)%s, %s operations, \
                  not counted by the verified checker"
    c.task words c.digest c.semantics c.margin (Zar.to_string c.claim.c_at_least) (Zar.to_string c.claim.c_total) (share c)
    (if Zar.lt c.claim.c_at_most c.claim.c_total then ", at most " ^ Zar.to_string c.claim.c_at_most else "")
    (Zar.to_string c.operations)

let quoted s = "\"" ^ String.concat "\\\"" (String.split_on_char '"' (String.concat "\\\\" (String.split_on_char '\\' s))) ^ "\""
let json fields = "{" ^ String.concat ", " (List.map (fun (k, v) -> quoted k ^ ": " ^ v) fields) ^ "}"

let verified_json (c : certificate) =
  let z x = quoted (Zar.to_string x) in
  json
    [ ("verdict", quoted "VERIFIED"); ("exit_code", "0"); ("task", quoted c.task); ("model", quoted words);
      ("sha256", quoted c.digest); ("semantics", quoted c.semantics); ("margin", quoted c.margin); ("total", z c.claim.c_total);
      ("correct_at_least", z c.claim.c_at_least); ("correct_at_most", z c.claim.c_at_most); ("operations", z c.operations);
      ("checker", quoted "verified checker") ]

let read path limit =
  try
    let channel = open_in_bin path in
    let size = in_channel_length channel in
    let data = really_input_string channel (min size (limit + 1)) in
    close_in channel; data
  with Sys_error reason -> prerr_endline ("verified-checker: cannot read: " ^ reason); exit 64

(* n, n/d or a decimal *)
let number_argument what t =
  try
    match String.index_opt t '.' with
    | None -> (try rational what t with Refused _ ->
        (match String.split_on_char '/' t with
         | [ n; d ] when all_digits n && all_digits d && Zar.sign (Zar.of_string d) > 0 ->
           let n = Zar.of_string n and d = Zar.of_string d in
           let g = Zar.gcd n d in (Zar.div n g, Zar.div d g)
         | _ -> usage ()))
    | Some i ->
      let whole = String.sub t 0 i and part = String.sub t (i + 1) (String.length t - i - 1) in
      if not (all_digits whole && all_digits part) then usage ();
      let d = Zar.pow (Zar.of_int 10) (String.length part) in
      let n = Zar.of_string (whole ^ part) in
      let g = Zar.gcd n d in (Zar.div n g, Zar.div d g)
  with Invalid_argument _ -> usage ()

let arguments () =
  let pins = { at_least = None; task = None; semantics = None; margin = None; max_operations = Zar.of_string "100000000000";
               seconds = 3600.; json = false } in
  let flag name value =
    match name with
    | "--at-least" -> pins.at_least <- Some (number_argument name value)
    | "--task" -> pins.task <- Some value
    | "--semantics" -> pins.semantics <- Some value
    | "--margin" ->
      let n, d = number_argument name value in
      let n, d = Zar.to_string n, Zar.to_string d in
      pins.margin <- Some (if d = "1" then n else n ^ "/" ^ d)
    | "--max-operations" -> (match number_argument name value with n, d when Zar.equal d Zar.one -> pins.max_operations <- n | _ -> usage ())
    | "--seconds" -> pins.seconds <- (match int_of_string_opt value with Some n when n > 0 -> float_of_int n | _ -> usage ())
    | _ -> usage () in
  let rec go files = function
    | [] -> List.rev files
    | "--" :: rest -> List.rev_append files rest
    | "--json" :: rest -> pins.json <- true; go files rest
    | word :: rest when String.length word > 2 && String.sub word 0 2 = "--" ->
      (match String.index_opt word '=', rest with
       | Some i, _ -> flag (String.sub word 0 i) (String.sub word (i + 1) (String.length word - i - 1)); go files rest
       | None, value :: rest -> flag word value; go files rest
       | None, [] -> usage ())
    | word :: rest -> go (word :: files) rest in
  match go [] (List.tl (Array.to_list Sys.argv)) with
  | [ model; certificate ] -> (model, certificate, pins)
  | _ -> usage ()

exception Out_of_time

(* The budget of operations is not counted: time is what bounds the work. *)
let limit_time seconds =
  Sys.set_signal Sys.sigvtalrm (Sys.Signal_handle (fun _ -> raise Out_of_time));
  ignore (Unix.setitimer Unix.ITIMER_VIRTUAL { Unix.it_interval = 0.; it_value = seconds })

let () =
  (* Fewer collections: time only. *)
  Gc.set { (Gc.get ()) with Gc.minor_heap_size = 1 lsl 20; space_overhead = 400 };
  let model, certificate, pins = arguments () in
  let max_weights = 256 lsl 20 and max_certificate = 64 lsl 20 in
  let weights = read model max_weights and data = read certificate max_certificate in
  let refused reason sentence =
    let code = exit_code reason in
    let word = if code = declined then "DECLINED" else "REJECTED" in
    print_endline
      (if pins.json then
         json [ ("verdict", quoted word); ("exit_code", string_of_int code); ("reason", quoted reason); ("sentence", quoted sentence) ]
       else Printf.sprintf "s %s %s %s" word reason sentence);
    exit code in
  try
    limit_time pins.seconds;
    if String.length data > max_certificate then refuse "limit" "certificate: too many bytes.";
    if String.length weights > max_weights then refuse "limit" "weights: too many bytes.";
    let bytes = List.init (String.length weights) (fun i -> Zar.of_int (Char.code weights.[i])) in
    let c = verdict bytes data pins in
    print_endline (if pins.json then verified_json c else line c)
  with
  | Refused (reason, sentence) -> refused reason sentence
  | Out_of_time -> refused "limit" "the check takes more seconds than are allowed (--seconds)."
  | Stack_overflow | Out_of_memory -> refused "limit" "there is not enough memory."
  (* Zarith refuses shifts and powers by numbers that no memory holds. *)
  | Failure _ | Invalid_argument _ | Zar.Overflow -> refused "limit" "a number gets too large for this checker."
