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
