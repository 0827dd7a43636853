"""Claims of single inputs are decided as the logits by definition say, for any task."""

import itertools
import json
from dataclasses import replace
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from safetensors.numpy import save
from support import literal_models
from support.certify import trained_toy

from ballproof.models.tasks import task_of_json
from ballproof.models.weights import weights_from_bytes
from ballproof.verifier.claims.auditing import Auditor, Limits
from ballproof.verifier.claims.reading import ClaimsError, CountClaim, InputClaim, read_claims
from ballproof.verifier.commands.main import main
from ballproof.verifier.counting.goal import silent

LIMITS = Limits(60, 10**9)
HAIR = Fraction(1, 3**60)


def weights_of(arrays):
    data = save(arrays)
    return replace(weights_from_bytes(data, "a model"), data=data)


def pair(seed, v=3, outputs=4):
    """A two-token network of small integers, which has ties, and the logits of its inputs."""
    rng = np.random.default_rng(seed)
    shapes = {"W_a": (v, 3), "W_b": (v, 3), "W_out": (3, outputs), "b_out": (outputs,)}
    arrays = {name: rng.integers(-1, 2, shape).astype(float) for name, shape in shapes.items()}
    inputs = list(itertools.product(range(v), repeat=2))
    return weights_of(arrays), {x: literal_models.pair(arrays, x, "added") for x in inputs}


def one_layer(seed, v=3, k=2, d=3, heads=2, outputs=3):
    rng = np.random.default_rng(seed)
    per_head = {f"blocks.0.attn.W_{x}": (heads, d, 2) for x in "QKV"}
    shapes = per_head | {
        "blocks.0.attn.W_O": (heads, 2, d),
        "embed.W_E": (v, d),
        "pos_embed.W_pos": (k, d),
        "unembed.W_U": (d, outputs),
    }
    arrays = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    inputs = list(itertools.product(range(v), repeat=k))
    return weights_of(arrays), {x: literal_models.one_layer(arrays, x) for x in inputs}


def table(labels, v, answers):
    whole = {"rule": "table", "labels": labels, "positions": [[0, v]] * 2, "reads": [0, 1]}
    return whole | {"answers": answers}


def verdict(auditor, tokens, largest, margin=Fraction(0)):
    found = auditor.audit(InputClaim("x", {}, tokens, largest, margin), silent)
    assert found.largest <= (None not in tokens)
    return found


def lead_of(logits, label, answers):
    return logits[label] - max(logits[j] for j in range(*answers) if j != label)


@pytest.mark.parametrize("seed", range(6))
def test_a_margin_is_decided_at_its_end_ties_included(seed):
    weights, logits = pair(seed)
    labels = np.random.default_rng(seed).integers(0, 3, 9).tolist()
    auditor = Auditor(weights, LIMITS, task_of_json(table(labels, 3, [0, 4]), weights.shape))
    for (sequence, row), label in zip(logits.items(), labels, strict=True):
        lead = lead_of(row, label, (0, 4))
        for off, holds in ((HAIR, True), (0, True), (-HAIR, False)):
            found = verdict(auditor, sequence, -lead + off)
            assert found.verdict == ("holds" if holds else "violated")
        assert found.witness.label == label and found.witness.sequence == sequence
        assert found.witness.gap == (-lead, -lead) and found.largest
        assert row[label] - row[found.witness.rival] == lead
        # All correct: a lead of exactly the margin is wrong.
        for margin in (lead - HAIR, lead, lead + HAIR):
            found = verdict(auditor, sequence, None, margin)
            assert found.verdict == ("holds" if lead > margin else "violated")
            assert lead > margin or found.witness.equal == (lead == margin)


@pytest.mark.parametrize("seed", range(4))
def test_margins_of_models_with_heads_are_decided_near_their_ends(seed):
    weights, logits = one_layer(seed)
    labels = [seed % 3] * 9
    auditor = Auditor(weights, LIMITS, task_of_json(table(labels, 3, [0, 3]), weights.shape))
    with mpmath.workprec(literal_models.BITS):
        for sequence, row in logits.items():
            lead = lead_of(row, labels[0], (0, 3))
            near = Fraction(int(mpmath.floor(lead * 2**300)), 2**300)
            assert verdict(auditor, sequence, -near).verdict == "holds"
            found = verdict(auditor, sequence, -near - Fraction(1, 2**299))
            assert found.verdict == "violated"
            low, high = found.witness.gap
            assert low <= -near and high >= -near - Fraction(1, 2**300)


def test_inputs_with_some_tokens_are_decided_together():
    weights, logits = pair(2)
    labels = [0] * 9
    auditor = Auditor(weights, LIMITS, task_of_json(table(labels, 3, [0, 4]), weights.shape))
    for tokens in ((None, None), (1, None), (None, 2)):
        inside = [x for x in logits if all(t in (None, y) for t, y in zip(tokens, x, strict=True))]
        least = min(lead_of(logits[x], 0, (0, 4)) for x in inside)
        found = verdict(auditor, tokens, -least)
        assert found.verdict == "holds" and found.sequences == len(inside)
        assert found.reason == f"on all {len(inside)} inputs"
        found = verdict(auditor, tokens, -least - HAIR)
        assert found.verdict == "violated" and found.witness.sequence in inside


