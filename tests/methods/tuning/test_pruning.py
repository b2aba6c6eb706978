"""Median pruning: the decisions are Optuna's; a pruned trial ends early, and is the plain run up to there."""

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState, create_trial

import freedive as fd
from freedive.methods import Halving, Median, PopulationBased, Random, Real

(X, Y), _ = fd.datasets.digits.load_data()
X, Y = X[:300, ::2, ::2].reshape(300, -1).astype("float32") / 255, Y[:300]
HELD = {"epochs": 4, "verbose": 0, "validation_data": (X[240:], Y[240:])}
NUMBERS = {"rate": Real(1e-4, 0.3, log=True)}


def build(rate):
    model = fd.Sequential([fd.Input((196,)), fd.layers.Dense(8, "relu"), fd.layers.Dense(10, "softmax")])
    model.compile(fd.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.mark.parametrize(("direction", "sign"), [("minimize", -1), ("maximize", 1)])
@pytest.mark.parametrize(("startup", "warmup", "interval"), [(5, 0, 1), (2, 2, 1), (3, 1, 2)])
def test_the_same_trials_are_stopped_as_by_optuna(direction, sign, startup, warmup, interval):
    rng = np.random.default_rng(startup)
    pruner = optuna.pruners.MedianPruner(startup, warmup, interval)
    mine = Median(startup, warmup, interval)
    for completed in (startup - 1, startup, 8):
        study = optuna.create_study(direction=direction, pruner=pruner)
        curves = rng.normal(size=(completed, 6))
        for curve in curves:
            told = {"value": curve[-1], "intermediate_values": {i + 1: float(v) for i, v in enumerate(curve)}}
            study.add_trial(create_trial(state=TrialState.COMPLETE, **told))
        for curve in rng.normal(size=(10, 6)):
            trial, theirs = study.ask(), None
            for epoch in range(1, 6):
                trial.report(float(curve[epoch - 1]), epoch)
                if theirs is None and trial.should_prune():
                    theirs = epoch
            looked = mine.rungs(6)[:-1]
            ours = next((e for e in looked if mine.stops([curve], curves, e, sign)), None)
            assert ours == theirs
            study.tell(trial, state=TrialState.FAIL)


def test_pruned_trials_end_early_and_the_best_goes_on(tmp_path):
    given = {"trials": 12, "search": Random(pruning=Median(startup=3)), "monitor": "val_accuracy", **HELD}
    study = fd.tune(build, NUMBERS, X, Y, resume=tmp_path / "study.json", **given)
    pruned = [trial for trial in study.trials if trial.state == "pruned"]
    assert len(study.trials) == 12 and 0 < len(pruned) < 9
    assert all(len(trial.curve) < 4 for trial in pruned) and study.best.state == "done"
    assert {t.state for t in study.trials[:3]} == {"done"}, "the first round has nothing to be compared with"
    whole = fd.tune(build, NUMBERS, X, Y, trials=12, monitor="val_accuracy", **HELD)
    for cut, trial in zip(study.trials, whole.trials, strict=True):
        np.testing.assert_allclose(cut.curve, trial.curve[: len(cut.curve)], atol=0.02)
    assert study.model.evaluate(*HELD["validation_data"], verbose=0)[1] == pytest.approx(study.best.score)
    again = fd.tune(build, NUMBERS, X, Y, resume=tmp_path / "study.json", **given)
    assert again.trials == study.trials


@pytest.mark.parametrize(
    ("search", "options", "told"),
    [
        (Random, {"pruning": "mean"}, "expected None, 'median'"),
        (Halving, {"pruning": "median"}, "no argument 'pruning'"),
        (PopulationBased, {"pruning": "median"}, "no argument 'pruning'"),
        (Halving, {"factor": 1}, "expected 2 or more"),
    ],
)
def test_what_is_no_pruning_is_refused(search, options, told):
    with pytest.raises((TypeError, ValueError), match=told):
        search(**options)
