"""The functional graph: the nodes between symbolic inputs and outputs, called in order; and operators on symbols."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from ..errors import GraphError, show_shape, unknown
from .arguments import checked_shape
from .layer import Layer
from .symbol import Node, Symbol, is_symbol, symbols_in


# inputs -------------------------------------------------------------------------------------------------------------
class InputLayer(Layer):
    """The place where data enters a model; `Input(...)` makes one and gives its symbol.

    Args:
        shape: the shape of one sample, without the batch axis; None for an unknown length.
        dtype: of the data.

    >>> import freedive as fd
    >>> fd.layers.InputLayer((28, 28)).shape
    (28, 28)
    """

    takes_texts: ClassVar[bool] = True

    shape: Any = None

    def __post_init__(self):
        shape = self.shape if self.shape is not None else self._given_shape
        if shape is None:
            raise ValueError("InputLayer expects the shape of one sample: InputLayer(shape=(28, 28))")
        self.shape = checked_shape(shape)

    def call(self, x: Any) -> Any:
        return x

    def symbol(self) -> Symbol:
        """The symbol of this input; the same one every time."""
        if not self._nodes:
            node = Node(self, (), {})
            node.outputs = Symbol((None, *self.shape), self.dtype or "float32", node)
            self._nodes.append(node)
            self._planned = True
        return self._nodes[0].outputs


def Input(
    shape: Any = None,
    batch_size: int | None = None,
    dtype: Any = None,
    name: str | None = None,
    batch_shape: Any = None,
) -> Symbol:
    """The symbolic input of a functional model.

    Args:
        shape: the shape of one sample, without the batch axis; None where a size is unknown.
        batch_size: accepted for Keras' sake; models take any batch size.
        dtype: "float32" unless given; "int32" for tokens is welcome, not needed; "string" for texts.
        name: the input's name, also its key when data comes as a dict.
        batch_shape: the shape with the batch axis, instead of `shape`; the size of the batch is left open.

    Returns:
        A Symbol of shape (None, *shape).

    >>> import freedive as fd
    >>> fd.Input(shape=(28, 28))
    Symbol(shape=(None, 28, 28), dtype=float32)
    """
    if batch_shape is not None:
        shape = tuple(batch_shape)[1:]
    if shape is None:
        raise ValueError("Input expects the shape of one sample: Input(shape=(28, 28))")
    return InputLayer(shape, name=name, dtype=dtype).symbol()


# graphs -------------------------------------------------------------------------------------------------------------
class Graph:
    """The nodes between symbolic inputs and outputs, in an order in which they can be called."""

    def __init__(self, inputs: Any, outputs: Any):
        for s in (*jax.tree.leaves(inputs), *jax.tree.leaves(outputs)):
            if not is_symbol(s):
                raise GraphError(
                    f"Model expects symbols, made by Input and layers, as inputs and outputs. Received: {s!r}"
                )
        if not jax.tree.leaves(inputs) or not jax.tree.leaves(outputs):
            raise GraphError("Model expects at least one input and one output: Model(inputs, outputs)")
        self.inputs, self.outputs = inputs, outputs
        self.entries, self.exits = symbols_in(inputs), symbols_in(outputs)
        self.nodes = self._ordered()
        self.layers: list[Layer] = list(dict.fromkeys(node.layer for node in self.nodes))

    def _ordered(self) -> list[Node]:
        """The nodes by their longest way to an output, the farthest first: Keras' order of layers."""
        finished = self._finished()
        depth = dict.fromkeys(finished, 0)
        for node in reversed(finished.values()):
            for need in node.needs:
                if id(need.node) in depth:
                    depth[id(need.node)] = max(depth[id(need.node)], depth[id(node)] + 1)
        return sorted(finished.values(), key=lambda node: -depth[id(node)])

    def _finished(self) -> dict[int, Node]:
        """The nodes by their number, in an order in which they can be called."""
        entries = {id(s) for s in self.entries}
        finished: dict[int, Node] = {}

        def open_(symbol: Symbol) -> Iterator[Symbol] | None:
            """What must come before a symbol; None where that is settled."""
            node = symbol.node
            if node is None or id(node) in finished:
                return None
            given = id(symbol) in entries
            if isinstance(node.layer, InputLayer) and not given:
                raise GraphError(
                    f"the outputs depend on the input {node.layer.name or symbol!r}, which is not among the model's "
                    "inputs: name them all in Model(inputs=[...], outputs=...)"
                )
            return iter(() if given else node.needs)

        for symbol in (*self.entries, *self.exits):
            way = [(symbol, open_(symbol))]  # no recursion: a model may be thousands of layers deep
            while way:
                here, needs = way[-1]
                need = None if needs is None else next(needs, None)
                if need is not None:
                    way.append((need, open_(need)))
                    continue
                way.pop()
                node = here.node
                if needs is None or node is None:
                    continue
                if isinstance(node.layer, InputLayer) or id(here) not in entries:
                    finished[id(node)] = node
        return finished

    def given(self, data: Any, parts: Callable[[Any], list[Any]] = jax.tree.leaves) -> list[Any]:
        """The arrays for the entries, from one array, a list in order, or a dict by input name.

        Args:
            data: what was given.
            parts: what is no dict -> what stands in it, in order.
        """
        if isinstance(data, dict):
            names = sorted(self.inputs) if isinstance(self.inputs, dict) else [s.name for s in self.entries]
            missing = [n for n in names if n not in data]
            if missing:
                if names == [None]:
                    raise ValueError(f"expected one array, since the input has no name. Received a dict: {list(data)}")
                raise ValueError(
                    f"the data has no entry for input {missing[0]!r}. Its keys: {list(data)}; inputs: {names}"
                )
            values = [data[n] for n in names]
        else:
            values = parts(data)
        if len(values) != len(self.entries):
            raise ValueError(f"the model has {len(self.entries)} inputs, received {len(values)} arrays")
        return values

    def run(self, data: Any) -> Any:
        """Call every node on arrays, once."""
        values: dict[int, Any] = {}
        for symbol, value in zip(self.entries, self.given(data), strict=True):
            values[id(symbol)] = _as_declared(symbol, value)
        for node in self.nodes:
            gives = node.gives
            if all(id(s) in values for s in gives):
                continue
            args, kwargs = jax.tree.map(lambda x: values[id(x)] if is_symbol(x) else x, (node.args, node.kwargs))
            for symbol, value in zip(gives, jax.tree.leaves(node.layer(*args, **kwargs)), strict=True):
                values.setdefault(id(symbol), value)
        return jax.tree.map(lambda s: values[id(s)], self.outputs)

    def described(self) -> dict[str, Any]:
        """How the layers are joined: nodes name their layers and symbols by number, in the order in which they come."""
        number = {id(s): i for i, s in enumerate(s for node in self.nodes for s in node.gives)}
        for s in self.entries:
            number.setdefault(id(s), len(number))
        place = {layer: i for i, layer in enumerate(self.layers)}

        def written(tree: Any) -> Any:
            return jax.tree.map(lambda x: {"symbol": number[id(x)]} if is_symbol(x) else x, tree)

        nodes = [{"layer": place[n.layer], "args": written(n.args), "kwargs": written(n.kwargs)} for n in self.nodes]
        return {"nodes": nodes, "inputs": written(self.inputs), "outputs": written(self.outputs)}


