"""Callbacks: what is told how training goes, and may stop it, save it or change its numbers."""

from .averages import SwapEMAWeights
from .base import Callback, CallbackList
from .csv_logger import CSVLogger
from .history import History
from .lambda_callback import LambdaCallback
from .rates import LearningRateScheduler, ReduceLROnPlateau
from .samples import SampleGrid
from .saving import ModelCheckpoint
from .stopping import EarlyStopping, TerminateOnNaN
from .tensorboard import TensorBoard

__all__ = [
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ReduceLROnPlateau",
    "SampleGrid",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
]
