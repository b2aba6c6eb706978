"""predict: outputs for rows of data, in compiled batches of few sizes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from ..core.calling import run_key
from ..core.forward import apply
from ..core.structure import compiled, structure
from ..core.variables import Variables, draw_missing, gather
from ..train.callbacks import CallbackList
from ..train.inputs import arrays_of
from ..train.progress import with_progress
from ..train.streams import Stream, is_stream
from .data import check_ids

ROWS = 256  # a compiled prediction takes so many rows at most, unless asked otherwise


def predict(
    model: Any, x: Any, batch_size: int | None = None, steps: int | None = None, verbose: Any = 0, callbacks: Any = None
) -> Any:
    """What `Model.predict` does: outputs as numpy arrays."""
    if not model.built:
        raise ValueError(
            "predict: the model has no weights yet, so its answers would mean nothing. Train it with fit, "
            "load weights, or build it: model.build((None, ...))"
        )
    check_counts("predict", {"batch_size": batch_size, "steps": steps})
    draw_missing(model)
    if is_stream(x):
        parts: Any = (batch[0] for batch in Stream(x, steps, "predict(x=...)").batches_once())
        count = steps
    else:
        x = arrays_of(x, "predict(x=...)")
        most = batch_size or ROWS
        parts, count = cut(model, x if steps is None else jax.tree.map(lambda a: a[: steps * most], x), most)
    watchers = watching(model, callbacks, {"steps": count, "verbose": verbose})
    dtype = model._training.dtype
    call = compiled(("predict", structure(model), dtype), _program(dtype))
    outputs = []
    watchers.on_predict_begin()  # a callback may change the values that answer
    variables = gather(model)
    with interruptible(watchers):
        for batch, part in enumerate(parts):
            watchers.on_predict_batch_begin(batch)
            outputs.append(_predicted(model, call, variables, part, batch_size or ROWS))
            watchers.on_predict_batch_end(batch, {"outputs": outputs[-1]})
    watchers.on_predict_end()
    return outputs[0] if len(outputs) == 1 else jax.tree.map(lambda *p: np.concatenate(p), *outputs)


def cut(model: Any, x: Any, most: int) -> tuple[Iterator[Any], int]:
    """The rows in parts of at most `most`, and how many parts there are."""
    rows = {len(a) for a in jax.tree.leaves(x)}
    if len(rows) != 1 or rows == {0}:
        raise ValueError(f"predict(x=...): expected rows of data. Received arrays of {sorted(rows)} rows")
    check_ids(model, x, "predict(x=...)")
    starts = range(0, rows.pop(), most)
    return (jax.tree.map(lambda a, i=i: np.asarray(a[i : i + most]), x) for i in starts), len(starts)


def _program(dtype: Any) -> Any:
    def run(model: Any, variables: Variables, x: Any) -> Any:
        return apply(model, variables, x, key=run_key(0), compute_dtype=dtype)[0]

    return run


def _predicted(model: Any, call: Any, variables: Variables, x: Any, most: int) -> Any:
    """Outputs of some rows, filled up to a size that is compiled already or soon useful again: a power of two."""
    count = len(jax.tree.leaves(x)[0])
    size = max(count, min(most, 1 << (count - 1).bit_length()))

    def filled(rows: Any) -> Any:
        return rows if size == count else np.concatenate([rows, np.repeat(rows[-1:], size - count, axis=0)])

    outputs = call(model, variables, jax.tree.map(filled, x))
    return jax.tree.map(lambda o: np.asarray(o, np.float32 if o.dtype == "bfloat16" else None)[:count], outputs)


def check_counts(task: str, counts: dict[str, Any], least: int = 1) -> None:
    """Refuse what is no whole number, or too small, or no 32-bit number."""
    for name, value in counts.items():
        whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
        if value is not None and (not whole or not least <= value < 2**32):
            raise ValueError(f"{task}({name}={value!r}): expected a whole number, {least} or more")


# callbacks of a task ------------------------------------------------------------------------------------------------
def watching(model: Any, given: Any, params: dict[str, Any]) -> CallbackList:
    """The callbacks of a task, with a display among them unless `verbose` is 0."""
    return CallbackList(with_progress(given, params["verbose"]), model, params)


@contextlib.contextmanager
def interruptible(callbacks: CallbackList) -> Iterator[None]:
    """Tell callbacks when a task ends early, so that displays and files are left in order."""
    try:
        yield
    except BaseException as error:
        callbacks.on_interrupt(error)
        raise
