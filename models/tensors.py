"""Tensors as a safetensors file holds them: raw bytes with a name, a dtype tag and a shape."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import safetensors
from numpy.typing import NDArray

from ballproof.models.errors import ModelError
from ballproof.models.files import MAX_FILE_BYTES, parse_json

Dims = tuple[int, ...]
# Tensors of the HookedTransformer layout that hold no weights.
_BUFFER = re.compile(r"(?a:blocks\.(\d|1[0-5])\.attn\.(mask|IGNORE))")

# safetensors names dtypes one way in files and another way in its writer.
_WRITER_NAMES = {
    "BOOL": "bool",
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I8": "int8",
    "I16": "int16",
    "I32": "int32",
    "I64": "int64",
    "U8": "uint8",
    "U16": "uint16",
    "U32": "uint32",
    "U64": "uint64",
}
DTYPES = frozenset(_WRITER_NAMES)
MAX_HEADER_BYTES = 16 * 2**20
MAX_AXES = 8
MAX_MARKS = 2**23
_KEYS = {"dtype", "shape", "data_offsets"}
_TAGS = {name: tag for tag, name in _WRITER_NAMES.items()}


def buffer_of(name: str) -> tuple[int, str] | None:
    """Return the layer and the kind, mask or IGNORE, of a tensor that holds no weights, or None."""
    match = _BUFFER.fullmatch(name)
    return None if match is None else (int(match[1]), match[2])


@dataclass(frozen=True)
class Tensor:
    """One tensor of a file: `data` is little-endian, row by row, `dtype` a tag such as F32."""

    name: str
    dtype: str
    shape: Dims
    data: bytes

    @classmethod
    def from_array(cls, name: str, array: np.ndarray) -> Tensor:
        """Return the tensor that holds this array, in the array's own dtype."""
        if array.dtype.name not in _TAGS:
            raise ModelError(f"{name} has the dtype {array.dtype.name}, which is not supported.")
        little_endian = array.astype(array.dtype.newbyteorder("<"), copy=False)
        return cls(name, _TAGS[array.dtype.name], array.shape, little_endian.tobytes())

    def cells(self) -> NDArray[np.uint8]:
        """Return an array whose last axis is the bytes of a number, which are moved unread: none
        can be rounded. There is a number at least.
        """
        return np.frombuffer(self.data, dtype=np.uint8).reshape(*self.shape, -1)


def read_tensors(data: bytes, source: str) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file, buffers with them, as `read_file` does."""
    return read_file(data, source)[0]


def read_file(data: bytes, source: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors of a safetensors file, buffers with them, and its metadata.

    Raises ModelError, naming `source`, for bytes that are no well-formed safetensors file.
    """
    try:
        entries = safetensors.deserialize(data)  # type: ignore[no-untyped-call]
    except safetensors.SafetensorError as error:
        raise ModelError(f"{source} is not a safetensors file: {error}.") from error
    # The library keeps one of two tensors of the same name without a word.
    header = parse_json(data[8 : 8 + int.from_bytes(data[:8], "little")], source)
    metadata = header.get("__metadata__") if isinstance(header, dict) else None
    tensors = {}
    for name, entry in entries:
        tensors[name] = Tensor(name, entry["dtype"], tuple(entry["shape"]), bytes(entry["data"]))
    return tensors, metadata if isinstance(metadata, dict) else {}


def require_plain(data: bytes, source: str) -> None:
    """Raise ModelError for a safetensors file that the library reads and the checker declines.

    The file's rules are those of docs/certificate.md, "The weights file".
    """
    text = data[8 : 8 + int.from_bytes(data[:8], "little")]
    header = parse_json(text, source)
    entries = dict(header) if isinstance(header, dict) else {}
    metadata = entries.pop("__metadata__", {})
    unknown = [f"{name}.{key}" for name, entry in entries.items() for key in entry.keys() - _KEYS]
    long = [name for name, entry in entries.items() if not _has_plain_axes(entry["shape"])]
    found = [
        f"a header of over {MAX_HEADER_BYTES} bytes" if len(text) > MAX_HEADER_BYTES else "",
        f"a header of over {MAX_MARKS} brackets, commas and quotes"
        if _has_many_marks(text)
        else "",
        "spaces before its header" if not text.startswith(b"{") else "",
        "more than spaces after its header" if not _ends_plainly(text) else "",
        f"the unknown key {unknown[0]!r}" if unknown else "",
        f"too many or too long axes of {long[0]!r}" if long else "",
        "metadata that is no object of strings" if not _is_strings(metadata) else "",
    ]
    if any(found):
        raise ModelError(
            f"{source} has {next(filter(None, found))}, which the checker declines: `ballproof "
            "import` rewrites the file."
        )


def _has_many_marks(text: bytes) -> bool:
    return sum(map(text.count, (b"[", b"]", b"{", b"}", b",", b":", b'"'))) > MAX_MARKS


def _ends_plainly(text: bytes) -> bool:
    return text.rstrip(b" ").removesuffix(b"\n").endswith(b"}")


def _has_plain_axes(shape: list[int]) -> bool:
    return len(shape) <= MAX_AXES and all(size <= MAX_FILE_BYTES for size in shape)


def _is_strings(metadata: object) -> bool:
    return isinstance(metadata, dict) and all(isinstance(x, str) for x in metadata.values())


def write_tensors(tensors: Iterable[Tensor], metadata: dict[str, str] | None = None) -> bytes:
    """Return the safetensors file of these tensors; the same tensors give the same bytes."""
    buffers = []
    specs = {}
    for tensor in sorted(tensors, key=lambda tensor: tensor.name):
        buffer = np.frombuffer(tensor.data, dtype=np.uint8)
        buffers.append(buffer)  # The writer reads through a pointer: keep the memory alive.
        specs[tensor.name] = safetensors.TensorSpec(
            dtype=_WRITER_NAMES[tensor.dtype],
            shape=tensor.shape,
            data_ptr=buffer.ctypes.data,
            data_len=buffer.nbytes,
        )
    data = bytes(safetensors.serialize(specs, metadata))
    return data if metadata is None or len(metadata) < 2 else _in_order(data)


def _in_order(data: bytes) -> bytes:
    """Return a file with its metadata sorted: the library writes them in any order."""
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[end:]


def digest_tensors(tensors: Iterable[Tensor]) -> str:
    """Return the SHA-256, in lower-case hex, that identifies a model whatever file holds it.

    Hashed tensor by tensor, sorted by name and buffers left out: name, NUL, dtype tag, NUL, shape
    as `64,32`, NUL, number of bytes as a little-endian 64-bit integer, bytes.
    """
    hasher = hashlib.sha256()
    for tensor in sorted(tensors, key=lambda tensor: tensor.name.encode()):
        if buffer_of(tensor.name) is None:
            shape = ",".join(str(size) for size in tensor.shape)
            hasher.update(f"{tensor.name}\0{tensor.dtype}\0{shape}\0".encode())
            hasher.update(len(tensor.data).to_bytes(8, "little"))
            hasher.update(tensor.data)
    return hasher.hexdigest()
