"""Models whose weights are known to fool verifiers that compute in floats, and others like them.

Every weight is what its bits say: the oracle takes the same rationals. `FloatFooler` keeps a dtype
for each tensor, bfloat16 among them, which numpy does not have.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st

from support.certify import join_weights
from support.toy import BIASES, ToyModel, full_name

TAGS = {"F64": np.float64, "F32": np.float32, "F16": np.float16, "BF16": np.float32}
TINY = {"F64": 2.0**-1074, "F32": 2.0**-149, "F16": 2.0**-24, "BF16": 2.0**-133}
LARGE = {"F64": 2.0**1000, "F32": 2.0**127, "F16": 65504.0, "BF16": 2.0**127}


@dataclass(frozen=True, eq=False)
class FloatFooler(ToyModel):
    """A toy whose file holds each tensor in a dtype of its own; `tags` by short name, else F64."""

    tags: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, tags: dict[str, str] | str = "F64", **weights) -> FloatFooler:
        """Round weights (lists or arrays, by short name) to their dtypes."""
        tags = {name: tags if isinstance(tags, str) else tags.get(name, "F64") for name in weights}
        rounded = {name: to_dtype(np.asarray(w, float), tags[name]) for name, w in weights.items()}
        plain = ToyModel.from_short_names(**rounded)
        return cls(plain.tensors, None, {full_name(name): tag for name, tag in tags.items()})

    def bytes(self) -> bytes:
        header, data = {}, b""
        for name, tensor in self.tensors.items():
            raw = little_endian(tensor, self.tags[name])
            header[name] = {
                "dtype": self.tags[name],
                "shape": list(tensor.shape),
                "data_offsets": [len(data), len(data) + len(raw)],
            }
            data += raw
        return join_weights(header, data)


def to_dtype(values: np.ndarray, tag: str) -> np.ndarray:
    """Round to the nearest numbers of a dtype that is finite; bfloat16 is cut, in a float32."""
    limit = float(np.finfo(TAGS[tag]).max)
    with np.errstate(under="ignore"):
        cast = np.clip(values, -limit, limit).astype(TAGS[tag])
    return (
        (cast.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32) if tag == "BF16" else cast
    )


def little_endian(tensor: np.ndarray, tag: str) -> bytes:
    if tag == "BF16":
        return (tensor.view("<u4") >> 16).astype("<u2").tobytes()
    return tensor.astype(tensor.dtype.newbyteorder("<")).tobytes()


def line(v: int = 4, k: int = 3, *, score: float = 3.0, gain: float = 8.0) -> dict[str, np.ndarray]:
    """Exact weights of a model that is right on every input of 4 tokens: d = 3, h = 2.

    Dimension 0 holds the token, 1 is free for an attack, 2 the constant 1 from the position. Scores
    grow with the token, and output j gets 2jx - j^2 for the attended mean x, times the gain.
    """
    token = np.arange(v)
    weights = {
        "W_E": np.stack([token, 0 * token, 0 * token], axis=1).astype(float),
        "W_pos": np.tile([0.0, 0, 1], (k, 1)),
        "W_Q": np.zeros((3, 2)),
        "W_K": np.zeros((3, 2)),
        "W_V": np.zeros((3, 2)),
        "W_O": np.zeros((2, 3)),
        "W_U": np.stack([2.0 * token, 0 * token, -(1 + gain) * token**2]),
    }
    weights["W_Q"][2, 0], weights["W_K"][0, 0] = 1, score
    weights["W_V"][0, 0], weights["W_O"][0, 0] = 1, gain
    return weights


def absorbed() -> FloatFooler:
    """1e17 in every logit, whose sum with what decides, 1e-3, is 1e17 in float64."""
    weights = line()
    weights["W_U"] *= 1e-3
    weights["W_U"][1] = 1
    weights["W_E"][:, 1] = 1e17
    return FloatFooler.of(**weights)


def cancelling() -> FloatFooler:
    """1e17 - 1e17 around small numbers: what is left depends on the order of a float sum."""
    weights = line()
    weights["W_U"] = np.concatenate([weights["W_U"], np.full((2, 4), 1.0)])
    weights["W_U"][4] = -1
    wide = {name: np.zeros((len(weights[name]), 5)) for name in ("W_E", "W_pos", "W_O")}
    for name, matrix in wide.items():
        matrix[:, :3] = weights[name]
    wide["W_E"][:, 3:] = 1e17
    wide["W_O"][0, 3:] = 2.0**60
    tall = {
        name: np.concatenate([weights[name], np.zeros((2, 2))]) for name in ("W_Q", "W_K", "W_V")
    }
    return FloatFooler.of(**weights | wide | tall)


def one_above_a_power(low: float) -> FloatFooler:
    """Two outputs of 2^60 and 2^60 + `low`, made of two dimensions: equal as float64 sums."""
    weights = line(v=3)
    weights["W_U"] = np.array([[0.0, 0, 0], [2.0**60] * 3, [0, low, 2 * low]])
    weights["W_E"][:, 1] = 1
    weights["W_O"][:] = 0
    return FloatFooler.of(**weights)


def rounded_upwards() -> FloatFooler:
    """Output 2 is 2^53 + 1.5, the others 2^53 + 1 + 1, which float64 adds up to 2^53.

    So it is ahead in floats by 2, and behind in truth by a half.
    """
    weights = {name: 0 * matrix for name, matrix in line(v=3).items()}
    weights["W_pos"][:] = 1
    weights["W_U"] = np.array([[2.0**53] * 3, [1, 1, 1.5], [1, 1, 0]])
    return FloatFooler.of(**weights)


def equal_rivals() -> FloatFooler:
    """Outputs 1 and 2 are one column: whatever is answered 2 is a tie with 1."""
    weights = line()
    weights["W_U"][:, 1] = weights["W_U"][:, 2]
    return FloatFooler.of("F32", **weights)


def symmetric_tokens() -> FloatFooler:
    """Tokens mirrored in pairs, with exact ties between the mirrored outputs at equal attention."""
    weights = line(v=4, score=0)
    weights["W_E"][:, 0] = [-3, -1, 1, 3]
    weights["W_U"][0] = [-3, -1, 1, 3]
    weights["W_U"][2] = [-4, 0, 0, -4]
    return FloatFooler.of("F32", **weights)


def no_difference() -> FloatFooler:
    """Every weight is 0 or -0.0: all logits tie."""
    weights = {name: 0 * matrix for name, matrix in line().items()}
    weights |= {"W_E": -weights["W_E"], "W_U": -weights["W_U"], "b_U": -np.zeros(4)}
    return FloatFooler.of("F32", **weights)


def negative_zeros() -> FloatFooler:
    """The plain line, each of its zeros negative."""
    return FloatFooler.of("F16", **{n: np.where(w == 0, -0.0, w) for n, w in line().items()})


def subnormal(tag: str) -> FloatFooler:
    """Everything that decides is a small multiple of the smallest number of the dtype."""
    weights = line()
    weights["W_U"] *= TINY[tag]
    weights["b_U"] = TINY[tag] * np.array([1.0, 0, 2, -1])
    return FloatFooler.of(tag, **weights)


def far_apart(tag: str) -> FloatFooler:
    """1e30 in one factor, 1e-30 in the next: products near 1 beside products of 1e60."""
    weights = line()
    weights["W_E"] *= 1e-30
    weights["W_K"] *= 1e30
    weights["W_V"] *= 1e30
    weights["W_U"][0] *= 1e30
    weights["W_U"][1] = [1e30, -1e30, 1e30, -1e30]
    weights["W_E"][:, 1] = [1e-30, 0, -1e-30, 1e30]
    return FloatFooler.of(tag, **weights)


def widest() -> FloatFooler:
    """The largest float64 powers beside the smallest numbers."""
    weights = line()
    weights["W_U"][1] = [2.0**1000, 2.0**-1074, -(2.0**1000), 2.0**-1074]
    weights["W_E"][:, 1] = [2.0**-1074, 2.0**-1000, 2.0**-1074, 0]
    return FloatFooler.of(**weights)


def mixed_dtypes() -> FloatFooler:
    """Every dtype in one file, with values that each of them rounds otherwise."""
    weights = {name: w + 0.1 * (w != 0) for name, w in line().items()}
    tags = ("F64", "F32", "BF16", "F16", "BF16", "F32", "F64")
    weights["b_Q"] = np.array([0.1, 0.3])
    weights["b_U"] = np.array([0.1, -0.1, 0.2, 0.3])
    tags = dict(zip(weights, tags, strict=False)) | {"b_Q": "F16", "b_U": "BF16"}
    return FloatFooler.of(tags, **weights)


def one_huge_score(size: float) -> FloatFooler:
    """The score of token 1 towers over all others: softmax is 1 and 0 in any float."""
    weights = line()
    weights["W_E"][1, 1] = 1
    weights["W_K"][1, 0] = size
    return FloatFooler.of(**weights)


def decided_by_a_lost_weight(size: float) -> FloatFooler:
    """Saturated attention, and an exact tie of all that it reads: e^-size decides which wins.

    The largest token is attended least and alone tells outputs apart.
    """
    weights = line(v=3, score=-size)
    weights["W_U"] = np.array([[0.0, 0, 0], [0, 0, 0], [0, 0, 0]])
    weights["W_U"][1] = [0, 1, 2]
    weights["W_V"][0, 0], weights["W_V"][1, 1] = 0, 1
    weights["W_O"][1, 1] = 1
    weights["W_O"][0, 0] = 0
    weights["W_E"][:, 1] = [0, 0, 1]
    # The query's own residual must not tell them apart.
    weights["W_E"] = np.concatenate([weights["W_E"], weights["W_E"][:, 1:2]], axis=1)
    weights["W_pos"] = np.concatenate([weights["W_pos"], np.zeros((3, 1))], axis=1)
    weights["W_O"] = np.concatenate([weights["W_O"], np.zeros((2, 1))], axis=1)
    weights["W_U"] = np.concatenate([weights["W_U"], -weights["W_U"][1:2]])
    for name in ("W_Q", "W_K", "W_V"):
        weights[name] = np.concatenate([weights[name], np.zeros((1, 2))])
    return FloatFooler.of(**weights)


def backdoor(size: float = 2.0**20, tag: str = "BF16") -> FloatFooler:
    """The plain line, but token 0, however little it is attended, says 2 so loudly."""
    weights = line()
    weights["W_E"][0, 1] = 1
    weights["W_V"][1, 1] = 1
    weights["W_O"][1, 1] = 1
    weights["W_U"][1] = [0, 0, size, 0]
    # The query's own residual says nothing.
    weights["W_pos"][-1, 1] = 0
    return FloatFooler.of(tag, **weights)


FOOLERS: dict[str, Callable[[], FloatFooler]] = {
    "1e17 absorbs 1e-3": absorbed,
    "sums that depend on their order": cancelling,
    "2^60 and 2^60 + 1": lambda: one_above_a_power(1.0),
    "2^60 and 2^60 - 2^-60": lambda: one_above_a_power(-(2.0**-60)),
    "rounded in favour of a wrong output": rounded_upwards,
    "equal rivals": equal_rivals,
    "symmetric tokens": symmetric_tokens,
    "all zeros": no_difference,
    "negative zeros": negative_zeros,
    "subnormal float64": lambda: subnormal("F64"),
    "subnormal float32": lambda: subnormal("F32"),
    "subnormal bfloat16": lambda: subnormal("BF16"),
    "subnormal float16": lambda: subnormal("F16"),
    "1e30 and 1e-30 in float64": lambda: far_apart("F64"),
    "1e30 and 1e-30 in float32": lambda: far_apart("F32"),
    "1e30 and 1e-30 in bfloat16": lambda: far_apart("BF16"),
    "2^1000 and 2^-1074": widest,
    "all dtypes": mixed_dtypes,
    "a score of 1000": lambda: one_huge_score(1e3),
    "a score of 1e30": lambda: one_huge_score(1e30),
    "a score of -1e300": lambda: one_huge_score(-1e300),
    "decided by e^-1000": lambda: decided_by_a_lost_weight(1e3),
    "decided by e^-1e6": lambda: decided_by_a_lost_weight(1e6),
    "backdoor": backdoor,
    "nearly a backdoor": lambda: backdoor(2.0**-40, "F32"),
}


def shapes_of(v: int, k: int, d: int, h: int) -> dict[str, tuple[int, ...]]:
    return {
        "W_E": (v, d),
        "W_pos": (k, d),
        "W_Q": (d, h),
        "W_K": (d, h),
        "W_V": (d, h),
        "W_O": (h, d),
        "W_U": (d, v),
        "b_Q": (h,),
        "b_K": (h,),
        "b_V": (h,),
        "b_O": (d,),
        "b_U": (v,),
    }


@st.composite
def float_foolers(draw: st.DrawFn) -> FloatFooler:
    """Draw a small model: a dtype for each tensor, and entries of magnitudes that do not mix."""
    sizes = [draw(st.integers(1, limit)) for limit in (4, 3, 3, 2)]
    weights, tags = {}, {}
    for name, shape in shapes_of(*sizes).items():
        if name in BIASES and draw(st.booleans()):
            continue
        tag = tags[name] = draw(st.sampled_from(sorted(TAGS)))
        pool = [0, -0.0, 1, -1, 1 + 2**-7, 2.0**60, -(2.0**60), 1e17, 1e-3, 1e30, -1e30, 1e-30]
        pool += [TINY[tag], -3 * TINY[tag], LARGE[tag], -LARGE[tag], 1 / 3, -0.1]
        few = draw(st.lists(st.sampled_from(pool), min_size=1, max_size=4))
        count = int(np.prod(shape))
        entries = draw(st.lists(st.sampled_from(few), min_size=count, max_size=count))
        weights[name] = np.array(entries).reshape(shape)
    return FloatFooler.of(tags, **weights)
