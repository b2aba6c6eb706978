"""freedive and Keras: one session for both, for they have the same words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import networks
from .workloads import Workload


class Words:
    """A module's names, and beside them what the modules call differently."""

    def __init__(self, module: Any, **own: Any):
        self.module = module
        vars(self).update(own)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.module, name)


def words(backend: str) -> Any:
    """A module of Keras' words, and under one name the little that is said otherwise."""
    return freedive_words() if backend == "freedive" else keras_words()


def freedive_words() -> Any:
    """freedive's."""
    import freedive as fd

    class Positions(fd.layers.Layer):
        def call(self, x: Any) -> Any:
            return x + self.param("table", x.shape[1:], "random_uniform")

    def stepper(model: Any, rule: Any, loss: Any) -> Callable[..., Any]:
        return fd.train_step(model, rule)(lambda x, y: loss(y, model(x)))

    return Words(fd, seed=fd.set_seed, as_numpy=np.asarray, positions=Positions, stepper=stepper)


def keras_words() -> Any:
    """Keras'."""
    import keras

    class Positions(keras.layers.Layer):
        def build(self, shape: Any) -> None:
            self.table = self.add_weight(shape=shape[1:], initializer="random_uniform")

        def call(self, x: Any) -> Any:
            return x + self.table

    def stepper(model: Any, rule: Any, loss: Any) -> Callable[..., Any]:
        model.compile(rule, loss)
        return model.train_on_batch

    own = {"seed": keras.utils.set_random_seed, "as_numpy": keras.ops.convert_to_numpy}
    return Words(keras, **own, positions=Positions, stepper=stepper)


class Session:
    """A model that learns by `fit`, or a step at a time from a loop in Python."""

    def __init__(self, workload: Workload, data: dict[str, np.ndarray], peer: Any, seed: int):
        k = self.k = words(peer.backend)
        k.seed(seed)
        self.workload, self.rng = workload, np.random.default_rng(seed)
        self.x = [data["x"], data["x2"]] if "x2" in data else data["x"]
        self.y = data["y"]
        if workload.loss == "categorical_crossentropy":
            self.y = np.eye(workload.sizes["outputs"], dtype=np.float32)[self.y]
        self.model = getattr(networks, workload.network)(k, **workload.sizes)
        rule = {"adam": k.optimizers.Adam, "sgd": k.optimizers.SGD}[workload.optimizer]
        loss = k.losses.SparseCategoricalCrossentropy(from_logits=True) if workload.logits else workload.loss
        metrics = ["accuracy"] if workload.accuracy else []
        if workload.task == "loop":
            self.step = k.stepper(self.model, rule(workload.rate), loss)
        else:
            self.model.compile(rule(workload.rate), loss, metrics=metrics, steps_per_execution=peer.steps)

    def train(self, epochs: int) -> None:
        """Learn for so many epochs."""
        if self.workload.task == "loop":
            self.loop(epochs)
        else:
            self.model.fit(self.x, self.y, batch_size=self.workload.batch, epochs=epochs, verbose=0)

    def loop(self, epochs: int) -> None:
        """The loop of one's own, as the article has it: the loss is read at every step."""
        for _ in range(epochs):
            order, total = self.rng.permutation(len(self.y)), 0.0
            for start in range(0, len(order), self.workload.batch):
                rows = order[start : start + self.workload.batch]
                total += float(self.step(self.x[rows], self.y[rows])) * len(rows)

    def predict(self, x: Any) -> np.ndarray:
        """The outputs, as numpy arrays."""
        return self.model.predict(x, batch_size=256, verbose=0)

    def call(self, x: Any) -> np.ndarray:
        """The outputs of the model as a function."""
        return self.k.as_numpy(self.model(x))

    def evaluate(self) -> tuple[float, float | None]:
        """(loss, accuracy) on the data."""
        if self.workload.task == "loop":
            outputs = self.k.as_numpy(self.model(self.x))
            loss = self.k.losses.SparseCategoricalCrossentropy(from_logits=True)(self.y, outputs)
            return float(loss), float(np.mean(outputs.argmax(-1) == self.y))
        found = self.model.evaluate(self.x, self.y, batch_size=256, verbose=0, return_dict=True)
        return float(found["loss"]), found.get("accuracy")


class Adversaries:
    """P11: two models that learn in turns, a batch at a time."""

    def __init__(self, workload: Workload, data: dict[str, np.ndarray], peer: Any, seed: int):
        k = words(peer.backend)
        k.seed(seed)
        self.workload, self.x, self.rng = workload, data["x"], np.random.default_rng(seed)
        self.generator, self.discriminator = networks.adversaries(k, **workload.sizes)
        self.discriminator.compile(k.optimizers.Adam(workload.rate, beta_1=0.5), workload.loss)
        self.discriminator.trainable = False  # in the stack, which is compiled after this
        self.stack = k.Sequential([self.generator, self.discriminator])
        self.stack.compile(k.optimizers.Adam(workload.rate, beta_1=0.5), workload.loss)
        ones = np.ones((workload.batch, 1), np.float32)
        self.ones, self.answers = ones, np.concatenate([ones, 0 * ones])

    def noise(self) -> np.ndarray:
        return self.rng.standard_normal((self.workload.batch, self.workload.sizes["noise"]), np.float32)

    def told_apart(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Real pictures and made ones, and which are real."""
        return np.concatenate([self.x[rows], self.generator.predict_on_batch(self.noise())]), self.answers

    def train(self, epochs: int) -> None:
        """Learn for so many epochs; Keras looks at `trainable` when it steps, freedive when it compiled."""
        for _ in range(epochs):
            for rows in self.rng.permutation(len(self.x)).reshape(-1, self.workload.batch):
                both = self.told_apart(rows)
                self.discriminator.trainable = True
                self.discriminator.train_on_batch(*both)
                self.discriminator.trainable = False
                self.stack.train_on_batch(self.noise(), self.ones)

    def evaluate(self) -> tuple[float, float | None]:
        """(loss of the discriminator, None) on the first pictures and as many made ones."""
        self.discriminator.trainable = True
        both = self.told_apart(np.arange(self.workload.batch))
        return float(self.discriminator.evaluate(*both, batch_size=64, verbose=0)), None
