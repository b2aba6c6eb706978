"""JAX by hand, the control: a jitted step with its state given away, data on the device, the usual loop around it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from . import jax_networks
from .jax_networks import Weights
from .workloads import Workload


def adam(rate: float, p: Any, g: Any, slots: Any, t: Any) -> Any:
    """(value, slots) after a step of Adam."""
    m, v = 0.9 * slots[0] + 0.1 * g, 0.999 * slots[1] + 0.001 * g**2
    alpha = rate * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    return p - alpha * m / (jnp.sqrt(v) + 1e-7), (m, v)


def sgd(rate: float, p: Any, g: Any, slots: Any, t: Any) -> Any:
    """(value, slots) after a step of gradient descent."""
    return p - rate * g, slots


RULES: dict[str, Callable[..., Any]] = {"adam": adam, "sgd": sgd}


class Session:
    """Weights by name and a jitted step."""

    def __init__(self, workload: Workload, data: dict[str, np.ndarray], peer: Any, seed: int):
        self.workload, self.rng = workload, np.random.default_rng(seed)
        self.x = [jnp.asarray(data[name]) for name in ("x", "x2") if name in data]
        self.y = jnp.asarray(data["y"])
        self.network = partial(getattr(jax_networks, workload.network), **workload.sizes)
        weights = Weights(rng=self.rng, key=jax.random.key(seed), training=True)
        jax.eval_shape(lambda x: self.network(weights, *x), [x[:1] for x in self.x])  # draws the first values
        slots = {name: (np.zeros_like(p),) * 2 for name, p in weights.values.items() if name not in weights.state}
        self.state = jax.tree.map(jnp.array, (weights.values, slots, {}, jax.random.key(seed), 1.0, (0.0, 0.0)))
        self.jitted = jax.jit(self.step, donate_argnums=0)
        self.answer = jax.jit(self.forward)

    def forward(self, values: Any, *x: Any) -> Any:
        """The logits, as they are without training."""
        return self.network(Weights(values), *x)

    def step(self, state: Any, x: Any, y: Any, rows: Any) -> Any:
        """A step on these rows."""
        values, slots, _, key, t, (total, correct) = state
        x, y = [array[rows] for array in x], y[rows]
        trained = {name: values[name] for name in slots}

        def objective(trained: Any) -> Any:
            weights = Weights(values | trained, key=jax.random.fold_in(key, t.astype(int)), training=True)
            outputs = self.network(weights, *x)
            return criterion(self.workload.loss, outputs, y), (outputs, weights.state)

        (loss, (outputs, moved)), grads = jax.value_and_grad(objective, has_aux=True)(trained)
        rule = partial(RULES[self.workload.optimizer], self.workload.rate)
        new = {name: rule(p, grads[name], slots[name], t) for name, p in trained.items()}
        values = values | {name: p for name, (p, _) in new.items()} | moved
        right = hits(outputs, y) if self.workload.accuracy else 0.0
        sums = (total + loss * len(rows), correct + right)
        return values, {name: s for name, (_, s) in new.items()}, {}, key, t + 1, sums

    def train(self, epochs: int) -> float:
        """The mean loss of the last of so many epochs."""
        batch = self.workload.batch
        for _ in range(epochs):
            self.state = (*self.state[:-1], (jnp.float32(0), jnp.float32(0)))
            order = self.rng.permutation(len(self.y))
            for start in range(0, len(order), batch):
                self.state = self.jitted(self.state, self.x, self.y, order[start : start + batch])
            total, _ = map(float, self.state[-1])
        return total / len(self.y)

    def predict(self, x: Any) -> np.ndarray:
        """The outputs, as numpy arrays."""
        parts = [np.asarray(self.answer(self.state[0], x[i : i + 256])) for i in range(0, len(x), 256)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    call = predict

    def evaluate(self) -> tuple[float, float | None]:
        """(loss, accuracy) on the data."""
        total = correct = 0.0
        for i in range(0, len(self.y), 256):
            y = self.y[i : i + 256]
            outputs = self.answer(self.state[0], *(x[i : i + 256] for x in self.x))
            total += criterion(self.workload.loss, outputs, y) * len(y)
            correct += hits(outputs, y)
        accuracy = float(correct) / len(self.y) if self.workload.accuracy else None
        return float(total) / len(self.y), accuracy


def criterion(name: str, outputs: Any, y: Any) -> Any:
    """The loss of logits, by Keras' name."""
    if name == "mse":
        return jnp.mean((outputs - y) ** 2)
    if name == "binary_crossentropy":
        return jnp.mean(jax.nn.softplus(outputs) - y * outputs)
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(outputs), y[..., None], -1))


def hits(outputs: Any, y: Any) -> Any:
    """How many rows are right; of a row of several answers, the part that is."""
    right = (outputs > 0) == (y > 0.5) if outputs.shape[-1] == 1 else outputs.argmax(-1) == y
    return right.reshape(len(y), -1).mean(1).sum()
