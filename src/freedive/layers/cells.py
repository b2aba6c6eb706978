"""The cells of recurrent networks: what happens in one step of time.

A cell is called as `cell(inputs, states) -> (output, new states)` and tells the sizes of its states as
`state_size`, as in Keras. The three cells here run over time too: `LSTM` is an `LSTMCell` that does.
"""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from .. import activations
from ..activations import Activation
from ..config import Fraction, PositiveInt
from ..constraints import ConstraintLike
from ..core.forward import shape_of
from ..core.layer import Layer
from ..initializers import Initializer, InitializerLike, Ones
from ..numerics import widen
from ..ops import recurrent
from ..ops.products import project
from ..regularizers import RegularizerLike
from .dropping import drop, keep_factors
from .regularization import Seed

OverTime = tuple[Any, Any, tuple[Any, ...]]  # outputs (time, batch, units), that of the step done last, states after it


class _Cell(Layer):
    """What the three cells share: weights, dropout, one step, and many."""

    units: PositiveInt
    blocks: ClassVar[int] = 1  # of units, side by side in the kernels
    rules: ClassVar[tuple[str, ...]] = ("activation", "recurrent_activation")  # fields with activations

    @property
    def state_size(self) -> Any:
        """The sizes of the states: a number, or a list of them."""
        return self.units

    @property
    def output_size(self) -> int:
        """The size of the output."""
        return self.units

    def get_initial_state(self, batch_size: int) -> list[Any]:
        """Zeros for every state."""
        return [jnp.zeros((batch_size, size)) for size in jax.tree.leaves(self.state_size)]

    def call(self, inputs: Any, states: Any) -> tuple[Any, list[Any]]:  # (batch, features), states -> output, states
        if inputs.ndim != 2:
            raise self.error(f"expected one step of shape (batch, features). Received shape {shape_of(inputs)}")
        outputs, _, states = self.over_time(inputs[None], states)
        return outputs[0], list(states)

    def over_time(self, x: Any, states: Any, mask: Any = None, reverse: bool = False, unroll: bool = False) -> OverTime:
        """Run over (time, batch, features), where the mask (time, batch) says so."""
        states, width = tuple(jax.tree.leaves(states)), self.blocks * self.units
        x = x if jnp.issubdtype(x.dtype, jnp.floating) else widen(x)
        x = drop(self, "dropout", x, x.shape[1:])  # the same features in all steps
        of_input = weight(self, "kernel", (x.shape[-1], width))
        kernel = weight(self, "recurrent_kernel", (self.units, width), "recurrent")
        biases = self._biases(width)
        keep = keep_factors(self, "recurrent_dropout", states[0].shape)
        options = {"reverse": reverse, "unroll": unroll, "plain": self._plain()}
        outputs, states = self._loop(x, (of_input, kernel), biases, states, mask, keep, **options)
        states = tuple(s.astype(outputs.dtype) for s in states)
        return outputs, states[0], states

    def _biases(self, width: int) -> tuple[Any, Any]:
        """The bias of the input's product and that of the state's; None for none."""
        return (weight(self, "bias", (width,)) if self.use_bias else None), None

    def _loop(
        self, x: Any, kernels: Any, biases: Any, states: Any, mask: Any, keep: Any, **options: bool
    ) -> tuple[Any, tuple[Any, ...]]:
        """The outputs, and the states after the last step; x with its kernel and that of the state, and both biases;
        the others and options as for `recurrent.recurrence`."""
        raise NotImplementedError

    def _rules(self) -> tuple[Any, ...]:
        """The activations."""
        return tuple(getattr(self, name) for name in self.rules)

    def _plain(self) -> bool:
        """Whether an activation may have weights, so that its gradient is not for an op to take."""
        return not all(map(activations.family.holds, self._rules()))


