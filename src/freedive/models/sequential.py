"""Sequential: layers in a row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import jax

from ..config import boolean, check_names, from_json, to_json
from ..core.door import HostLayer, divided
from ..core.graph import Graph, Input, InputLayer
from ..core.layer import Layer
from ..core.paths import named
from ..core.symbol import Symbol, is_symbol, symbols_in
from ..core.variables import claim
from .described import layers_from, named_config
from .model import Model


class Sequential(Model):
    """Layers in a row: each takes what the one before gives.

    Args:
        layers: in order. The first may be an `Input`, or carry `input_shape`; else shapes come from the first data.
        name: the model's name.

    >>> import freedive as fd
    >>> model = fd.Sequential([fd.Input((4,)), fd.layers.Dense(3)])
    >>> model.output_shape
    (None, 3)
    """

    bookkeeping: ClassVar[frozenset[str]] = Model.bookkeeping | frozenset(("_stack", "_entry", "_exit", "_joined"))

    def __init__(self, layers: Any = None, **common: Any):
        super().__init__(**common)
        for layer in layers or []:
            self._append(layer)
        self._join()

    def _start(self, **common: Any) -> None:
        super()._start(**common)
        self._stack: list[Layer] = []
        self._entry: Symbol | None = None
        self._exit: Any = None
        self._joined = 0  # layers between entry and exit

    def add(self, layer: Any) -> None:
        """Put a layer at the end; its shapes are known at once where the model's input shape is.

        A layer that raises an error there is not added.
        """
        before = list(self._stack), self._entry, self._exit
        try:
            self._append(layer)
            self._join()
        except BaseException:
            self._stack[:], self._entry, self._exit = before
            raise

    def _append(self, layer: Any) -> None:
        if is_symbol(layer):
            layer = layer.node.layer
        if not isinstance(layer, Layer):
            raise TypeError(f"Sequential expects layers. Received: {layer!r}")
        if isinstance(layer, InputLayer):
            if self._stack or self._entry is not None:
                raise ValueError("Sequential: an Input comes first, before every layer, and only once")
            self._entry = self._exit = layer.symbol()
            return
        if layer in self._stack:
            raise ValueError(
                f"Sequential: {layer!r} is in the model already; a layer used twice needs a functional Model"
            )
        shape = _entry_shape(layer)
        if self._entry is None and not self._stack and shape is not None:
            self._entry = self._exit = Input(shape, dtype=layer.takes if isinstance(layer, HostLayer) else None)
        elif self._entry is None and not self._stack and isinstance(layer, HostLayer):
            self._entry = self._exit = layer.entry()
        self._stack.append(layer)

    def pop(self) -> Layer:
        """Take the last layer away."""
        if not self._stack:
            raise ValueError("Sequential: there is no layer to pop")
        last = self._stack.pop()
        if self._joined > len(self._stack):
            node = symbols_in(self._exit)[0].node
            last._nodes[:] = [other for other in last._nodes if other is not node]
            self._exit = node.args[0]
            self._joined -= 1
            self._join()
        return last

    @property
    def layers(self) -> list[Layer]:
        """The layers in order."""
        return list(self._stack)

    def call(self, x: Any) -> Any:
        if self._graph is not None:
            return self._graph.run(x)
        for layer in self._stack:
            x = layer(x)
        return x

    def _children(self) -> Iterator[tuple[str, Layer]]:
        yield from named(self._stack)

    def _structure(self) -> dict[str, Any]:
        return self._written() | {
            "layers": [layer for layer in self._stack if not isinstance(layer, HostLayer)],
            "shape": self._entry.shape if self._entry is not None else None,
        }

    def get_config(self) -> dict[str, Any]:
        """The layers in order, and the shape of the input where it is known."""
        layers = [named_config(name, layer) for name, layer in self._children()]
        entry = None if self._entry is None else to_json(self._entry.node.layer, "input")
        return {"name": self.name, "trainable": self._trainable, "input": entry, "layers": layers}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """A model of this configuration, with first values of its own."""
        check_names(config, ("layers",), ("name", "trainable", "input"), cls.__name__)
        entry = [] if config.get("input") is None else [from_json(config["input"])]
        model = cls([*entry, *layers_from(config["layers"])], name=config.get("name"))
        model._trainable = boolean(config.get("trainable", True))
        return model

    def _plan(self, shape: Any) -> None:
        self._connect(Input(shape))

    def _plan_for(self, inputs: tuple, kwargs: dict[str, Any]) -> None:
        if len(inputs) != 1 or len(jax.tree.leaves(inputs)) != 1:
            raise ValueError(
                f"Sequential takes one array. Received {len(jax.tree.leaves(inputs))}: use a functional Model"
            )
        x = jax.tree.leaves(inputs)[0]
        self._connect(Input(x.shape[1:], dtype="float32"))

    def _connect(self, entry: Symbol) -> None:
        self._entry = self._exit = entry
        self._joined = 0
        self._join()

    def _join(self) -> None:
        """Name the layers, and let those that are new follow the others, where the shape of the input is known."""
        layers = [layer for _, layer in self._children()]
        if self._entry is None or not (layers or self._graph):
            return
        for layer in layers[self._joined :]:
            self._exit = layer(self._exit)
        self._joined = len(layers)
        self._door, self._graph = divided(Graph(self._entry, self._exit))
        self._planned = True
        claim(self, self._seed)


def _entry_shape(layer: Layer) -> Any:
    """The shape of one sample that a layer was given, or that a model inside begins with."""
    if layer._given_shape is not None:
        return layer._given_shape
    entry = getattr(layer, "_entry", None)
    graph = getattr(layer, "_graph", None)
    symbol = entry if entry is not None else graph.entries[0] if graph is not None and len(graph.entries) == 1 else None
    return symbol.shape[1:] if symbol is not None else None
