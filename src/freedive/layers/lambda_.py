"""Any function as a layer."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import jax

from .. import config
from ..core.layer import Layer


def _function(value: Any) -> Callable[..., Any]:
    """A function, or the name that one was registered under."""
    if isinstance(value, str):
        return config.functions.find(value)
    if not callable(value):
        raise TypeError(f"expected a function of the input. Received: {value!r}")
    return value


def _arguments(value: Any) -> dict[str, Any]:
    """Keyword arguments as a dict."""
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise TypeError(f"expected a dict of keyword arguments. Received: {value!r}")
    return dict(value)


def _shape(value: Any) -> Any:
    """A shape as a tuple, from a file's list too."""
    return tuple(value) if isinstance(value, list) else value


class Lambda(Layer):
    """What a function of the input gives, without weights: a quick way to put `lambda x: x / 255` into a model.

    The function computes with operators, methods of arrays and `jax.numpy`. A model with it can be saved when the
    function is registered by `freedive.register`, since a file holds names and never code. Functions with weights
    are layers: subclass Layer.

    Args:
        function: of the input (a list, where the layer is called on one). It may take `mask` and `training` too.
        output_shape: not needed; accepted for Keras' sake, since shapes are found by tracing.
        mask: the mask of the output, or a function of (inputs, mask) that gives it; by default it has none.
        arguments: keyword arguments of the function.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.Lambda(lambda x, power: x**power, arguments={"power": 2})(np.array([[1.0, 3.0]])).tolist()
    [[1.0, 9.0]]
    """

    function: Annotated[Any, _function]
    output_shape: Annotated[Any, _shape] = None
    mask: Any = None
    arguments: Annotated[Any, _arguments] = None

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        offered = {"mask": mask, "training": training}
        taken = {name: value for name, value in offered.items() if name in _parameters(self.function)}
        try:
            outputs = self.function(inputs, **{**taken, **self.arguments})
        except jax.errors.TracerArrayConversionError:
            raise self.error(
                "its function needs the numbers of an array that is still to come, as numpy's functions do. "
                "Use jax.numpy (jnp.mean for np.mean), or methods and operators: x.mean(), x * 2"
            ) from None
        if outputs is None:
            raise self.error("its function gave None: let it return an array")
        return outputs

    def compute_mask(self, inputs: Any, mask: Any) -> Any:
        return self.mask(inputs, mask) if callable(self.mask) else self.mask


def _parameters(function: Callable[..., Any]) -> frozenset[str]:
    """The names of a function's arguments; none for one that does not tell."""
    try:
        return frozenset(inspect.signature(function).parameters)
    except ValueError:  # some functions written in C
        return frozenset()
