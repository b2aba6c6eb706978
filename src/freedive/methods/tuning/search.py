"""Searches: which parameters to try next, and after how many epochs who goes on.

A search asks for trials in rounds. A round is trained together, by groups of equal programs, and on the way there may
be *rungs*: epochs after which only some go on, or the worst take over what the best have learned. A search is
described by its fields; `of` gives one for a space, so many trials and so many epochs.
"""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, NamedTuple, Self

import numpy as np

from ...config import Configured, Family, PositiveInt, get
from ...core.variables import derived_seed
from ...errors import installed_by
from .engine import Ray, read_engine
from .pruning import Median, read_pruning
from .space import Choice, Real, Space, drawn, grid

AT_ONCE = 64  # trials of a round, of searches that do not look back
LOOKS_BACK = 8  # rounds of a search that does


searches = Family("search")


def at_least_two(value: int) -> int:
    """Two or more."""
    if value < 2:
        raise ValueError(f"expected 2 or more. Received: {value!r}")
    return value


class Rung(NamedTuple):
    """Who goes on: for every member of the next rung the one that it comes from, and its parameters."""

    members: list[int]
    parameters: list[dict[str, Any]]


class Search(Configured):
    """Some trials; every search is one."""

    family: ClassVar[Family | None] = searches
    exchanges: ClassVar[bool] = False  # whether members hand on what they learned, so that all must be of one program
    pruning: ClassVar[Median | None] = None
    engine: ClassVar[Ray | None] = None

    space: Space = dataclasses.field(init=False, repr=False)  # these are known with `of`
    trials: int = dataclasses.field(init=False, repr=False)
    seed: int = dataclasses.field(init=False, repr=False)
    epochs: int = dataclasses.field(init=False, repr=False)
    at_once: int = dataclasses.field(init=False, repr=False)  # trials of a round

    def of(self, space: Space, trials: int | None, seed: int, epochs: int) -> Self:
        """This search of a space.

        Args:
            space: what parameters may be.
            trials: how many in all.
            seed: of what is drawn.
            epochs: of a whole training.
        """
        mine = copy.copy(self)
        mine.space, mine.seed, mine.epochs = space, seed, epochs
        mine.trials, mine.at_once = 20 if trials is None else trials, AT_ONCE
        mine.begin(trials)
        return mine

    def begin(self, trials: int | None) -> None:
        """Make ready to be asked."""

    def ask(self, done: Sequence[Any]) -> list[dict[str, Any]]:
        """The parameters of the next round, from what is done; the same for the same, so that a study can go on."""
        count = min(self.at_once, self.trials - len(done))
        return [self.at(len(done) + i) for i in range(count)]

    def at(self, number: int) -> dict[str, Any]:
        """The parameters of a trial."""
        return drawn(self.space, np.random.default_rng([self.seed, number]))

    def rungs(self) -> list[int]:
        """The epochs at whose ends members are compared; the last is the end."""
        return [self.epochs] if self.pruning is None else self.pruning.rungs(self.epochs)

    def next(self, rung: int, scores: np.ndarray, parameters: list[dict[str, Any]]) -> Rung:
        """Who goes on after a rung that is not the last.

        Args:
            rung: its place.
            scores: of the members, the larger the better.
            parameters: of the members.
        """
        raise NotImplementedError


class _ToTheEnd(Search):
    """A search whose trials know nothing of each other while they train: some may be stopped, or all be sent away."""

    pruning: Annotated[Any, read_pruning] = None
    engine: Annotated[Any, read_engine] = dataclasses.field(default=None, repr=False)  # where, and not what

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.pruning is not None and self.engine is not None:
            raise ValueError(
                f"{type(self).__name__}(pruning=..., engine=...): workers train their trials by themselves, so none "
                "can be compared on the way. Give one of the two"
            )

    def in_rounds(self, least: int) -> None:
        """Ask for an eighth of the trials at a time, so that they can be compared with those before."""
        self.at_once = min(self.at_once, max(least, math.ceil(self.trials / LOOKS_BACK)))

    def begin(self, trials: int | None) -> None:
        if self.pruning is not None:
            self.in_rounds(self.pruning.startup)


