"""Random colours, erased parts and mixtures: the peer's numbers, moments of draws, labels in proportion."""

import jax
import keras
import numpy as np
import pytest
from harness import same

import freedive as fd
from freedive import layers
from freedive.layers.mixing import rectangles

RNG = np.random.default_rng(0)


def pictures(*shape):
    return RNG.random(shape).astype("float32")


def trained(layer, x):
    return np.asarray(layer(x, training=True))


# colours ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("value_range", [(0, 1), (0, 255)])
@pytest.mark.parametrize("factor", [0.0, 0.2, 0.5, 0.6])
def test_saturation_is_the_peers(factor, value_range):
    x = pictures(3, 6, 6, 3) * 0.9
    theirs = keras.layers.RandomSaturation((factor, factor), (0, 1))(x, training=True)
    high = value_range[1]
    made = trained(layers.RandomSaturation((factor, factor), value_range), x * high) / high
    same(made, np.asarray(theirs), 1e-4)


@pytest.mark.parametrize("value_range", [(0, 1), (0, 255)])
@pytest.mark.parametrize("factor", [0.0, 0.3, 1.0])
def test_hue_is_the_peers_forward_or_back(factor, value_range):
    x = pictures(1, 6, 6, 3).repeat(16, axis=0) * value_range[1]
    layer = keras.layers.RandomHue((factor, factor), value_range)
    both = [
        np.asarray(layer.transform_images(x, {"factor": np.full(16, sign * factor / 2, "float32")}))[0]
        for sign in (1, -1)
    ]
    made = trained(layers.RandomHue((factor, factor), value_range), x)
    found = [[np.allclose(one, other, atol=1e-3 * value_range[1]) for other in both] for one in made]
    assert np.all(np.any(found, axis=1)) and np.all(np.any(found, axis=0))


def test_full_strength_keeps_colours_in_range():
    x = 255 * pictures(8, 5, 5, 3)
    made = trained(layers.RandomSaturation((1, 1)), x)
    assert made.min() >= 0 and made.max() <= 255
    same(made.max(axis=-1), x.max(axis=-1))
    np.testing.assert_allclose(made.min(axis=-1), 0, atol=1e-3)


def test_jitter_of_one_kind_is_that_kind():
    x = pictures(1, 4, 4, 3).repeat(500, axis=0)
    lit = trained(layers.RandomColorJitter((0, 1), brightness_factor=(0.1, 0.1)), x)
    same(lit, np.clip(x + 0.1, 0, 1))
    grey = trained(layers.RandomColorJitter((0, 1), saturation_factor=(0, 0)), x)
    same(grey, np.repeat(x.max(axis=-1, keepdims=True), 3, axis=-1))
    strong = trained(layers.RandomColorJitter((0, 1), 0.4, 0.4, 0.8, 0.5), x)
    assert strong.std(axis=0).min() > 0.01 and strong.min() >= 0 and strong.max() <= 1


def test_grey_is_a_share_of_pictures():
    x = pictures(1, 3, 3, 3).repeat(2000, axis=0)
    made = trained(layers.RandomGrayscale(0.3), x)
    grey = np.ptp(made, axis=-1).max(axis=(1, 2)) < 1e-6
    assert abs(grey.mean() - 0.3) < 0.04
    same(made[~grey], x[~grey])


@pytest.mark.parametrize("layer", [layers.RandomSaturation(0.5), layers.RandomHue(0.5), layers.RandomGrayscale()])
def test_colours_need_three_channels(layer):
    with pytest.raises(ValueError, match="expected pictures of 3 channels"):
        layer(pictures(2, 4, 4, 1), training=True)


# rectangles ---------------------------------------------------------------------------------------------------------
def test_rectangles_have_their_area_and_lie_anywhere():
    sides = np.full((2, 3000), 0.5, "float32")
    inside, area = rectangles(jax.random.key(0), np.zeros((3000, 8, 10, 1)), sides)
    np.testing.assert_allclose(area, 0.25)
    np.testing.assert_allclose(np.mean(inside), 0.25, atol=0.01)
    hit = np.mean(inside[..., 0], axis=0)
    assert hit.min() > 0.004 and np.allclose(hit, hit[::-1, ::-1], atol=0.06)


def test_erasing():
    x = np.full((2000, 10, 10, 3), 0.5, "float32")
    made = trained(layers.RandomErasing((0.4, 0.4), (0.25, 0.25), fill_value=(0.0, 0.2, 1.0), value_range=(0, 1)), x)
    changed = (made != x).any(axis=(1, 2, 3))
    assert abs(changed.mean() - 0.4) < 0.05
    inside = made[changed][..., 0] == 0
    assert np.all(inside.sum(axis=(1, 2)) == 25)
    np.testing.assert_array_equal(made[changed][inside], np.float32([0.0, 0.2, 1.0]) * np.ones((inside.sum(), 1), "f4"))
    noise = trained(layers.RandomErasing((1, 1), (1, 1), value_range=(0, 1)), x)
    assert noise.min() == 0 and noise.max() == 1 and 0.3 < noise.mean() < 0.45
    with pytest.raises(ValueError, match="fill_value has 2 numbers, the pictures 3 channels"):
        layers.RandomErasing(fill_value=(0, 1))(x, training=True)


# mixtures -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("layer", [layers.MixUp(0.5), layers.CutMix()])
def test_labels_are_mixed_as_pictures_are(layer):
    count = 64
    labels = np.eye(count, dtype="float32")
    images = np.broadcast_to(labels[:, None, None, :], (count, 20, 20, count))  # a picture shows its label
    made = layer({"images": images, "labels": labels}, training=True)
    shares = np.asarray(made["labels"])
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(np.asarray(made["images"]).mean(axis=(1, 2)), shares, atol=0.06)
    assert ((shares > 0.01).sum(axis=1) <= 2).all() and 0.2 < shares.diagonal().mean() < 0.8
    same_again = layer({"images": images, "labels": labels})
    np.testing.assert_array_equal(same_again["labels"], labels)


def test_labels_must_be_parts():
    with pytest.raises(ValueError, match=r"labels of int32 cannot be mixed.*to_categorical"):
        layers.MixUp()({"images": pictures(4, 3, 3, 1), "labels": np.arange(4, dtype="int32")}, training=True)
    with pytest.raises(ValueError, match="Received keys"):
        layers.CutMix()({"images": pictures(4, 3, 3, 1)}, training=True)


# patches ------------------------------------------------------------------------------------------------------------
def test_patches_are_seen_whole():
    x = pictures(2, 6, 7, 3)
    layer = layers.PatchTokens(3, 5)
    tokens = np.asarray(layer(x))
    kernel, bias, summary, places = map(np.asarray, (layer.kernel, layer.bias, layer.summary, layer.places))
    filled = np.pad(x, ((0, 0), (0, 0), (0, 2), (0, 0)))
    corner = filled[:, 3:6, 6:9].reshape(2, -1) @ kernel + bias + places[6]  # the last of 2 x 3
    same(tokens[:, 6], corner)
    same(tokens[:, 0], np.broadcast_to(summary + places[0], (2, 5)))
    with pytest.raises(ValueError, match="expected pictures"):
        layers.PatchTokens(3, 5)(fd.Input((4, 4)))
