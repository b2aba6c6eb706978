"""An LSTM over time by the native loop, forward and back.

XLA keeps one processor busy with a loop of small products, and calls a function for each of them. The native loop gives
every processor rows of its own for the whole sequence, and keeps products and gates in the processor's caches (measured
with two processors, LSTM of 128 units, 100 steps, 32 rows, forward and back: 10 ms, not 19). The gradient is native
too; gradients of gradients are those of the recurrence.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from ..products import by_kernel_of
from .gradient import NOTHING, Arrays, by_hand, door, given


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


# calls into the library -----------------------------------------------------------------------------------------------
def _forward(reverse: bool, save: bool, projected: Any, *others: Any) -> Arrays:
    """(outputs, c after the last step, gates, cells); the last two empty unless they are to be saved."""
    time, batch, wide = projected.shape
    saved = [(time, batch, wide), (time, batch, wide // 4)] if save else [(0, 0, 0)] * 2
    call = door("lstm_forward", (time, batch, wide // 4), (batch, wide // 4), *saved)
    return call(projected, *others, reverse=reverse)


def _backward(reverse: bool, arrays: Arrays, saved: Arrays, by: Arrays) -> Arrays:
    projected, bias, kernel, h, c, mask, keep = arrays
    outputs, _, gates, cells = saved
    by_outputs, by_c = by
    call = door("lstm_backward", projected.shape, h.shape, c.shape)
    by_sums, by_h, by_c = call(by_outputs, by_c, kernel, c, gates, cells, mask, keep, reverse=reverse)
    before = jnp.concatenate([outputs[1:], h[None]] if reverse else [h[None], outputs[:-1]])
    before = before if given(keep) is None else before * keep
    by_bias = jnp.zeros(NOTHING) if given(bias) is None else by_sums.sum((0, 1))
    return by_sums, by_bias, by_kernel_of(before, by_sums, kernel.dtype), by_h, by_c


_lstm = by_hand(2, 5, _forward, _backward)
