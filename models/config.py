"""Configuration files of the TransformerLens kind: what the tensors alone cannot say.

A weights file does not show a LayerNorm without weights (LNPre), a changed attention scale, a soft
cap on logits, rotary positions or how many heads were merged into one linear layer. A configuration
shows them. It is read with suspicion: a setting that this module does not know is refused unless it
is switched off (null, false), because it may change the function that the model computes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ballproof.models.architectures import Shape, Shapes, Weights
from ballproof.models.architectures.layers.design import Design
from ballproof.models.errors import ModelError
from ballproof.models.files import parse_json, read_limited
from ballproof.models.lens import ACTIVATIONS, NORMS, design_of_config

# Settings that change no logit of a model with learned positions, whatever they say: names,
# training and initialisation, devices and dtypes, tokenisation, hooks, and the details of parts
# that another setting switches off. `attention_dir` and those of normalisation are read where they
# matter, in lens.py: one layer is read at its last position, which sees every other in any case.
_HARMLESS_KEYS = """
attention_dir attn_implementation checkpoint_index checkpoint_label_type checkpoint_value
decoder_start_token_id default_padding_side default_prepend_bos device dtype from_checkpoint
init_mode init_weights initializer_range load_in_4bit model_name n_devices n_params
original_architecture seed split_attention_weights tie_word_embeddings tokenizer_appends_eos
tokenizer_name tokenizer_prepends_bos trust_remote_code ungroup_grouped_query_attention use_attn_in
use_attn_result use_hook_mlp_in use_hook_tokens use_split_qkv_input weight_init_mode
"""
# Of MLPs of other kinds: they say nothing where there is none.
_OF_MLP = "experts_per_token gated_mlp norm_topk_prob num_experts parallel_attn_mlp"
_OF_NORMALISATION = """
eps final_rms layer_norm_folding rmsnorm_uses_offset use_normalization_before_and_after
uses_rms_norm
"""
_OF_ROTARY_POSITIONS = """
NTK_by_parts_factor NTK_by_parts_high_freq_factor NTK_by_parts_low_freq_factor NTK_original_ctx_len
rotary_adjacent_pairs rotary_base rotary_base_local rotary_dim rotary_interleaved_cos_sin
rotary_scaling_factor use_NTK_by_parts_rope use_yarn_rope yarn_attention_factor yarn_beta_fast
yarn_beta_slow yarn_factor yarn_original_max_position_embeddings
"""
_OF_OTHER_PARTS = """
qk_norm_after_rope relative_attention_max_distance relative_attention_num_buckets
vision_hidden_size vision_num_heads vision_num_layers window_size
"""
_SWITCHED_OFF = f"{_OF_NORMALISATION} {_OF_ROTARY_POSITIONS} {_OF_OTHER_PARTS}"
_HARMLESS = frozenset(f"{_HARMLESS_KEYS} {_SWITCHED_OFF}".split())
_MAY_BE_UNSET = ("d_vocab_out", "d_mlp", "n_key_value_heads")
# Words that a setting of unknown origin has in its name where it may change the function.
_SUSPICIOUS = re.compile(
    r"norm|(^|_)ln|alibi|rotary|rope|relative|shortformer|cap$|mask|window|scale$|coeff|temperature"
)


@dataclass(frozen=True)
class Config:
    """A configuration that describes a supported model, as far as it goes."""

    values: dict[str, object]
    source: str

    @property
    def n_heads(self) -> int | None:
        """Number of heads, if the file states it."""
        stated = self.values.get("n_heads")
        return stated if isinstance(stated, int) else None

    @property
    def is_of_library(self) -> bool:
        """Whether the file is of the TransformerLens kind, and says all that there is to say."""
        return "normalization_type" in self.values

    def design(self, shapes: Shapes) -> Design | None:
        """Return the design that the file states, None where it states nothing of a deep model."""
        return design_of_config(self.values, shapes, self.source) if self.is_of_library else None

    @property
    def hides_nothing(self) -> bool:
        """Whether the library leaves out its masks, which are among the tensors all the same."""
        return self.is_of_library and self.values.get("attention_dir") == "bidirectional"

    @property
    def ties_embeddings(self) -> bool:
        """Whether the embedding is the unembedding too, transposed."""
        return self.is_of_library and self.values.get("tie_word_embeddings") is True

    def check_model(self, weights: Weights) -> None:
        """Raise ModelError if the file states another model than the tensors are."""
        self._check_shape(weights.shape)
        self._check_activation(weights)
        self._check_kind_of_mlp(weights)

    def _check_shape(self, shape: Shape) -> None:
        sizes = {**shape.fields(), "n_heads": shape.n_heads, "n_key_value_heads": shape.n_heads}
        sizes["n_layers"] = shape.n_layers
        # Without an MLP, its sizes say nothing.
        sizes = {key: size for key, size in sizes.items() if key != "d_mlp" or size}
        for key, size in sizes.items():
            stated = self.values.get(key, size)
            unset = key in _MAY_BE_UNSET and (stated is None or stated == -1)
            if stated != size and not unset:
                raise ModelError(
                    f"{self.source} states {key} = {stated!r}, where the tensors have {size}."
                )
        self._check_scale(shape.d_head)

    def check_positions(self, present: bool) -> None:
        """Raise ModelError if the file states positions, and no tensor is there for them."""
        if "positional_embedding_type" in self.values and not present:
            raise ModelError(
                f"{self.source} states positional_embedding_type = "
                f"{self.values['positional_embedding_type']!r}, where no tensor has positions."
            )

    def _check_activation(self, weights: Weights) -> None:
        found = {part["activation"] for part in weights.architecture.parts if "activation" in part}
        stated = self.values.get("act_fn", "relu")
        named = ACTIVATIONS.get(stated.lower()) if isinstance(stated, str) else None
        # The library's gelu is that of erf; of other programs it may be either.
        meant = {named} if self.is_of_library or named != "gelu" else {"gelu", "gelu-tanh"}
        if "act_fn" in self.values and not found <= meant:
            raise ModelError(
                f"{self.source} states act_fn = {stated!r}, where the model is read with "
                f"{' and '.join(sorted(found))}."
            )

    def _check_kind_of_mlp(self, weights: Weights) -> None:
        d_mlp = weights.shape.d_mlp
        attn_only = self.values.get("attn_only", not d_mlp)
        if attn_only == bool(d_mlp):
            has = "an MLP" if d_mlp else "none of an MLP"
            raise ModelError(
                f"{self.source} states attn_only = {attn_only!r}, where the tensors are {has}."
            )
        gated = any("gated" in part for part in weights.architecture.parts)
        for key in _OF_MLP.split() if d_mlp else ():
            stated = self.values.get(key)
            if stated not in ((None, gated) if key == "gated_mlp" else (None, False)):
                raise ModelError(
                    f"{self.source} states {key} = {stated!r}, where only a plain MLP is "
                    "supported, or one with a gate among its tensors."
                )
        if gated and self.is_of_library:
            self._check_gated(weights)

    def _check_gated(self, weights: Weights) -> None:
        """Refuse what the library adds after the gate, where others add it before."""
        for name, matrix in weights.tensors.items():
            if name.endswith(".mlp.b_in") and any(map(any, matrix.tolist())):
                raise ModelError(
                    f"{self.source} states a gated MLP, whose {name} TransformerLens adds after "
                    "the gate: supported where it is zero."
                )

    def _check_scale(self, d_head: int) -> None:
        scale = self.values.get("attn_scale", -1.0)
        # -1 stands for the default, the square root of d_head.
        if scale is not None and scale not in (-1, math.sqrt(d_head)):
            raise ModelError(
                f"{self.source} states attn_scale = {scale!r}, where the square root of d_head = "
                f"{d_head} is supported."
            )


def load_config(path: Path) -> Config:
    """Read a JSON configuration, or raise ModelError if it describes an unsupported model.

    `normalization_type` must be stated: where it is left out, TransformerLens takes LNPre, a
    normalisation that leaves no trace among the tensors.
    """
    source, values = str(path), load_own_config(path)
    if "normalization_type" not in values:
        raise ModelError(f"{source} does not state normalization_type, and its default is LNPre.")
    return config_of(values, source)


def load_own_config(path: Path) -> dict[str, object]:
    """Read the JSON configuration of somebody's own program."""
    source = str(path)
    values = parse_json(read_limited(path), source)
    if not isinstance(values, dict):
        raise ModelError(f"{source} holds no JSON object, where a configuration is expected.")
    return values


