"""Totals: those of parts add up to those of the whole, and what is masked has no say."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freedive import losses

REDUCTIONS = ["sum_over_batch_size", "sum", "mean_with_sample_weight"]
N = 12
RNG = np.random.default_rng(0)
SCORES = RNG.normal(size=(N, 3)).astype("float32")
SHARES = np.asarray(jax.nn.softmax(SCORES))
LABELS = RNG.integers(0, 3, N)
AREAS = RNG.integers(0, 2, (N, 4, 4)), RNG.uniform(size=(N, 4, 4)).astype("float32")
CASES = [
    (losses.MeanSquaredError, {}, RNG.normal(size=(N, 3)), SCORES),
    (losses.Huber, {}, RNG.normal(size=(N, 3)), SCORES),
    (losses.BinaryCrossentropy, {"from_logits": True}, np.eye(3)[LABELS], SCORES),
    (losses.CategoricalCrossentropy, {}, np.eye(3)[LABELS], SHARES),
    (losses.SparseCategoricalCrossentropy, {"ignore_class": 1}, LABELS, SHARES),
    (losses.Hinge, {}, np.eye(3)[LABELS] * 2 - 1, SCORES),
    (losses.Dice, {"axis": (1, 2)}, *AREAS),
    (losses.FunctionLoss, {"function": lambda t, p: jnp.max(jnp.abs(t - p), axis=-1)}, np.eye(3)[LABELS], SCORES),
]


def added(pairs):
    totals, counts = zip(*pairs, strict=True)
    return sum(totals), sum(counts)


@given(
    values=st.lists(st.integers(-50, 50), min_size=1, max_size=12),
    weights=st.lists(st.integers(0, 5), min_size=12, max_size=12),
    kept=st.lists(st.booleans(), min_size=12, max_size=12),
    cut=st.sampled_from([0, 5, 12]),  # few shapes: every one is compiled
    reduction=st.sampled_from(REDUCTIONS),
    weighted=st.booleans(),
    masked=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_totals_of_parts_add_up_exactly(values, weights, kept, cut, reduction, weighted, masked):
    """Whole numbers add without rounding, so that equal means equal."""
    loss = losses.MeanAbsoluteError(reduction=reduction)
    n = len(values)
    y_true, y_pred = np.zeros((12, 1)), np.zeros((12, 1))
    y_pred[:n, 0] = values
    kept = np.array(kept)
    w = np.array(weights, "float32") if weighted else None
    m = kept if masked else None

    def totals(part):
        return loss.totals(y_true[part], y_pred[part], None if w is None else w[part], None if m is None else m[part])

    whole = totals(slice(None))
    parts = added([totals(slice(0, cut)), totals(slice(cut, 12))])
    assert [float(x) for x in parts] == [float(x) for x in whole]
    rows = kept if masked else np.ones(12, bool)
    numbers = np.abs(y_pred[:, 0]) * (w if weighted else 1)
    assert float(whole[0]) == numbers[rows].sum()
    by_weight = weighted and reduction == "mean_with_sample_weight"
    assert float(whole[1]) == (w[rows].sum() if by_weight else rows.sum())


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(("cls", "arguments", "y_true", "y_pred"), CASES)
def test_every_loss_adds_up(cls, arguments, y_true, y_pred, reduction):
    loss = cls(**arguments, reduction=reduction)
    weights, mask = RNG.uniform(0.5, 2, N).astype("float32"), RNG.random(N) < 0.7
    whole = loss.totals(y_true, y_pred, weights, mask)
    cuts = [slice(0, 6), slice(6, N)]
    parts = added(loss.totals(y_true[c], y_pred[c], weights[c], mask[c]) for c in cuts)
    np.testing.assert_allclose(parts, whole, rtol=1e-5)
    np.testing.assert_allclose(loss.reduce(*parts), loss(y_true, y_pred, weights, mask), rtol=1e-5)


@pytest.mark.parametrize(
    ("cls", "arguments", "y_true", "y_pred"),
    [
        *CASES,
        (losses.Dice, {}, *AREAS),
        (losses.Dice, {"axis": (0, 1)}, *AREAS),
        (losses.Tversky, {"alpha": 0.3}, *AREAS),
        (losses.Circle, {}, LABELS, np.asarray(SCORES / np.linalg.norm(SCORES, axis=1, keepdims=True))),
    ],
)
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum"])
def test_masked_samples_might_as_well_not_be_there(cls, arguments, y_true, y_pred, reduction):
    loss = cls(**arguments, reduction=reduction)
    mask = np.arange(N) % 4 != 1
    value, gradient = jax.value_and_grad(loss, argnums=1)(y_true.astype("float32"), y_pred, None, mask)
    np.testing.assert_allclose(value, loss(y_true[mask], y_pred[mask]), rtol=1e-5)
    np.testing.assert_array_equal(gradient[~mask], 0.0)
    for bad_true, bad_pred in ((False, True), (True, False), (True, True)):  # it may hold anything
        told = np.where(spread(mask, y_true), y_true, np.nan if bad_true else y_true).astype("float32")
        made = np.where(spread(mask, y_pred), y_pred, np.nan if bad_pred else y_pred)
        found, slope = jax.value_and_grad(loss, argnums=1)(told, made, None, mask)
        np.testing.assert_allclose(found, value, rtol=1e-6)
        np.testing.assert_allclose(slope, gradient, rtol=1e-6)


ANY_AXIS = ["bce", "binary_focal_crossentropy", "categorical_crossentropy", "categorical_focal_crossentropy"]
ANY_AXIS += ["cosine_similarity"]
LAST_AXIS = ["mse", "mape", "msle", "kld", "huber", "log_cosh", "poisson", "hinge", "categorical_hinge"]


@pytest.mark.parametrize(("name", "axis"), [(name, -1) for name in ANY_AXIS + LAST_AXIS] + [(n, 1) for n in ANY_AXIS])
def test_nan_under_a_mask_reaches_no_gradient(name, axis):
    """Of steps of sequences, whose values lie along the last axis or the second."""
    loss = losses.get(name)
    loss = loss if axis == -1 else type(loss)(axis=axis)
    y_true = np.eye(3, dtype="float32")[RNG.integers(0, 3, (2, 5))]
    y_pred = np.asarray(jax.nn.softmax(RNG.normal(size=(2, 5, 3)))).astype("float32")
    mask = np.array([[1, 1, 0, 1, 0], [0, 1, 1, 1, 1]], bool)
    both = [np.moveaxis(y, -1, axis) for y in (y_true, y_pred)]
    clean = jax.grad(loss, argnums=(0, 1))(*both, None, mask)
    for bad in (0, 1):
        given = list(both)
        given[bad] = np.where(np.expand_dims(mask, axis), both[bad], np.nan)
        for found, expected in zip(jax.grad(loss, argnums=(0, 1))(*given, None, mask), clean, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert np.abs(clean[1]).max() > 0


def spread(mask, y):
    return mask.reshape(mask.shape + (1,) * (y.ndim - 1))


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_where_nothing_counts_the_loss_is_zero(reduction):
    loss = losses.MeanSquaredError(reduction=reduction)
    gradient = jax.grad(loss, argnums=1)
    y = np.ones((4, 2), "float32")
    for weights, mask in ((np.zeros(4), None), (None, np.zeros(4, bool)), (np.zeros(4), np.zeros(4, bool))):
        assert float(loss(0 * y, y, weights, mask)) == 0
        np.testing.assert_array_equal(gradient(0 * y, y, weights, mask), 0.0)
    assert float(loss(np.zeros((0, 2)), np.zeros((0, 2)))) == 0


def test_one_number_for_a_batch_stands_for_each_sample():
    """Batches of 8 and 4 samples with losses 1 and 4: the epoch's loss is 2."""
    loss = losses.get(lambda y_true, y_pred: jnp.mean(jnp.square(y_true - y_pred)))
    first = loss.totals(np.zeros((8, 2)), np.ones((8, 2)))
    second = loss.totals(np.zeros((4, 2)), 2 * np.ones((4, 2)))
    assert float(loss.reduce(*added([first, second]))) == 2.0
    assert float(loss(np.zeros((8, 2)), np.ones((8, 2)), np.arange(8))) == 3.5  # times the mean weight, as the peer
    dice = losses.Dice()
    y_true, y_pred = AREAS
    mask = np.arange(N) < 5
    total, count = dice.totals(y_true, y_pred, None, mask)
    assert float(count) == 5
    np.testing.assert_allclose(total / count, dice(y_true[:5], y_pred[:5]), rtol=1e-6)


