"""Twelve kinds of model on a little real data, each with what makes resuming hard: noise, state, order, averages."""

import functools
from typing import Any, NamedTuple

import numpy as np

import freedive as fd
from freedive import layers
from freedive.callbacks import Callback
from freedive.train.program import steps_done

ROWS, BATCH, EPOCHS = 24, 8, 4
STEPS = ROWS // BATCH


class Kind(NamedTuple):
    """Layers on which of the data, and how they are trained."""

    make: Any  # () -> layers, or a model
    data: str = "pictures"
    optimizer: Any = lambda: fd.optimizers.Adam(0.01)
    callbacks: Any = list
    options: dict = {}


@functools.cache
def data(name):
    """(x, y): pictures of 7 x 7, their rows as numbers or as words."""
    (x, y), _ = fd.datasets.digits.load_data()
    pictures = x[:ROWS].reshape(ROWS, 28, 28)[:, ::4, ::4, None] / np.float32(255)
    words = (pictures[..., 0].reshape(ROWS, 49)[:, :12] * 9).astype(np.int32)
    kinds = {"pictures": pictures, "numbers": pictures.reshape(ROWS, 49), "rows": pictures[..., 0], "words": words}
    return kinds[name].astype(np.int32 if name == "words" else np.float32), y[:ROWS].astype(np.int32)


def several_outputs():
    x = fd.Input((49,))
    h = layers.Dropout(0.3)(layers.Dense(12, "relu")(x))
    return fd.Model(x, [layers.Dense(10, "softmax", name="digit")(h), layers.Dense(1, name="size")(h)])


def batches(epoch):
    """A stream whose order is a function of the epoch."""
    x, y = data("numbers")
    order = np.random.default_rng(epoch).permutation(ROWS)
    return ((x[order[i : i + BATCH]], y[order[i : i + BATCH]]) for i in range(0, ROWS, BATCH))


def endless():
    """An iterator that ends never and begins nowhere but at its beginning."""
    return (batch for epoch in range(10**6) for batch in batches(epoch))


def head():
    return layers.Dense(10, "softmax")


def dense():
    return [layers.Dense(12, "tanh"), head()]


KINDS = {
    "dense": Kind(dense, "numbers"),
    "convolution": Kind(lambda: [layers.Conv2D(4, 3, activation="relu"), layers.Flatten(), head()]),
    "batch normalisation": Kind(lambda: [layers.Dense(12), layers.BatchNormalization(), head()], "numbers"),
    "dropout": Kind(lambda: [layers.Dropout(0.3), layers.GaussianNoise(0.1), *dense()], "numbers"),
    "LSTM": Kind(lambda: [layers.LSTM(6, dropout=0.2, recurrent_dropout=0.2), head()], "rows"),
    "GRU": Kind(lambda: [layers.Bidirectional(layers.GRU(5, dropout=0.2)), head()], "rows"),
    "embedding": Kind(
        lambda: [layers.Embedding(10, 6), layers.GlobalAveragePooling1D(), layers.Dropout(0.2), head()], "words"
    ),
    "attention": Kind(
        lambda: [layers.Dense(8), Attend(), layers.LayerNormalization(), layers.Flatten(), head()], "rows"
    ),
    "augmentation": Kind(
        lambda: [layers.RandomTranslation(0.2, 0.2), layers.RandomFlip(), layers.Flatten(), head()],
        callbacks=lambda: [fd.callbacks.ReduceLROnPlateau("loss", 0.5, patience=1, min_delta=0.5)],
    ),
    "averaged weights": Kind(
        lambda: [layers.Dropout(0.3), *dense()],
        "numbers",
        optimizer=lambda: fd.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.8),
        callbacks=lambda: [fd.callbacks.SwapEMAWeights(swap_on_epoch=True)],
    ),
    "several outputs": Kind(
        several_outputs,
        "numbers",
        optimizer=lambda: fd.optimizers.SGD(fd.optimizers.schedules.CosineDecay(0.05, 12), momentum=0.9),
        callbacks=lambda: [fd.callbacks.EarlyStopping("loss", patience=9, restore_best_weights=True)],
    ),
    "stream by epoch": Kind(lambda: [layers.Dropout(0.3), *dense()], "numbers", options={"stream": lambda: batches}),
    "endless iterator": Kind(
        lambda: [layers.Dropout(0.3), *dense()],
        "numbers",
        optimizer=lambda: fd.optimizers.SGD(0.1),
        callbacks=lambda: [fd.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.7)],
        options={"stream": endless, "steps_per_epoch": STEPS},
    ),
}


class Attend(layers.Layer):
    """Every row looks at every other."""

    def __init__(self):
        super().__init__()
        self.heads = layers.MultiHeadAttention(2, 4, dropout=0.1)

    def call(self, x):
        return self.heads(x, x)


def fit(kind, resume=None, *callbacks):
    """(model, history) of a run of this kind, from its beginning or from where `resume` says."""
    fd.set_seed(11)
    made = kind.make()
    x, y = data(kind.data)
    several = isinstance(made, fd.Model)
    model = made if several else fd.Sequential([fd.Input(x.shape[1:], dtype=str(x.dtype)), *made])
    losses = ["sparse_categorical_crossentropy", "mse"] if several else "sparse_categorical_crossentropy"
    model.compile(kind.optimizer(), losses, metrics=None if several else ["accuracy"])
    options = dict(kind.options)
    stream = options.pop("stream", None)
    targets = [y, x.mean(1, keepdims=True)] if several else y
    given = (stream(),) if stream else (x, targets)
    options |= {} if stream else {"batch_size": BATCH, "validation_data": (x[:10], jaxless(targets, 10))}
    history = model.fit(
        *given, epochs=EPOCHS, verbose=0, resume=resume, callbacks=[*kind.callbacks(), *callbacks], **options
    )
    return model, history


def jaxless(targets, count):
    """The first rows of one array, or of several."""
    return [t[:count] for t in targets] if isinstance(targets, list) else targets[:count]


class BreakOff(Callback):
    """Breaks a run off after so many steps."""

    edge = "batch"

    def __init__(self, step):
        super().__init__()
        self.step = step

    def on_edge(self, run):
        if steps_done(run.ts) == self.step:
            raise KeyboardInterrupt
