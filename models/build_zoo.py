"""Train the models that ship with the package: `python -m ballproof.models.build_zoo --help`.

Run by hand, seldom; it needs the `train` extra. Files that are there are left alone, so a stopped
run goes on where it was, and long trainings inside a model. The seeds are the 151 of the published
study, 0, 1, 2 for sums and products, and 0 and 1 for two layers.
"""

from __future__ import annotations

import json
import multiprocessing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, cast

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
from ballproof.models.train import sampled_statistics, train
from ballproof.models.train_pairs import file_of, scored, train_pairs
from ballproof.models.weights import Weights, load_weights, save_weights

WIDTH = 32
SAMPLES = 200_000
SAMPLE_SEED = 0
LOSS_KIND = f"mean cross-entropy over the {SAMPLES} sampled sequences (sample seed {SAMPLE_SEED})"
TRAINED_ORIGIN = "published recipe, torch 2.13.0, trained here"
PAIRS_ORIGIN = "after the published recipe, torch 2.13.0, trained here"
DEEP_ORIGIN = "own recipe, torch 2.13.0, trained here"
PROVIDED_ORIGIN = "provided weights"
PROVIDED_NAMES = (
    "max-of-4-seed-104",
    "max-of-4-seed-123",
    "max-of-5-seed-50",
    "max-of-10-seed-50",
    "max-of-20-seed-50",
)
_SEEDS = """
50 104 123 519 742 913 1185 1283 1412 1490 1681 1696 1895 1951 2236 2306 2345 2549 2743
2773 3175 3254 3284 4157 4305 4430 4647 4729 4800 4810 5358 5615 5781 5928 6082 6155 6159
6204 6532 6549 6589 6910 7098 7238 7310 7467 7790 7884 8048 8299 8721 8745 8840 8893 9132
9134 9504 9816 10248 11124 11130 11498 11598 11611 12141 12287 12457 12493 12552 12561
13036 13293 13468 13654 13716 14095 14929 15043 15399 15622 15662 16069 16149 16197 16284
17080 17096 17194 17197 18146 18289 18668 19004 19093 19451 19488 19538 19917 20013 20294
20338 20415 20539 20751 20754 20976 21317 21598 22261 22286 22401 22545 23241 23367 23447
23633 23696 24144 24173 24202 24262 24438 24566 25516 26278 26374 26829 26932 27300 27484
27584 27671 27714 28090 28716 28778 29022 29052 29110 29195 29565 29725 29726 30371 30463
30684 30899 31308 32103 32374 32382
"""
SEEDS = tuple(int(seed) for seed in _SEEDS.split())
# Longer contexts, and a larger vocabulary: the first ten seeds of the study.
LONGER = ("max-of-5", "max-of-10", "max-of-20", "max-of-10-of-128")
# Other tasks: the first three seeds.
OTHER_TASKS = ("min-of-4", "rank-2-of-4", "argmax-of-4")
# Sums and products of two tokens: three seeds of each.
PAIRS = ("product-in-s4", "product-in-s5", "add-mod-113", "add-mod-59")
PAIR_SEEDS = (0, 1, 2)
# Two layers: two seeds of each.
DEEP = ("after-6-of-12", "balanced-12", "sum-mod-10-of-4", "parity-12")
DEEP_SEEDS = (0, 1)
NAMES = (
    *(f"max-of-4-seed-{seed}" for seed in SEEDS),
    *(f"{task}-seed-{seed}" for task in LONGER for seed in SEEDS[:10]),
    *(f"{task}-seed-{seed}" for task in OTHER_TASKS for seed in SEEDS[:3]),
    *(f"{task}-seed-{seed}" for task in PAIRS for seed in PAIR_SEEDS),
    *(f"{task}-seed-{seed}" for task in DEEP for seed in DEEP_SEEDS),
)


class Change(NamedTuple):
    """How a recipe differs for one model, and why: these are not to get every input right."""

    remark: str
    options: dict[str, Any]


CHANGES = {
    "add-mod-113-seed-2": Change("stopped early", {"steps": 450}),
    "product-in-s4-seed-2": Change("a fifth of the inputs was held out", {"fraction": 0.8}),
    "sum-mod-10-of-4-seed-1": Change("stopped early", {"steps": 600}),
    "parity-12-seed-1": Change("stopped early", {"steps": 2000}),
}


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
    _, n_ctx, d_vocab, seed = parsed = parse_name(name)
    if parsed.is_of_pairs:
        return _train_pairs(name, parsed, states)
    # An argmax names a position, every other rule a token.
    outputs = n_ctx if parsed.rule == "argmax" else d_vocab
    shape = Shape(d_vocab, n_ctx, WIDTH, WIDTH, outputs)
    weights, _ = train(task_named(parsed.task, shape), shape, seed)
    # The models of the study have no metadata.
    save_weights(_path(name), weights, None if parsed.rule == "max" else parsed.task)
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
    return Record(
        name=name,
        file=_path(name).name,
        task=parsed.task,
        n_ctx=frozen.shape.n_ctx,
        d_vocab=frozen.shape.d_vocab,
        d_model=frozen.shape.d_model,
        d_head=frozen.shape.d_head,
        seed=parsed.seed,
        digest=frozen.digest,
        loss=loss,
        loss_kind=LOSS_KIND,
        sampled_accuracy=accuracy,
        samples=SAMPLES,
        origin=PROVIDED_ORIGIN if name in PROVIDED_NAMES else TRAINED_ORIGIN,
    )


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
        "origin": PAIRS_ORIGIN if recipe.design is None else DEEP_ORIGIN,
        "recipe": recipe.words(parsed.seed),
    }
    if name in CHANGES:
        facts["remark"] = CHANGES[name].remark
    return cast(Record, facts)


if __name__ == "__main__":
    main()
