"""through_time: products of Jacobians are those of matrices, gradients those of the chain rule; what vanishes."""

import numpy as np
import pytest

import freedive as fd

layers = fd.layers
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(6, 40, 3)).astype("float32"), RNG.normal(size=(6, 1)).astype("float32")


def network(layer, length=40):
    fd.set_seed(1)
    model = fd.Sequential([fd.Input((length, 3)), layer, layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def simple(gain, activation="tanh"):
    return layers.SimpleRNN(8, activation, recurrent_initializer=fd.initializers.Orthogonal(gain), name="cell")


def remembering(forget):
    """An LSTM whose forget gate lets so much pass."""
    layer = layers.LSTM(8, name="cell", recurrent_initializer=fd.initializers.Orthogonal(0.3))
    model = network(layer)
    bias = np.array(layer.bias)
    bias[8:16] = forget
    layer.set_weights([*layer.get_weights()[:2], bias])
    return model


@pytest.mark.parametrize(
    ("make", "verdict"),
    [
        (lambda: network(simple(0.5)), "vanishes"),
        (lambda: network(simple(1.5, "linear")), "explodes"),
        (lambda: network(simple(1.0, "linear")), "arrives"),
        (lambda: remembering(4.0), "arrives"),
        (lambda: remembering(-4.0), "vanishes"),
    ],
    ids=["simple", "large weights", "orthogonal", "LSTM", "LSTM that forgets"],
)
def test_what_becomes_of_a_gradient(make, verdict):
    found = fd.models.through_time(make(), X, Y)["cell"]
    assert found.verdict == verdict, found.products
    first, last = found.gradients["c" if "c" in found.gradients else "h"][
        [0, -2]
    ]  # c(T) has no way to the loss but h(T)
    assert (first < 1e-3 * last) == (verdict == "vanishes") and (first > 1e3 * last) == (verdict == "explodes")


@pytest.mark.parametrize("gain", [0.8, 1.25])
def test_a_linear_network_is_powers_of_its_matrix(gain):
    found = fd.models.through_time(network(simple(gain, "linear")), X, Y)["cell"]
    powers = gain ** np.arange(39, -1, -1.0)
    np.testing.assert_allclose(found.products, powers, rtol=1e-4)
    np.testing.assert_allclose(found.jacobians, gain, rtol=1e-5)
    np.testing.assert_allclose(found.gradients["h"], powers * found.gradients["h"][-1], rtol=1e-4)
    assert found.rate == pytest.approx(gain, rel=1e-4)


LAYERS = {
    "LSTM": lambda: layers.LSTM(5),
    "GRU": lambda: layers.GRU(5),
    "backwards": lambda: layers.SimpleRNN(5, go_backwards=True),
    "bidirectional": lambda: layers.Bidirectional(layers.LSTM(4)),
    "cells": lambda: layers.RNN([layers.LSTMCell(4), layers.GRUCell(5)]),
    "two": lambda: fd.Sequential([layers.GRU(4, return_sequences=True), layers.LSTM(3)]),
    "masked": lambda: fd.Sequential([layers.Masking(), layers.LSTM(4)]),
}


@pytest.mark.parametrize("name", LAYERS)
def test_the_loss_and_the_gradient_are_the_models(name):
    """The gradient by an input of the first step goes through the first states: both must be there."""
    x = X[:, :7].copy()
    x[0, 5:] = 0.0
    model = network(LAYERS[name](), 7)
    found = fd.models.through_time(model, x, Y)
    assert found.loss == pytest.approx(model.evaluate(x, Y, verbose=0), rel=1e-5)
    assert len(found.layers) == {"bidirectional": 2, "two": 2}.get(name, 1)
    for steps in found.layers.values():
        assert all(len(norms) == 7 and (norms > 0).any() for norms in (*steps.gradients.values(), steps.products))
        assert steps.products[-1] == 1


def test_the_gradient_is_that_of_finite_differences():
    model = network(layers.LSTM(4, name="cell", return_sequences=True), 5)
    found = fd.models.through_time(model, X[:1, :5], np.zeros((1, 5, 1)))["cell"]
    by_bias = model.inspect(X[:1, :5], np.zeros((1, 5, 1)))["dense"]["delta"] @ model.layers[-1].kernel.T
    np.testing.assert_allclose(found.gradients["h"][-1], np.linalg.norm(by_bias[0, -1]), rtol=1e-4)


def test_table_and_picture(tmp_path):
    found = fd.models.through_time(remembering(4.0), X, Y)
    assert "cell: a gradient arrives" in found.table() and "|dL/dc_t|" in str(found)
    assert found.plot(tmp_path / "time.png").axes and (tmp_path / "time.png").stat().st_size > 1000


def test_a_model_without_recurrence_is_refused():
    with pytest.raises(ValueError, match="no recurrent layer whose states are vectors"):
        fd.models.through_time(network(layers.Flatten()), X, Y)
