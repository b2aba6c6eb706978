"""Private training on all of MNIST: the accuracy that a budget buys.

    python -m benchmarks.methods.private_mnist FOLDER [--epsilon 8] [--epochs 15] [--batch 512]

The network is the small one of the usual tutorials of private learning: two strided convolutions and 26,010 weights.
"""

from __future__ import annotations

import argparse
import time

import freedive as fd


def network() -> fd.Sequential:
    """28x28x1 -> 10, with tanh, whose gradients are short (Papernot et al., 2020, https://arxiv.org/abs/2007.14191)."""
    layers = fd.layers
    model = fd.Sequential(
        [
            fd.Input((28, 28, 1)),
            layers.Conv2D(16, 8, strides=2, padding="same", activation="tanh"),
            layers.MaxPooling2D(2, strides=1),
            layers.Conv2D(32, 4, strides=2, activation="tanh"),
            layers.MaxPooling2D(2, strides=1),
            layers.Flatten(),
            layers.Dense(32, activation="tanh"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(fd.optimizers.SGD(0.5), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def main() -> None:
    """Read the words of the command, train, and say what came out."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.methods.private_mnist", description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--epsilon", type=float, default=8.0)
    parser.add_argument("--delta", type=float, default=1e-5)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--batch", type=int, default=512)
    options = parser.parse_args()
    (x, y), (x_test, y_test) = fd.datasets.mnist.load_data(options.folder, download=False)
    x, x_test = (a[..., None].astype("float32") / 255 for a in (x, x_test))
    fd.set_seed(0)
    guarded = fd.private(network(), epsilon=options.epsilon, delta=options.delta)
    began = time.perf_counter()
    guarded.fit(x, y, batch_size=options.batch, epochs=options.epochs, verbose=2)
    accuracy = guarded.evaluate(x_test, y_test, verbose=0)[1]
    seconds, noise = time.perf_counter() - began, guarded.ledger.entries[-1].noise
    print(
        f"{len(x)} rows, {seconds:.0f} s: accuracy {accuracy:.4f} at epsilon {guarded.epsilon:.3f}, noise {noise:.3f}"
    )


if __name__ == "__main__":
    main()
