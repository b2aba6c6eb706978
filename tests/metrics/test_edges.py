"""Metrics where Keras has none, differs, or says nothing: reductions, wrappers, choice by shape, bad input."""

import json

import jax.numpy as jnp
import keras
import numpy as np
import pytest
import sklearn.metrics as oracle

from freedive import losses, metrics
from freedive.config import register, to_json


@register
def off_by(y_true, y_pred, power=1):
    return jnp.abs(y_true - y_pred) ** power


def test_mean_and_sum():
    for name in ("Mean", "Sum"):
        for values, w in [
            (np.arange(6.0), None),
            (np.arange(6.0), np.array([0, 1, 2, 0, 1, 1.0])),
            (np.arange(6.0).reshape(3, 2), np.array([1, 0, 2.0])),
            (np.arange(6.0).reshape(3, 2), np.array([[1, 0], [0, 2], [1, 1.0]])),
            (np.float32(3), None),
        ]:
            ours, peer = getattr(metrics, name)(), getattr(keras.metrics, name)()
            for _ in range(2):
                ours.update_state(values, w)
                peer.update_state(values, w)
            np.testing.assert_allclose(ours.result(), np.asarray(peer.result()), rtol=1e-6)
    np.testing.assert_allclose(metrics.Sum()([[1.0, 2.0], [3.0, 4.0]], [1.0, 10.0]), 73.0)


def test_before_the_first_update_the_result_is_zero():
    assert metrics.AUC().result() == 0
    metric = metrics.Mean()
    metric.update_state([4.0])
    metric.reset_state()
    assert metric.result() == 0


@pytest.mark.parametrize("name", ["accuracy", "mse", "f1", "auc", "precision", "r2_score", "mean_metric_wrapper"])
def test_against_hand_made_numbers(name):
    """sklearn as a second oracle, on labels that come as people have them."""
    random = np.random.default_rng(0)
    labels, scores = random.integers(0, 3, 50), random.random((50, 3), "float32")
    bits, chances = random.integers(0, 2, 50), random.random(50, "float32")
    mine = {
        "accuracy": (
            metrics.SparseCategoricalAccuracy()(labels, scores),
            oracle.accuracy_score(labels, scores.argmax(1)),
        ),
        "mse": (metrics.MeanSquaredError()(bits, chances), oracle.mean_squared_error(bits, chances)),
        "f1": (metrics.F1Score("macro")(labels, scores), oracle.f1_score(labels, scores.argmax(1), average="macro")),
        "auc": (metrics.AUC(2000)(bits, chances), oracle.roc_auc_score(bits, chances)),
        "precision": (metrics.Precision()(bits, chances), oracle.precision_score(bits, chances > 0.5)),
        "r2_score": (metrics.R2Score()(chances, scores[:, 0]), oracle.r2_score(chances, scores[:, 0])),
        "mean_metric_wrapper": (
            metrics.MeanMetricWrapper(off_by)(bits, chances),
            oracle.mean_absolute_error(bits, chances),
        ),
    }
    ours, expected = mine[name]
    np.testing.assert_allclose(ours, expected, rtol=2e-3 if name == "auc" else 1e-5)


@pytest.mark.parametrize(
    ("y_true", "y_pred"),
    [
        ([0, 1, 2, 2], [0, 2, 2, 1]),
        ([0, 1, 2, 2], np.eye(3)[[0, 2, 2, 1]]),
        (np.eye(3)[[0, 1, 2, 2]], np.eye(3)[[0, 2, 2, 1]]),
        ([[0], [1], [2], [2]], [[0], [2], [2], [1]]),
        ([[0, 1, 2], [2, -1, -1]], [[0, 2, 2], [1, 0, 0]]),  # sequences as long as there are classes
        ([[0, 1, 2], [2, -1, -1]], np.eye(3)[[[0, 2, 2], [1, 0, 0]]]),
    ],
)
def test_confusion_matrix_of_classes(y_true, y_pred):
    matrix = metrics.ConfusionMatrix(3)(np.asarray(y_true), np.asarray(y_pred))
    np.testing.assert_array_equal(matrix, oracle.confusion_matrix([0, 1, 2, 2], [0, 2, 2, 1]))


