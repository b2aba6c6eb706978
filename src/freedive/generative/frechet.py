"""How far made data are from real ones: the Frechet distance of features, and a score of pictures while training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..models import Model
from ..train.callbacks import Callback
from ..train.callbacks.averages import ended
from ..train.inputs import one_array


def frechet_distance(real: Any, made: Any) -> float:
    """The Frechet distance between two sets of features, taken for normally distributed.

    d = ||m - m'||^2 + tr(S + S' - 2 (S S')^(1/2)), with means m and covariances S.

    Args:
        real, made: (rows, features), with two rows or more.

    Reference: M. Heusel et al., "GANs trained by a two time-scale update rule", 2017, https://arxiv.org/abs/1706.08500

    >>> x = np.random.default_rng(0).normal(size=(50, 3))
    >>> round(frechet_distance(x, x), 6), round(frechet_distance(x, x + 2), 6)
    (0.0, 12.0)
    """
    given = {"real": real, "made": made}
    pair = [np.asarray(one_array(features, f"frechet_distance({n}=...)"), np.float64) for n, features in given.items()]
    if any(f.ndim != 2 or len(f) < 2 for f in pair) or pair[0].shape[1] != pair[1].shape[1]:
        shapes = " and ".join(str(f.shape) for f in pair)
        raise ValueError(f"frechet_distance: expected (rows, features) twice, two rows or more. Received: {shapes}")
    for name, features in zip(("real", "made"), pair, strict=True):
        if not np.isfinite(features).all():
            raise ValueError(f"frechet_distance({name}=...): NaN or infinity among the features")
    means, covariances = zip(*((f.mean(0), np.atleast_2d(np.cov(f, rowvar=False))) for f in pair), strict=True)
    root = _root(covariances[0])
    # S S' and S^(1/2) S' S^(1/2) have the same eigenvalues, and the second is symmetric.
    shared = np.sqrt(np.clip(np.linalg.eigvalsh(root @ covariances[1] @ root), 0, None)).sum()
    apart = np.square(means[0] - means[1]).sum()
    return float(max(apart + np.trace(covariances[0]) + np.trace(covariances[1]) - 2 * shared, 0.0))


def _root(covariance: np.ndarray) -> np.ndarray:
    """The symmetric root of a covariance."""
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T


class FrechetScore(Callback):
    """The Frechet distance between real and made data, in the features of a classifier; smaller is better.

    As a callback it writes `frechet` into the logs of every epoch; called with data, it returns their distance.

    Args:
        classifier: a trained classifier of such data, a graph of layers.
        real: real data, as the classifier takes them.
        layer: the name of the layer whose outputs are the features; the one before the last unless given.
        n: the data that are made for the score after an epoch.
        prepare: made data -> as the classifier takes them, such as `lambda x: (x + 1) / 2`.
        seed: of the noise.
        labels: of a model that makes what labels say: (n,).

    >>> import freedive as fd
    >>> x = np.random.default_rng(0).normal(size=(64, 3))
    >>> dense = fd.layers.Dense
    >>> classifier = fd.Sequential([fd.Input((3,)), dense(4, "tanh"), dense(2, "softmax")])
    >>> score = FrechetScore(classifier, x)
    >>> score(x) < 1e-6 < score(x + 1)
    True
    """

    def __init__(
        self,
        classifier: Model,
        real: Any,
        layer: str | None = None,
        n: int = 1000,
        prepare: Callable[[Any], Any] | None = None,
        seed: int = 0,
        labels: Any = None,
    ):
        super().__init__()
        chosen = classifier.get_layer(layer) if layer else classifier.get_layer(index=-2)
        self.features = Model(classifier.inputs[0], chosen.output)
        self.prepare, self.n, self.seed = prepare or (lambda data: data), n, seed
        self.given = {} if labels is None else {"labels": np.asarray(labels)}
        self.real = self._of(real)

    def _of(self, data: Any) -> np.ndarray:
        features = self.features.predict(data, verbose=0)
        return features.reshape(len(features), -1)

    def __call__(self, made: Any) -> float:
        return frechet_distance(self.real, self._of(self.prepare(made)))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if logs is not None:
            with ended(self.model):
                made = self.model.generate(self.n, seed=self.seed, **self.given)
            logs["frechet"] = self(made)
