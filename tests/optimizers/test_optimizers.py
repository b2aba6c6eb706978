"""One table of optimizers; every property over every row. The oracle is Keras on the same engine."""

import inspect
import json
import math

import jax
import jax.numpy as jnp
import keras
import numpy as np
import optax
import pytest

from freedive import optimizers
from freedive.config import from_json, to_json
from freedive.optimizers import schedules

STEPS = 10
DECAY = ("ExponentialDecay", {"initial_learning_rate": 0.05, "decay_steps": 3, "decay_rate": 0.5})
COMMON = [
    {"clipnorm": 0.5},
    {"clipvalue": 0.3},
    {"global_clipnorm": 0.7},
    {"weight_decay": 0.02},
    {"use_ema": True, "ema_momentum": 0.8},
    {"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 3},
    {"loss_scale_factor": 4.0},
    {"learning_rate": DECAY, "weight_decay": 0.02, "gradient_accumulation_steps": 2, "global_clipnorm": 0.7},
]
CASES = {
    "SGD": [
        {},
        {"momentum": 0.9},
        {"momentum": 0.9, "nesterov": True},
        {"weight_decay": 0.1},
        {"learning_rate": 0.3},
        *COMMON,
    ],
    "RMSprop": [
        {},
        {"rho": 0.5},
        {"momentum": 0.7},
        {"centered": True},
        {"momentum": 0.5, "centered": True, "epsilon": 1e-3},
    ],
    "Adagrad": [
        {},
        {"learning_rate": 0.5},
        {"initial_accumulator_value": 0.5},
        {"epsilon": 1e-2},
        {"weight_decay": 0.1},
    ],
    "Adadelta": [{}, {"learning_rate": 1.0}, {"rho": 0.5}, {"epsilon": 1e-3}, {"weight_decay": 0.1, "clipnorm": 0.5}],
    "Adam": [{}, {"amsgrad": True}, {"beta_1": 0.5}, {"beta_2": 0.5, "amsgrad": True}, {"epsilon": 0.1}, *COMMON],
    "AdamW": [{}, {"weight_decay": 0.1}, {"amsgrad": True}, {"beta_1": 0.8, "beta_2": 0.9}, {"learning_rate": DECAY}],
    "Adamax": [{}, {"learning_rate": 0.1}, {"beta_1": 0.5}, {"beta_2": 0.5}, {"epsilon": 0.1, "weight_decay": 0.1}],
    "Nadam": [{}, {"learning_rate": 0.1}, {"beta_1": 0.5}, {"beta_2": 0.5}, {"epsilon": 0.1, "clipvalue": 0.3}],
    "Ftrl": [
        {"learning_rate": 0.1},
        {"learning_rate": 0.1, "learning_rate_power": -0.8},
        {"learning_rate": 0.1, "l1_regularization_strength": 0.3, "l2_regularization_strength": 0.1},
        {"learning_rate": 0.1, "l2_shrinkage_regularization_strength": 0.2, "beta": 0.5},
        {"learning_rate": 0.1, "initial_accumulator_value": 1.0, "weight_decay": 0.1},
    ],
    "Lion": [{}, {"learning_rate": 0.01}, {"beta_1": 0.5}, {"beta_2": 0.5}, {"weight_decay": 0.5}],
    "Lamb": [{}, {"learning_rate": 0.1}, {"beta_1": 0.5}, {"beta_2": 0.5}, {"epsilon": 0.1, "weight_decay": 0.1}],
    "Adafactor": [
        {},
        {"learning_rate": 0.1},
        {"beta_2_decay": -0.5},
        {"clip_threshold": 0.3, "learning_rate": 0.1},
        {"epsilon_2": 0.5, "learning_rate": 0.1, "weight_decay": 0.1},
    ],
    "ScheduleFreeAdamW": [
        {},
        {"warmup_steps": 4},
        {"beta_1": 0.5},
        {"weight_decay": 0.1, "learning_rate": 0.1},
        {"learning_rate": 0.1, "beta_2": 0.5, "epsilon": 0.1},
    ],
    "Muon": [
        {},
        {"learning_rate": 0.1},
        {"nesterov": False, "momentum": 0.5, "weight_decay": 0.1},
        {"exclude_layers": ["kernel"], "adam_weight_decay": 0.1},
        {"rms_rate": None, "ns_steps": 3, "adam_lr_ratio": 0.5},
    ],
}
CAST = {"Lion", "Nadam", "ScheduleFreeAdamW"}  # where Keras casts its numbers to float32 before it computes with them
ROWS = [(name, arguments) for name, rows in CASES.items() for arguments in rows]
OWN = [("AveragedMomentum", {})]
FIRST = [(name, rows[0]) for name, rows in CASES.items()] + OWN


def ids(rows):
    return [
        f"{name}({', '.join(f'{k}={v[0] if isinstance(v, tuple) else v}' for k, v in a.items())})" for name, a in rows
    ]


def make(module, name, arguments):
    arguments = dict(arguments)
    rate = arguments.get("learning_rate")
    if isinstance(rate, tuple):
        arguments["learning_rate"] = getattr(module.schedules, rate[0])(**rate[1])
    return getattr(module, name)(**arguments)


def tree(*paths):
    random = np.random.default_rng(0)
    shapes = {
        "dense": {"kernel": (4, 3), "bias": (3,)},
        "conv": {"kernel": (2, 2, 3, 2)},
        "embedding": {"table": (5, 2)},
    }
    shapes = {path: shapes[path] for path in paths or shapes}
    params = {
        path: {n: random.normal(size=s).astype("float32") for n, s in names.items()} for path, names in shapes.items()
    }
    grads = [jax.tree.map(lambda p: random.normal(size=p.shape).astype("float32"), params) for _ in range(STEPS)]
    return params, grads


def floats(hyper):
    return {name: jnp.float32(value) for name, value in hyper.items()}  # as a run passes them


def run(optimizer, params, grads, hyper=None):
    state = optimizer.init(params)
    update = jax.jit(optimizer.update) if optimizer.gradient_accumulation_steps else optimizer.update
    for step, g in enumerate(grads):
        params, state = update(g, state, params, hyper, jnp.int32(step))
        yield params, state


@pytest.mark.parametrize(("name", "arguments"), ROWS, ids=ids(ROWS))
def test_trajectories_are_those_of_keras(name, arguments):
    params, grads = tree()
    ours = make(optimizers, name, arguments)
    peer = make(keras.optimizers, name, arguments)
    variables = {(p, n): keras.Variable(v, name=f"{p}_{n}") for p, names in params.items() for n, v in names.items()}
    once_an_update = arguments.get("gradient_accumulation_steps", 1)
    for step, (new, _) in enumerate(run(ours, params, grads, floats(ours.hyper()) if name in CAST else None)):
        peer.apply([grads[step][p][n] for p, n in variables], list(variables.values()))
        if (step + 1) % once_an_update == 0:
            for (p, n), v in variables.items():
                np.testing.assert_allclose(
                    new[p][n], v.numpy(), rtol=1e-6, atol=1e-6, err_msg=f"{p}/{n} at step {step}"
                )


@pytest.mark.parametrize(("name", "arguments"), FIRST, ids=ids(FIRST))
def test_numbers_in_float32_make_the_same_path(name, arguments):
    """A run passes its numbers as float32, where 1 - 0.999 is 1e-5 off; the correction of the bias is off alike."""
    optimizer = make(optimizers, name, arguments)
    params, grads = tree()
    paths = zip(run(optimizer, params, grads), run(optimizer, params, grads, floats(optimizer.hyper())), strict=True)
    for (exact, _), (passed, _) in paths:
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), exact, passed)


