"""Recurrent layers in use: configuration, dropout, symbols, precision, and what they refuse."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from harness import round_trip

import freedive as fd
from freedive import layers
from freedive.core.forward import apply, plan
from freedive.core.variables import draw_missing, gather

RNG = np.random.default_rng(0)
KINDS = {"SimpleRNN": 1, "LSTM": 2, "GRU": 1}  # states


def draw(*shape):
    return RNG.normal(size=shape).astype("float32")


def computed(layer, x, seed=0, **options):
    """The outputs of one call, as in a run with this seed."""
    plan(layer, (x,))
    draw_missing(layer)
    return apply(layer, gather(layer), x, key=jax.random.key(seed), **options)[0]


# configuration ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "layer",
    [
        layers.SimpleRNN(3, activation="relu", kernel_regularizer="l2"),
        layers.LSTM(3, unit_forget_bias=False, dropout=0.1, return_sequences=True, name="reader"),
        layers.GRU(3, reset_after=False, recurrent_dropout=0.2, go_backwards=True, seed=3),
        layers.RNN([layers.LSTMCell(3), layers.GRUCell(2, use_bias=False)], return_state=True),
        layers.LSTM(3, kernel_constraint="max_norm", recurrent_initializer="glorot_normal", unroll=True),
    ],
)
def test_configuration_says_all(layer):
    again, x = round_trip(layer), draw(2, 3, 4)
    layer(x), again(x)
    again.set_weights(layer.get_weights())
    for mine, expected in zip(jax.tree.leaves(again(x)), jax.tree.leaves(layer(x)), strict=True):
        np.testing.assert_array_equal(mine, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_arguments_and_defaults_are_the_peers(kind):
    for ours, theirs in (
        (getattr(layers, kind)(3), getattr(keras.layers, kind)(3)),
        (getattr(layers, kind + "Cell")(3), getattr(keras.layers, kind + "Cell")(3)),
    ):
        expected = {k: v for k, v in theirs.get_config().items() if k not in ("name", "trainable", "dtype")}
        config = ours.get_config()
        assert set(expected) <= set(config), set(expected) - set(config)
        for name, value in expected.items():
            if isinstance(value, (bool, int, float, type(None))):
                assert config[name] == value, name


def test_first_values():
    layer = layers.LSTM(4, bias_initializer="random_normal")
    layer(draw(1, 2, 3))
    kernel, recurrent, bias = layer.get_weights()
    assert (bias[4:8] == 1).all() and (bias[:4] != 0).all() and (bias[8:] != 0).all()
    np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(4), atol=1e-5)
    assert np.abs(kernel).max() <= np.sqrt(6 / (3 + 16)) + 1e-6
    assert layer.kernel.shape == (3, 16)


# dropout ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", KINDS)
def test_dropout_is_a_matter_of_training_and_seed(kind):
    layer, x = getattr(layers, kind)(5, dropout=0.5, recurrent_dropout=0.5), draw(4, 6, 8)
    plain = computed(layer, x)
    first, again, other = (computed(layer, x, seed, training=True) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other) and not np.allclose(first, plain)
    np.testing.assert_array_equal(plain, computed(layer, x, seed=2))


def test_a_seed_moves_the_numbers_of_dropout():
    x = draw(2, 3, 4)
    one, two = layers.GRU(5, dropout=0.5), layers.GRU(5, dropout=0.5, seed=1)
    computed(one, x), computed(two, x)
    two.set_weights(one.get_weights())
    assert not np.allclose(computed(one, x, training=True), computed(two, x, training=True))


@pytest.mark.parametrize("field", ["dropout", "recurrent_dropout"])
def test_dropout_keeps_the_mean_and_drops_the_same_in_all_steps(field):
    rate, units, steps = 0.25, 50, 6
    layer = layers.SimpleRNN(units, activation="linear", use_bias=False, return_sequences=True, **{field: rate})
    x = np.ones((400, steps, units), "float32")
    if field == "recurrent_dropout":
        x[:, 1:] = 0  # the state is what remains of the first step
    computed(layer, x)
    layer.set_weights([np.eye(units), np.eye(units)])
    y = np.asarray(computed(layer, x, training=True))
    new = y if field == "recurrent_dropout" else np.diff(y, axis=1, prepend=0)
    later = new[:, 1:]
    kept = later[:, 0] != 0
    assert abs(kept.mean() - (1 - rate)) < 4 * np.sqrt(rate * (1 - rate) / kept.size)
    assert ((later != 0) == kept[:, None]).all()
    np.testing.assert_allclose(later[:, 0][kept], 1 / (1 - rate), rtol=1e-5)


def test_a_rate_of_zero_draws_nothing():
    layer, x = layers.LSTM(3, return_sequences=True), draw(2, 3, 4)
    computed(layer, x)
    np.testing.assert_array_equal(apply(layer, gather(layer), x, key=None, training=True)[0], computed(layer, x))


def test_rates_may_be_swept_without_compiling_again():
    layer, x = layers.LSTM(3, dropout=0.5), draw(8, 3, 4)
    computed(layer, x)
    values = gather(layer)
    rates = jnp.array([0.25, 0.75])

    def run(rate):
        hyper = {path: dict.fromkeys(names, rate) for path, names in values.hyper.items()}
        return apply(layer, values._replace(hyper=hyper), x, key=jax.random.key(0), training=True)[0]

    both = jax.vmap(run)(rates)
    assert not np.allclose(both[0], both[1])


# symbols and models ----------------------------------------------------------------------------------------------
def test_an_encoder_and_a_decoder():
    x, y = fd.Input((None, 3)), fd.Input((4, 2))
    o, h, c = layers.LSTM(5, return_state=True)(x)
    decoded = layers.LSTM(5, return_sequences=True)(y, initial_state=[h, c])
    assert (o.shape, h.shape, c.shape, decoded.shape) == ((None, 5), (None, 5), (None, 5), (None, 4, 5))
    assert layers.GRU(5, return_sequences=True)(x).shape == (None, None, 5)
    model = fd.Model([x, y], [decoded, o])
    for length in (1, 6):
        outputs = model.predict([draw(2, length, 3), draw(2, 4, 2)], verbose=0)
        assert [a.shape for a in outputs] == [(2, 4, 5), (2, 5)]
    assert len(model.get_weights()) == 6


def test_it_learns():
    x = draw(256, 8, 1)
    y = (x.sum((1, 2)) > 0).astype("float32")
    model = fd.Sequential([layers.LSTM(8), layers.Dense(1, activation="sigmoid")])
    model.compile(optimizer=fd.optimizers.Adam(0.05), loss="binary_crossentropy")
    losses = model.fit(x, y, epochs=20, batch_size=32, verbose=0).history["loss"]
    assert losses[-1] < 0.2 < losses[0]


def test_mixed_precision_stays_near():
    layer, x = layers.GRU(6, return_sequences=True, return_state=True), draw(3, 20, 4)
    wide, half = computed(layer, x), computed(layer, x, compute_dtype="bfloat16")
    for a, b in zip(half, wide, strict=True):
        assert a.dtype == jnp.bfloat16
        np.testing.assert_allclose(a.astype("float32"), b, atol=3e-2)


def test_whole_numbers_as_inputs():
    layer, x = layers.SimpleRNN(3), RNG.integers(0, 5, (2, 3, 4))
    np.testing.assert_array_equal(layer(x), layer(x.astype("float32")))


def test_an_activation_with_weights_of_its_own():
    layer = layers.LSTM(3, activation=layers.PReLU(alpha_initializer=0.5))
    x = draw(2, 4, 3)
    gradient = jax.grad(lambda p: jnp.sum(apply(layer, gather(layer)._replace(params=p), x)[0] ** 2))
    computed(layer, x)
    assert all(np.abs(g).max() > 0 for g in jax.tree.leaves(gradient(gather(layer).params)))


# refused ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.LSTM(3, stateful=True), r"return_state=True.*initial_state"),
        (lambda: layers.LSTM(0), "units"),
        (lambda: layers.LSTM(3, dropout=1.5), "dropout=1.5"),
        (lambda: layers.GRU(3, activaton="relu"), "Did you mean 'activation'"),
        (lambda: layers.RNN(layers.LSTM(3)), r"LSTMCell\(\.\.\.\)"),
        (lambda: layers.RNN(layers.Dense(3)), "state_size"),
        (lambda: layers.RNN([]), "list of cells"),
        (lambda: layers.LSTM(3)(draw(2, 4)), r"\(batch, time, features\).*x\[\.\.\., None\]"),
        (lambda: layers.LSTM(3)(draw(2, 4, 1), mask=np.ones((2, 5))), r"\(2, 4, 1\).*\(2, 5\)"),
        (lambda: layers.LSTM(3)(draw(2, 4, 1), initial_state=[draw(2, 3)]), r"expected 2 .*Received 1: \(2, 3\)"),
        (lambda: layers.GRU(3)(draw(2, 4, 1), initial_state=draw(2, 4)), r"\(2, 3\).*Received 1: \(2, 4\)"),
        (lambda: layers.GRUCell(3)(draw(2, 4, 1), [draw(2, 3)]), r"\(batch, features\)"),
    ],
)
def test_refused(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()
