"""What `freedive tune` does: trials of the network that `freedive train` trains, table, picture, the best model."""

from __future__ import annotations

import copy
import functools
import importlib.metadata
import os
from typing import Any

from .. import optimizers
from ..core.paths import paths
from ..files import only_writer
from ..layers import Dropout
from ..methods import Grid, Real, Study
from ..methods import tune as search_for
from ..methods.tuning.search import Search, read_search
from ..tasks import Task, Translator
from ..tasks.classifier import Classifier
from ..tasks.sources import find
from . import console, story, training
from .options import Options
from .parameters import settled, told_by

POINTS = 3  # of a grid along each parameter


def run(data: str, search: str, trials: int, options: Options) -> None:
    """Search, test the best model, and write what came of it."""
    try:
        plan = read_search(search)
    except ValueError as error:
        raise console.Misuse(f"--search: {error}") from None
    told = told_by(options)
    source = find(data, told)
    if isinstance(source.task, Translator):
        raise console.Misuse(f"freedive tune does not search for the numbers of a translator, which suits {data}")
    folder = options.output or f"{training.folder_of(source)}-tune"
    path = os.path.join(folder, "study.json")
    with only_writer(folder):
        try:
            task = settled(source.task, options)
            tried(training.Training(data, options, told, source, task, folder), plan, trials, path)
        except KeyboardInterrupt:
            if not os.path.exists(path):
                raise
            done = f"Stopped. The trials that were done are kept in {path}: the same command goes on."
            raise console.Stopped(done) from None


def tried(prepared: training.Training, search: Search, trials: int, path: str) -> None:
    """Try, take the best, and write it down."""
    task, source, place = prepared.task, prepared.source, functools.partial(os.path.join, prepared.folder)
    training.prepare(prepared)
    count = None if isinstance(search, Grid) else trials
    verbose = 0 if prepared.options.quiet else "auto"
    study = searched(task, search=search, trials=count, resume=path, verbose=verbose)
    found = dict(study.best.parameters)
    rate = task.rate(len(task.rows.y), found.pop("learning_rate"))
    task.model = network(task, rate, **found)
    task.train()  # as `freedive train` does: the epoch that did best is kept
    training.test(prepared)
    made = {"freedive": importlib.metadata.version("freedive"), "seed": prepared.options.seed}
    made |= {"contents": prepared.contents, **study.best.parameters}
    known = {"data": prepared.data, "told": prepared.told.given, "test": story.plain(prepared.result), "made": made}
    task.save(place("model.safetensors"), **known)
    study.to_csv(place("trials.csv"))
    study.plot(place("study.png"))
    console.say(study.table())
    console.say(f"The best one: {task.target.told(prepared.result, source.noun)[2]}.")
    console.say(f"Written: {place('model.safetensors')}, study.json, trials.csv, study.png")


def searched(task: Task, **options: Any) -> Study:
    """The study of a task that was prepared; how it is searched are arguments of `tune`."""
    rows, settings, best = task.rows, task.settings, task.settings.learning_rate
    space = {
        "learning_rate": Real(best / 30, best * 30, log=True, count=POINTS),
        "weight_decay": Real(1e-6, 1e-1, log=True, count=POINTS),
    }
    if dropouts(task.model):
        space["dropout"] = Real(0.05, 0.6, count=POINTS)

    def build(learning_rate: float, weight_decay: float, dropout: float = 0.0) -> Any:
        model = network(task, learning_rate, weight_decay, dropout)
        model.optimizer.course = task.rate(len(rows.y), 1.0)
        return model

    return search_for(
        build,
        space,
        rows.x,
        rows.y,
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        seed=task.seed,
        sample_weight=task.weights(rows.y) if isinstance(task, Classifier) else None,
        validation_data=None if rows.y_validation is None else (rows.x_validation, rows.y_validation),
        **options,
    )


def network(task: Task, learning_rate: Any, weight_decay: float, dropout: float = 0.0) -> Any:
    """The network of a task that was prepared, compiled with other numbers."""
    model = copy.deepcopy(task.model)
    for layer in dropouts(model):
        layer.rate = dropout
    config = {**task.stepping(), "learning_rate": learning_rate, "weight_decay": weight_decay}
    optimizer = optimizers.get({"class_name": task.optimizer, "config": config})
    model.compile(optimizer, task.target.loss, metrics=list(task.target.metrics))
    return model


def dropouts(model: Any) -> list[Any]:
    """The layers that drop."""
    return [layer for layer in paths(model) if isinstance(layer, Dropout)]
