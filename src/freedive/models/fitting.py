"""fit and evaluate: from what people hand over to a run on the one executor and back."""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import jax
import numpy as np

from ..core.calling import run_key
from ..core.structure import compiled
from ..errors import refuse_misspelt, warn
from ..train.ahead import BLOCK_BATCHES, room_for
from ..train.backup import resuming
from ..train.callbacks import CallbackList, History
from ..train.callbacks.averages import finalize
from ..train.callbacks.base import flat
from ..train.chunk import Line
from ..train.execute import Ran, Run, StreamedRun, execute, next_count
from ..train.feeds import Block, Resident, in_turn
from ..train.finite import all_finite, losses_in
from ..train.guard import Guard, named_first
from ..train.objective import Objective
from ..train.program import Program, TrainState
from ..train.streams import Stream, is_stream
from .data import (
    Data,
    check_ids,
    even_batch,
    order_targets,
    read,
    read_pair,
    rows_at_once,
    split_rows,
    with_class_weights,
)
from .dirty import check_policy, sound, warn_odd
from .entering import entered, entered_pair
from .predicting import check_counts, interruptible, watching
from .training import ModelHost, first_state, make_ready, objective_for, program_for, run_seed, warn_changed

ALL_ROWS = 2**31 - 1  # a size of batches that makes all rows one batch
Call = TypeVar("Call", bound=Callable[..., Any])


