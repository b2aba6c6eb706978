"""Diagnosis: what curves say, and that real runs which over-fit, under-fit or break are told apart."""

import numpy as np
import pytest

import freedive as fd
from freedive.callbacks import History

E = np.arange(20)
NOISE = np.random.default_rng(0).normal(size=20) * 0.01
CURVES = {
    "rises after its best": ("over-fitting", np.exp(-E / 4), np.exp(-E / 4) + 0.03 * E, None),
    "is noisy, no more": ("fine", np.exp(-E / 2) + 0.2, np.exp(-E / 2) + 0.22 + NOISE, None),
    "has a gap in accuracy": ("over-fitting", np.exp(-E / 2), np.exp(-E / 2) + 0.2, (0.99, 0.85)),
    "has a small gap in accuracy": ("fine", np.exp(-E / 2), np.exp(-E / 2) + 0.2, (0.99, 0.97)),
    "is far above, without a metric": ("over-fitting", np.exp(-E / 2) + 0.1, np.exp(-E / 2) + 0.3, None),
    "still falls": ("under-fitting", 1 - E / 40, 1 - E / 40, None),
    "learns nothing": ("under-fitting", 2.3 - E * 1e-4, 2.3 - E * 1e-4, (0.1, 0.1)),
    "is not finite": ("diverged", np.where(E > 9, np.nan, 1.0), np.ones(20), None),
    "blows up": ("diverged", 1.1**E, 1.1**E, None),
}


def told(train, test, metric):
    history = History()
    for epoch, (loss, val_loss) in enumerate(zip(train, test, strict=True)):
        logs = {"loss": float(loss), "val_loss": float(val_loss)}
        history.on_epoch_end(
            epoch, logs | (dict(zip(("accuracy", "val_accuracy"), metric, strict=True)) if metric else {})
        )
    return history


@pytest.mark.parametrize("case", CURVES)
def test_curves(case):
    verdict, *curves = CURVES[case]
    found = told(*curves).diagnose()
    assert found.verdict == verdict, found
    assert bool(found.advice) == (verdict != "fine") and str(found).startswith(verdict)


@pytest.mark.parametrize("case", [case for case in CURVES if case != "is not finite"])
@pytest.mark.parametrize("unit", [1e-3, 50.0])
def test_the_unit_of_the_loss_is_of_no_account(case, unit):
    verdict, train, test, metric = CURVES[case]
    whole, other = told(train, test, metric).diagnose(), told(unit * train, unit * test, metric).diagnose()
    assert (other.verdict, other.epoch) == (verdict, whole.epoch)


def test_a_goal_that_was_not_reached_is_under_fitting():
    history = told(np.exp(-E / 2) + 0.3, np.exp(-E / 2) + 0.3, (0.92, 0.92))
    assert history.diagnose().verdict == "fine"
    assert history.diagnose(goal=0.95).verdict == "under-fitting"


def test_without_validation_there_is_nothing_to_tell():
    history = History()
    history.on_epoch_end(0, {"loss": 1.0})
    with pytest.raises(ValueError, match="validation_split"):
        history.diagnose()
    with pytest.raises(ValueError, match="two epochs"):
        told([1.0], [1.0], None).diagnose()
    with pytest.raises(ValueError, match="acc"):
        told(E + 1.0, E + 1.0, None).diagnose("acc")


@pytest.mark.parametrize(
    ("verdict", "rows", "units", "rate", "epochs"),
    [("over-fitting", 100, 128, 0.003, 40), ("under-fitting", 1000, 8, 1e-5, 5), ("diverged", 300, 16, 1e30, 3)],
)
def test_real_runs(verdict, rows, units, rate, epochs):
    (x, y), (x_test, y_test) = fd.datasets.digits.load_data()
    x, x_test = (a.reshape(len(a), -1).astype("float32") / 255 for a in (x[:rows], x_test[:300]))
    fd.set_seed(0)
    model = fd.Sequential([fd.layers.Dense(units, "relu"), fd.layers.Dense(10)])
    loss = fd.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(
        fd.optimizers.SGD(rate) if verdict == "diverged" else fd.optimizers.Adam(rate), loss, metrics=["accuracy"]
    )
    history = model.fit(x, y[:rows], epochs=epochs, validation_data=(x_test, y_test[:300]), verbose=0)
    assert history.diagnose().verdict == verdict, history.diagnose()


def test_penalties_dropout_and_early_stopping_together_against_over_fitting():
    (x, y), (x_test, y_test) = fd.datasets.digits.load_data()
    x, x_test = (a.reshape(len(a), -1).astype("float32") / 255 for a in (x[:200], x_test))

    def trained(dropout, patience, **penalty):
        fd.set_seed(0)
        hidden = [fd.layers.Dense(128, "relu", **penalty), fd.layers.Dropout(dropout)]
        model = fd.Sequential([fd.Input((784,)), *hidden, fd.layers.Dense(10, "softmax", **penalty)])
        model.compile(fd.optimizers.Adam(0.003), "sparse_categorical_crossentropy")
        stop = fd.callbacks.EarlyStopping(patience=patience, restore_best_weights=True) if patience else None
        chosen_by = x_test[:500], y_test[:500]
        history = model.fit(x, y[:200], epochs=60, validation_data=chosen_by, callbacks=stop, verbose=0)
        return history, model.evaluate(x_test[500:], y_test[500:], verbose=0)

    plain, loss = trained(0.0, 0)
    held, held_loss = trained(0.5, 5, kernel_regularizer=fd.regularizers.L2(1e-3))
    assert plain.diagnose().verdict == "over-fitting" and len(plain.history["loss"]) == 60
    assert len(held.history["loss"]) < 60 and held_loss < 0.95 * loss  # 1.15 and 1.32, the penalties counted
