"""Autoencoder and VAE: laws that tie them to plain models, formulas against numpy, files, and what they refuse."""

import jax
import numpy as np
import pytest
from scipy import stats
from scipy.special import expit

import freedive as fd
from freedive.layers import Activation, Cropping1D, Dense, Dropout, Flatten, Permute, Reshape

RNG = np.random.default_rng(0)
X = RNG.random((48, 6)).astype("float32")


def row(*sizes, activation=None):
    """Dense layers of these sizes, the first being that of the input."""
    hidden = [Dense(size, "tanh") for size in sizes[1:-1]]
    return fd.Sequential([fd.Input((sizes[0],)), *hidden, Dense(sizes[-1], activation)])


def autoencoder(**options):
    return fd.Autoencoder(row(6, 5, 3), row(3, 6), **options)


def vae(**options):
    return fd.VAE(row(6, 5, 4), row(2, 5, 6), **options)


def two_headed(mean, log_variance):
    """An encoder of linear mean (features, code) and constant log variance."""
    x = fd.Input((mean.shape[0],))
    heads = [Dense(mean.shape[1], name="mean"), Dense(mean.shape[1], kernel_initializer="zeros", name="spread")]
    model = fd.Model(x, [head(x) for head in heads])
    heads[0].set_weights([mean, np.zeros(mean.shape[1])])
    heads[1].set_weights([np.zeros(mean.shape), np.full(mean.shape[1], log_variance)])
    heads[1].trainable = False
    return model


# laws ---------------------------------------------------------------------------------------------------------------
def test_a_plain_autoencoder_is_a_model_that_learns_its_inputs():
    model = autoencoder()
    plain = fd.Sequential([row(6, 5, 3), row(3, 6)])
    plain.set_weights(model.get_weights())
    options = {"epochs": 3, "batch_size": 16, "seed": 1, "verbose": 0, "validation_split": 0.25}
    model.compile("adam")
    plain.compile("adam", "mse")
    ours, theirs = model.fit(X, **options).history, plain.fit(X, X, **options).history
    for name in ("loss", "val_loss"):
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-5)
    np.testing.assert_allclose(model.predict(X), plain.predict(X), atol=1e-5)


