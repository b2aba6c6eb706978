"""Preparing data before a model sees it: text to numbers, sequences to arrays, splits, scales, pictures."""

from . import calendar, columns, image, scaling, sequence, split, tables, text, vocabulary
from .calendar import calendar_features, calendar_parts
from .embeddings import PretrainedEmbeddings, load_embeddings
from .scaling import MinMaxScaler, StandardScaler
from .sequence import pad_sequences, timeseries_windows
from .split import split_indices, train_test_split, train_validation_test_split
from .tables import TableEncoder
from .text import Tokenizer, hashing_trick, text_to_word_sequence, tokenizer_from_json
from .vocabulary import (
    BytePairVocabulary,
    CharacterVocabulary,
    TokenizersVocabulary,
    Vocabulary,
    WordVocabulary,
)

__all__ = [
    "BytePairVocabulary",
    "CharacterVocabulary",
    "MinMaxScaler",
    "PretrainedEmbeddings",
    "StandardScaler",
    "TableEncoder",
    "Tokenizer",
    "TokenizersVocabulary",
    "Vocabulary",
    "WordVocabulary",
    "calendar",
    "calendar_features",
    "calendar_parts",
    "columns",
    "hashing_trick",
    "image",
    "load_embeddings",
    "pad_sequences",
    "scaling",
    "sequence",
    "split",
    "split_indices",
    "tables",
    "text",
    "text_to_word_sequence",
    "timeseries_windows",
    "tokenizer_from_json",
    "train_test_split",
    "train_validation_test_split",
    "vocabulary",
]
