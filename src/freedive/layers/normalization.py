"""Normalization layers: values brought to mean 0 and variance 1, by batch, sample, group or once for all.

Statistics are computed in float32, whatever the precision of the model.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from .. import config
from ..config import Axes, Fraction, NonNegativeFloat
from ..constraints import ConstraintLike
from ..core.forward import shape_of
from ..core.layer import Layer
from ..errors import warn
from ..initializers import InitializerLike
from ..numerics import EPSILON, floating, l2_normalize, widen
from ..ops import columns, normal
from ..regularizers import RegularizerLike


class _Normalizing(Layer):
    """What they share: gamma and beta, one for each place on some axes."""

    def standardized(self, x: Any, mean: Any, variance: Any, axes: tuple[int, ...]) -> Any:
        """gamma (x - mean) / sqrt(variance + epsilon) + beta, with gamma and beta along `axes`."""
        places = [size if axis in axes else 1 for axis, size in enumerate(x.shape)]
        gamma, beta = (p if p is None else p.reshape(places) for p in self.weights_along(x, axes))
        factor = jax.lax.rsqrt(variance + self.epsilon)
        factor = factor if gamma is None else factor * gamma
        if mean.shape == factor.shape == tuple(places) and by_columns(x, axes):
            offset = jnp.zeros_like(factor) if beta is None else beta
            return columns.standardized(x, mean.ravel(), factor.ravel(), offset.ravel())
        y = (x - mean) * factor
        return y if beta is None else y + beta

    def weights_along(self, x: Any, axes: tuple[int, ...]) -> tuple[Any, Any]:
        """(gamma, beta), with the sizes of x along `axes`; None for what the layer has not."""
        shape, gamma, beta = tuple(x.shape[axis] for axis in axes), None, None
        if self.scale:
            gamma = self.param("gamma", shape, self.gamma_initializer, "gamma_regularizer", self.gamma_constraint)
        if self.center:
            beta = self.param("beta", shape, self.beta_initializer, "beta_regularizer", self.beta_constraint)
        return gamma if gamma is None else widen(gamma), beta if beta is None else widen(beta)


def places_of(layer: Layer, x: Any, axes: Any) -> tuple[int, ...]:
    """Axes counted from the first, in order; refused where the input has them not."""
    axes = axes if isinstance(axes, tuple) else (axes,)
    if any(not -x.ndim <= axis < x.ndim for axis in axes):
        raise layer.error(f"axis={axes} is outside an input of shape {shape_of(x)}")
    return tuple(sorted(axis % x.ndim for axis in axes))


def moments(x: Any, axes: tuple[int, ...]) -> tuple[Any, Any]:
    """(mean, variance) along axes, which are kept."""
    mean = jnp.mean(x, axes, keepdims=True)
    return mean, jnp.mean(jnp.square(x - mean), axes, keepdims=True)


def by_rows(x: Any, axes: tuple[int, ...]) -> bool:
    """Whether the moments are those along the last axis, and the loops for that take x as it is."""
    return axes == (x.ndim - 1,) and normal.suits(x)


def by_columns(x: Any, axes: tuple[int, ...]) -> bool:
    """Whether each place on the last axis, and nothing else, has moments of its own, and the loops for that do it."""
    return axes == (x.ndim - 1,) and columns.suits(x)


# by batch -----------------------------------------------------------------------------------------------------------
class BatchNormalization(_Normalizing):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta, with the mean and variance of each channel in the batch.

    In training the moments are the batch's, and moving averages of them are kept; in use, and where the layer is
    frozen, the averages serve. Steps that are masked do not count. Where but one value counts in each channel, or none,
    there is no variance: the averages serve too and stay as they are.

    Args:
        axis: the channels, whose moments are kept apart.
        momentum: how much of the moving averages stays in a step.
        epsilon: added to the variance.
        center: whether beta is added.
        scale: whether gamma multiplies.
        synchronized: accepted; a batch that is spread over devices is one batch anyway.

    Input and output: (batch, ..., channels). Reference: arXiv 1502.03167.

    >>> import numpy as np
    >>> import freedive as fd
    >>> y = fd.layers.BatchNormalization()(np.array([[1.0], [3.0]]), training=True)
    >>> np.round(y, 2).tolist()
    [[-1.0], [1.0]]
    """

    axis: int = -1
    momentum: Fraction = 0.99
    epsilon: NonNegativeFloat = 1e-3
    center: bool = True
    scale: bool = True
    beta_initializer: InitializerLike = "zeros"
    gamma_initializer: InitializerLike = "ones"
    moving_mean_initializer: InitializerLike = "zeros"
    moving_variance_initializer: InitializerLike = "ones"
    beta_regularizer: RegularizerLike = None
    gamma_regularizer: RegularizerLike = None
    beta_constraint: ConstraintLike = None
    gamma_constraint: ConstraintLike = None
    synchronized: bool = False
    supports_masking: ClassVar[bool] = True

    def call(self, x: Any, mask: Any = None) -> Any:
        wide, axes = widen(x), places_of(self, x, self.axis)
        channels, others = x.shape[axes[0]], tuple(i for i in range(x.ndim) if i not in axes)
        places = [channels if i in axes else 1 for i in range(x.ndim)]
        mean = self.variable("moving_mean", (channels,), self.moving_mean_initializer).reshape(places)
        variance = self.variable("moving_variance", (channels,), self.moving_variance_initializer).reshape(places)
        if self.training and not self.frozen and x.size == channels:
            warn(
                f"{self.path} (BatchNormalization): a batch of one row has no variance, so its moving averages serve "
                "instead. Train with larger batches, and a number of rows that leaves no single one over",
            )
        if self.training and not self.frozen and x.size > channels:
            old, weight = (mean, variance), 1 - self.momentum
            if mask is None:
                mean, variance = self._moments(wide, axes, others, places)
            else:
                *found, counted = self._masked_moments(wide, mask, others)
                mean, variance = (jnp.where(counted > 1, b, a) for a, b in zip(old, found, strict=True))
            new = [(a + weight * (b - a)).ravel() for a, b in zip(old, (mean, variance), strict=True)]
            self.update(moving_mean=new[0], moving_variance=new[1])
        return self.standardized(wide, mean, variance, axes).astype(floating(x))

    def _moments(self, x: Any, axes: tuple[int, ...], others: tuple[int, ...], places: list[int]) -> tuple[Any, Any]:
        """(mean, variance) of all values."""
        if not by_columns(x, axes):
            return moments(x, others)
        mean, variance = columns.moments(x)
        return mean.reshape(places), variance.reshape(places)

    def _masked_moments(self, x: Any, mask: Any, axes: tuple[int, ...]) -> tuple[Any, Any, Any]:
        """(mean, variance, number of values) where the mask is true."""
        if mask.ndim != x.ndim - 1:
            raise self.error(
                f"expected a mask of {x.ndim - 1} axes, one less than the input. Received {shape_of(mask)}"
            )
        counts = jnp.broadcast_to(jnp.expand_dims(mask, -1) != 0, x.shape)
        number = jnp.sum(counts, axes, keepdims=True)
        least = jnp.maximum(number, 1)
        mean = jnp.sum(jnp.where(counts, x, 0), axes, keepdims=True) / least
        return mean, jnp.sum(jnp.where(counts, jnp.square(x - mean), 0), axes, keepdims=True) / least, number


