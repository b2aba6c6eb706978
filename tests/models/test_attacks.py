"""What careless and unlucky users do: each of these once hung, lied or spoke with another library's voice.

What is refused has its table in tests/trust/bad_inputs.
"""

import copy
import pickle

import jax
import numpy as np
import pytest

import freedive as fd
from freedive.layers import Dense

X = np.arange(12, dtype=np.float32).reshape(6, 2) / 12
Y = np.arange(6) % 3


def model():
    made = fd.Sequential([fd.Input((2,)), Dense(3, "softmax")])
    made.compile("sgd", "sparse_categorical_crossentropy")
    return made


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
