"""Lessons on texts and sounds: a task of freedive, and the network inside it in Keras on the rows that it prepared.

Keras is given what comes before the network, pairs of words or spectra, as the task makes it: of sounds anew for every
epoch, for they are changed at random. That is not counted in Keras' time, and is in freedive's.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ..in_keras_words import keras_words

Split = tuple[Any, Any, Any, Any]  # raw x, y, x_test, y_test
ROWS = 256  # that are heard at once


@dataclasses.dataclass(frozen=True)
class Lesson:
    """What a task learns, and the same network elsewhere.

    Attributes:
        read: from the path of the data to what is in it.
        split: from that and a seed to raw rows.
        task: by its seed, not fitted yet.
        before: from a task, its rows and whether it is training to what the network in Keras is given.
        network: from Keras' words and a prepared task to the model.
        score: the number of `Task.evaluate` that is told.
    """

    read: Callable[[Path], Any]
    split: Callable[[Any, int], Split]
    task: Callable[[int], Any]
    before: Callable[[Any, Any, bool], Any]
    network: Callable[[Any, Any], Any]
    score: str = "accuracy"
    libraries: ClassVar[tuple[str, ...]] = ("freedive", "keras")

    def learn(self, data: Any, library: str, seed: int, epochs: int | None = None) -> dict[str, float]:
        """What one training comes to on the test rows."""
        x, y, x_test, y_test = self.split(data, seed)
        task = self.task(seed).set_params(epochs=epochs, verbose=0).prepare(x, y)
        x_test, y_test = task.encoded(x_test), task.target.asked(y_test)
        outputs, seconds = self.in_keras(task, x_test, seed) if library == "keras" else in_freedive(task, x_test)
        return {self.score: task.target.scored(outputs, y_test)[self.score], "CPU seconds": seconds}

    def in_keras(self, task: Any, x_test: Any, seed: int) -> tuple[np.ndarray, float]:
        """(outputs for test rows, CPU seconds), with the task's batches, rates and choice of the epoch."""
        k, rows, settings, clock = keras_words(), task.rows, task.settings, Clock()
        held, test = (self.before(task, x, False) for x in (rows.x_validation, x_test))
        with clock:
            k.seed(seed)
            model = self.network(k, task)
            rate = k.optimizers.schedules.CosineDecay(**task.descent(len(rows.y)).learning_rate.get_config())
            model.compile(k.optimizers.Adam(rate), task.target.loss)
        check_equal(task.model, model)
        best, kept = np.inf, model.get_weights()
        for epoch in range(settings.epochs):
            x = self.before(task, rows.x, True)
            with clock:
                model.fit(x, rows.y, batch_size=settings.batch_size, verbose=0)
                loss = model.evaluate(held, rows.y_validation, batch_size=ROWS, verbose=0)
                if epoch >= settings.epochs // 2 and loss < best:
                    best, kept = loss, model.get_weights()
        with clock:
            model.set_weights(kept)
            return model.predict(test, batch_size=ROWS, verbose=0), clock.seconds


def in_freedive(task: Any, x_test: Any) -> tuple[np.ndarray, float]:
    """(outputs for test rows, CPU seconds)."""
    with Clock() as clock:
        return task.train().answer(x_test), clock.seconds


class Clock:
    """Adds up the CPU seconds, of all threads, of what runs in `with clock:`."""

    spent = 0.0

    def __enter__(self) -> Clock:
        self.began = time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.spent = self.seconds

    @property
    def seconds(self) -> float:
        """So far."""
        return self.spent + time.process_time() - self.began


def check_equal(own: Any, other: Any) -> None:
    """An error unless both models learn weights of the same sizes."""
    sizes = [sorted(tuple(weight.shape) for weight in model.trainable_weights) for model in (own, other)]
    if sizes[0] != sizes[1]:
        raise ValueError(f"the networks differ: {sizes[0]} and {sizes[1]}")


