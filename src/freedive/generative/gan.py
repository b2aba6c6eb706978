"""GAN: a generator learns to make data that a discriminator cannot tell from real ones."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .. import optimizers
from ..config import NonNegativeFloat, PositiveInt, one_of
from ..core import forward
from ..core.layer import Layer
from ..core.paths import paths
from ..core.variables import Variables
from ..errors import show_shape
from ..layers import BatchNormalization
from ..models.fitting import Method
from ..ops.random import normal, random_words
from ..optimizers import LossScaleOptimizer, MultiOptimizer
from ..train.objective import Objective
from ..train.program import Program
from . import base
from .adversary import LOSSES, PENALTIES, slope_penalty, smoothed
from .base import Generative, Terms, View, turn
from .players import Player, game

ADAM = {"learning_rate": 2e-4, "beta_1": 0.5}  # of DCGAN


def below_half(value: float) -> float:
    """A number from 0 to below 0.5."""
    if not 0 <= value < 0.5:
        raise ValueError(f"expected a number from 0 to below 0.5. Received: {value!r}")
    return value


class GAN(Generative):
    """Two networks play: the discriminator learns to tell real data from made ones, the generator to be taken for real.

    A step is a move of the discriminator on a batch of real and one of made data, and in every n-th step a move of the
    generator against the discriminator as it then is; all of it is one compiled program. With s = D(x) and f = D(G(z)):

    | loss | the discriminator lowers | the generator lowers |
    |---|---|---|
    | original | softplus(-s) + softplus(f) | softplus(-f) |
    | least_squares | (s - 1)^2 / 2 + f^2 / 2 | (f - 1)^2 / 2 |
    | wasserstein | f - s + gradient penalty | -f |
    | hinge | max(0, 1 - s) + max(0, 1 + f) | -f |

    The history has `discriminator_loss` and `generator_loss`. Both networks run in training mode in both moves.

    Args:
        generator: noise -> data; or [noise, labels] -> data, which makes the GAN conditional. It begins with `Input`.
        discriminator: data -> score, (1,) or a map of patches; or [data, labels] -> score. Its last activation is none;
            with "original" it may be a sigmoid.
        loss: "original", "least_squares", "wasserstein" or "hinge".
        gradient_penalty: how much (||dD/dx|| - 1)^2 between real and made data counts; 10 with "wasserstein" and 0
            otherwise, unless given.
        discriminator_steps: moves of the discriminator for one of the generator.
        label_smoothing: of "original": real data count by this part as if they were made.

    `fit(x)`, or `fit(x, labels)` where it is conditional.

    Raises:
        ValueError: the networks do not fit each other, labels are missing, or a sigmoid ends what is to give scores.

    Reference: I. Goodfellow et al., "Generative adversarial nets", 2014, https://arxiv.org/abs/1406.2661; X. Mao et
    al., https://arxiv.org/abs/1611.04076; M. Arjovsky et al., https://arxiv.org/abs/1701.07875; J. Lim and J. Ye,
    https://arxiv.org/abs/1705.02894

    >>> import numpy as np
    >>> import freedive as fd
    >>> generator = fd.Sequential([fd.Input((2,)), fd.layers.Dense(8, "relu"), fd.layers.Dense(3)])
    >>> discriminator = fd.Sequential([fd.Input((3,)), fd.layers.Dense(8, "relu"), fd.layers.Dense(1)])
    >>> gan = fd.GAN(generator, discriminator, loss="hinge")
    >>> gan.compile(generator_optimizer="adam", discriminator_optimizer="adam")
    >>> sorted(gan.fit(np.ones((32, 3)), epochs=2, verbose=0).history)
    ['discriminator_loss', 'generator_loss']
    >>> gan.generate(4, seed=0).shape
    (4, 3)
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
        if self.loss != "original" and base.last_activation(self.discriminator) == "sigmoid":
            raise ValueError(
                f"{kind}(loss={self.loss!r}): it is of scores, and the discriminator ends with a sigmoid: leave it out"
            )
        mixing = [p for l, p in paths(self.discriminator).items() if isinstance(l, BatchNormalization)]
        if self.gradient_penalty and mixing:
            raise ValueError(
                f"{kind}(gradient_penalty={self.gradient_penalty}): {mixing[0]!r} mixes the rows of a batch, "
                "whose slopes are penalised one by one. Take LayerNormalization, or leave it out"
            )
        self._check_inputs(kind)
        super().__post_init__()

    def _check_inputs(self, kind: str) -> None:
        """Both networks take labels, or none does."""
        counts = {name: len(base.known_inputs(kind, name, getattr(self, name))) for name in self.players}
        if len(set(counts.values())) > 1 or max(counts.values()) > 2:
            raise ValueError(
                f"{kind}: the generator has {counts['generator']} inputs and the discriminator "
                f"{counts['discriminator']}. Expected one each, or labels as the second input of both"
            )

    # what the engine asks -------------------------------------------------------------------------------------------
    def sample_shape(self) -> tuple[int | None, ...] | None:
        return base.known_inputs("GAN", "discriminator", self.discriminator)[0]

    @property
    def labelled(self) -> bool:
        """Whether it is conditional: whether both networks take labels."""
        return len(base.known_inputs("GAN", "generator", self.generator)) == 2

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

    def call(self, x: Any) -> Any:
        """The discriminator's answer to data, or to [data, labels]: its score, or with a sigmoid the probability."""
        return self.discriminator(x)

    # what the two want ----------------------------------------------------------------------------------------------
    def terms(self, batch: Any) -> dict[str, Any]:
        return self.discriminator_terms(batch) | self.generator_terms(batch)

    def discriminator_terms(self, batch: Any) -> dict[str, Any]:
        """What the discriminator pays, (rows,)."""
        x, labels = batch
        loss = smoothed(LOSSES[self.loss], self.label_smoothing)
        made = lax.stop_gradient(self._made(self._noise(len(x)), labels))
        base.same_shape(self, made, x, "the generator")
        pays = base.per_row(loss.real(self._scores(x, labels))) + base.per_row(loss.made(self._scores(made, labels)))
        if not self.gradient_penalty:
            return {"discriminator_loss": pays}
        penalty = self._penalty(x.astype(jnp.float32), made.astype(jnp.float32), labels)
        return {"discriminator_loss": pays + self.gradient_penalty * penalty, "gradient_penalty": penalty}

    def generator_terms(self, batch: Any) -> dict[str, Any]:
        """What the generator pays, (rows,)."""
        x, labels = batch
        made = self._made(self._noise(len(x)), labels)
        return {"generator_loss": base.per_row(LOSSES[self.loss].taken(self._scores(made, labels)))}

    def _noise(self, rows: int) -> Any:
        return normal(self.rng(), (rows, *self.noise_shape()))

    def _made(self, noise: Any, labels: Any) -> Any:
        return self.generator(noise if labels is None else [noise, labels])

    def _scores(self, x: Any, labels: Any) -> Any:
        """(rows, ...): scores; of a last sigmoid, those that it was computed from."""
        return base.as_logits(self.discriminator(x if labels is None else [x, labels]), self.discriminator)

    def _penalty(self, real: Any, made: Any, labels: Any) -> Any:
        """The penalty of the discriminator's slope; its layers run in a pass of their own, under the gradient."""
        outer, key = forward.current(self), self.rng()
        part = random_words(self.rng(), (len(real),)).astype(jnp.float32) * np.float32(2**-32)
        options = {n: getattr(outer, n) for n in ("training", "creating", "frozen", "compute_dtype")}
        view = View(self, lambda model, x: model._scores(x, labels))

        def score(x: Any) -> Any:
            return forward.apply(view, Variables(outer.params, outer.state, outer.hyper), x, key=key, **options)[0]

        return slope_penalty(score, real, made, part)

    # use ------------------------------------------------------------------------------------------------------------
    def noise_shape(self) -> tuple[int, ...]:
        """The shape of the noise that one row is made from."""
        return tuple(int(size or 1) for size in base.known_inputs("GAN", "generator", self.generator)[0])

    def generate(self, n: int = 1, seed: int | None = None, labels: Any = None) -> np.ndarray:
        """New data from noise.

        Args:
            n: how many.
            seed: of the noise, standard normal; other noise each time unless given.
            labels: where it is conditional, what each row is to be: (n,).
        """
        noise = base.draws(seed, (n, *self.noise_shape()), "generate")
        if not self.labelled:
            if labels is not None:
                raise ValueError(
                    f"generate(labels=...): {self._kind} is not conditional: its generator takes no labels"
                )
            return self._answers(GAN._generated, noise)
        if labels is None or np.shape(labels) != (n,):
            came = "none" if labels is None else f"shape {np.shape(labels)}"
            raise ValueError(
                f"generate(n={n}, labels=...): {self._kind} needs a label for each, ({n},). Received: {came}"
            )
        return self._answers(GAN._generated, [noise, np.asarray(labels)])

    def _generated(self, noise: Any) -> Any:
        return self.generator(noise)


