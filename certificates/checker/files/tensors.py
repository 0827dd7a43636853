"""The weights file: a strict safetensors reader, its digest, and its floats as exact integers."""

import hashlib
from math import prod
from typing import Any, NamedTuple

from arithmetic.matrices import Matrix
from files.strictjson import parse_object, require_keys
from files.verdict import decline_unless

MAX_FILE = 256 * 2**20
MAX_HEADER = 16 * 2**20
MAX_AXES = 8
# Bits of the exact integers of one tensor, with 256 that each takes beside its own.
MAX_EXACT = 2**30
# name: (bytes per number, exponent bits, fraction bits) of IEEE-like floats
FLOATS = {"F64": (8, 11, 52), "F32": (4, 8, 23), "F16": (2, 5, 10), "BF16": (2, 8, 7)}
INTEGERS = {"I8": 1, "I16": 2, "I32": 4, "I64": 8, "U8": 1, "U16": 2, "U32": 4, "U64": 8}
SIZES = {name: size for name, (size, _, _) in FLOATS.items()} | INTEGERS | {"BOOL": 1}
IGNORE, MASK = BUFFERS = ("blocks.0.attn.IGNORE", "blocks.0.attn.mask")
MAX_LAYERS = 16


def buffers(layers: int) -> tuple[str, ...]:
    """Return the names of the buffers of so many layers: no weights, and outside of the digest."""
    return tuple(name.replace("0", str(i), 1) for i in range(layers) for name in BUFFERS)


class Tensor(NamedTuple):
    """One tensor of the file as it lies there: dtype tag, shape and little-endian bytes."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes | memoryview


def read_tensors(data: bytes) -> dict[str, Tensor]:
    """Return every tensor of a safetensors file, the buffers among them.

    The header must describe the data without holes, overlaps or bytes left over.
    """
    header, body = _split(memoryview(data))
    metadata = header.pop("__metadata__", {})
    texts = isinstance(metadata, dict) and all(map(_is_text, (*metadata, *metadata.values())))
    decline_unless(texts, "syntax", "weights: __metadata__ is not an object of strings.")
    entries = {name: _entry(ascii(name[:80]), entry) for name, entry in header.items()}
    # Tensors are views of the data: none is copied.
    _tile(sorted((start, end) for _, _, start, end in entries.values()), len(body))
    return {name: Tensor(*x[:2], body[x[2] : x[3]]) for name, x in entries.items()}


def stated_parts(data: bytes) -> str | None:
    """Return what the metadata of a safetensors file, read before, state as the model's parts."""
    metadata: dict[str, str] = _split(memoryview(data))[0].get("__metadata__", {})
    return metadata.get("parts")


def _is_text(value: Any) -> bool:
    """Return whether a value is a string that UTF-8 can write: half a surrogate pair is none."""
    return type(value) is str and not any("\ud800" <= x <= "\udfff" for x in value)


def _split(data: memoryview) -> tuple[dict[str, Any], memoryview]:
    decline_unless(len(data) <= MAX_FILE, "limit", f"weights: more than {MAX_FILE} bytes.")
    length = int.from_bytes(data[:8], "little")
    decline_unless(len(data) - length >= 8, "syntax", "weights: shorter than the header says.")
    decline_unless(length <= MAX_HEADER, "limit", f"weights: a header of over {MAX_HEADER} bytes.")
    # The format allows a header to be padded with spaces.
    return parse_object(bytes(data[8 : 8 + length]).rstrip(b" "), "weights"), data[8 + length :]


def _entry(name: str, entry: Any) -> tuple[str, tuple[int, ...], int, int]:
    """Return dtype, shape, start and end of a tensor, the ends agreeing with the shape."""
    fields = require_keys(entry, ("dtype", "shape", "data_offsets"), f"weights: {name}")
    dtype = fields["dtype"]
    shape = _naturals(fields["shape"], f"weights: the shape of {name}")
    offsets = _naturals(fields["data_offsets"], f"weights: the offsets of {name}")
    known = isinstance(dtype, str) and dtype in SIZES
    decline_unless(known, "unsupported", f"weights: {name} has the dtype {ascii(dtype)[:20]}.")
    fits = len(shape) <= MAX_AXES and all(axis <= MAX_FILE for axis in shape)
    decline_unless(fits, "limit", f"weights: {name} has too many or too long axes.")
    fits = len(offsets) == 2 and offsets[1] - offsets[0] == SIZES[dtype] * prod(shape)
    decline_unless(fits, "syntax", f"weights: the offsets of {name} do not fit its shape.")
    return dtype, shape, offsets[0], offsets[1]


def _naturals(value: Any, what: str) -> tuple[int, ...]:
    good = isinstance(value, list) and all(type(x) is int and x >= 0 for x in value)
    decline_unless(good, "syntax", f"{what} is not a list of non-negative integers.")
    return tuple(value)


def _tile(spans: list[tuple[int, int]], length: int) -> None:
    position = 0
    for start, end in spans:
        decline_unless(start == position, "syntax", "weights: the tensors leave a hole or overlap.")
        position = end
    decline_unless(position == length, "syntax", "weights: bytes follow the last tensor.")


