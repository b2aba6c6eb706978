"""The networks as PyTorch modules that give logits; names and numbers are those of `networks`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

Tensor = torch.Tensor


def dense(inputs: int, units: Sequence[int], outputs: int, activation: str | None = "relu") -> nn.Module:
    """Dense layers: P1, P2."""
    layers: list[nn.Module] = []
    for before, after in zip((inputs, *units), units, strict=False):
        layers += [nn.Linear(before, after), *([nn.ReLU()] if activation else [])]
    return nn.Sequential(*layers, nn.Linear(units[-1], outputs))


class convolutional(nn.Sequential):
    """Two convolutions and poolings, and a dense layer if asked: P3, P4."""

    def __init__(self, dense: int = 0):
        top = [nn.Linear(1600, dense), nn.ReLU(), nn.Linear(dense, 10)] if dense else [nn.Linear(1600, 10)]
        super().__init__(
            *(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), *top),
        )

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 3, 1, 2))  # channels last in memory, as they came


class lstm_stack(nn.Module):
    """Two LSTM: P6."""

    def __init__(self, units: int, outputs: int, inputs: int = 12):
        super().__init__()
        self.lstm = nn.LSTM(inputs, units, num_layers=2, batch_first=True)
        self.top = nn.Linear(units, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.top(self.lstm(x)[0][:, -1])


class text(nn.Module):
    """Words as vectors, an LSTM over them, one logit: P7, P8.

    nn.LSTM has no dropout of its recurrent connections; with it, the cell is called step by step.
    """

    def __init__(self, words: int, width: int, units: int, dropout: float = 0.0, recurrent_dropout: float = 0.0):
        super().__init__()
        self.embedding, self.top = nn.Embedding(words, width), nn.Linear(units, 1)
        self.dropout, self.recurrent_dropout = dropout, recurrent_dropout
        self.lstm: Any = nn.LSTMCell(width, units) if recurrent_dropout else nn.LSTM(width, units, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embedding(x)
        if self.dropout:
            x = x * self.mask(x[:, :1], self.dropout)  # one mask for all steps
        return self.top(self.steps(x) if self.recurrent_dropout else self.lstm(x)[0][:, -1])

    def steps(self, x: Tensor) -> Tensor:
        h = c = x.new_zeros(len(x), self.lstm.hidden_size)
        kept = self.mask(h, self.recurrent_dropout)
        for step in x.unbind(1):
            h, c = self.lstm(step, (h * kept, c))
        return h

    def mask(self, like: Tensor, rate: float) -> Tensor:
        return nn.functional.dropout(torch.ones_like(like), rate, self.training)
