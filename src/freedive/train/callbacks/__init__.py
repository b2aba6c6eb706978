"""Callbacks: what is told how training goes, and may stop it, save it or change its numbers."""

from .base import Callback, CallbackList
from .history import History

__all__ = ["Callback", "CallbackList", "History"]
