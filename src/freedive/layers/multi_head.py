"""Attention with several heads: each sees the queries, keys and values through projections of its own."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from ..config import Fraction, PositiveInt, axes, integer, positive
from ..constraints import ConstraintLike
from ..core import forward
from ..core.layer import Layer
from ..errors import show_shape
from ..initializers import InitializerLike, along
from ..ops.attention import attention, causal_mask, combined_mask, dot_product_attention, window_mask
from ..ops.products import affine
from ..regularizers import RegularizerLike
from .dropping import keep_factors
from .regularization import Seed

RULES = ["use_bias"]  # the fields that projections share with their layer
RULES += [f"{weight}_{rule}" for weight in ("kernel", "bias") for rule in ("initializer", "regularizer", "constraint")]


class _Projection(Layer):
    """(..., *inputs) -> (..., *outputs): a dense layer over the last axis, or over the last few."""

    over: int = 1
    kernel_initializer: InitializerLike = "glorot_uniform"
    bias_initializer: InitializerLike = "zeros"
    kernel_regularizer: RegularizerLike = None
    bias_regularizer: RegularizerLike = None
    kernel_constraint: ConstraintLike = None
    bias_constraint: ConstraintLike = None
    use_bias: bool = True

    def call(self, x: Any, shape: tuple[int, ...]) -> Any:
        kernel_shape = (*x.shape[x.ndim - self.over :], *shape)
        axes = tuple(range(len(kernel_shape)))
        first = along(self.kernel_initializer, axes[: self.over], axes[self.over :])
        rule = first, "kernel_regularizer", self.kernel_constraint
        kernel = self.param("kernel", kernel_shape, *rule)
        rule = self.bias_initializer, "bias_regularizer", self.bias_constraint
        bias = self.param("bias", shape, *rule).reshape(-1) if self.use_bias else None
        flat = kernel.reshape(math.prod(kernel_shape[: self.over]), -1)
        y = affine(_joined(x, self.over), flat, bias, answering=not self.training)
        return y.reshape(*y.shape[:-1], *shape)


def _joined(x: Any, last: int) -> Any:
    """The last axes as one."""
    return x.reshape(*x.shape[: x.ndim - last], -1)


class _Heads(Layer):
    """What the layers with several heads share: projections, masks, axes."""

    supports_masking: ClassVar[bool] = True

    def _make_projections(self) -> None:
        """Sublayers by Keras' names, in the order of its weights."""
        rules = {name: getattr(self, name) for name in RULES}
        for name in ("query", "key", *(["gate"] if self.use_gate else []), "value"):
            setattr(self, name, _Projection(**rules))
        self.attention_output = _Projection(over=2, **rules)

    def _sizes(self, query: Any) -> tuple[int, int, int, int]:
        """(heads of queries, heads of keys and values, size of a key, size of a value)."""
        raise NotImplementedError

    def call(
        self,
        query: Any,
        value: Any,
        key: Any = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:  # (batch, time, size), (batch, steps, size) -> (batch, time, output size)
        current = forward.current(self)
        given, arrays = (query_mask, value_mask, key_mask), (query, value, key)
        masks = [current.mask_of(x) if m is None else m for m, x in zip(given, arrays, strict=True)]
        query, value, key = (current.cast(self, x) for x in (query, value, value if key is None else key))
        self._check(query, value, key)
        heads, shared, key_size, value_size = self._sizes(query)
        q = self.query(query, (heads, key_size))  # (batch, time, heads, size)
        k = self.key(key, (shared, key_size))
        v = self.value(value, (shared, value_size))
        seen = masks, attention_mask, use_causal_mask
        y, weights = self._attended(q, k, v, *seen, return_attention_scores)
        if self.use_gate:
            y = y * jax.nn.sigmoid(self.gate(query, (heads, value_size)))
        y = self.attention_output(y, self._answer_shape(query))
        return (y, weights.astype(y.dtype)) if return_attention_scores else y

    def _attended(
        self, q: Any, k: Any, v: Any, masks: list[Any], given: Any, causal: bool, weighed: bool
    ) -> tuple[Any, Any]:
        """((batch, ..., heads, value size), (batch, ..., heads, *axes of queries, *axes of keys) if they are asked)."""
        order = _order(self, q.ndim - 1, self.attention_axes)
        (q, sizes), (k, steps), (v, _) = (_flat(x, *order) for x in (q, k, v))
        if k.shape[-2] != q.shape[-2]:
            k, v = (jnp.repeat(x, q.shape[-2] // x.shape[-2], axis=-2) for x in (k, v))
        mask = self._mask(masks, given, causal, len(sizes), q, k)
        rest: Any = jnp.broadcast_shapes(q.shape[:-3], k.shape[:-3], v.shape[:-3])  # one row goes for all
        weights_shape = (*rest, q.shape[-2], q.shape[-3], k.shape[-3])
        keep = keep_factors(self, "dropout", weights_shape)
        if not weighed:
            return _unflat(attention(q, k, v, mask, keep=keep), sizes, *order), None
        y, weights = dot_product_attention(q, k, v, mask, keep=keep)
        return _unflat(y, sizes, *order), weights.reshape(*weights.shape[:-2], *sizes, *steps)

    def _answer_shape(self, query: Any) -> tuple[int, ...]:
        return query.shape[-1:]

    def _check(self, query: Any, value: Any, key: Any) -> None:
        shapes = [x.shape for x in (query, value, key)]
        if len({len(shape) for shape in shapes}) > 1 or query.ndim < 3 or value.shape[1:-1] != key.shape[1:-1]:
            received = ", ".join(show_shape((None, *shape[1:])) for shape in shapes)
            raise self.error(
                "expected query (batch, time, size), value and key (batch, steps, size), with as many keys as "
                f"values. Received query, value, key: {received}"
            )
        rows = [shape[0] for shape in shapes]
        if len({*rows} - {1}) > 1:
            received = ", ".join(map(str, rows))
            raise self.error(f"expected as many rows of query, value and key, or 1 of each. Received: {received}")

    def _mask(self, masks: list[Any], given: Any, causal: bool, count: int, q: Any, k: Any) -> Any:
        """What queries see, broadcasting with (..., heads, time, steps); None for all."""
        time, steps = q.shape[-3], k.shape[-3]
        if given is not None and count > 1:  # (..., *axes of queries, *axes of keys)
            given = given.reshape(*given.shape[: given.ndim - 2 * count], time, steps)
        queries, *others = masks
        mask = combined_mask(
            None if queries is None else queries[..., :, None],
            *(None if m is None else m[..., None, :] for m in others),
            causal_mask(time, steps) if causal else None,
            None if self.sliding_window is None else window_mask(time, steps, self.sliding_window),
            given,
        )
        if mask is not None and mask.ndim < q.ndim:
            mask = jnp.expand_dims(mask, tuple(range(mask.ndim - 2, q.ndim - 2)))
        return mask


def _order(layer: Layer, rank: int, chosen: Any) -> tuple[list[int], list[int]]:
    """(the axes that attention leaves alone, the axes it goes over) of (batch, ..., size)."""
    inner = range(1, rank - 1)
    over = list(inner) if chosen is None else [a % rank for a in (chosen if isinstance(chosen, tuple) else (chosen,))]
    if not over or any(axis not in inner for axis in over) or len(set(over)) < len(over):
        raise layer.error(f"attention_axes: expected some of the axes {list(inner)}. Received: {chosen}")
    return [axis for axis in range(rank - 1) if axis not in over], over


def _flat(x: Any, rest: list[int], over: list[int]) -> tuple[Any, tuple[int, ...]]:
    """(..., heads, size) with the axes of attention as one: (*rest, time, heads, size), and what they were."""
    sizes = tuple(x.shape[axis] for axis in over)
    x = jnp.transpose(x, (*rest, *over, x.ndim - 2, x.ndim - 1))
    return x.reshape(*x.shape[: len(rest)], math.prod(sizes), *x.shape[-2:]), sizes


def _unflat(x: Any, sizes: tuple[int, ...], rest: list[int], over: list[int]) -> Any:
    """The inverse of `_flat`."""
    x = x.reshape(*x.shape[: len(rest)], *sizes, *x.shape[-2:])
    order = (*rest, *over, x.ndim - 2, x.ndim - 1)
    return jnp.transpose(x, sorted(range(x.ndim), key=order.__getitem__))


class MultiHeadAttention(_Heads):
    """Attention of several heads side by side; their outputs are projected to one.

    head_i = softmax(query W_i (key U_i)^T / sqrt(key_dim)) value V_i; y = sum over i of head_i O_i + b.

    Args:
        num_heads: the number of heads.
        key_dim: the size of a head's queries and keys.
        value_dim: the size of a head's values; key_dim unless given.
        dropout: the share of the weights that is dropped in training.
        use_bias: whether the projections have biases.
        output_shape: the size of the output, or its last axes; that of the queries unless given.
        attention_axes: the axes attention goes over; all but batch and features unless given.
        sliding_window: let a query see only steps nearer than this.
        flash_attention: accepted for Keras' sake.
        activity_regularizer: of the layer's output.
        use_gate: multiply the heads by the sigmoid of another projection of the queries (arXiv 2505.06708).
        seed: moves the random numbers of dropout.

    Call arguments:
        query: (batch, time, size); of a batch of one, or of values of one, it goes for all rows.
        value: (batch, steps, size).
        key: (batch, steps, size); the value unless given.
        query_mask, value_mask, key_mask: (batch, time) and (batch, steps); masks that travel with the inputs are used.
        attention_mask: (batch, time, steps), True where a query sees a step; a head axis after the batch is welcome.
        return_attention_scores: give (outputs, weights (batch, heads, time, steps)).
        use_causal_mask: let a query see no later step than its own.

    Weights: query, key and value: kernel (size, heads, key_dim or value_dim) and bias (heads, ...); attention_output:
    kernel (heads, value_dim, output size) and bias.

    Returns:
        (batch, time, output size). A query that sees nothing gets the output bias.

    Reference: Vaswani et al. 2017, arXiv 1706.03762.

    >>> import numpy as np
    >>> import freedive as fd
    >>> query, value = np.ones((2, 4, 8)), np.ones((2, 6, 8))
    >>> fd.layers.MultiHeadAttention(num_heads=2, key_dim=4)(query, value).shape
    (2, 4, 8)
    """

    num_heads: PositiveInt
    key_dim: PositiveInt
    value_dim: PositiveInt | None = None
    dropout: Fraction = 0.0
    use_bias: bool = True
    output_shape: Any = None
    attention_axes: Any = None
    sliding_window: PositiveInt | None = None
    flash_attention: Any = None
    kernel_initializer: InitializerLike = "glorot_uniform"
    bias_initializer: InitializerLike = "zeros"
    kernel_regularizer: RegularizerLike = None
    bias_regularizer: RegularizerLike = None
    activity_regularizer: RegularizerLike = None
    kernel_constraint: ConstraintLike = None
    bias_constraint: ConstraintLike = None
    use_gate: bool = False
    seed: Seed = None

    def __post_init__(self):
        super().__post_init__()
        if self.output_shape is not None:
            given = self.output_shape if isinstance(self.output_shape, (list, tuple)) else (self.output_shape,)
            self.output_shape = tuple(positive(integer(size)) for size in given)
        if self.attention_axes is not None:
            self.attention_axes = axes(self.attention_axes)
        self._make_projections()

    def _sizes(self, query: Any) -> tuple[int, int, int, int]:
        return self.num_heads, self.num_heads, self.key_dim, self.value_dim or self.key_dim

    def _answer_shape(self, query: Any) -> tuple[int, ...]:
        return self.output_shape or super()._answer_shape(query)


class GroupQueryAttention(_Heads):
    """Attention of several heads, of which groups share their keys and values.

    Args:
        head_dim: the size of a head.
        num_query_heads: the number of heads.
        num_key_value_heads: the number of groups, which divides the number of heads; with 1 all heads share.
        dropout, use_bias, sliding_window, flash_attention, use_gate, seed: as of `MultiHeadAttention`.

    Call arguments and returns: as of `MultiHeadAttention`.

    Reference: Ainslie et al. 2023, arXiv 2305.13245.

    >>> import numpy as np
    >>> import freedive as fd
    >>> layer = fd.layers.GroupQueryAttention(head_dim=4, num_query_heads=6, num_key_value_heads=2)
    >>> layer(np.ones((2, 4, 8)), np.ones((2, 6, 8))).shape
    (2, 4, 8)
    """

    head_dim: PositiveInt
    num_query_heads: PositiveInt
    num_key_value_heads: PositiveInt
    dropout: Fraction = 0.0
    use_bias: bool = True
    sliding_window: PositiveInt | None = None
    flash_attention: Any = None
    kernel_initializer: InitializerLike = "glorot_uniform"
    bias_initializer: InitializerLike = "zeros"
    kernel_regularizer: RegularizerLike = None
    bias_regularizer: RegularizerLike = None
    activity_regularizer: RegularizerLike = None
    kernel_constraint: ConstraintLike = None
    bias_constraint: ConstraintLike = None
    use_gate: bool = False
    seed: Seed = None
    attention_axes: ClassVar[None] = None

    def __post_init__(self):
        super().__post_init__()
        if self.num_query_heads % self.num_key_value_heads:
            raise ValueError(
                "GroupQueryAttention: num_query_heads must be a multiple of num_key_value_heads. "
                f"Received: {self.num_query_heads} and {self.num_key_value_heads}"
            )
        self._make_projections()

    def _sizes(self, query: Any) -> tuple[int, int, int, int]:
        return self.num_query_heads, self.num_key_value_heads, self.head_dim, self.head_dim
