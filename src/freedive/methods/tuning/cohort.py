"""A cohort: trials whose programs are equal but for numbers, trained as the members of one population.

Which parameters are numbers and which are structure is not asked but found out: a model is built for every trial, and
those whose programs have the same key differ in numbers only. So rates, decays and dropout are swept inside one
compiled program, and units, layers and kernel sizes make groups.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Hashable
from typing import Any, ClassVar, NamedTuple

import jax
import numpy as np

from ...core.paths import paths
from ...core.variables import gather
from ...errors import nearest, unknown
from ...models import Model, fitting
from ...models.fitting import Options
from ...models.training import objective_for, program_for
from ...train.callbacks.base import Callback
from ..population import Population, Replicated
from .study import Trial

OF_FIT = ("batch_size",)  # parameters that are the training's, not the model's


class Rows(NamedTuple):
    """What all trials learn from and are tested with."""

    x: Any
    y: Any
    weights: Any
    validation: Any


class Built(NamedTuple):
    """A trial's model, the key of its program, and the numbers in which it may differ from others of the key."""

    number: int
    parameters: dict[str, Any]
    model: Any
    key: Hashable
    hyper: Any
    batch_size: int | None


class Builder:
    """Models from parameters: by a function, or from a model whose numbers are set.

    Args:
        build: a function of parameters that gives a compiled model, or a compiled model.
        names: of the parameters of the space.
        seed: of every model's first values.
    """

    def __init__(self, build: Any, names: list[str], seed: int):
        self.build, self.seed = build, seed
        self.names = [name for name in names if name not in OF_FIT]
        if isinstance(build, Model):
            known = settable(build)
        elif callable(build):
            known = parameters_of(build, self.names)
        else:
            raise TypeError(f"tune(build=...): expected a function that gives a compiled model. Received: {build!r}")
        for name in self.names:
            if name not in known:
                close = nearest(name, known)
                hint = f"Did you mean {close[0]!r}?" if close else f"There are: {', '.join(known) or 'none'}"
                kind = "the model has" if isinstance(build, Model) else "build takes"
                raise ValueError(f"tune(space={{{name!r}: ...}}): {kind} no such parameter. {hint}")

    def __call__(self, number: int, parameters: dict[str, Any], rows: Rows) -> Built:
        """The model of a trial."""
        mine = {name: parameters[name] for name in self.names}
        if isinstance(self.build, Model):
            model = copy.deepcopy(self.build, {id(self.build.history): None})
            for name, value in mine.items():
                set_number(model, name, value)
        else:
            model = self.build(**mine)
        if not isinstance(model, Model):
            raise ValueError(f"tune: build(**{mine}) must give a compiled model. It gave {model!r}")
        if not model._training.compiled:
            raise ValueError(f"tune: build(**{mine}) gave a model that is not compiled. Call model.compile(...) in it")
        model._seed = self.seed
        if not model.built:
            model._plan_for((jax.tree.map(lambda a: a[:1], rows.x),), {})
        program = program_for(model, objective_for(model, rows.x, rows.y))
        hyper, size = program.hyper(), parameters.get("batch_size")
        key = (program.key, size, jax.tree.structure(hyper))
        return Built(number, parameters, model, key, hyper, size)


def settable(model: Any) -> list[str]:
    """The numbers of a compiled model: those of its optimizer by name, those of its layers as path.name."""
    if not model._training.compiled:
        raise ValueError("tune(build=model): the model is not compiled. Call model.compile(optimizer, loss) first")
    of_layers = [f"{path}.{name}" for path, numbers in gather(model).hyper.items() for name in numbers]
    return [*model.optimizer.hyper(), *of_layers]


def set_number(model: Any, name: str, value: Any) -> None:
    """Give the optimizer or a layer of a model another number."""
    path, _, field = name.partition(".")
    owner: Any = model.optimizer
    if field:
        owner = next(layer for layer, place in paths(model).items() if place == path)
        *inside, field = field.split(".")
        for part in inside:
            owner = getattr(owner, part)
    setattr(owner, field or name, float(value))


def parameters_of(build: Callable[..., Any], asked: list[str]) -> list[str]:
    """The names that a function takes; all that are asked for where it takes any."""
    parameters = inspect.signature(build).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return asked
    return [p.name for p in parameters if p.kind is not p.VAR_POSITIONAL]


def groups(built: list[Built]) -> list[list[Built]]:
    """Trials of equal programs together, in order."""
    found: dict[Hashable, list[Built]] = {}
    for trial in built:
        found.setdefault(trial.key, []).append(trial)
    return list(found.values())


