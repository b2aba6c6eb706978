"""What a model does before its run: layers that take text, and others that work on the host, at the model's door.

No compiled run takes strings. A layer below `HostLayer` computes in numpy, and may stand where data enters a model:
the model's graph is cut behind such layers, the part before the cut is done once a row, before the run or in the
thread that reads ahead, and the rest is compiled. Their vocabularies are part of the model's file like all fields.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ..errors import GraphError, show_shape
from .graph import Graph, Input
from .layer import Layer
from .symbol import STRING, Node, Symbol, symbols_in


class HostLayer(Layer):
    """A layer that computes on the host, in numpy: it takes what no compiled run can, such as text.

    A subclass writes `on_host(x)` and, to stand in a model, `given(shape)`.
    """

    takes: ClassVar[str] = "string"  # what enters a model that begins with it

    def _start(self, **common: Any) -> None:
        super()._start(**common)
        self._planned = True  # it has no weights

    def on_host(self, x: np.ndarray) -> np.ndarray:
        """The computation."""
        raise NotImplementedError(f"{type(self).__name__} needs a method on_host(self, x)")

    def gives_for(self, shape: tuple[int | None, ...]) -> tuple[tuple[int | None, ...], str]:
        """The shape and type of what it gives for an input of a shape, batch axis included."""
        raise NotImplementedError(f"{type(self).__name__} needs a method given(self, shape)")

    def entry(self) -> Symbol:
        """The input of a model that begins with this layer and was told no shape."""
        return Input((), dtype=self.takes)

    def __call__(self, *inputs: Any, **kwargs: Any) -> Any:
        kwargs.pop("training", None)
        if len(inputs) != 1 or kwargs:
            raise TypeError(f"{type(self).__name__} takes one array. Received {len(inputs)} and {sorted(kwargs)}")
        if not symbols_in(inputs):
            return self.on_host(as_texts(inputs[0]))
        node = Node(self, inputs, {})
        shape, dtype = self.gives_for(inputs[0].shape)
        node.outputs = Symbol(shape, dtype, node)
        self._nodes.append(node)
        return node.outputs


def as_texts(x: Any) -> np.ndarray:
    """Texts, or numbers, as an array: of lists, arrays, data frames' columns; bytes are read as UTF-8."""
    x = x.to_numpy() if hasattr(x, "to_numpy") else x
    try:
        array = np.asarray(x)
    except ValueError:
        raise ValueError("expected texts in an array, or in lists of one length") from None
    if array.dtype.kind == "T":
        return array.astype(object)
    if array.dtype.kind == "S":
        return np.char.decode(array, "utf-8")
    if array.dtype.kind == "O":
        for place, value in np.ndenumerate(array):
            if not isinstance(value, (str, int, np.integer)) or isinstance(value, bool):
                shown = ", ".join(map(str, place))
                raise TypeError(f"expected texts. Received {value!r:.60} at index ({shown})")
    return array


class Door:
    """The part of a graph before its run.

    Attributes:
        whole: the graph from what people give to the outputs.
        inner: the graph that is compiled: from what the door gives to the outputs.
    """

    def __init__(self, whole: Graph, nodes: list[Node]):
        self.whole, self.nodes = whole, nodes
        known = {id(s) for s in whole.entries} | {id(s) for node in nodes for s in node.gives}
        outside = {id(node) for node in nodes} | {id(s.node) for s in whole.entries}
        taken = [s for node in whole.nodes if id(node) not in outside for s in node.needs] + whole.exits
        self.gives = list({id(s): s for s in taken if id(s) in known}.values())
        for symbol in self.gives:
            if symbol.dtype == STRING:
                raise GraphError(
                    f"the text {symbol.name!r} goes where numbers are needed: put a TextVectorization there"
                )
        self.inner = Graph(self.gives[0] if len(self.gives) == 1 else self.gives, whole.outputs)

    def __call__(self, data: Any) -> Any:
        """What the compiled part takes, for what people give."""
        values = {}
        for symbol, value in zip(self.whole.entries, self.whole.given(data, self._parts), strict=True):
            values[id(symbol)] = as_texts(value) if symbol.dtype == STRING else value
        for node in self.nodes:
            values[id(node.outputs)] = node.layer(values[id(node.args[0])])  # type: ignore[index]
        found = [values[id(s)] for s in self.gives]
        return found[0] if len(found) == 1 else found

    def _parts(self, data: Any) -> list[Any]:
        """What was given for each input; a list of texts is one of them."""
        return list(data) if len(self.whole.entries) > 1 and isinstance(data, (list, tuple)) else [data]


def divided(graph: Graph) -> tuple[Door | None, Graph]:
    """(The door of a graph, what is behind it); None and all of it where nothing is done on the host.

    Raises:
        GraphError: a layer that works on the host comes after one that is compiled.
    """
    nodes = [node for node in graph.nodes if isinstance(node.layer, HostLayer)]
    if not nodes:
        return None, graph
    known = {id(s) for s in graph.entries}
    for node in nodes:
        if not all(id(s) in known for s in node.needs):
            raise GraphError(
                f"{type(node.layer).__name__} works on the host, before the run: it cannot come after layers that are "
                "compiled. Put it where data enters the model, or call it on the data yourself"
            )
        known |= {id(s) for s in node.gives}
    door = Door(graph, nodes)
    return door, door.inner


def one_text_a_row(x: Any, layer: Layer, axes: int = 1) -> np.ndarray:
    """Texts (batch,), also where they came as (batch, 1)."""
    x = x[:, 0] if x.ndim == axes + 1 and x.shape[-1] == 1 else x
    if x.ndim > axes:
        raise layer.error(f"expected one text a row, shape (batch,) or (batch, 1). Received {show_shape(x.shape)}")
    return x