def test_labels_that_are_no_answer_break_a_claim():
    weights, _ = pair(2)
    labels = [3, *[0] * 8]
    auditor = Auditor(weights, LIMITS, task_of_json(table(labels, 3, [0, 3]), weights.shape))
    for largest in (None, Fraction(10**9)):
        found = verdict(auditor, (0, 0), largest)
        assert found.verdict == "violated" and found.reason == "the label of 0,0 is no answer"
        assert found.witness is None
    assert verdict(auditor, (0, 1), Fraction(10**9)).verdict == "holds"


def test_an_exact_tie_of_a_model_with_heads_stays_undecided():
    weights, _ = one_layer(0)
    tensors = {
        "embed.W_E": np.eye(3), "pos_embed.W_pos": np.zeros((2, 3)),
        "blocks.0.attn.W_Q": np.ones((2, 3, 2)), "blocks.0.attn.W_K": np.ones((2, 3, 2)),
        "blocks.0.attn.W_V": np.arange(12.0).reshape(2, 3, 2) ** 2,
        "blocks.0.attn.W_O": np.ones((2, 2, 3)), "unembed.W_U": np.ones((3, 3)),
    }  # fmt: skip
    tensors["blocks.0.attn.W_K"][:, 1] = 3
    weights = weights_of(tensors)
    task = task_of_json(table([0] * 9, 3, [0, 3]), weights.shape)
    found = verdict(Auditor(weights, LIMITS, task), (0, 1), None)
    assert found.verdict == "undecided" and found.reason == "no pass tells the lead of 0,1"


def test_counts_of_other_tasks_are_those_of_enumerate():
    weights, logits = pair(3)
    labels = [0] * 9
    right = sum(lead_of(row, 0, (0, 4)) > 0 for row in logits.values())
    auditor = Auditor(weights, LIMITS, task_of_json(table(labels, 3, [0, 4]), weights.shape))
    for least, most, expected in (
        (right, right, "holds"),
        (right + 1, None, "violated"),
        (9, None, "holds" if right == 9 else "violated"),
        (None, right - 1, "violated"),
    ):
        claim = CountClaim("x", {}, least, most, Fraction(0))
        assert auditor.audit(claim, silent).verdict == expected


def test_the_file_names_inputs_by_tokens(tmp_path):
    weights, _ = pair(1)
    task = task_of_json(table([0] * 9, 3, [0, 4]), weights.shape)
    path = tmp_path / "claims.json"

    def read(claim, weights=weights, task=task):
        path.write_text(json.dumps({"claims": [claim]}))
        return read_claims(path, weights, "a model", task)[0]

    assert read({"input": [1, None], "all_correct": True}).tokens == (1, None)
    assert read({"largest_wrong_logit": "-1/3"}).tokens == (None, None)
    for claim, words in (
        ({"input": [1, 3], "all_correct": True}, "a token from 0 to 2 for 3"),
        ({"input": [1], "all_correct": True}, "a list of 2 tokens or nulls"),
        ({"input": [1, True], "all_correct": True}, "a token from 0 to 2"),
        ({"input": "1,2", "all_correct": True}, "a list of 2 tokens"),
        ({"query": 1, "all_correct": True}, "holds query, and this model and task have no such"),
        ({"input": [1, 2]}, "needs one of largest_wrong_logit and all_correct"),
    ):
        with pytest.raises(ClaimsError, match=words):
            read(claim)
    toy = weights_from_bytes(trained_toy().bytes(), "toy")
    tokens = [0] * toy.shape.n_ctx
    assert read({"input": tokens, "all_correct": True}, toy, None).tokens == tuple(tokens)
    with pytest.raises(ClaimsError, match="holds gap, beside input"):
        read({"input": tokens, "gap": 1, "all_correct": True}, toy, None)


def test_the_command_takes_a_task(tmp_path, capsys):
    weights, logits = pair(4)
    model, claims = tmp_path / "model.safetensors", tmp_path / "claims.json"
    model.write_bytes(weights.data)
    lead = lead_of(logits[1, 2], 0, (0, 3))
    one = {"input": [1, 2], "largest_wrong_logit": str(-lead - 1)}
    claims.write_text(json.dumps({"claims": [one]}))
    command = ["audit-claims", str(model), str(claims), "--task", "add-mod-3", "--json"]
    assert main(command) == 1
    (found,) = json.loads(capsys.readouterr().out)["findings"]
    assert found["verdict"] == "violated" and found["witness"]["label"] == 0
    assert Fraction(found["witness"]["gap_at_least"]) == -lead
