"""The command by which a small network learns from a large one: `freedive distill runs/digits/model.safetensors`."""

from __future__ import annotations

from typing import Annotated

import typer


def distill(
    teacher: Annotated[str, typer.Argument(metavar="TEACHER", help="A model file, as train writes it.")],
    data: Annotated[
        str | None,
        typer.Argument(metavar="[DATA]", help="As for `freedive train`; what the teacher learned from unless given."),
    ] = None,
    temperature: Annotated[float, typer.Option(help="The higher, the more the lesser answers count.")] = 3.0,
    alpha: Annotated[
        float, typer.Option(help="What the targets count: 0 for the teacher alone, 1 for none of it.")
    ] = 0.1,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the data.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Rows a step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="At its highest; it falls to 0 towards the end.")] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of all that is drawn.")] = 0,
    rows: Annotated[int | None, typer.Option(min=20, help="Learn from so many of the training rows only.")] = None,
    parameters: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A parameter of the student's task, as for `freedive train`."),
    ] = None,
    output: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Where to write; runs/DATA-student unless given.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a training that was stopped.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show the result only.")] = False,
) -> None:
    """Train a network by the answers of another as much as by the labels, test it, and write it.

    The student is the network that `freedive train` would train, with the parameters that --set gives. Writes what
    `freedive train` writes.

    \b
    Examples:
      freedive distill runs/fashion/model.safetensors --set network=cnn
      freedive distill runs/animals/model.safetensors photos/ --temperature 4 --epochs 20
    """
    from .training import Options
    from .ways import Teaching, learn_from

    told = Options(
        epochs, batch_size, learning_rate, None, seed, rows, output, quiet, resume, set=tuple(parameters or ())
    )
    learn_from(teacher, data, Teaching(temperature, alpha), told)
