"""Diffusion: a network learns to find the noise in spoiled data, and makes data by taking noise away step by step."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .. import optimizers
from ..config import Fraction, PositiveInt, argument, finite, fraction, one_of, real
from ..errors import warn
from ..losses.checks import class_numbers
from ..models.predicting import check_counts
from ..ops.random import keep, normal, random_words
from ..train.inputs import one_array
from . import base
from .base import Generative

SHIFT = 0.008  # of the cosine: so that the first step is not lost in rounding
MOST_BETA = 0.999
ROOM = 1e-3  # by which data may leave -1..1 without a word
ADAM = {"learning_rate": 3e-4, "use_ema": True, "ema_momentum": 0.999}


def cosine(steps: int) -> np.ndarray:
    """The part of the signal that is left after each step, falling as a squared cosine (Nichol and Dhariwal 2021)."""
    at = np.cos((np.arange(steps + 1) / steps + SHIFT) / (1 + SHIFT) * math.pi / 2) ** 2
    return np.cumprod(1 - np.clip(1 - at[1:] / at[:-1], 0, MOST_BETA))


def linear(steps: int) -> np.ndarray:
    """The same for noise whose variance rises evenly, as 0.0001 to 0.02 in a thousand steps (Ho et al. 2020)."""
    scale = 1000 / steps
    return np.cumprod(1 - np.clip(np.linspace(1e-4 * scale, 0.02 * scale, steps), 0, MOST_BETA))


TARGETS = ("noise", "velocity")
SCHEDULES: dict[str, Callable[[int], np.ndarray]] = {"cosine": cosine, "linear": linear}


class Diffusion(Generative):
    """Learns to find the noise e in x_t = sqrt(a_t) x + sqrt(1 - a_t) e, and makes data by taking it away.

    loss = mean |e - network(x_t, t)|^2, with a_t falling from 1 to 0 by a schedule and t drawn anew for every row. Or
    the network finds the velocity v = sqrt(a_t) e - sqrt(1 - a_t) x, of which a small one makes better data: where
    little is left of the data, e is nearly x_t, and v is what is missing.

    Data are to lie between -1 and 1. With `classes` the network is told a label, and none (the label `classes`) in a
    part of the rows: so that samples can be drawn towards a label by guidance.

    Args:
        network: [x_t, t] -> e, or [x_t, t, labels] -> e with `classes` + 1 labels; t is (batch, 1) from 0 to 1. See
            `networks.unet(..., timed=True)`.
        steps: how many there are from data to noise.
        schedule: "cosine" or "linear".
        classes: the number of labels; none unless given.
        unlabelled: the part of the rows that learn without their label.
        target: what the network finds, "noise" or "velocity".

    `compile()` takes Adam(3e-4) with an average of the weights (`use_ema`), which is what remains after training.

    Raises:
        ValueError: the network's inputs or its output do not fit the data, or labels are missing.

    Reference: J. Ho et al., "Denoising diffusion probabilistic models", 2020, https://arxiv.org/abs/2006.11239; J. Song
    et al., "Denoising diffusion implicit models", 2020, https://arxiv.org/abs/2010.02502; J. Ho and T. Salimans,
    "Classifier-free diffusion guidance", 2022, https://arxiv.org/abs/2207.12598; T. Salimans and J. Ho, "Progressive
    distillation for fast sampling of diffusion models", 2022, https://arxiv.org/abs/2202.00512 (the velocity)

    >>> import numpy as np
    >>> import freedive as fd
    >>> x, t = fd.Input((3,)), fd.Input((1,))
    >>> network = fd.Model([x, t], fd.layers.Dense(3)(fd.layers.Concatenate()([x, t])))
    >>> model = fd.Diffusion(network, steps=50)
    >>> model.compile()
    >>> sorted(model.fit(np.ones((32, 3)), epochs=2, verbose=0).history)
    ['loss']
    >>> model.generate(4, seed=0, steps=10).shape
    (4, 3)
    """

    network: Any
    steps: PositiveInt = 1000
    schedule: Annotated[str, one_of(*SCHEDULES)] = "cosine"
    classes: PositiveInt | None = None
    unlabelled: Fraction = 0.1
    target: Annotated[str, one_of(*TARGETS)] = "noise"

    swept: ClassVar[tuple[str, ...]] = ("unlabelled",)

    def __post_init__(self) -> None:
        base.checked_part("Diffusion", "network", self.network)
        inputs = base.known_inputs("Diffusion", "network", self.network)
        wanted = 2 if self.classes is None else 3
        if len(inputs) != wanted:
            takes = "[x, t]" if self.classes is None else "[x, t, labels], since classes are given"
            raise ValueError(f"Diffusion(network=...): expected one of {takes}. It has {len(inputs)} inputs")
        super().__post_init__()

    def sample_shape(self) -> tuple[int | None, ...] | None:
        return base.known_inputs("Diffusion", "network", self.network)[0]

    @property
    def labelled(self) -> bool:
        """Whether it makes what a label says."""
        return self.classes is not None

    def check_targets(self, y: Any, where: str) -> None:
        super().check_targets(y, where)
        if self.classes is not None:
            self._check_labels(np.asarray(y), where)

    def check_inputs(self, x: Any, y: Any, where: str) -> None:
        """Warn of data that what is made cannot look like."""
        largest = max((float(np.abs(np.asarray(part)).max(initial=0)) for part in jax.tree.leaves(x)), default=0.0)
        if largest > 1 + ROOM:
            warn(f"{where}: numbers up to {largest:g}, and a Diffusion makes data from -1 to 1: scale them")

    def _check_labels(self, labels: np.ndarray, where: str) -> None:
        output = (None, self.classes)
        class_numbers(labels, output, 1, type(self).__name__, where)

    def compile(self, optimizer: Any = None, **settings: Any) -> None:
        """Say how the network learns; by Adam with an average of the weights unless an optimizer is given."""
        super().compile(optimizers.Adam(**ADAM) if optimizer is None else optimizer, **settings)

    def kept(self) -> np.ndarray:
        """a_t: the part of the signal that is left after each step, (steps,), as float32."""
        return SCHEDULES[self.schedule](self.steps).astype(np.float32)

    def call(self, x: Any) -> Any:
        """The network's answer."""
        return self.network(x)

    def terms(self, batch: Any) -> dict[str, Any]:
        x, labels = batch
        x = x.astype(jnp.float32)
        step = (random_words(self.rng(), (len(x),)) % np.uint32(self.steps)).astype(jnp.int32)
        a = jnp.asarray(self.kept())[step].reshape(-1, *(1,) * (x.ndim - 1))
        noise = normal(self.rng(), x.shape)
        if labels is not None:
            without = keep(self.rng(), 1 - self.hyper("unlabelled"), labels.shape)
            labels = jnp.where(without, cast(int, self.classes), labels)
        found = self._found(jnp.sqrt(a) * x + jnp.sqrt(1 - a) * noise, step, labels)
        base.same_shape(self, found, x, "the network")
        wanted = noise if self.target == "noise" else jnp.sqrt(a) * noise - jnp.sqrt(1 - a) * x
        return {"loss": base.per_row(jnp.square(found - wanted))}

    def _found(self, x: Any, step: Any, labels: Any) -> Any:
        """What the network finds in data after `step`, (rows,)."""
        time = ((step + 1) / self.steps).astype(jnp.float32)[:, None]
        return self.network([x, time] if labels is None else [x, time, labels]).astype(jnp.float32)

    # use ------------------------------------------------------------------------------------------------------------
    def generate(
        self,
        n: int = 1,
        seed: int | None = None,
        labels: Any = None,
        steps: int = 50,
        eta: float = 0.0,
        guidance: float = 0.0,
    ) -> np.ndarray:
        """New data from noise, between -1 and 1.

        Args:
            n: how many.
            seed: of the noise; other noise each time unless given.
            labels: where it makes what labels say: (n,).
            steps: of sampling, up to those of training.
            eta: 0 for sampling without further noise (DDIM), 1 for ancestral sampling (DDPM, with all steps).
            guidance: w in e = (1 + w) e(label) - w e(no label): how far samples are drawn towards their label.
        """
        check_counts("generate", {"n": n, "steps": steps}, required=True)
        check_counts("generate", {"seed": seed}, least=0)
        argument("generate", "eta", eta, real, fraction)
        argument("generate", "guidance", guidance, real, finite)
        if steps > self.steps:
            raise ValueError(f"generate(steps={steps}): this Diffusion was made with {self.steps} steps")
        if (labels is None) == self.labelled or (labels is not None and np.shape(labels) != (n,)):
            wanted = f"a label for each, ({n},)" if self.labelled else "no labels"
            raise ValueError(f"generate(labels=...): {self._kind} takes {wanted}. Received: {np.shape(labels)}")
        if labels is not None:
            labels = one_array(labels, "generate(labels=...)")
            self._check_labels(labels, "generate(labels=...)")
        shape = tuple(int(size or 1) for size in self.sample_shape() or ())
        seeds = np.random.default_rng(seed).integers(0, 2**31, n).astype(np.int32)
        given = [base.draws(seed, (n, *shape), "generate"), seeds]
        given += [] if labels is None else [np.asarray(labels, np.int32)]
        options = {"steps": int(steps), "eta": float(eta), "guidance": float(guidance)}
        return self._answers(Diffusion._sampled, given, **options)

    def _sampled(self, given: Any, steps: int, eta: float, guidance: float) -> Any:
        """x_s = sqrt(a_s) x_0 + sqrt(1 - a_s - d^2) e + d z from one step to an earlier, with x_0 as it seems."""
        x, seeds, *labels = given
        at = np.linspace(self.steps - 1, 0, steps)[::-1].round().astype(np.int32)  # from the last, whatever the number
        now = jnp.asarray(self.kept()[at])
        before = jnp.concatenate([jnp.ones(1, jnp.float32), now[:-1]])
        key = jax.random.fold_in(self.rng(), seeds[0])

        def back(i: Any, x: Any) -> Any:
            i = steps - 1 - i
            a, b = now[i], before[i]
            found = self._guided(x, jnp.full(len(x), jnp.asarray(at)[i]), labels[0] if labels else None, guidance)
            e = found if self.target == "noise" else jnp.sqrt(a) * found + jnp.sqrt(1 - a) * x
            clean = jnp.clip((x - jnp.sqrt(1 - a) * e) / jnp.sqrt(a), -1, 1)
            e = (x - jnp.sqrt(a) * clean) / jnp.sqrt(1 - a)
            d = eta * jnp.sqrt((1 - b) / (1 - a) * (1 - a / b))
            x = jnp.sqrt(b) * clean + jnp.sqrt(jnp.maximum(1 - b - d**2, 0)) * e
            return x + d * normal(jax.random.fold_in(key, i), x.shape) if eta else x

        return lax.fori_loop(0, steps, back, x)

    def _guided(self, x: Any, step: Any, labels: Any, guidance: float) -> Any:
        found = self._found(x, step, labels)
        if labels is None or not guidance:
            return found
        without = jnp.full_like(labels, cast(int, self.classes))
        return (1 + guidance) * found - guidance * self._found(x, step, without)
