"""What is measured: one row a workload, the same numbers for every peer.

A row names its data (`data.SETS`), its network (a function of that name in `networks`, `in_torch` and `in_jax`, called
with `sizes`), loss, optimizer, batch, and how long it is trained. Nothing here imports a library.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from .naming import unknown


@dataclasses.dataclass(frozen=True)
class Workload:
    """One row.

    Attributes:
        says: what it is, in a line.
        data, network, sizes: by name, and the network's numbers.
        loss, optimizer, rate, accuracy: what is learned, and by what rule; whether accuracy is counted in training.
        batch, epochs, fits: rows a step, epochs of a timed fit, timed fits.
        first: epochs of the first fit, which ends the cold start.
        rows: so many of the data's rows; None for all.
        task: what is timed: "fit"; "loop", a step at a time from Python; "predict", "call" or "evaluate".
        asked: rows of one `predict`, `call` or `evaluate`.
        bound: what limits it, "overhead" or "compute".
        target: how many times the speed of the best peer it is to have.
    """

    says: str
    data: str
    network: str
    sizes: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    loss: str = "sparse_categorical_crossentropy"
    optimizer: str = "adam"
    rate: float = 1e-3
    accuracy: bool = True
    batch: int = 32
    epochs: int = 1
    fits: int = 3
    first: int = 1
    rows: int | None = None
    task: str = "fit"
    asked: int = 0
    bound: str = "compute"
    target: float = 1.5

    @property
    def unit(self) -> str:
        """What a time is for."""
        return "step" if self.task in ("fit", "loop") else "call"


OVERHEAD: dict[str, Any] = {"bound": "overhead", "target": 3.0}
MLP = {"inputs": 784, "units": (64, 64), "outputs": 10}
DENSE: dict[str, Any] = {"data": "digits", "network": "dense", "sizes": MLP, **OVERHEAD}
PICTURES: dict[str, Any] = {"data": "pictures", "network": "convolutional", "rows": 6400}
SPEECH: dict[str, Any] = {"data": "vowels", "fits": 5}
REVIEWS: dict[str, Any] = {"data": "reviews", "network": "text", "loss": "binary_crossentropy", "rows": 960}
P8 = {"words": 10_000, "width": 128, "units": 128}

WORKLOADS: dict[str, Workload] = {
    "P1": Workload(
        "three Dense(1) on 100 points, SGD", "parabola", "dense",
        {"inputs": 1, "units": (1, 1), "outputs": 1, "activation": None},
        loss="mse", optimizer="sgd", rate=0.01, accuracy=False, epochs=1000, first=1000, **OVERHEAD,
    ),
    "P2": Workload("dense 784-64-64-10", epochs=3, **DENSE),
    "P2-256": Workload("dense 784-64-64-10, batch 256", epochs=6, batch=256, **DENSE),
    "P4": Workload("two convolutions, Dense(64), Dense(10)", sizes={"dense": 64}, **PICTURES),
    "P6": Workload(
        "two LSTM(128) on 29 frames", network="lstm_stack", sizes={"units": 128, "outputs": 9}, epochs=10,
        loss="categorical_crossentropy", **SPEECH,
    ),
    "P8": Workload(
        "LSTM(128) on 100 words, dropout, recurrent dropout", **REVIEWS,
        sizes={**P8, "dropout": 0.2, "recurrent_dropout": 0.2},
    ),
    "P8-plain": Workload("LSTM(128) on 100 words", sizes=P8, **REVIEWS),
    "predict-1": Workload("P2: model.predict of one row", task="predict", asked=1, **DENSE),
    "call-1": Workload("P2: model(x) of one row", task="call", asked=1, **DENSE),
}  # fmt: skip
QUICK = ("P1", "P2", "P4", "P6", "P8-plain", "predict-1")  # what `freedive bench` runs


def select(names: Iterable[str] | None) -> dict[str, Workload]:
    """The rows of these names, in the table's order; all of them for None.

    Raises:
        ValueError: no row has such a name; the nearest ones are told.
    """
    wanted = list(WORKLOADS if names is None else names)
    for name in wanted:
        if name not in WORKLOADS:
            raise unknown("row", name, WORKLOADS)
    return {name: row for name, row in WORKLOADS.items() if name in wanted}
