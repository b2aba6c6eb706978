"""Callbacks, flat, as in Keras."""

from .train.backup import BackupAndRestore
from .train.callbacks import *  # noqa: F403
from .train.callbacks import __all__ as _of_train
from .train.progress import ProgressBar

ProgbarLogger = ProgressBar  # Keras' name

__all__ = [*_of_train, "BackupAndRestore", "ProgbarLogger", "ProgressBar"]
