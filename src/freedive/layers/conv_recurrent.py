"""LSTMs whose products are convolutions: for sequences of images, of volumes, or of sequences."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from ..activations import Activation
from ..config import Fraction, PositiveInt
from ..constraints import ConstraintLike
from ..core.layer import Layer
from ..initializers import InitializerLike
from ..numerics import widen
from ..ops import recurrent
from ..ops.conv import conv
from ..regularizers import RegularizerLike
from .cells import OverTime, lstm_bias, weight
from .dropping import drop, keep_factors
from .recurrent import _Recurrent
from .regularization import Seed
from .spatial import AXES, DataFormat, Padding, expect_room, per_axis


class _ConvCell(Layer):
    filters: PositiveInt
    kernel_size: Any
    strides: Any = 1
    padding: Padding = "valid"
    data_format: DataFormat = None
    dilation_rate: Any = 1
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


class _ConvLSTM(_Recurrent, _ConvCell):
    """What the three share: the gates of an LSTM at every place."""

    rank: ClassVar[int]

    def __post_init__(self):
        super().__post_init__()
        per_axis(self, self.rank, "kernel_size", "strides", "dilation_rate")
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                f"{type(self).__name__}: strides and dilation_rate cannot both be above 1. "
                f"Received: {self.strides} and {self.dilation_rate}"
            )

    @property
    def axes(self) -> tuple[str, ...]:  # type: ignore[override]
        """What the axes of the input are."""
        last = self.data_format == "channels_last"
        return (
            ("batch", "time", *AXES[self.rank], "channels") if last else ("batch", "time", "channels", *AXES[self.rank])
        )

    def over_time(self, x: Any, states: Any, mask: Any = None, reverse: bool = False, unroll: bool = False) -> OverTime:
        """Run over (time, batch, ...), channels where data_format says."""
        x, states = self._last(widen(x), 2), tuple(self._last(widen(s), 1) for s in states)
        x = drop(self, "dropout", x, x.shape[1:])  # the same in all steps
        width = 4 * self.filters
        kernel = weight(self, "kernel", (*self.kernel_size, x.shape[-1], width))
        looped = weight(self, "recurrent_kernel", (*self.kernel_size, self.filters, width), "recurrent")
        bias = lstm_bias(self, width)
        projected = self._projected(x, kernel)
        projected = projected if bias is None else projected + bias
        keep = keep_factors(self, "recurrent_dropout", states[0].shape)
        gates = recurrent.lstm_gates(self.activation, self.recurrent_activation)

        def step(projected_t: Any, states: Any) -> Any:
            h = states[0] if keep is None else states[0] * keep
            new = gates(widen(projected_t + conv(h.astype(looped.dtype), looped, padding="same")), states)
            return new[0], new

        outputs, last, states = recurrent.steps(step, projected, states, mask, reverse, unroll)
        dtype = projected.dtype
        states = tuple(self._first(s.astype(dtype), 1) for s in states)
        return self._first(outputs.astype(dtype), 2), self._first(last.astype(dtype), 1), states

    def _projected(self, x: Any, kernel: Any) -> Any:  # (time, batch, ..., channels) -> (time, batch, ..., 4 filters)
        """All steps convolved at once."""
        if self.padding == "valid":
            reach = tuple((k - 1) * d + 1 for k, d in zip(self.kernel_size, self.dilation_rate, strict=True))
            expect_room(self, x[0], reach, "kernel_size")
        folded = x.reshape(-1, *x.shape[2:]).astype(kernel.dtype)
        y = conv(folded, kernel, self.strides, self.padding, self.dilation_rate)
        return y.reshape(*x.shape[:2], *y.shape[1:])

    def _zeros(self, x: Any) -> list[Any]:
        x = self._last(x, 2)[:1]
        kernel = jnp.zeros((*self.kernel_size, x.shape[-1], self.filters))
        shape = jax.eval_shape(self._projected, x, kernel).shape[1:]
        return [self._first(jnp.zeros(shape), 1)] * 2

    def _last(self, x: Any, axis: int) -> Any:
        return x if self.data_format == "channels_last" else jnp.moveaxis(x, axis, -1)

    def _first(self, x: Any, axis: int) -> Any:
        return x if self.data_format == "channels_last" else jnp.moveaxis(x, -1, axis)


class ConvLSTM1D(_ConvLSTM):
    """An LSTM over time of sequences: its products are convolutions along their steps. As `ConvLSTM2D` with one axis.

    Input: (batch, time, steps, channels). Output: (batch, new steps, filters), with the time axis after the batch axis
    if `return_sequences`.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.ConvLSTM1D(3, 2)(np.ones((2, 4, 6, 1))).shape
    (2, 5, 3)
    """

    rank: ClassVar[int] = 1


class ConvLSTM2D(_ConvLSTM):
    """An LSTM over time of images: its products are convolutions.

    With i, f, g, o the four parts of x * W + h * U + b at every place: c' = r(f) c + r(i) a(g), h' = r(o) a(c').

    Args:
        filters: the number of outputs at each place.
        kernel_size: of W and U; one number for both axes.
        strides, padding, dilation_rate: of the convolution of the input; that of the state keeps its size.
        data_format: "channels_last" or "channels_first".
        activation, recurrent_activation: a and r.
        unit_forget_bias: let the bias of the forget gate start at one.
        dropout, recurrent_dropout: the share of the inputs, and of the state, that is dropped in training; the same in
            all steps.
        return_sequences, return_state, go_backwards, ...: as of `RNN`.

    Weights: kernel (*kernel_size, channels, 4 filters), recurrent_kernel (*kernel_size, filters, 4 filters), bias.

    Input: (batch, time, height, width, channels). Output: (batch, new height, new width, filters), with the time axis
    after the batch axis if `return_sequences`.

    Reference: Shi et al. 2015, arXiv 1506.04214.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.ConvLSTM2D(3, 2, padding="same", return_sequences=True)(np.ones((2, 4, 6, 5, 1))).shape
    (2, 4, 6, 5, 3)
    """

    rank: ClassVar[int] = 2


class ConvLSTM3D(_ConvLSTM):
    """An LSTM over time of volumes: its products are convolutions. As `ConvLSTM2D` with three axes.

    Input: (batch, time, depth, height, width, channels). Output: (batch, new depth, new height, new width, filters),
    with the time axis after the batch axis if `return_sequences`.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.ConvLSTM3D(2, 2)(np.ones((1, 2, 3, 3, 3, 1))).shape
    (1, 2, 2, 2, 2)
    """

    rank: ClassVar[int] = 3
