"""Random changes of pictures: the peer's geometry, the identity in use, another draw for each, the moments of draws."""

import functools

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from harness import compare, round_trip, same

import freedive as fd
from freedive import layers
from freedive.core.forward import Pass
from freedive.core.variables import Variables

RNG = np.random.default_rng(0)
ALL = [
    layers.RandomFlip(),
    layers.RandomFlip("vertical", seed=3),
    layers.RandomRotation(0.2),
    layers.RandomRotation((-0.1, 0.3), "constant", "nearest", seed=1, fill_value=0.5),
    layers.RandomTranslation(0.3, 0.2),
    layers.RandomTranslation(0.2, 0.0, "constant", fill_value=1.0),
    layers.RandomZoom(0.3),
    layers.RandomZoom(0.9, 0.9, "constant", "nearest"),
    layers.RandomContrast(0.5, (0, 1)),
    layers.RandomBrightness(0.3, (0, 1)),
    layers.RandomCrop(5, 6),
    layers.RandomSaturation(0.9, (0, 1)),
    layers.RandomHue(0.5, (0, 1)),
    layers.RandomGrayscale(0.5),
    layers.RandomColorJitter((0, 1), 0.3, 0.3, (0.3, 0.7), 0.4),
    layers.RandomErasing(0.9, (0.2, 0.5), value_range=(0, 1)),
]
FIRST = [type(layer)(**{**layer.get_config(), "data_format": "channels_first"}) for layer in ALL]


def pictures(*shape):
    return RNG.random(shape).astype("float32")


@functools.cache
def compiled(*made):
    """Some layers in training as one program of their pictures, a seed and numbers that are swept."""

    def one(layer, x, seed, numbers):
        with Pass(layer, Variables({}, {}, {"": numbers}), jax.random.key(seed), training=True) as run:
            return run.call(layer, (x,), {})

    return jax.jit(lambda xs, seed, numbers: [one(m, x, seed, numbers) for m, x in zip(made, xs, strict=True)])


def changed(layer, x, seed=0, **numbers):
    """What a layer makes of pictures in training, from a seed, with some of its numbers swept."""
    swept = {name: jnp.float32(v) for name, v in numbers.items()}
    return np.asarray(compiled(layer)([x], np.uint32(seed), swept)[0])


def each_changed(made, x):
    """What each of several layers makes of the same pictures."""
    return map(np.asarray, compiled(*made)([x] * len(made), np.uint32(0), {}))


# every layer --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("layer", ALL, ids=repr)
def test_identity_in_use_and_whole_numbers_become_floats(layer):
    x = pictures(4, 8, 9, 3)
    if not isinstance(layer, layers.RandomCrop):
        np.testing.assert_array_equal(layer(x), x)
    whole = layer((255 * x).astype("uint8"))
    assert whole.dtype == layer((255 * x).astype("uint8"), training=True).dtype == "float32"


@pytest.mark.parametrize("layer", ALL, ids=repr)
def test_one_seed_gives_one_result_and_each_picture_its_own_draw(layer):
    x = np.repeat(pictures(1, 8, 9, 3), 64, axis=0)
    first, again, other = changed(layer, x), changed(round_trip(layer), x), changed(layer, x, seed=1)
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    kinds = len({picture.tobytes() for picture in first})
    assert kinds >= (2 if isinstance(layer, (layers.RandomFlip, layers.RandomGrayscale)) else 10)


@pytest.mark.parametrize(("layer", "first"), [*zip(ALL, FIRST, strict=True)], ids=repr)
def test_layouts_and_types(layer, first):
    x = pictures(4, 8, 9, 3)
    xs = [x, x.transpose(0, 3, 1, 2), jnp.asarray(x, "bfloat16"), x[0]]
    made, moved, low, single = compiled(layer, first, layer, layer)(xs, np.uint32(0), {})
    np.testing.assert_allclose(np.transpose(moved, (0, 2, 3, 1)), made, atol=1e-6)
    assert single.shape == made.shape[1:] and low.dtype == "bfloat16"
    if not isinstance(layer, layers.RandomContrast):  # a mean of rounded values differs more
        np.testing.assert_allclose(low.astype("float32"), made, atol=0.02)


MORE = [
    layers.RandomFlip("horizontal"),
    layers.RandomRotation(0.1, "wrap"),
    layers.RandomTranslation((-0.3, 0.3), (0.0, 0.2), "nearest", "nearest"),
    layers.RandomZoom((-0.3, -0.1), (0.1, 0.3), "wrap", seed=4),
    layers.RandomContrast((0.8, 0.2), (0, 1), seed=2),
    layers.RandomBrightness((-0.3, 0.0), [1, 0]),
    layers.RandomCrop(7, 3, seed=1, name="crop"),
]


