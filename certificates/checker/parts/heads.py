"""What the tensors do not show of attention: its heads, mask, and what stands beside softmax."""

from fractions import Fraction
from typing import Any, NamedTuple

from files.strictjson import rational
from files.verdict import decline_unless

MAX_HEADS = 256


class Heads(NamedTuple):
    """Weights of attention are softmax, or `share` softmax + what is left: 1 - share at each
    position that the mask lets through, divided by their number if it is `normalised`.
    """

    heads: int
    mask: str
    share: Fraction | None
    normalised: bool


def heads_of(attention: dict[str, Any]) -> tuple[Heads, dict[str, Any]]:
    """Return what a part states, and the settings that are served for it."""
    count, mask, shared = attention.get("heads"), attention.get("mask"), "softmax" in attention
    fits = type(count) is int and 1 <= count <= MAX_HEADS
    served: dict[str, Any] = {"part": "attention", "heads": count if fits else f"1 to {MAX_HEADS}"}
    served |= {"mask": "none" if mask == "none" else "causal", "scale": "1/sqrt(d_head)"}
    normalised, share = attention.get("normalised") is True, None
    if shared:
        share = Fraction(*rational(attention["softmax"], "claim.model.parts: softmax"))
        sentence = "claim.model.parts: softmax is below 0, or 1."
        decline_unless(share >= 0 and share != 1, "unsupported", sentence)
        served |= {"softmax": attention["softmax"], "normalised": normalised}
    return Heads(int(count or 0) if fits else 0, str(mask), share, normalised), served


def words_of(heads: Heads, among: str = "n_ctx") -> str:
    """Return attention with its settings, as the verdict prints it.

    `among` is what a normalised share is divided by.
    """
    attention = f"{heads.heads}-heads" if heads.heads > 1 else "1-head"
    attention += f",{'full' if heads.mask == 'none' else heads.mask},1/sqrt(d_head)"
    if heads.share is not None:
        attention += f",{heads.share}*softmax+{1 - heads.share}" + f"/{among}" * heads.normalised
    return f"attention({attention})"