class Random(_ToTheEnd):
    """Independent draws; of a space of nothing but choices each point once, in a random order.

    Args (of this search, `Grid` and `Bayesian`):
        pruning: "median" or `Median(...)`: trials whose best result is worse than the median of what completed trials
            had at that epoch are stopped.
        engine: "ray" or `Ray(...)`: trials are trained by the workers of a Ray cluster.

    >>> import freedive as fd
    >>> fd.methods.Random(pruning="median")
    Random(pruning=Median())

    Reference: J. Bergstra and Y. Bengio, "Random search for hyper-parameter optimization", 2012,
    https://www.jmlr.org/papers/v13/bergstra12a.html
    """

    def begin(self, trials: int | None) -> None:
        self.points: list[dict[str, Any]] = []
        if all(isinstance(values, Choice) for values in self.space.values()):
            points = grid(self.space)
            self.points = [points[i] for i in np.random.default_rng(self.seed).permutation(len(points))]
            self.trials = min(self.trials, len(points))
        super().begin(trials)

    def at(self, number: int) -> dict[str, Any]:
        return self.points[number] if self.points else super().at(number)


class Grid(_ToTheEnd):
    """Every point of a grid; `pruning` and `engine` as for `Random`.

    >>> import freedive as fd
    >>> fd.methods.Grid()
    Grid()
    """

    def begin(self, trials: int | None) -> None:
        self.points = grid(self.space)[:trials]
        self.trials = len(self.points)
        super().begin(trials)

    def at(self, number: int) -> dict[str, Any]:
        return self.points[number]


class Bayesian(_ToTheEnd):
    """Optuna's tree-structured Parzen estimator: draws where good trials were more often than bad ones.

    It is asked for an eighth of the trials at a time, which are trained together; the trials that are done decide the
    next ones. `pruning` and `engine` as for `Random`. Optuna comes with `pip install ".[tune]"`.

    >>> import freedive as fd
    >>> fd.methods.Bayesian(pruning=fd.methods.Median(startup=8))
    Bayesian(pruning=Median(startup=8))

    Reference: J. Bergstra et al., "Algorithms for hyper-parameter optimization", 2011,
    https://papers.nips.cc/paper/4443-algorithms-for-hyper-parameter-optimization
    """

    def begin(self, trials: int | None) -> None:
        self.in_rounds(2)
        super().begin(trials)

    def ask(self, done: Sequence[Any]) -> list[dict[str, Any]]:
        try:
            import optuna
        except ImportError:
            raise ImportError(f"tune(search='bayesian') needs Optuna: {installed_by('tune')}") from None
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = optuna.samplers.TPESampler(
            seed=derived_seed(self.seed, len(done)), constant_liar=True, n_startup_trials=self.at_once
        )
        study = optuna.create_study(direction="maximize", sampler=sampler)
        distributions = {name: values.distribution() for name, values in self.space.items()}
        for trial in done:
            inner = {n: v.values.index(trial.parameters[n]) if isinstance(v, Choice) else trial.parameters[n]
                     for n, v in self.space.items()}  # fmt: skip
            worth = trial.worth if math.isfinite(trial.worth) else -1e30
            study.add_trial(optuna.trial.create_trial(params=inner, distributions=distributions, value=worth))
        asked = [study.ask() for _ in range(min(self.at_once, self.trials - len(done)))]
        return [{name: values.suggest(trial, name) for name, values in self.space.items()} for trial in asked]


class Halving(Search):
    """Many begin, and after each rung the better third goes on for three times the epochs.

    Args:
        factor: three, or another: the part that goes on is 1 / factor.

    Reference: K. Jamieson and A. Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization",
    2016, https://arxiv.org/abs/1502.07943

    >>> import freedive as fd
    >>> fd.methods.Halving(factor=4)
    Halving(factor=4)
    """

    factor: Annotated[int, at_least_two] = 3

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

    Args:
        times: exchanges of a training, at most.

    Reference: M. Jaderberg et al., "Population based training of neural networks", 2017,
    https://arxiv.org/abs/1711.09846

    >>> import freedive as fd
    >>> fd.methods.PopulationBased(times=10)
    PopulationBased(times=10)
    """

    aliases: ClassVar[tuple[str, ...]] = ("population",)
    exchanges: ClassVar[bool] = True

    times: PositiveInt = 5

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


def read_search(given: Any) -> Search:
    """A search, or the name of one."""
    return get(searches, given, Search)