class Deciding(Callback):
    """Ends a run after its first chunk if its results lack the one that decides, called so."""

    edge: ClassVar[Any] = "never"

    def __init__(self, monitor: str):
        super().__init__()
        self.monitor = monitor

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if f"{self.monitor}_members" not in (logs or {}):
            raise unknown("result", self.monitor, [name for name in logs or {} if not name.endswith("_members")])


class Cohort:
    """Trials of equal programs under way.

    Args:
        trials: as built.
        rows: what they learn from.
        options: of the training; epochs are those of its end.
        monitor: the result that decides.
        sign: 1 where more is better, -1 where less is.
    """

    def __init__(self, trials: list[Built], rows: Rows, options: Options, monitor: str, sign: int):
        self.rows, self.monitor, self.sign = rows, monitor, sign
        self.options = options._replace(batch_size=trials[0].batch_size or options.batch_size)
        self.population = Population(trials[0].model, len(trials), alike=True)
        self.parameters = [trial.parameters for trial in trials]
        self.numbers = [trial.number for trial in trials]  # of the trials, a place a member
        self.hyper = jax.tree.map(lambda *values: np.stack(values), *(trial.hyper for trial in trials))
        self.curves: list[list[float]] = [[] for _ in trials]  # the monitored result of every epoch, a place a member
        self.live = np.ones(len(trials), bool)  # members whose trial has not ended
        self.epoch, self.way = 0, ""

    @property
    def size(self) -> int:
        """How many members there are."""
        return len(self.numbers)

    @property
    def going(self) -> list[int]:
        """The members whose trials are still under way."""
        return np.flatnonzero(self.live).tolist()

    def train(self, until: int) -> np.ndarray:
        """Train up to an epoch; how good the members are, the larger the better."""
        options = self.options._replace(epochs=until, initial_epoch=self.epoch)
        options = options._replace(validation_data=self.rows.validation, sample_weight=self.rows.weights)
        options = options._replace(callbacks=[Deciding(self.monitor)])
        method = Replicated(own=lambda shared: self.hyper)
        history = fitting.fit(self.population, self.rows.x, self.rows.y, options, method)
        results = history.history.get(f"{self.monitor}_members", ())  # none where all members broke in the first epoch
        for values in results:
            for curve, value in zip(self.curves, values, strict=True):
                curve.append(float(value))
        if results and self.population.model._training.optimizer.use_ema and self.monitor.startswith("val_"):
            self.measure_averages()
        for member in history.run.stopped:
            self.curves[member][until - 1 :] = [np.nan]  # an accuracy of outputs that are NaN would be a number
        self.epoch, self.way = until, history.run.members.way
        return self.worth()

    def measure_averages(self) -> None:
        """The last results are of the weights that members end with, their averages, as everybody gets them."""
        x, y, weights = self.rows.validation
        method = Replicated(own=lambda shared: self.hyper)
        found = fitting.evaluate(self.population, x, y, weights=weights, method=method)
        for curve, value in zip(self.curves, found[f"{self.monitor.removeprefix('val_')}_members"], strict=True):
            curve[-1] = float(value)

    def worth(self) -> np.ndarray:
        """How good the members are now, the larger the better; what is no number is the worst."""
        last = self.sign * np.array([curve[-1] for curve in self.curves], float)
        return np.where(np.isfinite(last), last, -np.inf)

    def keep(self, members: list[int], parameters: list[dict[str, Any]], build: Callable[..., Built]) -> None:
        """Go on with these members and parameters; a member that comes from another keeps its own number."""
        self.population.keep(members)
        exchanged = len(members) == len(self.numbers)
        self.numbers = self.numbers if exchanged else [self.numbers[i] for i in members]
        self.curves = [list(curve) for curve in self.curves] if exchanged else [self.curves[i] for i in members]
        hyper = jax.tree.map(lambda values: values[np.asarray(members)], self.hyper)
        for i, (member, its) in enumerate(zip(members, parameters, strict=True)):
            if its != self.parameters[member]:
                moved = build(self.numbers[i], its, self.rows).hyper
                jax.tree.map(lambda values, one, i=i: values.__setitem__(i, one), hyper, moved)
        self.hyper, self.parameters = hyper, parameters
        self.live = self.live[np.asarray(members)]

    def trial(self, i: int, state: str) -> Trial:
        """A member as a trial that has ended."""
        curve = list(self.curves[i])
        return Trial(self.numbers[i], self.parameters[i], curve[-1], float(self.worth()[i]), curve, state)

    def model(self, i: int, build: Builder) -> Any:
        """A member as a model with its own numbers."""
        model, member = build(self.numbers[i], self.parameters[i], self.rows).model, self.population.member(i)
        model.set_weights(member.get_weights())
        for name in ("slots", "step", "learned"):
            setattr(model._training, name, getattr(member._training, name))
        return model
