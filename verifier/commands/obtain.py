"""`ballproof train` and `ballproof import`: get weights into the layout that is read here."""

from __future__ import annotations

import re
from pathlib import Path

import click

from ballproof.models.architectures import Shape
from ballproof.models.comparison import assumptions, compare, load_logits
from ballproof.models.convert import Reading, read_model, read_source
from ballproof.models.key_map import find_key_map, shipped_names
from ballproof.models.tasks import task_named
from ballproof.models.tensors import Tensor, write_tensors
from ballproof.models.weights import stored, weights_from_bytes
from ballproof.verifier.commands.console import Terminal
from ballproof.verifier.commands.parameters import Output, out_option, pass_terminal
from ballproof.verifier.proving.extras import installing

MISSING_TORCH = (
    f"Training needs torch, which is not installed: {installing('train')} "
    "(or a CPU build of torch) provides it."
)
SIZE = click.IntRange(1, 4096)


@click.command()
@click.option("--n-ctx", type=SIZE, help="Context length k; left out, it is the task's.")
@click.option(
    "--task",
    "task_name",
    help="What the model learns: max-of-4, min-of-4, rank-2-of-4, argmax-of-4, ...; left out, "
    "max-of-k.",
)
@click.option("--seed", required=True, type=click.IntRange(0, 2**63 - 1), help="Random seed.")
@click.option("--d-vocab", type=SIZE, default=64, show_default=True, help="Vocabulary.")
@click.option(
    "--d-vocab-out",
    type=SIZE,
    help="Number of logits; left out, the vocabulary, and for argmax the positions that are read.",
)
@click.option("--d-model", type=SIZE, default=32, show_default=True, help="Residual width.")
@click.option("--d-head", type=SIZE, default=32, show_default=True, help="Head width.")
@click.option(
    "--steps", type=click.IntRange(1), default=3000, show_default=True, help="Optimizer steps."
)
@click.option(
    "--batch", type=click.IntRange(1), default=128, show_default=True, help="Sequences a step."
)
@out_option
@pass_terminal
def train(
    terminal: Terminal,
    n_ctx: int | None,
    task_name: str | None,
    seed: int,
    d_vocab: int,
    d_vocab_out: int | None,
    d_model: int,
    d_head: int,
    steps: int,
    batch: int,
    out: Path,
) -> None:
    """Train a model by the published recipe of max-of-k and write its weights.

    The file states the task in its metadata. The same torch version gives the same weights for the
    same seed. Needs the `train` extra.

    \b
    Examples:
      ballproof train --n-ctx 4 --seed 123 --out model.safetensors
      ballproof train --task rank-2-of-4 --seed 50 --out second.safetensors
    """
    try:
        from ballproof.models.train import sampled_accuracy
        from ballproof.models.train import train as run
    except ImportError:
        raise click.UsageError(MISSING_TORCH) from None
    output = Output(terminal, out)
    name = task_name or f"max-of-{_positions(n_ctx, '')}"
    k = _positions(n_ctx, name)
    outputs = _outputs(d_vocab_out, d_vocab, name)
    shape = Shape(d_vocab, k, d_model, d_head, outputs)
    task = task_named(name, shape)
    with terminal.bar("training") as progress:
        arrays, loss = run(task, shape, seed, steps, batch, progress)
    named = {name: Tensor.from_array(name, array) for name, array in arrays.items()}
    data = write_tensors(named.values(), {"task": task.name(shape)})
    output.write(data)
    accuracy = sampled_accuracy(task, arrays, 100_000, seed)
    terminal.result(
        f"{output}: {task.name(shape)}, last batch loss {loss:.5f}, {accuracy:.5f} of 100000 "
        "sampled inputs right",
        f"sha256 {weights_from_bytes(data, str(output)).digest}",
    )


def _positions(n_ctx: int | None, task_name: str) -> int:
    """Return the context length that is stated, or that a plain name such as min-of-4 implies."""
    plain = re.fullmatch(r".*-of-([1-9][0-9]{0,3})", task_name)
    if n_ctx is not None:
        return n_ctx
    if plain is None:
        raise click.UsageError("State the context length with --n-ctx, or a task, as min-of-4.")
    return int(plain[1])


