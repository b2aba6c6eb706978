"""The networks in Keras' words: one function builds them for freedive and for Keras, whichever module `k` is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def dense(k: Any, inputs: int, units: Sequence[int], outputs: int, activation: str | None = "relu") -> Any:
    """Dense layers: P1, P2."""
    hidden = [k.layers.Dense(n, activation=activation) for n in units]
    top = k.layers.Dense(outputs, activation="softmax" if outputs > 1 else None)
    return k.Sequential([k.Input((inputs,)), *hidden, top])


def convolutional(k: Any, dense: int = 0) -> Any:
    """Two convolutions and poolings, and a dense layer if asked: P3, P4."""
    return k.Sequential([
        k.layers.Conv2D(32, 3, activation="relu"), k.layers.MaxPooling2D(2),
        k.layers.Conv2D(64, 3, activation="relu"), k.layers.MaxPooling2D(2),
        k.layers.Flatten(),
        *([k.layers.Dense(dense, activation="relu")] if dense else []),
        k.layers.Dense(10, activation="softmax"),
    ])  # fmt: skip


def lstm_stack(k: Any, units: int, outputs: int) -> Any:
    """Two LSTM, the first handing on all its steps: P6."""
    first, second = k.layers.LSTM(units, return_sequences=True), k.layers.LSTM(units)
    return k.Sequential([first, second, k.layers.Dense(outputs, activation="softmax")])


def text(k: Any, words: int, width: int, units: int, dropout: float = 0.0, recurrent_dropout: float = 0.0) -> Any:
    """Words as vectors, an LSTM over them, one sigmoid: P7, P8."""
    reader = k.layers.LSTM(units, dropout=dropout, recurrent_dropout=recurrent_dropout)
    return k.Sequential([k.layers.Embedding(words, width), reader, k.layers.Dense(1, activation="sigmoid")])


def simple_rnn(k: Any, units: int, outputs: int) -> Any:
    """A simple recurrent layer with ReLU: P5."""
    recurrent = k.layers.SimpleRNN(units, activation="relu")
    return k.Sequential([recurrent, k.layers.Dense(outputs, activation="softmax")])


def speech(k: Any, units: int, outputs: int) -> Any:
    """The speech recogniser, a model class that gives logits: P9."""

    class SpeechRecogniser(k.Model):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = k.layers.SimpleRNN(units, return_sequences=True)
            self.fc = k.layers.Dense(outputs)

        def call(self, x: Any) -> Any:
            return self.fc(self.rnn(x)[:, -1, :])

    return SpeechRecogniser()


def translation(k: Any, words: int, characters: int, width: int, units: int) -> Any:
    """Encoder, decoder, attention: P10."""
    source, known = k.Input((None,)), k.Input((None,))
    encoder = k.layers.LSTM(units, return_sequences=True, return_state=True)
    encoded, h, c = encoder(k.layers.Embedding(words, width)(source))
    decoder = k.layers.LSTM(units, return_sequences=True)
    decoded = decoder(k.layers.Embedding(characters, width)(known), initial_state=[h, c])
    found = k.layers.Attention()([decoded, encoded])
    outputs = k.layers.Dense(characters, activation="softmax")(k.layers.Concatenate()([decoded, found]))
    return k.Model([source, known], outputs)


def adversaries(k: Any, noise: int) -> tuple[Any, Any]:
    """(generator, discriminator) of pictures of 28 x 28: P11."""
    wide = {"padding": "same", "use_bias": False}
    generator = k.Sequential([
        k.Input((noise,)),
        k.layers.Dense(7 * 7 * 256, use_bias=False), k.layers.BatchNormalization(), k.layers.LeakyReLU(),
        k.layers.Reshape((7, 7, 256)),
        k.layers.Conv2DTranspose(128, 5, **wide), k.layers.BatchNormalization(), k.layers.LeakyReLU(),
        k.layers.Conv2DTranspose(64, 5, 2, **wide), k.layers.BatchNormalization(), k.layers.LeakyReLU(),
        k.layers.Conv2DTranspose(1, 5, 2, activation="tanh", **wide),
    ])  # fmt: skip
    discriminator = k.Sequential([
        k.Input((28, 28, 1)),
        k.layers.Conv2D(64, 5, 2, padding="same"), k.layers.LeakyReLU(),
        k.layers.Conv2D(128, 5, 2, padding="same"), k.layers.BatchNormalization(), k.layers.LeakyReLU(),
        k.layers.Flatten(), k.layers.Dense(1, activation="sigmoid"),
    ])  # fmt: skip
    return generator, discriminator


def transformer(k: Any, words: int, length: int, width: int, heads: int, depth: int) -> Any:
    """An encoder that normalises before each of its parts, its mean, one sigmoid."""
    tokens = k.Input((length,))
    x = k.positions()(k.layers.Embedding(words, width)(tokens))  # (batch, length, width)
    for _ in range(depth):
        y = k.layers.LayerNormalization(epsilon=1e-5)(x)
        x = k.layers.Add()([x, k.layers.MultiHeadAttention(heads, width // heads)(y, y)])
        y = k.layers.LayerNormalization(epsilon=1e-5)(x)
        y = k.layers.Dense(4 * width, activation="relu")(y)
        x = k.layers.Add()([x, k.layers.Dense(width)(y)])
    x = k.layers.GlobalAveragePooling1D()(k.layers.LayerNormalization(epsilon=1e-5)(x))
    return k.Model(tokens, k.layers.Dense(1, activation="sigmoid")(x))


def resnet(k: Any, blocks: int, outputs: int) -> Any:
    """Residual blocks of two convolutions on pictures of 32 x 32: three of each of three widths are ResNet-20."""

    def conv(x: Any, filters: int, stride: int = 1, size: int = 3) -> Any:
        x = k.layers.Conv2D(filters, size, stride, padding="same", use_bias=False)(x)
        return k.layers.BatchNormalization()(x)

    picture = k.Input((32, 32, 3))
    x = k.layers.ReLU()(conv(picture, 16))
    for filters in (16, 32, 64):
        for block in range(blocks):
            stride = 2 if filters > 16 and block == 0 else 1
            y = conv(k.layers.ReLU()(conv(x, filters, stride)), filters)
            x = conv(x, filters, stride, 1) if stride > 1 else x
            x = k.layers.ReLU()(k.layers.Add()([x, y]))
    x = k.layers.GlobalAveragePooling2D()(x)
    return k.Model(picture, k.layers.Dense(outputs, activation="softmax")(x))
