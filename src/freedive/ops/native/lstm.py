"""An LSTM over time by the native loop, forward and back.

XLA keeps one processor busy with a loop of small products, and calls a function for each of them. The native loop gives
every processor rows of its own for the whole sequence, and keeps products and gates in the processor's caches (measured
with two processors, LSTM of 128 units, 100 steps, 32 rows, forward and back: 10 ms, not 19). The gradient is native
too; gradients of gradients are those of the recurrence.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp

from ..products import by_kernel_of

NOTHING = (0,)  # the shape that stands for None


def lstm(
    reference: Any, reverse: bool, projected: Any, bias: Any, kernel: Any, h: Any, c: Any, mask: Any, keep: Any
) -> Any:
    """What an LSTM with tanh and sigmoid gates says of a sequence.

    Args:
        reference: the same as array code, of the seven arrays; for gradients of gradients.
        reverse: begin at the end.
        projected: (time, batch, 4 units), x W for the gates i, f, g, o.
        bias: (4 units,), or None.
        kernel: (units, 4 units).
        h, c: (batch, units), the states before the first step.
        mask: booleans, (time, batch), or None.
        keep: (batch, units), factors of the state in its product, or None.

    Returns:
        (outputs (time, batch, units), (h, c) after the last step).
    """
    mask = jnp.zeros(NOTHING, bool) if mask is None else mask
    bias, keep = (jnp.zeros(NOTHING) if a is None else a for a in (bias, keep))
    outputs, c_last = _lstm(reference, reverse, projected, bias, kernel, h, c, mask, keep)
    return outputs, (outputs[0 if reverse else -1], c_last)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _lstm(reference: Any, reverse: bool, *arrays: Any) -> tuple[Any, Any]:
    return _forward(reverse, False, *arrays)[:2]


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _saving(reference: Any, reverse: bool, *arrays: Any) -> tuple[Any, ...]:
    """The forward loop with what the reverse loop needs; itself a function with a gradient."""
    return _forward(reverse, True, *arrays)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _gradient(reference: Any, reverse: bool, arrays: Any, saved: Any, by: Any) -> tuple[Any, ...]:
    """The gradients by projected, bias, kernel, h and c, from those by outputs and c_last."""
    return _backward(reverse, arrays, saved, by)


def _keep(reference: Any, reverse: bool, *arrays: Any) -> Any:
    found = _saving(reference, reverse, *arrays)
    return found[:2], (arrays, found)


def _take_back(reference: Any, reverse: bool, kept: Any, by: Any) -> tuple[Any, ...]:
    return *_gradient(reference, reverse, *kept, by[:2]), None, None


def _keep_gradient(reference: Any, reverse: bool, arrays: Any, saved: Any, by: Any) -> Any:
    return _gradient(reference, reverse, arrays, saved, by), (arrays, saved, by)


def _take_gradient_back(reference: Any, reverse: bool, kept: Any, by_gradient: Any) -> tuple[Any, ...]:
    """By the recurrence, once more from its beginning: what was saved is a function of the arrays."""
    arrays, saved, by = kept
    *floats, mask, keep = arrays

    def gradient(floats: Any, by: Any) -> Any:
        return jax.vjp(lambda *floats: reference(*map(_given, (*floats, mask, keep))), *floats)[1](by)

    by_floats, by_by = jax.vjp(gradient, tuple(floats), by)[1](by_gradient)
    return (*by_floats, None, None), jax.tree.map(jnp.zeros_like, saved), by_by


def _given(a: Any) -> Any:
    return None if a.shape == NOTHING else a


def _keep_all(reference: Any, reverse: bool, *arrays: Any) -> Any:
    found = _saving(reference, reverse, *arrays)
    return found, (arrays, found)


_lstm.defvjp(_keep, _take_back)
_saving.defvjp(_keep_all, _take_back)
_gradient.defvjp(_keep_gradient, _take_gradient_back)


# calls into the library -----------------------------------------------------------------------------------------------
def _forward(reverse: bool, save: bool, projected: Any, *others: Any) -> Any:
    """(outputs, c after the last step, gates, cells); the last two empty unless they are to be saved."""
    time, batch, wide = projected.shape
    saved = [(time, batch, wide), (time, batch, wide // 4)] if save else [(0, 0, 0)] * 2
    call = _door("lstm_forward", (time, batch, wide // 4), (batch, wide // 4), *saved)
    return tuple(call(projected, *others, reverse=reverse))


def _backward(reverse: bool, arrays: Any, saved: Any, by: Any) -> tuple[Any, ...]:
    projected, bias, kernel, h, c, mask, keep = arrays
    outputs, _, gates, cells = saved
    by_outputs, by_c = by
    call = _door("lstm_backward", projected.shape, h.shape, c.shape)
    by_sums, by_h, by_c = call(by_outputs, by_c, kernel, c, gates, cells, mask, keep, reverse=reverse)
    before = jnp.concatenate([outputs[1:], h[None]] if reverse else [h[None], outputs[:-1]])
    before = before if _given(keep) is None else before * keep
    by_bias = jnp.zeros(NOTHING) if _given(bias) is None else by_sums.sum((0, 1))
    return by_sums, by_bias, by_kernel_of(before, by_sums, kernel.dtype), by_h, by_c


def _door(name: str, *shapes: tuple[int, ...]) -> Any:
    results = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
    return jax.ffi.ffi_call(f"freedive_{name}", results, vmap_method="sequential")
