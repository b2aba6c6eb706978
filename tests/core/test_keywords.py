"""Arrays that a call is given by name are cast and masked as those given by place."""

import jax.numpy as jnp
import numpy as np

import freedive as fd
from freedive.core.forward import Pass, plan
from freedive.core.variables import draw_missing, gather
from freedive.layers import LSTM, Embedding, Layer

X = np.ones((2, 3), np.float32)


class Types(Layer):
    """Notes the types it is called on."""

    def call(self, x, extra=None, *, last=None):
        return x, extra, last


def test_keywords_are_cast():
    layer = Types()
    for named in ({"extra": X}, {"last": X}, {"extra": X, "last": X}):
        with Pass(layer, gather(layer), compute_dtype="bfloat16") as made:
            found = made.call(layer, (X,), named)
        assert {a.dtype.name for a in found if a is not None} == {"bfloat16"}


def test_an_input_by_name_keeps_its_mask():
    layer = fd.Sequential([fd.Input((3,), dtype="int32"), Embedding(5, 2, mask_zero=True)])
    reader = LSTM(2)
    ids = jnp.array([[1, 2, 0], [3, 0, 0]])

    class Both(fd.Model):
        def __init__(self):
            self.layer, self.reader = layer, reader

        def call(self, x, by_name=False):
            steps = self.layer(x)
            return self.reader(sequences=steps) if by_name else self.reader(steps)

    model = Both()
    plan(model, (ids,))
    draw_missing(model)
    np.testing.assert_array_equal(model(ids, by_name=True), model(ids))
    assert not np.array_equal(model(ids), model(jnp.array([[1, 2, 4], [3, 4, 4]])))


def test_a_row_of_thousands_of_layers_is_made_in_linear_time():
    model = fd.Sequential([fd.Input((2,)), *(fd.layers.Activation("relu") for _ in range(1500)), fd.layers.Dense(1)])
    assert model.layers[-2].name == "activation_1499" and model.count_params() == 3