@pytest.mark.parametrize("layer", [*ALL, *FIRST, *MORE], ids=repr)
def test_round_trip(layer):
    round_trip(layer)


def test_seeds_set_layers_apart():
    x = pictures(8, 8, 9, 1)
    assert (changed(layers.RandomZoom(0.3, seed=1), x) != changed(layers.RandomZoom(0.3, seed=2), x)).any()
    assert (changed(layers.RandomZoom(0.3, seed=-1), x) != changed(layers.RandomZoom(0.3), x)).any()


# geometry -------------------------------------------------------------------------------------------------------------
FIXED = [
    ("RandomRotation", {"factor": (0.07, 0.07)}),
    ("RandomRotation", {"factor": (-0.4, -0.4)}),
    ("RandomTranslation", {"height_factor": (0.21, 0.21), "width_factor": (-0.37, -0.37)}),
    ("RandomTranslation", {"height_factor": (-0.9, -0.9), "width_factor": (0.0, 0.0)}),
    ("RandomZoom", {"height_factor": (0.33, 0.33)}),
    ("RandomZoom", {"height_factor": (-0.33, -0.33), "width_factor": (0.7, 0.7)}),
]


@pytest.mark.parametrize(("name", "arguments"), FIXED)
def test_geometry_is_the_peers(name, arguments):
    ways = [
        {**arguments, "interpolation": interpolation, "fill_mode": fill_mode, "fill_value": 0.3}
        for interpolation in ("bilinear", "nearest")
        for fill_mode in ("constant", "nearest", "reflect", "wrap")
    ]
    theirs = [getattr(keras.layers, name)(**way) for way in ways]
    x = pictures(2, 7, 9, 2)

    @jax.jit
    def expected(x):
        with keras.StatelessScope():
            return [layer(x, training=True) for layer in theirs]

    same([*each_changed([getattr(layers, name)(**way) for way in ways], x)], expected(x))


def test_gradients_by_the_pictures_are_the_peers():
    arguments = {"factor": (0.07, 0.07), "fill_mode": "constant"}
    ours, theirs = layers.RandomRotation(**arguments), keras.layers.RandomRotation(**arguments)
    compare(ours, theirs, pictures(2, 5, 6, 2), training=True)


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize("size", [6, 7])
def test_quarter_turns_are_rot90(interpolation, size):
    x = pictures(2, size, size, 3)
    quarter = [-1, 0, 1, 2]
    made = [layers.RandomRotation((quarters / 4,) * 2, "constant", interpolation) for quarters in quarter]
    for quarters, turned in zip(quarter, each_changed(made, x), strict=True):
        np.testing.assert_allclose(turned, np.rot90(x, quarters, (1, 2)), atol=1e-5)


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize(("down", "right"), [(2, 0), (0, 3), (-2, 1), (1, -4)])
def test_whole_pixels_are_rolled_and_filled(interpolation, down, right):
    x = pictures(2, 8, 8, 3)
    arguments = {"height_factor": (down / 8,) * 2, "width_factor": (right / 8,) * 2, "interpolation": interpolation}
    rolled = np.roll(x, (down, right), (1, 2))
    rows, columns = np.arange(8)[:, None] - down, np.arange(8) - right
    inside = (rows >= 0) & (rows < 8) & (columns >= 0) & (columns < 8)
    ways = [{"fill_mode": "wrap"}, {"fill_mode": "constant", "fill_value": 0.25}]
    wrapped, filled = each_changed([layers.RandomTranslation(**arguments, **way) for way in ways], x)
    np.testing.assert_allclose(wrapped, rolled, atol=1e-6)
    np.testing.assert_allclose(filled, np.where(inside[..., None], rolled, 0.25), atol=1e-6)


def test_zoom_by_two_takes_every_second_pixel():
    x = pictures(2, 9, 9, 1)
    zoomed = changed(layers.RandomZoom((1.0, 1.0), fill_mode="constant"), x)
    np.testing.assert_allclose(zoomed[:, 2:7, 2:7], x[:, ::2, ::2], atol=1e-6)
    assert (zoomed[:, :2] == 0).all() and (zoomed[:, :, 7:] == 0).all()


def test_flips_flip_about_half():
    x = np.repeat(pictures(1, 4, 5, 1), 4000, axis=0)
    ways = {"same": x[0], "horizontal": x[0, :, ::-1], "vertical": x[0, ::-1], "both": x[0, ::-1, ::-1]}
    for mode, expected in (("horizontal", 2), ("vertical", 2), ("horizontal_and_vertical", 4)):
        made = changed(layers.RandomFlip(mode), x)
        shares = {way: np.mean((made == picture).all(axis=(1, 2, 3))) for way, picture in ways.items()}
        present = {way for way, share in shares.items() if share}
        assert present == (set(ways) if expected == 4 else {"same", mode})
        assert all(abs(shares[way] - 1 / expected) < 0.03 for way in present)


