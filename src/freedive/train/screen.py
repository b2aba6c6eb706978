"""The line of the terminal that is redrawn while a run goes on, and how numbers and durations are written on it.

Whoever prints during a run says it through `say`, so that whole lines and the redrawn one do not mix.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Mapping
from typing import Any, TextIO

import numpy as np

NOTEBOOK_WIDTH = 110
BAR_WIDTH = 20


class Screen:
    """Where progress is written: lines that stay, and one live line below them that is redrawn.

    Args:
        stream: written to; by default what `sys.stdout` is at the time.
    """

    def __init__(self, stream: TextIO | None = None):
        self._stream = stream
        self._shown = 0  # characters of the live line

    @property
    def stream(self) -> TextIO:
        """Where to write."""
        return self._stream if self._stream is not None else sys.stdout

    @property
    def is_terminal(self) -> bool:
        """Whether escape sequences are understood."""
        tty = getattr(self.stream, "isatty", lambda: False)
        return bool(tty()) and os.environ.get("TERM") != "dumb"

    @property
    def redraws(self) -> bool:
        """Whether a line can be written over: in a terminal or a notebook."""
        return self.is_terminal or type(self.stream).__module__.startswith("ipykernel")

    @property
    def colours(self) -> bool:
        """Whether to use them: in a terminal that knows them, unless NO_COLOR is set (https://no-color.org)."""
        known = os.name != "nt" or "WT_SESSION" in os.environ or "TERM" in os.environ
        return self.is_terminal and known and not os.environ.get("NO_COLOR")

    @property
    def width(self) -> int:
        """Characters that a line holds."""
        return shutil.get_terminal_size((80, 24)).columns if self.is_terminal else NOTEBOOK_WIDTH

    def live(self, text: str, painted: str | None = None) -> None:
        """Draw the live line anew, cut to the width so that it never wraps.

        Args:
            text: without colours.
            painted: the same with colours; used where they are wanted and the line fits.
        """
        room = self.width - 1
        drawn = painted if painted is not None and self.colours and len(text) <= room else text[:room]
        rest = " " * max(0, self._shown - len(text[:room]))
        self._write(f"\r{drawn}{rest}" + "\b" * len(rest))
        self._shown = len(text[:room])

    def erase(self) -> None:
        """Make the live line empty."""
        if self._shown:
            self._write("\r" + " " * self._shown + "\r")
            self._shown = 0

    def line(self, text: str, painted: str | None = None) -> None:
        """Write a line that stays, in the place of the live one."""
        self.erase()
        self._write((painted if painted is not None and self.colours else text) + "\n")

    def end(self) -> None:
        """Leave the live line as it is and go below it."""
        if self._shown:
            self._write("\n")
            self._shown = 0

    def bar(self, part: float, beside: int = 0) -> tuple[str, str]:
        """A bar that is `part` full, shorter where the line would not fit: plain, and with colours.

        Args:
            part: from 0 to 1.
            beside: characters that stand beside it.
        """
        full, empty = "━", "─"
        try:
            "━─".encode(getattr(self.stream, "encoding", None) or "utf-8")
        except (UnicodeEncodeError, LookupError):
            full, empty = "=", "."
        width = min(BAR_WIDTH, max(BAR_WIDTH // 4, self.width - 1 - beside))
        done = min(width, int(width * part))
        left, right = full * done, empty * (width - done)
        painted = (paint(left, "32") if left else "") + (paint(full * (width - done), "90") if right else "")
        return left + right, painted

    def _write(self, text: str) -> None:
        stream = self.stream
        try:
            stream.write(text)
        except UnicodeEncodeError:  # a metric's name that the terminal cannot show
            encoding = getattr(stream, "encoding", None) or "ascii"
            stream.write(text.encode(encoding, "replace").decode(encoding))
        with contextlib.suppress(AttributeError):
            stream.flush()


screen = Screen()  # a process has one terminal


def say(message: str) -> None:
    """Print a line, above the live one if there is one."""
    screen.line(message)


def paint(text: str, code: str) -> str:
    """Text between an escape sequence of that code and its end."""
    return f"\x1b[{code}m{text}\x1b[0m"


def numbers(logs: Mapping[str, Any]) -> str:
    """Results as they stand in a line; arrays, such as confusion matrices, are left out.

    >>> numbers({"loss": 0.25314, "accuracy": 0.5, "learning_rate": 1e-4, "confusion": np.eye(2)})
    'loss: 0.2531 - accuracy: 0.5000 - learning_rate: 1.0000e-04'

    A mean of members stands with their standard deviation.

    >>> numbers({"loss": 0.5, "loss_members": np.array([0.4, 0.6])})
    'loss: 0.5000 ± 0.1414'
    """
    return " - ".join(
        f"{name}: {number(value)}{_deviation(logs.get(f'{name}_members'))}"
        for name, value in logs.items()
        if np.ndim(value) == 0
    )


def _deviation(members: Any) -> str:
    return f" ± {number(np.std(members, ddof=1))}" if np.size(members) > 1 else ""


def number(value: Any) -> str:
    """Four digits after the point; very small and very large ones with an exponent.

    >>> number(0.1), number(0.0), number(123456.7), number(float("nan"))
    ('0.1000', '0.0000', '1.2346e+05', 'nan')
    """
    if not isinstance(value, (int, float, np.number)):
        return str(value)
    size = abs(float(value))
    return f"{value:.4e}" if 0 < size < 1e-3 or 1e5 <= size < np.inf else f"{value:.4f}"


def duration(seconds: float) -> str:
    """How long something takes.

    >>> duration(0.0412), duration(1.96), duration(75), duration(3725)
    ('41ms', '2s', '1:15', '1:02:05')
    """
    if seconds < 0.95:
        return _small(seconds)
    whole = round(seconds)
    minutes, hours = whole // 60 % 60, whole // 3600
    if hours:
        return f"{hours}:{minutes:02d}:{whole % 60:02d}"
    return f"{minutes}:{whole % 60:02d}" if minutes else f"{whole}s"


def pace(seconds: float, unit: str = "step") -> str:
    """The time of one step.

    >>> pace(0.00123), pace(4.2e-5), pace(2.5)
    ('1ms/step', '42us/step', '2s/step')
    """
    return f"{_small(seconds) if seconds < 0.95 else f'{seconds:.0f}s'}/{unit}"


def _small(seconds: float) -> str:
    return f"{seconds * 1e3:.0f}ms" if seconds >= 0.95e-3 else f"{seconds * 1e6:.0f}us"
