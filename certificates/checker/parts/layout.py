"""Tensors of a file by the names and shapes of an architecture, as exact matrices."""

from collections.abc import Mapping

from arithmetic.matrices import Matrix
from files.strictjson import MAX_DIGITS
from files.tensors import BUFFERS, Tensor, matrix
from files.verdict import Declined, decline_unless
from parts.architecture import MAX_TABLE

# short name: (key in the file, shape in the file as axes of the architecture's sizes)
Layout = Mapping[str, tuple[str, tuple[str, ...]]]


def axes_of(
    tensors: dict[str, Tensor], layout: Layout, buffers: tuple[str, ...] = BUFFERS
) -> dict[str, tuple[int, ...]]:
    """Return the shapes by short name; a tensor that is missing or unknown is declined.

    Biases, whose short names begin with b, may be missing.
    """
    keys = {key for key, _ in layout.values()}
    for name in sorted(tensors.keys() - {*buffers, *keys}):
        raise Declined("unsupported", f"weights: {name[:80]!a} is not a tensor of this model.")
    for short, (key, names) in layout.items():
        present = key in tensors or short.startswith("b")
        decline_unless(present, "unsupported", f"weights: {key} is missing.")
        fits = key not in tensors or len(tensors[key].shape) == len(names)
        decline_unless(fits, "unsupported", f"weights: {key} has other than {len(names)} axes.")
    shapes = {short: tensors[key].shape for short, (key, _) in layout.items() if key in tensors}
    decline_unless(all(map(all, shapes.values())), "unsupported", "weights: a size is zero.")
    return shapes


def matrices_of(
    tensors: dict[str, Tensor], layout: Layout, sizes: dict[str, int]
) -> dict[str, Matrix]:
    """Return the tensors by short name, with the axes but the last as rows; zeros for absent ones.

    A tensor of another shape than the sizes say is declined.
    """
    made = {}
    for short, (key, names) in layout.items():
        expected = tuple(sizes[name] for name in names)
        rows = expected[0] if len(expected) > 1 else 1
        made[short] = Matrix([[0] * expected[-1]] * rows, 0)
        if key in tensors:
            found = tensors[key].shape
            sentence = f"weights: {key} has the shape {found}, not {expected}."
            decline_unless(found == expected, "unsupported", sentence)
            made[short] = matrix(tensors[key], expected[-1], key)
    return made


def require_small(d_vocab: int, n_ctx: int, entries: int) -> None:
    """Decline more inputs than can be counted, and tables of too many entries."""
    fits = n_ctx * d_vocab.bit_length() <= 3 * MAX_DIGITS
    decline_unless(fits, "limit", f"weights: d_vocab**n_ctx may exceed {MAX_DIGITS} digits.")
    fits = entries <= MAX_TABLE
    decline_unless(fits, "limit", f"weights: a table would have more than {MAX_TABLE} entries.")
