"""Networks for pictures: from (height, width) or (height, width, channels) to outputs.

All have the same first arguments, so that a task or a search can choose among them by name: `NETWORKS`. They take any
size: the early halvings of networks made for pictures of 224 x 224 are left out where `SMALLEST` pixels of a side
would not be left of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import layers
from ..config import argument, finite, integer, positive, real
from ..core.graph import Input
from ..models import Model, Sequential

SMALLEST = 4  # pixels of a side of the last maps, of pictures that are not smaller themselves
MOMENTUM, EPSILON = 0.9, 1e-5  # of batch normalisation, as where these networks were published
Shape = tuple[int, ...]


# plain convolutions -------------------------------------------------------------------------------------------------
def cnn(
    shape: Shape,
    outputs: int = 1,
    activation: Any = None,
    before: Sequence[Any] = (),
    filters: Sequence[int] = (32, 64),
    units: int = 64,
    dropout: float = 0.2,
) -> Model:
    """Convolutions, each followed by pooling, and two dense layers: small and quick.

    Args:
        shape: of one picture, (height, width) or (height, width, channels).
        outputs: units of the last layer.
        activation: of the last layer.
        before: layers that pictures (batch, height, width, channels) go through first: rescaling, random changes.
        filters: of each convolution.
        units: of the dense layer before the last.
        dropout: before it.

    >>> cnn((28, 28), outputs=10).count_params()
    121930
    """
    body, entrance = list[Any](), Input(shape)
    sizes = list(shape[:2])
    for count in filters:
        padding = "valid" if min(sizes) >= 4 else "same"  # windows that do not fit look over the edges
        body += [layers.Conv2D(count, 3, activation="relu", padding=padding), layers.MaxPooling2D(2, padding=padding)]
        sizes = [(size - 2) // 2 if padding == "valid" else -(-size // 2) for size in sizes]
    body += [layers.Flatten(), *_dropout(dropout), layers.Dense(units, activation="relu")]
    return Sequential([entrance, *_channels(shape), *before, *body, layers.Dense(outputs, activation=activation)])


def deep_cnn(
    shape: Shape,
    outputs: int = 1,
    activation: Any = None,
    before: Sequence[Any] = (),
    filters: int = 32,
    most: int = 256,
    dropout: float = 0.3,
) -> Model:
    """Normalised convolutions with pooling until two or three pixels of a side are left, twice as many filters each.

    Args:
        shape, outputs, activation, before: as for `cnn`.
        filters: of the first convolution.
        most: filters of any.
        dropout: before the last layer.

    >>> deep_cnn((28, 28), outputs=10).count_params()
    104874
    """
    body: list[Any] = []
    for stage in range(max(1, min(shape[:2]).bit_length() - 2)):
        count = min(most, filters << stage)
        body += [
            layers.Conv2D(count, 3, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON),
            layers.ReLU(),
            layers.MaxPooling2D(2, padding="valid" if min(shape[:2]) > 1 else "same"),
        ]
    body += [layers.Flatten(), *_dropout(dropout)]
    return Sequential([Input(shape), *_channels(shape), *before, *body, layers.Dense(outputs, activation=activation)])


# residual networks --------------------------------------------------------------------------------------------------
def resnet20(
    shape: Shape,
    outputs: int = 1,
    activation: Any = None,
    before: Sequence[Any] = (),
    filters: int = 16,
    blocks: int = 3,
) -> Model:
    """Three stages of residual blocks, for small pictures: a block is x + two normalised convolutions of it.

    Where a stage changes the size, a convolution of one pixel brings x to it.

    Args:
        shape, outputs, activation, before: as for `cnn`.
        filters: of the first stage; each further one has twice as many.
        blocks: of each stage: 3 for 20 layers, 5 for 32, 9 for 56.

    Reference: He et al. 2016, "Deep residual learning for image recognition", section 4.2,
    https://arxiv.org/abs/1512.03385.

    >>> resnet20((32, 32, 3), outputs=10).output_shape
    (None, 10)
    """
    x, maps = _entry(shape, before)
    maps = _normal(maps, filters, 3)
    maps = _stages(maps, [(filters, blocks, 1), (2 * filters, blocks, 2), (4 * filters, blocks, 2)])
    return _pooled(x, maps, outputs, activation)


def resnet18(
    shape: Shape,
    outputs: int = 1,
    activation: Any = None,
    before: Sequence[Any] = (),
    filters: int = 64,
    blocks: int = 2,
) -> Model:
    """Four stages of residual blocks behind a wide convolution, for photos.

    Args:
        shape, outputs, activation, before: as for `cnn`.
        filters: of the first stage; each further one has twice as many.
        blocks: of each stage.

    Reference: He et al. 2016, "Deep residual learning for image recognition", https://arxiv.org/abs/1512.03385.

    >>> resnet18((32, 32, 3), outputs=10, filters=8).output_shape
    (None, 10)
    """
    x, maps = _entry(shape, before)
    count = halvings(shape, 5)
    maps = _normal(maps, filters, 7, 2) if count > 3 else _normal(maps, filters, 3)
    if count > 4:
        maps = layers.MaxPooling2D(3, strides=2, padding="same")(maps)
    strides = _strides([2, 2, 2], count)
    maps = _stages(maps, [(filters << i, blocks, stride) for i, stride in enumerate([1, *strides])])
    return _pooled(x, maps, outputs, activation)


def _stages(maps: Any, stages: Sequence[tuple[int, int, int]]) -> Any:
    """Residual blocks: (filters, blocks, stride of the first) for every stage."""
    for filters, blocks, stride in stages:
        for block in range(blocks):
            step = stride if block == 0 else 1
            inside = _normal(_normal(maps, filters, 3, step), filters, 3, activation=None)
            same = step == 1 and maps.shape[-1] == filters
            around = maps if same else _normal(maps, filters, 1, step, activation=None)
            maps = layers.ReLU()(layers.add([inside, around]))
    return maps


# for few weights ----------------------------------------------------------------------------------------------------
INVERTED = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


def mobilenet(
    shape: Shape,
    outputs: int = 1,
    activation: Any = None,
    before: Sequence[Any] = (),
    width: float = 1.0,
    dropout: float = 0.2,
) -> Model:
    """MobileNetV2: blocks that widen, filter every channel alone, and narrow again, with a way around.

    Args:
        shape, outputs, activation, before: as for `cnn`.
        width: what the filters of every layer are multiplied by.
        dropout: before the last layer.

    Reference: Sandler et al. 2018, "MobileNetV2: inverted residuals and linear bottlenecks",
    https://arxiv.org/abs/1801.04381.

    >>> mobilenet((32, 32, 3), outputs=10, width=0.25).output_shape
    (None, 10)
    """
    argument("mobilenet", "width", width, real, positive, finite)
    x, maps = _entry(shape, before)
    first, *strides = _strides([2, *(stage[3] for stage in INVERTED)], halvings(shape, 5))
    maps = _normal(maps, divisible(32 * width), 3, first, activation="relu6")
    for (times, filters, blocks, _), stride in zip(INVERTED, strides, strict=True):
        for block in range(blocks):
            maps = _inverted(maps, times, divisible(filters * width), stride if block == 0 else 1)
    maps = _normal(maps, divisible(1280 * max(1.0, width)), 1, activation="relu6")
    return _pooled(x, maps, outputs, activation, dropout)


def _inverted(maps: Any, times: int, filters: int, stride: int) -> Any:
    """A block of MobileNetV2: `times` as many channels inside, `filters` outside."""
    inside = _normal(maps, times * maps.shape[-1], 1, activation="relu6") if times > 1 else maps
    inside = layers.DepthwiseConv2D(3, stride, "same", use_bias=False, depthwise_initializer="he_normal")(inside)
    inside = _activated(inside, "relu6")
    inside = _normal(inside, filters, 1, activation=None)
    return layers.add([maps, inside]) if stride == 1 and maps.shape[-1] == filters else inside


def divisible(filters: float, by: int = 8) -> int:
    """The nearest multiple of 8, at least 8 and no less than nine tenths of it: sizes that processors like.

    >>> divisible(24), divisible(0.35 * 32), divisible(3)
    (24, 16, 8)
    """
    nearest = max(by, int(filters + by / 2) // by * by)
    return nearest + by if nearest < 0.9 * filters else nearest


# attention ----------------------------------------------------------------------------------------------------------
def vit(
    shape: Shape,
    outputs: int = 1,
    activation: Any = None,
    before: Sequence[Any] = (),
    units: int = 128,
    blocks: int = 6,
    patch: int | None = None,
) -> Model:
    """A vision Transformer: patches as tokens that attend to each other, and a summary that is read at the end.

    Args:
        shape, outputs, activation, before: as for `cnn`.
        units: of a token, of which each head of attention has 64, or 32 where there are fewer than 192.
        blocks: of attention and two dense layers, each with a way around it.
        patch: pixels of a patch's side; None: the smallest that makes 200 patches at most.

    Reference: Dosovitskiy et al. 2021, "An image is worth 16x16 words", https://arxiv.org/abs/2010.11929; the sizes of
    DeiT-Ti (Touvron et al. 2021, https://arxiv.org/abs/2012.12877) are units=192, blocks=12, patch=16.

    >>> vit((32, 32, 3), outputs=10, units=32, blocks=1).output_shape
    (None, 10)
    """
    x, maps = _entry(shape, before)
    side = patch_for(shape) if patch is None else argument("vit", "patch", patch, integer, positive)
    if side > min(shape[:2]):
        raise ValueError(f"vit(patch={patch}): expected the side of a part of a picture of {shape[0]} x {shape[1]}")
    tokens = layers.PatchTokens(side, units)(maps)  # (batch, 1 + patches, units)
    heads = max(1, units // (64 if units >= 192 else 32))
    for _ in range(blocks):
        normal = layers.LayerNormalization(epsilon=1e-6)(tokens)
        tokens = layers.add([tokens, layers.MultiHeadAttention(heads, units // heads)(normal, normal)])
        normal = layers.LayerNormalization(epsilon=1e-6)(tokens)
        inside = layers.Dense(4 * units, activation="gelu")(normal)
        tokens = layers.add([tokens, layers.Dense(units)(inside)])
    summary = layers.Flatten()(layers.Cropping1D((0, tokens.shape[1] - 1))(tokens))
    read = layers.LayerNormalization(epsilon=1e-6)(summary)
    return Model(x, layers.Dense(outputs, activation=activation)(read))


def patch_for(shape: Shape, most: int = 200) -> int:
    """The side of the smallest patches of which a picture has at most so many.

    >>> patch_for((32, 32, 3)), patch_for((28, 28)), patch_for((224, 224, 3))
    (3, 2, 16)
    """
    side = 1
    while -(-shape[0] // side) * -(-shape[1] // side) > most:
        side += 1
    return side


# pieces -------------------------------------------------------------------------------------------------------------
def halvings(shape: Shape, most: int) -> int:
    """How often the sides of a picture may be halved, rounded up, until `SMALLEST` pixels are left.

    >>> halvings((224, 224), 5), halvings((64, 48), 5), halvings((28, 28), 5), halvings((3, 3), 5)
    (5, 3, 3, 0)
    """
    side, count = min(shape[:2]), 0
    while count < most and -(-side // 2) >= SMALLEST:
        side, count = -(-side // 2), count + 1
    return count


def _strides(strides: Sequence[int], count: int) -> list[int]:
    """Strides of which the last `count` that halve do, and those before them do not.

    >>> _strides([2, 1, 2, 2], 2)
    [1, 1, 2, 2]
    """
    spare = max(0, strides.count(2) - count)
    kept = []
    for stride in strides:
        kept.append(1 if stride == 2 and spare else stride)
        spare -= stride == 2 and spare > 0
    return kept


def _entry(shape: Shape, before: Sequence[Any]) -> tuple[Any, Any]:
    """Pictures as they are given, and as (batch, height, width, channels) behind the layers before."""
    x = maps = Input(shape, name="pictures")
    for layer in [*_channels(shape), *before]:
        maps = layer(maps)
    return x, maps


def _channels(shape: Shape) -> list[Any]:
    """What gives pictures of grey an axis of channels."""
    return [layers.Reshape((*shape, 1))] if len(shape) == 2 else []


def _normal(maps: Any, filters: int, size: int, stride: int = 1, activation: Any = "relu") -> Any:
    """A convolution, batch normalisation, and an activation or none."""
    maps = layers.Conv2D(filters, size, stride, "same", use_bias=False, kernel_initializer="he_normal")(maps)
    return _activated(maps, activation)


def _activated(maps: Any, activation: Any) -> Any:
    maps = layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON)(maps)
    return maps if activation is None else layers.Activation(activation)(maps)


def _pooled(x: Any, maps: Any, outputs: int, activation: Any, dropout: float = 0.0) -> Model:
    """The mean of every map, and a dense layer."""
    read = layers.GlobalAveragePooling2D()(maps)
    for layer in _dropout(dropout):
        read = layer(read)
    return Model(x, layers.Dense(outputs, activation=activation)(read))


def _dropout(rate: float) -> list[Any]:
    return [layers.Dropout(rate)] if rate else []


NETWORKS: dict[str, Callable[..., Model]] = {
    "cnn": cnn,
    "deep_cnn": deep_cnn,
    "resnet20": resnet20,
    "resnet18": resnet18,
    "mobilenet": mobilenet,
    "vit": vit,
}
