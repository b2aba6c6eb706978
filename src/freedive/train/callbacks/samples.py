"""A callback that draws samples of a generative model while it trains."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ...config import PositiveInt
from ...preprocessing.image import save_img
from .averages import ended
from .base import Described


class SampleGrid(Described):
    """Draws what a generative model makes, every few epochs, from the same noise: one can watch it learn.

    Args:
        filepath: where each grid is written as a picture, with the epoch in its name ("grids/{epoch:03d}.png"); None
            keeps them in `grids` alone.
        n: samples in a grid.
        columns: of the grid.
        every: epochs from one grid to the next; the last epoch has one, too.
        seed: of the noise.
        labels: of a model that makes what labels say: (n,).

    Attributes:
        grids: epoch, from 1 -> (height, width, channels), uint8.

    Raises:
        ValueError: the model makes no pictures; a filepath without {epoch}, where several grids are to be written.

    >>> import numpy as np
    >>> import freedive as fd
    >>> generator = fd.Sequential([fd.Input((2,)), fd.layers.Dense(16, "sigmoid"), fd.layers.Reshape((4, 4, 1))])
    >>> gan = fd.GAN(generator, fd.Sequential([fd.Input((4, 4, 1)), fd.layers.Flatten(), fd.layers.Dense(1)]))
    >>> gan.compile()
    >>> grid = fd.callbacks.SampleGrid(n=6, columns=3)
    >>> history = gan.fit(np.ones((32, 4, 4, 1)), epochs=2, callbacks=[grid], verbose=0)
    >>> {epoch: picture.shape for epoch, picture in grid.grids.items()}
    {1: (8, 12, 1), 2: (8, 12, 1)}
    """

    filepath: Any = None
    n: PositiveInt = 64
    columns: PositiveInt = 8
    every: PositiveInt = 1
    seed: int = 0
    labels: Any = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.filepath = None if self.filepath is None else os.fspath(self.filepath)
        self.grids: dict[int, np.ndarray] = {}

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.grids = {}
        if not hasattr(self.model, "generate"):
            raise ValueError(f"{self.where()}: a {type(self.model).__name__} generates nothing")
        several = self.params.get("epochs", 1) > self.every
        if self.filepath is not None and several and self.filepath.format(epoch=1) == self.filepath.format(epoch=2):
            raise ValueError(
                f"{self.where(filepath=self.filepath)}: each grid would replace the one before: put {{epoch}} in"
            )

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if (epoch + 1) % self.every and epoch + 1 < self.params.get("epochs", 0):
            return
        given = {} if self.labels is None else {"labels": np.asarray(self.labels)}
        with ended(self.model):
            samples = self.model.generate(self.n, seed=self.seed, **given)
        if samples.ndim not in (3, 4):
            raise ValueError(f"{self.where()}: the model makes no pictures, but rows of shape {samples.shape[1:]}")
        grid = self.grids[epoch + 1] = tiled(samples, self.columns)
        if self.filepath is not None:
            path = self.filepath.format(epoch=epoch + 1)
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
            save_img(path, grid, scale=False)

    def get_state(self) -> dict[str, Any]:
        return {"grids": {str(epoch): grid for epoch, grid in self.grids.items()}}

    def set_state(self, state: dict[str, Any]) -> None:
        self.grids = {int(epoch): np.asarray(grid) for epoch, grid in state.get("grids", {}).items()}


def tiled(pictures: Any, columns: int = 8) -> np.ndarray:
    """Pictures side by side as one.

    Args:
        pictures: (n, height, width) or (n, height, width, channels): 0 to 255, 0 to 1, or -1 to 1 where some are
            below zero.
        columns: of the grid; the last row is filled with black.

    Returns:
        (rows * height, columns * width, channels), uint8.

    >>> tiled(np.ones((5, 2, 2)), 3).shape
    (4, 6, 1)
    """
    values = np.asarray(pictures, np.float32)
    values = values[..., None] if values.ndim == 3 else values
    if values.min() < 0:
        values = (values + 1) / 2
    if values.max() <= 2:  # a little above 1 is still no byte
        values = values * 255
    count, height, width, channels = values.shape
    rows, columns = -(-count // columns), min(columns, count)
    grid = np.zeros((rows * columns, height, width, channels), np.uint8)
    grid[:count] = np.clip(np.rint(values), 0, 255)
    return grid.reshape(rows, columns, height, width, channels).swapaxes(1, 2).reshape(rows * height, -1, channels)
