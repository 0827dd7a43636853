"""The zoo: trained models that ship with the package, looked up by name."""

from __future__ import annotations

import difflib
import json
import re
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import NamedTuple, NotRequired, TypedDict, cast

from ballproof.models.recipes import recipe_of

ZOO_FOLDER = Path(__file__).parent / "zoo"
INDEX_PATH = ZOO_FOLDER / "index.json"


class Record(TypedDict):
    """What the index says of one model.

    `sampled_accuracy` and `loss` are floating-point estimates over the same `samples` uniform
    sequences, or over all inputs where these are listed, recorded when the zoo was built; they
    prove nothing. `exactly_right` is the number of inputs of the task that are right, where
    certificates have shown it at both ends. `recipe` is what the file states of its training, and
    `remark` why not all inputs are right, where that was meant.
    """

    name: str
    file: str
    task: str
    n_ctx: int
    d_vocab: int
    d_model: int
    d_head: NotRequired[int]
    n_heads: NotRequired[int]
    d_mlp: NotRequired[int]
    n_layers: NotRequired[int]
    d_vocab_out: NotRequired[int]
    seed: int
    digest: str
    loss: float
    loss_kind: str
    sampled_accuracy: float
    samples: int
    origin: str
    recipe: NotRequired[str]
    remark: NotRequired[str]
    exactly_right: NotRequired[int]


def zoo_names() -> list[str]:
    """Names of all models of the zoo, by kind, task and seed, one head on max-of-k first."""
    return list(_index())


def zoo_record(name: str) -> Record:
    """Return the index record of a model, or raise FileNotFoundError with close names."""
    if name not in _index():
        raise FileNotFoundError(_not_found(name))
    return _index()[name]


def record_of(digest: str) -> Record | None:
    """Return the index record of the model with this digest, or None if the zoo lacks it."""
    return _by_digest().get(digest)


def zoo_path(name: str) -> Path:
    """Return the weights file of a model of the zoo."""
    return ZOO_FOLDER / zoo_record(name)["file"]


def resolve(model: str) -> Path:
    """Return the weights file that `model` names: an existing path, else a model of the zoo."""
    path = Path(model)
    return path if path.exists() else zoo_path(model)


def resolve_all(model: str) -> list[Path]:
    """Return the weights files that `model` names.

    An existing file, the safetensors files of a folder, or the models of the zoo of this name or
    glob pattern. Raises FileNotFoundError where there is none.
    """
    path = Path(model)
    if path.is_dir():
        found = sorted(path.glob("*.safetensors"))
        if not found:
            raise FileNotFoundError(f"{model!r} holds no safetensors file.")
        return found
    if path.exists() or not any(character in model for character in "*?["):
        return [resolve(model)]
    names = [name for name in zoo_names() if fnmatchcase(name, model)]
    if not names:
        raise FileNotFoundError(f"No model of the zoo fits {model!r}.")
    return [zoo_path(name) for name in names]


_FIRST_PICKS = "first-picks"
_HEADS = {"two": 2, "three": 3, "four": 4}
_NAME = re.compile(
    rf"(?a:(?P<rule>{_FIRST_PICKS}|[a-z]+(?:-\d+)?)-of-(?P<n>\d+)(?:-of-(?P<v>\d+))?"
    rf"(?:-(?P<heads>{'|'.join(_HEADS)})-heads)?(?:-mlp-(?P<d_mlp>\d+))?-seed-(?P<seed>\d+))"
)


