"""Private training against plain training, and against Opacus: P4 at batch 64 on the embedded digits.

    python -m benchmarks.methods.private [--rows 3200] [--rounds 3] [--peer opacus|none]

The private ones learn from rows that are sampled, with noise multiplier 1 and clip norm 1. One process, in turn; the
least of the rounds after the first, which compiles. Opacus and PyTorch are a peer's packages: pip install opacus.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import freedive as fd

BATCH = 64
Epoch = Callable[[], float]  # trains an epoch; the last loss


def digits(rows: int) -> tuple[Any, Any]:
    """(rows, 28, 28, 1) from 0 to 1, and their digits."""
    (x, y), _ = fd.datasets.digits.load_data()
    return x[:rows, ..., None].astype("float32") / 255, y[:rows]


def p4() -> fd.Sequential:
    """The articles' P4."""
    layers = fd.layers
    model = fd.Sequential(
        [
            fd.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(fd.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    return model


def ours(x: Any, y: Any, private: bool) -> Epoch:
    """freedive's."""
    model: Any = p4()
    if private:
        model = fd.private(model, noise_multiplier=1.0, clip_norm=1.0)
    return lambda: model.fit(x, y, batch_size=BATCH, verbose=0, seed=0).history["loss"][-1]


def opacus(x: Any, y: Any) -> Epoch:
    """Opacus on the same network in PyTorch."""
    import torch
    from opacus import PrivacyEngine
    from torch import nn

    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(1600, 64), nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip
    rows = torch.utils.data.TensorDataset(torch.tensor(x.transpose(0, 3, 1, 2).copy()), torch.tensor(y).long())
    network, optimizer, loader = PrivacyEngine().make_private(
        module=network,
        optimizer=torch.optim.SGD(network.parameters(), 0.1),
        data_loader=torch.utils.data.DataLoader(rows, BATCH),
        noise_multiplier=1.0,
        max_grad_norm=1.0,
    )
    loss_of = nn.CrossEntropyLoss()

    def epoch() -> float:
        last = 0.0
        for pictures, labels in loader:
            optimizer.zero_grad()
            loss = loss_of(network(pictures), labels)
            loss.backward()
            optimizer.step()
            last = float(loss)
        return last

    return epoch


def main() -> None:
    """Read the words of the command and measure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.methods.private", description=__doc__)
    parser.add_argument("--rows", type=int, default=3200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer", choices=("opacus", "none"), default="opacus")
    options = parser.parse_args()
    x, y = digits(options.rows)
    epochs = {"plain": ours(x, y, False), "private": ours(x, y, True)}
    if options.peer == "opacus":
        epochs["opacus"] = opacus(x, y)
    times: dict[str, list[float]] = {name: [] for name in epochs}
    for _ in range(options.rounds + 1):
        for name, epoch in epochs.items():
            began = time.perf_counter()
            epoch()
            times[name].append(time.perf_counter() - began)
    steps, private = -(-options.rows // BATCH), min(times["private"][1:])
    for name, taken in times.items():
        best = min(taken[1:])
        told = f"first {taken[0]:6.2f} s, then {best / steps * 1e3:7.2f} ms a step"
        print(f"{name:8s} {told}, {best / private:5.2f} times private", flush=True)


if __name__ == "__main__":
    main()
