"""A training in words: what begins, what came of it, what the model's file says, and the report."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import shlex
from typing import TYPE_CHECKING

import numpy as np

from ..datasets.catalog import CATALOG
from ..models import summary
from ..report import TrainingReport
from . import doctor
from .console import paint
from .modelfile import About
from .reading import Numbers

if TYPE_CHECKING:
    from .training import Training


# lines in the terminal ----------------------------------------------------------------------------------------------
def beginning(t: Training) -> str:
    """What is about to be done."""
    rows, validation, tests = (f"{len(y):,}" for y in (t.parts[2], t.parts[3], t.task.y_test))
    sizes = f"{rows} {t.task.noun} to learn from, {validation} to choose by, {tests} to test with"
    return f"{t.data}: {sizes}\n{summary.count(t.model):,} weights, {t.recipe.epochs} epochs"


def ending(t: Training) -> str:
    """What came of it, and what to do with it."""
    result = t.result
    found = f"test accuracy {result['accuracy']:.2%}"
    mistakes = "1 mistake" if result["mistakes"] == 1 else f"{result['mistakes']:,} mistakes"
    line = f"{paint(found, '1;32')}: {mistakes} in {result['rows']:,} {t.task.noun}"
    if t.options.quiet:
        return f"{t.data}: {line}, {t.folder}"
    best = f"epoch {t.kept} of {len(t.history['loss'])} was kept, the best on the validation rows"
    return f"{line}; {best}\nwrote {t.model_path}, history.csv and report.html beside it\nnext: {command(t)}"


def command(t: Training) -> str:
    """The line that uses the model."""
    return f"freedive predict {shlex.quote(t.model_path)} {t.task.reader.example}"


# the model's file ---------------------------------------------------------------------------------------------------
def about(t: Training) -> About:
    """What the file says beside the model."""
    test = {name: t.result[name] for name in ("accuracy", "loss", "mistakes", "rows") if name in t.result}
    made = {
        "freedive": importlib.metadata.version("freedive"),
        "jax": importlib.metadata.version("jax"),
        "date": datetime.date.today().isoformat(),
        "seed": t.options.seed,
        "epochs": len(t.history.get("loss", [])) or len(t.model.history.epoch),
    }
    return About(t.data, t.classes, t.task.reader, test or None, made)


# the report ---------------------------------------------------------------------------------------------------------
def report(t: Training) -> TrainingReport:
    """The report of a training that was tested."""
    result, epochs = t.result, len(t.history["loss"])
    spent = sum(t.seconds.values())
    sentence = (
        f"{result['accuracy']:.2%} of the {result['rows']:,} test {t.task.noun} are recognised "
        f"after {epochs} {'epoch' if epochs == 1 else 'epochs'} and {spent:.0f} seconds."
    )
    tiles = [
        ("test accuracy", f"{result['accuracy']:.2%}"),
        ("test loss", f"{result['loss']:.4f}"),
        (f"mistakes of {result['rows']:,}", f"{result['mistakes']:,}"),
        ("epochs", str(epochs)),
        ("weights", f"{summary.count(t.model):,}"),
        ("seconds", f"{spent:.1f}"),
    ]
    return TrainingReport(
        title=t.data.replace("_", " ").capitalize(),
        result=sentence,
        tiles=tiles,
        history={name: values for name, values in t.history.items() if np.ndim(values) == 1},
        kept=t.kept,
        classes=t.classes,
        y_true=t.task.y_test,
        probabilities=t.answers,
        samples=t.task.samples,
        summary=[(r.name, r.kind, sizes(r.shape), r.params) for r in summary.rows(t.model)],
        setup=setup(t),
        seconds={name: t.seconds[name] for name in ("prepare", "compile", "train", "evaluate")},
        use=use(t),
    )


def setup(t: Training) -> list[tuple[str, object]]:
    """What it was made of and with."""
    info, recipe = CATALOG[t.data], t.recipe
    return [
        ("data", info.sizes),
        ("licence", info.licence),
        ("source", info.source),
        ("training rows", f"{len(t.parts[2]):,}"),
        ("validation rows", f"{len(t.parts[3]):,}"),
        ("test rows", f"{len(t.task.y_test):,}"),
        ("batch size", recipe.batch_size),
        ("optimizer", recipe.optimizer),
        ("learning rate", f"{recipe.learning_rate:g}, falling to 0 along a cosine"),
        ("loss", "sparse categorical cross-entropy"),
        ("epoch kept", "the lowest validation loss in the second half"),
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
    shape = ", ".join(map(str, t.task.x_test.shape[1:]))
    python = (
        "import freedive as fd\n"
        f'model = fd.models.load_model("{t.model_path.replace(os.sep, "/")}")\n'
        f"probabilities = model.predict(x)  # x: (n, {shape}), {_kind(t)}"
    )
    again = f"freedive evaluate {shlex.quote(t.model_path)}"
    return [("In Python", python), ("In a terminal", f"{command(t)}\n{again}")]


def _kind(t: Training) -> str:
    if t.task.x_test.dtype == np.uint8:
        return "from 0 to 255"
    return "float32" if type(t.task.reader) is Numbers else f"as the file's reader encodes {t.task.reader.example}"


def sizes(shape: str) -> str:
    """The sizes of a row of a layer's output.

    >>> sizes("(None, 26, 26, 32)"), sizes("(None, 10)")
    ('26 × 26 × 32', '10')
    """
    return " × ".join(shape.strip("()").replace(",", "").split()[1:])