def test_confusion_matrix_of_probabilities_and_of_what_is_no_class():
    np.testing.assert_array_equal(metrics.ConfusionMatrix(2)([0, 1, 1], [[0.2], [0.9], [0.3]]), [[1, 0], [1, 1]])
    np.testing.assert_array_equal(metrics.ConfusionMatrix(3)([0, 7, -1], [0, 1, 1]), np.diag([1, 0, 0]))


def test_counts_are_exact_up_to_16_million():
    ones = np.ones(2**16, "float32")
    metric = metrics.TruePositives()
    for _ in range(255):
        metric.update_state(ones, ones)
    metric.update_state(ones[:-1], ones[:-1])
    assert metric.result() == 2**24 - 1


def test_counting_goes_on_above_16_million_a_batch():
    ones = np.ones(2**24 + 2**23, "float32")
    assert metrics.TruePositives()(ones, ones) == len(ones)
    np.testing.assert_array_equal(metrics.ConfusionMatrix(2)(ones, ones), [[0, 0], [0, len(ones)]])


@pytest.mark.parametrize("shape", [(4, 3), (4,), (4, 1)])
def test_the_root_of_the_error_has_weights_of_each_number(shape):
    random = np.random.default_rng(0)
    y, p, w = random.normal(size=(4, 3)), random.normal(size=(4, 3)), random.random(shape)
    ours, peer = metrics.RootMeanSquaredError(), keras.metrics.RootMeanSquaredError()
    np.testing.assert_allclose(ours(y, p, sample_weight=w), peer(y, p, sample_weight=w), rtol=1e-6)


def test_what_keras_takes_for_hits_and_is_none():
    assert metrics.SparseTopKCategoricalAccuracy(k=2)([-1], [[0.1, 0.2, 0.7]]) == 0  # not the last class
    assert metrics.SparseCategoricalAccuracy()(np.array([44], "uint8"), np.eye(300)[[300 - 1]]) == 0  # no overflow
    assert metrics.TruePositives()([-1.0, 1.0], [0.9, 0.9]) == 1  # -1 is no positive
    assert metrics.TruePositives()([1.0], [np.nan]) == 0


def test_r2_of_targets_far_from_zero():
    random = np.random.default_rng(0)
    y = (1e4 + random.normal(size=(1000, 2))).astype("float32")
    guess = y + (random.normal(size=y.shape) / 10).astype("float32")
    guess[-1] = y[-1] = np.nan
    w, r2 = np.ones(1000), metrics.R2Score()
    w[-1] = 0
    for part in (slice(0, 300), slice(300, 301), slice(301, 1000)):
        r2.update_state(y[part], guess[part], w[part])
    np.testing.assert_allclose(r2.result(), oracle.r2_score(y[:-1], guess[:-1]), rtol=1e-5)


def test_r2_of_constant_targets():
    assert metrics.R2Score()([2.0, 2.0], [2.0, 2.0]) == 1
    assert metrics.R2Score()([2.0, 2.0], [2.0, 3.0]) == 0
    flat = np.ones((4, 2)), np.array([[1.0, 2.0]] * 4)
    assert metrics.R2Score("variance_weighted_average")(*flat) == 0.5  # as in scikit-learn
    r2 = metrics.R2Score()
    for _ in range(3):
        assert r2([0.1, 0.1], [0.1, 0.2]) == 0
    np.testing.assert_allclose(metrics.R2Score(num_regressors=5)([1.0, 2.0, 3.0], [1.0, 2.0, 4.0]), 0.5)  # not adjusted


def test_ignored_classes_do_not_count():
    metric = metrics.SparseCategoricalCrossentropy(ignore_class=0)
    y_pred = np.array([[0.5, 0.5], [0.25, 0.75]])
    np.testing.assert_allclose(metric([0, 1], y_pred), -np.log(0.75), rtol=1e-6)


def test_one_number_a_batch_counts_by_its_samples():
    metric = metrics.get(lambda y_true, y_pred: jnp.mean(y_pred))
    metric.update_state(np.zeros(3), np.full(3, 1.0))
    metric.update_state(np.zeros(1), np.full(1, 5.0))
    assert metric.result() == 2


