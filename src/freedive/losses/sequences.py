"""Losses of sequences whose labels have no times of their own: speech and its transcript."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from ..errors import BadRowsError
from ..ops.ctc import ctc_loss
from . import checks
from .base import Loss, as_function


class CTC(Loss):
    """-log p of a sequence of labels, summed over all ways to spread it over the frames, with blanks between.

    Targets are whole numbers (batch, labels) from 1 on; 0 is the blank, and stands behind the last label of a sequence
    that is shorter than others. Predictions are logits (batch, frames, classes) with the blank as class 0. A mask that
    travels with the predictions says which frames count.

    Args:
        zero_infinity: whether a sample with too few frames for its labels counts as 0. By default its loss is infinite
            (so that the run stops and says so); its gradient is zero either way.

    Reference: Graves et al. 2006, "Connectionist temporal classification", ICML.

    >>> round(float(CTC()([[1, 0]], [[[0.0, 0.0], [0.0, 0.0]]])), 4)                   # log(4 / 3)
    0.2877
    """

    outputs = "logits"
    zero_infinity: bool = False

    def call(self, y_true, y_pred):
        return self._of(y_true, y_pred, None)

    def values(self, y_true, y_pred, mask):
        return self._of(y_true, y_pred, mask), None

    def _of(self, y_true, y_pred, mask):
        if y_true.ndim != 2 or y_pred.ndim != 3:
            raise ValueError(
                "CTC: expected labels (batch, labels) and logits (batch, frames, classes). "
                f"Received: {y_true.ndim} and {y_pred.ndim} axes"
            )
        values = ctc_loss(y_true, y_pred, jnp.sum(y_true != 0, axis=1), mask=mask)
        return jnp.where(jnp.isinf(values), 0.0, values) if self.zero_infinity else values

    def check(self, y_true, output_shape, where="fit(y=...)"):
        y = np.asarray(y_true)
        checks.numbers(y, where)
        if y.ndim != 2 or len(output_shape) != 3:
            raise ValueError(
                f"{where}: CTC expects labels (batch, labels) for logits (batch, frames, classes). Received: labels of "
                f"shape {y.shape}, and the model's output is {output_shape}"
            )
        checks.whole_numbers(y, "CTC", where)
        _, frames, classes = output_shape
        last = f"0..{classes - 1}, of which 0 is the blank" if classes else "0 and more"
        self._refuse((y < 0) | (y >= (classes or np.inf)), y, f"{where}: label {{}} at index {{}} is outside {last}")
        behind = (y[:, :-1] == 0) & (y[:, 1:] != 0)
        self._refuse(behind, y, f"{where}: label {{}} at index {{}} stands before other labels, and 0 is the blank")
        needed = (y != 0).sum(1) + ((y[:, 1:] == y[:, :-1]) & (y[:, 1:] != 0)).sum(1)
        if frames is not None and not self.zero_infinity and (short := needed > frames).any():
            row = int(short.argmax())
            raise BadRowsError(
                f"{where}: the labels at index {row} need {needed[row]} frames (equal neighbours need one between), "
                f"and the model's output has {frames}. Give longer inputs, pool less, or CTC(zero_infinity=True)",
                short,
            )

    @staticmethod
    def _refuse(wrong, y, text):
        if wrong.any():
            at = tuple(int(i) for i in np.argwhere(wrong)[0])
            raise BadRowsError(text.format(int(y[at]), at), wrong)


ctc = as_function(CTC)
