"""Preparing data before a model sees it: text to numbers, sequences to arrays, splits, scales, pictures."""

from . import image, scaling, sequence, split, text
from .scaling import MinMaxScaler, StandardScaler
from .sequence import pad_sequences, timeseries_windows
from .split import split_indices, train_test_split, train_validation_test_split
from .text import Tokenizer, hashing_trick, text_to_word_sequence, tokenizer_from_json

__all__ = [
    "MinMaxScaler",
    "StandardScaler",
    "Tokenizer",
    "hashing_trick",
    "image",
    "pad_sequences",
    "scaling",
    "sequence",
    "split",
    "split_indices",
    "text",
    "text_to_word_sequence",
    "timeseries_windows",
    "tokenizer_from_json",
    "train_test_split",
    "train_validation_test_split",
]
