"""Recurrent layers: a cell run over the time axis.

`LSTM` is an `LSTMCell` that takes sequences, with the cell's arguments and with weights of its own; so are `GRU` and
`SimpleRNN`. `RNN` runs any cell.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import jax
import jax.numpy as jnp

from ..config import one_of
from ..core.forward import shape_of
from ..core.layer import Layer
from ..regularizers import RegularizerLike
from .cells import GRUCell, LSTMCell, SimpleRNNCell, StackedRNNCells, checked_cell, initial_states, over_time

Auto = Annotated[Any, one_of("auto", True, False)]


class _Recurrent(Layer):
    """A cell over time: what comes in, what goes out, masks and states."""

    return_sequences: bool = False
    return_state: bool = False
    go_backwards: bool = False
    stateful: bool = False
    unroll: bool = False
    zero_output_for_mask: bool = False
    activity_regularizer: RegularizerLike = None
    supports_masking: ClassVar[bool] = True
    axes: ClassVar[tuple[str, ...]] = ("batch", "time", "features")

    def __post_init__(self):
        super().__post_init__()
        if self.stateful:
            kind = type(self).__name__
            raise ValueError(
                f"{kind}(stateful=True) would keep state in the layer from call to call, which a compiled run cannot. "
                f"Hand the state on yourself: layer = {kind}(..., return_state=True); "
                "y, *state = layer(x); y, *state = layer(next_x, initial_state=state)"
            )

    def compute_mask(self, inputs: Any, mask: Any) -> Any:
        mask = _first(mask)
        if mask is None or not self.return_sequences:
            return None
        return jnp.flip(mask, 1) if self.go_backwards else mask

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None) -> Any:
        if isinstance(sequences, (list, tuple)):  # Keras of old: [x, h, c]
            sequences, *given = sequences
            initial_state = given or initial_state
        mask = self._checked(sequences, _first(mask))
        x = jnp.swapaxes(sequences, 0, 1)  # (time, batch, features)
        states, tree = self._starting(x, initial_state)
        options = {"reverse": self.go_backwards, "unroll": self.unroll}
        outputs, last, states = over_time(self._recurring(), x, states, mask, **options)
        y = self._shown(outputs, last, mask)
        return (y, *jax.tree.unflatten(tree, jax.tree.leaves(states))) if self.return_state else y

    def _recurring(self) -> Any:
        """The cell."""
        return self

    def _checked(self, x: Any, mask: Any) -> Any:
        """The mask as booleans of (time, batch), once both have the shapes they should."""
        if x.ndim < 3 or (x.ndim != len(self.axes) and self._recurring() is self):
            words, hint = ", ".join(self.axes), " A sequence of single numbers needs a feature axis: x[..., None]"
            raise self.error(
                f"expected sequences of shape ({words}). Received shape {shape_of(x)}.{hint if x.ndim == 2 else ''}"
            )
        if mask is None:
            return None
        if mask.shape != x.shape[:2]:
            raise self.error(
                f"expected a mask with one value for every step of sequences of shape {shape_of(x)}. "
                f"Received shape {shape_of(mask)}"
            )
        return mask.T.astype(bool)

    def _starting(self, x: Any, given: Any) -> tuple[Any, Any]:
        """The states to start from, checked, and how they are arranged."""
        zeros = self._zeros(x)
        leaves, tree = jax.tree.flatten(zeros)
        given = leaves if given is None else [jnp.asarray(s) for s in jax.tree.leaves(given)]
        want, got = [shape_of(s) for s in leaves], [shape_of(s) for s in given]
        if got != want:
            raise self.error(
                f"initial_state: expected {len(want)} of shape {', '.join(want)}. Received {len(got)}: {', '.join(got)}"
            )
        return jax.tree.unflatten(tree, given), tree

    def _zeros(self, x: Any) -> list[Any]:
        """The states to start from where none are given, for x (time, batch, ...)."""
        return initial_states(self._recurring(), x.shape[1])

    def _shown(self, outputs: Any, last: Any, mask: Any) -> Any:
        """What the layer answers: (batch, time, units) or (batch, units)."""
        y = outputs if self.return_sequences else last
        if mask is not None and self.zero_output_for_mask:
            mask = mask if self.return_sequences else mask[0 if self.go_backwards else -1]
            y = jnp.where(mask.reshape(mask.shape + (1,) * (y.ndim - mask.ndim)), y, 0)
        if not self.return_sequences:
            return y
        y = jnp.swapaxes(y, 0, 1)
        return jnp.flip(y, 1) if self.go_backwards else y


def _first(mask: Any) -> Any:
    return mask[0] if isinstance(mask, (list, tuple)) else mask


class _Wrapped(Layer):
    """Puts the cell first among the fields of RNN."""

    cell: Any


class RNN(_Recurrent, _Wrapped):
    """Runs a cell over time.

    Args:
        cell: a layer with `state_size` and `call(self, inputs, states) -> (output, new states)`; or a list of cells.
        return_sequences: whether to give the outputs of all steps or of the last one.
        return_state: whether to give the states after the last step too.
        go_backwards: begin at the end; all outputs come in the order in which they were computed.
        stateful: refused; hand states on with `return_state` and `initial_state`.
        unroll: write the loop out in full: slow to compile; forward-mode derivatives go through it.
        zero_output_for_mask: give zeros for masked steps, not the output before them.

    Call arguments:
        sequences: (batch, time, features).
        initial_state: a list of states, (batch, size) each; zeros unless given.
        mask: (batch, time), False where a sample has no such step: it keeps the states and repeats the output.

    Returns:
        (batch, units), or (batch, time, units) with `return_sequences`; with `return_state` a tuple of it and the
        states.

    >>> import numpy as np
    >>> import freedive as fd
    >>> class Sum(fd.layers.Layer):
    ...     state_size: int
    ...     def call(self, inputs, states):
    ...         total = states[0] + inputs
    ...         return total, [total]
    >>> fd.layers.RNN(Sum(1), return_sequences=True)(np.ones((1, 3, 1))).ravel().tolist()
    [1.0, 2.0, 3.0]
    """

    def __post_init__(self):
        super().__post_init__()
        several = isinstance(self.cell, (list, tuple))
        self.cell = StackedRNNCells(self.cell) if several else checked_cell(self.cell, "RNN")

    def _recurring(self) -> Any:
        return self.cell


class SimpleRNN(_Recurrent, SimpleRNNCell):
    """h(t) = f(x(t) W + h(t-1) U + b) over time. The arguments are those of `SimpleRNNCell` and of `RNN`.

    Weights: kernel W (features, units), recurrent_kernel U (units, units), bias b (units,).

    Input: (batch, time, features). Output: (batch, units), or (batch, time, units) with `return_sequences`.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.SimpleRNN(5)(np.ones((2, 7, 3))).shape
    (2, 5)
    """


class LSTM(_Recurrent, LSTMCell):
    """Long short-term memory over time. The arguments are those of `LSTMCell` and of `RNN`.

    Weights: kernel (features, 4 units), recurrent_kernel (units, 4 units), bias (4 units,); the parts are those of
    the input, forget, cell and output gates.

    Args:
        use_cudnn: accepted for Keras' sake.

    Input: (batch, time, features). Output: (batch, units), or (batch, time, units) with `return_sequences`; with
    `return_state` a tuple of it, h and c.

    >>> import numpy as np
    >>> import freedive as fd
    >>> output, h, c = fd.layers.LSTM(5, return_state=True)(np.ones((2, 7, 3)))
    >>> fd.layers.LSTM(5, return_sequences=True)(np.ones((2, 4, 6)), initial_state=[h, c]).shape
    (2, 4, 5)
    """

    use_cudnn: Auto = "auto"


class GRU(_Recurrent, GRUCell):
    """Gated recurrent units over time. The arguments are those of `GRUCell` and of `RNN`.

    Weights: kernel (features, 3 units), recurrent_kernel (units, 3 units), bias (2, 3 units), or (3 units,) with
    `reset_after=False`; the parts are those of the update gate, the reset gate and the candidate.

    Args:
        use_cudnn: accepted for Keras' sake.

    Input: (batch, time, features). Output: (batch, units), or (batch, time, units) with `return_sequences`.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.GRU(5, return_sequences=True)(np.ones((2, 7, 3))).shape
    (2, 7, 5)
    """

    use_cudnn: Auto = "auto"
