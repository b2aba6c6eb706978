"""Layers that make one array of several: sums, products, extremes, concatenation and dot products.

Elementwise merges broadcast, and align inputs of fewer axes after the batch: (batch, 4) joins (batch, 3, 4).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

import jax
import jax.numpy as jnp

from ..config import axes as whole_axes
from ..core.forward import BATCH, LENGTHS
from ..core.layer import Layer
from ..errors import show_shape
from ..numerics import l2_normalize, widen


def either(self: Layer, inputs: Any, mask: Any) -> Any:
    """The mask of an elementwise merge: a step counts where it counts in any input; None if one has no mask."""
    if not isinstance(mask, (list, tuple)) or any(m is None for m in mask):
        return None
    return functools.reduce(jnp.logical_or, mask)


# elementwise ----------------------------------------------------------------------------------------------------------
class Add(Layer):
    """The sum of its inputs: x1 + x2 + ...

    Input: a list of arrays (batch, ...) whose shapes broadcast. Output: their common shape.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.Add()([np.ones((1, 2)), np.ones((1, 2)), np.ones((1, 1))]).tolist()
    [[3.0, 3.0]]
    """

    supports_masking: ClassVar[bool] = True
    compute_mask = either

    def call(self, inputs: Any) -> Any:
        return functools.reduce(jnp.add, aligned(self, inputs))


class Subtract(Layer):
    """The difference of two inputs: x1 - x2.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.Subtract()([np.full((1, 2), 5.0), np.ones((1, 2))]).tolist()
    [[4.0, 4.0]]
    """

    supports_masking: ClassVar[bool] = True
    compute_mask = either

    def call(self, inputs: Any) -> Any:
        left, right = aligned(self, inputs, exactly=2)
        return left - right


class Multiply(Layer):
    """The product of its inputs, element by element: x1 * x2 * ...

    A masked step counts as 1, so that it leaves the others' product alone; where all are masked the product is 0.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.Multiply()([np.full((1, 2), 5.0), np.full((1, 2), 2.0)]).tolist()
    [[10.0, 10.0]]
    """

    supports_masking: ClassVar[bool] = True
    compute_mask = either

    def call(self, inputs: Any, mask: Any = None) -> Any:
        arrays = aligned(self, inputs)
        masks = masks_for(arrays, mask)
        factors = [x if m is None else jnp.where(m, x, 1) for x, m in zip(arrays, masks, strict=True)]
        product = functools.reduce(jnp.multiply, factors)
        known = [m for m in masks if m is not None]
        return jnp.where(functools.reduce(jnp.logical_or, known), product, 0) if len(known) == len(arrays) else product


class Average(Layer):
    """The mean of its inputs: (x1 + x2 + ... + xn) / n.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.Average()([np.full((1, 2), 5.0), np.ones((1, 2))]).tolist()
    [[3.0, 3.0]]
    """

    supports_masking: ClassVar[bool] = True
    compute_mask = either

    def call(self, inputs: Any) -> Any:
        arrays = aligned(self, inputs)
        return functools.reduce(jnp.add, arrays) / len(arrays)


class Maximum(Layer):
    """The largest of its inputs, element by element; a masked step is left out.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.Maximum()([np.array([[1.0, 4.0]]), np.array([[3.0, 2.0]])]).tolist()
    [[3.0, 4.0]]
    """

    supports_masking: ClassVar[bool] = True
    compute_mask = either

    def call(self, inputs: Any, mask: Any = None) -> Any:
        return extreme(jnp.maximum, aligned(self, inputs), mask)


class Minimum(Layer):
    """The smallest of its inputs, element by element; a masked step is left out.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.Minimum()([np.array([[1.0, 4.0]]), np.array([[3.0, 2.0]])]).tolist()
    [[1.0, 2.0]]
    """

    supports_masking: ClassVar[bool] = True
    compute_mask = either

    def call(self, inputs: Any, mask: Any = None) -> Any:
        return extreme(jnp.minimum, aligned(self, inputs), mask)


# joining --------------------------------------------------------------------------------------------------------------
class Concatenate(Layer):
    """Its inputs one after the other along an axis.

    Args:
        axis: the axis that grows; all other sizes agree.

    The masks are joined along with them; an input without a mask counts throughout.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.Concatenate()([np.ones((2, 3)), np.ones((2, 4))]).shape
    (2, 7)
    """

    axis: int = -1
    supports_masking: ClassVar[bool] = True

    def call(self, inputs: Any) -> Any:
        arrays = several(self, inputs)
        axis = _axis(self, self.axis, arrays[0])
        others = {x.shape[:axis] + x.shape[axis + 1 :] for x in arrays}
        if len({x.ndim for x in arrays}) > 1 or len(others) > 1:
            raise self.error(
                f"the inputs may differ in axis {self.axis} only. Received shapes {_shown(arrays)}: "
                "bring them to equal sizes, or choose another axis"
            )
        return jnp.concatenate(arrays, axis)

    def compute_mask(self, inputs: Any, mask: Any) -> Any:
        if not isinstance(mask, (list, tuple)) or all(m is None for m in mask):
            return None
        rank = min(max(m.ndim for m in mask if m is not None), inputs[0].ndim - 1)
        whole = [
            jnp.ones(x.shape, bool) if m is None else jnp.broadcast_to(_trailing(m, x.ndim), x.shape)
            for x, m in zip(inputs, mask, strict=True)
        ]
        return jnp.any(jnp.concatenate(whole, self.axis), axis=tuple(range(rank, inputs[0].ndim)))


def _pair(value: Any) -> Any:
    """An axis, or one for each of two inputs."""
    value = whole_axes(value)
    if isinstance(value, tuple) and len(value) != 2:
        raise ValueError(f"expected one axis, or one for each of the two inputs. Received: {value!r}")
    return value


class Dot(Layer):
    """The dot products of two inputs along an axis of each: z[b, i, j] = sum over k of x[b, i, k] y[b, k, j].

    Args:
        axes: the axis that is summed over, for both inputs or (first, second); never the batch, 0.
        normalize: divide by the lengths first, which makes it the cosine of the angle between them.

    Input: [x, y]. Output: (batch, the other axes of x, the other axes of y); (batch, 1) for two vectors.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.Dot(axes=1)([np.ones((2, 3)), np.ones((2, 3))]).tolist()
    [[3.0], [3.0]]
    >>> fd.layers.Dot(axes=(2, 1))([np.ones((2, 5, 3)), np.ones((2, 3, 4))]).shape
    (2, 5, 4)
    """

    axes: Annotated[Any, _pair]
    normalize: bool = False

    def call(self, inputs: Any) -> Any:
        x, y = several(self, inputs, exactly=2)
        if x.ndim < 2 or y.ndim < 2 or x.shape[0] != y.shape[0]:
            raise self.error(f"expected two inputs (batch, ...) of one batch size. Received shapes {_shown((x, y))}")
        both = self.axes if isinstance(self.axes, tuple) else (self.axes, self.axes)
        i, j = _axis(self, both[0], x), _axis(self, both[1], y)
        if 0 in (i, j):
            raise self.error(f"axes={self.axes!r}: axis 0 is the batch, which is not summed over")
        if x.shape[i] != y.shape[j]:
            raise self.error(
                f"axis {both[0]} of the first input has size {x.shape[i]}, axis {both[1]} of the second {y.shape[j]}. "
                f"Received shapes {_shown((x, y))}: choose axes of equal size"
            )
        if self.normalize:
            x, y = (l2_normalize(widen(a), axis).astype(a.dtype) for a, axis in ((x, i), (y, j)))
        z = jax.lax.dot_general(x, y, (((i,), (j,)), ((0,), (0,))))  # (batch, *rest of x, *rest of y)
        return z if z.ndim > 1 else z[:, None]


# functions ------------------------------------------------------------------------------------------------------------
def add(inputs: Any, **kwargs: Any) -> Any:
    """The sum of a list of arrays or symbols, by a new `Add(**kwargs)`.

    >>> import freedive as fd
    >>> fd.layers.add([fd.Input((4,)), fd.Input((4,))]).shape
    (None, 4)
    """
    return Add(**kwargs)(inputs)


def subtract(inputs: Any, **kwargs: Any) -> Any:
    """The difference of two arrays or symbols in a list, by a new `Subtract(**kwargs)`.

    >>> import numpy as np
    >>> subtract([np.array([[3.0]]), np.array([[1.0]])])[0].tolist()
    [2.0]
    """
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Any, **kwargs: Any) -> Any:
    """The elementwise product of a list of arrays or symbols, by a new `Multiply(**kwargs)`.

    >>> import numpy as np
    >>> multiply([np.array([[3.0]]), np.array([[1.0]])])[0].tolist()
    [3.0]
    """
    return Multiply(**kwargs)(inputs)


def average(inputs: Any, **kwargs: Any) -> Any:
    """The mean of a list of arrays or symbols, by a new `Average(**kwargs)`.

    >>> import numpy as np
    >>> average([np.array([[3.0]]), np.array([[1.0]])])[0].tolist()
    [2.0]
    """
    return Average(**kwargs)(inputs)


def maximum(inputs: Any, **kwargs: Any) -> Any:
    """The elementwise maximum of a list of arrays or symbols, by a new `Maximum(**kwargs)`.

    >>> import numpy as np
    >>> maximum([np.array([[3.0]]), np.array([[1.0]])])[0].tolist()
    [3.0]
    """
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Any, **kwargs: Any) -> Any:
    """The elementwise minimum of a list of arrays or symbols, by a new `Minimum(**kwargs)`.

    >>> import numpy as np
    >>> minimum([np.array([[3.0]]), np.array([[1.0]])])[0].tolist()
    [1.0]
    """
    return Minimum(**kwargs)(inputs)


def concatenate(inputs: Any, axis: int = -1, **kwargs: Any) -> Any:
    """A list of arrays or symbols, joined along an axis by a new `Concatenate(axis, **kwargs)`.

    >>> import numpy as np
    >>> concatenate([np.array([[3.0]]), np.array([[1.0]])])[0].tolist()
    [3.0, 1.0]
    """
    return Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs: Any, axes: Any = -1, **kwargs: Any) -> Any:
    """The dot products of two arrays or symbols in a list, by a new `Dot(axes, **kwargs)`.

    >>> import numpy as np
    >>> dot([np.array([[3.0]]), np.array([[1.0]])]).ravel().tolist()
    [3.0]
    """
    return Dot(axes=axes, **kwargs)(inputs)


# helpers --------------------------------------------------------------------------------------------------------------
def several(layer: Layer, inputs: Any, exactly: int | None = None) -> list[Any]:
    """The inputs of a merge, which come as a list."""
    if not isinstance(inputs, (list, tuple)):
        name = type(layer).__name__
        raise layer.error(f"expected a list of inputs: {name}()([a, b]). Received one of shape {_shown([inputs])}")
    if not inputs or (exactly is not None and len(inputs) != exactly):
        wanted = "at least one input" if exactly is None else f"exactly {exactly} inputs"
        raise layer.error(f"expected {wanted} in the list. Received: {len(inputs)}")
    return [jnp.asarray(x) for x in inputs]


def aligned(layer: Layer, inputs: Any, exactly: int | None = None) -> list[Any]:
    """The inputs with equally many axes, new ones after the batch; shapes that do not broadcast are an error."""
    arrays = several(layer, inputs, exactly)
    rank = max(x.ndim for x in arrays)
    wide = [x.reshape(x.shape[:1] + (1,) * (rank - x.ndim) + x.shape[1:]) if x.ndim else x for x in arrays]
    if len({x.shape[0] for x in wide if x.ndim}) > 1:
        raise layer.error(f"the inputs have different batch sizes. Received shapes {_shown(arrays)}")
    try:
        jnp.broadcast_shapes(*(x.shape for x in wide))
    except ValueError:
        raise layer.error(
            f"the shapes of the inputs do not fit each other. Received {_shown(arrays)}: expected equal sizes, or 1, "
            "in every axis, counted from the last"
        ) from None
    return wide


def masks_for(arrays: Sequence[Any], mask: Any) -> list[Any]:
    """For every array a mask with as many axes, or None."""
    masks = mask if isinstance(mask, (list, tuple)) else [mask] * len(arrays)
    return [None if m is None else _trailing(m, x.ndim) for x, m in zip(arrays, masks, strict=True)]


def extreme(choose: Any, arrays: Sequence[Any], mask: Any) -> Any:
    """The maximum or minimum of arrays; what is masked takes the value of the others."""
    best, known = None, None
    for x, m in zip(arrays, masks_for(arrays, mask), strict=True):
        if best is None:
            best, known = x, m
            continue
        x = x if m is None else jnp.where(m, x, best)
        best = choose(best if known is None else jnp.where(known, best, x), x)
        known = None if m is None or known is None else m | known
    return best


def _trailing(mask: Any, rank: int) -> Any:
    """A mask with axes of size 1 behind it, up to a rank."""
    return mask.reshape(mask.shape + (1,) * (rank - mask.ndim))


def _axis(layer: Layer, axis: int, x: Any) -> int:
    """An axis counted from the first."""
    if not -x.ndim <= axis < x.ndim:
        raise layer.error(f"axis {axis} does not exist in an input of shape {_shown([x])}")
    return axis % x.ndim


def _shown(arrays: Sequence[Any]) -> str:
    """Shapes for a message; sizes that stand for unknown ones as None."""
    return ", ".join(show_shape(None if d == BATCH or d in LENGTHS else d for d in jnp.shape(x)) for x in arrays)
