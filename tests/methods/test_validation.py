"""cross_validate and repeat: folds and seeds are the plain runs that one would do by hand; nothing leaks."""

import numpy as np
import pytest

import freedive as fd
from freedive.methods import Scores
from freedive.methods.validation import fold_of_rows
from freedive.preprocessing import StandardScaler

ROWS = np.random.default_rng(0)
X = (ROWS.normal(size=(101, 4)) * [1, 10, 100, 1] + [0, 5, 0, -3]).astype("float32")
Y = (X[:, 0] > 0).astype("int32") + (X[:, 3] > -3)
FIT = {"epochs": 2, "batch_size": 16, "verbose": 0, "seed": 4}


def made(shift=0):
    fd.set_seed(2)
    model = fd.Sequential([fd.Input((4,)), fd.layers.Dense(6, "tanh"), fd.layers.Dense(3, "softmax")])
    model.build(seed=model._seed + shift)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.fixture(scope="module")
def scaled():
    return fd.cross_validate(made(), X, Y, folds=3, scaler=StandardScaler(), **FIT)


def test_a_fold_is_the_plain_run_on_the_other_rows(scaled):
    assert np.bincount(scaled.fold).tolist() == [34, 34, 33], "two groups of equal size"
    for i in range(3):
        learned, tested = scaled.fold != i, scaled.fold == i
        scaler = StandardScaler().fit(X[learned])
        model = made(i)
        model.fit(scaler.transform(X[learned]), Y[learned], **FIT)
        loss, accuracy = model.evaluate(scaler.transform(X[tested]), Y[tested], verbose=0)
        for a, b in zip(model.get_weights(), scaled.models[i].get_weights(), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose([scaled["loss"][i], scaled["accuracy"][i]], [loss, accuracy], rtol=1e-5)


def test_normalisation_is_fitted_inside_the_fold(scaled):
    for i, scaler in enumerate(scaled.scalers):
        np.testing.assert_array_equal(scaler.mean_, X[scaled.fold != i].mean(0, dtype=np.float64))


def test_every_row_is_answered_by_the_model_that_has_not_seen_it(scaled):
    answers = scaled.predictions()
    i = int(scaled.fold[7])
    expected = scaled.models[i].predict(scaled.scalers[i].transform(X[7:8]), verbose=0)[0]
    np.testing.assert_allclose(answers[7], expected, rtol=1e-5, atol=1e-6)
    right = np.array([np.mean(answers[scaled.fold == i].argmax(1) == Y[scaled.fold == i]) for i in range(3)])
    np.testing.assert_allclose(right, scaled["accuracy"], rtol=1e-6)


def test_where_callbacks_choose_weights_folds_are_measured_with_those():
    stop = fd.callbacks.EarlyStopping(patience=0, min_delta=10.0, restore_best_weights=True)
    scores = fd.cross_validate(made(), X[:99], Y[:99], folds=3, callbacks=[stop], **FIT | {"epochs": 3})
    history = scores.histories[0].history
    np.testing.assert_allclose(scores["loss"], history["val_loss_members"][0], rtol=1e-5)
    assert not np.allclose(history["val_loss_members"][0], history["val_loss_members"][-1])


def test_folds_are_measured_with_averaged_weights():
    model = made()
    model.compile(fd.optimizers.Adam(0.05, use_ema=True), "sparse_categorical_crossentropy", metrics=["accuracy"])
    scores = fd.cross_validate(model, X[:99], Y[:99], folds=3, **FIT)
    found = fd.losses.SparseCategoricalCrossentropy(reduction="none")(Y[:99], scores.predictions())
    np.testing.assert_allclose(scores["loss"], [found[scores.fold == i].mean() for i in range(3)], rtol=1e-5)


def test_class_weights_count_in_folds_as_in_fit():
    weights = {0: 1.0, 1: 5.0, 2: 0.5}
    scores = fd.cross_validate(made(), X[:99], Y[:99], folds=3, class_weight=weights, **FIT)
    model, learned = made(), scores.fold != 0
    model.fit(X[:99][learned], Y[:99][learned], class_weight=weights, **FIT)
    for a, b in zip(model.get_weights(), scores.models[0].get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_folds_with_labels_have_alike_shares():
    labels = np.repeat([0, 1, 2], [50, 20, 13])
    fold = fold_of_rows(83, 4, stratify=labels)
    counts = np.array([np.bincount(fold[labels == k], minlength=4) for k in range(3)])
    assert np.ptp(counts, axis=1).max() <= 1 and np.ptp(np.bincount(fold)) <= 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"folds": 1}, "folds=1.*from 2 to 101"),
        ({"folds": 102}, "folds=102.*from 2 to 101"),
        ({"folds": 2.0}, "whole number"),
        ({"stratify": [0, 1]}, r"\(101,\) labels"),
        ({"epoch": 3}, "no argument 'epoch'. Did you mean 'epochs'"),
        ({"validation_data": (X, Y)}, "no argument 'validation_data'"),
    ],
)
def test_what_makes_no_folds_is_refused(options, told):
    with pytest.raises((ValueError, TypeError), match=told):
        fd.cross_validate(made(), X, Y, **FIT | options)


def test_streams_have_no_folds():
    with pytest.raises(ValueError, match="stream"):
        fd.cross_validate(made(), ((X, Y) for _ in range(2)), None, verbose=0)


def test_a_repetition_is_the_plain_run_with_that_seed():
    scores = fd.repeat(made(), X, Y, n=3, validation_data=(X[:20], Y[:20]), **FIT)
    model = made(2)
    history = model.fit(X, Y, validation_data=(X[:20], Y[:20]), **FIT | {"seed": 4 + 2})
    for a, b in zip(model.get_weights(), scores.models[2].get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(scores["val_loss"][2], history.history["val_loss"][-1], rtol=1e-5)
    assert repr(scores).startswith("Scores(3 seeds: loss ")


def test_an_interval_has_the_mean_in_it_as_often_as_it_says():
    draws = np.random.default_rng(0).normal(3.0, 1.0, size=(500, 6))
    inside = [low <= 3.0 <= high for low, high in (Scores("seeds", {"a": d}, []).interval("a", 0.9) for d in draws)]
    assert 0.87 < np.mean(inside) < 0.93


def test_models_are_compared_run_by_run():
    from scipy import stats

    a, b = np.random.default_rng(0).normal(size=(2, 8))
    plain = Scores("seeds", {"a": a}, []).compare(Scores("seeds", {"a": b}, []), "a")
    expected = stats.ttest_rel(b, a)
    np.testing.assert_allclose([plain.t, plain.p], [expected.statistic, expected.pvalue])
    folds = [Scores("folds", {"a": v}, [], test_share=1 / 7) for v in (a, b)]
    assert abs(folds[0].compare(folds[1], "a").t) < abs(plain.t), "rows that overlap count for less"
    with pytest.raises(ValueError, match="same two or more"):
        folds[0].compare(Scores("seeds", {"a": b}, []), "a")
