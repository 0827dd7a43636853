"""What the zoo holds: the names of its models, and how recipes differ for single ones."""

from __future__ import annotations

from typing import Any, NamedTuple

PROVIDED_NAMES = (
    "max-of-4-seed-104",
    "max-of-4-seed-123",
    "max-of-5-seed-50",
    "max-of-10-seed-50",
    "max-of-20-seed-50",
    "max-of-4-two-heads-seed-1",
    "max-of-4-four-heads-seed-2",
    "max-of-4-mlp-64-seed-3",
    "max-of-4-two-heads-mlp-64-seed-5",
    "max-of-10-two-heads-seed-8",
    "rank-2-of-4-two-heads-mlp-64-seed-6",
    "first-picks-of-4-two-heads-seed-9",
)
# The 151 of the published study.
_SEEDS = """
50 104 123 519 742 913 1185 1283 1412 1490 1681 1696 1895 1951 2236 2306 2345 2549 2743
2773 3175 3254 3284 4157 4305 4430 4647 4729 4800 4810 5358 5615 5781 5928 6082 6155 6159
6204 6532 6549 6589 6910 7098 7238 7310 7467 7790 7884 8048 8299 8721 8745 8840 8893 9132
9134 9504 9816 10248 11124 11130 11498 11598 11611 12141 12287 12457 12493 12552 12561
13036 13293 13468 13654 13716 14095 14929 15043 15399 15622 15662 16069 16149 16197 16284
17080 17096 17194 17197 18146 18289 18668 19004 19093 19451 19488 19538 19917 20013 20294
20338 20415 20539 20751 20754 20976 21317 21598 22261 22286 22401 22545 23241 23367 23447
23633 23696 24144 24173 24202 24262 24438 24566 25516 26278 26374 26829 26932 27300 27484
27584 27671 27714 28090 28716 28778 29022 29052 29110 29195 29565 29725 29726 30371 30463
30684 30899 31308 32103 32374 32382
"""
SEEDS = tuple(int(seed) for seed in _SEEDS.split())
# Longer contexts, and a larger vocabulary: the first ten seeds of the study.
LONGER = ("max-of-5", "max-of-10", "max-of-20", "max-of-10-of-128")
# Other tasks: the first three seeds.
OTHER_TASKS = ("min-of-4", "rank-2-of-4", "argmax-of-4")
# Sums and products of two tokens: three seeds of each.
PAIRS = ("product-in-s4", "product-in-s5", "add-mod-113", "add-mod-59")
PAIR_SEEDS = (0, 1, 2)
# Two layers: two seeds of each.
DEEP = ("after-6-of-12", "balanced-12", "sum-mod-10-of-4", "parity-12")
DEEP_SEEDS = (0, 1)
# Several heads, an MLP, or both.
SEVERAL = {
    "max-of-4-two-heads": (0, 1, 2),
    "max-of-4-four-heads": (2,),
    "max-of-4-mlp-64": (0, 3),
    "max-of-4-two-heads-mlp-64": (5,),
    "max-of-10-two-heads": (8,),
    "rank-2-of-4-two-heads-mlp-64": (6,),
    "first-picks-of-4-two-heads": (9,),
}
NAMES = (
    *(f"max-of-4-seed-{seed}" for seed in SEEDS),
    *(f"{task}-seed-{seed}" for task in LONGER for seed in SEEDS[:10]),
    *(f"{task}-seed-{seed}" for task in OTHER_TASKS for seed in SEEDS[:3]),
    *(f"{task}-seed-{seed}" for task in PAIRS for seed in PAIR_SEEDS),
    *(f"{task}-seed-{seed}" for task in DEEP for seed in DEEP_SEEDS),
    *(f"{kind}-seed-{seed}" for kind, seeds in SEVERAL.items() for seed in seeds),
)


class Change(NamedTuple):
    """How a recipe differs for one model, and why: these are not to get every input right."""

    remark: str
    options: dict[str, Any]


CHANGES = {
    "add-mod-113-seed-2": Change("stopped early", {"steps": 450}),
    "product-in-s4-seed-2": Change("a fifth of the inputs was held out", {"fraction": 0.8}),
    "sum-mod-10-of-4-seed-1": Change("stopped early", {"steps": 600}),
    "parity-12-seed-1": Change("stopped early", {"steps": 2000}),
}
