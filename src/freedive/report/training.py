"""The report of a training run: what was reached, how it went, where it errs, what it was made of, how to go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import page
from .classes import class_sections
from .gallery import gallery
from .page import Section, html
from .scores import spelt
from .svg import Series, chart

GRIDS = 6  # of what a generative model made, from the first to the last
TABLE_EPOCHS = 200  # a longer history is in the file beside the report


@dataclass
class TrainingReport:
    """What a report tells. `html()` is the page.

    Args:
        title: of the page.
        result: one sentence.
        tiles: (what, number) of the few numbers that matter most.
        history: name -> numbers by epoch; "loss" with "val_loss", and so on. Those of members or clients stay out.
        scale: a sentence on what the history's numbers are of, where that is not plain.
        kept: the epoch, from 1, whose weights were kept; None if it is the last.
        classes: the names of the classes; none for other tasks.
        y_true: (rows,) classes of the test rows.
        probabilities: (rows, classes) of the test rows.
        samples: the test rows as people see them: pictures (rows, height, width[, channels]), or texts.
        sections: what else is told of the test rows.
        made: (when, picture) of what a generative model made while it trained, as `SampleGrid.grids` has them.
        summary: (layer, kind, output shape, weights) by layer.
        setup: (name, fact).
        seconds: phase -> how long it took.
        use: (what, program) to go on with.
    """

    title: str
    result: str
    tiles: Sequence[tuple[str, str]] = ()
    history: Mapping[str, Sequence[float]] = field(default_factory=dict)
    scale: str = ""
    kept: int | None = None
    classes: Sequence[str] = ()
    y_true: Any = None
    probabilities: Any = None
    samples: Any = None
    sections: Sequence[Section] = ()
    made: Sequence[tuple[str, Any]] = ()
    summary: Sequence[Sequence[object]] = ()
    setup: Sequence[tuple[str, object]] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    use: Sequence[tuple[str, str]] = ()

    def html(self) -> str:
        """The report as one HTML file that needs nothing else.

        >>> "<h1>Run</h1>" in TrainingReport("Run", "It ran.").html()
        True
        """
        named = f'<p class="kind">freedive training report</p><h1>{html(self.title)}</h1>'
        lead = f'<header>{named}<p class="result">{html(self.result)}</p></header>\n{page.tiles(self.tiles)}\n'
        tested = (*self._classes(), *self.sections)
        sections = (self._curves(), self._made(), *tested, self._time(), self._network(), self._use(), self._setup())
        title = f"{self.title}: {self.result}"
        return page.page(title, lead, [section for section in sections if section is not None], "Made by freedive.")

    # how it went ----------------------------------------------------------------------------------------------------
    def _results(self) -> list[str]:
        """The results that are a number an epoch; of members or clients there is one for each."""
        return [name for name, values in self.history.items() if len(values) and np.ndim(values[0]) == 0]

    def _curves(self) -> Section | None:
        names = [name for name in self._results() if not name.startswith("val_") and name != "learning_rate"]
        if not names:
            return None
        kept = f"The dotted line marks epoch {self.kept}, whose weights were kept."
        charts = "".join(self._chart(name) for name in names)
        body = f'{page.legend(self._lines(names[0]))}<div class="charts">{charts}</div>{self._numbers()}'
        return Section("How it learned", body, " ".join(filter(None, (self.scale, kept if self.kept else ""))))

    def _lines(self, name: str) -> list[Series]:
        validation = self.history.get(f"val_{name}")
        lines = [Series("training", "train", self.history[name])]
        return lines if validation is None else [*lines, Series("validation", "validation", validation)]

    def _chart(self, name: str) -> str:
        words = spelt(name)
        words = words[:1].upper() + words[1:]
        drawn = chart(words, self._lines(name), _percent if is_part(name) else _plain, mark=self.kept)
        return page.figure(drawn, words)

    def _numbers(self) -> str:
        names = self._results()
        epochs = len(self.history[names[0]])
        if epochs > TABLE_EPOCHS:
            return ""
        rows = [[e + 1, *(f"{self.history[n][e]:.5g}" for n in names)] for e in range(epochs)]
        headers = ["epoch", *map(spelt, names)]
        return page.details("The numbers of every epoch", page.table(headers, rows))

    # what it made ---------------------------------------------------------------------------------------------------
    def _made(self) -> Section | None:
        if not self.made:
            return None
        places = sorted({round(i * (len(self.made) - 1) / (GRIDS - 1)) for i in range(GRIDS)})
        return gallery("What it made", [self.made[place] for place in places], "From the same noise each time.")

    # where it errs --------------------------------------------------------------------------------------------------
    def _classes(self) -> list[Section]:
        if not len(self.classes) or self.y_true is None:
            return []
        return class_sections([str(c) for c in self.classes], self.y_true, self.probabilities, self.samples)

    # what it was made of --------------------------------------------------------------------------------------------
    def _time(self) -> Section | None:
        if not self.seconds:
            return None
        return Section("Time", page.shares(list(self.seconds.items()), f"{sum(self.seconds.values()):.1f} s"))

    def _network(self) -> Section | None:
        if not self.summary:
            return None
        rows = [[*row[:-1], f"{row[-1]:,}"] for row in self.summary]
        total = sum(int(row[-1]) for row in self.summary)  # type: ignore[call-overload]
        body = page.table(["layer", "kind", "output", "weights"], rows, words=3, kind="network")
        return Section("The network", body, f"{total:,} weights.")

    def _setup(self) -> Section | None:
        return Section("The set-up", page.pairs(self.setup)) if self.setup else None

    def _use(self) -> Section | None:
        return Section("Use it next", "".join(page.code(text, what) for what, text in self.use)) if self.use else None


# how numbers are written -------------------------------------------------------------------------------------------
def is_part(name: str) -> bool:
    """Whether a metric is a part of 1, to be written in percent.

    >>> is_part("val_accuracy"), is_part("loss")
    (True, False)
    """
    return any(word in name for word in ("accuracy", "precision", "recall", "auc", "f1"))


def _percent(value: float) -> str:
    return f"{100 * value:.4g}%"


def _plain(value: float) -> str:
    return f"{value:.4g}"
