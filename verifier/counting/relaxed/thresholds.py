"""Which threshold each summand takes: all of the slack to one of them where it does not suffice."""

from __future__ import annotations

import numpy as np

from ballproof.verifier.counting.relaxed.relaxation import Leads
from ballproof.verifier.counting.relaxed.summands import Floats
from ballproof.verifier.counting.relaxed.walks import Walk

# What a summand that takes no slack is given above its largest ratio, in shares of its values, so
# that a table of few bits shows it.
SPARE = 2.0**-16


def first_choice(leads: Leads, own: int, unit: float) -> Floats:
    """Return thresholds (H, a): the largest ratios, and equal parts of what slack they leave.

    All but the last summand's are multiples of `unit`; the last one's is what T14 asks for.
    """
    ratios = leads.columns.ratios()
    slack = -(leads.constant + ratios.sum(axis=0))
    thresholds = ratios + np.maximum(slack, 0.0) / len(ratios)
    thresholds[:, own] = 0.0
    return completed(thresholds, leads, unit)


def by_walks(thresholds: Floats, leads: Leads, own: int, unit: float, faint: float) -> Floats:
    """Return thresholds with those of living rivals anew: all slack to one summand.

    It is the one by which walks leave fewest inputs.
    """
    columns = living_columns(leads, thresholds, own, faint)
    count = len(thresholds)
    if count == 1 or not len(columns):
        return thresholds
    part = Leads(leads.constant[columns], leads.columns.only(columns))
    ratios = part.columns.ratios()
    given = [given_to(part, ratios, np.eye(count)[each], unit) for each in range(count)]
    lost = [_lives(part, given[each], each, faint) for each in range(count)]
    found = thresholds.copy()
    found[:, columns] = np.choose(np.argmin(lost, axis=0)[None], given)
    return found


def living_columns(leads: Leads, thresholds: Floats, own: int, faint: float) -> np.ndarray:
    """Return the rivals that some summand does not clear."""
    free, mine = leads.columns.above(thresholds, faint)
    alive = Walk(leads.columns.region.graph, free, mine).alive()
    alive[own] = False
    return np.flatnonzero(alive)


def completed(thresholds: Floats, leads: Leads, unit: float) -> Floats:
    """Return thresholds as a certificate states them, and the last one that follows (T14).

    Tables hold no threshold that is far beyond all values; it need not be.
    """
    most = 2 * leads.columns.region.summands.sizes().max(initial=0)
    stated = np.rint(np.clip(thresholds[:-1], -most, most) / unit) * unit
    return np.concatenate([stated, -(leads.constant + stated.sum(axis=0))[None]])


def given_to(leads: Leads, ratios: Floats, shares: Floats, unit: float) -> Floats:
    """Return thresholds (H, C) near the largest ratios, the slack added by shares (H,).

    Summands without a share are just above their largest ratio; what rounding leaves goes to the
    last one, or comes from the largest share.
    """
    sizes, count = leads.columns.region.summands.sizes(), len(shares)
    spare = np.where(shares > 0, 0.0, SPARE * sizes + count * unit)
    raised = ratios + spare[:, None]
    slack = -(leads.constant + raised.sum(axis=0))
    found = raised + shares[:, None] * slack
    one = int(shares.argmax())
    if one < count - 1:
        found[one] = np.floor(found[one] / unit) * unit
    return completed(found, leads, unit)


def _lives(leads: Leads, thresholds: Floats, one: int, faint: float) -> np.ndarray:
    """Return at how many inputs the columns live by this summand alone."""
    free, own = leads.columns.above(thresholds, faint)
    graph = leads.columns.region.graph
    return Walk(graph, [x[[one]] for x in free], own[[one]]).counts()
