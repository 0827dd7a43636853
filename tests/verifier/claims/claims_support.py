"""What is true of a class, by listing its sequences and the oracle's exact signs."""

from fractions import Fraction
from itertools import product

from support.oracle import oracle_of

from ballproof.models.weights import weights_from_bytes
from ballproof.verifier.claims.auditing import Auditor, Limits
from ballproof.verifier.claims.reading import ClassClaim
from ballproof.verifier.counting.goal import silent

LIMITS = Limits(seconds=60, max_operations=10**9)


def members(model, query=None, maximum=None, below=None, gap=1):
    """List the sequences of a class, straight from its definition."""
    for x in product(range(model.d_vocab), repeat=model.n_ctx):
        m = max(x)
        others = [t for t in x if t != m]
        if (
            query in (None, x[-1])
            and maximum in (None, m)
            and below in (None, len(others))
            and all(t <= m - gap for t in others)
        ):
            yield x


def is_exceeded(model, sequences, threshold, strict):
    """Say whether some rival leads by more than the threshold, or as much if not strict."""
    oracle = oracle_of(model)
    for x in sequences:
        for rival in (j for j in range(model.d_vocab) if j != max(x)):
            # The sign of logits[m] - logits[rival] + threshold.
            sign = oracle.gap_sign(x, rival, -threshold)
            if sign < 0 or (sign == 0 and not strict):
                return True
    return False


def largest_gap(model, sequences):
    """Enclose the largest logits[rival] - logits[m]; the ends are rationals."""
    oracle = oracle_of(model)
    ends = []
    for x in sequences:
        for gap in oracle.gaps(x).values():
            lead = -gap
            ends.append((-rounded_up(gap), rounded_up(lead)))
    return max(low for low, _ in ends), max(high for _, high in ends)


def rounded_up(ball):
    """Return a rational that no number of the ball exceeds.

    Exponentials of extreme scores can need a denominator of gigabytes: what is below 2^-4000 is
    rounded up to it.
    """
    mantissa, exponent = (int(part) for part in ball.upper().man_exp())
    if mantissa.bit_length() + exponent < -4000:
        return Fraction(1, 2**4000) if mantissa > 0 else Fraction(0)
    return Fraction(mantissa) * Fraction(2) ** exponent


def auditor_of(model, limits=LIMITS):
    return Auditor(weights_from_bytes(model.bytes(), "toy.safetensors"), limits)


def class_claim(largest=None, margin=Fraction(0), gap=1, **group):
    """Make a claim; `largest` None claims that all are correct."""
    keys = {"query": None, "maximum": None, "below": None} | group
    return ClassClaim("claims[0]", {}, **keys, gap=gap, largest=largest, margin=margin)


def audited(model, claim, limits=LIMITS):
    return auditor_of(model, limits).audit(claim, silent)
