"""Picture files of any size and colour, made to look like the pictures that a model was trained on."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np

from ...config import non_negative, one_of
from ...data.errors import DataFileError
from ...data.images import EXTENSIONS, FORMATS, MODES, convert, fit_image, open_image
from .base import Path, Rows, suffix
from .decoding import Decoded, decoded
from .numbers import Numbers, fits

if TYPE_CHECKING:
    from PIL import Image

PAPER = 0.15  # what differs from the ground by less than this part of the strongest stroke is ground
FAINT = 10  # of 255: a picture whose strokes are fainter than this is empty
LARGEST = 96  # pixels of a side: pictures of one size up to this stay as they are
USUAL = 64  # the side of others
TURNED = 274  # EXIF's number for how a picture lies; from 5 on, on its side
GREYS = ("L", "1", "LA", "I", "I;16", "I;16B", "F")  # pillow's modes without colours
SHOWN = 160  # pixels of the longer side of a picture in a report
ENDINGS = (".npy", ".npz", ".csv", ".tsv", ".txt")


class Pictures(Numbers):
    """Pictures as uint8, 0 to 255; arrays of them from .npy, .npz and .csv files too.

    Args:
        shape: (height, width) or (height, width, channels).
        ground: "dark" where the model knows things on a black ground: pictures on a light ground are then inverted,
            and those of another size are cropped to what stands on them, scaled, and put in the middle.
        margin: black pixels around what stands on such a picture.
        balanced: whether its centre of mass is put in the middle, as in MNIST, rather than its box.
        light: what full light is in arrays of floats, 1 or 255, as in those that were learned from; None: 1 where none
            of those that are given together is over it.

    >>> Pictures((28, 28), ground="dark", margin=4, balanced=True)
    Pictures(shape=(28, 28), ground='dark', margin=4, balanced=True)
    """

    example: ClassVar[str] = "picture.png"
    endings: ClassVar[tuple[str, ...]] = EXTENSIONS

    ground: Annotated[Any, one_of(None, "dark")] = None
    margin: Annotated[int, non_negative] = 0
    balanced: bool = False
    light: Annotated[Any, one_of(None, 1, 255)] = None

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

    @classmethod
    def learned(cls, X: Any, size: Any = None, channels: int | None = None, **options: Any) -> Pictures:
        """The reader for pictures like these.

        Args:
            X: an array of pictures of one size, or a list of files, pillow pictures or arrays.
            size: (height, width) that all are given; None: theirs if it is one and not over `LARGEST`, else `USUAL`.
            channels: 1, 3 or 4; None: 3 where one of them has colours, else 1.
        """
        options["light"] = full_light([X] if isinstance(X, np.ndarray) else X)
        if isinstance(X, np.ndarray) and X.ndim in (3, 4):
            shape = X.shape[1:]
            return cls(shape if size is None else (*size, *shape[2:]), **options)
        found = [seen for seen in map(looked_at, X) if seen is not None]
        sizes, colours = zip(*found, strict=True) if found else ([(USUAL, USUAL)], [False])
        if size is None:
            one = len(set(sizes)) == 1 and max(sizes[0]) <= LARGEST
            size = sizes[0] if one else (USUAL, USUAL)
        return cls((*size, channels or (3 if any(colours) else 1)), **options)

    def is_one(self, X: Any) -> bool:
        """Also one array, (height, width) or (height, width, channels), and a picture of pillow's."""
        if isinstance(X, np.ndarray):
            return X.ndim == 2 or (X.ndim == 3 and X.shape[-1] in MODES and not fits(X.shape[1:], self.shape))
        return not hasattr(X, "__len__") or super().is_one(X)

    def encoded(self, X: Any) -> np.ndarray:
        """uint8 (rows, *shape): numbers from 0 to 255, floats from 0 to `light`, or truth values."""
        one = isinstance(X, np.ndarray)
        light = self.light or full_light([X] if one else X)
        if one and fits(X.shape[1:], self.shape):
            return as_bytes(X, light)
        if not len(X):
            return np.zeros((0, *self.shape), np.uint8)
        return np.stack(decoded(functools.partial(self.one, light=light), X))

    def fitted(self, path: Path, x: np.ndarray) -> np.ndarray:
        """The arrays of a file, as bytes too."""
        x = super().fitted(path, x)
        try:
            return as_bytes(x, self.light or full_light([x]))
        except ValueError as error:
            raise DataFileError(path, str(error).removeprefix("X: ")) from None

    def later(self, X: Any) -> Decoded:
        """Pictures of files, decoded when they are needed."""
        return Decoded(self.one, X, self.shape)

    def one(self, item: Any, light: int | None = None) -> np.ndarray:
        """One picture: a file, a pillow picture, or an array of any size, whose floats go to `light`."""
        if isinstance(item, (str, os.PathLike)):
            with open_image(item) as image:
                return self.prepared(image)[0].reshape(self.shape)
        return self.prepared(as_image(item, light))[0].reshape(self.shape)

    def labelled(self, path: Path, column: str | None) -> tuple[Any, Any]:
        """Also from a folder of class folders of pictures."""
        from ...data.folders import list_class_folder

        if not os.path.isdir(path):
            return super().labelled(path, column)
        files, labels, names = list_class_folder(path, EXTENSIONS)
        return self.encoded(files), [names[label] for label in labels]

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


