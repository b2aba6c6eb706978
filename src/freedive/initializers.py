"""Initializers: the values that weights start from, drawn on the host.

Values are drawn with numpy, not with compiled jax.random, whose first compilation takes seconds. Every initializer is
called as `initializer(shape, dtype, rng)` and gives a numpy array. Names, defaults and formulas are Keras'.
"""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Callable, Sequence
from typing import Annotated, Any, ClassVar

import jax
import numpy as np

from . import config
from .config import Axes, Configured, Family, PositiveFloat, one_of
from .errors import show_shape

Mode = Annotated[str, one_of("fan_in", "fan_out", "fan_avg")]
Distribution = Annotated[str, str.lower, one_of("uniform", "normal", "truncated_normal", "untruncated_normal")]

Shape = tuple[int, ...]
Rng = np.random.Generator
FAMILY = Family("initializer")
__getattr__ = FAMILY.other_names(__name__)  # glorot_uniform for GlorotUniform


def get(identifier: Any) -> Any:
    """The initializer that an argument means.

    Args:
        identifier: None, a name, an initializer, its class, its configuration, a number or an array (`Constant`), a
            function `f(shape, dtype)`, or a function `f(key, shape, dtype)` as in `jax.nn.initializers`.

    >>> get("he_normal"), get(0.5)
    (HeNormal(), Constant(value=0.5))
    """
    if isinstance(identifier, (int, float, np.ndarray, np.generic, jax.Array)) and not isinstance(identifier, bool):
        return Constant(identifier)
    found = config.get(FAMILY, identifier, Initializer)
    if found is None or type(found).__call__ is Initializer.__call__:
        return found
    return FunctionInitializer(found)


InitializerLike = Annotated[Any, get]  # the type of a field that holds an initializer, given as `get` takes it


class Initializer(Configured):
    """Base of the initializers: subclass it and write `draw`. As a field's type it takes whatever `get` takes.

    A `seed` in the initializer's fields makes its values a function of seed and shape alone; without one they come
    from the given random generator, so that two layers that share an initializer start differently.

    Example:

    >>> class Ramp(Initializer):
    ...     step: float = 1.0
    ...     def draw(self, shape, dtype, rng):
    ...         return self.step * np.arange(math.prod(shape), dtype=dtype).reshape(shape)
    >>> Ramp(0.5)((2, 2)).tolist()
    [[0.0, 0.5], [1.0, 1.5]]
    """

    family: ClassVar[Family | None] = FAMILY
    convert = staticmethod(get)

    def draw(self, shape: Shape, dtype: np.dtype, rng: Rng) -> np.ndarray:
        """Values of that shape; dtype is the type they will have."""
        raise NotImplementedError(f"{type(self).__name__} needs a draw method: draw(shape, dtype, rng) -> array")

    def __call__(self, shape: Sequence[int], dtype: Any = "float32", rng: Rng | None = None) -> np.ndarray:
        """Values of that shape and type to start from; `rng` (None: a fresh one) is asked unless there is a seed."""
        shape, dtype = tuple(map(int, shape)), np.dtype(dtype)
        seed = getattr(self, "seed", None)
        if seed is not None or rng is None:
            rng = np.random.default_rng(seed)
        return np.asarray(self.draw(shape, dtype, rng)).astype(dtype, copy=False)


# constants ------------------------------------------------------------------------------------------------------------
class Zeros(Initializer):
    """All 0.

    >>> Zeros()((2,)).tolist()
    [0.0, 0.0]
    """

    aliases = ("zero",)

    def draw(self, shape, dtype, rng):
        return np.zeros(shape, dtype)


class Ones(Initializer):
    """All 1.

    >>> Ones()((2,)).tolist()
    [1.0, 1.0]
    """

    aliases = ("one",)

    def draw(self, shape, dtype, rng):
        return np.ones(shape, dtype)


def _number_or_array(value: Any) -> Any:
    return np.asarray(value) if np.ndim(value) else value


