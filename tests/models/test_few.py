"""A few rows through dense layers: one native call gives what compiled programs give, or leaves it to them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import freedive as fd
from freedive.layers import Dense, Dropout, Flatten
from freedive.models.few import answered
from freedive.ops import native

pytestmark = pytest.mark.skipif(not native.available(), reason="freedive was built without a C++ compiler")
RNG = np.random.default_rng(0)
ROWS = 3 * RNG.normal(size=(9, 30)).astype("float32")


def functional():
    entry = fd.Input((30,))
    return fd.Model(entry, Dense(3, "softmax")(Dropout(0.5)(Dense(20, "relu")(entry))))


def sequential(*layers, shape=(30,)):
    return fd.Sequential([fd.Input(shape), *layers])


MODELS = {
    "a classifier": lambda: sequential(Dense(17, "relu"), Dense(64, "relu"), Dense(19, "softmax")),
    "of symbols, with dropout": functional,
    "pictures": lambda: sequential(Flatten(), Dense(5, "tanh"), Dense(1, "sigmoid"), shape=(5, 6)),
    "no bias": lambda: sequential(Dense(33, "tanh", use_bias=False), Dense(2)),
    "one number": lambda: sequential(Dense(1), Dense(1), Dense(1)),
}


def usual(model, x):
    """What more rows get, by a compiled program."""
    return np.asarray(model(np.concatenate([x, x, x, x, x])))[: len(x)]


@pytest.mark.parametrize("rows", [1, 2, 4])
@pytest.mark.parametrize("name", MODELS)
def test_the_same_answers(name, rows):
    model = MODELS[name]()
    x = ROWS[:rows].reshape(rows, *model.input_shape[1:])
    assert answered(model, x) is not None
    given, called = model.predict(x, verbose=0), model(x)
    assert type(given) is np.ndarray and given.flags.writeable and isinstance(called, jax.Array)
    np.testing.assert_allclose(given, usual(model, x), rtol=3e-6, atol=3e-7)
    np.testing.assert_array_equal(called, given)


def test_large_and_small_numbers():
    x = np.array([[-1e4, -90.0, -30.0, 0.0, 30.0, 90.0, 1e4]], "float32")
    for activation in ("linear", "relu", "softmax", "sigmoid", "tanh"):
        model = sequential(Dense(7, activation), shape=(7,))
        model.set_weights([np.eye(7, dtype="float32"), np.zeros(7, "float32")])
        np.testing.assert_allclose(model.predict(x, verbose=0), usual(model, x), rtol=1e-6, atol=1e-37)


def assign(model):
    model.layers[0].set_weights([2 * w for w in model.layers[0].get_weights()])


def learn(model):
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(ROWS, np.arange(9) % 3, epochs=2, verbose=0)


CHANGES = {
    "weights": assign,
    "a fit": learn,
    "an activation": lambda model: setattr(model.layers[0], "activation", fd.activations.tanh),
    "one of its own": lambda model: setattr(model.layers[0], "activation", fd.activations.mish),
    "a layer more": lambda model: model.add(Dense(4)),
    "a layer less": lambda model: model.pop(),
    "what learns": lambda model: setattr(model.layers[0], "trainable", False),
    "another fit": lambda model: (learn(model), setattr(model.layers[0], "trainable", False), learn(model)),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changes_are_seen(name):
    model, x = sequential(Dense(20, "relu"), Dense(3, "softmax")), ROWS[:1]
    before = model.predict(x, verbose=0)
    CHANGES[name](model)
    after = model.predict(x, verbose=0)
    np.testing.assert_allclose(after, usual(model, x), rtol=3e-6, atol=3e-7)
    assert name == "what learns" or after.shape != before.shape or not np.array_equal(after, before)


def test_answers_at_the_edges_of_a_run():
    model, x, seen = sequential(Dense(20, "relu"), Dense(3, "softmax")), ROWS[:1], []
    model.compile("sgd", "sparse_categorical_crossentropy")
    look = fd.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append((model(x), usual(model, x))))
    model.fit(ROWS, np.arange(9) % 3, epochs=3, verbose=0, callbacks=[look])
    for mine, expected in seen:
        np.testing.assert_allclose(mine, expected, rtol=3e-6)
    assert len({np.asarray(mine).tobytes() for mine, _ in seen}) == 3


class Doubled(Dense):
    def call(self, x):
        return 2 * super().call(x)


class Own(fd.Sequential):
    def call(self, x):
        return 2 * super().call(x)


def branching():
    entry = fd.Input((30,))
    return fd.Model(entry, Dense(3)(entry) + Dense(3)(entry))


def drawing():
    entry = fd.Input((30,))
    return fd.Model(entry, Dense(3)(Dropout(0.5)(entry, training=True)))


LEFT = {
    "a layer of one's own": lambda: sequential(Doubled(3)),
    "a model of one's own": lambda: Own([fd.Input((30,)), Dense(3)]),
    "two ways": branching,
    "a dropout that always draws": drawing,
    "another layer": lambda: sequential(Dense(3), fd.layers.BatchNormalization()),
    "another activation": lambda: sequential(Dense(3, "gelu")),
    "another type": lambda: sequential(Dense(3, dtype="bfloat16")),
    "a large kernel": lambda: sequential(Dense(5000), Dense(3)),
}


@pytest.mark.parametrize("name", LEFT)
def test_other_models_are_left_alone(name):
    assert answered(LEFT[name](), ROWS[:1]) is None


@pytest.mark.parametrize(
    "rows", [ROWS[:5], ROWS[:0], ROWS[0], ROWS[:1].astype("float64"), ROWS[:2, ::-1], jnp.asarray(ROWS[:1])]
)
def test_other_rows_are_left_alone(rows):
    model = sequential(Dense(3))
    assert answered(model, rows) is None


def test_what_is_wrong_is_said_as_usual():
    model, bad = sequential(Dense(3)), np.where(ROWS[:2] > 0, np.nan, ROWS[:2])
    with pytest.raises(ValueError, match="nan at index"):
        model.predict(bad, verbose=0)
    assert np.isnan(model(bad)).all() and np.isnan(model.predict(bad, verbose=0, on_bad="keep")).all()
    with pytest.raises(ValueError, match=r"expected shape \(None, 30\). Received: \(None, 29\)"):
        model(np.ascontiguousarray(ROWS[:1, :29]))


def test_mixed_precision_and_training_go_the_usual_way():
    model, x = sequential(Dense(20, "relu"), Dropout(0.9), Dense(3)), ROWS[:1]
    assert not np.array_equal(model(x, training=True), model(x))
    full = model.predict(x, verbose=0)
    model.compile("adam", "mse", precision="mixed_bfloat16")
    assert 0 < np.abs(model.predict(x, verbose=0) - full).max() < 0.1


def test_within_a_compiled_function():
    model, x = sequential(Dense(3, "tanh")), ROWS[:1]
    np.testing.assert_allclose(jax.jit(lambda a: a * model(x))(2.0), 2 * model(x), rtol=1e-6)
