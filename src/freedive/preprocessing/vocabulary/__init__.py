"""Vocabularies: the pieces that texts are made of (words, characters, byte pairs), and a number for each."""

from .base import END, PAD, RESERVED, START, UNKNOWN, Vocabulary
from .byte_pairs import BytePairVocabulary
from .tokenizers_file import TokenizersVocabulary
from .words import CharacterVocabulary, WordVocabulary

__all__ = [
    "END",
    "PAD",
    "RESERVED",
    "START",
    "UNKNOWN",
    "BytePairVocabulary",
    "CharacterVocabulary",
    "TokenizersVocabulary",
    "Vocabulary",
    "WordVocabulary",
]
