"""Weights begin as widely spread as the peer's: a layer may compute the same and still learn from another start."""

import keras
import numpy as np
import pytest

from freedive import layers

SEQUENCE, PICTURE = (1, 4, 64), (1, 8, 8, 16)
CASES = [
    ("Dense", {"units": 96}, [SEQUENCE]),
    ("EinsumDense", {"equation": "abc,cde->abde", "output_shape": (None, 8, 24)}, [SEQUENCE]),
    ("EinsumDense", {"equation": "abcd,cde->abe", "output_shape": (None, 48)}, [(1, 4, 8, 24)]),
    ("EinsumDense", {"equation": "abc,bcd->abd", "output_shape": (4, 48)}, [SEQUENCE]),
    ("EinsumDense", {"equation": "...x,xy->...y", "output_shape": 96}, [SEQUENCE]),
    ("EinsumDense", {"equation": "ab,b->ab", "output_shape": 5000}, [(1, 5000)]),
    (
        "EinsumDense",
        {"equation": "abc,cde->abde", "output_shape": (None, 8, 24), "kernel_initializer": "he_normal"},
        [SEQUENCE],
    ),
    ("MultiHeadAttention", {"num_heads": 4, "key_dim": 24}, [SEQUENCE] * 2),
    ("MultiHeadAttention", {"num_heads": 2, "key_dim": 48, "output_shape": (8, 12)}, [SEQUENCE] * 2),
    ("MultiHeadAttention", {"num_heads": 4, "key_dim": 24, "kernel_initializer": "he_normal"}, [SEQUENCE] * 2),
    ("GroupQueryAttention", {"head_dim": 48, "num_query_heads": 4, "num_key_value_heads": 2}, [SEQUENCE] * 2),
    ("Embedding", {"input_dim": 100, "output_dim": 48}, [(1, 4)]),
    ("Conv1D", {"filters": 48, "kernel_size": 3}, [SEQUENCE]),
    ("Conv2D", {"filters": 48, "kernel_size": 3}, [PICTURE]),
    ("Conv2DTranspose", {"filters": 48, "kernel_size": 3}, [PICTURE]),
    ("DepthwiseConv2D", {"kernel_size": 5, "depth_multiplier": 12}, [PICTURE]),
    ("SeparableConv2D", {"filters": 48, "kernel_size": 5, "depth_multiplier": 12}, [PICTURE]),
    ("SimpleRNN", {"units": 64}, [SEQUENCE]),
    ("GRU", {"units": 48}, [SEQUENCE]),
    ("LSTM", {"units": 48}, [SEQUENCE]),
    ("ConvLSTM2D", {"filters": 16, "kernel_size": 3}, [(1, 2, 8, 8, 8)]),
    ("AdditiveAttention", {}, [(1, 4, 5000)] * 2),
    ("LayerNormalization", {}, [SEQUENCE]),
    ("BatchNormalization", {}, [SEQUENCE]),
]


@pytest.mark.parametrize(("kind", "arguments", "shapes"), CASES)
def test_first_values_are_spread_as_the_peers(kind, arguments, shapes):
    """Of 4,000 uniform numbers the spread is met within two parts in a hundred, so five say which rule drew them."""
    ours, theirs = (getattr(side, kind)(**arguments) for side in (layers, keras.layers))
    inputs = [np.zeros(shape, "float32") for shape in shapes]
    several = len(inputs) > 1 and kind == "AdditiveAttention"
    for layer in (ours, theirs):
        layer(inputs) if several else layer(*inputs)
    assert ours.weights, "nothing to compare"
    for mine, expected in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert mine.shape == expected.shape
        np.testing.assert_allclose(mine.std(), expected.std(), rtol=0.05)
        np.testing.assert_allclose(mine.mean(), expected.mean(), atol=0.1 * expected.std())
