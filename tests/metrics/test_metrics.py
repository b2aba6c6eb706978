"""One table of metrics; every property over every row. The oracle is Keras on the same engine."""

import functools
import inspect
import json

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras.src.backend.common.masking import set_keras_mask

from freedive import metrics
from freedive.config import to_json
from freedive.metrics.moments import added, merged

N = 24
PARTS = (slice(0, 16), slice(16, 24))  # the last batch is short


def softmax(x):
    return np.exp(x) / np.exp(x).sum(-1, keepdims=True)


def data(kind):
    """(y_true, y_pred) of N samples."""
    random = np.random.default_rng(len(kind))
    normal, labels = random.normal(size=(N, 4)).astype("float32"), random.integers(0, 4, N)
    pieces = {
        "binary": lambda: (random.integers(0, 2, (N, 1)), random.random((N, 1), "float32")),
        "flat": lambda: (random.integers(0, 2, N), random.random(N, "float32")),
        "multilabel": lambda: (random.integers(0, 2, (N, 4)), random.random((N, 4), "float32")),
        "logits": lambda: (random.integers(0, 2, (N, 4)), normal),
        "onehot": lambda: (np.eye(4, dtype="float32")[labels], softmax(normal)),
        "sparse": lambda: (labels, softmax(normal)),
        "sparse column": lambda: (labels[:, None], softmax(normal)),
        "sparse time": lambda: (
            random.integers(0, 4, (N, 3)),
            softmax(random.normal(size=(N, 3, 4)).astype("float32")),
        ),
        "onehot time": lambda: (np.eye(4)[random.integers(0, 4, (N, 3))], softmax(random.normal(size=(N, 3, 4)))),
        "sorted ids": lambda: (labels, np.argsort(-normal, -1).astype("float32")),
        "classes": lambda: (labels, random.integers(0, 4, N)),
        "maps": lambda: (random.integers(0, 4, (N, 2, 3)), random.integers(0, 4, (N, 2, 3))),
        "bits": lambda: (random.integers(0, 2, N), random.integers(0, 2, N)),
        "equal": lambda: (random.integers(0, 2, (N, 2)).astype("float32"), random.integers(0, 2, (N, 2))),
        "numbers": lambda: (normal, (normal + random.normal(size=(N, 4)) / 2).astype("float32")),
        "columns": lambda: (normal[:, :1], (normal[:, :1] / 2).astype("float32")),
        "time": lambda: (
            random.normal(size=(N, 3, 4)).astype("float32"),
            random.normal(size=(N, 3, 4)).astype("float32"),
        ),
        "positive": lambda: (random.random((N, 4), "float32") + 0.5, random.random((N, 4), "float32") + 0.5),
        "signs": lambda: (random.choice([-1.0, 1.0], (N, 4)).astype("float32"), normal),
        "distributions": lambda: (softmax(random.normal(size=(N, 4))).astype("float32"), softmax(normal)),
    }
    return pieces[kind]()


def table(cases):
    return [(name, arguments, kind) for name, rows in cases.items() for arguments, kind in rows]


def over(*kinds, **arguments):
    return [(arguments, kind) for kind in kinds]


