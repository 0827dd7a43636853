"""Models from files, from memory and from running programs, frozen as the theorems need them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from ballproof.models.catalogue import ZOO_FOLDER, resolve
from ballproof.models.checkpoint import without_prefix
from ballproof.models.comparison import assumptions, compare, position_read, random_inputs
from ballproof.models.convert import TORCH_SUFFIXES, Reading, Source, read_model, read_source
from ballproof.models.files import write_atomically
from ballproof.models.key_map import KeyMap, checked_key_map, find_key_map
from ballproof.models.tasks import task_named
from ballproof.models.weights import Weights, file_bytes, load_weights, stored
from ballproof.verifier.api.cards import card
from ballproof.verifier.api.torch_module import (
    MEMORY,
    answers_of,
    array_of,
    settings_of,
    tensor_of,
)

Configuration = str | os.PathLike[str] | Mapping[str, object]
Map = KeyMap | str | os.PathLike[str]


@dataclass(frozen=True, eq=False)
class Model:
    """A model whose weights are exact numbers from now on, whatever becomes of its source.

    `sha256` identifies the tensors. `compared` says on how many inputs the function was compared
    with the running program, and how well; where it was not, `assumed` says what is taken for
    granted.
    """

    weights: Weights

    @property
    def name(self) -> str:
        """What it was loaded from: a file, a class, or a name of the zoo."""
        path = Path(self.weights.source)
        return path.stem if path.parent == ZOO_FOLDER else self.weights.source

    @property
    def sha256(self) -> str:
        """The digest that certificates name."""
        return self.weights.digest

    @property
    def sizes(self) -> dict[str, int]:
        """The sizes that a claim about a model of its architecture states, by name."""
        return self.weights.shape.fields()

    @property
    def architecture(self) -> str:
        """The parts of the model, as the verdict of a checker names them."""
        return self.weights.architecture.words

    @property
    def task(self) -> str | None:
        """The task that the file states, if it states one."""
        return self.weights.task

    @property
    def compared(self) -> str | None:
        """What a comparison with the running program found, if there was one."""
        return self.weights.compared

    @property
    def assumed(self) -> str | None:
        """What is assumed, as the tensors do not show it; None where it was compared."""
        return self.weights.architecture.assumed if assumptions(self.weights) else None

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write a safetensors file that `ballproof check` takes beside a certificate."""
        write_atomically(path, file_bytes(self.weights))
        return Path(path)

    def to_dict(self) -> dict[str, object]:
        """Return what is known of it, for machines."""
        return {
            "name": self.name,
            "sha256": self.sha256,
            "architecture": self.architecture,
            "sizes": self.sizes,
            "task": self.task,
            "compared": self.compared,
            "assumed": self.assumed,
        }

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name}={size}" for name, size in self.sizes.items())
        return f"Model({self.name!r}, {sizes}, sha256={self.sha256[:12]!r})"

    def _repr_html_(self) -> str:
        facts = {"sha256": self.sha256, "architecture": self.architecture, **self.sizes}
        facts |= {"task": self.task, "compared": self.compared, "assumed": self.assumed}
        return card(f"Model {self.name}", facts)


def load(
    source: Any,
    *,
    key_map: Map | None = None,
    key: str | None = None,
    heads: int | None = None,
    config: Configuration | None = None,
    softmax_share: str | None = None,
    n_ctx: int | None = None,
    task: str | None = None,
) -> Model:
    """Return the model that `source` is: read faithfully, or refused by name.

    `source` is a name of the zoo; a safetensors file, or what torch.save wrote of a state dict; a
    state dict or arrays by name; or a running module, which `from_torch` compares with the function
    that is read. `key_map` says which of its tensors is which, as a mapping or a TOML file, `key`
    which state dict of a file is meant, `heads` how many heads linear layers merge, `config` the
    configuration of a model of TransformerLens, as a mapping or a JSON file. `softmax_share` is the
    share of softmax in the attention weights, as in "1/2", the rest being uniform, and `n_ctx` how
    many tokens a model without positions reads. `task` is written down for `prove`.

    Raises ModelError for a model that is not supported, OSError for a file that cannot be read.
    """
    options = _Options(key_map, heads, config, softmax_share, n_ctx)
    if isinstance(source, Model):
        return source
    if hasattr(source, "state_dict") and callable(source):
        return from_torch(source, **options._asdict(), task=task)
    if isinstance(source, Mapping):
        tensors = {str(name): tensor_of(str(name), value) for name, value in source.items()}
        return _model(Source(MEMORY, without_prefix(tensors)), options, task, lambda _: None)
    if not isinstance(source, str | os.PathLike):
        raise TypeError(f"A model is a name, a path, a mapping or a module, not {source!r:.80}.")
    path = resolve(os.fspath(source))
    asked = any(value is not None for value in (*options, key, task))
    if path.suffix.lower() not in TORCH_SUFFIXES and not asked:
        return Model(load_weights(path))
    read = read_source(path, key)
    # A map may give the names to other tensors than those that were compared.
    same = key_map is None and softmax_share is None
    said = read.metadata.get("compared") if same else None
    return _model(read, options, task or read.metadata.get("task"), lambda _: said)


def from_torch(
    module: Any,
    *,
    key_map: Map | None = None,
    heads: int | None = None,
    config: Configuration | None = None,
    softmax_share: str | None = None,
    n_ctx: int | None = None,
    task: str | None = None,
    inputs: Any = None,
    tolerance: float | None = None,
) -> Model:
    """Return the model that a running module is: a HookedTransformer, a TransformerBridge, any.

    The tensors are read from its state dict, the configuration from its `cfg` if it has one; then
    the exact function is compared with what the module answers on 256 random inputs, or on `inputs`
    (N, n_ctx), in evaluation mode. Raises ModelError where some gap between two logits differs by
    more than `tolerance` of the largest gap (left out: what float32 explains), and says what change
    of the function would explain it.
    """
    state = {name: tensor_of(name, value) for name, value in module.state_dict().items()}
    stated = settings_of(module)
    settings = {} if stated is None else {"its configuration": stated}
    source = Source(type(module).__name__, without_prefix(state), settings)
    options = _Options(key_map, heads, config, softmax_share, n_ctx)

    def compared(weights: Weights) -> str:
        asked = random_inputs(weights.shape) if inputs is None else array_of(inputs)
        return str(
            compare(weights, asked, answers_of(module, asked, position_read(weights)), tolerance)
        )

    return _model(source, options, task, compared)


class _Options(NamedTuple):
    """How the tensors of a source are to be read."""

    key_map: Map | None
    heads: int | None
    config: Configuration | None
    softmax_share: str | None
    n_ctx: int | None


def _model(
    source: Source, options: _Options, task: str | None, compared: Callable[[Weights], str | None]
) -> Model:
    """Return the model of a source, with the bytes of the file that holds it.

    `compared` compares it with its program, or says what an earlier comparison found.
    """
    key_map, heads, config, softmax_share, n_ctx = options
    if isinstance(config, Mapping):
        source = replace(source, settings={**source.settings, "config": dict(config)})
        config = None
    if isinstance(key_map, str | os.PathLike):
        key_map = find_key_map(Path(key_map), source.tensors)
    elif key_map is not None:
        key_map = checked_key_map(key_map, "the key map")
    path = None if config is None else Path(config)
    reading = Reading(heads, path, key_map, softmax_share, n_ctx, task)
    tensors, weights = read_model(source, reading)
    name = None if task is None else task_named(task, weights.shape).name(weights.shape)
    return Model(stored(weights, tensors, name, compared(weights)))
