"""The command that measures freedive beside other libraries: `freedive bench`."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from . import console

PACKAGE = Path(__file__).resolve().parents[1]
HOMES = (PACKAGE / "_bench", PACKAGE.parents[1])  # as installed; beside src/


def bench(
    rows: Annotated[
        str | None, typer.Option(metavar="P2,P4,...", help="What is measured; a few rows unless given.")
    ] = None,
    peers: Annotated[
        str | None, typer.Option(metavar="torch,...", help="With whom; whatever is installed unless given.")
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Turns of each on every row; the median counts.")] = 1,
    output: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Write results.json, table.md and ratios.png there.")
    ] = None,
) -> None:
    """Measure freedive beside other libraries on this machine, and print the table.

    Peers are what is installed of PyTorch, TensorFlow, JAX and Keras: pip install ".[bench]". All rows, cold
    starts with empty caches, and more: python -m benchmarks --help, in the project's folder.

    \b
    Examples:
      freedive bench
      freedive bench --rows P1,P2 --peers freedive,torch --repeats 3
    """
    benchmarks = found()
    given = {"--rows": rows, "--peers": peers, "--repeats": str(repeats), "--out": output}
    words = [word for option, value in given.items() if value is not None for word in (option, value)]
    try:
        benchmarks.run(["--quick", *words])
    except ValueError as error:
        raise console.Misuse(str(error)) from None


def found() -> Any:
    """The bench: a package of its own, for the processes that measure a peer must not import freedive."""
    home = next((home for home in HOMES if (home / "benchmarks" / "__main__.py").is_file()), None)
    if home is None:
        raise ImportError(f"the bench is not part of this installation: no folder benchmarks in {HOMES[0]}")
    if str(home) not in sys.path:
        sys.path.insert(0, str(home))
    return importlib.import_module("benchmarks.__main__")
