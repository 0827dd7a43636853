"""A sweep made by hand: five models, one of them with counts beyond 2^64 and a hostile name."""

import json
import random
from hashlib import sha256

import numpy as np
from support.literal_models import frozen

from ballproof.models.tasks import task_named
from ballproof.verifier.counting.problem import pose
from ballproof.verifier.study.portrait import portrait
from ballproof.verifier.study.quantise import quantised
from ballproof.verifier.study.rows import NOT_PROVEN, REJECTED, VERIFIED, ModelRow, ResultRow

SETTINGS = {"margin": "0", "max_operations": "100000000000", "version": "test"}
HOSTILE = "</script><script>window.stolen = 1</script>&<b>"
TOTAL = 64**4
RIGHT = (16_765_884, 16_771_321, 16_464_368)
# Strategy, group, share certified, operations, unexplained dimension.
STRATEGIES = (
    ("brute-force", "brute-force", 1.0, 5_604_581_344, 64**5),
    ("cubic", "cubic", 0.95, 3_570_112, 12_800),
    ("exact", "exact", 1.0, 154_691_852, None),
    ("ladder", "ladder", 0.9995, 2_372_934, None),
    ("subcubic/max-diff-exact/mean+diff/exact", "subcubic", 0.86, 1_750_000, 8384),
    ("subcubic/max-diff-exact/chord/exact", "subcubic", 0.88, 1_790_000, 8384),
    ("subcubic/max-diff-exact/mean+diff/svd", "low-rank QK", 0.74, 2_100_000, 4416),
    ("subcubic/mean-query/mean+diff/max-diff", "low-rank QK and EU", 0.65, 2_090_000, 6530),
)


def gaps(v, n_ctx):
    """Return a witness in which gaps up to 2 are lost, and the smallest maxima given up."""
    return [[[3] * (n_ctx - 1) for _ in range(m + 1)] for m in range(v)]


def _certificate(v, n_ctx):
    content = {"claim": {"model": {"n_ctx": n_ctx}}, "proof": {"witness": {"gaps": gaps(v, n_ctx)}}}
    return json.dumps(content).encode()


CERTIFICATES = {
    sha256(data).hexdigest(): data for data in (_certificate(64, 4), _certificate(64, 20))
}


def certificate(digest):
    return CERTIFICATES[digest]


def _noise(seed):
    """Return figures of noise: ratios of 4, 16 and 64, and more by the seed."""
    steps = [("KᵀBᵀ", 4.0), ("QKᵀBᵀ", 16.0), ("AQKᵀBᵀ", 64.0)]
    return {
        "factors": [
            {"product": name, "inner": 32, "excess": x + seed, "step": 4.25, "independent": 4.5}
            for name, x in steps
        ],
        "scores": {
            "svd": {"bound": 3.0, "true": 0.25, "excess": 12.0 + seed},
            "max-diff": {"bound": 1.0, "true": 0.25, "excess": 4.0},
            "max-diff-subproduct": {"bound": 1.0, "true": 0.0, "excess": None},
        },
        "direct": {"mean-query": {"bound": 7.0, "true": 1.75, "excess": 4.0}},
    }


def _portrait(seed, n_ctx, wrong):
    rng = np.random.default_rng(seed)
    shapes = {"D": (64, 64), "V": (64, 64), "P": (n_ctx, 64), "S": (64, 64), "R": (64, n_ctx)}
    listed = [0] * 64
    listed[1] = wrong or 0
    where = {"by_query": listed, "by_maximum": listed, "by_gap": listed}
    return {
        "version": 1,
        "tables": {name: quantised(rng.normal(size=shape)) for name, shape in shapes.items()},
        "sigma_1": 1000.0 + 137 * seed,
        "sigma_2": 2.0,
        "wrong": None if wrong is None else {"total": wrong, **where},
        # Of max-of-4 alone: other sweeps are older than the figures.
        "noise": _noise(seed) if n_ctx == 4 else None,
    }


def _model(name, seed, n_ctx, sampled, wrong):
    return ModelRow(
        sha256=sha256(name.encode()).hexdigest(),
        name=name,
        task=f"max-of-{n_ctx}",
        d_vocab=64,
        n_ctx=n_ctx,
        d_model=32,
        d_head=32,
        total=64**n_ctx,
        sampled_accuracy=sampled,
        samples=None if sampled is None else 200_000,
        portrait=_portrait(seed, n_ctx, wrong),
    )


def sample_of_pairs():
    """Return (models, results) of a network of two tokens, with ties and wrong pairs."""
    rng = np.random.default_rng(5)
    shapes = {"W_a": (6, 8), "W_b": (6, 8), "W_out": (8, 6)}
    weights = frozen({name: rng.integers(-2, 3, shape) / 4.0 for name, shape in shapes.items()})
    problem = pose(weights, task=task_named("product-in-s3", weights.shape))
    picture = portrait(problem)
    right = problem.total - picture["leads"]["counts"][0]
    sizes = {"d_vocab": 6, "n_ctx": 2, "d_model": 8, "d_head": 0, "total": problem.total}
    unknown = {"sampled_accuracy": None, "samples": None}
    model = ModelRow("f" * 64, "pairs", problem.task_name, **sizes, **unknown, portrait=picture)
    return [model], [_verified(model, "enumerate", "enumerate", right, right, 1_152, None)]


def _verified(model, strategy, group, at_least, at_most, operations, dimension):
    return ResultRow(
        model.sha256,
        strategy,
        group,
        VERIFIED,
        certificate=sha256(_certificate(64, model.n_ctx)).hexdigest(),
        correct_at_least=at_least,
        correct_at_most=at_most,
        operations=operations,
        unexplained_dimension=dimension,
        bytes=25_000,
        seconds_to_prove=0.25,
        seconds_to_check=0.5,
        note="The prover counts one more." if strategy == "cubic" else None,
    )


def sample():
    """Return (models, results)."""
    rng = random.Random(7)
    models, results = [], []
    for seed, right in enumerate(RIGHT):
        model = _model(f"max-of-4-seed-{50 * seed}", seed, 4, 0.9993, TOTAL - right)
        models.append(model)
        for strategy, group, share, operations, dimension in STRATEGIES:
            least = int(right * share * (1 if share == 1 else rng.uniform(0.98, 1)))
            most = right if strategy in ("brute-force", "exact") else TOTAL
            figures = (least, most, operations + seed, dimension)
            results.append(_verified(model, strategy, group, *figures))
    large = _model(HOSTILE, 3, 20, 0.9992, None)
    right = large.total - 123_456_789_012_345_678_901_234_567
    results += [
        _verified(large, "ladder", "ladder", right, large.total, 13_000_000, None),
        _verified(large, STRATEGIES[4][0], "subcubic", 3 * 10**35, large.total, 2_300_000, 8384),
    ]
    for strategy in ("exact", "brute-force"):
        reason = f"{strategy} does not apply to this model. There are 64^20 inputs <b>."
        results.append(ResultRow(large.sha256, strategy, strategy, NOT_PROVEN, reason=reason))
    unknown = _model("unknown", 4, 5, None, None)
    unknown = ModelRow(**{**vars(unknown), "portrait": None})
    results.append(_verified(unknown, "cubic", "cubic", 10**9, 64**5, 4_600_000, 12_928))
    results.append(ResultRow(unknown.sha256, "exact", "exact", REJECTED, reason="They disagree."))
    return [*models, large, unknown], results
