"""Compare the function of the tensors with the program that the user runs, on inputs of both.

The theorems are about the function that is read from a file. That it is the function the user
means is no theorem: it is looked at, on a few hundred inputs, and refused where the two differ by
more than float32 explains.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ballproof.models.architectures import Shape, Weights
from ballproof.models.architectures.programs import difference
from ballproof.models.catalogue import record_of
from ballproof.models.errors import ModelError
from ballproof.models.files import MAX_FILE_BYTES, read_limited
from ballproof.models.forward import evaluate

Floats = NDArray[np.float64]
Inputs = NDArray[np.int64]
Numbers = NDArray[np.generic]
PRECISION = 128
MAX_INPUTS = 4096
# Parts of the largest gap between two logits. Programs in float32, summed in any order, differ by
# much less than T12's bound, of which they may use a share; TF32 and bfloat16 need more.
LEAST, SHARE, MOST = 1e-5, 0.05, 1e-2
# A function that explains a difference has to come this close.
FITS = 1e-3


@dataclass(frozen=True)
class Comparison:
    """How many inputs were compared, and the largest difference found and allowed.

    Differences are those of gaps between logits, as parts of the largest gap: what is added to all
    logits of an input, as by a log-softmax, decides nothing and is left out.
    """

    inputs: int
    difference: float
    tolerance: float

    def __str__(self) -> str:
        return (
            f"on {self.inputs} inputs, no gap off by more than {self.difference:.1e} of the largest"
        )


def compare(
    weights: Weights, inputs: Numbers, logits: Numbers, tolerance: float | None = None
) -> Comparison:
    """Return how well the logits (N, o) of a program on inputs (N, k) fit the exact function's.

    Raises ModelError where some gap between two logits differs by more than `tolerance` of the
    largest gap, naming a function that fits if one is found, and for arrays of other shapes. Left
    out, the tolerance is what float32 explains.
    """
    asked, given = _checked(inputs, logits, weights)
    exact = np.array([_midpoints(weights, sequence) for sequence in asked.tolist()])
    found = difference(exact, given)
    tolerance = _explained(weights, exact) if tolerance is None else tolerance
    if found > tolerance:
        raise ModelError(
            f"{weights.source} is not the program whose logits were given: on {len(asked)} inputs "
            f"gaps between logits differ by up to {found:.1e} of the largest gap, where at most "
            f"{tolerance:.1e} is expected. {_causes(weights, asked, given, found)}"
        )
    return Comparison(len(asked), found, tolerance)


def _explained(weights: Weights, exact: Floats) -> float:
    """Return which part of the largest gap rounding in float32 may take from a gap."""
    largest = float(np.ptp(exact, axis=1).max())
    bound = weights.architecture.deviation
    if bound is None or not largest:
        return LEAST
    try:
        rounding = SHARE * float(bound(weights)) / largest
    except ModelError:
        # Weights that float32 does not hold: their program is in another format.
        return LEAST
    return min(max(LEAST, rounding), MOST)


def assumptions(weights: Weights) -> str:
    """Return what is assumed of the function that the tensors do not show, or an empty string.

    Nothing is where the model was compared with the program, or comes from the zoo.
    """
    if weights.compared is not None or record_of(weights.digest) is not None:
        return ""
    return f"{weights.source}: assumed, as tensors do not show it: {weights.architecture.assumed}"


def random_inputs(shape: Shape, count: int = 256, seed: int = 0) -> Inputs:
    """Return sequences (count, k) to compare on: random ones, of which some repeat few tokens."""
    rng = np.random.default_rng(seed)
    inputs = rng.integers(0, shape.d_vocab, (count, shape.n_ctx))
    # Where all tokens are alike, only the positions speak; where two are, their order does.
    inputs[: count // 8] = inputs[: count // 8, :1]
    inputs[count // 8 : count // 4, 1:] = inputs[count // 8 : count // 4, -1:]
    return inputs


def load_logits(path: Path) -> tuple[Numbers, Numbers]:
    """Return the arrays `inputs` and `logits` of an .npz file, or raise ModelError."""
    data = read_limited(path)
    try:
        _refuse_large(data, path)
        with np.load(BytesIO(data), allow_pickle=False) as arrays:
            missing = [name for name in ("inputs", "logits") if name not in arrays.files]
            if missing:
                raise ModelError(
                    f"{path} holds no array {missing[0]!r}: save inputs (N, n_ctx) and logits "
                    "(N, d_vocab_out) with numpy.savez."
                )
            return arrays["inputs"], arrays["logits"]
    # The library raises whatever the damage makes it stumble over.
    except (ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(f"{path} is no .npz file of numbers: {error}.") from error


def _refuse_large(data: bytes, path: Path) -> None:
    """Refuse what is no archive, and one whose arrays are larger than they look."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        total = sum(info.file_size for info in archive.infolist())
    if total > MAX_FILE_BYTES:
        raise ModelError(f"{path} holds {total} bytes of arrays, more than {MAX_FILE_BYTES}.")


