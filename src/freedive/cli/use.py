"""Commands that use a trained model: evaluate, predict, summary."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from . import console
from .machine import Json

Set = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="How the files are read, where that differs from those that the model learned from: encoding, separator, "
        "header, missing, quotes; time and gaps of a series. Again for each.",
    ),
]
Model = Annotated[str, typer.Argument(metavar="MODEL", help="A model file, as train writes it.")]


def evaluate(
    model: Model,
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="[DATA]",
            help="A data set's name, or files like those that the model learned from, with their classes. "
            "By default the rows of its own data that the model did not learn from.",
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="The column or array of answers; the model knows its own."),
    ] = None,
    set: Set = None,
    json: Json = False,
) -> None:
    """Measure a model on test data: accuracy, loss, and how every class fares.

    Without DATA, or with its own, it is measured on the part of it that `freedive train` kept for the test; of other
    files all rows count.

    \b
    Examples:
      freedive evaluate runs/digits/model.safetensors
      freedive evaluate runs/digits/model.safetensors photos/       # photos/7/a.png, ...
      freedive evaluate runs/digits/model.safetensors test.npz      # arrays x and y
      freedive evaluate runs/zoo/model.safetensors animals.csv --target class
    """
    from ..errors import counted
    from .measuring import test_rows

    task, x, y, whose = test_rows(model, data, target, set)
    result = task.target.scored(task.answer(x), y)
    if json:
        console.say_json(result)
        return
    first = f"{counted(result['rows'], 'rows')} {whose}"
    numbers = "   ".join(
        f"{task.target.called(name)} {value:{',' if isinstance(value, int) else '.4f'}}"
        for name, value in result.items()
        if isinstance(value, (int, float)) and name != "rows"
    )
    console.say(f"{first}\n{numbers}")
    if "classes" in result:
        headers = ("class", "precision", "recall", "f1", "rows")
        rows = [[c["class"], *(f"{c[key]:.4f}" for key in headers[1:4]), c["rows"]] for c in result["classes"]]
        console.say()
        console.table(headers, rows, right=headers[1:])


def predict(
    model: Model,
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...",
            help="Pictures, sounds, texts (.txt), tables (.csv, ...), .npy or .npz files; folders of the first three.",
        ),
    ],
    set: Set = None,
    json: Json = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print a table of comma-separated values.")] = False,
) -> None:
    """Ask a model what is in files.

    Pictures may have any size and colour. Where one file cannot be read, the others are answered all the same, and the
    exit code is 1.

    \b
    Examples:
      freedive predict runs/digits/model.safetensors seven.png
      freedive predict runs/digits/model.safetensors scans/ --json
      freedive predict runs/zoo/model.safetensors animals.csv
      freedive predict runs/reviews/model.safetensors lines.txt     # a text in every line
    """
    import numpy as np

    from ..tasks.base import loaded
    from .parameters import read_otherwise

    task, about = loaded(model)
    read_otherwise(about.reader, set)
    names: list[Any] = []
    parts: list[Any] = []
    failures = 0
    for rows in each_read(about.reader, files):
        if isinstance(rows, Exception):
            console.error(console.told(rows))
            failures += 1
            continue
        for note in rows.notes:
            console.warn(f"Note: {console.clean(note)}")
        names += rows.names
        parts.append(rows.x)
    if parts:
        alike = {part.shape[1:] if isinstance(part, np.ndarray) else None for part in parts}
        together = [np.concatenate(parts)] if len(alike) == 1 and None not in alike else parts
        answered = [task.answer(part) for part in together]
        outputs = np.concatenate(answered) if isinstance(answered[0], np.ndarray) else [a for b in answered for a in b]
        if json:
            console.say_json(task.target.as_json(names, outputs))
        else:
            headers, table = task.target.table(names, outputs)
            asked = (about.told or {}).get("target")
            headers = [asked if header == "output" and asked else header for header in headers]
            console.say_csv(headers, table) if csv else console.table(headers, table, right=("sure",))
    if failures:
        raise typer.Exit(1)


def each_read(reader: Any, paths: list[str]) -> Iterator[Any]:
    """The rows of every file, folders being their files; what is wrong with it, of one that cannot be read."""
    for path in paths:
        try:
            files = reader.files(path)
        except (ValueError, OSError) as error:
            yield error
            continue
        for file in files:
            try:
                yield reader.read(file)
            except (ValueError, OSError) as error:
                yield error


def summary(
    model: Model,
    json: Json = False,
) -> None:
    """Show what a model is made of, what it learned from, and how it did.

    \b
    Examples:
      freedive summary runs/digits/model.safetensors
    """
    from ..models import summary as table
    from ..tasks import modelfile

    found, about = modelfile.load(model)
    rows = table.rows(found)
    if json:
        layers = [{"name": r.name, "type": r.kind, "output": r.shape, "weights": r.params} for r in rows]
        console.say_json({"layers": layers, "weights": table.count(found), "about": about.get_config()})
        return
    cells = [(r.name, r.kind, r.shape, f"{r.params:,}") for r in rows]
    console.table(("layer", "type", "output", "weights"), cells, right=("weights",))
    console.say(f"\n{table.count(found):,} weights")
    for name, fact in facts(about):
        console.say(f"{name}: {console.clean(fact)}")


def facts(about: Any) -> list[tuple[str, str]]:
    """What a file tells about its model, in words."""
    called = str if about.target is None else about.target.called
    told = [("learned from", about.data), ("classes", ", ".join(about.classes))]
    told += [
        (f"test {called(name)}", f"{value:.4f}" if isinstance(value, float) else str(value))
        for name, value in (about.test or {}).items()
    ]
    told += [(name, str(value)) for name, value in (about.made or {}).items() if name != "contents"]
    return [(name, fact) for name, fact in told if fact]