@pytest.mark.parametrize(
    "arguments", [{"use_ema": True, "ema_momentum": 0.8}, {"use_ema": True, "ema_overwrite_frequency": 4}]
)
def test_the_final_weights_are_the_average(arguments):
    params, grads = tree()
    ours = optimizers.SGD(0.1, **arguments)
    peer = keras.optimizers.SGD(0.1, **arguments)
    variable = keras.Variable(params["dense"]["kernel"])
    for g in grads:
        peer.apply([g["dense"]["kernel"]], [variable])
    peer.finalize_variable_values([variable])
    *_, (new, state) = run(ours, params, grads)
    np.testing.assert_allclose(ours.finalize(new, state)["dense"]["kernel"], variable.numpy(), rtol=1e-6)
    assert not np.allclose(new["dense"]["kernel"], variable.numpy()) or "ema_overwrite_frequency" in arguments


def test_before_the_first_update_the_average_is_the_weights():
    """In arrays of its own, since a run gives its buffers away; also where another optimizer stands around it."""
    params, _ = tree()
    for optimizer in (optimizers.SGD(use_ema=True), optimizers.LossScaleOptimizer(optimizers.SGD(use_ema=True))):
        for state in (optimizer.init(params), jax.jit(optimizer.init)(params)):
            jax.tree.map(np.testing.assert_array_equal, optimizer.finalize(params, state), params)
    arrays = jax.tree.map(jnp.asarray, params)
    average = optimizers.SGD(use_ema=True).init(arrays)["average"]
    assert all(a is not b for a, b in zip(jax.tree.leaves(average), jax.tree.leaves(arrays), strict=True))
    assert average["dense"]["kernel"].unsafe_buffer_pointer() != arrays["dense"]["kernel"].unsafe_buffer_pointer()