def test_a_vae_with_beta_zero_and_sure_codes_is_an_autoencoder():
    kernel = RNG.normal(size=(6, 2)).astype("float32")
    variational = fd.VAE(two_headed(kernel, -100.0), row(2, 5, 6), beta=0.0)
    encoder = row(6, 2)
    encoder.set_weights([kernel, np.zeros(2)])
    summed = fd.losses.BinaryCrossentropy(from_logits=True)  # its mean over the 6 numbers, against their sum
    plain = fd.Autoencoder(encoder, row(2, 5, 6), loss=summed)
    plain.decoder.set_weights(variational.decoder.get_weights())
    variational.compile(fd.optimizers.SGD(0.01))
    plain.compile(fd.optimizers.SGD(0.06))
    options = {"epochs": 3, "batch_size": 16, "seed": 1, "verbose": 0}
    ours, theirs = variational.fit(X, **options).history, plain.fit(X, **options).history
    np.testing.assert_allclose(ours["loss"], 6 * np.array(theirs["loss"]), rtol=1e-5)
    for a, b in zip(variational.decoder.get_weights(), plain.decoder.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("samples", [1, 7])
def test_with_the_true_posterior_the_bound_is_the_likelihood(samples):
    """Of a linear decoder, z ~ N(0, 1), x = w z + N(0, s^2), both are known in closed form."""
    w, s = np.array([[0.7, -1.2, 0.4]], "float32"), 0.5
    variance = 1 / (1 + (w**2).sum() / s**2)
    model = fd.VAE(two_headed(w.T * variance / s**2, np.log(variance)), row(1, 3), likelihood="gaussian", deviation=s)
    model.decoder.set_weights([w, np.zeros(3)])
    x = RNG.normal(size=(9, 3)).astype("float32")
    exact = stats.multivariate_normal(np.zeros(3), w.T @ w + s**2 * np.eye(3)).logpdf(x)
    np.testing.assert_allclose(model.bound(x, samples), exact, rtol=1e-4)


def test_more_samples_give_a_closer_bound():
    model = vae()
    few, many = (model.bound(X, k).mean() for k in (1, 200))
    assert many > few


# formulas -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("activation", [None, "sigmoid"])
def test_the_terms_of_a_vae(activation):
    mean, log_variance = RNG.normal(size=(6, 2)), -100.0  # z is the mean, so that the terms are numbers
    model = fd.VAE(two_headed(mean, log_variance), row(2, 6, activation=activation), beta=2.5)
    model.compile("sgd")
    said = model.evaluate(X, return_dict=True, verbose=0)
    code = X @ mean
    p = np.clip(expit(code @ model.decoder.get_weights()[0]), 1e-7, 1 - 1e-7)
    reconstruction = -(X * np.log(p) + (1 - X) * np.log1p(-p)).sum(1).mean()
    kl = (np.square(code) + np.exp(log_variance) - log_variance - 1).sum(1).mean() / 2
    np.testing.assert_allclose(said["reconstruction_loss"], reconstruction, rtol=1e-4)
    np.testing.assert_allclose(said["kl_loss"], kl, rtol=1e-5)
    np.testing.assert_allclose(said["loss"], reconstruction + 2.5 * kl, rtol=1e-5)
    np.testing.assert_allclose(model.predict(X), p, atol=1e-5)


class Written(fd.Model):
    """A decoder without a graph."""

    def __init__(self):
        self.dense = Dense(6)

    def call(self, z):
        return jax.nn.sigmoid(self.dense(z)).reshape(-1, 6)


ENDS = {
    "moved": lambda: [Dense(6, "sigmoid"), Reshape((2, 3)), Permute((2, 1)), Flatten()],
    "of its own": lambda: [Dense(6), Reshape((2, 3)), Activation("sigmoid"), Reshape((6,))],
    "cropped": lambda: [Dense(8, "sigmoid"), Reshape((8, 1)), Cropping1D(1), Flatten()],
    "inside": lambda: [fd.Sequential([fd.Input((2,)), Dense(6, "sigmoid"), Reshape((3, 2))]), Flatten()],
    "a function": lambda: [Dense(6, activation=lambda z: jax.nn.sigmoid(z)), Dropout(0.5)],
    "written": lambda: [Written()],
}


@pytest.mark.parametrize("end", ENDS)
def test_a_decoder_gives_probabilities_where_a_sigmoid_is_the_last_that_it_computes(end):
    mean = RNG.normal(size=(6, 2))
    model = fd.VAE(two_headed(mean, -100.0), fd.Sequential([fd.Input((2,)), *ENDS[end]()]))  # z is the mean
    model.compile("sgd")
    p = model.decoder.predict(X @ mean)
    np.testing.assert_allclose(model.predict(X), p, atol=1e-6)
    said = model.evaluate(X, return_dict=True, verbose=0)["reconstruction_loss"]
    np.testing.assert_allclose(said, -(X * np.log(p) + (1 - X) * np.log1p(-p)).sum(1).mean(), rtol=1e-4)


def test_a_decoder_that_scales_its_sigmoid_gives_logits():
    ends = [Dense(6, "sigmoid"), fd.layers.Rescaling(8.0, -4.0)]
    model = fd.VAE(row(6, 5, 4), fd.Sequential([fd.Input((2,)), *ends]))
    z = RNG.normal(size=(6, 2)).astype("float32")
    np.testing.assert_allclose(model.decode(z), expit(model.decoder.predict(z)), atol=1e-6)


def test_the_terms_of_an_autoencoder():
    linear = row(6, 3)
    model = fd.Autoencoder(linear, row(3, 6), sparsity=0.5, contraction=0.25, loss="mae")
    model.compile("sgd")
    x = np.random.default_rng(0).normal(size=(4000, 6)).astype("float32")
    said = model.evaluate(x, return_dict=True, verbose=0)
    code = model.encode(x)
    np.testing.assert_allclose(said["reconstruction_loss"], np.abs(model.decode(code) - x).mean(), rtol=1e-4)
    np.testing.assert_allclose(said["sparsity_loss"], np.abs(code).mean(), rtol=1e-4)
    np.testing.assert_allclose(said["contraction_loss"], np.square(linear.get_weights()[0]).sum(), rtol=0.25)  # drawn
    parts = said["reconstruction_loss"] + 0.5 * said["sparsity_loss"] + 0.25 * said["contraction_loss"]
    np.testing.assert_allclose(said["loss"], parts, rtol=1e-5)
    np.testing.assert_allclose(model.reconstruction_error(x), np.abs(model.predict(x) - x).mean(1), rtol=1e-4)


@pytest.mark.parametrize("layer", [Dropout(0.5), fd.layers.BatchNormalization(), fd.layers.LSTM(3)], ids=str)
def test_the_slope_of_any_encoder_is_penalised(layer):
    """Also of layers that draw, have a state, or whose gradient is written by hand."""
    shape = (4, 2) if isinstance(layer, fd.layers.LSTM) else (8,)
    encoder = fd.Sequential([fd.Input(shape), layer, Dense(3)])
    decoder = fd.Sequential([fd.Input((3,)), Dense(8), Reshape(shape)])
    model = fd.Autoencoder(encoder, decoder, contraction=10.0)
    model.compile(fd.optimizers.SGD(0.01))
    x = np.random.default_rng(0).normal(size=(64, *shape)).astype("float32")
    slopes = model.fit(x, epochs=8, batch_size=16, verbose=0).history["contraction_loss"]
    assert slopes[-1] < 0.7 * slopes[0] and np.isfinite(slopes).all()


def test_noise_is_for_training_alone():
    model = autoencoder(noise=1.0)
    model.compile(fd.optimizers.SGD(0.0))
    trained = model.fit(X, epochs=1, verbose=0, validation_data=(X,)).history
    np.testing.assert_allclose(trained["val_loss"][0], np.square(model.predict(X) - X).mean(), rtol=1e-5)
    assert trained["loss"][0] > trained["val_loss"][0]


def test_one_may_bring_noisy_data():
    model = autoencoder()
    model.compile("sgd")
    noisy = X + 1
    error = model.evaluate(noisy, X, return_dict=True, verbose=0)["loss"]
    np.testing.assert_allclose(error, np.square(model.predict(noisy) - X).mean(), rtol=1e-5)


# as every model -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("make", [autoencoder, vae])
def test_files_and_configurations(make, tmp_path):
    model = make()
    model.compile("adam")
    model.fit(X, epochs=1, verbose=0)
    model.save(tmp_path / "model.safetensors")
    same = fd.models.load_model(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(same.predict(X), model.predict(X))
    assert same.get_config() == model.get_config()
    a, b = (m.fit(X, epochs=2, initial_epoch=1, seed=3, verbose=0).history for m in (model, same))
    assert a == b


def test_a_model_without_shapes_learns_them_from_data():
    model = fd.VAE(fd.Sequential([Dense(4)]), fd.Sequential([fd.Input((2,)), Dense(6)]))
    model.compile("adam")
    model.fit(X, epochs=1, verbose=0)
    assert model.generate(3, seed=0).shape == (3, 6)


def test_beta_is_a_number_that_may_change():
    model = vae()
    model.compile(fd.optimizers.SGD(0.0))
    said = model.evaluate(X, return_dict=True, verbose=0)
    model.beta = 3.0
    more = model.evaluate(X, return_dict=True, verbose=0)
    np.testing.assert_allclose(more["loss"] - said["loss"], 2 * said["kl_loss"], rtol=1e-4)


def test_lines_between_codes():
    model = vae()
    made = model.interpolate(X[:2], X[2:4], 5)
    assert made.shape == (2, 5, 6)
    np.testing.assert_allclose(made[:, 0], model.predict(X[:2]), atol=1e-5)
    np.testing.assert_allclose(made[:, -1], model.predict(X[2:4]), atol=1e-5)


def test_sample_weights_and_single_batches():
    model = autoencoder()
    model.compile(fd.optimizers.SGD(0.0))
    errors, weights = model.reconstruction_error(X), RNG.random(len(X))
    said = model.evaluate(X, sample_weight=weights, return_dict=True, verbose=0)["loss"]
    np.testing.assert_allclose(said, (errors * weights).mean(), rtol=1e-5)
    np.testing.assert_allclose(model.train_on_batch(X)[0], errors.mean(), rtol=1e-5)
    np.testing.assert_allclose(model.test_on_batch(X)[0], errors.mean(), rtol=1e-5)


# what is refused ----------------------------------------------------------------------------------------------------
REFUSED = {
    "decoder of another shape": (lambda: fd.Autoencoder(row(6, 3), row(3, 5)), r"the decoder gives \(None, 5\)"),
    "no pair": (lambda: fd.VAE(row(6, 3), row(3, 6)), r"the encoder gives \(None, 3\): expected a mean and a log var"),
    "a function": (lambda: fd.VAE(row, row(3, 6)), "expected a model.*Call the function"),
    "negative beta": (lambda: vae(beta=-1.0), "beta=-1.0.*expected 0 or more"),
    "likelihood": (lambda: vae(likelihood="poisson"), "'bernoulli', 'gaussian'"),
    "another loss": (lambda: vae().compile("adam", loss="mse"), "has a loss of its own"),
    "not compiled": (lambda: vae().fit(X, verbose=0), r"call compile\(\.\.\.\) first"),
    "targets": (lambda: compiled(vae()).fit(X, X, verbose=0), "has no use for targets"),
    "no samples": (lambda: vae().bound(X, 0), "samples=0.*1 or more"),
    "data beyond the loss": (lambda: binary().fit(255 * X, verbose=0), r"fit\(x=\.\.\.\).*is outside 0..1"),
    "targets beyond the loss": (lambda: binary().fit(X, 255 * X, verbose=0), r"fit\(y=\.\.\.\).*is outside 0..1"),
    "pairs": (lambda: vae().interpolate(X[:1], X[:2]), "1 rows to begin with and 2 to end with"),
}


def binary():
    return compiled(fd.Autoencoder(row(6, 3), row(3, 6, activation="sigmoid"), loss="binary_crossentropy"))


def compiled(model):
    model.compile("sgd")
    return model


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case):
    act, message = REFUSED[case]
    with pytest.raises((ValueError, TypeError), match=message):
        act()
