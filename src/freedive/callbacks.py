"""Callbacks, flat, as in Keras."""

from .train.callbacks import *  # noqa: F403
from .train.callbacks import __all__  # noqa: F401
