"""Flags of finite arrays: the native call against array code."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from freedive.ops import finite, native

BAD = [np.nan, -np.nan, np.inf, -np.inf]


def arrays(dtype="float32"):
    """Of odd sizes: sound ones, and for each kind of number that is none one with it at its end."""
    rng = np.random.default_rng(0)
    sound = [rng.normal(size=shape) for shape in ((), (1,), (3, 5, 7), (4097,), (0,))]
    sound += [np.array([3e38, -3e38, 1e-45, -0.0])]
    broken = [np.append(rng.normal(size=n), bad) for n, bad in zip((0, 31, 4095, 9000), BAD, strict=True)]
    return [jnp.asarray(a, dtype) for a in (*sound, *broken)]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("there", [True, False], ids=["native", "array code"])
def test_flags(dtype, there, monkeypatch):
    if there and not native.available():
        pytest.skip("the native loops are not built here")
    monkeypatch.setattr(native, "available", lambda: there)
    given = arrays(dtype)
    wanted = [bool(np.isfinite(np.asarray(a, "float64")).all()) for a in given]
    assert jax.jit(finite.each_finite)(given, 1).tolist() == wanted
    assert jax.jit(finite.each_finite)(given, 0).tolist() == [True] * len(given)


def test_members_have_flags_of_their_own():
    many = jnp.ones((3, 4)).at[1, 2].set(jnp.inf)
    found = jax.jit(jax.vmap(lambda a: finite.each_finite([a, a * 0], 1)))(many)
    assert found.tolist() == [[True, True], [False, False], [True, True]]


def test_nothing_to_look_at():
    assert finite.each_finite([], 1).shape == (0,)
