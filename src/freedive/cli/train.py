"""The command that trains: `freedive train digits`."""

from __future__ import annotations

from typing import Annotated

import typer


def train(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="Files of yours: class folders of pictures, sounds or texts, sounds with transcripts, a table or a "
            "series (CSV, ...), lines of classes and texts, two columns of translations, IDX files, .npz; or a data "
            "set that comes with freedive: digits, fashion, emoji, reviews, reviews_zh, series, sunspots, co2, elnino, "
            "vowels, zoo or penguins.",
        ),
    ],
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the data.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Rows a step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="At its highest; it falls to 0 towards the end.")] = None,
    optimizer: Annotated[str | None, typer.Option(help="adam, sgd, rmsprop, ...")] = None,
    seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, help="Of all that is drawn: the same seed, the same model.")
    ] = 0,
    rows: Annotated[int | None, typer.Option(min=20, help="Learn from so many of the training rows only.")] = None,
    target: Annotated[str | None, typer.Option(metavar="COLUMN", help="The column or array to be answered.")] = None,
    group: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Rows that are equal in it are not parted by the split.")
    ] = None,
    horizon: Annotated[int | None, typer.Option(min=1, help="How many steps a forecast looks ahead.")] = None,
    text: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The column of a table whose texts are learned from.")
    ] = None,
    baselines: Annotated[
        bool, typer.Option(help="Whether simple methods (logistic regression, ...) are fitted beside the network.")
    ] = True,
    parameters: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="A parameter of the task; again for each: --set augment=strong."
        ),
    ] = None,
    output: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Where to write; runs/DATA unless given.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a training that was stopped, with the same bits.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show the result only.")] = False,
) -> None:
    """Train a network, test it, and write the model, its history and a report.

    Writes model.safetensors, history.csv and report.html. A tenth of the training rows is kept for validation: the
    epoch of the second half that does best there is kept. The test rows are not touched before the end.

    Ctrl-C and SIGTERM keep what was learned so far; with --resume and otherwise the same words it goes on, also after
    a crash, with the bits of a training that was never stopped.

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
    from .training import Options, run

    options = Options(
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        optimizer=optimizer,
        seed=seed,
        rows=rows,
        output=output,
        quiet=quiet,
        resume=resume,
        target=target,
        group=group,
        horizon=horizon,
        text=text,
        baselines=baselines,
        set=tuple(parameters or ()),
    )
    run(data, options)