NUMBERS = over("numbers", "columns", "time", "positive", "signs")
THRESHOLDS = [
    *over("binary", "flat", "multilabel"),
    *over("multilabel", thresholds=[0.2, 0.5, 0.9]),
    *over("binary", thresholds=0.3),
]
RATES = [*THRESHOLDS, *over("onehot", top_k=2), *over("multilabel", class_id=1), *over("onehot", class_id=2, top_k=1)]
BESTS = [
    *over("binary", num_thresholds=50),
    *over("multilabel"),
    *over("multilabel", class_id=1),
    *over("flat", num_thresholds=1),
    *over("binary", num_thresholds=7),
]
SCORES = [
    *over("onehot", "multilabel"),
    *over("onehot", average="macro"),
    *over("multilabel", average="micro", threshold=0.4),
    *over("onehot", average="weighted"),
    *over("multilabel", threshold=0.6),
]
SPARSE = {
    "SparseCategoricalAccuracy": over("sparse", "sparse column", "sparse time"),
    "SparseTopKCategoricalAccuracy": [
        *over("sparse", "sparse time", k=2),
        *over("sparse"),
        *over("sorted ids", k=2, from_sorted_ids=True),
        *over("sparse column", k=3),
    ],
    "SparseCategoricalCrossentropy": [
        *over("sparse", "sparse time", "sparse column"),
        *over("sparse", from_logits=True),
    ],
}
CASES = {
    **SPARSE,
    "Accuracy": over("classes", "bits", "equal", "maps"),
    "BinaryAccuracy": [
        *over("binary", "flat", "multilabel"),
        *over("multilabel", threshold=0.8),
        *over("logits", threshold=0.0),
    ],
    "CategoricalAccuracy": over("onehot", "onehot time", "distributions", "numbers", "multilabel"),
    "TopKCategoricalAccuracy": [
        *over("onehot", "onehot time", "distributions", k=2),
        *over("onehot"),
        *over("onehot", k=1),
    ],
    "MeanSquaredError": NUMBERS,
    "RootMeanSquaredError": NUMBERS,
    "MeanAbsoluteError": NUMBERS,
    "MeanAbsolutePercentageError": NUMBERS,
    "MeanSquaredLogarithmicError": over("positive", "binary", "multilabel", "onehot", "distributions"),
    "LogCoshError": NUMBERS,
    "CosineSimilarity": [*over("numbers", "time", "positive", "signs"), *over("time", axis=1)],
    "Hinge": over("signs", "binary", "multilabel", "logits", "onehot"),
    "SquaredHinge": over("signs", "binary", "multilabel", "logits", "onehot"),
    "CategoricalHinge": over("onehot", "onehot time", "signs", "distributions", "multilabel"),
    "KLDivergence": over("distributions", "positive", "onehot", "multilabel", "onehot time"),
    "Poisson": over("positive", "binary", "multilabel", "distributions", "onehot"),
    "BinaryCrossentropy": [
        *over("binary", "multilabel", "onehot time"),
        *over("logits", from_logits=True),
        *over("multilabel", label_smoothing=0.2),
    ],
    "CategoricalCrossentropy": [
        *over("onehot", "onehot time", "distributions"),
        *over("onehot", from_logits=True),
        *over("onehot", label_smoothing=0.2),
    ],
    "PearsonCorrelation": [*over("numbers", "time", "positive", "distributions"), *over("time", axis=1)],
    "ConcordanceCorrelation": [*over("numbers", "time", "positive", "distributions"), *over("time", axis=1)],
}
COUNTED = {
    "TruePositives": THRESHOLDS,
    "TrueNegatives": THRESHOLDS,
    "FalsePositives": THRESHOLDS,
    "FalseNegatives": THRESHOLDS,
    "Precision": RATES,
    "Recall": RATES,
    "SensitivityAtSpecificity": [({"specificity": 0.4, **a}, k) for a, k in BESTS],
    "SpecificityAtSensitivity": [({"sensitivity": 0.4, **a}, k) for a, k in BESTS],
    "PrecisionAtRecall": [({"recall": 0.4, **a}, k) for a, k in BESTS],
    "RecallAtPrecision": [({"precision": 0.4, **a}, k) for a, k in BESTS],
    "AUC": [
        *over("binary", "flat", "multilabel"),
        *over("binary", num_thresholds=17, summation_method="minoring"),
        *over("binary", curve="PR"),
        *over("binary", curve="PR", summation_method="majoring", num_thresholds=20),
        *over("binary", curve="PRGAIN"),
        *over("binary", thresholds=[0.9, 0.2, 0.5]),
        *over("multilabel", multi_label=True, num_labels=4),
        *over("multilabel", multi_label=True, curve="PR", label_weights=[0.1, 0.2, 0.3, 0.4]),
        *over("multilabel", label_weights=[0.1, 0.2, 0.3, 0.4]),
        *over("logits", from_logits=True),
    ],
    "FBetaScore": [({"beta": 2.0, **a}, k) for a, k in SCORES],
    "F1Score": SCORES,
    "IoU": [
        *over("classes", "maps", num_classes=4, target_class_ids=[0, 2]),
        *over("classes", num_classes=5, target_class_ids=[4]),
        *over("classes", num_classes=4, target_class_ids=[1], ignore_class=0),
        *over("onehot", num_classes=4, target_class_ids=[1, 3], sparse_y_true=False, sparse_y_pred=False),
    ],
    "BinaryIoU": [
        *over("flat", "bits"),
        *over("flat", threshold=0.2),
        *over("flat", target_class_ids=[1]),
        *over("bits", target_class_ids=[0], threshold=0.9),
    ],
    "MeanIoU": [
        *over("classes", "maps", num_classes=4),
        *over("classes", num_classes=7),
        *over("classes", num_classes=4, ignore_class=1),
        *over("sparse", num_classes=4, sparse_y_pred=False),
    ],
    "OneHotIoU": [
        *over("onehot", "onehot time", num_classes=4, target_class_ids=[0, 2]),
        *over("onehot", num_classes=4, target_class_ids=[3]),
        *over("onehot", num_classes=4, target_class_ids=[1, 2], ignore_class=1),
        *over("onehot", num_classes=6, target_class_ids=[5, 0]),
    ],
    "OneHotMeanIoU": [
        *over("onehot", "onehot time", num_classes=4),
        *over("onehot", num_classes=4, ignore_class=2),
        *over("onehot", num_classes=6),
        *over("distributions", num_classes=4),
    ],
    "R2Score": [
        *over("numbers", "columns"),
        *over("numbers", class_aggregation=None),
        *over("numbers", class_aggregation="variance_weighted_average"),
        *over("columns", num_regressors=3),
    ],
}
AVERAGED, ROWS = table(CASES), table({**CASES, **COUNTED})
OWN = [
    ("ConfusionMatrix", {"num_classes": 4}, "sparse"),
    ("ConfusionMatrix", {"num_classes": 4}, "onehot"),
    ("ConfusionMatrix", {"num_classes": 4}, "maps"),
    ("ConfusionMatrix", {"num_classes": 2}, "binary"),
    ("SparseCategoricalCrossentropy", {"ignore_class": 1}, "sparse"),
    ("F1Score", {"average": "macro"}, "sparse"),
]


