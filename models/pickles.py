"""Read the file that `torch.save` writes without running code that it holds, and without torch.

The file is an archive of a pickle and of one record of bytes for each storage. Of the names that
the pickle asks for, a few are rebuilt here by rules of our own: containers and tensors. Every other
class or function stays *inert*: a plain object that remembers its name, its arguments and its
attributes, so that a configuration can be read and nothing can be called.
"""

from __future__ import annotations

import pickle
import pickletools
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from math import prod
from typing import Any

import numpy as np

from ballproof.models.errors import ModelError
from ballproof.models.files import MAX_FILE_BYTES
from ballproof.models.tensors import Tensor

MAGIC = b"PK\x03\x04"
MAX_PICKLE_BYTES = 16 * 2**20
MAX_AXES = 64
# Tags of safetensors by the names of torch's storages and dtypes, and bytes a number.
_TAGS = {
    "DoubleStorage": "F64",
    "FloatStorage": "F32",
    "HalfStorage": "F16",
    "BFloat16Storage": "BF16",
    "LongStorage": "I64",
    "IntStorage": "I32",
    "ShortStorage": "I16",
    "CharStorage": "I8",
    "ByteStorage": "U8",
    "BoolStorage": "BOOL",
    "uint16": "U16",
    "uint32": "U32",
    "uint64": "U64",
}
_WIDTHS = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1}
_WIDTHS |= {"U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1}
_PUTS = {"PUT", "BINPUT", "LONG_BINPUT"}
_REFUSED = {"BYTEARRAY8", "NEXT_BUFFER", "READONLY_BUFFER", "INST", "OBJ", "PERSID"}
# Scalars of numpy by the codes of their bytes.
_SCALARS = {"f8": "d", "f4": "f", "f2": "e", "i8": "q", "i4": "i", "b1": "?"}
# What these hold is not in the file, or not as one number after the other.
_KINDS = {
    "_rebuild_sparse_tensor": "a sparse tensor",
    "_rebuild_sparse_csr_tensor": "a sparse tensor",
    "_rebuild_qtensor": "a quantised tensor",
    "_rebuild_nested_tensor": "a nested tensor",
    "_rebuild_meta_tensor_no_storage": "a meta tensor, which has no numbers",
    "_rebuild_device_tensor_from_numpy": "a tensor of a device of its own",
    "_rebuild_wrapper_subclass": "a tensor of a class of its own",
}


class Inert(dict[Any, Any]):
    """An object whose class is not loaded; as a mapping it holds what the pickle set as items."""

    path = ""
    arguments: tuple[Any, ...]
    attributes: dict[str, Any]
    state: Any

    def __new__(cls, *arguments: Any, **_: Any) -> Inert:
        """Return an object with its arguments: a pickle may make one without calling `__init__`."""
        self = super().__new__(cls)
        self.arguments = arguments
        self.attributes, self.state = {}, None
        return self

    def __init__(self, *_: Any, **__: Any) -> None:
        super().__init__()

    # As members of sets and keys they are no mappings.
    __hash__ = object.__hash__  # type: ignore[assignment]
    __eq__ = object.__eq__

    def __call__(self, *arguments: Any, **_: Any) -> Inert:
        """Return another such object: what a function returned is not known."""
        return type(self)(*arguments)

    def __setstate__(self, state: Any) -> None:
        self.state = state
        for part in state if isinstance(state, tuple) else (state,):
            if isinstance(part, dict):
                self.attributes.update(part)

    def number(self) -> float | int | bool | None:
        """Return the number that a scalar of numpy is; None for anything else."""
        if not self.path.endswith("multiarray.scalar") or len(self.arguments) != 2:
            return None
        dtype, data = self.arguments
        kind = dtype.arguments[0] if isinstance(dtype, Inert) and dtype.arguments else None
        order = (
            dtype.state[1] if isinstance(dtype, Inert) and isinstance(dtype.state, tuple) else ""
        )
        if kind not in _SCALARS or order not in ("<", "|") or not isinstance(data, bytes):
            return None
        (value,) = struct.unpack(f"<{_SCALARS[kind]}", data)
        return value  # type: ignore[no-any-return]

    def append(self, item: Any) -> None:
        """Take an item of a list, and forget it."""

    def extend(self, items: Any) -> None:
        """Take items of a list, and forget them."""

    def add(self, item: Any) -> None:
        """Take an item of a set, and forget it."""


@dataclass(frozen=True)
class Storage:
    """One record of the archive: the numbers of one or more tensors."""

    tag: str
    record: str


@dataclass(frozen=True)
class StoredTensor:
    """A tensor as strides over a storage; nothing is allocated before its size is known to fit."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    archive: _Archive

    def tensor(self, name: str) -> Tensor:
        """Return the tensor's bytes row by row; raises ModelError where the file lacks them."""
        tag, source = self.storage.tag, self.archive.source
        if tag not in _WIDTHS:
            raise ModelError(f"{source}: {name} is {tag}, which is not supported.")
        width, stored = _WIDTHS[tag], self.archive.size(self.storage.record)
        claimed = prod(self.shape) * width
        if claimed > stored:
            raise ModelError(
                f"{source}: {name} has shape {list(self.shape)}, {claimed} bytes, where the file "
                f"stores {stored}: save an expanded tensor as `tensor.contiguous()`."
            )
        if not claimed:
            return Tensor(name, tag, self.shape, b"")
        steps = zip(self.shape, self.strides, strict=True)
        last = self.offset + sum((size - 1) * stride for size, stride in steps)
        if (last + 1) * width > stored:
            raise ModelError(f"{source}: {name} reaches past the end of its storage.")
        numbers = np.frombuffer(self.archive.bytes(self.storage.record), dtype=np.uint8)
        cells = numbers[: stored - stored % width].reshape(-1, width)[self.offset :]
        # Numbers are moved as opaque bytes: none can be rounded.
        view = np.lib.stride_tricks.as_strided(
            cells, (*self.shape, width), (*(stride * width for stride in self.strides), 1)
        )
        return Tensor(name, tag, self.shape, view.tobytes())


class _Archive:
    """The records of a torch file, each below one folder."""

    def __init__(self, data: bytes, source: str) -> None:
        self.source = source
        self.zip = zipfile.ZipFile(BytesIO(data))
        infos = self.zip.infolist()
        names = {info.filename.rpartition("/")[2] for info in infos}
        if "constants.pkl" in names:
            raise ModelError(f"{source} is a TorchScript program: save `model.state_dict()`.")
        if "data.pkl" not in names:
            raise ModelError(f"{source} is an archive, and not one that torch.save writes.")
        total = sum(info.file_size for info in infos)
        if total > MAX_FILE_BYTES or any(info.compress_type for info in infos):
            raise ModelError(f"{source} is compressed or too large, as torch.save writes no file.")
        self.folder = infos[0].filename.partition("/")[0] if infos else ""
        self.names = {info.filename: info.file_size for info in infos}

    def size(self, record: str) -> int:
        """Return how many bytes a record has."""
        return self.names[f"{self.folder}/{record}"]

    def bytes(self, record: str) -> bytes:
        """Return a record."""
        return self.zip.read(f"{self.folder}/{record}")

    def has(self, record: str) -> bool:
        """Return whether there is such a record."""
        return f"{self.folder}/{record}" in self.names


def load(data: bytes, source: str) -> Any:
    """Return the object that a torch file holds: containers, StoredTensors and inert objects.

    Raises ModelError, naming `source`, for anything that torch.save does not write.
    """
    if data[:1] == b"\x80" or not data.startswith(MAGIC):
        raise ModelError(
            f"{source} cannot be read as a torch file: it is damaged, or older than torch 1.6 "
            "(load it with torch and save its state dict again)."
        )
    try:
        archive = _Archive(data, source)
        if archive.has("constants.pkl"):
            raise ModelError(f"{source} is a TorchScript program: save `model.state_dict()`.")
        if archive.has("byteorder") and archive.bytes("byteorder") != b"little":
            raise ModelError(f"{source} holds big-endian numbers, which is not supported.")
        if archive.size("data.pkl") > MAX_PICKLE_BYTES:
            raise ModelError(f"{source} has a pickle of over {MAX_PICKLE_BYTES} bytes.")
        pickled = archive.bytes("data.pkl")
        _require_plain(pickled, source)
        return _Unpickler(archive, pickled).load()
    except ModelError:
        raise
    # A damaged pickle raises whatever the operation that it damages raises.
    except Exception as error:
        raise ModelError(
            f"{source} cannot be read as a torch file: it is damaged ({type(error).__name__})."
        ) from error


def _require_plain(pickled: bytes, source: str) -> None:
    """Refuse operations that torch.save does not write and that take memory on their own word."""
    for count, (operation, argument, _) in enumerate(pickletools.genops(pickled)):
        far = operation.name in _PUTS and int(argument or 0) > count
        if far or operation.name in _REFUSED or operation.name.startswith("EXT"):
            raise ModelError(f"{source} cannot be read as a torch file: {operation.name} in it.")


class _Unpickler(pickle.Unpickler):
    """Resolves every name that the pickle asks for by the rules above."""

    def __init__(self, archive: _Archive, pickled: bytes) -> None:
        super().__init__(BytesIO(pickled), encoding="utf-8")
        self.archive = archive
        # One class a name, made anew for each file: what a pickle sets on it ends with it.
        self.inert: dict[str, type[Inert]] = {}

    def find_class(self, module: str, name: str) -> Any:
        """Return what stands for a class or function."""
        path = f"{module}.{name}"
        if path == "collections.OrderedDict":
            return OrderedDict
        if path == "_codecs.encode":
            # How bytes are written in the protocol that torch.save uses.
            return _Encode()
        if module in ("torch._utils", "torch._tensor", "torch._torch_docs"):
            return _Rebuild(self.archive, name)
        if path not in self.inert:
            self.inert[path] = type(name, (Inert,), {"path": path})
        return self.inert[path]

    def persistent_load(self, pid: Any) -> Storage:
        """Return the storage that ("storage", class, key, device, size) names."""
        kind, cls, key = pid[:3]
        record = f"data/{key}"
        if kind != "storage" or not self.archive.has(record):
            raise ModelError(f"{self.archive.source} names the storage {key!r}, and lacks it.")
        name = cls.path.rpartition(".")[2]
        return Storage(_TAGS.get(name, f"a {name}"), record)


class _Encode:
    """Bytes from the text that stands for them; without attributes that a pickle might set."""

    __slots__ = ()

    def __call__(self, text: str, encoding: str) -> bytes:
        return str.encode(text, "latin1" if encoding == "latin1" else "ascii")


class _Rebuild:
    """A function that makes a tensor; without attributes that a pickle might set."""

    __slots__ = ("archive", "name")

    def __init__(self, archive: _Archive, name: str) -> None:
        self.archive, self.name = archive, name

    def __call__(self, *arguments: Any) -> Any:
        rules: dict[str, Callable[..., Any]] = {
            "_rebuild_tensor_v2": self._tensor,
            "_rebuild_tensor": self._tensor,
            "_rebuild_tensor_v3": self._of_dtype,
            "_rebuild_parameter": lambda tensor, *_: tensor,
            "_rebuild_parameter_with_state": lambda tensor, *_: tensor,
            "_rebuild_from_type_v2": lambda function, _, args, *rest: function(*args),
        }
        if self.name in rules:
            return rules[self.name](*arguments)
        kind = _KINDS.get(self.name, f"an object of torch's {self.name}")
        return Absent(kind)

    def _tensor(self, storage: Storage, offset: int, shape: Any, strides: Any, *_: Any) -> Any:
        sizes = (offset, *shape, *strides)
        plain = all(type(size) is int and 0 <= size < 2**48 for size in sizes)
        if not plain or len(shape) != len(strides) or len(shape) > MAX_AXES:
            raise ModelError(f"{self.archive.source} holds a tensor of the shape {shape!r:.80}.")
        return StoredTensor(storage, offset, tuple(shape), tuple(strides), self.archive)

    def _of_dtype(
        self,
        storage: Storage,
        offset: int,
        shape: Any,
        strides: Any,
        _: Any,
        __: Any,
        dtype: Any,
        *___: Any,
    ) -> Any:
        name = dtype.path.rpartition(".")[2]
        named = Storage(_TAGS.get(name, f"a tensor of {name}"), storage.record)
        return self._tensor(named, offset, shape, strides)


@dataclass(frozen=True)
class Absent:
    """A tensor whose numbers are not to be read from the file, and what it is."""

    kind: str


def parts(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the named parts of a mapping or of an inert object: attributes, then items."""
    if isinstance(value, Inert):
        yield from value.attributes.items()
    if isinstance(value, dict):
        yield from ((name, part) for name, part in value.items() if isinstance(name, str))