def digest(tensors: dict[str, Tensor]) -> str:
    """Return the SHA-256 of the tensors but the buffers, in the order of their names' UTF-8 bytes.

    Each tensor enters as name NUL dtype NUL shape ("64,32") NUL byte length (u64) bytes.
    """
    total = hashlib.sha256()
    names = tensors.keys() - set(buffers(MAX_LAYERS))
    for name in sorted(names, key=lambda text: text.encode("utf-8", "surrogatepass")):
        tensor = tensors[name]
        shape = ",".join(map(str, tensor.shape))
        total.update(f"{name}\0{tensor.dtype}\0{shape}\0".encode("utf-8", "surrogatepass"))
        total.update(len(tensor.data).to_bytes(8, "little") + tensor.data)
    return total.hexdigest()


def require_buffers(
    tensors: dict[str, Tensor], n_ctx: int, names: tuple[str, ...] = BUFFERS
) -> None:
    """Decline buffers that may change the function: a mask that hides a position from the last.

    Accepted are an empty mask and a square one of truth values, of at least n_ctx rows, whose row
    n_ctx - 1 shows columns 0 .. n_ctx-1. IGNORE stands in for scores that the mask hides: where it
    hides none, its value is nobody's.
    """
    ignored, name = names
    mask = tensors.get(name, Tensor("BOOL", (0,), b""))
    found = f"weights: {name} is {mask.dtype} {list(mask.shape)}"
    square = mask.dtype == "BOOL" and len(mask.shape) == 2 and n_ctx <= min(mask.shape)
    square = square and mask.shape[0] == mask.shape[1] and set(mask.data) <= {0, 1}
    accepted = f"accepted are an empty one and BOOL [n, n], n >= {n_ctx}, of bytes 0 and 1"
    decline_unless(0 in mask.shape or square, "unsupported", f"{found}; {accepted}.")
    start = (n_ctx - 1) * mask.shape[-1] if square else 0
    hidden = [i for i, x in enumerate(mask.data[start : start + n_ctx]) if not x]
    sentence = f"weights: {name} hides the positions {hidden[:8]} from the last of {n_ctx}"
    decline_unless(not hidden, "unsupported", f"{sentence}; accepted is a row that hides none.")
    ignore = tensors.get(ignored, Tensor("F32", (), b""))
    sentence = f"weights: {ignored} is {ignore.dtype} {list(ignore.shape)}; accepted is one number."
    decline_unless(prod(ignore.shape) <= 1, "unsupported", sentence)


def matrix(tensor: Tensor, columns: int, name: str) -> Matrix:
    """Return the numbers of a tensor as rows of `columns` exact integers at one exponent.

    Declines NaN, infinities, truth values, and numbers too far apart for so many of them, by the
    name of the tensor.
    """
    decline_unless(tensor.dtype != "BOOL", "unsupported", f"weights: {name} has the dtype BOOL.")
    read = _dyadics(tensor, name) if tensor.dtype in FLOATS else [(x, 0) for x in _integers(tensor)]
    low = min((exponent for mantissa, exponent in read if mantissa), default=0)
    top = max((m.bit_length() + exponent for m, exponent in read if m), default=0)
    fits = len(read) * (top - low + 256) <= MAX_EXACT
    decline_unless(fits, "limit", f"weights: {name} needs over {MAX_EXACT} bits as integers.")
    flat = [mantissa << (exponent - low) if mantissa else 0 for mantissa, exponent in read]
    return Matrix([flat[i : i + columns] for i in range(0, len(flat), columns)], low)


def _integers(tensor: Tensor) -> list[int]:
    """Return the numbers of an integer tensor, or the bits of floats."""
    size, signed, data = SIZES[tensor.dtype], tensor.dtype.startswith("I"), tensor.data
    starts = range(0, len(data), size)
    return [int.from_bytes(data[i : i + size], "little", signed=signed) for i in starts]


def _dyadics(tensor: Tensor, name: str) -> list[tuple[int, int]]:
    """Return (mantissa, exponent) of each float, read off its bits: m * 2**e, exactly."""
    size, exponent_bits, fraction_bits = FLOATS[tensor.dtype]
    top, bias = (1 << exponent_bits) - 1, (1 << exponent_bits - 1) - 1 + fraction_bits
    pairs = []
    for index, bits in enumerate(_integers(tensor)):
        fraction = bits & ((1 << fraction_bits) - 1)
        exponent = (bits >> fraction_bits) & top
        sentence = f"weights: {name} holds a NaN or infinity at {index}."
        decline_unless(exponent != top, "unsupported", sentence)
        # Exponent 0 means a subnormal: no hidden bit, and the same unit as exponent 1.
        mantissa = fraction | (1 << fraction_bits) if exponent else fraction
        pairs.append((mantissa * (1 - 2 * (bits >> 8 * size - 1)), max(exponent, 1) - bias))
    return pairs
