"""Testing with the moving average of the weights."""

import keras
import numpy as np
import pytest

import freedive as fd
from freedive.callbacks import LambdaCallback, SwapEMAWeights

RNG = np.random.default_rng(0)
X = RNG.normal(size=(32, 3)).astype(np.float32)
Y = (X @ RNG.normal(size=(3, 1))).astype(np.float32)
TEST = (X[:8] + 1, Y[:8])
KERNEL, BIAS = np.float32([[0.1], [0.2], [-0.3]]), np.float32([0.5])
FIT = {"batch_size": 8, "epochs": 4, "shuffle": False, "validation_data": TEST, "verbose": 0}


def ours(**options):
    model = fd.Sequential([fd.Input((3,)), fd.layers.Dense(1)])
    model.compile(fd.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.8), "mse")
    model.set_weights([KERNEL, BIAS])
    return model, model.fit(X, Y, **FIT, **options)


def theirs(**options):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.8), "mse")
    model.set_weights([KERNEL, BIAS])
    return model, model.fit(X, Y, **FIT, **options)


@pytest.mark.parametrize("swap", [False, True])
def test_validation_sees_what_the_peers_does(swap):
    _, found = ours(callbacks=[SwapEMAWeights(swap)])
    _, expected = theirs(callbacks=[keras.callbacks.SwapEMAWeights(swap)])
    for name in ("loss", "val_loss"):
        np.testing.assert_allclose(found.history[name], expected.history[name], rtol=1e-5)


def test_training_is_the_same_with_and_without():
    plain, _ = ours()
    swapped, _ = ours(callbacks=[SwapEMAWeights(), SwapEMAWeights(True)])
    for a, b in zip(plain.get_weights(), swapped.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_callbacks_after_it_see_the_averages():
    seen = {"before": [], "after": []}

    def see(where):
        callback = LambdaCallback(on_epoch_end=lambda *_: seen[where].append(callback.model.get_weights()))
        return callback

    _, history = ours(callbacks=[see("before"), SwapEMAWeights(True), see("after")])
    tested = fd.Sequential([fd.Input((3,)), fd.layers.Dense(1)])
    tested.compile("sgd", "mse")
    losses = {}
    for where in seen:
        for weights in seen[where]:
            tested.set_weights(weights)
            losses.setdefault(where, []).append(tested.evaluate(*TEST, verbose=0))
    np.testing.assert_allclose(losses["after"], history.history["val_loss"], rtol=1e-5)
    assert not np.allclose(losses["before"], losses["after"], rtol=1e-3)


def test_evaluate_and_predict_have_the_averages_for_their_time():
    model, _ = ours()  # which leaves the averages in the model
    expected = model.evaluate(*TEST, verbose=0), model.predict(X, verbose=0)
    zeros = [0 * w for w in model.get_weights()]
    model.set_weights(zeros)
    swap = [SwapEMAWeights()]
    found = model.evaluate(*TEST, verbose=0, callbacks=swap), model.predict(X, verbose=0, callbacks=swap)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-6)
    np.testing.assert_array_equal(found[1], expected[1])
    assert all((w == 0).all() for w in model.get_weights())


def test_an_optimizer_without_averages_is_refused(fitted):
    _, fit = fitted()
    with pytest.raises(ValueError, match=r"keeps no averages. Make it with use_ema=True: SGD\(..., use_ema=True\)"):
        fit(SwapEMAWeights())
