"""private: sampling, clipping and noise are their formulas; without noise and clipping it is the plain run; the account
outlives an interruption and a file; what would break the guarantee is refused.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import freedive as fd
from freedive.methods.privacy import gradient, sampling
from freedive.methods.privacy.gradient import Terms

L = fd.layers
(X, Y), _ = fd.datasets.digits.load_data()
X, Y = X[:600, ::2, ::2].reshape(600, -1).astype("float32") / 255, Y[:600]


def network(*extra, seed=0, optimizer=None, regularizer=None):
    fd.set_seed(seed)
    layers = [L.Dense(12, "relu", kernel_regularizer=regularizer), *extra, L.Dense(10, "softmax")]
    model = fd.Sequential([fd.Input((196,)), *layers])
    model.compile(optimizer or fd.optimizers.SGD(0.5), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def weights_of(model):
    return np.concatenate([w.ravel() for w in model.get_weights()])


# the law -------------------------------------------------------------------------------------------------------------
def test_without_noise_and_clipping_and_with_all_rows_it_is_the_plain_run():
    plain, guarded = network(), fd.private(network(), noise_multiplier=0.0, clip_norm=math.inf)
    one = plain.fit(X, Y, batch_size=600, epochs=3, verbose=0)
    other = guarded.fit(X, Y, batch_size=600, epochs=3, verbose=0)
    np.testing.assert_allclose(weights_of(guarded), weights_of(plain), atol=2e-6)
    for name, values in one.history.items():
        np.testing.assert_allclose(other.history[name], values, rtol=1e-5)
    assert other.history["epsilon"] == [math.inf] * 3


def step(terms, model, regularized=False):
    """The change of the weights by one step with rate 1, divided by the rate: the gradient that was taken."""
    before = weights_of(model)
    guarded = fd.private(model, noise_multiplier=terms["noise"], clip_norm=terms["clip"])
    guarded.fit(X[:40], Y[:40], batch_size=40, epochs=1, verbose=0, seed=terms.get("seed", 0))
    return (before - weights_of(model)) / model.optimizer.learning_rate


@pytest.mark.parametrize("regularizer", [None, fd.regularizers.L2(0.1)])
def test_every_gradient_is_clipped_by_itself_and_penalties_are_not(regularizer):
    model = network(regularizer=regularizer)
    loss = fd.losses.SparseCategoricalCrossentropy()
    bare = network()
    of_one = fd.gradients(lambda x, y: loss(y, bare(x)), bare)
    places = [(path, name) for path in ("dense", "dense_1") for name in ("kernel", "bias")]
    each = []
    for i in range(40):
        _, grads = of_one(X[i : i + 1], Y[i : i + 1])
        each.append(np.concatenate([np.ravel(grads[path][name]) for path, name in places]))
    each = np.array(each)
    norms = np.linalg.norm(each, axis=1)
    clip = float(np.median(norms))
    want = (each * np.minimum(1, clip / norms)[:, None]).sum(0) / 40
    if regularizer is not None:
        kernel = bare.get_weights()[0].ravel()
        want[: len(kernel)] += 0.2 * kernel
    np.testing.assert_allclose(step({"noise": 0.0, "clip": clip}, model), want, atol=2e-6)


def test_the_noise_has_its_deviation_and_is_another_in_every_step():
    quiet = step({"noise": 0.0, "clip": 0.5}, network())
    noise = [step({"noise": 3.0, "clip": 0.5, "seed": seed}, network()) - quiet for seed in (1, 2)]
    for drawn in noise:
        assert drawn.std() * 40 == pytest.approx(1.5, rel=0.05)
        assert abs(drawn.mean()) * 40 < 0.1
    assert abs(np.corrcoef(*noise)[0, 1]) < 0.06


def test_a_gradient_that_is_not_finite_counts_nothing():
    grads = {"a": jnp.array([[3.0, 4.0], [jnp.nan, 1.0], [0.3, 0.4], [1.0, 1.0]])}
    live = jnp.array([True, True, True, False])
    found = gradient.clipped_sum(grads, 1.0, live)["a"]
    np.testing.assert_allclose(found, [0.6 + 0.3, 0.8 + 0.4], rtol=1e-6)


# sampling ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("rows", "rate"), [(40, 0.3), (7, 0.5), (1000, 0.01), (5, 1.0)])
def test_every_row_is_sampled_with_its_probability_whatever_the_others_are(rows, rate):
    limits, turns = sampling.thresholds(rows, rate), 4000

    def sampled(key):
        def work(found, places, live):
            return jnp.zeros(rows).at[found].add(jnp.where(live, 1.0, 0.0))

        return sampling.over_groups(key, limits, rows, 4, work, jnp.zeros(rows))

    drawn = np.array(jax.jit(lambda keys: jax.lax.map(sampled, keys))(jax.random.split(jax.random.key(0), turns)))
    assert set(np.unique(drawn)) <= {0.0, 1.0}  # never twice
    error = 5 * math.sqrt(rate * (1 - rate) / turns)
    np.testing.assert_allclose(drawn.mean(0), rate, atol=error + 1e-12)
    sizes, deviation = drawn.sum(1), math.sqrt(rows * rate * (1 - rate))
    assert sizes.mean() == pytest.approx(rows * rate, abs=5 * deviation / math.sqrt(turns) + 1e-9)
    assert sizes.std() == pytest.approx(deviation, rel=0.08, abs=1e-9)
    if rate < 1:  # two rows are there together as often as by chance
        assert (drawn[:, 0] * drawn[:, 1]).mean() == pytest.approx(rate**2, abs=5 * rate / math.sqrt(turns))


def test_a_batch_may_be_as_large_as_the_data():
    assert len(sampling.thresholds(20, 0.9)) == 20  # 20 rows of 20 are likely enough to be drawn
    assert sampling.thresholds(20, 1.0).min() >= 2**64 - 2**11


# the account ---------------------------------------------------------------------------------------------------------
def test_the_budget_is_that_of_all_calls_of_fit():
    guarded = fd.private(network(), epsilon=3.0, delta=1e-4)
    first = guarded.fit(X, Y, batch_size=60, epochs=2, verbose=0).history["epsilon"]
    assert first[0] < first[1] == guarded.epsilon <= 3.0
    assert guarded.epsilon > 2.94 and sum(entry.steps for entry in guarded.ledger.entries) == 20
    guarded.budget = 4.0
    guarded.fit(X, Y, batch_size=60, epochs=1, verbose=0)
    assert 3.92 < guarded.epsilon <= 4.0 and len(guarded.ledger.entries) == 2
    guarded.budget = 3.5
    with pytest.raises(ValueError, match="of it is spent by 30 steps"):
        guarded.fit(X, Y, batch_size=60, verbose=0)


def test_a_run_that_is_stopped_spends_what_it_did():
    guarded = fd.private(network(), noise_multiplier=1.0, delta=1e-4)
    guarded.fit(
        X,
        Y,
        batch_size=60,
        epochs=5,
        verbose=0,
        callbacks=fd.callbacks.EarlyStopping("epsilon", mode="min", patience=1),
    )
    assert [entry.steps for entry in guarded.ledger.entries] == [20]


class Break(fd.callbacks.Callback):
    """Ends the process' part of a run, as a crash would."""

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt


def test_the_account_goes_on_after_an_interruption(tmp_path):
    options = {"batch_size": 60, "epochs": 4, "verbose": 0, "seed": 5}
    whole = fd.private(network(), epsilon=3.0, delta=1e-4)
    want = whole.fit(X, Y, **options).history
    broken = fd.private(network(), epsilon=3.0, delta=1e-4)
    keeper = fd.callbacks.Checkpoints(str(tmp_path), epochs=1)
    with pytest.raises(KeyboardInterrupt):
        broken.fit(X, Y, **options, resume=keeper, callbacks=Break())
    again = fd.private(network(), epsilon=3.0, delta=1e-4)
    found = again.fit(X, Y, **options, resume=str(tmp_path)).history
    assert found == want and again.ledger.entries == whole.ledger.entries
    np.testing.assert_array_equal(weights_of(again), weights_of(whole))
    other = fd.private(network(), epsilon=2.0, delta=1e-4)
    with pytest.raises(fd.ModelFileError, match="ANOTHER_RUN"):
        other.fit(X, Y, **options, resume=str(tmp_path))


def test_the_same_model_goes_on_after_an_interruption(tmp_path):
    """Its ledger has the steps that were done, but the noise of the run was found before them."""
    options = {"batch_size": 60, "epochs": 4, "verbose": 0, "seed": 5}
    options["resume"] = fd.callbacks.Checkpoints(str(tmp_path), epochs=1)
    whole, broken = (fd.private(network(), epsilon=3.0, delta=1e-4) for _ in range(2))
    want = whole.fit(X, Y, **options | {"resume": None}).history
    with pytest.raises(KeyboardInterrupt):
        broken.fit(X, Y, **options, callbacks=Break())
    assert broken.ledger.entries
    assert broken.fit(X, Y, **options).history == want and broken.ledger.entries == whole.ledger.entries
    broken.budget = 6.0
    broken.fit(X, Y, **options | {"resume": None})
    broken.budget = 3.0
    with pytest.raises(ValueError, match="which going on with it would forget"):
        broken.fit(X, Y, **options)