class Constant(Initializer):
    """One number everywhere, or given values.

    Args:
        value: a number, or an array of the very shape of the weight, such as pretrained embeddings; a saved model
            keeps it, beside what was learned.

    >>> Constant(3.0)((2,)).tolist(), Constant([1.0, 2.0])((2,)).tolist()
    ([3.0, 3.0], [1.0, 2.0])
    """

    value: Annotated[Any, _number_or_array] = 0.0

    def draw(self, shape, dtype, rng):
        value = np.asarray(self.value, dtype)
        if value.ndim and value.shape != shape:
            shapes = f"the values have shape {show_shape(value.shape)}, the weight has {show_shape(shape)}"
            raise ValueError(f"Constant: {shapes}. Give one number, or an array of the weight's shape")
        return np.full(shape, value, dtype)


class Identity(Initializer):
    """The identity matrix times `gain`, for weights of two axes.

    >>> Identity(2.0)((2, 2)).tolist()
    [[2.0, 0.0], [0.0, 2.0]]
    """

    aliases = ("IdentityInitializer",)
    gain: float = 1.0

    def draw(self, shape, dtype, rng):
        if len(shape) != 2:
            raise ValueError(f"Identity makes matrices: expected a shape of two axes. Received: {show_shape(shape)}")
        return np.eye(*shape, dtype=dtype) * np.asarray(self.gain, dtype)


# random numbers -------------------------------------------------------------------------------------------------------
class RandomNormal(Initializer):
    """Normal numbers with the given mean and standard deviation.

    >>> RandomNormal(stddev=1.0, seed=1)((2, 3)).shape
    (2, 3)
    """

    aliases = ("normal",)
    mean: float = 0.0
    stddev: float = 0.05
    seed: int | None = None

    def draw(self, shape, dtype, rng):
        return _normal(rng, shape, dtype, self.stddev, self.mean)


class TruncatedNormal(Initializer):
    """Normal numbers, those further than two `stddev` from the mean drawn again.

    >>> bool(abs(TruncatedNormal(stddev=1.0)((1000,))).max() <= 2)
    True
    """

    mean: float = 0.0
    stddev: float = 0.05
    seed: int | None = None

    def draw(self, shape, dtype, rng):
        return _truncated_normal(rng, shape, dtype, self.stddev, self.mean)


class RandomUniform(Initializer):
    """Numbers spread evenly from `minval` to `maxval`.

    >>> bool(abs(RandomUniform()((1000,))).max() <= 0.05)
    True
    """

    aliases = ("uniform",)
    minval: float = -0.05
    maxval: float = 0.05
    seed: int | None = None

    def draw(self, shape, dtype, rng):
        return _uniform(rng, shape, dtype, self.minval, self.maxval)


class VarianceScaling(Initializer):
    """Random numbers of mean 0 and variance scale / n, so that signals neither grow nor fade through layers.

    Args:
        scale: of the variance.
        mode: what n is: "fan_in" (inputs of a unit), "fan_out" (its outputs) or "fan_avg" (their mean).
        distribution: "truncated_normal" (or "normal"; corrected so that cutting the tails keeps the variance),
            "untruncated_normal" or "uniform".
        seed: makes the values a function of seed and shape.
        input_axes, output_axes: axes that count inputs and outputs, where (..., inputs, outputs) does not hold.

    >>> VarianceScaling(mode="fan_out", distribution="uniform", seed=1)((3, 4)).shape
    (3, 4)
    """

    scale: PositiveFloat = 1.0
    mode: Mode = "fan_in"
    distribution: Distribution = "truncated_normal"
    seed: int | None = None
    input_axes: Axes | None = None
    output_axes: Axes | None = None

    def draw(self, shape, dtype, rng):
        fan_in, fan_out = fans(shape, self.input_axes, self.output_axes)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        stddev = math.sqrt(self.scale / max(1.0, n))
        if self.distribution == "uniform":
            return _uniform(rng, shape, dtype, -math.sqrt(3) * stddev, math.sqrt(3) * stddev)
        if self.distribution == "untruncated_normal":
            return _normal(rng, shape, dtype, stddev)
        return _truncated_normal(rng, shape, dtype, stddev / TRUNCATED_STDDEV)


