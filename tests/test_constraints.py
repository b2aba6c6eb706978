"""Constraints: the peer's projections, and what they promise."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from freedive import constraints
from freedive.config import Configured, Family, from_json, to_json
from freedive.constraints import Constraint, get

W = np.random.default_rng(0).normal(size=(6, 5, 4)).astype("float32") * np.linspace(0.01, 2, 4, dtype="float32")
CASES = [
    ("NonNeg", {}),
    ("MaxNorm", {}),
    ("MaxNorm", {"max_value": 0.5, "axis": 1}),
    ("MaxNorm", {"max_value": 1, "axis": [0, 1]}),
    ("UnitNorm", {}),
    ("UnitNorm", {"axis": [0, 1]}),
    ("UnitNorm", {"axis": -1}),
    ("MinMaxNorm", {}),
    ("MinMaxNorm", {"min_value": 0.5, "max_value": 1.0, "axis": 1}),
    ("MinMaxNorm", {"min_value": 0.5, "max_value": 1.0, "rate": 0.3, "axis": [0, 1]}),
]


@pytest.mark.parametrize(("name", "arguments"), CASES, ids=str)
def test_the_peers_projections(name, arguments):
    ours, theirs = getattr(constraints, name)(**arguments), getattr(keras.constraints, name)(**arguments)
    projected = jax.jit(ours)(W)
    np.testing.assert_allclose(projected, theirs(W), atol=1e-5)
    assert projected.shape == W.shape and projected.dtype == W.dtype
    again = from_json(to_json(ours))
    np.testing.assert_array_equal(again(W), ours(W))
    zeros = np.zeros((3, 2, 2), "float32")
    np.testing.assert_array_equal(ours(zeros), zeros)


@pytest.mark.parametrize(
    ("made", "low", "high"),
    [
        (constraints.MaxNorm(0.7, (0, 1)), 0, 0.7),
        (constraints.UnitNorm((0, 1)), 1, 1),
        (constraints.MinMaxNorm(0.5, 0.9, axis=(0, 1)), 0.5, 0.9),
    ],
)
def test_norms_keep_their_bounds(made, low, high):
    norms = np.linalg.norm(np.asarray(made(W)).reshape(-1, 4), axis=0)
    assert (norms >= low - 1e-5).all() and (norms <= high + 1e-5).all()


def test_weights_within_bounds_stay():
    np.testing.assert_allclose(constraints.MaxNorm(100.0)(W), W, rtol=1e-5)
    np.testing.assert_array_equal(constraints.NonNeg()(np.abs(W)), np.abs(W))


@pytest.mark.parametrize(
    ("identifier", "shown"),
    [
        ("non_neg", "NonNeg()"),
        ("MaxNorm", "MaxNorm()"),
        ("unit_norm", "UnitNorm()"),
        (constraints.MinMaxNorm, "MinMaxNorm()"),
        (constraints.MaxNorm(1.0), "MaxNorm(max_value=1.0)"),
        ({"class_name": "MaxNorm", "config": {"max_value": 3, "axis": [0, 1]}}, "MaxNorm(max_value=3.0, axis=(0, 1))"),
        (None, "None"),
    ],
    ids=str,
)
def test_get(identifier, shown):
    assert repr(get(identifier)) == shown


def test_functions_and_field_type():
    class Thing(Configured):
        family = Family("thing_with_constraint")
        kept: Constraint | None = None

    assert get(jnp.abs) is jnp.abs
    assert Thing(jnp.abs).kept is jnp.abs
    assert repr(Thing("non_neg").kept) == "NonNeg()"
    with pytest.raises(ValueError, match=r"Thing\(kept='nonneg'\): unknown constraint 'nonneg'. Did you mean"):
        Thing("nonneg")


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: constraints.MaxNorm(-1.0), ValueError, r"MaxNorm\(max_value=-1.0\): expected 0 or more"),
        (lambda: constraints.MaxNorm(axis=0.5), TypeError, "expected a whole number"),
        (lambda: constraints.MinMaxNorm(rate=2.0), ValueError, "from 0 to 1"),
        (lambda: constraints.MinMaxNorm(2.0, 1.0), ValueError, "min_value to be at most max_value"),
        (lambda: Constraint()(W), NotImplementedError, "needs a __call__ method"),
    ],
)
def test_refusals(call, error, text):
    with pytest.raises(error, match=text):
        call()
