"""Train max-of-k models by the published recipe (needs the `train` extra, that is torch).

The recipe: every weight normal with standard deviation 0.8/sqrt(d_model), biases zero and frozen,
AdamW (1e-3, betas 0.9 and 0.999, weight decay 0.01), batches of fresh uniform sequences and the
cross-entropy at the last position, taken in float64. For one torch version and one machine type
the result is reproducible bit for bit; other versions may draw or round differently.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch.nn import functional

from ballproof.models.layout import BIAS_NAMES, Shape, expected_shapes

LEARNING_RATE = 1e-3
BETAS = (0.9, 0.999)
WEIGHT_DECAY = 0.01
INIT_SCALE = 0.8

Arrays = dict[str, np.ndarray]
Progress = Callable[[int, int], None]


def train(
    n_ctx: int,
    seed: int,
    d_vocab: int = 64,
    d_model: int = 32,
    d_head: int = 32,
    steps: int = 3000,
    batch: int = 128,
    progress: Progress | None = None,
) -> tuple[Arrays, float]:
    """Train one max-of-`n_ctx` model and return its float32 weights and its last batch loss.

    `progress(done, steps)` is called after every step. Biases are written out as zeros.
    """
    shape = Shape(d_vocab, n_ctx, d_model, d_head)
    generator = torch.Generator().manual_seed(seed)
    with _single_threaded_and_deterministic():
        weights = _initial_weights(shape, generator)
        optimizer = torch.optim.AdamW(
            weights.values(), lr=LEARNING_RATE, betas=BETAS, weight_decay=WEIGHT_DECAY, fused=True
        )
        loss = math.nan
        for step in range(steps):
            tokens = torch.randint(d_vocab, (batch, n_ctx), generator=generator)
            loss = _train_step(weights, optimizer, tokens)
            if progress is not None:
                progress(step + 1, steps)
    return _to_arrays(weights, shape), loss


def sampled_accuracy(weights: Arrays, n: int, seed: int) -> float:
    """Fraction of `n` uniform sequences that the weights get right in float32 (ties are wrong)."""
    return sampled_statistics(weights, n, seed)[0]


def sampled_statistics(
    weights: Arrays, n: int, seed: int, chunk: int = 10_000
) -> tuple[float, float]:
    """Accuracy and mean cross-entropy over `n` uniform sequences drawn from `seed`.

    An estimate by floating-point arithmetic: it proves nothing.
    """
    n_ctx, d_vocab = weights["pos_embed.W_pos"].shape[0], weights["embed.W_E"].shape[0]
    tensors = _from_arrays(weights)
    generator = torch.Generator().manual_seed(seed)
    correct, loss = 0, 0.0
    with _single_threaded_and_deterministic(), torch.no_grad():
        for start in range(0, n, chunk):
            size = (min(chunk, n - start), n_ctx)
            tokens = torch.randint(d_vocab, size, generator=generator)
            logits, labels = _last_logits(tensors, tokens), tokens.amax(dim=1)
            correct += _count_correct(logits, labels)
            loss += functional.cross_entropy(logits.double(), labels, reduction="sum").item()
    return correct / n, loss / n


@contextmanager
def _single_threaded_and_deterministic() -> Iterator[None]:
    threads = torch.get_num_threads()
    deterministic = torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic)


def _initial_weights(shape: Shape, generator: torch.Generator) -> dict[str, torch.Tensor]:
    deviation = INIT_SCALE / math.sqrt(shape.d_model)
    weights = {}
    for name, dims in expected_shapes(shape).items():
        if name not in BIAS_NAMES:
            # The head axis, which has length one, is put back when the weights are written.
            flat = torch.empty(dims[-2:]).normal_(0.0, deviation, generator=generator)
            weights[name] = flat.requires_grad_()
    return weights


def _train_step(
    weights: dict[str, torch.Tensor], optimizer: torch.optim.Optimizer, tokens: torch.Tensor
) -> float:
    optimizer.zero_grad(set_to_none=True)
    logits = _last_logits(weights, tokens)
    loss = functional.cross_entropy(logits.double(), tokens.amax(dim=1))
    loss.backward()
    optimizer.step()
    return float(loss.item())


def _last_logits(weights: dict[str, torch.Tensor], tokens: torch.Tensor) -> torch.Tensor:
    """Logits at the last position, (batch, v); only its query is ever needed.

    Keys and values are projected once per token and once per position, then looked up: the
    projections are linear, so this is the forward pass with its terms in another order.
    """
    embed, pos = weights["embed.W_E"], weights["pos_embed.W_pos"]
    w_k, w_v = weights["blocks.0.attn.W_K"], weights["blocks.0.attn.W_V"]
    residual = functional.embedding(tokens[:, -1], embed) + pos[-1]
    query = residual @ weights["blocks.0.attn.W_Q"] + weights.get("blocks.0.attn.b_Q", 0.0)
    keys = functional.embedding(tokens, embed @ w_k) + pos @ w_k
    scores = (keys @ query.unsqueeze(2)).squeeze(2) / math.sqrt(query.shape[1])
    attention = torch.softmax(scores, dim=1)
    values = functional.embedding(tokens, embed @ w_v) + pos @ w_v
    mixed = (attention.unsqueeze(1) @ values).squeeze(1) + weights.get("blocks.0.attn.b_V", 0.0)
    residual = residual + mixed @ weights["blocks.0.attn.W_O"]
    residual = residual + weights.get("blocks.0.attn.b_O", 0.0)
    logits: torch.Tensor = residual @ weights["unembed.W_U"]
    return logits + weights.get("unembed.b_U", 0.0)


def _count_correct(logits: torch.Tensor, labels: torch.Tensor) -> int:
    own = logits.gather(1, labels.unsqueeze(1))
    rivals = logits.scatter(1, labels.unsqueeze(1), -math.inf).amax(dim=1, keepdim=True)
    return int((own > rivals).sum().item())


def _to_arrays(weights: dict[str, torch.Tensor], shape: Shape) -> Arrays:
    arrays = {}
    for name, dims in expected_shapes(shape).items():
        if name in BIAS_NAMES:
            arrays[name] = np.zeros(dims, dtype=np.float32)
        else:
            arrays[name] = weights[name].detach().numpy().reshape(dims).copy()
    return arrays


def _from_arrays(weights: Arrays) -> dict[str, torch.Tensor]:
    tensors = {name: torch.from_numpy(np.array(array)) for name, array in weights.items()}
    # Drop the head axis, which has length one, wherever the layout has it.
    return {
        name: tensor.squeeze(0) if ".attn." in name and not name.endswith("b_O") else tensor
        for name, tensor in tensors.items()
    }
