"""The options that trainings have in common: one table, from which every command that trains takes its own."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any, NamedTuple, get_type_hints

import typer

DATA = (
    "Files of yours: class folders of pictures, sounds or texts, sounds with transcripts, a table or a series (CSV, "
    "...), lines of classes and texts, two columns of translations, IDX files, .npz; or a data set that comes with "
    "freedive: digits, fashion, emoji, reviews, reviews_zh, series, sunspots, co2, elnino, vowels, zoo or penguins."
)


def positive(value: float | None) -> float | None:
    """A number over 0."""
    if value is not None and not 0 < value < float("inf"):
        raise typer.BadParameter(f"expected a number over 0. Received: {value}")
    return value


def share(value: float) -> float:
    """A part of the whole."""
    if not 0 < value <= 1:
        raise typer.BadParameter(f"expected a number over 0, and 1 at most. Received: {value}")
    return value


class Options(NamedTuple):
    """What a command was told of the training; None: as suits the data."""

    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the data.")] = None
    batch_size: Annotated[int | None, typer.Option(min=1, help="Rows a step.")] = None
    learning_rate: Annotated[
        float | None, typer.Option(callback=positive, help="At its highest; it falls to 0 towards the end.")
    ] = None
    optimizer: Annotated[str | None, typer.Option(help="adam, sgd, rmsprop, ...")] = None
    seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, help="Of all that is drawn: the same seed, the same model.")
    ] = 0
    rows: Annotated[int | None, typer.Option(min=20, help="Learn from so many of the training rows only.")] = None
    target: Annotated[str | None, typer.Option(metavar="COLUMN", help="The column or array to be answered.")] = None
    group: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Rows that are equal in it are not parted by the split.")
    ] = None
    horizon: Annotated[int | None, typer.Option(min=1, help="How many steps a forecast looks ahead.")] = None
    text: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The column of a table whose texts are learned from.")
    ] = None
    baselines: Annotated[
        bool, typer.Option(help="Whether simple methods (logistic regression, ...) are fitted beside the network.")
    ] = True
    set: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="A parameter of the task, --set augment=strong; or how tables and texts are read: encoding, "
            "separator, header, missing, quotes, kinds; time and gaps of a series. Again for each.",
        ),
    ] = None
    output: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Where to write; a folder in runs/ unless given.")
    ] = None
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a training that was stopped, with the same bits.")
    ] = False
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show the result only.")] = False


def taking(*without: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A command that is called with `options: Options`, and in a terminal takes what they hold, but for some."""

    def wrap(command: Callable[..., None]) -> Callable[..., None]:
        hints = get_type_hints(Options, include_extras=True)
        shared = [name for name in Options._fields if name not in without]
        *own, _ = inspect.signature(command, eval_str=True).parameters.values()

        def run(**given: Any) -> None:
            command(**{p.name: given.pop(p.name) for p in own}, options=Options(**given))

        keyword = inspect.Parameter.KEYWORD_ONLY
        theirs = [
            inspect.Parameter(n, keyword, default=Options._field_defaults[n], annotation=hints[n]) for n in shared
        ]
        run.__name__, run.__doc__ = command.__name__, command.__doc__
        run.__signature__ = inspect.Signature([*(p.replace(kind=keyword) for p in own), *theirs])  # type: ignore[attr-defined]
        return run

    return wrap
