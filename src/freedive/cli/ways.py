"""What `freedive distill` and `freedive federate` do: a training of `freedive train`, by another method."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from .. import optimizers
from ..errors import unknown
from ..federated import partition, simulate
from ..federated.simulate import STRATEGIES
from ..methods import distill
from ..tasks import Classes
from ..tasks.base import loaded
from . import console
from .measuring import remembered
from .options import Options
from .parameters import told_by
from .training import Training, Way, given_rows, run


class Teaching(NamedTuple):
    """What `freedive distill` was told beside the training: see `distill`."""

    temperature: float
    alpha: float


def learn_from(teacher: str, data: str | None, teaching: Teaching, options: Options) -> None:
    """Train a network by the answers of a model's file."""
    task, about = loaded(teacher)
    known = data or about.data
    if not known:
        raise console.Misuse(f"{teacher} does not say what it learned from: name the data")
    words = ["--temperature", str(teaching.temperature), "--alpha", str(teaching.alpha)]
    told = None if data else remembered(teacher, about, **told_by(options)._replace(seed=None, together=None)._asdict())

    def begin(training: Training) -> Callable[..., Any]:
        refuse_other_target(teacher, task, training)
        answers = task.answer(task.reader.encoded(learned_rows(training)))
        note(training, "taught by", f"{teacher}, {told_of(teaching)}")

        def by(model: Any, x: Any, y: Any, **fit: Any) -> Any:
            return distill(answers, model, x, y, teaching.temperature, teaching.alpha, **fit)

        return by

    run(known, options, Way(["distill", teacher, *([data] if data else []), *words], begin, "-student", told))


def note(training: Training, name: str, fact: str) -> None:
    """A fact for the report."""
    training.source.facts = [*training.source.facts, (name, fact)]


def told_of(teaching: Teaching) -> str:
    """How, in words."""
    return f"temperature {teaching.temperature:g}, targets counting {teaching.alpha:g}"


def refuse_other_target(teacher: str, task: Any, training: Training) -> None:
    """Teacher and student must answer in the same classes, in the same order."""
    own = training.task.target
    if isinstance(own, Classes) and isinstance(task.target, Classes) and list(own.values) == list(task.target.values):
        return
    if type(own) is type(task.target) and not isinstance(own, Classes):
        return
    raise console.Misuse(
        f"{teacher} answers {console.clean(repr(task.target))}, and the rows ask for {console.clean(repr(own))}: "
        "teacher and student must answer alike"
    )


def learned_rows(training: Training) -> Any:
    """The raw rows that the network is to learn from, as the task divided them."""
    task = training.task
    X, y, groups = given_rows(training)
    learned, _ = task.parted(*task.checked(X, y), groups=groups)
    return task.taken(*learned)[0]


class Federation(NamedTuple):
    """What `freedive federate` was told beside the training: see `federated.simulate` and `federated.partition`."""

    clients: int
    alpha: float | None
    rounds: int
    strategy: str
    fraction: float
    local_epochs: int
    learning_rate: float


def learn_apart(data: str, federation: Federation, options: Options) -> None:
    """Train a network by clients who keep their rows."""
    if federation.strategy not in STRATEGIES:
        raise console.Misuse(f"--strategy: {unknown('strategy', federation.strategy, STRATEGIES)}")
    given = federation._asdict()
    words = [word for name, value in given.items() if value is not None and name not in ("rounds", "learning_rate")
             for word in (f"--{name.replace('_', '-')}", str(value))]  # fmt: skip

    def begin(training: Training) -> Callable[..., Any]:
        model, target = training.task.model, training.task.target
        model.compile(optimizers.SGD(federation.learning_rate, 0.9), target.loss, metrics=list(target.metrics))
        alpha = federation.alpha
        dealt: dict[str, Any] = {} if alpha is None else {"by": "dirichlet", "alpha": alpha}
        told = "at random" if alpha is None else f"by Dirichlet({alpha:g})"
        note(training, "clients", f"{federation.clients}, rows dealt out {told}")

        def learn(model: Any, x: Any, y: Any, epochs: int, **fit: Any) -> Any:
            clients = partition(x, y, federation.clients, seed=options.seed, **dealt)
            told = (federation.strategy, federation.fraction, federation.local_epochs)
            return simulate(model, clients, epochs, *told, **fit)

        return learn

    asked = options._replace(epochs=federation.rounds, learning_rate=federation.learning_rate)
    run(data, asked, Way(["federate", data, *words], begin, "-federated", spelt={"epochs": "rounds"}))
