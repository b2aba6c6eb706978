"""Digits made by a VAE, a GAN of any of the four losses, or diffusion: their scores while they learn, and their grids.

    python examples/generate_digits.py vae --epochs 20          # ends with the bound, in nats a digit
    python examples/generate_digits.py gan --loss hinge
    python examples/generate_digits.py diffusion --epochs 12
    python examples/generate_digits.py diffusion --epochs 12 --classifier-epochs 10 --gan 32    # beside the GAN of P11

A small classifier gives the features of the Frechet score, and says which samples it recognises: with more than 90%
certainty. Writes KIND.html, a report with what was made while training. With `--mnist FOLDER` the full set is taken
from the four files in a folder, with "auto" from the caches or the network.
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
    Permute,
    Reshape,
    SpectralNormalization,
)
from freedive.report import TrainingReport, gallery

SHAPE = (28, 28, 1)


def make_classifier(x, y, epochs):
    """A network that knows the digits; x from 0 to 1."""
    model = fd.Sequential([
        fd.Input(SHAPE), Conv2D(32, 3, activation="relu"), MaxPooling2D(),
        Conv2D(64, 3, activation="relu"), MaxPooling2D(), Flatten(),
        Dense(64, "relu"), Dense(10, "softmax")])  # fmt: skip
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=epochs, batch_size=64, verbose=0)
    return model


def make_vae(**_):
    """Codes of 32 numbers; two hidden layers each way."""
    encoder = [fd.Input(SHAPE), Flatten(), Dense(512, "relu"), Dense(512, "relu"), Dense(2 * 32)]
    decoder = [fd.Input((32,)), Dense(512, "relu"), Dense(512, "relu"), Dense(784), Reshape(SHAPE)]
    model = fd.VAE(fd.Sequential(encoder), fd.Sequential(decoder))
    model.compile(fd.optimizers.Adam(1e-3))
    return model


def make_gan(loss="original", **_):
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


def make_diffusion(steps, **_):
    """A U-Net of two sizes that sees squares of 2 by 2 pixels as one point; it is told which digit to make."""
    inputs = [fd.Input(SHAPE), fd.Input((1,)), fd.Input((), dtype="int32")]
    squares = Reshape((14, 14, 4))(Permute((1, 3, 2, 4))(Reshape((14, 2, 14, 2))(inputs[0])))
    found = fd.networks.unet((14, 14, 4), (32, 64), timed=True, classes=10)([squares, *inputs[1:]])
    found = Reshape(SHAPE)(Permute((1, 3, 2, 4))(Reshape((14, 14, 2, 2))(found)))
    model = fd.Diffusion(fd.Model(inputs, found), steps=500, classes=10, unlabelled=0.3, target="velocity")
    rate = fd.optimizers.schedules.CosineDecay(2e-3, steps)
    model.compile(fd.optimizers.Adam(rate, use_ema=True, ema_momentum=0.995))
    return model


NAMES = {"vae": "a VAE", "gan": "a GAN", "diffusion": "diffusion"}
MAKERS = {"vae": make_vae, "gan": make_gan, "diffusion": make_diffusion}


def recognised(classifier, made):
    """(the share of samples with an answer above 90%, how many of those are of each class)."""
    answers = classifier.predict(made, verbose=0)
    sure = answers.max(1) > 0.9
    return sure.mean(), np.bincount(answers.argmax(1)[sure], minlength=10)


def tell(what, made, classifier):
    """Say how much is recognised, and how many of ten classes it comes to, were they equally often: exp(entropy)."""
    share, counts = recognised(classifier, made)
    parts = counts[counts > 0] / max(1, counts.sum())
    spread = np.exp(-(parts * np.log(parts)).sum())
    print(f"{what}: {share:.1%} of {len(made)} recognised; by class {counts.tolist()}, as {spread:.1f} equal ones")
    return f"{share:.1%} of {what} are recognised"


def main(kind="vae", epochs=5, loss="original", mnist=None, samples=None, n=1000, classifier_epochs=4, gan=0):
    """Train; returns (model, history, what was said of the samples) and leaves a report."""
    (x, y), (x_test, y_test) = load(mnist)
    x, y = x[:samples], y[:samples]
    classifier = make_classifier(x, y, classifier_epochs)
    print(f"the classifier is right in {classifier.evaluate(x_test, y_test, verbose=0)[1]:.1%}", flush=True)
    tell("real digits", x_test, classifier)
    diffuses = kind == "diffusion"  # between -1 and 1, told which digit to make, 50 steps a sample
    batch, scored = (32, min(n, 200)) if diffuses else (64, n)
    model = MAKERS[kind](loss=loss, steps=epochs * -(-len(x) // batch))
    grid = fd.callbacks.SampleGrid(n=60, columns=10, every=max(1, epochs // 5), **asked(kind, 60))
    score = fd.generative.FrechetScore(classifier, x_test, n=scored, prepare=unit(kind), **asked(kind, scored))
    history = model.fit(2 * x - 1 if diffuses else x, y if diffuses else None, epochs=epochs, batch_size=batch,
                        callbacks=[score, grid], verbose=2)  # fmt: skip
    print(f"Frechet score {history.history['frechet'][0]:.1f} -> {history.history['frechet'][-1]:.1f}")
    said = [
        tell(what, unit(kind)(model.generate(n, seed=1, **asked(kind, n), **options)), classifier)
        for what, options in (GUIDED if diffuses else PLAIN).items()
    ]
    made = [(f"epoch {epoch}", picture) for epoch, picture in grid.grids.items()]
    sections = [between(model, x_test)] if kind == "vae" else []
    report = TrainingReport(
        f"Digits by {NAMES[kind]}", "; ".join(said), history=history.history, made=made, sections=sections
    )
    with open(f"{kind}.html", "w", encoding="utf-8") as file:
        file.write(report.html())
    if gan:
        said.append(tell("samples of the GAN of p11_digit_gan", made_by_gan(gan, samples, n), classifier))
    return model, history, said


def made_by_gan(epochs, samples, n):
    """What the GAN of the program P11 makes, told no label, once it has learned from the same digits."""
    import p11_digit_gan  # beside this file

    generator, _ = p11_digit_gan.main(epochs, samples)
    made = generator.predict(np.random.default_rng(1).normal(size=(n, p11_digit_gan.NOISE)), verbose=0)
    return (made + 1) / 2


PLAIN = {"samples": {}}
GUIDED = {
    "samples": {},
    "samples with guidance 1": {"guidance": 1.0},
    "samples that were told no label": {"guidance": -1.0},
}


def asked(kind, n):
    """What `generate` is told beside the number: of diffusion, which digits to make."""
    return {"labels": np.arange(n) % 10} if kind == "diffusion" else {}


def unit(kind):
    """Samples as numbers from 0 to 1."""
    return lambda made: np.clip((made + 1) / 2 if kind == "diffusion" else made, 0, 1)


def between(vae, x):
    """Say the bound; what lies between digits, for the report."""
    one, many = (-vae.bound(x, k).mean() for k in (1, 50))
    print(f"bound of the test digits: {one:.1f} nats, with 50 samples {many:.1f}")
    lines = vae.interpolate(x[:6], x[6:12], steps=10)
    return gallery("From one digit to another", [("straight lines between two codes", lines)])


def load(folder):
    """((x, y), (x_test, y_test)), pictures from 0 to 1: the embedded digits, or the full set."""
    mnist = fd.datasets.mnist.load_data
    given = None if folder == "auto" else folder
    found = fd.datasets.digits.load_data() if folder is None else mnist(given, fallback=False)
    return [(pictures[..., None].astype("float32") / 255, labels) for pictures, labels in found]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=MAKERS)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--loss", default="original")
    parser.add_argument("--mnist", metavar="FOLDER")
    parser.add_argument("--samples", type=int, help="so many training digits")
    parser.add_argument("--n", type=int, default=1000, help="samples that are looked at in the end")
    parser.add_argument("--classifier-epochs", type=int, default=4)
    parser.add_argument("--gan", type=int, default=0, metavar="EPOCHS", help="train the GAN of p11_digit_gan, too")
    main(**vars(parser.parse_args()))
