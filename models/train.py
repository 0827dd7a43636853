"""Train models on inputs drawn at random (needs the `train` extra, torch).

The published recipe of max-of-k, for one head: every weight normal with standard deviation
0.8/sqrt(d_model), biases zero and frozen, AdamW (1e-3, betas 0.9 and 0.999, weight decay 0.01),
batches of fresh uniform sequences of the task's domain and the cross-entropy of its answers at the
last position, taken in float64. Several heads or an MLP are trained likewise, from 1/sqrt(d_model)
and 1/sqrt(d_vocab) for the unembedding, and have no biases but those of the MLP. For one torch
version and one machine type the result is reproducible bit for bit; other versions may draw or
round differently.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch.nn import functional

from ballproof.models.architectures import Shape
from ballproof.models.architectures.attention_only import ATTENTION_ONLY
from ballproof.models.architectures.attention_only.training import last_logits
from ballproof.models.architectures.one_layer import training as one_layer
from ballproof.models.architectures.one_layer.layout import SIZES, W_IN, W_Q
from ballproof.models.errors import ModelError
from ballproof.models.tasks import Task

LEARNING_RATE = 1e-3
BETAS = (0.9, 0.999)
WEIGHT_DECAY = 0.01
INIT_SCALE = 0.8

# Of models with several heads or an MLP, where nothing else is said.
STEPS = 5000
BATCH = 256

Arrays = dict[str, np.ndarray]
Progress = Callable[[int, int], None]
Logits = Callable[[dict[str, torch.Tensor], torch.Tensor], torch.Tensor]


def train(
    task: Task,
    shape: Shape,
    seed: int,
    steps: int = 3000,
    batch: int = 128,
    progress: Progress | None = None,
) -> tuple[Arrays, float]:
    """Train one model of these sizes and return its float32 weights and its last batch loss.

    `progress(done, steps)` is called after every step. Biases of one head are written out as zeros.
    """
    generator = torch.Generator().manual_seed(seed)
    with single_threaded_and_deterministic():
        weights = _initial_weights(shape, generator)
        logits_of = last_logits if _is_one_head(shape) else one_layer.last_logits
        optimizer = torch.optim.AdamW(
            weights.values(), lr=LEARNING_RATE, betas=BETAS, weight_decay=WEIGHT_DECAY, fused=True
        )
        loss = math.nan
        for step in range(steps):
            tokens = _draw(task, batch, generator)
            loss = _train_step(partial(_answers, task, logits_of, weights), optimizer, tokens)
            if progress is not None:
                progress(step + 1, steps)
    return _to_arrays(weights, shape), loss


def several(shape: Shape, n_heads: int, d_mlp: int, d_head: int | None = None) -> Shape:
    """Return these sizes with so many heads and neurons, as a one-layer transformer has them.

    Where no width of a head is given, the heads share the residual width.
    """
    width = d_head or max(1, shape.d_model // n_heads)
    return replace(shape, n_heads=n_heads, d_mlp=d_mlp, d_head=width, stated=SIZES)


def words_of_recipe(steps: int, batch: int, seed: int) -> str:
    """Return the recipe for a reader, as the metadata of a model with several heads state it."""
    return (
        f"AdamW, learning rate {LEARNING_RATE:g}, betas {BETAS[0]:g} and {BETAS[1]:g}, weight "
        f"decay {WEIGHT_DECAY:g}, fresh uniform batches of {batch}, {steps} steps, seed {seed}"
    )


def sampled_accuracy(task: Task, weights: Arrays, n: int, seed: int) -> float:
    """Fraction of `n` uniform sequences that the weights get right in float32 (ties are wrong)."""
    return sampled_statistics(task, weights, n, seed)[0]


def sampled_statistics(
    task: Task, weights: Arrays, n: int, seed: int, chunk: int = 10_000
) -> tuple[float, float]:
    """Accuracy and mean cross-entropy over `n` uniform sequences of the domain drawn from `seed`.

    An estimate by floating-point arithmetic: it proves nothing.
    """
    one_head = weights[W_Q].shape[0] == 1 and W_IN not in weights
    tensors = _from_arrays(weights, one_head)
    logits_of = last_logits if one_head else one_layer.last_logits
    generator = torch.Generator().manual_seed(seed)
    correct, loss = 0, 0.0
    with single_threaded_and_deterministic(), torch.no_grad():
        for start in range(0, n, chunk):
            tokens = _draw(task, min(chunk, n - start), generator)
            logits, labels = _answers(task, logits_of, tensors, tokens)
            correct += _count_correct(logits, labels)
            loss += functional.cross_entropy(logits.double(), labels, reduction="sum").item()
    return correct / n, loss / n


@contextmanager
def single_threaded_and_deterministic() -> Iterator[None]:
    """Give torch one thread and deterministic algorithms, and its settings back afterwards."""
    threads = torch.get_num_threads()
    deterministic = torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic)


def _is_one_head(shape: Shape) -> bool:
    """Say whether the published recipe is for these sizes."""
    return shape.stated != SIZES


def _initial_weights(shape: Shape, generator: torch.Generator) -> dict[str, torch.Tensor]:
    if not _is_one_head(shape):
        drawn = one_layer.initial(shape, generator)
        return {name: tensor.requires_grad_() for name, tensor in drawn.items()}
    deviation = INIT_SCALE / math.sqrt(shape.d_model)
    weights = {}
    for name, dims in ATTENTION_ONLY.tensors(shape).items():
        if name not in ATTENTION_ONLY.optional:
            # The head axis, which has length one, is put back when the weights are written.
            flat = torch.empty(dims[-2:]).normal_(0.0, deviation, generator=generator)
            weights[name] = flat.requires_grad_()
    return weights


def _draw(task: Task, size: int, generator: torch.Generator) -> torch.Tensor:
    """Return uniform sequences of the domain, (size, k)."""
    if len(set(task.positions)) == 1 and task.positions[0].start == 0:
        # One draw for all positions: the numbers that the published recipe draws.
        shape = (size, len(task.positions))
        return torch.randint(task.positions[0].stop, shape, generator=generator)
    columns = [
        torch.randint(allowed.start, allowed.stop, (size,), generator=generator)
        for allowed in task.positions
    ]
    return torch.stack(columns, dim=1)


def _answers(
    task: Task, logits_of: Logits, weights: dict[str, torch.Tensor], tokens: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the logits of the answers, (batch, answers), and the column of each label."""
    labels = columns_of_labels(task, tokens)
    return logits_of(weights, tokens)[:, task.answers.start : task.answers.stop], labels


