"""Initializers: moments and bounds, the peer's limits, seeds, and what an identifier means."""

import math
import time

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from freedive import initializers
from freedive.config import Configured, Family, from_json, to_json
from freedive.initializers import Initializer, fans, get

SHAPES = [(), (7,), (30, 50), (3, 3, 8, 16), (3, 3, 3, 4, 5)]
RANDOM = [
    "random_normal",
    "random_uniform",
    "truncated_normal",
    "variance_scaling",
    "glorot_uniform",
    "glorot_normal",
    "he_uniform",
    "he_normal",
    "lecun_uniform",
    "lecun_normal",
    "orthogonal",
]
CONFIGURED = [
    ("random_normal", {"mean": 1.0, "stddev": 0.3}),
    ("random_uniform", {"minval": -2.0, "maxval": 1.0}),
    ("truncated_normal", {"mean": -1.0, "stddev": 0.7}),
    ("variance_scaling", {"scale": 2.0, "mode": "fan_out", "distribution": "uniform"}),
    ("variance_scaling", {"scale": 0.5, "mode": "fan_avg", "distribution": "untruncated_normal"}),
    ("variance_scaling", {"mode": "fan_in", "distribution": "normal"}),
    ("variance_scaling", {"input_axes": [0], "output_axes": [1, 2]}),
    ("he_normal", {"input_axes": [0, 1], "output_axes": [2]}),
    *((name, {}) for name in RANDOM if name != "orthogonal"),
]


def moments(values):
    values = np.asarray(values, np.float64)
    return np.array([values.mean(), values.std(), values.min(), values.max()])


@pytest.mark.parametrize(("name", "arguments"), CONFIGURED, ids=str)
def test_moments_and_bounds_are_the_peers(name, arguments):
    """Sample moments of half a million numbers differ by a thousandth of their spread; bounds by the last few."""
    shape = (50, 100, 100)
    peer = keras.initializers.get({"class_name": name, "config": arguments | {"seed": 1}})
    ours = moments(get({"class_name": name, "config": arguments})(shape, rng=np.random.default_rng(0)))
    theirs = moments(peer(shape))
    spread = theirs[1]
    np.testing.assert_allclose(ours[:2], theirs[:2], atol=6e-3 * spread)
    if "random_normal" not in name and arguments.get("distribution") != "untruncated_normal":
        np.testing.assert_allclose(ours[2:], theirs[2:], atol=2e-2 * spread)


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("glorot_uniform", lambda i, o: math.sqrt(6 / (i + o))),
        ("he_uniform", lambda i, o: math.sqrt(6 / i)),
        ("lecun_uniform", lambda i, o: math.sqrt(3 / i)),
        ("glorot_normal", lambda i, o: 2 * math.sqrt(2 / (i + o)) / 0.87962566103423978),
        ("he_normal", lambda i, o: 2 * math.sqrt(2 / i) / 0.87962566103423978),
        ("lecun_normal", lambda i, o: 2 * math.sqrt(1 / i) / 0.87962566103423978),
        ("random_uniform", lambda i, o: 0.05),
        ("truncated_normal", lambda i, o: 0.1),
    ],
)
@pytest.mark.parametrize("shape", [(40, 2000), (3, 3, 20, 300)])
def test_limits(name, limit, shape):
    largest = np.abs(get(name)(shape)).max()
    expected = limit(*fans(shape))
    assert largest <= expected * (1 + 1e-6)
    assert largest >= expected * 0.99


@pytest.mark.parametrize("name", ["glorot_normal", "he_normal", "lecun_normal"])
def test_cutting_the_tails_keeps_the_variance(name):
    fan_in, fan_out = 300, 500
    variance = {"glorot_normal": 2 / (fan_in + fan_out), "he_normal": 2 / fan_in, "lecun_normal": 1 / fan_in}[name]
    values = get(name)((fan_in, fan_out), rng=np.random.default_rng(0))
    np.testing.assert_allclose(values.var(), variance, rtol=1e-2)


@pytest.mark.parametrize("shape", [*SHAPES, (2, 0, 3)])
def test_fans_are_the_peers(shape):
    from keras.src.initializers.random_initializers import compute_fans

    assert fans(shape) == compute_fans(shape)
    if len(shape) > 1:
        assert fans(shape, (0,), (1, -1)) == compute_fans(shape, (0,), (1, -1))
        assert fans(shape, 0, 1) == (shape[0], shape[1])


@pytest.mark.parametrize("shape", [(4, 4), (20, 5), (5, 20), (3, 3, 4, 8), (2, 2, 30)])
@pytest.mark.parametrize("gain", [1.0, 0.5])
def test_orthogonal(shape, gain):
    values = initializers.Orthogonal(gain)(shape)
    matrix = values.reshape(-1, shape[-1])
    small = matrix @ matrix.T if matrix.shape[0] < matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(small, gain**2 * np.eye(len(small)), atol=1e-5)


def test_orthogonal_is_evenly_spread():
    """Without a sign for every column, the first entry of a reflection would never be positive."""
    firsts = [initializers.Orthogonal()((3, 3), rng=np.random.default_rng(i))[0, 0] for i in range(200)]
    assert 60 < np.sum(np.array(firsts) > 0) < 140


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "float16"])
@pytest.mark.parametrize("name", [*RANDOM, "zeros", "ones", "identity"])
def test_shapes_and_types(name, dtype):
    shapes = [shape for shape in SHAPES if name not in ("orthogonal", "identity") or len(shape) == 2]
    for shape in shapes:
        values = get(name)(shape, dtype)
        assert type(values) is np.ndarray
        assert values.shape == shape
        assert values.dtype == jnp.dtype(dtype)
        assert np.isfinite(values.astype("float32")).all()


