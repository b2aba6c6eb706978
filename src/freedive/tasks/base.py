"""A task: raw rows in, a trained model out, by scikit-learn's protocol.

A task has three parts, and each is an object of its own: the **reader** turns raw rows (paths, texts, arrays, tables)
into the network's input, the **model** is an ordinary freedive model, the **target** turns its output into answers. All
three are learned by `fit` and stand in the one file that `save` writes.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, NamedTuple, TypeVar

import numpy as np

from .. import optimizers
from ..callbacks import EarlyStopping, TerminateOnNaN
from ..config import Configured, Family, Fraction, PositiveFloat, PositiveInt, configured_fields, non_negative
from ..core.variables import seeded
from ..data.frames import missing
from ..errors import unknown
from ..optimizers.schedules import CosineDecay
from ..preprocessing.split import one_a_row, strata, train_test_split
from . import modelfile
from .baselines import Baseline
from .beside import compared
from .moments import quicken
from .reading import Reader
from .targets import Target

Self = TypeVar("Self", bound="Task")
FEW = 20  # with fewer rows none are kept aside for validation
FEW_GROUPS = 5  # with fewer of them the rows kept aside are drawn from all


class Settings(NamedTuple):
    """How long and how fast a network learns."""

    epochs: int
    batch_size: int
    learning_rate: float


class Prepared(NamedTuple):
    """Rows as the network takes them: to learn from, and to choose the epoch by (None: there are none)."""

    x: Any
    y: Any
    x_validation: Any = None
    y_validation: Any = None


class NotFittedError(ValueError, AttributeError):
    """A task was asked before it was fitted."""


def check_rows(X: Any, y: Any, where: str) -> None:
    """Refuse what holds no rows, and rows without their labels."""
    for name, given in (("X", X), ("y", y)):
        if isinstance(given, str) or not hasattr(given, "__len__"):
            raise TypeError(
                f"{where}({name}=...): expected rows, as a list, an array or a table. Received: {given!r:.60}"
            )
    rows, labels = (len(next(iter(a.values()), ())) if isinstance(a, Mapping) else len(a) for a in (X, y))
    if rows != labels:  # a dict is of columns
        raise ValueError(f"{where}: X has {rows:,} rows, but y has {labels:,}")
    if rows == 0:
        raise ValueError(f"{where}: there are no rows")


def pair(given: Any, where: str) -> tuple[Any, Any]:
    """Rows and their labels."""
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        raise ValueError(f"{where}: expected (X, y). Received: {given!r:.60}")
    X, y = given
    check_rows(X, y, where)
    return X, y


class Learned:
    """An attribute that `fit` gives a task, None before: kept under a private name, since it is no parameter."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = f"_{name}"

    def __get__(self, task: Any, owner: type) -> Any:
        return None if task is None else vars(task).get(self.name)

    def __set__(self, task: Any, value: Any) -> None:
        vars(task)[self.name] = value


