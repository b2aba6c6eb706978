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
        loss, logits: what is learned; whether the network gives logits in Keras' words too.
        optimizer, rate, accuracy: by what rule; whether accuracy is counted in training.
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
    logits: bool = False
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
    def session(self) -> str:
        """The class that runs it, in the peer's module."""
        return "Adversaries" if self.network == "adversaries" else "Session"

    @property
    def unit(self) -> str:
        """What a time is for."""
        return "step" if self.task in ("fit", "loop") else "call"


OVERHEAD: dict[str, Any] = {"bound": "overhead", "target": 3.0}
MLP = {"inputs": 784, "units": (64, 64), "outputs": 10}
DENSE: dict[str, Any] = {"data": "digits", "network": "dense", "sizes": MLP, **OVERHEAD}
PICTURES: dict[str, Any] = {"data": "pictures", "network": "convolutional", "rows": 6400}
P4 = {"dense": 64}
SPEECH: dict[str, Any] = {"data": "vowels", "fits": 5}
TEXT: dict[str, Any] = {"network": "text", "loss": "binary_crossentropy"}
REVIEWS: dict[str, Any] = {"data": "reviews", "rows": 960, "fits": 2, **TEXT}
P8 = {"words": 10_000, "width": 128, "units": 128}
P9: dict[str, Any] = {"network": "speech", "sizes": {"units": 50, "outputs": 9}, "logits": True, "batch": 30}

WORKLOADS: dict[str, Workload] = {
    "P1": Workload(
        "three Dense(1) on 100 points, SGD, 1000 epochs", "parabola", "dense",
        {"inputs": 1, "units": (1, 1), "outputs": 1, "activation": None},
        loss="mse", optimizer="sgd", rate=0.01, accuracy=False, epochs=1000, first=1000, **OVERHEAD,
    ),
    "P2": Workload("dense 784-64-64-10", epochs=3, **DENSE),
    "P2-256": Workload("dense 784-64-64-10, batch 256", epochs=6, batch=256, **DENSE),
    "P3": Workload("two convolutions, Dense(10)", **PICTURES),
    "P3-256": Workload("two convolutions, Dense(10), batch 256", batch=256, **PICTURES),
    "P4": Workload("two convolutions, Dense(64), Dense(10)", sizes=P4, **PICTURES),
    "P4-256": Workload("two convolutions, Dense(64), Dense(10), batch 256", sizes=P4, batch=256, **PICTURES),
    "P5": Workload(
        "SimpleRNN(32, relu) on 29 frames", network="simple_rnn", sizes={"units": 32, "outputs": 9}, epochs=20,
        **SPEECH, **OVERHEAD,
    ),
    "P6": Workload(
        "two LSTM(128) on 29 frames", network="lstm_stack", sizes={"units": 128, "outputs": 9}, epochs=5,
        loss="categorical_crossentropy", **SPEECH,
    ),
    "P7": Workload(
        "LSTM(32) on 30 words", "sentences", sizes={"words": 5000, "width": 32, "units": 32}, rows=3200, fits=2, **TEXT,
    ),
    "P8": Workload(
        "LSTM(128) on 100 words, dropout, recurrent dropout", **REVIEWS,
        sizes={**P8, "dropout": 0.2, "recurrent_dropout": 0.2},
    ),
    "P8-inputs": Workload("LSTM(128) on 100 words, dropout of inputs only", sizes={**P8, "dropout": 0.2}, **REVIEWS),
    "P8-plain": Workload("LSTM(128) on 100 words", sizes=P8, **REVIEWS),
    "P9": Workload("a model class: SimpleRNN(50) and logits, by fit", epochs=20, **P9, **SPEECH, **OVERHEAD),
    "P9-loop": Workload("the same in a loop of one's own", epochs=20, task="loop", **P9, **SPEECH, **OVERHEAD),
    "P10": Workload(
        "encoder, decoder and attention: LSTM(128)", "names", "translation",
        {"words": 1738, "characters": 1446, "width": 64, "units": 128}, rows=1600, fits=2,
    ),
    "P11": Workload(
        "DCGAN: discriminator and generator in turns", "tanh_pictures", "adversaries", {"noise": 100},
        loss="binary_crossentropy", rate=2e-4, accuracy=False, rows=320, fits=2,
    ),
    "transformer": Workload(
        "4 layers of width 128 on 128 words", "long_reviews", "transformer",
        {"words": 10_000, "length": 128, "width": 128, "heads": 4, "depth": 4},
        loss="binary_crossentropy", rows=640, fits=2,
    ),
    "resnet-20": Workload("ResNet-20 on 32x32x3", "clothes", "resnet", {"blocks": 3, "outputs": 10}, rows=640, fits=2),
    "wide": Workload(
        "four Dense(1024), batch 256", "digits", "dense",
        {"inputs": 784, "units": (1024,) * 4, "outputs": 10}, batch=256, rows=5120,
    ),
    "predict-1": Workload("P2: model.predict of one row", task="predict", asked=1, **DENSE),
    "call-1": Workload("P2: model(x) of one row", task="call", asked=1, **DENSE),
    "predict-10000": Workload("P4: model.predict", task="predict", asked=10_000, sizes=P4, **PICTURES | {"rows": None}),
    "evaluate": Workload(
        "P4: model.evaluate of 10,000", task="evaluate", asked=10_000, sizes=P4, **PICTURES | {"rows": None}
    ),
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
