"""P11: a generator and a discriminator play against each other until the generator writes digits (DCGAN).

From article a4, which never trains it and whose shapes disagree. The discriminator learns to tell real digits from made
ones; the generator learns, through it, to be taken for real. Writes 100 samples as a picture: most are digits that a
person recognises. Reference: A. Radford et al., https://arxiv.org/abs/1511.06434
"""

import numpy as np

from freedive.datasets import digits
from freedive.layers import BatchNormalization, Conv2D, Conv2DTranspose, Dense, Flatten, LeakyReLU, Reshape
from freedive.models import Sequential
from freedive.optimizers import Adam, schedules
from freedive.utils import save_img

NOISE, BATCH = 32, 32


def make_generator():
    """Noise (batch, 32) -> pictures (batch, 28, 28, 1) with values from -1 to 1."""
    return Sequential([
        Dense(7 * 7 * 128, use_bias=False, input_shape=(NOISE,)), BatchNormalization(momentum=0.9), LeakyReLU(0.2),
        Reshape((7, 7, 128)),
        Conv2DTranspose(128, 3, padding="same", use_bias=False), BatchNormalization(momentum=0.9), LeakyReLU(0.2),
        Conv2DTranspose(64, 4, 2, padding="same", use_bias=False), BatchNormalization(momentum=0.9), LeakyReLU(0.2),
        Conv2DTranspose(1, 4, 2, padding="same", activation="tanh")])  # fmt: skip


def make_discriminator():
    """Pictures (batch, 28, 28, 1) -> the probability that they are real (batch, 1)."""
    return Sequential([
        Conv2D(64, 4, 2, padding="same", input_shape=(28, 28, 1)), LeakyReLU(0.2),
        Conv2D(128, 4, 2, padding="same"), BatchNormalization(momentum=0.9), LeakyReLU(0.2),
        Flatten(), Dense(1, activation="sigmoid")])  # fmt: skip


def main(epochs=32, samples=None, picture="digit_gan.png", seed=0):
    """Train; returns (generator, discriminator) and leaves the picture."""
    real = digits.load_data()[0][0][:samples, ..., None].astype("float32") / 127.5 - 1
    rng, steps = np.random.default_rng(seed), len(real) // BATCH
    generator, discriminator = make_generator(), make_discriminator()
    discriminator.compile(Adam(schedules.CosineDecay(2e-4, epochs * steps), beta_1=0.5), "binary_crossentropy")
    discriminator.trainable = False  # in the stack, which is compiled after this; by itself it learns as compiled
    stack = Sequential([generator, discriminator])
    stack.compile(Adam(schedules.CosineDecay(4e-4, epochs * steps), beta_1=0.5), "binary_crossentropy")
    ones, answers = np.ones((BATCH, 1)), np.repeat([[0.9], [0.0]], BATCH, axis=0)  # 0.9: sure, but not too sure
    for epoch in range(epochs):
        for rows in rng.permutation(len(real))[: steps * BATCH].reshape(steps, BATCH):
            made = generator.predict_on_batch(rng.normal(size=(BATCH, NOISE)))
            told = discriminator.train_on_batch(np.concatenate([real[rows], made]), answers)
            taken = stack.train_on_batch(rng.normal(size=(BATCH, NOISE)), ones)
        print(f"epoch {epoch + 1}: discriminator loss {told:.3f}, generator loss {taken:.3f}", flush=True)
    made = generator.predict(rng.normal(size=(100, NOISE)), verbose=0)  # (100, 28, 28, 1)
    save_img(picture, made.reshape(10, 10, 28, 28).swapaxes(1, 2).reshape(280, 280, 1))
    return generator, discriminator


if __name__ == "__main__":
    main()