def test_accumulated_small_batches_equal_the_large_batch():
    """With the average too, which Keras moves at every small batch."""
    params, grads = tree()
    arguments = {"use_ema": True, "ema_momentum": 0.5, "clipnorm": 0.5, "weight_decay": 0.1}
    pairs = [jax.tree.map(lambda a, b: (a + b) / 2, *grads[i : i + 2]) for i in range(0, STEPS, 2)]
    *_, (large, large_state) = run(optimizers.Adam(0.1, **arguments), params, pairs)
    *_, (small, small_state) = run(optimizers.Adam(0.1, gradient_accumulation_steps=2, **arguments), params, grads)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), large, small)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), large_state["average"], small_state["average"]
    )


def test_averaged_momentum_is_momentum_with_a_smaller_rate():
    params, grads = tree()
    *_, (averaged, _) = run(optimizers.AveragedMomentum(0.5, beta=0.8), params, grads)
    *_, (classical, _) = run(optimizers.SGD(0.5 * 0.2, momentum=0.8), params, grads)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), averaged, classical)


@pytest.mark.parametrize(("name", "arguments"), FIRST, ids=ids(FIRST))
def test_compiled_swept_and_differentiable(name, arguments):
    """jit = eager, vmap over learning rates = loop, a second call compiles nothing, gradients of zeros are no NaN."""
    optimizer = make(optimizers, name, arguments)
    params, grads = tree("dense")
    rates = jnp.array([0.001, 0.01, 0.1], "float32")

    def train(rate, grads):
        p, state = params, optimizer.init(params)
        for step in range(2):
            p, state = optimizer.update(grads, state, p, {**floats(optimizer.hyper()), "learning_rate": rate}, step)
        return p

    each = [train(rate, grads[0]) for rate in rates]
    compiled = jax.jit(jax.vmap(train, (0, None)))
    swept = compiled(rates, grads[0])
    compiled(rates / 2, grads[1])
    assert compiled._cache_size() == 1
    for i, alone in enumerate(each):
        jax.tree.map(lambda a, b, i=i: np.testing.assert_allclose(a, b[i], rtol=1e-5, atol=1e-6), alone, swept)

    zero = jax.tree.map(jnp.zeros_like, grads[0])
    sensitivity = jax.grad(lambda g: sum(jnp.sum(x) for x in jax.tree.leaves(train(rates[0], g))))(zero)
    if name != "Adafactor":  # where float32 has no room for the square of its epsilon, 1e-30
        assert all(np.isfinite(x).all() for x in jax.tree.leaves(sensitivity))


def test_a_changed_number_compiles_nothing():
    optimizer = optimizers.Adam(0.1, clipnorm=1.0, weight_decay=0.1)
    params, grads = tree()
    update = jax.jit(optimizer.update)
    for step, rate in enumerate((0.1, 0.01, 0.5)):
        update(
            grads[0],
            optimizer.init(params),
            params,
            {**optimizer.hyper(), "learning_rate": rate, "clipnorm": rate},
            step,
        )
    assert update._cache_size() == 1


@pytest.mark.parametrize(("name", "arguments"), FIRST, ids=ids(FIRST))
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_dtypes_and_structure_are_kept(name, arguments, dtype):
    optimizer = make(optimizers, name, {**arguments, "use_ema": True, "gradient_accumulation_steps": 1})
    params, grads = tree()
    before = jax.tree.map(lambda p: jnp.asarray(p, dtype), params)
    state = optimizer.init(before)
    arguments = jax.eval_shape(optimizer.update, grads[0], state, before, floats(optimizer.hyper()), 0)
    for new, old in zip(arguments, (before, state), strict=True):
        assert jax.tree.map(lambda x: (x.shape, x.dtype), new) == jax.tree.map(lambda x: (x.shape, x.dtype), old)


PARABOLA = {"Adagrad": 1.0, "Adadelta": 30.0, "Ftrl": 1.0, "Lion": 0.02, "Lamb": 0.05, "Adafactor": 0.1, "SGD": 0.2}
ROSENBROCK = {
    "SGD": {"learning_rate": 1e-3, "momentum": 0.9},
    "Adam": {"learning_rate": 0.02},
    "Nadam": {"learning_rate": 0.02},
}


