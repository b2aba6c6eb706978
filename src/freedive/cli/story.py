"""A training in words: what begins, what came of it, what the model's file says, and the report."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import re
import shlex
from typing import TYPE_CHECKING, Any

from ..errors import counted
from ..models import summary
from ..report import TrainingReport
from ..report.page import Section
from ..tasks import Classes
from ..tasks.beside import line, section
from . import doctor
from .console import clean, paint

if TYPE_CHECKING:
    from .training import Training

PHASES = ("prepare", "compile", "train", "evaluate", "compare")


# lines in the terminal ----------------------------------------------------------------------------------------------
def beginning(t: Training) -> str:
    """What is about to be done."""
    noun, tests = t.source.noun, len(t.y_test)
    sizes = f"{counted(t.learned, noun)} to learn from, {t.held:,} to choose by, {tests:,} to test with"
    found = [f"found {t.source.found}"] if t.source.found else []
    chosen = f"{summary.count(t.task.model):,} weights, {counted(t.task.settings.epochs, 'epochs')}"
    scale = [t.task.target.scale_of_learning] if t.task.target.scale_of_learning else []
    lines = "\n".join([*found, f"{t.source.name}: {sizes}", chosen, *scale]).split("\n")
    return "\n".join(map(clean, lines))


def ending(t: Training) -> str:
    """What came of it, and what to do with it."""
    found, rest, _ = t.task.target.told(t.result, t.source.noun)
    reached = f"{paint(found, '1;32')}: {rest}"
    if t.options.quiet:
        return f"{t.source.name}: {reached}, {t.folder}"
    beside = f"\nbeside it: {line(t.task.target.main, t.simple)}" if t.simple else ""
    why = "the best on the validation rows" if t.held else "the last"
    best = f"epoch {t.task.kept} of {len(t.task.history['loss'])} was kept, {why}"
    return f"{reached}; {best}{beside}\nwrote {t.model_path}, history.csv and report.html beside it\nnext: {command(t)}"


def command(t: Training) -> str:
    """The line that uses the model."""
    return f"freedive predict {shlex.quote(t.model_path)} {t.task.reader.example}"


# the model's file ---------------------------------------------------------------------------------------------------
def about(t: Training) -> dict[str, Any]:
    """What the file says beside the model and the task."""
    made = {
        "freedive": importlib.metadata.version("freedive"),
        "jax": importlib.metadata.version("jax"),
        "date": datetime.date.today().isoformat(),
        "command": t.known_by,
        "seed": t.options.seed,
        "contents": t.contents,
        "epochs": len((t.task.history or {}).get("loss", [])) or len(t.task.model.history.epoch),
    }
    return {"data": t.data, "test": plain(t.result) or None, "made": made, "told": t.told.given}


def plain(result: dict[str, Any]) -> dict[str, Any]:
    """The numbers of a result, without its tables."""
    return {name: value for name, value in result.items() if isinstance(value, (int, float))}


# the report ---------------------------------------------------------------------------------------------------------
def report(t: Training) -> TrainingReport:
    """The report of a training that was tested."""
    task, source = t.task, t.source
    target, epochs = task.target, len(task.history["loss"])
    spent = sum(seconds for phase, seconds in t.seconds.items() if phase != "compare")
    sentence = target.told(t.result, source.noun)[2]
    classes = isinstance(target, Classes)
    tiles = [
        *target.tiles(t.result),
        ("epochs", str(epochs)),
        ("weights", f"{summary.count(task.model):,}"),
        ("seconds", f"{spent:.1f}"),
    ]
    asked = dict(source.facts).get("target")
    since = " since it went on where it was stopped" if t.resumed else ""
    return TrainingReport(
        title=source.name.replace("_", " ").capitalize() + (f": {asked}" if asked else ""),
        result=f"{sentence} after {counted(epochs, 'epochs')} and {spent:.0f} seconds{since}.",
        tiles=tiles,
        history=task.history,
        scale=target.scale_of_learning,
        kept=task.kept,
        classes=target.names if classes else (),
        y_true=t.y_test if classes else None,
        probabilities=target.probabilities(t.outputs) if classes else None,
        samples=source.samples(source.x_test) if callable(source.samples) else source.samples,
        sections=[*beside(t), *(s for s in task.sections(source.x_test, t.outputs, t.y_test) if s is not None)],
        summary=[(r.name, r.kind, sizes(r.shape), r.params) for r in summary.rows(task.model)],
        setup=setup(t),
        seconds={name: t.seconds[name] for name in PHASES if name in t.seconds},
        use=use(t),
    )


def beside(t: Training) -> list[Section]:
    """The network among the simple methods, where there are any."""
    main = t.task.target.main
    return [section(main, t.result[main], t.seconds["train"], t.learned, t.simple)] if t.simple else []


def setup(t: Training) -> list[tuple[str, object]]:
    """What it was made of and with."""
    task, settings = t.task, t.task.settings
    kept = "the lowest validation loss in the second half" if t.held else "the last"
    rise = f"growing in the first {task.warm:.0%} of the steps, then " if task.warm else ""
    return [
        *t.source.facts,
        ("task", repr(task)),
        ("training rows", f"{t.learned:,}"),
        ("validation rows", f"{t.held:,}"),
        ("test rows", f"{len(t.y_test):,}"),
        ("batch size", settings.batch_size),
        ("optimizer", task.optimizer),
        ("learning rate", f"{settings.learning_rate:g}, {rise}falling to 0 along a cosine"),
        ("loss", str(getattr(task.target.loss, "__name__", task.target.loss)).replace("_", " ").removesuffix("()")),
        ("epoch kept", kept),
        ("seed", t.options.seed),
        ("freedive", importlib.metadata.version("freedive")),
        ("jax", importlib.metadata.version("jax")),
        ("Python", platform.python_version()),
        ("system", f"{platform.system()} {platform.machine()}"),
        ("computed on", doctor.devices()),
        ("cores", doctor.cores()),
        ("date", datetime.date.today().isoformat()),
    ]


def use(t: Training) -> list[tuple[str, str]]:
    """How to go on."""
    kind = type(t.task).__name__
    python = (
        "import freedive as fd\n"
        f'task = fd.{kind}.load("{t.model_path.replace(os.sep, "/")}")\n'
        f"answers = task.predict(x)  # x: {t.source.noun}, as they were given"
    )
    again = f"freedive evaluate {shlex.quote(t.model_path)}"
    return [("In Python", python), ("In a terminal", f"{command(t)}\n{again}")]


def sizes(shape: str) -> str:
    """The sizes of a row of a layer's output, or of each of several.

    >>> sizes("(None, 26, 26, 32)"), sizes("(None, 10)"), sizes("(None, 41, 8), (None, 4)")
    ('26 × 26 × 32', '10', '41 × 8, 4')
    """
    outputs = [part.replace(",", "").split()[1:] for part in re.findall(r"[(]([^()]*)[)]", shape)]
    return ", ".join(" × ".join(numbers) for numbers in outputs)
