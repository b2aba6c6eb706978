"""Arrays from the host are those that jax makes, and nothing is compiled for them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from freedive.ops import host


@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1, 2**33 + 5, -3, np.uint32(9), np.int64(4)])
def test_a_key_is_that_of_jax(seed):
    found, wanted = host.key(seed, "threefry2x32"), jax.random.key(seed, impl="threefry2x32")
    assert found.dtype == wanted.dtype
    np.testing.assert_array_equal(jax.random.key_data(found), jax.random.key_data(wanted))


@pytest.mark.parametrize("value", [0.1, 1, np.float64(0.1), np.int32(3), jnp.float32(2.5), True])
def test_a_number_is_that_of_jax(value):
    found, wanted = host.number(value), jnp.float32(value)
    assert (found.dtype, found.weak_type, found.item()) == (wanted.dtype, wanted.weak_type, wanted.item())


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int32", "bool"])
def test_zeros(dtype):
    x = jnp.ones((2, 3), dtype)
    for found in (host.zeros((2, 3), dtype), host.zeros_like(x), jax.jit(host.zeros_like)(x)):
        assert found.dtype == x.dtype and found.shape == x.shape and not np.any(np.asarray(found))


@pytest.mark.parametrize(
    "array", [jnp.arange(5.0), np.arange(6.0, dtype="float32"), jax.random.key(3), jnp.ones((2, 2), "bfloat16")]
)
def test_a_copy_may_be_given_away(array):
    before = str(array)
    copy = host.copy(array)
    jax.jit(lambda x: x[::-1] if x.ndim else x, donate_argnums=0)(copy)
    assert str(array) == before


def test_nothing_is_compiled(caplog):
    with jax.log_compiles():
        host.copy(host.zeros_like(jnp.asarray(np.ones((3, 5, 7), "float32"), "float32")))
        host.number(0.25), host.key(12, "threefry2x32"), host.copy(host.zeros((13, 11), "int32"))
    assert "Compiling" not in caplog.text
