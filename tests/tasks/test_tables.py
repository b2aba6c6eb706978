"""Tables as tasks: what they take, keep, tell and refuse, and scikit-learn's own checks."""

import pickle
import warnings

import numpy as np
import pandas
import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator

import freedive as fd
from freedive.tasks import TabularClassifier, TabularRegressor
from freedive.tasks.importances import importance_section

(X, Y), (X_TEST, Y_TEST) = fd.datasets.penguins.load_data()
SPECIES = np.array(fd.datasets.penguins.class_names)
FAST = {"verbose": 0, "epochs": 12, "learning_rate": 5e-3, "options": {"units": [32], "dropout": 0.0}}


@pytest.fixture(scope="module")
def penguins():
    return TabularClassifier(calibrate=True, **FAST).fit(pandas.DataFrame(X), SPECIES[Y])


def test_a_data_frame_is_learned_and_kept(penguins, tmp_path):
    assert penguins.score(X_TEST, SPECIES[Y_TEST]) > 0.95
    assert penguins.n_features_in_ == 7 and list(penguins.feature_names_in_) == list(X)
    assert 0.05 < penguins.target.temperature != 1
    penguins.save(tmp_path / "a.safetensors")
    again = TabularClassifier.load(tmp_path / "a.safetensors")
    shuffled = dict(reversed(X_TEST.items()))
    np.testing.assert_array_equal(again.predict_proba(shuffled), penguins.predict_proba(X_TEST))
    assert again.get_params() == penguins.get_params() and again.n_features_in_ == 7


def test_what_is_said_of_a_row_does_not_depend_on_others(penguins):
    alone = np.concatenate([penguins.predict_proba(pandas.DataFrame(X_TEST).iloc[[i]]) for i in range(5)])
    np.testing.assert_array_equal(alone, penguins.predict_proba(X_TEST)[:5])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(penguins)).predict(X_TEST), penguins.predict(X_TEST))


class StopAt(fd.callbacks.Callback):
    """Stops after an epoch, from 0."""

    def __init__(self, last):
        self.last = last

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.last:
            self.model.stop_training = True


def test_the_epoch_that_was_kept_is_the_one_whose_weights_are_there():
    x, y = {"a": np.arange(60.0)}, ["a", "b"] * 30
    stopped = TabularClassifier(epochs=10, verbose=0).fit(x, y, callbacks=[StopAt(2)])
    assert stopped.kept == len(stopped.history["loss"]) == 3  # before those that one is chosen from


def test_what_cannot_be_calibrated_is_refused_before_the_training():
    with pytest.raises(ValueError, match="no rows are kept aside to calibrate by"):
        TabularClassifier(calibrate=True, validation=0).prepare({"a": np.arange(60.0)}, ["a", "b"] * 30)


def test_importance_of_columns(penguins):
    found = penguins.importance(X_TEST, SPECIES[Y_TEST], repeats=2)
    assert set(found.names) == set(X) and found.mean[0] > 0.02 >= found.mean[-1]


def test_the_report_shows_only_columns_that_are_looked_at(penguins):
    told = importance_section(penguins, X_TEST | {"same": ["x"] * len(Y_TEST)}, Y_TEST).body
    assert "bill_length" in told and "same" not in told


def test_amounts_of_several_kinds():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3))
    y = np.stack([100 * x[:, 0], x[:, 1] - x[:, 2]], axis=1)
    task = TabularRegressor(**FAST | {"epochs": 30}).fit(x, y)
    assert task.predict(x).shape == (200, 2) and task.score(x, y) > 0.9
    with pytest.raises(AttributeError, match="the columns had no names"):
        task.feature_names_in_  # noqa: B018


@pytest.mark.parametrize(
    ("task", "x", "y", "message"),
    [
        (TabularClassifier(network="mpl"), X, Y, "expected one of 'mlp', 'resnet', 'transformer'. Received: 'mpl'"),
        (TabularClassifier(options=3), X, Y, "expected a network's arguments by name"),
        (TabularClassifier(), np.ones((4, 2)), [0, 1, 0, 1], "no column tells rows apart"),
        (TabularClassifier(), np.eye(4), [0.5, 1, 0, 1], "Unknown label type: continuous. y holds 0.5"),
        (TabularRegressor(), np.eye(4), [0.5, np.nan, 0, 1], "Input y contains nan in row 1"),
        (TabularRegressor(), np.eye(4)[0], [1], "Reshape your data"),
        (TabularRegressor(), np.eye(4), np.arange(4).astype("M8[D]"), "y holds dates or durations, expected numbers"),
        (TabularClassifier(categories=["ages"]), {"age": [1, 2]}, [0, 1], "unknown column 'ages'. Did you mean 'age'"),
    ],
)
def test_what_cannot_be_learned_is_told(task, x, y, message):
    with pytest.raises((ValueError, TypeError), match=message):
        task.set_params(verbose=0).fit(x, y)


def test_other_columns_are_refused(penguins):
    with pytest.raises(ValueError, match=r"there is no column 'sex'\. The model was trained on: "):
        penguins.predict({name: cells for name, cells in X.items() if name != "sex"})
    with pytest.raises(ValueError, match="X has 2 features, but TabularClassifier is expecting 7 features as input"):
        penguins.predict(np.ones((3, 2)))


QUICK = {
    "check_estimator_cloneable", "check_valid_tag_types", "check_no_attributes_set_in_init", "check_requires_y_none",
    "check_do_not_raise_errors_in_init_or_set_params", "check_parameters_default_constructible", "check_complex_data",
    "check_estimators_empty_data_messages", "check_estimator_sparse_tag", "check_classifiers_one_label",
    "check_classifiers_regression_target", "check_supervised_y_no_nan", "check_estimators_unfitted", "check_set_params",
    "check_get_params_invariance", "check_dont_overwrite_parameters", "check_fit2d_1sample", "check_n_features_in",
    "check_methods_subset_invariance", "check_fit1d",
}  # fmt: skip


def cases():
    """(task, check) of every check; those that fit often are long."""
    for task in (TabularClassifier(verbose=0), TabularRegressor(verbose=0)):
        for i, (_, check) in enumerate(estimator_checks_generator(task, mark=None)):
            name = check.func.__name__
            marks = () if name in QUICK else pytest.mark.long
            yield pytest.param(task, check, marks=marks, id=f"{type(task).__name__}-{i}-{name}")


with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # that our tasks are none of scikit-learn's classes
    CASES = list(cases())


@pytest.mark.parametrize(("task", "check"), CASES)
@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_own_checks(task, check):
    check(type(task)(verbose=0))