def rebuilt(layers: list[Layer], described: Any) -> Graph:
    """The graph that `described` tells of, made by calling these layers again.

    Raises:
        GraphError: a node calls a layer that is not there, or takes what no node before it gives.
    """
    symbols: list[Symbol] = []

    def read(tree: Any) -> Any:
        if isinstance(tree, dict):
            if set(tree) == {"symbol"}:
                return symbols[_place(tree["symbol"], len(symbols), "symbol")]
            return {k: read(v) for k, v in tree.items()}
        return [read(v) for v in tree] if isinstance(tree, (list, tuple)) else tree

    nodes, inputs, outputs = _parts(described, {"nodes": list, "inputs": object, "outputs": object}, "graph")
    for node in nodes:
        place, args, kwargs = _parts(node, {"layer": int, "args": list, "kwargs": dict}, "node")
        layer = layers[_place(place, len(layers), "layer")]
        args, kwargs = read(args), read(kwargs)
        if isinstance(layer, InputLayer):
            symbols.append(layer.symbol())
        elif symbols_in((args, kwargs)):
            symbols.extend(symbols_in(layer(*args, **kwargs)))
        else:
            raise GraphError(f"the layer {layer.name!r} is called on nothing that another layer gives")
    return Graph(read(inputs), read(outputs))


def _parts(described: Any, wanted: dict[str, type], what: str) -> list[Any]:
    if not isinstance(described, dict) or described.keys() != wanted.keys():
        raise GraphError(f"a {what} is described by {', '.join(wanted)}. Received: {described!r:.100}")
    for name, kind in wanted.items():
        if not isinstance(described[name], kind):
            raise GraphError(f"{name} of a {what}: expected {kind.__name__}. Received: {described[name]!r:.100}")
    return [described[name] for name in wanted]