class SimpleRNNCell(_Cell):
    """h' = f(x W + h U + b): the state is the output before.

    Args:
        units: the size of the state, which is the output.
        activation: f.
        use_bias: whether b is added.
        dropout: the share of the inputs that is dropped in training, the same in all steps.
        recurrent_dropout: the share of the state that is dropped in the product with U, the same in all steps.
        seed: moves the random numbers of dropout.

    Input: (batch, features), states [(batch, units)]. Output: (batch, units) and the new states.

    Reference: Elman 1990, https://doi.org/10.1207/s15516709cog1402_1.

    >>> import numpy as np
    >>> import freedive as fd
    >>> output, states = fd.layers.SimpleRNNCell(3)(np.ones((2, 4)), [np.zeros((2, 3))])
    >>> output.shape, states[0].shape
    ((2, 3), (2, 3))
    """

    activation: Activation = "tanh"
    use_bias: bool = True
    kernel_initializer: InitializerLike = "glorot_uniform"
    recurrent_initializer: InitializerLike = "orthogonal"
    bias_initializer: InitializerLike = "zeros"
    kernel_regularizer: RegularizerLike = None
    recurrent_regularizer: RegularizerLike = None
    bias_regularizer: RegularizerLike = None
    kernel_constraint: ConstraintLike = None
    recurrent_constraint: ConstraintLike = None
    bias_constraint: ConstraintLike = None
    dropout: Fraction = 0.0
    recurrent_dropout: Fraction = 0.0
    seed: Seed = None
    rules: ClassVar[tuple[str, ...]] = ("activation",)

    def _loop(
        self, x: Any, kernels: Any, biases: Any, states: Any, mask: Any, keep: Any, **options: bool
    ) -> tuple[Any, tuple[Any, ...]]:
        projected = project(x, kernels[0], biases[0])
        return recurrent.simple(self.activation, projected, kernels[1], states, mask, keep, **options)


class LSTMCell(_Cell):
    """Long short-term memory: a state c that gates write to, read from and forget.

    With i, f, g, o the four parts of x W + h U + b: c' = r(f) c + r(i) a(g), h' = r(o) a(c').

    Args:
        units: the size of both states; h is the output.
        activation: a.
        recurrent_activation: r.
        use_bias: whether b is added.
        unit_forget_bias: let the bias of the forget gate start at one.
        dropout: the share of the inputs that is dropped in training, the same in all steps.
        recurrent_dropout: the share of h that is dropped in the product with U, the same in all steps.
        seed: moves the random numbers of dropout.

    Input: (batch, features), states [h, c], each (batch, units). Output: (batch, units) and the new states.

    Reference: Hochreiter and Schmidhuber 1997, https://doi.org/10.1162/neco.1997.9.8.1735; forget gate: Gers et al.
    2000, https://doi.org/10.1162/089976600300015015.

    >>> import numpy as np
    >>> import freedive as fd
    >>> output, (h, c) = fd.layers.LSTMCell(3)(np.ones((2, 4)), [np.zeros((2, 3)), np.zeros((2, 3))])
    >>> output.shape, c.shape
    ((2, 3), (2, 3))
    """

    activation: Activation = "tanh"
    recurrent_activation: Activation = "sigmoid"
    use_bias: bool = True
    kernel_initializer: InitializerLike = "glorot_uniform"
    recurrent_initializer: InitializerLike = "orthogonal"
    bias_initializer: InitializerLike = "zeros"
    unit_forget_bias: bool = True
    kernel_regularizer: RegularizerLike = None
    recurrent_regularizer: RegularizerLike = None
    bias_regularizer: RegularizerLike = None
    kernel_constraint: ConstraintLike = None
    recurrent_constraint: ConstraintLike = None
    bias_constraint: ConstraintLike = None
    dropout: Fraction = 0.0
    recurrent_dropout: Fraction = 0.0
    seed: Seed = None
    blocks: ClassVar[int] = 4

    @property
    def state_size(self) -> Any:
        return [self.units, self.units]

    def _loop(
        self, x: Any, kernels: Any, biases: Any, states: Any, mask: Any, keep: Any, **options: bool
    ) -> tuple[Any, tuple[Any, ...]]:
        (rule, gates), (of_input, kernel) = self._rules(), kernels
        return recurrent.lstm(rule, gates, x, of_input, kernel, biases[1], states, mask, keep, **options)

    def _biases(self, width: int) -> tuple[Any, Any]:
        return None, lstm_bias(self, width)