def test_the_account_stands_in_the_file(tmp_path):
    guarded = fd.private(network(), epsilon=3.0, delta=1e-4)
    guarded.fit(X, Y, batch_size=60, verbose=0)
    guarded.save(tmp_path / "guarded.safetensors")
    again = fd.models.load_model(tmp_path / "guarded.safetensors")
    assert again.epsilon == guarded.epsilon > 0 and again.budget == 3.0
    np.testing.assert_array_equal(again.predict(X, verbose=0), guarded.predict(X, verbose=0))
    assert guarded.evaluate(X, Y, verbose=0) == guarded.model.evaluate(X, Y, verbose=0)
    with pytest.raises(ValueError, match="nothing is left"):
        again.fit(X, Y, batch_size=60, verbose=0)


def test_noise_that_nobody_can_guess_unless_a_seed_is_given():
    def fitted(**options):
        guarded = fd.private(network(), noise_multiplier=1.0, delta=1e-4)
        guarded.fit(X, Y, batch_size=60, verbose=0, **options)
        return weights_of(guarded)

    assert np.abs(fitted() - fitted()).max() > 1e-3
    np.testing.assert_array_equal(fitted(seed=3), fitted(seed=3))


# layers --------------------------------------------------------------------------------------------------------------
def test_dropout_is_another_for_every_row():
    class Seen(L.Layer):
        def call(self, x):
            return x * self.param("scale", (x.shape[-1],), "ones")

    fd.set_seed(0)
    model = fd.Sequential([fd.Input((8,)), L.Dropout(0.5), Seen(), L.Lambda(lambda x: x.sum(-1, keepdims=True))])
    model.compile(fd.optimizers.SGD(1.0), "mse")
    guarded = fd.private(model, noise_multiplier=0.0, clip_norm=math.inf)
    guarded.fit(np.ones((64, 8)), np.zeros((64, 1)), batch_size=64, verbose=0, seed=1)
    moved = 1 - model.get_weights()[0]
    assert 0 < moved.std() < 0.5 * moved.mean()  # each input was dropped in some rows and kept in others


class Remembers(L.Layer):
    """Keeps the mean of what it saw."""

    def call(self, x):
        self.variable("mean", (x.shape[-1],))
        self.update(mean=x.mean(0))
        return x


@pytest.mark.parametrize("layer", [L.BatchNormalization, Remembers])
def test_layers_that_keep_something_of_the_rows_are_refused(layer):
    guarded = fd.private(network(layer()), epsilon=1.0, delta=1e-4)
    with pytest.raises(
        ValueError, match=rf"\({layer.__name__}\) .*Take GroupNormalization or LayerNormalization instead"
    ):
        guarded.fit(X, Y, verbose=0)


def test_a_frozen_batch_normalisation_may_stand():
    layer = L.BatchNormalization(trainable=False)
    guarded = fd.private(network(layer), epsilon=8.0, delta=1e-4)
    before = [np.array(w) for w in layer.weights]
    guarded.fit(X, Y, batch_size=60, verbose=0)
    for a, b in zip(before, layer.weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_it_learns_with_words_and_pictures():
    fd.set_seed(1)
    words = fd.Sequential([fd.Input((6,)), L.Embedding(20, 4), L.GlobalAveragePooling1D(), L.Dense(1, "sigmoid")])
    pictures = fd.Sequential([fd.Input((8, 8, 1)), L.Conv2D(4, 3, activation="relu"), L.GroupNormalization(2),
                              L.MaxPooling2D(2), L.Flatten(), L.Dense(1, "sigmoid")])  # fmt: skip
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 20, (400, 6))
    spots = rng.normal(size=(400, 8, 8, 1)).astype("float32")
    for model, x, y in ((words, ids, ids.mean(1) > 9.5), (pictures, spots, spots[:, :4].mean((1, 2, 3)) > 0)):
        model.compile(fd.optimizers.Adam(0.02), "binary_crossentropy", metrics=["accuracy"])
        guarded = fd.private(model, epsilon=20.0, delta=1e-4)
        history = guarded.fit(x, y.astype("float32"), batch_size=40, epochs=12, verbose=0, seed=0)
        assert history.history["accuracy"][-1] > 0.75


