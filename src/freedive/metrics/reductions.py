"""Means and sums: of values, and of what a function or a loss says about predictions."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from dataclasses import field
from typing import Any, ClassVar

import jax.numpy as jnp

from ..config import configured_fields, from_json
from ..losses.base import Loss, sample_values
from .base import Metric, ratio, weighted_mean


class Averaged(Metric):
    """Base of metrics that are a weighted mean: write `values(y_true, y_pred)`, one value a sample.

    >>> class Signs(Averaged):
    ...     def values(self, y_true, y_pred):
    ...         return jnp.sign(y_true) == jnp.sign(y_pred)
    >>> print(Signs()(jnp.array([-1.0, 2.0]), jnp.array([3.0, 1.0])))
    0.5
    """

    name: str | None = field(default=None, repr=False)  # Keras' first arguments here
    dtype: str | None = field(default=None, repr=False)

    def values(self, y_true: Any, y_pred: Any) -> Any:
        """What is averaged: (batch, ...). A single number stands for every sample of its batch."""
        raise NotImplementedError(f"{type(self).__name__} must write values(self, y_true, y_pred)")

    def sums(self, y_true, y_pred, sample_weight=None, mask=None):
        values = jnp.asarray(self.values(y_true, y_pred))
        if values.ndim == 0:
            values = jnp.broadcast_to(values, jnp.shape(y_pred)[:1])
        return weighted_mean(values, sample_weight, mask, self.dtype)

    def compute(self, sums):
        return ratio(*sums)


class Mean(Averaged):
    """The weighted mean of values: sum(weights · values) / sum(weights).

    Args:
        name, dtype: see `Metric`.

    >>> mean = Mean()
    >>> mean.update_state([1.0, 3.0, 5.0, 7.0], sample_weight=[1.0, 1.0, 0.0, 0.0])
    >>> print(mean.result())
    2.0
    """

    def sums(self, values, sample_weight=None, mask=None):  # pyright: ignore[reportIncompatibleMethodOverride]
        """The sums of values of any shape."""
        return weighted_mean(values, sample_weight, mask, self.dtype)


class Sum(Averaged):
    """The weighted sum of values: sum(weights · values).

    Args:
        name, dtype: see `Metric`.

    >>> print(Sum()([1.0, 3.0, 5.0]))
    9.0
    """

    def sums(self, values, sample_weight=None, mask=None):  # pyright: ignore[reportIncompatibleMethodOverride]
        """The sum of values of any shape."""
        return weighted_mean(values, sample_weight, mask, self.dtype)[0]

    def compute(self, sums):
        return sums


@dataclasses.dataclass(eq=False, repr=False, init=False)
class MeanMetricWrapper(Averaged):
    """A function f(y_true, y_pred), or a loss, as a metric: the weighted mean of its values.

    Args:
        fn: gives one value a sample, (batch, ..., units) -> (batch, ...), or one number for the batch.
        name: by default the name of the function.
        dtype: see `Metric`.
        **kwargs: further arguments of `fn`.

    >>> def off_by(y_true, y_pred, power=1):
    ...     return abs(y_true - y_pred) ** power
    >>> metric = MeanMetricWrapper(off_by, power=2)
    >>> print(metric.name, metric(jnp.array([1.0, 2.0]), jnp.array([1.0, 4.0])))
    off_by 2.0
    """

    fn: Callable[..., Any] = None  # type: ignore[assignment]
    kwargs: dict[str, Any] = field(default_factory=dict)

    def __init__(self, fn: Any, name: str | None = None, dtype: str | None = None, **kwargs: Any):
        self.fn = fn
        self.kwargs = kwargs
        self.name = name or getattr(fn, "name", None) or getattr(fn, "__name__", type(fn).__name__).strip("<>")
        self.dtype = dtype
        self.__post_init__()

    @classmethod
    def from_config(cls, config):
        arguments = {name: from_json(value) for name, value in config.items()}
        return cls(**arguments.pop("kwargs", {}), **arguments)

    def values(self, y_true, y_pred):
        return sample_values(self.fn(y_true, y_pred, **self.kwargs), y_pred, f"the metric function {self.name}")

    def sums(self, y_true, y_pred, sample_weight=None, mask=None):
        if isinstance(self.fn, Loss):
            return _loss_sums(self.fn, y_true, y_pred, sample_weight, mask)
        return super().sums(y_true, y_pred, sample_weight, mask)


class FromLoss(Averaged):
    """Base of metrics that are a loss by another name: its values, divided by the sum of the weights.

    The fields of the metric are those of the loss.
    """

    direction: ClassVar[str | None] = "down"
    loss: ClassVar[type[Loss]]

    def sums(self, y_true, y_pred, sample_weight=None, mask=None):
        own = [f.name for f in configured_fields(type(self)) if f.name not in ("name", "dtype")]
        loss = self.loss(**{name: getattr(self, name) for name in own})
        return _loss_sums(loss, y_true, y_pred, sample_weight, mask)


def _loss_sums(loss: Loss, *args: Any) -> Any:
    loss = copy.copy(loss)
    loss.reduction = "mean_with_sample_weight"  # metrics divide by the weights, losses by the number of values
    return loss.totals(*args)
