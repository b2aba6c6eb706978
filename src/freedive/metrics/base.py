"""What a metric is: sums that add up over parts of the data, and one number computed from them.

Because sums of parts add up, an epoch measured in batches, chunks, shards or with masks gives the number that all the
data at once would give. The stateful words of Keras (`update_state`, `result`, `reset_state`) are a thin shell on top.
"""

from __future__ import annotations

from dataclasses import field
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from ..config import Configured, Family, snake
from ..core.habits import OF_METRICS, absent
from ..errors import show_shape
from ..losses.base import aligned, spread
from ..numerics import widen
from .moments import added

Array = jax.Array
FAMILY = Family("metric")
AT_ONCE = 2**22  # weights that one sum is of


class Metric(Configured):
    """Base of all metrics: write `sums` and `compute`.

    Args (of every metric):
        name: how it is called in reports; by default the class in snake case.
        dtype: the type in which `Mean`, `Sum` and means of a function sum their values, "float32" by default; all
            others sum in float32.

    Example: the share of errors above 1.

    >>> class Misses(Metric):
    ...     def sums(self, y_true, y_pred, sample_weight=None, mask=None):
    ...         return weighted_mean(abs(y_true - y_pred) > 1, sample_weight, mask)
    ...     def compute(self, sums):
    ...         return ratio(*sums)
    >>> misses = Misses()
    >>> misses.update_state(jnp.array([1.0, 2.0]), jnp.array([1.5, 4.0]))
    >>> misses.update_state(jnp.array([1.0, 2.0]), jnp.array([1.5, 2.0]))
    >>> print(misses.name, misses.result())
    misses 0.25
    """

    family: ClassVar[Family | None] = FAMILY
    default_name: ClassVar[str | None] = None
    direction: ClassVar[str | None] = None  # "up" where more is better, "down" where less is

    name: str | None = field(default=None, kw_only=True, repr=False)
    dtype: str | None = field(default=None, kw_only=True, repr=False)

    def __getattr__(self, name: str) -> Any:
        raise absent(self, name, OF_METRICS)

    def __post_init__(self):
        super().__post_init__()
        self.name = self.name or self.default_name or snake(type(self).__name__)
        self.reset_state()

    # what a subclass writes ---------------------------------------------------------------------------------------
    def sums(self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None) -> Any:
        """The sums of a part of the data: pure, may be compiled.

        Args:
            y_true: targets.
            y_pred: predictions.
            sample_weight: how much each sample (or time step, pixel) counts: a number, (batch,), (batch, ...).
            mask: which of them count at all, shaped as sample_weight.

        Returns:
            A tree of arrays; added to those of other parts they are the sums of both. Where a mean shall keep its
            digits, a `Moments` in it.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must write sums(self, y_true, y_pred, sample_weight=None, mask=None), which gives "
            "arrays that add up over batches, and compute(self, sums)"
        )

    def compute(self, sums: Any) -> Array:
        """The metric from its sums: pure, may be compiled."""
        raise NotImplementedError(f"{type(self).__name__} must write compute(self, sums)")

    # Keras' stateful words ----------------------------------------------------------------------------------------
    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Add the sums of a part of the data to those kept; the arguments are those of `sums`."""
        new = self.sums(*args, **kwargs)
        self._kept = new if self._kept is None else added(self._kept, new)

    def result(self) -> Array:
        """The metric of all parts since the last reset; 0 before the first."""
        return jnp.zeros(()) if self._kept is None else self.compute(self._kept)

    def reset_state(self) -> None:
        """Forget all parts."""
        self._kept = None

    def __call__(self, *args: Any, **kwargs: Any) -> Array:
        """`update_state`, then `result`."""
        self.update_state(*args, **kwargs)
        return self.result()


def weighted_mean(values: Any, sample_weight: Any = None, mask: Any = None, dtype: Any = None) -> tuple[Array, Array]:
    """(sum of weights · values, sum of weights): the sums of a weighted mean over all values.

    Args:
        values: (batch, ...).
        sample_weight: a number, (batch,) or more axes of `values`: a weight of a sample weighs everything in it.
        mask: as sample_weight; it multiplies the weights.
        dtype: of the sums.

    >>> [float(s) for s in weighted_mean([1.0, 3.0, 5.0], sample_weight=[1.0, 1.0, 0.0])]
    [4.0, 2.0]
    """
    values = widen(values) if dtype is None else jnp.asarray(values, dtype)
    weight = weights_of(values, sample_weight, mask)
    return jnp.where(weight == 0, 0, values * weight).sum(), weight.sum()  # what has no weight may be no number


def weights_of(values: Array, sample_weight: Any, mask: Any) -> Array:
    """Sample weights times mask, in the shape of `values`, as floats; ones where there are neither."""
    weight = jnp.ones(values.shape, jnp.promote_types(values.dtype, jnp.float32))
    for what, given in {"sample_weight": sample_weight, "mask": mask}.items():
        if given is not None:
            weight = weight * spread(jnp.asarray(given, weight.dtype), values, what)
    return weight


def weights_at(places: Array, weight: Array, count: int) -> Array:
    """The sum of the weights at each place, (count,).

    Float32 adds no 1 to 2^24, so parts of the weights are summed by themselves, and their sums then.

    Args:
        places: 0, 1, ..., of any shape.
        weight: of the same shape.
        count: how many places there are.

    >>> print(weights_at(jnp.array([0, 2, 2]), jnp.array([1.0, 1.0, 0.5]), 3))
    [1.  0.  1.5]
    """
    parts = -(-weight.size // AT_ONCE)
    part = jnp.arange(weight.size) // AT_ONCE * count if parts > 1 else 0
    sums = jnp.zeros(max(parts, 1) * count, weight.dtype).at[places.ravel() + part].add(weight.ravel())
    return sums.reshape(-1, count).sum(0)


def ratio(a: Any, b: Any) -> Array:
    """a / b, and 0 where b is 0.

    >>> print(ratio(jnp.array([1.0, 1.0]), jnp.array([2.0, 0.0])))
    [0.5 0. ]
    """
    xp: Any = np if isinstance(a, (np.ndarray, np.generic)) else jnp  # sums read from the device stay on the host
    return xp.where(b == 0, 0, a / xp.where(b == 0, 1, b))


def matched(y_true: Any, y_pred: Any, where: str) -> tuple[Array, Array]:
    """Targets and predictions as arrays of one shape; a last axis of length one may be missing on either side.

    >>> a, b = matched([1, 0], [[0.9], [0.2]], "Accuracy")
    >>> a.shape, b.shape
    ((2, 1), (2, 1))
    """
    y_true, y_pred = aligned(jnp.asarray(y_true), jnp.asarray(y_pred))
    if y_true.shape != y_pred.shape:
        raise ValueError(
            f"{where}: y_true has shape {show_shape(y_true.shape)}, y_pred has shape {show_shape(y_pred.shape)}. "
            "Expected equal shapes: nothing is repeated to fit"
        )
    return y_true, y_pred
