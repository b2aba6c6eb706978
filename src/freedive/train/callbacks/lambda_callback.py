"""A callback made of functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...errors import unknown
from .base import HOOKS, Callback


class LambdaCallback(Callback):
    """A callback whose hooks are the functions given.

    Pauses the compiled run only where functions were given: at every epoch for epoch hooks, at every batch for batch
    hooks.

    Args:
        on_epoch_begin, on_epoch_end: `f(epoch, logs)`.
        on_train_begin, on_train_end: `f(logs)`.
        on_train_batch_begin, on_train_batch_end: `f(batch, logs)`.
        **hooks: any other hook of `Callback` by its name.

    Raises:
        ValueError: for a name that no hook has.

    >>> import freedive as fd
    >>> fd.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs["loss"])).pauses()
    'epoch'
    """

    def __init__(
        self,
        on_epoch_begin: Callable[..., Any] | None = None,
        on_epoch_end: Callable[..., Any] | None = None,
        on_train_begin: Callable[..., Any] | None = None,
        on_train_end: Callable[..., Any] | None = None,
        on_train_batch_begin: Callable[..., Any] | None = None,
        on_train_batch_end: Callable[..., Any] | None = None,
        **hooks: Callable[..., Any],
    ):
        super().__init__()
        functions = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
        }
        for name, function in {**functions, **hooks}.items():
            if name not in HOOKS:
                raise unknown("hook", name, HOOKS)
            if function is not None:
                setattr(self, name, function)
