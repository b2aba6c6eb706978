"""The networks as functions of their weights, giving logits; names and numbers are those of `networks`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
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

    def keep(self, name: str, size: int, draw: Any) -> Any:
        """A value that a forward pass writes, and no gradient."""
        self.state.setdefault(name, self(name, size, draw=draw))
        return self.state[name]

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


def ones(rng: Any, shape: Sequence[int]) -> Any:
    """Ones."""
    return np.ones(shape)


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


def conv(
    w: Weights, name: str, x: Any, filters: int, size: int, stride: int = 1, padding: str = "VALID", bias: bool = True
) -> Any:
    """A convolution, channels last."""
    kernel = w(f"{name}/kernel", size, size, x.shape[-1], filters)
    numbers = ("NHWC", "HWIO", "NHWC")
    x = jax.lax.conv_general_dilated(x, kernel, (stride, stride), padding, dimension_numbers=numbers)
    return x + w(f"{name}/bias", filters, draw=zeros) if bias else x


def batch_norm(w: Weights, name: str, x: Any) -> Any:
    """Mean 0 and variance 1 over the batch in training, over what was seen outside of it."""
    size = x.shape[-1]
    mean, variance = w.keep(f"{name}/mean", size, zeros), w.keep(f"{name}/variance", size, ones)
    if w.training:
        seen = jnp.mean(x, range(x.ndim - 1)), jnp.var(x, range(x.ndim - 1))
        w.state |= {f"{name}/mean": 0.99 * mean + 0.01 * seen[0], f"{name}/variance": 0.99 * variance + 0.01 * seen[1]}
        mean, variance = seen
    scale, offset = w(f"{name}/gamma", size, draw=ones), w(f"{name}/beta", size, draw=zeros)
    return (x - mean) * (scale * jax.lax.rsqrt(variance + 1e-3)) + offset


def layer_norm(w: Weights, name: str, x: Any) -> Any:
    """Mean 0 and variance 1 over the features."""
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    scale, offset = w(f"{name}/gamma", x.shape[-1], draw=ones), w(f"{name}/beta", x.shape[-1], draw=zeros)
    return (x - mean) * jax.lax.rsqrt(variance + 1e-5) * scale + offset


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


def rnn(w: Weights, x: Any, units: int, activation: Any) -> Any:
    """The last state of a simple recurrent layer."""
    x = linear(w, "rnn", x, units)
    recurrent = w("rnn/recurrent", units, units, draw=orthogonal)
    start = jnp.zeros((len(x), units))
    return jax.lax.scan(lambda h, z: (activation(z + h @ recurrent), None), start, x.swapaxes(0, 1))[0]


def simple_rnn(w: Weights, x: Any, units: int, outputs: int) -> Any:
    """A simple recurrent layer with ReLU: P5."""
    return linear(w, "top", rnn(w, x, units, jax.nn.relu), outputs)


def speech(w: Weights, x: Any, units: int, outputs: int) -> Any:
    """The speech recogniser: P9."""
    return linear(w, "top", rnn(w, x, units, jnp.tanh), outputs)


def translation(w: Weights, source: Any, known: Any, words: int, characters: int, width: int, units: int) -> Any:
    """Encoder, decoder, attention: P10."""
    encoded, last = lstm(w, "encoder", w("source", words, width, draw=small)[source], units)
    decoded, _ = lstm(w, "decoder", w("known", characters, width, draw=small)[known], units, last)
    found = jax.nn.softmax(jnp.einsum("bqu,bku->bqk", decoded, encoded)) @ encoded
    return linear(w, "top", jnp.concatenate([decoded, found], -1), characters)


def generator(w: Weights, x: Any) -> Any:
    """Noise -> pictures: P11."""
    leaky = partial(jax.nn.leaky_relu, negative_slope=0.3)
    x = leaky(batch_norm(w, "g0", x @ w("g0/kernel", x.shape[-1], 7 * 7 * 256))).reshape(-1, 7, 7, 256)
    for i, (filters, stride) in enumerate(((128, 1), (64, 2), (1, 2))):
        kernel = w(f"g{i + 1}/kernel", 5, 5, x.shape[-1], filters)
        x = jax.lax.conv_transpose(x, kernel, (stride, stride), "SAME")
        x = leaky(batch_norm(w, f"g{i + 1}", x)) if filters > 1 else jnp.tanh(x)
    return x


def discriminator(w: Weights, x: Any) -> Any:
    """Pictures -> a logit: P11."""
    leaky = partial(jax.nn.leaky_relu, negative_slope=0.3)
    x = leaky(conv(w, "d1", x, 64, 5, 2, "SAME"))
    x = leaky(batch_norm(w, "d2", conv(w, "d2", x, 128, 5, 2, "SAME")))
    return linear(w, "top", x.reshape(len(x), -1), 1)


def transformer(w: Weights, x: Any, words: int, length: int, width: int, heads: int, depth: int) -> Any:
    """An encoder that normalises before each of its parts, its mean, one logit."""
    x = w("embedding", words, width, draw=small)[x] + w("positions", length, width, draw=small)
    for i in range(depth):
        y = layer_norm(w, f"{i}/before", x)
        q, k, v = (linear(w, f"{i}/{n}", y, width).reshape(*y.shape[:2], heads, -1) for n in "qkv")
        x = x + linear(w, f"{i}/out", jax.nn.dot_product_attention(q, k, v).reshape(x.shape), width)
        y = jax.nn.relu(linear(w, f"{i}/wide", layer_norm(w, f"{i}/after", x), 4 * width))
        x = x + linear(w, f"{i}/narrow", y, width)
    return linear(w, "top", layer_norm(w, "last", x).mean(1), 1)


def resnet(w: Weights, x: Any, blocks: int, outputs: int) -> Any:
    """Residual blocks on pictures of 32 x 32: three of each of three widths are ResNet-20."""

    def normed(name: str, x: Any, filters: int, stride: int = 1, size: int = 3) -> Any:
        return batch_norm(w, name, conv(w, name, x, filters, size, stride, "SAME", bias=False))

    x = jax.nn.relu(normed("start", x, 16))
    for filters in (16, 32, 64):
        for i in range(blocks):
            name, stride = f"{filters}/{i}", 2 if filters > 16 and i == 0 else 1
            y = normed(f"{name}/second", jax.nn.relu(normed(f"{name}/first", x, filters, stride)), filters)
            x = normed(f"{name}/around", x, filters, stride, 1) if stride > 1 else x
            x = jax.nn.relu(x + y)
    return linear(w, "top", x.mean((1, 2)), outputs)
