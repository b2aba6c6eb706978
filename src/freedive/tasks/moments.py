"""Moving averages of batch normalisation in trainings of few steps."""

from __future__ import annotations

from typing import Any

from ..core.paths import paths
from ..layers import BatchNormalization

PART = 0.1  # of a training's steps, over which the averages reach


def quicken(model: Any, steps: int) -> None:
    """Let the moving averages of batch normalisation reach over a tenth of the training at most.

    They begin at mean 0 and variance 1: with a momentum of 0.99 a third of that is still there after a hundred steps,
    and the network answers badly however well it learned. Momentum = min(its own, 1 - 1 / (a tenth of the steps)).

    >>> import freedive as fd
    >>> layer = fd.layers.BatchNormalization()
    >>> quicken(fd.Sequential([fd.Input((3,)), layer]), 100)
    >>> layer.momentum
    0.9
    """
    most = max(0.5, 1 - 1 / max(1.0, PART * steps))
    for layer in paths(model):
        if isinstance(layer, BatchNormalization):
            layer.momentum = min(layer.momentum, most)
