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


def adam(rate: float, p: Any, g: Any, slots: Any, t: Any, beta: float = 0.9) -> Any:
    """(value, slots) after a step of Adam."""
    m, v = beta * slots[0] + (1 - beta) * g, 0.999 * slots[1] + 0.001 * g**2
    alpha = rate * jnp.sqrt(1 - 0.999**t) / (1 - beta**t)
    return p - alpha * m / (jnp.sqrt(v) + 1e-7), (m, v)


def sgd(rate: float, p: Any, g: Any, slots: Any, t: Any) -> Any:
    """(value, slots) after a step of gradient descent."""
    return p - rate * g, slots


RULES: dict[str, Callable[..., Any]] = {"adam": adam, "sgd": sgd}


def gradients(objective: Callable[..., Any], values: Any, slots: Any) -> Any:
    """((loss, what else), gradients) by those values that have slots."""
    return jax.value_and_grad(objective, has_aux=True)({name: values[name] for name in slots})


def updated(workload: Workload, values: Any, slots: Any, grads: Any, t: Any, **numbers: Any) -> Any:
    """(values, slots) after a step of the rule."""
    rule = partial(RULES[workload.optimizer], workload.rate)
    new = {name: rule(values[name], grads[name], slots[name], t, **numbers) for name in slots}
    return values | {name: p for name, (p, _) in new.items()}, {name: kept for name, (_, kept) in new.items()}


class Session:
    """Weights by name and a jitted step."""

    def __init__(self, workload: Workload, data: dict[str, np.ndarray], peer: Any, seed: int):
        self.workload, self.rng = workload, np.random.default_rng(seed)
        self.x = [jnp.asarray(data[name]) for name in ("x", "x2") if name in data]
        self.y = jnp.asarray(data["y"])
        weights = Weights(rng=self.rng, key=jax.random.key(seed), training=True)
        jax.eval_shape(partial(self.network, weights), *(x[:1] for x in self.x))  # draws the first values
        slots = {name: (np.zeros_like(p),) * 2 for name, p in weights.values.items() if name not in weights.state}
        self.state = jax.tree.map(jnp.array, (weights.values, slots, jax.random.key(seed), 1, (0.0, 0.0)))
        self.jitted = jax.jit(self.step, donate_argnums=0)
        self.answer = jax.jit(self.forward)

    def network(self, weights: Weights, *x: Any) -> Any:
        """The logits."""
        return getattr(jax_networks, self.workload.network)(weights, *x, **self.workload.sizes)

    def forward(self, values: Any, *x: Any) -> Any:
        """The logits, as they are without training."""
        return self.network(Weights(values), *x)

    def step(self, state: Any, x: Any, y: Any, rows: Any) -> Any:
        """A step on these rows."""
        values, slots, key, t, (total, correct) = state
        x, y = [array[rows] for array in x], y[rows]

        def objective(trained: Any) -> Any:
            weights = Weights(values | trained, key=jax.random.fold_in(key, t), training=True)
            outputs = self.network(weights, *x)
            return criterion(self.workload.loss, outputs, y), (outputs, weights.state)

        (loss, (outputs, moved)), grads = gradients(objective, values, slots)
        values, slots = updated(self.workload, values | moved, slots, grads, t)
        right = hits(outputs, y) if self.workload.accuracy else 0.0
        return values, slots, key, t + 1, (total + loss * len(rows), correct + right)

    def traced(self) -> Any:
        """What is timed, as a jaxpr: a step, or the answers to so many rows."""
        if self.workload.unit == "step":
            return jax.make_jaxpr(self.step)(self.state, self.x, self.y, np.arange(self.workload.batch)).jaxpr
        return jax.make_jaxpr(self.forward)(self.state[0], *(x[: self.workload.asked] for x in self.x)).jaxpr

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
        total = correct = jnp.zeros(())
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


class Adversaries(Session):
    """P11: both networks learn in one jitted step, in turns."""

    def network(self, weights: Weights, pictures: Any) -> Any:
        """What the discriminator says of pictures, and of made ones beside them."""
        return jax_networks.discriminator(weights, jnp.concatenate([pictures, self.made(weights, len(pictures))]))

    def made(self, weights: Weights, count: int) -> Any:
        """Pictures by the generator."""
        weights.key, own = jax.random.split(weights.key)
        return jax_networks.generator(weights, jax.random.normal(own, (count, self.workload.sizes["noise"])))

    def step(self, state: Any, x: Any, y: Any, rows: Any) -> Any:
        """The discriminator's step, then the generator's."""
        values, slots, key, t, sums = state
        own = {of: {n: s for n, s in slots.items() if n.startswith("g") == (of == "g")} for of in "gd"}
        answers = jnp.repeat(jnp.array([[1.0], [0.0]]), len(rows), axis=0)

        def telling(trained: Any) -> Any:
            weights = Weights(values | trained, key=jax.random.fold_in(key, 2 * t), training=True)
            return criterion(self.workload.loss, self.network(weights, x[0][rows]), answers), weights.state

        def making(trained: Any) -> Any:
            weights = Weights(values | trained, key=jax.random.fold_in(key, 2 * t + 1), training=True)
            said = jax_networks.discriminator(weights, self.made(weights, len(rows)))
            return criterion(self.workload.loss, said, answers[: len(rows)]), weights.state

        for of, objective in (("d", telling), ("g", making)):
            (_, moved), grads = gradients(objective, values, own[of])
            values, own[of] = updated(self.workload, values | moved, own[of], grads, t, beta=0.5)
        return values, own["g"] | own["d"], key, t + 1, sums

    def forward(self, values: Any, pictures: Any) -> Any:
        """What the discriminator says without training."""
        return self.network(Weights(values, key=jax.random.key(0)), pictures)

    def evaluate(self) -> tuple[float, float | None]:
        """(loss of the discriminator, None) on the first pictures and as many made ones."""
        batch = self.workload.batch
        answers = np.repeat([[1.0], [0.0]], batch, axis=0)
        return float(criterion(self.workload.loss, self.answer(self.state[0], self.x[0][:batch]), answers)), None
