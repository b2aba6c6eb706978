"""Small helpers under Keras' names."""

from ..preprocessing.image import array_to_img, img_to_array, load_img, save_img
from ..preprocessing.sequence import pad_sequences
from .arrays import normalize, to_categorical

__all__ = [
    "array_to_img",
    "img_to_array",
    "load_img",
    "normalize",
    "pad_sequences",
    "save_img",
    "to_categorical",
]
