"""MultiOptimizer: each part moves as by its own optimizer alone; numbers and files; what it refuses."""

import numpy as np
import pytest

import freedive as fd
from freedive.config import from_json, to_json
from freedive.optimizers import SGD, Adam, LossScaleOptimizer, MultiOptimizer

RNG = np.random.default_rng(0)
PARAMS = {
    place: {"kernel": RNG.normal(size=3).astype("float32")} for place in ("base/dense", "base/head/dense", "based")
}
GRADS = {place: {"kernel": RNG.normal(size=3).astype("float32")} for place in PARAMS}


def test_each_part_moves_as_alone():
    parts = {"base": Adam(0.1, use_ema=True), "base/head": SGD(0.5, momentum=0.9), "based": SGD(1.0, clipnorm=0.1)}
    both = MultiOptimizer(parts)
    params, state = PARAMS, both.init(PARAMS)
    for step in range(3):
        params, state = both.update(GRADS, state, params, both.hyper(), step)
    for (name, optimizer), place in zip(parts.items(), PARAMS, strict=True):
        mine, grads = {place: PARAMS[place]}, {place: GRADS[place]}
        slots = optimizer.init(mine)
        for step in range(3):
            mine, slots = optimizer.update(grads, slots, mine, optimizer.hyper(), step)
        np.testing.assert_array_equal(params[place]["kernel"], mine[place]["kernel"], name)
        expected = optimizer.finalize(mine, slots)[place]["kernel"]
        np.testing.assert_array_equal(both.finalize(params, state)[place]["kernel"], expected)


def test_a_base_and_a_head_learn_at_rates_of_their_own(tmp_path):
    layers = [fd.layers.Dense(3, "tanh", name="base"), fd.layers.Dense(1, name="head")]
    model = fd.Sequential([fd.Input((2,)), *layers])
    model.compile(MultiOptimizer({"base": SGD(0.0), "head": "sgd"}), "mse")
    x = RNG.normal(size=(32, 2))
    before = model.get_weights()
    model.fit(x, x[:, :1], epochs=2, verbose=0)
    assert [bool((a != b).any()) for a, b in zip(before, model.get_weights(), strict=True)] == [
        False,
        False,
        True,
        True,
    ]
    model.save(tmp_path / "model.safetensors")
    same = fd.models.load_model(tmp_path / "model.safetensors")
    assert same.optimizer.hyper() == model.optimizer.hyper()
    histories = [m.fit(x, x[:, :1], seed=1, verbose=0).history for m in (model, same)]
    assert histories[0] == histories[1]


def test_numbers_and_configuration():
    both = MultiOptimizer({"a": SGD(0.1), "b": Adam(0.2)})
    assert from_json(to_json(both)).hyper() == both.hyper()
    setattr(both, "b.learning_rate", 0.3)
    assert both["b"].learning_rate == 0.3 and both.learning_rate == {"a": 0.1, "b": 0.3}


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: MultiOptimizer({}), "expected path -> optimizer"),
        (lambda: MultiOptimizer({"a": 3}), "expected one. Received: 3"),
        (lambda: MultiOptimizer({"a": "sgd"}, clipnorm=1.0), "give it to the optimizer inside"),
        (lambda: MultiOptimizer({"base": "sgd"}).init(PARAMS), "'based' stands under none of"),
        (lambda: MultiOptimizer({"a": SGD(loss_scale_factor=8.0)}).scale_loss(1.0), "'a' has a loss scale of its own"),
        (lambda: MultiOptimizer({"a": LossScaleOptimizer("sgd")}).scale_loss(1.0), "Put LossScaleOptimizer around"),
        (lambda: setattr(MultiOptimizer({"a": "sgd"}), "learning_rate", 0.1), r"optimizer\['a'\].learning_rate"),
    ],
)
def test_what_is_refused(act, message):
    with pytest.raises((ValueError, TypeError, AttributeError), match=message):
        act()
