"""The command by which clients teach one network: `freedive federate digits --clients 100`."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import Options, positive, share, taking


@taking("epochs", "learning_rate", "optimizer")
def federate(
    data: Annotated[str, typer.Argument(metavar="DATA", help="As for `freedive train`.")],
    clients: Annotated[int, typer.Option(min=1, help="How many clients the training rows are dealt out to.")] = 20,
    alpha: Annotated[
        float | None,
        typer.Option(
            callback=positive,
            help="How unequal clients are, by Dirichlet(alpha); the smaller, the more. Else dealt at random.",
        ),
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="How often the clients' work is put together.")] = 20,
    strategy: Annotated[str, typer.Option(help="fedavg, fedprox or fedadam.")] = "fedavg",
    fraction: Annotated[
        float, typer.Option(callback=share, help="The share of clients that takes part in a round.")
    ] = 1.0,
    local_epochs: Annotated[int, typer.Option(min=1, help="Passes of a client over its own rows, a round.")] = 1,
    learning_rate: Annotated[float, typer.Option(callback=positive, help="Of a client's SGD with momentum.")] = 0.05,
    *,
    options: Options,
) -> None:
    """Simulate federated learning: clients learn from rows of their own, a server puts together what they learned.

    Trains the network that `freedive train` trains, tests it, and writes what `freedive train` writes; an epoch of the
    history is a round.

    \b
    Examples:
      freedive federate digits --clients 100 --alpha 0.3 --local-epochs 5
      freedive federate photos/ --clients 10 --strategy fedprox --fraction 0.5
    """
    from .ways import Federation, learn_apart

    learn_apart(data, Federation(clients, alpha, rounds, strategy, fraction, local_epochs, learning_rate), options)
