"""How a model learns: what `compile` was given, the program that follows from it, and the boundary to its run."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from .. import losses, optimizers
from ..config import one_of, to_json
from ..core.forward import plan
from ..core.graph import Graph
from ..core.paths import paths
from ..core.structure import structure
from ..core.variables import derived_seed, draw_missing, frozen_paths, gather, leaves, merge, scatter, swept
from ..errors import warn
from ..losses.weighting import weighting_of
from ..ops import host
from ..train.balancing import balanced
from ..train.guard import policy_of
from ..train.objective import Objective, by_output
from ..train.program import Program, TrainState, supervised

PRECISIONS = {None: None, "float32": None, "mixed_bfloat16": "bfloat16", "mixed_float16": "float16"}


class Training:
    """What `compile` was given, and what goes on from fit to fit: the optimizer's slots and the number of steps."""

    def __init__(self) -> None:
        self.optimizer: Any = None
        self.loss: Any = None
        self.slots: Any = None
        self.step: Any = 0
        self.runs = 0  # each run has a seed of its own
        self.compiled = False
        self.dtype: Any = None
        self.on_nonfinite = "stop"
        self.frozen: frozenset[str] = frozenset()
        self.warned: frozenset[str] = frozenset()
        self.learned: frozenset[str] | None = None  # the paths that the slots were made for
        self.told: set[str] = set()  # outputs whose activation does not suit their loss

    def compile(
        self, model: Any, optimizer: Any, precision: Any, on_nonfinite: str, scales: bool = True, **objective: Any
    ) -> None:
        """Keep what the model is to learn by; which layers are frozen is settled here, as in Keras.

        Args:
            scales: whether float16 gets a `LossScaleOptimizer`.
        """
        one_of(*PRECISIONS)(precision)
        self.on_nonfinite = policy_of(on_nonfinite)
        for loss in jax.tree.leaves(objective["loss"]):
            losses.get(loss)
        weighting = weighting_of(objective["loss_weights"])
        objective["loss_weights"] = objective["loss_weights"] if weighting is None else weighting
        for weight in jax.tree.leaves(objective["loss_weights"]) if weighting is None else ():
            if not isinstance(weight, (int, float, np.number)) or not np.isfinite(weight):
                raise ValueError(
                    "compile(loss_weights=...): expected finite numbers, 'uncertainty' or 'gradnorm'. "
                    f"Received: {weight!r:.40}"
                )
        if model._graph is not None:
            fixed = {name: given for name, given in objective.items() if given is not weighting}
            for argument, given in fixed.items():
                by_output(given, output_names(model, len(model._graph.exits)), argument, lists="metrics" in argument)
        self.optimizer, self.objective = optimizers.get(optimizer), objective
        self.loss, self.dtype = objective["loss"], PRECISIONS[precision]
        learner = model._method().learner(model)
        model._weigh(None if weighting is None else weighting.bound(losses_of(learner, objective["loss"])))
        if precision == "mixed_float16" and scales and not isinstance(self.optimizer, optimizers.LossScaleOptimizer):
            self.optimizer = optimizers.LossScaleOptimizer(self.optimizer)
        self.frozen = frozen_paths(model)
        self.slots, self.step, self.compiled = None, 0, True

    def get_config(self) -> dict[str, Any]:
        """The arguments of `compile`, as JSON."""
        precision = next(name for name, dtype in PRECISIONS.items() if name and dtype == self.dtype)
        chosen = {"precision": precision, "on_nonfinite": self.on_nonfinite}
        objective = {name: to_json(value, name) for name, value in self.objective.items()}
        return {"optimizer": to_json(self.optimizer, "optimizer")} | chosen | objective


def losses_of(model: Any, given: Any) -> list[Any]:
    """The losses that were given to `compile`, of the outputs that have one."""
    if model._graph is not None:
        given = by_output(given, output_names(model, len(model._graph.exits)), "loss")
    return [losses.get(loss) for loss in jax.tree.leaves(given)]


def loss_weights_of(model: Any) -> dict[str, float]:
    """What the loss of each output counts, as given or as learned so far."""
    names, weighting = output_names(model, len(model._symbolic().exits)), model._weighting
    if weighting is None:
        given = by_output(model._training.objective["loss_weights"], names, "loss_weights")
        return {name: 1.0 if w is None else float(w) for name, w in zip(names, given, strict=True)}
    have = {name: getattr(weighting, name) for name in weighting.values()}
    learned = [n for n, loss in zip(names, by_output(model.loss, names, "loss"), strict=True) if loss is not None]
    return dict(zip(learned, map(float, weighting.coefficients(have)[0]), strict=True))


