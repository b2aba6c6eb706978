"""ImageToImage: its loss is its formula, pictures in pairs, and what it refuses; the U-Net's shapes."""

import numpy as np
import pytest

import freedive as fd
from freedive.layers import Conv2D
from freedive.networks import patches, unet
from freedive.optimizers import Adam

RNG = np.random.default_rng(0)
X = RNG.random((16, 4, 4, 1)).astype("float32")
Y = 1 - X


def convolution():
    return fd.Sequential([fd.Input((4, 4, 1)), Conv2D(1, 3, padding="same")])


@pytest.fixture(scope="module")
def model():
    model = fd.ImageToImage(convolution(), patches((4, 4, 1), (4, 4, 1), (2,)), pixel_weight=7.0)
    model.compile(Adam(0.03), Adam(0.01))
    return model


def test_the_losses_are_their_formulas(model):
    said = model.evaluate(X, Y, return_dict=True, verbose=0)
    made = model.predict(X)
    real, fake = (model.discriminator.predict([X, picture]) for picture in (Y, made))
    pixels = np.abs(made - Y).mean()
    np.testing.assert_allclose(said["pixel_loss"], pixels, rtol=1e-5)
    np.testing.assert_allclose(said["generator_loss"], 0.5 * np.square(fake - 1).mean() + 7 * pixels, rtol=1e-5)
    expected = 0.5 * np.square(real - 1).mean() + 0.5 * np.square(fake).mean()
    np.testing.assert_allclose(said["discriminator_loss"], expected, rtol=1e-5)


def test_it_learns_pairs_and_is_written_to_files(model, tmp_path):
    history = model.fit(X, Y, epochs=30, batch_size=8, verbose=0).history
    assert history["pixel_loss"][-1] < 0.7 * history["pixel_loss"][0]
    model.save(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(fd.models.load_model(tmp_path / "model.safetensors").predict(X), model.predict(X))


@pytest.mark.parametrize(
    ("options", "inputs", "output"),
    [
        ({"shape": (8, 12, 3), "channels": (4, 8, 8)}, 1, (None, 8, 12, 3)),
        ({"shape": (8, 8, 1), "channels": (6, 12, 22)}, 1, (None, 8, 8, 1)),  # that 8 does not divide
        ({"shape": (8, 8, 1), "channels": (4,), "outputs": 2}, 1, (None, 8, 8, 2)),
        ({"shape": (8, 8, 1), "channels": (4, 8), "timed": True, "classes": 3}, 3, (None, 8, 8, 1)),
    ],
)
def test_shapes_of_a_unet(options, inputs, output):
    network = unet(**options)
    assert len(network.inputs) == inputs and network.output_shape == output


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: fd.ImageToImage(convolution(), convolution()), "1 inputs and the discriminator 1"),
        (lambda: compiled().fit(X, verbose=0), "learns from pairs"),
        (
            lambda: fd.ImageToImage(convolution(), patches((4, 4, 1), (4, 4, 3))),
            r"gives \(None, 4, 4, 1\), the data are",
        ),
        (lambda: unet((9, 8, 1), (4, 8)), "that divide by 2"),
        (lambda: patches((8, 8, 1), (4, 4, 1)), "equal heights and widths"),
    ],
)
def test_what_is_refused(act, message):
    with pytest.raises(ValueError, match=message):
        act()


def compiled():
    model = fd.ImageToImage(convolution(), patches((4, 4, 1), (4, 4, 1), (2,)))
    model.compile()
    return model
