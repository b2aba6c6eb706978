"""Models on disk while they train: which epochs, which names, which best."""

import os

import numpy as np
import pytest

import freedive as fd
from freedive.callbacks import ModelCheckpoint

LOSSES = [0.9, 0.7, 0.8, 0.6, 0.65]
ROWS = [{"loss": v, "val_loss": v + 0.1, "val_accuracy": 1 - v} for v in LOSSES]

SAVES = [
    ({}, [1, 2, 3, 4, 5]),
    ({"save_best_only": True}, [1, 2, 4]),
    ({"save_best_only": True, "monitor": "val_accuracy"}, [1, 2, 4]),
    ({"save_best_only": True, "monitor": "loss", "mode": "max"}, [1]),
    ({"save_best_only": True, "initial_value_threshold": 0.75}, [4]),
]


@pytest.mark.parametrize("weights_only", [False, True])
@pytest.mark.parametrize("options, epochs", SAVES)
def test_which_epochs_are_saved(options, epochs, weights_only, fakes, tmp_path):
    model = fakes.Model()
    path = str(tmp_path / "deep" / "{epoch:02d}-{val_loss:.2f}.safetensors")
    fakes.drive(ModelCheckpoint(path, save_weights_only=weights_only, **options), [dict(row) for row in ROWS], model)
    names = [f"{epoch:02d}-{LOSSES[epoch - 1] + 0.1:.2f}.safetensors" for epoch in epochs]
    assert [os.path.basename(path) for _, path in model.saved] == names
    assert {what for what, _ in model.saved} == {"weights" if weights_only else "model"}
    assert (tmp_path / "deep").is_dir()


def test_every_so_many_batches_over_epochs(fitted, tmp_path):
    model, fit = fitted(epochs=3, validation=False)  # 4 batches an epoch
    model.save = lambda path: saved.append(os.path.basename(path))
    saved = []
    fit(ModelCheckpoint(tmp_path / "{epoch}-{batch}.safetensors", save_freq=3))
    assert saved == ["1-3.safetensors", "2-2.safetensors", "3-1.safetensors", "3-4.safetensors"]


def test_the_saved_model_is_that_of_its_epoch(fitted, tmp_path):
    model, fit = fitted(epochs=3)
    kept = []
    keep = fd.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: kept.append(model.get_weights()))
    fit(keep, ModelCheckpoint(tmp_path / "{epoch}.safetensors", save_weights_only=True))
    for epoch, weights in enumerate(kept, 1):
        model.load_weights(tmp_path / f"{epoch}.safetensors")
        for a, b in zip(model.get_weights(), weights, strict=True):
            np.testing.assert_array_equal(a, b)


def test_the_best_is_remembered(fakes):
    before, after = (ModelCheckpoint("best.safetensors", save_best_only=True) for _ in range(2))
    fakes.drive(before, [dict(row) for row in ROWS[:2]])
    after.set_state(before.get_state())
    model = fakes.Model()
    fakes.drive(after, [dict(row) for row in ROWS[2:3]], model, first=2, begun=True)
    assert model.saved == [] and after.best == ROWS[1]["val_loss"]


def test_it_says_why(fakes, capsys):
    fakes.drive(ModelCheckpoint("b.safetensors", save_best_only=True, verbose=1), [dict(row) for row in ROWS[:3]])
    assert capsys.readouterr().out.splitlines() == [
        "Epoch 1: val_loss 1.0000, saved b.safetensors",
        "Epoch 2: val_loss 0.8000 (best so far 1.0000), saved b.safetensors",
        "Epoch 3: val_loss 0.9000 (best so far 0.8000), not saved",
    ]


@pytest.mark.parametrize("best", [False, True])
def test_a_name_with_a_result_of_validation_waits_for_it(best, fitted, tmp_path):
    _, fit = fitted(epochs=5)
    save = ModelCheckpoint(tmp_path / "{epoch}-{val_loss:.2f}.safetensors", save_best_only=best)
    losses = fit(save, validation_freq=2).history["val_loss"]
    assert losses[1] < losses[0]
    assert sorted(os.listdir(tmp_path)) == [f"{e}-{v:.2f}.safetensors" for e, v in zip((2, 4), losses, strict=True)]
    with pytest.raises(ValueError, match=r"there is no \{val_loss\}. Did you mean \{loss\}\?"):
        fit(ModelCheckpoint(tmp_path / "{val_loss}.safetensors"), validation_split=0.0)


WRONG = [
    ({"filepath": "best.keras"}, "Write: 'best.safetensors'"),
    ({"filepath": "best.weights.h5"}, "Write: 'best.safetensors'"),
    ({"filepath": "{epoch.safetensors"}, "expected '}'"),
    ({"filepath": "a.safetensors", "save_freq": "batch"}, 'expected "epoch" or a number of batches'),
    ({"filepath": "a.safetensors", "save_freq": 0}, "1 or more. Received: 0"),
    ({"filepath": "a.safetensors", "save_freq": 5, "save_best_only": True}, "watch monitor='loss'"),
]


@pytest.mark.parametrize("options, message", WRONG)
def test_wrong_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        ModelCheckpoint(**options)


def test_a_field_that_is_not_there(fakes):
    with pytest.raises(ValueError, match=r"there is no \{val_acc\}. Did you mean \{val_accuracy\}\?"):
        fakes.drive(ModelCheckpoint("{val_acc:.2f}.safetensors"), [dict(ROWS[0])])