# draws ----------------------------------------------------------------------------------------------------------------
def moments(values, low, high):
    """Uniform between two numbers: bounds, mean and variance, to five standard errors."""
    n, width = len(values), high - low
    assert values.min() >= low - 1e-3 * width and values.max() <= high + 1e-3 * width
    assert abs(values.mean() - (low + high) / 2) < 5 * width / np.sqrt(12 * n)
    assert abs(values.var() / (width**2 / 12) - 1) < 0.1


@pytest.mark.parametrize(("factor", "low", "high"), [(0.1, -0.1, 0.1), ((0.05, 0.2), 0.05, 0.2), (-0.2, -0.2, 0.2)])
def test_drawn_numbers_are_uniform(factor, low, high):
    n, middle, far = 1500, 10, 5
    size = 2 * middle + 1
    place = np.broadcast_to(np.stack(np.mgrid[:size, :size], -1).astype("float32"), (n, size, size, 2))
    grey = np.full((n, 1, 1, 1), 0.5, "float32")
    made = [
        layers.RandomTranslation(factor, factor),
        layers.RandomZoom(factor),
        layers.RandomZoom(factor, factor),
        layers.RandomRotation(factor),
        layers.RandomBrightness(factor, (0, 1)),
    ]
    moved, zoomed, free, turned, lit = compiled(*made)([*[place] * 4, grey], np.uint32(0), {})
    # Every pixel tells where it was: seen from the middle, rows and columns of the middle or of one far off.
    shift = (middle - np.asarray(moved)[:, middle, middle]) / size
    alike, free = (np.asarray(z)[:, middle + far, middle + far] / far - middle / far - 1 for z in (zoomed, free))
    down, right = (np.asarray(turned)[:, middle, middle + far] - middle).T
    for drawn in (*shift.T, alike[:, 0], *free.T, np.arctan2(down, right) / (2 * np.pi), lit[:, 0, 0, 0] - 0.5):
        moments(drawn, low, high)
    np.testing.assert_allclose(alike[:, 0], alike[:, 1], atol=1e-4)
    for two in (shift, free):  # height and width are drawn apart
        assert abs(np.corrcoef(two.T)[0, 1]) < 0.13


@pytest.mark.parametrize(("factor", "low", "high"), [(0.3, 0.7, 1.3), ((0.5, 0.2), 0.5, 1.2), ((0.0, 1.0), 1.0, 2.0)])
def test_contrast(factor, low, high):
    x = np.repeat(0.4 + 0.2 * pictures(1, 4, 5, 2), 3000, axis=0)
    made, mean = changed(layers.RandomContrast(factor, (0, 1)), x), x.mean(axis=(1, 2), keepdims=True)
    drawn = (made[:, 0, 0, 0] - mean[:, 0, 0, 0]) / (x[:, 0, 0, 0] - mean[:, 0, 0, 0])
    moments(drawn, low, high)
    np.testing.assert_allclose(made, (x - mean) * drawn[:, None, None, None] + mean, atol=1e-4)


@pytest.mark.parametrize(
    "layer", [layers.RandomContrast((0.0, 1.0), (0.2, 0.6)), layers.RandomBrightness(1.0, (0.2, 0.6))]
)
def test_values_stay_in_their_range(layer):
    made = changed(layer, pictures(64, 4, 4, 1))
    assert made.min() == np.float32(0.2) and made.max() == np.float32(0.6)


@pytest.mark.parametrize("value_range", [(0, 255), (0, 1)])
def test_brightness_is_the_peers(value_range):
    arguments = {"factor": (0.2, 0.2), "value_range": value_range}
    x = value_range[1] * pictures(3, 4, 5, 3)
    compare(layers.RandomBrightness(**arguments), keras.layers.RandomBrightness(**arguments), x, training=True)


