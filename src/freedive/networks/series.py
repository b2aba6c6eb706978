"""Networks that forecast: from windows (batch, length, variables) to (batch, horizon, variables), or beside it a last
axis of quantiles.

All have the same first arguments, so that a task or a search can choose among them by name: `NETWORKS`. With `calendar`
numbers for every step (see `preprocessing.calendar_features`), the input is a list of windows and (batch, length +
horizon, calendar): what is known of the horizon too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from .. import layers
from ..core.graph import Input
from ..models import Model
from .tables import attending, heads_for


class Shape(NamedTuple):
    """What goes in and what comes out.

    length, horizon: steps of a window and of its forecast.
    variables: numbers a step.
    quantiles: of the last axis of the output; 0 for none.
    calendar: numbers a step that are known of the horizon too.
    """

    length: int
    horizon: int
    variables: int = 1
    quantiles: int = 0
    calendar: int = 0

    @property
    def each(self) -> int:
        """Numbers for a variable at a step."""
        return max(1, self.quantiles)

    @property
    def outputs(self) -> tuple[int, ...]:
        """The shape of one forecast."""
        shape = (self.horizon, self.variables)
        return (*shape, self.quantiles) if self.quantiles else shape


def linear(shape: Shape, trend: int = 25, individual: bool = False, centre: str = "last") -> Model:
    """Every step of the forecast as a weighted sum of the steps of the window; of trend and rest apart (DLinear).

    Args:
        shape: of windows and forecasts.
        trend: the steps of the moving average that is the trend; 0 for one sum of the window as it is (NLinear).
        individual: whether every variable has weights of its own.
        centre: what is taken from the window and given back to the forecast: its "last" value, its "mean", or "none".

    Reference: Zeng et al. 2023, "Are transformers effective for time series forecasting?",
    https://arxiv.org/abs/2205.13504.

    >>> linear(Shape(length=48, horizon=12, variables=3)).output_shape
    (None, 12, 3)
    """

    def inside(window: Any) -> Any:
        def weighted(x: Any) -> Any:
            equation = f"btv,{'v' if individual else ''}thq->bhvq"
            first = {"kind": "initializer", "class": "VarianceScaling", "config": EVEN}
            size = (shape.horizon, shape.variables, shape.each)
            y = layers.EinsumDense(equation, size, bias_axes="hq", kernel_initializer=first)(x)
            return y if shape.quantiles else layers.Reshape(shape.outputs)(y)

        if not trend:
            return weighted(window)
        smooth = layers.MovingAverage(trend)(window)
        return layers.add([weighted(smooth), weighted(layers.subtract([window, smooth]))])

    return _forecaster(shape, inside, centre, scale=False)


def recurrent(shape: Shape, units: int = 64, depth: int = 1, dropout: float = 0.1, centre: str = "mean") -> Model:
    """GRUs over the window, and a dense layer from where they end to all steps of the forecast.

    Args:
        shape: of windows and forecasts.
        units: of each GRU.
        depth: how many.
        dropout: before the dense layer.
        centre: "mean" or "last" of the window for reversible normalisation, or "none".

    >>> recurrent(Shape(length=48, horizon=12, quantiles=3), units=8).output_shape
    (None, 12, 1, 3)
    """

    def inside(window: Any) -> Any:
        for place in range(depth):
            window = layers.GRU(units, return_sequences=place < depth - 1)(window)
        return _all_steps(shape, window, dropout)

    return _forecaster(shape, inside, centre)


def tcn(shape: Shape, units: int = 32, size: int = 3, dropout: float = 0.1, centre: str = "mean") -> Model:
    """Causal convolutions whose reach doubles from block to block until it covers the window.

    Args:
        shape: of windows and forecasts.
        units: filters of a convolution.
        size: steps that one looks at, 2 or more.
        dropout: in every block, and before the dense layer.
        centre: "mean" or "last" of the window for reversible normalisation, or "none".

    Reference: Bai et al. 2018, "An empirical evaluation of generic convolutional and recurrent networks for sequence
    modeling", https://arxiv.org/abs/1803.01271.

    >>> tcn(Shape(length=48, horizon=12, variables=3), units=8).output_shape
    (None, 12, 3)
    """

    if size < 2:
        raise ValueError(f"tcn(size={size!r}): expected 2 or more: convolutions of one step never see the window")

    def inside(window: Any) -> Any:
        x, reach, dilation = layers.Conv1D(units, 1)(window), 1, 1
        while reach < shape.length:
            y = x
            for _ in range(2):
                y = layers.Conv1D(units, size, padding="causal", dilation_rate=dilation, activation="relu")(y)
                y = layers.Dropout(dropout)(y)
            x, reach, dilation = layers.add([x, y]), reach + 2 * (size - 1) * dilation, 2 * dilation
        last = layers.Flatten()(layers.Cropping1D((shape.length - 1, 0))(x))  # (batch, units)
        return _all_steps(shape, last, dropout)

    return _forecaster(shape, inside, centre)


def patches(shape: Shape, units: int = 32, blocks: int = 2, size: int = 16, dropout: float = 0.2) -> Model:
    """A transformer over pieces of the window, each variable by itself (PatchTST).

    Args:
        shape: of windows and forecasts.
        units: of a piece; attention has heads of 8.
        blocks: of attention and two dense layers.
        size: steps in a piece; pieces overlap by half.
        dropout: in the blocks, and before the last dense layer.

    Reference: Nie et al. 2023, "A time series is worth 64 words", https://arxiv.org/abs/2211.14730.

    >>> patches(Shape(length=48, horizon=12, variables=3), units=16).output_shape
    (None, 12, 3)
    """
    alone = shape._replace(variables=1, calendar=0)
    size = min(size, shape.length)

    def inside(window: Any) -> Any:
        x = Input((shape.length, 1))
        tokens = layers.SeriesPatches(units, size, max(1, size // 2))(x)  # (batch, pieces, units)
        for _ in range(blocks):
            tokens = attending(tokens, heads_for(units), units, dropout)
        read = layers.Flatten()(layers.LayerNormalization()(tokens))
        return layers.OneByOne(Model(x, _all_steps(alone, read, dropout)))(window)

    return _forecaster(shape, inside, "mean", past=False)


# parts ----------------------------------------------------------------------------------------------------------------
EVEN = {"scale": 1 / 3, "mode": "fan_in", "distribution": "uniform"}  # as wide as 1 / sqrt(length)


def _forecaster(
    shape: Shape, inside: Callable[[Any], Any], centre: str, scale: bool = True, past: bool | None = None
) -> Model:
    """A network on normalised windows, with what the calendar of the horizon adds.

    Args:
        shape: of windows and forecasts.
        inside: from symbols of windows to symbols of forecasts.
        centre: "mean", "last" or "none".
        scale: whether windows are scaled too.
        past: whether the calendar of the window is handed to `inside` beside its values; by default where `scale`.
    """
    values = Input((shape.length, shape.variables), name="values")
    if shape.calendar:
        known = Input((shape.length + shape.horizon, shape.calendar), name="calendar")
        before, after = layers.Cropping1D((0, shape.horizon)), layers.Cropping1D((shape.length, 0))
        seen = layers.concatenate([values, before(known)]) if (scale if past is None else past) else values
        hidden = layers.Dense(32, activation="relu")(after(known))
        effect = layers.Reshape(shape.outputs)(layers.Dense(shape.variables * shape.each)(hidden))
        inputs: Any = [values, known]
        y = layers.add([inside(seen), effect])
    else:
        inputs, y = values, inside(values)
    if centre == "none":
        return Model(inputs, y)
    network = Model(inputs, y)
    outer = [Input(tuple(symbol.shape[1:]), name=symbol.name) for symbol in (inputs if shape.calendar else [inputs])]
    normal = layers.ReversibleNormalization(network, centre, scale, affine=scale)
    given = outer if shape.calendar else outer[0]
    return Model(given, normal(given))


def _all_steps(shape: Shape, features: Any, dropout: float) -> Any:
    """From one vector to all numbers of the forecast."""
    features = layers.Dropout(dropout)(features) if dropout else features
    return layers.Reshape(shape.outputs)(layers.Dense(shape.horizon * shape.variables * shape.each)(features))


NETWORKS: dict[str, Callable[..., Model]] = {"linear": linear, "recurrent": recurrent, "tcn": tcn, "patches": patches}