def config_of(values: dict[str, object], source: str) -> Config:
    """Return a configuration of the TransformerLens kind, or raise ModelError.

    Settings that are not known are refused unless they are switched off.
    """
    for key, value in values.items():
        _check_setting(key, value, source)
    return Config(values, source)


def config_beside(values: dict[str, object], source: str) -> Config:
    """Return the configuration that stands beside a state dict, or raise ModelError.

    One that states `normalization_type` is of the TransformerLens kind. Another is the user's own,
    with whatever training needed: what it says in the terms known here must hold, and a setting
    that is switched on and sounds as if it changed the function is refused.
    """
    if "normalization_type" in values:
        return config_of(values, source)
    for key, value in values.items():
        if key in _SETTINGS or (_SUSPICIOUS.search(key) and key not in _HARMLESS):
            _check_setting(key, value, source)
    return Config({key: value for key, value in values.items() if key in _SETTINGS}, source)


def _one_of(*allowed: object) -> Callable[[object], bool]:
    # True == 1 in Python, so types are compared too.
    return lambda value: any(type(value) is type(item) and value == item for item in allowed)


def _no_cap(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and value <= 0)


def _all_global(value: object) -> bool:
    return value is None or (isinstance(value, list) and set(map(str, value)) == {"global"})


def _whole(value: object) -> bool:
    return type(value) is int and value > 0


