"""How the losses of several outputs are weighed against each other, where that is learned and not given.

A `Weighting` is a layer without inputs: what it learns are values of the model, under one path beside its layers. So
they are gathered, optimised, saved and mapped over members as all values are.
"""

from __future__ import annotations

from typing import Any, ClassVar

import jax.numpy as jnp

from ..config import Family, NonNegativeFloat
from ..core.forward import complete
from ..core.layer import Layer
from ..core.variables import Spec
from .base import Loss

PLACE = "loss:weights"  # where it stands in its model


class Weighting(Layer):
    """Base of the ways to weigh losses against each other: L = sum_i w_i L_i + rest."""

    family: ClassVar[Family | None] = Family("loss weighting")
    kind: ClassVar[str] = "params"  # of what it learns

    def values(self) -> dict[str, str]:
        """What it learns, one number a loss: name -> initializer."""
        raise NotImplementedError(f"{type(self).__name__} must write values(self)")

    def coefficients(self, have: dict[str, Any]) -> tuple[Any, Any]:
        """(w, rest) from its values: w has one number a loss."""
        raise NotImplementedError(f"{type(self).__name__} must write coefficients(self, have)")

    def bound(self, losses: list[Loss]) -> Weighting:
        """A copy for a model with these losses, its values at their start."""
        if len(losses) < 2:
            raise ValueError(
                f"compile(loss_weights={type(self).__name__}()): there is nothing to weigh: it takes two losses or "
                f"more, a list or a dict by output. Received {len(losses)}"
            )
        mine = type(self).from_config(self.get_config())
        mine.name, mine._planned, mine._origin = PLACE, True, (0, PLACE)
        mine.classes = tuple(loss.expects() is not None for loss in losses)  # or else of numbers
        for name, start in self.values().items():
            mine._specs[self.kind][name] = complete(mine, Spec((len(losses),), jnp.dtype("float32"), start))
        return mine


class Uncertainty(Weighting):
    """Losses weighed by what each output leaves uncertain; L = sum_i c_i exp(-s_i) L_i + s_i / 2.

    s_i = log sigma_i^2 is learned with the weights; c_i is 1 for losses of classes, 1/2 for those of numbers: so is
    L the negative logarithm of a likelihood. It begins with s = 0. Named "uncertainty" in `compile`; where losses are
    of very different sizes, `Uncertainty(learning_rate_factor=30)` finds their weights sooner.

    Reference: A. Kendall et al., "Multi-task learning using uncertainty to weigh losses for scene geometry and
    semantics", 2018, https://arxiv.org/abs/1705.07115

    >>> import freedive as fd
    >>> x = fd.Input((4,))
    >>> model = fd.Model(x, [fd.layers.Dense(1, name="size")(x), fd.layers.Dense(3, name="kind")(x)])
    >>> losses = {"size": "mse", "kind": fd.losses.SparseCategoricalCrossentropy(from_logits=True)}
    >>> model.compile("adam", losses, loss_weights="uncertainty")
    >>> model.loss_weights
    {'size': 0.5, 'kind': 1.0}
    """

    aliases: ClassVar[tuple[str, ...]] = ("uncertainty",)

    def values(self) -> dict[str, str]:
        return {"log_variance": "zeros"}

    def coefficients(self, have: dict[str, Any]) -> tuple[Any, Any]:
        s = have["log_variance"]
        return jnp.where(jnp.array(self.classes), 1.0, 0.5) * jnp.exp(-s), jnp.sum(s) / 2


class GradNorm(Weighting):
    """Losses weighed so that all outputs learn at a like pace: their gradients where all meet get like norms.

    G_i = w_i |dL_i/dW| with the weights W of the last shared layer, r_i = (L_i / L_i(0)) / mean_j (L_j / L_j(0));
    w descends on sum_i |G_i - mean(G) r_i^alpha|, where the second term counts as constant, and is then scaled to have
    the sum n. It begins with w = 1. Named "gradnorm" in `compile`.

    Args:
        alpha: how strongly outputs that are behind pull ahead; 0 makes all norms alike.
        learning_rate: of w. With 0 it is the plain run with weights of 1.
        shared: the path of the layer whose weights count; by default the last one that all outputs depend on.

    Reference: Z. Chen et al., "GradNorm: gradient normalization for adaptive loss balancing in deep multitask
    networks", 2018, https://arxiv.org/abs/1711.02257

    >>> import freedive as fd
    >>> x = fd.Input((4,))
    >>> shared = fd.layers.Dense(8, "relu")(x)
    >>> model = fd.Model(x, [fd.layers.Dense(1, name="size")(shared), fd.layers.Dense(2, name="place")(shared)])
    >>> model.compile("adam", {"size": "mse", "place": "mae"}, loss_weights=fd.losses.GradNorm(alpha=0.5))
    >>> model.loss_weights
    {'size': 1.0, 'place': 1.0}
    """

    aliases: ClassVar[tuple[str, ...]] = ("gradnorm",)
    kind: ClassVar[str] = "state"

    alpha: NonNegativeFloat = 1.5
    learning_rate: NonNegativeFloat = 0.025
    shared: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._hyper += ["alpha", "learning_rate"]

    def values(self) -> dict[str, str]:
        return {"weight": "ones", "first_loss": "zeros"}

    def coefficients(self, have: dict[str, Any]) -> tuple[Any, Any]:
        return have["weight"], jnp.float32(0)

    def stepped(self, have: dict[str, Any], losses: Any, norms: Any, numbers: dict[str, Any]) -> dict[str, Any]:
        """Its values after a step.

        Args:
            have: its values.
            losses: L_i, of a batch.
            norms: |dL_i/dW|.
            numbers: alpha and learning_rate.
        """
        w, least = have["weight"], jnp.finfo(jnp.float32).tiny
        first = jnp.where(have["first_loss"] == 0, losses, have["first_loss"])
        ratio = losses / jnp.maximum(first, least)
        goal = jnp.mean(w * norms) * (ratio / jnp.maximum(jnp.mean(ratio), least)) ** numbers["alpha"]
        moved = jnp.maximum(w - numbers["learning_rate"] * jnp.sign(w * norms - goal) * norms, LEAST)
        scaled = moved * (len(self.classes) / jnp.sum(moved))
        return {"weight": jnp.where(numbers["learning_rate"] > 0, scaled, w), "first_loss": first}


LEAST = 1e-3  # no loss weighs less: it could not come back


def weighting_of(given: Any) -> Weighting | None:
    """What `compile(loss_weights=...)` means, if it is a way to learn them."""
    if isinstance(given, Weighting):
        return given
    family = Weighting.family
    return family.find(given)() if family is not None and given in family else None
