"""Trials by workers: the same trials and the same best model as here; Ray itself with a cluster of two workers."""

import numpy as np
import pytest

import freedive as fd
from freedive.methods import Random, Ray, Real
from freedive.methods.tuning.engine import train_part

(X, Y), _ = fd.datasets.digits.load_data()
X, Y = X[:300, ::2, ::2].reshape(300, -1).astype("float32") / 255, Y[:300]
GIVEN = {"trials": 5, "epochs": 2, "verbose": 0, "validation_data": (X[240:], Y[240:])}
SPACE = {"rate": Real(1e-4, 0.1, log=True), "units": [8, 12]}


def build(rate, units):
    model = fd.Sequential([fd.Input((196,)), fd.layers.Dense(units, "relu"), fd.layers.Dense(10, "softmax")])
    model.compile(fd.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


class Here(Ray):
    """Workers that are this process."""

    def train(self, parts):
        assert all(isinstance(part.rows[0], np.ndarray) for part in parts)
        return (train_part(part._replace(rows=None), part.rows) for part in reversed(parts))


def check(engine):
    alone, away = (fd.tune(build, SPACE, X, Y, Random(engine=given), **GIVEN) for given in (None, engine))
    assert [trial.parameters for trial in away.trials] == [trial.parameters for trial in alone.trials]
    for a, b in zip(alone.trials, away.trials, strict=True):
        np.testing.assert_allclose(a.curve, b.curve, rtol=1e-4)
    assert away.best.number == alone.best.number
    assert away.model.evaluate(X[240:], Y[240:], verbose=0)[0] == pytest.approx(away.best.score, rel=1e-4)


def test_workers_train_the_same_trials():
    check(Here(workers=2))


def test_ray_trains_the_same_trials():
    pytest.importorskip("ray", reason="Ray is an extra: pip install '.[distributed]'")
    check(Ray(workers=2))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"engine": "dask"}, "expected None, 'ray'"),
        ({"engine": Here(), "pruning": "median"}, "none can be compared on the way"),
    ],
)
def test_what_workers_cannot_do_is_refused(options, told):
    with pytest.raises(ValueError, match=told):
        Random(**options)
