"""Witnesses of the strategies `remainder` and `cells`, good ones and wild ones."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np

from support.networks import Network

Matrix = dict[str, Any]
LARGEST = 2**31 - 1
EMPTY: Matrix = {"exponent": 0, "rows": []}


def dyadic(rows: Any, exponent: int = -20) -> Matrix:
    """Return a matrix of a witness, its entries to the nearest unit."""
    return {"exponent": exponent, "rows": [[round(x * 2.0**-exponent) for x in r] for r in rows]}


def weight_of(network: Network) -> np.ndarray:
    """Return what leads from the neurons to the outputs, in floats."""
    tensors = {name.split(".")[-1]: x.astype(float) for name, x in network.tensors.items()}
    return tensors["W_out"] @ tensors["W_U"] if "W_U" in tensors else tensors["W_out"]


def fitted(network: Network, answers: range, rank: int) -> dict[str, Matrix]:
    """Return a witness of least squares: singular vectors, and slope 1/2."""
    weight = weight_of(network)[:, answers.start : answers.stop]
    u, size, v = np.linalg.svd(weight, full_matrices=False)
    rank = min(rank, len(size))
    exponent = int(np.log2(size[0] + 1e-30)) - 28
    neurons = len(weight)
    found = {"kappa": dyadic([[0.5] * neurons]), "mu": dyadic([[0] * neurons])}
    left = dyadic((u * size)[:, :rank], exponent) if rank else EMPTY
    return found | {"u": left, "v": dyadic(v[:rank])}


def wild(rng: Random, neurons: int, answers: int, rank: int) -> dict[str, Matrix]:
    """Return a witness of any numbers, now and then the largest and the farthest ones."""
    far = rng.choice([3, 3, 40, 1100])

    def matrix(rows: int, columns: int) -> Matrix:
        most = rng.choice([0, 3, LARGEST])
        drawn = [[rng.choice([-most, most, rng.randint(-most, most)]) for _ in range(columns)]]
        drawn += [[rng.randint(-most, most) for _ in range(columns)] for _ in range(rows - 1)]
        return {"exponent": rng.randint(-far, far), "rows": drawn[:rows]}

    shapes = {"kappa": (1, neurons), "mu": (1, neurons), "u": (rank and neurons, rank)}
    return {key: matrix(*shape) for key, shape in (shapes | {"v": (rank, answers)}).items()}


def spanned(seed: int, neurons: int, count: int, leaf: int = 4) -> dict[str, Any]:
    """Return a witness of `cells` of directions at random, and the coordinates along them."""
    directions = np.random.default_rng(seed).normal(size=(count, neurons))
    coordinates = np.linalg.pinv(directions)

    def fitting(rows: np.ndarray) -> Matrix:
        return dyadic(rows, int(np.log2(np.abs(rows).max())) - 28)

    return {
        "leaf": leaf,
        "directions": fitting(directions),
        "coordinates": fitting(coordinates),
    }


def wild_cells(rng: Random, neurons: int, count: int) -> dict[str, Any]:
    """Return a witness of `cells` of any numbers, now and then the largest and the farthest."""
    found = wild(rng, neurons, neurons, count)
    chosen = {"directions": found["v"], "coordinates": found["u"]}
    return {"leaf": rng.choice([1, 2, 3, 4096]), **chosen}


def every_neuron(neurons: int, leaf: int = 4) -> dict[str, Any]:
    """Return a witness of `cells` with one coordinate for each neuron, which miss nothing."""
    unit = dyadic(np.eye(neurons), 0)
    return {"leaf": leaf, "directions": unit, "coordinates": unit}
