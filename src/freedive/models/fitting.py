"""fit, evaluate and predict: from what people hand over to a run on the one executor and back."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import jax
import numpy as np

from ..core.calling import run_key
from ..core.forward import apply
from ..core.structure import compiled, structure
from ..core.variables import Variables, draw_missing, gather, scatter
from ..train.callbacks import CallbackList, History
from ..train.callbacks.base import flat
from ..train.chunk import Line
from ..train.execute import Run, StreamedRun, execute, next_count
from ..train.feeds import Block, Resident
from ..train.inputs import arrays_of, check_finite
from ..train.objective import Objective
from ..train.progress import with_progress
from ..train.streams import BLOCK_BATCHES, Stream, is_stream, room_for
from .data import Data, check_ids, even_batch, order_targets, read, read_pair, split_rows, with_class_weights
from .training import ModelHost, first_state, make_ready, objective_for, program_for, run_seed, warn_changed


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

    def check(self) -> None:
        """Whole numbers where they belong."""
        for name in (
            "batch_size",
            "epochs",
            *(f for f in self._fields if f.endswith(("_steps", "_freq", "_batch_size"))),
        ):
            value, least = getattr(self, name), 0 if name == "epochs" else 1
            whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
            if value is not None and (not whole or value < least):
                raise ValueError(f"fit({name}={value!r}): expected a whole number, {least} or more")

    def told(self, rows: int | None) -> dict[str, Any]:
        """What callbacks are told of the run."""
        steps = None if rows is None else -(-rows // (self.batch_size or 32))
        return {"epochs": self.epochs, "steps": self.steps_per_epoch or steps, "verbose": self.verbose}


def fit(model: Any, x: Any, y: Any, options: Options) -> History:
    """What `Model.fit` does."""
    options.check()
    data, held_out, stream = taken(x, y, options)
    make_ready(model, data.x)
    objective = objective_for(model, data.x, data.y)
    warn_changed(model)
    data = checked(model, objective, data, "fit")
    test = None if held_out is None else validation_feed(model, objective, held_out, options)
    own = any(isinstance(c, History) for c in flat(options.callbacks))
    rows = None if stream is not None else rows_in(data)
    callbacks = watching(model, [options.callbacks, [] if own else History()], options.told(rows))
    program = callbacks.wrap(program_for(model, objective))
    seed = run_seed(model) if options.seed is None else options.seed
    model._training.runs += 1
    start = (program, first_state(model, program, seed))
    if stream is not None:
        stream.check = lambda *batch: checked(model, objective, Data(*batch[:3]), batch[3])
        line = Line(Block([tuple(data)], room_for(tuple(data), BLOCK_BATCHES)), test, options.validation_freq)
        run: Run = StreamedRun(*start, line, seed, options.initial_epoch, stream=stream)
    else:
        train = Resident(tuple(data), options.batch_size or 32, bool(options.shuffle), options.steps_per_epoch)
        run = Run(*start, Line(train, test, options.validation_freq), seed, options.initial_epoch)
    return follow(model, run, callbacks, options.epochs)


def taken(x: Any, y: Any, options: Options) -> tuple[Data, Any, Stream | None]:
    """(the rows, or the first batch of a stream; what is held out; the stream)."""
    if is_stream(x):
        stream = Stream(x, options.steps_per_epoch, "fit(x=...)")
        return Data(*stream.peek()), options.validation_data, stream
    data = with_class_weights(read(x, y, options.sample_weight, "fit"), options.class_weight)
    if options.validation_split and options.validation_data is None:
        return *split_rows(data, options.validation_split), None
    return data, options.validation_data, None


def rows_in(data: Data) -> int:
    """The number of rows."""
    return len(jax.tree.leaves(data.x)[0])


def checked(model: Any, objective: Objective, data: Data, where: str) -> Data:
    """Data whose targets are in order and fit the losses, and whose ids are in range."""
    names = objective.names
    data = data._replace(
        y=order_targets(data.y, names, f"{where}(y=...)"),
        weights=order_targets(data.weights, names, f"{where}(sample_weight=...)"),
    )
    objective.check(data.y, f"{where}(y=...)")
    check_ids(model, data.x, f"{where}(x=...)")
    return data


def validation_feed(model: Any, objective: Objective, held_out: Any, options: Options) -> Resident:
    """Validation data on the device. A stream is read once, up to `validation_steps` batches, and kept."""
    where = "fit(validation_data=...)"
    data = held_out if isinstance(held_out, Data) else read_pair(held_out, where)
    if isinstance(data, Stream):
        data.steps = options.validation_steps
        data = Data(*data.all_rows())
    elif options.validation_steps is not None:
        data = data.rows(None, options.validation_steps * (options.validation_batch_size or options.batch_size or 32))
    data = checked(model, objective, data, where)
    return Resident(tuple(data), options.validation_batch_size or even_batch(rows_in(data)), False)


def watching(model: Any, given: Any, params: dict[str, Any]) -> CallbackList:
    """The callbacks of a task, with a display among them unless `verbose` is 0."""
    return CallbackList(with_progress(given, params["verbose"]), model, params)


def follow(model: Any, run: Run, callbacks: CallbackList, epochs: int) -> History:
    """Execute a run for a model; whatever happens, the model keeps the values of the last finished chunk."""
    history = next(c for c in callbacks.callbacks if isinstance(c, History))
    model.history = history
    host = ModelHost(model, run.program)
    callbacks.on_train_begin()
    try:
        execute(run, host, callbacks, epochs)
    except BaseException as error:
        callbacks.on_interrupt(error)
        raise
    finally:
        host.give(run.finish())
    finalize(model)
    callbacks.on_train_end()
    history.run = run
    return history


def finalize(model: Any) -> None:
    """Let the optimizer have its last word on the weights: an average of them takes their place."""
    training = model._training
    params = gather(model).params
    trained = {path: values for path, values in params.items() if path not in training.frozen}
    scatter(model, training.optimizer.finalize(trained, training.slots), {})


# evaluate -----------------------------------------------------------------------------------------------------------
def evaluate(
    model: Any, x: Any, y: Any, batch_size: int | None, weights: Any, steps: int | None, verbose: Any, callbacks: Any
) -> dict[str, Any]:
    """What `Model.evaluate` does: the numbers by name."""
    if is_stream(x):
        data = Data(*Stream(x, steps, "evaluate(x=...)").all_rows())
    else:
        data = read(x, y, weights, "evaluate")
        data = data if steps is None else data.rows(None, steps * (batch_size or 32))
    make_ready(model, data.x)
    objective = objective_for(model, data.x, data.y)
    data = checked(model, objective, data, "evaluate")
    program = program_for(model, objective)
    feed = Resident(tuple(data), batch_size or even_batch(rows_in(data)), False)
    line = Line(None, feed)
    watchers = watching(model, callbacks, {"steps": line.steps, "verbose": verbose})
    watchers.on_test_begin()  # a callback may change the values that are tested
    run = Run(program, first_state(model, program, 0), line, 0)
    began = time.perf_counter()
    run.compile()
    watchers.on_compiled(time.perf_counter() - began)
    closed: list[Any] = []
    while not closed:
        batch = run.at
        watchers.on_test_batch_begin(batch)
        closed = run.advance(next_count(run, "epoch", 1))
        last = (line.steps if closed else run.at) - 1
        watchers.on_test_batch_end(last, closed[0].logs if closed else run.so_far())
    watchers.on_test_end(closed[0].logs)
    return closed[0].logs


# predict ------------------------------------------------------------------------------------------------------------
PREDICT_ROWS = 256  # rows a compiled prediction takes at most, unless asked otherwise


def predict(
    model: Any, x: Any, batch_size: int | None = None, steps: int | None = None, verbose: Any = 0, callbacks: Any = None
) -> Any:
    """What `Model.predict` does: outputs as numpy arrays."""
    if is_stream(x):
        parts = [predict(model, batch[0]) for batch in Stream(x, steps, "predict(x=...)").batches_once()]
        return jax.tree.map(lambda *p: np.concatenate(p), *parts)
    x = arrays_of(x, "predict(x=...)")
    rows = {len(a) for a in jax.tree.leaves(x)}
    if len(rows) != 1 or rows == {0}:
        raise ValueError(f"predict(x=...): expected rows of data. Received arrays of {sorted(rows)} rows")
    if not model.built:
        raise ValueError(
            "predict: the model has no weights yet, so its answers would mean nothing. Train it with fit, "
            "load weights, or build it: model.build((None, ...))"
        )
    check_ids(model, x, "predict(x=...)")
    draw_missing(model)
    count, most = rows.pop(), batch_size or PREDICT_ROWS
    call = compiled(("predict", structure(model), model._training.dtype), _predict_program(model._training.dtype))
    watchers = watching(model, callbacks, {"steps": -(-count // most), "verbose": verbose})
    watchers.on_predict_begin()
    variables, parts = gather(model), []
    for batch, start in enumerate(range(0, count, most)):
        watchers.on_predict_batch_begin(batch)
        parts.append(_predict_rows(model, call, variables, x, start, min(start + most, count), most))
        watchers.on_predict_batch_end(batch, {"outputs": parts[-1]})
    watchers.on_predict_end()
    return parts[0] if len(parts) == 1 else jax.tree.map(lambda *p: np.concatenate(p), *parts)


def _predict_program(dtype: Any) -> Any:
    def run(model: Any, variables: Variables, x: Any) -> Any:
        return apply(model, variables, x, key=run_key(0), compute_dtype=dtype)[0]

    return run


def _predict_rows(model: Any, call: Any, variables: Variables, x: Any, start: int, stop: int, most: int) -> Any:
    """Some rows, filled up to a size that is compiled already or soon useful again: a power of two, or the most."""
    count = stop - start
    size = min(most, 1 << (count - 1).bit_length())

    def part(a: Any) -> Any:
        rows = np.asarray(a[start:stop])
        return rows if size == count else np.concatenate([rows, np.repeat(rows[-1:], size - count, axis=0)])

    outputs = call(model, variables, jax.tree.map(part, x))
    return jax.tree.map(lambda o: np.asarray(o, np.float32 if o.dtype == "bfloat16" else None)[:count], outputs)


# one batch ----------------------------------------------------------------------------------------------------------
def train_on_batch(model: Any, x: Any, y: Any, weights: Any, class_weight: Any) -> dict[str, Any]:
    """One update on one batch: its numbers by name."""
    data = with_class_weights(read(x, y, weights, "train_on_batch"), class_weight)
    make_ready(model, data.x)
    objective = objective_for(model, data.x, data.y)
    data = checked(model, objective, data, "train_on_batch")
    program = program_for(model, objective)
    warn_changed(model)
    call = compiled(("step", program.key), lambda program, ts, batch: program.step(ts, batch))
    ts, sums = call(program, first_state(model, program, run_seed(model, 1)), tuple(data))
    ModelHost(model, program).give(ts)
    return program.results(jax.tree.map(np.asarray, sums))


__all__ = ["Options", "check_finite", "evaluate", "fit", "predict", "train_on_batch"]
