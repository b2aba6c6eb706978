"""Digits made by a VAE, a GAN of any of the four losses, or diffusion: their scores while they learn, and their grids.

    python examples/generate_digits.py vae --epochs 20          # ends with the bound, in nats a digit
    python examples/generate_digits.py gan --loss hinge
    python examples/generate_digits.py diffusion --epochs 10

A small classifier gives the features of the Frechet score, and says which samples it recognises (by 90%). With
`--mnist FOLDER` the full set is taken from the four files in a folder, with "auto" from the caches or the network.
"""

import argparse

import numpy as np

import freedive as fd
from freedive.layers import (
    BatchNormalization,
    Conv2D,
    Conv2DTranspose,
    Dense,
    Flatten,
    LeakyReLU,
    MaxPooling2D,
    Reshape,
    SpectralNormalization,
)

SHAPE = (28, 28, 1)


def make_classifier(x, y):
    """A network that knows the digits; x from 0 to 1."""
    model = fd.Sequential([
        fd.Input(SHAPE), Conv2D(32, 3, activation="relu"), MaxPooling2D(),
        Conv2D(64, 3, activation="relu"), MaxPooling2D(), Flatten(),
        Dense(64, "relu"), Dense(10, "softmax")])  # fmt: skip
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=4, batch_size=64, verbose=0)
    return model


def make_vae(**_):
    """Codes of 32 numbers; two hidden layers each way."""
    encoder = [fd.Input(SHAPE), Flatten(), Dense(512, "relu"), Dense(512, "relu"), Dense(2 * 32)]
    decoder = [fd.Input((32,)), Dense(512, "relu"), Dense(512, "relu"), Dense(784), Reshape(SHAPE)]
    model = fd.VAE(fd.Sequential(encoder), fd.Sequential(decoder))
    model.compile(fd.optimizers.Adam(1e-3))
    return model


def make_gan(loss="original"):
    """A small DCGAN whose discriminator is bounded by spectral normalisation, or by the penalty of "wasserstein"."""
    bounded = (lambda layer: layer) if loss == "wasserstein" else SpectralNormalization
    generator = fd.Sequential([
        fd.Input((32,)), Dense(7 * 7 * 64, use_bias=False), BatchNormalization(momentum=0.9), LeakyReLU(0.2),
        Reshape((7, 7, 64)),
        Conv2DTranspose(32, 4, 2, padding="same", use_bias=False), BatchNormalization(momentum=0.9), LeakyReLU(0.2),
        Conv2DTranspose(1, 4, 2, padding="same", activation="sigmoid")])  # fmt: skip
    discriminator = fd.Sequential([
        fd.Input(SHAPE), bounded(Conv2D(32, 4, 2, padding="same")), LeakyReLU(0.2),
        bounded(Conv2D(64, 4, 2, padding="same")), LeakyReLU(0.2), Flatten(), bounded(Dense(1))])  # fmt: skip
    model = fd.GAN(generator, discriminator, loss, discriminator_steps=3 if loss == "wasserstein" else 1)
    model.compile(fd.optimizers.Adam(4e-4, beta_1=0.5), fd.optimizers.Adam(4e-4, beta_1=0.5))
    return model


def make_diffusion(**_):
    """A U-Net of three sizes."""
    model = fd.Diffusion(fd.networks.unet(SHAPE, (16, 32, 64), timed=True), steps=500)
    model.compile(fd.optimizers.Adam(1e-3, use_ema=True, ema_momentum=0.995))
    return model


MAKERS = {"vae": make_vae, "gan": make_gan, "diffusion": make_diffusion}


def main(kind="vae", epochs=5, loss="original", mnist=None, samples=None, grids="digits-{epoch:02d}.png", n=1000):
    """Train; returns (model, history, the part of n samples that the classifier recognises)."""
    found = fd.datasets.digits.load_data() if mnist is None else load_mnist(mnist)
    (x, y), (x_test, y_test) = ((pictures[..., None].astype("float32") / 255, labels) for pictures, labels in found)
    x, y = x[:samples], y[:samples]
    classifier, model = make_classifier(x, y), MAKERS[kind](loss=loss)
    print(f"the classifier is right in {classifier.evaluate(x_test, y_test, verbose=0)[1]:.1%}", flush=True)

    def unit(made):
        return np.clip((made + 1) / 2 if kind == "diffusion" else made, 0, 1)

    callbacks = [fd.callbacks.SampleGrid(grids, every=max(1, epochs // 5))] if grids else []
    score = fd.generative.FrechetScore(classifier, x_test, n=n, prepare=unit)
    history = model.fit(
        2 * x - 1 if kind == "diffusion" else x, epochs=epochs, batch_size=64, callbacks=[score, *callbacks]
    )
    sure = classifier.predict(unit(model.generate(n, seed=1)), verbose=0).max(1) > 0.9
    print(f"Frechet score {history.history['frechet'][0]:.1f} -> {history.history['frechet'][-1]:.1f}")
    print(f"recognised: {sure.mean():.1%} of {n}")
    if kind == "vae":
        one, many = (-model.bound(x_test, k).mean() for k in (1, 50))
        print(f"bound of the test digits: {one:.1f} nats, with 50 samples {many:.1f}")
    return model, history, sure.mean()


def load_mnist(folder):
    """The full set."""
    return fd.datasets.mnist.load_data(None if folder == "auto" else folder, fallback=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=MAKERS)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--loss", default="original")
    parser.add_argument("--mnist", metavar="FOLDER")
    parser.add_argument("--samples", type=int, help="so many training digits")
    main(**vars(parser.parse_args()))
