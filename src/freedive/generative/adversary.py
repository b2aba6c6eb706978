"""What a discriminator and a generator want: four losses of scores, and the penalty of a discriminator's slope."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ..numerics import widen


class Loss(NamedTuple):
    """The losses of two players, each from scores of the discriminator, element by element.

    `real` and `made` are what the discriminator pays for scores of real and of made data; `taken` is what the generator
    pays for scores of made data.
    """

    real: Callable[[Any], Any]
    made: Callable[[Any], Any]
    taken: Callable[[Any], Any]


LOSSES = {
    # -log D for real, -log(1 - D) for made data, with D = sigmoid(s); the generator lowers -log D, which never fades.
    "original": Loss(lambda s: jax.nn.softplus(-s), jax.nn.softplus, lambda s: jax.nn.softplus(-s)),
    # Half the squared distance to 1 for real, to 0 for made data; the generator's to 1.
    "least_squares": Loss(
        lambda s: jnp.square(s - 1) / 2, lambda s: jnp.square(s) / 2, lambda s: jnp.square(s - 1) / 2
    ),
    # The difference of mean scores: the earth mover's distance, where no score rises faster than its input moves.
    "wasserstein": Loss(lambda s: -s, lambda s: s, lambda s: -s),
    "hinge": Loss(lambda s: jax.nn.relu(1 - s), lambda s: jax.nn.relu(1 + s), lambda s: -s),
}
PENALTIES = {"wasserstein": 10.0}  # the usual weight of the gradient penalty; of the others none
SMALLEST = 1e-12  # beside a squared norm, whose root has a gradient at zero then


def smoothed(loss: Loss, smoothing: float) -> Loss:
    """The discriminator's loss of real data, with a part of it as if they were made (one-sided label smoothing)."""
    if not smoothing:
        return loss
    return loss._replace(real=lambda s: (1 - smoothing) * loss.real(s) + smoothing * loss.made(s))


def slope_penalty(score: Callable[[Any], Any], real: Any, made: Any, part: Any) -> Any:
    """(||grad_x score(x)|| - 1)^2 at points between real and made data, (rows,).

    Args:
        score: data -> scores, of which each depends on its own row alone.
        real, made: (rows, ...).
        part: (rows,) from 0 to 1: how far each point lies from made to real.

    Reference: I. Gulrajani et al., "Improved training of Wasserstein GANs", 2017, https://arxiv.org/abs/1704.00028

    >>> x = jnp.ones((2, 3))
    >>> slope_penalty(lambda x: 2 * x[:, 0], x, x, jnp.zeros(2)).tolist()
    [1.0, 1.0]
    """
    part = part.reshape(-1, *(1,) * (real.ndim - 1))
    between = part * real + (1 - part) * made
    slopes = widen(jax.grad(lambda x: jnp.sum(score(x)))(between))
    norms = jnp.sqrt(jnp.square(slopes).reshape(len(slopes), -1).sum(1) + SMALLEST)
    return jnp.square(norms - 1)
