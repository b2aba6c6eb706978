"""A training loop of one's own, in a few lines that still compile: forward, loss, backward, step.

    gradients = fd.gradients(lambda x, y: loss(y, model(x)), model)     # forward, loss and backward, compiled together
    for x, y in batches:
        value, grads = gradients(x, y)                                  # new gradients each time: nothing to zero
        fd.update(model, optimizer, grads)                              # the step, compiled too

`train_step` is both in one. Models are called in the function as anywhere else; what they write (running means) is
kept, random layers draw anew at every call.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import optimizers
from ..core.calling import as_array, run_key
from ..core.forward import Pass, plan
from ..core.layer import Layer
from ..core.structure import Compiled, compiled, structure
from ..core.variables import Variables, draw_missing, frozen_paths, gather, merge, next_seed, scatter, split
from ..train.program import as_floats, constrained, rate_factors
from .model import Model


class Together(Layer):
    """Some models as one root, for a function that calls them; a single one keeps its own paths."""

    def __init__(self, *models: Any):
        self.models = models
        self.function: Any = None

    def _children(self) -> Any:
        if len(self.models) == 1:
            yield "", self.models[0]  # at the root: its layers keep their paths
        else:
            for i, model in enumerate(self.models):
                yield str(i), model

    def call(self, *inputs: Any) -> Any:
        return self.function(*inputs)


def gradients(function: Callable[..., Any], *models: Any, training: bool = True) -> Callable[..., tuple[Any, Any]]:
    """The function's value and its gradients by the trainable weights of models, compiled as one.

    Args:
        function: of arrays; calls the models and returns a scalar, the loss. Further results may follow it in a tuple.
        *models: those whose weights it learns.
        training: the mode in which the models are called.

    Returns:
        A function of the same arrays that gives (what `function` returns, gradients): a tree path -> name -> array for
        one model, a list of trees for several.

    >>> import numpy as np
    >>> import freedive as fd
    >>> model = fd.Sequential([fd.Input((1,)), fd.layers.Dense(1, kernel_initializer="ones")])
    >>> slope = fd.gradients(lambda x: model(x).sum(), model)
    >>> value, grads = slope(np.array([[2.0]]))
    >>> float(value), grads["dense"]["kernel"].tolist()
    (2.0, [[2.0]])
    """
    if not models:
        raise TypeError("gradients expects the models whose weights the function learns: gradients(function, model)")
    for model in models:
        if isinstance(model, Model) and not model._method().loops:
            raise TypeError(f"gradients: {type(model).__name__} learns by a method of its own: use fit")
    root = Together(*models)
    root.function = function
    seed, count = next_seed(), 0
    programs: dict[Any, Compiled] = {}  # of this function alone: they go with it

    def call(*inputs: Any) -> tuple[Any, Any]:
        nonlocal count
        inputs = jax.tree.map(as_array, inputs)
        if any(not model.built for model in models):
            plan(root, inputs)
        draw_missing(root)
        frozen, variables = frozen_paths(root), gather(root)
        key = (structure(list(models)), frozen)
        if key not in programs:
            programs[key] = Compiled(_value_and_gradients(frozen, training))
        found, grads, state = programs[key](root, variables, np.uint32(seed), np.uint32(count), inputs)
        count += 1
        scatter(root, {}, state)
        return found, grads if len(models) == 1 else [_below(grads, str(i)) for i in range(len(models))]

    return call


def _value_and_gradients(frozen: frozenset[str], training: bool) -> Callable[..., Any]:
    def run(root: Together, variables: Variables, seed: Any, count: Any, inputs: tuple) -> Any:
        trained, rest = split(variables.params, lambda path, _: path not in frozen)
        key = jax.random.fold_in(run_key(seed), count)

        def value(trained: Any) -> Any:
            given = variables._replace(params=merge(rest, trained))
            with Pass(root, given, key, training, frozen=frozen) as made:
                found = made.call(root, inputs, {})
            scalar = found[0] if isinstance(found, tuple) else found
            if jnp.shape(scalar) != ():
                raise ValueError(f"gradients: the function must return a scalar. Received shape {jnp.shape(scalar)}")
            return scalar + sum(made.penalties().values(), jnp.float32(0)), (found, made.state)

        (_, (found, state)), grads = jax.value_and_grad(value, has_aux=True)(trained)
        return found, grads, state

    return run


def update(model: Any, optimizer: Any, grads: Any) -> None:
    """One step of an optimizer: the weights of the model move along these gradients.

    Args:
        model: whose weights.
        optimizer: made once, before the loop; what it remembers is kept in the model.
        grads: as `gradients` gives them.

    >>> import numpy as np
    >>> import freedive as fd
    >>> model = fd.Sequential([fd.Input((2,)), fd.layers.Dense(1)])
    >>> optimizer = fd.optimizers.SGD(0.1)
    >>> before = model.get_weights()[1]
    >>> loss, grads = fd.gradients(lambda x: model(x).sum(), model)(np.ones((1, 2)))
    >>> fd.update(model, optimizer, grads)
    >>> (model.get_weights()[1] - before).astype(float).round(3).tolist()
    [-0.1]
    """
    if not isinstance(optimizer, optimizers.Optimizer):
        raise TypeError(f"update expects an optimizer, made once before the loop. Received: {optimizer!r}")
    training = model._training
    if training.optimizer is not optimizer or training.slots is None:
        training.optimizer, training.slots, training.step = optimizer, None, 0
    params = gather(model).params
    trained = {path: {name: params[path][name] for name in names} for path, names in grads.items()}
    slots = optimizer.init(trained) if training.slots is None else training.slots
    call = compiled(("update", structure([model, optimizer])), _updated)
    factors = rate_factors(gather(model).hyper)
    numbers = (as_floats(optimizer.hyper()), np.int32(training.step), factors)
    new, training.slots = call((model, optimizer), grads, slots, trained, *numbers)
    training.step = int(training.step) + 1
    scatter(model, merge(params, new), {})


def _updated(subject: Any, grads: Any, slots: Any, trained: Any, hyper: Any, step: Any, factors: Any) -> Any:
    model, optimizer = subject
    # These are gradients of the plain loss; the optimizer undoes its scale.
    grads = jax.tree.map(lambda g: optimizer.scale_loss(g, slots), grads)
    trained, slots = optimizer.update(grads, slots, trained, hyper, step, factors)
    return constrained(model, trained), slots


def train_step(model: Any, optimizer: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a training step of a function that computes the loss; for use as a decorator.

    Args:
        model: whose weights learn.
        optimizer: a name or an optimizer.

    >>> import numpy as np
    >>> import freedive as fd
    >>> model = fd.Sequential([fd.Input((1,)), fd.layers.Dense(1)])
    >>> mse = fd.losses.MeanSquaredError()
    >>> @fd.train_step(model, fd.optimizers.SGD(0.1))
    ... def step(x, y):
    ...     return mse(y, model(x))
    >>> x = np.linspace(0, 1, 20)[:, None]
    >>> losses = [float(step(x, 3 * x + 1)) for _ in range(200)]
    >>> losses[-1] < 0.1 * losses[0]
    True
    """
    optimizer = optimizers.get(optimizer)

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        learn = gradients(function, model)

        @functools.wraps(function)
        def step(*inputs: Any) -> Any:
            found, grads = learn(*inputs)
            update(model, optimizer, grads)
            return found

        return step

    return decorate


def _below(tree: Any, first: str) -> Any:
    """The part of a tree under a path."""
    return {path[len(first) + 1 :]: v for path, v in tree.items() if path == first or path.startswith(first + "/")}


__all__ = ["gradients", "train_step", "update"]
