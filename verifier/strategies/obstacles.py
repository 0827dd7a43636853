"""Why a strategy does not apply: the one place that makes the sentence from what it states."""

from __future__ import annotations

from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.strategies.base import Needs, Serves, Strategy


def obstacle(strategy: Strategy, problem: Problem) -> str | None:
    """Return a sentence that says why the strategy does not apply, or None if it does."""
    return (
        _of_model(strategy.needs, problem)
        or _of_task(strategy, problem)
        or _of_size(strategy.most_inputs, problem)
    )


def serves_task(strategy: Strategy, problem: Problem) -> bool:
    """Say whether the strategy serves the problem's task, at some size."""
    return strategy.serves is Serves.EVERY_TASK or problem.is_max_of_all


def _of_model(needs: Needs, problem: Problem) -> str | None:
    architecture = problem.weights.architecture
    tables = architecture.tables is not None and len(problem.tables.heads) == 1
    if tables and (needs is not Needs.FACTORS or architecture.factors is not None):
        return None
    return f"It needs {needs.value}, and the model is {architecture.words}."


def _of_task(strategy: Strategy, problem: Problem) -> str | None:
    if serves_task(strategy, problem):
        return None
    return (
        f"It serves max-of-{problem.shape.n_ctx} over all inputs and tokens only, and the task is "
        f"{problem.task_name}."
    )


def _of_size(most_inputs: int | None, problem: Problem) -> str | None:
    if most_inputs is None or problem.total <= most_inputs:
        return None
    sizes = {len(allowed) for allowed in problem.task.positions}
    power = f"{sizes.pop()}^{problem.shape.n_ctx}" if len(sizes) == 1 else str(problem.total)
    return (
        f"It settles every input, and there are {power} of them, "
        f"more than 2^{most_inputs.bit_length() - 1}."
    )
