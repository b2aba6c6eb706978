"""What a callback is, and the list that calls them: Keras' hooks, and where each callback needs the run to pause."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ...config import Configured

if TYPE_CHECKING:
    from ..program import Program

Edge = Literal["never", "epoch", "batch"]
EDGES: tuple[Edge, ...] = ("never", "epoch", "batch")  # from the one that costs nothing to the dearest

PAUSE_OF_HOOK: dict[str, Edge] = {
    "on_epoch_begin": "epoch",
    "on_epoch_end": "epoch",
    "on_train_batch_begin": "batch",
    "on_train_batch_end": "batch",
    "on_batch_begin": "batch",
    "on_batch_end": "batch",
}


class Callback:
    """Something that is told how training goes; subclass it and write the hooks you need.

    `self.model` is the model, `self.params` the run's numbers (epochs, steps, verbose). A callback that writes epoch
    hooks makes the run pause at every epoch; one that writes batch hooks makes it pause at every batch, which costs
    the speed of compiled chunks. One that only reads `logs` can say so with `edge = "never"`: it is then told of
    epochs in order, but maybe some at a time, and finds in the model the values that the run began with.

    What a hook assigns to `model.optimizer.learning_rate` or to a layer's number such as `rate` counts from the next
    step on, without compiling again; `model.stop_training = True` ends the run.

    >>> import freedive as fd
    >>> class Shout(fd.callbacks.Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         print(epoch, sorted(logs))
    >>> Shout().pauses()
    'epoch'
    """

    edge: ClassVar[Edge | None] = None
    last: ClassVar[bool] = False  # whether it is told after the others, whatever its place in their list

    def __init__(self) -> None:
        self.model: Any = None
        self.params: dict[str, Any] = {}

    def set_model(self, model: Any) -> None:
        """Called with the model before training, and before the program of the run is made."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Called before training with the run's numbers."""
        self.params = params

    def pauses(self) -> Edge:
        """Where this callback needs the run to pause: where it writes hooks, unless the class that does so says."""
        return dearest(self._pause_of(hook) for hook in PAUSE_OF_HOOK)

    def _pause_of(self, hook: str) -> Edge:
        if hook in vars(self):  # a function was assigned to this object
            return PAUSE_OF_HOOK[hook]
        for cls in type(self).__mro__[: type(self).__mro__.index(Callback)]:
            if vars(cls).get("edge") is not None:
                return vars(cls)["edge"]
            if hook in vars(cls):
                return PAUSE_OF_HOOK[hook]
        return "never"

    def wrap(self, program: Program) -> Program:
        """The program to run instead, for callbacks that change what a step or a test does; most leave it."""
        return program

    def get_state(self) -> dict[str, Any]:
        """What the callback must remember over an interruption, as JSON values and arrays."""
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what `get_state` gave. Called before the first step, after `on_train_begin` and, where the run
        stands within an epoch, after its `on_epoch_begin`.
        """

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """After the last epoch."""

    def on_interrupt(self, error: BaseException) -> None:
        """When an error or Ctrl-C breaks training off, in place of `on_train_end`."""

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

    def on_run_begin(self, run: Any, callbacks: CallbackList) -> None:
        """After `on_train_begin`: the run is ready, and may still be put where a checkpoint says."""

    def on_compiled(self, seconds: float) -> None:
        """After the run was compiled, before its first step."""

    def on_nonfinite(self, failure: Any) -> None:
        """After a step that made NaN or infinity: a `Nonfinite`. What comes of it, `compile(on_nonfinite=...)` says."""

    def on_chunk_end(self, run: Any) -> None:
        """After every dispatch of the compiled run; `run` knows its epoch, its place in it and its pace."""

    def on_edge(self, run: Any) -> None:
        """After a dispatch, when all was told of it, and before anything of the next: all is of one place.

        Comes about five times a second, also while a stream gives nothing.
        """

    def on_run_end(self, run: Any) -> None:
        """After the last dispatch, while the run still has its values; before `on_train_end`."""


class Described(Configured, Callback):
    """A callback whose arguments are annotated fields: checked when it is made, shown by repr."""

    def __post_init__(self) -> None:
        Callback.__init__(self)
        super().__post_init__()

    def where(self, **arguments: Any) -> str:
        """How messages name this callback and the argument they speak of: "EarlyStopping(monitor='acc')"."""
        shown = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
        return f"{type(self).__name__}({shown})" if shown else type(self).__name__


HOOKS = {  # and how many arguments each has
    name: len(inspect.signature(hook).parameters) - 1 for name, hook in vars(Callback).items() if name.startswith("on_")
}


def _nobody_listens(*args: Any) -> None:
    """A hook without callbacks: a single answer is told four times that it is under way."""


class CallbackList:
    """Some callbacks as one.

    Args:
        callbacks: in the order in which they are called: one, or lists of them, also nested. Those whose class says
            `last` come last.
        model: told to each.
        params: the run's numbers, told to each.

    Raises:
        TypeError: for something that is no callback of freedive.
    """

    def __init__(self, callbacks: Any, model: Any, params: dict[str, Any]):
        self.callbacks = sorted(flat(callbacks), key=lambda callback: callback.last)
        for callback in self.callbacks:
            callback.set_model(model)
            callback.set_params(params)
        self.edge: Edge = dearest(callback.pauses() for callback in self.callbacks)

    def __getattr__(self, hook: str) -> Callable[..., None]:
        if hook not in HOOKS:
            raise AttributeError(hook)
        if not self.callbacks:
            return _nobody_listens
        listening = [getattr(callback, hook) for callback in self.callbacks if _listens(callback, hook)]

        def call_all(*args: Any) -> None:
            args += ({},) * (HOOKS[hook] - len(args))  # logs may be left out here, not by whoever listens
            for call in listening:
                call(*args)

        setattr(self, hook, call_all)  # the next call finds it without coming here
        return call_all

    def wrap(self, program: Program) -> Program:
        """The program as all callbacks together want it."""
        for callback in self.callbacks:
            program = callback.wrap(program)
        return program

    def get_state(self) -> dict[str, dict[str, Any]]:
        """What the callbacks must remember over an interruption, by name."""
        return {name: state for name, callback in self._named() if (state := callback.get_state())}

    def set_state(self, state: dict[str, dict[str, Any]]) -> None:
        """Let those callbacks that were there before go on; new ones begin."""
        for name, callback in self._named():
            if name in state:
                callback.set_state(state[name])

    def _named(self) -> Iterator[tuple[str, Callback]]:
        """Each callback under its class name; a second one of a class as EarlyStopping_1."""
        met: dict[str, int] = {}
        for callback in self.callbacks:
            name = type(callback).__name__
            number = met[name] = met.get(name, -1) + 1
            yield f"{name}_{number}" if number else name, callback


def dearest(edges: Iterable[Edge]) -> Edge:
    """The edge, of some, at which a run pauses most often."""
    return EDGES[max(map(EDGES.index, edges), default=0)]


def _listens(callback: Callback, hook: str) -> bool:
    return getattr(getattr(callback, hook), "__func__", None) is not getattr(Callback, hook)


def flat(callbacks: Any) -> list[Callback]:
    """One callback, or lists of them in lists, as one list; anything else is refused."""
    if callbacks is None or isinstance(callbacks, CallbackList):
        return [] if callbacks is None else callbacks.callbacks
    if isinstance(callbacks, (list, tuple)):
        return [callback for some in callbacks for callback in flat(some)]
    if not isinstance(callbacks, Callback):
        raise TypeError(f"callbacks: {_advice(callbacks)}")
    return [callbacks]


def _advice(thing: Any) -> str:
    if isinstance(thing, type) and issubclass(thing, Callback):
        return f"expected an object. Received the class {thing.__name__}: write {thing.__name__}()"
    came = f"Received {thing!r} of {type(thing).__module__.split('.')[0]}"
    if hasattr(thing, "on_epoch_end"):
        return f"expected callbacks of freedive. {came}: take freedive.callbacks.{type(thing).__name__} or subclass it"
    return f"expected a freedive.callbacks.Callback. {came}"
