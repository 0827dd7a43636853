"""Masks of layers whose every row counts."""

from files.tensors import FLOATS, SIZES, Tensor, require_buffers
from files.verdict import decline_unless


def require_causal(
    tensors: dict[str, Tensor], n_ctx: int, names: tuple[str, ...], causal: bool
) -> None:
    """Decline buffers of a layer whose every row counts, other than a causal or a full mask.

    IGNORE, where a causal mask hides positions, has to stand for minus infinity: -8192 or less.
    """
    require_buffers(tensors, n_ctx, names)
    ignored, name = names
    if causal and n_ctx > 1 and ignored in tensors:
        sentence = f"weights: {ignored} is no float of -8192 or less."
        decline_unless(_is_very_low(tensors[ignored]), "unsupported", sentence)
    mask = tensors.get(name)
    if mask is None or 0 in mask.shape:
        return
    size, kind = mask.shape[0], "causal" if causal else "full"
    rows = [bytes(mask.data[i * size : i * size + n_ctx]) for i in range(n_ctx)]
    wanted = [bytes(not causal or j <= i for j in range(n_ctx)) for i in range(n_ctx)]
    decline_unless(rows == wanted, "unsupported", f"weights: {name} is not the {kind} mask.")


def _is_very_low(tensor: Tensor) -> bool:
    """Say whether the one number of a tensor is a float of -2**13 or less, or minus infinity."""
    if tensor.dtype not in FLOATS or len(tensor.data) != SIZES[tensor.dtype]:
        return False
    _, exponent_bits, fraction_bits = FLOATS[tensor.dtype]
    bits, bias = int.from_bytes(tensor.data, "little"), (1 << exponent_bits - 1) - 1
    sign, rest = divmod(bits, 1 << exponent_bits + fraction_bits)
    return sign == 1 and bias + 13 << fraction_bits <= rest <= 2 * bias + 1 << fraction_bits
