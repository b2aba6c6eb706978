"""SpectralNormalization against the peer's, and against singular values."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from harness import round_trip

import freedive as fd
from freedive import layers
from freedive.core.forward import apply
from freedive.core.variables import gather

RNG = np.random.default_rng(0)
CASES = {
    "dense": (lambda k: k.SpectralNormalization(k.Dense(3)), (2, 4)),
    "many turns": (lambda k: k.SpectralNormalization(k.Dense(3, activation="tanh"), power_iterations=5), (2, 4)),
    "convolution": (lambda k: k.SpectralNormalization(k.Conv2D(3, 3, strides=2, padding="same")), (2, 6, 6, 2)),
    "no bias": (lambda k: k.SpectralNormalization(k.Conv1D(2, 3, use_bias=False)), (2, 6, 2)),
    "one unit": (lambda k: k.SpectralNormalization(k.Dense(1)), (2, 3)),
}


@pytest.mark.parametrize("case", CASES)
def test_a_call_in_training_is_the_peers(case):
    """Its weights stand in another order there: kernel, u, bias. The harness asks for the same one."""
    make, shape = CASES[case]
    ours, theirs, x = round_trip(make(layers)), make(keras.layers), RNG.normal(size=shape).astype("float32")
    ours(x), theirs(x)
    u, kernel, *bias = (RNG.normal(size=w.shape).astype("float32") for w in ours.get_weights())
    ours.set_weights([u, kernel, *bias])
    frozen, (place,) = gather(ours), [path for path in gather(ours).params if path]

    def mine(kernel, x):
        params = {place: {**frozen.params[place], "kernel": kernel}}
        y, made = apply(ours, frozen._replace(params=params), x, training=True)
        return jnp.sum(jnp.sin(y)), (y, made.state[""]["vector_u"])

    def peers(kernel, x):
        y, state = theirs.stateless_call([kernel, *bias], [u], x, training=True)
        return jnp.sum(jnp.sin(y)), (y, state[0])

    for a, b in zip(
        *(jax.tree.leaves(jax.value_and_grad(f, (0, 1), True)(kernel, x)) for f in (mine, peers)), strict=True
    ):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_in_use_the_largest_singular_value_is_one():
    """Here the kernel stays what was learned, and is divided in use too; the peer overwrites it in training."""
    layer = layers.SpectralNormalization(layers.Dense(5, use_bias=False), power_iterations=3)
    x = np.eye(7, dtype="float32")
    for _ in range(20):
        layer(x, training=True)
    before = layer.get_weights()
    assert abs(np.linalg.norm(layer(x), ord=2) - 1) < 1e-4
    assert abs(np.linalg.norm(before[1], ord=2) - 1) > 1e-2  # the kernel itself
    for a, b in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_kernel_of_zeros_stays_one():
    layer = layers.SpectralNormalization(layers.Dense(2, kernel_initializer="zeros"))
    np.testing.assert_array_equal(layer(np.ones((1, 3)), training=True), np.zeros((1, 2)))


def test_embeddings_have_a_kernel_too():
    table = layers.SpectralNormalization(layers.Embedding(6, 4))
    for _ in range(60):
        rows = table(np.arange(6), training=True)
    assert abs(np.linalg.norm(rows, ord=2) - 1) < 1e-4


def test_it_trains_and_is_written_to_files(tmp_path):
    model = fd.Sequential([fd.Input((4,)), layers.SpectralNormalization(layers.Dense(3, "relu")), layers.Dense(1)])
    model.compile("adam", "mse")
    x = RNG.normal(size=(32, 4))
    model.fit(x, x[:, :1], epochs=2, verbose=0)
    model.save(tmp_path / "model.safetensors")
    same = fd.models.load_model(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(same.predict(x), model.predict(x))


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: layers.SpectralNormalization("dense"), "expects a layer"),
        (lambda: layers.SpectralNormalization(layers.Dense(2), 0), "power_iterations=0"),
        (lambda: layers.SpectralNormalization(layers.Flatten())(np.ones((2, 3))), "neither a kernel nor embeddings"),
    ],
)
def test_what_is_refused(act, message):
    with pytest.raises(ValueError, match=message):
        act()
