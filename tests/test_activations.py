"""Activations: the formulas of the peer, their gradients, extremes, and what a name means."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from freedive import activations, config
from freedive.activations import family
from freedive.config import Configured, Family, from_json, to_json

NAMES = sorted(name for name, member in family.members.items() if name == member.__name__)
ARGUMENTS = {  # beyond the defaults
    "relu": [
        {"negative_slope": 0.2},
        {"max_value": 1.5},
        {"threshold": 0.7},
        {"negative_slope": 0.3, "max_value": 1.2, "threshold": 0.4},
        {"negative_slope": 0.3, "max_value": 6.0},
    ],
    "leaky_relu": [{"negative_slope": 0.05}],
    "elu": [{"alpha": 0.5}],
    "celu": [{"alpha": 2.0}],
    "gelu": [{"approximate": True}],
    "squareplus": [{"b": 1.0}],
    "soft_shrink": [{"threshold": 0.1}],
    "hard_shrink": [{"threshold": 1.0}],
    "threshold": [{"threshold": 0.3, "default_value": -2.0}],
    "softmax": [{"axis": 0}, {"axis": 1}, {"axis": (1, 2)}],
    "log_softmax": [{"axis": 0}, {"axis": 1}],
    "sparsemax": [{"axis": 0}, {"axis": 1}],
    "glu": [{"axis": 1}],
}
NEEDS_ARGUMENTS = {"threshold"}
CASES = [
    (name, arguments) for name in NAMES for arguments in [{}] * (name not in NEEDS_ARGUMENTS) + ARGUMENTS.get(name, [])
]
X = np.random.default_rng(0).normal(scale=2.0, size=(3, 4, 6)).astype("float32")


def case_id(case):
    return f"{case[0]}({', '.join(f'{k}={v}' for k, v in case[1].items())})"


def test_every_activation_of_the_peer_is_here():
    peers = {name for name in dir(keras.activations) if callable(getattr(keras.activations, name))}
    assert peers - {"get", "serialize", "deserialize"} <= set(family.members)


@pytest.mark.parametrize("case", [case for case in CASES if case[0] != "sparsemax"], ids=case_id)
def test_values_and_gradients_are_the_peers(case):
    name, arguments = case
    ours, theirs = getattr(activations, name), getattr(keras.activations, name)
    value, pull = jax.vjp(lambda x: ours(x, **arguments), X)
    expected, pull_expected = jax.vjp(lambda x: jnp.asarray(theirs(x, **arguments)), X)
    np.testing.assert_allclose(value, expected, atol=1e-5)
    cotangent = np.random.default_rng(1).normal(size=value.shape).astype("float32")
    np.testing.assert_allclose(pull(cotangent)[0], pull_expected(cotangent)[0], atol=1e-5)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_sparsemax_is_the_projection_onto_the_simplex(axis):
    """The peer's sums partial sums, so that its answers do not sum to one; the definition is the oracle here."""
    low, high = X.min(axis, keepdims=True) - 1, X.max(axis, keepdims=True)
    for _ in range(60):  # bisection for the tau with sum(max(x - tau, 0)) = 1
        tau = (low + high) / 2
        too_much = np.maximum(X - tau, 0).sum(axis, keepdims=True) > 1
        low, high = np.where(too_much, tau, low), np.where(too_much, high, tau)
    expected = np.maximum(X - tau, 0)
    value, pull = jax.vjp(lambda x: activations.sparsemax(x, axis), X)
    np.testing.assert_allclose(value, expected, atol=1e-5)
    np.testing.assert_allclose(value.sum(axis), 1.0, atol=1e-5)
    g = np.random.default_rng(1).normal(size=X.shape).astype("float32")
    kept = expected > 0
    mean = (g * kept).sum(axis, keepdims=True) / kept.sum(axis, keepdims=True)
    np.testing.assert_allclose(pull(g)[0], kept * (g - mean), atol=1e-5)


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_type_is_kept_and_numpy_is_taken(case):
    name, arguments = case
    function = getattr(activations, name)
    assert function(jnp.asarray(X, "bfloat16"), **arguments).dtype == jnp.bfloat16
    assert function(X, **arguments).dtype == jnp.float32


@pytest.mark.parametrize("name", sorted(set(NAMES) - NEEDS_ARGUMENTS - {"exponential"}))
def test_extremes_are_finite(name):
    x = jnp.array([[-1e4, 1e4], [-80.0, 80.0], [0.0, 0.0]])
    value, gradient = jax.value_and_grad(lambda x: getattr(activations, name)(x).sum())(x)
    assert np.isfinite(value) and np.isfinite(gradient).all()


@pytest.mark.parametrize(
    ("name", "options"),
    [
        *[("relu", {}), ("relu", {"max_value": 6.0}), ("relu", {"threshold": 1.0}), ("relu", {"negative_slope": 0.5})],
        *[("relu", {"max_value": 6.0, "negative_slope": 0.5}), ("squareplus", {}), ("relu6", {})],
    ],
)
def test_infinity_is_the_peers(name, options):
    x = np.array([-np.inf, np.inf, 0.0, 3e38, -3e38], "float32")
    found, expected = (getattr(of, name)(x, **options) for of in (activations, keras.activations))
    assert found.dtype == "float32" and not np.isnan(found).any()
    if name != "squareplus":  # the peer's square overflows
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("name", "empty"), [("softmax", 0.0), ("log_softmax", -np.inf)])
def test_rows_of_minus_infinity(name, empty):
    function = getattr(activations, name)
    x = jnp.array([[-jnp.inf, -jnp.inf], [-jnp.inf, 1.0], [0.0, 0.0]])
    value, pull = jax.vjp(function, x)
    np.testing.assert_array_equal(value[0], empty)
    np.testing.assert_allclose(value[1:], getattr(jax.nn, name)(x[1:]))
    gradient = pull(jnp.ones_like(x))[0]
    np.testing.assert_array_equal(gradient[0], 0.0)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        (None, activations.linear),
        ("relu", activations.relu),
        ("swish", activations.silu),
        ("silu", activations.silu),
        ("hard_swish", activations.hard_silu),
        (activations.tanh, activations.tanh),
        (jnp.sin, jnp.sin),
        ({"kind": "activation", "class": "gelu"}, activations.gelu),
        (to_json(activations.gelu), activations.gelu),
    ],
)
def test_get(identifier, expected):
    assert activations.get(identifier) is expected


def test_get_finds_registered_functions_and_makes_classes():
    def cube(x):
        return x**3

    class Gate:
        def __call__(self, x):
            return x

    config.register(cube)
    assert activations.get("cube") is cube
    assert from_json(to_json(cube)) is cube
    assert isinstance(activations.get(Gate), Gate)


@pytest.mark.parametrize(
    ("identifier", "error", "text"),
    [
        ("rellu", ValueError, r"unknown activation 'rellu'. Did you mean 'relu'"),
        (3, TypeError, "expected a name, a function or a layer as activation. Received: 3"),
        ({"a": 1}, TypeError, "expected a name, an object or a function as activation"),
    ],
)
def test_get_refuses(identifier, error, text):
    with pytest.raises(error, match=text):
        activations.get(identifier)


def test_field_type():
    class Thing(Configured):
        family = Family("thing_with_activation")
        activation: activations.Activation = None

    assert Thing().activation is activations.linear
    assert Thing("relu").activation is activations.relu
    assert Thing.from_config(Thing("relu").get_config()).activation is activations.relu
    with pytest.raises(ValueError, match=r"Thing\(activation='rellu'\): unknown activation"):
        Thing("rellu")
