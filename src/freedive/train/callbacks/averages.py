"""Moving averages of weights: a model that has them for a while, and a callback that tests with them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ...core.variables import gather, scatter
from .base import Described, Edge

if TYPE_CHECKING:
    from ..program import Program, TrainState


def final(model: Any, params: Any, slots: Any) -> Any:
    """Weights as training would leave them now: the averages of those that learn, with `use_ema`."""
    training = model._training
    learned = {path: values for path, values in params.items() if path not in training.frozen}
    return {**params, **training.optimizer.finalize(learned, slots)}


def finalize(model: Any) -> None:
    """Let the optimizer have its last word on the weights: an average of them takes their place."""
    scatter(model, final(model, gather(model).params, model._training.slots), {})


@contextlib.contextmanager
def ended(model: Any) -> Iterator[None]:
    """While it lasts, a model that trains has the weights that it would be left with, were this the end."""
    kept = gather(model).params
    if model._training.slots is not None:  # before the first step there is no average yet
        finalize(model)
    try:
        yield
    finally:
        scatter(model, kept, {})


class SwapEMAWeights(Described):
    """Test with the moving average of the weights (Polyak averaging) that an optimizer with `use_ema=True` keeps.

    Training goes on with the weights themselves. In `fit` the validation inside the compiled run takes the averages;
    in `evaluate` and `predict` the model has them for that time.

    Keeps the run compiled: it never pauses it, but at every epoch with `swap_on_epoch`.

    Args:
        swap_on_epoch: whether the model has the averages at the end of every epoch too, for callbacks after this one,
            such as ModelCheckpoint.

    Raises:
        ValueError: the optimizer keeps no averages.

    Reference: Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", SIAM J. Control Optim.
    30 (1992), https://doi.org/10.1137/0330046

    >>> import freedive as fd
    >>> fd.callbacks.SwapEMAWeights(swap_on_epoch=True).pauses()
    'epoch'
    """

    swap_on_epoch: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self._kept: Any = None  # the weights themselves, while the model has the averages

    def pauses(self) -> Edge:
        return "epoch" if self.swap_on_epoch else "never"

    def wrap(self, program: Program) -> Program:
        def test(ts: TrainState, batch: Any) -> Any:
            return program.test(ts._replace(params=final(self.model, ts.params, ts.optimizer)), batch)

        self._check()
        return program._replace(test=test, key=("averages", program.key))

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._kept = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._swap_back()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self.swap_on_epoch:
            self._swap()

    def on_edge(self, run: Any) -> None:
        self._swap_back()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._kept = None  # the run has given the model its last values

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._swap()

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        self._swap_back()

    def on_predict_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._swap()

    def on_predict_end(self, logs: dict[str, Any] | None = None) -> None:
        self._swap_back()

    def _check(self) -> None:
        if not getattr(self.model.optimizer, "use_ema", False):
            raise ValueError(
                f"{self.where()}: the optimizer keeps no averages. Make it with use_ema=True: "
                f"{type(self.model.optimizer).__name__}(..., use_ema=True)"
            )

    def _swap(self) -> None:
        self._check()
        if self._kept is None and self.model._training.slots is not None:
            self._kept = gather(self.model).params
            finalize(self.model)

    def _swap_back(self) -> None:
        if self._kept is not None:
            scatter(self.model, self._kept, {})
            self._kept = None
