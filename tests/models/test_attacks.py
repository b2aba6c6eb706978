"""What careless and unlucky users do: each of these once hung, lied or spoke with another library's voice."""

import copy
import pickle

import jax
import numpy as np
import pytest
import scipy.sparse

import freedive as fd
from freedive.layers import Dense, Embedding, Flatten

X = np.arange(12, dtype=np.float32).reshape(6, 2) / 12
Y = np.arange(6) % 3


def model():
    made = fd.Sequential([fd.Input((2,)), Dense(3, "softmax")])
    made.compile("sgd", "sparse_categorical_crossentropy")
    return made


def words():
    made = fd.Sequential([fd.Input((2,), dtype="int32"), Embedding(5, 3), Flatten(), Dense(1)])
    made.compile("sgd", "mse")
    return made


def stream():
    return iter([(X, Y)] * 3)


def fit(x=X, y=Y, **options):
    return lambda: model().fit(x, y, verbose=0, **options)


REFUSED = {
    "an id too large": (lambda: words().fit(np.array([[0, 10]]), np.ones((1, 1))), r"id 10 at index \(0, 1\)"),
    "an id below zero": (lambda: words().predict(np.array([[-1, 0]])), r"predict\(x=...\): id -1 at index \(0, 0\)"),
    "an id inside a nested model": (
        lambda: fd.Sequential([fd.Input((2,)), fd.Sequential([fd.Input((2,)), Embedding(5, 3)])]).predict(
            np.array([[7, 0]])
        ),
        "id 7 at index",
    ),
    "steps_per_epoch -1": (fit(steps_per_epoch=-1), r"fit\(steps_per_epoch=-1\): expected a whole number, 1 or more"),
    "initial_epoch 1.5": (fit(initial_epoch=1.5, epochs=2), r"fit\(initial_epoch=1.5\)"),
    "initial_epoch -1": (fit(initial_epoch=-1), r"fit\(initial_epoch=-1\)"),
    "seed -1": (fit(seed=-1), r"fit\(seed=-1\)"),
    "seed too large": (fit(seed=2**40), r"fit\(seed=1099511627776\)"),
    "evaluate batch_size 0": (lambda: model().evaluate(X, Y, batch_size=0), r"evaluate\(batch_size=0\)"),
    "predict batch_size -3": (lambda: model().predict(X, batch_size=-3), r"predict\(batch_size=-3\)"),
    "stream and y": (fit(stream, Y), r"fit\(y=...\): x gives batches"),
    "stream and class_weight": (fit(stream, None, class_weight={0: 1}), r"fit\(class_weight=...\): x gives batches"),
    "stream and batch_size": (fit(stream, None, batch_size=2), r"fit\(batch_size=...\): x gives batches"),
    "class weight nan": (fit(class_weight={0: 1, 1: 1, 2: float("nan")}), "finite weight of 0 or more"),
    "class weight of class -1": (fit(class_weight={-1: 1, 0: 1, 1: 1, 2: 1}), "Received -1"),
    "class weight as text": (fit(class_weight="balanced"), "expected a dict"),
    "masked array": (fit(np.ma.masked_array(X, X > 0.5)), "a masked array"),
    "sparse matrix": (fit(scipy.sparse.csr_matrix(X)), r"give it as .toarray\(\)"),
    "complex": (fit(jax.numpy.ones((6, 2), complex)), "expected numbers"),
    "fit inside a jit": (lambda: jax.jit(lambda x: model().fit(x, Y, verbose=0).history)(X), "outside jax.jit"),
    "softmax of one unit": (
        lambda: one_unit().fit(X, Y % 2, verbose=0),
        "is a softmax of one unit, which is always 1",
    ),
}


def one_unit():
    made = fd.Sequential([fd.Input((2,)), Dense(1, "softmax")])
    made.compile("sgd", "binary_crossentropy")
    return made


@pytest.mark.parametrize("name", REFUSED)
def test_refused_in_our_words(name):
    act, message = REFUSED[name]
    with pytest.raises((ValueError, TypeError), match=message):
        act()


def test_dict_inputs_go_by_their_keys():
    a, b = fd.Input((2,), name="q"), fd.Input((2,), name="p")
    crossed = fd.Model({"p": a, "q": b}, fd.layers.Subtract()([a, b]))
    np.testing.assert_allclose(crossed.predict({"p": X * 5, "q": X}), 4 * X, rtol=1e-6)


def test_build_takes_a_seed():
    def built():
        made = fd.Sequential([Dense(1)])
        made.build((None, 2), seed=3)
        return made.get_weights()[0]

    assert np.array_equal(built(), built())


def test_a_model_called_first_inside_a_jit_works_afterwards():
    made = model()
    inside = jax.jit(lambda x: made(x))(X)
    np.testing.assert_allclose(made.predict(X), inside, rtol=1e-6)


def test_compiling_again_in_a_callback_begins_anew():
    made = model()
    again = fd.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: made.compile("adam", "sparse_categorical_crossentropy")
    )
    made.fit(X, Y, epochs=2, verbose=0, callbacks=[again])
    made.fit(X, Y, verbose=0)


def test_layers_added_after_compile_ask_for_another():
    made = model()
    made.compile("adam", "sparse_categorical_crossentropy")
    made.fit(X, Y, verbose=0)
    made.add(Dense(3, "softmax"))
    with pytest.raises(ValueError, match="call compile again"):
        made.fit(X, Y, verbose=0)


def test_lists_of_numpy_numbers_and_of_batches():
    one, other = model(), model()
    other.set_weights(one.get_weights())
    one.fit(X, list(Y), shuffle=False, verbose=0)
    other.fit([(X, Y)], verbose=0)
    np.testing.assert_array_equal(one.get_weights()[0], other.get_weights()[0])


def test_a_trained_model_can_be_pickled_and_copied():
    made = model()
    made.fit(X, Y, verbose=0)
    copied = copy.deepcopy(made)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(made)).predict(X), made.predict(X))
    copied.fit(X, Y, verbose=0)
    assert not np.array_equal(copied.get_weights()[0], made.get_weights()[0])
