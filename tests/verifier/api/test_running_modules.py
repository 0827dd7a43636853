"""A running module is compared with the function that is read of it, or refused."""

import subprocess
import sys

import pytest

import ballproof as bp

torch = pytest.importorskip("torch", reason="modules need torch")

KEY_MAP = {
    "embed.W_E": "tok_embed.weight",
    "pos_embed.W_pos": "positions",
    "blocks.0.attn.W_Q": ("heads.*.W_Q.weight", "transpose"),
    "blocks.0.attn.W_K": ("heads.*.W_K.weight", "transpose"),
    "blocks.0.attn.W_V": ("heads.*.W_V.weight", "transpose"),
    "blocks.0.attn.W_O": ("W_O.weight", "transpose"),
    "unembed.W_U": ("unembed.weight", "transpose"),
    "unembed.b_U": "unembed.bias",
}


class Head(torch.nn.Module):
    def __init__(self, d, h):
        super().__init__()
        for name in ("W_Q", "W_K", "W_V"):
            setattr(self, name, torch.nn.Linear(d, h, bias=False))


class Own(torch.nn.Module):
    """Somebody's transformer, with one thing that may be different."""

    def __init__(self, change="", v=7, k=3, d=6, h=4):
        super().__init__()
        torch.manual_seed(0)
        self.change = change
        self.tok_embed = torch.nn.Embedding(v, d)
        self.positions = torch.nn.Parameter(torch.randn(k, d))
        self.heads = torch.nn.ModuleList([Head(d, h)])
        self.W_O = torch.nn.Linear(h, d, bias=False)
        self.unembed = torch.nn.Linear(d, v)
        self.dropout = torch.nn.Dropout(0.5)

    def forward(self, tokens):
        x = self.tok_embed(tokens) + self.positions
        seen = torch.nn.functional.layer_norm(x, x.shape[-1:]) if self.change == "norm" else x
        head = self.heads[0]
        scale = 1.0 if self.change == "scale" else head.W_K.weight.shape[0] ** 0.5
        scores = head.W_Q(seen) @ head.W_K(seen).transpose(1, 2) / scale
        hidden = torch.ones(scores.shape[1:]).triu(1).bool()
        mixed = torch.softmax(scores.masked_fill(hidden, -torch.inf), -1) @ head.W_V(seen)
        return self.unembed(self.dropout(x + self.W_O(mixed)))


def test_a_module_is_compared():
    module = Own().train()
    model = bp.load(module, key_map=KEY_MAP, task="max-of-3")
    assert module.training  # As it was: the comparison itself is in evaluation mode.
    assert model.compared.startswith("on 256 inputs") and model.assumed is None
    proof = bp.prove(model, strategy="exact")
    assert proof.assumed == () and bp.check(model, proof, task="max-of-3")


@pytest.mark.parametrize(
    ("change", "words"),
    [("norm", "LNPre before the attention alone"), ("scale", "divided by 1, not by 2")],
)
def test_a_module_that_computes_something_else_is_refused(change, words):
    with pytest.raises(bp.ModelError, match=words):
        bp.from_torch(Own(change), key_map=KEY_MAP)


def test_a_tolerance_is_the_users_own():
    module = Own()
    module.unembed.bias.data += 0  # A module in bfloat16 rounds more than float32 explains.
    coarse = Own().to(torch.bfloat16)
    with pytest.raises(bp.ModelError, match="is not the program"):
        bp.from_torch(coarse, key_map=KEY_MAP)
    assert bp.from_torch(coarse, key_map=KEY_MAP, tolerance=0.1).compared


def test_inputs_may_be_given():
    inputs = torch.tensor([[0, 1, 2], [6, 5, 4]])
    assert "on 2 inputs" in bp.from_torch(Own(), key_map=KEY_MAP, inputs=inputs).compared


def test_a_module_without_a_map_is_refused_by_name():
    with pytest.raises(bp.ModelError, match=r"a key map renames tensors|number of heads"):
        bp.from_torch(Own())


def test_answers_that_are_no_logits_are_refused():
    class Silent(Own):
        def forward(self, tokens):
            return {"loss": 0}

    with pytest.raises(bp.ModelError, match="where logits"):
        bp.from_torch(Silent(), key_map=KEY_MAP)


@pytest.mark.parametrize("make", ["expanded", "meta", "sparse"])
def test_tensors_that_are_not_their_numbers_are_refused(make):
    state = dict(Own().state_dict())
    name = "tok_embed.weight"
    state[name] = {
        "expanded": torch.zeros(1, 1).expand(2**17, 2**17),
        "meta": torch.zeros(7, 6, device="meta"),
        "sparse": torch.zeros(7, 6).to_sparse(),
    }[make]
    with pytest.raises(bp.ModelError, match=name):
        bp.load(state, key_map=KEY_MAP)


LENS = """
import warnings
warnings.simplefilter("ignore")
import ballproof as bp
try:
    from transformer_lens import HookedTransformer, HookedTransformerConfig as Config
    made = lambda norm: HookedTransformer(Config(normalization_type=norm, act_fn=None, **sizes))
except ImportError:
    from transformer_lens.config import TransformerBridgeConfig as Config
    from transformer_lens.model_bridge.bridge import TransformerBridge
    made = lambda norm: TransformerBridge.boot_native(Config(
        normalization_type=norm, act_fn="relu", architecture="TransformerLensNative", **sizes))
sizes = dict(n_layers=1, d_model=8, n_ctx=3, d_head=4, n_heads=1, d_vocab=5, d_vocab_out=5,
             attn_only=True, seed=1)
model = bp.load(made(None), task="max-of-3")
print(bool(bp.check(model, bp.prove(model, strategy="exact"))), model.compared)
print(bp.load(made("LNPre")).architecture)
"""


def test_models_of_transformer_lens():
    pytest.importorskip("transformer_lens", reason="the library is not installed here")
    done = subprocess.run([sys.executable, "-c", LENS], capture_output=True, text=True, check=True)
    verified, normed = done.stdout.strip().splitlines()[-2:]
    assert verified.startswith("True on 256 inputs")
    assert normed.startswith("embed,positions,norm(layer,1/100000),attention(1-head,causal,")
