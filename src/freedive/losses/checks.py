"""What can be wrong with targets, looked for once with numpy before a run is compiled.

A compiled program cannot raise, and silently broadcast targets or labels out of range would train a model on nonsense.
Each check is a pass or two over the array; the place of the first fault is searched only when there is one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import BadRowsError, show_shape

Shape = tuple[int | None, ...]


def numbers(y: np.ndarray, where: str) -> None:
    """Not strings, not objects."""
    if not np.issubdtype(y.dtype, np.number) and y.dtype != bool and y.dtype.name != "bfloat16":
        example = repr(y.flat[0].item() if hasattr(y.flat[0], "item") else y.flat[0]) if y.size else ""
        raise ValueError(
            f"{where}: expected numbers. Received: {y.dtype} such as {example}. Names of classes become numbers by "
            "np.unique(names, return_inverse=True)[1]"
        )


def same_shape(y: np.ndarray, output: Shape, loss: str, where: str) -> None:
    """As many numbers a sample as the output has; a last axis of length one may be missing on either side."""
    have, want = y.shape[1:], tuple(output[1:])
    if len(have) + 1 == len(want) and want[-1] == 1:
        want = want[:-1]
    elif len(want) + 1 == len(have) and have[-1] == 1:
        have = have[:-1]
    if _fits(have, want):
        return
    hint = f"Expected shape {show_shape((*y.shape[:1], *want))}"
    if len(have) == len(want) and _fits(have[:-1], want[:-1]):
        hint += f", or a last layer with {have[-1]} unit{'s' * (have[-1] != 1)}"
    elif len(have) + 1 == len(want):
        hint += "; for labels that are numbers of classes use loss='sparse_categorical_crossentropy'"
    raise ValueError(
        f"{where}: shape {show_shape(y.shape)} does not fit the model's output of shape {show_shape(output)}: "
        f"{loss} compares number with number. {hint}"
    )


def several_classes(output: Shape, axis: int, loss: str, where: str) -> None:
    """More than one unit to choose from."""
    if output[axis] == 1:
        raise ValueError(
            f"{where}: {loss} needs one unit a class, and the model's output has shape {show_shape(output)}: a softmax "
            "of one unit is always 1. For two classes use Dense(1, activation='sigmoid') and "
            "loss='binary_crossentropy'"
        )


def class_numbers(y: np.ndarray, output: Shape, axis: int, loss: str, where: str, ignored: int | None = None) -> None:
    """One whole number a sample, from 0 to the number of classes."""
    axis %= len(output)
    classes, places = output[axis], output[:axis] + output[axis + 1 :]
    if classes is not None and y.ndim == len(output) and y.shape[axis] == classes:
        raise ValueError(
            f"{where}: rows of {classes} numbers (shape {show_shape(y.shape)}) were given, and {loss} expects one "
            f"whole number a sample. Use loss='categorical_crossentropy' for one-hot rows, or give y.argmax({axis})"
        )
    if y.ndim == len(output) and y.shape[axis] == 1:
        y = y.squeeze(axis)
    if not _fits(y.shape[1:], tuple(places[1:])):
        raise ValueError(
            f"{where}: shape {show_shape(y.shape)} does not fit the model's output of shape {show_shape(output)}: "
            f"{loss} expects one whole number for each row of {classes} numbers, shape {show_shape(places)}"
        )
    whole_numbers(y, loss, where)
    _in_classes(y, classes, where, ignored)


def whole_numbers(y: np.ndarray, loss: str, where: str) -> None:
    """No fractions."""
    if np.issubdtype(y.dtype, np.integer) or y.dtype == bool:
        return
    if (broken := y != np.floor(y)).any():
        message = f"{where}: label {_at(y, broken)} is no whole number. {loss} expects numbers of classes"
        raise BadRowsError(message, broken)


def _in_classes(y: np.ndarray, classes: int | None, where: str, ignored: int | None) -> None:
    if not y.size or classes is None:
        return
    if ignored is None and y.min() >= 0 and y.max() < classes:
        return
    outside = (y < 0) | (y >= classes)
    if ignored is not None:
        outside &= y != ignored
    if outside.any():
        hint = ""
        if y.min() == 1 and y.max() == classes:
            hint = ". Labels start at 0 here: give y - 1"
        raise BadRowsError(
            f"{where}: label {_at(y, outside)} is outside 0..{classes - 1} (the model's output has {classes} "
            f"classes){hint}",
            outside,
        )


def one_row_a_sample(y: np.ndarray, output: Shape, axis: int, loss: str, where: str) -> None:
    """Rows of numbers, one a class, not numbers of classes."""
    if output[axis] != 1 and (y.ndim == len(output) - 1 or (y.ndim == len(output) and y.shape[axis] == 1)):
        raise ValueError(
            f"{where}: one number a sample (shape {show_shape(y.shape)}) was given, and {loss} expects rows of "
            f"{output[axis]} numbers, one a class. Use loss='sparse_categorical_crossentropy' for numbers of classes, "
            f"or give to_categorical(y, {output[axis]})"
        )


def sum_to_one(y: np.ndarray, axis: int, loss: str, where: str) -> None:
    """Rows that are one-hot, or probabilities of classes."""
    sums = y.sum(axis=axis, dtype=np.float64)
    if (wrong := ~(np.abs(sums - 1) <= 1e-3)).any():
        place, total = _place(wrong), _short(sums[wrong].flat[0])
        raise BadRowsError(
            f"{where}: the row at index {place} sums to {total}, and {loss} expects rows that sum to 1. For several "
            "labels at once use sigmoid units and loss='binary_crossentropy'",
            wrong,
        )


def within(y: np.ndarray, low: float, high: float, where: str, hint: str) -> None:
    """No number outside a range."""
    if y.size and not (y.min() >= low and y.max() <= high):
        outside = (y < low) | (y > high)
        if outside.any():
            limits = f"outside {_short(low)}..{_short(high)}" if high < np.inf else f"below {_short(low)}"
            raise BadRowsError(f"{where}: value {_at(y, outside)} is {limits}. {hint}", outside)


def two_sides(y: np.ndarray, loss: str, where: str) -> None:
    """Labels -1 and 1, or 0 and 1."""
    negative, zero = y == -1, y == 0
    if (other := ~(negative | zero | (y == 1))).any():
        raise BadRowsError(f"{where}: label {_at(y, other)} is unknown to {loss}: expected -1 and 1, or 0 and 1", other)
    if negative.any() and zero.any():
        raise ValueError(f"{where}: labels are -1, 0 and 1, and {loss} expects two sides: -1 and 1, or 0 and 1")


def _fits(have: tuple[int, ...], want: Shape) -> bool:
    return len(have) == len(want) and all(w is None or h == w for h, w in zip(have, want, strict=True))


def _at(y: np.ndarray, wrong: np.ndarray) -> str:
    """The first wrong number and where it is."""
    return f"{_short(y[wrong].flat[0])} at index {_place(wrong)}"


def _place(wrong: np.ndarray) -> Any:
    index = tuple(int(i) for i in np.unravel_index(np.argmax(wrong), wrong.shape))
    return index[0] if all(length == 1 for length in wrong.shape[1:]) else index


def _short(number: Any) -> str:
    number = float(number)
    return str(int(number)) if number.is_integer() else f"{number:g}"