def _outputs(d_vocab_out: int | None, d_vocab: int, task_name: str) -> int:
    """Return the number of logits: an argmax needs one for each position that is read."""
    read = re.match(r"argmax(?:-[0-9]+)?-of-([1-9][0-9]{0,3})", task_name)
    if d_vocab_out is not None:
        return d_vocab_out
    return d_vocab if read is None else int(read[1])


@click.command("import")
@click.argument("source", type=click.Path(path_type=Path))
@out_option
@click.option(
    "--heads",
    type=click.IntRange(1),
    help="How many heads a linear-layer layout has; the tensors alone do not tell.",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="The model's configuration as JSON; settings that this project cannot represent, such as "
    "a normalisation without weights, are refused.",
)
@click.option(
    "--map",
    "map_file",
    type=click.Path(path_type=Path),
    help=f"The layout of a program that is known ({', '.join(shipped_names())}), or a TOML file "
    "that says which tensor of SOURCE is which: "
    '"embed.W_E" = "tok_embed.weight", "blocks.0.attn.W_Q" = ["heads.*.W_Q.weight", "transpose"].',
)
@click.option(
    "--softmax-share",
    help="How much of the attention weights is softmax, as in 1/2, where the rest is uniform.",
)
@click.option(
    "--n-ctx",
    type=SIZE,
    help="How many tokens a model without positions reads; left out, what --task says.",
)
@click.option(
    "--logits",
    type=click.Path(path_type=Path),
    help="An .npz file with inputs (N, n_ctx) and the logits (N, d_vocab_out) of your program: a "
    "model that computes another function is refused, and the new file says that it was compared.",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(0, 1),
    help="How much gaps between logits may differ, as a part of the largest gap; left out, what "
    "float32 explains.",
)
@click.option("--key", help="Which state dict is meant, where SOURCE holds several.")
@click.option(
    "--task",
    "task_name",
    help="What the model was trained for, as in min-of-4, add-mod-113 or product-in-s5; left out, "
    "what SOURCE states, if at all.",
)
@pass_terminal
def import_model(
    terminal: Terminal,
    source: Path,
    out: Path,
    heads: int | None,
    config: Path | None,
    map_file: Path | None,
    softmax_share: str | None,
    n_ctx: int | None,
    logits: Path | None,
    tolerance: float | None,
    key: str | None,
    task_name: str | None,
) -> None:
    """Convert SOURCE to a safetensors file that every other command reads.

    SOURCE is a safetensors file or what torch.save wrote of a state dict, in the HookedTransformer
    layout (heads on the first axis, with or without `blocks.0.mlp.*`), in that of linear layers
    (`embed.weight`, `blocks.0.attn.q.weight`), a network of two tokens (`W_a`, `W_b`, `W_out`), or
    in any other layout that --map explains. No code in it is run, and neither torch nor the library
    that wrote it is needed. A configuration that stands beside the state dict is honoured.

    \b
    Examples:
      ballproof import checkpoint.pt --out model.safetensors
      ballproof import model.pt --config config.json --out model.safetensors
      ballproof import mine.pt --map names.toml --logits logits.npz --out model.safetensors
      ballproof import modadd.pt --map pizza --config modadd.json --out model.safetensors
      ballproof import mod113.pth --map grokking --task add-mod-113 --out model.safetensors
      ballproof import d59.pt --map groups --task product-in-d59 --out group.safetensors
    """
    output = Output(terminal, out)
    read = read_source(source, key)
    key_map = None if map_file is None else find_key_map(map_file, read.tensors)
    reading = Reading(heads, config, key_map, softmax_share, n_ctx, task_name)
    tensors, weights = read_model(read, reading)
    shape, name = weights.shape, task_name or read.metadata.get("task")
    task = None if name is None else task_named(name, shape).name(shape)
    compared = None
    if logits is not None:
        compared = str(compare(weights, *load_logits(logits), tolerance))
        terminal.remark(f"compared with the program {compared}")
    elif "compared" in read.metadata and key_map is None and softmax_share is None:
        # A map may give the names to other tensors than those that were compared.
        compared = read.metadata["compared"]
    elif assumed := assumptions(weights):
        terminal.remark(f"{assumed} (--logits compares it with your program)")
    output.write(stored(weights, tensors, task, compared).data)
    terminal.result(
        f"{output}: " + ", ".join(f"{name} {size}" for name, size in shape.fields().items()),
        f"sha256 {weights.digest}",
    )
