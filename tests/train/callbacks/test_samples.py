"""SampleGrid: pictures of what a model makes, in files and in memory, from the same noise."""

import numpy as np
import pytest

import freedive as fd
from freedive.callbacks import SampleGrid
from freedive.layers import Dense, Flatten, Reshape
from freedive.train.callbacks.samples import tiled

X = np.random.default_rng(0).random((32, 4, 4, 1)).astype("float32")


def vae(optimizer="adam"):
    encoder = fd.Sequential([fd.Input((4, 4, 1)), Flatten(), Dense(4)])
    model = fd.VAE(encoder, fd.Sequential([fd.Input((2,)), Dense(16, "sigmoid"), Reshape((4, 4, 1))]))
    model.compile(optimizer)
    return model


def averaging():
    return fd.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.9)


def gan():
    generator = fd.Sequential([fd.Input((2,)), Dense(16, "sigmoid"), Reshape((4, 4, 1))])
    model = fd.GAN(generator, fd.Sequential([fd.Input((4, 4, 1)), Flatten(), Dense(1)]))
    model.compile(averaging(), fd.optimizers.Adam(0.01))
    return model


@pytest.mark.parametrize("make", [vae, lambda: vae(averaging()), gan], ids=["plain", "averaged", "one of two averaged"])
def test_a_grid_every_second_epoch_and_at_the_end(tmp_path, make):
    model = make()
    grid = SampleGrid(tmp_path / "grids/{epoch:02d}.png", n=6, columns=3, every=2)
    model.fit(X, epochs=5, callbacks=[grid], verbose=0)
    assert list(grid.grids) == [2, 4, 5]
    assert sorted(path.name for path in (tmp_path / "grids").iterdir()) == ["02.png", "04.png", "05.png"]
    drawn = fd.utils.img_to_array(fd.utils.load_img(tmp_path / "grids/05.png", color_mode="grayscale"))
    np.testing.assert_array_equal(drawn, grid.grids[5])
    np.testing.assert_array_equal(grid.grids[5], tiled(model.generate(6, seed=0), 3))


@pytest.mark.parametrize(("low", "high"), [(0, 255), (0, 1), (-1, 1)])
def test_values_become_bytes(low, high):
    picture = np.linspace(low, high, 4).reshape(1, 2, 2)
    assert tiled(picture).ravel().tolist() == [0, 85, 170, 255]


@pytest.mark.parametrize(
    ("grid", "model", "message"),
    [
        (SampleGrid("one.png"), vae, "put {epoch} in"),
        (SampleGrid(), lambda: compiled(fd.Sequential([Flatten(), Dense(1)])), "a Sequential generates nothing"),
    ],
)
def test_what_is_refused(grid, model, message):
    with pytest.raises(ValueError, match=message):
        model().fit(X, None if message.startswith("put") else X[:, 0, 0], epochs=2, callbacks=[grid], verbose=0)


def compiled(model):
    model.compile("adam", "mse")
    return model