def columns_of_labels(task: Task, tokens: torch.Tensor) -> torch.Tensor:
    """Return the column of each label among the answers, of sequences (N, k)."""
    labels = [task.label(sequence) for sequence in tokens.tolist()]
    if not all(label in task.answers for label in labels):
        raise ModelError("Some inputs have a label that is no answer: no model can learn it.")
    return torch.tensor(labels) - task.answers.start


def _train_step(
    answers: Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]],
    optimizer: torch.optim.Optimizer,
    tokens: torch.Tensor,
) -> float:
    optimizer.zero_grad(set_to_none=True)
    logits, labels = answers(tokens)
    loss = functional.cross_entropy(logits.double(), labels)
    loss.backward()
    optimizer.step()
    return float(loss.item())


def _count_correct(logits: torch.Tensor, labels: torch.Tensor) -> int:
    own, rivals = own_and_rivals(logits, labels)
    return int((own > rivals).sum().item())


def own_and_rivals(logits: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the logit of each label and the largest other one, both (N, 1)."""
    own = logits.gather(1, labels.unsqueeze(1))
    return own, logits.scatter(1, labels.unsqueeze(1), -math.inf).amax(dim=1, keepdim=True)


def _to_arrays(weights: dict[str, torch.Tensor], shape: Shape) -> Arrays:
    if not _is_one_head(shape):
        return {name: tensor.detach().numpy().copy() for name, tensor in weights.items()}
    arrays = {}
    for name, dims in ATTENTION_ONLY.tensors(shape).items():
        if name in ATTENTION_ONLY.optional:
            arrays[name] = np.zeros(dims, dtype=np.float32)
        else:
            arrays[name] = weights[name].detach().numpy().reshape(dims).copy()
    return arrays


def _from_arrays(weights: Arrays, one_head: bool) -> dict[str, torch.Tensor]:
    tensors = {name: torch.from_numpy(np.array(array)) for name, array in weights.items()}
    if not one_head:
        return tensors
    # Drop the head axis, which has length one, wherever the layout has it.
    return {
        name: tensor.squeeze(0) if ".attn." in name and not name.endswith("b_O") else tensor
        for name, tensor in tensors.items()
    }
