"""`python -m benchmarks`: freedive and its peers on the same work, side by side."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import compare, data, peers, picture, report, workloads


def parser() -> argparse.ArgumentParser:
    """The options."""
    p = argparse.ArgumentParser("benchmarks", description=__doc__)
    p.add_argument("--rows", help="comma-separated; all unless given: " + ", ".join(workloads.WORKLOADS))
    p.add_argument(
        "--peers", help="comma-separated, those installed of these unless given: " + ", ".join(peers.DEFAULT)
    )
    p.add_argument("--repeats", type=int, help="turns of every peer on every row: 3, or 1 with --quick")
    p.add_argument("--out", type=Path, metavar="FOLDER", help="write results.json, table.md and ratios.png there")
    p.add_argument("--quick", action="store_true", help="few rows and peers, one turn, no start with filled caches")
    p.add_argument("--no-warm", action="store_true", help="only processes that start with empty caches: half the time")
    p.add_argument("--python", action="append", default=[], metavar="PEER=PATH", help="the Python that has a peer")
    p.add_argument(
        "--mnist", default=os.environ.get("MNIST"), help="a folder with the four files of MNIST, for P2 to P4"
    )
    return p


def main(words: Sequence[str] | None = None) -> int:
    """Run the bench; the exit code."""
    try:
        run(words)
    except ValueError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 2
    return 0


def run(words: Sequence[str] | None = None) -> None:
    """Measure, print the tables, and write them where asked.

    Raises:
        ValueError: nothing has a name that was given.
    """
    options = parser().parse_args(words)
    rows = options.rows.split(",") if options.rows else workloads.QUICK if options.quick else None
    others = options.peers.split(",") if options.peers else peers.QUICK if options.quick else None
    repeats = options.repeats or (1 if options.quick else 3)
    with tempfile.TemporaryDirectory() as folder:
        bench = compare.Bench(
            workloads.select(rows), peers.select(others),
            repeats, not (options.quick or options.no_warm), compare.pythons(options.python),
            lambda workload: data.prepare(workload.data, Path(folder), workload.rows, options.mnist),
            lambda line: print(line, file=sys.stderr, flush=True),
        )  # fmt: skip
        results = bench.run(lambda so_far: write(so_far, options.out))
    print(report.page(results))


def write(results: dict[str, Any], folder: Path | None) -> None:
    """The JSON, the tables and the picture, where a folder was asked for."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "results.json").write_text(json.dumps(results, indent=1), "utf-8")
        (folder / "table.md").write_text(report.page(results) + "\n", "utf-8")
        picture.draw(results, folder / "ratios.png")


if __name__ == "__main__":
    sys.exit(main())
