"""Regularizers: the peer's penalties and gradients, the textbooks' two forms, and strengths that can be swept."""

import importlib

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from freedive import regularizers
from freedive.config import Configured, Family, from_json, to_json
from freedive.regularizers import L1L2, BatchL2, FunctionRegularizer, Regularizer, StochasticL2, get

W = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
PEERS = [
    ("L1", {}),
    ("L1", {"l1": 0.3}),
    ("L1", {"l1": 0.0}),
    ("L2", {}),
    ("L2", {"l2": 0.3}),
    ("L1L2", {}),
    ("L1L2", {"l1": 0.2}),
    ("L1L2", {"l1": 0.2, "l2": 0.7}),
    ("OrthogonalRegularizer", {}),
    ("OrthogonalRegularizer", {"factor": 0.5, "mode": "columns"}),
]
ALL = [
    *(getattr(regularizers, name)(**arguments) for name, arguments in PEERS),
    BatchL2(0.3, 50),
    StochasticL2(0.3),
    BatchL2(),
]


@pytest.mark.parametrize(("name", "arguments"), PEERS, ids=str)
def test_penalties_and_gradients_are_the_peers(name, arguments):
    ours, theirs = getattr(regularizers, name)(**arguments), getattr(keras.regularizers, name)(**arguments)
    value, gradient = jax.value_and_grad(ours)(W)
    expected, expected_gradient = jax.value_and_grad(lambda w: jnp.asarray(theirs(w)))(jnp.asarray(W))
    np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(gradient, expected_gradient, atol=1e-5)


@pytest.mark.parametrize("family", ["regularizers", "initializers", "constraints"])
def test_the_peers_small_names_are_the_same_classes(family):
    ours, theirs = importlib.import_module(f"freedive.{family}"), getattr(keras, family)
    small = [
        n for n in dir(theirs) if n.islower() and n not in ("serialize", "deserialize", "get", "stft") and n[0] != "_"
    ]
    assert len(small) >= 4
    for name in small:
        assert getattr(ours, name).__name__ == getattr(theirs, name).__name__.removesuffix("Initializer"), name
    with pytest.raises(AttributeError, match="no attribute 'l3'"):
        ours.l3  # noqa: B018


@pytest.mark.parametrize("rule", ALL, ids=repr)
def test_strengths_are_the_float_fields_and_may_be_swept(rule):
    strengths = rule.strengths()
    assert strengths and all(getattr(rule, name) == value for name, value in strengths.items())
    compiled = jax.jit(rule.penalty)
    np.testing.assert_allclose(compiled(W, **strengths), rule(W), rtol=1e-6)
    tripled = {name: 3 * value for name, value in strengths.items()}
    np.testing.assert_allclose(compiled(W, **tripled), 3 * rule(W), rtol=1e-5)
    assert compiled._cache_size() == 1


@pytest.mark.parametrize("rule", ALL, ids=repr)
def test_round_trip_and_types(rule):
    again = from_json(to_json(rule))
    assert type(again) is type(rule) and again.get_config() == rule.get_config()
    assert rule(jnp.asarray(W, "bfloat16")).dtype == jnp.float32
    assert np.isfinite(jax.grad(rule)(np.zeros((3, 3), "float32"))).all()


def test_the_forms_of_textbooks():
    """BatchL2 beside a mean over m examples is lambda / 2m; beside single samples StochasticL2 is lambda / 2."""
    squares = np.square(W).sum()
    np.testing.assert_allclose(BatchL2(strength=0.6, examples=30)(W), 0.6 / 60 * squares, rtol=1e-6)
    np.testing.assert_allclose(StochasticL2(strength=0.6)(W), 0.3 * squares, rtol=1e-6)
    np.testing.assert_allclose(jax.grad(StochasticL2(0.6))(W), 0.6 * W, rtol=1e-6)
    np.testing.assert_allclose(BatchL2(0.6, 1)(W), StochasticL2(0.6)(W), rtol=1e-6)


def test_one_vector_has_no_pairs():
    assert float(regularizers.OrthogonalRegularizer(1.0)(np.ones((1, 3), "float32"))) == 0.0


class Keraslike(Regularizer):
    """As people write them for the peer."""

    def __call__(self, weights):
        return jnp.sum(weights)


@pytest.mark.parametrize("identifier", [jnp.sum, Keraslike, Keraslike(), lambda w: w.sum()])
def test_functions_have_no_strengths(identifier):
    rule = get(identifier)
    assert rule.strengths() == {}
    np.testing.assert_allclose(rule.penalty(W), W.sum(), rtol=1e-5)
    np.testing.assert_allclose(rule(W), W.sum(), rtol=1e-5)


@pytest.mark.parametrize(
    ("identifier", "shown"),
    [
        ("l1", "L1()"),
        ("l2", "L2()"),
        ("L2", "L2()"),
        ("l1_l2", "L1L2(l1=0.01, l2=0.01)"),
        ("L1L2", "L1L2(l1=0.01, l2=0.01)"),
        (L1L2(l2=1.0), "L1L2(l2=1.0)"),
        (StochasticL2, "StochasticL2()"),
        (None, "None"),
        ({"class_name": "L2", "config": {"l2": 0.5}}, "L2(l2=0.5)"),
        ("orthogonal_regularizer", "OrthogonalRegularizer()"),
        (jnp.sum, "FunctionRegularizer(function=sum)"),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_get(identifier, shown):
    assert repr(get(identifier)) == shown


def test_field_type():
    class Thing(Configured):
        family = Family("thing_with_regularizer")
        rule: Regularizer | None = None

    assert Thing().rule is None
    assert repr(Thing("l2").rule) == "L2()"
    assert isinstance(Thing(jnp.sum).rule, FunctionRegularizer)
    with pytest.raises(ValueError, match=r"Thing\(rule='l3'\): unknown regularizer 'l3'"):
        Thing("l3")


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: regularizers.L2(-1.0), ValueError, r"L2\(l2=-1.0\): expected 0 or more"),
        (lambda: regularizers.L2(np.inf), ValueError, "expected a finite number"),
        (lambda: regularizers.L2("a"), TypeError, "expected a number"),
        (lambda: regularizers.BatchL2(0.1, 0), ValueError, "expected more than 0"),
        (lambda: regularizers.OrthogonalRegularizer(mode="both"), ValueError, "'rows', 'columns'"),
        (lambda: regularizers.OrthogonalRegularizer()(np.ones(3)), ValueError, r"expects a matrix.*\(3,\)"),
        (lambda: Regularizer()(W), NotImplementedError, "needs a method penalty"),
    ],
)
def test_refusals(call, error, text):
    with pytest.raises(error, match=text):
        call()
