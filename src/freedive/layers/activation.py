"""Activations as layers of their own; each keeps z and a for `Model.inspect`."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from .. import activations
from ..config import Axes, NonNegativeFloat
from ..constraints import ConstraintLike
from ..core.layer import Layer
from ..errors import show_shape
from ..initializers import InitializerLike
from ..numerics import widen
from ..regularizers import RegularizerLike


class Activation(Layer):
    """a = f(z) for any activation function.

    Args:
        activation: f, a name such as "relu", a function of one array, or a layer.
        activity_regularizer: a penalty of the outputs.

    Input and output: any shape, the same.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.Activation("relu")(np.array([[-1.0, 2.0]])).tolist()
    [[0.0, 2.0]]
    """

    activation: activations.Activation
    activity_regularizer: RegularizerLike = None
    supports_masking: ClassVar[bool] = True

    def call(self, x: Any) -> Any:
        return self.activate(x)


class ReLU(Layer):
    """x above the threshold (at most max_value), negative_slope * (x - threshold) below it.

    Args:
        max_value: the largest answer; None for no limit.
        negative_slope: slope below the threshold.
        threshold: where x starts to pass.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.ReLU(max_value=6.0, negative_slope=0.5)(np.array([[-2.0, 3.0, 9.0]])).tolist()
    [[-1.0, 3.0, 6.0]]
    """

    max_value: NonNegativeFloat | None = None
    negative_slope: NonNegativeFloat = 0.0
    threshold: NonNegativeFloat = 0.0
    supports_masking: ClassVar[bool] = True

    def call(self, x: Any) -> Any:
        return self.activate(x, lambda z: activations.relu(z, self.negative_slope, self.max_value, self.threshold))


class LeakyReLU(Layer):
    """x where positive, negative_slope * x elsewhere.

    Args:
        negative_slope: slope below zero. (`alpha` is its old name.)

    Reference: Maas, Hannun and Ng 2013, "Rectifier nonlinearities improve neural network acoustic models".

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.LeakyReLU(0.5)(np.array([[-2.0, 3.0]])).tolist()
    [[-1.0, 3.0]]
    """

    negative_slope: NonNegativeFloat = 0.3
    alpha: dataclasses.InitVar[Any] = None
    supports_masking: ClassVar[bool] = True

    def __post_init__(self, alpha: Any = None):
        if alpha is not None:
            self.negative_slope = alpha
        super().__post_init__()

    def call(self, x: Any) -> Any:
        return self.activate(x, lambda z: activations.leaky_relu(z, self.negative_slope))


class PReLU(Layer):
    """x where positive, alpha * x elsewhere, with a slope alpha that is learned for every feature.

    Args:
        alpha_initializer, alpha_regularizer, alpha_constraint: of the slopes.
        shared_axes: axes along which one slope serves all: (1, 2) gives a picture one slope a channel.

    Weights: alpha, the shape of one sample with size 1 in the shared axes. Reference: arXiv 1502.01852.

    >>> import numpy as np
    >>> import freedive as fd
    >>> layer = fd.layers.PReLU("ones", shared_axes=(1, 2))
    >>> layer(np.full((1, 8, 8, 3), -1.0)).shape, layer.alpha.shape
    ((1, 8, 8, 3), (1, 1, 3))
    """

    alpha_initializer: InitializerLike = "zeros"
    alpha_regularizer: RegularizerLike = None
    alpha_constraint: ConstraintLike = None
    shared_axes: Axes | None = None
    supports_masking: ClassVar[bool] = True

    def call(self, x: Any) -> Any:
        shared = self._shared(x)
        shape = tuple(1 if axis in shared else x.shape[axis] for axis in range(1, x.ndim))
        alpha = self.param("alpha", shape, self.alpha_initializer, "alpha_regularizer", self.alpha_constraint)
        return self.activate(x, lambda z: activations.relu(z) - alpha * activations.relu(-z))

    def _shared(self, x: Any) -> set[int]:
        """The shared axes, counted from the first."""
        given = (self.shared_axes,) if isinstance(self.shared_axes, int) else self.shared_axes or ()
        for axis in given:
            if not -x.ndim < axis < x.ndim or axis == 0:
                raise self.error(
                    f"shared_axes={self.shared_axes!r}: expected axes from 1 to {x.ndim - 1}, since 0 is the batch "
                    f"and the input has {x.ndim} axes"
                )
        return {axis % x.ndim for axis in given}


class ELU(Layer):
    """Exponential linear unit: x where positive, alpha * (exp(x) - 1) elsewhere.

    Args:
        alpha: minus the smallest answer.

    Reference: arXiv 1511.07289.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.ELU()(np.array([[-1e4, 3.0]])).tolist()
    [[-1.0, 3.0]]
    """

    alpha: float = 1.0
    supports_masking: ClassVar[bool] = True

    def call(self, x: Any) -> Any:
        return self.activate(x, lambda z: activations.elu(z, self.alpha))


class Softmax(Layer):
    """exp(x) / sum(exp(x)): positive numbers that sum to one along an axis.

    Args:
        axis: the axis, or axes, to sum over.

    In a call, `mask` says what counts: True, or above 0.5. What does not count gets 0 and the rest sums to one; where
    nothing counts all is 0. The mask broadcasts to x; one of two axes or more that has x's first sizes, as masks that
    travel have, is about whole steps.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.Softmax()(np.zeros((1, 3)), mask=np.array([[True, True, False]])).tolist()
    [[0.5, 0.5, 0.0]]
    """

    axis: Axes = -1
    supports_masking: ClassVar[bool] = True

    def call(self, x: Any, mask: Any = None) -> Any:
        if mask is None:
            return self.activate(x, lambda z: activations.softmax(widen(z), self.axis))
        counts = self._counts(jnp.asarray(mask), x)
        return self.activate(x, lambda z: activations.softmax(jnp.where(counts, widen(z), -jnp.inf), self.axis))

    def _counts(self, mask: Any, x: Any) -> jax.Array:
        """The mask as booleans that broadcast to x."""
        counts = mask if mask.dtype == bool else mask > 0.5
        sizes = zip(mask.shape[::-1], x.shape[::-1], strict=False)
        broadcasts = mask.ndim <= x.ndim and all(m in (1, size) for m, size in sizes)
        if mask.shape == x.shape[: mask.ndim] and (mask.ndim > 1 or not broadcasts):
            return counts.reshape(mask.shape + (1,) * (x.ndim - mask.ndim))
        if broadcasts:
            return counts
        raise self.error(
            f"a mask of shape {show_shape(mask.shape)} does not fit an input of shape {show_shape(x.shape)}: "
            "expected sizes equal to the input's, or 1, counted from the last axis"
        )
