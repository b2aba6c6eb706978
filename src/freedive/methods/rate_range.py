"""lr_find: a learning rate that suits a model, from one short run in which the rate rises from step to step."""

from __future__ import annotations

import copy
import os
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import jax.numpy as jnp
import numpy as np

from ..callbacks import Callback
from ..config import argument, integer, real
from ..models import fitting
from ..models.entering import entered
from ..models.fitting import Method
from ..train.inputs import arrays_of, rows_of
from ..train.objective import Objective
from ..train.program import Program, TrainState
from .population import checked_model

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# of the range: the width of the bell over which losses are averaged; at half of it the noise of batches is found
SMOOTH = 0.04
BROKEN = 4.0  # times the least loss: there a rate is far too high


class RateRange(NamedTuple):
    """What `lr_find` gives: the rates, the loss at each, and the rate at which the loss fell fastest."""

    rates: np.ndarray
    losses: np.ndarray
    smooth: np.ndarray  # the losses, each averaged with its neighbours
    rate: float

    def plot(self, path: str | os.PathLike[str] | None = None) -> Figure:
        """Draw the loss over the rate.

        Args:
            path: where to save the picture too.
        """
        import matplotlib.pyplot as plt

        from ..train.callbacks.curves import COLOURS, save

        figure, ax = plt.subplots(figsize=(5.6, 3.8), layout="constrained")
        ax.plot(self.rates, self.losses, color=COLOURS["train"], alpha=0.3, linewidth=0.8)
        ax.plot(self.rates, self.smooth, color=COLOURS["train"], linewidth=1.8, label="loss")
        at = float(np.interp(np.log(self.rate), np.log(self.rates), self.smooth))
        ax.plot([self.rate], [at], "o", color=COLOURS["val"], label=f"falls fastest at {self.rate:.2g}")
        low, high = float(self.smooth.min()), float(self.smooth[0])
        ax.set(xscale="log", xlabel="learning rate", ylim=(low - 0.1 * (high - low), high + 0.6 * (high - low)))
        ax.set_title("loss", fontsize=11)
        ax.grid(True, color="0.92", linewidth=0.8)
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(frameon=False, fontsize=9)
        if path is not None:
            save(figure, path)
            plt.close(figure)
        return figure


