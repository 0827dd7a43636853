"""Thresholds for grids: how the slack is shared where no share clears a rival (T14, T6)."""

from __future__ import annotations

import numpy as np

from ballproof.verifier.counting.relaxed.grids import at_least_zero
from ballproof.verifier.counting.relaxed.relaxation import Leads
from ballproof.verifier.counting.relaxed.summands import Floats
from ballproof.verifier.counting.relaxed.survey import Surveyed, Units
from ballproof.verifier.counting.relaxed.thresholds import given_to, living_columns
from ballproof.verifier.counting.relaxed.walks import Walk

# Shares of the slack beside 0 and 1, tried for the rivals that lose most of a class's inputs.
INNER = (0.25, 0.5, 0.75)
# A rival is worth another look if it loses this share of all inputs of the domain.
WORTH = 2.0**-28


def shared(found: Surveyed, rate: int, total: int) -> Floats:
    """Return thresholds (H, a) whose grids count least, rival by rival, of `total` inputs."""
    leads, thresholds, units = found.leads, found.thresholds.copy(), found.units
    alive = living_columns(leads, thresholds, found.own, units.faint)
    count = len(thresholds)
    if count == 1 or not len(alive):
        return thresholds
    ratios = leads.columns.only(alive).ratios()
    part = Leads(leads.constant[alive], leads.columns.only(alive))
    options = [given_to(part, ratios, _end(count, h), units.unit) for h in range(count)]
    least = _least(part, options, rate, units)
    thresholds[:, alive], lost = least
    worth = np.flatnonzero(lost > WORTH * total)
    if len(worth):
        part = Leads(part.constant[worth], part.columns.only(worth))
        inner = [
            given_to(part, ratios[:, worth], _between(count, h, other, share), units.unit)
            for h in range(count)
            for other in range(h)
            for share in INNER
        ]
        better, _ = _least(part, [thresholds[:, alive[worth]], *inner], rate, units)
        thresholds[:, alive[worth]] = better
    return thresholds


def _least(leads: Leads, options: list[Floats], rate: int, units: Units) -> tuple[Floats, Floats]:
    """Return for each column the thresholds whose grids count least, and what they count."""
    counts = np.array([_counted(leads, each, rate, units) for each in options])
    best = counts.argmin(axis=0)
    columns = np.arange(len(best))
    return np.array(options)[best, :, columns].T, counts[best, columns]


def _counted(leads: Leads, thresholds: Floats, rate: int, units: Units) -> Floats:
    free, own = leads.columns.above(thresholds, units.faint)
    walk = Walk(leads.columns.region.graph, free, own)
    found: Floats = sum(
        (at_least_zero(walk, h, rate) * ~(walk.largest[h] < 0) for h in range(len(own))),
        np.zeros(own.shape[1]),
    )
    return found


def _end(count: int, one: int) -> Floats:
    end: Floats = np.eye(count)[one]
    return end


def _between(count: int, one: int, other: int, share: float) -> Floats:
    return share * _end(count, one) + (1 - share) * _end(count, other)
