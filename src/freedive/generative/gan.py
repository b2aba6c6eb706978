"""GAN: a generator learns to make data from noise that a discriminator cannot tell from real ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ops.random import normal
from . import base
from .adversarial import Adversarial


class GAN(Adversarial):
    """Two networks play: the discriminator learns to tell real data from made ones, the generator to be taken for real.

    A step is a move of the discriminator on a batch of real and one of made data, and in every n-th step a move of the
    generator against the discriminator as it then is; all of it is one compiled program. With s = D(x) and f = D(G(z)):

    | loss | the discriminator lowers | the generator lowers |
    |---|---|---|
    | original | softplus(-s) + softplus(f) | softplus(-f) |
    | least_squares | (s - 1)^2 / 2 + f^2 / 2 | (f - 1)^2 / 2 |
    | wasserstein | f - s + gradient penalty | -f |
    | hinge | max(0, 1 - s) + max(0, 1 + f) | -f |

    The history has `discriminator_loss` and `generator_loss`. Both networks run in training mode in both moves.

    Args:
        generator: noise -> data; or [noise, labels] -> data, which makes the GAN conditional. It begins with `Input`.
        discriminator: data -> score, (1,) or a map of patches; or [data, labels] -> score. Its last activation is none;
            with "original" it may be a sigmoid.
        loss: "original", "least_squares", "wasserstein" or "hinge".
        gradient_penalty: how much (||dD/dx|| - 1)^2 between real and made data counts; 10 with "wasserstein" and 0
            otherwise, unless given.
        discriminator_steps: moves of the discriminator for one of the generator.
        label_smoothing: of "original": real data count by this part as if they were made.

    `fit(x)`, or `fit(x, labels)` where it is conditional.

    Raises:
        ValueError: the networks do not fit each other, labels are missing, or a sigmoid ends what is to give scores.

    Reference: I. Goodfellow et al., "Generative adversarial nets", 2014, https://arxiv.org/abs/1406.2661; X. Mao et
    al., https://arxiv.org/abs/1611.04076; M. Arjovsky et al., https://arxiv.org/abs/1701.07875; J. Lim and J. Ye,
    https://arxiv.org/abs/1705.02894

    >>> import numpy as np
    >>> import freedive as fd
    >>> generator = fd.Sequential([fd.Input((2,)), fd.layers.Dense(8, "relu"), fd.layers.Dense(3)])
    >>> discriminator = fd.Sequential([fd.Input((3,)), fd.layers.Dense(8, "relu"), fd.layers.Dense(1)])
    >>> gan = fd.GAN(generator, discriminator, loss="hinge")
    >>> gan.compile(generator_optimizer="adam", discriminator_optimizer="adam")
    >>> sorted(gan.fit(np.ones((32, 3)), epochs=2, verbose=0).history)
    ['discriminator_loss', 'generator_loss']
    >>> gan.generate(4, seed=0).shape
    (4, 3)
    """

    def _check_inputs(self) -> None:
        """Both networks take labels, or none does."""
        counts = {name: len(base.known_inputs("GAN", name, getattr(self, name))) for name in self.players}
        if len(set(counts.values())) > 1 or max(counts.values()) > 2:
            raise ValueError(
                f"GAN: the generator has {counts['generator']} inputs and the discriminator "
                f"{counts['discriminator']}. Expected one each, or labels as the second input of both"
            )

    def sample_shape(self) -> tuple[int | None, ...] | None:
        return base.known_inputs("GAN", "discriminator", self.discriminator)[0]

    @property
    def labelled(self) -> bool:
        """Whether it is conditional: whether both networks take labels."""
        return len(base.known_inputs("GAN", "generator", self.generator)) == 2

    def call(self, x: Any) -> Any:
        """The discriminator's answer to data, or to [data, labels]: its score, or with a sigmoid the probability."""
        return self.discriminator(x)

    def round(self, batch: Any) -> tuple[Any, Any, Any]:
        x, labels = batch
        noise = normal(self.rng(), (len(x), *self.noise_shape()))
        return x, self.generator(noise if labels is None else [noise, labels]), labels

    def score(self, x: Any, condition: Any) -> Any:
        return self.discriminator(x if condition is None else [x, condition])

    # use ------------------------------------------------------------------------------------------------------------
    def noise_shape(self) -> tuple[int, ...]:
        """The shape of the noise that one row is made from."""
        return tuple(int(size or 1) for size in base.known_inputs("GAN", "generator", self.generator)[0])

    def generate(self, n: int = 1, seed: int | None = None, labels: Any = None) -> np.ndarray:
        """New data from noise.

        Args:
            n: how many.
            seed: of the noise, standard normal; other noise each time unless given.
            labels: where it is conditional, what each row is to be: (n,).
        """
        noise = base.draws(seed, (n, *self.noise_shape()), "generate")
        if not self.labelled:
            if labels is not None:
                raise ValueError(
                    f"generate(labels=...): {self._kind} is not conditional: its generator takes no labels"
                )
            return self._answers(GAN._generated, noise)
        if labels is None or np.shape(labels) != (n,):
            came = "none" if labels is None else f"shape {np.shape(labels)}"
            raise ValueError(
                f"generate(n={n}, labels=...): {self._kind} needs a label for each, ({n},). Received: {came}"
            )
        return self._answers(GAN._generated, [noise, np.asarray(labels)])

    def _generated(self, noise: Any) -> Any:
        return self.generator(noise)