def _whole_or_none(value: object) -> bool:
    return value is None or _whole(value)


def _checked_with_shape(value: object) -> bool:
    return True


_SETTINGS: dict[str, tuple[Callable[[object], bool], str]] = {
    "n_layers": (_whole, "a number of layers is expected"),
    "architecture": (_one_of(None, "TransformerLensNative"), "TransformerLens' own is supported"),
    "n_heads": (_whole, "a number of heads is expected"),
    "n_key_value_heads": (_whole_or_none, "as many as there are heads is supported"),
    "attn_only": (_one_of(True, False), "true or false is expected"),
    "normalization_type": (
        _one_of(None, "None", *NORMS),
        f"none or {', '.join(NORMS)} is supported",
    ),
    "positional_embedding_type": (_one_of("standard"), "standard positions are supported"),
    "use_attn_scale": (_one_of(True), "scaled attention is supported"),
    "attn_types": (_all_global, "global attention is supported"),
    "output_logits_soft_cap": (_no_cap, "no soft cap is supported"),
    "attn_scores_soft_cap": (_no_cap, "no soft cap is supported"),
    "logit_soft_cap": (_no_cap, "no soft cap is supported"),
    "attn_scale": (_checked_with_shape, ""),
    "act_fn": (_checked_with_shape, ""),
    "d_mlp": (_checked_with_shape, ""),
    **dict.fromkeys(_OF_MLP.split(), (_checked_with_shape, "")),
    "d_vocab": (_checked_with_shape, ""),
    "d_vocab_out": (_checked_with_shape, ""),
    "n_ctx": (_checked_with_shape, ""),
    "d_model": (_checked_with_shape, ""),
    "d_head": (_checked_with_shape, ""),
}


def _check_setting(key: str, value: object, source: str) -> None:
    if key in _SETTINGS:
        allowed, expectation = _SETTINGS[key]
        if not allowed(value):
            raise ModelError(f"{source} states {key} = {value!r}, where only {expectation}.")
    elif key not in _HARMLESS and value is not None and value is not False:
        raise ModelError(
            f"{source} states {key} = {value!r}, a setting that may change what the model computes "
            "and is not supported."
        )