def test_the_same_object_measures_many_times():
    metric = metrics.Accuracy()
    assert metric([1, 2], [1, 3]) == 0.5
    assert metric([1, 2], [1, 2]) == 0.75  # the call goes on from what was seen
    assert metric.result() == 0.75


# finding and choosing ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("identifier", "kind", "name"),
    [
        ("accuracy", "Accuracy", "accuracy"),
        ("acc", "Accuracy", "accuracy"),
        ("mse", "MeanSquaredError", "mean_squared_error"),
        ("MAE", "MeanAbsoluteError", "mean_absolute_error"),
        ("AUC", "AUC", "auc"),
        ("auc", "AUC", "auc"),
        ("binary_io_u", "BinaryIoU", "binary_io_u"),
        ("fbeta_score", "FBetaScore", "fbeta_score"),
        ("huber", "MeanMetricWrapper", "huber_loss"),
        ("off_by", "MeanMetricWrapper", "off_by"),
        (metrics.Recall, "Recall", "recall"),
        (metrics.Recall(name="found"), "Recall", "found"),
        (off_by, "MeanMetricWrapper", "off_by"),
        (losses.mean_squared_error, "MeanMetricWrapper", "mean_squared_error"),
        (losses.Huber(), "MeanMetricWrapper", "huber_loss"),
        ({"class_name": "Precision", "config": {"top_k": 2}}, "Precision", "precision"),
    ],
)
def test_get(identifier, kind, name):
    metric = metrics.get(identifier)
    assert (type(metric).__name__, metric.name) == (kind, name)


SHAPES = [
    ((None, 1), (None,), "Binary"),
    ((None, 1), (None, 1), "Binary"),
    ((None, 7, 1), (None, 7), "Binary"),
    ((None, 10), (None,), "SparseCategorical"),
    ((None, 10), (None, 1), "SparseCategorical"),
    ((None, 10), (None, 10), "Categorical"),
    ((None, 7, 10), (None, 7), "SparseCategorical"),
    ((None, 7, 10), (None, 7, 1), "SparseCategorical"),
    ((None, 7, 10), (None, 7, 10), "Categorical"),
    ((None, 10), None, "SparseCategorical"),
]


@pytest.mark.parametrize(("output", "target", "kind"), SHAPES)
def test_words_that_fit_the_shapes(output, target, kind):
    for word, suffix in [
        ("accuracy", "Accuracy"),
        ("acc", "Accuracy"),
        ("crossentropy", "Crossentropy"),
        ("ce", "Crossentropy"),
    ]:
        metric = metrics.resolve(word, None, output, target)
        assert (type(metric).__name__, metric.name) == (kind + suffix, word)
    if target is not None:
        from keras.src.trainers.compile_utils import get_metric

        sizes = [[2 if n is None else n for n in shape] for shape in (target, output)]
        assert type(get_metric("accuracy", *map(np.zeros, sizes))).__name__ == kind + "Accuracy"


def test_words_that_fit_a_loss_of_logits():
    loss = losses.BinaryCrossentropy(from_logits=True)
    assert metrics.resolve("accuracy", loss, (None, 1), (None, 1)).threshold == 0.0
    assert metrics.resolve("ce", loss, (None, 1), (None, 1)).from_logits
    assert metrics.resolve("mse", loss, (None, 1), (None, 1)).name == "mse"
    assert metrics.resolve(metrics.AUC(name="area"), loss, (None, 1), None).name == "area"


def test_wrapped_functions_are_written_by_name():
    metric = metrics.MeanMetricWrapper(off_by, name="cubes", power=3)
    again = metrics.get(json.loads(json.dumps(to_json(metric))))
    assert again.name == "cubes"
    assert again(np.zeros(1), np.full(1, 2.0)) == metric(np.zeros(1), np.full(1, 2.0)) == 8
    with pytest.raises(ValueError, match="not registered"):
        to_json(metrics.get(lambda y_true, y_pred: y_pred))


