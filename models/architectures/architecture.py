"""What an architecture is: its tensors, what they compute, and what the theorems need of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple

import flint

from ballproof.interval.dyadic import DyadicMatrix
from ballproof.models.architectures.factors import Factors
from ballproof.models.architectures.program import Program
from ballproof.models.architectures.programs import Floats64, Programs, Tokens, Variant
from ballproof.models.architectures.tables import Tables
from ballproof.models.errors import ModelError
from ballproof.models.tensors import Dims

Shapes = Mapping[str, Dims]


_ONE_HEAD = ("d_vocab", "n_ctx", "d_model", "d_head", "d_vocab_out")


@dataclass(frozen=True)
class Shape:
    """Sizes of a model: vocabulary v, context length k, residual width d, head width h, outputs.

    `d_vocab_out` is the number of logits; left out, it is the vocabulary's size. `stated` are the
    names of the sizes that a claim about a model of this architecture states, in this order: what
    is not among them is fixed or absent.
    """

    d_vocab: int
    n_ctx: int
    d_model: int
    d_head: int
    d_vocab_out: int = -1
    n_heads: int = 1
    d_mlp: int = 0
    stated: tuple[str, ...] = _ONE_HEAD
    n_layers: int = 1

    def __post_init__(self) -> None:
        if self.d_vocab_out == -1:
            object.__setattr__(self, "d_vocab_out", self.d_vocab)

    @classmethod
    def of(cls, sizes: Mapping[str, int]) -> Shape:
        """Return the shape that a certificate states; TypeError for a name that is no size."""
        return cls(**{"d_head": 0, **sizes}, stated=tuple(sizes))

    def fields(self) -> dict[str, int]:
        """Return the sizes by name, as a certificate states them."""
        return {name: getattr(self, name) for name in self.stated}


@dataclass(frozen=True)
class Stated:
    """What a file states of the function that its tensors do not show.

    `parts` is the JSON text of the parts, as a certificate states them without spaces, `n_ctx` the
    number of positions, and `reads` that of the task which the file names, for models without
    positions; None where the file says nothing.
    """

    parts: str | None = None
    n_ctx: int | None = None
    reads: int | None = None


NOTHING_STATED = Stated()


@dataclass(frozen=True)
class Weights:
    """A frozen model.

    `tensors` maps every name of the architecture to an exact matrix: the head axis is dropped,
    biases are rows of shape (1, n), and a bias that the file leaves out is a row of zeros. `digest`
    identifies the tensors of the file (absent and zero biases differ); `source` names the file in
    messages; `task` is the task that its metadata names, if any, `compared` what it says of a
    comparison with the program that the user runs, and `notes` what it says of its origin. `data`
    are the file's bytes where `source` is no file that can be read again: a pipe, or a model in
    memory.
    """

    architecture: Architecture
    shape: Shape
    tensors: dict[str, DyadicMatrix]
    digest: str
    source: str
    task: str | None = None
    compared: str | None = None
    data: bytes = b""
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def tables(self) -> Tables:
        """The exact tables; ValueError where the architecture has none."""
        if self.architecture.tables is None:
            raise ValueError(f"There are no tables of {self.architecture.words}.")
        return self.architecture.tables(self)

    @property
    def factors(self) -> Factors:
        """The matrices that its tables are products of; ValueError where there are none."""
        if self.architecture.factors is None:
            raise ValueError(f"There are no factors of {self.architecture.words}.")
        return self.architecture.factors(self)


class LinearName(NamedTuple):
    """What a tensor of linear layers is called here, and how it differs.

    Linear layers hold their matrices transposed, and merge the heads of attention: on their first
    axis, or, where these are what the layer reads, on their last.
    """

    name: str
    transposed: bool = False
    merged_heads: bool = False
    heads_last: bool = False


@dataclass(frozen=True)
class Architecture:
    """One kind of model: a row of the table of architectures.

    `parts` is what the tensors do not show of the function, as certificates state it, and `words`
    the same for a reader. `fits` says by names and shapes whether tensors may be of this kind;
    `check_names` raises ModelError for a name that is none of this kind, and `sizes` returns the
    sizes, or raises it for whatever is wrong; both are told what the file is called.
    The context length is 0 where the tensors do not show it. A row that stands for several
    functions is `specialised` to the one of a file, by tensors whose sizes are right and by what
    the file states; it raises ModelError where the two do not fit.
    `serves` says of parts that a file states whether this row may have them, where others have the
    same tensors. `tensors` are the names and shapes of a model of some sizes; a file may leave out
    the `optional` ones, which are zero then, and those among `ones`, whose numbers are one then.
    `linear` are the names in the layout of linear layers.

    `logits` encloses the logits of one input at the precision in force, from the definition:
    what every theorem is about. The others are None where no theorem serves the architecture:
    exact `tables` and `factors` of one head, the `program` of enumeration for a number of
    positions, the `deviation` of the program in float32 (T12), and `programs`, this program in any
    order of summation. `variants` are functions that the same
    tensors may stand for in another's program, in floats: nothing rests on them. `assumed` says for
    a reader what the tensors do not show. `every_row` says that every position counts, and not only
    what the last one sees.
    """

    parts: tuple[Mapping[str, Any], ...]
    words: str
    fits: Callable[[Shapes], bool]
    check_names: Callable[[Iterable[str], str], None]
    sizes: Callable[[Shapes, str], Shape]
    tensors: Callable[[Shape], dict[str, Dims]]
    optional: tuple[str, ...]
    logits: Callable[[Weights, Sequence[int]], list[flint.arb]]
    linear: Mapping[str, LinearName] = field(default_factory=dict)
    tables: Callable[[Weights], Tables] | None = None
    factors: Callable[[Weights], Factors] | None = None
    program: Callable[[Weights, int], Program] | None = None
    deviation: Callable[[Weights], Fraction] | None = None
    programs: Programs | None = None
    specialised: Callable[[Shapes, Stated, str], Architecture] | None = None
    serves: Callable[[str], bool] | None = None
    ones: tuple[str, ...] = ()
    every_row: bool = False
    variants: Callable[[Weights, Tokens, Floats64], Iterator[Variant]] | None = None
    assumed: str = ""

    @property
    def text(self) -> str:
        """The parts as a file states them: JSON without spaces."""
        return json.dumps(self.parts, separators=(",", ":"))

    def may_be(self, stated: Stated) -> bool:
        """Say whether this row may be what a file states, as far as its parts tell."""
        if stated.parts is None or self.serves is not None:
            return stated.parts is None or bool(self.serves and self.serves(stated.parts))
        return self.specialised is not None or stated.parts == self.text

    def of(self, shapes: Shapes, stated: Stated, source: str) -> Architecture:
        """Return the architecture of one file, or raise ModelError if it states another."""
        made = self if self.specialised is None else self.specialised(shapes, stated, source)
        if stated.parts not in (None, made.text):
            raise ModelError(
                f"{source} states in its metadata the parts {stated.parts[:500]}, where "
                f"{made.text} is what its tensors allow."
            )
        return made
