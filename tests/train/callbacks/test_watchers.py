"""Callbacks that watch a result decide as the peer's do, told the same results."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

import freedive as fd
from freedive import metrics
from freedive.config import snake
from freedive.train.callbacks.watcher import direction

DOWN = [1.0, 0.9, 0.8, 0.7, 0.6, 0.5]
TABLE = {
    "falling": DOWN,
    "rising": DOWN[::-1],
    "flat": [0.5] * 8,
    "valley": [1.0, 0.6, 0.5, 0.52, 0.51, 0.6, 0.7, 0.4, 0.3, 0.35],
    "saw": [1.0, 0.5, 0.9, 0.4, 0.8, 0.45, 0.7, 0.44, 0.43, 0.42, 0.41],
    "steps of a tenth": [0.7, 0.6, 0.5, 0.4, 0.3, 0.2],  # 0.6 + 0.1 is 0.7 in float32, not in float64
    "tiny steps": [0.5, 0.5 - 1e-9, 0.5 - 2e-9, 0.5 - 3e-9, 0.5 - 4e-9],
    "late": [3.0, 4.0, 5.0, 2.0, 1.0, 1.1, 1.2, 1.3],
    "infinite": [float("inf"), 2.0, float("inf"), 3.0, 1.0, 2.0, 2.0],
    "NaN later": [1.0, float("nan"), 0.8, 0.5, float("nan"), 0.6, 0.7],
    **{f"random {seed}": np.random.RandomState(seed).rand(12).round(2).tolist() for seed in range(6)},
}

STOPPING = [
    {},
    {"patience": 2},
    {"patience": 3, "min_delta": 0.1},
    {"patience": 1, "min_delta": -0.1},
    {"patience": 2, "restore_best_weights": True},
    {"patience": 2, "baseline": 0.45},
    {"patience": 2, "baseline": 0.45, "restore_best_weights": True},
    {"patience": 1, "start_from_epoch": 3},
    {"patience": 0, "start_from_epoch": 2, "restore_best_weights": True},
    {"patience": 2, "mode": "max"},
]

PLATEAU = [
    {"patience": 1},
    {"patience": 2, "factor": 0.5},
    {"patience": 1, "cooldown": 2},
    {"patience": 0, "factor": 0.9},
    {"patience": 1, "min_lr": 0.02, "factor": 0.5},
    {"patience": 2, "min_delta": 0.05, "mode": "max"},
]


def drive_the_peer(callback, values):
    """What the peer's callback does to a model: (epochs, learning rates, weights)."""
    model = SimpleNamespace(stop_training=False, weights=[np.zeros(2)], optimizer=SimpleNamespace(learning_rate=0.1))
    model.get_weights = lambda: [w.copy() for w in model.weights]
    model.set_weights = lambda weights: setattr(model, "weights", weights)
    callback.set_model(model)
    callback.on_train_begin()
    rates = []
    for epoch, value in enumerate(values):
        model.weights = [np.full(2, epoch, float)]
        callback.on_epoch_begin(epoch)
        callback.on_epoch_end(epoch, {"loss": value})
        rates.append(float(model.optimizer.learning_rate))
        if model.stop_training:
            break
    callback.on_train_end()
    return len(rates), rates, model.weights[0][0]


@pytest.mark.parametrize("name", TABLE)
def test_early_stopping_stops_where_the_peer_does(name, fakes):
    for options in STOPPING:
        theirs = keras.callbacks.EarlyStopping("loss", **options)
        ours = fd.callbacks.EarlyStopping("loss", **options)
        epochs, _, weights = drive_the_peer(theirs, TABLE[name])
        model = fakes.Model()
        assert fakes.drive(ours, [{"loss": v} for v in TABLE[name]], model) == epochs, options
        assert model.weights[0][0] == weights, options
        for attribute in ("best", "best_epoch", "wait", "stopped_epoch"):
            assert getattr(ours, attribute) == getattr(theirs, attribute), (options, attribute)


@pytest.mark.parametrize("name", TABLE)
def test_the_rate_falls_where_the_peer_lets_it_fall(name, fakes):
    for options in PLATEAU:
        theirs = keras.callbacks.ReduceLROnPlateau("loss", **options)
        ours = fd.callbacks.ReduceLROnPlateau("loss", **options)
        _, rates, _ = drive_the_peer(theirs, TABLE[name])
        model, found = fakes.Model(), []
        watch = fd.callbacks.LambdaCallback(
            on_epoch_end=lambda *_, m=model, f=found: f.append(m.optimizer.learning_rate)
        )
        fakes.drive([ours, watch], [{"loss": v} for v in TABLE[name]], model)
        np.testing.assert_allclose(found, rates, rtol=1e-6, err_msg=str(options))


