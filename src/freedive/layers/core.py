"""The layers that most networks are made of: dense connections, activations and shapes."""

from __future__ import annotations

from typing import Any, ClassVar

from ..activations import Activation
from ..config import PositiveInt
from ..constraints import Constraint
from ..core.layer import Layer
from ..initializers import Initializer
from ..regularizers import Regularizer


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
    kernel_initializer: Initializer = "glorot_uniform"
    bias_initializer: Initializer = "zeros"
    kernel_regularizer: Regularizer = None
    bias_regularizer: Regularizer = None
    activity_regularizer: Regularizer = None
    kernel_constraint: Constraint = None
    bias_constraint: Constraint = None
    supports_masking: ClassVar[bool] = True

    def call(self, x: Any) -> Any:  # (..., features) -> (..., units)
        shape = (x.shape[-1], self.units)
        kernel = self.param("kernel", shape, self.kernel_initializer, "kernel_regularizer", self.kernel_constraint)
        z = x @ kernel
        if self.use_bias:
            bias = self.param("bias", (self.units,), self.bias_initializer, "bias_regularizer", self.bias_constraint)
            z = z + bias
        return self.activate(z)


class Flatten(Layer):
    """All axes but the batch as one. Input: (batch, ...). Output: (batch, product of the rest).

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.Flatten()(np.ones((2, 3, 4))).shape
    (2, 12)
    """

    def call(self, x: Any) -> Any:
        return x.reshape(x.shape[0], -1)
