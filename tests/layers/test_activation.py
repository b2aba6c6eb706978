"""Activation layers: the peer's outputs, gradients and weights; masks; messages; z and a for inspect."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from harness import compare, ours_computed, round_trip, same

import freedive as fd
from freedive import activations, layers
from freedive.core.forward import Pass
from freedive.core.variables import gather

RNG = np.random.default_rng(0)

CASES = [
    *(("Activation", {"activation": name}, (3, 4)) for name in ("relu", "tanh", "softmax", "gelu", "linear")),
    ("Activation", {"activation": "sigmoid", "activity_regularizer": "l2"}, (3, 5, 4)),
    ("ReLU", {}, (3, 4)),
    ("ReLU", {"max_value": 0.5}, (3, 4)),
    ("ReLU", {"negative_slope": 0.1}, (3, 5, 4)),
    ("ReLU", {"threshold": 0.3}, (3, 4)),
    ("ReLU", {"max_value": 0.8, "negative_slope": 0.2, "threshold": 0.1}, (2, 3, 3, 2)),
    ("LeakyReLU", {}, (3, 4)),
    ("LeakyReLU", {"negative_slope": 0.01}, (3, 4)),
    ("LeakyReLU", {"negative_slope": 0}, (3, 5, 4)),
    ("LeakyReLU", {"negative_slope": 1.0}, (2, 3, 3, 2)),
    ("LeakyReLU", {"negative_slope": 2}, (3,)),
    ("PReLU", {}, (3, 4)),
    ("PReLU", {}, (3, 5, 4)),
    ("PReLU", {"shared_axes": 1}, (3, 5, 4)),
    ("PReLU", {"shared_axes": [1, 2]}, (2, 3, 3, 4)),
    ("PReLU", {"alpha_regularizer": "l2", "shared_axes": (1,)}, (2, 5, 4)),
    ("ELU", {}, (3, 4)),
    ("ELU", {"alpha": 0.5}, (3, 5, 4)),
    ("ELU", {"alpha": 2}, (2, 3, 3, 4)),
    ("ELU", {"alpha": 0.0}, (3, 4)),
    ("ELU", {"alpha": -1.0}, (3, 4)),
    ("Softmax", {}, (3, 4)),
    ("Softmax", {"axis": 1}, (3, 5, 4)),
    ("Softmax", {"axis": (1, 2)}, (3, 5, 4)),
    ("Softmax", {"axis": [-1]}, (3, 5, 4)),
    ("Softmax", {"axis": -2}, (2, 3, 3, 4)),
]


def drawn(shape):
    return RNG.normal(size=shape).astype("float32")


@pytest.mark.parametrize(("name", "arguments", "shape"), CASES, ids=str)
def test_outputs_gradients_and_weights_are_the_peers(name, arguments, shape):
    compare(getattr(layers, name)(**arguments), getattr(keras.layers, name)(**arguments), drawn(shape))


@pytest.mark.parametrize(("name", "arguments", "shape"), CASES, ids=str)
def test_round_trip(name, arguments, shape):
    round_trip(getattr(layers, name)(**arguments))


@pytest.mark.parametrize("name", ["Activation", "ReLU", "LeakyReLU", "PReLU", "ELU"])
def test_masks_are_handed_on(name):
    arguments = {"activation": "relu"} if name == "Activation" else {}
    x, mask = drawn((2, 5, 4)), RNG.random((2, 5)) > 0.5
    mine = compare(getattr(layers, name)(**arguments), getattr(keras.layers, name)(**arguments), x, mask=mask)
    np.testing.assert_array_equal(mine.mask, mask)


@pytest.mark.parametrize(("name", "arguments", "shape"), CASES, ids=str)
def test_z_and_a_are_kept_for_inspect(name, arguments, shape):
    layer, x = getattr(layers, name)(**arguments), drawn(shape)
    out = layer(x)
    taps = {}
    with Pass(layer, gather(layer), taps=taps) as made:
        made.call(layer, (jnp.asarray(x),), {})
    same(taps, {"": {"a": out, "z": x}})


@pytest.mark.parametrize(("axis", "shape", "mask_shape"), [
    (-1, (3, 4), (3, 4)),
    (-1, (3, 5, 4), (5, 4)),
    (1, (3, 5, 4), (3, 5, 1)),
    ((1, 2), (3, 5, 4), (3, 5, 4)),
    (-1, (2, 3, 4, 4), (2, 1, 1, 4)),
])  # fmt: skip
@pytest.mark.parametrize("dtype", ["bool", "float32"])
def test_masked_softmax_is_the_peers(axis, shape, mask_shape, dtype):
    mask = (RNG.random(mask_shape) > 0.4).astype(dtype)
    mask.flat[: mask_shape[-1]] = 0  # a row where nothing counts
    mine = compare(layers.Softmax(axis), keras.layers.Softmax(axis), drawn(shape), call_kwargs={"mask": mask},
                   output_mask=False)  # fmt: skip
    assert np.isfinite(mine.outputs[0]).all()


def test_a_mask_of_steps_leaves_other_steps_alone():
    x, mask = drawn((2, 5, 4)), np.array([[1, 1, 0, 0, 1], [0, 1, 1, 1, 1]], bool)
    layer = layers.Softmax()
    layer(x)
    mine = ours_computed(layer, x, mask, {}, False, 0)
    np.testing.assert_allclose(mine.outputs[0], np.where(mask[..., None], activations.softmax(x), 0), atol=1e-6)
    np.testing.assert_array_equal(mine.mask, mask)


@pytest.mark.parametrize("rows", [1, 2, 4])
def test_a_mask_that_travels_is_of_steps_whatever_the_sizes(rows):
    x, mask = drawn((rows, 4, 4)), np.tile([True, True, False, True], (rows, 1))
    layer = layers.Softmax()
    layer(x)
    mine = ours_computed(layer, x, mask, {}, False, 0)
    np.testing.assert_allclose(mine.outputs[0], np.where(mask[..., None], activations.softmax(x), 0), atol=1e-6)


def test_a_mask_of_one_axis_is_of_features():
    x, mask = drawn((4, 4)), np.array([True, False, True, True])
    same(layers.Softmax()(x, mask=mask), activations.softmax(np.where(mask, x, -np.inf)))


def test_leaky_relu_takes_the_old_name():
    layer = layers.LeakyReLU(alpha=0.1)
    assert layer.negative_slope == 0.1 and layer.get_config() == {"negative_slope": 0.1}
    assert layers.LeakyReLU().negative_slope == 0.3
    assert repr(layer) == "LeakyReLU(negative_slope=0.1)"
    same(layer(drawn((2, 3))).shape, (2, 3))


def test_activation_takes_functions_and_layers():
    x = drawn((3, 4))
    same(layers.Activation(jnp.tanh)(x), np.tanh(x))
    same(layers.Activation(layers.ELU(2.0))(x), activations.elu(x, 2.0))
    assert layers.Activation("relu").activation is activations.relu


@pytest.mark.parametrize(
    ("made", "error", "message"),
    [
        (lambda: layers.Activation("rleu"), ValueError, "Did you mean 'relu'"),
        (lambda: layers.Activation(3), TypeError, "expected a name, a function or a layer"),
        (lambda: layers.Activation(), TypeError, "activation"),
        (lambda: layers.ReLU(max_value=-1.0), ValueError, "max_value=-1.0.*expected 0 or more"),
        (lambda: layers.ReLU(threshold=None), TypeError, "threshold=None"),
        (lambda: layers.LeakyReLU(-0.1), ValueError, "negative_slope=-0.1"),
        (lambda: layers.LeakyReLU(alpha=-0.1), ValueError, "negative_slope=-0.1"),
        (lambda: layers.ELU("big"), TypeError, "alpha='big'"),
        (lambda: layers.PReLU(shared_axes="all"), TypeError, "shared_axes='all'"),
        (lambda: layers.Softmax(axis=0.5), TypeError, "axis=0.5"),
        (lambda: layers.PReLU(shared_axes=0)(np.ones((2, 3))), ValueError, "expected axes from 1 to 1, since 0"),
        (lambda: layers.PReLU(shared_axes=[1, 2])(np.ones((2, 3))), ValueError, "the input has 2 axes"),
        (lambda: layers.Softmax()(np.ones((2, 3)), mask=np.ones((2, 2))), ValueError, r"\(2, 2\).*\(2, 3\)"),
    ],
)
def test_messages(made, error, message):
    with pytest.raises(error, match=message):
        made()


def test_they_work_in_a_model_and_in_mixed_precision():
    x = fd.Input((4,))
    y = layers.Softmax()(layers.PReLU()(layers.ReLU()(layers.Dense(3)(x))))
    assert y.shape == (None, 3)
    low = jax.tree.map(lambda a: a.dtype, [c(dtype="bfloat16")(drawn((2, 3))) for c in (layers.PReLU, layers.ELU)])
    assert {str(d) for d in low} == {"bfloat16"}