class _Scaled(Initializer):
    """A `VarianceScaling` whose rule has a name."""

    rule: ClassVar[tuple[float, str, str]]
    seed: int | None = None
    input_axes: Axes | None = None
    output_axes: Axes | None = None

    def draw(self, shape, dtype, rng):
        return VarianceScaling(*self.rule, None, self.input_axes, self.output_axes).draw(shape, dtype, rng)


class GlorotUniform(_Scaled):
    """Uniform within sqrt(6 / (fan_in + fan_out)), also called Xavier: for tanh, sigmoid and softmax layers.

    Reference: Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks".

    >>> bool(abs(GlorotUniform()((3, 3))).max() <= 1)
    True
    """

    rule = (1.0, "fan_avg", "uniform")


class GlorotNormal(_Scaled):
    """Truncated normal of variance 2 / (fan_in + fan_out), also called Xavier. Reference: as `GlorotUniform`.

    >>> GlorotNormal(seed=1)((3, 3)).shape
    (3, 3)
    """

    rule = (1.0, "fan_avg", "truncated_normal")


class HeUniform(_Scaled):
    """Uniform within sqrt(6 / fan_in): for layers of rectifiers. Reference: arXiv 1502.01852.

    >>> bool(abs(HeUniform()((6, 3))).max() <= 1)
    True
    """

    rule = (2.0, "fan_in", "uniform")


class HeNormal(_Scaled):
    """Truncated normal of variance 2 / fan_in: for layers of rectifiers. Reference: arXiv 1502.01852.

    >>> HeNormal(seed=1)((3, 3)).shape
    (3, 3)
    """

    rule = (2.0, "fan_in", "truncated_normal")


class LecunUniform(_Scaled):
    """Uniform within sqrt(3 / fan_in). Reference: LeCun et al. 1998, "Efficient BackProp".

    >>> bool(abs(LecunUniform()((3, 3))).max() <= 1)
    True
    """

    rule = (1.0, "fan_in", "uniform")


class LecunNormal(_Scaled):
    """Truncated normal of variance 1 / fan_in: for `selu` layers. Reference: LeCun et al. 1998, "Efficient BackProp".

    >>> LecunNormal(seed=1)((3, 3)).shape
    (3, 3)
    """

    rule = (1.0, "fan_in", "truncated_normal")


class Orthogonal(Initializer):
    """A random matrix whose columns (or rows, whichever are fewer) are of length `gain` and at right angles.

    A weight of more than two axes is made as the matrix (all but the last axis, last axis).
    Reference: Saxe et al. 2014, arXiv 1312.6120.

    >>> q = Orthogonal(seed=1)((4, 2))
    >>> bool(np.allclose(q.T @ q, np.eye(2), atol=1e-6))
    True
    """

    aliases = ("OrthogonalInitializer",)
    gain: float = 1.0
    seed: int | None = None

    def draw(self, shape, dtype, rng):
        if len(shape) < 2:
            raise ValueError(f"Orthogonal makes matrices: expected two or more axes. Received: {show_shape(shape)}")
        from scipy.linalg import qr  # comes with jax; twice as fast as numpy's

        rows, columns = math.prod(shape[:-1]), shape[-1]
        factors: Any = qr(_normal(rng, (max(rows, columns), min(rows, columns)), dtype), mode="economic")
        q, r = factors
        q *= np.where(np.diag(r) < 0, -1, 1).astype(q.dtype) * q.dtype.type(self.gain)  # else not evenly spread
        return (q if rows >= columns else q.T).reshape(shape)


