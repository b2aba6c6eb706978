"""One training in many ways: python determinism.py prints a hash of the weights and the history of each, as JSON."""

import contextlib
import hashlib
import json
import tempfile

import numpy as np

import freedive as fd
from freedive.train import execute

(X, Y), _ = fd.datasets.digits.load_data()
X, Y = (X[:160] / 255).reshape(160, -1).astype(np.float32), Y[:160]


class Batches:
    """The rows in order, batch by batch."""

    def __len__(self):
        return 8

    def __getitem__(self, i):
        return X[20 * i : 20 * i + 20], Y[20 * i : 20 * i + 20]


class Watcher(fd.callbacks.Callback):
    """Makes the run pause at every batch."""

    def on_train_batch_end(self, batch, logs=None):
        self.last = logs


class BreakOff(fd.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt


def made(policy):
    """Dropout, running means, momentum, a schedule and an average of the weights."""
    fd.set_seed(4)
    layers = [fd.Input((784,)), fd.layers.Dense(16, "relu"), fd.layers.BatchNormalization(), fd.layers.Dropout(0.3)]
    model = fd.Sequential([*layers, fd.layers.Dense(10, "softmax")])
    rate = fd.optimizers.schedules.CosineDecay(0.01, 24)
    optimizer = fd.optimizers.Adam(rate, use_ema=True, ema_momentum=0.9)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"], on_nonfinite=policy)
    return model


def hashed(target=0.2, *callbacks, stream=False, policy="stop", **options):
    execute.TARGET = target  # seconds a chunk
    model = made(policy)
    options = {"epochs": 3, "verbose": 0, "seed": 9, "callbacks": list(callbacks)} | options
    data = (Batches(),) if stream else (X, Y)
    history = model.fit(*data, **({} if stream else {"batch_size": 20}), **options).history
    bits = b"".join(np.asarray(w).tobytes() for w in model.get_weights()) + json.dumps(history).encode()
    return hashlib.sha256(bits).hexdigest()[:16]


def resumed():
    """Broken off after two epochs, and gone on with."""
    with tempfile.TemporaryDirectory() as folder:
        with contextlib.suppress(KeyboardInterrupt):
            hashed(0.2, fd.callbacks.BackupAndRestore(folder), BreakOff())
        return hashed(0.2, fd.callbacks.BackupAndRestore(folder))


def table():
    """{how the rows come: {how it is run: a hash}}."""
    shuffled = {
        "plain": hashed(),
        "again": hashed(),
        "chunks of one step": hashed(1e-9),
        "one chunk": hashed(100.0),
        "a callback at every batch": hashed(0.2, Watcher()),
        "not watched for NaN": hashed(policy="keep"),
        "resumed": resumed(),
    }
    in_order = {"resident": hashed(shuffle=False), "streamed": hashed(stream=True, shuffle=False)}
    return {"shuffled": shuffled, "in order": in_order}


if __name__ == "__main__":
    print(json.dumps(table()))
