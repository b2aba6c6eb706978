"""cross_validate and repeat: one model over folds of the data, or over seeds, in one program."""

from __future__ import annotations

import copy
import os
from typing import Any

import jax
import numpy as np

from ..errors import refuse_misspelt
from ..models import fitting
from ..models.data import Data, even_batch
from ..models.entering import entered
from ..models.fitting import Options
from ..models.predicting import check_counts
from ..models.training import run_seed
from ..train.feeds import Resident
from .population import Population, Replicated, checked_model
from .rows import MemberRows
from .scores import Scores

ENDING = "_members"


# seeds --------------------------------------------------------------------------------------------------------------
def repeat(model: Any, x: Any, y: Any = None, n: int = 5, **fit: Any) -> Scores:
    """Train a model with n seeds at once, and see how far its results depend on them.

    Run i has first values, an order of the data and random draws of its own: it is the plain run of a model whose seed
    is i higher, with `fit(seed=seed + i)`.

    Args:
        model: a compiled model; it stays as it is.
        x, y: as for `fit`, arrays.
        n: the number of seeds.
        **fit: further arguments of `Model.fit`: epochs, batch_size, validation_data, callbacks, seed, ...

    Returns:
        The Scores of the last epoch: `scores["val_accuracy"]` (n,), `scores.mean(...)`, `scores.interval(...)`.

    >>> import numpy as np
    >>> import freedive as fd
    >>> model = fd.Sequential([fd.Input((2,)), fd.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> x = np.random.default_rng(0).normal(size=(64, 2))
    >>> fd.repeat(model, x, x[:, :1], n=3, epochs=2, verbose=0)["loss"].shape
    (3,)
    """
    check_counts("repeat", {"n": n}, required=True)
    members = Population(checked_model(model, "repeat"), n)
    history = fitting.fit(members, x, y, options_of("repeat", fit), Replicated(orders=True))
    return Scores("seeds", last_results(history), [members])


def options_of(where: str, fit: dict[str, Any], refused: tuple[str, ...] = ()) -> Options:
    """The arguments of `fit` that a method was given."""
    refuse_misspelt(where, fit, [name for name in Options._fields if name not in refused])
    return Options(**fit)


def last_results(history: Any) -> dict[str, np.ndarray]:
    """Each member's results of the last epoch."""
    lists = {name: values for name, values in history.history.items() if name.endswith(ENDING)}
    return {name.removesuffix(ENDING): np.asarray(values[-1]) for name, values in lists.items()}


# folds --------------------------------------------------------------------------------------------------------------
def cross_validate(
    model: Any, x: Any, y: Any, folds: int = 5, stratify: Any = None, scaler: Any = None, **fit: Any
) -> Scores:
    """Train a model once for each fold of the data, without it, and test it there; all folds in one program.

    Every row is tested once, by the model that has not seen it. Nothing is learned from tested rows: a `scaler` is
    fitted anew in every fold. Fold i is the plain run on the rows of the other folds, in their order, of a model whose
    seed is i higher.

    Args:
        model: a compiled model; it stays as it is.
        x, y: as for `fit`, arrays.
        folds: the number of parts, from 2 to the number of rows. Their sizes differ by at most one row.
        stratify: labels, (rows,), whose shares are to be alike in all folds.
        scaler: something with `fit` and `transform` (`preprocessing.StandardScaler()`); x is then one array.
        **fit: further arguments of `Model.fit`: epochs, batch_size, callbacks, class_weight, seed, verbose, ... Early
            stopping looks at the tested rows here, which flatters the result.

    Returns:
        Scores, a place a fold: `scores["accuracy"]`; `scores.models`, `scores.fold` (the fold of each row),
        `scores.predictions()` (what the models say of the rows that they have not seen).

    Raises:
        ValueError: fewer than 2 folds, or more than rows.

    Reference: M. Stone, "Cross-validatory choice and assessment of statistical predictions", 1974,
    https://doi.org/10.1111/j.2517-6161.1974.tb00994.x

    >>> import numpy as np
    >>> import freedive as fd
    >>> model = fd.Sequential([fd.Input((2,)), fd.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> x = np.random.default_rng(0).normal(size=(60, 2))
    >>> scores = fd.cross_validate(model, x, x[:, :1], folds=3, epochs=2, verbose=0)
    >>> scores["loss"].shape, scores.predictions().shape
    ((3,), (60, 1))
    """
    where = "cross_validate"
    refused = ("validation_split", "validation_data", "validation_steps", "initial_epoch", "steps_per_epoch")
    options = options_of(where, fit, refused)
    options.check()
    checked_model(model, where)
    data, _, stream = fitting.taken(entered(model, x), y, options)
    if stream is not None:
        raise ValueError(
            "cross_validate(x=...): expected arrays, from which folds can be taken. Received a stream of batches"
        )
    rows = fitting.rows_in(data)
    if scaler is not None and not (hasattr(scaler, "fit") and hasattr(scaler, "transform")):
        raise TypeError(
            f"cross_validate(scaler=...): expected something with fit and transform. Received: {scaler!r:.60}"
        )
    seed = run_seed(model) if options.seed is None else options.seed
    fold = fold_of_rows(rows, folds, seed, stratify)
    groups: dict[int, list[int]] = {}
    for i, size in enumerate(np.bincount(fold, minlength=folds)):
        groups.setdefault(int(size), []).append(i)
    found: dict[int, dict[str, float]] = {}
    populations, scalers = [], []
    for group in groups.values():  # folds of equal size are one program
        method = Folds(fold, group, scaler)
        members = Population(model, len(group), first=group[0])
        members._door = None  # the rows are past it
        own = options._replace(sample_weight=data.weights, seed=seed)
        if isinstance(own.resume, (str, os.PathLike)) and own.resume != "auto":  # a run each, so a folder each
            own = own._replace(resume=os.path.join(own.resume, f"folds-{group[0]}"))
        history = fitting.fit(members, data.x, data.y, own, method)
        again = bool(options.callbacks) or model._training.optimizer.use_ema
        results = tested(members, data, history, method, again)
        found |= {i: {name: float(v[place]) for name, v in results.items()} for place, i in enumerate(group)}
        populations.append(members)
        scalers += method.scalers
    values = {name: np.array([found[i][name] for i in range(folds)]) for name in found[0]}
    return FoldScores(values, populations, fold, data.x, scalers)


