"""The witness of a ladder as a certificate holds it.

The prover works with the nouns of format 2. Format 1 knows max on the full domain alone, and names
the same things otherwise: `PRESENT` says which of them is written.
"""

from __future__ import annotations

from typing import Any

from ballproof.verifier.counting.problem import Problem

Witness = dict[str, Any]
_RULES = {"branch": "walk", "branch-two-sided": "both", "grid-lower": "below"}
_RULES_BACK = {old: new for new, old in _RULES.items()}


def encoded_witness(problem: Problem, witness: Witness) -> Witness:
    """Return the witness with the keys that the checker reads today."""
    return with_old_keys(problem.shape.d_vocab, witness)


def decoded_witness(witness: Witness) -> Witness:
    """Return the witness with the keys of format 2, whichever it has."""
    return with_new_keys(witness) if "first" in witness else witness


def with_old_keys(d_vocab: int, witness: Witness) -> Witness:
    """Return the witness with the keys of format 1; it is one for max on the full domain."""
    pools = {label: nodes for label, nodes in witness["labels"] if nodes}
    first = min(pools, default=d_vocab)
    maxima = [[_old_node(m, node) for node in pools.get(m, [])] for m in range(first, d_vocab)]
    return {"first": first, "maxima": maxima}


def with_new_keys(witness: Witness) -> Witness:
    """Return a witness of format 1 with the keys of format 2."""
    first = witness["first"]
    labels = [
        [m, [_new_node(m, node) for node in nodes]]
        for m, nodes in enumerate(witness["maxima"], start=first)
        if nodes
    ]
    return {"labels": labels}


def _old_node(m: int, node: Witness) -> Witness:
    return {
        "queries": node["queries"],
        "near": m - 1 - node["cells"][0][1] if node["cells"] else m,
        "apart": node["per_position"],
        "together": node["joint_rivals"],
        "thresholds": node["thresholds"],
        "parts": [_old_node(m, part) for part in node["subpools"]],
        "groups": [_renamed(group, _RULES) for group in node["groups"]],
        "marked": node["rare_tokens"],
        "most": node["at_most"],
    }


def _new_node(m: int, node: Witness) -> Witness:
    far = m - node["near"]
    return {
        "queries": node["queries"],
        "cells": [[0, far - 1]] if far > 1 else [],
        "per_position": node["apart"],
        "joint_rivals": node["together"],
        "thresholds": node["thresholds"],
        "subpools": [_new_node(m, part) for part in node["parts"]],
        "groups": [_renamed(group, _RULES_BACK) for group in node["groups"]],
        "rare_tokens": node["marked"],
        "at_most": node["most"],
    }


def _renamed(group: Witness, names: dict[str, str]) -> Witness:
    return {**group, "rule": names.get(group["rule"], group["rule"])}
