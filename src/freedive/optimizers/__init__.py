"""Optimizers: Keras' names, arguments and formulas as pure functions; any optax transformation is accepted too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..config import from_config
from ..errors import unknown
from . import clipping, schedules
from .adam import Adam, Adamax, AdamW, Lamb, Nadam, ScheduleFreeAdamW
from .adaptive import Adadelta, Adafactor, Adagrad, Ftrl, RMSprop
from .base import FAMILY, Optimizer
from .descent import SGD, AveragedMomentum, Lion
from .from_optax import FromOptax, is_transformation
from .loss_scale import LossScaleOptimizer
from .muon import Muon
from .several import MultiOptimizer

__all__ = [
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "AveragedMomentum",
    "FromOptax",
    "Ftrl",
    "Lamb",
    "Lion",
    "LossScaleOptimizer",
    "MultiOptimizer",
    "Muon",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "ScheduleFreeAdamW",
    "clipping",
    "get",
    "schedules",
]


def get(identifier: Any) -> Optimizer:
    """The optimizer that an argument means.

    Args:
        identifier: an optimizer, a class, a name in any case ("adam", "SGD"), a configuration, or an optax
            transformation.

    Returns:
        An optimizer.

    Raises:
        ValueError: for an unknown name, with the nearest ones.
        TypeError: for anything else.

    >>> get("sgd").learning_rate
    0.01
    >>> get("adm")
    Traceback (most recent call last):
    freedive.errors.UnknownNameError: unknown optimizer 'adm'. Did you mean 'adam' or 'nadam' or 'adamw'?
    """
    if isinstance(identifier, str):
        identifier = _find(identifier)
    elif isinstance(identifier, Mapping):
        identifier = from_config(FAMILY, identifier)
    if isinstance(identifier, type) and issubclass(identifier, Optimizer):
        identifier = identifier()
    if isinstance(identifier, Optimizer):
        return identifier
    if is_transformation(identifier):
        return FromOptax(identifier)
    raise TypeError(f"expected a name, an optimizer or an optax transformation as optimizer. Received: {identifier!r}")


def _find(name: str) -> Any:
    """A member of the family, in any case, as Keras finds it."""
    if name.lower() in FAMILY:
        return FAMILY.find(name.lower())
    folded = {known.lower(): member for known, member in FAMILY.members.items()}
    if name.lower() not in folded:
        raise unknown("optimizer", name, FAMILY.members)
    return folded[name.lower()]
