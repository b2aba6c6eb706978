"""Values, reductions, weights, masks and gradients of every loss, against the peer."""

import itertools

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from keras.src.backend import set_keras_mask

from freedive import losses
from freedive.config import from_json, to_json
from freedive.losses import Loss

# What a loss is given: kind of data, arguments beyond the defaults. Rows take turns with reductions, weights, masks.
TABLE = {
    "MeanSquaredError": ("numbers", [{}]),
    "MeanAbsoluteError": ("numbers", [{}]),
    "MeanAbsolutePercentageError": ("numbers", [{}]),
    "MeanSquaredLogarithmicError": ("rates", [{}]),
    "LogCosh": ("numbers", [{}]),
    "Huber": ("numbers", [{}, {"delta": 0.3}, {"delta": 2.0}]),
    "Poisson": ("rates", [{}]),
    "CosineSimilarity": ("numbers", [{}, {"axis": 1}]),
    "BinaryCrossentropy": (
        "yes or no",
        [
            {},
            {"from_logits": True},
            {"label_smoothing": 0.2},
            {"from_logits": True, "label_smoothing": 0.1},
            {"axis": 1},
        ],
    ),
    "BinaryFocalCrossentropy": (
        "yes or no",
        [
            {},
            {"from_logits": True},
            {"gamma": 0.5, "apply_class_balancing": True},
            {"gamma": 0.0, "from_logits": True},
            {"alpha": 0.7, "apply_class_balancing": True, "from_logits": True, "label_smoothing": 0.1},
            {"axis": 1, "gamma": 3.0},
        ],
    ),
    "CategoricalCrossentropy": (
        "rows",
        [
            {},
            {"from_logits": True},
            {"label_smoothing": 0.2},
            {"from_logits": True, "label_smoothing": 0.1},
            {"axis": 1},
        ],
    ),
    "CategoricalFocalCrossentropy": (
        "rows",
        [
            {},
            {"from_logits": True},
            {"alpha": [0.2, 0.3, 0.5]},
            {"gamma": 0.5, "label_smoothing": 0.1},
            {"gamma": 0.0, "from_logits": True, "alpha": 1.0},
        ],
    ),
    "SparseCategoricalCrossentropy": (
        "labels",
        [
            {},
            {"from_logits": True},
            {"ignore_class": 1},
            {"ignore_class": 2, "from_logits": True},
            {"ignore_class": -1},
        ],
    ),
    "CategoricalGeneralizedCrossEntropy": ("labels", [{}, {"q": 0.1}, {"q": 0.9}]),
    "KLDivergence": ("distributions", [{}]),
    "Hinge": ("sides", [{}]),
    "SquaredHinge": ("sides", [{}]),
    "CategoricalHinge": ("row scores", [{}]),
    "Dice": ("areas", [{}, {"axis": (1, 2, 3)}, {"axis": (1, 2, 3)}, {"axis": [1, 2]}, {"axis": (0, 1, 2)}]),
    "Tversky": (
        "areas",
        [
            {"alpha": 0.2, "beta": 0.7},
            {"axis": (1, 2, 3)},
            {"axis": (1, 2, 3), "alpha": 0.3},
            {"axis": [1, 2]},
            {"axis": (0, 1, 2)},
        ],
    ),
    "Circle": (
        "embeddings",
        [{}, {"gamma": 8.0}, {"margin": 0.1, "gamma": 20.0}, {"remove_diagonal": False}, {"gamma": 2.0}],
    ),
    "CTC": ("transcripts", [{}]),
}
#         reduction, sample weights, mask, time axis
WAYS = [
    ("sum_over_batch_size", False, False, False),
    ("sum", True, False, False),
    ("mean", True, True, True),
    ("mean_with_sample_weight", True, True, True),
    ("none", True, False, False),
]
WITHOUT_MASK = {
    "Circle": "the peer compares with masked samples too",
    "Dice": "as its axes",
    "Tversky": "as its axes",
    "CTC": "the peer has none: test_sequences.py",
}
ROWS = [
    (name, kind, arguments[i % len(arguments)], WAYS[i % len(WAYS)])
    for name, (kind, arguments) in TABLE.items()
    for i in range(max(len(WAYS), len(arguments)))
]


