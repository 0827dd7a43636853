"""Which tests a mutant meets: those that reach its function, the strongest and cheapest first."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from kernel_mutants.mutants import Mutant
from kernel_mutants.suite import Cost

# What only commands show: the command line itself, and the lines that it prints.
COMMAND_FILES = ("__main__.py", "verdict.py", "explain.py", "trusts.py", "interrupts.py")

# Tests that one mutant meets in a stage, at most.
MOST = 4_000
# The test that compares all numbers of a check: some of its cases come early.
EXACT = "::test_counts_tally_and_explanations_are_those_of_the_reference"


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
        self.grouped: dict[str, dict[str, list[str]]] = {}

    def learn(self, mutant: Mutant, test: str) -> None:
        """Note that a test killed a mutant."""
        for key in self._keys(mutant):
            self.kills[key][test] += 1
            self.kills[key][group_of(test)] += 1

    def _keys(self, mutant: Mutant) -> tuple[str, str]:
        return f"{mutant.file}:{mutant.function}", mutant.file

    def tests(
        self,
        mutant: Mutant,
        seconds: float,
        files: set[str] | None = None,
        *,
        focused: bool = False,
    ) -> list[str]:
        """Return tests, of these files, of about so many seconds in all on the true kernel.

        With `focused` those come first that enter few functions, all cases of them.
        """
        chosen, spent = [], 0.0
        for name in self._by_focus(mutant) if focused else self._ordered(mutant):
            if spent > seconds or len(chosen) > MOST:
                break
            if files is not None and name.split("::")[0] not in files:
                continue
            if spent and spent + self.costs[name].seconds > 2 * seconds:
                continue
            chosen.append(name)
            spent += self._cost(name)
        return chosen

    def candidates(self, mutant: Mutant) -> set[str]:
        """Return the tests that enter the mutant's function.

        If it is in none, those of every file that enters its file: values have no call that shows.
        """
        function = mutant.function
        while function and f"{mutant.file}:{function}" not in self.reached:
            function = function.rpartition(".")[0]
        found = self.reached[f"{mutant.file}:{function}" if function else mutant.file]
        if not function:
            files = {test.split("::")[0] for test in found}
            found = {test for test in self.costs if test.split("::")[0] in files}
        found = found - self.commands
        return found | (self.commands if Path(mutant.file).name in COMMAND_FILES else set())

    def _cost(self, test: str) -> float:
        return self.costs[test].seconds + 0.005

    def _groups(self, mutant: Mutant) -> dict[str, list[str]]:
        """Return the tests by test function, the cheapest first; they are kept by statement."""
        key = f"{self._keys(mutant)[0]}:{mutant.statement}"
        if key not in self.grouped:
            groups: dict[str, list[str]] = defaultdict(list)
            # The head of a function runs when its file is read: whatever enters it may use it.
            everywhere = mutant.anew or mutant.before.startswith("def ")
            for test in sorted(self.candidates(mutant), key=lambda t: (self._cost(t), t)):
                if everywhere or self.costs[test].runs(mutant.file, mutant.statement):
                    groups[group_of(test)].append(test)
            self.grouped[key] = dict(groups)
        return self.grouped[key]

    def _by_focus(self, mutant: Mutant) -> list[str]:
        found = [test for tests in self._groups(mutant).values() for test in tests]
        return sorted(found, key=lambda t: (len(self.costs[t].functions), self._cost(t), t))

    def _ordered(self, mutant: Mutant) -> Iterator[str]:
        """Yield one test of each test function in turn; what killed before comes first."""
        groups = self._groups(mutant)
        near, far = (self.kills[key] for key in self._keys(mutant))

        def strength(group: str) -> tuple[float, str]:
            # What enters few functions besides this one is likely to be a test of it.
            entered = self.costs[groups[group][0]].functions
            special = 4 / len(entered) if entered else 0.01
            worth = 10 * near[group] + far[group] / 10 + special
            return -worth / (self._cost(groups[group][0]) + 0.05), group

        killers = [test for test in near if "::" in test and test in self.costs]
        killers = [test for test in killers if test in groups.get(group_of(test), ())]
        killers.sort(key=lambda test: -near[test] / self._cost(test))
        exact = next((tests for group, tests in groups.items() if group.endswith(EXACT)), [])
        first = list(dict.fromkeys([*killers[:12], *exact[:: len(exact) // 6 + 1], *exact[:3]]))
        yield from first
        ranked = sorted(groups, key=strength)
        for turn in range(max(map(len, groups.values()), default=0)):
            for group in ranked:
                if turn < len(groups[group]) and groups[group][turn] not in first:
                    yield groups[group][turn]


def group_of(test: str) -> str:
    """Return a test function's name without its parameters."""
    return test.split("[")[0]
