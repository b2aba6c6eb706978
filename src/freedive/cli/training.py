"""What `freedive train` does: rows, network, training, test, files."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shlex
import time
from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple

import numpy as np

from .. import optimizers
from ..callbacks import Callback, Checkpoints, CSVLogger, EarlyStopping, TerminateOnNaN
from ..core.variables import set_seed
from ..datasets.catalog import CATALOG
from ..files import make_folders, write_text_atomic
from ..optimizers.schedules import CosineDecay
from ..preprocessing import train_test_split
from . import console, modelfile, story
from .answers import probabilities
from .measuring import scored
from .recipes import Recipe, Task, find

VALIDATION = 0.1  # of the training rows
EVERY = 20.0  # seconds between two checkpoints


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
    resume: bool = False


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
    except (KeyboardInterrupt, SystemExit) as stop:
        raise console.Stopped(keep(training), getattr(stop, "code", None)) from None
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
    history = training.model.fit(
        x,
        y,
        batch_size=recipe.batch_size,
        epochs=recipe.epochs,
        validation_data=(x_validation, y_validation),
        callbacks=[clock, best, log, TerminateOnNaN(raise_error=True)],
        verbose=0 if options.quiet else "auto",
        seed=options.seed,
        resume=checkpoints(training),
    )
    training.seconds["compile"] = clock.seconds
    training.history = history.history
    training.kept = best.best_epoch + 1


def checkpoints(training: Training) -> Checkpoints:
    """Where the training goes on after it was stopped; nothing is left of one that came to its end."""
    options, folder = training.options, os.path.join(training.folder, "checkpoints")
    there = os.path.isdir(folder) and any(name.startswith("step-") for name in os.listdir(folder))
    again = shlex.join(["freedive", "train", training.data, *words(options), "--resume"])
    if there and not options.resume:
        console.warn(f"A training that was stopped stands in {folder}; this one begins anew. To go on with it: {again}")
    if options.resume and not there:
        console.warn(f"There is nothing to go on with in {folder}: the training begins")
    keeper = Checkpoints(folder, seconds=EVERY, restore=options.resume)
    keeper.command, keeper.delete = again, True
    return keeper


def words(options: Options) -> list[str]:
    """The options that decide the training, as they are written in a terminal."""
    given = {**options._asdict(), "seed": options.seed or None, "quiet": None, "resume": None}
    return [
        word
        for name, value in given.items()
        if value is not None
        for word in (f"--{name.replace('_', '-')}", str(value))
    ]


def test(training: Training) -> None:
    """The answers on the test rows, looked at for the first time."""
    task = training.task
    training.answers = probabilities(training.model.predict(task.x_test, verbose=0), training.classes)
    training.result = scored(training.answers, task.y_test, training.classes)


def keep(training: Training) -> str:
    """After Ctrl-C or SIGTERM: write what was learned so far; what was kept, in words."""
    done = len(training.model.history.epoch) if training.model.history is not None else 0
    if not done:
        return "Stopped before the end of the first epoch. No model was written."
    modelfile.save(training.model, training.model_path, story.about(training))
    return (
        f"Stopped after {done} of {training.recipe.epochs} epochs. Kept: {training.model_path}, which "
        f"was not tested, and history.csv beside it."
    )
