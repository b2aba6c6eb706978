"""Ensemble: members of one model, trained at once, that answer together; and how far they agree."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .. import losses
from ..config import argument, boolean, one_of
from ..models import fitting, predicting
from ..models.fitting import Method
from ..models.training import output_names
from ..train.objective import by_output
from .calibration import Calibration, calibration
from .population import Population, Replicated

VOTES = ("average", "majority")
SMALLEST = 1e-7  # the least share of votes that is written as a logit


class Ensemble(Population):
    """Members of one model that differ in their first values, train at once in one program, and answer together.

    Average: y = 1/n sum_i f_i(x). Majority: the share of members whose answer is that class; with a binary loss, that
    say yes. An ensemble is a model: `compile`, `fit`, `evaluate`, `predict`, `save` and callbacks work as ever, on what
    the members answer together. While it trains, results are the means of the members, shown with their standard
    deviation, and the history has those of each as `loss_members`, `val_accuracy_members`, ...; early stopping watches
    the means.

    Args:
        model: what every member is; it is copied and stays as it is. A model that is compiled gives its settings along.
            Frozen layers keep their values in all members, all others are drawn anew: member i begins as a model
            whose seed is i higher.
        n: the number of members.
        vote: "average" or "majority" of the answers; of logits, the average is the one of the logits.
        bootstrap: whether every member learns from rows of its own, drawn with replacement (bagging), in an order of
            its own.

    Raises:
        ValueError: `vote="majority"` and the loss is none of classes, when it is compiled.

    Reference: B. Lakshminarayanan et al., "Simple and scalable predictive uncertainty estimation using deep ensembles",
    2017, https://arxiv.org/abs/1612.01474; L. Breiman, "Bagging predictors", 1996,
    https://doi.org/10.1007/BF00058655

    >>> import numpy as np
    >>> import freedive as fd
    >>> model = fd.Sequential([fd.Input((2,)), fd.layers.Dense(3, activation="softmax")])
    >>> model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    >>> ensemble = fd.Ensemble(model, n=4)
    >>> x, y = np.eye(2, dtype="float32").repeat(8, axis=0), np.arange(16) % 3
    >>> history = ensemble.fit(x, y, epochs=2, verbose=0)
    >>> ensemble.predict(x).shape, ensemble.predict_members(x).shape, history.history["loss_members"][-1].shape
    ((16, 3), (4, 16, 3), (4,))
    """

    def __init__(self, model: Any, n: int = 16, vote: str = "average", bootstrap: bool = False):
        self.vote, self.bootstrap = argument("Ensemble", "vote", vote, one_of(*VOTES)), boolean(bootstrap)
        self._together = True  # whether it answers what the members agree on, or what each says
        super().__init__(model, n)
        if self._training.compiled:
            self._check_vote()

    def _method(self) -> Method:
        return Replicated(bootstrap=self.bootstrap, own=self._rest())

    def compile(self, *args: Any, **settings: Any) -> None:
        """Say how the members learn; see `Model.compile`."""
        super().compile(*args, **settings)
        self._check_vote()

    def _check_vote(self) -> None:
        kinds = [losses.get(loss) for loss in jax.tree.leaves(self._training.loss)]
        if self.vote == "majority" and any(loss.expects() is None for loss in kinds):
            raise ValueError(
                f"Ensemble(vote='majority'): {type(kinds[0]).__name__} is no loss of classes, so there is nothing to "
                "count. Take vote='average'"
            )

    def call(self, x: Any) -> Any:  # (batch, ...) -> (batch, ...)
        """What the members answer together."""
        answers = super().call(x)
        if not self._together:
            return answers
        if self.vote == "average":
            return jax.tree.map(lambda a: jnp.mean(a, axis=1), answers)
        each, tree = jax.tree.flatten(answers)
        given = by_output(self._training.loss, output_names(self, len(each)), "loss")
        pairs = zip(each, map(losses.get, given), strict=True)
        return jax.tree.unflatten(tree, [self._counted(answer, loss) for answer, loss in pairs])

    def _counted(self, answers: Any, loss: Any) -> Any:  # (batch, members, ..., classes)
        logits = loss is not None and loss.expects() == "logits"
        if answers.shape[-1] == 1 or (loss is not None and not loss.exclusive):
            shares = jnp.mean(answers > (0.0 if logits else 0.5), axis=1, dtype=jnp.float32)
            return jnp.log(shares.clip(SMALLEST)) - jnp.log((1 - shares).clip(SMALLEST)) if logits else shares
        shares = jnp.mean(jax.nn.one_hot(answers.argmax(-1), answers.shape[-1]), axis=1)
        return jnp.log(shares.clip(SMALLEST)) if logits else shares

    # members --------------------------------------------------------------------------------------------------------
    def predict_members(self, x: Any, batch_size: int | None = None) -> Any:
        """What each member answers: (members, rows, ...), numpy.

        Args:
            x: as for `predict`.
            batch_size: rows computed together.
        """
        each = copy.copy(self)
        each._together = False
        return jax.tree.map(lambda a: np.moveaxis(a, 1, 0), predicting.predict(each, x, batch_size))

    def evaluate_members(self, x: Any, y: Any = None, batch_size: int | None = None, sample_weight: Any = None) -> Any:
        """The loss and metrics of each member: name -> (members,) numpy."""
        logs = fitting.evaluate(self, x, y, batch_size, sample_weight, method=Replicated())
        ending = "_members"
        return {name.removesuffix(ending): value for name, value in logs.items() if name.endswith(ending)}

    def spread(self, x: Any, batch_size: int | None = None) -> Spread:
        """The answers of the members and how far they lie apart, for a model with one output."""
        answers = self.predict_members(x, batch_size)
        if not isinstance(answers, np.ndarray):
            raise ValueError(f"Ensemble.spread: expected a model with one output. It has {len(answers)}")
        loss = losses.get(next(iter(jax.tree.leaves(self._training.loss)), None))
        return Spread(answers, loss is None or loss.exclusive)

    def calibration(self, x: Any, y: Any, bins: int = 10) -> Calibration:
        """How well the probabilities that the ensemble gives agree with how often it is right; see `calibration`."""
        return calibration(self.predict(x, verbose=0), y, bins)


class Spread(NamedTuple):
    """The answers of members.

    The entropies are for probabilities of classes, in nats. `entropy` is that of the mean answer, `expected_entropy`
    the mean of the members' entropies (what the data leaves open), and `disagreement` what is between them (what the
    members leave open: the mutual information of answer and member). Where several classes can be true of a row, each
    is a question of its own, and the entropies of a row's questions are added.
    """

    members: np.ndarray  # (members, rows, ...)
    exclusive: bool = True  # whether one class is true of a row, or each is true or not

    @property
    def mean(self) -> np.ndarray:
        """(rows, ...)."""
        return self.members.mean(0)

    @property
    def deviation(self) -> np.ndarray:
        """The standard deviation between members, (rows, ...)."""
        return self.members.std(0, ddof=1) if len(self.members) > 1 else np.zeros_like(self.members[0])

    @property
    def entropy(self) -> np.ndarray:
        """Of the mean answer, (rows,)."""
        return entropy(self.mean, self.exclusive)

    @property
    def expected_entropy(self) -> np.ndarray:
        """The mean over the members, (rows,)."""
        return entropy(self.members, self.exclusive).mean(0)

    @property
    def disagreement(self) -> np.ndarray:
        """The entropy of the mean answer that is not in the members' own answers, (rows,)."""
        return np.maximum(self.entropy - self.expected_entropy, 0)


def entropy(probabilities: np.ndarray, exclusive: bool = True) -> np.ndarray:
    """-sum_k p_k log p_k over the last axis; one number a row stands for the second of two classes.

    Args:
        probabilities: (..., classes).
        exclusive: whether they are of one choice; else each is of a choice of its own, and the entropies are added.

    Raises:
        ValueError: they are no probabilities.

    >>> entropy(np.array([[0.5, 0.5], [1.0, 0.0]])).round(4)
    array([0.6931, 0.    ])
    >>> entropy(np.array([[0.5, 0.5], [1.0, 0.0]]), exclusive=False).round(4)
    array([1.3863, 0.    ])
    """
    if probabilities.size and not (probabilities.min() >= 0 and probabilities.max() <= 1 + 1e-5):
        raise ValueError(
            f"entropy: expected probabilities. Received numbers from {probabilities.min():.3g} to "
            f"{probabilities.max():.3g}: let the model end in a softmax or a sigmoid"
        )
    each = not exclusive or probabilities.shape[-1] == 1
    p = np.stack([probabilities, 1 - probabilities] if each else [probabilities])
    return 0.0 - np.sum(p * np.log(np.where(p > 0, p, 1)), axis=(0, -1))
