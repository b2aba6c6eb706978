"""A study: the trials of a search, as a table, a picture and a file from which it goes on."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ...config import argument
from ...files import make_folders, read_json, write_text_atomic
from ...files.opening import open_regular
from ...train.screen import number
from .space import Space, meant

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def study_file(value: Any) -> str | None:
    """A path that ends in .json; None for none.

    >>> study_file("runs/study.json")
    'runs/study.json'
    """
    path = None if value is None or value is False else os.fspath(value)
    if path is not None and not path.endswith(".json"):
        raise ValueError(f"a study is kept in a file: resume={path + '.json'!r}")
    return path


class Trial(NamedTuple):
    """Parameters, and what came of them.

    `score` is the monitored result of the trial's last epoch, `worth` the same with the sign that makes more better,
    `curve` the result of each epoch, `state` "done", "stopped" where others were let go on instead, or
    "pruned" where it was worse than the median.
    """

    number: int
    parameters: dict[str, Any]
    score: float
    worth: float
    curve: list[float]
    state: str = "done"


class Study:
    """What `tune` gives: `trials` in order, `best` among those that are done, `model`, the best one, ready to use.

    Args:
        space: what parameters may be.
        monitor: the result that decides.
        sign: 1 where more of it is better, -1 where less is.
        asked: what the study was asked to do, as JSON: a file of another search is refused.
        path: the file that it is kept in, ending in .json; None for none.
    """

    def __init__(self, space: Space, monitor: str, sign: int, asked: dict[str, Any], path: Any = None):
        self.space, self.monitor, self.sign, self.asked = space, monitor, sign, asked
        self.path = argument("tune", "resume", path, study_file)
        self.trials: list[Trial] = []
        self.model: Any = None

    def add(self, trials: list[Trial], made: Callable[[], Any]) -> None:
        """Take in trials that ended, and write the file; `made` gives the model of the best one, if it is among them.

        Its weights are written first, under its number: the file never names a trial whose weights are not there.
        """
        former = self._weights
        self.trials = sorted([*self.trials, *trials], key=lambda trial: trial.number)
        if self.done and self.best in trials:
            self.model = made()
            if self._weights is not None:
                self.model.save_weights(self._weights)
        if self.path is not None:
            told = {"asked": self.asked, "trials": [_written(trial) for trial in self.trials]}
            write_text_atomic(self.path, json.dumps(told, indent=1))
        if former not in (None, self._weights):
            Path(former).unlink(missing_ok=True)

    def restore(self, build: Callable[[Trial], Any]) -> None:
        """Make the model of the best trial again, after the study was read from a file."""
        model = build(self.best)
        model.load_weights(self._weights)
        self.model = model

    @property
    def _weights(self) -> Any:
        """The file of the best trial's weights; None where there is none."""
        if self.path is None or not self.done:
            return None
        return f"{self.path.removesuffix('.json')}.{self.best.number}.weights.safetensors"

    def load(self) -> None:
        """Go on from the file, if it is there and of the same search."""
        if self.path is None:
            return
        make_folders(os.path.dirname(self.path) or os.curdir)  # what cannot be written is found before a trial
        if not os.path.exists(self.path):
            return
        with open_regular(self.path) as file:
            told = read_json(self.path, file.read().decode("utf-8", "replace"))
        then = told.get("asked") if isinstance(told, Mapping) else None
        now = json.loads(json.dumps(self.asked))
        if not isinstance(then, Mapping) or then != now:
            other = [name for name in now if not isinstance(then, Mapping) or then.get(name) != now[name]]
            raise ValueError(
                f"tune(resume={self.path!r}): this file holds another search, of other {', '.join(other) or 'things'}. "
                "Give another file, or ask for the same"
            )
        try:
            self.trials = [_read(trial, self.space, self.sign) for trial in told["trials"]]
        except (LookupError, TypeError, ValueError) as error:
            raise ValueError(f"tune(resume={self.path!r}): the file holds no trials such as tune writes") from error

    @property
    def best(self) -> Trial:
        """The best trial of those that are done."""
        if not self.done:
            raise ValueError(f"Study.best: no trial has come to its end with a finite {self.monitor}")
        return max(self.done, key=lambda trial: trial.worth)

    @property
    def done(self) -> list[Trial]:
        """The trials that have come to their end with a finite result."""
        return [trial for trial in self.trials if trial.state == "done" and math.isfinite(trial.worth)]

    # showing --------------------------------------------------------------------------------------------------------
    def table(self, most: int | None = 10) -> str:
        """The trials as text, the best first.

        Args:
            most: how many; None: all.
        """
        ranked = sorted(self.trials, key=lambda trial: (trial.state != "done", -_finite(trial.worth)))
        rows = [["trial", *self.space, self.monitor, "epochs"]]
        rows += [[str(t.number), *map(_shown, t.parameters.values()), number(t.score), str(len(t.curve))]
                 for t in ranked[:most]]  # fmt: skip
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        return "\n".join("  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) for row in rows)

    def to_csv(self, path: Any) -> None:
        """Write the trials as a table, a row a trial; the file is written whole or not at all."""
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["trial", *self.space, self.monitor, "epochs", "state"])
        writer.writerows([t.number, *t.parameters.values(), t.score, len(t.curve), t.state] for t in self.trials)
        write_text_atomic(path, text.getvalue())

    def plot(self, path: Any = None) -> Figure:
        """Draw the parameters of all trials as parallel lines, and the best result so far over the trials.

        Args:
            path: where to save the picture too (.png, .svg, .pdf).
        """
        from .picture import draw  # matplotlib is imported when something is drawn

        return draw(self, path)

    def __repr__(self) -> str:
        best = ""
        if self.done:
            shown = ", ".join(f"{name}={_shown(value)}" for name, value in self.best.parameters.items())
            best = f", the best {self.monitor} {number(self.best.score)} with {shown}"
        return f"Study({len(self.trials)} trials{best})"


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _finite(value: float) -> float:
    return value if math.isfinite(value) else -math.inf


def _written(trial: Trial) -> dict[str, Any]:
    """A trial as JSON, which has no word for numbers that are not finite."""
    numbers = {"score": trial.score, "curve": trial.curve}
    safe = {n: [_or_none(v) for v in value] if isinstance(value, list) else _or_none(value)
            for n, value in numbers.items()}  # fmt: skip
    return {"number": trial.number, "parameters": trial.parameters, "state": trial.state} | safe


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _read(told: Mapping[str, Any], space: Space, sign: int) -> Trial:
    score = math.nan if told["score"] is None else told["score"]
    curve = [math.nan if value is None else value for value in told["curve"]]
    worth = sign * score if math.isfinite(score) else -math.inf
    parameters = {name: meant(space[name], value) for name, value in told["parameters"].items()}
    return Trial(told["number"], parameters, score, worth, curve, told["state"])
