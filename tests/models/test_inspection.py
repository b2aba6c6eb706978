"""Looking inside a model: the forward and backward formulas of textbooks, computed by hand beside it."""

import numpy as np
import pytest

import freedive as fd

RNG = np.random.default_rng(0)
X = RNG.normal(size=(7, 3)).astype(np.float32)
Y = RNG.normal(size=(7, 2)).astype(np.float32)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def network():
    fd.set_seed(5)
    hidden, out = fd.layers.Dense(4, "sigmoid"), fd.layers.Dense(2, "tanh", bias_initializer="random_normal")
    model = fd.Sequential([fd.Input((3,)), hidden, out])
    model.compile("sgd", "mse")
    return model


def test_forward_and_back_propagation_by_hand():
    """z = x W + b, a = f(z); delta = dL/dz, from the loss down: delta W^T * f'(z); dL/dW = a^T delta, dL/db its sum."""
    model = network()
    w1, b1, w2, b2 = model.get_weights()
    z1 = X @ w1 + b1
    a1 = sigmoid(z1)
    z2 = a1 @ w2 + b2
    a2 = np.tanh(z2)
    delta2 = 2 * (a2 - Y) / Y.size * (1 - a2**2)
    delta1 = delta2 @ w2.T * a1 * (1 - a1)
    expected = {
        "dense": {"z": z1, "a": a1, "delta": delta1, "d_kernel": X.T @ delta1, "d_bias": delta1.sum(0)},
        "dense_1": {"z": z2, "a": a2, "delta": delta2, "d_kernel": a1.T @ delta2, "d_bias": delta2.sum(0)},
    }
    found = model.inspect(X, Y)
    assert list(found) == list(expected)
    for layer, values in expected.items():
        assert list(found[layer]) == list(values)
        for name, value in values.items():
            np.testing.assert_allclose(found[layer][name], value, atol=1e-6, err_msg=f"{layer} {name}")
    assert found.loss == pytest.approx(np.mean((a2 - Y) ** 2), rel=1e-6)


def test_without_targets_there_is_no_backward():
    found = network().inspect(X)
    assert found.loss is None
    assert {name for layer in found for name in found[layer]} == {"z", "a"}


def test_a_layer_called_twice_is_seen_twice():
    x = fd.Input((3,))
    shared = fd.layers.Dense(3, "tanh", name="shared")
    model = fd.Model(x, shared(shared(x)))
    model.compile("sgd", "mse")
    found = model.inspect(X, X)
    assert {"shared", "shared@2"} <= set(found)
    np.testing.assert_allclose(found["shared@2"]["z"], found["shared"]["a"] @ shared.kernel + shared.bias, atol=1e-6)


def test_nothing_changes():
    model = network()
    before = model.get_weights()
    model.inspect(X, Y)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_table_and_picture(tmp_path):
    found = network().inspect(X, Y)
    lines = found.table().splitlines()
    assert len(lines) == 2 + 10 and lines[2].split()[:3] == ["dense", "z", "(7,"]
    figure = found.plot(tmp_path / "inside.png")
    assert (tmp_path / "inside.png").stat().st_size > 5000
    assert [axis.get_title() for axis in figure.axes[:4]] == ["z", "a", "delta = dL/dz", "dL/dW"]
