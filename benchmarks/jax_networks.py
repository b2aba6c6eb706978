"""The networks as functions of their weights, giving logits; names and numbers are those of `networks`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


class Weights:
    """Weights by name: drawn with `rng` when they are first asked for, read afterwards.

    Attributes:
        values: name -> array.
        state: those that a forward pass writes.
    """

    def __init__(self, values: Any = None, rng: Any = None, key: Any = None, training: bool = False):
        self.values: dict[str, Any] = {} if values is None else values
        self.rng, self.key, self.training, self.state = rng, key, training, {}

    def __call__(self, name: str, *shape: int, draw: Any = None) -> Any:
        if name not in self.values:
            self.values[name] = np.asarray((draw or glorot)(self.rng, shape), np.float32)
        return jnp.asarray(self.values[name])

    def dropped(self, like: Any, rate: float) -> Any:
        """A mask that keeps the mean; ones outside of training."""
        if not self.training or not rate:
            return 1.0
        self.key, own = jax.random.split(self.key)
        return jax.random.bernoulli(own, 1 - rate, like.shape) / (1 - rate)


# first values ---------------------------------------------------------------------------------------------------------
def glorot(rng: Any, shape: Sequence[int]) -> Any:
    """Uniform, by the sizes of inputs and outputs."""
    field = int(np.prod(shape[:-2]))
    bound = np.sqrt(6 / (field * (shape[-2] + shape[-1])))
    return rng.uniform(-bound, bound, shape)


def orthogonal(rng: Any, shape: Sequence[int]) -> Any:
    """Rows at right angles, of length one."""
    q, r = np.linalg.qr(rng.normal(size=shape[::-1]))
    return (q * np.sign(np.diag(r))).T


def zeros(rng: Any, shape: Sequence[int]) -> Any:
    """Zeros."""
    return np.zeros(shape)


def small(rng: Any, shape: Sequence[int]) -> Any:
    """Uniform from -0.05 to 0.05: embeddings."""
    return rng.uniform(-0.05, 0.05, shape)


def forgetting(rng: Any, shape: Sequence[int]) -> Any:
    """Zeros, and ones for the forget gate."""
    gates = np.zeros((4, shape[0] // 4))
    gates[1] = 1
    return gates.ravel()


# layers ---------------------------------------------------------------------------------------------------------------
def linear(w: Weights, name: str, x: Any, units: int) -> Any:
    """x W + b."""
    return x @ w(f"{name}/kernel", x.shape[-1], units) + w(f"{name}/bias", units, draw=zeros)


def conv(w: Weights, name: str, x: Any, filters: int, size: int, stride: int = 1, padding: str = "VALID") -> Any:
    """A convolution, channels last."""
    kernel = w(f"{name}/kernel", size, size, x.shape[-1], filters)
    numbers = ("NHWC", "HWIO", "NHWC")
    x = jax.lax.conv_general_dilated(x, kernel, (stride, stride), padding, dimension_numbers=numbers)
    return x + w(f"{name}/bias", filters, draw=zeros)


def pool(x: Any) -> Any:
    """The highest of 2 x 2."""
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def lstm(w: Weights, name: str, x: Any, units: int, start: Any = None, drop: float = 0.0, again: float = 0.0) -> Any:
    """(all outputs (batch, time, units), last state); the input's product stands before the scan."""
    x = x * w.dropped(x[:, :1], drop)  # one mask for all steps
    bias = w(f"{name}/bias", 4 * units, draw=forgetting)
    x = x @ w(f"{name}/kernel", x.shape[-1], 4 * units) + bias
    recurrent = w(f"{name}/recurrent", units, 4 * units, draw=orthogonal)
    zero = jnp.zeros((len(x), units))
    kept = w.dropped(zero, again)

    def step(state: Any, z: Any) -> Any:
        h, c = state
        i, f, g, o = jnp.split(z + (h * kept) @ recurrent, 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    last, outputs = jax.lax.scan(step, (zero, zero) if start is None else start, x.swapaxes(0, 1))
    return outputs.swapaxes(0, 1), last


# networks -------------------------------------------------------------------------------------------------------------
def dense(w: Weights, x: Any, inputs: int, units: Sequence[int], outputs: int, activation: str | None = "relu") -> Any:
    """Dense layers: P1, P2."""
    for i, size in enumerate(units):
        x = linear(w, f"dense{i}", x, size)
        x = jax.nn.relu(x) if activation else x
    return linear(w, "top", x, outputs)


def convolutional(w: Weights, x: Any, dense: int = 0) -> Any:
    """Two convolutions and poolings, and a dense layer if asked: P3, P4."""
    x = pool(jax.nn.relu(conv(w, "conv1", x, 32, 3)))
    x = pool(jax.nn.relu(conv(w, "conv2", x, 64, 3)))
    x = x.reshape(len(x), -1)
    x = jax.nn.relu(linear(w, "dense", x, dense)) if dense else x
    return linear(w, "top", x, 10)


def lstm_stack(w: Weights, x: Any, units: int, outputs: int) -> Any:
    """Two LSTM: P6."""
    x, _ = lstm(w, "first", x, units)
    _, (h, _) = lstm(w, "second", x, units)
    return linear(w, "top", h, outputs)


def text(
    w: Weights, x: Any, words: int, width: int, units: int, dropout: float = 0.0, recurrent_dropout: float = 0.0
) -> Any:
    """Words as vectors, an LSTM over them, one logit: P7, P8."""
    x = w("embedding", words, width, draw=small)[x]
    _, (h, _) = lstm(w, "lstm", x, units, drop=dropout, again=recurrent_dropout)
    return linear(w, "top", h, 1)