class GRUCell(_Cell):
    """Gated recurrent unit: a state that is kept or replaced, part by part.

    With z, r, g the three parts of x W + b and z', r', g' those of h U + b': Z = s(z + z'), R = s(r + r'), and
    h' = Z h + (1 - Z) a(g + R g'). With `reset_after=False` g' is the part of (R h) U, without b'.

    Args:
        units: the size of the state, which is the output.
        activation: a.
        recurrent_activation: s.
        use_bias: whether b and b' are added.
        dropout: the share of the inputs that is dropped in training, the same in all steps.
        recurrent_dropout: the share of h that is dropped in the products with U, the same in all steps.
        reset_after: whether the reset gate acts after the product with U (the default, which is faster) or before.
        seed: moves the random numbers of dropout.

    Input: (batch, features), states [(batch, units)]. Output: (batch, units) and the new states.

    Reference: Cho et al. 2014, arXiv 1406.1078.

    >>> import numpy as np
    >>> import freedive as fd
    >>> output, states = fd.layers.GRUCell(3)(np.ones((2, 4)), [np.zeros((2, 3))])
    >>> output.shape
    (2, 3)
    """

    activation: Activation = "tanh"
    recurrent_activation: Activation = "sigmoid"
    use_bias: bool = True
    kernel_initializer: InitializerLike = "glorot_uniform"
    recurrent_initializer: InitializerLike = "orthogonal"
    bias_initializer: InitializerLike = "zeros"
    kernel_regularizer: RegularizerLike = None
    recurrent_regularizer: RegularizerLike = None
    bias_regularizer: RegularizerLike = None
    kernel_constraint: ConstraintLike = None
    recurrent_constraint: ConstraintLike = None
    bias_constraint: ConstraintLike = None
    dropout: Fraction = 0.0
    recurrent_dropout: Fraction = 0.0
    reset_after: bool = True
    seed: Seed = None
    blocks: ClassVar[int] = 3

    def _biases(self, width: int) -> tuple[Any, Any]:
        if not (self.use_bias and self.reset_after):
            return super()._biases(width)
        both = weight(self, "bias", (2, width))
        return both[0], both[1]

    def _loop(
        self, x: Any, kernels: Any, biases: Any, states: Any, mask: Any, keep: Any, **options: bool
    ) -> tuple[Any, tuple[Any, ...]]:
        projected, kernel = tuple(jnp.split(project(x, kernels[0], biases[0]), 3, axis=-1)), kernels[1]
        if self.reset_after:
            gates, options = recurrent.gru_gates(*self._rules()), options | {"separate": True}
            return recurrent.recurrence(gates, projected, kernel, biases[1], states, mask, keep, **options)
        step = recurrent.reset_before(self.activation, self.recurrent_activation, kernel, keep)
        states = tuple(map(widen, states))
        outputs, _, states = recurrent.steps(step, projected, states, mask, options["reverse"], options["unroll"])
        return outputs.astype(projected[0].dtype), states


