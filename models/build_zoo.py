"""Train the models that ship with the package: `python -m ballproof.models.build_zoo --help`.

Run by hand, seldom; it needs the `train` extra. Files that are there are left alone, so a stopped
run goes on where it was, and long trainings inside a model.
"""

from __future__ import annotations

import json
import multiprocessing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast

import click
from safetensors.numpy import load_file

from ballproof.models.architectures import Shape
from ballproof.models.catalogue import (
    INDEX_PATH,
    ZOO_FOLDER,
    Record,
    ZooName,
    parse_name,
    zoo_order,
)
from ballproof.models.files import write_atomically
from ballproof.models.recipe import Recipe
from ballproof.models.recipes import recipe_of
from ballproof.models.tasks import Task, task_named, task_of_json
from ballproof.models.tensors import Tensor, write_tensors
from ballproof.models.train import (
    BATCH,
    STEPS,
    sampled_statistics,
    several,
    train,
    words_of_recipe,
)
from ballproof.models.train_pairs import file_of, scored, train_pairs
from ballproof.models.weights import Weights, load_weights, save_weights
from ballproof.models.zoo_plan import CHANGES, NAMES, PROVIDED_NAMES

WIDTH = 32
SAMPLES = 200_000
SAMPLE_SEED = 0
LOSS_KIND = f"mean cross-entropy over the {SAMPLES} sampled sequences (sample seed {SAMPLE_SEED})"
TRAINED_ORIGIN = "published recipe, torch 2.13.0, trained here"
PAIRS_ORIGIN = "after the published recipe, torch 2.13.0, trained here"
OWN_ORIGIN = "own recipe, torch 2.13.0, trained here"
PROVIDED_ORIGIN = "provided weights"


@click.command()
@click.option("--jobs", default=1, show_default=True, help="Processes that train at a time.")
@click.option(
    "--provided",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder that holds the weights that are copied as they are.",
)
@click.option(
    "--states",
    default="out/zoo",
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the states of trainings of sums and products, to go on from.",
)
@click.option(
    "--certificates",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of verified certificates that show how many inputs are right, exactly.",
)
def main(jobs: int, provided: Path | None, states: Path, certificates: Path | None) -> None:
    """Copy or train every model of the zoo that is missing, then write the index."""
    if provided is not None:
        _copy_provided(provided)
    missing = [name for name in NAMES if name not in PROVIDED_NAMES and not _path(name).exists()]
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        for name in pool.imap_unordered(partial(_train, states=states), missing):
            click.echo(f"trained {name}")
    _write_index({} if certificates is None else exact_counts(certificates))


def exact_counts(folder: Path) -> dict[tuple[str, str], int]:
    """Return, by digest and task, how many inputs are right where a certificate says it exactly.

    Certificates are believed: check the folder first, with `ballproof check --all`. Those with a
    margin, about float32 or with two different ends say nothing here.
    """
    counts = {}
    for path in sorted(folder.glob("*.json")):
        document = json.loads(path.read_text())
        if document["format"] != "ballproof-certificate/2":
            continue
        claim = document["claim"]
        plain = claim["semantics"] == "real" and claim["margin"] == "0"
        if plain and claim["correct_at_least"] == claim.get("correct_at_most"):
            shape = Shape.of(claim["model"]["sizes"])
            task = task_of_json(claim["task"], shape).name(shape)
            counts[claim["model"]["sha256"], task] = int(claim["correct_at_least"])
    return counts


def _path(name: str) -> Path:
    return ZOO_FOLDER / f"{name}.safetensors"


def _copy_provided(folder: Path) -> None:
    for name in PROVIDED_NAMES:
        data = (folder / f"{name}.safetensors").read_bytes()
        write_atomically(_path(name), data)


def _train(name: str, states: Path) -> str:
    parsed = parse_name(name)
    if parsed.is_of_pairs:
        return _train_pairs(name, parsed, states)
    shape = Shape(parsed.d_vocab, parsed.n_ctx, WIDTH, WIDTH, parsed.d_vocab_out)
    if parsed.is_several:
        return _train_several(name, parsed, shape)
    weights, _ = train(task_named(parsed.task, shape), shape, parsed.seed)
    # The models of the study have no metadata.
    save_weights(_path(name), weights, None if parsed.rule == "max" else parsed.task)
    return name