class Task(Configured):
    """Raw rows in, a trained model out.

    A subclass writes its parameters as annotated fields, and `learn_reader`, `learn_target`, `make_network`, `usual`.
    Parameters that are None are chosen by `fit`, which says in `summary()` what it chose.

    Args:
        epochs: passes over the rows.
        batch_size: rows a step.
        learning_rate: at its highest; it falls to 0 along a cosine.
        optimizer: "adam", "sgd", ...
        validation: the part of the rows that is kept aside: the epoch of the second half that does best on them is
            kept. 0 keeps none aside, and the last epoch.
        seed: of all that is drawn: the same seed, the same model.
        verbose: as of `Model.fit`.

    Attributes:
        model: the network, an ordinary `Model`.
        reader: how raw rows become its input.
        target: what its outputs mean.
        history: the numbers of every epoch.
        kept: the epoch, from 1, whose weights were kept.
        settings: epochs, batch size and learning rate, as they were settled.
    """

    family: ClassVar[Family | None] = Family("task")
    noun: ClassVar[str] = "rows"  # what a row is, in the plural
    warm: ClassVar[float] = 0.0  # the part of the steps in which the learning rate grows

    _: dataclasses.KW_ONLY
    epochs: PositiveInt | None = None
    batch_size: PositiveInt | None = None
    learning_rate: PositiveFloat | None = None
    optimizer: str = "adam"
    validation: Fraction = 0.1
    seed: Annotated[int, non_negative] = 0
    verbose: Any = "auto"

    model: ClassVar[Learned] = Learned()
    reader: ClassVar[Learned] = Learned()
    target: ClassVar[Learned] = Learned()
    history: ClassVar[Learned] = Learned()
    kept: ClassVar[Learned] = Learned()
    settings: ClassVar[Learned] = Learned()
    rows: ClassVar[Learned] = Learned()

    def __post_init__(self):
        self.check_parameters()

    def check_parameters(self) -> None:
        """Convert the parameters, or refuse them, as their annotations say; a task may know more."""
        super().__post_init__()

    # what a subclass writes -----------------------------------------------------------------------------------------
    def learn_reader(self, X: Any) -> Reader:
        """The reader for rows like these."""
        raise NotImplementedError

    def learn_target(self, y: Any, every: Any) -> Target:
        """What is asked for: amounts are measured by the labels `y` that are learned from, answers that must all be
        known, such as classes, stand in `every` label, those of rows kept aside too."""
        raise NotImplementedError

    def make_network(self, x: Any, y: Any) -> Any:
        """A network without values for rows as `pairs` gives them; it ends with `self.target.head()`."""
        raise NotImplementedError

    def usual(self, rows: int) -> Settings:
        """What suits so many rows; taken where a parameter is None."""
        raise NotImplementedError

    def checked(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Raw rows and labels, looked at before anything is done."""
        where = f"{type(self).__name__}.fit"
        if y is None:
            raise ValueError(f"{where} requires y to be passed, but the target y is None")
        check_rows(X, y, where)
        absent = next((row for row, label in enumerate(y) if missing(label)), None)
        if absent is not None:
            raise ValueError(f"{where}(y=...): the label in row {absent} is missing. Leave such rows out")
        return X, y

    def answer(self, x: Any) -> Any:
        """Outputs for rows that were read."""
        return self.model.predict(x, verbose=0)

    def features(self, x: Any) -> Any:
        """(rows, ...) numbers that simple methods are told of rows that were read; None: there are none to compare."""
        return None

    def sections(self, X: Any, outputs: Any, y: Any) -> list[Any]:
        """What the report shows of the test rows beside what it shows for every target: raw `X`, `y` of `Target.asked`.

        None among them stands for a part that has nothing to show.
        """
        return []

    # training -------------------------------------------------------------------------------------------------------
    def fit(
        self: Self,
        X: Any,
        y: Any = None,
        validation_data: Any = None,
        callbacks: Sequence[Any] = (),
        resume: Any = None,
        groups: Any = None,
    ) -> Self:
        """Learn from raw rows.

        Args:
            X: rows: files, texts, arrays or a table, as the task takes them.
            y: their labels.
            validation_data: (X, y) to choose the epoch by, instead of a part of the rows.
            callbacks: as of `Model.fit`.
            resume: as of `Model.fit`: a folder in which checkpoints are kept; the same call, made again after it was
                stopped or killed, goes on there with the bits of one that was not.
            groups: whose each row is: a speaker, a patient. Those who are kept aside are not learned from.
        """
        self.prepare(X, y, validation_data, groups)
        return self.train(callbacks, resume)

    def prepare(self: Self, X: Any, y: Any = None, validation_data: Any = None, groups: Any = None) -> Self:
        """The first half of `fit`: reader, target, rows and a compiled network, before any training."""
        X, y = self.checked(X, y)
        learned, held = self.parted(X, y, validation_data, groups)
        self.learn(*learned, y)
        self.rows = Prepared(*self.pairs(*learned), *(() if held is None else self.pairs(*held)))
        count = len(self.rows.y)
        usual = self.usual(count)
        self.settings = Settings(*(getattr(self, name) or getattr(usual, name) for name in Settings._fields))
        with seeded(self.seed):
            self.model = self.make_network(self.rows.x, self.rows.y)
        quicken(self.model, self.settings.epochs * self.steps(count))
        self.model.compile(self.descent(count), self.target.loss, metrics=list(self.target.metrics))
        return self

    def parted(
        self, X: Any, y: Any, validation_data: Any = None, groups: Any = None
    ) -> tuple[tuple[Any, Any], tuple[Any, Any] | None]:
        """Raw rows and labels to learn from, and those to choose the epoch by; None: there are none."""
        if validation_data is not None:
            return (X, y), pair(validation_data, f"{type(self).__name__}.fit(validation_data=...)")
        if not self.validation or len(y) < FEW:
            return (X, y), None
        kept: dict[str, Any] = {"test_size": self.validation, "stratify": self.strata(y)}
        count = 0 if groups is None else len(np.unique(one_a_row(groups)))
        if count >= FEW_GROUPS:
            labels = kept["stratify"]
            labels = None if labels is None else strata(labels, self.validation, groups, least=2)
            kept = {"test_size": max(1, round(self.validation * count)), "stratify": labels, "groups": groups}
        X, held, y, y_held = train_test_split(X, y, **kept, seed=self.seed)
        return (X, y), (held, y_held)

    def strata(self, y: Any) -> Any:
        """What both parts of the rows have in proportion; None: nothing."""
        return None

    def learn(self, X: Any, y: Any, every: Any) -> None:
        """Target and reader, from rows to learn from; `every` label is known, those of rows kept aside too."""
        self.target = self.learn_target(y, every)
        self.reader = self.learn_reader(X)

    def pairs(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Raw rows and labels as the network takes them."""
        _, x, y = self.taken(X, y)
        return x, self.target.encoded(y)

    def taken(self, X: Any, y: Any) -> tuple[Any, Any, Any]:
        """Those raw rows that can be read, the same as the network takes them, and their raw labels."""
        return X, self.encoded(X), y

    def encoded(self, X: Any) -> Any:
        """Raw rows as the network takes them."""
        if self.reader.is_one(X):
            shown = f"shape {X.shape}" if isinstance(X, np.ndarray) else f"{X!r:.60}"
            raise TypeError(
                f"{type(self).__name__}: expected a list of {self.noun}. Received one: {shown}; put it into a list"
            )
        return self.reader.encoded(X)

    def descent(self, rows: int) -> Any:
        """The optimizer."""
        config = {"learning_rate": self.rate(rows, self.settings.learning_rate), **self.stepping()}
        return optimizers.get({"class_name": self.optimizer, "config": config})

    def rate(self, rows: int, peak: float) -> CosineDecay:
        """The learning rate: it grows in the first part of the steps, `warm`, then falls to 0 along a cosine."""
        steps = self.settings.epochs * self.steps(rows)
        warm = max(1, int(self.warm * steps)) if self.warm else 0
        rise = {"warmup_target": peak, "warmup_steps": warm} if warm else {}
        return CosineDecay(0.0 if warm else peak, max(1, steps - warm), **rise)

    def steps(self, rows: int) -> int:
        """Of an epoch."""
        return -(-rows // self.settings.batch_size)

    def stepping(self) -> dict[str, Any]:
        """What the optimizer is told beside its rate."""
        return {}

    def train(self: Self, callbacks: Sequence[Any] = (), resume: Any = None, by: Any = None) -> Self:
        """The second half of `fit`: training, and back to the epoch that did best on the rows kept aside.

        Args:
            callbacks, resume: as of `Model.fit`.
            by: what trains instead of `Model.fit`: called with the network and the same arguments.
        """
        rows, settings = self.rows, self.settings
        held = rows.x_validation is not None
        late = settings.epochs // 2  # before, the learning rate is high, and results jump
        best = EarlyStopping(patience=settings.epochs, restore_best_weights=True, start_from_epoch=late)
        result = (type(self.model).fit if by is None else by)(
            self.model,
            **self.given(),
            epochs=settings.epochs,
            callbacks=[*([best] if held else []), *callbacks, TerminateOnNaN(raise_error=True)],
            verbose=self.verbose,
            seed=self.seed,
            resume=resume,
        )
        self.history = result.history
        self.kept = len(result.epoch) if best.best_weights is None else best.best_epoch + 1
        return self.finish()

    def finish(self: Self) -> Self:
        """What follows the training, whoever trained, with the rows that were prepared."""
        self.rows = None
        return self

    def given(self) -> dict[str, Any]:
        """The rows as `Model.fit` is given them."""
        rows = self.rows
        held = None if rows.x_validation is None else (rows.x_validation, rows.y_validation)
        return {"x": rows.x, "y": rows.y, "batch_size": self.settings.batch_size, "validation_data": held}

    # use ------------------------------------------------------------------------------------------------------------
    def outputs(self, X: Any) -> Any:
        """What the network says of raw rows."""
        self.check_fitted()
        return self.answer(self.encoded(X))

    def predict(self, X: Any) -> Any:
        """Answers for raw rows."""
        outputs = self.outputs(X)
        return self.target.decoded(outputs)

    def evaluate(self, X: Any, y: Any) -> dict[str, Any]:
        """Numbers about the answers for rows whose labels are known."""
        self.check_fitted()
        check_rows(X, y, f"{type(self).__name__}.evaluate")
        _, x, y = self.taken(X, y)
        return self.target.scored(self.answer(x), self.target.asked(y))

    def score(self, X: Any, y: Any) -> float:
        """The number that people ask for first: accuracy of classes, R2 of amounts."""
        return self.evaluate(X, y)[self.target.main]

    def baselines(self, X: Any, y: Any, X_test: Any, y_test: Any) -> list[Baseline]:
        """What simple methods make of the same raw rows, by the number that `score` gives; the best first.

        They are scikit-learn's, where it is installed. None where a task has no simple methods to be compared with.
        """
        self.check_fitted()
        return compared(self, X, y, X_test, y_test)

    def check_fitted(self) -> None:
        """An error where `fit` was not called: scikit-learn's own, if that is there."""
        if self.model is None:
            kind = getattr(sys.modules.get("sklearn.exceptions"), "NotFittedError", NotFittedError)
            raise kind(f"this {type(self).__name__} is not fitted yet: call fit(X, y) first")

    def summary(self, print_fn: Any = print) -> None:
        """Show what was chosen, and the network."""
        self.check_fitted()
        print_fn(f"{self!r}\nreader: {self.reader!r:.300}\ntarget: {self.target!r:.300}\n{self.settings}")
        self.model.summary(print_fn=print_fn)

    # files ----------------------------------------------------------------------------------------------------------
    def about(self, **more: Any) -> modelfile.About:
        """What the file says beside the model."""
        return modelfile.About(task=self, reader=self.reader, target=self.target, **more)

    def save(self, path: str | os.PathLike[str], **more: Any) -> None:
        """Write network, reader and target as one file, which `load` and `freedive predict` take."""
        self.check_fitted()
        modelfile.save(self.model, os.fspath(path), self.about(**more))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Any:
        """The task that `save` wrote.

        Raises:
            ModelFileError: the file is refused; says why.
            TypeError: it holds another task.
        """
        task, _ = loaded(path)
        if not isinstance(task, cls):
            raise TypeError(f"{path}: holds a {type(task).__name__}, and no {cls.__name__}")
        return task

    # scikit-learn's protocol ----------------------------------------------------------------------------------------
    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by name."""
        return {f.name: getattr(self, f.name) for f in configured_fields(type(self))}

    def set_params(self: Self, **params: Any) -> Self:
        """Change parameters; another name is an error."""
        known = self.get_params()
        for name in params:
            if name not in known:
                raise unknown(f"parameter of {type(self).__name__}", name, known)
        fresh = type(self)(**{**known, **params})
        for name in params:
            setattr(self, name, getattr(fresh, name))
        return self


def loaded(path: str | os.PathLike[str]) -> tuple[Task, modelfile.About]:
    """The task of a model's file, and what else the file says; a plain task where it says nothing of one."""
    model, about = modelfile.load(os.fspath(path))
    task = about.task if about.task is not None else Task()
    task.model, task.reader, task.target = model, about.reader, about.target or Target()
    return task, about
