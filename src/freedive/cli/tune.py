"""The command that searches: `freedive tune zoo`."""

from __future__ import annotations

import importlib.metadata
import os
from typing import Annotated, Any

import typer

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


def tune(
    data: Annotated[str, typer.Argument(metavar="DATA", help="An embedded data set, as for `freedive train`.")],
    search: Annotated[str, typer.Option(help=f"How to search: {', '.join(SEARCHES)}.")] = "random",
    trials: Annotated[int, typer.Option(min=1, help="How many trials; a grid has its own number.")] = 20,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the data of a trial.")] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of all that is drawn.")] = 0,
    rows: Annotated[int | None, typer.Option(min=20, help="Learn from so many of the training rows only.")] = None,
    output: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Where to write; runs/DATA-tune unless given.")
    ] = None,
) -> None:
    """Search for the learning rate, weight decay and dropout with which a network does best.

    Trials train at once, as members of one program. A tenth of the training rows decides; the test rows are looked at
    once, with the best model. Writes model.safetensors, study.json, trials.csv and study.png. Asked again after it was
    stopped, it goes on where it was.

    \b
    Examples:
      freedive tune zoo
      freedive tune digits --rows 2000 --epochs 4 --search halving --trials 27
    """
    if search not in SEARCHES:
        raise console.Misuse(f"--search {search!r}: expected one of {', '.join(SEARCHES)}")
    recipe, folder = find(data), output or os.path.join("runs", f"{data}-tune")
    make_folders(folder)
    place = lambda name: os.path.join(folder, name)  # noqa: E731
    task = recipe.load()
    study = searched(task, recipe, search, trials, epochs or recipe.epochs, seed, (rows, place("study.json")))
    made = {"freedive": importlib.metadata.version("freedive"), "seed": seed, **study.best.parameters}
    about = modelfile.About(data, CATALOG[data].class_names, task.reader, None, made)
    result = measure(study.model, about, task.x_test, task.y_test)
    about.test = {name: result[name] for name in ("accuracy", "loss", "mistakes", "rows")}
    modelfile.save(study.model, place("model.safetensors"), about)
    study.to_csv(place("trials.csv"))
    study.plot(place("study.png"))
    console.say(study.table())
    console.say(f"The best one recognises {result['accuracy']:.2%} of the {result['rows']:,} test {task.noun}.")
    console.say(f"Written: {place('model.safetensors')}, study.json, trials.csv, study.png")


def searched(
    task: Task, recipe: Recipe, search: str, trials: int, epochs: int, seed: int, kept: tuple[int | None, str]
) -> Study:
    """The study of a task; `kept` is how many rows it learns from, and its file."""
    x, y = first_rows(task, kept[0])
    classes = int(task.y_train.max()) + 1
    x, x_held, y, y_held = train_test_split(x, y, test_size=VALIDATION, seed=seed)
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
        search=search,
        trials=None if search == "grid" else trials,
        path=kept[1],
        epochs=epochs,
        batch_size=recipe.batch_size,
        seed=seed,
        validation_data=(x_held, y_held),
    )


def dropouts(model: Any) -> list[Any]:
    """The layers that drop."""
    return [layer for layer in paths(model) if isinstance(layer, Dropout)]
