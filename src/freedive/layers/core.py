"""Dense connections: every output from every input, along one axis or many."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import jax.numpy as jnp

from ..activations import Activation, relu
from ..config import PositiveInt
from ..constraints import ConstraintLike
from ..core.forward import shape_of
from ..core.layer import Layer
from ..initializers import InitializerLike, along
from ..ops.products import affine
from ..regularizers import RegularizerLike


class Dense(Layer):
    """Every output is a weighted sum of every input feature: a = f(x W + b).

    Args:
        units: the number of outputs.
        activation: f, a name or a function; none unless given.
        use_bias: whether b is added.

    Input: (..., features). Output: (..., units).

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.Dense(3, activation="relu")(np.ones((2, 4))).shape
    (2, 3)
    """

    units: PositiveInt
    activation: Activation = None
    use_bias: bool = True
    kernel_initializer: InitializerLike = "glorot_uniform"
    bias_initializer: InitializerLike = "zeros"
    kernel_regularizer: RegularizerLike = None
    bias_regularizer: RegularizerLike = None
    activity_regularizer: RegularizerLike = None
    kernel_constraint: ConstraintLike = None
    bias_constraint: ConstraintLike = None
    supports_masking: ClassVar[bool] = True

    def call(self, x: Any) -> Any:  # (..., features) -> (..., units)
        if x.ndim == 0:
            raise self.error("expected an array with features, (batch, features). Received a single number")
        shape = (x.shape[-1], self.units)
        kernel = self.param("kernel", shape, self.kernel_initializer, "kernel_regularizer", self.kernel_constraint)
        rule = self.bias_initializer, "bias_regularizer", self.bias_constraint
        bias = self.param("bias", (self.units,), *rule) if self.use_bias else None
        if self.activation is relu and not self.tapped:
            return affine(x, kernel, bias, rectified=True, answering=not self.training)
        return self.activate(affine(x, kernel, bias, answering=not self.training))


class EinsumDense(Layer):
    """A dense layer along any axes: a = f(einsum(equation, x, W) + b).

    Args:
        equation: as for `einsum`, with the input and the kernel: "abc,cd->abd"; "..." stands for axes in front of or
            behind the others, "...x,xy->...y".
        output_shape: sizes of the output without the batch axis (and without what "..." stands for); None for a size
            that is the input's.
        activation: f, a name or a function; none unless given.
        bias_axes: the letters of the output along which the bias differs; no bias unless given.

    Input and output: as the equation says.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.EinsumDense("abc,cde->abde", output_shape=(None, 3, 4), bias_axes="de")(np.ones((2, 5, 6))).shape
    (2, 5, 3, 4)
    """

    equation: str
    output_shape: Any
    activation: Activation = None
    bias_axes: str | None = None
    kernel_initializer: InitializerLike = "glorot_uniform"
    bias_initializer: InitializerLike = "zeros"
    kernel_regularizer: RegularizerLike = None
    bias_regularizer: RegularizerLike = None
    activity_regularizer: RegularizerLike = None
    kernel_constraint: ConstraintLike = None
    bias_constraint: ConstraintLike = None
    supports_masking: ClassVar[bool] = True

    def __post_init__(self):
        super().__post_init__()
        given = self.output_shape
        self.output_shape = tuple(given) if isinstance(given, (list, tuple)) else (given,)
        if not EQUATION.fullmatch(self.equation):
            raise ValueError(
                f'EinsumDense(equation={self.equation!r}): expected "input,kernel->output" in letters, with "..." '
                'in front of or behind the letters of both input and output, like "abc,cd->abd" or "...x,xy->...y"'
            )

    def call(self, x: Any) -> Any:
        kernel_shape, bias_shape = self._shapes(x)
        first = along(self.kernel_initializer, *self._kernel_axes())
        kernel = self.param("kernel", kernel_shape, first, "kernel_regularizer", self.kernel_constraint)
        z = jnp.einsum(self.equation, x, kernel)
        if self.bias_axes:
            z = z + self.param("bias", bias_shape, self.bias_initializer, "bias_regularizer", self.bias_constraint)
        return self.activate(z)

    def _kernel_axes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The axes of the kernel that count the inputs of a unit, and those that count its outputs."""
        kernel, outputs = EQUATION.fullmatch(self.equation).group("kernel", "output")  # type: ignore
        axes = range(len(kernel))
        return tuple(i for i in axes if kernel[i] not in outputs), tuple(i for i in axes if kernel[i] in outputs)

    def _shapes(self, x: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The shapes of the kernel and of the bias."""
        inputs, kernel, outputs = EQUATION.fullmatch(self.equation).group("input", "kernel", "output")  # type: ignore
        front = self.equation.startswith("...")
        rest = x.ndim - len(inputs)
        if rest < 0 or (rest and "..." not in self.equation):
            raise self.error(f"equation {self.equation!r} is for {len(inputs)} axes. Received shape {shape_of(x)}")
        sizes = dict(zip(inputs, x.shape[rest:] if front else x.shape, strict=False))
        wanted = self.output_shape if front and rest else (None, *self.output_shape)
        if len(wanted) != len(outputs):
            raise self.error(f"output_shape={self.output_shape} does not give a size to each of the axes {outputs!r}")
        for letter, size in zip(outputs, wanted, strict=True):
            if size is not None and sizes.setdefault(letter, size) != size:
                raise self.error(
                    f"output_shape={self.output_shape} asks for {letter}={size}, but the input, of shape "
                    f"{shape_of(x)}, has {letter}={sizes[letter]}"
                )
        unknown = [letter for letter in kernel + outputs if letter not in sizes]
        if unknown:
            raise self.error(f"the size of {unknown[0]!r} in {self.equation!r} follows from neither input nor output")
        first = min((outputs.find(letter) for letter in self.bias_axes or ""), default=0)
        bias = [sizes[letter] if letter in (self.bias_axes or "") else 1 for letter in outputs]
        return tuple(sizes[letter] for letter in kernel), (*bias[first:],) if front else (*bias[first:], *(1,) * rest)


EQUATION = re.compile(
    r"(?P<front>\.\.\.)?(?P<input>[a-zA-Z]+)(?P<behind>\.\.\.)?,(?P<kernel>[a-zA-Z]+)"
    r"->(?(front)\.\.\.)(?P<output>[a-zA-Z]+)(?(behind)\.\.\.)"
)


class Identity(Layer):
    """Hands its input on.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.Identity()(np.ones((1, 2))).tolist()
    [[1.0, 1.0]]
    """

    supports_masking: ClassVar[bool] = True

    def call(self, x: Any) -> Any:
        return x