def fold_of_rows(rows: int, folds: int, seed: int = 0, stratify: Any = None) -> np.ndarray:
    """The fold of each row: drawn at random, sizes differ by at most one, and with labels also their numbers in a fold.

    >>> fold_of_rows(7, 3).tolist(), np.bincount(fold_of_rows(7, 3)).tolist()
    ([2, 0, 1, 1, 0, 2, 0], [3, 2, 2])
    """
    whole = isinstance(folds, (int, np.integer)) and not isinstance(folds, bool)
    if not whole or not 2 <= folds <= rows:
        raise ValueError(
            f"cross_validate(folds={folds!r}): expected a whole number from 2 to {rows}, the number of rows"
        )
    order = np.random.default_rng([seed, folds]).permutation(rows)
    if stratify is not None:
        labels = np.asarray(stratify)
        if labels.shape != (rows,):
            raise ValueError(f"cross_validate(stratify=...): expected ({rows},) labels. Received {labels.shape}")
        order = order[np.argsort(labels[order], kind="stable")]
    fold = np.empty(rows, np.int64)
    fold[order] = np.arange(rows) % folds
    return fold


class Folds(Replicated):
    """How folds train: each member learns from the rows of the other folds and is tested on those of its own.

    Args:
        fold: the fold of each row.
        group: the folds that train together; of equal size.
        scaler: fitted to the rows that a member learns from.
    """

    def __init__(self, fold: np.ndarray, group: list[int], scaler: Any = None):
        super().__init__()
        self.learned = np.stack([np.flatnonzero(fold != i) for i in group])  # (members, rows)
        self.tested = np.stack([np.flatnonzero(fold == i) for i in group])
        self.scaler, self.scalers = scaler, []

    def train_feed(self, model: Any, data: Data, options: Options, seed: int) -> Resident:
        return self._feed(data, self.learned, options.batch_size or 32, bool(options.shuffle))

    def test_feed(self, model: Any, data: Data, held_out: Data | None, options: Options) -> Resident:
        size = options.validation_batch_size or even_batch(self.tested.shape[1])
        return self._feed(data, self.tested, size, False)

    def _feed(self, data: Data, rows: np.ndarray, batch_size: int, shuffle: bool) -> Resident:
        if self.scaler is None:
            return MemberRows(tuple(data), batch_size, shuffle, rows=rows)
        if not hasattr(data.x, "shape"):
            raise ValueError("cross_validate(scaler=...): x must be one array. Let the model scale its several inputs")
        if not self.scalers:
            self.scalers = [copy.deepcopy(self.scaler).fit(np.asarray(data.x)[rows]) for rows in self.learned]
        x = np.stack([scaler.transform(np.asarray(data.x)) for scaler in self.scalers])  # (members, rows, ...)
        return MemberRows((x, data.y, data.weights), batch_size, shuffle, rows=rows, apart=(0, None, None))


def tested(members: Population, data: Data, history: Any, method: Folds, again: bool) -> dict[str, np.ndarray]:
    """The results of each fold on its own rows: of the last epoch, or measured again where its weights were not the
    last: callbacks chose them, or they are averages."""
    if not again:
        return {n.removeprefix("val_"): v for n, v in last_results(history).items() if n.startswith("val_")}
    logs = fitting.evaluate(members, data.x, data.y, weights=data.weights, method=method)
    return {name.removesuffix(ENDING): value for name, value in logs.items() if name.endswith(ENDING)}


class FoldScores(Scores):
    """Scores over folds; see `cross_validate`. `fold` is the fold of each row, `scalers` those that were fitted."""

    def __init__(
        self, values: dict[str, np.ndarray], populations: list[Any], fold: np.ndarray, x: Any, scalers: list[Any]
    ):
        folds = len(populations) and sum(population.n for population in populations)
        super().__init__("folds", values, populations, test_share=1 / (folds - 1))
        self.fold, self.x = fold, x
        self._order = [
            i for population in populations for i in range(population.first, population.first + population.n)
        ]
        self.scalers = [scalers[self._order.index(i)] for i in range(folds)] if scalers else []

    @property
    def models(self) -> list[Any]:
        """The trained models, fold by fold."""
        each = super().models
        return [each[self._order.index(i)] for i in range(len(each))]

    def predictions(self) -> Any:
        """What the models say of the rows that they have not seen: (rows, ...), numpy."""
        answers: Any = None
        for i, model in enumerate(self.models):
            model._door = None  # the rows are past it
            rows = np.flatnonzero(self.fold == i)
            x = jax.tree.map(lambda a, rows=rows: np.asarray(a)[rows], self.x)
            said = model.predict(self.scalers[i].transform(x) if self.scalers else x, verbose=0)
            if answers is None:
                answers = jax.tree.map(lambda a: np.empty((len(self.fold), *a.shape[1:]), a.dtype), said)
            jax.tree.map(lambda all_, part, rows=rows: all_.__setitem__(rows, part), answers, said)
        return answers
