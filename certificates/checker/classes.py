"""Classes (q, m): all sequences whose last token is q and whose largest token is m >= q."""


def completions(places: int, maximum: int, holds_maximum: bool) -> int:
    """Return how many ways `places` free positions can be filled with tokens 0..m.

    Unless the sequence already holds m (at the query or before), one of the places must.
    """
    every: int = (maximum + 1) ** places
    without: int = 0 if holds_maximum else maximum**places
    return every - without


def class_size(query: int, maximum: int, n_ctx: int) -> int:
    """Return N(q,m) = (m+1)^n - [q < m] m^n, n = n_ctx - 1."""
    return completions(n_ctx - 1, maximum, query == maximum)