# what is refused -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("terms", "told"),
    [
        ({}, "expected one of the two"),
        ({"epsilon": 1.0, "noise_multiplier": 1.0}, "expected one of the two"),
        ({"epsilon": 0.0}, "cannot be reached"),
        ({"epsilon": -1.0}, "cannot be reached"),
        ({"epsilon": 1.0, "delta": 0.0}, "a probability between 0 and 1"),
        ({"epsilon": 1.0, "delta": 1.0}, "a probability between 0 and 1"),
        ({"epsilon": 1.0, "clip_norm": 0.0}, "a finite number above 0"),
        ({"epsilon": 1.0, "clip_norm": math.inf}, "a finite number above 0"),
        ({"noise_multiplier": -1.0}, "a number of 0 or more"),
    ],
)
def test_terms_that_promise_nothing_are_refused(terms, told):
    with pytest.raises(ValueError, match=told):
        fd.private(network(), **terms)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"batch_size": 601}, "expected as many at most"),
        ({"shuffle": False}, "rows that are sampled"),
        ({"delta": 0.01}, "of 600 rows, that lets one be published whole"),
        ({"epsilon": 1e-3, "epochs": 10_000}, "cannot be reached"),
    ],
)
def test_training_that_would_break_the_promise_is_refused(options, told):
    terms = {"epsilon": 1.0, "delta": 1e-4} | {n: options.pop(n) for n in ("epsilon", "delta") if n in options}
    guarded = fd.private(network(), **terms)
    with pytest.raises(ValueError, match=told):
        guarded.fit(X, Y, **{"batch_size": 60, "verbose": 0} | options)


def test_other_ways_to_learn_do_not_pass_it_over():
    guarded = fd.private(network(), epsilon=1.0, delta=1e-4)
    told = "learns by a method of its own"
    ways = [
        lambda: fd.Ensemble(guarded, n=2),
        lambda: fd.repeat(guarded, X, Y),
        lambda: fd.private(guarded, 1.0),
        lambda: fd.cross_validate(guarded, X, Y),
        lambda: fd.distill(network(), guarded, X, Y, verbose=0),
    ]
    for way in ways:
        with pytest.raises(TypeError, match=told):
            way()
    with pytest.raises(ValueError, match="rows that somebody chose"):
        guarded.train_on_batch(X[:10], Y[:10])
    with pytest.raises(ValueError, match="a stream of batches"):
        guarded.fit(((X[i : i + 60], Y[i : i + 60]) for i in range(0, 600, 60)), verbose=0)
    loss = fd.losses.SparseCategoricalCrossentropy()
    with pytest.raises(TypeError, match=told):
        fd.gradients(lambda x, y: loss(y, guarded(x)), guarded)


def test_a_scaled_loss_is_refused():
    model = network()
    model.compile("sgd", "sparse_categorical_crossentropy", precision="mixed_float16")
    with pytest.raises(ValueError, match="the loss must not be scaled"):
        fd.private(model, epsilon=1.0, delta=1e-4).fit(X, Y, verbose=0)


def test_terms_say_the_rate():
    assert Terms(1.0, 1.0, 60, 600, 16).rate == 0.1


def test_a_private_model_may_begin_with_texts():
    words = fd.layers.TextVectorization(vocabulary=["good", "bad"], output_mode="multi_hot")
    model = fd.Sequential([words, fd.layers.Dense(1, "sigmoid")])
    model.compile("sgd", "binary_crossentropy")
    texts, labels = ["good", "bad"] * 40, np.arange(80) % 2
    guarded = fd.private(model, noise_multiplier=1.0, delta=1e-3)
    guarded.fit(texts, labels, epochs=1, verbose=0)
    np.testing.assert_array_equal(guarded.predict(texts[:2], verbose=0), model.predict(texts[:2], verbose=0))
