"""Autoencoder: a code from which the data can be made again; plain, denoising, sparse, contractive."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from .. import losses
from ..config import Fraction, NonNegativeFloat
from ..numerics import floating
from ..ops.random import keep, normal
from . import base
from .base import Generative


def row_loss(value: Any) -> Any:
    """A loss that says for every number how far it is from another."""
    return losses.get(value)


class Autoencoder(Generative):
    """Learns a code of the data, and to make the data again from it.

    loss = L(x, d(e(x'))) + s mean|e(x')| + c ||de(x')/dx'||^2, where x' is x with noise and dropped numbers in training
    and x otherwise, s is `sparsity` and c `contraction`. The square of the Jacobian is estimated by one random
    direction u of the code a row: E|u J|^2 = ||J||^2 for standard normal u. With all four zero it is the plain
    autoencoder.

    Args:
        encoder: data -> code.
        decoder: code -> data; its output is shaped as the data.
        loss: between a row and what was made of it, by name or a loss: the mean over the row.
        noise: the standard deviation of normal noise that is added in training (denoising).
        dropped: the fraction of the numbers that are set to 0 in training (denoising).
        sparsity: how much the mean absolute code counts.
        contraction: how much the squared Jacobian of the encoder counts.

    `fit(x)` learns to make x from x; `fit(noisy, clean)` learns to make clean data from noisy ones of one's own.

    Raises:
        ValueError: the decoder's output is not shaped as the data, or the data are none that the loss is of.

    Reference: P. Vincent et al., "Extracting and composing robust features with denoising autoencoders", 2008,
    https://doi.org/10.1145/1390156.1390294; S. Rifai et al., "Contractive auto-encoders", 2011,
    https://icml.cc/2011/papers/455_icmlpaper.pdf

    >>> import numpy as np
    >>> import freedive as fd
    >>> encoder = fd.Sequential([fd.Input((8,)), fd.layers.Dense(2)])
    >>> decoder = fd.Sequential([fd.Input((2,)), fd.layers.Dense(8)])
    >>> model = fd.Autoencoder(encoder, decoder, noise=0.1)
    >>> model.compile("adam")
    >>> x = np.random.default_rng(0).normal(size=(32, 8))
    >>> sorted(model.fit(x, epochs=2, verbose=0).history)
    ['loss', 'reconstruction_loss']
    >>> model.encode(x).shape, model.predict(x).shape, model.reconstruction_error(x).shape
    ((32, 2), (32, 8), (32,))
    """

    swept: ClassVar[tuple[str, ...]] = ("noise", "dropped", "sparsity", "contraction")

    encoder: Any
    decoder: Any
    loss: Annotated[Any, row_loss] = "mean_squared_error"
    noise: NonNegativeFloat = 0.0
    dropped: Fraction = 0.0
    sparsity: NonNegativeFloat = 0.0
    contraction: NonNegativeFloat = 0.0

    def __post_init__(self) -> None:
        base.checked_part("Autoencoder", "encoder", self.encoder)
        base.checked_part("Autoencoder", "decoder", self.decoder)
        super().__post_init__()

    def sample_shape(self) -> tuple[int | None, ...] | None:
        shapes = base.input_shapes(self.encoder)
        return None if shapes is None or len(shapes) != 1 else shapes[0]

    def check_targets(self, y: Any, where: str) -> None:
        """Targets that the loss is of; they may be left out."""
        if y is not None:
            self._check(y, where)

    def check_inputs(self, x: Any, y: Any, where: str) -> None:
        """Data are their own targets, where none were given."""
        if y is None:
            self._check(x, where)

    def _check(self, data: Any, where: str) -> None:
        for part in map(np.asarray, jax.tree.leaves(data)):
            self.loss.check(part, (None, *part.shape[1:]), where)

    def call(self, x: Any) -> Any:  # (batch, ...) -> (batch, ...)
        """The data, made again from their code."""
        return self.decoder(self.encoder(x))

    def terms(self, batch: Any) -> dict[str, Any]:
        x, y = batch
        spoiled = self._spoiled(x) if self.training else x
        code = self.encoder(spoiled)
        apart = self._apart(x if y is None else y, self.decoder(code))
        found = {"loss": apart, "reconstruction_loss": apart}
        if self.sparsity:
            found["sparsity_loss"] = base.per_row(jnp.abs(code))
            found["loss"] += self.hyper("sparsity") * found["sparsity_loss"]
        if self.contraction:
            found["contraction_loss"] = self._slope(spoiled)
            found["loss"] += self.hyper("contraction") * found["contraction_loss"]
        return found

    def _apart(self, x: Any, made: Any) -> Any:
        base.same_shape(self, made, x, "the decoder")
        return base.per_row(self.loss.call(x.astype(jnp.float32), made.astype(jnp.float32)))

    def _spoiled(self, x: Any) -> Any:
        if self.noise:
            x = x + self.hyper("noise") * normal(self.rng(), x.shape)
        return jnp.where(keep(self.rng(), self.hyper("dropped"), x.shape), x, 0) if self.dropped else x

    def _slope(self, x: Any) -> Any:
        """An estimate of the squared Jacobian of the encoder, (batch,)."""
        encode = base.in_its_own_pass(self, Autoencoder._encoded, self.rng())
        code, back = jax.vjp(encode, x.astype(floating(x)))
        return base.per_row(jnp.square(back(normal(self.rng(), code.shape).astype(code.dtype))[0]), total=True)

    # use ------------------------------------------------------------------------------------------------------------
    def encode(self, x: Any, batch_size: int | None = None) -> np.ndarray:
        """The codes of rows of data."""
        return self._answers(Autoencoder._encoded, x, batch_size)

    def decode(self, codes: Any, batch_size: int | None = None) -> np.ndarray:
        """The data that codes stand for."""
        return self._answers(Autoencoder._decoded, codes, batch_size)

    def reconstruction_error(self, x: Any, batch_size: int | None = None) -> np.ndarray:
        """How far every row is from what is made of it, (rows,): large for rows unlike those that were learned."""
        return self._answers(Autoencoder._errors, x, batch_size)

    def _encoded(self, x: Any) -> Any:
        return self.encoder(x)

    def _decoded(self, codes: Any) -> Any:
        return self.decoder(codes)

    def _errors(self, x: Any) -> Any:
        return self._apart(x, self(x))
