"""What `freedive tune` does: trials of the network that `freedive train` trains, table, picture, the best model."""

from __future__ import annotations

import functools
import importlib.metadata
import os
from typing import Any, NamedTuple

from .. import optimizers
from ..core.paths import paths
from ..files import make_folders, only_writer
from ..layers import Dropout
from ..methods import Real, Study
from ..methods import tune as search_for
from ..methods.tuning.search import SEARCHES
from ..tasks import Task
from . import console, story, training

POINTS = 3  # of a grid along each parameter


class Options(NamedTuple):
    """What the command was told; None: as the recipe says."""

    search: str
    trials: int
    epochs: int | None
    seed: int
    rows: int | None
    output: str | None


def run(data: str, options: Options) -> None:
    """Search, test the best model, and write what came of it."""
    if options.search not in SEARCHES:
        raise console.Misuse(f"--search {options.search!r}: expected one of {', '.join(SEARCHES)}")
    told = training.Options(epochs=options.epochs, seed=options.seed, rows=options.rows)
    source = training.sought(data, told)
    folder = options.output or f"{training.folder_of(source)}-tune"
    make_folders(folder)
    path = os.path.join(folder, "study.json")
    with only_writer(folder):
        try:
            search(training.Training(data, told, source, training.settled(source.task, told), folder), options, path)
        except KeyboardInterrupt:
            if not os.path.exists(path):
                raise
            done = f"Stopped. The trials that were done are kept in {path}: the same command goes on."
            raise console.Stopped(done) from None


def search(prepared: training.Training, options: Options, path: str) -> None:
    """Try, take the best, and write it down."""
    task, source, place = prepared.task, prepared.source, functools.partial(os.path.join, prepared.folder)
    training.prepare(prepared)
    study = searched(task, options, path)
    task.model = study.model
    result = task.target.scored(task.outputs(source.x_test), task.target.encoded(source.y_test))
    made = {"freedive": importlib.metadata.version("freedive"), "seed": options.seed, **study.best.parameters}
    task.save(place("model.safetensors"), data=prepared.data, test=story.plain(result), made=made)
    study.to_csv(place("trials.csv"))
    study.plot(place("study.png"))
    console.say(study.table())
    console.say(f"The best one: {task.target.told(result, source.noun)[2]}.")
    console.say(f"Written: {place('model.safetensors')}, study.json, trials.csv, study.png")


def searched(task: Task, options: Options, path: str) -> Study:
    """The study of a task that was prepared."""
    rows, settings, best = task.rows, task.settings, task.settings.learning_rate
    space = {
        "learning_rate": Real(best / 30, best * 30, log=True, count=POINTS),
        "weight_decay": Real(1e-6, 1e-1, log=True, count=POINTS),
    }
    if dropouts(task.model):
        space["dropout"] = Real(0.05, 0.6, count=POINTS)

    def build(learning_rate: float, weight_decay: float, dropout: float = 0.0) -> Any:
        model = task.make_network(rows.x, task.target)
        for layer in dropouts(model):
            layer.rate = dropout
        config = {"learning_rate": learning_rate, "weight_decay": weight_decay}
        optimizer = optimizers.get({"class_name": task.optimizer, "config": config})
        model.compile(optimizer, task.target.loss, metrics=list(task.target.metrics))
        return model

    return search_for(
        build,
        space,
        rows.x,
        rows.y,
        search=options.search,
        trials=None if options.search == "grid" else options.trials,
        path=path,
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        seed=options.seed,
        validation_data=(rows.x_validation, rows.y_validation),
    )


def dropouts(model: Any) -> list[Any]:
    """The layers that drop."""
    return [layer for layer in paths(model) if isinstance(layer, Dropout)]
