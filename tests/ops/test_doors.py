"""Every door of the native loops refuses arrays whose sizes do not agree: it would read or write beyond them."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from freedive.ops import native

pytestmark = pytest.mark.skipif(not native.available(), reason="freedive was built without a C++ compiler")
T, B, U, F = 3, 2, 5, 4  # time, batch, units, features
WIDE = 4 * U
GEOMETRY = {"geometry": np.array([3, 3, 1, 1, 1, 1, 1, 1])}  # taps, strides, zeros before, dilations
X, Y, KERNEL = (B, 6, 6, F), (B, 6, 6, U), (9 * F, U)
Q, K, V, SCORES, NORM = (B, T, 2, F), (B, 5, 2, F), (B, 5, 2, U), (B, 2, T, 5), (B, 2, T)
ANSWER = (B, T, 2, U)

DOORS = {  # arguments, results, attributes; booleans and whole numbers with their type
    "lstm_forward": (
        [(T, B, F), (F, WIDE), (WIDE,), (U, WIDE), (B, U), (B, U), ((T, B), bool), (B, U)],
        [(T, B, U), (B, U), (T, B, WIDE), (T, B, U)],
        {"reverse": False},
    ),
    "lstm_backward": (
        [(T, B, U), (B, U), (U, WIDE), (B, U), (T, B, WIDE), (T, B, U), ((T, B), bool), (B, U)],
        [(T, B, WIDE), (WIDE,), (B, U), (B, U)],
        {"reverse": False},
    ),
    "simple_forward": (
        [(T, B, U), (U, U), (B, U), ((T, B), bool), (B, U)],
        [(T, B, U)],
        {"reverse": False, "relu": False},
    ),
    "simple_backward": (
        [(T, B, U), (U, U), (T, B, U), ((T, B), bool), (B, U)],
        [(T, B, U), (B, U)],
        {"reverse": False, "relu": False},
    ),
    "conv": ([X, KERNEL, (U,)], [Y], {"relu": False, **GEOMETRY}),
    "conv_by_x": ([Y, KERNEL], [X], GEOMETRY),
    "conv_by_kernel": ([X, Y], [(9 * F + 1, U)], {"ones": True, **GEOMETRY}),
    "dense": ([(B, F), (F, U), (U,), (B, U)], [(B, U)], {"relu": False}),
    "dense_by_x": ([(B, U), (F, U), (B, U)], [(B, F)], {}),
    "dense_by_kernel": ([(B, F), (B, U), (B, U)], [(F, U), (U,)], {"ones": True}),
    "attention": ([Q, K, V, (SCORES, bool), SCORES], [ANSWER, NORM], {"scale": np.float32(1)}),
    "attention_back": (
        [Q, K, V, (SCORES, bool), SCORES, ANSWER, NORM, ANSWER],
        [Q, K, V],
        {"scale": np.float32(1)},
    ),
    "sums": ([(B, U), (B, U), (U,)], [(2, U)], {}),
    "adam": ([(2, 5), *[(U,)] * 4, *[(B, U)] * 4], [*[(U,)] * 3, *[(B, U)] * 3], {}),
    "softmax": ([(B, U)], [(B, U)], {}),
    "softmax_back": ([(B, U), (B, U)], [(B, U)], {}),
    "class_sums": ([(B, U)], [(B,)], {}),
    "class_largest": ([(B, U)], [((B,), "int32")], {}),
    "normal": ([(B, U), (2, U)], [(B, U)], {"epsilon": np.float32(1), "centred": True}),
    "normal_back": ([(B, U), (2, U), (B, U)], [(B, U), (2, U)], {"epsilon": np.float32(1), "centred": True}),
    "rows": ([(T, F), ((B,), "int32")], [(B, F)], {}),
    "large_pages": ([((), "int32")], [((), "int32")], {}),
    "finite": ([((), "int32"), (B, U), (U,)], [((2,), bool)], {}),
}


FREE = {  # arguments and axes that no other array has
    *(("class_sums", 0, -1), ("class_largest", 0, -1), ("rows", 0, 0)),
    *(("finite", i, axis) for i in (1, 2) for axis in (0, -1)),
}


def described(array):
    shape, dtype = array if isinstance(array[0], tuple) else (array, "float32")
    return jax.ShapeDtypeStruct(shape, dtype)


def called(name, arguments, results, attributes):
    arrays = [jnp.ones(a.shape, a.dtype) for a in arguments]
    return jax.block_until_ready(jax.ffi.ffi_call(f"freedive_{name}", results)(*arrays, **attributes))


def grown(array, axis):
    shape = [*array.shape] or [1]  # of one number: of two
    shape[axis] += 1
    return jax.ShapeDtypeStruct(tuple(shape), array.dtype)


def wrong(name, arguments, results):
    """The arguments and results with one of them larger along its first or its last axis."""
    arrays = [*arguments, *results]
    for i, axis in itertools.product(range(len(arrays)), (0, -1)):
        if (name, i, axis) not in FREE:
            changed = [*arrays[:i], grown(arrays[i], axis), *arrays[i + 1 :]]
            yield changed[: len(arguments)], changed[len(arguments) :]


def test_the_table_has_every_door():
    assert set(DOORS) == set(native.DOORS)


@pytest.mark.parametrize("name", DOORS)
def test_a_door_refuses_sizes_that_do_not_agree(name):
    *arrays, attributes = DOORS[name]
    arguments, results = ([described(a) for a in some] for some in arrays)
    called(name, arguments, results, attributes)
    for case in wrong(name, arguments, results):
        with pytest.raises(jax.errors.JaxRuntimeError, match=r"freedive: .*do not agree"):
            called(name, *case, attributes)
