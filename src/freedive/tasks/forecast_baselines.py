"""What a forecast must beat: that everything goes on as it was."""

from __future__ import annotations

from typing import Any

import numpy as np

from .baselines import Baseline
from .beside import scored_in_turn


def forecast_baselines(task: Any, X: Any) -> list[Baseline]:
    """Of every window of a series: its last season again, its last value again, its mean; by their skill."""
    truth, windows = task.target.encoded(X), task.reader.encoded(X)
    windows = (windows[0] if isinstance(windows, list) else windows)[: len(truth)]
    length, ahead = task.reader.length, np.arange(task.horizon)
    quantiles = len(task.target.quantiles)

    def skill(answers: np.ndarray) -> float:  # (windows, horizon, variables)
        every = np.repeat(answers[..., None], quantiles, axis=-1) if quantiles else answers
        return task.target.scored(every, truth)["skill"]

    def again(season: int) -> float:
        return skill(windows[:, length - season + ahead % season])

    season = min(task.target.season, length)
    methods = {
        "the last value again": lambda: again(1),
        "the mean of the window": lambda: skill(np.repeat(windows.mean(axis=1, keepdims=True), task.horizon, axis=1)),
    }
    if season > 1:
        methods[f"the last season ({season} steps) again"] = lambda: again(season)
    return scored_in_turn(methods, 0)
