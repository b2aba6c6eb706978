"""Learning rates as functions of the number of updates done; pure, so that they may be part of a compiled run."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar

import jax
import jax.numpy as jnp

from ..config import Configured, Family, Fraction, NonNegativeFloat, PositiveFloat, positive, real

Array = jax.Array


def count(value: Any) -> Any:
    """A number of steps: above 0, whole or not, kept as it was given."""
    real(value)
    return positive(value)


def one_or_more(value: float) -> float:
    """1 or more."""
    if value < 1:
        raise ValueError(f"expected 1 or more. Received: {value!r}")
    return value


Steps = Annotated[Any, count]


class LearningRateSchedule(Configured):
    """Base of all schedules: write `__call__(step)`, the learning rate after `step` updates, with jax.numpy.

    >>> class Halving(LearningRateSchedule):
    ...     initial_learning_rate: float = 0.1
    ...     def __call__(self, step):
    ...         return self.initial_learning_rate * 0.5 ** step
    >>> print(float(Halving(0.8)(3)))
    0.1
    """

    family: ClassVar[Family | None] = Family("schedule")

    def __call__(self, step: int | Array) -> Array:
        """The learning rate after `step` updates, a float scalar (an array for an array of steps)."""
        raise NotImplementedError(f"{type(self).__name__} must write __call__(self, step)")


class ExponentialDecay(LearningRateSchedule):
    """initial_learning_rate · decay_rate^(step / decay_steps); with `staircase` the exponent is rounded down.

    Args:
        initial_learning_rate: at step 0.
        decay_steps: steps for one factor of `decay_rate`.
        decay_rate: the factor.
        staircase: fall in stairs.
        name: kept for files.

    >>> print(ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5)(20))
    0.025
    """

    initial_learning_rate: NonNegativeFloat
    decay_steps: Steps
    decay_rate: NonNegativeFloat
    staircase: bool = False
    name: str = "ExponentialDecay"

    def __call__(self, step):
        return self.initial_learning_rate * self.decay_rate ** _periods(step, self.decay_steps, self.staircase)


class InverseTimeDecay(LearningRateSchedule):
    """initial_learning_rate / (1 + decay_rate · step / decay_steps); with `staircase` the quotient is rounded down.

    Args:
        initial_learning_rate: at step 0.
        decay_steps: steps for one more `decay_rate` in the divisor.
        decay_rate: what is added to the divisor.
        staircase: fall in stairs.
        name: kept for files.

    >>> print(InverseTimeDecay(0.1, decay_steps=10, decay_rate=1.0)(10))
    0.05
    """

    initial_learning_rate: NonNegativeFloat
    decay_steps: Steps
    decay_rate: NonNegativeFloat
    staircase: bool = False
    name: str = "InverseTimeDecay"

    def __call__(self, step):
        return self.initial_learning_rate / (1 + self.decay_rate * _periods(step, self.decay_steps, self.staircase))


class PiecewiseConstantDecay(LearningRateSchedule):
    """values[i] between boundaries[i - 1] (exclusive) and boundaries[i] (inclusive).

    Args:
        boundaries: steps, rising.
        values: one more than boundaries.
        name: kept for files.

    Raises:
        ValueError: where the numbers of boundaries and values do not fit, or boundaries do not rise.

    >>> schedule = PiecewiseConstantDecay([100, 200], [1.0, 0.5, 0.1])
    >>> print(schedule(100), schedule(101), schedule(1000))
    1.0 0.5 0.1
    """

    boundaries: Any
    values: Any
    name: str = "PiecewiseConstant"

    def __post_init__(self):
        super().__post_init__()
        self.boundaries = [real(b) if isinstance(b, float) else int(b) for b in self.boundaries]
        self.values = [real(v) for v in self.values]
        if len(self.values) != len(self.boundaries) + 1:
            raise ValueError(
                f"PiecewiseConstantDecay: expected one value more than boundaries. Received: "
                f"{len(self.boundaries)} boundaries, {len(self.values)} values"
            )
        if any(late <= early for early, late in zip(self.boundaries, self.boundaries[1:], strict=False)):
            raise ValueError(f"PiecewiseConstantDecay: expected rising boundaries. Received: {self.boundaries}")

    def __call__(self, step):
        passed = jnp.asarray(step)[..., None] > jnp.asarray(self.boundaries)
        return jnp.asarray(self.values, float)[passed.sum(-1)]


class PolynomialDecay(LearningRateSchedule):
    """(initial - end) · (1 - step / decay_steps)^power + end, then `end_learning_rate`.

    Args:
        initial_learning_rate: at step 0.
        decay_steps: steps to the end.
        end_learning_rate: afterwards.
        power: 1 falls along a line, more falls faster at first.
        cycle: begin again at the end, from one decay_steps later each time.
        name: kept for files.

    >>> print(PolynomialDecay(0.1, decay_steps=100, end_learning_rate=0.0)(75))
    0.025
    """

    initial_learning_rate: NonNegativeFloat
    decay_steps: Steps
    end_learning_rate: NonNegativeFloat = 0.0001
    power: NonNegativeFloat = 1.0
    cycle: bool = False
    name: str = "PolynomialDecay"

    def __call__(self, step):
        cycles = jnp.maximum(jnp.ceil(_periods(step, self.decay_steps)), 1) if self.cycle else 1
        left = _left(step, cycles * self.decay_steps)
        return (self.initial_learning_rate - self.end_learning_rate) * left**self.power + self.end_learning_rate


class LinearDecay(PolynomialDecay):
    """Down a line: initial_learning_rate · (1 - step / decay_steps), then 0 (or to `end_learning_rate` and then that).

    >>> print(LinearDecay(0.1, decay_steps=100)(50), LinearDecay(0.1, decay_steps=100)(200))
    0.05 0.0
    """

    end_learning_rate: NonNegativeFloat = 0.0
    name: str = "LinearDecay"


class CosineDecay(LearningRateSchedule):
    """Half a cosine wave from the initial learning rate to `alpha` of it, after a linear warm-up where wanted.

    initial · ((1 - alpha) · (1 + cos(pi · step / decay_steps)) / 2 + alpha). With `warmup_target` the rate first rises
    from `initial_learning_rate` to the target in `warmup_steps`, then decays from the target.

    Args:
        initial_learning_rate: at step 0.
        decay_steps: steps of the decay, without those of the warm-up.
        alpha: the last learning rate as a part of the highest.
        name: kept for files.
        warmup_target: the highest learning rate, or None for no warm-up.
        warmup_steps: steps of the warm-up.

    Reference: Loshchilov and Hutter, "SGDR", 2016, arXiv:1608.03983; Goyal et al., 2017, arXiv:1706.02677 (warm-up).

    >>> print(f"{CosineDecay(0.1, decay_steps=100)(50):.3f}")
    0.050
    >>> print(f"{CosineDecay(0.0, decay_steps=100, warmup_target=0.1, warmup_steps=10)(5):.3f}")
    0.050
    """

    initial_learning_rate: NonNegativeFloat
    decay_steps: Steps
    alpha: NonNegativeFloat = 0.0
    name: str = "CosineDecay"
    warmup_target: NonNegativeFloat | None = None
    warmup_steps: int = 0

    def __call__(self, step):
        warm = self.warmup_steps if self.warmup_target is not None else 0
        top = self.initial_learning_rate if self.warmup_target is None else self.warmup_target
        decayed = top * ((1 - self.alpha) * _half_wave(_left(step - warm, self.decay_steps)) + self.alpha)
        return _rise(step, warm, self.initial_learning_rate, top, decayed)


class CosineDecayRestarts(LearningRateSchedule):
    """Half a cosine wave, begun again at its end: each period `t_mul` times as long, from `m_mul` times as high.

    Args:
        initial_learning_rate: at step 0.
        first_decay_steps: steps of the first period.
        t_mul: length of a period over that of the one before, 1 or more.
        m_mul: height of a period over that of the one before.
        alpha: the lowest learning rate as a part of the initial one.
        name: kept for files.

    Reference: Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", 2016, arXiv:1608.03983.

    >>> schedule = CosineDecayRestarts(0.1, first_decay_steps=10)
    >>> [f"{schedule(step):.3f}" for step in (5, 9, 10, 30)]
    ['0.050', '0.002', '0.100', '0.100']
    """

    initial_learning_rate: NonNegativeFloat
    first_decay_steps: Steps
    t_mul: Annotated[PositiveFloat, one_or_more] = 2.0
    m_mul: NonNegativeFloat = 1.0
    alpha: NonNegativeFloat = 0.0
    name: str = "SGDRDecay"

    def __call__(self, step):
        passed = _periods(step, self.first_decay_steps)
        if self.t_mul == 1:
            period = jnp.floor(passed)
            passed = passed - period
        else:

            def begin(n):  # 1 + t_mul + ... + t_mul^(n-1)
                return (1 - self.t_mul**n) / (1 - self.t_mul)

            period = jnp.floor(jnp.log(1 - passed * (1 - self.t_mul)) / math.log(self.t_mul))
            period = jnp.where(begin(period + 1) <= passed, period + 1, period)  # the logarithm may round down
            passed = (passed - begin(period)) / self.t_mul**period
        height = self.m_mul**period * _half_wave(1 - passed)
        return self.initial_learning_rate * ((1 - self.alpha) * height + self.alpha)


class WarmUp(LearningRateSchedule):
    """A linear rise before any schedule, which begins when the rise ends.

    Args:
        schedule: what follows: a schedule or a number.
        warmup_steps: steps of the rise, to the first learning rate of `schedule`.
        initial_learning_rate: at step 0.
        name: kept for files.

    Reference: Goyal et al., "Accurate, large minibatch SGD", 2017, arXiv:1706.02677.

    >>> schedule = WarmUp(LinearDecay(0.1, decay_steps=100), warmup_steps=10)
    >>> print(schedule(5), schedule(10), schedule(60))
    0.05 0.1 0.05
    """

    schedule: Any
    warmup_steps: Steps
    initial_learning_rate: NonNegativeFloat = 0.0
    name: str = "WarmUp"

    def __post_init__(self):
        super().__post_init__()
        if not callable(self.schedule):
            self.schedule = real(self.schedule)

    def __call__(self, step):
        after = self.schedule if callable(self.schedule) else lambda _: self.schedule
        later = after(jnp.maximum(step - self.warmup_steps, 0))
        return _rise(step, self.warmup_steps, self.initial_learning_rate, after(jnp.zeros((), int)), later)


class OneCycle(LearningRateSchedule):
    """Up and down once in a training: half a cosine wave up to the maximum, a longer one down to almost nothing.

    Args:
        max_learning_rate: the highest learning rate.
        total_steps: all updates of the training.
        warmup_fraction: the part of them that the rise takes.
        initial_divisor: the first learning rate is max_learning_rate / initial_divisor.
        final_divisor: the last one is the first / final_divisor.
        name: kept for files.

    Reference: Smith and Topin, "Super-convergence", 2017, arXiv:1708.07120.

    >>> schedule = OneCycle(0.1, total_steps=100)
    >>> [f"{schedule(step):.3f}" for step in (0, 29, 99)]
    ['0.004', '0.100', '0.000']
    """

    max_learning_rate: NonNegativeFloat
    total_steps: Steps
    warmup_fraction: Fraction = 0.3
    initial_divisor: PositiveFloat = 25.0
    final_divisor: PositiveFloat = 1e4
    name: str = "OneCycle"

    def __call__(self, step):
        peak, last = self.warmup_fraction * self.total_steps - 1, self.total_steps - 1
        first = self.max_learning_rate / self.initial_divisor
        step = jnp.asarray(step, float)
        up = _half_wave(_left(step, max(peak, 1)))
        down = _half_wave(_left(step - peak, max(last - peak, 1)))
        rise = self.max_learning_rate + (first - self.max_learning_rate) * up
        fall = first / self.final_divisor + (self.max_learning_rate - first / self.final_divisor) * down
        return jnp.where(step <= peak, rise, fall)


def _periods(step: Any, steps: Any, whole: bool = False) -> Array:
    passed = jnp.asarray(step, float) / steps
    return jnp.floor(passed) if whole else passed


def _left(step: Any, steps: Any) -> Array:
    """The part of some steps that is still to come, from 1 to 0; exact to the last step, as 1 - step / steps is not."""
    return jnp.clip((steps - jnp.asarray(step, float)) / steps, 0, 1)


def _half_wave(left: Array) -> Array:
    """From 1 to 0 along half a cosine wave while `left` does so: (1 - cos(pi left)) / 2, written without cancelling."""
    return jnp.sin(math.pi / 2 * left) ** 2


def _rise(step: Any, steps: Any, first: Any, top: Any, later: Any) -> Array:
    """A line from `first` to `top` during `steps`, then `later`."""
    return jnp.where(step < steps, first + (top - first) * (jnp.asarray(step, float) / max(steps, 1)), later)
