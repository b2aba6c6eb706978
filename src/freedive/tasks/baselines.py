"""Baselines: what simple methods make of the same rows, beside which a network has to show its worth.

The methods are scikit-learn's where it is installed, and small ones of our own otherwise. They see arrays: numbers of
tables, counts of words, features of sounds, pixels; anything with more axes is laid out flat.
"""

from __future__ import annotations

import importlib.util
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ..preprocessing.scaling import constant, spread
from ..report.scores import r2

MOST_ROWS = 20_000  # that a baseline learns from, drawn at random
SVM_ROWS = 5_000  # its time grows with the square of the rows
RIDGE = 1.0  # the penalty of linear methods on standardised features
STEPS = 300  # of the descent of our own logistic regression


class Baseline(NamedTuple):
    """One line of the table: a method, its score on the test rows, how long it took to fit, and to how many rows."""

    name: str
    score: float
    seconds: float
    rows: int


def baseline_scores(
    x: Any, y: Any, x_test: Any, y_test: Any, classes: bool, methods: Mapping[str, Callable[[], Any]] | None = None
) -> list[Baseline]:
    """What each simple method scores: accuracy of classes, R2 of amounts; the best first.

    Features are standardised by the training rows; missing values are the mean.

    Args:
        x, x_test: (rows, ...) numbers.
        y, y_test: (rows,) classes or amounts.
        classes: whether `y` are classes.
        methods: name -> what makes an object with `fit(x, y)` and `predict(x)`; by default `usual(classes)`.

    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.normal(size=(60, 2)), np.arange(60) % 2
    >>> x[:, 0] += 4 * y
    >>> found = baseline_scores(x[:40], y[:40], x[40:], y[40:], classes=True)
    >>> found[0].score > 0.9 and found[-1].name == "majority"
    True
    """
    x, x_test = (np.asarray(a, np.float32).reshape(len(a), -1) for a in (x, x_test))
    x, x_test = standardised(x, x_test)
    y, y_test = np.asarray(y).reshape(len(y)), np.asarray(y_test).reshape(len(y_test))
    order, found = drawn(len(x), MOST_ROWS), []
    for name, make in (usual(classes) if methods is None else methods).items():
        rows = order[:SVM_ROWS] if name == "SVM" else order
        began = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a baseline could be better with more steps is no concern of ours
            fitted = make().fit(x[rows], y[rows])
        seconds = time.perf_counter() - began
        found.append(Baseline(name, scored(y_test, fitted.predict(x_test), classes), seconds, len(rows)))
    return sorted(found, key=lambda line: -line.score)


def drawn(rows: int, most: int) -> np.ndarray:
    """The places of at most so many rows, drawn at random, the same every time."""
    return np.random.default_rng(0).permutation(rows)[:most]


def usual(classes: bool) -> dict[str, Callable[[], Any]]:
    """The methods that suit classes or amounts, by name: scikit-learn's, where it is installed.

    >>> list(usual(classes=True))[:2]
    ['majority', 'nearest centroid']
    """
    own: dict[str, Callable[[], Any]] = {"majority": Majority, "nearest centroid": NearestCentroid} if classes else {}
    own = own if classes else {"mean": Mean}
    linear = "logistic regression" if classes else "linear regression"
    if importlib.util.find_spec("sklearn") is None:
        return {**own, linear: Logistic if classes else Ridge}
    from sklearn import linear_model, svm, tree

    if classes:
        peers = (linear_model.LogisticRegression(max_iter=200), svm.SVC(), tree.DecisionTreeClassifier(random_state=0))
    else:
        peers = (linear_model.Ridge(RIDGE), svm.SVR(), tree.DecisionTreeRegressor(random_state=0))
        peers = (peers[0], Scaled(peers[1]), peers[2])
    names = (linear, "SVM", "decision tree")
    return {**own, **{name: (lambda peer=peer: peer) for name, peer in zip(names, peers, strict=True)}}


def standardised(x: np.ndarray, *others: np.ndarray) -> list[np.ndarray]:
    """Features with mean 0 and deviation 1 in `x`, the others likewise; what is missing or constant is 0."""
    mean, scale = np.nanmean(x, axis=0), np.where(constant(x), 0, 1 / spread(x))
    return [np.nan_to_num((a - mean) * scale, nan=0.0).astype(np.float32) for a in (x, *others)]


def scored(y: np.ndarray, answers: np.ndarray, classes: bool) -> float:
    """Accuracy of classes, R2 of amounts."""
    if classes:
        return float(np.mean(np.asarray(answers) == y))
    return r2(y, answers)


