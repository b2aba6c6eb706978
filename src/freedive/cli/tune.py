"""The command that searches: `freedive tune zoo`."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import DATA, Options, taking


@taking("baselines", "resume")
def tune(
    data: Annotated[str, typer.Argument(metavar="DATA", help=DATA)],
    search: Annotated[
        str, typer.Option(help="How to search: random, grid, bayesian, halving or population.")
    ] = "random",
    trials: Annotated[int, typer.Option(min=1, help="How many trials; a grid has its own number.")] = 20,
    *,
    options: Options,
) -> None:
    """Search for the learning rate, weight decay and dropout with which a network does best.

    Rates are tried from a thirtieth to thirty times of what `freedive train` takes, or of --learning-rate. Trials train
    at once, as members of one program, along the schedule of `freedive train`. A tenth of the training rows decides.
    What did best is trained once more, as `freedive train` does, and the test rows are looked at once, with that model.
    Writes model.safetensors, study.json, trials.csv and study.png. Asked again after it was stopped, it goes on where
    it was.

    \b
    Examples:
      freedive tune zoo
      freedive tune digits --rows 2000 --epochs 4 --search halving --trials 27
    """
    from .tuning import run

    run(data, search, trials, options)