def position_read(weights: Weights) -> int | None:
    """Return the position whose logits are the model's, None where no single one is read."""
    position = weights.architecture.parts[-1].get("position", "last")
    if position == "last":
        return -1
    return position if isinstance(position, int) else None


def _checked(inputs: Numbers, logits: Numbers, weights: Weights) -> tuple[Inputs, Floats]:
    """Return both as arrays of the expected shape; of logits at each position those are kept that
    are the model's.
    """
    shape, source, position = weights.shape, weights.source, position_read(weights)
    if inputs.dtype.kind not in "iu" or inputs.ndim != 2 or inputs.shape[1] != shape.n_ctx:
        raise ModelError(
            f"{source}: the inputs have shape {list(inputs.shape)} and dtype {inputs.dtype}, where "
            f"integers (N, {shape.n_ctx}) are expected."
        )
    if not 1 <= len(inputs) <= MAX_INPUTS:
        raise ModelError(f"{source}: {len(inputs)} inputs, where 1 to {MAX_INPUTS} are compared.")
    if inputs.min() < 0 or inputs.max() >= shape.d_vocab:
        raise ModelError(
            f"{source}: the inputs hold tokens that are not in 0..{shape.d_vocab - 1}."
        )
    each = logits.ndim == 3 and logits.shape[1] == shape.n_ctx and position is not None
    last = logits[:, position] if each else logits
    if last.dtype.kind != "f" or last.shape != (len(inputs), shape.d_vocab_out):
        raise ModelError(
            f"{source}: the logits have shape {list(logits.shape)} and dtype {logits.dtype}, where "
            f"floats ({len(inputs)}, {shape.d_vocab_out}) are expected."
        )
    if not np.isfinite(last).all():
        raise ModelError(f"{source}: the logits hold a NaN or an infinity.")
    return inputs.astype(np.int64), last.astype(np.float64)


def _midpoints(weights: Weights, sequence: Sequence[int]) -> list[float]:
    return [float(logit.mid()) for logit in evaluate(weights, sequence, PRECISION)]


def _causes(weights: Weights, inputs: Inputs, logits: Floats, found: float) -> str:
    """Return a sentence that names the function that fits the logits best, if one fits."""
    if weights.architecture.variants is None:
        return (
            f"It is read as {weights.architecture.words}: are these its parts, and the logits "
            "those of these weights?"
        )
    fits = sorted(_fits(weights, inputs, logits))
    if fits and fits[0][0] <= FITS < found:
        return f"They fit the same tensors with {fits[0][1]}."
    return (
        "No change that was tried explains it (normalisation without weights, shortformer "
        "positions, a window, another attention scale, soft caps, the order of the tokens): are "
        "the logits of these weights?"
    )


def _fits(weights: Weights, inputs: Inputs, logits: Floats) -> Iterator[tuple[float, str]]:
    variants = weights.architecture.variants
    for name, theirs in variants(weights, inputs, logits) if variants else ():
        if np.isfinite(theirs).all():
            yield difference(theirs, logits), name
