"""The float32 program of T12 with torch, which is what people run (extra `train`)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ballproof.models.architectures import Weights
from ballproof.models.architectures.programs import Floats, Tokens
from ballproof.verifier.audit.float32.programs import Program, arrays, programs_of
from ballproof.verifier.proving.extras import MissingExtraError


def torch_programs(weights: Weights) -> Iterator[Program]:
    """Yield the program with torch: as one batch, and one sequence at a time.

    Raises MissingExtraError without the extra `train`.
    """
    try:
        import torch
    except ImportError:
        raise MissingExtraError("The program in torch", "torch", "train") from None
    run = programs_of(weights).torch
    tensors = {name: torch.from_numpy(array) for name, array in arrays(weights).items()}

    def batch(sequences: Tokens) -> Floats:
        with torch.no_grad():
            logits: Floats = run(torch, tensors, torch.from_numpy(sequences)).numpy()
            return logits

    yield Program("torch, all at once", batch)
    yield Program("torch, one by one", lambda x: np.concatenate([batch(row[None]) for row in x]))
