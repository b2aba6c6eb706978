"""What a loss is: values, one a sample, and the totals that merge them into one number.

A loss says how far predictions are from targets. Its `call` gives values; `totals` weighs, masks and sums them into a
pair (total, count) that adds up over batches and devices; `reduce` makes the one number of such a pair.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import field
from typing import Annotated, Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .. import config
from ..config import Configured, Family, configured_fields, one_of, snake
from ..errors import show_shape
from ..numerics import widen
from . import checks

Reduction = Annotated[str | None, one_of("sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none", None)]

FAMILY = Family("loss")


def get(identifier: Any) -> Any:
    """The loss that an argument means.

    Args:
        identifier: None, a name ("mse", "MeanSquaredError", "mean_squared_error"), a loss, its class, its
            configuration, or a function `f(y_true, y_pred)` that gives one value a sample, or one number.

    Returns:
        A `Loss`; None for None.

    >>> get("mse"), get(lambda y_true, y_pred: abs(y_true - y_pred)).name
    (MeanSquaredError(), 'lambda')
    """
    if isinstance(identifier, str) and identifier not in FAMILY and identifier in config.functions:
        identifier = config.functions.find(identifier)
    found = config.get(FAMILY, getattr(identifier, "loss_class", identifier), Loss)
    return found if found is None or isinstance(found, Loss) else FunctionLoss(found)


class Loss(Configured):
    """Base of the losses: subclass it and write `call`.

    Everything is computed in float32, whatever the type of predictions and targets.

    Args (of every loss, by keyword):
        reduction: how values become one number: "sum_over_batch_size" or "mean" (their sum by their number), "sum",
            "mean_with_sample_weight" (their sum by the sum of the weights), "none" (as they are).
        name: how it is called in reports; by default the class in snake case.

    Example:

    >>> class Quartic(Loss):
    ...     def call(self, y_true, y_pred):                      # (batch, units) -> (batch,)
    ...         return jnp.mean((y_true - y_pred) ** 4, axis=-1)
    >>> float(Quartic()([[1.0], [2.0]], [[1.0], [4.0]]))
    8.0
    """

    family: ClassVar[Family | None] = FAMILY
    equal_shapes: ClassVar[bool] = False  # whether targets are shaped as predictions are; then nothing is broadcast
    outputs: ClassVar[str | None] = None  # "probabilities" or "logits", where there is no field from_logits
    exclusive: ClassVar[bool] = True  # of losses of classes: whether one class is true, or each unit is yes or no

    reduction: Reduction = field(default="sum_over_batch_size", kw_only=True)
    name: str | None = field(default=None, kw_only=True, repr=False)

    def __post_init__(self):
        super().__post_init__()
        if self.name is None:
            self.name = snake(type(self).__name__)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Values, one a sample (or a time step, a pixel): (batch, ..., units) -> (batch, ...)."""
        raise NotImplementedError(f"{type(self).__name__} needs a call method: call(y_true, y_pred) -> values")

    def values(self, y_true: Any, y_pred: Any, mask: Any) -> tuple[jax.Array, Any]:
        """The values, and the mask of those that count; for losses that need the mask to compute, or that add to it."""
        if mask is not None:
            given = getattr(self, "axis", None)
            axis = given if isinstance(given, int) else -1
            y_pred = jax.tree.map(lambda y: _told(y, mask, axis), y_pred)
            y_true = _told(y_true, mask, axis) if self.equal_shapes else y_true
        values = widen(self.call(y_true, y_pred))
        if values.ndim == 0 and mask is not None:
            raise ValueError(
                f"{self.name} gave one number for the whole batch, so that masked samples cannot be left out. "
                "Give one value a sample: reduce over the last axis only, jnp.mean(..., axis=-1)"
            )
        return values, mask

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None) -> jax.Array:
        """The loss of a batch.

        Args:
            y_true: targets.
            y_pred: predictions, (batch, ..., units).
            sample_weight: how much each sample (or time step, pixel) matters: one number, (batch,), (batch, ...).
            mask: which of them count at all, shaped as sample_weight; those that do not may hold anything.

        Returns:
            A scalar; with reduction "none" the weighted values.
        """
        values, weights, mask = self._weighed(y_true, y_pred, sample_weight, mask)
        if self.reduction in (None, "none"):
            return _masked(values if weights is None else values * weights, mask)
        return self.reduce(*self._sums(values, weights, mask))

    def totals(
        self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None
    ) -> tuple[jax.Array, jax.Array]:
        """The weighted sum of the values, and by how much it counts: totals of parts add up to those of the whole.

        The count is the number of values that are not masked, or the sum of their weights for
        "mean_with_sample_weight"; `reduce(total, count)` is the loss. For "sum" the count says how many values were
        summed, and `reduce` ignores it. One number for a whole batch (`Dice()`, or a function that reduces all axes)
        stands for each of its samples, so that totals merge such numbers weighted by the sizes of their batches.
        """
        return self._sums(*self._weighed(y_true, y_pred, sample_weight, mask))

    def reduce(self, total: Any, count: Any) -> jax.Array:
        """The loss of merged totals; zero where nothing counts."""
        xp: Any = np if isinstance(total, (np.ndarray, np.generic)) else jnp  # what is on the host stays there
        if self.reduction == "sum":
            return xp.asarray(total)
        return xp.where(count == 0, 0.0, total / xp.where(count == 0, 1.0, count))

    def check(self, y_true: Any, output_shape: tuple[int | None, ...], where: str = "fit(y=...)") -> None:
        """Look at all targets once, on the host, before anything is compiled.

        Args:
            y_true: all targets.
            output_shape: of the predictions, the batch (None or a number) first.
            where: the argument that the targets came in.

        Raises:
            ValueError: says which target is wrong, where it is, and how to mend it.
        """
        y_true = np.asarray(y_true)
        checks.numbers(y_true, where)
        if self.equal_shapes:
            checks.same_shape(y_true, output_shape, type(self).__name__, where)

    def expects(self) -> str | None:
        """Whether predictions are to be "probabilities" or "logits"; None where they may be anything."""
        from_logits = getattr(self, "from_logits", None)
        return self.outputs if from_logits is None else "logits" if from_logits else "probabilities"

    def _prepared(self, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
        y_true, y_pred = jax.tree.map(widen, _arrays(y_true)), jax.tree.map(widen, _arrays(y_pred))
        if _is_array(y_true) and _is_array(y_pred):
            y_true, y_pred = aligned(y_true, y_pred)
            if self.equal_shapes and y_true.shape != y_pred.shape:
                raise ValueError(
                    f"{type(self).__name__}: y_true has shape {show_shape(y_true.shape)}, y_pred has shape "
                    f"{show_shape(y_pred.shape)}. Expected equal shapes: nothing is repeated to fit"
                )
        return y_true, y_pred

    def _weighed(self, y_true: Any, y_pred: Any, weights: Any, mask: Any) -> tuple[jax.Array, Any, Any]:
        """Values with their weights and mask in the same shape (or None)."""
        y_true, y_pred = self._prepared(y_true, y_pred)
        values, mask = self.values(y_true, y_pred, None if mask is None else jnp.asarray(mask, bool))
        if values.ndim == 0:  # one number for the whole batch
            if weights is None and self.reduction in ("sum", "none", None):
                mask = None
            else:
                values = jnp.broadcast_to(values, jnp.shape(jax.tree.leaves(y_pred)[0])[:1])
        weights = None if weights is None else spread(jnp.asarray(weights, values.dtype), values, "sample_weight")
        return values, weights, None if mask is None else spread(mask, values, "mask")

    def _sums(self, values: jax.Array, weights: Any, mask: Any) -> tuple[jax.Array, jax.Array]:
        total = jnp.sum(_masked(values if weights is None else values * weights, mask))
        if weights is not None and self.reduction == "mean_with_sample_weight":
            return total, jnp.sum(_masked(weights, mask))
        count = values.size if mask is None else jnp.sum(mask)
        return total, jnp.asarray(count, values.dtype)


class _Elementwise(Loss):
    """A loss that is the mean of one number an element, over the last axis."""

    equal_shapes = True
    axis = -1  # no annotation: in a subclass that makes it a field, that field keeps its place

    def element(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """The numbers whose mean is the loss, one an element: (batch, ..., units) -> (batch, ..., units)."""
        raise NotImplementedError

    def call(self, y_true, y_pred):
        return jnp.mean(self.element(y_true, y_pred), axis=self.axis)

    def values(self, y_true, y_pred, mask):
        if y_pred.ndim == 1:  # a batch of single numbers: (batch,) -> (batch, 1)
            y_true, y_pred = y_true[:, None], y_pred[:, None]
        return super().values(y_true, y_pred, mask)


class FunctionLoss(Loss):
    """A function `f(y_true, y_pred)` as a loss.

    Args:
        function: gives one value a sample, (batch, ..., units) -> (batch, ...), or one number for the batch.

    >>> largest = FunctionLoss(lambda y_true, y_pred: jnp.max(abs(y_true - y_pred), axis=-1))
    >>> float(largest([[1.0, 2.0]], [[1.0, 5.0]]))
    3.0
    """

    function: Callable[..., Any]

    def __post_init__(self):
        if self.name is None:
            self.name = getattr(self.function, "__name__", snake(type(self.function).__name__)).strip("<>")
        super().__post_init__()

    def call(self, y_true, y_pred):
        values = self.function(y_true, y_pred)
        return sample_values(values, y_pred, f"the loss function {self.name}")


def sample_values(values: Any, y_pred: Any, who: str) -> Any:
    """What somebody's function gave, if it is one number a sample, or a step of one, or a single number."""
    if values is None:
        raise ValueError(f"{who} gave None. Does it end with a return statement?")
    if not _is_array(values) and not isinstance(values, (int, float)):
        raise TypeError(
            f"{who} gave a {type(values).__name__}. Expected an array: one number a sample, or one for the batch"
        )
    shape, of = jnp.shape(values), jnp.shape(jax.tree.leaves(y_pred)[0])
    if shape != of[: len(shape)]:
        raise ValueError(
            f"{who} gave shape {show_shape(shape)} for predictions of shape {show_shape(of)}. Expected one number a "
            f"sample, {show_shape(of[:1])}, or one for the batch, ()"
        )
    return values


def as_function(cls: type[Loss]) -> Callable[..., jax.Array]:
    """The function of a loss: `f(y_true, y_pred, ...fields)` gives its values, one a sample, not reduced."""
    own = [f for f in configured_fields(cls) if not f.kw_only]
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter(name, kind) for name in ("y_true", "y_pred")]
    parameters += [inspect.Parameter(f.name, kind, default=f.default) for f in own]
    signature = inspect.Signature(parameters, return_annotation=jax.Array)

    def function(*args: Any, **kwargs: Any) -> jax.Array:
        y_true, y_pred, *fields = (bound := signature.bind(*args, **kwargs)).args
        loss = cls(*fields, **bound.kwargs)
        return loss.call(*loss._prepared(y_true, y_pred))

    function.__name__ = function.__qualname__ = snake(cls.__name__)
    function.__module__ = cls.__module__
    function.__doc__ = f"The values of `{cls.__name__}`, one a sample, not reduced.\n\n    {cls.__doc__}"
    function.__signature__ = signature  # type: ignore[attr-defined]
    function.loss_class = cls  # type: ignore[attr-defined]
    return function


def aligned(y_true: jax.Array, y_pred: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Both with the same number of axes, where they differ by a last axis of length one.

    (n,) against (n, 1) becomes (n, 1) on both sides; in more axes the one of length one is dropped.
    """
    if y_true.ndim > y_pred.ndim:
        y_pred, y_true = aligned(y_pred, y_true)
    elif y_pred.ndim == y_true.ndim + 1 and y_pred.shape[-1] == 1:
        if y_true.ndim == 1:
            return y_true[:, None], y_pred
        return y_true, y_pred[..., 0]
    return y_true, y_pred


def spread(weights: Any, values: Any, what: str) -> jax.Array:
    """Weights in the shape of the values: a weight of a sample is the weight of everything in it."""
    fitted = weights[..., 0] if weights.ndim == values.ndim + 1 and weights.shape[-1] == 1 else weights
    fitted = fitted.reshape(fitted.shape + (1,) * (values.ndim - fitted.ndim))
    if fitted.ndim > values.ndim or any(w not in (1, v) for w, v in zip(fitted.shape, values.shape, strict=True)):
        raise ValueError(
            f"{what} has shape {show_shape(weights.shape)}, the loss has values of shape {show_shape(values.shape)}. "
            f"Expected one number a sample, or the shape of the values"
        )
    return jnp.broadcast_to(fitted, values.shape)


def _told(y: jax.Array, mask: jax.Array, axis: int) -> jax.Array:
    """y, which no gradient reaches where it is masked: 0 times the slope there may be NaN.

    Args:
        y: what values are computed from, (batch, ..., units).
        mask: of the values: all axes of y without `axis`, the first of them, or all of y.
        axis: which the values lack.
    """
    while mask.ndim > 1 and mask.ndim >= y.ndim and mask.shape[-1] == 1:
        mask = mask[..., 0]
    if mask.ndim < y.ndim:
        mask = jnp.expand_dims(mask.reshape(mask.shape + (1,) * (y.ndim - 1 - mask.ndim)), axis)
    if mask.ndim > y.ndim or any(m not in (1, n) for m, n in zip(mask.shape, y.shape, strict=True)):
        return y  # `spread` says what is wrong
    return jnp.where(mask, y, lax.stop_gradient(y))


def _masked(x: jax.Array, mask: Any) -> jax.Array:
    return x if mask is None else jnp.where(mask, x, 0.0)


def _arrays(y: Any) -> Any:
    """Nested lists of numbers as arrays; structures of arrays as they are."""
    return jnp.asarray(y) if isinstance(y, (list, tuple)) and not any(map(_is_array, y)) else y


def _is_array(x: Any) -> bool:
    return isinstance(x, (np.ndarray, jax.Array))
