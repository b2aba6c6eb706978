"""The recurrence with its gradient by hand is the plain loop, differentiated as it is written."""

import functools
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from freedive import activations
from freedive.ops import recurrent

TANH, SIGMOID, RELU = activations.tanh, activations.sigmoid, activations.relu
KINDS = {
    "simple": (recurrent.simple_gates(TANH), 1, 1, False),  # gates, blocks, states, separate
    "simple relu": (recurrent.simple_gates(RELU), 1, 1, False),
    "lstm": (recurrent.lstm_gates(TANH, SIGMOID), 4, 2, False),
    "lstm relu": (recurrent.lstm_gates(RELU, activations.hard_sigmoid), 4, 2, False),
    "gru": (recurrent.gru_gates(TANH, SIGMOID), 3, 1, True),
    "gru relu": (recurrent.gru_gates(RELU, SIGMOID), 3, 1, True),
}
CASES = [  # kind, (time, batch, units), mask, keep, bias, reverse
    ("simple", (5, 3, 4), None, False, False, False),
    ("simple", (1, 1, 1), None, False, False, False),
    ("simple relu", (4, 2, 3), "left", True, True, True),
    ("lstm", (7, 3, 5), None, False, False, False),
    ("lstm", (1, 1, 3), "right", False, False, True),
    ("lstm", (6, 2, 3), "middle", True, False, True),
    ("lstm", (6, 4, 1), "all", False, True, False),
    ("lstm relu", (3, 2, 7), "right", False, False, False),
    ("gru", (7, 3, 5), None, False, True, False),
    ("gru", (6, 2, 3), "middle", True, True, True),
    ("gru", (1, 5, 2), "left", False, False, False),
    ("gru relu", (4, 2, 3), "all", False, True, False),
]


