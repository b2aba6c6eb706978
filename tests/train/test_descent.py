"""Gradient descent in the three forms of the textbooks, computed by hand beside `fit`: all rows, one row, some rows."""

import numpy as np
import pytest

import freedive as fd

RNG = np.random.default_rng(1)
X = RNG.normal(size=(12, 3)).astype(np.float32)
Y = (X @ [[1.0], [-2.0], [0.5]] + 0.3).astype(np.float32)
RATE, EPOCHS = 0.05, 3


def by_hand(batch_size):
    """w <- w - rate * dL/dw, with L the mean squared error of the rows of a batch."""
    w, b = np.zeros((3, 1)), np.zeros(1)
    for _ in range(EPOCHS):
        for start in range(0, len(X), batch_size):
            x, y = X[start : start + batch_size], Y[start : start + batch_size]
            slope = 2 * (x @ w + b - y) / len(x)
            w, b = w - RATE * x.T @ slope, b - RATE * slope.sum(0)
    return w, b


@pytest.mark.parametrize(
    "batch_size",
    [pytest.param(12, id="full batch"), pytest.param(1, id="one sample"), pytest.param(5, id="mini-batch")],
)
def test_descent(batch_size):
    model = fd.Sequential([fd.Input((3,)), fd.layers.Dense(1, kernel_initializer="zeros")])
    model.compile(fd.optimizers.SGD(RATE), "mse")
    model.fit(X, Y, batch_size=batch_size, epochs=EPOCHS, shuffle=False, verbose=0)
    for ours, expected in zip(model.get_weights(), by_hand(batch_size), strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-6)


def test_shuffled_epochs_visit_every_row_once_in_another_order():
    class Seen(fd.layers.Layer):
        """Keeps the rows that it saw, in order."""

        def call(self, x):
            at = self.variable("at", (), "zeros", dtype="int32")
            rows = self.variable("rows", (24,))
            self.update(rows=rows.at[at].set(x[0, 0]), at=at + 1)
            return x * self.param("scale", (1,))

    model = fd.Sequential([fd.Input((1,)), Seen()])
    model.compile(fd.optimizers.SGD(0.0), "mse")
    rows = np.arange(12.0)[:, None]
    model.fit(rows, rows, batch_size=1, epochs=2, verbose=0)
    first, second = np.asarray(model.layers[0].rows).reshape(2, 12)
    assert sorted(first) == sorted(second) == list(range(12))
    assert list(first) != list(second)
