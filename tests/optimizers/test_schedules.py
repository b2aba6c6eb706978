"""Learning-rate schedules: one table against Keras; the one that Keras lacks against torch and its definition."""

import inspect
import json

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from freedive.config import from_json, to_json
from freedive.optimizers import schedules

FIRST = {"initial_learning_rate": 0.1, "decay_steps": 8}
CASES = {
    "ExponentialDecay": [
        {**FIRST, "decay_rate": 0.5},
        {**FIRST, "decay_rate": 0.5, "staircase": True},
        {**FIRST, "decay_rate": 1.1},
        {**FIRST, "decay_rate": 0.0},
        {"initial_learning_rate": 1.0, "decay_steps": 2.5, "decay_rate": 0.9},
    ],
    "InverseTimeDecay": [
        {**FIRST, "decay_rate": 0.5},
        {**FIRST, "decay_rate": 0.5, "staircase": True},
        {**FIRST, "decay_rate": 3.0},
        {**FIRST, "decay_rate": 0.0},
        {"initial_learning_rate": 1.0, "decay_steps": 2.5, "decay_rate": 0.9},
    ],
    "PiecewiseConstantDecay": [
        {"boundaries": [5, 12], "values": [1.0, 0.5, 0.1]},
        {"boundaries": [0], "values": [1.0, 0.5]},
        {"boundaries": [1, 2, 3], "values": [0.1, 0.4, 0.2, 0.3]},
        {"boundaries": [100], "values": [1.0, 0.5]},
        {"boundaries": [7, 8], "values": [0.0, 0.5, 1.0]},
    ],
    "PolynomialDecay": [
        FIRST,
        {**FIRST, "power": 2.0, "end_learning_rate": 0.01},
        {**FIRST, "power": 0.5},
        {**FIRST, "cycle": True},
        {**FIRST, "cycle": True, "power": 3.0, "end_learning_rate": 0.05},
    ],
    "CosineDecay": [
        FIRST,
        {**FIRST, "alpha": 0.2},
        {**FIRST, "warmup_target": 0.5, "warmup_steps": 5},
        {**FIRST, "initial_learning_rate": 0.0, "warmup_target": 0.5, "warmup_steps": 4, "alpha": 0.1},
        {**FIRST, "warmup_target": 0.5},
    ],
    "CosineDecayRestarts": [
        {"initial_learning_rate": 0.1, "first_decay_steps": 7},
        {"initial_learning_rate": 0.1, "first_decay_steps": 7, "t_mul": 1.0, "m_mul": 0.5},
        {"initial_learning_rate": 0.1, "first_decay_steps": 4, "t_mul": 1.5, "alpha": 0.1},
        {"initial_learning_rate": 0.1, "first_decay_steps": 6, "t_mul": 2.0, "m_mul": 0.7, "alpha": 0.1},
        {"initial_learning_rate": 0.1, "first_decay_steps": 3, "t_mul": 3.0, "m_mul": 1.5},
    ],
}
ROWS = [(name, arguments) for name, rows in CASES.items() for arguments in rows]
STEPS = np.arange(40)


@pytest.mark.parametrize(("name", "arguments"), ROWS, ids=[f"{name}-{i % 5}" for i, (name, _) in enumerate(ROWS)])
def test_values_are_those_of_keras(name, arguments):
    ours, peer = getattr(schedules, name)(**arguments), getattr(keras.optimizers.schedules, name)(**arguments)
    expected = jax.vmap(peer)(jnp.asarray(STEPS))
    np.testing.assert_allclose(ours(jnp.asarray(STEPS)), expected, rtol=1e-5, atol=1e-7)  # also: many steps at once
    for step in STEPS[::13]:
        np.testing.assert_allclose(ours(int(step)), expected[step], rtol=1e-5, atol=1e-7)
    again = from_json(json.loads(json.dumps(to_json(ours))))
    np.testing.assert_array_equal(again(jnp.asarray(STEPS)), ours(jnp.asarray(STEPS)))


@pytest.mark.parametrize("name", CASES)
def test_traced_steps_give_one_program_and_floats(name):
    schedule = getattr(schedules, name)(**CASES[name][0])
    compiled = jax.jit(schedule)
    for step in range(3):
        value = compiled(jnp.int32(step))
        np.testing.assert_allclose(value, schedule(step), rtol=1e-6)
    assert value.dtype == "float32"
    assert value.shape == ()
    assert compiled._cache_size() == 1


