"""What `freedive tune` does: trials of the network that `freedive train` trains, table, picture, the best model."""

from __future__ import annotations

import importlib.metadata
import os
from typing import Any, NamedTuple

from .. import optimizers
from ..core.paths import paths
from ..datasets.catalog import CATALOG
from ..files import make_folders
from ..layers import Dropout
from ..methods import Real, Study
from ..methods import tune as search_for
from ..methods.tuning.search import SEARCHES
from ..preprocessing import train_test_split
from . import console, modelfile
from .measuring import measure
from .recipes import Recipe, Task, find
from .training import VALIDATION, first_rows

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
    recipe, folder = find(data), options.output or os.path.join("runs", f"{data}-tune")
    make_folders(folder)
    place = lambda name: os.path.join(folder, name)  # noqa: E731
    task = recipe.load()
    study = searched(task, recipe, options, place("study.json"))
    made = {"freedive": importlib.metadata.version("freedive"), "seed": options.seed, **study.best.parameters}
    about = modelfile.About(data, CATALOG[data].class_names, task.reader, None, made)
    result = measure(study.model, about, task.x_test, task.y_test)
    about.test = {name: result[name] for name in ("accuracy", "loss", "mistakes", "rows")}
    modelfile.save(study.model, place("model.safetensors"), about)
    study.to_csv(place("trials.csv"))
    study.plot(place("study.png"))
    console.say(study.table())
    console.say(f"The best one recognises {result['accuracy']:.2%} of the {result['rows']:,} test {task.noun}.")
    console.say(f"Written: {place('model.safetensors')}, study.json, trials.csv, study.png")


def searched(task: Task, recipe: Recipe, options: Options, path: str) -> Study:
    """The study of a task."""
    x, y = first_rows(task, options.rows)
    classes = int(task.y_train.max()) + 1
    x, x_held, y, y_held = train_test_split(x, y, test_size=VALIDATION, seed=options.seed)
    best = recipe.learning_rate
    space = {
        "learning_rate": Real(best / 30, best * 30, log=True, count=POINTS),
        "weight_decay": Real(1e-6, 1e-1, log=True, count=POINTS),
    }
    if dropouts(recipe.network(task, classes)):
        space["dropout"] = Real(0.05, 0.6, count=POINTS)

    def build(learning_rate: float, weight_decay: float, dropout: float = 0.0) -> Any:
        model = recipe.network(task, classes)
        for layer in dropouts(model):
            layer.rate = dropout
        config = {"learning_rate": learning_rate, "weight_decay": weight_decay}
        optimizer = optimizers.get({"class_name": recipe.optimizer, "config": config})
        model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    return search_for(
        build,
        space,
        x,
        y,
        search=options.search,
        trials=None if options.search == "grid" else options.trials,
        path=path,
        epochs=options.epochs or recipe.epochs,
        batch_size=recipe.batch_size,
        seed=options.seed,
        validation_data=(x_held, y_held),
    )


def dropouts(model: Any) -> list[Any]:
    """The layers that drop."""
    return [layer for layer in paths(model) if isinstance(layer, Dropout)]
