"""Running modules of several layers are compared with the function that is read, or refused."""

import subprocess
import sys

import pytest

import ballproof as bp

torch = pytest.importorskip("torch", reason="modules need torch")

KEY_MAP = {
    "embed.W_E": "tok.weight",
    "pos_embed.W_pos": "pos",
    "blocks.#.attn.W_Q": ("layers.#.self_attn.in_proj_weight", "part 1/3", "split 2", "transpose"),
    "blocks.#.attn.W_K": ("layers.#.self_attn.in_proj_weight", "part 2/3", "split 2", "transpose"),
    "blocks.#.attn.W_V": ("layers.#.self_attn.in_proj_weight", "part 3/3", "split 2", "transpose"),
    "blocks.#.attn.b_Q": ("layers.#.self_attn.in_proj_bias", "part 1/3", "split 2"),
    "blocks.#.attn.b_K": ("layers.#.self_attn.in_proj_bias", "part 2/3", "split 2"),
    "blocks.#.attn.b_V": ("layers.#.self_attn.in_proj_bias", "part 3/3", "split 2"),
    "blocks.#.attn.W_O": ("layers.#.self_attn.out_proj.weight", "transpose", "split 2"),
    "blocks.#.attn.b_O": "layers.#.self_attn.out_proj.bias",
    "blocks.#.mlp.W_in": ("layers.#.linear1.weight", "transpose"),
    "blocks.#.mlp.b_in": "layers.#.linear1.bias",
    "blocks.#.mlp.W_out": ("layers.#.linear2.weight", "transpose"),
    "blocks.#.mlp.b_out": "layers.#.linear2.bias",
    "blocks.#.ln1.w": "layers.#.norm1.weight",
    "blocks.#.ln1.b": "layers.#.norm1.bias",
    "blocks.#.ln2.w": "layers.#.norm2.weight",
    "blocks.#.ln2.b": "layers.#.norm2.bias",
    "ln_final.w": "norm.weight",
    "ln_final.b": "norm.bias",
    "unembed.W_U": ("head.weight", "transpose"),
    "unembed.b_U": "head.bias",
}
STATED = {"norm": "layer", "eps": "1e-5", "activation": "gelu", "readout": "mean", "mask": "none"}


class Encoder(torch.nn.Module):
    """Somebody's encoder, of torch's own layers."""

    def __init__(self, v=6, k=4, d=8, layers=2, pool="mean", **changes):
        super().__init__()
        torch.manual_seed(0)
        self.pool = pool
        self.tok, self.pos = torch.nn.Embedding(v, d), torch.nn.Parameter(torch.randn(k, d))
        options = {"activation": "gelu", "norm_first": True, "batch_first": True} | changes
        made = [torch.nn.TransformerEncoderLayer(d, 2, 12, **options) for _ in range(layers)]
        self.layers = torch.nn.ModuleList(made)
        self.norm, self.head = torch.nn.LayerNorm(d), torch.nn.Linear(d, 3)
        with torch.no_grad():
            for tensor in self.parameters():
                tensor.add_(0.3 * torch.randn(tensor.shape))

    def forward(self, tokens):
        x = self.tok(tokens) + self.pos
        for layer in self.layers:
            x = layer(x)
        x = self.norm(x)
        return self.head(x if self.pool == "none" else getattr(x, self.pool)(1))


def test_layers_of_torch_are_read_by_a_map_and_compared():
    model = bp.load(Encoder(), key_map=KEY_MAP | STATED)
    assert model.compared.startswith("on 256 inputs")
    assert "mlp(gelu)),norm(layer,1/100000),readout(mean)" in model.architecture
    several = bp.load(Encoder(layers=3, pool="sum"), key_map=KEY_MAP | STATED | {"readout": "sum"})
    assert "3*(norm(layer,1/100000)," in several.architecture and several.sizes["n_layers"] == 3


