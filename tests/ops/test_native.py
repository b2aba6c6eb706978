"""The native loop of the LSTM gives what the recurrence gives: values, gradients, gradients of gradients."""

import ctypes
import functools
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import freedive as fd
from freedive import activations
from freedive.ops import native, recurrent

USUAL = (activations.tanh, activations.sigmoid)
needed = pytest.mark.skipif(not native.available(), reason="freedive was built without a C++ compiler")

CASES = [  # (time, batch, units), masked, with dropped states, reverse
    ((5, 2, 3), False, False, False),
    ((1, 1, 1), False, False, False),
    ((7, 9, 16), True, False, False),
    ((4, 33, 17), True, True, True),
    ((6, 8, 31), False, True, False),
    ((3, 13, 40), True, False, True),
    ((20, 32, 128), True, True, False),
]


def arguments(shape, masked, dropped, seed=0):
    time, batch, units = shape
    rng = np.random.default_rng(seed)
    draw = lambda *size: jnp.asarray(0.5 * rng.normal(size=size), "float32")  # noqa: E731
    kernel = 2 * draw(units, 4 * units) / units**0.5
    floats = (draw(time, batch, 4 * units), kernel, draw(4 * units), draw(batch, units), draw(batch, units))
    mask = jnp.asarray(rng.random((time, batch)) < 0.7) if masked else None
    keep = jnp.asarray(2.0 * rng.integers(0, 2, (batch, units)), "float32") if dropped else None
    return floats, {"mask": mask, "keep": keep}


def run(by_hand, floats, **options):
    """By the native loop, or by the recurrence."""
    projected, kernel, bias, h, c = floats
    if by_hand:
        return recurrent.lstm(*USUAL, projected, None, kernel, bias, (h, c), **options)
    return recurrent.recurrence(recurrent.lstm_gates(*USUAL), projected + bias, kernel, None, (h, c), **options)


def loss_of(by_hand, floats, **options):
    outputs, states = run(by_hand, floats, **options)
    rng = np.random.default_rng(1)
    return sum(jnp.sum(jnp.sin(y) * rng.normal(size=y.shape)) for y in (outputs, *states))


def assert_close(mine, expected, tolerance=3e-6):
    for a, b in zip(jax.tree.leaves(mine), jax.tree.leaves(expected), strict=True):
        scale = max(1.0, float(jnp.abs(b).max(initial=0)))
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=0, atol=tolerance * scale)


@needed
@pytest.mark.parametrize(("shape", "masked", "dropped", "reverse"), CASES)
def test_values_and_gradients_are_those_of_the_recurrence(shape, masked, dropped, reverse):
    floats, options = arguments(shape, masked, dropped)

    @jax.jit
    def both(floats):
        grads = [jax.grad(functools.partial(loss_of, by, **options, reverse=reverse))(floats) for by in (True, False)]
        return [run(by, floats, **options, reverse=reverse) for by in (True, False)], grads

    values, grads = both(floats)
    assert_close(*values)
    assert_close(*grads)


@needed
@pytest.mark.parametrize("features", [1, 5, 40])
def test_kernels_of_the_input_in_the_loop(features):
    floats, options = arguments((6, 11, 19), True, True)
    rng = np.random.default_rng(2)
    x = jnp.asarray(rng.normal(size=(6, 11, features)), "float32")
    input_kernel = jnp.asarray(rng.normal(size=(features, 76)) / features**0.5, "float32")

    def outputs(inside, x, input_kernel, kernel, bias, h, c):
        given = (x, input_kernel) if inside else (recurrent.project(x, input_kernel), None)
        found, states = recurrent.lstm(*USUAL, *given, kernel, bias, (h, c), **options, reverse=True)
        return sum(jnp.sum(jnp.sin(y) * np.arange(y.size).reshape(y.shape) / y.size) for y in (found, *states))

    def slope(inside, *arrays):
        return sum(jnp.sum(g**2) for g in jax.grad(functools.partial(outputs, inside), range(6))(*arrays))

    @jax.jit
    def found(*arrays):
        every = (jax.value_and_grad(outputs, range(1, 7)), jax.grad(slope, range(1, 7)))
        return [[function(inside, *arrays) for function in every] for inside in (True, False)]

    assert_close(*found(x, input_kernel, *floats[1:]), tolerance=1e-5)


@needed
@pytest.mark.parametrize(
    ("rule", "exact"), [(activations.tanh, np.tanh), (activations.sigmoid, lambda x: 1 / (1 + np.exp(-x)))]
)
def test_functions_of_the_loops_to_three_units_in_the_last_place(rule, exact):
    x = np.concatenate([np.linspace(-20, 20, 20000), np.geomspace(1e-30, 1, 1008)]).astype("float32").reshape(1, -1, 16)
    none, large = jnp.zeros(x.shape), jnp.full(x.shape, 99.0)
    if rule is activations.tanh:
        found = recurrent.simple(rule, none + x, jnp.zeros((16, 16)), (none[0],))[0]
    else:  # o of an LSTM whose cell is large, so that h = o
        z = jnp.concatenate([none, large, none, none + x], axis=-1)
        found = recurrent.lstm(*USUAL, z, None, jnp.zeros((16, 64)), None, (none[0], large[0]))[0]
    expected = exact(x.astype("float64"))
    units = np.abs(np.asarray(found) - expected) / np.spacing(np.abs(expected).astype("float32"))
    assert units.max() < 3


