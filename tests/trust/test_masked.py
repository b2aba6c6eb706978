"""Sequences in which nothing counts: zeros, gradients of zero, no NaN, and nothing of what is masked leaks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import freedive as fd
from freedive.core.forward import Pass
from freedive.core.variables import gather

L, los, met = fd.layers, fd.losses, fd.metrics
RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 5, 4)).astype(np.float32)
MASK = np.array([[1, 1, 1, 0, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]], bool)  # the second row counts nowhere
Y = RNG.uniform(0.2, 0.8, (3, 5, 4)).astype(np.float32)


LAYERS = {  # a layer, how it is called
    "Attention": (L.Attention(), lambda layer, x, m: layer([X, x], mask=[None, m])),
    "AdditiveAttention": (L.AdditiveAttention(), lambda layer, x, m: layer([X, x], mask=[None, m])),
    "MultiHeadAttention": (
        L.MultiHeadAttention(2, 3, use_bias=False),
        lambda layer, x, m: layer(X, x, attention_mask=m[:, None, :]),
    ),
    "GroupQueryAttention": (
        L.GroupQueryAttention(3, 4, 2, use_bias=False),
        lambda layer, x, m: layer(X, x, attention_mask=m[:, None, :]),
    ),
    "Softmax": (L.Softmax(axis=1), lambda layer, x, m: layer(x, mask=jnp.broadcast_to(m[..., None], x.shape))),
    "SimpleRNN": (L.SimpleRNN(3), lambda layer, x, m: layer(x, mask=m)),
    "LSTM": (L.LSTM(3), lambda layer, x, m: layer(x, mask=m)),
    "GRU": (L.GRU(3), lambda layer, x, m: layer(x, mask=m)),
    "LSTM, backwards": (L.LSTM(3, go_backwards=True), lambda layer, x, m: layer(x, mask=m)),
    "Bidirectional": (L.Bidirectional(L.GRU(3)), lambda layer, x, m: layer(x, mask=m)),
    "GlobalAveragePooling1D": (L.GlobalAveragePooling1D(), lambda layer, x, m: layer(x, mask=m)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_row_that_counts_nowhere_gives_zeros_and_no_gradient(name):
    layer, call = LAYERS[name]
    call(layer, jnp.asarray(X), jnp.asarray(MASK))  # makes its weights
    variables = gather(layer)

    def run(x, params):
        with Pass(layer, variables._replace(params=params), jax.random.key(0)) as _:
            outputs = call(layer, x, jnp.asarray(MASK))
        return jnp.sum(outputs**2), outputs

    slope = jax.jit(jax.value_and_grad(run, argnums=(0, 1), has_aux=True))
    (_, outputs), (dx, dparams) = slope(jnp.asarray(X), variables.params)
    np.testing.assert_array_equal(outputs[1], np.zeros_like(outputs[1]))
    np.testing.assert_array_equal(dx[~MASK], np.zeros_like(dx[~MASK]))
    assert all(np.isfinite(g).all() for g in jax.tree.leaves((outputs, dx, dparams)))
    hidden = np.where(MASK[..., None], X, 1e30)
    np.testing.assert_array_equal(slope(jnp.asarray(hidden), variables.params)[0][1], outputs)


CLASSES = RNG.integers(0, 4, (3, 5))
LOSSES = {
    **{name: (getattr(los, name)(), Y) for name in ("MeanSquaredError", "MeanAbsoluteError", "LogCosh", "Huber")},
    **{name: (getattr(los, name)(), Y) for name in ("Poisson", "KLDivergence", "CosineSimilarity", "Hinge")},
    **{name: (getattr(los, name)(), Y) for name in ("BinaryCrossentropy", "CategoricalCrossentropy", "SquaredHinge")},
    "SparseCategoricalCrossentropy": (los.SparseCategoricalCrossentropy(), CLASSES),
    "MeanSquaredLogarithmicError": (los.MeanSquaredLogarithmicError(), Y),
    "MeanAbsolutePercentageError": (los.MeanAbsolutePercentageError(), Y),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_of_nothing_is_zero_with_gradients_of_zero(name):
    loss, targets = LOSSES[name]
    predictions = Y.copy()
    predictions[~MASK] = np.nan  # what is masked may hold anything

    def both(y):
        none = loss(targets, y, mask=jnp.zeros((3, 5), bool))
        return loss(targets, y, mask=jnp.asarray(MASK)), none

    some, none = both(jnp.asarray(predictions))
    assert np.isfinite(some) and none == 0
    for i, wanted in enumerate((MASK, np.zeros_like(MASK))):
        slope = jax.grad(lambda y, i=i: both(y)[i])(jnp.asarray(Y))
        assert np.isfinite(slope).all() and not np.any(np.asarray(slope)[~wanted])


METRICS = [
    *(met.MeanSquaredError(), met.MeanAbsoluteError(), met.RootMeanSquaredError(), met.CosineSimilarity()),
    *(met.BinaryAccuracy(), met.CategoricalAccuracy(), met.BinaryCrossentropy(), met.KLDivergence(), met.Poisson()),
]


@pytest.mark.parametrize("metric", METRICS, ids=lambda m: type(m).__name__)
def test_a_metric_of_nothing_is_zero_and_one_of_some_sees_no_other(metric):
    predictions = Y.copy()
    predictions[~MASK] = 0.9
    other = Y.copy()
    other[~MASK] = 0.1
    mask = jnp.asarray(MASK)
    a, b = (metric.compute(metric.sums(Y, y, None, mask)) for y in (predictions, other))
    assert np.isfinite(a) and a == b
    assert metric.compute(metric.sums(Y, predictions, None, jnp.zeros_like(mask))) == 0


def test_an_empty_text_trains_and_is_answered():
    """A row of padding alone, through Embedding, LSTM, pooling and the loss."""
    x = np.array([[3, 4, 0, 0], [0, 0, 0, 0], [5, 0, 0, 0]])
    for layer in (L.LSTM(3), L.GlobalAveragePooling1D()):
        model = fd.Sequential([L.Embedding(6, 4, mask_zero=True), layer, L.Dense(1)])
        model.compile("adam", "mse")
        history = model.fit(x, np.ones((3, 1)), epochs=2, verbose=0)
        assert np.isfinite(history.history["loss"]).all() and history.nonfinite == []
        assert np.isfinite(model.predict(x, verbose=0)).all()