def _place(number: Any, count: int, what: str) -> int:
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < count:
        raise GraphError(f"{what} {number!r:.40} is not among the {count} {what}s that came before")
    return number


def _as_declared(symbol: Symbol, value: Any) -> Any:
    """The data of one input, checked against its shape; whole numbers become floats where floats are declared.

    A last axis of size 1 may be left out or stand too much: (batch,) is taken for (batch, 1), as in Keras.
    """
    got, want = jnp.shape(value), symbol.shape
    if len(got) + 1 == len(want) and want[-1] == 1:
        value = value[..., None]
    elif len(got) == len(want) + 1 and got[-1] == 1:
        value = value[..., 0]
    got = jnp.shape(value)
    if len(got) != len(want) or any(w is not None and g != w for g, w in zip(got[1:], want[1:], strict=True)):
        raise ValueError(
            f"input {symbol.name or 'x'!r}: expected shape {show_shape(want)}. Received: {show_shape((None, *got[1:]))}"
            f"{_shape_hint(got, want)}"
        )
    floats = jnp.issubdtype(symbol.dtype, jnp.floating)
    return value.astype(symbol.dtype) if floats and not jnp.issubdtype(value.dtype, jnp.floating) else value


def _shape_hint(got: tuple, want: tuple) -> str:
    """What to do about the commonest misfits."""
    if len(got) + 1 == len(want):
        return ". A single sample needs a batch axis: x[None]"
    if len(got) > len(want) == 2 and None not in (*got[1:], want[1]) and int(np.prod(got[1:])) == want[1]:
        return ". Flatten each sample: x.reshape(len(x), -1)"
    return ""


# arithmetic on symbols ----------------------------------------------------------------------------------------------
class Operation(Layer):
    """An operator written between symbols: `a + b`, `2 * a`, `a[:, 0]`.

    >>> import freedive as fd
    >>> x = fd.Input((4,))
    >>> (x + 1).shape, x[:, :2].shape
    ((None, 4), (None, 2))
    """

    operator: str
    left: Any = None  # a constant on the left, or
    right: Any = None  # on the right, or the index
    supports_masking: ClassVar[bool] = True

    def __post_init__(self):
        super().__post_init__()
        if self.operator not in (*OPERATORS, "getitem"):
            raise unknown("operator", self.operator, OPERATORS)

    def call(self, *xs: Any) -> Any:
        if self.operator == "getitem":
            return xs[0][_index(self.right)]
        both = [c for c in (self.left, *xs, self.right) if c is not None]
        return OPERATORS[self.operator](*both)


OPERATORS: dict[str, Callable[..., Any]] = {
    "add": jnp.add, "sub": jnp.subtract, "mul": jnp.multiply, "truediv": jnp.true_divide, "floordiv": jnp.floor_divide,
    "mod": jnp.mod, "pow": jnp.power, "matmul": jnp.matmul, "neg": jnp.negative, "abs": jnp.abs,
    "lt": jnp.less, "le": jnp.less_equal, "gt": jnp.greater, "ge": jnp.greater_equal,
}  # fmt: skip


def _binary(name: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def forward_(self: Symbol, other: Any) -> Any:
        return Operation(name)(self, other) if is_symbol(other) else Operation(name, right=_constant(other))(self)

    def reflected(self: Symbol, other: Any) -> Any:
        return Operation(name, left=_constant(other))(self)

    return forward_, reflected


def _constant(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) and value.ndim == 0 else value


def _index(parts: Any) -> Any:
    """An index from its written form: slices are ["slice", start, stop, step]."""

    def one(part: Any) -> Any:
        if isinstance(part, (list, tuple)) and part and part[0] == "slice":
            return slice(*part[1:])
        return Ellipsis if isinstance(part, str) else part

    return tuple(one(part) for part in parts)


def _written(index: Any) -> list[Any]:
    parts = index if isinstance(index, tuple) else (index,)
    return [
        ["slice", p.start, p.stop, p.step] if isinstance(p, slice) else "..." if p is Ellipsis else p for p in parts
    ]


for _name in OPERATORS:
    if _name in ("neg", "abs"):
        setattr(Symbol, f"__{_name}__", lambda self, _name=_name: Operation(_name)(self))
    else:
        _forward, _reflected = _binary(_name)
        setattr(Symbol, f"__{_name}__", _forward)
        if _name not in ("lt", "le", "gt", "ge"):
            setattr(Symbol, f"__r{_name}__", _reflected)
Symbol.__getitem__ = lambda self, index: Operation("getitem", right=_written(index))(self)  # type: ignore[attr-defined]
