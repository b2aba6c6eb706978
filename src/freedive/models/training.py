"""How a model learns: what `compile` was given, and fit, evaluate and predict on the one executor."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import optimizers
from ..core.calling import run_key
from ..core.paths import paths
from ..core.structure import compiled, structure
from ..core.variables import draw_missing, gather, next_seed, scatter
from ..train.callbacks import Callback, CallbackList, History
from ..train.chunk import Line
from ..train.execute import Run, execute
from ..train.feeds import Resident
from ..train.inputs import arrays_of, check_finite, check_rows
from ..train.objective import Objective
from ..train.program import Program, TrainState, as_floats, supervised

PRECISIONS = {"float32": None, "mixed_bfloat16": "bfloat16", None: None}


class Training:
    """What `compile` was given, and what goes on from one fit to the next: the optimizer's slots and the step count."""

    def __init__(self) -> None:
        self.optimizer: Any = None
        self.loss: Any = None
        self.slots: Any = None
        self.step = 0
        self.compiled = False

    def compile(
        self,
        model: Any,
        optimizer: Any,
        loss: Any,
        loss_weights: Any,
        metrics: Any,
        weighted_metrics: Any,
        **options: Any,
    ) -> None:
        """Keep what the model is to learn by; which layers are frozen is settled here, as in Keras."""
        accepted = ("run_eagerly", "steps_per_execution", "jit_compile", "auto_scale_loss", "precision")
        for name in options:
            if name not in accepted:
                raise TypeError(f"compile has no argument {name!r}. Known beside the usual ones: {', '.join(accepted)}")
        if options.get("precision") not in PRECISIONS:
            raise ValueError(f"compile(precision={options['precision']!r}): expected one of {list(PRECISIONS)[:2]}")
        self.optimizer = optimizers.get(optimizer)
        self.loss, self.loss_weights, self.metrics, self.weighted_metrics = (
            loss,
            loss_weights,
            metrics,
            weighted_metrics,
        )
        self.dtype = PRECISIONS[options.get("precision")]
        self.frozen = frozenset(path for layer, path in paths(model).items() if not layer.trainable)
        self.slots, self.step, self.compiled = None, 0, True


def program_for(model: Any, x: Any, y: Any) -> Program:
    """The program of a compiled model for such data."""
    training = model._training
    if not training.compiled:
        raise ValueError(
            "the model is not compiled yet: call model.compile(optimizer, loss, metrics) before training it"
        )
    outputs = output_shapes(model, x)
    objective = Objective(
        output_names(model, len(outputs)),
        [o.shape for o in outputs],
        [a.shape for a in jax.tree.leaves(y)] if y is not None else None,
        training.loss,
        training.loss_weights,
        training.metrics,
        training.weighted_metrics,
    )
    key = structure([model, objective.structure(), training.optimizer, sorted(training.frozen), training.dtype])
    return supervised(model, objective, training.optimizer, training.frozen, key, training.dtype)


def output_shapes(model: Any, x: Any) -> list[Any]:
    """Shapes and types of the outputs, in order."""
    if model._graph is not None:
        return model._graph.exits
    from ..core.forward import plan

    return jax.tree.leaves(plan(model, (x,))[0])


def output_names(model: Any, count: int) -> list[str]:
    """The names of the outputs: of the layers that make them, as in Keras."""
    if model._graph is None:
        return ["output"] if count == 1 else [f"output_{i + 1}" for i in range(count)]
    names: list[str] = []
    for symbol in model._graph.exits:
        name, n = symbol.name, 1
        while name in names:
            name, n = f"{symbol.name}_{n}", n + 1
        names.append(name)
    return names


def make_ready(model: Any, x: Any) -> None:
    """Give the model its values, from the shapes of this data if need be."""
    if not model.built:
        model._plan_for((jax.tree.map(lambda a: a[:1], x),), {})
    draw_missing(model)


class ModelHost:
    """Lets callbacks see the model's values at the edges of a run, and the run see the numbers they change."""

    def __init__(self, model: Any):
        self.model = model
        model.stop_training = False

    @property
    def stop_training(self) -> bool:
        """Whether a callback asked to stop."""
        return self.model.stop_training

    def publish(self, ts: TrainState) -> None:
        """Put the run's values into the model."""
        scatter(self.model, ts.params, ts.state)
        self.model._training.slots, self.model._training.step = ts.optimizer, ts.step

    def refresh(self, ts: TrainState) -> TrainState:
        """The numbers of layers and optimizer as they are now."""
        hyper = {"layers": gather(self.model).hyper, "optimizer": self.model.optimizer.hyper()}
        return ts._replace(hyper=as_floats(hyper))


def first_state(model: Any, program: Program, seed: int) -> TrainState:
    """The train state that a fit begins with: the model's values, the optimizer where the last fit left it."""
    training = model._training
    ts = program.init(run_key(seed), gather(model))
    if training.slots is None:
        return ts
    return ts._replace(optimizer=training.slots, step=jnp.asarray(training.step, jnp.int32))


def fit(
    model: Any,
    x: Any,
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
) -> History:
    """Train for some epochs."""
    x, y, weights = (
        arrays_of(x, "fit(x=...)"),
        arrays_of(y, "fit(y=...)"),
        arrays_of(sample_weight, "fit(sample_weight=...)"),
    )
    check_rows(x, y, weights, "fit")
    check_finite(x, "fit(x=...)")
    make_ready(model, x)
    program = program_for(model, x, y)
    seed = next_seed() if seed is None else seed
    test = None
    if validation_data is not None:
        test = Resident(
            tuple(arrays_of(list(validation_data), "fit(validation_data=...)")) + (None,) * (3 - len(validation_data)),
            128,
            False,
        )
    line = Line(Resident((x, y, weights), batch_size or 32, shuffle), test, validation_freq)
    run = Run(program, first_state(model, program, seed), line, seed, initial_epoch)
    history = History()
    host = ModelHost(model)
    every = CallbackList([*(callbacks or []), history], model, {"epochs": epochs, "verbose": verbose})
    every.on_train_begin()
    try:
        execute(run, host, every, epochs)
    finally:
        host.publish(run.ts)
    every.on_train_end()
    model.history = history
    history.run = run
    return history


def evaluate(
    model: Any,
    x: Any,
    y: Any = None,
    batch_size: int | None = None,
    verbose: Any = "auto",
    sample_weight: Any = None,
    return_dict: bool = False,
    **options: Any,
) -> Any:
    x, y, weights = arrays_of(x, "evaluate(x=...)"), arrays_of(y, "evaluate(y=...)"), arrays_of(sample_weight, "w")
    make_ready(model, x)
    program = program_for(model, x, y)
    line = Line(None, Resident((x, y, weights), batch_size or 32, False))
    run = Run(program, first_state(model, program, 0), line, 0)
    (closed,) = run.advance(line.steps)
    logs = closed.logs
    return logs if return_dict else list(logs.values()) if len(logs) > 1 else next(iter(logs.values()))


def predict(model: Any, x: Any, batch_size: int | None = None, steps: Any = None, callbacks: Any = None) -> Any:
    x = arrays_of(x, "predict(x=...)")
    return jax.tree.map(np.asarray, model(x))
