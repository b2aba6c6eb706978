"""What `freedive train` does: rows, network, training, test, files."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple

import numpy as np

from .. import optimizers
from ..callbacks import Callback, CSVLogger, EarlyStopping, TerminateOnNaN
from ..core.variables import set_seed
from ..datasets.catalog import CATALOG
from ..files import make_folders, write_text_atomic
from ..optimizers.schedules import CosineDecay
from ..preprocessing import train_test_split
from . import console, modelfile, story
from .answers import probabilities
from .interrupts import stops_at_edge
from .measuring import scored
from .recipes import Recipe, Task, find

VALIDATION = 0.1  # of the training rows


class Options(NamedTuple):
    """What the command was told; None: as the recipe says."""

    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    optimizer: str | None = None
    seed: int = 0
    rows: int | None = None
    output: str | None = None
    quiet: bool = False


@dataclasses.dataclass
class Training:
    """A training under way, and what is known of it so far."""

    data: str
    options: Options
    recipe: Recipe
    folder: str
    seconds: dict[str, float] = dataclasses.field(default_factory=dict)
    task: Any = None
    parts: Any = None  # x_train, x_validation, y_train, y_validation
    model: Any = None
    history: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    kept: int | None = None  # the epoch, from 1, whose weights were kept
    answers: Any = None  # (test rows, classes)
    result: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""
        return CATALOG[self.data].class_names

    @property
    def model_path(self) -> str:
        """The file of the model."""
        return os.path.join(self.folder, "model.safetensors")

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time spent on a part of the work."""
        began = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - began


def run(data: str, options: Options) -> None:
    """Train on a data set, and write what came of it."""
    recipe = settled(find(data), options)
    training = Training(data, options, recipe, options.output or os.path.join("runs", data))
    make_folders(training.folder)
    with training.phase("prepare"):
        prepare(training)
    if not options.quiet:
        console.say(story.beginning(training))
    try:
        with training.phase("train"):
            learn(training)
        training.seconds["train"] -= training.seconds["compile"]
        with training.phase("evaluate"):
            test(training)
    except KeyboardInterrupt:
        raise console.Stopped(keep(training)) from None
    modelfile.save(training.model, training.model_path, story.about(training))
    write_text_atomic(os.path.join(training.folder, "report.html"), story.report(training).html())
    console.say(story.ending(training))


def settled(recipe: Recipe, options: Options) -> Recipe:
    """The recipe with the numbers that the command gave."""
    wanted = {name: getattr(options, name) for name in ("epochs", "batch_size", "learning_rate", "optimizer")}
    if options.learning_rate is not None and not 0 < options.learning_rate < float("inf"):
        raise console.Misuse(f"--learning-rate {options.learning_rate}: expected a number over 0")
    settled = dataclasses.replace(recipe, **{name: value for name, value in wanted.items() if value is not None})
    try:
        optimizers.get(settled.optimizer)
    except ValueError as error:
        raise console.Misuse(f"--optimizer: {error}") from None
    return settled


def prepare(training: Training) -> None:
    """Rows and network."""
    options, recipe = training.options, training.recipe
    set_seed(options.seed)
    task = training.task = recipe.load()
    x, y = first_rows(task, options.rows)
    few = len(y) * VALIDATION < 2 * len(training.classes)  # too few for some of every class
    training.parts = train_test_split(x, y, test_size=VALIDATION, stratify=None if few else y, seed=options.seed)
    model = training.model = recipe.network(task, len(training.classes))
    steps = recipe.epochs * -(-len(training.parts[2]) // recipe.batch_size)
    rate = CosineDecay(recipe.learning_rate, steps)
    optimizer = optimizers.get({"class_name": recipe.optimizer, "config": {"learning_rate": rate}})
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])


def first_rows(task: Task, count: int | None) -> tuple[Any, np.ndarray]:
    """Some of the training rows, or all."""
    return (task.x_train, task.y_train) if count is None else (task.x_train[:count], task.y_train[:count])


class CompileTime(Callback):
    """Remembers how long compilation took."""

    edge: ClassVar[Any] = "never"
    seconds = 0.0

    def on_compiled(self, seconds: float) -> None:
        self.seconds = seconds


def learn(training: Training) -> None:
    """Fit, and go back to the epoch that did best on the validation rows."""
    recipe, options = training.recipe, training.options
    x, x_validation, y, y_validation = training.parts
    clock = CompileTime()
    late = recipe.epochs // 2  # before, the learning rate is high, and results jump
    best = EarlyStopping(patience=recipe.epochs, restore_best_weights=True, start_from_epoch=late)
    log = CSVLogger(os.path.join(training.folder, "history.csv"))
    with stops_at_edge() as stop:
        history = training.model.fit(
            x,
            y,
            batch_size=recipe.batch_size,
            epochs=recipe.epochs,
            validation_data=(x_validation, y_validation),
            callbacks=[clock, best, log, TerminateOnNaN(raise_error=True), stop],
            verbose=0 if options.quiet else "auto",
            seed=options.seed,
        )
    if stop.asked:
        raise KeyboardInterrupt
    training.seconds["compile"] = clock.seconds
    training.history = history.history
    training.kept = best.best_epoch + 1


def test(training: Training) -> None:
    """The answers on the test rows, looked at for the first time."""
    task = training.task
    training.answers = probabilities(training.model.predict(task.x_test, verbose=0), training.classes)
    training.result = scored(training.answers, task.y_test, training.classes)


def keep(training: Training) -> str:
    """After Ctrl-C: write what was learned so far; what was kept, in words."""
    done = len(training.model.history.epoch) if training.model.history is not None else 0
    if not done:
        return "Stopped before the end of the first epoch. No model was written."
    modelfile.save(training.model, training.model_path, story.about(training))
    return (
        f"Stopped after {done} of {training.recipe.epochs} epochs. Kept: {training.model_path}, which "
        f"was not tested, and history.csv beside it."
    )
