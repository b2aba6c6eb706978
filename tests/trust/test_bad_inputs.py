"""Bad inputs to the public API: none is silent, none ends inside jax or numpy."""

import pathlib
import site
import sysconfig
import traceback
import warnings

import numpy as np
import pytest
from bad_inputs import REFUSED, TABLES, WARNED
from bad_inputs.models import NAN, X, Y, classifier, own_words, put

import freedive as fd

FOREIGN = tuple({*site.getsitepackages(), sysconfig.get_path("purelib"), sysconfig.get_path("stdlib")})
HOUSE = str(pathlib.Path(fd.__file__).parent)  # which may itself be installed there
OURS = (ValueError, TypeError, FileNotFoundError)


def test_there_are_enough_of_them():
    assert len(REFUSED) + len(WARNED) >= 450
    assert sum(len(table.REFUSED) for table in TABLES) == len(REFUSED)  # no name stands twice


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_input_is_one_clear_error_of_our_own(name):
    act, message = REFUSED[name]
    with warnings.catch_warnings(action="ignore"), pytest.raises(OURS, match=message) as caught:
        act()
    where = traceback.extract_tb(caught.value.__traceback__)[-1].filename
    assert where.startswith(HOUSE) or not where.startswith(FOREIGN), f"raised in {where}"


@pytest.mark.parametrize("name", WARNED)
def test_an_odd_input_is_warned_of(name):
    act, message = WARNED[name]
    with pytest.warns(UserWarning, match=message):
        act()


def test_good_inputs_are_not_warned_of():
    with warnings.catch_warnings(action="error"):
        classifier().fit(X[:30], Y[:30], validation_data=(X[30:], Y[30:]), sample_weight=np.ones(30), verbose=0)


# rows that are bad ----------------------------------------------------------------------------------------------
BAD_X = put(put(X, (3, 1), NAN), 7, np.inf)
BAD_Y = put(put(Y, 5, 9), 6, -1)
GOOD = [i for i in range(40) if i not in (3, 5, 6, 7)]


def weights_after(x, y, policy="stop", **options):
    fd.set_seed(1)
    model = classifier(on_nonfinite=policy)
    model.fit(x, y, verbose=0, seed=0, **options)
    return model.get_weights()


def test_skipping_trains_on_the_good_rows_and_says_so():
    with pytest.warns(UserWarning) as told:
        skipped = weights_after(BAD_X, BAD_Y, on_bad="skip", sample_weight=np.arange(1.0, 41))
    assert [str(w.message)[:60] for w in told] == [
        "fit(on_bad='skip'): 2 of 40 rows are left out. fit(x=...): n",
        "fit(on_bad='skip'): 2 of 38 rows are left out. fit(y=...): l",
    ]
    plain = weights_after(X[GOOD], Y[GOOD], sample_weight=np.arange(1.0, 41)[GOOD])
    np.testing.assert_array_equal(skipped[0], plain[0])


def test_skipping_leaves_out_whole_batches_of_a_stream():
    def batches():
        yield X, BAD_Y
        yield X, Y
        yield BAD_X, Y

    with pytest.warns(UserWarning, match=r"the batch is left out \(on_bad='skip'\): fit\(x=...\), batch 2: nan"):
        skipped = weights_after(batches, None, on_bad="skip")
    np.testing.assert_array_equal(skipped[0], weights_after(lambda: iter([(X, Y)]), None)[0])


def test_keeping_lets_them_in():
    with warnings.catch_warnings(action="error"):
        assert not np.isfinite(weights_after(BAD_X, Y, on_bad="keep", policy="keep")[0]).all()
        assert np.isnan(classifier().predict(BAD_X, on_bad="keep")[3]).all()
        words = own_words(on_nonfinite="keep")
        assert np.isnan(
            words.fit(np.array([[0, 9]] * 8), np.arange(8.0), on_bad="keep", verbose=0).history["loss"]
        ).all()


def test_nothing_left_is_an_error_also_where_rows_are_skipped():
    with pytest.raises(ValueError, match="nan at index"):
        classifier().fit(X * NAN, Y, on_bad="skip", verbose=0)


def test_shapes_are_errors_under_every_policy():
    for policy in ("skip", "keep"):
        with pytest.raises(ValueError, match="needs targets"):
            classifier().fit(X, None, on_bad=policy, verbose=0)
