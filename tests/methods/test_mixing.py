"""mix: a training on mixtures learns; a layer that leaves rows alone gives the plain run; whole numbers are refused."""

import numpy as np
import pytest

import freedive as fd
from freedive import layers
from freedive.methods.mixing import unweighed, weighed

(X, Y), (X_TEST, Y_TEST) = fd.datasets.digits.load_data()
X, Y = X[:400], fd.utils.to_categorical(Y[:400])


def network():
    fd.set_seed(0)
    model = fd.Sequential([
        fd.Input((28, 28)), layers.Rescaling(1 / 255), layers.Reshape((28, 28, 1)), layers.AveragePooling2D(4),
        layers.Flatten(), layers.Dense(32, "relu"), layers.Dense(10, "softmax"),
    ])  # fmt: skip
    model.compile(fd.optimizers.Adam(0.01), "categorical_crossentropy", metrics=["accuracy"])
    return model


class Unchanged(layers.Layer):
    def call(self, batch):
        return batch


def test_what_leaves_rows_alone_is_the_plain_run():
    plain, same = network(), network()
    plain.fit(X, Y, epochs=2, verbose=0, seed=1)
    fd.mix(same, Unchanged(), X, Y, epochs=2, verbose=0, seed=1)
    for one, other in zip(plain.get_weights(), same.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("layer", [layers.MixUp(0.4), layers.CutMix()])
def test_mixtures_teach(layer):
    model = network()
    history = fd.mix(model, layer, X, Y, epochs=50, verbose=0, validation_data=(X, Y)).history
    assert history["val_accuracy"][-1] > 0.8
    assert history["loss"][-1] > history["val_loss"][-1]  # mixtures are harder than rows


def test_weights_are_mixed_as_labels_are():
    labels, weight = np.eye(3, dtype="float32"), np.float32([2, 1, 0])
    both = weighed(labels, weight)
    found, count = unweighed(0.75 * both + 0.25 * both[np.array([1, 2, 0])], labels, weight)
    np.testing.assert_allclose(count, [1.75, 0.75, 0.5])
    np.testing.assert_allclose(found * count[:, None], [[1.5, 0.25, 0], [0, 0.75, 0], [0.5, 0, 0]])
    weight = (np.arange(400) < 200).astype("float32")
    wrong = np.where(weight[:, None] == 0, np.roll(Y, 1, axis=1), Y)
    found = []
    for y in (Y, wrong):  # what rows of weight 0 say makes no difference
        model = network()
        history = fd.mix(model, layers.MixUp(1.0), X, y, sample_weight=weight, epochs=1, verbose=0, seed=1)
        found.append(history.history["loss"])
    assert found[0] == found[1]


def test_what_cannot_be_mixed_is_told():
    with pytest.raises(ValueError, match=r"mix\(y=...\): labels of int64 cannot be mixed.*to_categorical"):
        fd.mix(network(), layers.MixUp(), X, np.arange(400) % 10)
    with pytest.raises(TypeError, match="mix has no argument 'epoch'"):
        fd.mix(network(), layers.MixUp(), X, Y, epoch=2)
