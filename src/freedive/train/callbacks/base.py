"""What a callback is, and the list that calls them: Keras' hooks, and where each callback needs the run to pause."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Literal

Edge = Literal["never", "epoch", "batch"]

EPOCH_HOOKS = ("on_epoch_begin", "on_epoch_end")
BATCH_HOOKS = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")


class Callback:
    """Something that is told how training goes; subclass it and write the hooks you need.

    `self.model` is the model, `self.params` the run's numbers (epochs, steps, verbose). A callback that writes epoch
    hooks makes the run pause at every epoch; one that writes batch hooks makes it pause at every batch, which costs
    the speed of compiled chunks. One that only reads `logs` can say so with `edge = "never"`: it is then told of
    epochs in order, but maybe some at a time.

    >>> import freedive as fd
    >>> class Shout(fd.callbacks.Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         print(epoch, sorted(logs))
    """

    edge: ClassVar[Edge | None] = None

    def __init__(self) -> None:
        self.model: Any = None
        self.params: dict[str, Any] = {}

    def set_model(self, model: Any) -> None:
        """Called before training with the model."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Called before training with the run's numbers."""
        self.params = params

    def pauses(self) -> Edge:
        """Where this callback needs the run to pause: where it writes hooks, unless its class says."""
        if self.edge is not None:
            return self.edge
        writes = lambda hooks: any(getattr(type(self), h) is not getattr(Callback, h) for h in hooks)  # noqa: E731
        return "batch" if writes(BATCH_HOOKS) else "epoch" if writes(EPOCH_HOOKS) else "never"

    def get_state(self) -> dict[str, Any]:
        """What the callback must remember over an interruption, as JSON values and arrays."""
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what `get_state` gave."""

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """After the last epoch."""

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Before an epoch; epochs count from 0."""

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """After an epoch and its validation, with their results."""

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Before a training batch."""

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """After a training batch, with the results of the epoch so far."""

    def on_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Another name of on_train_batch_begin."""

    def on_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Another name of on_train_batch_end."""

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Before an evaluation."""

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        """After an evaluation, with its results."""

    def on_test_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Before a chunk of evaluation."""

    def on_test_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """After a chunk of evaluation."""

    def on_predict_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Before a prediction."""

    def on_predict_end(self, logs: dict[str, Any] | None = None) -> None:
        """After a prediction."""

    def on_predict_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Before a batch of prediction."""

    def on_predict_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """After a batch of prediction."""

    def on_compiled(self, seconds: float) -> None:
        """After the run was compiled, before its first step."""

    def on_chunk_end(self, run: Any) -> None:
        """After every dispatch of the compiled run; `run` knows its epoch, its place in it and its pace."""


class CallbackList:
    """Some callbacks as one.

    Args:
        callbacks: in the order in which they are called.
        model: told to each.
        params: the run's numbers, told to each.
    """

    def __init__(self, callbacks: Iterable[Callback], model: Any, params: dict[str, Any]):
        self.callbacks = list(callbacks)
        for callback in self.callbacks:
            callback.set_model(model)
            callback.set_params(params)
        edges = {callback.pauses() for callback in self.callbacks}
        self.edge: Edge = "batch" if "batch" in edges else "epoch" if "epoch" in edges else "never"

    def __getattr__(self, hook: str) -> Any:
        if not hook.startswith("on_"):
            raise AttributeError(hook)

        def call_all(*args: Any) -> None:
            for callback in self.callbacks:
                getattr(callback, hook)(*args)

        return call_all
