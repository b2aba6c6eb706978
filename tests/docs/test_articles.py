"""The page about the articles: every row stands there once; what is said to be here can be imported and is tested."""

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COUNTS = {"F": 22, "P": 11, "T": 13, "M": 32, "C": 7}
LINES = re.findall(r"^\| ([A-Z]\d+) \| (.+?) \| (.+?) \|(.*)\|$", (ROOT / "docs/articles.md").read_text("utf-8"), re.M)


def test_every_row_stands_there_once():
    assert [line[0] for line in LINES] == [f"{kind}{i}" for kind, count in COUNTS.items() for i in range(1, count + 1)]


@pytest.mark.parametrize(("row", "_", "state", "places"), LINES, ids=[line[0] for line in LINES])
def test_what_is_said_to_be_here_is_here(row, _, state, places):
    named = re.findall(r"`([^`]+)`", places)
    paths = [name for name in named if "/" in name]
    assert state in ("here", "open")
    assert bool(named) == (state == "here"), f"{row}: an open row names nothing, another names its code"
    if state == "here":
        assert any(path.startswith("tests/") for path in paths), f"{row}: no test"
        assert len(named) > sum(path.startswith("tests/") for path in paths), f"{row}: no module and no example"
    for path in paths:
        assert (ROOT / path).is_file(), f"{row}: there is no {path}"
    for name in set(named) - set(paths):
        found(name)


def found(name):
    """The thing that a dotted name under freedive stands for."""
    *modules, last = f"freedive.{name}".split(".")
    for count in range(len(modules), 0, -1):
        try:
            thing = importlib.import_module(".".join(modules[:count]))
        except ModuleNotFoundError:
            continue
        for part in (*modules[count:], last):
            thing = getattr(thing, part)
        return thing
    raise AssertionError(name)