@needed
@pytest.mark.parametrize("rule", [activations.tanh, activations.relu])
@pytest.mark.parametrize(("shape", "masked", "dropped", "reverse"), CASES)
def test_simple_recurrences_are_those_of_array_code(rule, shape, masked, dropped, reverse):
    (projected, kernel, _, h, _), options = arguments(shape, masked, dropped)
    options["reverse"], units = reverse, shape[-1]

    def run(by_hand, projected, kernel, h):
        if by_hand:
            return recurrent.simple(rule, projected, kernel, (h,), **options)
        return recurrent.recurrence(recurrent.simple_gates(rule), projected, kernel, None, (h,), **options)

    def loss(by_hand, *floats):
        weights = np.random.default_rng(1).normal(size=shape)
        outputs, (last,) = run(by_hand, *floats)
        return jnp.sum(jnp.sin(outputs) * weights) + jnp.sum(last**2)

    def slope(by_hand, *floats):
        return sum(jnp.sum(g**2) for g in jax.grad(functools.partial(loss, by_hand), (0, 1, 2))(*floats))

    @jax.jit
    def found(*floats):
        every = (run, jax.grad(loss, (1, 2, 3)), jax.grad(slope, (1, 2, 3)))
        return [[function(by_hand, *floats) for function in every] for by_hand in (True, False)]

    assert_close(*found(projected[..., :units], kernel[:, :units], h), tolerance=1e-5)


@needed
@pytest.mark.parametrize("with_all", [True, False])
def test_gradients_of_gradients(with_all):
    floats, options = arguments((4, 3, 5), with_all, with_all)

    def slope(by_hand, floats):
        by = jax.grad(functools.partial(loss_of, by_hand, **options))(floats)
        return sum(jnp.sum(g**2) for g in by)

    assert_close(*(jax.grad(functools.partial(slope, by))(floats) for by in (True, False)), tolerance=2e-5)


@needed
def test_several_at_once_and_inside_a_loop():
    floats, options = arguments((4, 8, 6), False, False)
    several = jax.tree.map(lambda x: jnp.stack([x, 2 * x]), floats)
    grads = [jax.vmap(jax.grad(functools.partial(loss_of, by, **options)))(several) for by in (True, False)]
    assert_close(*grads)

    def step(_, floats):
        return jax.tree.map(lambda a, g: a - 0.1 * g, floats, jax.grad(functools.partial(loss_of, True))(floats))

    looped = jax.lax.fori_loop(0, 3, step, floats)
    by_hand = functools.reduce(lambda floats, i: step(i, floats), range(3), floats)
    assert_close(looped, by_hand)


@needed
def test_every_row_has_the_same_bits_whoever_works_on_it():
    floats, _ = arguments((5, 37, 19), False, False)
    alone = tuple(a[..., 11:12, :] if a.ndim > 1 and a.shape[-2] == 37 else a for a in floats)
    np.testing.assert_array_equal(run(True, floats)[0][:, 11], run(True, alone)[0][:, 0])


@needed
def test_extremes_stay_finite_and_nan_stays_nan():
    floats, _ = arguments((3, 4, 5), False, False)
    big = jax.grad(functools.partial(loss_of, True))(jax.tree.map(lambda x: 1e4 * x, floats))
    assert all(bool(jnp.isfinite(g).all()) for g in jax.tree.leaves(big))
    poisoned = run(True, (floats[0].at[0, 2, 0].set(jnp.nan), *floats[1:]))[0]
    assert bool(jnp.isnan(poisoned[-1, 2]).all()) and bool(jnp.isfinite(poisoned[:, :2]).all())


@needed
def test_a_mask_of_one_row_for_all_is_not_read_beyond():
    floats, options = arguments((4, 33, 17), True, True)
    one = {"mask": options["mask"][:, :1], "keep": options["keep"][:1]}
    assert_close(run(True, floats, **one), run(False, floats, **one))
    (projected, kernel, _, h, _), rule = floats, activations.tanh
    projected, kernel = projected[..., :17], kernel[:, :17]
    expected = recurrent.recurrence(recurrent.simple_gates(rule), projected, kernel, None, (h,), **one)
    assert_close(recurrent.simple(rule, projected, kernel, (h,), **one), expected)


@needed
def test_float64_elsewhere_leaves_the_loops_float32():
    def network():
        fd.set_seed(0)
        words = fd.Input((6, 16))
        x = fd.layers.LSTM(16, return_sequences=True)(words)
        x = fd.layers.SimpleRNN(16, return_sequences=True)(x)
        x = fd.layers.MultiHeadAttention(2, 4)(x, x)
        x = fd.layers.LayerNormalization(scale=False)(fd.layers.LayerNormalization(center=False)(x))
        x = fd.layers.BatchNormalization()(x)
        model = fd.Model(words, fd.layers.Dense(1)(x))
        model.compile("adam", "mse")
        x = np.random.default_rng(0).normal(size=(200, 6, 16)).astype("float32")
        return model.fit(x, x[..., :1], batch_size=200, epochs=3, verbose=0).history["loss"]

    expected = network()
    with jax.enable_x64(True):
        np.testing.assert_allclose(network(), expected, rtol=1e-5)


@needed
def test_no_time_at_all_leaves_the_states():
    floats, _ = arguments((0, 3, 4), False, False)
    assert_close(run(True, floats)[1], floats[3:])


def test_it_can_be_left_alone():
    program = "from freedive.ops import native; print(native.available())"
    found = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "FREEDIVE_NATIVE": "0"}, capture_output=True, text=True
    )
    assert found.stdout.strip() == "False", found.stderr


@needed
def test_a_library_of_other_sources_is_refused(tmp_path, monkeypatch):
    library = ctypes.CDLL(str(native.LIBRARY))
    native.check_sources(library)
    (tmp_path / "doors.cc").write_text("// something else")
    monkeypatch.setattr(native, "SOURCES", tmp_path)
    with pytest.raises(RuntimeError, match="built from other sources"):
        native.check_sources(library)