class Options(NamedTuple):
    """The arguments of `fit` beside its data, with Keras' names and defaults."""

    batch_size: int | None = None
    epochs: int = 1
    verbose: Any = "auto"
    callbacks: Any = None
    validation_split: float = 0.0
    validation_data: Any = None
    shuffle: bool = True
    class_weight: Any = None
    sample_weight: Any = None
    initial_epoch: int = 0
    steps_per_epoch: int | None = None
    validation_steps: int | None = None
    validation_batch_size: int | None = None
    validation_freq: int = 1
    seed: int | None = None
    resume: Any = None
    on_bad: str = "error"

    def check(self) -> None:
        """Whole numbers where they belong."""
        check_policy(self.on_bad, "fit")
        steps = ("batch_size", "steps_per_epoch", "validation_steps", "validation_batch_size", "validation_freq")
        check_counts("fit", {name: getattr(self, name) for name in steps})
        check_counts("fit", {"epochs": self.epochs, "initial_epoch": self.initial_epoch}, least=0, required=True)
        check_counts("fit", {"seed": self.seed}, least=0)
        if self.initial_epoch > self.epochs:
            raise ValueError(
                f"fit(initial_epoch={self.initial_epoch}, epochs={self.epochs}): epochs is the epoch to stop before, "
                "not a number of further ones"
            )
        if not isinstance(self.shuffle, (bool, np.bool_)):
            raise TypeError(f"fit(shuffle={self.shuffle!r:.40}): expected True or False")

    def refuse_for_streams(self, y: Any) -> None:
        """What makes no sense where x gives batches."""
        given = {
            "y": y is not None,
            "sample_weight": self.sample_weight is not None,
            "class_weight": self.class_weight is not None,
            "batch_size": self.batch_size is not None,
            "validation_split": bool(self.validation_split),
        }
        for name in (n for n, there in given.items() if there):
            raise ValueError(
                f"fit({name}=...): x gives batches, so {name} cannot be given beside it. Let it give (x, y) or "
                "(x, y, sample_weight), in batches of the size you want; hold out data by validation_data"
            )

    def told(self, rows: int | None) -> dict[str, Any]:
        """What callbacks are told of the run."""
        steps = None if rows is None else -(-rows // (self.batch_size or 32))
        return {"epochs": self.epochs, "steps": self.steps_per_epoch or steps, "verbose": self.verbose}


def refusing_misspelt(call: Call) -> Call:
    """A method of a model that says which argument was meant by a name that it does not have."""
    known = dict.fromkeys(name for name in inspect.signature(call).parameters if name != "self").keys()

    @functools.wraps(call)
    def checked_call(self: Any, *args: Any, **given: Any) -> Any:
        if not given.keys() <= known:
            refuse_misspelt(call.__name__, given, known)
        return call(self, *args, **given)

    return cast(Call, checked_call)


class Method:
    """What a learning method changes about `fit`: whose outputs count, the program, its first state, the rows.

    This one is the plain way. A method that is a function from programs to programs writes `program`; one that is about
    many members or about rows writes the others too.
    """

    loops = True  # whether a loop of one's own may teach the model instead

    def learner(self, model: Any) -> Any:
        """The model whose outputs the losses and metrics of the run are of."""
        return model

    def objective(self, model: Any, x: Any, y: Any) -> Objective:
        """What the run minimises and measures."""
        return objective_for(self.learner(model), x, y)

    def program(self, model: Any, objective: Objective) -> Program:
        """What the run does."""
        return program_for(self.learner(model), objective)

    def state(self, model: Any, program: Program, seed: int) -> TrainState:
        """What the run begins with."""
        return first_state(model, program, run_key(seed))

    def train_feed(self, model: Any, data: Data, options: Options, seed: int) -> Resident:
        """The rows to learn from."""
        return Resident(tuple(data), options.batch_size or 32, bool(options.shuffle), options.steps_per_epoch)

    def check_stream(self) -> None:
        """Refuse rows that come as a stream, where the method needs them all at hand."""

    def callbacks(self, model: Any, options: Options) -> Any:
        """Callbacks of its own, told before all others; asked for after `train_feed`."""
        return []

    def test_feed(self, model: Any, data: Data, held_out: Data | None, options: Options) -> Resident | None:
        """The rows to validate with: those that were held out."""
        if held_out is None:
            return None
        most = rows_at_once(self.learner(model), 128)
        size = options.validation_batch_size or even_batch(rows_in(held_out), most)
        return Resident(tuple(held_out), size, False)


PLAIN = Method()


def fit(model: Any, x: Any, y: Any, options: Options, method: Method = PLAIN) -> History:
    """What `Model.fit` does, by a method."""
    options.check()
    if not isinstance(method, type(model._method())):
        kind = type(model).__name__
        raise TypeError(f"{kind} learns by a method of its own, which {type(method).__name__} would pass over")
    options = options._replace(validation_data=entered_pair(model, options.validation_data))
    seed = run_seed(model) if options.seed is None else options.seed
    data, held_out, stream = taken(entered(model, x), y, options, seed)
    make_ready(model, data.x)
    learner = method.learner(model)
    objective = method.objective(model, data.x, data.y)
    objective.refuses = options.on_bad != "keep"
    warn_changed(model)
    lenient = stream is not None and options.on_bad == "skip"  # then its first batch only shows the shapes
    data = checked(learner, objective, data, "fit", "keep" if lenient else options.on_bad)
    held = [None] if held_out is None else validation_data(learner, objective, held_out, options)
    warn_odd(data if stream is None else data._replace(y=None), held[0] if stream is None and len(held) == 1 else None)
    own = any(isinstance(c, History) for c in flat(options.callbacks))
    test = in_turn([method.test_feed(model, data, part, options) for part in held])
    data = with_class_weights(data, options.class_weight, objective.shapes, "fit(class_weight=...)")
    if stream is not None:
        method.check_stream()
        stream.check = lambda *batch: checked(learner, objective, Data(*batch[:3]), batch[3])
        train: Any = Block([tuple(data)], room_for(tuple(data), BLOCK_BATCHES))
        kind, rows = functools.partial(StreamedRun, stream=stream), None
    else:
        train, kind = method.train_feed(model, data, options, seed), Run
        rows = train.rows
    given = [method.callbacks(model, options), options.callbacks, [] if own else History(), resuming(options.resume)]
    callbacks = watching(model, given, options.told(rows))
    line = Line(train, test, options.validation_freq)
    program = method.program(model, objective)  # callbacks may have given layers numbers that the run is to have
    run = kind(program, method.state(model, program, seed), line, seed, options.initial_epoch)
    model._training.runs += 1
    run.guard = Guard(model._training.on_nonfinite)
    return follow(model, run, callbacks, options.epochs)


def taken(x: Any, y: Any, options: Options, seed: int = 0) -> tuple[Data, Any, Stream | None]:
    """(the rows, or the first batch of a stream; what is held out; the stream)."""
    if is_stream(x):
        options.refuse_for_streams(y)
        of_run = {"seed": seed if options.shuffle else None, "goes_on": True}
        stream = Stream(x, options.steps_per_epoch, "fit(x=...)", options.initial_epoch, options.on_bad, **of_run)
        return Data(*stream.peek()), options.validation_data, stream
    data = read(x, y, options.sample_weight, "fit", options.on_bad)
    if options.validation_split and options.validation_data is None:
        return *split_rows(data, options.validation_split), None
    return data, options.validation_data, None


def rows_in(data: Data) -> int:
    """The number of rows."""
    return len(jax.tree.leaves(data.x)[0])


def checked(model: Any, objective: Objective, data: Data, where: str, on_bad: str = "error") -> Data:
    """Data whose targets are in order and fit the losses, and whose ids are in range."""
    names = objective.names
    data = data._replace(
        y=order_targets(data.y, names, f"{where}(y=...)"),
        weights=order_targets(data.weights, names, f"{where}(sample_weight=...)"),
    )
    checks = [
        lambda data: objective.check(data.y, f"{where}(y=...)"),
        lambda data: check_ids(model, data.x, f"{where}(x=...)"),
        lambda data: objective.check_inputs(data.x, data.y, f"{where}(x=...)"),
    ]
    return sound(data, checks, on_bad, where)


def validation_data(model: Any, objective: Objective, held_out: Any, options: Options) -> list[Data]:
    """Validation data, checked, those of each shape. A stream is read once, up to `validation_steps` batches."""
    where = "fit(validation_data=...)"
    data = held_out if isinstance(held_out, Data) else read_pair(held_out, where, options.on_bad)
    if isinstance(data, Stream):
        data.steps = options.validation_steps
        return [checked(model, objective, Data(*part), where, options.on_bad) for part in data.all_rows()]
    if options.validation_steps is not None:
        data = data.rows(None, options.validation_steps * (options.validation_batch_size or options.batch_size or 32))
    return [checked(model, objective, data, where, options.on_bad)]


def follow(model: Any, run: Run, callbacks: CallbackList, epochs: int) -> History:
    """Execute a run for a model; whatever happens, the model keeps the values of the last finished chunk."""
    history = next(c for c in callbacks.callbacks if isinstance(c, History))
    model.history = history
    host = ModelHost(model, run.program)
    callbacks.on_train_begin()
    try:
        with interruptible(callbacks):
            try:
                execute(run, host, callbacks, epochs)
            finally:
                host.give(run.outcome())
            finalize(model)
            callbacks.on_train_end()
    finally:
        run.finish()
    history.run = Ran(run.dispatches, run.pace, run.program.members, tuple(run.guard.retired))
    return history


# evaluate -----------------------------------------------------------------------------------------------------------
def evaluate(
    model: Any,
    x: Any,
    y: Any,
    batch_size: int | None = None,
    weights: Any = None,
    steps: int | None = None,
    verbose: Any = 0,
    callbacks: Any = None,
    method: Method = PLAIN,
    on_bad: str = "error",
) -> dict[str, Any]:
    """What `Model.evaluate` does, by a method: the numbers by name."""
    check_counts("evaluate", {"batch_size": batch_size, "steps": steps})
    check_policy(on_bad, "evaluate")
    x = entered(model, x)
    if is_stream(x):
        rows = [Data(*part) for part in Stream(x, steps, "evaluate(x=...)", on_bad=on_bad).all_rows()]
    else:
        data = read(x, y, weights, "evaluate", on_bad)
        rows = [data if steps is None else data.rows(None, steps * (batch_size or 32))]
    make_ready(model, rows[0].x)
    learner = method.learner(model)
    objective = method.objective(model, rows[0].x, rows[0].y)
    objective.refuses = on_bad != "keep"
    rows = [checked(learner, objective, part, "evaluate", on_bad) for part in rows]
    program = method.program(model, objective)
    size = Options(validation_batch_size=batch_size)
    line = Line(None, in_turn([method.test_feed(model, part, part, size) for part in rows]))
    watchers = watching(model, callbacks, {"steps": line.steps, "verbose": verbose})
    watchers.on_test_begin()  # a callback may change the values that are tested
    run = Run(program, method.state(model, program, 0), line, 0)
    began = time.perf_counter()
    run.compile()
    watchers.on_compiled(time.perf_counter() - began)
    closed: list[Any] = []
    with interruptible(watchers):
        while not closed:
            watchers.on_test_batch_begin(run.at)
            closed = run.advance(next_count(run, "epoch", 1))
            last = (line.steps if closed else run.at) - 1
            watchers.on_test_batch_end(last, closed[0].logs if closed else run.so_far())
    watchers.on_test_end(closed[0].logs)
    return closed[0].logs


# one batch ----------------------------------------------------------------------------------------------------------
def train_on_batch(
    model: Any, x: Any, y: Any, weights: Any, class_weight: Any, method: Method = PLAIN
) -> dict[str, Any]:
    """One update on one batch, by a method: its numbers by name."""
    x = entered(model, x)
    data = read(x, y, weights, "train_on_batch")
    make_ready(model, data.x)
    objective = method.objective(model, data.x, data.y)
    data = checked(method.learner(model), objective, data, "train_on_batch")
    data = with_class_weights(data, class_weight, objective.shapes, "train_on_batch(class_weight=...)")
    program = method.program(model, objective)
    if program.members is not None:
        raise ValueError(
            f"train_on_batch: the members of {type(model).__name__} learn in runs alone. One update on a batch is "
            "fit(x, y, batch_size=len(x)) too"
        )
    warn_changed(model)

    def step(program: Any, ts: Any, batch: Any) -> Any:
        ts, sums = program.step(ts, batch)
        return ts, sums, all_finite(((ts.params, ts.state, ts.optimizer), losses_in(sums)))

    before = method.state(model, program, run_seed(model, 1))
    ts, sums, fine = compiled(("step", program.key), step)(program, before, tuple(data))
    if fine or model._training.on_nonfinite == "keep":
        ModelHost(model, program).give(ts)
    else:
        call = compiled(("examine", program.key), lambda program, *given: program.examine(*given))
        what = named_first(call(program, before, tuple(data)))
        mend = "The model keeps its weights; compile(on_nonfinite='keep') would take the new ones"
        warn(f"train_on_batch: {what} is NaN or infinite. {mend}", RuntimeWarning)
    return program.results(jax.tree.map(np.asarray, sums))
