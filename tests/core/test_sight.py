"""What a root remembers of its last walk is given up as soon as anything that was seen is another."""

import copy
import pickle
import threading

import numpy as np
import pytest

import freedive as fd
from freedive.core.paths import looked_at, paths, sight
from freedive.core.structure import structure
from freedive.layers import Dense, Dropout, Layer


class Block(Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.parts = [Dense(3), Dense(3)]
        self.named = {"a": Dense(3)}
        self.scale = 2.0

    def call(self, x):
        for part in (*self.parts, *self.named.values()):
            x = part(x)
        return self.scale * x


def rename(block):
    block.named["b"] = block.named.pop("a")


CHANGES = {
    "an attribute": lambda block: setattr(block, "scale", 3.0),
    "another attribute": lambda block: setattr(block, "more", 1),
    "an attribute gone": lambda block: delattr(block, "scale"),
    "a layer in a list": lambda block: block.parts.append(Dense(3)),
    "the order of a list": lambda block: block.parts.reverse(),
    "a name in a dict": rename,
    "a layer of a layer": lambda block: setattr(block.parts[0], "units", 4),
    "a rule of a layer": lambda block: setattr(block.parts[0].kernel_regularizer, "l2", 0.0),
    "whether it learns": lambda block: setattr(block.parts[1], "trainable", False),
}


def made():
    block = Block()
    block.parts[0] = Dense(3, kernel_regularizer=fd.regularizers.L2(0.1))
    block(np.ones((2, 3), "float32"))
    paths(block)
    return block


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_is_seen(change):
    block = made()
    assert sight(block).holds()
    CHANGES[change](block)
    assert not vars(block)["_sight"].holds()
    fresh = {id(layer): path for layer, path in paths(block).items()}
    vars(block)["_sight"].met = None
    assert fresh == {id(layer): path for layer, path in paths(block).items()}


def test_nothing_is_walked_twice_for_nothing():
    model = fd.Sequential([fd.Input((3,)), Dense(4), Dropout(0.5), Dense(2)])
    x = np.ones((2, 3), "float32")
    model.compile("sgd", "mse")
    model.predict(x, verbose=0)
    found = paths(model)
    for _ in range(3):
        model(x)
        model.predict(x, verbose=0)
    assert paths(model) is found
    model.add(Dense(1))
    assert model(x).shape == (2, 1)


def test_an_array_among_the_attributes_is_looked_at_every_time():
    block = made()
    block.table = np.ones(3)
    before = structure(block)
    block.table[0] = 5
    assert structure(block) != before


def test_a_shallow_copy_too():
    block = made()
    twin = copy.copy(block)
    twin.scale = 3.0
    assert structure(twin) != structure(block)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda block: pickle.loads(pickle.dumps(block))])
def test_a_copy_has_eyes_of_its_own(copied):
    block = made()
    twin = copied(block)
    twin.parts.append(Dense(3))
    assert len(paths(twin)) == len(paths(block)) + 1


def test_answers_follow_every_change_between_calls():
    block, x = made(), np.ones((2, 3), "float32")
    model = fd.Sequential([fd.Input((3,)), block])
    model.compile("sgd", "mse")

    def answers():
        found = np.asarray(model(x))
        np.testing.assert_array_equal(model.predict(x, verbose=0), found)
        return found

    first = answers()
    np.testing.assert_array_equal(answers(), first)
    block.scale = 4.0
    np.testing.assert_allclose(answers(), 2 * first, rtol=1e-6)
    model.set_weights([np.zeros_like(w) for w in model.get_weights()])
    assert not answers().any()
    block.parts[1].set_weights([np.eye(3), np.ones(3)])
    block.parts[0].set_weights([np.eye(3), np.zeros(3)])
    block.named["a"].set_weights([0.3 * np.eye(3), np.zeros(3)])
    np.testing.assert_allclose(answers(), 4 * 0.3 * 2, rtol=1e-6)
    block.parts[0].activation = fd.activations.get("tanh")
    exact = answers()
    np.testing.assert_allclose(exact, 4 * 0.3 * (np.tanh(1) + 1), rtol=1e-6)
    model.compile("sgd", "mse", precision="mixed_bfloat16")
    rounded = model.predict(x, verbose=0)
    assert 0 < np.abs(rounded - exact).max() < 0.05 * np.abs(exact).max()


def test_a_root_is_looked_at_once_within_and_anew_after():
    block = made()
    with looked_at(block):
        before = sight(block)
        block.more = 1
        with looked_at(block):
            assert sight(block) is before and before.holds() is False
        found = []
        thread = threading.Thread(target=lambda: found.append(sight(block).holds()))
        thread.start()
        thread.join()
        assert found == [True]  # other threads look for themselves
    assert sight(block).holds()


def test_a_failing_call_leaves_no_look_behind():
    block = made()
    with pytest.raises(ValueError):
        block(np.ones((2, 7), "float32"))
    block.scale = 0.0
    assert not np.asarray(block(np.ones((2, 3), "float32"))).any()
