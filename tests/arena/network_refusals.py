"""Cases about models with heads, MLPs or pairs of tokens that must be refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from arena_case import (
    BUDGET,
    DIGEST,
    LIMIT,
    STATEMENT,
    SYNTAX,
    UNSUPPORTED,
    WITNESS,
    Case,
    Fields,
    claim,
    proof,
    tally,
    text,
)
from network_cases import refused
from network_domains import domains
from network_false_claims import network_false_claims
from network_models import PAIRS, masked, network, stated, table, with_part
from support.certify import digest
from support.networks import Network

WITNESSES = (
    *({}, {"passes": 0}, {"passes": 5}, {"passes": -1}, {"passes": True}, {"passes": "1"}),
    *({"passes": None}, {"passes": 1, "more": 1}, {"gaps": []}),
)


def network_reject_cases() -> Iterator[Case]:
    """Yield all cases of the category."""
    yield from network_false_claims()
    for maker in (parts, files, tensors, sizes, proofs, domains):
        yield from maker()


def parts() -> Iterator[Case]:
    """Settings that are not served, or not those of the weights."""
    for part, settings, answer in (
        ("attention", {"heads": 0}, UNSUPPORTED),
        ("attention", {"heads": 257}, UNSUPPORTED),
        ("attention", {"heads": True}, UNSUPPORTED),
        ("attention", {"heads": "2"}, UNSUPPORTED),
        ("attention", {"heads": 1}, UNSUPPORTED),
        ("attention", {"heads": 3}, UNSUPPORTED),
        ("attention", {"mask": "full"}, UNSUPPORTED),
        ("attention", {"mask": None}, UNSUPPORTED),
        ("attention", {"scale": "1/d_head"}, UNSUPPORTED),
        ("attention", {"rotary": True}, UNSUPPORTED),
        ("attention", {"softmax": "1/2"}, UNSUPPORTED),
        ("attention", {"normalised": True}, UNSUPPORTED),
        ("attention", {"softmax": "1", "normalised": False}, UNSUPPORTED),
        ("attention", {"softmax": "-1/2", "normalised": False}, UNSUPPORTED),
        ("attention", {"softmax": "2/4", "normalised": False}, SYNTAX),
        ("attention", {"softmax": "0.5", "normalised": False}, SYNTAX),
        ("attention", {"softmax": 0, "normalised": False}, SYNTAX),
        ("attention", {"softmax": "1/2", "normalised": 1}, UNSUPPORTED),
        ("mlp", {"activation": "tanh"}, UNSUPPORTED),
        ("mlp", {"layers": 1}, UNSUPPORTED),
        ("readout", {"position": "first"}, UNSUPPORTED),
        ("embed", {"norm": "ln"}, UNSUPPORTED),
    ):
        found = with_part(network("heads").parts, part, **settings)
        name = "-".join(f"{key}.{value}" for key, value in settings.items())
        name = f"parts.{part}.{name.replace('/', '-')}"
        about = "A setting that is not served, or not that of the weights."
        yield refused(name, about, "heads", _stated_as("heads", found), answer)
    whole = network("heads").parts
    for name, found in {
        "no-mlp": [part for part in whole if part["part"] != "mlp"],
        "no-positions": [part for part in whole if part["part"] != "positions"],
        "two-mlps": [*whole[:4], whole[3], whole[4]],
        "other-order": [whole[0], whole[2], whole[1], *whole[3:]],
        "pair": network("pair-added").parts,
    }.items():
        about = "Parts that the weights do not have."
        cert = _stated_as("heads", found)
        answer = SYNTAX if name == "pair" else UNSUPPORTED
        yield refused(f"parts.{name}", about, "heads", cert, answer)
    for name, part, settings in (
        ("pair-sum", "pair", {"inputs": "concatenated"}),
        ("pair-sum", "pair", {"inputs": "added"}),
        ("pair-concatenated", "pair", {"inputs": "sum"}),
        ("pair-added", "pair", {"inputs": "sum"}),
        ("pair-added", "pair", {"inputs": "product"}),
        ("pair-deep", "mlp", {"layers": 2}),
        ("pair-deep", "mlp", {"layers": 4}),
        ("pair-deep", "mlp", {"layers": 0}),
        ("pair-deep", "mlp", {"layers": 17}),
        ("pair-deep", "mlp", {"layers": True}),
        ("pair-deep", "readout", {"position": "last"}),
    ):
        found = with_part(network(name).parts, part, **settings)
        value = "-".join(map(str, settings.values()))
        about = "A setting that is not served, or not that of the weights."
        cert = _stated_as(name, found)
        yield refused(f"parts.{name}.{part}.{value}", about, name, cert, UNSUPPORTED)


def _stated_as(name: str, parts: list[Fields]) -> Fields:
    cert = stated(name, table(network(name)))
    return cert | {"claim": cert["claim"] | {"model": cert["claim"]["model"] | {"parts": parts}}}


def files() -> Iterator[Case]:
    """The same function in another file, and files that state something else."""
    for name, other in (
        ("no-biases", "zero-network-biases"),
        ("zero-network-biases", "no-biases"),
        ("pair-no-biases", "pair-zero-biases"),
        ("pair-zero-biases", "pair-no-biases"),
    ):
        cert = stated(name, table(network(name)))
        about = "Biases of zero are other weights than none."
        yield refused(f"digest.{name}", about, other, cert, DIGEST)
    cert = stated("heads", table(network("heads")))
    hidden = masked([0, 1]).bytes()
    about = "A mask that hides a position from the last row."
    yield refused("mask.hides", about, hidden, cert, UNSUPPORTED)
    half = network("half-uniform")
    cert = stated("half-uniform", table(half))
    stated_text = network("stated-parts").metadata["parts"]
    for name, other in {
        "other-share": stated_text.replace("1/2", "1/3"),
        "normalised": stated_text.replace("false", "true"),
        "spaces": stated_text.replace(",", ", ", 1),
        "empty": "",
        "null": "null",
    }.items():
        data = replace(half, metadata={"parts": other}).bytes()
        about = "The file's metadata state other parts."
        yield refused(f"metadata.{name}", about, data, cert, UNSUPPORTED)
    data = replace(network("heads"), metadata={"parts": stated_text}).bytes()
    cert = stated("heads", table(network("heads")))
    yield refused("metadata.heads", "Parts of another file.", data, cert, UNSUPPORTED)


def tensors() -> Iterator[Case]:
    for name in ("heads", "pair-deep"):
        found = network(name)
        cert = stated(name, table(found))
        for key, tensor in found.tensors.items():
            short = key.split(".", 1)[-1] if key.startswith("W_hidden") else key.split(".")[-1]
            changes = {"doubled": np.concatenate([tensor, tensor]), "flat": tensor.ravel()}
            changes["deeper"] = tensor[np.newaxis]
            changes["cut"] = tensor[..., :-1]
            for how, changed in changes.items():
                if changed.shape == tensor.shape:
                    continue
                other = replace(found, tensors=found.tensors | {key: changed})
                yield _of_shape(f"tensor.{name}.{key}.{how}", other, cert, short)
        for key in found.tensors:
            rest = {x: w for x, w in found.tensors.items() if x != key}
            absent = replace(found, tensors=rest)
            answer = DIGEST if ".b_" in f".{key}" else UNSUPPORTED
            about = "A tensor is missing."
            yield refused(f"tensor.{name}.{key}.absent", about, absent.bytes(), cert, answer)
        extra = replace(found, tensors=found.tensors | {"ln_final.w": np.ones(3, np.float32)})
        yield refused(f"tensor.{name}.extra", "One too many.", extra.bytes(), cert, UNSUPPORTED)


def _of_shape(name: str, other: Network, cert: Fields, short: str) -> Case:
    """Return a certificate with the digest of weights one of whose tensors has another shape."""
    data = other.bytes()
    model = cert["claim"]["model"] | {"sha256": digest(data)}
    cert = cert | {"claim": cert["claim"] | {"model": model}}
    about = f"{short} has another shape."
    # Nothing else in the file tells how many tokens or positions there are.
    alone = name.endswith("doubled") and short in ("W_E", "W_pos")
    answer = STATEMENT if alone else UNSUPPORTED
    return Case(f"network.{name}", about, data, text(cert), answer)


def sizes() -> Iterator[Case]:
    for name in ("heads", "three-heads", "no-positions", "pair-sum"):
        cert = stated(name, table(network(name)))
        for key, value in network(name).sizes.items():
            for other in {value + 1, value - 1, 2**28} - {-1, 0}:
                about = f"{key} is not that of the weights."
                changed = claim(cert, **{key: other})
                endless = (name, key, other) == ("no-positions", "n_ctx", 2**28)
                answer = LIMIT if endless else STATEMENT
                yield refused(f"drift.{name}.{key}.{other}", about, name, changed, answer)
    cert = stated("heads", table(network("heads")))
    none = claim(cert, d_mlp=0)
    yield refused("drift.heads.d_mlp.0", "No neurons.", "heads", none, STATEMENT)
    for key in ("d_vocab", "n_heads", "d_head", "d_vocab_out"):
        none = claim(cert, **{key: 0})
        yield refused(f"drift.heads.{key}.0", "A size of zero.", "heads", none, LIMIT)


def proofs() -> Iterator[Case]:
    for name in ("heads", "pair-deep"):
        cert = stated(name, table(network(name)))
        for index, witness in enumerate(WITNESSES):
            about = "passes: no number from 1 to 4."
            bad = proof(cert, witness=witness)
            yield refused(f"witness.{name}.{index}", about, name, bad, WITNESS)
        for precision, passes in ((65, 1), (63, 1), (32, 1), (96, 1), (512, 3), (1024, 2)):
            wide = proof(cert, precision=precision)
            wide = wide if passes == 2 else proof(wide, witness={"passes": passes})
            about = "Lanes of a width that is no multiple of 64, or above 1,024."
            yield refused(f"lanes.{name}.{precision}.{passes}", about, name, wide, WITNESS)
        strategies = ("brute-force", "cubic", "ladder", "moment", "grid")
        for strategy in (*strategies, *["exact"] * (name != "heads")):
            other = proof(cert, strategy=strategy)
            about = "A strategy for models of one head and no MLP."
            yield refused(f"strategy.{name}.{strategy}", about, name, other, UNSUPPORTED)
        about = "No bound of the float32 program is known."
        other = claim(cert, semantics="float32")
        yield refused(f"float32.{name}", about, name, other, UNSUPPORTED)
    for name in ("heads", "three-heads", "half-uniform", "uniform", *PAIRS, "cosets"):
        cert = stated(name, table(network(name)))
        less = tally(network(name).bytes(), cert) - 1
        about = "One operation less than the reference checker takes."
        short = proof(cert, operations=str(less))
        case = refused(f"budget.{name}", about, name, short, BUDGET)
        yield Case(**(vars(case) | {"tally": True}))
        none = proof(cert, operations="0")
        yield refused(f"budget.zero.{name}", "A budget of nothing.", name, none, BUDGET)
