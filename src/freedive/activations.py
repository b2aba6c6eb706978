"""Activation functions: what a neuron answers to its weighted sum, a = f(z).

Every function takes an array `x` of any shape and floating type and returns one of the same shape and type (`glu`
halves an axis). They are plain functions: `get` finds them by Keras' names, layers hold them in fields of type
`Activation`. Formulas and defaults are Keras'.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

import jax
import jax.numpy as jnp
from jax import nn

from . import config
from .config import Family
from .errors import unknown

Axis = int | tuple[int, ...]

family = Family("activation")


def get(identifier: Any) -> Any:
    """The activation that an argument means.

    Args:
        identifier: None (`linear`), a name of this module or of a registered function, a function, a configuration,
            or an object with a `__call__`, such as a layer.

    Returns:
        A callable of one array.

    Raises:
        ValueError: an unknown name.
        TypeError: something that cannot be called.

    >>> get("swish").__name__, get(None).__name__
    ('silu', 'linear')
    """
    if identifier is None:
        return linear
    if isinstance(identifier, str) and identifier not in family:
        if identifier not in config.functions:
            raise unknown("activation", identifier, [*family.members, *config.functions.members])
        return config.functions.find(identifier)
    if isinstance(identifier, (str, Mapping, type)) or callable(identifier):
        return config.get(family, identifier)
    raise TypeError(f"expected a name, a function or a layer as activation. Received: {identifier!r}")


Activation = Annotated[Any, get]  # the type of a field that holds an activation


# rectifiers -----------------------------------------------------------------------------------------------------------
@family.add
def relu(x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> jax.Array:
    """Rectified linear unit: x above the threshold (at most max_value), negative_slope * (x - threshold) below it.

    Args:
        x: any shape.
        negative_slope: slope below the threshold.
        max_value: largest answer; None for no limit.
        threshold: where x starts to pass.

    Reference: Nair and Hinton 2010, "Rectified linear units improve restricted Boltzmann machines".

    >>> x = jnp.array([-2.0, 0.5, 9.0])
    >>> relu(x).tolist(), relu(x, negative_slope=0.5, max_value=6.0, threshold=1.0).tolist()
    ([0.0, 0.5, 9.0], [-1.5, -0.25, 6.0])
    """
    if max_value is None and threshold == 0:
        return nn.leaky_relu(x, negative_slope) if negative_slope else nn.relu(x)
    above = x if max_value is None else jnp.minimum(x, max_value)
    below = negative_slope * (x - threshold) if negative_slope else 0.0  # 0 * -inf would be NaN
    return jnp.where(x > threshold, above, below)


@family.add
def leaky_relu(x: Any, negative_slope: float = 0.2) -> jax.Array:
    """x where positive, negative_slope * x elsewhere.

    >>> leaky_relu(jnp.array([-1.0, 1.0]), 0.25).tolist()
    [-0.25, 1.0]
    """
    return nn.leaky_relu(x, negative_slope)


@family.add
def relu6(x: Any) -> jax.Array:
    """min(max(x, 0), 6).

    >>> relu6(jnp.array([-1.0, 3.0, 8.0])).tolist()
    [0.0, 3.0, 6.0]
    """
    return nn.relu6(x)


@family.add
def elu(x: Any, alpha: float = 1.0) -> jax.Array:
    """Exponential linear unit: x where positive, alpha * (exp(x) - 1) elsewhere. Reference: arXiv 1511.07289.

    >>> print(f"{elu(-1.0):.4f}")
    -0.6321
    """
    return nn.elu(x, alpha)


@family.add
def celu(x: Any, alpha: float = 1.0) -> jax.Array:
    """Continuously differentiable ELU: max(x, 0) + min(0, alpha * (exp(x / alpha) - 1)). Reference: arXiv 1704.07483.

    >>> celu(jnp.array([0.0, 1.0]), alpha=2.0).tolist()
    [0.0, 1.0]
    """
    return nn.celu(x, alpha)


@family.add
def selu(x: Any) -> jax.Array:
    """Scaled ELU, 1.0507 * elu(x, 1.6733): with lecun_normal it keeps mean 0 and variance 1.

    Reference: arXiv 1706.02515.

    >>> print(f"{selu(1.0):.4f}")
    1.0507
    """
    return nn.selu(x)


# smooth gates ---------------------------------------------------------------------------------------------------------
@family.add
def gelu(x: Any, approximate: bool = False) -> jax.Array:
    """Gaussian error linear unit: x * P(Z <= x) for standard normal Z. Reference: arXiv 1606.08415.

    `approximate` takes x * sigmoid(1.5958 (x + 0.044715 x^3)), which is the formula with tanh, for the error function.

    >>> print(f"{gelu(1.0):.4f}")
    0.8413
    """
    if not approximate:
        return nn.gelu(x, approximate=False)
    near = jnp.clip(x, -100, 100)  # the cube of more overflows, and nothing changes there
    return x * nn.sigmoid(2 * math.sqrt(2 / math.pi) * (near + 0.044715 * near**3))


def silu(x: Any) -> jax.Array:
    """x * sigmoid(x), also called swish. Reference: arXiv 1702.03118, 1710.05941.

    >>> print(f"{silu(1.0):.4f}")
    0.7311
    """
    return nn.silu(x)


@family.add
def mish(x: Any) -> jax.Array:
    """x * tanh(softplus(x)). Reference: arXiv 1908.08681.

    >>> print(f"{mish(1.0):.4f}")
    0.8651
    """
    return x * jnp.tanh(nn.softplus(x))


@family.add
def glu(x: Any, axis: int = -1) -> jax.Array:
    """Gated linear unit: the first half of an axis times the sigmoid of the second. Reference: arXiv 1612.08083.

    >>> glu(jnp.array([1.0, 2.0, 0.0, 0.0])).tolist()
    [0.5, 1.0]
    """
    return nn.glu(x, axis)


def hard_silu(x: Any) -> jax.Array:
    """x * hard_sigmoid(x), also called hard swish. Reference: arXiv 1905.02244.

    >>> hard_silu(jnp.array([-4.0, 0.0, 4.0])).tolist()
    [-0.0, 0.0, 4.0]
    """
    return nn.hard_silu(x)


swish = family.add(silu, "swish")
hard_swish = family.add(hard_silu, "hard_swish")


# squashing ------------------------------------------------------------------------------------------------------------
@family.add
def sigmoid(x: Any) -> jax.Array:
    """1 / (1 + exp(-x)), from 0 to 1.

    >>> sigmoid(jnp.array([-1e4, 0.0, 1e4])).tolist()
    [0.0, 0.5, 1.0]
    """
    return nn.sigmoid(x)


@family.add
def log_sigmoid(x: Any) -> jax.Array:
    """log(sigmoid(x)) = -softplus(-x), exact where sigmoid(x) is zero in floating point.

    >>> log_sigmoid(jnp.array([-1e4, 1e4])).tolist()
    [-10000.0, -0.0]
    """
    return nn.log_sigmoid(x)


@family.add
def hard_sigmoid(x: Any) -> jax.Array:
    """relu6(x + 3) / 6: a sigmoid of straight lines.

    >>> hard_sigmoid(jnp.array([-3.0, 0.0, 3.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    return nn.hard_sigmoid(x)


@family.add
def sparse_sigmoid(x: Any) -> jax.Array:
    """0 up to -1, 1 from 1 on, (x + 1) / 2 between: the derivative of `sparse_plus`.

    >>> sparse_sigmoid(jnp.array([-2.0, 0.0, 2.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    return nn.sparse_sigmoid(x)


@family.add
def tanh(x: Any) -> jax.Array:
    """Hyperbolic tangent, (exp(x) - exp(-x)) / (exp(x) + exp(-x)), from -1 to 1.

    >>> tanh(jnp.array([-1e4, 0.0, 1e4])).tolist()
    [-1.0, 0.0, 1.0]
    """
    return jnp.tanh(x)


@family.add
def hard_tanh(x: Any) -> jax.Array:
    """x kept within -1 and 1.

    >>> hard_tanh(jnp.array([-2.0, 0.5, 2.0])).tolist()
    [-1.0, 0.5, 1.0]
    """
    return nn.hard_tanh(x)


@family.add
def softsign(x: Any) -> jax.Array:
    """x / (1 + |x|), from -1 to 1.

    >>> softsign(jnp.array([-1.0, 3.0])).tolist()
    [-0.5, 0.75]
    """
    return nn.soft_sign(x)


# positive -------------------------------------------------------------------------------------------------------------
@family.add
def softplus(x: Any) -> jax.Array:
    """log(1 + exp(x)): a smooth relu.

    >>> softplus(jnp.array([-1e4, 1e4])).tolist()
    [0.0, 10000.0]
    """
    return nn.softplus(x)


@family.add
def sparse_plus(x: Any) -> jax.Array:
    """0 up to -1, x from 1 on, (x + 1)^2 / 4 between.

    >>> sparse_plus(jnp.array([-2.0, 0.0, 2.0])).tolist()
    [0.0, 0.25, 2.0]
    """
    near = jnp.clip(x, -1, 1)
    return jnp.where(x > 1, x, jnp.square(near + 1) / 4)


@family.add
def squareplus(x: Any, b: float = 4.0) -> jax.Array:
    """(x + sqrt(x^2 + b)) / 2: a smooth relu without exponentials. Reference: arXiv 2112.11687.

    >>> squareplus(jnp.array([0.0])).tolist()
    [1.0]
    """
    size = jnp.abs(x)
    unit = jnp.where(jnp.isinf(size), 1, jnp.maximum(size, 1))  # in which no square of a finite number overflows
    unit = jax.lax.stop_gradient(unit)
    far = size / 2 + unit / 2 * jnp.sqrt(jnp.square(size / unit) + b / jnp.square(unit))  # (|x| + sqrt(x^2 + b)) / 2
    return jnp.where(x >= 0, far, b / 4 / far)  # the same for b > 0, without taking near things from each other


@family.add
def exponential(x: Any) -> jax.Array:
    """exp(x).

    >>> exponential(jnp.array([0.0])).tolist()
    [1.0]
    """
    return jnp.exp(x)


# shrinking ------------------------------------------------------------------------------------------------------------
@family.add
def soft_shrink(x: Any, threshold: float = 0.5) -> jax.Array:
    """x moved towards zero by the threshold, zero within it.

    >>> soft_shrink(jnp.array([-1.0, 0.25, 2.0])).tolist()
    [-0.5, 0.0, 1.5]
    """
    return jnp.where(x > threshold, x - threshold, jnp.where(x < -threshold, x + threshold, 0.0))


@family.add
def hard_shrink(x: Any, threshold: float = 0.5) -> jax.Array:
    """x where |x| is above the threshold, zero elsewhere.

    >>> hard_shrink(jnp.array([-1.0, 0.25, 2.0])).tolist()
    [-1.0, 0.0, 2.0]
    """
    return jnp.where(jnp.abs(x) > threshold, x, 0.0)


@family.add
def tanh_shrink(x: Any) -> jax.Array:
    """x - tanh(x).

    >>> tanh_shrink(jnp.array([0.0, 20.0])).tolist()
    [0.0, 19.0]
    """
    return x - jnp.tanh(x)


@family.add
def threshold(x: Any, threshold: float, default_value: float) -> jax.Array:
    """x where it is above the threshold, default_value elsewhere.

    >>> threshold(jnp.array([1.0, 3.0]), 2.0, -1.0).tolist()
    [-1.0, 3.0]
    """
    return jnp.where(x > threshold, x, default_value)


@family.add
def linear(x: Any) -> Any:
    """x as it is.

    >>> linear(3.0)
    3.0
    """
    return x


# over an axis ---------------------------------------------------------------------------------------------------------
@family.add
def softmax(x: Any, axis: Axis = -1) -> jax.Array:
    """exp(x) / sum(exp(x)): positive numbers that sum to one along an axis.

    Where everything along the axis is -inf (a row that is masked away) the answer and its gradient are zeros, not NaN.

    Args:
        x: scores ("logits").
        axis: the axis, or axes, to sum over.

    >>> softmax(jnp.array([[1e4, 1e4], [-jnp.inf, -jnp.inf]])).tolist()
    [[0.5, 0.5], [0.0, 0.0]]
    """
    largest = jax.lax.stop_gradient(jnp.max(x, axis=axis, keepdims=True))
    powers = jnp.exp(x - jnp.where(jnp.isneginf(largest), 0.0, largest))
    total = jnp.sum(powers, axis=axis, keepdims=True)
    return powers / jnp.where(total == 0, 1.0, total)


@family.add
def log_softmax(x: Any, axis: Axis = -1) -> jax.Array:
    """log(softmax(x)) = x - log(sum(exp(x))), exact where the softmax is zero in floating point.

    A row of -inf stays -inf, with a gradient of zeros.

    >>> log_softmax(jnp.array([1e4, 0.0])).tolist()
    [0.0, -10000.0]
    """
    empty = jnp.all(jnp.isneginf(x), axis=axis, keepdims=True)
    return jnp.where(empty, -jnp.inf, nn.log_softmax(jnp.where(empty, 0.0, x), axis))


@family.add
def sparsemax(x: Any, axis: int = -1) -> jax.Array:
    """The nearest point to x whose entries are zero or more and sum to one: a softmax with exact zeros.

    With z sorted downwards, k the largest rank with 1 + k z_k > z_1 + ... + z_k, and tau = (z_1 + ... + z_k - 1) / k,
    the answer is max(x - tau, 0). Reference: arXiv 1602.02068.

    >>> sparsemax(jnp.array([2.0, 1.5, -3.0])).tolist()
    [0.75, 0.25, 0.0]
    """
    z = jnp.moveaxis(x, axis, -1)
    ordered = jnp.sort(z, axis=-1, descending=True)
    rank = jnp.arange(1, z.shape[-1] + 1, dtype=z.dtype)
    kept = 1 + rank * ordered > jnp.cumsum(ordered, axis=-1)
    k = jnp.sum(kept, axis=-1, keepdims=True)
    tau = (jnp.sum(jnp.where(kept, ordered, 0.0), axis=-1, keepdims=True) - 1) / k
    return jnp.moveaxis(jnp.maximum(z - tau, 0.0), -1, axis)
