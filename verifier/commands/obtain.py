"""`ballproof train` and `ballproof import`: get weights into the layout that is read here."""

from __future__ import annotations

from pathlib import Path

import click

from ballproof.models.convert import convert
from ballproof.models.weights import load_weights, save_tensors, save_weights
from ballproof.verifier.commands.console import Terminal
from ballproof.verifier.commands.parameters import out_option, pass_terminal, require_writable

MISSING_TORCH = (
    'Training needs torch, which is not installed: pip install "ballproof[train]" '
    "(or a CPU build of torch) provides it."
)
SIZE = click.IntRange(1, 4096)


@click.command()
@click.option("--n-ctx", required=True, type=SIZE, help="Context length k: the task is max-of-k.")
@click.option("--seed", required=True, type=click.IntRange(0, 2**63 - 1), help="Random seed.")
@click.option("--d-vocab", type=SIZE, default=64, show_default=True, help="Vocabulary.")
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
    n_ctx: int,
    seed: int,
    d_vocab: int,
    d_model: int,
    d_head: int,
    steps: int,
    batch: int,
    out: Path,
) -> None:
    """Train a max-of-k model by the published recipe and write its weights.

    The same torch version gives the same weights for the same seed. Needs the `train` extra.

    \b
    Example:
      ballproof train --n-ctx 4 --seed 123 --out model.safetensors
    """
    try:
        from ballproof.models.train import sampled_accuracy
        from ballproof.models.train import train as run
    except ImportError:
        raise click.UsageError(MISSING_TORCH) from None
    require_writable(out)
    with terminal.bar("training") as progress:
        arrays, loss = run(n_ctx, seed, d_vocab, d_model, d_head, steps, batch, progress)
    save_weights(out, arrays)
    accuracy = sampled_accuracy(arrays, 100_000, seed)
    terminal.result(
        f"{out}: last batch loss {loss:.5f}, {accuracy:.5f} of 100000 sampled inputs right",
        f"sha256 {load_weights(out).digest}",
    )


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
@pass_terminal
def import_model(
    terminal: Terminal, source: Path, out: Path, heads: int | None, config: Path | None
) -> None:
    """Convert SOURCE to a safetensors file that every other command reads.

    SOURCE is a safetensors file, or a torch state dict (.pt, .pth, .ckpt; needs the `train` extra),
    in the HookedTransformer layout or in that of linear layers (`embed.weight`,
    `blocks.0.attn.q.weight`).
    """
    require_writable(out)
    save_tensors(out, convert(source, heads, config))
    weights = load_weights(out)
    shape = weights.shape
    terminal.result(
        f"{out}: d_vocab {shape.d_vocab}, n_ctx {shape.n_ctx}, d_model {shape.d_model}, "
        f"d_head {shape.d_head}",
        f"sha256 {weights.digest}",
    )
