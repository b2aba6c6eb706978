"""What generative models share: a model says for every row what its loss is made of, and the engine does the rest.

A model writes one method, `terms(batch)`: name -> (rows,), the term "loss" being what training minimises. `View` lets a
model answer by any of its methods, so that training, bounds and drawing samples are the same pure program of another
method, compiled, batched and cached as every model's answers are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from ..core import forward
from ..core.forward import plan, refuse_flagged
from ..core.layer import Layer
from ..core.structure import structure
from ..core.variables import Variables, claim
from ..errors import show_shape
from ..models import Model, fitting, predicting, saving
from ..models.fitting import Method
from ..models.model import as_list
from ..optimizers import Optimizer
from ..train.objective import Objective
from ..train.program import Program, supervised


class View(Model):
    """A model seen through another of its methods: the same values at the same paths, another call.

    Args:
        model: whose values.
        use: a function of the class, as `VAE.terms`; called with the model and the inputs.
        **options: further arguments of it.
    """

    autocast: ClassVar[bool] = False  # data stay as they are; the layers inside compute in the run's type

    def __init__(self, model: Any, use: Callable[..., Any], **options: Any):
        self.model, self.use, self.options = model, use, options
        self._training, self._planned = model._training, True

    def _children(self) -> Iterator[tuple[str, Layer]]:
        yield "", self.model  # at the root: its layers keep their paths

    def call(self, x: Any) -> Any:
        return self.use(self.model, x, **self.options)


class Generative(Model):
    """Base of the models that learn what data look like: `compile`, `fit`, `evaluate` and files as of every model.

    A subclass has its parts as fields and writes `terms`; `call` is what `predict` answers.
    """

    autocast: ClassVar[bool] = False
    swept: ClassVar[tuple[str, ...]] = ()  # fields that may be swept and changed without compiling again

    def __post_init__(self) -> None:
        super().__post_init__()
        self._hyper = list(self.swept)
        shape = self.sample_shape()
        if shape is not None and None not in shape:
            self._plan(shape)

    # what a model writes --------------------------------------------------------------------------------------------
    def terms(self, batch: Any) -> dict[str, Any]:
        """Pure: of (x, y), name -> (rows,); "loss" is minimised, the others are reported beside it."""
        raise NotImplementedError(f"{type(self).__name__} needs a method terms(self, batch)")

    def sample_shape(self) -> tuple[int | None, ...] | None:
        """The shape of one row of data, where the parts of the model know it."""
        return None

    @property
    def labelled(self) -> bool:
        """Whether every row needs a label."""
        return False

    def target_like(self, rows: int) -> Any:
        """The shape and type of the targets of so many rows; None where there are none."""
        return jax.ShapeDtypeStruct((rows,), jnp.dtype("int32")) if self.labelled else None

    def check_targets(self, y: Any, where: str) -> None:
        """Refuse labels that are missing, or that nothing looks at."""
        if self.labelled and y is None:
            raise ValueError(f"{where}: {self._kind} makes what a label says: give one for every row")
        if not self.labelled and y is not None:
            raise ValueError(f"{where}: {self._kind} has no use for targets: it learns x alone")

    def check_inputs(self, x: Any, y: Any, where: str) -> None:
        """Refuse data x that the loss of the model is not of, or warn of them; y are the targets, or None."""

    @property
    def _kind(self) -> str:
        return f"{self.name} ({type(self).__name__})" if self.name else f"this {type(self).__name__}"

    # what the engine asks of a model --------------------------------------------------------------------------------
    def _plan_for(self, inputs: tuple, kwargs: dict[str, Any]) -> None:
        """Trace the terms on rows like these: they ask for all that the model ever needs."""
        x = inputs[0]
        self._seen = saving.seen(x)
        rows = jax.tree.leaves(x)[0].shape[0]
        plan(View(self, type(self).terms), ((x, self.target_like(rows)),))
        self._planned = True
        claim(self, self._seed)

    def _method(self) -> Method:
        return ByTerms()

    def compile(
        self,
        optimizer: Any = "adam",
        precision: str | None = None,
        on_nonfinite: str = "stop",
        auto_scale_loss: bool = True,
        **objective: Any,
    ) -> None:
        """Say how the model learns; its loss is its own.

        Args:
            optimizer: a name, an optimizer, or an optax transformation.
            precision, on_nonfinite, auto_scale_loss: see `Model.compile`.
        """
        for name, given in objective.items():
            if name not in ("loss", "loss_weights", "metrics", "weighted_metrics"):
                raise TypeError(f"{type(self).__name__}.compile has no argument {name!r}")
            if given is not None:
                raise ValueError(
                    f"{type(self).__name__}.compile({name}={given!r:.40}): {self._kind} has a loss of its own"
                )
        none = dict.fromkeys(("loss", "loss_weights", "metrics", "weighted_metrics"))
        self._training.compile(self, optimizer, precision, on_nonfinite, auto_scale_loss, **none)

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
        """The terms of the loss on data, as in training; see `Model.evaluate`."""
        logs = fitting.evaluate(
            self, x, y, batch_size, sample_weight, steps, verbose, callbacks, self._method(), on_bad
        )
        return logs if return_dict else as_list(logs)

    # answers --------------------------------------------------------------------------------------------------------
    def _answers(self, use: Callable[..., Any], x: Any, batch_size: int | None = None, **options: Any) -> Any:
        """What a method answers to rows, as numpy arrays; compiled in batches as `predict` is."""
        return predicting.predict(View(self, use, **options), x, batch_size)


# the run ------------------------------------------------------------------------------------------------------------
class OwnObjective(Objective):
    """The objective of a model that says itself what its loss is made of, row by row.

    Args:
        model: the model.
        under: the path of the layers whose penalties count; all where it is empty.
    """

    def __init__(self, model: Generative, under: str = ""):
        if not model._training.compiled:
            raise ValueError(f"{model._kind} is not compiled: call compile(...) first")
        self.root, self.model, self.under, self.refuses = model, model, under, True
        self.names, self.shapes, self.losses, self.metrics = ["output"], [], [], {}

    def __call__(self, y: Any, outputs: Any, weights: Any, made: Any) -> tuple[Any, Any]:
        """(the mean of "loss" over the rows, the sums of all terms)."""
        given = jax.tree.leaves(weights)
        rows = jnp.float32(jax.tree.leaves(outputs)[0].shape[0])
        penalties = [value for label, value in made.penalties().items() if label.startswith(self.under)]
        penalty = sum(penalties, jnp.float32(0))
        terms = {name: jnp.sum(term * given[0] if given else term) for name, term in outputs.items()}
        first = next(iter(terms))  # what is minimised
        terms[first] = terms[first] + penalty * rows
        sums: dict[str, Any] = {"loss": {name: {"total": total, "count": rows} for name, total in terms.items()}}
        if made.flags:
            sums["flags"] = made.flags
        return terms[first] / rows, sums

    def check(self, y: Any, where: str) -> None:
        """Labels where they are needed."""
        self.model.check_targets(y, where)

    def check_inputs(self, x: Any, y: Any, where: str) -> None:
        """Data that the terms are of."""
        self.model.check_inputs(x, y, where)

    def results(self, sums: Any) -> dict[str, Any]:
        """The mean of every term; no number where none of its steps was taken: 0 would be the best of losses."""
        if self.refuses:
            refuse_flagged(self.model, sums.get("flags", {}))
        terms = {name: (float(term["total"]), float(term["count"])) for name, term in sums["loss"].items()}
        return {name: total / count if count else math.nan for name, (total, count) in terms.items()}

    def structure(self) -> Any:
        """What makes two objectives equal, beside their models."""
        return ["terms", self.under]


class ByTerms(Method):
    """How a model learns by its own terms: the plain program of the view that gives them."""

    def objective(self, model: Any, x: Any, y: Any) -> Objective:
        return OwnObjective(model)

    def program(self, model: Any, objective: Objective) -> Program:
        return turn(model, type(model).terms, objective, model._training.optimizer)


def turn(
    model: Generative,
    use: Callable[..., Any],
    objective: Objective,
    optimizer: Optimizer,
    aside: frozenset[str] = frozenset(),
) -> Program:
    """The program that lowers what `use` says of a batch (x, y, weights).

    Args:
        aside: paths of the layers that are for another to teach, see `supervised`.
    """
    training = model._training
    key = structure([model, objective.structure(), optimizer, sorted(training.frozen), sorted(aside), training.dtype])
    options = {"key": ("terms", use.__qualname__, key), "dtype": training.dtype, "aside": aside}
    program = supervised(View(model, use), objective, optimizer, training.frozen, **options)

    def whole(function: Any) -> Any:
        return lambda ts, batch: function(ts, ((batch[0], batch[1]), None, batch[2]))

    functions = {name: whole(getattr(program, name)) for name in ("gradient", "test", "examine")}
    return program._replace(**functions)


def in_its_own_pass(model: Layer, use: Callable[..., Any], key: Any) -> Callable[[Any], Any]:
    """A function x -> use(model, x) that may be differentiated inside the model's call.

    Its layers run in a pass of their own, with the values and the mode of the one under way, whose state they leave as
    it is.

    Args:
        key: of what they draw.
    """
    outer, view = forward.current(model), View(model, use)
    options = {name: getattr(outer, name) for name in ("training", "creating", "frozen", "compute_dtype")}
    values = Variables(outer.params, outer.state, outer.hyper)
    return lambda x: forward.apply(view, values, x, key=key, **options)[0]


# parts --------------------------------------------------------------------------------------------------------------
def checked_part(owner: str, name: str, part: Any) -> None:
    """Refuse a part that is no model or layer."""
    if not isinstance(part, Layer):
        hint = ". Call the function that builds it" if callable(part) and not isinstance(part, type) else ""
        raise TypeError(f"{owner}({name}=...): expected a model. Received: {part!r:.80}{hint}")


def input_shapes(part: Any) -> list[tuple[int | None, ...]] | None:
    """The shapes of one row of a part's inputs, where it knows them."""
    graph = getattr(part, "_graph", None)
    if graph is not None:
        return [tuple(entry.shape[1:]) for entry in graph.entries]
    shape = getattr(part, "_given_shape", None)
    return None if shape is None else [tuple(shape)]


