"""`ballproof import`: get weights into the layout that is read here."""

from __future__ import annotations

from pathlib import Path

import click

from ballproof.models.comparison import assumptions, compare, load_logits
from ballproof.models.convert import Reading, read_model, read_source
from ballproof.models.key_map import find_key_map, shipped_names
from ballproof.models.tasks import task_named
from ballproof.models.weights import stored
from ballproof.verifier.commands.console import Terminal
from ballproof.verifier.commands.parameters import Output, out_option, pass_terminal

SIZE = click.IntRange(1, 4096)


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
