"""The command that trains: `freedive train digits`."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import DATA, Options, taking


@taking()
def train(data: Annotated[str, typer.Argument(metavar="DATA", help=DATA)], options: Options) -> None:
    """Train a network, test it, and write the model, its history and a report.

    Writes model.safetensors, history.csv and report.html. A tenth of the training rows is kept for validation: the
    epoch of the second half that does best there is kept. The test rows are not touched before the end.

    Ctrl-C and SIGTERM keep what was learned so far; with --resume and otherwise the same words it goes on, also after
    a crash, with the bits of a training that was never stopped. Of one that is finished, --resume says so and trains
    nothing; with other words than it had, it is an error: without --resume it is trained anew.

    \b
    Examples:
      freedive train digits
      freedive train photos/                                        # photos/cat/1.jpg, photos/dog/7.png, ...
      freedive train photos/ --set augment=strong --set network=resnet18 --set class_weight=balanced
      freedive train houses.csv --target price
      freedive train reviews.csv --target stars                     # a column of texts is learned from
      freedive train sales.csv --horizon 12
      freedive train sunspots --horizon 20
      freedive train fashion --epochs 20 --output runs/long
      freedive train digits --rows 1000 --learning-rate 0.003 --seed 7
    """
    from .training import run

    run(data, options)