class FunctionInitializer(Initializer):
    """A function as an initializer: `f(shape, dtype)`, or `f(key, shape, dtype)` as in `jax.nn.initializers`.

    >>> FunctionInitializer(np.ones)((2,)).tolist()
    [1.0, 1.0]
    """

    function: Callable[..., Any]

    def draw(self, shape, dtype, rng):
        key = [jax.random.key(rng.integers(2**32))] if takes_key(self.function) else []
        values = self.function(*key, shape, dtype)
        if np.shape(values) != shape:
            gave = show_shape(np.shape(values))
            raise ValueError(f"{self!r} was asked for the shape {show_shape(shape)} and gave {gave}")
        return values


# draws ----------------------------------------------------------------------------------------------------------------
TRUNCATED_STDDEV = 0.87962566103423978  # of a standard normal variable cut off at -2 and 2


def _normal(rng: Rng, shape: Shape, dtype: np.dtype, stddev: float = 1.0, mean: float = 0.0) -> np.ndarray:
    """Normal numbers, in float64 if that is asked for and in float32 otherwise."""
    return _moved(rng.standard_normal(shape, dtype=_drawn(dtype)), stddev, mean)


def _truncated_normal(rng: Rng, shape: Shape, dtype: np.dtype, stddev: float = 1.0, mean: float = 0.0) -> np.ndarray:
    """Normal numbers within two stddev of the mean; only those outside (one in 22) are drawn again."""
    values = rng.standard_normal(math.prod(shape), dtype=_drawn(dtype))
    outside = np.flatnonzero(np.abs(values) > 2)
    while outside.size:
        values[outside] = rng.standard_normal(outside.size, dtype=values.dtype)
        outside = outside[np.abs(values[outside]) > 2]
    return _moved(values.reshape(shape), stddev, mean)


def _uniform(rng: Rng, shape: Shape, dtype: np.dtype, low: float, high: float) -> np.ndarray:
    """Numbers spread evenly from low to high."""
    return _moved(rng.random(shape, dtype=_drawn(dtype)), high - low, low)


def fans(shape: Shape, input_axes: int | Shape | None = None, output_axes: int | Shape | None = None) -> Shape:
    """How many numbers a unit of this weight takes in, and how many units a number goes to.

    >>> fans((3, 3, 16, 32)), fans((64, 10)), fans((7,)), fans(())
    ((144, 288), (64, 10), (7, 7), (1, 1))
    """
    if input_axes is not None and output_axes is not None:
        fan_in, fan_out = (math.prod(shape[axis] for axis in np.ravel(axes)) for axes in (input_axes, output_axes))
        return fan_in, fan_out
    if len(shape) < 2:
        return math.prod(shape), math.prod(shape)
    field = math.prod(shape[:-2])
    return field * shape[-2], field * shape[-1]


def along(initializer: Any, input_axes: Shape, output_axes: Shape) -> Any:
    """The initializer, counting inputs and outputs along these axes if it counts any and was told no others.

    For kernels that are not (..., inputs, outputs), such as those of attention: (features, heads, size).

    >>> along(GlorotUniform(), (0,), (1, 2)), along(Zeros(), (0,), (1, 2))
    (GlorotUniform(input_axes=(0,), output_axes=(1, 2)), Zeros())
    """
    told = getattr(initializer, "input_axes", None), getattr(initializer, "output_axes", None)
    if not isinstance(initializer, (VarianceScaling, _Scaled)) or None not in told:
        return initializer
    return dataclasses.replace(initializer, input_axes=input_axes, output_axes=output_axes)


def takes_key(function: Callable[..., Any]) -> bool:
    """Whether a function wants a jax key before the shape.

    >>> takes_key(jax.nn.initializers.glorot_normal()), takes_key(np.zeros)
    (True, False)
    """
    try:
        first, second, *_ = [*inspect.signature(function).parameters, "", ""]
    except ValueError:  # some functions written in C tell nothing about themselves
        return False
    return second == "shape" or first in ("key", "rng")


def _drawn(dtype: np.dtype) -> type:
    return np.float64 if dtype == np.float64 else np.float32


def _moved(values: np.ndarray, scale: float, shift: float) -> np.ndarray:
    values *= values.dtype.type(scale)
    if shift:
        values += values.dtype.type(shift)
    return values