@pytest.mark.parametrize("height,width", [(5, 6), (8, 3), (1, 1), (8, 9)])
def test_crops_are_windows_at_uniform_places(height, width):
    x = np.arange(72.0, dtype="float32").reshape(1, 8, 9, 1)
    made = changed(layers.RandomCrop(height, width), np.repeat(x, 3000, axis=0))
    tops, lefts = np.divmod(made[:, 0, 0, 0].astype(int), 9)
    window = made[:, :1, :1] + 9 * np.arange(height)[:, None, None] + np.arange(width)[:, None]
    np.testing.assert_array_equal(made, window)
    for places, room in ((tops, 9 - height), (lefts, 10 - width)):
        shares = np.bincount(places, minlength=room) / len(places)
        assert len(shares) == room and np.abs(shares - 1 / room).max() < 0.04


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("size", [(5, 6), (12, 12), (20, 4)])
def test_crops_in_use_and_of_small_pictures_are_resized_windows(size, training):
    x = pictures(2, 8, 9, 3)
    if not training or size[0] > 8:
        same(layers.RandomCrop(*size)(x, training=training), keras.preprocessing.image.smart_resize(x, size))


# in models ------------------------------------------------------------------------------------------------------------
SWEPT = [
    (layers.RandomRotation, ("factor",), {}),
    (layers.RandomTranslation, ("height_factor", "width_factor"), {}),
    (layers.RandomZoom, ("height_factor", "width_factor"), {}),
    (layers.RandomContrast, ("factor",), {"value_range": (0, 1)}),
    (layers.RandomBrightness, ("factor",), {"value_range": (0, 1)}),
]


@pytest.mark.parametrize(("kind", "names", "options"), SWEPT)
def test_factors_can_be_swept(kind, names, options):
    x = pictures(4, 6, 6, 1)
    layer = kind(**dict.fromkeys(names, 0.1), **options)
    swept = changed(layer, x, **dict.fromkeys(names, 0.4))
    same(swept, changed(kind(**dict.fromkeys(names, 0.4), **options), x))
    layer(x, training=True)
    assert set(layer._hyper) == set(names)


def test_a_model_trains_behind_them():
    model = fd.Sequential([
        fd.Input((8, 8, 1)),
        layers.RandomFlip("horizontal"), layers.RandomRotation(0.1), layers.RandomTranslation(0.1, 0.1),
        layers.RandomZoom(0.1), layers.RandomContrast(0.1, (0, 1)), layers.RandomBrightness(0.1, (0, 1)),
        layers.RandomCrop(6, 6), layers.Flatten(), layers.Dense(2, activation="softmax"),
    ])  # fmt: skip
    assert model.layers[-3].output.shape == (None, 6, 6, 1)
    x = pictures(64, 8, 8, 1)
    y = np.arange(64) % 2
    x[y == 1, 2:6] *= 0.2
    model.compile(fd.optimizers.Adam(0.03), "sparse_categorical_crossentropy")
    losses = model.fit(x, y, epochs=15, batch_size=16, verbose=0).history["loss"]
    assert losses[-1] < 0.7 * losses[0]
    np.testing.assert_array_equal(model.predict(x, verbose=0), model.predict(x, verbose=0))


@pytest.mark.parametrize(
    ("made", "error", "message"),
    [
        (lambda: layers.RandomFlip("diagonal"), ValueError, "mode='diagonal'.*'horizontal_and_vertical'"),
        (lambda: layers.RandomRotation(1.5), ValueError, r"factor=1\.5.*from -1 to 1"),
        (lambda: layers.RandomRotation((0.1, 0.2, 0.3)), ValueError, "expected a number, or"),
        (lambda: layers.RandomRotation("90"), TypeError, "factor='90'"),
        (lambda: layers.RandomRotation(None), TypeError, "factor=None"),
        (lambda: layers.RandomRotation(0.1, "mirror"), ValueError, "fill_mode='mirror'.*'reflect'"),
        (lambda: layers.RandomZoom(0.1, interpolation="cubic"), ValueError, "interpolation='cubic'"),
        (lambda: layers.RandomTranslation(0.1), TypeError, "width_factor"),
        (lambda: layers.RandomZoom(float("nan")), ValueError, "NaN"),
        (lambda: layers.RandomContrast(-0.1), ValueError, "from 0 to 1"),
        (lambda: layers.RandomBrightness(0.1, (1, 1)), ValueError, r"expected \(lowest, highest\)"),
        (lambda: layers.RandomBrightness(0.1, 255), ValueError, r"expected \(lowest, highest\)"),
        (lambda: layers.RandomCrop(0, 3), ValueError, "height=0"),
        (lambda: layers.RandomFlip(seed="a"), TypeError, "RandomFlip"),
        (lambda: layers.RandomFlip()(np.ones((2, 3))), ValueError, r"RandomFlip: expected pictures.*\(2, 3\)"),
        (lambda: layers.RandomFlip(name="f")(fd.Input((28, 28))), ValueError, r"f \(RandomFlip\).*the channel axis"),
    ],
)  # fmt: skip
def test_messages(made, error, message):
    with pytest.raises(error, match=message):
        made()
