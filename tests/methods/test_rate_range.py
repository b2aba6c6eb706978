"""lr_find: the rate rises as said, the plain run is what a constant rate gives, and what it finds trains well."""

import numpy as np
import pytest

import freedive as fd
from freedive.methods.rate_range import read

(X, Y), _ = fd.datasets.digits.load_data()
X, Y = X[:600, ::2, ::2].reshape(600, -1).astype("float32") / 255, Y[:600]


def made(optimizer="sgd"):
    fd.set_seed(1)
    model = fd.Sequential([fd.Input((196,)), fd.layers.Dense(16, "relu"), fd.layers.Dense(10, "softmax")])
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def test_a_rate_that_hardly_rises_is_the_plain_run():
    losses = fd.lr_find(made(), X, Y, low=0.0099999, high=0.0100001, steps=19, seed=3).losses
    plain = made(fd.optimizers.SGD(0.01))
    history = plain.fit(X, Y, epochs=1, seed=3, verbose=0, steps_per_epoch=18)
    assert history.history["loss"][0] == pytest.approx(losses[:18].mean(), rel=1e-4)


def test_the_loss_is_the_one_that_is_minimised():
    inputs = fd.Input((196,))
    ends = [fd.layers.Dense(1, name=name, kernel_regularizer=fd.regularizers.L2(0.1))(inputs) for name in "ab"]
    model = fd.Model(inputs, ends)
    model.compile("sgd", ["mse", "mse"], loss_weights=[0.5, 0.0])
    y = [Y[:, None] / 10, 1e3 * Y[:, None]]
    found = fd.lr_find(model, X, y, low=1e-9, high=1e-8, steps=10, batch_size=600)
    assert found.losses[0] == pytest.approx(model.evaluate(X, y, verbose=0)[0], rel=1e-4)


@pytest.mark.parametrize(("optimizer", "least", "most"), [("sgd", 0.02, 2.0), ("adam", 2e-4, 0.05)])
def test_it_finds_a_rate_that_trains_well(optimizer, least, most, tmp_path):
    model = made(optimizer)
    before = model.get_weights()
    found = fd.lr_find(model, X, Y, seed=0)
    assert least < found.rate < most
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert model.history is None and model._training.slots is None
    found.plot(tmp_path / "range.png")
    assert (tmp_path / "range.png").stat().st_size > 5000
    results = []
    for rate in (found.rate, found.rate / 1000):
        model = made({"class_name": optimizer, "config": {"learning_rate": rate}})
        results.append(model.fit(X, Y, epochs=2, verbose=0, seed=0).history["loss"][-1])
    assert results[0] < 0.7 * results[1]


def test_a_range_ends_where_the_loss_breaks():
    rates = np.geomspace(1e-5, 10, 100)
    losses = np.concatenate([np.full(40, 2.0), np.linspace(2, 0.5, 30), np.linspace(0.5, 1, 10), np.full(20, np.nan)])
    found = read(rates, losses)
    assert len(found.rates) == 80 and rates[40] < found.rate < rates[70]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"low": 1.0, "high": 0.1}, "0 < low < high"),
        ({"steps": 3}, "10 steps"),
        ({"epochs": 3}, "no argument 'epochs'"),
    ],
)
def test_what_is_no_range_is_refused(options, told):
    with pytest.raises((ValueError, TypeError), match=told):
        fd.lr_find(made(), X, Y, **options)


def test_a_schedule_is_refused():
    rate = fd.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    with pytest.raises(ValueError, match="is a schedule"):
        fd.lr_find(made(fd.optimizers.SGD(rate)), X, Y)
