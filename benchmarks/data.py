"""The data of the bench: prepared once by freedive's own readers, handed to every process as one .npz file.

So a process that measures a peer imports nothing of freedive, and reading files is nobody's cold start.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

Arrays = dict[str, np.ndarray]  # x, where there are two inputs x2, and y


def parabola(mnist: str | None) -> Arrays:
    """100 points of y = x^2 with noise."""
    x = np.linspace(-1, 1, 100, dtype=np.float32)[:, None]
    return {"x": x, "y": x**2 + np.random.default_rng(0).normal(0, 0.1, x.shape).astype(np.float32)}


def pictures(mnist: str | None) -> Arrays:
    """Handwritten digits (n, 28, 28, 1) from 0 to 1: the embedded 10,000, or all of MNIST from a folder."""
    from freedive import datasets

    (x, y), _ = datasets.digits.load_data() if mnist is None else datasets.mnist.load_data(mnist, download=False)
    return {"x": x[..., None].astype(np.float32) / 255, "y": y.astype(np.int32)}


def digits(mnist: str | None) -> Arrays:
    """The same, flat: (n, 784)."""
    arrays = pictures(mnist)
    return arrays | {"x": arrays["x"].reshape(-1, 784)}


def vowels(mnist: str | None) -> Arrays:
    """Speech: (270, 29, 12), nine speakers."""
    from freedive import datasets

    (x, y), _ = datasets.vowels.load_data()
    return {"x": np.asarray(x, np.float32), "y": np.asarray(y, np.int32)}


def sentences(mnist: str | None, words: int = 5000, length: int = 30, together: int = 1) -> Arrays:
    """Rated sentences of film reviews as numbers of words: (n, length); some of one rating make one text."""
    from freedive import datasets
    from freedive.preprocessing.sequence import pad_sequences
    from freedive.preprocessing.text import Tokenizer

    (found, ratings), _ = datasets.reviews.load_data()
    texts, labels = [], []
    for rating in (0, 1):
        own = found[ratings == rating]
        own = own[: len(own) // together * together].reshape(-1, together)
        texts += [" ".join(group) for group in own]
        labels += [rating] * len(own)
    tokenizer = Tokenizer(num_words=words)
    tokenizer.fit_on_texts(texts)
    x = pad_sequences(tokenizer.texts_to_sequences(texts), maxlen=length)
    order = np.random.default_rng(0).permutation(len(x))
    return {"x": x[order].astype(np.int32), "y": np.array(labels, np.float32)[order, None]}


def reviews(mnist: str | None) -> Arrays:
    """Texts of up to 100 words out of 10,000: (1606, 100)."""
    return sentences(mnist, 10_000, 100, together=5)


def long_reviews(mnist: str | None) -> Arrays:
    """Texts of up to 128 words out of 10,000: (1147, 128)."""
    return sentences(mnist, 10_000, 128, together=7)


def names(mnist: str | None) -> Arrays:
    """Names of emoji: English words (1911, 8), Chinese characters so far (1911, 15), and the next ones."""
    from freedive import datasets
    from freedive.preprocessing.sequence import pad_sequences
    from freedive.preprocessing.text import Tokenizer

    both, english, chinese = datasets.emoji.load_raw(), Tokenizer(), Tokenizer(char_level=True, filters="")
    source, target = list(both["name_en"]), [f"\t{name}\n" for name in both["name_zh"]]
    english.fit_on_texts(source)
    chinese.fit_on_texts(target)
    x = pad_sequences(english.texts_to_sequences(source), padding="post").astype(np.int32)
    y = pad_sequences(chinese.texts_to_sequences(target), padding="post").astype(np.int32)
    return {"x": x, "x2": y[:, :-1], "y": y[:, 1:]}


def tanh_pictures(mnist: str | None) -> Arrays:
    """Handwritten digits from -1 to 1."""
    arrays = pictures(mnist)
    return arrays | {"x": 2 * arrays["x"] - 1}


def clothes(mnist: str | None) -> Arrays:
    """Pictures of clothes with a margin and three equal channels: (6000, 32, 32, 3)."""
    from freedive import datasets

    (x, y), _ = datasets.fashion.load_data()
    x = np.pad(x.astype(np.float32) / 255, ((0, 0), (2, 2), (2, 2)))
    return {"x": np.repeat(x[..., None], 3, axis=-1), "y": y.astype(np.int32)}


SETS: dict[str, Callable[[str | None], Arrays]] = {
    f.__name__: f
    for f in (parabola, pictures, digits, vowels, sentences, reviews, long_reviews, names, tanh_pictures, clothes)
}


def prepare(name: str, folder: Path, rows: int | None = None, mnist: str | None = None) -> Path:
    """The file with the first `rows` of a set; made if it is not there yet."""
    path = folder / f"{name}-{rows or 'all'}.npz"
    if not path.exists():
        np.savez(path, **{key: array[:rows] for key, array in SETS[name](mnist).items()})
    return path