def ids(rows):
    return [f"{name}-{kind}-{i}" for i, (name, _, kind) in enumerate(rows)]


def peer_of(name, arguments):
    exact = {"dtype": "float32"} if "IoU" in name else {}  # by default Keras cuts the weights of areas to whole numbers
    return getattr(keras.metrics, name)(**arguments, **exact)


def weights(seed=7):
    return np.random.default_rng(seed).choice([0.0, 0.5, 1.0, 2.0], N).astype("float32")


@pytest.mark.parametrize(("name", "arguments", "kind"), ROWS, ids=ids(ROWS))
def test_values_are_those_of_keras(name, arguments, kind):
    y_true, y_pred = data(kind)
    ours, peer, w = getattr(metrics, name)(**arguments), peer_of(name, arguments), weights()
    w = w + 1 if "num_regressors" in arguments else w  # a sample of weight 0 is one of Keras' n, not of ours
    theirs = w
    if "IoU" in name and kind in ("maps", "onehot time"):  # there Keras wants a weight for every pixel
        theirs = np.broadcast_to(w.reshape(-1, *(1,) * (y_pred.ndim - 1)), y_pred.shape)
        theirs = theirs[..., 0] if kind == "onehot time" else theirs
    for part, weighted in zip(PARTS, (False, True), strict=True):
        ours.update_state(y_true[part], y_pred[part], sample_weight=w[part] if weighted else None)
        peer.update_state(y_true[part], y_pred[part], sample_weight=theirs[part] if weighted else None)
        np.testing.assert_allclose(ours.result(), np.asarray(peer.result()), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "arguments", "kind"), [r for r in AVERAGED if r[2] in ("sparse time", "onehot time", "time")]
)
def test_masks_are_those_of_keras(name, arguments, kind):
    y_true, y_pred = data(kind)
    if arguments.get("axis", -1) == 1 or name == "RootMeanSquaredError":
        pytest.skip("Keras does not look at masks here")
    mask = np.random.default_rng(3).random((N, 3)) < 0.6
    step_weights = np.random.default_rng(4).random((N, 3)).astype("float32")
    for w in (None, step_weights):
        ours, peer = getattr(metrics, name)(**arguments), peer_of(name, arguments)
        for part in PARTS:
            masked = jnp.asarray(y_pred[part])
            set_keras_mask(masked, jnp.asarray(mask[part]))
            w_part = None if w is None else w[part]
            ours.update_state(y_true[part], y_pred[part], sample_weight=w_part, mask=mask[part])
            peer.update_state(y_true[part], masked, sample_weight=w_part)
        np.testing.assert_allclose(ours.result(), np.asarray(peer.result()), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("name", "arguments", "kind"), ROWS + OWN, ids=ids(ROWS + OWN))
