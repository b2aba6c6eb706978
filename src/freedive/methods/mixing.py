"""mix: a model learns from mixtures of rows, labels and all."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..core.forward import apply
from ..core.layer import Layer
from ..core.structure import structure
from ..core.variables import Variables
from ..models import fitting
from ..models.fitting import Method
from ..train.objective import Objective
from ..train.program import Program, TrainState
from .population import checked_model
from .validation import options_of


def mix(model: Any, layer: Any, x: Any, y: Any, **fit: Any) -> Any:
    """Train a model on batches that a layer has mixed inside the compiled run; validation rows stay as they are.

    Sample weights are mixed as labels are: a row of weight 0 says nothing, in whatever it is mixed.

    Args:
        model: a compiled model with one input and one output.
        layer: `layers.MixUp`, `layers.CutMix`, or another without weights that takes and gives a dict of "images" and
            "labels".
        x: as for `fit`, arrays or a stream.
        y: (rows, classes) parts of 1, or numbers; `fd.utils.to_categorical(y)` makes them of classes.
        **fit: further arguments of `Model.fit`.

    Returns:
        The History. Training metrics are those of the mixtures.

    Raises:
        ValueError: labels are whole numbers, which cannot be mixed.

    >>> import numpy as np
    >>> import freedive as fd
    >>> model = fd.Sequential([fd.Input((8, 8, 1)), fd.layers.Flatten(), fd.layers.Dense(2, "softmax")])
    >>> model.compile("adam", "categorical_crossentropy")
    >>> x, y = np.random.default_rng(0).random((16, 8, 8, 1)), fd.utils.to_categorical(np.arange(16) % 2)
    >>> sorted(fd.mix(model, fd.layers.MixUp(0.4), x, y, verbose=0).history)
    ['loss']
    """
    checked_model(model, "mix")
    if not isinstance(layer, Layer):
        raise TypeError(f"mix(layer=...): expected a layer such as layers.MixUp(). Received: {layer!r:.80}")
    if y is not None and not np.issubdtype(np.asarray(y).dtype, np.floating):
        raise ValueError(
            f"mix(y=...): labels of {np.asarray(y).dtype} cannot be mixed; expected floats, one number a class: "
            "fd.utils.to_categorical(y)"
        )
    return fitting.fit(model, x, y, options_of("mix", fit, ()), Mixed(layer))


class Mixed(Method):
    """The plain way, on batches that a layer has mixed.

    Args:
        layer: what mixes them.
    """

    def __init__(self, layer: Any):
        self.layer = layer

    def program(self, model: Any, objective: Objective) -> Program:
        return mixed(super().program(model, objective), self.layer)


def weighed(labels: Any, weight: Any) -> Any:
    """(rows, numbers) w y and w: mixed like labels, they are the weight of a mixture and what it says by weight."""
    each = jnp.broadcast_to(weight.reshape(*weight.shape, *(1,) * (labels.ndim - weight.ndim)), labels.shape)
    return jnp.concatenate([a.reshape(len(labels), -1) for a in (each * labels, each)], axis=1)


def unweighed(mixed: Any, labels: Any, weight: Any) -> list[Any]:
    """[labels, weights] from what `weighed` gave, mixed; a mixture of rows without weight has none."""
    total, each = (half.reshape(labels.shape) for half in jnp.split(mixed, 2, axis=1))
    found = jnp.where(each == 0, labels, total / jnp.where(each == 0, 1, each))
    return [found, each.reshape(*weight.shape, -1)[..., 0]]


def mixed(program: Program, layer: Any) -> Program:
    """The program whose gradients are those of batches that a layer has mixed."""

    def changed(ts: TrainState, batch: Any) -> Any:
        x, y, weights = batch
        (images,), (labels,), weight = jax.tree.leaves(x), jax.tree.leaves(y), jax.tree.leaves(weights)
        labels = labels.astype(jnp.float32)
        given = {"images": images, "labels": weighed(labels, *weight) if weight else labels}
        made, _ = apply(layer, Variables({}, {}, {}), given, key=ts.key_for("mix"), training=True)
        told = unweighed(made["labels"], labels, *weight) if weight else [made["labels"]]
        leaves = zip(batch, ([made["images"]], told[:1], told[1:]), strict=True)
        return tuple(jax.tree.unflatten(jax.tree.structure(part), found) for part, found in leaves)

    return program._replace(
        gradient=lambda ts, batch: program.gradient(ts, changed(ts, batch)),
        examine=program.examine and (lambda ts, batch: program.examine(ts, changed(ts, batch))),  # type: ignore[misc]
        key=("mixed", structure(layer), program.key),
    )
