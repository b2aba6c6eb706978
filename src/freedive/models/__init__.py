"""Models: what people make, train and keep."""

from typing import Any

from ..core.habits import absent_from
from .loading import clone_model, load_model
from .model import Model
from .saving import save_model
from .sequential import Sequential
from .through_time import ThroughTime, through_time

__all__ = ["Model", "Sequential", "ThroughTime", "clone_model", "load_model", "save_model", "through_time"]


def __getattr__(name: str) -> Any:
    raise absent_from(__name__, name)