def descend(optimizer, loss, start, steps):
    def body(step, carry):
        params, state = carry
        return optimizer.update(jax.grad(loss)(params), state, params, floats(optimizer.hyper()), step)

    params = {"point": {"x": jnp.asarray(start, "float32")}}
    params, _ = jax.jit(lambda p: jax.lax.fori_loop(0, steps, body, (p, optimizer.init(p))))(params)
    return params["point"]["x"]


@pytest.mark.parametrize("name", [name for name, _ in FIRST])
def test_finds_the_bottom_of_a_parabola(name):
    target = jnp.array([[1.0, -2.0], [0.5, 3.0]])
    decay = {"weight_decay": None, "adam_weight_decay": None} if name == "Muon" else {}
    decay = {"weight_decay": 0.0} if name == "AdamW" else decay
    rate = PARABOLA.get(name, 0.1)
    rate = rate if name in ("Ftrl", "ScheduleFreeAdamW") else schedules.LinearDecay(rate, decay_steps=600)
    optimizer = getattr(optimizers, name)(rate, **decay)
    end = descend(optimizer, lambda p: jnp.sum((p["point"]["x"] - target) ** 2), jnp.ones((2, 2)), 600)
    np.testing.assert_allclose(end, target, atol=0.03)


@pytest.mark.parametrize("name", ROSENBROCK)
def test_finds_the_bottom_of_rosenbrocks_valley(name):
    def valley(params):
        x, y = params["point"]["x"]
        return (1 - x) ** 2 + 100 * (y - x**2) ** 2

    end = descend(getattr(optimizers, name)(**ROSENBROCK[name]), valley, [-1.0, 1.0], 5000)
    np.testing.assert_allclose(end, [1.0, 1.0], atol=0.05)


def test_excluded_from_weight_decay():
    params, grads = tree()
    ours, peer = optimizers.AdamW(weight_decay=0.5), keras.optimizers.AdamW(weight_decay=0.5)
    ours.exclude_from_weight_decay(["embedding/table"], ["bias"])
    variables = {(p, n): keras.Variable(v, name=f"{p}_{n}") for p, names in params.items() for n, v in names.items()}
    peer.exclude_from_weight_decay([variables["embedding", "table"]], ["bias"])
    *_, (new, _) = run(ours, params, grads)
    for g in grads:
        peer.apply([g[p][n] for p, n in variables], list(variables.values()))
    for (p, n), v in variables.items():
        np.testing.assert_allclose(new[p][n], v.numpy(), rtol=1e-6, atol=1e-6)
    assert from_json(json.loads(json.dumps(to_json(ours)))).no_weight_decay == ours.no_weight_decay


@pytest.mark.parametrize(("name", "arguments"), ROWS + OWN, ids=ids(ROWS + OWN))
def test_written_and_read(name, arguments):
    optimizer = make(optimizers, name, arguments)
    again = optimizers.get(json.loads(json.dumps(to_json(optimizer))))
    assert type(again) is type(optimizer)
    assert to_json(again) == to_json(optimizer)
    assert again.hyper() == optimizer.hyper()


@pytest.mark.parametrize("name", CASES)
def test_arguments_and_defaults_are_those_of_keras(name):
    peer = inspect.signature(getattr(keras.optimizers, name)).parameters
    ours = inspect.signature(getattr(optimizers, name)).parameters
    for argument, parameter in peer.items():
        if argument != "kwargs":
            default = () if argument == "exclude_layers" else parameter.default
            assert ours[argument].default == default, argument
    if name != "Muon":  # its common arguments stand in the middle there
        assert [a for a in ours if a != "no_weight_decay"] == [a for a in peer if a != "kwargs"]


# optax --------------------------------------------------------------------------------------------------------------
TRANSFORMATIONS = [
    optax.sgd(0.1, momentum=0.9),
    optax.adam(1e-2),
    optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(1e-2)),
    optax.inject_hyperparams(optax.rmsprop)(learning_rate=0.01),
    optax.adafactor(0.01),
]


@pytest.mark.parametrize("tx", TRANSFORMATIONS)
def test_optax_is_accepted(tx):
    optimizer = optimizers.get(tx)
    params, grads = tree()
    expected, inner = params, tx.init(params)
    traced = []
    update = jax.jit(lambda *args: traced.append(1) or optimizer.update(*args))  # a compiled call sorts a tree's names
    state = optimizer.init(params)
    for step in range(3):
        updates, inner = tx.update(grads[step], inner, expected)
        expected = optax.apply_updates(expected, updates)
        params, state = update(grads[step], state, params, optimizer.hyper(), step)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), params, expected)
    assert len(traced) == 1
    assert all(
        isinstance(path, str) and isinstance(name, str) for path, names in state["optax"].items() for name in names
    )