class ZooName(NamedTuple):
    """What the name of a model of the zoo says.

    A rule with all its parameters, as in rank-2, and where the inputs are listed the whole name of
    the task, as in add-mod-113, whose recipe says heads and neurons.
    """

    rule: str
    n_ctx: int
    d_vocab: int
    seed: int
    n_heads: int = 1
    d_mlp: int = 0

    @property
    def task(self) -> str:
        """Name of the task, as in rank-2-of-4."""
        if self.rule == _FIRST_PICKS:
            return self._first_picks
        return self.rule if self.is_of_pairs else f"{self.rule}-of-{self.n_ctx}"

    @property
    def d_vocab_out(self) -> int:
        """Number of logits: an argmax names a position, every other rule a token that is read."""
        if self.rule == _FIRST_PICKS:
            return self.d_vocab - 2
        return self.n_ctx if self.rule == "argmax" else self.d_vocab

    @property
    def _first_picks(self) -> str:
        """Name of the task where the two last tokens, in front, say max or min of the others."""
        n, v = self.n_ctx - 1, self.d_vocab - 2
        positions = ",".join([f"{v}..{v + 1}", *[f"0..{v - 1}"] * n])
        return f"{_FIRST_PICKS}-of-{n}[picks={v},{v + 1};positions={positions}]"

    @property
    def is_of_pairs(self) -> bool:
        """Whether there is a recipe of its own for the task."""
        return recipe_of(self.rule) is not None

    @property
    def is_several(self) -> bool:
        """Whether the name says several heads or an MLP."""
        return self.n_heads > 1 or self.d_mlp > 0

    @property
    def is_deep(self) -> bool:
        """Whether the recipe is that of a deep transformer."""
        recipe = recipe_of(self.rule)
        return recipe is not None and recipe.design is not None


def parse_name(name: str) -> ZooName:
    """Return rule, context length, vocabulary and seed of a zoo name.

    max-of-4-seed-123 has 64 tokens, one head and no MLP; what differs is named, as in
    max-of-10-of-128-seed-50 and max-of-4-two-heads-mlp-64-seed-5. first-picks-of-4 reads four of
    64 tokens after one of two more. Of add-mod-113-seed-0, after-6-of-12-seed-0 and the like the
    recipe says the sizes.
    """
    task, _, seed = name.partition("-seed-")
    recipe = recipe_of(task)
    if recipe is not None and re.fullmatch(r"\d+", seed):
        return ZooName(task, recipe.shape.n_ctx, recipe.shape.d_vocab, int(seed))
    match = _NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"{name!r} is not a name of the form max-of-4-seed-123.")
    # Where the first token picks, there is one position more, and two tokens.
    more = (1, 2) if match["rule"] == _FIRST_PICKS else (0, 0)
    sizes = int(match["n"]) + more[0], int(match["v"] or 64) + more[1]
    several = _HEADS.get(match["heads"], 1), int(match["d_mlp"] or 0)
    return ZooName(match["rule"], *sizes, int(match["seed"]), *several)


def zoo_order(name: str) -> tuple[int, str, int, int, int, int, int]:
    """Return the key that zoo names are sorted by: kinds in the order in which they came.

    One head on max-of-k, on other tasks, models whose inputs are listed, deep ones, and those with
    several heads or an MLP.
    """
    parsed = parse_name(name)
    if parsed.is_of_pairs:
        kind = 3 if parsed.is_deep else 2
    else:
        kind = (4 if parsed.is_several else 0) + int(parsed.rule != "max")
    rule, n_ctx, d_vocab, seed, n_heads, d_mlp = parsed
    return kind, rule, n_ctx, d_vocab, n_heads, d_mlp, seed


@cache
def _index() -> dict[str, Record]:
    records = cast(list[Record], json.loads(INDEX_PATH.read_text(encoding="utf-8")))
    return {record["name"]: record for record in records}


@cache
def _by_digest() -> dict[str, Record]:
    return {record["digest"]: record for record in _index().values()}


def _not_found(name: str) -> str:
    close = difflib.get_close_matches(name, zoo_names(), n=3, cutoff=0.6)
    known = f"the zoo holds {len(zoo_names())} models, max-of-4-seed-123 among them."
    hint = f"did you mean {' or '.join(close)}?" if close else known
    return f"{name!r} is neither a file nor a model of the zoo; {hint}"
