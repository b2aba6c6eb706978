"""Networks whose answers are pictures, or judge them patch by patch: a U-Net, a discriminator of patches."""

from __future__ import annotations

from typing import Any

from ..core.arguments import checked_shape
from ..core.graph import Input
from ..layers import (
    Activation,
    Add,
    Concatenate,
    Conv2D,
    Conv2DTranspose,
    Dense,
    Embedding,
    GroupNormalization,
    LeakyReLU,
    Reshape,
    SinusoidalFeatures,
)
from ..models import Model


def unet(
    shape: tuple[int, ...],
    channels: tuple[int, ...] = (32, 64, 128),
    outputs: int | None = None,
    activation: str | None = None,
    timed: bool = False,
    classes: int | None = None,
) -> Model:
    """A network from pictures to pictures: down to small maps of many channels and up again, with bridges between.

    Args:
        shape: (height, width, channels) of a picture; height and width divide by 2 for every size but the first.
        channels: at each size, from the full one to the smallest.
        outputs: channels of the answer; as many as the picture's unless given.
        activation: of the answer.
        timed: whether a time, (batch, 1) from 0 to 1, is its second input, as `Diffusion` asks.
        classes: the number of labels of a further input.

    Reference: O. Ronneberger et al., "U-Net", 2015, https://arxiv.org/abs/1505.04597

    >>> unet((8, 8, 1), (4, 8)).output_shape
    (None, 8, 8, 1)
    """
    sizes = checked_shape(shape, "unet(shape=...)")
    divides = 2 ** (len(channels) - 1)
    if len(sizes) != 3 or any(size is None or size % divides for size in sizes[:2]) or sizes[2] is None:
        raise ValueError(f"unet(shape={shape}): expected (height, width, channels) that divide by {divides}")
    inputs = [Input(sizes)]
    told = []  # what every block is told beside its map
    if timed:
        inputs.append(Input((1,)))
        told.append(Dense(4 * channels[0], "swish")(SinusoidalFeatures(2 * channels[0])(inputs[-1])))
    if classes is not None:
        inputs.append(Input((), dtype="int32"))
        told.append(Embedding(classes + 1, 4 * channels[0])(inputs[-1]))
    word = Add()(told) if len(told) > 1 else told[0] if told else None
    x, bridges = inputs[0], []
    for level, units in enumerate(channels):
        x = _block(Conv2D(units, 3, 2, padding="same")(x) if level else x, units, word)
        bridges.append(x)
    for units, bridge in zip(channels[-2::-1], bridges[-2::-1], strict=True):
        x = _block(Concatenate()([Conv2DTranspose(units, 4, 2, padding="same")(x), bridge]), units, word)
    x = Conv2D(outputs or sizes[2], 3, padding="same", activation=activation)(x)
    return Model(inputs if len(inputs) > 1 else inputs[0], x)


def _block(x: Any, units: int, word: Any) -> Any:
    """Two convolutions; between them, what the block is told is added to every point."""
    x = Conv2D(units, 3, padding="same")(x)
    groups = max(count for count in range(1, 9) if units % count == 0)
    x = Activation("swish")(GroupNormalization(groups)(x))
    if word is not None:
        x = Add()([x, Reshape((1, 1, units))(Dense(units)(word))])
    x = Conv2D(units, 3, padding="same")(x)
    return Activation("swish")(GroupNormalization(groups)(x))


def patches(source: tuple[int, ...], picture: tuple[int, ...], channels: tuple[int, ...] = (32, 64)) -> Model:
    """A discriminator of [source, picture] that gives a score for every patch, for `ImageToImage`.

    Args:
        source, picture: (height, width, channels), of equal height and width.
        channels: of its convolutions, each of which halves the map.

    >>> patches((8, 8, 1), (8, 8, 3), (4,)).output_shape
    (None, 4, 4, 1)
    """
    inputs = [
        Input(checked_shape(source, "patches(source=...)")),
        Input(checked_shape(picture, "patches(picture=...)")),
    ]
    if inputs[0].shape[1:3] != inputs[1].shape[1:3]:
        raise ValueError(f"patches(source={source}, picture={picture}): expected equal heights and widths")
    x = Concatenate()(inputs)
    for units in channels:
        x = LeakyReLU(0.2)(Conv2D(units, 4, 2, padding="same")(x))
    return Model(inputs, Conv2D(1, 3, padding="same")(x))
