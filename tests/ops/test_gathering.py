"""Rows of a batch: the native call against numpy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import freedive as fd
from freedive.core import structure
from freedive.ops import gathering, native
from freedive.ops.gathering import rows_of

ROWS = np.array([3, 0, 6, 6, 1], "int32")
needed = pytest.mark.skipif(not native.available(), reason="freedive was built without a C++ compiler")


@pytest.fixture(params=[True, False], ids=["native", "array code"])
def there(request, monkeypatch):
    if request.param and not native.available():
        pytest.skip("the native loops are not built here")
    monkeypatch.setattr(native, "available", lambda: request.param)
    return request.param


@pytest.mark.parametrize("shape", [(7, 64), (7, 9, 33), (7, 3), (7,), (7, 0)], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "uint8", "int32", "bool"])
def test_rows_are_those_of_the_array(there, dtype, shape):
    given = jnp.asarray(np.random.default_rng(0).normal(size=shape) * 9).astype(dtype)
    found = jax.jit(rows_of)(given, ROWS)
    assert found.dtype == given.dtype
    np.testing.assert_array_equal(np.asarray(found, "float32"), np.asarray(given, "float32")[ROWS])
    assert jax.jit(rows_of)(given, ROWS[:0]).shape == (0, *shape[1:])


def test_members_have_rows_and_arrays_of_their_own(there):
    arrays = np.random.default_rng(0).normal(size=(2, 7, 70)).astype("float32")
    rows = np.stack([ROWS, ROWS[::-1]])
    shared = jax.jit(jax.vmap(rows_of, (None, 0)))(arrays[0], rows)
    np.testing.assert_array_equal(shared, arrays[0][rows])
    apart = jax.jit(jax.vmap(rows_of, (0, 0)))(arrays, rows)
    np.testing.assert_array_equal(apart, [a[r] for a, r in zip(arrays, rows, strict=True)])
    same = jax.jit(jax.vmap(rows_of, (0, None)))(arrays, rows[0])
    np.testing.assert_array_equal(same, arrays[:, ROWS])


@needed
@pytest.mark.parametrize("row", [-1, 7])
def test_a_row_that_is_not_there_is_refused(row):
    with pytest.raises(Exception, match="a row that the array does not have"):
        jax.block_until_ready(jax.jit(rows_of)(jnp.ones((7, 64)), jnp.array([0, row])))


@needed
def test_a_run_copies_its_rows_with_the_same_bits(monkeypatch):
    x = np.random.default_rng(0).normal(size=(50, 80)).astype("float32")

    def trained(least):
        monkeypatch.setattr(gathering, "LEAST", least)
        monkeypatch.setattr(structure, "_cache", type(structure._cache)())  # each way is a program of its own
        fd.set_seed(0)
        model = fd.Sequential([fd.layers.Dense(1)])
        model.compile("sgd", "mse")
        model.fit(x, x[:, :1], batch_size=8, epochs=2, verbose=0)
        return model.get_weights()

    for mine, expected in zip(trained(gathering.LEAST), trained(1 << 40), strict=True):
        np.testing.assert_array_equal(mine, expected)
