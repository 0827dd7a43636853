"""The task max-of-k: name the largest token of a sequence."""

from __future__ import annotations

from collections.abc import Sequence

from ballproof.models.errors import ModelError

# As many digits as the checker counts sequences in.
MAX_DIGITS = 2_000


def task_name(n_ctx: int) -> str:
    """Name of the task on sequences of `n_ctx` tokens, for instance max-of-4."""
    return f"max-of-{n_ctx}"


def label(sequence: Sequence[int]) -> int:
    """Return the right answer for a sequence: its largest token."""
    return max(sequence)


def class_size(query: int, maximum: int, n_ctx: int) -> int:
    """Return how many sequences have this last token and this maximum.

    N(q, m) = (m+1)^n - [q < m] m^n with n = k-1 free positions, and 0 if q > m.
    """
    if query > maximum:
        return 0
    free = n_ctx - 1
    without_maximum = maximum**free if query < maximum else 0
    return int((maximum + 1) ** free - without_maximum)


def total_sequences(d_vocab: int, n_ctx: int) -> int:
    """Return v^k, the number of all sequences.

    Raises ModelError where it may have more than MAX_DIGITS digits: the checker declines such
    models by the same rule.
    """
    if n_ctx * d_vocab.bit_length() > 3 * MAX_DIGITS:
        raise ModelError(f"{d_vocab}^{n_ctx} sequences are too many to be counted by anybody.")
    return int(d_vocab**n_ctx)
