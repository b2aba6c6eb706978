"""freedive and Keras: one session for both, for they have the same words."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from . import networks
from .workloads import Workload


def words(backend: str) -> Any:
    """The module that has them, and what it does not have under the same name."""
    if backend == "freedive":
        import freedive

        return SimpleNamespace(**vars(freedive), seed=freedive.set_seed, as_numpy=np.asarray)
    import keras

    return SimpleNamespace(**vars(keras), seed=keras.utils.set_random_seed, as_numpy=keras.ops.convert_to_numpy)


class Session:
    """A model that learns by `fit`."""

    def __init__(self, workload: Workload, data: dict[str, np.ndarray], peer: Any, seed: int):
        k = self.k = words(peer.backend)
        k.seed(seed)
        self.workload = workload
        self.x = [data["x"], data["x2"]] if "x2" in data else data["x"]
        self.y = data["y"]
        if workload.loss == "categorical_crossentropy":
            self.y = np.eye(self.y.max() + 1, dtype=np.float32)[self.y]
        self.model = getattr(networks, workload.network)(k, **workload.sizes)
        rule = {"adam": k.optimizers.Adam, "sgd": k.optimizers.SGD}[workload.optimizer]
        metrics = ["accuracy"] if workload.accuracy else []
        self.model.compile(rule(workload.rate), workload.loss, metrics=metrics, steps_per_execution=peer.steps)

    def train(self, epochs: int) -> float:
        """The mean loss of the last of so many epochs."""
        history = self.model.fit(self.x, self.y, batch_size=self.workload.batch, epochs=epochs, verbose=0)
        return float(history.history["loss"][-1])

    def predict(self, x: Any) -> np.ndarray:
        """The outputs, as numpy arrays."""
        return self.model.predict(x, batch_size=256, verbose=0)

    def call(self, x: Any) -> np.ndarray:
        """The outputs of the model as a function."""
        return self.k.as_numpy(self.model(x))

    def evaluate(self) -> tuple[float, float | None]:
        """(loss, accuracy) on the data."""
        found = self.model.evaluate(self.x, self.y, batch_size=256, verbose=0, return_dict=True)
        return float(found["loss"]), found.get("accuracy")