def lr_find(
    model: Any, x: Any, y: Any = None, low: float = 1e-6, high: float = 10.0, steps: int = 200, **fit: Any
) -> RateRange:
    """Look for a learning rate: train a copy of the model with a rate that rises from step to step, and see where it
    learns.

    rate_t = low (high / low)^(t / (steps - 1)). The rate at which the smoothed loss falls fastest is a good one to
    begin with; where the loss rises again it is too high.

    Args:
        model: a compiled model; it stays as it is.
        x, y: as for `fit`, arrays.
        low, high: the first and the last rate.
        steps: how many.
        **fit: further arguments of `Model.fit`: batch_size, seed, sample_weight, ...

    Returns:
        A RateRange: `.rate`, `.plot()`.

    Raises:
        ValueError: the optimizer's rate is a schedule, or the rates are in no order.

    Reference: L. Smith, "Cyclical learning rates for training neural networks", 2017, https://arxiv.org/abs/1506.01186

    >>> import numpy as np
    >>> import freedive as fd
    >>> model = fd.Sequential([fd.Input((2,)), fd.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> x = np.random.default_rng(0).normal(size=(256, 2))
    >>> found = fd.lr_find(model, x, x[:, :1], steps=100)
    >>> 1e-3 < found.rate < 1.0
    True
    """
    from .validation import options_of

    low, high = argument("lr_find", "low", low, real), argument("lr_find", "high", high, real)
    if not 0 < low < high or argument("lr_find", "steps", steps, integer) < 10:
        raise ValueError(
            f"lr_find(low={low!r}, high={high!r}, steps={steps!r}): expected 0 < low < high and 10 steps or more"
        )
    given = {"batch_size": 32, "verbose": 0} | fit
    options = options_of(
        "lr_find", given, ("epochs", "callbacks", "validation_split", "validation_data", "initial_epoch", "resume")
    )
    twin = copy.deepcopy(checked_model(model, "lr_find"), {id(model.history): None})
    twin._training.slots, twin._training.step = None, 0
    if "learning_rate" not in getattr(twin.optimizer, "hyper", dict)():
        raise ValueError(
            "lr_find: the learning rate of the optimizer is a schedule, or inside another library's transformation. "
            "Compile the model with a number, learning_rate=0.001"
        )
    method, noted = Rising(low, high, steps), Noted()
    x, twin._door = entered(twin, x), None  # once for both: counting the rows and the run
    count = rows_of(arrays_of(x, "lr_find(x=...)"), "lr_find(x=...)")
    a_pass = -(-count // min(options.batch_size or 32, count))
    options = options._replace(epochs=-(-steps // a_pass), callbacks=noted)
    fitting.fit(twin, x, y, options, method)
    return read(method.rates(), np.sum(noted.curves, axis=0))


class Noted(Callback):
    """Keeps the losses of the steps of every epoch."""

    edge: ClassVar[Any] = "never"

    def __init__(self) -> None:
        super().__init__()
        self.curves: list[np.ndarray] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.curves.append((logs or {})["losses"])


class Rising(Method):
    """A rate that rises from step to step; the loss of each step stands among the sums."""

    def __init__(self, low: float, high: float, steps: int):
        self.low, self.high, self.steps = low, high, steps

    def rates(self) -> np.ndarray:
        """The rate of every step."""
        return self.low * (self.high / self.low) ** (np.arange(self.steps) / (self.steps - 1))

    def program(self, model: Any, objective: Objective) -> Program:
        plain = super().program(model, objective)
        rates, place = jnp.asarray(self.rates(), jnp.float32), jnp.arange(self.steps)

        def gradient(ts: TrainState, batch: Any) -> Any:
            grads, state, sums = plain.gradient(ts, batch)
            return grads, state, sums | {"losses": jnp.where(place == ts.step, objective.value(sums), 0.0)}

        def update(ts: TrainState, grads: Any) -> TrainState:
            numbers = {**ts.hyper["optimizer"], "learning_rate": rates[jnp.minimum(ts.step, self.steps - 1)]}
            after = plain.update(ts._replace(hyper=ts.hyper | {"optimizer": numbers}), grads)
            return after._replace(hyper=ts.hyper)

        def results(sums: Any) -> dict[str, Any]:
            return plain.results(sums) | {"losses": np.asarray(sums["losses"])}

        key = ("rising", self.low, self.high, self.steps, plain.key)
        return plain._replace(gradient=gradient, update=update, results=results, key=key)


def read(rates: np.ndarray, losses: np.ndarray) -> RateRange:
    """The part of the range before the loss broke, and the rate at which it fell fastest."""
    whole = np.flatnonzero(~np.isfinite(losses))
    end = int(whole[0]) if len(whole) else len(losses)
    if end < 10:
        raise ValueError(
            f"lr_find: the loss is {losses[end]} after {end} steps already: begin lower, or scale the data"
        )
    smooth = smoothed(losses[:end], len(losses) * SMOOTH)
    high = np.flatnonzero(smooth > BROKEN * np.abs(np.minimum.accumulate(smooth)))
    end = max(int(high[0]), 10) if len(high) else end
    lowest = max(int(smooth[:end].argmin()), 2)
    fastest = int(np.gradient(smooth[: lowest + 1]).argmin())
    return RateRange(rates[:end], losses[:end], smooth[:end], float(rates[fastest]))


def smoothed(values: np.ndarray, width: float) -> np.ndarray:
    """Means of neighbours, weighted by a bell of this width; at the ends, of those that there are."""
    reach = np.arange(-round(3 * width), round(3 * width) + 1)
    bell = np.exp(-((reach / width) ** 2) / 2)
    around = lambda row: np.convolve(row, bell)[len(reach) // 2 :][: len(values)]  # noqa: E731
    return around(values) / around(np.ones(len(values)))