# texts --------------------------------------------------------------------------------------------------------------
def sentences(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """rt-polarity."""
    from examples.rt_polarity import read

    return read(folder)


def fold(data: tuple[np.ndarray, np.ndarray], number: int) -> Split:
    """One of ten."""
    from examples.rt_polarity import parted

    (texts, labels), (train, test) = data, parted(len(data[0]), 10)[number]
    return texts[train], labels[train], texts[test], labels[test]


def text_classifier(seed: int) -> Any:
    """Averaged vectors of words and of pairs of words."""
    import freedive as fd

    return fd.TextClassifier(network="average", seed=seed)


def with_pairs(task: Any, x: np.ndarray, training: bool) -> list[np.ndarray]:
    """Words, and the numbers of their pairs; a text of one word is given a pair, for Keras' mean of none is NaN."""
    from freedive.layers import HashedPairs
    from freedive.tasks.text_networks import PAIRS

    pairs = np.array(HashedPairs(PAIRS)(x))
    pairs[:, 0] = np.maximum(pairs[:, 0], 1)
    return [x, pairs]


def averages(k: Any, task: Any) -> Any:
    """Averages of the vectors of words, and of pairs of words."""
    from freedive.tasks.text_networks import PAIR_WIDTH, PAIRS

    inputs, found, length = [], [], task.rows.x.shape[1]
    for steps, words, width in ((length, task.reader.vocabulary.size, task.width), (length - 1, PAIRS, PAIR_WIDTH)):
        inputs.append(k.Input((steps,), dtype="int32"))
        vectors = k.layers.Embedding(words, width, mask_zero=True)(inputs[-1])
        found.append(k.layers.GlobalAveragePooling1D()(vectors))
    x = k.layers.Dropout(task.dropout)(k.layers.Concatenate()(found))
    return k.Model(inputs, k.layers.Dense(len(task.target.values), activation="softmax")(x))


# sounds -------------------------------------------------------------------------------------------------------------
def recordings(path: Path) -> dict[str, Any]:
    """The Free Spoken Digit Dataset."""
    import freedive as fd

    return fd.datasets.spoken_digits.load_raw(path)


def spoken(raw: dict[str, Any], seed: int, unseen: str | None = None) -> Split:
    """Takes 0 to 4, or one speaker, to test with."""
    from examples.s02_spoken_digits import parts

    learned, tested = parts(raw, unseen)
    x, x_test = ([raw["clips"][row] for row in rows] for rows in (learned, tested))
    return x, raw["digits"][learned], x_test, raw["digits"][tested]


def strings(raw: dict[str, Any], seed: int) -> Split:
    """Digits joined to strings."""
    from examples.s01_digit_strings import split

    return split(raw, seed)


def speech_classifier(seed: int) -> Any:
    """Spectra as pictures."""
    from freedive.tasks import SpeechClassifier

    return SpeechClassifier(sampling_rate=8000, seconds=0.8, seed=seed)


def transcriber(seed: int) -> Any:
    """Characters by connectionist temporal classification."""
    from freedive.tasks import Transcriber

    return Transcriber(sampling_rate=8000, seed=seed)


def heard(task: Any, x: np.ndarray, training: bool) -> np.ndarray:
    """Spectra of waves; in training of waves and spectra that are changed at random."""
    import freedive as fd

    last = next(layer for layer in task.model.layers if type(layer).__name__ == "SpecAugment")
    ears = fd.Model(task.model.input, last.output)
    return np.concatenate([np.asarray(ears(x[at : at + ROWS], training=training)) for at in range(0, len(x), ROWS)])


def convolutional(k: Any, task: Any) -> Any:
    """Four convolutions over time and pitch, a mean over both."""
    body = [k.Input((None, task.mels)), k.layers.Reshape((-1, task.mels, 1))]
    for part in (8, 4, 2, 1):
        body += [
            *(k.layers.Conv2D(task.units // part, 3, padding="same", use_bias=False), k.layers.BatchNormalization()),
            *(k.layers.ReLU(), k.layers.MaxPooling2D(2, padding="same")),
        ]
    body += [k.layers.GlobalAveragePooling2D(), k.layers.Dropout(task.dropout)]
    return k.Sequential([*body, k.layers.Dense(len(task.target.values), activation="softmax")])


def writing(k: Any, task: Any) -> Any:
    """Three convolutions that join frames, an LSTM in both directions, logits for every moment."""
    body = [k.Input((None, task.mels))]
    strides = [layer.strides for layer in task.model.layers if type(layer).__name__ == "Conv1D"]
    for stride in strides:
        body += [
            k.layers.Conv1D(2 * task.units, 5, strides=stride, padding="same", use_bias=False),
            *(k.layers.BatchNormalization(), k.layers.ReLU()),
        ]
    both = k.layers.Bidirectional(k.layers.LSTM(task.units, return_sequences=True))
    body += [k.layers.Dropout(task.dropout), both, k.layers.Dropout(task.dropout)]
    return k.Sequential([*body, k.layers.Dense(1 + len(task.target.characters))])


sounds = partial(Lesson, recordings, before=heard)
LESSONS = {
    "rt-polarity": Lesson(sentences, fold, text_classifier, with_pairs, averages),
    "spoken": sounds(spoken, speech_classifier, network=convolutional),
    "unseen": sounds(partial(spoken, unseen="george"), speech_classifier, network=convolutional),
    "strings": sounds(strings, transcriber, network=writing, score="character_error_rate"),
}
