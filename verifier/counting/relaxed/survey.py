"""What thresholds and intervals leave of one region: the search's look at a class (T14, T15)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ballproof.verifier.counting.relaxed.graphs import Graph
from ballproof.verifier.counting.relaxed.ratios import Region, region_of
from ballproof.verifier.counting.relaxed.relaxation import (
    Intervals,
    Leads,
    extremes,
    leads_of,
    neuron_columns,
    verified,
)
from ballproof.verifier.counting.relaxed.summands import Floats, Summands
from ballproof.verifier.counting.relaxed.thresholds import by_walks, first_choice

# After so many steps, each to four times the slack, ends are the extremes of values.
MOST_GROWTH = 32


@dataclass(frozen=True, eq=False)
class Units:
    """How coarse a certificate's numbers are: `unit` of thresholds and ends, `faint` of weights.

    `faint` is more than what the checker's tables lack of a weight, the largest being 1.
    """

    unit: float
    faint: float


@dataclass(frozen=True, eq=False)
class Surveyed:
    """A region with the thresholds (H, a) and intervals chosen for it, and its leads."""

    leads: Leads
    intervals: Intervals
    thresholds: Floats
    own: int
    units: Units


def walked(found: Surveyed) -> Floats:
    """Return the thresholds by which walks leave fewest inputs."""
    units = found.units
    return by_walks(found.thresholds, found.leads, found.own, units.unit, units.faint)


def surveyed(
    summands: Summands, query: int, own: int, graph: Graph, eps: float, units: Units
) -> Surveyed:
    """Return the region with intervals and thresholds of its own."""
    region = region_of(summands, query, graph)
    intervals = found_intervals(region, units)
    leads = leads_of(region, own, eps, intervals)
    return Surveyed(leads, intervals, first_choice(leads, own, units.unit), own, units)


def found_intervals(region: Region, units: Units) -> Intervals:
    """Return ends that a table shows, multiples of the unit."""
    m = region.summands.neurons
    if not m:
        return Intervals(region.own_values[:, :0], region.own_values[:, :0])
    columns, widest = neuron_columns(region), extremes(region)
    ratios, sizes = columns.ratios(), region.summands.sizes()[:, None]
    spare = units.faint * sizes + units.unit
    for _ in range(MOST_GROWTH):
        high = np.minimum(ratios[:, :m] + spare, widest.high)
        low = np.maximum(-ratios[:, m:] - spare, widest.low)
        found = Intervals(_down(low, units.unit), _up(high, units.unit))
        shown = verified(columns, found, units.faint)
        if shown.all():
            break
        grown = ~(shown[:, :m] & shown[:, m:])
        spare = np.where(grown, 4 * spare, spare * np.ones_like(grown))
    return found


def _up(numbers: Floats, unit: float) -> Floats:
    found: Floats = (np.ceil(numbers / unit) + 1) * unit
    return found


def _down(numbers: Floats, unit: float) -> Floats:
    found: Floats = (np.floor(numbers / unit) - 1) * unit
    return found
