"""Federated learning on the embedded digits: unequal clients, the time of a round, and the accuracy.

python -m benchmarks.methods.federated [--clients 100] [--alpha 0.3] [--rounds 20] [--fraction 1.0]
"""

from __future__ import annotations

import argparse
import time

import freedive as fd


def network() -> fd.Sequential:
    """28x28x1 -> 10: two convolutions and a dense layer."""
    layers = fd.layers
    model = fd.Sequential(
        [
            fd.Input((28, 28, 1)),
            layers.Conv2D(16, 5, strides=2, activation="relu"),
            layers.Conv2D(32, 3, strides=2, activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(fd.optimizers.SGD(0.1, momentum=0.9), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def main() -> None:
    """Read the words of the command, train, and say what came out."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.methods.federated", description=__doc__)
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--alpha", type=float, default=0.3)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--fraction", type=float, default=1.0)
    parser.add_argument("--local-epochs", type=int, default=5)
    options = parser.parse_args()
    (x, y), (x_test, y_test) = fd.datasets.digits.load_data()
    x, x_test = (a[..., None].astype("float32") / 255 for a in (x, x_test))
    fd.set_seed(0)
    model, clients = network(), fd.federated.partition(x, y, options.clients, by="dirichlet", alpha=options.alpha)
    began = time.perf_counter()
    fd.federated.simulate(model, clients, options.rounds, "fedavg", options.fraction, options.local_epochs,
                          validation_data=(x_test, y_test), verbose=2)  # fmt: skip
    seconds = time.perf_counter() - began
    accuracy = model.evaluate(x_test, y_test, verbose=0)[1]
    print(f"{clients}: {options.rounds} rounds in {seconds:.1f} s, compiling included; accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main()
