"""Outputs of one input after the other: along prefixes under a causal mask, else input by input.

Theorem. Outputs of an input depend on it alone; under a causal mask the state at a position depends
on the tokens up to there, so that inputs with a common prefix share it. In any order of inputs the
outputs are the same; where inputs come in the order of their tokens each prefix is visited once.
"""

from collections.abc import Sequence
from operator import add

from arithmetic.maps import NoRoom
from arithmetic.tally import Tally
from counting.first_layer import Sums
from counting.mixtures import Memory
from counting.network import Network, State
from counting.stages import cost_of_layer, cost_of_outputs

Outputs = tuple[Sequence[int], int]


def walk_of(network: Network, tally: Tally) -> "Walk":
    """Return what evaluates inputs."""
    return Prefixes(network, tally) if network.layers.causal else Walk(network, tally)


class Walk:
    """Evaluates input by input: layer by layer, at every position."""

    def __init__(self, network: Network, tally: Tally) -> None:
        self.network, self.tally = network, tally
        layers = network.layers
        position = layers.position
        self.places = network.places
        self.read = (
            range(self.places) if isinstance(position, str) else range(position, position + 1)
        )
        self.memories = [Memory(layers.heads, layers.d_head, self.places) for _ in layers.blocks]
        self.last = len(layers.blocks) - 1
        width = network.width
        inner = sum(cost_of_layer(layers, i, width, with_query=True) for i in range(self.last))
        # What a position counts, by whether it is read.
        last = [cost_of_layer(layers, self.last, width, with_query=x) for x in (False, True)]
        self.costs = [inner + each for each in last]
        self.cost_of_outputs = cost_of_outputs(layers, width)
        self.number = self.shared = 0

    def named(self, number: int, shared: int) -> None:
        """Say which pass this is, and how many first tokens other processes may have as well."""
        self.number, self.shared = number, shared

    def outputs(self, tokens: Sequence[int]) -> Outputs | None:
        """Return the outputs of an input, and how far any difference of two may be off.

        Tokens are counted from the first of their position. None where a lane has no room.
        """
        cost = sum(self.costs[place in self.read] for place in range(self.places))
        self.tally.charge(cost + self.cost_of_outputs)
        try:
            return self._outputs(tokens)
        except NoRoom:
            return None

    def _outputs(self, tokens: Sequence[int]) -> Outputs:
        network, places = self.network, range(self.places)
        states = [self._start(place, tokens[place]) for place in places]
        for number, stage in enumerate(network.stages):
            memory, wanted = self.memories[number], places if number < self.last else self.read
            reads = []
            for place in places:
                token = tokens[place] if number == 0 else None
                reads.append(self._read(number, place, token, states[place], place in wanted))
                memory.push(place, *reads[-1][:2], network.mixer)
            for place in wanted:
                states[place] = network.attended(
                    stage, states[place], reads[place], memory, self.places
                )
        finals = [network.final(states[place]) for place in self.read]
        entries = list(map(sum, zip(*(x.entries for x in finals), strict=True)))
        return network.outputs(entries, sum(x.off for x in finals))

    def _start(self, place: int, token: int) -> State:
        state = self.network.embedded[place][token]
        if state is None:
            raise NoRoom
        return state

    def _read(
        self, number: int, place: int, token: int | None, state: State, with_query: bool
    ) -> tuple[Sequence[int], int, int]:
        """Return queries, keys and values; the first layer's depend on one token and are kept."""
        network = self.network
        if token is None:
            return network.read(network.stages[number], state, with_query)
        found = network.first[place][token]
        if found is None:
            found = network.first[place][token] = network.read(network.stages[0], state, True)
        return found


class Prefixes(Walk):
    """Evaluates along a path of prefixes, and keeps what an input shares with the one before."""

    def __init__(self, network: Network, tally: Tally) -> None:
        super().__init__(network, tally)
        self.end = self.read.stop
        self.path: list[int] = []
        # The entries that the readout has of the positions so far, added up, with their radii.
        self.pools: list[tuple[list[int], int]] = [([0] * network.size, 0)] * (self.end + 1)
        # Running sums of the first layer, as they are needed.
        self.sums: list[Sums | None] = [None] * (self.end + 1)
        if network.sums:
            self.sums[0] = network.sums.start()
        self.found: Outputs | None = None
        self.dead = False

    def outputs(self, tokens: Sequence[int]) -> Outputs | None:
        """Return the outputs of an input, as `Walk` does."""
        kept = 0
        for kept_token, token in zip(self.path, tokens, strict=False):
            if kept_token != token:
                break
            kept += 1
        if kept == len(self.path) and (self.dead or kept == self.end):
            return self.found
        self.path, self.dead, self.found = list(tokens[:kept]), False, None
        try:
            for place in range(kept, self.end):
                self.path.append(tokens[place])
                self._step(place, tokens[place])
            self._charge("outputs", self.end, self.cost_of_outputs)
            self.found = self.network.outputs(*self.pools[self.end])
        except NoRoom:
            self.dead = True
        return self.found

    def _charge(self, what: str, length: int, cost: int) -> None:
        """Count what depends on so many first tokens: once, if other processes have them too."""
        if length < self.shared:
            self.tally.charge_once((what, self.number, tuple(self.path[:length])), cost)
        else:
            self.tally.charge(cost)

    def _step(self, place: int, token: int) -> None:
        network, wanted = self.network, place in self.read
        self._charge("position", place + 1, self.costs[wanted])
        state = self._first(place, token) if network.sums else self._start(place, token)
        for number, stage in enumerate(network.stages):
            if number == 0 and network.sums:
                continue
            with_query = wanted or number < self.last
            read = self._read(number, place, token if number == 0 else None, state, with_query)
            memory = self.memories[number]
            memory.push(place, *read[:2], network.mixer)
            if with_query:
                state = network.attended(stage, state, read, memory, place + 1)
        entries, off = self.pools[place]
        if wanted:
            taken = network.final(state)
            entries, off = list(map(add, entries, taken.entries)), off + taken.off
        self.pools[place + 1] = entries, off

    def _first(self, place: int, token: int) -> State:
        """Return the state after the first layer, by its running sums."""
        network, first = self.network, self.network.sums
        if first is None:
            raise NoRoom
        self.sums[place + 1] = None
        sums = self.sums[place]
        if sums is None:
            before = self.sums[place - 1]
            if before is None:
                raise NoRoom
            self._charge("sums", place, len(before) * (first.columns // 8 + 1))
            sums = self.sums[place] = first.pushed(before, place - 1, self.path[place - 1])
        return network.after_first(first, sums, place, token)