def _train_several(name: str, parsed: ZooName, sizes: Shape) -> str:
    shape = several(sizes, parsed.n_heads, parsed.d_mlp)
    weights, _ = train(task_named(parsed.task, shape), shape, parsed.seed, STEPS, BATCH)
    tensors = [Tensor.from_array(key, array) for key, array in weights.items()]
    stated = {"task": parsed.task, "recipe": words_of_recipe(STEPS, BATCH, parsed.seed)}
    write_atomically(_path(name), write_tensors(tensors, stated))
    return name


def _train_pairs(name: str, parsed: ZooName, states: Path) -> str:
    recipe, task = _recipe(name, parsed)
    states.mkdir(parents=True, exist_ok=True)
    trained = train_pairs(task, recipe, parsed.seed, state=states / f"{name}.pt")
    write_atomically(_path(name), file_of(trained, task, recipe, parsed.seed))
    return name


def _recipe(name: str, parsed: ZooName) -> tuple[Recipe, Task]:
    """Return the recipe of a model of sums or products, changes included, and its task."""
    recipe = recipe_of(parsed.task)
    if recipe is None:
        raise ValueError(f"There is no recipe for {name}.")
    if name in CHANGES:
        recipe = replace(recipe, **CHANGES[name].options)
    return recipe, task_named(parsed.task, recipe.shape)


def _write_index(exact: dict[tuple[str, str], int]) -> None:
    """Write one record for every file; a record whose digest still holds is kept."""
    kept: dict[str, Record] = {}
    if INDEX_PATH.exists():
        kept = {record["name"]: record for record in json.loads(INDEX_PATH.read_text())}
    names = sorted((path.stem for path in ZOO_FOLDER.glob("*.safetensors")), key=zoo_order)
    records = [_record(name, kept.get(name)) for name in names]
    for record in records:
        if (record["digest"], record["task"]) in exact:
            record["exactly_right"] = exact[record["digest"], record["task"]]
    lines = ",\n".join(json.dumps(record) for record in records)
    write_atomically(INDEX_PATH, f"[\n{lines}\n]\n".encode())


def _record(name: str, kept: Record | None) -> Record:
    frozen = load_weights(_path(name))
    parsed = parse_name(name)
    task = task_named(parsed.task, frozen.shape)
    if kept is not None and kept["digest"] == frozen.digest:
        return kept
    if parsed.is_of_pairs:
        return _record_of_pairs(name, parsed, frozen)
    accuracy, loss = sampled_statistics(task, load_file(_path(name)), SAMPLES, SAMPLE_SEED)
    trained = OWN_ORIGIN if parsed.is_several else TRAINED_ORIGIN
    facts: dict[str, object] = {
        "name": name,
        "file": _path(name).name,
        "task": task.name(frozen.shape),
        **_sizes(parsed, frozen.shape),
        "seed": parsed.seed,
        "digest": frozen.digest,
        "loss": loss,
        "loss_kind": LOSS_KIND,
        "sampled_accuracy": accuracy,
        "samples": SAMPLES,
        "origin": PROVIDED_ORIGIN if name in PROVIDED_NAMES else trained,
        **frozen.notes,
    }
    return cast(Record, facts)


def _sizes(parsed: ZooName, shape: Shape) -> dict[str, int]:
    """Return the sizes that a record states, of one head those that do not follow from others."""
    if parsed.is_several:
        return shape.fields()
    return {key: getattr(shape, key) for key in ("n_ctx", "d_vocab", "d_model", "d_head")}


def _record_of_pairs(name: str, parsed: ZooName, frozen: Weights) -> Record:
    """Return the record of a model whose inputs are listed, all of them tried in float32."""
    recipe, task = _recipe(name, parsed)
    tried = scored(task, recipe, load_file(_path(name)))
    facts: dict[str, object] = {
        "name": name,
        "file": _path(name).name,
        "task": task.name(recipe.shape),
        **frozen.shape.fields(),
        "seed": parsed.seed,
        "digest": frozen.digest,
        "loss": tried.loss,
        "loss_kind": f"mean cross-entropy over all {tried.total} inputs",
        "sampled_accuracy": tried.score.right / tried.total,
        "samples": tried.total,
        "origin": PAIRS_ORIGIN if recipe.design is None else OWN_ORIGIN,
        "recipe": recipe.words(parsed.seed),
    }
    if name in CHANGES:
        facts["remark"] = CHANGES[name].remark
    return cast(Record, facts)


if __name__ == "__main__":
    main()
