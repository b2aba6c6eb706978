"""Dense layers in a row on a few rows, by one native call that Python makes itself, without XLA's dispatch."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from . import LIBRARY

ACTIVATIONS = ("linear", "relu", "softmax", "sigmoid", "tanh")  # in the order of loops.h


class Part(NamedTuple):
    """One layer: a kernel (features, units), a bias (units,) or None, the name of an activation."""

    kernel: Any
    bias: Any
    activation: str


@functools.cache
def _door() -> Callable[..., bool]:
    door = ctypes.PyDLL(str(LIBRARY)).freedive_few  # which keeps the interpreter: it takes microseconds
    door.restype = ctypes.c_bool
    door.argtypes = [ctypes.c_void_p, *[ctypes.c_long] * 3, *[ctypes.c_void_p] * 4]
    return door


class Few:
    """Answers a few rows at once; native loops must be `available`.

    Args:
        parts: the layers in order; their weights are copied.
    """

    def __init__(self, parts: list[Part]):
        sizes = [part.kernel.shape for part in parts]
        self.width = sizes[-1][1]
        arrays = []
        for part in parts:
            bias = np.zeros(part.kernel.shape[1]) if part.bias is None else part.bias
            arrays += [np.ravel(part.kernel), np.ravel(bias)]
        self.weights = np.concatenate(arrays, dtype=np.float32, casting="same_kind")
        numbers = ctypes.c_long * len(parts)
        widths = numbers(*(width for _, width in sizes))
        following = numbers(*(ACTIVATIONS.index(part.activation) for part in parts))
        self.told = (sizes[0][0], len(parts), widths, following, self.weights.ctypes.data)

    def __call__(self, x: np.ndarray) -> np.ndarray | None:
        """The outputs (rows, units) for x (rows, ...): contiguous, float32, as large as the first kernel asks for.

        None if x is not finite.
        """
        y = np.empty((len(x), self.width), np.float32)
        return y if _door()(x.ctypes.data, len(x), *self.told, y.ctypes.data) else None
