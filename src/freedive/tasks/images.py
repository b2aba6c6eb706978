"""Pictures and what is on them."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, ClassVar

from .. import layers
from ..config import Fraction, one_of
from ..core.graph import Input
from ..models import Sequential
from .base import Classifier, Settings
from .reading import Pictures, Reader
from .targets import Target

NETWORKS = ("cnn",)


class ImageClassifier(Classifier):
    """Tell what pictures show.

    Args:
        network: "cnn", two convolutions with pooling and two dense layers.
        size: (height, width) that every picture is given; None: theirs, or 64 x 64 where they differ or are large.
        channels: 1, 3 or 4; None: as the pictures have.
        shift: by what part of its size a picture is moved at most, anew in every epoch.
        turn: by what part of a full turn it is turned at most.
        flips: whether it is mirrored half of the times.
        dropout: before the dense layers.
        ground, margin, balanced: of drawings, see `Pictures`.

    >>> import freedive as fd
    >>> (x, y), (x_test, y_test) = fd.datasets.digits.load_data()
    >>> digits = ImageClassifier(epochs=2, verbose=0).fit(x[:500], y[:500])
    >>> digits.predict(x_test[:3]).shape, digits.predict_proba(x_test[:3]).shape
    ((3,), (3, 10))
    """

    noun: ClassVar[str] = "pictures"

    _: dataclasses.KW_ONLY
    network: Annotated[Any, one_of(*NETWORKS)] = "cnn"
    size: Any = None
    channels: Annotated[Any, one_of(None, 1, 3, 4)] = None
    shift: Fraction = 0.06
    turn: Fraction = 0.0
    flips: bool = False
    dropout: Fraction = 0.2
    ground: Any = None
    margin: int = 0
    balanced: bool = False

    def learn_reader(self, X: Any) -> Reader:
        drawn = {"ground": self.ground, "margin": self.margin, "balanced": self.balanced}
        return Pictures.learned(X, self.size, self.channels, **drawn)

    def usual(self, rows: int) -> Settings:
        return Settings(epochs=max(10, min(60, 120_000 // rows)), batch_size=32, learning_rate=2e-3)

    def make_network(self, x: Any, target: Target) -> Any:
        shape = x.shape[1:]
        first = [Input(shape), layers.Rescaling(1 / 255)]
        if len(shape) == 2:
            first.append(layers.Reshape((*shape, 1)))
        return Sequential([*first, *self.changes(), *convolutional(self.dropout), target.head()])

    def changes(self) -> list[Any]:
        """The layers that change pictures in training."""
        found: list[Any] = []
        if self.turn:
            found.append(layers.RandomRotation(self.turn, fill_mode="nearest"))
        if self.shift:
            found.append(layers.RandomTranslation(self.shift, self.shift, fill_mode="nearest"))
        if self.flips:
            found.append(layers.RandomFlip("horizontal"))
        return found


def convolutional(dropout: float) -> list[Any]:
    """Two convolutions, each followed by pooling, and a dense layer: the network of the articles."""
    return [
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        *([layers.Dropout(dropout)] if dropout else []),
        layers.Dense(64, activation="relu"),
    ]
