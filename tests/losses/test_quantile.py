"""The pinball loss: its formula, where its least value lies, and shapes that do not fit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import mean_pinball_loss

import freedive as fd
from freedive import losses

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("levels", [[0.1, 0.5, 0.8], [0.3]], ids=str)
@pytest.mark.parametrize("shape", [(5,), (5, 1), (5, 4), (5, 4, 2)])
def test_values_are_scikit_learns(shape, levels):
    y = RNG.normal(size=shape).astype("float32")
    outputs = RNG.normal(size=(*(shape if shape != (5, 1) else (5,)), len(levels))).astype("float32")
    expected = np.mean([mean_pinball_loss(y.ravel(), outputs[..., i].ravel(), alpha=q) for i, q in enumerate(levels)])
    np.testing.assert_allclose(losses.Quantile(levels)(y, outputs), expected, rtol=1e-5)


def test_the_least_value_lies_at_the_quantiles():
    y, levels = jnp.asarray(RNG.normal(size=20001)), (0.1, 0.5, 0.9)
    loss = losses.Quantile(levels)
    slope = jax.grad(lambda q: loss(y, jnp.broadcast_to(q, (len(y), 3))))
    at = jnp.quantile(y, jnp.asarray(levels))
    np.testing.assert_allclose(slope(at), 0, atol=1e-4)
    assert (slope(at + 0.1) > 0.002).all() and (slope(at - 0.1) < -0.002).all()


def test_one_quantile_of_several_steps_is_learned():
    x = RNG.normal(size=(64, 2)).astype("float32")
    y = np.stack([x[:, 0], x[:, 1], x.sum(1)], axis=1)
    model = fd.Sequential([fd.Input((2,)), fd.layers.Dense(3), fd.layers.Reshape((3, 1))])
    model.compile(fd.optimizers.Adam(0.05), losses.Quantile([0.5]))
    said = model.fit(x, y, epochs=20, verbose=0).history["loss"]
    assert said[-1] < 0.3 * said[0]


def test_names_and_refusals():
    assert losses.get("pinball").quantiles == (0.1, 0.5, 0.9)
    for wrong in ([0.0], [1.2], []):
        with pytest.raises(ValueError, match="expected numbers between 0 and 1"):
            losses.Quantile(wrong)
    with pytest.raises(ValueError, match=r"Quantile: expected predictions \(batch, ..., 3\)"):
        losses.Quantile()(np.zeros((4, 2)), np.zeros((4, 2)))
    model = fd.Sequential([fd.Input((1,)), fd.layers.Dense(3)])
    model.compile("sgd", "quantile")
    with pytest.raises(ValueError, match="does not fit the model's output"):
        model.fit(np.zeros((4, 1)), np.zeros((4, 2)), verbose=0)
