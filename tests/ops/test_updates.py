"""Steps of Adam on large arrays: the native call against the rule, array by array."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from freedive.ops import native, updates
from freedive.optimizers import Adam, AdamW

RNG = np.random.default_rng(0)


def draw(*shape):
    return jnp.asarray(RNG.normal(size=shape), "float32")


def given(*shapes):
    """(g, p, m, v) for each; the first squares are zeros."""
    return [(draw(*s), draw(*s), draw(*s), draw(*s).at[0].set(0) ** 2) for s in shapes]


@pytest.fixture(params=[True, False], ids=["native", "array code"])
def loops(request, monkeypatch):
    if request.param and not native.available():
        pytest.skip("the native loops are not built here")
    monkeypatch.setattr(native, "available", lambda: request.param)


@pytest.mark.parametrize("optimizer", [Adam(0.01), AdamW(0.01, 0.1, no_weight_decay=("b",)), Adam(0.01, clipnorm=1.0)])
def test_the_rule_array_by_array(loops, optimizer, monkeypatch):
    params = {"one": {"a": draw(33, 7), "b": draw(100_003)}, "two": {"c": draw(4), "d": draw(3, 5).astype("bfloat16")}}
    grads = jax.tree.map(lambda p: (p * 0.3 + 0.1).at[0].set(0), params)

    def run(params, factor):
        state = optimizer.init(params)
        for step in range(3):
            params, state = optimizer.update(grads, state, params, None, step, {"two": factor, "one": 0.5})
        return params, state

    found = jax.jit(run)(params, 2.0)
    monkeypatch.setattr(updates, "suits", lambda arrays: False)
    for mine, expected in zip(jax.tree.leaves(found), jax.tree.leaves(jax.jit(run)(params, 2.0)), strict=True):
        assert mine.dtype == expected.dtype
        np.testing.assert_allclose(mine.astype("float32"), expected.astype("float32"), rtol=2e-6, atol=1e-7)


def test_gradients_and_several_at_once(loops):
    numbers, arrays = jnp.asarray(RNG.uniform(0.01, 0.1, (2, 5)), "float32"), given((40, 3), (21,))

    def moved(step, numbers, arrays):
        return sum(jnp.sum(jnp.sin(a)) for found in step(numbers, arrays) for a in found)

    def plain(numbers, arrays):
        return [updates._reference(numbers[i : i + 1], *a) for i, a in enumerate(arrays)]

    for change in (jax.grad, lambda f, argnums: jax.jacfwd(f, 0)):
        mine, expected = (
            change(lambda *a, s=s: moved(s, *a), argnums=(0, 1))(numbers, arrays) for s in (updates.adam, plain)
        )
        for a, b in zip(jax.tree.leaves(mine), jax.tree.leaves(expected), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
    many = jax.tree.map(lambda a: jnp.stack([a, a * 0.5, a + 0.1]), (numbers, arrays))
    for a, b in zip(*(jax.tree.leaves(jax.jit(jax.vmap(s))(*many)) for s in (updates.adam, plain)), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-6, atol=1e-7)


def test_what_is_no_number_stays_so(loops):
    ((g, p, m, v),) = given((50,))
    ((new_p, new_m, new_v),) = updates.adam(jnp.full((1, 5), 0.1), [(g.at[3].set(jnp.nan), p, m, v)])
    for found in (new_p, new_m, new_v):
        assert np.flatnonzero(~np.isfinite(found)).tolist() == [3]


def test_members_with_the_same_numbers(loops):
    numbers, arrays = jnp.full((2, 5), 0.1), given((3, 40, 3), (3, 21))
    found = jax.jit(jax.vmap(updates.adam, (None, 0)))(numbers, arrays)
    for member in range(3):
        alone = updates.adam(numbers, jax.tree.map(lambda a, i=member: a[i], arrays))
        for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(alone), strict=True):
            np.testing.assert_allclose(a[member], b, rtol=2e-6, atol=1e-7)


@pytest.mark.skipif(not native.available(), reason="freedive was built without a C++ compiler")
def test_other_types_and_other_rules_are_array_code():
    assert updates.suits([jnp.zeros(3)] * 4)
    assert not updates.suits([jnp.zeros(3), jnp.zeros(3, "bfloat16")])
    params = {"one": {"a": jax.ShapeDtypeStruct((7,), "float32")}}

    class Half(Adam):
        def rule(self, g, p, s, h, t):
            return p / 2, s

    for optimizer, call in ((Adam(), True), (Adam(amsgrad=True), False), (Half(), False)):
        state = jax.eval_shape(optimizer.init, params)
        traced = str(jax.make_jaxpr(lambda p, s, o=optimizer: o.update(p, s, p))(params, state))
        assert ("_adam" in traced or "custom_jvp" in traced) == call