# our own --------------------------------------------------------------------------------------------------------------
class Majority:
    """Always the class that is most frequent."""

    def fit(self, x: Any, y: Any) -> Majority:
        """Count the classes."""
        values, counts = np.unique(y, return_counts=True)
        self.answer = values[counts.argmax()]
        return self

    def predict(self, x: Any) -> np.ndarray:
        """The same for every row."""
        return np.full(len(x), self.answer)


class Mean:
    """Always the mean."""

    def fit(self, x: Any, y: Any) -> Mean:
        """Take the mean."""
        self.answer = float(np.mean(y))
        return self

    def predict(self, x: Any) -> np.ndarray:
        """The same for every row."""
        return np.full(len(x), self.answer)


class NearestCentroid:
    """The class whose mean is nearest."""

    def fit(self, x: Any, y: Any) -> NearestCentroid:
        """Take the mean of every class."""
        self.values = np.unique(y)
        self.centres = np.stack([x[y == value].mean(axis=0) for value in self.values])
        return self

    def predict(self, x: Any) -> np.ndarray:
        """The nearest class of every row: |x - c|^2 without |x|^2, which all have in common."""
        distances = (self.centres**2).sum(1) - 2 * x @ self.centres.T
        return self.values[distances.argmin(1)]


class Ridge:
    """Linear regression: w = (X'X + a I)^-1 X'(y - mean)."""

    def fit(self, x: Any, y: Any) -> Ridge:
        """Solve for the weights."""
        self.mean = np.mean(y, axis=0)
        x = np.asarray(x, np.float64)
        self.weights = np.linalg.solve(x.T @ x + RIDGE * np.eye(x.shape[1]), x.T @ (y - self.mean))
        return self

    def predict(self, x: Any) -> np.ndarray:
        """x w + mean."""
        return x @ self.weights + self.mean


class Logistic:
    """Multinomial logistic regression: softmax(x W + b), by L-BFGS on the cross-entropy with a small penalty."""

    def fit(self, x: Any, y: Any) -> Logistic:
        """Minimise mean cross-entropy + a |W|^2 / (2 n)."""
        from scipy.optimize import minimize

        self.values, places = np.unique(y, return_inverse=True)
        x, truth = with_one(x), np.eye(len(self.values))[places]
        penalty = np.where(np.arange(x.shape[1]) < x.shape[1] - 1, RIDGE, 0)[:, None]  # none of the bias

        def cost(flat: np.ndarray) -> tuple[float, np.ndarray]:
            weights = flat.reshape(x.shape[1], -1)
            scores = x @ weights
            scores -= scores.max(axis=1, keepdims=True)
            logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
            small = weights * penalty
            value = -(truth * logs).sum() + (small * weights).sum() / 2
            slope = x.T @ (np.exp(logs) - truth) + small
            return value / len(x), slope.ravel() / len(x)

        start = np.zeros(x.shape[1] * len(self.values))
        found = minimize(cost, start, jac=True, method="L-BFGS-B", options={"maxiter": STEPS})
        self.weights = found.x.reshape(x.shape[1], -1)
        return self

    def predict(self, x: Any) -> np.ndarray:
        """The class of the largest score."""
        return self.values[(with_one(x) @ self.weights).argmax(1)]


class Scaled:
    """A regression whose amounts are standardised, as an SVM needs them."""

    def __init__(self, inner: Any):
        self.inner = inner

    def fit(self, x: Any, y: Any) -> Scaled:
        """Fit the inner one to (y - mean) / deviation."""
        self.mean, self.scale = float(np.mean(y)), float(spread(y))
        self.inner.fit(x, (y - self.mean) / self.scale)
        return self

    def predict(self, x: Any) -> np.ndarray:
        """In the units of y."""
        return self.inner.predict(x) * self.scale + self.mean


def seasonal_naive(history: Any, horizon: int, season: int = 1) -> np.ndarray:
    """The last season again: y[t] = y[t - season], for `horizon` steps after a history (time, ...).

    >>> seasonal_naive(np.array([1.0, 2.0, 3.0, 4.0]), horizon=3, season=2).tolist()
    [3.0, 4.0, 3.0]
    """
    history = np.asarray(history)
    if not 1 <= season <= len(history):
        raise ValueError(f"seasonal_naive(season={season}): expected 1 to {len(history)} steps, as long as the history")
    return history[len(history) - season + np.arange(horizon) % season]


def with_one(x: Any) -> np.ndarray:
    """Features with a 1 behind them, for the bias."""
    return np.concatenate([np.asarray(x, np.float64), np.ones((len(x), 1))], axis=1)
