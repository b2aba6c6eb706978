"""The command by which clients teach one network: `freedive federate digits --clients 100`."""

from __future__ import annotations

from typing import Annotated

import typer


def federate(
    data: Annotated[str, typer.Argument(metavar="DATA", help="As for `freedive train`.")],
    clients: Annotated[int, typer.Option(min=1, help="How many clients the training rows are dealt out to.")] = 20,
    alpha: Annotated[
        float | None,
        typer.Option(help="How unequal clients are, by Dirichlet(alpha); the smaller, the more. Else dealt at random."),
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="How often the clients' work is put together.")] = 20,
    strategy: Annotated[str, typer.Option(help="fedavg, fedprox or fedadam.")] = "fedavg",
    fraction: Annotated[float, typer.Option(help="The share of clients that takes part in a round.")] = 1.0,
    local_epochs: Annotated[int, typer.Option(min=1, help="Passes of a client over its own rows, a round.")] = 1,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Rows a step of a client.")] = None,
    learning_rate: Annotated[float, typer.Option(help="Of a client's SGD with momentum.")] = 0.05,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of all that is drawn.")] = 0,
    rows: Annotated[int | None, typer.Option(min=20, help="Learn from so many of the training rows only.")] = None,
    parameters: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A parameter of the task, as for `freedive train`."),
    ] = None,
    output: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Where to write; runs/DATA-federated unless given.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a training that was stopped.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show the result only.")] = False,
) -> None:
    """Simulate federated learning: clients learn from rows of their own, a server puts together what they learned.

    Trains the network that `freedive train` trains, tests it, and writes what `freedive train` writes; an epoch of the
    history is a round.

    \b
    Examples:
      freedive federate digits --clients 100 --alpha 0.3 --local-epochs 5
      freedive federate photos/ --clients 10 --strategy fedprox --fraction 0.5
    """
    from .training import Options
    from .ways import Federation, learn_apart

    told = Options(None, batch_size, None, None, seed, rows, output, quiet, resume, set=tuple(parameters or ()))
    learn_apart(data, Federation(clients, alpha, rounds, strategy, fraction, local_epochs, learning_rate), told)
