"""An LSTM or a simple recurrence over time by the native loops, forward and back.

XLA keeps one processor busy with a loop of small products, and calls a function for each of them. The native loops give
every processor rows of its own for the whole sequence, and keep products and gates in the processor's caches (measured
with two processors, LSTM of 128 units, 100 steps, 32 rows, forward and back: 10 ms, not 19). The gradient is native
too; gradients of gradients are those of the recurrence.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ..products import by_kernel_of, project
from .gradient import Arrays, by_hand, door, given, nothing


def lstm(
    reference: Any,
    reverse: bool,
    x: Any,
    input_kernel: Any,
    bias: Any,
    kernel: Any,
    h: Any,
    c: Any,
    mask: Any,
    keep: Any,
) -> Any:
    """What an LSTM with tanh and sigmoid gates says of a sequence.

    Args:
        reference: the same as array code, of the eight arrays; for gradients of gradients.
        reverse: begin at the end.
        x: (time, batch, features).
        input_kernel: (features, 4 units), W for the gates i, f, g, o; or None, and x is what W made of it.
        bias: (4 units,), or None.
        kernel: (units, 4 units).
        h, c: (batch, units), the states before the first step.
        mask: booleans, (time, batch), or None.
        keep: (batch, units), factors of the state in its product, or None.

    Returns:
        (outputs (time, batch, units), (h, c) after the last step).
    """
    mask = nothing(bool) if mask is None else mask.astype(bool)
    input_kernel, bias, keep = (nothing() if a is None else a for a in (input_kernel, bias, keep))
    outputs, c_last = _lstm(reference, reverse, x, input_kernel, bias, kernel, h, c, mask, keep)
    return outputs, (outputs[0 if reverse else -1], c_last)


def simple(
    reference: Any, reverse: bool, rectified: bool, projected: Any, kernel: Any, h: Any, mask: Any, keep: Any
) -> Any:
    """What a simple recurrence says of a sequence: h' = tanh(projected + h U), or relu of it if `rectified`.

    Args:
        reference: the same as array code, of the five arrays; for gradients of gradients.
        projected: (time, batch, units), x W and the bias.
        kernel: (units, units), U.
        h: (batch, units), the state before the first step.
        reverse, mask, keep: as for `lstm`.

    Returns:
        outputs (time, batch, units).
    """
    mask = nothing(bool) if mask is None else mask.astype(bool)
    keep = nothing() if keep is None else keep
    return _simple(lambda *a: (reference(*a),), (reverse, rectified), projected, kernel, h, mask, keep)[0]


# calls into the library -----------------------------------------------------------------------------------------------
def _lstm_forward(reverse: bool, save: bool, x: Any, *others: Any) -> Arrays:
    """(outputs, c after the last step, gates, cells); the last two empty unless they are to be saved."""
    time, batch, units = *x.shape[:2], others[-3].shape[-1]
    saved = [(time, batch, 4 * units), (time, batch, units)] if save else [(0, 0, 0)] * 2
    call = door("lstm_forward", (time, batch, units), (batch, units), *saved)
    return call(x, *others, reverse=reverse)


def _lstm_backward(reverse: bool, arrays: Arrays, saved: Arrays, by: Arrays) -> Arrays:
    x, input_kernel, bias, kernel, h, c, mask, keep = arrays
    outputs, _, gates, cells = saved
    by_outputs, by_c = by
    call = door("lstm_backward", gates.shape, kernel.shape[1:], h.shape, c.shape)
    by_sums, by_bias, by_h, by_c = call(by_outputs, by_c, kernel, c, gates, cells, mask, keep, reverse=reverse)
    by_bias = nothing() if given(bias) is None else by_bias
    by_x, by_input_kernel = by_sums, nothing()
    if given(input_kernel) is not None:
        by_x, by_input_kernel = jax.vjp(project, x, input_kernel)[1](by_sums)
    by_kernel = by_kernel_of(_before(outputs, h, keep, reverse), by_sums, kernel.dtype)
    return by_x, by_input_kernel, by_bias, by_kernel, by_h, by_c


def _simple_forward(how: tuple[bool, bool], save: bool, projected: Any, *others: Any) -> Arrays:
    return tuple(door("simple_forward", projected.shape)(projected, *others, **_told(how)))


def _simple_backward(how: tuple[bool, bool], arrays: Arrays, saved: Arrays, by: Arrays) -> Arrays:
    projected, kernel, h, mask, keep = arrays
    (outputs,) = saved
    by_sums, by_h = door("simple_backward", projected.shape, h.shape)(*by, kernel, outputs, mask, keep, **_told(how))
    return by_sums, by_kernel_of(_before(outputs, h, keep, how[0]), by_sums, kernel.dtype), by_h


def _told(how: tuple[bool, bool]) -> dict[str, bool]:
    return {"reverse": how[0], "relu": how[1]}


def _before(outputs: Any, h: Any, keep: Any, reverse: bool) -> Any:
    """What every step multiplied by the kernel: the outputs before it."""
    before = jnp.concatenate([outputs[1:], h[None]] if reverse else [h[None], outputs[:-1]])
    return before if given(keep) is None else before * keep


_lstm = by_hand(2, 6, _lstm_forward, _lstm_backward)
_simple = by_hand(1, 3, _simple_forward, _simple_backward)