@pytest.mark.parametrize("name", RANDOM)
def test_seeds(name):
    seeded, other, free = (get({"class_name": name, "config": {"seed": seed}}) for seed in (3, 4, None))
    shape = (6, 5)
    first = seeded(shape)
    np.testing.assert_array_equal(first, seeded(shape))
    np.testing.assert_array_equal(first, seeded(shape, rng=np.random.default_rng(9)))  # the user's seed wins
    assert not np.array_equal(first, other(shape))
    np.testing.assert_array_equal(free(shape, rng=np.random.default_rng(1)), free(shape, rng=np.random.default_rng(1)))
    rng = np.random.default_rng(1)
    assert not np.array_equal(free(shape, rng=rng), free(shape, rng=rng))  # two layers that share it differ
    assert not np.array_equal(free(shape), free(shape))


@pytest.mark.parametrize("name", ["glorot_uniform", "he_normal", "random_normal"])
def test_ten_million_numbers_are_quick(name):
    rng = np.random.default_rng(0)
    times = []
    for _ in range(3):
        start = time.process_time()
        get(name)((1000, 10_000), rng=rng)
        times.append(time.process_time() - start)
    assert min(times) < 1.0


def test_constants():
    table = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(get(table)((2, 3)), table)
    np.testing.assert_array_equal(get(jnp.asarray(table))((2, 3)), table)
    np.testing.assert_array_equal(get(2)((2, 2), "int32"), np.full((2, 2), 2))
    np.testing.assert_array_equal(initializers.Identity(3.0)((2, 3)), 3 * np.eye(2, 3))


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        ("zeros", initializers.Zeros),
        ("zero", initializers.Zeros),
        ("one", initializers.Ones),
        ("normal", initializers.RandomNormal),
        ("uniform", initializers.RandomUniform),
        ("IdentityInitializer", initializers.Identity),
        ("OrthogonalInitializer", initializers.Orthogonal),
        ("GlorotUniform", initializers.GlorotUniform),
        (initializers.HeNormal, initializers.HeNormal),
        (initializers.HeNormal(seed=1), initializers.HeNormal),
        (to_json(initializers.HeNormal(seed=1)), initializers.HeNormal),
        ({"class_name": "HeNormal", "config": {"seed": None}}, initializers.HeNormal),
        (0.5, initializers.Constant),
        (np.float32(0.5), initializers.Constant),
    ],
    ids=str,
)
def test_get(identifier, expected):
    assert type(get(identifier)) is expected
    assert get(None) is None


class Keraslike(Initializer):
    """As people write them for the peer: a __call__ with shape and dtype."""

    def __call__(self, shape, dtype=None):
        return np.full(shape, 4.0, dtype)


@pytest.mark.parametrize(
    "function",
    [
        np.ones,
        np.zeros,
        lambda shape, dtype: jnp.ones(shape, dtype),
        lambda shape, dtype=None: np.ones(shape, dtype),
        lambda key, shape, dtype: jax.random.normal(key, shape, dtype),
        jax.nn.initializers.glorot_normal(),
        jax.nn.initializers.zeros,
        keras.initializers.HeNormal(),
        Keraslike(),
    ],
)
def test_functions(function):
    values = get(function)((3, 4), rng=np.random.default_rng(0))
    assert type(values) is np.ndarray
    assert values.shape == (3, 4) and values.dtype == np.float32


def test_functions_that_take_a_key_are_a_function_of_the_generator():
    made = get(jax.nn.initializers.glorot_normal())
    first, second, other = (made((3, 4), rng=np.random.default_rng(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("name", [*RANDOM, "zeros", "ones", "identity", "constant"])
def test_configuration_round_trip(name):
    made = get(name)
    again = from_json(to_json(made))
    assert type(again) is type(made) and again.get_config() == made.get_config()


def test_field_type():
    class Thing(Configured):
        family = Family("thing_with_initializer")
        kernel: Initializer = "he_normal"
        bias: Initializer | None = "zeros"

    assert type(Thing().kernel) is initializers.HeNormal
    assert type(Thing().bias) is initializers.Zeros
    assert Thing(bias=None).bias is None
    assert type(Thing(0.5).kernel) is initializers.Constant
    with pytest.raises(ValueError, match=r"Thing\(kernel='he_norml'\): unknown initializer.*he_normal"):
        Thing("he_norml")


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: get("glorot"), ValueError, "unknown initializer 'glorot'"),
        (lambda: get(object()), TypeError, "expected a name, an object or a function as initializer"),
        (lambda: get(True), TypeError, "Received: True"),
        (lambda: initializers.VarianceScaling(scale=0.0), ValueError, "scale=0.0.*more than 0"),
        (lambda: initializers.VarianceScaling(mode="fan"), ValueError, "'fan_in', 'fan_out', 'fan_avg'"),
        (lambda: initializers.VarianceScaling(distribution="x"), ValueError, "'uniform', 'normal'"),
        (lambda: initializers.RandomNormal(stddev="a"), TypeError, "expected a number"),
        (lambda: initializers.HeNormal(seed=1.5), TypeError, "expected a whole number"),
        (lambda: initializers.Identity()((3,)), ValueError, r"two axes. Received: \(3,\)"),
        (lambda: initializers.Orthogonal()((3,)), ValueError, r"two or more axes. Received: \(3,\)"),
        (lambda: get(np.ones((2, 3)))((3, 2)), ValueError, r"values have shape \(2, 3\), the weight has \(3, 2\)"),
        (lambda: get(lambda shape, dtype: np.ones(2))((3,)), ValueError, r"asked for the shape \(3,\) and gave \(2,\)"),
        (lambda: Initializer()((3,)), NotImplementedError, "needs a draw method"),
    ],
)
def test_refusals(call, error, text):
    with pytest.raises(error, match=text):
        call()
