"""The command by which a small network learns from a large one: `freedive distill runs/digits/model.safetensors`."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import Options, positive, taking


@taking()
def distill(
    teacher: Annotated[str, typer.Argument(metavar="TEACHER", help="A model file, as train writes it.")],
    data: Annotated[
        str | None,
        typer.Argument(metavar="[DATA]", help="As for `freedive train`; what the teacher learned from unless given."),
    ] = None,
    temperature: Annotated[
        float, typer.Option(callback=positive, help="The higher, the more the lesser answers count.")
    ] = 3.0,
    alpha: Annotated[
        float, typer.Option(min=0, max=1, help="What the targets count: 0 for the teacher alone, 1 for none of it.")
    ] = 0.1,
    *,
    options: Options,
) -> None:
    """Train a network by the answers of another as much as by the labels, test it, and write it.

    The student is the network that `freedive train` would train, with the parameters that --set gives. Writes what
    `freedive train` writes.

    \b
    Examples:
      freedive distill runs/fashion/model.safetensors --set network=cnn
      freedive distill runs/animals/model.safetensors photos/ --temperature 4 --epochs 20
    """
    from .ways import Teaching, learn_from

    learn_from(teacher, data, Teaching(temperature, alpha), options)
