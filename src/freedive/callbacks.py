"""Callbacks, flat, as in Keras."""

from .train import callbacks as _callbacks
from .train.backup import BackupAndRestore, Checkpoints
from .train.callbacks import *  # noqa: F403
from .train.progress import ProgressBar

ProgbarLogger = ProgressBar  # Keras' name

__all__ = ["BackupAndRestore", "Checkpoints", "ProgbarLogger", "ProgressBar"]
__all__ += _callbacks.__all__
