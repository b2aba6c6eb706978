"""Searches: which parameters to try next, and after how many epochs who goes on.

A search asks for trials in rounds. A round is trained together, by groups of equal programs, and on the way there may
be *rungs*: epochs after which only some go on, or the worst take over what the best have learned.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ...core.variables import derived_seed
from .pruning import Median
from .space import Choice, Real, Space, drawn, grid

AT_ONCE = 64  # trials of a round, of searches that do not look back
LOOKS_BACK = 8  # rounds of a search that does


class Rung(NamedTuple):
    """Who goes on: for every member of the next rung the one that it comes from, and its parameters."""

    members: list[int]
    parameters: list[dict[str, Any]]


class Search:
    """Some trials, all to the end.

    Args:
        space: what parameters may be.
        trials: how many in all.
        seed: of what is drawn.
        epochs: of a whole training.
    """

    exchanges = False  # whether members hand on what they have learned, so that all must be of one program

    def __init__(self, space: Space, trials: int | None, seed: int, epochs: int):
        self.space, self.seed, self.epochs = space, seed, epochs
        self.trials = 20 if trials is None else trials
        self.at_once = AT_ONCE
        self.pruner: Median | None = None

    def prune_by(self, pruner: Median) -> None:
        """Stop trials on the way; they are compared with those of earlier rounds, so rounds are small."""
        if type(self).rungs is not Search.rungs:
            raise ValueError(
                "tune(pruning=...): halving and population stop trials in their own way. Take search='random', "
                "'grid' or 'bayesian'"
            )
        self.pruner = pruner
        self.at_once = min(self.at_once, max(pruner.startup, math.ceil(self.trials / LOOKS_BACK)))

    def ask(self, done: Sequence[Any]) -> list[dict[str, Any]]:
        """The parameters of the next round, from what is done; the same for the same, so that a study can go on."""
        count = min(self.at_once, self.trials - len(done))
        return [self.at(len(done) + i) for i in range(count)]

    def at(self, number: int) -> dict[str, Any]:
        """The parameters of a trial."""
        return drawn(self.space, np.random.default_rng([self.seed, number]))

    def rungs(self) -> list[int]:
        """The epochs at whose ends members are compared; the last is the end."""
        return [self.epochs] if self.pruner is None else self.pruner.rungs(self.epochs)

    def next(self, rung: int, scores: np.ndarray, parameters: list[dict[str, Any]]) -> Rung:
        """Who goes on after a rung that is not the last.

        Args:
            rung: its place.
            scores: of the members, the larger the better.
            parameters: of the members.
        """
        raise NotImplementedError


class Random(Search):
    """Independent draws; of a space of nothing but choices each point once, in a random order.

    Reference: J. Bergstra and Y. Bengio, "Random search for hyper-parameter optimization", 2012,
    https://www.jmlr.org/papers/v13/bergstra12a.html
    """

    def __init__(self, space: Space, trials: int | None, seed: int, epochs: int):
        super().__init__(space, trials, seed, epochs)
        self.points: list[dict[str, Any]] = []
        if all(isinstance(values, Choice) for values in space.values()):
            points = grid(space)
            self.points = [points[i] for i in np.random.default_rng(seed).permutation(len(points))]
            self.trials = min(self.trials, len(points))

    def at(self, number: int) -> dict[str, Any]:
        return self.points[number] if self.points else super().at(number)


class Grid(Search):
    """Every point of a grid."""

    def __init__(self, space: Space, trials: int | None, seed: int, epochs: int):
        super().__init__(space, trials, seed, epochs)
        self.points = grid(space)[:trials]
        self.trials = len(self.points)

    def at(self, number: int) -> dict[str, Any]:
        return self.points[number]


class Bayesian(Search):
    """Optuna's tree-structured Parzen estimator: draws where good trials were more often than bad ones.

    It is asked for some trials at a time, which are trained together; the trials that are done decide the next ones.

    Reference: J. Bergstra et al., "Algorithms for hyper-parameter optimization", 2011,
    https://papers.nips.cc/paper/4443-algorithms-for-hyper-parameter-optimization
    """

    def __init__(self, space: Space, trials: int | None, seed: int, epochs: int):
        super().__init__(space, trials, seed, epochs)
        self.at_once = max(2, min(AT_ONCE, math.ceil(self.trials / LOOKS_BACK)))

    def ask(self, done: Sequence[Any]) -> list[dict[str, Any]]:
        try:
            import optuna
        except ImportError:
            raise ImportError("tune(search='bayesian') needs Optuna: pip install 'freedive[tune]'") from None
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = optuna.samplers.TPESampler(
            seed=derived_seed(self.seed, len(done)), constant_liar=True, n_startup_trials=self.at_once
        )
        study = optuna.create_study(direction="maximize", sampler=sampler)
        distributions = {name: values.distribution() for name, values in self.space.items()}
        for trial in done:
            inner = {n: v.values.index(trial.parameters[n]) if hasattr(v, "values") else trial.parameters[n]
                     for n, v in self.space.items()}  # fmt: skip
            worth = trial.worth if math.isfinite(trial.worth) else -1e30
            study.add_trial(optuna.trial.create_trial(params=inner, distributions=distributions, value=worth))
        asked = [study.ask() for _ in range(min(self.at_once, self.trials - len(done)))]
        return [{name: values.suggest(trial, name) for name, values in self.space.items()} for trial in asked]


class Halving(Search):
    """Many begin, and after each rung the better third goes on for three times the epochs.

    Reference: K. Jamieson and A. Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization",
    2016, https://arxiv.org/abs/1502.07943
    """

    factor = 3

    def rungs(self) -> list[int]:
        most = max(0, math.floor(math.log(max(min(self.at_once, self.trials), 1), self.factor) + 1e-9))
        early = {math.ceil(self.epochs / self.factor**i) for i in range(1, most + 1)}
        return sorted({*early, self.epochs} - {0})

    def next(self, rung: int, scores: np.ndarray, parameters: list[dict[str, Any]]) -> Rung:
        best = np.argsort(-scores, kind="stable")[: max(1, math.ceil(len(scores) / self.factor))]
        chosen = sorted(best.tolist())
        return Rung(chosen, [parameters[i] for i in chosen])


class PopulationBased(Search):
    """All train side by side; every few epochs the worst fifth takes over what one of the best fifth has learned, with
    its numbers, each moved by a fifth down or a quarter up.

    Reference: M. Jaderberg et al., "Population based training of neural networks", 2017,
    https://arxiv.org/abs/1711.09846
    """

    exchanges = True
    times = 5  # exchanges of a training, at most

    def rungs(self) -> list[int]:
        every = max(1, math.ceil(self.epochs / (self.times + 1)))
        return [*range(every, self.epochs, every), self.epochs]

    def next(self, rung: int, scores: np.ndarray, parameters: list[dict[str, Any]]) -> Rung:
        rng = np.random.default_rng([self.seed, 1 << 20, rung])
        order = np.argsort(-scores, kind="stable")
        part = max(1, len(order) // 5) if len(order) > 1 else 0
        members, new = list(range(len(order))), [dict(p) for p in parameters]
        for worst in order[len(order) - part :]:
            source = members[worst] = int(rng.choice(order[:part]))
            moved = {n: v.near(parameters[source][n], rng) for n, v in self.space.items() if isinstance(v, Real)}
            new[worst] = parameters[source] | moved
        return Rung(members, new)


SEARCHES: dict[str, type[Search]] = {
    "grid": Grid,
    "random": Random,
    "bayesian": Bayesian,
    "halving": Halving,
    "population": PopulationBased,
}
