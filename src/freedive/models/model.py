"""Model: the Keras-shaped shell around a root layer: compile, fit, evaluate, predict, save, look inside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import jax

from ..config import boolean, check_names, to_json
from ..core import forward
from ..core.door import Door, divided
from ..core.graph import Graph, rebuilt
from ..core.habits import OF_MODELS, refuse_unused
from ..core.layer import Layer
from ..core.paths import looked_at, named, paths
from ..core.symbol import symbols_in
from ..core.variables import claim, next_seed
from ..errors import unknown
from ..losses.weighting import PLACE, Weighting
from . import few, fitting, inspection, loading, predicting, saving, summary
from .described import layers_from, named_config
from .training import Training, loss_weights_of


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

    bookkeeping: ClassVar[frozenset[str]] = Layer.bookkeeping | frozenset(
        ("_graph", "_door", "_training", "_weighting", "_seen", "_seed", "stop_training", "history")
    )
    lengths_vary: ClassVar[bool] = False  # of a model defined by its call: whether batches may be of other lengths

    def __init__(self, inputs: Any = None, outputs: Any = None, **common: Any):
        super().__init__(**common)
        if inputs is not None:
            self._door, self._graph = divided(Graph(inputs, outputs))
            self._planned = True
            claim(self, self._seed)

    def _start(self, **common: Any) -> None:
        super()._start(**common)
        self._graph: Graph | None = None  # what is compiled
        self._door: Door | None = None  # what comes before, on the host
        self._training = Training()
        self._weighting: Weighting | None = None  # of its losses, where that is learned; with `compile`
        self._seen: Any = None  # the shapes of first data, where a call defines the model
        self._seed = next_seed()  # of its first values and of its runs
        self.stop_training = False
        self.history: Any = None

    @property
    def autocast(self) -> bool:
        """Whether its inputs come in the type that it computes in: layers of a graph take them as they are."""
        return self._graph is None

    def call(self, inputs: Any, /) -> Any:
        if self._graph is None:
            raise NotImplementedError(f"{type(self).__name__} needs a method call(self, x)")
        return self._graph.run(inputs)

    def __call__(self, *inputs: Any, **kwargs: Any) -> Any:
        if self._door is not None and forward.running() is None:
            if symbols_in((inputs, kwargs)):
                raise self.error("a model that takes texts is no part of another: call its layers one by one")
            inputs = (self._door(inputs[0]), *inputs[1:])
        if len(inputs) == 1 and not kwargs and self._planned and few.suits(inputs[0]):
            with looked_at(self):
                found = few.answered(self, inputs[0])
                return super().__call__(*inputs) if found is None else few.as_jax(found)
        return super().__call__(*inputs, **kwargs)

    @property
    def _whole(self) -> Graph | None:
        """The graph from what people give, the part on the host included."""
        return self._graph if self._door is None else self._door.whole

    def _children(self) -> Iterator[tuple[str, Layer]]:
        whole = self._whole
        if whole is not None:
            yield from named(whole.layers)
        for name, child in super()._children():
            if whole is None or child not in whole.layers:
                child.name = child.name or name.rsplit("/", 1)[0]
                yield name, child
        if self._weighting is not None:
            yield PLACE, self._weighting

    def _structure(self) -> dict[str, Any]:
        mine = self._written()
        return mine if self._graph is None else mine | {"layers": self._graph.layers, "graph": self._graph.described()}

    def _plan_for(self, inputs: tuple, kwargs: dict[str, Any]) -> None:
        self._seen = saving.seen(inputs[0]) if len(inputs) == 1 else None
        super()._plan_for(inputs, kwargs)
        claim(self, self._seed)

    # configuration --------------------------------------------------------------------------------------------------
    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal model, as JSON values; a graph of symbols layer by layer."""
        if self._graph is None or type(self) is not Model:
            return super().get_config()
        whole = self._symbolic()
        layers = [named_config(name, layer) for name, layer in named(whole.layers)]
        graph = to_json(whole.described(), "graph")
        return {"name": self.name, "trainable": self._trainable, "layers": layers, "graph": graph}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """A model of this configuration, with first values of its own."""
        if "graph" not in config:
            return super().from_config(config)
        check_names(config, ("layers", "graph"), ("name", "trainable"), cls.__name__)
        graph = rebuilt(layers_from(config["layers"]), config["graph"])
        model = cls(graph.inputs, graph.outputs, name=config.get("name"))
        model._trainable = boolean(config.get("trainable", True))
        return model

    # layers ---------------------------------------------------------------------------------------------------------
    @property
    def layers(self) -> list[Layer]:
        """The layers of this model, in order; those inside them apart."""
        return [child for _, child in self._children() if child is not self._weighting]

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """The layer of that name or position."""
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise ValueError(f"get_layer(index={index}): the model has {len(self.layers)} layers")
            return self.layers[index]
        if sum(layer.name == name for layer in self.layers) > 1:
            raise ValueError(f"get_layer({name!r}): several layers have this name. Give each its own, or an index")
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
        if (whole := self._whole) is None:
            raise ValueError(f"{self.name or type(self).__name__} is no graph of symbols: it is defined by its call")
        return whole

    # training -------------------------------------------------------------------------------------------------------
    @fitting.refusing_misspelt
    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: Any = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
        precision: str | None = None,
        on_nonfinite: str = "stop",
    ) -> None:
        """Say how the model learns.

        Args:
            optimizer: a name ("adam"), an optimizer, or an optax transformation.
            loss: a name, a loss or a function f(y_true, y_pred); a list or dict by output for several outputs.
            loss_weights: numbers by output; or how they are learned: "uncertainty", "gradnorm", see
                `losses.Uncertainty` and `losses.GradNorm`.
            metrics: a list of names, metrics or functions; lists or a dict by output for several outputs.
            weighted_metrics: metrics in which sample weights count.
            run_eagerly, steps_per_execution, jit_compile: accepted for Keras' sake; a run is always compiled, in chunks
                whose length is measured.
            auto_scale_loss: whether "mixed_float16" puts a `LossScaleOptimizer` around the optimizer.
            precision: "float32", or "mixed_bfloat16" or "mixed_float16" to compute in those with float32 weights.
            on_nonfinite: what `fit` does about a step that makes NaN or infinity in the loss, the weights or the
                optimizer's state. "stop": training ends before that step; "skip": the batch is left out; "rollback":
                the epoch begins anew behind that batch; these warn, naming the step and the layer. "keep": nothing.
        """
        refuse_unused(type(self), Model, OF_MODELS, "a compiled run")
        self._training.compile(
            self,
            optimizer,
            precision,
            on_nonfinite,
            auto_scale_loss,
            loss=loss,
            loss_weights=loss_weights,
            metrics=metrics,
            weighted_metrics=weighted_metrics,
        )

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile as a file says: with the arguments that `compile` was given."""
        self.compile(**config)

    @property
    def optimizer(self) -> Any:
        """The optimizer given to `compile`; its numbers (`learning_rate`) may be assigned."""
        return self._training.optimizer

    def _weigh(self, weighting: Weighting | None) -> None:
        """Let these values weigh the losses."""
        self._weighting = weighting

    @property
    def loss_weights(self) -> dict[str, float]:
        """What the loss of each output counts, by output: as given to `compile`, or as learned so far."""
        return loss_weights_of(self)

    @property
    def loss(self) -> Any:
        """The loss given to `compile`."""
        return self._training.loss

    @fitting.refusing_misspelt
    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Any = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int = 1,
        seed: int | None = None,
        resume: Any = None,
        on_bad: str = "error",
    ) -> Any:
        """Train for some epochs.

        Args:
            x: inputs: an array, a list or dict of arrays, a data frame, or anything that gives batches (x, y) or
                (x, y, sample_weight): a generator, a loader, a list-like of batches.
            y: targets, like x; left out where x gives batches.
            batch_size: rows a step, 32 unless given. The last batch of an epoch counts as its true size.
            epochs: passes over the data; the epoch to stop before.
            verbose: "auto", 0 (silent), 1 (a bar), 2 (a line an epoch).
            callbacks: told how it goes.
            validation_split: the fraction of rows, from the end, kept for validation.
            validation_data: (x, y) or (x, y, sample_weight), or what gives such batches. They may be of several
                lengths; each is compiled by itself, so let them be few.
            shuffle: whether every epoch has its own order; of a loader with __getitem__, that of its batches.
            class_weight: class -> weight.
            sample_weight: a weight for every row.
            initial_epoch: the epoch to begin with.
            steps_per_epoch: batches an epoch; a loader, or arrays in their order, go on in the next epoch.
            validation_steps, validation_batch_size: of the validation.
            validation_freq: validate every so many epochs.
            seed: of the order of the data and of dropout; by default the next of the process' sequence.
            resume: a folder: checkpoints of this run are kept in it, and the same program, started again after a
                crash, Ctrl-C or SIGTERM, goes on from the newest with the same bits. "auto": a folder under
                runs/resume, named by model, data, settings and seed. A file: go on from this checkpoint. A
                `Checkpoints` callback: as it says how often and how many.
            on_bad: what happens to rows that hold NaN, infinity, labels or ids out of range: "error" (the default)
                names the first, "skip" leaves such rows out with a warning (of streams, whole batches), "keep" lets
                them in.

        Returns:
            The History: `.history` has a list of numbers for every loss and metric.
        """
        options = fitting.Options(
            *(batch_size, epochs, verbose, callbacks, validation_split, validation_data, shuffle, class_weight),
            *(sample_weight, initial_epoch, steps_per_epoch, validation_steps, validation_batch_size, validation_freq),
            *(seed, resume, on_bad),
        )
        return fitting.fit(self, x, y, options, self._method())

    def _method(self) -> fitting.Method:
        """How this model learns: what `fit` leaves to it."""
        return fitting.PLAIN

    @fitting.refusing_misspelt
    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        on_bad: str = "error",
    ) -> Any:
        """The loss and metrics on data; `on_bad` as for `fit`.

        Returns:
            The loss alone, or a list of the loss and the metrics, or with `return_dict` a dict by name.
        """
        logs = fitting.evaluate(self, x, y, batch_size, sample_weight, steps, verbose, callbacks, on_bad=on_bad)
        return logs if return_dict else as_list(logs)

    @fitting.refusing_misspelt
    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
        on_bad: str = "error",
    ) -> Any:
        """The outputs for data, as numpy arrays.

        Args:
            x: as for `fit`.
            batch_size: rows computed together.
            on_bad: "error" refuses NaN, infinity and ids out of range; "keep" lets the model answer to them.
        """
        return predicting.predict(self, x, batch_size, steps, verbose, callbacks, on_bad)

    def train_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """One update on one batch; its loss and metrics, as `evaluate` gives them."""
        logs = fitting.train_on_batch(self, x, y, sample_weight, class_weight, self._method())
        return logs if return_dict else as_list(logs)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """The loss and metrics on one batch, without learning."""
        return self.evaluate(x, y, fitting.ALL_ROWS, 0, sample_weight, return_dict=return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for one batch."""
        return predicting.predict(self, x)

    # looking inside -------------------------------------------------------------------------------------------------
    def summary(
        self,
        line_length: int | None = None,
        positions: Any = None,
        print_fn: Any = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
    ) -> None:
        """Print the table of layers, shapes and numbers of weights.

        Args:
            line_length: the width of the table.
            positions: accepted for Keras' sake.
            print_fn: called with the text instead of printing it.
            expand_nested: show the layers of models inside.
            show_trainable: show which layers learn.
        """
        shown = summary.text(self, expand_nested, show_trainable, line_length)
        print(shown, end="") if print_fn is None else print_fn(shown)

    def inspect(self, x: Any, y: Any = None) -> inspection.Inspection:
        """Every layer's z, a, and with targets delta and the gradients of its weights, for one batch.

        Args:
            x: inputs, as for `fit`.
            y: targets; needs a compiled model.

        Returns:
            An `Inspection`: `found["dense"]["delta"]`, `found.table()`, `found.plot()`.

        >>> import numpy as np
        >>> import freedive as fd
        >>> model = fd.Sequential([fd.Input((2,)), fd.layers.Dense(3, "relu"), fd.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> found = model.inspect(np.ones((4, 2)), np.ones((4, 1)))
        >>> found["dense"]["delta"].shape, found["dense"]["d_kernel"].shape
        ((4, 3), (2, 3))
        """
        return inspection.inspect(self, x, y)

    # files ----------------------------------------------------------------------------------------------------------
    def save(self, filepath: Any, overwrite: bool = True, include_optimizer: bool = True) -> None:
        """Write the whole model as one file; see `freedive.models.save_model`."""
        saving.save_model(self, filepath, overwrite, include_optimizer)

    def save_weights(self, filepath: Any, overwrite: bool = True) -> None:
        """Write the weights alone as one file."""
        saving.save_weights(self, filepath, overwrite)

    def load_weights(self, filepath: Any, check_finite: bool = False) -> None:
        """Read the weights from a file that `save_weights` or `save` wrote; NaN in them is warned of or refused."""
        loading.load_weights(self, filepath, check_finite)


def as_list(logs: dict[str, Any]) -> Any:
    """Numbers as Keras returns them: the loss alone, or a list with the metrics after it."""
    values = list(logs.values())
    return values[0] if len(values) == 1 else values
