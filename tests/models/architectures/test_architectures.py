"""A new architecture is a row: its name, sizes, tables and refusals come from there alone."""

from dataclasses import replace

import numpy as np
import pytest

from ballproof.models import architectures, weights
from ballproof.models.architectures import ARCHITECTURES, Shape, architecture_of
from ballproof.models.architectures.attention_only import ATTENTION_ONLY
from ballproof.models.architectures.attention_only.layout import W_POS
from ballproof.models.architectures.layers import LAYERS
from ballproof.models.architectures.layers.layout import SIZES as LAYERS_SIZES
from ballproof.models.architectures.layers.names import is_known
from ballproof.models.architectures.one_layer import ONE_LAYER
from ballproof.models.architectures.one_layer.layout import SIZES as ONE_LAYER_SIZES
from ballproof.models.architectures.pair import PAIR
from ballproof.models.architectures.pair.layout import SIZES as PAIR_SIZES
from ballproof.models.errors import ModelError
from ballproof.models.forward import evaluate
from ballproof.models.tensors import Tensor
from ballproof.verifier.counting.float32 import deviation

SHAPE = Shape(3, 2, 2, 1)
SIZED = [
    (ATTENTION_ONLY, SHAPE),
    (ONE_LAYER, Shape(3, 2, 2, 1, 4, 2, 3, ONE_LAYER_SIZES)),
    (PAIR, Shape(3, 2, 2, 0, 4, 0, 3, PAIR_SIZES)),
    (LAYERS, Shape(3, 2, 2, 1, 4, 2, 3, LAYERS_SIZES, n_layers=2)),
]
BARE = replace(
    ATTENTION_ONLY,
    words="something-else",
    fits=lambda shapes: shapes.keys() == {"table"},
    check_names=lambda names, source: None,
    sizes=lambda shapes, source: SHAPE,
    tensors=lambda shape: {"table": (3, 3), "shift": (3,)},
    optional=("shift",),
    logits=lambda model, sequence: [x.tolist() for x in model.tensors["shift"]],
    tables=None,
    factors=None,
    deviation=None,
    programs=None,
)


def frozen(**arrays):
    named = {name: Tensor.from_array(name, array) for name, array in arrays.items()}
    return weights.freeze(named, "a file")


def drawn(shape):
    """Zeros in the layout of the one-layer model."""
    return {name: np.zeros(dims) for name, dims in ATTENTION_ONLY.tensors(shape).items()}


def test_every_row_fits_its_own_tensors_with_and_without_the_optional_ones():
    assert tuple(row for row, _ in SIZED) == ARCHITECTURES
    for row, shape in SIZED:
        shapes = row.tensors(shape)
        needed = {name: dims for name, dims in shapes.items() if name not in row.optional}
        for tensors in (shapes, needed):
            assert architecture_of(tensors) is row
            # The context length is what positions show.
            shown = shape.n_ctx if row is PAIR or W_POS in tensors else 0
            assert row.sizes(tensors, "a file") == replace(shape, n_ctx=shown)


def test_the_names_of_linear_layers_lead_to_tensors_of_the_row():
    for row, shape in SIZED:
        names = {each.name for each in row.linear.values()}
        # Deep models may have more layers than one of these sizes, and norms.
        assert all(map(is_known, names)) if row is LAYERS else names <= row.tensors(shape).keys()


def test_tensors_that_fit_no_row_are_refused_by_the_one_that_they_are_like():
    with pytest.raises(ModelError, match=r"has no tensor blocks\.0\.mlp\.W_out"):
        frozen(**drawn(SHAPE), **{"blocks.0.mlp.W_in": np.zeros((2, 2))})
    with pytest.raises(ModelError, match=r"W_K has shape \[1, 2, 1\], where \[2, 2, 1\]"):
        frozen(**{**drawn(SHAPE), "blocks.0.attn.W_Q": np.zeros((2, 2, 1))})
    with pytest.raises(ModelError, match="W_a and W_b, or W_E"):
        frozen(W_out=np.zeros((2, 2)))
    with pytest.raises(ModelError, match=r"'tok\.weight', which is no part of a one-layer attent"):
        frozen(**{"tok.weight": np.zeros((2, 2))})


def test_a_row_of_its_own_is_chosen_by_the_tensors(monkeypatch):
    monkeypatch.setattr(architectures, "ARCHITECTURES", (ATTENTION_ONLY, BARE))
    model = frozen(table=np.eye(3))
    assert model.architecture is BARE
    assert model.tensors["shift"].shape == (1, 3)
    assert frozen(**drawn(SHAPE)).architecture is ATTENTION_ONLY


def test_what_an_architecture_lacks_is_said_in_a_sentence(monkeypatch):
    monkeypatch.setattr(architectures, "ARCHITECTURES", (BARE,))
    model = frozen(table=np.eye(3))
    with pytest.raises(ModelError, match="no bound is known of what float32 does to a model of so"):
        deviation(model)
    with pytest.raises(ValueError, match="no tables of something-else"):
        _ = model.tables
    with pytest.raises(ValueError, match="no factors of something-else"):
        _ = model.factors


def test_the_tables_and_factors_of_a_model_agree():
    rng = np.random.default_rng(0)
    arrays = {name: rng.normal(size=x.shape) for name, x in drawn(Shape(4, 3, 2, 2)).items()}
    model = frozen(**arrays)
    tables, factors = model.tables, model.factors
    queries = (factors.queried @ factors.query).plus_row(factors.query_bias)
    direct = (factors.direct @ factors.unembedding).plus_row(factors.unembedding_bias)
    assert direct.trimmed() == tables.direct
    (head,) = tables.heads
    for asked, score in (
        (factors.embedding, head.score),
        (factors.positions, head.positional_score),
    ):
        assert (queries @ (asked @ factors.key).transpose()).trimmed() == score
    assert len(evaluate(model, [0, 3, 1], 64)) == 4
