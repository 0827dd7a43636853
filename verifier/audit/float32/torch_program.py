"""The float32 program of T12 with torch, which is what people run (extra `train`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ballproof.models.layout import B_K, B_O, B_Q, B_U, B_V, W_E, W_K, W_O, W_POS, W_Q, W_U, W_V
from ballproof.models.weights import Weights
from ballproof.verifier.audit.float32.programs import Floats, Program, Tokens, arrays
from ballproof.verifier.proving.extras import MissingExtraError


def torch_programs(weights: Weights) -> Iterator[Program]:
    """Yield the program with torch: as one batch, and one sequence at a time.

    Raises MissingExtraError without the extra `train`.
    """
    try:
        import torch
    except ImportError:
        raise MissingExtraError("The program in torch", "torch", "train") from None
    tensors = {name: torch.from_numpy(array) for name, array in arrays(weights).items()}

    def batch(sequences: Tokens) -> Floats:
        with torch.no_grad():
            logits: Floats = _logits(torch, tensors, torch.from_numpy(sequences)).numpy()
            return logits

    yield Program("torch, all at once", batch)
    yield Program("torch, one by one", lambda x: np.concatenate([batch(row[None]) for row in x]))


def _logits(torch: Any, w: dict[str, Any], sequences: Any) -> Any:
    x = w[W_E][sequences] + w[W_POS]
    query = x[:, -1] @ w[W_Q] + w[B_Q]
    keys, values = x @ w[W_K] + w[B_K], x @ w[W_V] + w[B_V]
    scores = torch.einsum("nh,nkh->nk", query, keys) / query.shape[1] ** 0.5
    attention = torch.softmax(scores, dim=-1)
    mixed = torch.einsum("nk,nkh->nh", attention, values)
    return (x[:, -1] + mixed @ w[W_O] + w[B_O]) @ w[W_U] + w[B_U]
