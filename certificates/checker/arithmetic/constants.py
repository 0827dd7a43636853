"""The number pi in integers."""


def pi(bits: int) -> int:
    """Return an integer within 2 bits units of pi in units of 2**-bits, for bits >= 64.

    Proof. pi = 16 arctan(1/5) - 4 arctan(1/239); alternating sums of falling terms, each floored
    twice, so low or high by less than a unit: 20 for each of at most bits / 4.6 + 1 and bits / 15
    + 1 terms, and the tails less than a unit each.
    """

    def arctan(n: int) -> int:
        power, total, k = (1 << bits) // n, 0, 0
        while power:
            total += (-1) ** k * (power // (2 * k + 1))
            power //= n * n
            k += 1
        return total

    return 16 * arctan(5) - 4 * arctan(239)
