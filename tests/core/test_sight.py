"""What a root remembers of its last walk is given up as soon as anything that was seen is another."""

import copy
import pickle

import numpy as np
import pytest

import freedive as fd
from freedive.core.paths import paths, sight
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