# finding and refusing -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        ("adam", "Adam"),
        ("RMSprop", "RMSprop"),
        ("rmsprop", "RMSprop"),
        ("SGD", "SGD"),
        ("AdamW", "AdamW"),
        (optimizers.Nadam, "Nadam"),
        (optimizers.Lion(0.5), "Lion"),
        ({"class_name": "SGD", "config": {"learning_rate": 0.5}}, "SGD"),
    ],
)
def test_get(identifier, expected):
    assert type(optimizers.get(identifier)).__name__ == expected


def bad_hyper():
    params, grads = tree()
    sgd = optimizers.SGD()
    return sgd.update(grads[0], sgd.init(params), params, {"learning_rate": 0.1, "momentum": 0.9})


def bad_grads():
    params, _ = tree()
    sgd = optimizers.SGD()
    return sgd.update({"dense": {"kernel": params["dense"]["kernel"]}}, sgd.init(params), params)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda: optimizers.get("adamm"), "unknown optimizer 'adamm'. Did you mean 'adam'"),
        (lambda: optimizers.get(3), "Received: 3"),
        (lambda: optimizers.Adam(math.nan), r"Adam\(learning_rate=nan\): expected a finite number of 0 or more"),
        (lambda: optimizers.Adam(-0.1), r"Adam\(learning_rate=-0.1\): expected a finite number of 0 or more"),
        (lambda: optimizers.Adam(math.inf), "expected a finite number"),
        (lambda: optimizers.Adam("fast"), "expected a finite number of 0 or more, or a function of the step"),
        (lambda: setattr(optimizers.Adam(), "learning_rate", math.nan), "expected a finite number"),
        (lambda: optimizers.SGD(clipnorm=1.0, global_clipnorm=2.0), "SGD: gradients are clipped in one way only"),
        (lambda: optimizers.SGD(clipvalue=0.0), r"SGD\(clipvalue=0.0\): expected more than 0"),
        (lambda: optimizers.SGD(momentum=1.5), "expected a number from 0 to 1"),
        (lambda: optimizers.Adam(beta_2=1.0), "expected a number from 0 to below 1"),
        (lambda: optimizers.Lion(beta_1=0.0), "expected more than 0"),
        (lambda: optimizers.ScheduleFreeAdamW(beta_1=0.0), r"beta_1=0.0\): expected more than 0"),
        (lambda: optimizers.ScheduleFreeAdamW(beta_1=1.0), "expected a number from 0 to below 1"),
        (lambda: optimizers.ScheduleFreeAdamW(warmup_steps=-5), r"warmup_steps=-5\): expected 0 or more"),
        (lambda: optimizers.Ftrl(learning_rate_power=0.5), "expected 0 or less"),
        (lambda: optimizers.AdamW(weight_decay=None), "expected a number"),
        (lambda: optimizers.SGD(use_ema=True, ema_momentum=2.0), "expected a number from 0 to 1"),
        (lambda: optimizers.SGD(gradient_accumulation_steps=0), "expected more than 0"),
        (lambda: optimizers.FromOptax(3), "expected an object with init and update"),
        (lambda: optimizers.FromOptax(optax.sgd(1.0), weight_decay=0.1), "optax.add_decayed_weights"),
        (lambda: setattr(optimizers.get(optax.sgd(1.0)), "learning_rate", 0.1), "inside the optax transformation"),
        (lambda: to_json(optimizers.get(optax.sgd(1.0))), "cannot be written to a file"),
        (lambda: optimizers.SGD().init({"kernel": np.zeros(3)}), "expected a tree"),
        (bad_hyper, r"expected learning_rate. Received: learning_rate, momentum"),
        (bad_grads, "Without gradient: .*dense/bias"),
    ],
)
def test_what_is_wrong_is_said(wrong, says):
    with pytest.raises((ValueError, TypeError), match=says):
        wrong()


def test_the_learning_rate_may_be_set():
    adam = optimizers.Adam()
    adam.learning_rate = np.float32(0.5)
    assert adam.hyper()["learning_rate"] == 0.5
    adam.learning_rate = schedules.CosineDecay(0.1, 100)
    assert "learning_rate" not in adam.hyper()
    assert float(adam.learning_rate_at(100)) == pytest.approx(0.0, abs=1e-8)
    adam.learning_rate = jnp.array(0.25)
    assert adam.learning_rate_at(7) == 0.25
