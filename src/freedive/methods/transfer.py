"""Transfer and fine-tuning: the lower part of a trained model under a new head, and how fast each depth learns.

Depth is counted in layers with weights, in the order in which they compute; a block of its own inside, such as an
attention layer, is one of them, and the layers of models inside count one by one.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from typing import Any

import jax

from ..config import PositiveInt, argument, boolean, finite, integer, positive, real
from ..core.graph import Graph, Input
from ..core.layer import Layer
from ..core.paths import paths
from ..core.symbol import Symbol, is_symbol
from ..errors import unknown
from ..models import Model, Sequential
from ..models.loading import load_model
from ..models.training import Training
from ..train.callbacks.base import Described
from .population import checked_model


def transfer(base: Any, head: Any, cut: str | int | None = None, frozen: bool = True, inference: bool = True) -> Model:
    """A new model: what a trained model computes up to a layer, and a new head on it.

    head(base_{<= cut}(x)). The base is copied, weights and all, and stays as it is. A saved model stays what it is
    here: an ordinary model with two parts, `base` and the head.

    Args:
        base: a trained model made of symbols (`Sequential`, `Model(inputs, outputs)`), or the file of one.
        head: a layer, a list of layers, or a model, that takes what the cut gives; its weights are drawn anew.
        cut: the layer whose output the head takes: its name, or its place in `base.layers`. None: what the last layer
            with weights takes, so that this layer and all behind it are left out.
        frozen: whether the weights of the base keep their values until `unfreeze`.
        inference: whether the base computes as in use, also in training and after `unfreeze`: batch normalisation
            takes its moving averages and leaves them as they are, dropout drops nothing.

    Returns:
        A Model, not compiled.

    Raises:
        ValueError: the base has no weights yet, or is no graph of symbols, or has no such layer.

    Reference: J. Yosinski et al., "How transferable are features in deep neural networks?", 2014,
    https://arxiv.org/abs/1411.1792

    >>> import freedive as fd
    >>> relu = fd.layers.Dense(8, activation="relu")
    >>> base = fd.Sequential([fd.Input((4,)), relu, fd.layers.Dense(3, activation="softmax")])
    >>> model = fd.transfer(base, fd.layers.Dense(5, activation="softmax"))
    >>> model.output_shape, len(model.trainable_weights), len(model.non_trainable_weights)
    ((None, 5), 2, 2)
    """
    base = load_model(base, compile=False) if isinstance(base, (str, os.PathLike)) else base
    checked_model(base, "transfer")
    if not base.built:
        raise ValueError("transfer(base=...): the model has no weights yet: train it first, or load one")
    base.build()
    twin = copy.deepcopy(base, {id(base.history): None, id(base._training): Training()})
    lower = Model(twin.input, cut_symbol(twin, cut), name="base")
    lower.trainable = not frozen
    entry = jax.tree.map(lambda s: Input(s.shape[1:], dtype=s.dtype.name, name=s.name), twin.input)
    features = lower(entry, training=False) if inference else lower(entry)
    upper = Sequential(head, name="head") if isinstance(head, (list, tuple)) else head
    for name, flag in (("frozen", frozen), ("inference", inference)):
        argument("transfer", name, flag, boolean)
    if not isinstance(upper, Layer):
        raise TypeError(f"transfer(head=...): expected a layer, a list of layers or a model. Received: {head!r:.80}")
    return Model(entry, upper(features))


def cut_symbol(model: Any, cut: str | int | None) -> Symbol:
    """The symbol at which a model is cut: what a layer gives, or what the last one with weights takes."""
    graph: Graph = model._symbolic()
    if cut is None:
        last = [node for node in graph.nodes if has_weights(node.layer)][-1:]
        symbols = last[0].needs if last else graph.exits
        where = f"{last[0].layer.name!r} takes" if last else "the model gives"
    else:
        layer = (
            model.get_layer(index=argument("transfer", "cut", cut, integer))
            if not isinstance(cut, str)
            else model.get_layer(cut)
        )
        nodes = [node for node in graph.nodes if node.layer is layer]
        if not nodes:
            raise unknown("layer of the base itself", cut, [node.layer.name or "" for node in graph.nodes])
        symbols, where = nodes[0].gives, f"{layer.name!r} gives"
    if len(symbols) != 1 or not is_symbol(symbols[0]):
        raise ValueError(f"transfer(cut={cut!r}): {where} {len(symbols)} arrays. Name a layer that gives one")
    return symbols[0]


# depth --------------------------------------------------------------------------------------------------------------
def has_weights(layer: Layer) -> bool:
    """Whether gradients could change something in a layer or inside it."""
    return any(inside._specs["params"] for inside in paths(layer))


def by_depth(model: Any) -> dict[str, Layer]:
    """The layers with weights, path -> layer, in the order in which they compute; those of models inside one by one."""

    def visit(parent: Layer, prefix: str) -> Iterator[tuple[str, Layer]]:
        for name, layer in parent._children():
            path = f"{prefix}/{name}" if prefix else name
            if layer is getattr(parent, "_weighting", None):
                continue
            if isinstance(layer, Model):
                yield from visit(layer, path)
            elif has_weights(layer):
                yield path, layer

    model.build()
    return dict(visit(model, ""))


def unfreeze(model: Any, last: int | None = None, since: str | None = None) -> list[str]:
    """Let the upper layers of a model learn, and no others. Takes effect with the next `compile`.

    Args:
        model: any model with weights.
        last: how many layers with weights learn, counted from the output; 0 freezes all.
        since: the first layer that learns, by its path ("base/dense") or, where only one has it, its name ("dense");
            all that compute after it do too. Neither: all layers.

    Returns:
        The paths of the layers that learn.

    Raises:
        ValueError: there is no such layer, or both are given.

    >>> import freedive as fd
    >>> model = fd.Sequential([fd.Input((4,)), fd.layers.Dense(8), fd.layers.Dense(8), fd.layers.Dense(3)])
    >>> fd.unfreeze(model, last=2)
    ['dense_1', 'dense_2']
    """
    if last is not None and since is not None:
        raise ValueError(f"unfreeze(last={last!r}, since={since!r}): expected one of them")
    layers = by_depth(checked_model(model, "unfreeze"))
    first = 0 if since is None else place_of(since, list(layers))
    if last is not None:
        if not 0 <= argument("unfreeze", "last", last, integer) <= len(layers):
            raise ValueError(f"unfreeze(last={last}): the model has {len(layers)} layers with weights: {list(layers)}")
        first = len(layers) - last
    learning = list(layers)[first:]
    model.trainable = first == 0
    for layer in (*(layers[path] for path in learning), *([model._weighting] if model._weighting else [])):
        layer.trainable = True
    for layer, path in paths(model).items():  # what holds a layer that learns is not frozen
        layer._trainable |= any(inside.startswith(f"{path}/" if path else "") for inside in learning)
    return learning


def place_of(name: str, known: list[str]) -> int:
    """The place of a layer in a list of paths, by its path or its name."""
    found = [i for i, path in enumerate(known) if name in (path, path.rsplit("/", 1)[-1])]
    if len(found) != 1:
        known = [known[i] for i in found] or known
        raise unknown("layer" if not found else "layer, since more than one has the name", name, known)
    return found[0]


# rates --------------------------------------------------------------------------------------------------------------
def discriminative_rates(model: Any, decay: float = 2.6) -> dict[str, float]:
    """Let layers learn the more slowly the deeper below the output they lie: factor_d = decay^-d.

    The factors are numbers of the layers (`layer.learning_rate_factor`): they may be changed in training without
    compiling, saved, and searched for: `fd.tune(model, {"base/dense.learning_rate_factor": ...}, ...)`. With decay 1
    it is the plain run, bit for bit.

    Args:
        model: any model with weights.
        decay: from one layer with weights to the one below, above 0.

    Returns:
        path -> factor.

    Reference: J. Howard and S. Ruder, "Universal language model fine-tuning for text classification", 2018,
    https://arxiv.org/abs/1801.06146

    >>> import freedive as fd
    >>> model = fd.Sequential([fd.Input((4,)), fd.layers.Dense(8), fd.layers.Dense(8), fd.layers.Dense(3)])
    >>> fd.methods.discriminative_rates(model, decay=2)
    {'dense': 0.25, 'dense_1': 0.5, 'dense_2': 1.0}
    """
    layers = by_depth(checked_model(model, "discriminative_rates"))
    decay = argument("discriminative_rates", "decay", decay, real, positive, finite)
    factors = {path: decay**-d for d, path in enumerate(reversed(layers))}
    for path, layer in layers.items():
        layer.learning_rate_factor = factors[path]
    return {path: factors[path] for path in layers}


class GradualUnfreezing(Described):
    """Let one layer more learn every few epochs, from the output down, in one run and without compiling.

    A layer that is still to wait has the `learning_rate_factor` 0; when its turn comes, and when training ends, it has
    the factor that it had before. Layers that are frozen stay so. Pauses the run at every epoch.

    Args:
        every: the epochs until the next layer begins to learn.
        start: the layers with weights that learn from the beginning.

    Raises:
        ValueError: before the first epoch, where no layer would be left to wait.

    Reference: J. Howard and S. Ruder, 2018, https://arxiv.org/abs/1801.06146

    >>> import freedive as fd
    >>> fd.methods.GradualUnfreezing(every=2)
    GradualUnfreezing(every=2)
    """

    every: PositiveInt = 1
    start: PositiveInt = 1

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        self._layers = [layer for layer in by_depth(model).values() if layer.trainable]
        if len(self._layers) <= self.start:
            raise ValueError(
                f"{self.where(start=self.start)}: {len(self._layers)} layers with weights are not frozen, so none is "
                "left to wait. Call unfreeze(model) and compile first"
            )
        self._factors = [layer.learning_rate_factor for layer in self._layers]
        for layer, factor in zip(self._layers, self._factors, strict=True):  # so that the run has a number for each
            layer.learning_rate_factor = 1.0 if factor is None else factor

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        waiting = len(self._layers) - self.start - epoch // self.every
        for i, (layer, factor) in enumerate(zip(self._layers, self._factors, strict=True)):
            layer.learning_rate_factor = 0.0 if i < waiting else 1.0 if factor is None else factor

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        for layer, factor in zip(self._layers, self._factors, strict=True):
            layer.learning_rate_factor = factor

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        self.on_train_end()

    def on_interrupt(self, error: BaseException) -> None:
        self.on_train_end()
