"""Tables asked of small networks, and what the checker answers."""

from __future__ import annotations

from typing import Any

from support.certify import Verdict, encoded, verdict
from support.networks import Network, claim_of


def a_table(
    network: Network,
    labels: list[int],
    answers: list[int] | None = None,
    positions: list[list[int]] | None = None,
) -> dict[str, Any]:
    """Return a task with these labels, over all tokens and outputs unless it says otherwise."""
    v, k, outputs = (network.sizes[x] for x in ("d_vocab", "n_ctx", "d_vocab_out"))
    positions = positions or [[0, v]] * k
    whole = {"rule": "table", "labels": labels, "positions": positions, "reads": list(range(k))}
    return whole | {"answers": answers or [0, outputs]}


def answer(
    network: Network, task: dict[str, Any], counts: tuple[int, int], **options: Any
) -> Verdict:
    """Return the checker's answer to a claim of these counts."""
    return verdict(network.bytes(), encoded(claim_of(network, task, counts, **options)))
