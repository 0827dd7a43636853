"""What strategies see of a model: exact look-ups in integers (docs/theorems.md, Objects)."""

from typing import NamedTuple

from arithmetic.matrices import Rows


class Head(NamedTuple):
    """The tables of one attention head.

    `output` V (v,a) and `positional_output` P (k,a) are logits, in the unit of `Tables`. `score`
    (v,v) and `positional_score` (v,k) hold sqrt(d_head) times S and R in units of
    2**score_exponent.
    """

    output: Rows
    positional_output: Rows
    score: Rows
    positional_score: Rows
    score_exponent: int
    d_head: int


class Tables(NamedTuple):
    """The exact tables of a model, in units that do not matter for any sign.

    `direct` D (v,a), the outputs of the heads and the margin `eps` share one unit, in which the
    number 1 is `one`; their columns are the a outputs that are `answers`.
    """

    direct: Rows
    heads: tuple[Head, ...]
    answers: range
    eps: int
    one: int

    @property
    def head(self) -> Head:
        """The head of a model that has one."""
        (head,) = self.heads
        return head
