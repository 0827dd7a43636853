"""The three choices that make up a subcubic strategy, and how the study groups them."""

from __future__ import annotations

from typing import NamedTuple

DIRECT = {
    "mean-query": "direct path split at the mean query row",
    "svd-query": "direct path split at the leading direction of the query rows",
    "max-diff": "direct path by the ranges of the unembedding's rows",
    "max-diff-exact": "direct path multiplied out, its range for each query",
    "global-max-diff-exact": "direct path multiplied out, one range for all queries",
}
ATTENTION = {
    "mean+diff": "attention about one witness value",
    "drop-average": "attention about 0",
    "chord": "attention on the chord between two witness values",
}
SCORE_ERROR = {
    "exact": "scores multiplied out",
    "svd": "rank-one scores, the rest by its largest singular value",
    "max-diff": "rank-one scores, the rest by row ranges",
    "max-diff-exact": "rank-one scores, the rest multiplied out",
    "mean+max-diff": "rank-one scores, the rest by row ranges about its mean row",
    "max-diff-subproduct": "six rank-one terms, the rest by its best cut into two products",
    "mean+max-diff-subproduct": "six rank-one terms, the best cut, about the mean row",
    "max-diff-subproduct-recursive": "six rank-one terms, ranges factor by factor",
    "mean+max-diff-subproduct-recursive": "six rank-one terms, ranges about the first mean row",
    "mean-recursive+max-diff-subproduct-recursive": "six rank-one terms, ranges about every mean",
}
# Score errors that peel one direction from each side of the query-key product.
PEEL_PAIR = ("svd", "max-diff", "mean+max-diff", "max-diff-exact")
VECTOR_SPLITS = ("mean-query", "svd-query", "max-diff")


class Parts(NamedTuple):
    """A subcubic strategy: how it bounds the direct path, the attention and the score error."""

    direct: str
    attention: str
    score_error: str

    @property
    def name(self) -> str:
        """Name on the command line and in certificates."""
        return f"subcubic/{self.direct}/{self.attention}/{self.score_error}"

    @property
    def summary(self) -> str:
        """One line that says what is done with each part."""
        return (
            f"{SCORE_ERROR[self.score_error]}; {DIRECT[self.direct]}; {ATTENTION[self.attention]}"
        )

    @property
    def group(self) -> str:
        """The study's group: by score error, then by direct path."""
        if self.score_error in ("exact", "max-diff-exact"):
            qk = ""
        else:
            qk = "quadratic QK" if "recursive" in self.score_error else "low-rank QK"
        if self.direct not in VECTOR_SPLITS:
            return qk or "subcubic"
        return f"{qk} and EU" if qk else "low-rank EU"

    @property
    def complexity(self) -> str:
        """Order of work in v, k and d."""
        low_rank = self.group.startswith("low-rank QK")
        return "v^2 k^2 + v d^2 + v^2 d" if low_rank else "v^2 k^2 + v^2 d"

    def unexplained_dimension(self, v: int, d: int) -> int:
        """Return the study's count of numbers that the proof treats case by case."""
        direct = {
            "global-max-diff-exact": 2,
            "max-diff-exact": 2 * v,
            "mean-query": v + v * d + 2,
            "svd-query": v + v * d + 2,
            "max-diff": v * d + 2,
        }[self.direct]
        fixed = {"exact": v * v, "svd": 2 * v, "max-diff-exact": 4 * v}
        mean = v if self.score_error.startswith("mean") else 0
        error = fixed.get(self.score_error, 2 * v + 2 * d + mean)
        return v * v + v + direct + error


ALL = [Parts(d, a, s) for d in DIRECT for a in ATTENTION for s in SCORE_ERROR]
