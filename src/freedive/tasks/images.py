"""Pictures and what is on them."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, ClassVar

from .. import layers
from ..config import Fraction, boolean, fraction, one_of
from ..networks.pictures import NETWORKS
from .base import Classifier, Settings
from .reading import Pictures, Reader
from .targets import Target

SMALL, FEW = 32, 20_000  # pixels of a side and rows up to which the quick network suits
MOST = 500_000  # rows that are learned from in all epochs together, where no one says how many
RANDOM: dict[Any, dict[str, Any]] = {  # what `augment` stands for; flips and colour are for pictures of colours alone
    None: {"shift": 0.0, "turn": 0.0, "zoom": 0.0, "flips": False, "colour": 0.0, "erase": 0.0},
    "light": {"shift": 0.06, "turn": 0.0, "zoom": 0.0, "flips": True, "colour": 0.0, "erase": 0.0},
    "drawn": {"shift": 0.08, "turn": 0.03, "zoom": 0.1, "flips": False, "colour": 0.0, "erase": 0.0},
    "strong": {"shift": 0.1, "turn": 0.04, "zoom": 0.15, "flips": True, "colour": 0.3, "erase": 0.5},
}
COLOURED = ("flips", "colour")  # letters and digits are others when they are mirrored, photos are not


def _or_none(check: Any) -> Any:
    return lambda value: None if value is None else check(value)


Part = Annotated[Any, _or_none(fraction)]


class ImageClassifier(Classifier):
    """Tell what pictures show.

    Args:
        network: "cnn" (two convolutions), "deep_cnn" (normalised ones, as many as the size needs), "resnet20",
            "resnet18", "mobilenet" or "vit", see `networks.pictures`. None: "cnn" for up to 20,000 pictures of up to
            32 x 32, else "deep_cnn".
        size: (height, width) that every picture is given; None: theirs, or 64 x 64 where they differ or are large.
        channels: 1, 3 or 4; None: as the pictures have.
        augment: how much pictures are changed at random, anew in every epoch: None, "light" (moved a little, mirrored
            if they have colours), "drawn" (as suits digits and letters: moved, turned and zoomed a little) or "strong"
            (more of all, other colours, a part erased).
        shift: by what part of its size a picture is moved at most. None, as for the following: what `augment` says.
        turn: by what part of a full turn it is turned at most.
        zoom: by what part it is made larger or smaller at most.
        flips: whether it is mirrored half of the times.
        colour: how much brightness, contrast, saturation and hue are changed, from 0 to 1.
        erase: how often a rectangle of it is erased, from 0 to 1.
        dropout: before the dense layers, of networks that have it.
        ground, margin, balanced: of drawings, see `Pictures`.

    >>> import freedive as fd
    >>> (x, y), (x_test, y_test) = fd.datasets.digits.load_data()
    >>> digits = ImageClassifier(epochs=2, verbose=0).fit(x[:500], y[:500])
    >>> digits.predict(x_test[:3]).shape, digits.predict_proba(x_test[:3]).shape
    ((3,), (3, 10))
    """

    noun: ClassVar[str] = "pictures"

    _: dataclasses.KW_ONLY
    network: Annotated[Any, one_of(None, *NETWORKS)] = None
    size: Any = None
    channels: Annotated[Any, one_of(None, 1, 3, 4)] = None
    augment: Annotated[Any, one_of(*RANDOM)] = "light"
    shift: Part = None
    turn: Part = None
    zoom: Part = None
    flips: Annotated[Any, _or_none(boolean)] = None
    colour: Part = None
    erase: Part = None
    dropout: Fraction = 0.2
    ground: Any = None
    margin: int = 0
    balanced: bool = False

    def learn_reader(self, X: Any) -> Reader:
        drawn = {"ground": self.ground, "margin": self.margin, "balanced": self.balanced}
        return Pictures.learned(X, self.size, self.channels, **drawn)

    def network_for(self, rows: int) -> str:
        """The name of the network for so many pictures of the reader's size."""
        if self.network is not None:
            return self.network
        return "cnn" if rows <= FEW and max(self.reader.shape[:2]) <= SMALL else "deep_cnn"

    def usual(self, rows: int) -> Settings:
        name = self.network_for(rows)
        if name == "cnn":
            return Settings(epochs=max(10, min(60, 120_000 // rows)), batch_size=32, learning_rate=2e-3)
        return Settings(max(12, min(60, MOST // rows)), 64, 1e-3 if name == "vit" else 3e-3)

    def make_network(self, x: Any, target: Target) -> Any:
        head, shape = target.head(), x.shape[1:]
        name = self.network_for(len(x))
        before = [layers.Rescaling(1 / 255), *self.changes()]
        options = {"dropout": self.dropout} if "dropout" in NETWORKS[name].__annotations__ else {}
        return NETWORKS[name](shape, head.units, head.activation, before, **options)

    def random(self) -> dict[str, Any]:
        """By how much pictures are changed, by the names of the parameters."""
        usual = dict(RANDOM[self.augment])
        if self.reader.channels == 1:
            usual |= {name: RANDOM[None][name] for name in COLOURED}
        given = {name: getattr(self, name) for name in usual}
        return {name: usual[name] if given[name] is None else given[name] for name in usual}

    def changes(self) -> list[Any]:
        """The layers that change pictures, from 0 to 1, in training."""
        by = self.random()
        found: list[Any] = []
        if by["turn"]:
            found.append(layers.RandomRotation(by["turn"], fill_mode="nearest"))
        if by["shift"]:
            found.append(layers.RandomTranslation(by["shift"], by["shift"], fill_mode="nearest"))
        if by["zoom"]:
            found.append(layers.RandomZoom(by["zoom"], fill_mode="nearest"))
        if by["flips"]:
            found.append(layers.RandomFlip("horizontal"))
        return found
