"""The one-layer, one-head, attention-only transformer."""

from ballproof.models.architectures.architecture import Architecture
from ballproof.models.architectures.attention_only.deviation import deviation
from ballproof.models.architectures.attention_only.forward import logits
from ballproof.models.architectures.attention_only.layout import (
    BIAS_NAMES,
    LINEAR,
    check_layout,
    check_names,
    expected_shapes,
    fits,
)
from ballproof.models.architectures.attention_only.paths import factors, tables
from ballproof.models.architectures.attention_only.program import program
from ballproof.models.architectures.attention_only.programs import PROGRAMS
from ballproof.models.architectures.attention_only.variants import variants

ATTENTION_ONLY = Architecture(
    parts=(
        {"part": "embed"},
        {"part": "positions"},
        {"part": "attention", "heads": 1, "mask": "causal", "scale": "1/sqrt(d_head)"},
        {"part": "readout", "position": "last"},
    ),
    words="embed,positions,attention(1-head,causal,1/sqrt(d_head)),readout(last)",
    fits=fits,
    check_names=check_names,
    sizes=check_layout,
    tensors=expected_shapes,
    optional=BIAS_NAMES,
    linear=LINEAR,
    logits=logits,
    tables=tables,
    factors=factors,
    program=program,
    deviation=deviation,
    programs=PROGRAMS,
    variants=variants,
    assumed="no normalisation, learned positions, full causal attention, scale 1/sqrt(d_head)",
)
