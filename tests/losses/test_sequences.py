"""The CTC loss in a model: masks say which frames count; impossible labels; what is refused before a run."""

import numpy as np
import pytest

import freedive as fd
from freedive import losses

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(4, 10, 5)).astype("float32")
LABELS = np.array([[1, 2, 2, 0], [3, 0, 0, 0], [4, 1, 4, 1], [0, 0, 0, 0]])


def test_the_mask_says_which_frames_count():
    lengths = np.array([10, 4, 7, 5])
    mask = np.arange(10) < lengths[:, None]
    whole = losses.CTC(reduction="none")(LABELS, LOGITS, mask=mask)
    each = [losses.ctc(LABELS[i : i + 1], LOGITS[i : i + 1, :n])[0] for i, n in enumerate(lengths)]
    np.testing.assert_allclose(whole, each, rtol=1e-5)
    weighted = losses.CTC()(LABELS, LOGITS, np.arange(4.0), mask)
    np.testing.assert_allclose(weighted, np.mean(np.arange(4) * each), rtol=1e-5)


def test_too_few_frames():
    labels = np.array([[1, 1, 1, 1], [1, 2, 3, 4]])  # the first needs seven
    assert np.isinf(losses.CTC()(labels, LOGITS[:2, :5]))
    values = losses.CTC(zero_infinity=True, reduction="none")(labels, LOGITS[:2, :5])
    assert values[0] == 0 < values[1]


def recogniser(loss):
    model = fd.Sequential([fd.Input((10, 3)), fd.layers.Masking(), fd.layers.GRU(8, return_sequences=True)])
    model.add(fd.layers.Dense(5))
    model.compile("adam", loss, metrics=[fd.metrics.CharacterErrorRate()])
    return model


def test_a_model_learns_an_order_without_times():
    x = np.zeros((64, 10, 3), "float32")
    y = np.zeros((64, 2), int)
    for i in range(64):
        y[i] = RNG.permutation([1, 2])[:2]
        at = np.sort(RNG.choice(8, 2, replace=False))
        x[i, :9, 2] = 1
        x[i, at[0], y[i, 0] - 1] = x[i, at[1], y[i, 1] - 1] = 3
    model = recogniser("ctc")
    model.optimizer.learning_rate = 0.02
    history = model.fit(x, y, epochs=60, batch_size=16, seed=0, verbose=0)
    assert history.history["character_error_rate"][-1] < 0.05 < history.history["character_error_rate"][0]


WRONG = [
    (LABELS[:, :1] + 4, r"label 5 at index \(0, 0\) is outside 0\.\.4, of which 0 is the blank"),
    (np.array([[1, 0, 2, 0]] * 4), r"label 0 at index \(0, 1\) stands before other labels"),
    (np.ones((4, 6)), "labels at index 0 need 11 frames .* the model's output has 10"),
    (np.full((4, 2), 1.5), "no whole number"),
    (np.ones((4, 2, 3)), r"expects labels \(batch, labels\)"),
]


@pytest.mark.parametrize(("labels", "text"), WRONG)
def test_what_is_refused_before_a_run(labels, text):
    with pytest.raises(ValueError, match=text):
        recogniser("ctc").fit(np.ones((4, 10, 3)), labels, verbose=0)
