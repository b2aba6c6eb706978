"""CTC: PyTorch's values and gradients (`tables/torch_ctc.py`), the sum over all paths by hand, decoding by hand."""

import importlib.util
import itertools
from pathlib import Path

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from freedive.ops import ctc
from freedive.ops.ctc_decoding import ctc_decode

ctc_loss = jax.jit(ctc.ctc_loss, static_argnames="mask_index")
TABLES = Path(__file__).parent / "tables"
SPEC = importlib.util.spec_from_file_location("torch_ctc", TABLES / "torch_ctc.py")
torch_ctc = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(torch_ctc)
TORCH = np.load(TABLES / "torch_ctc.npz")
RNG = np.random.default_rng(0)


def log_softmax(x):
    x = np.asarray(x, np.float64)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def sequences(logits, blank=0):
    """Every sequence of labels -> its probability, by going through all paths."""
    log_p, found = log_softmax(logits), {}
    for path in itertools.product(range(logits.shape[1]), repeat=len(logits)):
        labels = tuple(k for k, _ in itertools.groupby(path) if k != blank)
        found[labels] = found.get(labels, 0.0) + np.exp(sum(log_p[t, k] for t, k in enumerate(path)))
    return found


# the loss -------------------------------------------------------------------------------------------------------------
def test_values_and_gradients_are_pytorchs():
    logits, labels, label_lengths, lengths = torch_ctc.problem()

    def weighted(x):
        values = ctc_loss(labels, x, label_lengths, lengths)
        return jnp.sum(jnp.where(jnp.isinf(values), 0.0, values) * jnp.arange(1, len(values) + 1)), values

    (_, values), gradient = jax.jit(jax.value_and_grad(weighted, has_aux=True))(logits)
    assert np.isinf(TORCH["loss"]).sum() == 1
    np.testing.assert_allclose(values, TORCH["loss"], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(gradient, TORCH["gradient"], atol=1e-4)  # weights up to ten
    np.testing.assert_allclose(jax.jit(ctc_loss)(labels, logits, label_lengths, lengths), values, rtol=1e-6)


def test_the_loss_is_the_sum_over_all_paths():
    logits = RNG.normal(size=(4, 3)).astype("float32")
    for blank in (0, 2):
        for labels, p in sequences(logits, blank).items():
            target = np.array([[*labels, 9, 9, 9, 9]])[:, :4]
            found = ctc_loss(target, logits[None], np.array([len(labels)]), mask_index=blank)
            np.testing.assert_allclose(found, -np.log(p), rtol=1e-5)


def test_frames_that_do_not_count_may_stand_anywhere():
    logits = RNG.normal(size=(1, 9, 4)).astype("float32")
    mask = np.array([[0, 1, 1, 0, 0, 1, 1, 1, 0]], bool)

    loss = jax.jit(jax.value_and_grad(lambda x, mask: ctc_loss(np.array([[1, 2]]), x, np.array([2]), mask=mask)[0]))
    value, gradient = loss(logits, mask)
    short, expected = loss(logits[:, mask[0]], mask[:, mask[0]])
    np.testing.assert_allclose(value, short, rtol=1e-6)
    np.testing.assert_allclose(gradient[:, mask[0]], expected, atol=1e-6)
    assert not gradient[:, ~mask[0]].any()


def test_extreme_logits_are_finite():
    logits = RNG.normal(size=(3, 12, 5)).astype("float32") * 1e4
    logits[:, :, 3] = -np.inf
    labels = np.array([[1, 2], [4, 4], [3, 2]])  # the last has a label that no frame can have

    @jax.jit
    def both(x):
        values, pull = jax.vjp(lambda x: ctc_loss(labels, x, np.array([2, 2, 2])), x)
        return values, pull(jnp.ones(3))[0]

    values, gradient = both(logits)
    assert np.isfinite(values[:2]).all() and np.isinf(values[2])
    assert np.isfinite(gradient).all() and gradient[0].any() and not gradient[2].any()


def test_many_frames_lose_no_digits():
    logits = RNG.normal(size=(1, 2000, 30)).astype("float32")
    labels = RNG.integers(1, 30, (1, 300))
    theirs = jax.jit(keras.ops.ctc_loss)(labels, logits, np.array([300]), np.array([2000]))
    found = ctc_loss(labels, logits, np.array([300]))
    np.testing.assert_allclose(found, theirs, rtol=1e-5)


# decoding -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("blank", [0, 1])
def test_a_wide_beam_finds_the_likeliest_sequences(blank):
    for _ in range(10):
        logits = 2 * RNG.normal(size=(5, 3))
        best = sorted(sequences(logits, blank).items(), key=lambda item: -item[1])[:4]
        labels, scores = ctc_decode(logits[None], strategy="beam_search", top_paths=4, mask_index=blank)
        assert [tuple(row[row >= 0].tolist()) for row in labels[:, 0]] == [sequence for sequence, _ in best]
        np.testing.assert_allclose(np.exp(scores[0]), [p for _, p in best], rtol=1e-5)


def test_a_narrow_beam_of_a_batch_is_that_of_each_alone():
    logits = RNG.normal(size=(6, 30, 5))
    lengths = np.array([30, 30, 12, 1, 0, 29])
    labels, scores = ctc_decode(logits, lengths, "beam_search", 4, 2)
    for i, length in enumerate(lengths):
        alone, score = ctc_decode(logits[i : i + 1, :length], None, "beam_search", 4, 2) if length else (None, None)
        if length:
            np.testing.assert_array_equal(labels[:, i, :length], alone[:, 0])
            np.testing.assert_allclose(scores[i], score[0], rtol=1e-6)
        else:
            assert (labels[0, i] == -1).all() and scores[i, 0] == 0


def test_greedy_is_the_peers_but_for_the_score():
    logits, lengths = RNG.normal(size=(5, 12, 4)).astype("float32"), np.array([12, 3, 7, 12, 1])
    for merge in (True, False):
        ours, scores = ctc_decode(logits, lengths, merge_repeated=merge)
        theirs, _ = keras.ops.ctc_decode(logits, lengths, merge_repeated=merge, mask_index=0)
        np.testing.assert_array_equal(ours, theirs)
    expected = [log_softmax(x[:n]).max(-1).sum() for x, n in zip(logits, lengths, strict=True)]
    np.testing.assert_allclose(scores[:, 0], expected, rtol=1e-5)


def test_beams_beat_the_best_path():
    logits = RNG.normal(size=(20, 10, 4))
    greedy, beam = (ctc_decode(logits, strategy=s, beam_width=200)[0][0] for s in ("greedy", "beam_search"))
    losses = [ctc_loss(np.maximum(labels, 0), logits, (labels >= 0).sum(1)) for labels in (greedy, beam)]
    assert (losses[1] <= losses[0] + 1e-5).all() and (losses[1] < losses[0] - 1e-3).any()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"strategy": "best"}, "expected 'greedy' or 'beam_search'"),
        ({"mask_index": 4}, r"expected a class, 0\.\.3"),
        ({"strategy": "beam_search", "top_paths": 0}, r"expected 1\.\.beam_width=100"),
    ],
)
def test_wrong_arguments(options, text):
    with pytest.raises(ValueError, match=text):
        ctc_decode(np.zeros((1, 5, 4)), **options)
    with pytest.raises(ValueError, match="expected logits"):
        ctc_decode(np.zeros((5, 4)))