def known_inputs(owner: str, name: str, part: Any) -> list[tuple[int | None, ...]]:
    """The shapes of one row of a part's inputs; an error where it does not know them."""
    shapes = input_shapes(part)
    if shapes is None:
        raise ValueError(
            f"{owner}({name}=...): the shape of its input is not known. Begin it with Input((...)), or give its first "
            "layer input_shape=(...)"
        )
    return shapes


def per_row(values: Any, total: bool = False) -> Any:
    """(rows, ...) -> (rows,): the mean of each row, or its sum."""
    flat = values.astype(jnp.float32).reshape(values.shape[0], -1)
    return flat.sum(1) if total else flat.mean(1)


def same_shape(model: Layer, made: Any, x: Any, what: str) -> None:
    """Refuse outputs that are not shaped as the data are."""
    if made.shape != x.shape:
        shapes = [show_shape((None, *a.shape[1:])) for a in (made, x)]
        raise model.error(f"{what} gives {shapes[0]}, the data are {shapes[1]}: make them alike")


def draws(seed: int | None, shape: tuple[int, ...], where: str) -> np.ndarray:
    """Standard normal numbers, drawn on the host: a function of the seed, or new ones where it is None."""
    predicting.check_counts(where, {"n": shape[0]}, required=True)
    predicting.check_counts(where, {"seed": seed}, least=0)
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)
