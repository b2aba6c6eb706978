"""What was typed of a task and of its data, --set NAME=VALUE among it, as the task takes it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from .. import optimizers
from ..config import field_converters
from ..tasks import Task
from ..tasks.reading import Reader
from ..tasks.told import READING, Told, read_as
from . import console
from .options import Options


def told_by(options: Options) -> Told:
    """What the options say about the data."""
    given = {name: getattr(options, name) for name in Told._fields if name not in ("reading", "together")}
    reading = {name: value for name, value in map(parameter, options.set or ()) if name in READING}
    return Told(**given, reading=read_as(reading) if reading else None)


def read_otherwise(reader: Reader, given: Sequence[str] | None) -> None:
    """Let a model's reader read files in another way than those that the model learned from."""
    told = dict(map(parameter, given or ()))
    for name in told:
        if name not in reader.ways:
            known = f"what can be said of its files: {', '.join(reader.ways)}" if reader.ways else "nothing can be"
            raise console.Misuse(f"--set {name} means nothing for this model; {known}")
    reader.reading = {**reader.reading, **read_as(told)}  # type: ignore[misc]


def settled(task: Task, options: Options) -> Task:
    """The task with the numbers that the command gave."""
    wanted = {name: getattr(options, name) for name in ("epochs", "batch_size", "learning_rate", "optimizer")}
    told = dict(map(parameter, options.set or ())) | {
        name: value for name, value in wanted.items() if value is not None
    }
    known = task.get_params()
    told = {name: suited(task, name, value) for name, value in told.items() if name in known or name not in READING}
    try:
        task.set_params(**told, seed=options.seed, verbose=0 if options.quiet else "auto")
        task.check_parameters()  # scikit-learn's protocol lets some tasks look at them later
    except (TypeError, ValueError) as error:
        raise console.Misuse(f"--set: {error}") from None
    try:
        optimizers.get(task.optimizer)
    except ValueError as error:
        raise console.Misuse(f"--optimizer: {error}") from None
    return task


def parameter(given: str) -> tuple[str, Any]:
    """The name and the value of a parameter; what is not JSON is a text.

    >>> parameter("size=[64, 48]"), parameter("augment=strong"), parameter("flips=false")
    (('size', [64, 48]), ('augment', 'strong'), ('flips', False))
    """
    name, is_there, value = given.partition("=")
    if not is_there:
        raise console.Misuse(f"--set {given}: expected NAME=VALUE")
    return name.strip(), typed(value)


def typed(value: str) -> Any:
    """A value as it was meant: JSON, Python's words, or a text."""
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return {"True": True, "False": False, "None": None}.get(value, value)


def suited(task: Task, name: str, value: Any) -> Any:
    """A value as it is; the list of what stands between its commas, where the parameter takes that alone.

    >>> from freedive import Forecaster
    >>> suited(Forecaster(), "quantiles", "0.1,0.5"), suited(Forecaster(), "network", "tcn")
    ([0.1, 0.5], 'tcn')
    """
    check = field_converters(type(task)).get(name, lambda given: given)
    several = [typed(part.strip()) for part in value.split(",")] if isinstance(value, str) else [value]
    return value if takes(check, value) or not takes(check, several) else several


def takes(check: Any, value: Any) -> bool:
    """Whether a check lets a value pass."""
    try:
        check(value)
    except (TypeError, ValueError):
        return False
    return True