@pytest.mark.parametrize("name", CASES)
def test_arguments_are_those_of_keras(name):
    def described(module):
        return [(p.name, p.default) for p in inspect.signature(getattr(module, name)).parameters.values()]

    assert described(schedules) == described(keras.optimizers.schedules)


@pytest.mark.parametrize("t_mul", [1.0, 1.5, 2.0, 3.0])
def test_every_restart_begins_at_the_top(t_mul):
    """Also where the logarithm of the paper's formula would round down, as in Keras at some restarts."""
    schedule = schedules.CosineDecayRestarts(1.0, first_decay_steps=10, t_mul=t_mul)
    begins = np.cumsum([0] + [10 * t_mul**i for i in range(6)])
    whole = [b for b in begins if b == int(b)]
    np.testing.assert_allclose(schedule(jnp.array(whole, int)), np.ones(len(whole)), atol=1e-5)


@pytest.mark.parametrize(("total", "fraction"), [(100, 0.3), (40, 0.5), (250, 0.1)])
def test_one_cycle_is_two_half_waves(total, fraction):
    steps, peak = np.arange(total), fraction * total - 1
    waves = np.interp(steps, [0, peak, total - 1], [0, np.pi, 2 * np.pi])  # rises to its top at pi
    lowest = np.where(steps <= peak, 0.2 / 25, 0.2 / 25 / 1e4)
    expected = lowest + (0.2 - lowest) * (1 - np.cos(waves)) / 2
    np.testing.assert_allclose(
        schedules.OneCycle(0.2, total, fraction)(jnp.arange(total)), expected, rtol=1e-5, atol=1e-8
    )


@pytest.mark.parametrize(("total", "fraction"), [(100, 0.3), (40, 0.5), (250, 0.1)])
def test_one_cycle_is_that_of_torch(total, fraction):
    torch = pytest.importorskip("torch", reason="PyTorch is large and no dependency of the tests")
    ours = schedules.OneCycle(0.2, total, fraction)
    descent = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    peer = torch.optim.lr_scheduler.OneCycleLR(descent, max_lr=0.2, total_steps=total, pct_start=fraction)
    expected = []
    for _ in range(total - 1):
        expected.append(peer.get_last_lr()[0])
        descent.step()
        peer.step()
    np.testing.assert_allclose(ours(jnp.arange(total - 1)), expected, rtol=1e-4, atol=1e-7)


def test_warm_up_then_anything():
    cosine = schedules.CosineDecay(0.5, 8)
    warm = schedules.WarmUp(cosine, warmup_steps=4, initial_learning_rate=0.1)
    keras_words = schedules.CosineDecay(0.1, 8, warmup_target=0.5, warmup_steps=4)
    np.testing.assert_allclose(warm(jnp.arange(20)), keras_words(jnp.arange(20)), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(
        schedules.WarmUp(0.5, 5)(jnp.arange(8)), [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.5, 0.5], rtol=1e-6
    )
    again = from_json(json.loads(json.dumps(to_json(warm))))
    np.testing.assert_array_equal(again(jnp.arange(20)), warm(jnp.arange(20)))


def test_linear_decay():
    line = schedules.LinearDecay(0.1, 10, end_learning_rate=0.05)
    np.testing.assert_allclose(line(jnp.array([0, 5, 10, 100])), [0.1, 0.075, 0.05, 0.05], rtol=1e-6)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda: schedules.ExponentialDecay(0.1, 0, 0.5), "decay_steps=0.*more than 0"),
        (lambda: schedules.ExponentialDecay(-0.1, 10, 0.5), "initial_learning_rate=-0.1"),
        (lambda: schedules.CosineDecayRestarts(0.1, 10, t_mul=0.5), "expected 1 or more. Received: 0.5"),
        (lambda: schedules.CosineDecay(float("nan"), 10), "expected a number. Received: NaN"),
        (lambda: schedules.PiecewiseConstantDecay([1, 2], [0.1, 0.2]), "one value more than boundaries"),
        (lambda: schedules.PiecewiseConstantDecay([2, 1], [0.1, 0.2, 0.3]), "expected rising boundaries"),
        (lambda: schedules.LinearDecay("fast", 10), "expected a number"),
        (lambda: schedules.WarmUp("fast", 10), "expected a number"),
        (lambda: schedules.LearningRateSchedule()(0), "must write __call__"),
    ],
)
def test_what_is_wrong_is_said(wrong, says):
    with pytest.raises((ValueError, TypeError, NotImplementedError), match=says):
        wrong()
