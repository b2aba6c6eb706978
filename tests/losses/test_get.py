"""What an argument `loss=...` may be."""

import jax.numpy as jnp
import numpy as np
import pytest

from freedive import config, losses
from freedive.config import from_json, to_json
from freedive.losses import FunctionLoss, Loss, get


@pytest.mark.parametrize(
    ("identifier", "shown"),
    [
        ("mse", "MeanSquaredError()"),
        ("MSE", "MeanSquaredError()"),
        ("mean_squared_error", "MeanSquaredError()"),
        ("MeanSquaredError", "MeanSquaredError()"),
        ("mae", "MeanAbsoluteError()"),
        ("mape", "MeanAbsolutePercentageError()"),
        ("msle", "MeanSquaredLogarithmicError()"),
        ("bce", "BinaryCrossentropy()"),
        ("kld", "KLDivergence()"),
        ("kullback_leibler_divergence", "KLDivergence()"),
        ("logcosh", "LogCosh()"),
        ("log_cosh", "LogCosh()"),
        ("half_mse", "HalfMeanSquaredError()"),
        ("huber", "Huber()"),
        (losses.mean_squared_error, "MeanSquaredError()"),
        (losses.circle, "Circle()"),
        (losses.Huber, "Huber()"),
        (losses.Huber(0.5, name="mine"), "Huber(delta=0.5)"),
        (losses.Huber(reduction="sum"), "Huber(reduction='sum')"),
        (to_json(losses.BinaryCrossentropy(True)), "BinaryCrossentropy(from_logits=True)"),
        ({"class_name": "BinaryCrossentropy", "config": {"from_logits": True}}, "BinaryCrossentropy(from_logits=True)"),
        (None, "None"),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_get(identifier, shown):
    assert repr(get(identifier)) == shown


@pytest.mark.parametrize(
    ("loss", "name"),
    [
        (losses.MeanSquaredError(), "mean_squared_error"),
        (losses.Huber(), "huber_loss"),
        (losses.KLDivergence(), "kl_divergence"),
        (losses.Dice(name="overlap"), "overlap"),
        (get(jnp.mean), "mean"),
        (get(lambda t, p: p), "lambda"),
    ],
)
def test_names(loss, name):
    assert loss.name == name


def test_functions():
    def mean_cube(y_true, y_pred):
        return jnp.mean(jnp.abs(y_true - y_pred) ** 3, axis=-1)

    loss = get(mean_cube)
    assert isinstance(loss, FunctionLoss) and loss.name == "mean_cube"
    assert float(loss(np.zeros(3), np.full((3, 1), 2.0))) == 8.0  # (3,) against (3, 1) is no (3, 3)
    with pytest.raises(ValueError, match="'mean_cube' is not registered"):
        to_json(loss)
    config.register(mean_cube)
    assert get("mean_cube").function is mean_cube
    assert from_json(to_json(loss)).function is mean_cube


def test_own_classes():
    class Weighted(Loss):
        factor: float = 2.0

        def call(self, y_true, y_pred):
            return self.factor * jnp.mean(jnp.square(y_true - y_pred), axis=-1)

    class OldStyle(Loss):
        def __init__(self, factor=2.0, reduction="sum", name="old"):
            super().__init__(reduction=reduction, name=name)
            self.factor = factor

        def call(self, y_true, y_pred):
            return self.factor * jnp.mean(jnp.square(y_true - y_pred), axis=-1)

    y_true, y_pred = np.zeros((4, 2)), np.ones((4, 2))
    assert float(Weighted(3.0)(y_true, y_pred)) == 3.0
    assert float(get(Weighted)(y_true, y_pred)) == 2.0
    assert float(OldStyle(3.0)(y_true, y_pred)) == 12.0
    assert OldStyle().name == "old" and Weighted().name == "weighted"


def test_structures_of_outputs_reach_the_function():
    loss = get(lambda y_true, y_pred: jnp.sum(y_pred["a"] - y_true["a"], axis=-1) + y_pred["b"])
    values = {"a": np.ones((4, 2), "bfloat16" if hasattr(np, "bfloat16") else "float16"), "b": np.ones(4)}
    assert float(loss({"a": np.zeros((4, 2), int)}, values)) == 3.0


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (losses.BinaryCrossentropy(), "probabilities"),
        (losses.BinaryCrossentropy(from_logits=True), "logits"),
        (losses.SparseCategoricalCrossentropy(), "probabilities"),
        (losses.CategoricalFocalCrossentropy(from_logits=True), "logits"),
        (losses.KLDivergence(), "probabilities"),
        (losses.Dice(), "probabilities"),
        (losses.MeanSquaredError(), None),
        (losses.Hinge(), None),
        (get(lambda t, p: p), None),
    ],
    ids=repr,
)
def test_expects(loss, expected):
    assert loss.expects() == expected


def test_functions_say_what_they_are():
    assert losses.huber.__name__ == "huber"
    assert "delta=1.0" in str(losses.huber.__signature__)
    assert "delta: the error" in losses.huber.__doc__
    assert losses.mse is losses.mean_squared_error
    np.testing.assert_allclose(losses.huber([[0.0]], [[3.0]], 2.0), [4.0])
    with pytest.raises(TypeError, match="reduction"):
        losses.huber([[0.0]], [[3.0]], reduction="sum")


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: get("mean_squarred_error"), ValueError, "unknown loss 'mean_squarred_error'. Did you mean 'mean_sq"),
        (lambda: get("loss"), ValueError, "unknown loss 'loss'"),
        (lambda: get(3), TypeError, "expected a name, an object or a function as loss. Received: 3"),
        (lambda: losses.MeanSquaredError(reduction="average"), ValueError, "'sum_over_batch_size', 'mean', 'sum'"),
        (lambda: losses.Huber(0.0), ValueError, r"Huber\(delta=0.0\): expected more than 0"),
        (lambda: losses.BinaryCrossentropy(label_smoothing=2.0), ValueError, "from 0 to 1"),
        (lambda: losses.BinaryCrossentropy(from_logits=1), TypeError, "expected True or False"),
        (lambda: losses.CategoricalGeneralizedCrossEntropy(q=1.0), ValueError, "between 0 and 1"),
        (lambda: losses.CategoricalCrossentropy(axis=True), TypeError, "expected a whole number"),
        (lambda: Loss()(np.ones(2), np.ones(2)), NotImplementedError, "Loss needs a call method"),
    ],
)
def test_refusals(call, error, text):
    with pytest.raises(error, match=text):
        call()
