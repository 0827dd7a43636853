"""Whatever a safetensors file holds, prover and checker both take it, or both refuse it."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import random_tensors

from ballproof.interval import dyadic
from ballproof.models.architectures import Shape
from ballproof.models.convert import convert, read_source
from ballproof.models.errors import ModelError
from ballproof.models.tensors import Tensor, write_tensors
from ballproof.models.weights import freeze, weights_from_bytes
from files import tensors as kernel
from files.verdict import Refusal
from parts.attention_only import read_model

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases" / "public" / "12-two-readers"
PLAIN = write_tensors(Tensor.from_array(n, a) for n, a in random_tensors(5).items())
LENGTH = int.from_bytes(PLAIN[:8], "little")
TEXT = PLAIN[8 : 8 + LENGTH].rstrip(b" ")
HEADER, BODY = json.loads(TEXT), PLAIN[8 + LENGTH :]
WHOLE = len(BODY)
TYPES = ("BOOL", "F64", "F32", "U8", "F8_E4M3", "F8_E5M2", "C64", "F4", "f32")


def prover(data):
    """The digest that the prover reads, or None."""
    try:
        return weights_from_bytes(data, "a file").digest
    except ModelError:
        return None


def checker(data):
    """The digest that the checker reads, or None."""
    try:
        tensors = kernel.read_tensors(data)
        read_model(tensors)
    except Refusal:
        return None
    return kernel.digest(tensors)


def file(text, body=BODY):
    text = text if isinstance(text, bytes) else json.dumps(text).encode()
    return len(text).to_bytes(8, "little") + text + body


def with_tensor(name, dtype, shape, size, **fields):
    span = {"dtype": dtype, "shape": shape, "data_offsets": [WHOLE, WHOLE + size]}
    return file(HEADER | {name: span | fields}, BODY + bytes(size))


def with_entry(**fields):
    return file(HEADER | {"embed.W_E": HEADER["embed.W_E"] | fields})


METADATA = [None, {}, [], "x", {"a": 1}, {"a": None}, {"a": {}}, {"a": "\ud800"}, {"\udfff": "a"}]
METADATA += [
    {"a": "x"},
    {"task": "max-of-3"},
    {"a": "\U0001f600"},
    {str(i): "" for i in range(999)},
]
MASK, IGNORE = "blocks.0.attn.mask", "blocks.0.attn.IGNORE"
BIG = {"__metadata__": {str(i): "x" * 2**16 for i in range(2**8)}}
# As many brackets, commas, colons and quotes as a header may hold, and one more.
MARKS = sum(map(json.dumps(HEADER | {"__metadata__": {"a": ""}}).count, '[]{},:"'))
COMMAS = {2**23 - MARKS: "most", 2**23 - MARKS + 1: "too many"}
FILES = {
    "plain": PLAIN,
    **{f"metadata {value!a:.30}": file(HEADER | {"__metadata__": value}) for value in METADATA},
    **{
        f"after {x!r}": file(TEXT + x)
        for x in (b" ", b"  ", b"\n", b"\n ", b"\t", b"\0", b"\n\n", b" \n")
    },
    **{f"before {x!r}": file(x + TEXT) for x in (b" ", b"\n", b"\xef\xbb\xbf", b"\0")},
    "indented": file(json.dumps(HEADER, indent=1).encode()),
    "twice": file(TEXT[:-1] + b"," + TEXT[1:]),
    "metadata twice": file(b'{"__metadata__":{},"__metadata__":{},' + TEXT[1:]),
    "comma": file(TEXT[:-1] + b",}"),
    "escape": file(TEXT.replace(b"embed", b"\\u0065mbed")),
    "bytes": file(TEXT.replace(b"embed", b"\xffmbed")),
    **{f"mask {t} empty": with_tensor(MASK, t, [0], 0) for t in TYPES},
    **{f"mask {t}": with_tensor(MASK, t, [1, 1], s) for t in TYPES for s in (1, 4, 8)},
    **{f"ignore {t}": with_tensor(IGNORE, t, [], s) for t in TYPES for s in (1, 4, 8)},
    **{f"mask of {n} axes": with_tensor(MASK, "BOOL", [0] * n, 0) for n in (0, 2, 8, 9, 99)},
    **{f"axis {n}": with_tensor(MASK, "BOOL", [0, n], 0) for n in (2**28, 2**28 + 1, 2**40, 2**64)},
    **{f"name {n!a}": with_tensor(n, "F32", [0], 0) for n in ("", "\ud800", "b", "embed.W_E ")},
    "extra field": with_entry(extra=1),
    "extra field of a buffer": with_tensor(MASK, "BOOL", [0], 0, extra=1),
    **{
        f"shape {x}": with_entry(shape=x)
        for x in ([5.0, 4], [True, 20], [-5, -4], 20, [20], [4, 5])
    },
    **{
        f"offsets {x}": with_entry(data_offsets=x)
        for x in ([0], [0, 80, 81], [80, 0], "ab", [-0.0, 80])
    },
    "no dtype": file(HEADER | {"embed.W_E": {"shape": [5, 4], "data_offsets": [0, 80]}}),
    "reversed": file(dict(reversed(HEADER.items()))),
    "no body": file(HEADER, b""),
    "short": PLAIN[:-1],
    "long": PLAIN + b"\0",
    "empty": b"",
    "eight": bytes(8),
    "no header": file({}, b""),
    "header past the end": (2**63).to_bytes(8, "little") + TEXT,
    "deep": file(b'{"__metadata__":' + b"[" * 9**5 + b"]" * 9**5 + b"," + TEXT[1:]),
    "many digits": file(TEXT.replace(b'"shape":[5', b'"shape":[' + b"9" * 5000, 1)),
    "long header": file(HEADER | BIG),
    **{f"{x} commas": file(HEADER | {"__metadata__": {"a": "," * n}}) for n, x in COMMAS.items()},
}


@pytest.mark.parametrize("name", FILES)
def test_both_take_it_or_both_refuse_it(name):
    assert prover(FILES[name]) == checker(FILES[name])


def test_some_are_taken_and_some_are_not():
    taken = {name for name, data in FILES.items() if prover(data) is not None}
    assert {"plain", "reversed", "after b' '", "mask BOOL empty", "axis 268435456"} <= taken
    assert "most commas" in taken
    assert not taken & {
        "too many commas",
        "twice",
        "long header",
        "axis 268435457",
        "extra field",
        "after b'\\t'",
    }


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_spoilt_headers(data):
    """A few bytes of the header are exchanged for others that JSON is made of."""
    text = bytearray(TEXT)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(text) - 1))
        text[place] = data.draw(st.sampled_from(b'0123456789-.eE"{}[],: \\uDd8ab\n'))
    assert prover(file(bytes(text))) == checker(file(bytes(text)))


@st.composite
def buffers(draw):
    """A mask of any shape, mostly square and mostly causal, and what is beside it."""
    size = draw(st.integers(0, 6))
    mask = np.tril(np.ones((size, size), dtype=bool))
    for _ in range(draw(st.integers(0, 3)) if size else 0):
        place = draw(st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)))
        mask[place] = draw(st.booleans())
    shaped = draw(st.sampled_from([mask, mask[None], mask.ravel(), mask[:, :-1], ~mask]))
    dtype = draw(st.sampled_from([np.bool_, np.bool_, np.bool_, np.uint8, np.float32]))
    extra = draw(st.sampled_from(["", "", "blocks.0.attn.window", "blocks.0.ln1.w", "mask"]))
    return shaped.astype(dtype), extra


@given(buffers())
@settings(max_examples=400, deadline=None)
def test_a_file_whose_data_says_another_function_is_refused_by_both(drawn):
    """What is taken has no mask that hides a position of the row that is read, and nothing else."""
    mask, extra = drawn
    named = [Tensor.from_array(n, a) for n, a in random_tensors(5).items()]
    named.append(Tensor.from_array(MASK, mask))
    if extra:
        named.append(Tensor.from_array(extra, np.ones(1, dtype=np.float32)))
    data = write_tensors(named)
    taken = prover(data)
    assert taken == checker(data)
    k = HEADER["pos_embed.W_pos"]["shape"][0]
    square = mask.dtype == bool and mask.ndim == 2 and mask.shape[0] == mask.shape[1] >= k
    shows_all = not mask.size or (square and bool(mask[k - 1, :k].all()))
    assert (taken == prover(PLAIN)) == (shows_all and not extra)


WIDE = [-(2.0**1000), 2.0**-1074, 1.5, -0.0]
NUMBERS = {
    "float32": (np.float32, [1.0, 1.5, -(2.0**-149), 0.0]),
    "float64": (np.float64, WIDE),
    "zeros": (np.float64, [0.0, -0.0]),
    "one power": (np.float64, [2.0**-300]),
    "float16": (np.float16, [65504.0, 2.0**-24]),
    "int64": (np.int64, [-(2**63), 2**63 - 1, 0]),
    "uint64": (np.uint64, [2**64 - 1, 2**63]),
    "even": (np.uint8, [4, 0]),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_both_set_one_limit_to_numbers_that_are_too_far_apart(monkeypatch, name):
    """The numbers of one tensor, as integers on one unit, may have so many bits in both."""
    dtype, numbers = NUMBERS[name]
    tensors = random_tensors(5, biases=False, dtype=np.float16)
    tensors["embed.W_E"] = np.resize(np.array(numbers, dtype), (5, 4))
    tensors["unembed.W_U"] = tensors["unembed.W_U"].astype(np.float16)
    data = write_tensors(Tensor.from_array(n, a) for n, a in tensors.items())

    def taken(limit):
        monkeypatch.setattr(kernel, "MAX_EXACT", limit)
        monkeypatch.setattr(dyadic, "MAX_EXACT_BITS", limit)
        assert prover(data) == checker(data)
        return prover(data) is not None

    low, high = 0, 2**20
    assert taken(high) and not taken(low)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if taken(middle) else (middle, high)
    # The limit is of the widest tensor: it is this one.
    assert high % 20 == 0 and high >= 20 * 256


def test_both_refuse_half_a_million_numbers_from_the_least_to_the_largest():
    embedding = np.zeros((5, 100_000))
    embedding[0, :2] = 5e-324, 1.7e308
    tensors = random_tensors(5, Shape(5, 3, 100_000, 1), biases=False)
    data = write_tensors(
        Tensor.from_array(n, a) for n, a in (tensors | {"embed.W_E": embedding}).items()
    )
    assert checker(data) is None
    with pytest.raises(ModelError, match=r"embed\.W_E cannot be read: it takes 1177000000 bits"):
        weights_from_bytes(data, "a file")


@pytest.mark.parametrize(
    "name", ["extra field", "long header", "too many commas", "axis 268435457", "before b' '"]
)
def test_what_only_the_checker_would_refuse_is_rewritten_by_import(tmp_path, name):
    with pytest.raises(ModelError, match="`ballproof import` rewrites the file"):
        weights_from_bytes(FILES[name], "a file")
    (tmp_path / "a.safetensors").write_bytes(FILES[name])
    rewritten = convert(read_source(tmp_path / "a.safetensors"))
    assert (
        freeze(rewritten, "a file").digest
        == prover(PLAIN)
        == checker(write_tensors(rewritten.values()))
    )


@pytest.mark.skipif(not CASES.is_dir(), reason="the shared cases are not beside the project")
def test_shared_cases():
    for path in sorted(CASES.iterdir()):
        assert prover(path.read_bytes()) == checker(path.read_bytes()), path
