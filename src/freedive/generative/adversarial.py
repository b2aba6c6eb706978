"""Two networks that play against each other: what every such pair shares, whatever the generator makes things from."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .. import optimizers
from ..config import NonNegativeFloat, PositiveInt, one_of
from ..core.paths import paths
from ..errors import show_shape
from ..layers import BatchNormalization
from ..models.fitting import Method
from ..ops.random import random_words
from ..optimizers import LossScaleOptimizer, MultiOptimizer
from ..train.objective import Objective
from ..train.program import Program
from . import base
from .adversary import LOSSES, PENALTIES, slope_penalty, smoothed
from .base import Generative, OwnObjective, turn
from .endings import as_logits, ends_in_sigmoid
from .players import Player, game

ADAM: dict[str, Any] = {"learning_rate": 2e-4, "beta_1": 0.5}  # of DCGAN


def below_half(value: float) -> float:
    """A number from 0 to below 0.5."""
    if not 0 <= value < 0.5:
        raise ValueError(f"expected a number from 0 to below 0.5. Received: {value!r}")
    return value


class Adversarial(Generative):
    """Base of models in which a generator and a discriminator play; a subclass says what a round is.

    Args:
        generator, discriminator: the networks, which begin with `Input`.
        loss, gradient_penalty, discriminator_steps, label_smoothing: see `GAN`.
    """

    players: ClassVar[tuple[str, str]] = ("discriminator", "generator")  # in the order of their moves

    generator: Any
    discriminator: Any
    loss: Annotated[str, one_of(*LOSSES)] = "original"
    gradient_penalty: NonNegativeFloat | None = None
    discriminator_steps: PositiveInt = 1
    label_smoothing: Annotated[float, below_half] = 0.0

    def __post_init__(self) -> None:
        kind = type(self).__name__
        for name in self.players:
            base.checked_part(kind, name, getattr(self, name))
            base.known_inputs(kind, name, getattr(self, name))
        if self.gradient_penalty is None:
            self.gradient_penalty = PENALTIES.get(self.loss, 0.0)
        if self.label_smoothing and self.loss != "original":
            raise ValueError(f"{kind}(label_smoothing=...): only the loss 'original' has labels, not {self.loss!r}")
        mixing = [p for l, p in paths(self.discriminator).items() if isinstance(l, BatchNormalization)]
        if self.gradient_penalty and mixing:
            raise ValueError(
                f"{kind}(gradient_penalty={self.gradient_penalty}): {mixing[0]!r} mixes the rows of a batch, "
                "whose slopes are penalised one by one. Take LayerNormalization, or leave it out"
            )
        self._check_inputs()
        super().__post_init__()

    # what a subclass writes -----------------------------------------------------------------------------------------
    def round(self, batch: Any) -> tuple[Any, Any, Any]:
        """Of a batch (x, y): the real data, what the generator makes, and what both are judged by, or None."""
        raise NotImplementedError(f"{type(self).__name__} needs a method round(self, batch)")

    def score(self, x: Any, condition: Any) -> Any:
        """What the discriminator says of data, (rows, ...)."""
        raise NotImplementedError(f"{type(self).__name__} needs a method score(self, x, condition)")

    def _check_inputs(self) -> None:
        """Refuse networks whose inputs do not fit each other."""

    # what the engine asks -------------------------------------------------------------------------------------------
    def compile(self, generator_optimizer: Any = None, discriminator_optimizer: Any = None, **settings: Any) -> None:
        """Say how the two learn.

        Args:
            generator_optimizer, discriminator_optimizer: names or optimizers; Adam(2e-4, beta_1=0.5) unless given.
                With `use_ema=True` the generator becomes the average of its weights when training ends.
            **settings: precision and on_nonfinite, see `Model.compile`.
        """
        given = {"discriminator": discriminator_optimizer, "generator": generator_optimizer}
        made = {name: optimizers.get(optimizers.Adam(**ADAM) if o is None else o) for name, o in given.items()}
        if settings.get("precision") == "mixed_float16":
            scaled = [isinstance(o, LossScaleOptimizer) for o in made.values()]
            made = {
                n: o if known else LossScaleOptimizer(o) for (n, o), known in zip(made.items(), scaled, strict=True)
            }
        super().compile(MultiOptimizer(made), auto_scale_loss=False, **settings)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        both = config["optimizer"]
        rest = {name: value for name, value in config.items() if name != "optimizer"}
        self.compile(both["generator"], both["discriminator"], **rest)

    def _method(self) -> Method:
        return InTurn()

    # what the two want ----------------------------------------------------------------------------------------------
    def terms(self, batch: Any) -> dict[str, Any]:
        return self.discriminator_terms(batch) | self.generator_terms(batch)

    def discriminator_terms(self, batch: Any) -> dict[str, Any]:
        """What the discriminator pays, (rows,)."""
        real, made, condition = self.round(batch)
        made = lax.stop_gradient(made)
        base.same_shape(self, made, real, "the generator")
        loss = smoothed(LOSSES[self.loss], self.label_smoothing)
        pays = base.per_row(loss.real(self._logits(real, condition)))
        pays = pays + base.per_row(loss.made(self._logits(made, condition)))
        if not self.gradient_penalty:
            return {"discriminator_loss": pays}
        penalty = self._penalty(real.astype(jnp.float32), made.astype(jnp.float32), condition)
        return {"discriminator_loss": pays + self.gradient_penalty * penalty, "gradient_penalty": penalty}

    def generator_terms(self, batch: Any) -> dict[str, Any]:
        """What the generator pays, (rows,)."""
        _, made, condition = self.round(batch)
        return {"generator_loss": self._taken(made, condition)}

    def _taken(self, made: Any, condition: Any) -> Any:
        """What the generator pays to the discriminator, (rows,)."""
        return base.per_row(LOSSES[self.loss].taken(self._logits(made, condition)))

    def _logits(self, x: Any, condition: Any) -> Any:
        """Scores; of a last sigmoid, those that it was computed from."""
        sigmoid = ends_in_sigmoid(self, self.discriminator, lambda model, given: model.score(*given), (x, condition))
        if sigmoid and self.loss != "original":
            raise ValueError(
                f"{type(self).__name__}(loss={self.loss!r}): it is of scores, and the discriminator ends with a "
                "sigmoid: leave it out"
            )
        return as_logits(self.score(x, condition), sigmoid)

    def _penalty(self, real: Any, made: Any, condition: Any) -> Any:
        """The penalty of the discriminator's slope."""
        score = base.in_its_own_pass(self, lambda model, x: model._logits(x, condition), self.rng())
        part = random_words(self.rng(), (len(real),)).astype(jnp.float32) * np.float32(2**-32)
        return slope_penalty(score, real, made, part)


class InTurn(Method):
    """How such a pair learns: in turn."""

    def objective(self, model: Any, x: Any, y: Any) -> Objective:
        shape = tuple(jax.tree.leaves(x)[0].shape[1:])
        takes = model.sample_shape()
        if len(takes) != len(shape) or any(t not in (None, s) for t, s in zip(takes, shape, strict=True)):
            raise model.error(
                f"it takes rows of {show_shape((None, *takes))}, the data are {show_shape((None, *shape))}"
            )
        return OwnObjective(model)

    def program(self, model: Any, objective: Objective) -> Program:
        optimizer, frozen = model._training.optimizer, model._training.frozen

        def player(name: str, every: int) -> Player:
            others = frozenset(place for place in paths(model).values() if not belongs(place, name))
            own = OwnObjective(model, under=name)
            own.refuses = objective.refuses
            use = getattr(type(model), f"{name}_terms")
            return Player(name, turn(model, use, own, optimizer[name], aside=others), every)

        first, second = model.players
        return game(player(first, 1), player(second, model.discriminator_steps), optimizer, frozen)


def belongs(place: str, name: str) -> bool:
    """Whether a layer stands under a path."""
    return place == name or place.startswith(f"{name}/")
