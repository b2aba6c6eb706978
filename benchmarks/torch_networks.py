"""The networks as PyTorch modules that give logits; names and numbers are those of `networks`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
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


class simple_rnn(nn.Module):
    """A simple recurrent layer: P5, with ReLU; P9, with tanh."""

    def __init__(self, units: int, outputs: int, inputs: int = 12, activation: str = "relu"):
        super().__init__()
        self.rnn = nn.RNN(inputs, units, nonlinearity=activation, batch_first=True)
        self.top = nn.Linear(units, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.top(self.rnn(x)[0][:, -1])


def speech(units: int, outputs: int) -> nn.Module:
    """The speech recogniser: P9."""
    return simple_rnn(units, outputs, activation="tanh")


class translation(nn.Module):
    """Encoder, decoder, attention: P10."""

    def __init__(self, words: int, characters: int, width: int, units: int):
        super().__init__()
        self.source, self.known = nn.Embedding(words, width), nn.Embedding(characters, width)
        self.encoder, self.decoder = (nn.LSTM(width, units, batch_first=True) for _ in range(2))
        self.top = nn.Linear(2 * units, characters)

    def forward(self, source: Tensor, known: Tensor) -> Tensor:
        encoded, last = self.encoder(self.source(source))
        decoded, _ = self.decoder(self.known(known), last)
        found = nn.functional.scaled_dot_product_attention(decoded, encoded, encoded, scale=1.0)
        return self.top(torch.cat([decoded, found], -1))


class attentive(nn.Module):
    """`networks.AttentionNetwork` of LSTMs, with the attention of Luong: sources of words that end with 0."""

    def __init__(self, words: int, pieces: int, units: int, dropout: float):
        super().__init__()
        self.source, self.target = nn.Embedding(words, units), nn.Embedding(pieces, units)
        self.encoder = nn.LSTM(units, units // 2, batch_first=True, bidirectional=True)
        self.decoder = nn.LSTM(units, units, batch_first=True)
        self.query, self.key = (nn.Linear(units, units, bias=False) for _ in range(2))
        self.combine, self.dropout = nn.Linear(2 * units, units), nn.Dropout(dropout)

    def forward(self, source: Tensor, told: Tensor) -> Tensor:
        seen = source != 0
        x = self.dropout(self.source(source))
        packed = nn.utils.rnn.pack_padded_sequence(x, seen.sum(1), batch_first=True, enforce_sorted=False)
        packed, state = self.encoder(packed)
        encoded, _ = nn.utils.rnn.pad_packed_sequence(packed, batch_first=True, total_length=source.shape[1])
        first = tuple(torch.cat(tuple(both), -1)[None] for both in state)  # of both directions
        decoded, _ = self.decoder(self.dropout(self.target(told)), first)
        scores = self.query(decoded) @ self.key(encoded).mT  # (batch, time, steps)
        found = scores.masked_fill(~seen[:, None], -torch.inf).softmax(-1) @ encoded
        return self.dropout(torch.tanh(self.combine(torch.cat([decoded, found], -1)))) @ self.target.weight.T


class adversaries(nn.Module):
    """Generator and discriminator of pictures of 28 x 28: P11."""

    def __init__(self, noise: int):
        super().__init__()
        self.generator = nn.Sequential(
            nn.Linear(noise, 256 * 7 * 7, bias=False), norm(256 * 7 * 7, flat=True), nn.LeakyReLU(0.3),
            nn.Unflatten(1, (256, 7, 7)),
            nn.ConvTranspose2d(256, 128, 5, 1, 2, bias=False), norm(128), nn.LeakyReLU(0.3),
            nn.ConvTranspose2d(128, 64, 5, 2, 2, 1, bias=False), norm(64), nn.LeakyReLU(0.3),
            nn.ConvTranspose2d(64, 1, 5, 2, 2, 1, bias=False), nn.Tanh(),
        )  # fmt: skip
        self.discriminator = nn.Sequential(
            nn.Conv2d(1, 64, 5, 2, 2), nn.LeakyReLU(0.3),
            nn.Conv2d(64, 128, 5, 2, 2), norm(128), nn.LeakyReLU(0.3),
            nn.Flatten(), nn.Linear(128 * 7 * 7, 1),
        )  # fmt: skip


def norm(features: int, flat: bool = False) -> nn.Module:
    """Batch normalisation with Keras' numbers."""
    return (nn.BatchNorm1d if flat else nn.BatchNorm2d)(features, eps=1e-3, momentum=0.01)


class transformer(nn.Module):
    """An encoder that normalises before each of its parts, its mean, one logit."""

    def __init__(self, words: int, length: int, width: int, heads: int, depth: int):
        super().__init__()
        self.embedding = nn.Embedding(words, width)
        self.positions = nn.Parameter(torch.empty(length, width).uniform_(-0.05, 0.05))
        block = nn.TransformerEncoderLayer(width, heads, 4 * width, 0.0, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(block, depth, nn.LayerNorm(width), enable_nested_tensor=False)
        self.top = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.top(self.encoder(self.embedding(x) + self.positions).mean(1))


class block(nn.Module):
    """Two convolutions and what goes around them."""

    def __init__(self, before: int, after: int, stride: int):
        super().__init__()
        self.convolved = nn.Sequential(
            nn.Conv2d(before, after, 3, stride, 1, bias=False), norm(after), nn.ReLU(),
            nn.Conv2d(after, after, 3, 1, 1, bias=False), norm(after),
        )  # fmt: skip
        around = [nn.Conv2d(before, after, 1, stride, bias=False), norm(after)] if stride > 1 else []
        self.around = nn.Sequential(*around)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.relu(self.convolved(x) + self.around(x))


class resnet(nn.Sequential):
    """Residual blocks on pictures of 32 x 32: three of each of three widths are ResNet-20."""

    def __init__(self, blocks: int, outputs: int):
        widths = [16, *([16] * blocks), *([32] * blocks), *([64] * blocks)]
        made = [block(b, a, 2 if b < a else 1) for b, a in pairwise(widths)]
        start = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), norm(16), nn.ReLU()]
        super().__init__(*start, *made, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, outputs))

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 3, 1, 2))
