"""Factors: the matrices that the tables of one head are products of."""

from __future__ import annotations

from dataclasses import dataclass

from ballproof.interval.dyadic import DyadicMatrix


@dataclass(frozen=True)
class Factors:
    """What strategies need that bound products of matrices without multiplying them out.

    Exact, with v tokens, k positions, residual width d, head width h and o logits. The table of
    scores is (`queried` `query` + `query_bias`) `key`^T (`embedding` and `positions`)^T, before the
    division by sqrt(h): `queried` (v,d) are the rows that ask, `embedding` (v,d) and `positions`
    (k,d) what is asked, `query` and `key` are (d,h), `query_bias` (1,h). The direct path is
    `direct` `unembedding` + `unembedding_bias`: (v,d), (d,o), (1,o).
    """

    embedding: DyadicMatrix
    positions: DyadicMatrix
    queried: DyadicMatrix
    query: DyadicMatrix
    query_bias: DyadicMatrix
    key: DyadicMatrix
    direct: DyadicMatrix
    unembedding: DyadicMatrix
    unembedding_bias: DyadicMatrix