# programs -----------------------------------------------------------------------------------------------------------
def objective_for(model: Any, x: Any, y: Any) -> Objective:
    """The losses and metrics of a compiled model, bound to its outputs for such data."""
    training = model._training
    if not training.compiled:
        raise ValueError("the model is not compiled: call model.compile(optimizer, loss, metrics=[...]) first")
    outputs = model._graph.exits if model._graph is not None else jax.tree.leaves(plan(model, (x,))[0])
    names = output_names(model, len(outputs))
    targets = None if y is None else [a.shape for a in jax.tree.leaves(y)]
    if targets is not None and len(targets) != len(outputs):
        raise ValueError(
            f"y=...: the model has {len(outputs)} outputs {names}, received {len(targets)} arrays of targets"
        )
    shapes = [(None, *o.shape[1:]) for o in outputs]
    if model.lengths_vary:
        shapes = [(None, *(None for _ in shape[1:-1]), shape[-1]) for shape in shapes]
    given = training.objective if model._weighting is None else training.objective | {"loss_weights": model._weighting}
    objective = Objective(names, shapes, targets, **given)
    objective.root = model
    warn_mismatched(model, objective)
    return objective


def warn_mismatched(model: Any, objective: Objective) -> None:
    """Say it once when a loss that expects logits gets probabilities, or the other way round."""
    graph, training = model._graph, model._training
    for symbol, loss in zip(graph.exits if graph is not None else (), objective.losses, strict=False):
        layer = symbol.node.layer
        activation = getattr(getattr(layer, "activation", None), "__name__", None)
        given = "probabilities" if activation in ("softmax", "sigmoid") or type(layer).__name__ == "Softmax" else None
        given = "logits" if activation == "linear" and type(layer).__name__ == "Dense" else given
        expected = loss.expects() if loss is not None else None
        if activation == "softmax" and symbol.shape[-1] == 1 and loss is not None:
            raise ValueError(
                f"the layer {symbol.name!r} is a softmax of one unit, which is always 1: use sigmoid, or 2 units"
            )
        if given and expected and given != expected and symbol.name not in training.told:
            training.told.add(symbol.name)
            mends = {
                "probabilities": "leave from_logits=True out, or the activation",
                "logits": "give the layer softmax or sigmoid, or the loss from_logits=True",
            }
            warn(
                f"{type(loss).__name__} expects {expected}, but the layer {symbol.name!r} gives {given} "
                f"({activation or 'softmax'}): {mends[given]}",
            )


def program_for(model: Any, objective: Objective) -> Program:
    """The program of a compiled model."""
    training = model._training
    key = structure([model, objective.structure(), training.optimizer, sorted(training.frozen), training.dtype])
    program = supervised(model, objective, training.optimizer, training.frozen, key, training.dtype)
    weighting, optimizer = model._weighting, training.optimizer
    if not isinstance(weighting, losses.GradNorm):
        return program
    shared = last_shared(model, weighting)
    return balanced(program, objective, weighting, shared, lambda slots: optimizer.scale_loss(1.0, slots))


def last_shared(model: Any, weighting: losses.GradNorm) -> str:
    """The path of the layer whose gradients GradNorm compares."""
    if weighting.shared is not None:
        return paths(model)[model.get_layer(weighting.shared)]
    graph = model._graph
    if graph is None:
        raise ValueError("GradNorm: the model is defined by its call: name the shared layer, GradNorm(shared='...')")
    below = [{id(node) for node in Graph(graph.inputs, end).nodes} for end in graph.exits]
    common = [n.layer for n in graph.nodes if all(id(n) in some for some in below)]
    learning = [l for l in common if any(i._specs["params"] and i.trainable for i in paths(l))]
    if not learning:
        raise ValueError("GradNorm: no layer that learns is shared by all outputs, so there is nothing to balance")
    return paths(model)[learning[-1]]


def output_names(model: Any, count: int) -> list[str]:
    """The names of the outputs: those of the layers that make them, as in Keras."""
    graph = getattr(model, "_named_as", model)._graph
    if graph is None:
        return ["output"] if count == 1 else [f"output_{i + 1}" for i in range(count)]
    names: list[str] = []
    for symbol in graph.exits:
        taken = sum(name == symbol.name or name.startswith(f"{symbol.name}_") for name in names)
        names.append(f"{symbol.name}_{taken}" if symbol.name in names else symbol.name)
    return names


