"""Convolution layers against the peer's, and what they say about inputs that do not fit."""

import keras
import numpy as np
import pytest
from harness import compare, round_trip

import freedive as fd
from freedive import layers

RNG = np.random.default_rng(0)
SEQUENCE, IMAGE, VOLUME = (2, 7, 3), (2, 7, 6, 4), (1, 4, 5, 4, 2)
CASES = {  # class: (input shape, argument sets)
    "Conv1D": (
        SEQUENCE,
        [
            {"filters": 4, "kernel_size": 3},
            {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same", "activation": "relu"},
            {"filters": 3, "kernel_size": 2, "padding": "causal", "dilation_rate": 2, "use_bias": False},
            {"filters": 6, "kernel_size": [4], "groups": 3, "padding": "SAME"},
            {"filters": 2, "kernel_size": 1, "kernel_regularizer": "l2", "activity_regularizer": "l1"},
            {"filters": 2, "kernel_size": 2, "data_format": "channels_first"},
        ],
    ),
    "Conv2D": (
        IMAGE,
        [
            {"filters": 5, "kernel_size": 3},
            {"filters": 5, "kernel_size": (3, 2), "strides": (2, 1), "padding": "same", "activation": "tanh"},
            {"filters": 4, "kernel_size": (2, 3), "dilation_rate": (2, 2), "padding": "same", "use_bias": False},
            {"filters": 4, "kernel_size": 3, "groups": 2, "padding": "valid", "strides": 2},
            {"filters": 3, "kernel_size": 1, "strides": 3, "bias_initializer": "ones"},
            {"filters": 3, "kernel_size": 2, "data_format": "channels_first", "activation": "relu"},
        ],
    ),
    "Conv3D": (
        VOLUME,
        [
            {"filters": 3, "kernel_size": 2},
            {"filters": 3, "kernel_size": (2, 3, 1), "strides": (1, 2, 2), "padding": "same"},
            {"filters": 2, "kernel_size": 2, "dilation_rate": 2, "activation": "relu"},
            {"filters": 2, "kernel_size": 2, "groups": 2, "padding": "same"},
            {"filters": 2, "kernel_size": 1, "use_bias": False},
        ],
    ),
    "Conv1DTranspose": (
        SEQUENCE,
        [
            {"filters": 4, "kernel_size": 3},
            {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same", "activation": "relu"},
            {"filters": 4, "kernel_size": 2, "strides": 3},
            {"filters": 2, "kernel_size": 4, "strides": 3, "output_padding": 2},
            {"filters": 2, "kernel_size": 3, "dilation_rate": 2, "padding": "same", "use_bias": False},
        ],
    ),
    "Conv2DTranspose": (
        IMAGE,
        [
            {"filters": 3, "kernel_size": 3},
            {"filters": 3, "kernel_size": 4, "strides": 2, "padding": "same", "activation": "relu"},
            {"filters": 2, "kernel_size": (3, 2), "strides": (2, 3), "padding": "same", "output_padding": (1, 2)},
            {"filters": 2, "kernel_size": 2, "strides": (3, 2), "use_bias": False},
            {"filters": 2, "kernel_size": 3, "strides": 2, "data_format": "channels_first"},
        ],
    ),
    "Conv3DTranspose": (
        VOLUME,
        [
            {"filters": 2, "kernel_size": 2},
            {"filters": 2, "kernel_size": 3, "strides": 2, "padding": "same"},
            {"filters": 2, "kernel_size": (1, 2, 3), "strides": (1, 2, 3), "activation": "relu"},
            {"filters": 2, "kernel_size": 3, "strides": 2, "output_padding": 1},
            {"filters": 1, "kernel_size": 2, "use_bias": False},
        ],
    ),
    "DepthwiseConv1D": (
        SEQUENCE,
        [
            {"kernel_size": 3},
            {"kernel_size": 3, "depth_multiplier": 2, "padding": "same"},
            {"kernel_size": 2, "strides": 2, "activation": "relu"},
            {"kernel_size": 2, "dilation_rate": 3, "use_bias": False},
            {"kernel_size": 3, "depthwise_regularizer": "l2", "data_format": "channels_first"},
        ],
    ),
    "DepthwiseConv2D": (
        IMAGE,
        [
            {"kernel_size": 3},
            {"kernel_size": 3, "depth_multiplier": 2, "padding": "same", "activation": "relu"},
            {"kernel_size": 2, "strides": 2, "use_bias": False},
            {"kernel_size": (2, 3), "dilation_rate": 2, "padding": "same"},
            {"kernel_size": 3, "data_format": "channels_first"},
        ],
    ),
    "SeparableConv1D": (
        SEQUENCE,
        [
            {"filters": 4, "kernel_size": 3},
            {"filters": 4, "kernel_size": 3, "depth_multiplier": 2, "padding": "same", "activation": "relu"},
            {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same"},
            {"filters": 2, "kernel_size": 2, "dilation_rate": 2, "use_bias": False},
            {"filters": 2, "kernel_size": 2, "pointwise_regularizer": "l2", "depthwise_regularizer": "l1"},
        ],
    ),
    "SeparableConv2D": (
        IMAGE,
        [
            {"filters": 4, "kernel_size": 3},
            {"filters": 4, "kernel_size": 3, "depth_multiplier": 2, "padding": "same", "activation": "relu"},
            {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same"},
            {"filters": 2, "kernel_size": (2, 1), "dilation_rate": 2, "use_bias": False},
            {"filters": 2, "kernel_size": 2, "data_format": "channels_first"},
        ],
    ),
}
TABLE = [
    pytest.param(name, arguments, shape, id=f"{name}-{i}")
    for name, (shape, sets) in CASES.items()
    for i, arguments in enumerate(sets)
]


@pytest.mark.parametrize(("name", "arguments", "shape"), TABLE)
def test_values_gradients_and_weights_are_the_peers(name, arguments, shape):
    ours, theirs = getattr(layers, name)(**arguments), getattr(keras.layers, name)(**arguments)
    compare(round_trip(ours), theirs, RNG.normal(size=shape).astype("float32"))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: layers.Conv2D(0, 3), r"Conv2D\(filters=0\): expected more than 0"),
        (lambda: layers.Conv2D(4, 0), r"Conv2D\(kernel_size=0\): expected more than 0"),
        (lambda: layers.Conv2D(4, (3, 3, 3)), r"Conv2D\(kernel_size=\(3, 3, 3\)\): expected a whole number, or 2"),
        (lambda: layers.Conv2D(4, 2.5), r"Conv2D\(kernel_size=2.5\): expected a whole number"),
        (lambda: layers.Conv2D(4, 3, strides=-1), r"Conv2D\(strides=-1\): expected more than 0"),
        (lambda: layers.Conv1D(4, 3, padding="full"), r"expected one of 'valid', 'same', 'causal'"),
        (lambda: layers.Conv2D(4, 3, data_format="nchw"), r"expected one of 'channels_last', 'channels_first'"),
        (lambda: layers.Conv2DTranspose(4, 3, strides=2, output_padding=2), r"expected less than strides=\(2, 2\)"),
        (lambda: layers.Conv2D(4, 3)(np.ones((2, 28, 28))), r"Received shape \(2, 28, 28\). Add the channel axis"),
        (lambda: layers.Conv2D(4, 3)(np.ones((28, 28, 1))), r"Add the batch axis: x\[None\]"),
        (lambda: layers.Conv1D(4, 3)(np.ones((2, 9))), r"expected 3 axes, \(batch, steps, channels\)"),
        (lambda: layers.Conv1D(4, 3)(np.ones((2, 9, 9, 3))), r"wrap the layer in TimeDistributed"),
        (lambda: layers.Conv2D(4, 5)(np.ones((2, 4, 9, 1))), r"kernel_size of 5 x 5 does not fit .* of 4 x 9"),
        (lambda: layers.Conv2D(4, 3, groups=2)(np.ones((2, 5, 5, 3))), r"groups=2 must divide the 3 channels"),
        (lambda: layers.Conv2D(3, 3, groups=2)(np.ones((2, 5, 5, 4))), r"and the 3 filters"),
    ],
)
def test_refuses(make, text):
    with pytest.raises((ValueError, TypeError), match=text):
        make()


def test_whole_numbers_are_taken():
    image = RNG.integers(0, 255, (1, 5, 5, 1)).astype("uint8")
    layer = layers.Conv2D(2, 3)
    np.testing.assert_allclose(layer(image), layer(image.astype("float32")))


def test_a_network_trains_as_the_peers():
    """Six steps from the same weights: convolution, batch normalization, pooling, a short last batch."""
    x, y = RNG.normal(size=(20, 9, 9, 2)).astype("float32"), RNG.integers(0, 3, 20)

    def network(l):
        return [
            l.Conv2D(4, 3, activation="relu"),
            l.BatchNormalization(momentum=0.8),
            l.MaxPooling2D(),
            l.SeparableConv2D(5, 2, activation="tanh", padding="same"),
            l.GlobalAveragePooling2D(),
            l.Dense(3, activation="softmax"),
        ]

    theirs = keras.Sequential([keras.Input((9, 9, 2)), *network(keras.layers)])
    ours = fd.Sequential([fd.Input((9, 9, 2)), *network(layers)])
    ours.set_weights([np.asarray(w.value) for w in theirs.weights])
    for model in (ours, theirs):
        model.compile("sgd", "sparse_categorical_crossentropy")
        model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    for mine, expected in zip(ours.get_weights(), theirs.weights, strict=True):
        np.testing.assert_allclose(mine, expected.value, atol=1e-5, err_msg=expected.path)