def test_a_mask_is_a_weight_and_what_it_hides_may_be_anything(name, arguments, kind):
    metric, (y_true, y_pred) = getattr(metrics, name)(**arguments), data(kind)
    mask, w = np.arange(N) % 3 > 0, weights()
    whole = metric.compute(metric.sums(y_true[mask], y_pred[mask], w[mask]))
    np.testing.assert_allclose(metric.compute(metric.sums(y_true, y_pred, w, mask)), whole, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(metric.compute(metric.sums(y_true, y_pred, w * mask)), whole, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("name", "arguments", "kind"), ROWS + OWN, ids=ids(ROWS + OWN))
@settings(max_examples=3, deadline=None)
@given(part=st.lists(st.integers(0, 2), min_size=N, max_size=N), weighted=st.booleans())
def test_sums_of_parts_add_up(name, arguments, kind, part, weighted):
    """Any division of the samples gives the sums of the whole, in the same float32."""
    metric, (y_true, y_pred) = getattr(metrics, name)(**arguments), data(kind)
    w = weights() if weighted else np.ones(N, "float32")
    sums = [metric.sums(y_true, y_pred, w, np.array(part) == i) for i in range(3)]
    whole = metric.sums(y_true, y_pred, w if weighted else None)
    together = functools.reduce(added, sums)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), together, whole)
    at_once = merged(jax.tree.map(lambda *s: jnp.stack(s), *sums))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), at_once, whole)
    assert {s.dtype for s in jax.tree.leaves(whole)} == {np.dtype("float32")}


FIRST = list({row[0]: row for row in [*ROWS, *OWN]}.values())


@pytest.mark.parametrize(("name", "arguments", "kind"), FIRST, ids=ids(FIRST))
def test_compiled(name, arguments, kind):
    metric, (y_true, y_pred) = getattr(metrics, name)(**arguments), data(kind)
    traced = []
    compiled = jax.jit(lambda t, p, w: traced.append(1) or metric.compute(metric.sums(t, p, w)))
    for w in (weights(1), weights(2)):
        plain = metric.compute(metric.sums(y_true, y_pred, w))
        np.testing.assert_allclose(compiled(y_true, y_pred, w), plain, rtol=1e-5, atol=1e-6)
    assert len(traced) == 1


@pytest.mark.parametrize(("name", "arguments", "kind"), ROWS + OWN, ids=ids(ROWS + OWN))
def test_written_and_read(name, arguments, kind):
    metric, (y_true, y_pred) = getattr(metrics, name)(name="mine", **arguments), data(kind)
    again = metrics.get(json.loads(json.dumps(to_json(metric))))
    assert type(again) is type(metric)
    assert again.name == "mine"
    np.testing.assert_array_equal(again(y_true, y_pred), metric(y_true, y_pred))


@pytest.mark.parametrize("name", [*CASES, *COUNTED, "Mean", "Sum"])
def test_names_arguments_and_defaults_are_those_of_keras(name):
    peer = inspect.signature(getattr(keras.metrics, name)).parameters
    ours = inspect.signature(getattr(metrics, name)).parameters
    assert set(ours) == set(peer)
    for argument, parameter in peer.items():
        if argument != "name":
            assert ours[argument].default == parameter.default, argument
    positional = [p.name for p in ours.values() if p.kind is not p.KEYWORD_ONLY]
    assert positional == list(peer)[: len(positional)]  # in Keras' order
    needed = {p.name: 0.5 for p in peer.values() if p.default is p.empty} | {"num_classes": 2, "target_class_ids": [0]}
    needed = {n: v for n, v in needed.items() if n in peer and peer[n].default is inspect.Parameter.empty}
    theirs = getattr(keras.metrics, name)(**needed).name
    assert getattr(metrics, name)(**needed).name == (theirs if theirs[-1].isalpha() else theirs.rstrip("0123456789_"))
