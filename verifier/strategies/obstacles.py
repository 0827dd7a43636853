"""Why a strategy does not apply: the one place that makes the sentence from what it states."""

from __future__ import annotations

from ballproof.models.tasks import Acceptor
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.strategies.base import InAuto, Needs, Serves, Strategy
from ballproof.verifier.strategies.compact.costs import enumerate_operations

# Where the tables of one head serve other strategies, more inputs are not evaluated one by one.
MOST_TABLED_INPUTS = 2**20
# Bounds by class that take no more than this are not refused for their length.
LEAST_WORK = 2**28


def obstacle(strategy: Strategy, problem: Problem) -> str | None:
    """Return a sentence that says why the strategy does not apply, or None if it does."""
    return (
        _of_model(strategy, problem)
        or _of_task(strategy, problem)
        or _of_size(strategy.most_inputs, problem)
        or _of_tables(strategy, problem)
        or _of_length(strategy, problem)
        or _of_classes(strategy, problem)
    )


def has_needed(strategy: Strategy, problem: Problem) -> bool:
    """Say whether the problem's model has what the strategy reads of one."""
    architecture = problem.weights.architecture
    match strategy.needs:
        case Needs.EVALUATION:
            return architecture.program is not None or problem.is_deep
        case Needs.ONE_LAYER:
            return architecture.program is not None and _layers(problem) == 1
        case Needs.TABLES:
            return has_tables(problem)
        case Needs.CLASSES:
            return has_tables(problem) or has_summands(problem)
        case Needs.SUMMANDS:
            return has_summands(problem)
        case Needs.FACTORS:
            return has_tables(problem) and architecture.factors is not None


def has_tables(problem: Problem) -> bool:
    """Say whether the problem's model has the tables of one head."""
    architecture = problem.weights.architecture
    return architecture.tables is not None and len(problem.tables.heads) == 1


def has_summands(problem: Problem) -> bool:
    """Say whether leads are sums over softmax heads, and over one layer of neurons at most."""
    problem = problem.without_norm
    if problem.weights.architecture.program is None or _layers(problem) > 1:
        return False
    return bool(problem.program.heads)


def _layers(problem: Problem) -> int:
    """Return how many layers of neurons there are, as the parts of the model tell."""
    parts = problem.weights.architecture.parts
    return sum(int(part.get("layers", 1)) for part in parts if part["part"] == "mlp")


def serves_task(strategy: Strategy, problem: Problem) -> bool:
    """Say whether the strategy serves the problem's task, at some size."""
    return strategy.serves is Serves.EVERY_TASK or problem.is_max_of_all


def _of_model(strategy: Strategy, problem: Problem) -> str | None:
    if has_needed(strategy, problem):
        return None
    words = problem.weights.architecture.words
    return f"It needs {strategy.needs.value}, and the model is {words}."


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


def _of_tables(strategy: Strategy, problem: Problem) -> str | None:
    if strategy.needs is Needs.SUMMANDS:
        shown = "Where the model has the tables of one head, `ladder` shows more at less length."
        return shown if has_tables(problem) else None
    if strategy.in_auto is not InAuto.WITHOUT_TABLES or problem.total <= MOST_TABLED_INPUTS:
        return None
    if not has_tables(problem):
        return None
    return (
        f"It evaluates every input by itself, {problem.total} of them, and where the model has the "
        "tables of one head `exact` counts the same at less length."
    )


def _of_classes(strategy: Strategy, problem: Problem) -> str | None:
    by_class = strategy.needs in (Needs.CLASSES, Needs.SUMMANDS) and not has_tables(problem)
    return bounds_take_long(problem) if by_class else None


def bounds_take_long(problem: Problem) -> str | None:
    """Return a sentence where bounds by class take longer than evaluating every input."""
    problem = problem.without_norm
    program, task = problem.program, problem.task
    columns = len(program.heads) * (2 * program.neurons + program.answers)
    every = (each for label in task.labels for each in task.acceptors(label).values())
    work = columns * sum(map(_steps, every))
    if work <= max(LEAST_WORK, enumerate_operations(problem)):
        return None
    return "Bounds by class take longer here than evaluating every input, as `enumerate` does."


def _steps(acceptor: Acceptor) -> int:
    """Return about how many steps of a token from a state there are."""
    return sum(states * len(acceptor.kinds) for states in acceptor.states[:-1])


def _of_length(strategy: Strategy, problem: Problem) -> str | None:
    """Return the obstacle of a compact proof that is never shorter than evaluating every input."""
    if not strategy.steerable or strategy.in_auto is not InAuto.WITHOUT_TABLES:
        return None
    if strategy.least_operations(problem) < enumerate_operations(problem):
        return None
    return "It takes no fewer operations than `enumerate` on a model of these sizes."
