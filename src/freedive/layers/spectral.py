"""A layer whose kernel is divided by its largest singular value, so that no output rises faster than its input."""

from __future__ import annotations

from typing import Any, ClassVar

import jax.numpy as jnp
from jax import lax

from ..config import PositiveInt
from ..core import forward
from ..core.layer import Layer

KERNELS = ("kernel", "embeddings")
SMALLEST = 1e-12


class SpectralNormalization(Layer):
    """Runs a layer with its kernel divided by an estimate of its largest singular value.

    With W the kernel as (inputs, outputs): v = u W^T / ||u W^T||, u = v W / ||v W||, kernel / (v W u^T). The estimate
    is improved by `power_iterations` such turns in every call in training, and u is kept. For discriminators.

    Args:
        layer: a layer with a kernel or embeddings.
        power_iterations: turns in a call in training.

    Raises:
        ValueError: the layer has neither kernel nor embeddings.

    Reference: T. Miyato et al., "Spectral normalization for generative adversarial networks", 2018,
    https://arxiv.org/abs/1802.05957

    >>> import numpy as np
    >>> import freedive as fd
    >>> layer = fd.layers.SpectralNormalization(fd.layers.Dense(3), power_iterations=50)
    >>> y = layer(np.eye(4, dtype="float32"), training=True)
    >>> round(float(np.linalg.norm(y, ord=2)), 3)
    1.0
    """

    layer: Any
    power_iterations: PositiveInt = 1
    supports_masking: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.layer, Layer):
            raise ValueError(f"SpectralNormalization expects a layer. Received: {self.layer!r}")

    def call(self, inputs: Any) -> Any:
        run = forward.current(self)
        if run.creating:
            self.layer(inputs)  # it asks for its weights
        name, kernel = next(((n, w) for n in KERNELS if (w := run.weight(self.layer, n)) is not None), ("", None))
        if kernel is None:
            raise self.error(f"{type(self.layer).__name__} has neither a kernel nor embeddings to normalise")
        with run.instead(self.layer, **{name: self._normalized(kernel)}):
            return self.layer(inputs)

    def _normalized(self, kernel: Any) -> Any:
        w = kernel.reshape(-1, kernel.shape[-1])  # (inputs, outputs)
        u = self.variable("vector_u", (1, w.shape[1]), "truncated_normal")
        v = unit(u @ w.T)
        if self.training:
            for turn in range(self.power_iterations):
                v = unit(u @ w.T) if turn else v
                u = unit(v @ w)
            self.update(vector_u=lax.stop_gradient(u))
        else:
            u = unit(v @ w)
        largest = (lax.stop_gradient(v) @ w @ lax.stop_gradient(u).T)[0, 0]
        return kernel / jnp.where(largest == 0, 1, largest)


def unit(x: Any) -> Any:
    """A vector of length 1 in the direction of another."""
    return x / jnp.maximum(jnp.linalg.norm(x), SMALLEST)
