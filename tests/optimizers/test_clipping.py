"""Clipping: the bounds hold, what need not change does not, and nothing that is no number is hidden."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freedive.optimizers import clipping

NORMS = [clipping.by_norm, clipping.by_global_norm]
WAYS = [clipping.by_value, *NORMS]
numbers = st.floats(-1e4, 1e4, width=32)
trees = st.fixed_dictionaries(
    {"kernel": st.lists(numbers, min_size=1, max_size=4), "bias": st.lists(numbers, max_size=2)}
)


def arrays(tree):
    return jax.tree.map(lambda x: jnp.array(x, "float32"), tree, is_leaf=lambda x: isinstance(x, list))


@settings(max_examples=30, deadline=None)
@given(trees, st.floats(0.01, 100))
def test_bounds(tree, limit):
    grads = arrays(tree)
    clipped = {way: way(grads, limit) for way in WAYS}
    slack = limit * (1 + 1e-5)
    assert all(np.abs(g).max(initial=0) <= slack for g in clipped[clipping.by_value].values())
    assert all(np.linalg.norm(g) <= slack for g in clipped[clipping.by_norm].values())
    assert clipping.global_norm(clipped[clipping.by_global_norm]) <= slack
    expected, _ = optax.clip_by_global_norm(limit).update(grads, optax.EmptyState())
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7), clipped[clipping.by_global_norm], expected
    )


@pytest.mark.parametrize("way", WAYS)
def test_small_and_zero_gradients_are_left_alone(way):
    grads = arrays({"kernel": [0.3, -0.4], "bias": [0.0, 0.0]})
    jax.tree.map(np.testing.assert_array_equal, way(grads, 1.0), grads)
    zeros = jax.tree.map(jnp.zeros_like, grads)
    jax.tree.map(np.testing.assert_array_equal, way(zeros, 1.0), zeros)
    slope = jax.grad(lambda g: sum(x.sum() for x in way(g, 1.0).values()))(zeros)
    assert all(np.isfinite(x).all() for x in slope.values())


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_no_number_is_not_hidden(bad):
    grads = arrays({"kernel": [bad, 1.0], "bias": [1.0]})
    assert np.isnan(clipping.by_norm(grads, 1.0)["kernel"]).all()
    assert np.isfinite(clipping.by_norm(grads, 1.0)["bias"]).all()
    assert all(np.isnan(g).all() for g in clipping.by_global_norm(grads, 1.0).values())
    assert np.isnan(clipping.by_value(arrays({"kernel": [np.nan]}), 1.0)["kernel"]).all()


@pytest.mark.parametrize("way", NORMS)
def test_exploded_gradients_still_have_a_direction(way):
    grads = arrays({"kernel": [3e30, -4e30]})
    np.testing.assert_allclose(way(grads, 1.0)["kernel"], [0.6, -0.8], rtol=1e-6)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan")])
def test_a_limit_is_above_zero(way, limit):
    with pytest.raises(ValueError, match=rf"clipping.{way.__name__}\(limit=.*expected more than 0"):
        way(arrays({"kernel": [1.0]}), limit)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_dtype_is_kept(way, dtype):
    assert way({"kernel": jnp.full(3, 7, dtype)}, jnp.float32(1.0))["kernel"].dtype == dtype


def test_a_tree_without_arrays_has_norm_zero():
    assert clipping.global_norm({}) == 0