def data(kind, arguments, leading, seed=0):
    """Targets and predictions; three units."""
    rng = np.random.default_rng(seed)
    shape = (*leading, 3)
    scores = rng.normal(scale=2.0, size=shape)
    powers = np.exp(scores)
    shares = powers / powers.sum(-1, keepdims=True)
    from_logits = arguments.get("from_logits", False)
    labels = rng.integers(0, 3, leading)
    made = {
        "numbers": lambda: (rng.normal(size=shape), scores),
        "rates": lambda: (rng.uniform(0.1, 3, shape), powers),
        "yes or no": lambda: (rng.integers(0, 2, shape), scores if from_logits else 1 / (1 + np.exp(-scores))),
        "rows": lambda: (np.eye(3)[labels], scores if from_logits else shares),
        "row scores": lambda: (np.eye(3)[labels], scores),
        "distributions": lambda: (rng.dirichlet(np.ones(3), leading), shares),
        "labels": lambda: (labels, scores if from_logits else shares),
        "sides": lambda: (rng.integers(0, 2, shape) * (2 if seed % 2 else 1) - seed % 2, scores),
        "areas": lambda: (
            rng.integers(0, 2, (*leading[:1], 4, 5, 2)),
            rng.uniform(0.01, 0.99, (*leading[:1], 4, 5, 2)),
        ),
        "transcripts": lambda: (
            rng.integers(1, 3, (*leading[:1], 4)) * (np.arange(4) < rng.integers(0, 5, (leading[0], 1))),
            rng.normal(size=(*leading[:1], 9, 3)),
        ),
        "embeddings": lambda: (np.arange(leading[0]) % 3, scores / np.linalg.norm(scores, axis=-1, keepdims=True)),
    }[kind]()
    return made[0].astype("int32" if kind in ("labels", "embeddings", "transcripts") else "float32"), made[1].astype(
        "float32"
    )


def weights_and_mask(shape, weighted, masked, seed=1):
    rng = np.random.default_rng(seed)
    mask = rng.random(shape) < 0.7
    mask.flat[0] = True
    return rng.uniform(0.2, 2, shape).astype("float32") if weighted else None, mask if masked else None


def peers_loss(loss, y_true, y_pred, weights, mask):
    y_pred = jnp.asarray(y_pred)
    if mask is not None:
        set_keras_mask(y_pred, jnp.asarray(mask))
    return jnp.asarray(loss(jnp.asarray(y_true), y_pred, weights))


def same_with_gradient(ours, theirs, y_pred):
    """Both functions of the predictions agree, and so do their gradients along one random direction."""
    value, pull = jax.vjp(ours, y_pred)
    expected, pull_expected = jax.vjp(theirs, y_pred)
    assert value.shape == expected.shape and value.dtype == jnp.float32
    np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-5)
    direction = np.random.default_rng(2).normal(size=value.shape).astype("float32")
    np.testing.assert_allclose(pull(direction)[0], pull_expected(direction)[0], rtol=1e-5, atol=1e-5)


def row_id(row):
    name, _, arguments, way = row
    return f"{name}({', '.join(f'{k}={v}' for k, v in arguments.items())})-{way[0]}"


@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_losses_are_the_peers(row):
    name, kind, arguments, (reduction, weighted, masked, in_time) = row
    ours = getattr(losses, name)(**arguments, reduction=reduction)
    theirs = getattr(keras.losses, name)(**arguments, reduction=reduction)
    leading = (7,)
    if arguments.get("axis") == 1 or (in_time and kind not in ("areas", "embeddings", "transcripts")):
        leading = (7, 3)
    y_true, y_pred = data(kind, arguments, leading, seed=len(arguments))
    values_shape = leading
    if name in WITHOUT_MASK:
        masked = masked and arguments.get("axis") == (1, 2, 3)
        weighted = weighted and arguments.get("axis") not in ([1, 2], (0, 1, 2))
    weights, mask = weights_and_mask(values_shape, weighted, masked)
    same_with_gradient(
        lambda y_pred: ours(y_true, y_pred, weights, mask),
        lambda y_pred: peers_loss(theirs, y_true, y_pred, weights, mask),
        y_pred,
    )