@pytest.mark.parametrize("schedule", [lambda epoch: 0.1 / (epoch + 1), lambda epoch, rate: rate * 0.5])
def test_scheduler_sets_the_rates_of_the_peer(schedule, fakes):
    _, rates, _ = drive_the_peer(keras.callbacks.LearningRateScheduler(schedule), DOWN)
    rows = [{"loss": v} for v in DOWN]
    fakes.drive(fd.callbacks.LearningRateScheduler(schedule), rows)
    np.testing.assert_allclose([row["learning_rate"] for row in rows], rates, rtol=1e-6)


def test_a_first_nan_is_no_best(fakes):
    """The peer keeps NaN as the best, which nothing improves on."""
    stop = fd.callbacks.EarlyStopping("loss", patience=2)
    assert fakes.drive(stop, [{"loss": v} for v in (float("nan"), 1.0, 0.9, 0.8, 0.7)]) == 5
    assert stop.best == 0.7


def test_validation_that_is_not_due_is_waited_for(fakes):
    rows = [{"loss": 1.0}, {"loss": 1.0, "val_loss": 1.0}] * 4
    model, stop = fakes.Model(), fd.callbacks.EarlyStopping(patience=1)
    every = fd.callbacks.CallbackList([stop], model, {})
    every.on_train_begin()
    for epoch, logs in enumerate(rows):
        every.on_chunk_end(fakes.Run(epoch + 1, testing=2, every=2))
        every.on_epoch_end(epoch, logs)
    assert stop.stopped_epoch == 7 and stop.wait == 3


UNKNOWN = [
    ({"monitor": "val_loss"}, {"loss": 1.0}, "no validation in this run.*validation_split.*monitor='loss'"),
    ({"monitor": "val_acc"}, {"loss": 1.0, "val_loss": 1.0, "val_accuracy": 0.5}, "Did you mean 'val_accuracy'"),
    ({"monitor": "xyz", "mode": "min"}, {"loss": 1.0, "accuracy": 0.5}, "There are: loss, accuracy"),
    ({"monitor": "confusion", "mode": "max"}, {"confusion": np.eye(2)}, r"array of shape \(2, 2\)"),
    ({"monitor": "mean"}, {"mean": 1.0}, 'pass mode="min" or mode="max"'),
]


@pytest.mark.parametrize("made", [fd.callbacks.EarlyStopping, fd.callbacks.ReduceLROnPlateau])
@pytest.mark.parametrize("options, logs, message", UNKNOWN)
def test_what_cannot_be_watched(made, options, logs, message, fakes):
    with pytest.raises(ValueError, match=message):
        fakes.drive(made(**options), [logs, logs])


def test_what_cannot_be_watched_in_fit(fitted):
    _, fit = fitted(validation=False)
    with pytest.raises(ValueError, match=r"EarlyStopping.*no validation in this run"):
        fit(fd.callbacks.EarlyStopping())


WRONG = [
    (lambda: fd.callbacks.EarlyStopping(patience="3"), TypeError, "patience='3'.*whole number"),
    (lambda: fd.callbacks.EarlyStopping(patience=-1), ValueError, "patience=-1.*0 or more"),
    (lambda: fd.callbacks.EarlyStopping(mode="lower"), ValueError, "mode='lower'.*'auto', 'min', 'max'"),
    (lambda: fd.callbacks.EarlyStopping(min_delta=float("nan")), ValueError, "min_delta=nan"),
    (lambda: fd.callbacks.ReduceLROnPlateau(factor=1.0), ValueError, "factor=1.0.*less than 1"),
    (lambda: fd.callbacks.LearningRateScheduler(0.1), TypeError, "must be a function"),
]