class StackedRNNCells(Layer):
    """Cells one upon another as one cell: each takes the output of the one below.

    Args:
        cells: a list of cells; the states are the list of theirs.

    >>> import numpy as np
    >>> import freedive as fd
    >>> stack = fd.layers.StackedRNNCells([fd.layers.LSTMCell(3), fd.layers.GRUCell(2)])
    >>> stack.state_size, fd.layers.RNN(stack)(np.ones((2, 5, 4))).shape
    ([[3, 3], 2], (2, 2))
    """

    cells: Any

    def __post_init__(self):
        super().__post_init__()
        if not isinstance(self.cells, (list, tuple)) or not self.cells:
            raise ValueError(f"StackedRNNCells expects a list of cells. Received: {self.cells!r}")
        self.cells = [checked_cell(cell, "StackedRNNCells") for cell in self.cells]

    @property
    def state_size(self) -> list[Any]:
        """The list of the cells' state sizes."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> int:
        """The size of the output of the last cell."""
        last = self.cells[-1]
        return getattr(last, "output_size", None) or jax.tree.leaves(last.state_size)[0]

    def get_initial_state(self, batch_size: int) -> list[Any]:
        """The list of the cells' states to start from."""
        return [initial_states(cell, batch_size) for cell in self.cells]

    def call(self, inputs: Any, states: Any) -> tuple[Any, list[Any]]:  # (batch, features), list of states
        new = []
        for cell, own in zip(self.cells, states, strict=True):
            inputs, own = cell(inputs, jax.tree.leaves(own))
            new.append(own)
        return inputs, new

    def over_time(self, x: Any, states: Any, mask: Any = None, reverse: bool = False, unroll: bool = False) -> OverTime:
        """Run over (time, batch, features), one cell over all steps after the other: the same numbers, sooner."""
        last, new = None, []
        for cell, own in zip(self.cells, states, strict=True):
            x, last, own = over_time(cell, x, own, mask, reverse, unroll)
            new.append(own)
        return x, last, tuple(new)


def over_time(
    cell: Any, x: Any, states: Any, mask: Any = None, reverse: bool = False, unroll: bool = False
) -> OverTime:
    """Run any cell over (time, batch, features): by its own `over_time`, or step by step."""
    if hasattr(cell, "over_time"):
        return cell.over_time(x, states, mask, reverse, unroll)

    def step(x_t: Any, states: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
        output, new = cell(x_t, list(states))
        return output, tuple(jax.tree.leaves(new))

    return recurrent.steps(step, x, tuple(jax.tree.leaves(states)), mask, reverse, unroll)


def initial_states(cell: Any, batch: int) -> list[Any]:
    """The states that a cell starts from: those it gives itself, or zeros."""
    if hasattr(cell, "get_initial_state"):
        states = cell.get_initial_state(batch_size=batch)
    else:
        states = jax.tree.map(lambda size: jnp.zeros((batch, size)), cell.state_size)
    return list(states) if isinstance(states, (list, tuple)) else [states]


def checked_cell(cell: Any, owner: str) -> Any:
    """The cell, if it is one."""
    if isinstance(cell, Layer) and hasattr(cell, "return_sequences"):
        raise ValueError(
            f"{owner} expects a cell, one step of a recurrence. Received the whole layer {cell!r}: "
            f"use it as it is, or take its cell: {type(cell).__name__}Cell(...)"
        )
    if not isinstance(cell, Layer) or not hasattr(cell, "state_size"):
        raise ValueError(
            f"{owner} expects a cell: a layer with state_size and call(self, inputs, states) -> (output, states). "
            f"Received: {cell!r}"
        )
    return cell


# weights --------------------------------------------------------------------------------------------------------------
def weight(layer: Any, name: str, shape: tuple[int, ...], prefix: str | None = None, initializer: Any = None) -> Any:
    """A weight whose rules are in the fields `{prefix}_initializer`, `_regularizer` and `_constraint`."""
    prefix = name if prefix is None else prefix
    initializer = getattr(layer, f"{prefix}_initializer") if initializer is None else initializer
    return layer.param(name, shape, initializer, f"{prefix}_regularizer", getattr(layer, f"{prefix}_constraint"))


def lstm_bias(layer: Any, width: int) -> Any:
    """The bias of an LSTM; None if it has none."""
    if not layer.use_bias:
        return None
    return weight(layer, "bias", (width,), None, _ForgetOne(layer.bias_initializer) if layer.unit_forget_bias else None)


class _ForgetOne(Initializer):
    """The bias of an LSTM: ones for the forget gate, the second of four parts; the given rule for the rest."""

    rule: Initializer

    def draw(self, shape: Any, dtype: Any, rng: Any) -> Any:
        units = shape[0] // 4
        first, rest = self.rule((units,), dtype, rng), self.rule((2 * units,), dtype, rng)
        return np.concatenate([first, Ones()((units,), dtype), rest])