# by sample ----------------------------------------------------------------------------------------------------------
class LayerNormalization(_Normalizing):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta, with the moments of each sample along `axis`.

    Args:
        axis: the axis, or axes, along which the moments are taken and gamma and beta stand.
        epsilon: added to the variance.
        center: whether beta is added.
        scale: whether gamma multiplies.

    Input and output: (batch, ..., features). Reference: arXiv 1607.06450.

    >>> import numpy as np
    >>> import freedive as fd
    >>> np.round(fd.layers.LayerNormalization()(np.array([[1.0, 3.0]])), 2).tolist()
    [[-1.0, 1.0]]
    """

    axis: Axes = -1
    epsilon: NonNegativeFloat = 1e-3
    center: bool = True
    scale: bool = True
    beta_initializer: InitializerLike = "zeros"
    gamma_initializer: InitializerLike = "ones"
    beta_regularizer: RegularizerLike = None
    gamma_regularizer: RegularizerLike = None
    beta_constraint: ConstraintLike = None
    gamma_constraint: ConstraintLike = None
    supports_masking: ClassVar[bool] = True

    def call(self, x: Any) -> Any:
        wide, axes = widen(x), places_of(self, x, self.axis)
        if by_rows(x, axes):
            return normal.normal(x, *self.weights_along(x, axes), self.epsilon)
        return self.standardized(wide, *moments(wide, axes), axes).astype(floating(x))


class GroupNormalization(_Normalizing):
    """Normalization over groups of neighbouring channels of each sample, and over its steps, rows and columns.

    Args:
        groups: how many; as many as channels (or -1) is instance normalization, one is close to layer normalization.
        axis: the channels.
        epsilon: added to the variance.
        center: whether beta is added.
        scale: whether gamma multiplies.

    Input and output: (batch, ..., channels). Reference: arXiv 1803.08494.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.GroupNormalization(groups=2)(np.ones((2, 5, 5, 6))).shape
    (2, 5, 5, 6)
    """

    groups: int = 32
    axis: int = -1
    epsilon: NonNegativeFloat = 1e-3
    center: bool = True
    scale: bool = True
    beta_initializer: InitializerLike = "zeros"
    gamma_initializer: InitializerLike = "ones"
    beta_regularizer: RegularizerLike = None
    gamma_regularizer: RegularizerLike = None
    beta_constraint: ConstraintLike = None
    gamma_constraint: ConstraintLike = None
    supports_masking: ClassVar[bool] = True

    def __post_init__(self):
        super().__post_init__()
        if self.groups < 1 and self.groups != -1:
            raise ValueError(f"GroupNormalization(groups={self.groups}): expected 1 or more, or -1")

    def call(self, x: Any) -> Any:
        axes = places_of(self, x, self.axis)
        axis, channels = axes[0], x.shape[axes[0]]
        groups = channels if self.groups == -1 else self.groups
        if channels % groups:
            raise self.error(f"groups={groups} must divide the {channels} channels of an input of shape {shape_of(x)}")
        wide = widen(x)
        parts = wide.reshape(*x.shape[:axis], groups, channels // groups, *x.shape[axis + 1 :])
        apart = moments(parts, tuple(i for i in range(1, parts.ndim) if i != axis))
        mean, variance = (jnp.repeat(m.squeeze(axis + 1), channels // groups, axis) for m in apart)
        return self.standardized(wide, mean, variance, axes).astype(floating(x))


class RMSNormalization(Layer):
    """y = scale x / sqrt(mean of x² + epsilon), along `axis`: layer normalization without a mean.

    Args:
        axis: the axis, or axes, along which the mean square is taken and scale stands.
        epsilon: added to the mean square.

    Input and output: (batch, ..., features). Reference: arXiv 1910.07467.

    >>> import numpy as np
    >>> import freedive as fd
    >>> np.round(fd.layers.RMSNormalization()(np.array([[3.0, 3.0]])), 3).tolist()
    [[1.0, 1.0]]
    """

    axis: Axes = -1
    epsilon: NonNegativeFloat = 1e-6
    supports_masking: ClassVar[bool] = True

    def call(self, x: Any) -> Any:
        wide, axes = widen(x), places_of(self, x, self.axis)
        scale = widen(self.param("scale", tuple(x.shape[axis] for axis in axes), "ones"))
        if by_rows(x, axes):
            return normal.normal(x, scale, None, self.epsilon, centred=False)
        scale = scale.reshape([size if axis in axes else 1 for axis, size in enumerate(x.shape)])
        square = jnp.mean(jnp.square(wide), axes, keepdims=True)
        return (wide * jax.lax.rsqrt(square + self.epsilon) * scale).astype(floating(x))


class UnitNormalization(Layer):
    """x / |x| along `axis`: every vector gets length one; a vector of zeros stays.

    Args:
        axis: the axis, or axes, of a vector.

    Input and output: (batch, ..., features).

    >>> import numpy as np
    >>> import freedive as fd
    >>> np.round(fd.layers.UnitNormalization()(np.array([[3.0, 4.0]])), 3).tolist()
    [[0.6000000238418579, 0.800000011920929]]
    """

    axis: Axes = -1
    supports_masking: ClassVar[bool] = True

    def call(self, x: Any) -> Any:
        return l2_normalize(widen(x), places_of(self, x, self.axis)).astype(floating(x))


# once for all -------------------------------------------------------------------------------------------------------
def _statistics(value: Any) -> np.ndarray | None:
    if value is None:
        return None
    array = np.asarray(value, "float64")
    if not np.isfinite(array).all():
        raise ValueError("expected finite numbers")
    return array


Statistics = Annotated[Any, _statistics]
AxesOrNone = Annotated[Any, lambda value: () if value is None else config.axes(value)]


class Normalization(Layer):
    """(x - mean) / sqrt(variance) with moments that are known before training: given, or taken by `adapt`.

    What does not vary (a deviation below 1e-7) is centred and not divided, so that a rare other value stays small.

    Args:
        axis: the axis, or axes, whose places have their own moments; None for one mean and one variance.
        mean, variance: given moments, both or neither; they broadcast along the axes.
        invert: the way back, x sqrt(variance) + mean.

    Input and output: (batch, ..., features).

    >>> import numpy as np
    >>> import freedive as fd
    >>> layer = fd.layers.Normalization()
    >>> layer.adapt(np.array([[1.0, 5.0], [3.0, 5.0]]))
    >>> layer(np.array([[1.0, 5.0], [5.0, 6.0]])).tolist()
    [[-1.0, 0.0], [3.0, 1.0]]
    """

    axis: AxesOrNone = -1
    mean: Statistics = None
    variance: Statistics = None
    invert: bool = False
    supports_masking: ClassVar[bool] = True
    autocast: ClassVar[bool] = False  # half a precision far from zero tells few values apart

    def __post_init__(self):
        super().__post_init__()
        if (self.mean is None) != (self.variance is None):
            raise ValueError("Normalization: give both mean and variance, or neither and call adapt")
        if self.mean is not None and (self.mean.shape != self.variance.shape or (self.variance < 0).any()):
            raise ValueError(
                f"Normalization: expected mean and variance of one shape, the variance 0 or more. Received shapes "
                f"{self.mean.shape} and {self.variance.shape}, and a least variance of {self.variance.min()}"
            )

    def call(self, x: Any) -> Any:
        wide, kept = widen(x), places_of(self, x, self.axis)
        shape, places = tuple(x.shape[i] for i in kept), [n if i in kept else 1 for i, n in enumerate(x.shape)]
        if self.mean is None:
            mean, variance = self.variable("mean", shape, "zeros"), self.variable("variance", shape, "ones")
            self.variable("count", (), "zeros", "int32")  # of samples; Keras' third weight
        else:
            mean, variance = jnp.float32(self.mean), jnp.float32(self.variance)
            pairs = zip(reversed(mean.shape), reversed(shape), strict=False)
            if mean.ndim > len(shape) or any(m not in (1, n) for m, n in pairs):
                raise self.error(
                    f"mean has shape {mean.shape}, the axes {kept} of the input, {shape_of(x)}, have {shape}"
                )
        mean, deviation = (jnp.broadcast_to(m, shape).reshape(places) for m in (mean, jnp.sqrt(variance)))
        deviation = jnp.where(deviation > EPSILON, deviation, 1.0)
        return (mean + wide * deviation if self.invert else (wide - mean) / deviation).astype(floating(x))

    def adapt(self, data: Any) -> None:
        """Take mean and variance from data; what an earlier `adapt` took is forgotten.

        Args:
            data: an array, or an iterable of batches (arrays, or tuples that begin with one).

        Raises:
            ValueError: no data, or a value that is no finite number.
        """
        if self.mean is not None:
            raise self.error("has a mean and variance already: adapt is for layers without")
        shape, count = None, 0
        mean = squares = np.float64(0)  # squares: the sum of squared distances from the mean
        for batch in [data] if hasattr(data, "shape") else data:
            array = np.asarray(batch[0] if isinstance(batch, tuple) else batch, "float64")
            if not array.size:
                continue
            kept = places_of(self, array, self.axis)
            others = tuple(i for i in range(array.ndim) if i not in kept)
            self._refuse_gaps(array, kept, others)
            shape, number = array.shape, int(np.prod([array.shape[i] for i in others]))
            change = array.mean(others) - mean
            count += number
            mean = mean + change * number / count
            squares = squares + array.var(others) * number + change**2 * number * (count - number) / count
        if not count:
            raise self.error("adapt got no data")
        self.build(shape)
        self.set_weights([mean, squares / count, np.int32(min(count, 2**31 - 1))])

    def _refuse_gaps(self, array: np.ndarray, kept: tuple[int, ...], others: tuple[int, ...]) -> None:
        bad = ~np.isfinite(array)
        if bad.any():
            where = [tuple(map(int, place)) for place in np.argwhere(bad.any(others))[:3]]
            at = f" at {', '.join(map(str, where))} along axis {kept}" if kept else ""
            count = int(bad.sum())
            raise self.error(
                f"adapt got {count} values that are NaN or infinite{at}. Fill them in first: np.nan_to_num"
            )
