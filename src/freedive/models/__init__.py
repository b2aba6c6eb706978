"""Models: what people make, train and keep."""

from .model import Model
from .sequential import Sequential

__all__ = ["Model", "Sequential"]
