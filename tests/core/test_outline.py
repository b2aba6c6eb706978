"""Layers that are alike are traced once, and each has rules of its own."""

import numpy as np
import pytest

import freedive as fd
from freedive.core import outline

L = fd.layers


def traces(monkeypatch, make, shape=(6, 4)):
    """How often a call is traced while two layers are given the same symbol; and their values."""
    outline._outlines.clear()
    seen = []
    plan = outline.plan
    monkeypatch.setattr(outline, "plan", lambda *given: seen.append(1) or plan(*given))
    models = [fd.Sequential([fd.Input(shape), layer]) for layer in make]
    for model in models:
        model.build(seed=1)
    return len(seen), [model.get_weights() for model in models]


@pytest.mark.parametrize(
    ("first", "second", "times"),
    [
        (lambda: L.Dense(3), lambda: L.Dense(3, name="other"), 1),
        (lambda: L.Dense(3), lambda: L.Dense(4), 2),
        (lambda: L.Dense(3), lambda: L.Dense(3, activation="tanh"), 2),
        (lambda: L.Dense(3), lambda: L.Dense(3, kernel_initializer="ones", bias_initializer="ones"), 1),
        (lambda: L.Dense(3, kernel_regularizer="l2"), lambda: L.Dense(3, kernel_regularizer="l2"), 1),
        (lambda: L.Dense(3), lambda: L.Dense(3, kernel_constraint="non_neg"), 2),
        (lambda: L.Dropout(0.1), lambda: L.Dropout(0.1), 1),
        (lambda: L.Dropout(0.1), lambda: L.Dropout(0.4), 2),
        (lambda: L.LSTM(3), lambda: L.LSTM(3, bias_initializer="ones"), 2),
        (lambda: L.RMSNormalization(), lambda: L.RMSNormalization(), 1),
    ],
)
def test_alike_layers_are_traced_once_and_keep_their_rules(monkeypatch, first, second, times):
    counted, (one, two) = traces(monkeypatch, [first(), second()])
    assert counted == times
    for model, make in ((one, first), (two, second)):
        outline._outlines.clear()
        alone = fd.Sequential([fd.Input((6, 4)), make()])
        alone.build(seed=1)
        for a, b in zip(model, alone.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


def test_layers_of_ones_own_are_traced_each_time(monkeypatch):
    class Scale(fd.layers.Layer):
        def call(self, x):
            return x * self.param("scale", (x.shape[-1],), "ones")

    assert traces(monkeypatch, [Scale(), Scale()])[0] == 2

    def double(x):
        return 2 * x

    assert traces(monkeypatch, [L.Lambda(double), L.Lambda(double)])[0] == 2
    assert traces(monkeypatch, [L.Dense(2, activation=double), L.Dense(2, activation=double)])[0] == 2


def test_swept_numbers_and_later_calls_are_those_of_a_traced_layer():
    def model(strength):
        layer = L.Dense(2, kernel_regularizer=fd.regularizers.L2(strength))
        x = fd.Input((2,))
        made = fd.Model(x, layer(layer(x)))  # called twice: the second finds its weights
        made.compile("sgd", "mse")
        return made

    a, b = model(0.1), model(0.2)
    x = np.ones((4, 2), "float32")
    for one, strength in ((a, 0.1), (b, 0.2)):
        kernel = one.get_weights()[0]
        plain = np.mean((one.predict(x, verbose=0) - x) ** 2)
        assert one.evaluate(x, x, verbose=0) == pytest.approx(plain + strength * (kernel**2).sum(), rel=1e-5)