@pytest.mark.parametrize("make, error, message", WRONG)
def test_wrong_arguments(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_a_schedule_that_gives_no_number(fakes):
    with pytest.raises(ValueError, match="For epoch 0 it gave 'fast'"):
        fakes.drive(fd.callbacks.LearningRateScheduler(lambda epoch: "fast"), [{"loss": 1.0}])


@pytest.mark.parametrize("callback", [fd.callbacks.ReduceLROnPlateau("loss"), fd.callbacks.LearningRateScheduler(abs)])
def test_a_rate_that_is_a_schedule_cannot_be_set(callback, fakes):
    model = fakes.Model(fd.optimizers.schedules.CosineDecay(0.1, 100))
    with pytest.raises(ValueError, match="learning rate of SGD is the schedule CosineDecay"):
        fakes.drive(callback, [{"loss": 1.0}], model)


@pytest.mark.parametrize("name", sorted({snake(m.__name__) for m in metrics.base.Metric.family.members.values()}))
def test_names_say_what_metrics_say(name):
    """Where a metric says whether less is better, its name says the same."""
    says = {"up": "max", "down": "min"}.get(metrics.base.Metric.family.find(name).direction)
    assert direction(name) == direction(f"val_{name}")
    assert says is None or direction(name) == says


@pytest.mark.parametrize(
    "name, found",
    [("loss", "min"), ("val_head_loss", "min"), ("val_acc", "max"), ("auc_2", "max"), ("lossy", None), ("lr", None)],
)
def test_directions(name, found):
    assert direction(name) == found


def test_a_metric_of_ones_own_says_its_direction(fitted):
    class Closeness(fd.metrics.Metric):
        direction = "up"

        def sums(self, y_true, y_pred, sample_weight=None, mask=None):
            return ((abs(y_true - y_pred) < 1).sum(), y_true.shape[0])

        def compute(self, sums):
            return sums[0] / sums[1]

    model, fit = fitted(epochs=2)
    model.compile("sgd", "mse", metrics=[Closeness()])
    stop = fd.callbacks.EarlyStopping("val_closeness")
    fit(stop)
    assert stop.goal == "max"


def test_watchers_go_on_from_their_state(fakes):
    values = TABLE["valley"]
    for make in (
        lambda: fd.callbacks.EarlyStopping("loss", patience=4),
        lambda: fd.callbacks.ReduceLROnPlateau("loss", patience=2),
    ):
        whole, model = make(), fakes.Model()
        epochs = fakes.drive(whole, [{"loss": v} for v in values], model)
        first, second, half = make(), make(), fakes.Model()
        fakes.drive(first, [{"loss": v} for v in values[:4]], half)
        half = fakes.Model()
        second.set_model(half)
        second.set_state(first.get_state())
        rest = fakes.drive(second, [{"loss": v} for v in values[4:]], half, first=4, begun=True)
        assert 4 + rest == epochs and second.get_state() == whole.get_state()


def test_early_stopping_in_fit_restores_the_best_epoch(fitted):
    model, fit = fitted(epochs=40, optimizer=fd.optimizers.SGD(0.9))  # too fast to converge
    kept = {}
    keep = fd.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: kept.update({epoch: model.get_weights()}))
    stop = fd.callbacks.EarlyStopping(patience=3, restore_best_weights=True)
    history = fit(keep, stop)
    assert len(history.epoch) == stop.stopped_epoch + 1 == stop.best_epoch + 4 < 40
    assert stop.best_epoch == history.best("val_loss").epoch
    for a, b in zip(model.get_weights(), kept[stop.best_epoch], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("raise_error", [False, True])
def test_terminate_on_nan_alone(fitted, raise_error, capsys):
    model, fit = fitted(epochs=3000, validation=False)
    model.compile(fd.optimizers.SGD(50.0), "mse", on_nonfinite="keep")
    callback = fd.callbacks.TerminateOnNaN(raise_error)
    if raise_error:
        with pytest.raises(FloatingPointError, match=r"Epoch \d+.*the loss is (nan|inf).*Lower the learning rate"):
            fit(callback)
        return
    history = fit(callback)
    assert len(history.epoch) < 3000
    assert "training stops" in capsys.readouterr().out


@pytest.mark.parametrize("raise_error", [False, True])
@pytest.mark.parametrize("policy", ["stop", "skip"])
def test_terminate_on_nan_ends_what_is_watched_at_the_step(fitted, raise_error, policy):
    model, fit = fitted(epochs=3000, validation=False)
    model.compile(fd.optimizers.SGD(50.0), "mse", on_nonfinite=policy)
    callback = fd.callbacks.TerminateOnNaN(raise_error)
    with pytest.warns(RuntimeWarning, match="the loss") if not raise_error else pytest.raises(FloatingPointError):
        assert len(fit(callback).nonfinite) == 1
    assert all(np.isfinite(w).all() for w in model.get_weights())


def test_terminate_on_nan_looks_at_the_weights_last(fakes, capsys):
    model = fakes.Model()
    callback = fd.callbacks.TerminateOnNaN()
    callback.set_model(model)
    callback.on_train_begin()
    callback.on_epoch_end(0, {"loss": 1.0})
    model.weights = [np.array([1.0, np.inf])]
    callback.on_train_end()
    assert "left weights that are not finite" in capsys.readouterr().out


def test_terminate_on_nan_looks_inside_long_epochs(fakes, capsys):
    model = fakes.Model()
    callback = fd.callbacks.TerminateOnNaN()
    callback.set_model(model)
    callback.on_train_begin()
    callback.on_chunk_end(fakes.Run(2, 0, logs={"loss": float("nan")}))  # at the edge of an epoch there is no loss yet
    assert not model.stop_training
    callback.on_chunk_end(fakes.Run(2, 7, logs={"loss": float("nan")}))
    assert model.stop_training and "Epoch 3 after 7 batches: the loss is nan" in capsys.readouterr().out
