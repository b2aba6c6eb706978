"""Sequences of any length to arrays: padded to one length, or cut into windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def pad_sequences(
    sequences: Sequence[Any],
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> np.ndarray:
    """Sequences of any length as one array.

    Args:
        sequences: n sequences (length, ...), of numbers or of vectors of one shape.
        maxlen: the length of the result; None takes the longest sequence's.
        dtype: of the result; `object` for text.
        padding: "pre" or "post": where shorter ones are filled up.
        truncating: "pre" or "post": where longer ones are cut.
        value: what they are filled with.

    Returns:
        (n, maxlen, ...)

    Raises:
        ValueError: values that `dtype` cannot hold (0.5 in int32), or sequences of different shapes.

    >>> pad_sequences([[1], [2, 3, 4]], maxlen=2)
    array([[0, 1],
           [3, 4]], dtype=int32)
    """
    for name, side in (("padding", padding), ("truncating", truncating)):
        if side not in ("pre", "post"):
            raise ValueError(f"pad_sequences({name}={side!r}): expected 'pre' or 'post'")
    if not hasattr(sequences, "__len__") or isinstance(sequences, str):
        raise ValueError(f"pad_sequences: expected a list of sequences. Received: {type(sequences).__name__}")
    items = [_item(place, sequence) for place, sequence in enumerate(sequences)]
    if maxlen is None:
        maxlen = max((len(item) for item in items), default=0)
    if maxlen < 0:
        raise ValueError(f"pad_sequences(maxlen={maxlen}): expected 0 or more")
    shape = next((item.shape[1:] for item in items if len(item)), ())
    result = np.full((len(items), maxlen, *shape), _fill(value, dtype), dtype)
    for place, item in enumerate(items):
        if not len(item) or not maxlen:
            continue
        if item.shape[1:] != shape:
            raise ValueError(f"pad_sequences: sequence {place} holds items of shape {item.shape[1:]}, expected {shape}")
        kept = item[-maxlen:] if truncating == "pre" else item[:maxlen]
        where = slice(0, len(kept)) if padding == "post" else slice(maxlen - len(kept), maxlen)
        result[place, where] = _as_type(place, kept, result.dtype)
    return result


def timeseries_windows(
    data: Any,
    targets: Any = None,
    sequence_length: int = 10,
    horizon: int | None = None,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    skip_missing: bool = False,
) -> Any:
    """Windows of a series, with what follows each of them.

    Window i holds data[i], data[i + sampling_rate], ..., `sequence_length` steps in all; the next one begins
    `sequence_stride` steps later. Windows are views of `data`: nothing is copied, here or by `fit`, which keeps the
    series itself on the device and takes the windows of a batch from it.

    Args:
        data: (time, ...).
        targets: (time, ...); the target of the window that begins at step i is targets[i].
        sequence_length: steps in a window.
        horizon: instead of `targets`, give the `horizon` values of `data` that follow each window.
        sequence_stride: steps from one window to the next.
        sampling_rate: steps from one value of a window to the next.
        skip_missing: leave out the windows that hold NaN, or whose target does; where there are such, the others are
            copied.

    Returns:
        (windows, sequence_length, ...); with targets, both: (windows, ...) or (windows, horizon, ...).

    >>> x, y = timeseries_windows([1, 2, 3, 4, 5], sequence_length=3, horizon=1)
    >>> x.tolist(), y.tolist()
    ([[1, 2, 3], [2, 3, 4]], [[4], [5]])
    """
    numbers = {"sequence_length": sequence_length, "sequence_stride": sequence_stride, "sampling_rate": sampling_rate}
    for name, number in (numbers | ({} if horizon is None else {"horizon": horizon})).items():
        if not isinstance(number, (int, np.integer)) or number < 1:
            raise ValueError(f"timeseries_windows({name}={number!r}): expected a whole number of at least 1")
    if targets is not None and horizon is not None:
        raise ValueError("timeseries_windows: targets or horizon, not both")
    data = np.asarray(data)
    span = (sequence_length - 1) * sampling_rate + 1  # steps from a window's first value to its last
    count = len(data) - span + 1 - (horizon or 0)
    if targets is not None:
        targets = np.asarray(targets)
        count = min(count, len(targets))
    if count < 1:
        need = span + (horizon or 0)
        raise ValueError(f"timeseries_windows: a window needs {need} steps, the series has {len(data)}")
    starts = np.arange(0, count, sequence_stride)
    windows = _views(data, span, sequence_stride)[: len(starts), ::sampling_rate]  # (windows, length, ...)
    if horizon is not None:
        following = _views(data[span:], horizon, sequence_stride)[: len(starts)]  # (windows, horizon, ...)
    else:
        following = None if targets is None else targets[starts]
    if skip_missing:
        whole = _whole(windows) & (True if following is None else _whole(following))
        if whole.all():
            whole = slice(None)
        windows, following = windows[whole], None if following is None else following[whole]
    return windows if following is None else (windows, following)


def _views(data: np.ndarray, length: int, stride: int) -> np.ndarray:
    """The pieces of a series, (pieces, length, ...), that begin `stride` steps apart; nothing is copied."""
    pieces = np.lib.stride_tricks.sliding_window_view(data, length, axis=0)
    return np.moveaxis(pieces, -1, 1)[::stride]


def _whole(rows: np.ndarray) -> np.ndarray:
    """Which rows hold no NaN."""
    if rows.dtype.kind not in "fc":
        return np.ones(len(rows), bool)
    return np.logical_not(np.isnan(rows).reshape(len(rows), -1).any(axis=1))


def _item(place: int, sequence: Any) -> np.ndarray:
    try:
        item = np.asarray(sequence)
    except ValueError:
        raise ValueError(f"pad_sequences: sequence {place} holds items of different shapes") from None
    if not item.ndim:
        raise ValueError(f"pad_sequences: expected sequences. Received at {place}: {sequence!r}")
    return item


def _as_type(place: int, item: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """The values as `dtype`, where that is an integer type none cut or wrapped around."""
    if dtype.kind in "iu" and item.dtype.kind in "fiu":
        wrong = (item != np.trunc(item)) | (item < np.iinfo(dtype).min) | (item > np.iinfo(dtype).max)
        if wrong.any():
            raise ValueError(
                f"pad_sequences(dtype={dtype.name!r}): sequence {place} holds {item[wrong].flat[0]!r}, which would be "
                "changed. Pass dtype='float32'"
            )
    try:
        return item.astype(dtype)
    except (TypeError, ValueError):
        raise ValueError(
            f"pad_sequences(dtype={dtype.name!r}): sequence {place} holds {item.dtype.name}. For text pass dtype=object"
        ) from None


def _fill(value: Any, dtype: Any) -> Any:
    kind = np.dtype(dtype).kind
    if isinstance(value, str) and kind not in "OUS":
        raise ValueError(f"pad_sequences(value={value!r}, dtype={dtype!r}): for text pass dtype=object")
    if kind in "iu" and not np.array_equal(np.asarray(value).astype(dtype), value):
        raise ValueError(f"pad_sequences(value={value!r}, dtype={dtype!r}): the value would be changed")
    return value
