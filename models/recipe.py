"""What a recipe is: how a model is trained whose inputs can all be listed."""

from __future__ import annotations

from dataclasses import dataclass

from ballproof.models.architectures import Architecture, Shape
from ballproof.models.architectures.layers.design import Design


@dataclass(frozen=True)
class Recipe:
    """How a model is trained on its inputs.

    A step takes `batch` inputs, uniform with repetition from those that are trained on, or all of
    them for 0. These are `fraction` of all, drawn by the seed. The learning rate rises over
    `warm_up` steps, and falls along a cosine over the last `cooling` share of the steps. Weight
    decay is `decoupled` (AdamW), or else added to the gradient (Adam with an L2 penalty). Weights
    are tried after `every` so many steps. Deep transformers have a `design`, and the `widths` of
    the readout's hidden layers. With `prefixes` a sum is learnt at every position, of the tokens so
    far: the whole one alone gives too little to go by.
    """

    architecture: Architecture
    shape: Shape
    steps: int
    batch: int
    fraction: float
    learning_rate: float
    weight_decay: float
    decoupled: bool
    betas: tuple[float, float] = (0.9, 0.98)
    warm_up: int = 10
    cooling: float = 0.2
    every: int = 100
    design: Design | None = None
    widths: tuple[int, ...] = ()
    prefixes: bool = False

    def words(self, seed: int) -> str:
        """Return the recipe for a reader, as the file's metadata state it."""
        decay = "weight decay" if self.decoupled else "L2"
        batches = f"batches of {self.batch}" if self.batch else "all in a batch"
        return (
            f"{'AdamW' if self.decoupled else 'Adam'}, learning rate {self.learning_rate:g}, "
            f"betas {self.betas[0]:g} and {self.betas[1]:g}, {decay} {self.weight_decay:g}, "
            f"{self.fraction:.3g} of the inputs, {batches}, {self.steps} steps, "
            f"{'the loss at every position, of the sum so far, ' if self.prefixes else ''}"
            f"{self.warm_up} of warm-up, cosine over the last {self.cooling:.3g}, best of every "
            f"{'hundredth' if self.every == 100 else f'{self.every}th'} step, seed {seed}"
        )