def masks(which, steps, batch):
    """True where a step counts; the first sample has all its steps, unless all are masked."""
    mask = np.ones((steps, batch), bool)
    cut = {
        "left": slice(0, 1 + steps // 2),
        "right": slice(steps // 2, None),
        "middle": slice(1, -1),
        "all": slice(None),
    }
    mask[cut[which], 0 if which == "all" or batch == 1 else 1 :] = False
    return mask


def made(kind, shape, mask, keep, bias, dtype="float32", seed=0):
    """The arguments of a recurrence, and its options."""
    gates, blocks, count, separate = KINDS[kind]
    steps, batch, units = shape
    rng = np.random.default_rng(seed)
    draw = lambda *size: jnp.asarray(0.5 * rng.normal(size=size), dtype)  # noqa: E731
    projected = draw(steps, batch, blocks * units)
    floats = {
        "projected": tuple(jnp.split(projected, blocks, axis=-1)) if separate else projected,
        "kernel": draw(units, blocks * units),
        "bias": draw(blocks * units) if bias else None,
        "states": tuple(draw(batch, units) for _ in range(count)),
    }
    fixed = {
        "mask": None if mask is None else masks(mask, steps, batch),
        "keep": 2.0 * rng.integers(0, 2, (batch, units)).astype("float32") if keep else None,
        "separate": separate,
    }
    return functools.partial(recurrent.recurrence, gates, **fixed), floats


def both(run, floats, reverse):
    """(outputs and gradients by hand, the same of the plain loop), in one compilation."""

    def weighted(floats, plain):
        outputs, states = run(**floats, reverse=reverse, plain=plain)
        rng = np.random.default_rng(1)
        loss = sum(jnp.sum(jnp.sin(y) * rng.normal(size=y.shape)) for y in (outputs, *states))
        return loss.astype("float32"), (outputs, states)

    grad = jax.value_and_grad(weighted, has_aux=True)
    return jax.jit(lambda floats: (grad(floats, False), grad(floats, True)))(floats)


def assert_close(mine, expected, tolerance):
    for a, b in zip(jax.tree.leaves(mine), jax.tree.leaves(expected), strict=True):
        assert a.dtype == b.dtype
        scale = max(1.0, float(jnp.abs(b).max()))
        np.testing.assert_allclose(np.asarray(a, "float64"), np.asarray(b, "float64"), rtol=0, atol=tolerance * scale)


@pytest.mark.parametrize(("kind", "shape", "mask", "keep", "bias", "reverse"), CASES)
def test_by_hand_is_the_plain_loop(kind, shape, mask, keep, bias, reverse):
    run, floats = made(kind, shape, mask, keep, bias)
    mine, expected = both(run, floats, reverse)
    assert_close(mine, expected, 2e-6)
    assert all(float(jnp.abs(g).max()) > 0 for g in jax.tree.leaves(mine[1]["states"]))


@pytest.mark.parametrize("kind", ["simple", "lstm", "gru"])
def test_bfloat16_stays_near_float32(kind):
    run, floats = made(kind, (6, 3, 8), "right", True, kind == "gru", "bfloat16")
    mine, expected = both(run, floats, False)
    assert mine[0][1][0].dtype == jnp.bfloat16 and mine[0][1][1][0].dtype == jnp.float32
    assert_close(mine[0][1], expected[0][1], 1e-6)  # the same forward
    wide = jax.tree.map(lambda x: x.astype("float32"), floats)
    for near in (mine, expected):
        same_types = jax.tree.map(lambda a, b: a.astype(b.dtype), both(run, wide, False)[0], near)
        assert_close(near, same_types, 3e-2)


def test_gradient_by_differences_in_float64():
    with jax.enable_x64(True):
        for kind in ("lstm", "gru"):
            run, floats = made(kind, (4, 2, 3), "middle", True, kind == "gru", "float64")
            check_grads(lambda floats, run=run: run(**floats), (floats,), order=2, modes=["rev"], eps=1e-5, rtol=1e-6)


def test_forward_mode_goes_through_the_plain_loop():
    run, floats = made("lstm", (4, 2, 3), None, False, False)
    loss = lambda kernel, plain: jnp.sum(run(**{**floats, "kernel": kernel}, plain=plain)[0] ** 2)  # noqa: E731
    with pytest.raises(TypeError, match="forward-mode"):
        jax.jvp(functools.partial(loss, plain=False), (floats["kernel"],), (floats["kernel"],))
    reverse = jax.grad(lambda k: jnp.vdot(jax.grad(loss)(k, False), floats["kernel"]))(floats["kernel"])
    forward = jax.jvp(jax.grad(lambda k: loss(k, True)), (floats["kernel"],), (floats["kernel"],))[1]
    np.testing.assert_allclose(reverse, forward, rtol=1e-4, atol=1e-5)


def test_many_at_once_are_one_after_the_other():
    run, floats = made("lstm", (4, 2, 3), "right", False, False)
    several = jax.tree.map(lambda x: jnp.stack([x, 2 * x]), floats)
    grad = jax.grad(lambda floats: jnp.sum(run(**floats)[0] ** 2))
    together = jax.vmap(grad)(several)
    for i in (0, 1):
        assert_close(
            jax.tree.map(lambda x, i=i: x[i], together), grad(jax.tree.map(lambda x, i=i: x[i], several)), 1e-6
        )


def test_steps_keep_states_and_repeat_outputs_where_masked():
    mask = jnp.array([[0, 1], [1, 1], [0, 0], [1, 0]], bool)
    outputs, last, states = recurrent.steps(lambda x, s: (10 * (s + x), s + x), jnp.ones((4, 2)), jnp.zeros(2), mask)
    assert outputs.tolist() == [[0, 10], [10, 20], [10, 20], [20, 20]]
    assert last.tolist() == [20, 20] and states.tolist() == [2, 2]


@pytest.mark.parametrize("unroll", [False, True])
def test_steps_backwards_give_outputs_in_the_order_of_time(unroll):
    x = jnp.arange(4.0)[:, None]
    outputs, last, _ = recurrent.steps(lambda x, s: (s + x, s + x), x, jnp.zeros(1), reverse=True, unroll=unroll)
    assert outputs.ravel().tolist() == [6, 6, 5, 3] and last.tolist() == [6]


def compare_lowerings(units=128, steps=100, batch=32, repeats=10):
    """Milliseconds of the processor for a training step of an LSTM in a compiled loop: (by hand, plain). For people."""
    run, floats = made("lstm", (steps, batch, units), None, False, False)

    def loop(floats, plain):
        def body(_, floats):
            gradients = jax.grad(lambda f: jnp.sum(run(**f, plain=plain)[0] ** 2))(floats)
            return jax.tree.map(lambda p, g: p - 1e-5 * g, floats, gradients)

        return jax.lax.fori_loop(0, repeats, body, floats)

    took = []
    for plain in (False, True):
        call = jax.jit(functools.partial(loop, plain=plain))
        jax.block_until_ready(call(floats))
        times = []
        for _ in range(10):
            start = time.process_time()
            jax.block_until_ready(call(floats))
            times.append(1e3 * (time.process_time() - start) / repeats)
        took.append(min(times))
    return tuple(took)