@pytest.mark.parametrize(
    ("name", "kind", "arguments"),
    [(name, kind, arguments) for name, (kind, table) in TABLE.items() for arguments in table],
    ids=str,
)
def test_functions_are_the_peers(name, kind, arguments):
    function = next(f for f in vars(losses).values() if getattr(f, "loss_class", None) is getattr(losses, name))
    y_true, y_pred = data(kind, arguments, (5, 3) if arguments.get("axis") == 1 else (5,))
    if hasattr(keras.losses, function.__name__):
        arguments = arguments or ({"q": 0.5} if name == "CategoricalGeneralizedCrossEntropy" else {})
        expected = getattr(keras.losses, function.__name__)(jnp.asarray(y_true), y_pred, **arguments)
    else:
        expected = getattr(keras.losses, name)(reduction="none", **arguments)(y_true, y_pred)
    np.testing.assert_allclose(function(y_true, y_pred, **arguments), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none", None])
@pytest.mark.parametrize(("weighted", "masked"), [*itertools.product([False, True], repeat=2)])
@pytest.mark.parametrize(
    ("name", "arguments", "kind", "leading"),
    [
        ("MeanSquaredError", {}, "numbers", (6,)),
        ("MeanSquaredError", {}, "numbers", (6, 4)),
        ("SparseCategoricalCrossentropy", {"ignore_class": 0}, "labels", (6, 4)),
    ],
)
def test_every_reduction(name, arguments, kind, leading, reduction, weighted, masked):
    ours = getattr(losses, name)(**arguments, reduction=reduction)
    theirs = getattr(keras.losses, name)(**arguments, reduction=reduction)
    y_true, y_pred = data(kind, arguments, leading)
    weights, mask = weights_and_mask(leading, weighted, masked)
    value = ours(y_true, y_pred, weights, mask)
    np.testing.assert_allclose(value, peers_loss(theirs, y_true, y_pred, weights, mask), rtol=1e-5, atol=1e-6)
    if reduction not in (None, "none"):
        np.testing.assert_allclose(ours.reduce(*ours.totals(y_true, y_pred, weights, mask)), value, rtol=1e-6)


def test_half_of_the_mean_squared_error():
    y_true, y_pred = data("numbers", {}, (5,))
    np.testing.assert_allclose(
        2 * losses.HalfMeanSquaredError()(y_true, y_pred), losses.MeanSquaredError()(y_true, y_pred), rtol=1e-6
    )
    gradient = jax.grad(losses.get("half_mse"))  # by y_true: minus the one by y_pred
    np.testing.assert_allclose(-gradient(jnp.asarray(y_true), y_pred) * y_true.size, y_pred - y_true, rtol=1e-5)


# shapes and types -----------------------------------------------------------------------------------------------------
SHAPES = [
    ("MeanSquaredError", (6,), (6, 1)),
    ("MeanSquaredError", (6, 1), (6,)),
    ("MeanSquaredError", (6,), (6,)),
    ("MeanSquaredError", (6, 3), (6, 3, 1)),
    ("MeanSquaredError", (6, 3, 1), (6, 3)),
    ("BinaryCrossentropy", (6,), (6, 1)),
    ("BinaryCrossentropy", (6, 1), (6,)),
    ("Hinge", (6,), (6, 1)),
    ("SparseCategoricalCrossentropy", (6,), (6, 3)),
    ("SparseCategoricalCrossentropy", (6, 1), (6, 3)),
    ("SparseCategoricalCrossentropy", (6, 4), (6, 4, 3)),
    ("SparseCategoricalCrossentropy", (6, 4, 1), (6, 4, 3)),
]


@pytest.mark.parametrize(("name", "true_shape", "pred_shape"), SHAPES)
def test_a_last_axis_of_one_is_found_as_the_peer_does(name, true_shape, pred_shape):
    rng = np.random.default_rng(0)
    y_true = rng.integers(0, 2, true_shape)
    y_pred = rng.uniform(0.1, 0.9, pred_shape).astype("float32")
    weights = rng.uniform(0.5, 2, 6).astype("float32")
    ours, theirs = getattr(losses, name)(), getattr(keras.losses, name)()
    np.testing.assert_allclose(ours(y_true, y_pred), theirs(y_true, y_pred), rtol=1e-5)
    if len(pred_shape) > 1 and ours.call(*ours._prepared(y_true, y_pred)).ndim == 1:
        np.testing.assert_allclose(ours(y_true, y_pred, weights), theirs(y_true, y_pred, weights), rtol=1e-5)


def test_weights_of_samples_reach_single_numbers():
    """The peer's mean over a batch of shape (n,) comes before the weights; here every sample has its own."""
    y_true, y_pred, weights = np.zeros(3), np.array([1.0, 2.0, 3.0]), np.array([1.0, 0.0, 2.0])
    np.testing.assert_allclose(losses.MeanSquaredError()(y_true, y_pred, weights), (1 + 18) / 3, rtol=1e-6)
    np.testing.assert_allclose(losses.MeanSquaredError(reduction="sum")(y_true, y_pred), 14, rtol=1e-6)


def test_a_weight_of_a_sample_is_one_of_all_its_steps():
    y_true, y_pred = data("numbers", {}, (3, 3))
    weights = np.array([1.0, 0.0, 2.0], "float32")
    for reduction in ("mean", "mean_with_sample_weight", "sum"):
        loss = losses.MeanSquaredError(reduction=reduction)
        spread = loss(y_true, y_pred, np.repeat(weights[:, None], 3, 1))
        np.testing.assert_allclose(loss(y_true, y_pred, weights), spread, rtol=1e-6)
        np.testing.assert_allclose(loss(y_true, y_pred, weights[:, None]), spread, rtol=1e-6)
        np.testing.assert_allclose(loss(y_true, y_pred, weights[:, None, None]), spread, rtol=1e-6)


@pytest.mark.parametrize("name", ["MeanSquaredError", "BinaryCrossentropy", "SparseCategoricalCrossentropy"])
@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64"])
def test_everything_is_computed_in_float32(name, dtype):
    y_pred = jnp.asarray(np.random.default_rng(0).uniform(0.1, 0.9, (500, 2)), "float32")
    y_true = np.arange(500) % 2
    y_true = y_true if name.startswith("Sparse") else np.eye(2)[y_true]
    low = y_pred.astype(dtype) if dtype != "float64" else np.asarray(y_pred, "float64")
    value = getattr(losses, name)()(y_true.astype("uint8"), low)
    assert value.dtype == jnp.float32
    np.testing.assert_allclose(value, getattr(losses, name)()(y_true, low.astype("float32")), rtol=1e-6)


@pytest.mark.parametrize("name", TABLE)
def test_configuration_round_trip(name):
    _, table = TABLE[name]
    made = getattr(losses, name)(**table[-1], reduction="sum", name="mine")
    again = from_json(to_json(made))
    assert type(again) is type(made) and again.get_config() == made.get_config()


def test_every_loss_of_the_peer_is_here():
    missing = {name for name in dir(keras.losses) if isinstance(getattr(keras.losses, name), type)}
    assert missing - set(TABLE) == {"Loss"}
    assert {name for name, c in vars(losses).items() if isinstance(c, type) and issubclass(c, Loss)} - set(TABLE) == {
        "Loss",
        "FunctionLoss",
        "HalfMeanSquaredError",
        "Quantile",
    }


# numbers at the edge --------------------------------------------------------------------------------------------------
FAR = 1e4
EXTREME = [
    ("BinaryCrossentropy", {}, [[1.0], [0.0]], [[FAR], [-FAR]], 0.0),
    ("BinaryCrossentropy", {}, [[0.0], [1.0]], [[FAR], [-FAR]], FAR),
    ("BinaryFocalCrossentropy", {}, [[1.0], [0.0]], [[FAR], [-FAR]], 0.0),
    ("BinaryFocalCrossentropy", {}, [[0.0], [1.0]], [[FAR], [-FAR]], FAR),
    ("BinaryFocalCrossentropy", {"gamma": 0.5}, [[1.0], [1.0]], [[FAR], [-FAR]], FAR / 2),
    ("CategoricalCrossentropy", {}, [[1.0, 0.0]], [[FAR, -FAR]], 0.0),
    ("CategoricalCrossentropy", {}, [[0.0, 1.0]], [[FAR, -FAR]], 2 * FAR),
    ("CategoricalCrossentropy", {}, [[1.0, 0.0]], [[0.0, -np.inf]], 0.0),
    ("CategoricalFocalCrossentropy", {"alpha": 1.0}, [[1.0, 0.0]], [[FAR, -FAR]], 0.0),
    ("CategoricalFocalCrossentropy", {"alpha": 1.0, "gamma": 0.5}, [[0.0, 1.0]], [[FAR, -FAR]], 2 * FAR),
    ("SparseCategoricalCrossentropy", {}, [0, 1], [[FAR, -FAR], [-FAR, FAR]], 0.0),
    ("SparseCategoricalCrossentropy", {}, [1, 0], [[FAR, -FAR], [-FAR, FAR]], 2 * FAR),
    ("SparseCategoricalCrossentropy", {}, [0], [[0.0, -np.inf]], 0.0),
]


@pytest.mark.parametrize(("name", "arguments", "y_true", "y_pred", "expected"), EXTREME)
def test_extreme_logits(name, arguments, y_true, y_pred, expected):
    loss = getattr(losses, name)(from_logits=True, **arguments)
    value, gradient = jax.value_and_grad(loss, argnums=1)(jnp.asarray(y_true), jnp.asarray(y_pred))
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("name", [*TABLE, "HalfMeanSquaredError"])
def test_certain_predictions_and_large_errors_are_finite(name):
    kind = TABLE.get(name, ("numbers",))[0]
    y_true, _ = data(kind, {}, (4,))
    sizes = [0.0, 1.0] if kind in ("yes or no", "rows", "labels", "distributions", "areas") else [0.0, FAR]
    if kind in ("rates", "yes or no", "rows", "labels", "distributions", "areas"):
        shape = y_true.shape if kind != "labels" else (4, 3)
        predictions = [np.full(shape, size, "float32") for size in sizes]
    else:
        shape = {"embeddings": (4, 3), "transcripts": (4, 9, 3)}.get(kind, y_true.shape)
        predictions = [np.full(shape, size, "float32") for size in (0.0, FAR, -FAR)]
    for y_pred in predictions:
        value, gradient = jax.value_and_grad(getattr(losses, name)(), argnums=1)(jnp.asarray(y_true, float), y_pred)
        assert np.isfinite(value) and np.isfinite(gradient).all(), y_pred.flat[0]


def test_small_losses_keep_their_digits():
    """-log(sigmoid(20)) is 2e-9: a difference of two numbers near 20 would be 0."""
    value = losses.BinaryCrossentropy(from_logits=True)([[1.0]], [[20.0]])
    np.testing.assert_allclose(value, np.log1p(np.exp(-20.0)), rtol=1e-5)


@pytest.mark.parametrize("label", [-1, 3, 1_000_000])
def test_a_label_out_of_range_is_nan_in_the_loss(label):
    value = losses.SparseCategoricalCrossentropy()([0, label], np.full((2, 3), 1 / 3))
    assert np.isnan(value)
    kept = losses.SparseCategoricalCrossentropy()([0, label], np.full((2, 3), 1 / 3), mask=[True, False])
    np.testing.assert_allclose(kept, np.log(3), rtol=1e-5)


# the class axis elsewhere ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("from_logits", [False, True])
def test_sparse_labels_with_classes_on_another_axis(from_logits):
    y_true, y_pred = data("labels", {"from_logits": from_logits}, (5, 4))
    loss = losses.SparseCategoricalCrossentropy(from_logits=from_logits)
    moved = losses.SparseCategoricalCrossentropy(from_logits=from_logits, axis=1)
    expected = loss(y_true, y_pred)
    np.testing.assert_allclose(moved(y_true, np.moveaxis(y_pred, -1, 1)), expected, rtol=1e-6)
    np.testing.assert_allclose(moved(y_true[:, None], np.moveaxis(y_pred, -1, 1)), expected, rtol=1e-6)
