"""Bringing features to one scale, learned from the training data and undone when needed.

Statistics are taken over all axes but the last: tables (rows, features) and series (samples, time, features) alike;
a vector is one feature. Missing values (NaN) are passed over when fitting and stay missing.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Self

import numpy as np


class _Scaler:
    """x' = x * scale + shift, feature by feature."""

    scale_: np.ndarray | None = None
    shift_: np.ndarray | None = None

    def fit(self, x: Any) -> Self:
        """Learn the statistics of `x`.

        Raises:
            ValueError: no rows, infinite values, or a feature without any value; names the feature.
        """
        x = np.asarray(x, np.float64)
        if not x.ndim or not x.size:
            raise ValueError(f"{type(self).__name__}.fit: expected (rows, features) with rows. Received: {x.shape}")
        rows = x.reshape(-1, x.shape[-1] if x.ndim > 1 else 1)
        for what, wrong in (("an infinite value", np.isinf(rows).any(0)), ("no values", np.isnan(rows).all(0))):
            if wrong.any():
                raise ValueError(f"{type(self).__name__}.fit: feature {int(wrong.argmax())} has {what}")
        self.scale_, self.shift_ = self._learn(rows)
        return self

    def transform(self, x: Any) -> np.ndarray:
        """`x` on the new scale; floats keep their type, anything else becomes float32."""
        x, scale, shift = self._prepared("transform", x)
        return (x * scale + shift).astype(_result_type(x))

    def inverse_transform(self, x: Any) -> np.ndarray:
        """`x` on the scale it came from."""
        x, scale, shift = self._prepared("inverse_transform", x)
        return ((x - shift) / scale).astype(_result_type(x))

    def fit_transform(self, x: Any) -> np.ndarray:
        """Learn from `x` and bring it to the new scale."""
        return self.fit(x).transform(x)

    def get_config(self) -> dict[str, Any]:
        """Arguments and statistics as JSON values."""
        config = dataclasses.asdict(self)  # type: ignore[call-overload]
        learned = {n: v.tolist() for n, v in vars(self).items() if n.endswith("_") and isinstance(v, np.ndarray)}
        return config | learned

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The scaler that gave this configuration."""
        scaler = cls(**{name: value for name, value in config.items() if not name.endswith("_")})
        for name, value in config.items():
            if name.endswith("_"):
                setattr(scaler, name, np.array(value, np.float64))
        return scaler

    def _prepared(self, method: str, x: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        where = f"{type(self).__name__}.{method}"
        if self.scale_ is None or self.shift_ is None:
            raise ValueError(f"{where}: call fit first")
        x = np.asarray(x)
        features = x.shape[-1] if x.ndim > 1 else 1
        if features != len(self.scale_):
            raise ValueError(f"{where}: expected {len(self.scale_)} features in the last axis. Received: {x.shape}")
        return x, self.scale_, self.shift_

    def _learn(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        raise NotImplementedError


@dataclasses.dataclass
class StandardScaler(_Scaler):
    """Mean 0 and standard deviation 1: x' = (x - mean) / deviation.

    A constant feature becomes 0 and is not blown up.

    Args:
        with_mean: subtract the mean.
        with_std: divide by the standard deviation (of the population).

    Attributes, after `fit`: `mean_`, `std_`, one number a feature.

    >>> StandardScaler().fit_transform([[1.0, 5.0], [3.0, 5.0]])
    array([[-1.,  0.],
           [ 1.,  0.]])
    """

    with_mean: bool = True
    with_std: bool = True

    def _learn(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.mean_, self.std_ = np.nanmean(rows, axis=0), np.nanstd(rows, axis=0)
        deviation = spread(rows) if self.with_std else np.ones_like(self.std_)
        return 1 / deviation, -self.mean_ / deviation if self.with_mean else np.zeros_like(self.mean_)


@dataclasses.dataclass
class MinMaxScaler(_Scaler):
    """The smallest value becomes `low`, the largest `high`: x' = low + (x - min) (high - low) / (max - min).

    A constant feature becomes `low`. Values outside what was seen in `fit` leave the range, unless `clip`.

    Args:
        feature_range: (low, high).
        clip: keep transformed values within the range.

    Attributes, after `fit`: `data_min_`, `data_max_`, one number a feature.

    >>> MinMaxScaler().fit_transform([[1.0, 5.0], [3.0, 5.0], [2.0, 5.0]])
    array([[0. , 0. ],
           [1. , 0. ],
           [0.5, 0. ]])
    """

    feature_range: tuple[float, float] = (0.0, 1.0)
    clip: bool = False

    def __post_init__(self):
        self.feature_range = (float(self.feature_range[0]), float(self.feature_range[1]))
        if not self.feature_range[0] < self.feature_range[1]:
            raise ValueError(
                f"MinMaxScaler(feature_range={self.feature_range}): the first must be less than the second"
            )

    def transform(self, x: Any) -> np.ndarray:
        """`x` on the new scale; floats keep their type, anything else becomes float32."""
        scaled = super().transform(x)
        return np.clip(scaled, *self.feature_range) if self.clip else scaled

    def _learn(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        low, high = self.feature_range
        self.data_min_, self.data_max_ = np.nanmin(rows, axis=0), np.nanmax(rows, axis=0)
        scale = (high - low) / np.where(constant(rows), 1.0, self.data_max_ - self.data_min_)
        return scale, low - self.data_min_ * scale


def constant(rows: Any) -> np.ndarray:
    """Which features of (rows, ...) have one value only; the deviation does not tell, it is rounded.

    >>> rows = np.full((300, 1), 0.1)
    >>> rows.std(axis=0) > 0, constant(rows)
    (array([ True]), array([ True]))
    """
    return np.nanmin(rows, axis=0) == np.nanmax(rows, axis=0)


def spread(rows: Any) -> np.ndarray:
    """The standard deviation of each feature, to divide by: 1 where it has one value only; NaN is passed over."""
    return np.where(constant(rows), 1.0, np.nanstd(rows, axis=0))


def _result_type(x: np.ndarray) -> np.dtype:
    return x.dtype if x.dtype.kind == "f" else np.dtype(np.float32)
