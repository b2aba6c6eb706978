"""Diffusion: its schedules, its loss, samples of a distribution that is known, labels, files and what it refuses."""

import jax.numpy as jnp
import numpy as np
import pytest

import freedive as fd
from freedive.generative.diffusion import cosine, linear
from freedive.layers import Add, Concatenate, Dense, Embedding, SinusoidalFeatures
from freedive.optimizers import SGD

RNG = np.random.default_rng(0)
MEAN = float(cosine(20).mean())  # of the part of the signal that is left


def network(classes=None, outputs=2):
    x, t = fd.Input((2,)), fd.Input((1,))
    told = [Dense(32)(x), Dense(32)(SinusoidalFeatures(16)(t))]
    given = [x, t]
    if classes:
        given.append(fd.Input((), dtype="int32"))
        told.append(Embedding(classes + 1, 32)(given[-1]))
    return fd.Model(given, Dense(outputs)(Dense(32, "swish")(Add()(told))))


@pytest.mark.parametrize("schedule", [cosine, linear])
@pytest.mark.parametrize("steps", [50, 1000])
def test_signals_fade_to_noise(schedule, steps):
    kept = schedule(steps)
    assert len(kept) == steps and (np.diff(kept) < 0).all()
    assert kept[0] > 0.97 and 0 <= kept[-1] < 1e-3


def test_the_schedules_are_the_papers():
    beta = np.linspace(1e-4, 0.02, 1000)
    np.testing.assert_allclose(linear(1000), np.cumprod(1 - beta), rtol=1e-10)
    f = np.cos((np.arange(1001) / 1000 + 0.008) / 1.008 * np.pi / 2) ** 2
    np.testing.assert_allclose(cosine(1000)[:990], (f[1:] / f[0])[:990], rtol=1e-6)


@pytest.mark.parametrize(("target", "of_zeros", "of_ones"), [("noise", 1, 1), ("velocity", MEAN, 1)])
def test_of_a_network_that_finds_nothing_the_loss_is_what_is_to_be_found(target, of_zeros, of_ones):
    """E e^2 = 1 where the answer is 0; E v^2 = a + (1 - a) x^2."""
    model = fd.Diffusion(network(), steps=20, target=target)
    model.compile(SGD(0.0))
    model.set_weights([np.zeros_like(w) for w in model.get_weights()])
    for x, wanted in ((0.0, of_zeros), (1.0, of_ones)):
        found = model.evaluate(np.full((20_000, 2), x), verbose=0, batch_size=20_000)
        assert abs(found - wanted) < 0.03


@pytest.fixture(scope="module")
def taught():
    """Two labels, at (-0.5, 0.5) and (0.5, -0.5), with a little spread."""
    fd.set_seed(1)
    labels = RNG.integers(0, 2, 2000)
    x = np.array([[-0.5, 0.5], [0.5, -0.5]])[labels] + 0.05 * RNG.normal(size=(2000, 2))
    model = fd.Diffusion(network(classes=2), steps=100, classes=2)
    model.compile(fd.optimizers.Adam(3e-3, use_ema=True, ema_momentum=0.99))
    model.fit(x, labels, batch_size=100, epochs=30, verbose=0)
    return model


@pytest.mark.parametrize(
    "options", [{"steps": 20}, {"steps": 100, "eta": 1.0}, {"steps": 20, "guidance": 1.0}], ids=str
)
def test_samples_are_what_their_labels_say(taught, options):
    labels = np.arange(200) % 2
    made = taught.generate(200, seed=0, labels=labels, **options)
    assert ((made[:, 0] > 0) == labels).mean() > 0.98 and ((made[:, 1] < 0) == labels).mean() > 0.98
    assert np.abs(np.abs(made).mean() - 0.5) < 0.25
    np.testing.assert_array_equal(made, taught.generate(200, seed=0, labels=labels, **options))


@pytest.mark.parametrize(
    ("steps", "eta", "target"),
    [(200, 0.0, "noise"), (200, 1.0, "noise"), (20, 0.5, "noise"), (20, 0.5, "velocity"), (1, 0.0, "noise")],
)
def test_a_network_that_knows_the_noise_makes_the_data(steps, eta, target):
    """Of x ~ N(0, s^2), the expected noise is c x_t, c = sqrt(1 - a) / (a s^2 + 1 - a); so every step is linear in x_t,
    and the deviation of samples follows from it. With e and x_t, the velocity is (e - sqrt(1 - a) x_t) / sqrt(a).
    """
    kept, s = linear(200).astype("float32"), 0.2

    class Known(fd.layers.Layer):
        def call(self, inputs):
            x, t = inputs
            a = jnp.asarray(kept)[jnp.round(t * 200).astype("int32") - 1]
            noise = jnp.sqrt(1 - a) * x / (a * s**2 + 1 - a)
            return noise if target == "noise" else (noise - jnp.sqrt(1 - a) * x) / jnp.sqrt(a)

    a = linear(200)[np.linspace(199, 0, steps).round().astype(int)]
    b = np.append(a[1:], 1.0)
    c, d = np.sqrt(1 - a) / (a * s**2 + 1 - a), eta * np.sqrt((1 - b) / (1 - a) * (1 - a / b))
    variance = 1.0
    for factor, more in zip(np.sqrt(b / a) * (1 - np.sqrt(1 - a) * c) + np.sqrt(1 - b - d**2) * c, d, strict=True):
        variance = factor**2 * variance + more**2
    given = [fd.Input((2,)), fd.Input((1,))]
    model = fd.Diffusion(fd.Model(given, Known()(given)), steps=200, schedule="linear", target=target)
    made = model.generate(8000, seed=0, steps=steps, eta=eta)
    assert abs(made.mean()) < 0.01 and abs(made.std() / np.sqrt(variance) - 1) < 0.03


def test_files(taught, tmp_path):
    taught.save(tmp_path / "model.safetensors")
    same = fd.models.load_model(tmp_path / "model.safetensors")
    assert same.get_config() == taught.get_config()
    given = {"seed": 3, "labels": [0, 1], "steps": 20}
    np.testing.assert_array_equal(same.generate(2, **given), taught.generate(2, **given))


def two_inputs():
    x, t = fd.Input((2,)), fd.Input((1,))
    return fd.Model([x, t], Dense(2)(Concatenate()([x, t])))


REFUSED = {
    "no time": (lambda: fd.Diffusion(fd.Sequential([fd.Input((2,)), Dense(2)])), r"expected one of \[x, t\]. It has 1"),
    "no labels": (lambda: fd.Diffusion(two_inputs(), classes=3), r"\[x, t, labels\]"),
    "another shape": (
        lambda: fd.Diffusion(network(outputs=3)),
        r"the network gives \(None, 3\), the data are \(None, 2\)",
    ),
    "schedule": (lambda: fd.Diffusion(two_inputs(), schedule="sine"), "'cosine', 'linear'"),
    "steps": (lambda: fd.Diffusion(two_inputs(), steps=10).generate(1, steps=11), "was made with 10 steps"),
    "labels": (lambda: fd.Diffusion(two_inputs(), steps=10).generate(1, steps=5, labels=[1]), "takes no labels"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case):
    act, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        act()


def test_labels_are_looked_at(taught):
    with pytest.raises(ValueError, match="makes what a label says"):
        taught.fit(np.zeros((4, 2)), verbose=0)
    with pytest.raises(ValueError, match=r"label 2 at index 2 is outside 0..1"):
        taught.fit(np.zeros((4, 2)), np.array([0, 1, 2, 0]), verbose=0)
    with pytest.raises(ValueError, match=r"a label for each, \(3,\)"):
        taught.generate(3)
