"""Lessons on pictures, in one piece of code for freedive and Keras."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ..in_keras_words import words

Split = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # x, y, x_test, y_test


@dataclasses.dataclass(frozen=True)
class Lesson:
    """What is learned, and for how long.

    Attributes:
        read: from the path of the data to its parts.
        network: from Keras' words and the number of classes to the layers.
        epochs, batch, rate: the rate is the highest; it falls to 0 in half a cosine wave.
    """

    read: Callable[[Path], Split]
    network: Callable[[Any, int], Sequence[Any]]
    epochs: int
    batch: int = 64
    rate: float = 2e-3
    libraries: ClassVar[tuple[str, ...]] = ("freedive", "keras")

    def learn(self, parts: Split, library: str, seed: int, epochs: int | None = None) -> dict[str, float]:
        """What one training comes to on the test rows."""
        began, k = time.process_time(), words(library)
        x, y, x_test, y_test = parts
        classes, epochs = int(y.max()) + 1, epochs or self.epochs
        k.seed(seed)
        model = k.Sequential([k.Input(x.shape[1:]), k.layers.Rescaling(1 / 255), *self.network(k, classes)])
        rate = k.optimizers.schedules.CosineDecay(self.rate, epochs * -(-len(x) // self.batch))
        model.compile(k.optimizers.Adam(rate), "sparse_categorical_crossentropy")
        model.fit(x, y, batch_size=self.batch, epochs=epochs, verbose=0)
        answers = np.asarray(model.predict(x_test, batch_size=256, verbose=0)).argmax(-1)
        score = {"accuracy": float((answers == y_test).mean()), "macro-F1": macro_f1(y_test, answers, classes)}
        return {**score, "CPU seconds": time.process_time() - began}


def idx(folder: Path) -> Split:
    """Four files of IDX, as they are published."""
    from freedive.datasets import mnist

    (x, y), (x_test, y_test) = mnist.load_data(folder, download=False)
    return x[..., None], y, x_test[..., None], y_test


def photos(folder: Path, side: int = 64) -> Split:
    """Class folders of photos; what is meant to choose by is learned from too, for nothing is chosen."""
    from freedive.data import read_image_folder

    learned, more, test = (read_image_folder(folder / part, (side, side)) for part in ("train", "validation", "test"))
    return np.concatenate([learned.x, more.x]), np.concatenate([learned.y, more.y]), test.x, test.y


def plain(k: Any, classes: int) -> list[Any]:
    """Two convolutions and two dense layers, for small pictures."""
    return [
        *(k.layers.Conv2D(32, 3, activation="relu"), k.layers.MaxPooling2D(2)),
        *(k.layers.Conv2D(64, 3, activation="relu"), k.layers.MaxPooling2D(2)),
        *(k.layers.Flatten(), k.layers.Dropout(0.2), k.layers.Dense(64, activation="relu")),
        k.layers.Dense(classes, activation="softmax"),
    ]


def normalised(k: Any, classes: int) -> list[Any]:
    """Five normalised convolutions of pictures that are mirrored and moved at random, for photos."""
    body = [k.layers.RandomFlip("horizontal"), k.layers.RandomTranslation(0.06, 0.06, fill_mode="nearest")]
    for filters in (16, 32, 64, 128, 128):
        body += [
            k.layers.Conv2D(filters, 3, padding="same", use_bias=False),
            k.layers.BatchNormalization(momentum=0.9, epsilon=1e-5),
            *(k.layers.ReLU(), k.layers.MaxPooling2D(2)),
        ]
    return [*body, k.layers.Flatten(), k.layers.Dropout(0.3), k.layers.Dense(classes, activation="softmax")]


def macro_f1(truth: np.ndarray, answers: np.ndarray, classes: int) -> float:
    """The mean over classes of 2 · true positives / (rows of the class + answers of the class).

    >>> macro_f1(np.array([0, 0, 1]), np.array([0, 1, 1]), 2)
    0.6666666666666666
    """
    table = np.zeros((classes, classes))
    np.add.at(table, (truth, answers), 1)
    return float((2 * np.diag(table) / np.maximum(table.sum(0) + table.sum(1), 1)).mean())


LESSONS = {
    "mnist": Lesson(idx, plain, epochs=4),
    "fashion": Lesson(idx, plain, epochs=8),
    "clothing": Lesson(photos, normalised, epochs=40),
}
