"""Layers, flat, as in Keras."""

from ..core.layer import Layer
from .core import Dense, Flatten

__all__ = ["Dense", "Flatten", "Layer"]
