"""Picture files of any size and colour, made to look like the pictures that a model was trained on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np

from ...config import non_negative, one_of
from ...data.errors import DataFileError
from ...data.images import EXTENSIONS, MODES, convert, fit_image, open_image
from .base import Path, Rows, suffix
from .numbers import Numbers

if TYPE_CHECKING:
    from PIL import Image

PAPER = 0.15  # what differs from the ground by less than this part of the strongest stroke is ground
FAINT = 10  # of 255: a picture whose strokes are fainter than this is empty
ENDINGS = (".npy", ".npz", ".csv", ".tsv", ".txt")


class Pictures(Numbers):
    """Pictures as uint8, 0 to 255; arrays of them from .npy, .npz and .csv files too.

    Args:
        shape: (height, width) or (height, width, channels).
        ground: "dark" where the model knows things on a black ground: pictures on a light ground are then inverted,
            and those of another size are cropped to what stands on them, scaled, and put in the middle.
        margin: black pixels around what stands on such a picture.
        balanced: whether its centre of mass is put in the middle, as in MNIST, rather than its box.

    >>> Pictures((28, 28), ground="dark", margin=4, balanced=True)
    Pictures(shape=(28, 28), ground='dark', margin=4, balanced=True)
    """

    example: ClassVar[str] = "picture.png"

    ground: Annotated[Any, one_of(None, "dark")] = None
    margin: Annotated[int, non_negative] = 0
    balanced: bool = False

    def __post_init__(self):
        super().__post_init__()
        if len(self.shape) not in (2, 3) or None in self.shape or self.channels not in MODES:
            raise ValueError(f"Pictures(shape={self.shape!r}): expected (height, width) or (height, width, 1, 3 or 4)")

    @property
    def channels(self) -> int:
        """Of one pixel."""
        return self.shape[2] if len(self.shape) == 3 else 1

    def read(self, path: Path) -> Rows:
        if suffix(path) in ENDINGS:
            return super().read(path)
        with open_image(path) as image:
            pixels, notes = self.prepared(image)
        return Rows([os.fspath(path)], pixels.reshape(1, *self.shape), [f"{os.fspath(path)}: {n}" for n in notes])

    def labelled(self, path: Path, target: str | None, classes: Sequence[str]) -> tuple[Any, np.ndarray]:
        """Also from a folder of class folders of pictures."""
        from ...data.folders import list_class_folder

        if not os.path.isdir(path):
            return super().labelled(path, target, classes)
        files, labels, names = list_class_folder(path, EXTENSIONS)
        unknown = next((name for name in names if name not in classes), None)
        if unknown is not None:
            raise DataFileError(path, f"the folder {unknown!r} is none of the classes {', '.join(classes)}")
        places = np.array([list(classes).index(name) for name in names])
        return np.concatenate([self.read(file).x for file in files]), places[labels]

    def prepared(self, image: Image.Image) -> tuple[np.ndarray, list[str]]:
        """A pillow picture as pixels of the model's size, and what was done to it."""
        image = convert(image, MODES[self.channels])
        size = (self.shape[0], self.shape[1])
        same = (image.height, image.width) == size
        if self.ground is None or self.channels != 1:
            return np.asarray(image if same else fit_image(image, size), np.uint8), []
        grey, inverted = on_black(np.asarray(image, np.float32))
        notes = ["dark on a light ground: inverted"] if inverted else []
        if same:
            return np.rint(grey).astype(np.uint8), notes
        strokes = strengthened(grey)
        if strokes is None:
            return np.zeros(size, np.uint8), [*notes, "nothing stands on it"]
        return centred(strokes, size, self.margin, self.balanced), notes


# drawings -----------------------------------------------------------------------------------------------------------
def on_black(grey: np.ndarray) -> tuple[np.ndarray, bool]:
    """A grey picture on a dark ground, inverted if its border is light."""
    inverted = float(np.median(border(grey))) > 127.5
    return (255 - grey if inverted else grey), inverted


def border(grey: np.ndarray) -> np.ndarray:
    """The pixels along the four sides."""
    return np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])


def strengthened(grey: np.ndarray) -> np.ndarray | None:
    """Strokes from 0 to 255 on a ground of 0, cropped to their box; None where there are none."""
    above = grey - np.median(border(grey))
    strongest = float(np.percentile(above, 99.9)) if above.max() > FAINT else 0.0
    strongest = max(strongest, float(above.max()) / 2)
    if strongest <= FAINT:
        return None
    part = np.clip(above / strongest, 0, 1)
    part[part < PAPER] = 0
    rows, columns = (np.flatnonzero(part.max(axis)) for axis in (1, 0))
    return 255 * part[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def centred(strokes: np.ndarray, size: tuple[int, int], margin: int, balanced: bool) -> np.ndarray:
    """Strokes scaled to a size less a margin, in the middle of a black picture."""
    from PIL import Image

    height, width = size
    scale = min((height - 2 * margin) / strokes.shape[0], (width - 2 * margin) / strokes.shape[1])
    h, w = (max(1, round(scale * side)) for side in strokes.shape)
    small = np.asarray(Image.fromarray(strokes.astype(np.float32)).resize((w, h), Image.Resampling.BICUBIC))
    small = np.clip(small, 0, 255)
    y, x = (height - h) / 2, (width - w) / 2
    if balanced and small.sum() > 0:  # to the pixel after the middle, where MNIST has it
        y = height // 2 - np.arange(h) @ small.sum(1) / small.sum()
        x = width // 2 - np.arange(w) @ small.sum(0) / small.sum()
    top, left = int(np.clip(round(y), 0, height - h)), int(np.clip(round(x), 0, width - w))
    drawn = np.zeros(size, np.uint8)
    drawn[top : top + h, left : left + w] = np.rint(small)
    return drawn