@pytest.mark.parametrize(
    ("stated", "module"),
    [
        ({"activation": "gelu-tanh"}, {}),
        ({"activation": "relu"}, {}),
        ({"eps": "1e-2"}, {}),
        ({"mask": "causal"}, {}),
        ({"readout": "sum"}, {}),
        ({"readout": "last"}, {}),
        ({}, {"norm_first": False}),
        ({}, {"layer_norm_eps": 1e-2}),
        ({}, {"pool": "sum"}),
    ],
)
def test_what_is_stated_otherwise_than_the_module_computes_is_refused(stated, module):
    with pytest.raises(bp.ModelError, match="is not the program"):
        bp.load(Encoder(**module), key_map=KEY_MAP | STATED | stated)


def test_of_answers_at_every_position_the_one_that_is_read_counts():
    model = bp.load(Encoder(pool="none"), key_map=KEY_MAP | STATED | {"readout": "1"})
    assert model.compared and "readout(1)" in model.architecture
    with pytest.raises(bp.ModelError, match="logits of every position, where the sum or the mean"):
        bp.load(Encoder(pool="none"), key_map=KEY_MAP | STATED)


LENS = """
import warnings
warnings.simplefilter("ignore")
import torch
import ballproof as bp
try:
    from transformer_lens import HookedTransformer, HookedTransformerConfig as Config
    made = lambda **stated: HookedTransformer(Config(**sizes, **stated))
except ImportError:
    from transformer_lens.config import TransformerBridgeConfig as Config
    from transformer_lens.model_bridge.bridge import TransformerBridge
    made = lambda **stated: TransformerBridge.boot_native(Config(
        architecture="TransformerLensNative", **sizes, **stated))
sizes = dict(d_model=8, n_ctx=4, d_head=4, n_heads=2, d_vocab=5, d_vocab_out=6, d_mlp=12, seed=1)


def load(norm, act_fn, layers, gated=False, **stated):
    stated |= dict(normalization_type=norm, act_fn=act_fn, n_layers=layers, gated_mlp=gated)
    module = made(**stated)
    with torch.no_grad():
        for name, tensor in module.named_parameters():
            if not (gated and name.endswith("mlp.b_in")):
                tensor.add_(0.3 * torch.randn(tensor.shape))
    return bp.load(module)


torch.manual_seed(0)
for each in (
    load(None, "relu", 2),
    load("LN", "gelu", 2),
    load("LNPre", "gelu_new", 2, attention_dir="bidirectional"),
    load("RMS", "silu", 2, gated=True),
    load("RMSPre", "silu", 1, gated=True, attention_dir="bidirectional"),
    load("LN", "gelu", 2, attn_only=True, final_rms=True, eps=1e-3),
):
    print(each.compared[:13], each.architecture)
for stated in ({"output_logits_soft_cap": 3.0}, {"use_attn_scale": False}, {"act_fn": "solu"}):
    try:
        load("LN", **({"act_fn": "gelu", "layers": 2} | stated))
    except bp.ModelError as error:
        print(error)
"""
SAID = [
    "2*(attention(2-heads,causal,1/sqrt(d_head)),mlp(relu)),readout(last)",
    "attention(2-heads,causal,1/sqrt(d_head)),norm(layer,1/100000),mlp(gelu)),norm(layer,1/100000)",
    "attention(2-heads,full,1/sqrt(d_head)),norm(layer,1/100000),mlp(gelu-tanh)),norm(layer,",
    "attention(2-heads,causal,1/sqrt(d_head)),norm(rms,1/100000),mlp(silu,gated)),norm(rms,",
    "attention(2-heads,full,1/sqrt(d_head)),norm(rms,1/100000),mlp(silu,gated),norm(rms,1/100000)",
    "2*(norm(layer,1/1000),attention(2-heads,causal,1/sqrt(d_head))),norm(rms,1/1000),readout",
    "output_logits_soft_cap = 3.0",
    "use_attn_scale = False",
    "act_fn = 'solu'",
]


def test_deep_models_of_transformer_lens():
    pytest.importorskip("transformer_lens", reason="the library is not installed here")
    done = subprocess.run([sys.executable, "-c", LENS], capture_output=True, text=True, check=True)
    lines = done.stdout.strip().splitlines()[-len(SAID) :]
    for line, words in zip(lines, SAID, strict=True):
        assert words in line
    assert all(line.startswith("on 256 inputs") for line in lines[:6])