def make_ready(model: Any, x: Any) -> None:
    """Give the model its values, from the shapes of this data if need be."""
    if not model.built:
        model._plan_for((jax.tree.map(lambda a: a[:1], x),), {})
    draw_missing(model)


def first_state(model: Any, program: Program, key: Any) -> TrainState:
    """The train state that a run begins with: the model's values, the optimizer where the last run left it.

    Args:
        model: whose values.
        program: of the run.
        key: the run's random key; of members, a key each.
    """
    training, variables = model._training, gather(model)
    if training.slots is None:
        training.learned = frozenset(variables.params)
        return program.init(key, variables)
    if training.learned is not None and training.learned != frozenset(variables.params):
        raise ValueError("the layers of the model have changed since compile: call compile again")
    step = np.int32(training.step)
    step = jax.device_put(step if np.shape(step) == key.shape else np.full(key.shape, np.max(step), np.int32))
    return TrainState(variables.params, variables.state, training.slots, program.hyper(), key, step)


def run_seed(model: Any, kind: int = 0) -> int:
    """The seed of the model's next run: a function of the model's seed and how many runs it had."""
    return derived_seed(model._seed, kind, model._training.runs)


class ModelHost:
    """The boundary between a model and its run: the run gives its buffers away at every dispatch, so what the model
    shows at an edge are copies; values and numbers that callbacks then assign are taken back into the run.
    """

    def __init__(self, model: Any, program: Program):
        self.model, self.program, self.optimizer = model, program, model.optimizer
        self.shown: dict[tuple[str, str, str], Any] = {}
        model.stop_training = False

    @property
    def stop_training(self) -> bool:
        """Whether a callback, or the run itself, asked to stop."""
        return self.model.stop_training

    @stop_training.setter
    def stop_training(self, value: bool) -> None:
        self.model.stop_training = value

    def publish(self, ts: TrainState) -> None:
        """Let the model show copies of the run's values."""
        ts = jax.tree.map(host.copy, ts._replace(hyper=None))
        self.give(ts)
        variables = gather(self.model)
        trees = {"params": variables.params, "state": variables.state}
        self.shown = {(kind, path, name): v for kind, tree in trees.items() for path, name, v in leaves(tree)}

    def give(self, ts: TrainState) -> None:
        """Let the model have the run's values."""
        scatter(self.model, ts.params, ts.state)
        training = self.model._training
        if training.optimizer is self.optimizer:  # not compiled again meanwhile
            training.slots, training.step = ts.optimizer, ts.step

    def refresh(self, ts: TrainState) -> TrainState:
        """The state with what was assigned since `publish`: weights, state, and the numbers of layers and optimizer."""
        if self.shown:
            variables = gather(self.model)
            for kind, tree in (("params", variables.params), ("state", variables.state)):
                changed = {k: v for k, v in self.shown.items() if k[0] == kind and tree[k[1]][k[2]] is not v}
                for _, path, name in changed:
                    value = host.copy(tree[path][name])
                    ts = ts._replace(**{kind: merge(getattr(ts, kind), {path: {name: value}})})
                    self.shown[kind, path, name] = tree[path][name]
        return ts._replace(hyper=self.program.hyper())

    def numbers(self) -> dict[str, Any]:
        """The numbers of optimizer and layers that may change without compiling, with all their digits."""
        layers = {path: numbers for layer, path in paths(self.model).items() if (numbers := swept(layer))}
        return {"optimizer": self.optimizer.hyper(), "layers": layers}

    def adopt(self, numbers: dict[str, Any]) -> None:
        """Write such numbers into the fields that they came from."""
        for name, value in numbers["optimizer"].items():
            setattr(self.optimizer, name, value)
        for layer, path in paths(self.model).items():
            for name, value in numbers["layers"].get(path, {}).items():
                *owner, field = name.split(".")
                setattr(getattr(layer, owner[0]) if owner else layer, field, value)


def warn_changed(model: Any) -> None:
    """Say it when layers were frozen or freed after `compile`: that takes effect with the next one."""
    training = model._training
    changed = frozen_paths(model) ^ training.frozen
    if changed and changed != training.warned:
        training.warned = changed
        warn(
            f"`trainable` was changed after compile for {sorted(changed)[:5]}: the model trains as it was compiled. "
            "Call compile again to let the change take effect",
        )
