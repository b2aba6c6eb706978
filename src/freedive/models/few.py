"""A few rows through a small network of dense layers: answered at once, by one native call and no compiled program.

What a compiled program costs, its dispatch and the conversions around it, is several times as long as such an answer.
Only plain cases are taken: a `Sequential` or `Model` of exactly these layers in a row, float32, kernels that fit in a
cache. Whatever else there is (rows that are not finite, other types, more rows) goes the usual way, which also says
what is wrong.
"""

from __future__ import annotations

from operator import is_
from typing import Any

import jax
import numpy as np
from jax.core import Tracer

from .. import activations
from ..core import forward
from ..core.graph import Graph, InputLayer
from ..core.paths import sight
from ..core.symbol import Node, is_symbol
from ..core.variables import draw_missing
from ..layers.core import Dense
from ..layers.regularization import Dropout
from ..layers.shaping import Flatten
from ..ops import native
from ..ops.native.few import ACTIVATIONS, Few, Part
from ..ops.products import CACHED, FEW

HERE = (f"{__package__}.model", f"{__package__}.sequential")  # whose models do nothing but run their graphs
NAMES = {getattr(activations, name): name for name in ACTIVATIONS}
as_jax = jax.jit(lambda y: y)  # a fifth of what `device_put` takes


def answered(model: Any, x: Any) -> np.ndarray | None:
    """The outputs of a model for a few rows that suit, or None where it must compute them the usual way."""
    if not suits(x):
        return None
    memo = sight(model).memo
    if "few" not in memo:
        draw_missing(model)
        memo["few"] = _chain(model)
    return None if memo["few"] is None else memo["few"](x)


def suits(x: Any) -> bool:
    """Whether these are a few rows as they should be, and nothing is being traced."""
    few = type(x) is np.ndarray and x.dtype == np.float32 and x.ndim > 1 and 0 < len(x) <= FEW
    return few and x.flags.c_contiguous and forward.running() is None


class Chain:
    """Dense layers in a row, and what was made of the weights that they had the last time.

    Args:
        shape: of a row.
        layers: in order.
    """

    def __init__(self, shape: tuple[int | None, ...], layers: list[Dense]):
        self.shape, self.layers = shape, layers
        self.slots = [(layer, name) for layer in layers for name in ("kernel", "bias")]
        self.made: tuple[list[Any], Few | None] = ([], None)

    def __call__(self, x: np.ndarray) -> np.ndarray | None:
        """The outputs for some rows, by the weights that the layers have now."""
        values = [layer._values["params"].get(name) for layer, name in self.slots]
        weights, few = self.made
        if len(weights) != len(values) or not all(map(is_, values, weights)):
            few = self._made_of(values)
            self.made = values, few
        return None if few is None or x.shape[1:] != self.shape else few(x)

    def _made_of(self, values: list[Any]) -> Few | None:
        for (layer, name), value in zip(self.slots, values, strict=True):
            wanted = layer._specs["params"].get(name)
            if (value is None and wanted is None) or (wanted is not None and _plain(value, wanted.shape)):
                continue
            return None
        names = (NAMES[layer.activation] for layer in self.layers)
        return Few([Part(*part) for part in zip(values[::2], values[1::2], names, strict=True)])


def _plain(weight: Any, shape: tuple[int, ...]) -> bool:
    """Whether it is a small array of that shape, of float32, in the memory of this computer."""
    if not isinstance(weight, jax.Array) or isinstance(weight, Tracer) or weight.is_deleted():
        return False
    here = all(device.platform == "cpu" for device in weight.devices())
    return here and weight.shape == shape and weight.dtype == np.float32 and weight.size <= CACHED


# which models ---------------------------------------------------------------------------------------------------------
def _chain(model: Any) -> Chain | None:
    """The dense layers of a model that has no others."""
    graph = model._graph
    if graph is None or type(model).__module__ not in HERE or model._door is not None or not native.available():
        return None
    nodes = [node for node in graph.nodes if not isinstance(node.layer, InputLayer)]
    dense = [node.layer for node in nodes if type(node.layer) is Dense]
    if not dense or not _in_a_row(graph, nodes) or not all(map(_usual, (model, *(node.layer for node in nodes)))):
        return None
    suit = (node.needs[0].ndim == 2 and node.layer.activation in NAMES for node in nodes if type(node.layer) is Dense)
    return Chain(graph.inputs.shape[1:], dense) if all(suit) else None


def _in_a_row(graph: Graph, nodes: list[Node]) -> bool:
    """Whether each node takes what the one before gives, the first one the input, and the last one gives the output."""
    if not is_symbol(graph.inputs) or graph.inputs.dtype != np.float32:
        return False
    came = graph.inputs
    for node in nodes:
        if len(node.args) != 1 or node.args[0] is not came or node.kwargs:
            return False
        came = node.outputs
    return graph.outputs is came


def _usual(layer: Any) -> bool:
    """Whether an answer's layer computes as its type does, in float32, and keeps the order of numbers."""
    kept = type(layer) in (Dense, Dropout) or (type(layer) is Flatten and layer.data_format != "channels_first")
    return (kept or hasattr(layer, "_graph")) and layer.dtype is None and "call" not in vars(layer)
