"""tune: search for the parameters of a model with many trials in one program."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...config import argument
from ...core.structure import fingerprint
from ...core.variables import derived_seed
from ...models import fitting
from ...models.data import Data, read_pair
from ...models.fitting import Options
from ...models.predicting import check_counts
from ...train.callbacks.watcher import direction
from ...train.identity import content_of
from ...train.screen import duration, number, say
from ...train.streams import Stream
from ..validation import options_of
from .cohort import Builder, Built, Cohort, Rows, groups
from .engine import Part, dealt, on_host
from .search import Search, read_search
from .space import Space, read_space
from .study import Study

TOLD = ("epochs", "seed", "batch_size", "shuffle", "steps_per_epoch", "on_bad")  # in a study's file
HELD_OUT = 0.2  # of the rows, from their end, where no validation is given


def tune(
    build: Any,
    space: Any,
    x: Any,
    y: Any = None,
    search: Any = "random",
    trials: int | None = None,
    monitor: str = "val_loss",
    **fit: Any,
) -> Study:
    """Search for the parameters with which a model does best.

    Trials that differ in numbers only (rates, decays, dropout, momentum, clipping, strengths of regularizers) are
    members of one program and train at once; those that differ in structure (units, layers, kernel sizes, `batch_size`)
    do so by groups of equal programs. Every trial has the same first values and the same order of the data: it is the
    plain run of `build(**parameters)` with that seed.

    Args:
        build: a function of the parameters that gives a compiled model; or a compiled model, and the space names its
            numbers: "learning_rate", "dropout.rate", "dense.kernel_regularizer.l2".
        space: parameter -> `methods.Real(low, high)`, `methods.Whole(low, high)` or a list of values. `batch_size` may
            be one of them.
        x, y: as for `fit`, arrays.
        search: "random", "grid" (all points, of `Real` as many as its `count`), "bayesian" (Optuna; asks for an eighth
            of the trials at a time), "halving" (after a third, a ninth, ... of the epochs a third goes on) or
            "population" (the worst take over from the best as they train); or such a search with more to say:
            `methods.Random(pruning="median")` stops trials on the way, `methods.Bayesian(engine="ray")` has them
            trained by the workers of a Ray cluster.
        trials: how many; 20 unless given, of a grid all.
        monitor: the result of the last epoch that decides; its name says whether less is better.
        **fit: further arguments of `Model.fit`: epochs, batch_size, validation_data or validation_split (a fifth of the
            rows unless given), seed, verbose, ... With `resume`, as in `fit`, the study is kept: in a .json file. Asked
            for again after it was stopped, it goes on from there.

    Returns:
        The Study: `study.best`, `study.model`, `study.table()`, `study.plot()`.

    Raises:
        ValueError: the space names no parameter, or `monitor` no result.

    >>> import numpy as np
    >>> import freedive as fd
    >>> def build(rate):
    ...     model = fd.Sequential([fd.Input((2,)), fd.layers.Dense(1)])
    ...     model.compile(fd.optimizers.SGD(rate), "mse")
    ...     return model
    >>> x = np.random.default_rng(0).normal(size=(100, 2))
    >>> study = fd.tune(build, {"rate": [1e-6, 0.1]}, x, x[:, :1], search="grid", epochs=5, verbose=0)
    >>> study.best.parameters
    {'rate': 0.1}
    """
    wanted: Search = argument("tune", "search", search, read_search)
    options = options_of("tune", fit, ("initial_epoch", "callbacks", "validation_freq"))
    options.check()
    check_counts("tune", {"trials": trials})
    options = options._replace(seed=0 if options.seed is None else options.seed)
    ranges, rows = read_space(space), rows_of(x, y, options)
    seed: Any = options.seed
    builder = Builder(build, list(ranges), derived_seed(seed))
    plan = wanted.of(ranges, trials, seed, options.epochs)
    goal = direction(monitor)
    if goal is None:
        raise ValueError(f"tune(monitor={monitor!r}): its name does not say whether less is better. Take 'val_loss'")
    asked = {"search": repr(wanted), "trials": plan.trials, "monitor": monitor,
             "space": {name: repr(values) for name, values in ranges.items()}}  # fmt: skip
    asked |= {name: getattr(options, name) for name in TOLD} | {"class_weight": repr(options.class_weight)}
    if options.resume:
        asked |= {"data": [content_of(a) for a in jax.tree.leaves(rows)], "model": model_of(builder, ranges, rows)}
    study = Study(ranges, monitor, 1 if goal == "max" else -1, asked, options.resume)
    study.load()
    plain = options._replace(validation_split=0.0, verbose=0, resume=None)
    Work(study, plan, builder, rows, plain, options.verbose != 0).do()
    return study


def model_of(builder: Builder, ranges: Space, rows: Rows) -> list[Any]:
    """What the models of a study have in common, seen at a point of its space: their program, and its numbers."""
    rng = np.random.default_rng(0)
    built = builder(0, {name: values.draw(rng) for name, values in ranges.items()}, rows)
    return [fingerprint(built.key), *map(float, jax.tree.leaves(built.hyper))]


def rows_of(x: Any, y: Any, options: Options) -> Rows:
    """What trials learn from and are tested with, on the device once for all."""
    held_out = options.validation_data
    if held_out is None and not options.validation_split:
        options = options._replace(validation_split=HELD_OUT)
    data, found, stream = fitting.taken(x, y, options)
    if stream is not None:
        raise ValueError("tune(x=...): expected arrays. Received a stream of batches")
    found = found if isinstance(found, Data) else read_pair(found, "tune(validation_data=...)")
    if isinstance(found, Stream):
        shapes = found.all_rows()
        if len(shapes) > 1:
            raise ValueError(
                "tune(validation_data=...): batches of several shapes. Pad them to one: utils.pad_sequences"
            )
        found = Data(*shapes[0])
    data, found = (Data(*jax.tree.map(jnp.asarray, tuple(part))) for part in (data, found))
    return Rows(data.x, data.y, data.weights, tuple(found))


@dataclasses.dataclass
class Work:
    """A study under way.

    Rounds are asked for in order, each from the trials before it, so that a study that goes on from a file asks for the
    same trials as one that was never stopped.
    """

    study: Study
    plan: Search
    builder: Builder
    rows: Rows
    options: Options
    talks: bool

    def do(self) -> None:
        """The trials that the study still lacks; the best model is in it then."""
        start = 0
        while start < self.plan.trials:
            asked = self.plan.ask([trial for trial in self.study.trials if trial.number < start])
            ended = {trial.number for trial in self.study.trials}
            missing = [(start + i, parameters) for i, parameters in enumerate(asked) if start + i not in ended]
            if self.plan.engine is not None:
                self._send(missing)
                missing = []
            for part in self._groups([self.builder(i, parameters, self.rows) for i, parameters in missing]):
                self._train(part)
            start += len(asked)
        if self.study.model is None and self.study.done:
            self.study.restore(lambda best: self.builder(best.number, best.parameters, self.rows).model)

    def _pruned(self, cohort: Cohort, until: int) -> list[Any]:
        """The trials that end here, being worse than the median; where half are gone, the others go on alone."""
        completed = [trial.curve for trial in self.study.done]
        going = cohort.going
        assert self.plan.pruning is not None
        stopped = self.plan.pruning.stops([cohort.curves[i] for i in going], completed, until, self.study.sign)
        ended = [cohort.trial(going[place], "pruned") for place in stopped]
        cohort.live[[going[place] for place in stopped]] = False
        if 2 * len(cohort.going) <= cohort.size and cohort.going:
            going = cohort.going
            cohort.keep(going, [cohort.parameters[i] for i in going], self.builder)
        return ended

    def _send(self, missing: list[Any]) -> None:
        """Let the workers of the engine train trials."""
        engine, builder = self.plan.engine, self.builder
        if not missing or engine is None:
            return
        told = (on_host(self.rows), self.options, self.study.monitor, self.study.sign)
        given = dealt(missing, engine.workers)
        parts = [Part(builder.build, list(self.study.space), builder.seed, some, *told) for some in given]
        for found in engine.train(parts):
            self.study.add(found.trials, lambda found=found: self._sent(found))
            self._tell(f"{len(found.trials)} trials by a worker")

    def _sent(self, found: Any) -> Any:
        """The model of the best trial that a worker found."""
        model = self.builder(found.best, self.study.best.parameters, self.rows).model
        model.build()
        model.set_weights(found.weights)
        return model

    def _tell(self, what: str) -> None:
        if self.talks:
            score = number(self.study.best.score) if self.study.done else "none"
            say(f"{what}: the best {self.study.monitor} so far {score}")

    def _groups(self, built: list[Built]) -> list[list[Built]]:
        parts = groups(built)
        if self.plan.exchanges and len(parts) > 1:
            raise ValueError(
                "tune(search=...): members take over weights from each other, so they must be of one "
                f"structure. This space has {len(parts)}: leave out the parameters that change shapes"
            )
        return parts

    def _train(self, part: list[Built]) -> None:
        """Train a group of trials from rung to rung."""
        began, ended = time.perf_counter(), []
        cohort = Cohort(part, self.rows, self.options, self.study.monitor, self.study.sign)
        *early, end = self.plan.rungs()
        for rung, until in enumerate(early):
            scores = cohort.train(until)
            if self.plan.pruning is not None:
                ended += self._pruned(cohort, until)
                if not cohort.going:
                    break
                continue
            chosen = self.plan.next(rung, scores, cohort.parameters)
            if not self.plan.exchanges:
                ended += [cohort.trial(i, "stopped") for i in range(cohort.size) if i not in chosen.members]
            cohort.keep(chosen.members, chosen.parameters, self.builder)
        best = int(np.where(cohort.live, cohort.train(end), -np.inf).argmax()) if cohort.going else 0
        ended += [cohort.trial(i, "done") for i in cohort.going]
        self.study.add(ended, lambda: cohort.model(best, self.builder))
        told = f"{len(part)} trials {cohort.way}" if len(part) > 1 else "1 trial"
        self._tell(f"{told}, {duration(time.perf_counter() - began)}")
