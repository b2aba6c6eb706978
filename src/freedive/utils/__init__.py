"""Small helpers under Keras' names."""

from typing import Any

from ..core.habits import absent_from
from ..core.variables import set_seed as set_random_seed
from ..preprocessing.image import array_to_img, img_to_array, load_img, save_img
from ..preprocessing.sequence import pad_sequences
from .arrays import normalize, to_categorical
from .dataset import PyDataset, Sequence

__all__ = [
    "PyDataset",
    "Sequence",
    "array_to_img",
    "img_to_array",
    "load_img",
    "normalize",
    "pad_sequences",
    "save_img",
    "set_random_seed",
    "to_categorical",
]


def __getattr__(name: str) -> Any:
    raise absent_from(__name__, name)
