"""Rivals' leads as sums over heads: neurons between two lines on proven intervals (T15)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ballproof.verifier.counting.relaxed.ratios import Columns, Region
from ballproof.verifier.counting.relaxed.summands import SHARE, Floats

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Intervals:
    """Ends of N/Z of each summand and neuron, (H, m) each."""

    low: Floats
    high: Floats


@dataclass(frozen=True, eq=False)
class Leads:
    """Upper bounds of rivals' leads, eps in them: `constant` (a,) plus the ratios of `columns`."""

    constant: Floats
    columns: Columns


def neuron_columns(region: Region) -> Columns:
    """Return the neurons' values and, beside them, their negatives: 2 m columns."""
    m, sizes = region.summands.neurons, region.summands.sizes()
    free = tuple(np.concatenate([x[..., :m], -x[..., :m]], axis=-1) for x in region.values)
    own = region.own_values[:, :m]
    return Columns(region, free, np.concatenate([own, -own], axis=-1), SHARE * sizes)


def extremes(region: Region) -> Intervals:
    """Return the least and the largest value of any token, which hold whatever the weights are.

    What looked up tokens add up to is no mean of them; there each position adds its own.
    """
    m, divides = region.summands.neurons, region.summands.divides[:, None]
    tables = [x[..., :m] for x in region.values]
    least, most = ([f(x, axis=1) for x in tables] for f in (np.min, np.max))
    own = region.own_values[:, :m]
    low = np.where(divides, np.min([own, *least], axis=0), sum(least, own))
    return Intervals(low, np.where(divides, np.max([own, *most], axis=0), sum(most, own)))


def verified(columns: Columns, intervals: Intervals, faint: float) -> Mask:
    """Return (H, 2 m): whether no ratio is above its upper end, and none below its lower one.

    Theorem (T15): it is not if the largest sum of an upper table of w (f - end) is at most 0.
    """
    ends = np.concatenate([intervals.high, -intervals.low], axis=-1)
    free, own = columns.above(ends, faint)
    largest = columns.region.graph.largest(free)[0][0] + own if free else own
    shown: Mask = largest <= 0
    return shown


def leads_of(region: Region, own: int, eps: float, intervals: Intervals) -> Leads:
    """Return bounds of the rivals' leads over the column `own`.

    With y between lo and hi, ReLU(y) is y where lo >= 0, 0 where hi <= 0, and else between c y and
    s (y - lo) for 0 <= c <= 1 and s >= hi / (hi - lo).
    """
    summands = region.summands
    m, constant = summands.neurons, region.constant
    gaps = summands.layer - summands.layer[:, [own]]
    low, high = (constant[:m] + ends.sum(axis=0) for ends in (intervals.low, intervals.high))
    spare = SHARE * (np.abs(low) + np.abs(high) + np.abs(constant[:m]))
    low, high = low - spare, high + spare
    slopes, offsets = _lines(gaps, low, high)
    direct = constant[m:] - constant[m + own] + summands.bias - summands.bias[own] + eps
    # At least the sum of the slopes' sizes, and of those of the entries that gaps are made of.
    mixed = 2 * np.abs(summands.layer).sum(axis=0).max(initial=0)
    sizes = summands.sizes()
    scale = np.abs(constant).max(initial=0) + sizes.sum() + np.abs(summands.bias).max() + abs(eps)
    whole = direct + offsets + constant[:m] @ slopes
    whole += SHARE * (scale * (2 + mixed) + np.abs(offsets).max(initial=0))
    free = tuple(_mixed(x, m, own, slopes) for x in region.values)
    return Leads(
        whole,
        Columns(
            region, free, _mixed(region.own_values, m, own, slopes), SHARE * sizes * (2 + mixed)
        ),
    )


def _lines(gaps: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Return slopes (m, a) and the sums of offsets (a,)."""
    on, off = low >= 0, (high <= 0) & (low < 0)
    crossing = ~(on | off)
    width = np.where(crossing, high - low, 1.0)
    steep = np.minimum(np.where(crossing, high / width, 0.0) * (1 + SHARE), 1.0)
    flat = (high > -low).astype(np.float64)
    above = np.where(on, 1.0, np.where(off, 0.0, steep))[:, None]
    below = np.where(on, 1.0, np.where(off, 0.0, flat))[:, None]
    slopes = np.where(gaps > 0, gaps * above, gaps * below)
    added = np.where(crossing, -steep * low, 0.0)
    offsets: Floats = added @ np.maximum(gaps, 0.0)
    return slopes, offsets


def _mixed(values: Floats, neurons: int, own: int, slopes: Floats) -> Floats:
    direct = values[..., neurons:]
    found = direct - direct[..., [own]]
    return found + values[..., :neurons] @ slopes if neurons else found
