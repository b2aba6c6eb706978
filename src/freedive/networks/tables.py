"""Networks for tables: from rows as `preprocessing.TableEncoder` gives them to outputs.

All have the same first arguments, so that a task or a search can choose among them by name: `NETWORKS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import layers
from ..core.graph import Input
from ..models import Model


def mlp(
    width: int,
    sizes: Sequence[int] = (),
    head: Any = 1,
    units: Sequence[int] = (128, 64),
    dropout: float = 0.4,
) -> Model:
    """Dense layers, one after the other: relu(x W + b), dropout.

    Args:
        width: numbers and ids of a row.
        sizes: of each category, how many ids it has; the last features of a row are these ids.
        head: the last layer, or how many linear units it has.
        units: of the layers before it.
        dropout: after each of them.

    >>> mlp(5, sizes=[3], head=2).output_shape
    (None, 2)
    """
    x, features = _entry(width, sizes)
    for size in units:
        features = _dropped(layers.Dense(size, activation="relu")(features), dropout)
    return Model(x, _last(head)(features))


def resnet(
    width: int,
    sizes: Sequence[int] = (),
    head: Any = 1,
    units: int = 128,
    blocks: int = 2,
    dropout: float = 0.1,
) -> Model:
    """Dense blocks with a way around each: x + Dropout(Dense(Dropout(relu(Dense(BatchNorm(x)))))).

    Args:
        width, sizes, head: as for `mlp`.
        units: of the way around; inside a block there are twice as many.
        blocks: how many.
        dropout: twice in a block.

    Reference: Gorishniy et al. 2021, "Revisiting deep learning models for tabular data",
    https://arxiv.org/abs/2106.11959.

    >>> resnet(5, head=2, units=16).output_shape
    (None, 2)
    """
    x, features = _entry(width, sizes)
    features = layers.Dense(units)(features)
    for _ in range(blocks):
        inside = layers.BatchNormalization()(features)
        inside = _dropped(layers.Dense(2 * units, activation="relu")(inside), dropout)
        features = layers.add([features, _dropped(layers.Dense(units)(inside), dropout)])
    features = layers.ReLU()(layers.BatchNormalization()(features))
    return Model(x, _last(head)(features))


def transformer(
    width: int,
    sizes: Sequence[int] = (),
    head: Any = 1,
    units: int = 32,
    blocks: int = 2,
    dropout: float = 0.1,
) -> Model:
    """Features as tokens that attend to each other, and a summary that is read at the end (FT-Transformer).

    Args:
        width, sizes, head: as for `mlp`.
        units: of a token, of which each head of attention has 8 (see `heads_for`).
        blocks: of attention and two dense layers, each with a way around it.
        dropout: of attention and inside the dense layers.

    Reference: Gorishniy et al. 2021, "Revisiting deep learning models for tabular data",
    https://arxiv.org/abs/2106.11959.

    >>> transformer(5, sizes=[3, 4], head=2, units=16).output_shape
    (None, 2)
    """
    x = Input((width,), name="rows")
    tokens = layers.FeatureTokenizer(sizes, units)(x)  # (batch, 1 + width, units)
    heads = heads_for(units)
    for _ in range(blocks):
        tokens = attending(tokens, heads, units, dropout)
    summary = layers.Flatten()(layers.Cropping1D((0, width))(tokens))
    read = layers.ReLU()(layers.LayerNormalization()(summary))
    return Model(x, _last(head)(read))


def attending(tokens: Any, heads: int, units: int, dropout: float) -> Any:
    """A block of a transformer, normalised before each part: attention, and a gated pair of dense layers.

    Args:
        tokens: a symbol, (batch, tokens, units).
        heads: of the attention.
        units: of a token.
        dropout: of attention and inside the dense layers.
    """
    normal = layers.LayerNormalization()(tokens)
    attended = layers.MultiHeadAttention(heads, units // heads, dropout=dropout)(normal, normal)
    tokens = layers.add([tokens, attended])
    normal = layers.LayerNormalization()(tokens)
    gated = layers.multiply([layers.Dense(2 * units)(normal), layers.Dense(2 * units, activation="relu")(normal)])
    return layers.add([tokens, layers.Dense(units)(_dropped(gated, dropout))])


def heads_for(units: int) -> int:
    """The heads of attention for vectors of so many numbers: of 8 each, where that divides them.

    >>> heads_for(32), heads_for(20)
    (4, 1)
    """
    return units // 8 if units % 8 == 0 else 1


def _entry(width: int, sizes: Sequence[int]) -> tuple[Any, Any]:
    """Rows, and the features that dense layers see of them."""
    x = Input((width,), name="rows")
    return x, layers.CategoryEmbedding(sizes)(x) if len(sizes) else x


def _last(head: Any) -> Any:
    return layers.Dense(head) if isinstance(head, int) else head


def _dropped(x: Any, rate: float) -> Any:
    return layers.Dropout(rate)(x) if rate else x


NETWORKS: dict[str, Callable[..., Model]] = {"mlp": mlp, "resnet": resnet, "transformer": transformer}
