"""Model: the Keras-shaped shell around a root layer: compile, fit, evaluate, predict, save, look inside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np

from ..core.graph import Graph
from ..core.layer import Layer
from ..core.paths import named, paths
from ..errors import unknown
from . import training


class Model(Layer):
    """Layers that train as one: from symbols, `Model(inputs, outputs)`, or by subclassing with `call`.

    Args:
        inputs: a symbol, or a list or dict of symbols, made by `Input`.
        outputs: the symbols computed from them.
        name: the model's name.

    >>> import freedive as fd
    >>> x = fd.Input((4,))
    >>> model = fd.Model(x, fd.layers.Dense(3)(x))
    >>> model.output_shape
    (None, 3)
    """

    def __init__(self, inputs: Any = None, outputs: Any = None, **common: Any):
        super().__init__(**common)
        self._graph = None if inputs is None else Graph(inputs, outputs)
        if self._graph is not None:
            self._planned = True
            list(self._children())  # names the layers

    def _start(self, **common: Any) -> None:
        super()._start(**common)
        self._graph: Graph | None = None
        self._training = training.Training()
        self.stop_training = False
        self.history: Any = None

    def call(self, inputs: Any) -> Any:
        if self._graph is None:
            raise NotImplementedError(f"{type(self).__name__} needs a method call(self, x)")
        return self._graph.run(inputs)

    def _children(self) -> Iterator[tuple[str, Layer]]:
        if self._graph is not None:
            yield from named(self._graph.layers)
        for name, child in super()._children():
            if self._graph is None or child not in self._graph.layers:
                yield name, child

    def _structure(self) -> dict[str, Any]:
        mine = {k: v for k, v in super()._structure().items() if k not in ("stop_training", "history")}
        return mine | ({"graph": self._graph._structure()} if self._graph is not None else {})

    # layers ---------------------------------------------------------------------------------------------------------
    @property
    def layers(self) -> list[Layer]:
        """The layers of this model, in order; those inside them apart."""
        return [child for _, child in self._children()]

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """The layer of that name or position."""
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise ValueError(f"get_layer(index={index}): the model has {len(self.layers)} layers")
            return self.layers[index]
        by_name = dict(self._children()) | {path: layer for layer, path in paths(self).items() if path}
        if name not in by_name:
            raise unknown("layer", name, by_name)
        return by_name[name]

    @property
    def inputs(self) -> list[Any]:
        """The symbolic inputs, as a list."""
        return list(self._symbolic().entries)

    @property
    def outputs(self) -> list[Any]:
        """The symbolic outputs, as a list."""
        return list(self._symbolic().exits)

    @property
    def input(self) -> Any:
        """The symbolic input: one symbol, or what the model was made from."""
        return self._symbolic().inputs

    @property
    def output(self) -> Any:
        """The symbolic output: one symbol, or what the model was made from."""
        return self._symbolic().outputs

    @property
    def input_shape(self) -> Any:
        """The shape of the input, None where a size is free."""
        return jax.tree.map(lambda s: s.shape, self.input)

    @property
    def output_shape(self) -> Any:
        """The shape of the output, None where a size is free."""
        return jax.tree.map(lambda s: s.shape, self.output)

    def _symbolic(self) -> Graph:
        if self._graph is None:
            raise ValueError(f"{self.name or type(self).__name__} is no graph of symbols: it is defined by its call")
        return self._graph

    # training -------------------------------------------------------------------------------------------------------
    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        **options: Any,
    ) -> None:
        """Say how the model learns.

        Args:
            optimizer: a name ("adam"), an optimizer, or an optax transformation.
            loss: a name, a loss or a function f(y_true, y_pred); a list or dict by output for several outputs.
            loss_weights: numbers by output.
            metrics: a list of names, metrics or functions; lists or a dict by output for several outputs.
            weighted_metrics: metrics that sample weights count in.
            **options: `precision` ("float32" or "mixed_bfloat16"); `run_eagerly`, `steps_per_execution`, `jit_compile`
                and `auto_scale_loss` are accepted, since runs are always compiled in chunks of a measured length.
        """
        self._training.compile(self, optimizer, loss, loss_weights, metrics, weighted_metrics, **options)

    @property
    def optimizer(self) -> Any:
        """The optimizer given to `compile`; its numbers (`learning_rate`) may be assigned."""
        return self._training.optimizer

    @property
    def loss(self) -> Any:
        """The loss given to `compile`."""
        return self._training.loss

    def fit(self, x: Any = None, y: Any = None, batch_size: int | None = None, epochs: int = 1, **options: Any) -> Any:
        """Train for some epochs; see `freedive.models.training.fit` for all arguments."""
        return training.fit(self, x, y, batch_size, epochs, **options)

    def evaluate(self, x: Any = None, y: Any = None, **options: Any) -> Any:
        """The loss and metrics on data."""
        return training.evaluate(self, x, y, **options)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """The outputs for data, as numpy arrays."""
        return training.predict(self, x, batch_size, steps, callbacks)
