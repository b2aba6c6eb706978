"""GAN: its losses against numpy, its moves by hand, turns, labels, files, resuming, and what it refuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import freedive as fd
from freedive.generative.adversary import LOSSES, slope_penalty, smoothed
from freedive.layers import BatchNormalization, Concatenate, Dense, Dropout, Embedding, Flatten, Rescaling
from freedive.optimizers import SGD, Adam

RNG = np.random.default_rng(0)
X = RNG.normal(size=(48, 3)).astype("float32")


def generator(units=3, hidden=4):
    return fd.Sequential([fd.Input((2,)), Dense(hidden, "tanh"), Dense(units)])


def discriminator(*between, activation=None, after=()):
    return fd.Sequential([fd.Input((3,)), Dense(4, "tanh"), *between, Dense(1, activation), *after])


def gan(*between, optimizers=(None, None), **options):
    model = fd.GAN(generator(), discriminator(*between), **options)
    model.compile(*optimizers)
    return model


def conditional():
    noise, data, label = fd.Input((2,)), fd.Input((3,)), fd.Input((), dtype="int32")
    words = [Flatten()(Embedding(5, 2)(label)) for _ in range(2)]
    made = Dense(3)(Concatenate()([noise, words[0]]))
    score = Dense(1)(Concatenate()([data, words[1]]))
    model = fd.GAN(fd.Model([noise, label], made), fd.Model([data, label], score))
    model.compile()
    return model


# formulas -----------------------------------------------------------------------------------------------------------
def sigmoid(s):
    return 1 / (1 + np.exp(-s))


FORMULAS = {  # of scores of real and made data: what the discriminator pays, what the generator pays
    "original": (lambda r, f: -np.log(sigmoid(r)) - np.log(1 - sigmoid(f)), lambda f: -np.log(sigmoid(f))),
    "least_squares": (lambda r, f: 0.5 * (r - 1) ** 2 + 0.5 * f**2, lambda f: 0.5 * (f - 1) ** 2),
    "wasserstein": (lambda r, f: f - r, lambda f: -f),
    "hinge": (lambda r, f: np.maximum(0, 1 - r) + np.maximum(0, 1 + f), lambda f: -f),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_losses_are_their_formulas(name):
    r, f = RNG.normal(size=(2, 9))
    discriminator_pays, generator_pays = FORMULAS[name]
    np.testing.assert_allclose(LOSSES[name].real(r) + LOSSES[name].made(f), discriminator_pays(r, f), atol=1e-5)
    np.testing.assert_allclose(LOSSES[name].taken(f), generator_pays(f), atol=1e-5)


def test_smoothed_labels_are_a_cross_entropy():
    r = RNG.normal(size=9)
    expected = -0.9 * np.log(sigmoid(r)) - 0.1 * np.log(1 - sigmoid(r))
    np.testing.assert_allclose(smoothed(LOSSES["original"], 0.1).real(r), expected, atol=1e-5)


def test_the_gradient_of_the_penalty_is_that_of_finite_differences():
    with jax.enable_x64(True):
        real, made, part = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 3)), RNG.random(4)
        weights = [jnp.array(RNG.normal(size=s)) for s in ((3, 5), (5, 1))]

        def penalty(first):
            return slope_penalty(lambda x: jnp.tanh(x @ first) @ weights[1], real, made, part).mean()

        slope = jax.grad(penalty)(weights[0])
        for at in np.ndindex(3, 5):
            step = jnp.zeros((3, 5)).at[at].set(1e-6)
            expected = (penalty(weights[0] + step) - penalty(weights[0] - step)) / 2e-6
            np.testing.assert_allclose(slope[at], expected, rtol=1e-5, atol=1e-8)


def test_the_penalty_of_a_linear_score():
    model = fd.GAN(generator(), fd.Sequential([fd.Input((3,)), Dense(1)]), "wasserstein")
    model.compile()
    norm = np.linalg.norm(model.discriminator.get_weights()[0])
    said = model.evaluate(X, return_dict=True, verbose=0)
    np.testing.assert_allclose(said["gradient_penalty"], (norm - 1) ** 2, rtol=1e-4)
    assert model.gradient_penalty == 10.0


@pytest.mark.parametrize("every", [1, 3])
def test_a_run_by_hand(every):
    """A generator without noise, c, against a linear discriminator, s = x w + b, by plain gradient descent."""
    maker = fd.Sequential([fd.Input((2,)), Rescaling(0.0), Dense(3)])
    judge = fd.Sequential([fd.Input((3,)), Dense(1)])
    model = fd.GAN(maker, judge, discriminator_steps=every)
    model.compile(SGD(0.3), SGD(0.2))
    w, b, c = *(v.astype(float) for v in judge.get_weights()), np.zeros(3)
    history = model.fit(X, batch_size=16, epochs=2, shuffle=False, verbose=0).history
    paid = []
    for step in range(6):
        x = X[16 * (step % 3) :][:16].astype(float)
        s, f = x @ w + b, c @ w + b
        paid.append((np.log1p(np.exp(-s)).mean() + np.log1p(np.exp(f)))[0])
        r, m = sigmoid(s) - 1, sigmoid(f)  # slopes by the scores
        w, b = w - 0.2 * ((x * r).mean(0)[:, None] + c[:, None] * m), b - 0.2 * (r.mean() + m)
        if (step + 1) % every == 0:
            c = c - 0.3 * (w * (sigmoid(c @ w + b) - 1))[:, 0]
    np.testing.assert_allclose(judge.get_weights()[0], w, atol=1e-5)
    np.testing.assert_allclose(maker.get_weights()[1], c, atol=1e-5)
    np.testing.assert_allclose(history["discriminator_loss"], np.reshape(paid, (2, 3)).mean(1), rtol=1e-5)


# turns --------------------------------------------------------------------------------------------------------------
def test_a_generator_that_has_not_moved_has_no_loss():
    losses = gan(discriminator_steps=5).fit(X[:32], batch_size=16, epochs=3, verbose=0).history["generator_loss"]
    assert np.isfinite(losses).tolist() == [False, False, True] and losses[2] > 0


def test_the_generator_moves_in_every_nth_step():
    model = gan(discriminator_steps=3)
    moved = []
    for _ in range(6):
        before = model.generator.get_weights(), model.discriminator.get_weights()
        model.train_on_batch(X)
        after = model.generator.get_weights(), model.discriminator.get_weights()
        moved.append(
            [any((a != b).any() for a, b in zip(*pair, strict=True)) for pair in zip(before, after, strict=True)]
        )
    assert moved == [[False, True], [False, True], [True, True]] * 2


def test_both_run_in_training_mode():
    maker = fd.Sequential([fd.Input((2,)), Dense(4), BatchNormalization(), Dense(3)])
    model = fd.GAN(maker, discriminator(BatchNormalization()), "hinge")
    model.compile()
    model.fit(X, epochs=1, verbose=0)
    for part in (model.generator, model.discriminator):
        assert abs(part.layers[1].moving_mean).max() > 0


def test_rates_are_set_one_by_one():
    class Halve(fd.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.optimizer["generator"].learning_rate /= 2

    model = gan(optimizers=(Adam(0.01), Adam(0.02)))
    model.fit(X, epochs=3, callbacks=[Halve()], verbose=0)
    assert model.optimizer["generator"].learning_rate == 0.00125
    assert model.optimizer["discriminator"].learning_rate == 0.02


def test_the_generator_may_become_an_average():
    plain, mean = (gan(optimizers=(Adam(0.1, use_ema=ema, ema_momentum=0.5), Adam(0.1))) for ema in (False, True))
    mean.set_weights(plain.get_weights())
    for model in (plain, mean):
        model.fit(X, epochs=2, seed=1, verbose=0)
    assert (plain.generator.get_weights()[0] != mean.generator.get_weights()[0]).any()
    np.testing.assert_array_equal(plain.discriminator.get_weights()[0], mean.discriminator.get_weights()[0])


# as every model -----------------------------------------------------------------------------------------------------
def test_an_interrupted_run_goes_on_with_the_same_bits(tmp_path):
    class Stop(fd.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    fd.set_seed(3)
    first = gan(discriminator_steps=2, optimizers=("adam", "adam"))
    weights = first.get_weights()
    options = {"epochs": 4, "batch_size": 16, "seed": 1, "verbose": 0}
    whole = first.fit(X, **options).history
    models = [gan(discriminator_steps=2, optimizers=("adam", "adam")) for _ in range(2)]
    for model in models:
        model.set_weights(weights)
    with pytest.raises(KeyboardInterrupt):
        models[0].fit(X, resume=tmp_path, callbacks=[Stop()], **options)
    assert models[1].fit(X, resume=tmp_path, **options).history == whole
    for a, b in zip(first.get_weights(), models[1].get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_files(tmp_path):
    model = gan(loss="wasserstein", discriminator_steps=2, optimizers=(SGD(0.01), Adam(0.02)))
    model.fit(X, epochs=1, verbose=0)
    model.save(tmp_path / "gan.safetensors")
    same = fd.models.load_model(tmp_path / "gan.safetensors")
    assert same.get_config() == model.get_config()
    np.testing.assert_array_equal(same.generate(3, seed=1), model.generate(3, seed=1))
    histories = [m.fit(X, epochs=2, initial_epoch=1, seed=3, verbose=0).history for m in (model, same)]
    assert histories[0] == histories[1]


def test_labels():
    model = conditional()
    labels = RNG.integers(0, 5, len(X))
    model.fit(X, labels, epochs=1, verbose=0)
    one, other = (model.generate(4, seed=0, labels=np.full(4, k)) for k in (1, 2))
    assert one.shape == (4, 3) and (one != other).all()
    assert model.predict([X, labels]).shape == (48, 1)


def test_a_sigmoid_and_scores_are_the_same_game():
    ends = ({}, {"activation": "sigmoid"}, {"activation": "sigmoid", "after": [Flatten()]})
    models = [fd.GAN(generator(), discriminator(**end)) for end in ends]
    first = models[0].get_weights()
    for model in models:
        model.set_weights(first)
        model.compile(SGD(0.1), SGD(0.1))
        model.fit(X, epochs=2, seed=1, verbose=0)
    for same in zip(*(m.get_weights() for m in models), strict=True):
        for other in same[1:]:
            np.testing.assert_allclose(same[0], other, atol=1e-5)


def test_a_penalty_beside_random_layers():
    gan(Dropout(0.5), loss="wasserstein").fit(X, epochs=1, verbose=0)


def test_what_breaks_is_named_with_its_turn():
    model = gan(loss="least_squares", optimizers=(SGD(0.1), SGD(1e30)))
    with pytest.warns(RuntimeWarning, match="in the generator's turn"):
        model.fit(X, epochs=2, verbose=0)


def test_it_plays_in_mixed_precision():
    model = fd.GAN(generator(), discriminator(), "wasserstein")
    model.compile(precision="mixed_float16")
    history = model.fit(X, epochs=1, verbose=0).history
    assert np.isfinite(history["discriminator_loss"]).all()


# what is refused ----------------------------------------------------------------------------------------------------
LABELS = np.zeros(len(X), int)
REFUSED = {
    "shapes": (
        lambda: fd.GAN(generator(4), discriminator()),
        r"the generator gives \(None, 4\), the data are \(None, 3\)",
    ),
    "data": (lambda: gan().fit(X[:, :2], verbose=0), r"it takes rows of \(None, 3\), the data are \(None, 2\)"),
    "no input": (lambda: fd.GAN(fd.Sequential([Dense(3)]), discriminator()), r"generator=.*Begin it with Input"),
    "a function": (lambda: fd.GAN(generator, discriminator()), "expected a model.*Call the function"),
    "loss": (lambda: gan(loss="wgan"), "'original', 'least_squares', 'wasserstein', 'hinge'"),
    "sigmoid": (lambda: fd.GAN(generator(), discriminator(activation="sigmoid"), "hinge"), "ends with a sigmoid"),
    "sigmoid, moved": (
        lambda: fd.GAN(generator(), discriminator(activation="sigmoid", after=[Flatten()]), "hinge"),
        "ends with a sigmoid",
    ),
    "mixing": (lambda: gan(BatchNormalization(), loss="wasserstein"), "mixes the rows.*LayerNormalization"),
    "smoothing": (lambda: gan(loss="hinge", label_smoothing=0.1), "only the loss 'original' has labels"),
    "too smooth": (lambda: gan(label_smoothing=0.5), "from 0 to below 0.5"),
    "one conditional": (lambda: fd.GAN(conditional().generator, discriminator()), "2 inputs and the discriminator 1"),
    "labels missing": (lambda: conditional().fit(X, verbose=0), "makes what a label says"),
    "labels in vain": (lambda: gan().fit(X, LABELS, verbose=0), "has no use for targets"),
    "labels to make": (lambda: conditional().generate(3), r"needs a label for each, \(3,\). Received: none"),
    "too few labels": (lambda: conditional().generate(3, labels=[1]), r"\(3,\). Received: shape \(1,\)"),
    "labels made in vain": (lambda: gan().generate(1, labels=[1]), "is not conditional"),
    "unknown labels": (lambda: conditional().fit(X, LABELS + 9, verbose=0), "embedding: received"),
    "not compiled": (lambda: fd.GAN(generator(), discriminator()).fit(X, verbose=0), r"call compile\(\.\.\.\) first"),
    "none": (lambda: gan().generate(0), r"generate\(n=0\)"),
    "schedule": (
        lambda: gan().fit(X, verbose=0, callbacks=[fd.callbacks.ReduceLROnPlateau("generator_loss")]),
        "one for each of several optimizers",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case):
    act, message = REFUSED[case]
    with pytest.raises((ValueError, TypeError), match=message):
        act()
