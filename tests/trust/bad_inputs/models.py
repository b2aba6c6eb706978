"""Small models and good data that the tables spoil."""

import numpy as np

import freedive as fd
from freedive.layers import Dense, Embedding, Flatten

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 4)).astype(np.float32)
Y = RNG.integers(0, 3, 40)
PICTURES, STEPS = np.zeros((4, 8, 8, 1), np.float32), np.zeros((4, 5, 3), np.float32)
NAN = float("nan")


def classifier(**options):
    model = fd.Sequential([fd.Input((4,)), Dense(3, "softmax")])
    model.compile(**({"optimizer": "sgd", "loss": "sparse_categorical_crossentropy"} | options))
    return model


def regressor(**options):
    model = fd.Sequential([fd.Input((4,)), Dense(1)])
    model.compile(**({"optimizer": "sgd", "loss": "mse"} | options))
    return model


def words():
    model = fd.Sequential([fd.Input((2,), dtype="int32"), Embedding(5, 3), Flatten(), Dense(1)])
    model.compile("sgd", "mse")
    return model


class Words(fd.Model):
    """Its ids are made within the call, so that only the compiled run sees them."""

    def __init__(self):
        self.table, self.out = Embedding(5, 3), Dense(1)

    def call(self, x):
        return self.out(self.table(x * 2).mean(1))


def own_words(**options):
    model = Words()
    model.compile("sgd", "mse", **options)
    return model


def two_by_two():
    a, b = fd.Input((4,), name="a"), fd.Input((2,), name="b")
    both = fd.Model([a, b], [Dense(1, name="size")(a), Dense(3, "softmax", name="kind")(b)])
    both.compile("adam", loss={"size": "mse", "kind": "sparse_categorical_crossentropy"})
    return both


def fit(x=X, y=Y, **options):
    return lambda: classifier().fit(x, y, verbose=0, **options)


def regress(x=X, y=X[:, :1], model=None, **options):
    return lambda: regressor(**(model or {})).fit(x, y, verbose=0, **options)


def put(array, index, value):
    """A copy with another value."""
    array = np.array(array)
    array[index] = value
    return array
