"""ImageToImage: a picture from a picture: denoised, sharpened, coloured, translated."""

from __future__ import annotations

from typing import Annotated, Any

import jax
import jax.numpy as jnp

from ..config import NonNegativeFloat, one_of
from . import base
from .adversarial import Adversarial
from .adversary import LOSSES


class ImageToImage(Adversarial):
    """Learns from pairs of pictures to make the second of the first.

    The generator lowers what it pays to the discriminator, which sees both pictures, plus
    `pixel_weight` mean|y - G(x)|. With pixels alone, pictures are right on average and blurred; the discriminator asks
    for what is sharp. History: `discriminator_loss`, `generator_loss`, `pixel_loss`.

    Args:
        generator: source -> picture, for instance `networks.unet`.
        discriminator: [source, picture] -> scores; a map of scores judges patches, see `networks.patches`.
        loss, gradient_penalty, discriminator_steps, label_smoothing: see `GAN`.
        pixel_weight: how much the mean absolute difference counts.

    `fit(x, y)` with pictures x and what is to be made of them; `predict(x)` makes it.

    Raises:
        ValueError: the networks do not fit each other, or the targets are missing.

    Reference: P. Isola et al., "Image-to-image translation with conditional adversarial networks", 2016,
    https://arxiv.org/abs/1611.07004

    >>> import numpy as np
    >>> import freedive as fd
    >>> generator, discriminator = fd.networks.unet((8, 8, 1), (4, 8)), fd.networks.patches((8, 8, 1), (8, 8, 1), (4,))
    >>> model = fd.ImageToImage(generator, discriminator)
    >>> model.compile()
    >>> clean = np.random.default_rng(0).random((16, 8, 8, 1))
    >>> history = model.fit(clean + 0.1, clean, verbose=0)
    >>> sorted(history.history), model.predict(clean).shape
    (['discriminator_loss', 'generator_loss', 'pixel_loss'], (16, 8, 8, 1))
    """

    generator: Any
    discriminator: Any
    loss: Annotated[str, one_of(*LOSSES)] = "least_squares"
    pixel_weight: NonNegativeFloat = 100.0

    def _check_inputs(self) -> None:
        made, judged = (
            len(base.known_inputs("ImageToImage", name, getattr(self, name))) for name in self.players[::-1]
        )
        if (made, judged) != (1, 2):
            raise ValueError(
                f"ImageToImage: the generator has {made} inputs and the discriminator {judged}. Expected a generator "
                "of one picture, and a discriminator of [source, picture]"
            )

    def sample_shape(self) -> tuple[int | None, ...] | None:
        return base.known_inputs("ImageToImage", "generator", self.generator)[0]

    def target_like(self, rows: int) -> Any:
        shape = base.known_inputs("ImageToImage", "discriminator", self.discriminator)[1]
        return jax.ShapeDtypeStruct((rows, *shape), jnp.dtype("float32"))

    def check_targets(self, y: Any, where: str) -> None:
        if y is None:
            raise ValueError(f"{where}: {self._kind} learns from pairs: give what is to be made of every picture of x")

    def call(self, x: Any) -> Any:  # (batch, height, width, channels) -> (batch, ...)
        """What the generator makes of pictures."""
        return self.generator(x)

    def round(self, batch: Any) -> tuple[Any, Any, Any]:
        x, y = batch
        return y, self.generator(x), x

    def score(self, x: Any, condition: Any) -> Any:
        return self.discriminator([condition, x])

    def generator_terms(self, batch: Any) -> dict[str, Any]:
        y, made, condition = self.round(batch)
        apart = base.per_row(jnp.abs(made.astype(jnp.float32) - y))
        pays = self._taken(made, condition) + self.pixel_weight * apart
        return {"generator_loss": pays, "pixel_loss": apart}