def test_a_loss_as_metric_is_divided_by_the_weights():
    y_true, y_pred, w = np.zeros((3, 1)), np.array([[1.0], [2.0], [5.0]]), np.array([1.0, 1.0, 0.0])
    loss = losses.MeanSquaredError()
    np.testing.assert_allclose(metrics.get(loss)(y_true, y_pred, w), 2.5)
    np.testing.assert_allclose(loss(y_true, y_pred, w), 5 / 3, rtol=1e-6)
    assert loss.reduction == "sum_over_batch_size"


# refusing ---------------------------------------------------------------------------------------------------------
class Unwritten(metrics.Metric):
    pass


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda: metrics.get("acuracy"), "unknown metric 'acuracy'. Did you mean 'accuracy'"),
        (lambda: metrics.get(3), "expected a name, a metric or a function as metric. Received: 3"),
        (lambda: metrics.resolve(None, None, (None, 1), None), "expected a metric. Received: None"),
        (lambda: metrics.MeanSquaredError()(np.zeros((4, 3)), np.zeros((4, 1))), "nothing is repeated to fit"),
        (lambda: metrics.Accuracy()(np.zeros((4, 3)), np.zeros((4, 1))), "Accuracy: y_true has shape .4, 3."),
        (lambda: metrics.Precision()(np.zeros(4), np.zeros((4, 3))), "Precision: y_true has shape .4,."),
        (
            lambda: metrics.SparseCategoricalAccuracy()(np.zeros((4, 3)), np.zeros((4, 3))),
            "one class number for each row",
        ),
        (lambda: metrics.Accuracy()(np.zeros(4), np.zeros(4), np.zeros(3)), "sample_weight has shape .3,."),
        (lambda: metrics.Accuracy()(np.zeros(4), np.zeros(4), mask=np.zeros((4, 2))), "mask has shape .4, 2."),
        (
            lambda: metrics.Precision(class_id=9)(np.zeros((4, 3)), np.zeros((4, 3))),
            "class_id=9.*Received: shape .4, 3.",
        ),
        (lambda: metrics.Precision(thresholds=1.5), "expected a number from 0 to 1"),
        (lambda: metrics.Precision(top_k=0), "expected more than 0"),
        (lambda: metrics.AUC(num_thresholds=1), "expected 2 or more"),
        (lambda: metrics.AUC(curve="ROCK"), "expected one of 'ROC', 'PR', 'PRGAIN'"),
        (lambda: metrics.AUC(num_labels=3), "only with multi_label=True"),
        (lambda: metrics.AUC(multi_label=True)(np.zeros(4), np.zeros(4)), "expects .batch, labels."),
        (lambda: metrics.F1Score(average="mean"), "expected one of None, 'micro'"),
        (lambda: metrics.F1Score(threshold=0.0), "expected more than 0"),
        (lambda: metrics.F1Score()(np.zeros(4), np.zeros(4)), "against one-hot rows or numbers of classes"),
        (lambda: metrics.FBetaScore(beta=0.0), "expected more than 0"),
        (lambda: metrics.IoU(2, [2]), "target class 2 is outside 0..1"),
        (lambda: metrics.SensitivityAtSpecificity(1.5), "expected a number from 0 to 1"),
        (lambda: metrics.R2Score(class_aggregation="mean"), "expected one of None, 'uniform_average'"),
        (lambda: metrics.R2Score()(np.zeros((2, 3, 4)), np.zeros((2, 3, 4))), "expects .batch, outputs."),
        (lambda: metrics.get(lambda y_true, y_pred: None)(np.zeros(2), np.zeros(2)), "lambda gave None"),
        (lambda: Unwritten()(np.zeros(2), np.zeros(2)), "Unwritten must write sums"),
    ],
)
def test_what_is_wrong_is_said(wrong, says):
    with pytest.raises((ValueError, TypeError, NotImplementedError), match=says):
        wrong()


def test_one_threshold_of_a_curve():
    auc = metrics.AUC(thresholds=0.5)
    assert auc([0, 1, 1], [0.2, 0.7, 0.4]) == metrics.AUC(thresholds=[0.5])([0, 1, 1], [0.2, 0.7, 0.4])
