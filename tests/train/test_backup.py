"""A run that was broken off goes on, and ends with the bits of one that was not; so do its callbacks."""

import os

import jax
import numpy as np
import pytest

import freedive as fd
from freedive.callbacks import BackupAndRestore, Callback, EarlyStopping, ReduceLROnPlateau
from freedive.files import ModelFileError
from freedive.train.background import Background
from freedive.train.memory import pack, unpack

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 4)).astype(np.float32)
Y = (X @ RNG.normal(size=(4, 1)) + RNG.normal(size=(64, 1))).astype(np.float32)


@pytest.fixture(autouse=True)
def every_checkpoint_is_written(monkeypatch):
    """On a busy machine one that waits would give way to the next, and there would be fewer files."""
    put = Background.put

    def at_once(self, kind, job):
        put(self, kind, job)
        self.wait()

    monkeypatch.setattr(Background, "put", at_once)


class Noise(fd.layers.Layer):
    """Random numbers in training, so that going on needs the right ones."""

    def call(self, x):
        return x + 0.1 * jax.random.normal(self.rng(), x.shape) if self.training else x


def fit(*callbacks, epochs=6, **options):
    """(model, history) of a model with shuffling, noise and momentum."""
    fd.set_seed(3)
    layers = [fd.Input((4,)), fd.layers.Dense(8, "tanh"), Noise(), fd.layers.Dense(1)]
    model = fd.Sequential(layers)
    model.compile(fd.optimizers.SGD(0.2, momentum=0.5), "mse")
    options = {"batch_size": 8, "validation_split": 0.25, "verbose": 0, "seed": 5} | options
    return model, model.fit(X, Y, epochs=epochs, callbacks=list(callbacks), **options)


class BreakOff(Callback):
    """Raises in an epoch."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            raise KeyboardInterrupt


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a.get_weights(), b.get_weights(), strict=True))


@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("stop", [1, 4])
def test_the_same_bits(stop, double, tmp_path, capsys):
    whole, expected = fit()
    with pytest.raises(KeyboardInterrupt):
        fit(BackupAndRestore(tmp_path / "b", double_checkpoint=double), BreakOff(stop))
    assert len(list((tmp_path / "b").glob("step-*"))) == (2 if double and stop > 1 else 1)
    model, history = fit(BackupAndRestore(tmp_path / "b", double_checkpoint=double))
    assert f"Going on with epoch {stop + 1}, from" in capsys.readouterr().out
    assert same(model, whole) and history.history == expected.history and history.epoch == list(range(6))
    assert not (tmp_path / "b").exists()  # it came to its end


def test_in_the_middle_of_an_epoch(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("freedive.train.execute.TARGET", 1e-9)  # chunks of one step: pauses at every batch
    whole, expected = fit(epochs=3)
    backup = BackupAndRestore(tmp_path / "b", save_freq=4)  # of 6 batches an epoch, and one for validation
    with pytest.raises(KeyboardInterrupt):
        fit(backup, BreakOff(2), epochs=3)
    model, history = fit(BackupAndRestore(tmp_path / "b", save_freq=4), epochs=3)
    assert "Going on with epoch 2 after 6 batches, from" in capsys.readouterr().out
    assert same(model, whole) and history.history == expected.history


def test_another_seed_is_not_passed_over_in_silence(tmp_path, capsys):
    whole, _ = fit()
    with pytest.raises(KeyboardInterrupt):
        fit(BackupAndRestore(tmp_path), BreakOff(2))
    model, _ = fit(BackupAndRestore(tmp_path), seed=6)
    assert "With the seed of the checkpoint, 5, not 6: another needs another folder" in capsys.readouterr().out
    assert same(model, whole)


def test_callbacks_go_on_too(tmp_path):
    """The rate that was reduced, the patience that was used up, the best weights."""

    def watchers():
        return (
            ReduceLROnPlateau("loss", patience=1, min_delta=0.3, factor=0.5),
            EarlyStopping(patience=3, min_delta=0.2, restore_best_weights=True),
        )

    whole, expected = fit(*watchers(), epochs=20)
    assert len(expected.epoch) < 20 and len(set(expected.history["learning_rate"])) > 2
    with pytest.raises(KeyboardInterrupt):
        fit(*watchers(), BackupAndRestore(tmp_path / "b"), BreakOff(3), epochs=20)
    model, history = fit(*watchers(), BackupAndRestore(tmp_path / "b"), epochs=20)
    assert same(model, whole) and history.epoch == expected.epoch
    for name, values in expected.history.items():  # rates come back in the precision that the run has them in
        np.testing.assert_array_equal(np.float32(history.history[name]), np.float32(values))


def test_a_damaged_checkpoint(tmp_path, capsys):
    with pytest.raises(KeyboardInterrupt):
        fit(BackupAndRestore(tmp_path, double_checkpoint=True), BreakOff(3))
    former, latest = sorted(tmp_path.glob("step-*"))
    latest.write_bytes(latest.read_bytes()[:-9])
    model, history = fit(BackupAndRestore(tmp_path, double_checkpoint=True, delete_checkpoint=False))
    said = capsys.readouterr().out
    assert f"Passed over a damaged checkpoint: {latest}" in said and f", from {former}" in said
    assert same(model, fit()[0]) and history.epoch == list(range(6))
    kept = sorted(os.listdir(tmp_path))
    assert len(kept) == 3 and kept[0] == ".lock" and kept[-1] == "step-000000000036.safetensors"


def test_a_checkpoint_of_another_model(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fit(BackupAndRestore(tmp_path), BreakOff(3))
    model = fd.Sequential([fd.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(ModelFileError, match=r"missing: .* unexpected: "):
        model.fit(X, Y, callbacks=[BackupAndRestore(tmp_path)], verbose=0)


def test_a_run_that_is_done_is_done(tmp_path):
    first, _ = fit(BackupAndRestore(tmp_path, delete_checkpoint=False))
    second, history = fit(BackupAndRestore(tmp_path, delete_checkpoint=False))
    assert same(first, second) and history.epoch == list(range(6))


def test_wrong_arguments():
    with pytest.raises(ValueError, match="expected a folder"):
        BackupAndRestore("")
    with pytest.raises(ValueError, match=r'save_freq=.*"epoch" or a number of batches'):
        BackupAndRestore("b", save_freq=False)


def test_what_callbacks_remember_comes_back_unchanged():
    memory = {
        "History": {"history": {"loss": [0.1, float("nan"), 1 / 3], "confusion": [np.eye(2), np.ones((2, 2))]}},
        "EarlyStopping": {"best": float("inf"), "best_weights": [np.float32([1, 2])], "wait": 3, "none": None},
        "empty": {"list": [], "dict": {}, "flags": [True, False], "ints": [1, 2]},
    }
    back = unpack(*pack(memory))
    np.testing.assert_equal(back, memory)
    assert back["EarlyStopping"]["best_weights"][0].dtype == np.float32
    with pytest.raises(TypeError, match="a callback remembers a object"):
        pack({"thing": object()})
