"""Federated learning on the embedded digits: unequal clients, the time of a round, and the accuracy.

    python -m benchmarks.methods.federated [--clients 100] [--alpha 0.3] [--rounds 20] [--local-epochs 2]
        [--batch-size 8] [--rate 0.05] [--momentum 0.7] [--dropout 0.3] [--seed 0] [--validation 0] [--devices COUNT]
        [--flower ROUNDS]

Without `--validation` clients have all training rows, and the test rows are looked at once, at the end. With it, so
many of the training rows belong to no client, and each round is tested with them: so were the rates chosen. With
`--flower`, Flower's simulation does so many rounds with the same network in PyTorch, and a round of each is compared.
Every processor is a device of its own, as it has a process of its own in Flower's simulation.
"""

from __future__ import annotations

import argparse
import os
import time
from typing import Any

import jax

import freedive as fd

MOMENTUM = 0.9  # of a client


def network(rate: float, dropout: float) -> fd.Sequential:
    """28x28x1 -> 10: two convolutions and a dense layer."""
    layers = fd.layers
    model = fd.Sequential(
        [
            fd.Input((28, 28, 1)),
            layers.Conv2D(12, 5, strides=2, activation="relu"),
            layers.Conv2D(24, 3, strides=2, activation="relu"),
            layers.Flatten(),
            layers.Dropout(dropout),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    optimizer = fd.optimizers.SGD(rate, momentum=MOMENTUM)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def learned(clients: Any, options: Any, held_out: Any) -> Any:
    """The model that clients taught; their rate falls from round to round, as a cosine."""
    fd.set_seed(options.seed)
    model = network(options.rate, options.dropout)
    falling = fd.optimizers.schedules.CosineDecay(options.rate, options.rounds)
    callbacks = [fd.callbacks.LearningRateScheduler(lambda number: float(falling(number)))]
    strategy = fd.federated.Strategy(server=fd.optimizers.SGD(1.0, momentum=options.momentum))
    told = (options.rounds, strategy, options.fraction, options.local_epochs)
    fit = {"batch_size": options.batch_size, "validation_data": held_out, "callbacks": callbacks, "verbose": 2}
    fd.federated.simulate(model, clients, *told, **fit)
    return model


def against_flower(clients: Any, test: Any, options: Any) -> None:
    """A round of freedive's beside one of Flower's, compiled and started before; each while the other has not begun."""
    from . import in_flower

    model = network(options.rate, options.dropout)
    own = lambda rounds: fd.federated.simulate(  # noqa: E731
        model, clients, rounds, local_epochs=options.local_epochs, batch_size=options.batch_size, verbose=0
    )
    own(1)
    began = time.perf_counter()
    own(options.flower)
    ours = (time.perf_counter() - began) / options.flower
    told = in_flower.Told(options.rate, MOMENTUM, options.local_epochs, options.batch_size, options.dropout)
    (_, *seconds), reached = in_flower.simulate(clients, test, options.flower, told)
    theirs = sum(seconds) / len(seconds)  # without the first round, in which processes start
    print(f"a round: freedive {ours:.2f} s, Flower {theirs:.2f} s, {theirs / ours:.1f} times as long")
    print(f"Flower's accuracy by round: {' '.join(f'{part:.3f}' for part in reached)}")


def tell(clients: Any, options: Any, held_out: Any, test: Any) -> None:
    """Train, and say how long it took and, where all training rows were learned from, the accuracy of the test rows."""
    began = time.perf_counter()
    model = learned(clients, options, held_out)
    seconds, told = time.perf_counter() - began, ""
    if held_out is None:
        told = f"; accuracy of the test rows {model.evaluate(*test, verbose=0)[1]:.4f}"
    print(f"{clients}: {options.rounds} rounds in {seconds:.1f} s, compiling included{told}")


def main() -> None:
    """Read the words of the command, train, and say what came out."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.methods.federated", description=__doc__)
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--alpha", type=float, default=0.3)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--fraction", type=float, default=1.0)
    parser.add_argument("--local-epochs", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=8, help="of a client")
    parser.add_argument("--rate", type=float, default=0.05)
    parser.add_argument("--momentum", type=float, default=0.7, help="of the server")
    parser.add_argument("--dropout", type=float, default=0.3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--validation", type=int, default=0, metavar="ROWS")
    parser.add_argument(
        "--devices", type=int, default=os.cpu_count(), help="of the process, which share the clients out"
    )
    parser.add_argument("--flower", type=int, default=0, metavar="ROUNDS", help="2 or more")
    options = parser.parse_args()
    jax.config.update("jax_num_cpu_devices", options.devices)
    (x, y), (x_test, y_test) = fd.datasets.digits.load_data()
    x, x_test = (a[..., None].astype("float32") / 255 for a in (x, x_test))
    own = len(x) - options.validation
    held_out = (x[own:], y[own:]) if options.validation else None
    clients = fd.federated.partition(
        x[:own], y[:own], options.clients, by="dirichlet", alpha=options.alpha, seed=options.seed
    )
    if options.flower:
        against_flower(clients, (x_test, y_test), options)
    else:
        tell(clients, options, held_out, (x_test, y_test))


if __name__ == "__main__":
    main()
