"""Models and runs that only look like ones, so that callbacks are tested apart from training."""

from types import SimpleNamespace

import numpy as np
import pytest

import freedive as fd
from freedive.train.callbacks import CallbackList


class FakeModel:
    """Weights that say which epoch they are of."""

    def __init__(self, learning_rate=0.1):
        self.optimizer = fd.optimizers.SGD(learning_rate)
        self.stop_training = False
        self.weights = [np.zeros(2)]
        self.saved = []

    def get_weights(self):
        return [w.copy() for w in self.weights]

    def set_weights(self, weights):
        self.weights = [w.copy() for w in weights]

    def save(self, path):
        self.saved.append(("model", path))

    def save_weights(self, path):
        self.saved.append(("weights", path))


class FakeRun:
    """A place on a line of steps."""

    def __init__(self, epoch=0, at=0, training=10, testing=0, logs=None, every=1):
        self.epoch, self.at, self.logs = epoch, at, logs or {}
        test = SimpleNamespace() if testing else None
        self.line = SimpleNamespace(training=training, steps=training + testing, test=test, every=every)
        self.training, self.stream = training, None
        self.ts = SimpleNamespace(step=epoch * training + at)
        self.pace = 0.001

    def so_far(self):
        return self.logs


def drive(callbacks, rows, model=None, params=None, first=0, begun=False):
    """Tell callbacks of epochs with these results, as a run without pauses in between would; the epochs told."""
    model = model or FakeModel()
    every = CallbackList(callbacks, model, {"epochs": first + len(rows), "steps": 10, "verbose": 0} | (params or {}))
    if not begun:
        every.on_train_begin()
    told = 0
    for epoch, logs in enumerate(rows, first):
        every.on_epoch_begin(epoch)
        model.weights = [np.full(2, epoch, float)]
        every.on_chunk_end(FakeRun(epoch + 1, testing=any(name.startswith("val_") for name in logs)))
        logs = dict(logs)
        every.on_epoch_end(epoch, logs)
        rows[epoch - first] = logs
        told += 1
        if model.stop_training:
            break
    every.on_train_end()
    return told


@pytest.fixture
def fakes():
    return SimpleNamespace(Model=FakeModel, Run=FakeRun, drive=drive)


@pytest.fixture
def fitted():
    """A small model, and fit with callbacks on little data: (model, fit)."""

    def make(epochs=4, optimizer="sgd", validation=True, **options):
        x = np.random.RandomState(0).randn(48, 3).astype("f")
        y = x @ np.array([[1.0], [-2.0], [0.5]], "f")
        fd.set_seed(0)
        model = fd.Sequential([fd.layers.Dense(4, activation="tanh"), fd.layers.Dense(1)])
        model.compile(optimizer, "mse", metrics=["mae"])
        options = {"validation_split": 0.25 if validation else 0.0, "batch_size": 12, "verbose": 0} | options

        def fit(*callbacks, **more):
            return model.fit(x, y, **({"epochs": epochs, "callbacks": list(callbacks)} | options | more))

        return model, fit

    return make