# pictures in memory -------------------------------------------------------------------------------------------------
def full_light(pictures: Sequence[Any]) -> int | None:
    """What full light is in those of some pictures that are arrays of floats: 1 or 255; None where there are none.

    >>> full_light([np.zeros((2, 2)), np.full((2, 2), 200.0)]), full_light(["a.png", np.zeros((2, 2), np.uint8)])
    (255, None)
    """
    arrays = [np.asarray(picture) for picture in pictures if isinstance(picture, (np.ndarray, list, tuple))]
    highest = [float(array.max()) for array in arrays if array.dtype.kind == "f" and array.size]
    return (1 if max(highest) <= 1 else 255) if highest else None


def as_bytes(pixels: np.ndarray, light: int | None = None) -> np.ndarray:
    """Pixels as uint8; floats go to `light`, truth values are none of it or all."""
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype == bool:
        return np.where(pixels, np.uint8(255), np.uint8(0))
    if pixels.dtype.kind not in "iuf":
        raise ValueError(f"X: an array of {pixels.dtype}; expected pictures of numbers from 0 to 255")
    low, high = (float(f(pixels)) for f in (np.min, np.max)) if pixels.size else (0.0, 0.0)
    if not (low >= 0 and high <= 255):
        raise ValueError(f"X: pixels from {low:g} to {high:g}; expected 0 to 255, or floats from 0 to 1")
    parts = pixels.dtype.kind == "f" and light == 1
    if parts and high > 1:
        raise ValueError(f"X: pixels from {low:g} to {high:g}; expected 0 to 1, as in those that were learned from")
    return np.rint(pixels * 255.0 if parts else pixels).astype(np.uint8)


def as_image(item: Any, light: int | None = None) -> Image.Image:
    """An array, whose floats go to `light`, or a pillow picture as the latter."""
    from PIL import Image

    if isinstance(item, Image.Image):
        return item
    pixels = as_bytes(np.asarray(item), light)
    return Image.fromarray(pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels)


def looked_at(item: Any) -> tuple[tuple[int, int], bool] | None:
    """((height, width), whether there are colours), of a file without decoding it; None where it cannot be read."""
    from PIL import Image

    if not isinstance(item, (str, os.PathLike)):
        image = as_image(item)
        return (image.height, image.width), image.mode not in GREYS
    try:
        with Image.open(item, formats=FORMATS) as image:
            size = (image.height, image.width) if image.getexif().get(TURNED, 1) < 5 else (image.width, image.height)
            return size, image.mode not in GREYS
    except (OSError, ValueError, SyntaxError):
        return None  # `open_image` says later what is wrong with it


class Thumbnails(Sequence):
    """Picture files as small arrays, opened when they are looked at.

    Args:
        files: their paths.
    """

    def __init__(self, files: Sequence[Any]):
        self.files = files

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return Thumbnails(self.files[place])
        with open_image(self.files[place]) as image:
            small = convert(image, "L" if image.mode in GREYS else "RGB")
            small.thumbnail((SHOWN, SHOWN))
            return np.asarray(small)


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
