"""Which tests a mutant meets: those that reach its function, the strongest and cheapest first."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from kernel_mutants.mutants import Mutant
from kernel_mutants.suite import Cost

# What only commands show: the command line itself, and the lines that it prints.
COMMAND_FILES = ("__main__.py", "verdict.py", "explain.py")


class Planner:
    """Orders tests by the mutants that they killed in the same function and file, and by cost."""

    def __init__(self, costs: dict[str, Cost]) -> None:
        self.costs = costs
        self.reached: dict[str, set[str]] = defaultdict(set)
        self.commands: set[str] = set()
        for name, cost in costs.items():
            for function in cost.functions:
                self.reached[function].add(name)
                self.reached[function.split(":")[0]].add(name)
            if cost.commands:
                self.commands.add(name)
        self.kills: dict[str, Counter[str]] = defaultdict(Counter)

    def learn(self, mutant: Mutant, test: str) -> None:
        """Note that a test killed a mutant."""
        for key in self._keys(mutant):
            self.kills[key][test] += 1
            self.kills[key][group_of(test)] += 1

    def _keys(self, mutant: Mutant) -> tuple[str, str]:
        return f"{mutant.file}:{mutant.function}", mutant.file

    def tests(self, mutant: Mutant, seconds: float, files: set[str] | None = None) -> list[str]:
        """Return tests, of these files, of about so many seconds in all on the true kernel."""
        chosen, spent = [], 0.0
        for name in self._ordered(mutant):
            if files is not None and name.split("::")[0] not in files:
                continue
            if spent and spent + self.costs[name].seconds > seconds:
                continue
            chosen.append(name)
            spent += self.costs[name].seconds
        return chosen

    def candidates(self, mutant: Mutant) -> set[str]:
        """Return the tests that enter the mutant's function, or its file if it is in none."""
        function = mutant.function
        while function and f"{mutant.file}:{function}" not in self.reached:
            function = function.rpartition(".")[0]
        found = self.reached[f"{mutant.file}:{function}" if function else mutant.file]
        if not mutant.file.startswith("__"):
            found = found - self.commands
        return found | (self.commands if mutant.file in COMMAND_FILES else set())

    def _ordered(self, mutant: Mutant) -> Iterator[str]:
        groups: dict[str, list[str]] = defaultdict(list)
        near, far = (self.kills[key] for key in self._keys(mutant))

        def cost(test: str) -> float:
            return self.costs[test].seconds + 0.005

        for test in self.candidates(mutant):
            groups[group_of(test)].append(test)
        for tests in groups.values():
            tests.sort(key=lambda test: (-near[test] / cost(test), cost(test), test))

        def strength(group: str) -> tuple[float, str]:
            return -(10 * near[group] + far[group] + 0.1) / cost(groups[group][0]), group

        ranked = sorted(groups, key=strength)
        for turn in range(max(map(len, groups.values()), default=0)):
            yield from (groups[group][turn] for group in ranked if turn < len(groups[group]))


def group_of(test: str) -> str:
    """Return a test function's name without its parameters."""
    return test.split("[")[0]
