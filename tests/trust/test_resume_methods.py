"""Methods and tasks that are broken off and go on: ensembles, folds, several seeds, mixtures, tasks."""

import numpy as np
import pytest

import freedive as fd

from .kinds import BreakOff

(DIGITS, LABELS), _ = fd.datasets.digits.load_data()
X = (DIGITS[:50].reshape(50, 784)[:, ::16] / 255).astype(np.float32)  # 50 rows: folds of 17, 17 and 16
Y = LABELS[:50].astype(np.int32)
TEXTS = ["deep and good", "good and deep", "bad and long", "long and bad"] * 10


def model_of():
    fd.set_seed(5)
    layers = [fd.Input((49,)), fd.layers.Dense(8, "relu"), fd.layers.Dropout(0.2), fd.layers.Dense(10, "softmax")]
    model = fd.Sequential(layers)
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def ensemble(**options):
    members = fd.Ensemble(model_of(), 3)
    members.fit(X, Y, epochs=3, verbose=0, **options)
    return [*members.get_weights(), np.array(members.history.history["loss"])]


def folds(**options):
    scores = fd.cross_validate(model_of(), X, Y, folds=3, epochs=3, verbose=0, **options)
    return [scores["loss"], scores.predictions()]


def seeds(**options):
    return [fd.repeat(model_of(), X, Y, n=2, epochs=3, seed=1, verbose=0, **options)["loss"]]


def mixtures(**options):
    model = model_of()
    model.compile("adam", "categorical_crossentropy")
    pictures = fd.Sequential([fd.Input((7, 7, 1)), fd.layers.Flatten(), model])
    pictures.compile("adam", "categorical_crossentropy")
    labels = fd.utils.to_categorical(Y, 10)
    fd.mix(pictures, fd.layers.MixUp(0.4), X.reshape(50, 7, 7, 1), labels, epochs=3, verbose=0, **options)
    return pictures.get_weights()


def texts(**options):
    """A task: its vocabulary is learned anew, and the order of sets must not matter."""
    task = fd.TextClassifier(epochs=6, batch_size=8, width=6, seed=2, verbose=0)
    task.fit(TEXTS, ["yes", "yes", "no", "no"] * 10, **options)
    return [*task.model.get_weights(), np.array(task.history["val_loss"]), np.array(task.kept)]


KINDS = {"ensemble": ensemble, "folds": folds, "seeds": seeds, "mixtures": mixtures, "a task": texts}


@pytest.mark.parametrize("name", KINDS)
def test_the_same_bits(name, tmp_path):
    whole = KINDS[name]()
    with pytest.raises(KeyboardInterrupt):
        KINDS[name](resume=tmp_path / "kept", callbacks=[BreakOff(5 if name == "a task" else 3)])
    assert [path for path in (tmp_path / "kept").rglob("step-*") if path.name > "step-000000000000"]
    again = KINDS[name](resume=tmp_path / "kept")
    assert len(whole) == len(again)
    assert all(np.array_equal(a, b) for a, b in zip(whole, again, strict=True))
