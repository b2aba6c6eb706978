"""P1: three linear layers of one unit learn y = x^2 + noise from 100 points, and cannot: they stay a line.

From article a1. Layers without activation, however many, are one straight line; expect the loss of the best one, which
this prints beside the network's own. Width and an activation make it a curve: `main(units=10, activation="tanh")`.
"""

import numpy as np

from freedive.layers import Dense
from freedive.models import Sequential


def main(epochs=1000, units=1, activation=None, verbose=0):
    """Train; returns (loss of the network, loss of the best straight line)."""
    rng = np.random.default_rng(0)
    x = np.linspace(-1, 1, 100).reshape(-1, 1)
    y = x**2 + rng.normal(scale=0.05, size=x.shape)

    model = Sequential()
    model.add(Dense(units, activation=activation, input_shape=(1,)))
    model.add(Dense(units, activation=activation))
    model.add(Dense(1))
    model.compile(optimizer="sgd", loss="mse")
    history = model.fit(x, y, epochs=epochs, verbose=verbose)

    line = np.polyval(np.polyfit(x.ravel(), y.ravel(), 1), x)
    best = float(np.mean((line - y) ** 2))
    predictions = model.predict(np.array([[0.0], [0.5], [1.0]]), verbose=0)
    loss = history.history["loss"][-1]
    print(f"loss {loss:.4f}; the best straight line has {best:.4f}")
    print("predictions at 0, 0.5 and 1:", predictions.ravel().round(3))
    return loss, best


if __name__ == "__main__":
    main()
