"""The command that searches: `freedive tune zoo`."""

from __future__ import annotations

from typing import Annotated

import typer


def tune(
    data: Annotated[str, typer.Argument(metavar="DATA", help="An embedded data set, as for `freedive train`.")],
    search: Annotated[
        str, typer.Option(help="How to search: random, grid, bayesian, halving or population.")
    ] = "random",
    trials: Annotated[int, typer.Option(min=1, help="How many trials; a grid has its own number.")] = 20,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the data of a trial.")] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of all that is drawn.")] = 0,
    rows: Annotated[int | None, typer.Option(min=20, help="Learn from so many of the training rows only.")] = None,
    output: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Where to write; runs/DATA-tune unless given.")
    ] = None,
) -> None:
    """Search for the learning rate, weight decay and dropout with which a network does best.

    Trials train at once, as members of one program. A tenth of the training rows decides; the test rows are looked at
    once, with the best model. Writes model.safetensors, study.json, trials.csv and study.png. Asked again after it was
    stopped, it goes on where it was.

    \b
    Examples:
      freedive tune zoo
      freedive tune digits --rows 2000 --epochs 4 --search halving --trials 27
    """
    from .tuning import Options, run

    run(data, Options(search, trials, epochs, seed, rows, output))