def test_parts_of_images_may_be_masked():
    y_true, y_pred = AREAS
    mask = RNG.random(y_true.shape) < 0.5
    expected = losses.Dice(axis=(1, 2))(y_true * mask, y_pred * mask)
    np.testing.assert_allclose(losses.Dice(axis=(1, 2))(y_true, y_pred, None, mask), expected, rtol=1e-6)


def test_totals_are_pure_and_compile_once():
    loss = losses.SparseCategoricalCrossentropy()
    compiled = jax.jit(loss.totals)
    y_pred = SHARES.copy()
    for shift in range(3):
        total, count = compiled((LABELS + shift) % 3, y_pred, np.ones(N, "float32"), np.ones(N, bool))
        np.testing.assert_allclose(total / count, loss((LABELS + shift) % 3, y_pred), rtol=1e-6)
    assert compiled._cache_size() == 1
    np.testing.assert_array_equal(y_pred, SHARES)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: losses.mse(np.zeros((4, 3)), np.zeros((4, 1))),
            r"y_true has shape \(4, 3\), y_pred has shape \(4, 1\)",
        ),
        (lambda: losses.MeanSquaredError()(np.zeros((4, 1)), np.zeros((4, 3))), "nothing is repeated to fit"),
        (lambda: losses.SparseCategoricalCrossentropy()(np.zeros((4, 3)), SHARES[:4]), r"each row of classes.*\(4,\)"),
        (lambda: losses.MeanSquaredError()(SCORES, SCORES, np.ones(5)), r"sample_weight has shape \(5,\).*\(12,\)"),
        (lambda: losses.MeanSquaredError()(SCORES, SCORES, None, np.ones((12, 2))), r"mask has shape \(12, 2\)"),
        (lambda: losses.get(lambda t, p: None)(SCORES, SCORES), "lambda gave None. Does it end with a return"),
        (
            lambda: losses.get(lambda t, p: jnp.mean(p))(SCORES, SCORES, None, np.ones(12)),
            "lambda gave one number for the whole batch.*axis=-1",
        ),
    ],
)
def test_what_does_not_fit_is_refused(call, text):
    with pytest.raises(ValueError, match=text):
        call()
