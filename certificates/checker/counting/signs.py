"""The exact sign of the sum in T1 for one sequence and one rival, ties included."""

from collections.abc import Iterable

from arithmetic.balls import at_unit
from arithmetic.tally import Tally
from arithmetic.weights import Span, exponentials, weighted
from parts.tables import Head, Tables

MAX_PRECISION = 65_536
Sequence = tuple[int, ...]


def gap_terms(tables: Tables, sequence: Sequence, label: int, rival: int) -> dict[int, int]:
    """Return the sum of f_i by exact score for one sequence: {sqrt(h) score: sum of f_i}.

    f_i = D[q,j]-D[q,m] + V[t_i,j]-V[t_i,m] + P[i,j]-P[i,m] + eps. Groups that sum to 0 are left
    out: they add nothing, whatever their weight.
    """
    query, head = sequence[-1], tables.head
    direct = tables.direct[query][rival] - tables.direct[query][label] + tables.eps
    groups: dict[int, int] = {}
    for position, token in enumerate(sequence):
        score = head.score[query][token] + head.positional_score[query][position]
        output, place = head.output[token], head.positional_output[position]
        gap = direct + output[rival] - output[label] + place[rival] - place[label]
        groups[score] = groups.get(score, 0) + gap
    return {score: gap for score, gap in groups.items() if gap}


def rival_wins(
    tables: Tables, sequence: Sequence, label: int, rival: int, precision: int, tally: Tally
) -> bool | None:
    """Return whether logits[rival] + eps >= logits[label]; None if MAX_PRECISION bits do not tell.

    By T1 this is the sign of sum exp(score) * f over groups of equal exact score. The scores of
    different groups are different algebraic numbers, so by Lindemann-Weierstrass the sum is 0 only
    if every group is 0 (a tie: the rival wins), and enough bits decide any other sign.
    """
    tally.charge(8 * len(sequence))
    groups = gap_terms(tables, sequence, label, rival)
    if all(gap > 0 for gap in groups.values()):
        return True
    if all(gap < 0 for gap in groups.values()):
        return False
    while precision <= MAX_PRECISION:
        low, high = _enclosed_sum(tables.head, groups, precision, tally)
        if low >= 0 or high < 0:
            return low >= 0
        precision *= 2
    return None


def settled(
    tables: Tables,
    sequence: Sequence,
    label: int,
    rivals: Iterable[int],
    precision: int,
    tally: Tally,
) -> tuple[bool, bool]:
    """Return whether one of the rivals certainly wins on the sequence, and whether one may.

    Rivals and label are columns of the tables.
    """
    verdicts = [rival_wins(tables, sequence, label, rival, precision, tally) for rival in rivals]
    return True in verdicts, any(verdict is not False for verdict in verdicts)


def _enclosed_sum(head: Head, groups: dict[int, int], bits: int, tally: Tally) -> Span:
    """Return integers around 2**bits times the sum, scaled to its largest remaining group."""
    tally.charge(6 * len(groups))
    unit, low, high = (head.score_exponent, head.d_head), 0, 0
    balls = exponentials([*groups], *unit, bits + 2, tally)
    for ball, gap in zip(balls, groups.values(), strict=True):
        weight = at_unit(ball, -bits)
        low += weighted(gap, weight, up=False)
        high += weighted(gap, weight)
    return low, high
