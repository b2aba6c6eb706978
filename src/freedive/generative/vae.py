"""VAE: the variational autoencoder: a bound of the likelihood that is learned by gradients."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from ..config import NonNegativeFloat, PositiveFloat, one_of
from ..losses.checks import within
from ..models.predicting import check_counts
from ..ops.random import normal
from . import base
from .base import Generative
from .endings import as_logits, ends_in_sigmoid

CODES_AT_ONCE = 4096  # that the importance-weighted bound decodes together
LOG_2_PI = math.log(2 * math.pi)


class VAE(Generative):
    """Learns to make data from normally distributed codes, by raising a bound of their likelihood.

    log p(x) >= E_q(z|x) [log p(x|z)] - KL(q(z|x) || N(0, 1)), with q(z|x) = N(mean, variance) of the encoder and
    KL = 1/2 sum(mean^2 + variance - log variance - 1). The loss is the negative bound in nats a row, in which the KL
    counts `beta` times: `loss` = `reconstruction_loss` + beta `kl_loss`.

    Args:
        encoder: data -> [mean, log variance] of the code; or one output of both, side by side in the last axis.
        decoder: code -> data: of "bernoulli" logits, or probabilities, where the last thing it computes is a sigmoid
            (layers such as Reshape may follow); of "gaussian" the mean.
        beta: how much the KL counts: 1 for the bound; above, codes whose numbers are more independent.
        likelihood: "bernoulli" for numbers from 0 to 1, "gaussian" for others.
        deviation: the standard deviation of the "gaussian" likelihood.

    Raises:
        ValueError: the encoder gives no mean and log variance, or the decoder's output is not shaped as the data.

    Reference: D. Kingma and M. Welling, "Auto-encoding variational Bayes", 2013, https://arxiv.org/abs/1312.6114; I.
    Higgins et al., "beta-VAE", 2017, https://openreview.net/forum?id=Sy2fzU9gl

    >>> import numpy as np
    >>> import freedive as fd
    >>> encoder = fd.Sequential([fd.Input((8,)), fd.layers.Dense(2 + 2)])
    >>> decoder = fd.Sequential([fd.Input((2,)), fd.layers.Dense(8, "sigmoid")])
    >>> model = fd.VAE(encoder, decoder)
    >>> model.compile("adam")
    >>> x = np.random.default_rng(0).random((32, 8)) > 0.5
    >>> sorted(model.fit(x, epochs=2, verbose=0).history)
    ['kl_loss', 'loss', 'reconstruction_loss']
    >>> model.generate(5, seed=0).shape, model.bound(x, samples=10).shape, model.interpolate(x[:2], x[2:4], 7).shape
    ((5, 8), (32,), (2, 7, 8))
    """

    swept: ClassVar[tuple[str, ...]] = ("beta",)

    encoder: Any
    decoder: Any
    beta: NonNegativeFloat = 1.0
    likelihood: Annotated[str, one_of("bernoulli", "gaussian")] = "bernoulli"
    deviation: PositiveFloat = 1.0

    def __post_init__(self) -> None:
        base.checked_part("VAE", "encoder", self.encoder)
        base.checked_part("VAE", "decoder", self.decoder)
        super().__post_init__()

    def sample_shape(self) -> tuple[int | None, ...] | None:
        shapes = base.input_shapes(self.encoder)
        return None if shapes is None or len(shapes) != 1 else shapes[0]

    def check_inputs(self, x: Any, y: Any, where: str) -> None:
        """A bernoulli's data are probabilities."""
        for part in jax.tree.leaves(x) if self.likelihood == "bernoulli" else ():
            within(np.asarray(part), 0, 1, where, "Scale the data, or take likelihood='gaussian'")

    def call(self, x: Any) -> Any:  # (batch, ...) -> (batch, ...)
        """The data, made again from the mean of their code."""
        return self._decoded(self._posterior(x)[0])

    def terms(self, batch: Any) -> dict[str, Any]:
        x, _ = batch
        mean, log_variance = self._posterior(x)  # (batch, code) each
        z = mean + jnp.exp(log_variance / 2) * normal(self.rng(), mean.shape)
        reconstruction = -self._log_likelihood(x, z)
        kl = divergence(mean, log_variance)
        loss = reconstruction + self.hyper("beta") * kl
        return {"loss": loss, "reconstruction_loss": reconstruction, "kl_loss": kl}

    def _posterior(self, x: Any) -> tuple[Any, Any]:
        """(mean, log variance) of the codes of rows, float32."""
        outputs = jax.tree.leaves(self.encoder(x))
        if len(outputs) == 1 and outputs[0].shape[-1] % 2 == 0:
            outputs = jnp.split(outputs[0], 2, axis=-1)
        if len(outputs) != 2 or outputs[0].shape != outputs[1].shape:
            shapes = ", ".join(str((None, *o.shape[1:])) for o in outputs)
            raise self.error(
                f"the encoder gives {shapes}: expected a mean and a log variance alike, as two outputs or as the "
                "halves of the last axis of one"
            )
        mean, log_variance = (o.astype(jnp.float32) for o in outputs)
        return mean, log_variance

    def _log_likelihood(self, x: Any, z: Any) -> Any:
        """log p(x|z) in nats, (batch,)."""
        made, x = self.decoder(z), x.astype(jnp.float32)
        base.same_shape(self, made, x, "the decoder")
        if self.likelihood == "bernoulli":
            return base.per_row(log_bernoulli(x, as_logits(made, self._gives_probabilities(z))), total=True)
        scaled = (x - made.astype(jnp.float32)) / self.deviation
        return -base.per_row(jnp.square(scaled) + LOG_2_PI + 2 * math.log(self.deviation), total=True) / 2

    # use ------------------------------------------------------------------------------------------------------------
    def encode(self, x: Any, batch_size: int | None = None) -> np.ndarray:
        """The means of the codes of rows of data, (rows, code)."""
        return self._answers(VAE._means, x, batch_size)

    def decode(self, codes: Any, batch_size: int | None = None) -> np.ndarray:
        """What codes stand for: probabilities of "bernoulli", means of "gaussian"."""
        return self._answers(VAE._decoded, codes, batch_size)

    def generate(self, n: int = 1, seed: int | None = None) -> np.ndarray:
        """New data, decoded from codes that are drawn from N(0, 1).

        Args:
            n: how many.
            seed: of the codes; others each time unless given.
        """
        return self.decode(base.draws(seed, (n, *self.code_shape()), "generate"))

    def interpolate(self, first: Any, last: Any, steps: int = 8) -> np.ndarray:
        """Data on straight lines between codes: (pairs, steps, ...), from `first` to `last`.

        Args:
            first, last: rows of data, as many of each.
            steps: on every line, the ends included.
        """
        check_counts("interpolate", {"steps": steps}, least=2, required=True)
        a, b = (self.encode(x)[:, None] for x in (first, last))
        if a.shape != b.shape:
            raise ValueError(f"interpolate: {len(a)} rows to begin with and {len(b)} to end with")
        part = np.linspace(0, 1, steps, dtype=np.float32).reshape(1, -1, *(1,) * (a.ndim - 2))
        codes = a + part * (b - a)  # (pairs, steps, code)
        made = self.decode(codes.reshape(-1, *codes.shape[2:]))
        return made.reshape(*codes.shape[:2], *made.shape[1:])

    def bound(self, x: Any, samples: int = 1, batch_size: int | None = None) -> np.ndarray:
        """A bound of log p(x) in nats, (rows,): with more samples a closer one.

        log p(x) >= E log 1/k sum_k p(x, z_k) / q(z_k|x), with z_k drawn from q(z|x); the draws are the same each time.

        Args:
            x: rows of data.
            samples: k; 1 gives the bound that training raises with beta 1.

        Reference: Y. Burda et al., "Importance weighted autoencoders", 2015, https://arxiv.org/abs/1509.00519
        """
        check_counts("bound", {"samples": samples}, required=True)
        return self._answers(VAE._bound, x, batch_size or max(1, CODES_AT_ONCE // samples), samples=int(samples))

    def code_shape(self) -> tuple[int, ...]:
        """The shape of one code."""
        shapes = base.known_inputs("VAE", "decoder", self.decoder)
        return tuple(int(size or 1) for size in shapes[0])

    def _means(self, x: Any) -> Any:
        return self._posterior(x)[0]

    def _decoded(self, z: Any) -> Any:
        made = self.decoder(z)
        return jax.nn.sigmoid(made) if self.likelihood == "bernoulli" and not self._gives_probabilities(z) else made

    def _gives_probabilities(self, z: Any) -> bool:
        return ends_in_sigmoid(self, self.decoder, lambda model, z: model.decoder(z), z)

    def _bound(self, x: Any, samples: int) -> Any:
        mean, log_variance = self._posterior(x)
        noise = normal(self.rng(), (samples, *mean.shape))
        z = mean + jnp.exp(log_variance / 2) * noise  # (samples, batch, code)
        rows = jnp.broadcast_to(x, (samples, *x.shape)).reshape(-1, *x.shape[1:])
        likelihood = self._log_likelihood(rows, z.reshape(-1, *z.shape[2:])).reshape(samples, -1)
        # log p(z) - log q(z|x); the constants of the two normal densities cancel.
        ratio = (jnp.square(noise) + log_variance - jnp.square(z)).reshape(*z.shape[:2], -1).sum(-1) / 2
        return jax.nn.logsumexp(likelihood + ratio, axis=0) - math.log(samples)


def log_bernoulli(x: Any, logits: Any) -> Any:
    """x l - log(1 + e^l), number by number; what is nearly certain keeps its digits."""
    return x * logits - jnp.maximum(logits, 0) - jnp.log1p(jnp.exp(-jnp.abs(logits)))


def divergence(mean: Any, log_variance: Any) -> Any:
    """KL(N(mean, variance) || N(0, 1)) = 1/2 sum(mean^2 + variance - log variance - 1), (batch,)."""
    return base.per_row(jnp.square(mean) + (jnp.expm1(log_variance) - log_variance), total=True) / 2