class InTurn(Method):
    """How a GAN learns: its two players in turn."""

    def objective(self, model: Any, x: Any, y: Any) -> Objective:
        shape = tuple(jax.tree.leaves(x)[0].shape[1:])
        takes = model.sample_shape()
        if len(takes) != len(shape) or any(t not in (None, s) for t, s in zip(takes, shape, strict=True)):
            raise model.error(
                f"the discriminator takes {show_shape((None, *takes))}, the data are {show_shape((None, *shape))}"
            )
        return Terms(model)

    def program(self, model: Any, objective: Objective) -> Program:
        optimizer, frozen = model._training.optimizer, model._training.frozen
        places = [place for layer, place in paths(model).items() if isinstance(layer, Layer)]

        def player(name: str, every: int) -> Player:
            others = frozenset(place for place in places if not belongs(place, name))
            own = Terms(model, under=name)
            own.refuses = objective.refuses
            use = getattr(type(model), f"{name}_terms")
            return Player(name, turn(model, use, own, optimizer[name], aside=others), every)

        first, second = model.players
        return game(player(first, 1), player(second, model.discriminator_steps), optimizer, frozen)


def belongs(place: str, name: str) -> bool:
    """Whether a layer stands under a path."""
    return place == name or place.startswith(f"{name}/")
