"""predict: outputs for rows of data, in compiled batches of few sizes; many batches are one dispatch."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..core.calling import run_key
from ..core.forward import apply, refuse_flagged
from ..core.paths import looked_at
from ..core.structure import compiled_for
from ..core.variables import Variables, draw_missing, gather
from ..errors import show_shape
from ..train.callbacks import CallbackList
from ..train.inputs import arrays_of, check_finite
from ..train.progress import with_progress
from ..train.streams import Stream, is_stream
from .data import check_ids, rows_at_once
from .dirty import check_policy
from .entering import entered
from .few import answered

BFLOAT16 = np.dtype(jnp.bfloat16)
LARGE, SMALL = 64, 8  # the batches that one dispatch answers; of a small block the last ones may be missing


def predict(
    model: Any,
    x: Any,
    batch_size: int | None = None,
    steps: int | None = None,
    verbose: Any = 0,
    callbacks: Any = None,
    on_bad: str = "error",
) -> Any:
    """What `Model.predict` does: outputs as numpy arrays."""
    if not model.built:
        raise ValueError(
            "predict: the model has no weights yet, so its answers would mean nothing. Train it with fit, "
            "load weights, or build it: model.build((None, ...))"
        )
    check_counts("predict", {"batch_size": batch_size, "steps": steps})
    check_policy(on_bad, "predict", ("error", "keep"))
    if not callbacks:
        with looked_at(model):
            silent = verbose == 0 and steps is None and model._training.dtype is None
            found = answered(model, x) if silent else None
            return _predicted(model, x, batch_size, steps, verbose, callbacks, on_bad) if found is None else found
    return _predicted(model, x, batch_size, steps, verbose, callbacks, on_bad)


def _predicted(
    model: Any, x: Any, batch_size: int | None, steps: int | None, verbose: Any, callbacks: Any, on_bad: str
) -> Any:
    draw_missing(model)
    size, parts, count = _parts(model, entered(model, x), batch_size, steps, bool(callbacks), on_bad)
    watchers = watching(model, callbacks, {"steps": count, "verbose": verbose})
    outputs: list[Any] = []
    watchers.on_predict_begin()  # a callback may change the values that answer
    answer, batch = _answering(model, size, batch_size), 0
    with interruptible(watchers):
        for part, batches in parts:
            watchers.on_predict_batch_begin(batch)
            found, flags = answer(part, batches)
            if on_bad == "error":
                refuse_flagged(model, flags, "predict(x=...): ", exact=False)  # rows are repeated to fill a batch
            outputs.append(found)
            batch += batches
            watchers.on_predict_batch_end(batch - 1, {"outputs": outputs[-1]})
    watchers.on_predict_end()
    return outputs[0] if len(outputs) == 1 else jax.tree.map(_together, *outputs)


def _together(*parts: np.ndarray) -> np.ndarray:
    """The answers of all parts; those of batches of several lengths may be of several shapes."""
    odd = next((place for place, part in enumerate(parts) if part.shape[1:] != parts[0].shape[1:]), None)
    if odd is not None:
        raise ValueError(
            f"predict(x=...): the answers to batch 0 have shape {show_shape(parts[0].shape)}, those to batch {odd} "
            f"{show_shape(parts[odd].shape)}, and do not make one array. Pad all batches to one length "
            "(utils.pad_sequences), or call predict for each"
        )
    return np.concatenate(parts)


def _parts(
    model: Any, x: Any, batch_size: int | None, steps: int | None, single: bool, on_bad: str
) -> tuple[int | None, Iterator[tuple[Any, int]], int | None]:
    """(The rows of a batch, parts of the data with their numbers of batches, the number of all batches)."""
    if is_stream(x):  # whose batches have sizes of their own
        batches = Stream(x, steps, "predict(x=...)", on_bad=on_bad).batches_once()
        return batch_size, ((batch[0], 1) for batch in batches), steps
    x = arrays_of(x, "predict(x=...)")
    size = batch_size or rows_at_once(model)
    x = x if steps is None else jax.tree.map(lambda a: a[: steps * size], x)
    parts, count = cut(x, size, single)
    if on_bad == "error":
        check_finite(x, "predict(x=...)")
        check_ids(model, x, "predict(x=...)")
    return size, parts, count


def cut(x: Any, size: int, single: bool) -> tuple[Iterator[tuple[Any, int]], int]:
    """(The rows in parts of some batches of `size`, or of `single` ones, each with their number; that of all)."""
    rows = {len(a) for a in jax.tree.leaves(x)}
    if len(rows) != 1 or rows == {0}:
        raise ValueError(f"predict(x=...): expected rows of data. Received arrays of {sorted(rows)} rows")
    count = rows.pop()

    def parts() -> Iterator[tuple[Any, int]]:
        at = 0
        while at < count:
            left = -(-(count - at) // size)
            batches = 1 if single else LARGE if count - at >= LARGE * size else min(left, SMALL)
            part = slice(at, at + batches * size)
            yield jax.tree.map(lambda a, part=part: np.asarray(a[part]), x), batches
            at = part.stop

    return parts(), -(-count // size)


def _answering(model: Any, size: Any, most: int | None) -> Any:
    """(rows, their batches) -> (outputs as numpy arrays, flags), by programs that are compiled for few sizes."""
    dtype, variables = model._training.dtype, gather(model)

    def one(model: Any, variables: Variables, x: Any) -> Any:
        outputs, made = apply(model, variables, x, key=run_key(0), compute_dtype=dtype)
        return outputs, made.flags

    def several(model: Any, variables: Variables, x: Any, count: Any) -> Any:  # x: (batches, rows, ...)
        like = jax.eval_shape(lambda x: one(model, variables, x), jax.tree.map(lambda a: a[0], x))
        empty = jax.tree.map(lambda o: jnp.zeros((len(jax.tree.leaves(x)[0]), *o.shape), o.dtype), like)

        def body(i: Any, outputs: Any) -> Any:
            found = one(model, variables, jax.tree.map(lambda a: a[i], x))
            return jax.tree.map(lambda all_, o: lax.dynamic_update_index_in_dim(all_, o, i, 0), outputs, found)

        return lax.fori_loop(0, count, body, empty)

    def answer(rows: Any, batches: int) -> Any:
        count = len(jax.tree.leaves(rows)[0])
        if batches == 1:
            near = 1 << (count - 1).bit_length()  # a size that is compiled already, or soon useful again
            filled = _filled(rows, count, max(count, min(most or near, near)))
            outputs, flags = compiled_for(model, ("predict", dtype), one)(model, variables, filled)
        else:
            block = LARGE if batches == LARGE else SMALL
            rows = _filled(rows, count, block * size)
            rows = jax.tree.map(lambda a: a.reshape(block, size, *a.shape[1:]), rows)
            outputs, flags = compiled_for(model, ("predict many", dtype), several)(
                model, variables, rows, np.int32(batches)
            )
            outputs = jax.tree.map(lambda o: o.reshape(-1, *o.shape[2:]), outputs)
        wide = lambda o: np.array(np.asarray(o)[:count], np.float32 if o.dtype == BFLOAT16 else None)  # noqa: E731
        return jax.tree.map(wide, outputs), flags  # copies: people write into them

    return answer


def _filled(rows: Any, count: int, size: int) -> Any:
    """Rows with the last one repeated, up to a size."""
    if size == count:
        return rows
    return jax.tree.map(lambda a: np.concatenate([a, np.repeat(a[-1:], size - count, axis=0)]), rows)


def check_counts(task: str, counts: dict[str, Any], least: int = 1, required: bool = False) -> None:
    """Refuse what is no whole number, or too small, or no 32-bit number; None, where it may not be left out."""
    for name, value in counts.items():
        whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
        if (required or value is not None) and (not whole or not least <= value < 2**32):
            raise ValueError(f"{task}({name}={value!r}): expected a whole number, {least} or more")


# callbacks of a task ------------------------------------------------------------------------------------------------
NOBODY = CallbackList([], None, {})


def watching(model: Any, given: Any, params: dict[str, Any]) -> CallbackList:
    """The callbacks of a task, with a display among them unless `verbose` is 0."""
    if given is None and params["verbose"] == 0:
        return NOBODY
    return CallbackList(with_progress(given, params["verbose"]), model, params)


@contextlib.contextmanager
def interruptible(callbacks: CallbackList) -> Iterator[None]:
    """Tell callbacks when a task ends early, so that displays and files are left in order."""
    try:
        yield
    except BaseException as error:
        callbacks.on_interrupt(error)
        raise
