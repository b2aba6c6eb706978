"""transfer: the base gives the same features, keeps its statistics, and helps where there is little to learn from."""

import numpy as np
import pytest

import freedive as fd
from freedive.methods.transfer import by_depth

(X, Y), (X_TEST, Y_TEST) = fd.datasets.digits.load_data()
X, X_TEST = (a[:, ::2, ::2, None].astype("float32") / 255 for a in (X, X_TEST))
LOWER = ["base/conv2d", "base/batch_normalization", "base/conv2d_1"]
CLASSES = "sparse_categorical_crossentropy"


def network(classes=5):
    layers = fd.layers
    model = fd.Sequential([
        fd.Input((14, 14, 1)),
        layers.Conv2D(16, 3),
        layers.BatchNormalization(momentum=0.9),
        layers.ReLU(),
        layers.MaxPooling2D(),
        layers.Conv2D(32, 3, activation="relu"),
        layers.Flatten(),
        layers.Dense(32, "relu", name="hidden"),
        layers.Dropout(0.3),
        layers.Dense(classes, "softmax"),
    ])  # fmt: skip
    model.compile(fd.optimizers.Adam(0.003), CLASSES, metrics=["accuracy"])
    return model


@pytest.fixture(scope="module")
def base():
    fd.set_seed(0)
    model = network()
    low = Y < 5
    model.fit(X[low], Y[low], epochs=4, verbose=0)
    return model


def few(seed, count=20):
    """So many examples a class of the digits 5 to 9, and all there are to test with."""
    rng = np.random.default_rng(seed)
    rows = np.concatenate([rng.permutation(np.flatnonzero(digit == Y))[:count] for digit in range(5, 10)])
    high = Y_TEST >= 5
    return (X[rows], Y[rows] - 5), (X_TEST[high], Y_TEST[high] - 5)


# what transfer must show -------------------------------------------------------------------------------------------
def test_what_was_learned_of_0_to_4_helps_with_5_to_9(base):
    for seed in (1, 2, 3):
        rows, held_out = few(seed)
        fd.set_seed(seed)
        models = [network(), fd.transfer(base, fd.layers.Dense(5, "softmax"), cut="flatten")]
        for model in models:
            model.compile(fd.optimizers.Adam(0.003), CLASSES, metrics=["accuracy"])
            model.fit(*rows, epochs=40, batch_size=20, verbose=0, seed=seed)
        scores = [model.evaluate(*held_out, verbose=0)[1] for model in models]
        assert scores[1] > scores[0] + 0.01, scores


# the cut -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("cut", "units"), [(None, 32), ("hidden", 32), (5, 16 * 32), ("batch_normalization", 16)])
def test_the_base_gives_what_it_gave(base, cut, units):
    model = fd.transfer(base, fd.layers.Dense(1), cut=cut)
    inside = {None: "dropout", 5: "flatten"}.get(cut, cut)
    known = fd.Model(base.inputs, base.get_layer(inside).output).predict(X[:4], verbose=0)
    lower = model.get_layer("base")
    assert lower.output_shape[-1] == units
    np.testing.assert_array_equal(lower.predict(X[:4], verbose=0), known)


def test_the_base_stays_as_it_is(base):
    before = base.get_weights()
    model = fd.transfer(base, [fd.layers.Dense(4, "relu"), fd.layers.Dense(5, "softmax")], frozen=False)
    model.compile("sgd", CLASSES)
    model.fit(X[:64], Y[:64] % 5, verbose=0)
    for a, b in zip(before, base.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    changed = zip(before, model.get_layer("base").get_weights(), strict=False)
    assert any((a != b).any() for a, b in changed)


def test_a_file_is_a_base_and_what_comes_of_it_can_be_saved(base, tmp_path):
    base.save(tmp_path / "base.safetensors")
    model = fd.transfer(tmp_path / "base.safetensors", fd.layers.Dense(5, "softmax", learning_rate_factor=2.0))
    model.compile("sgd", CLASSES)
    model.fit(X[:64], Y[:64] % 5, verbose=0)
    model.save(tmp_path / "model.safetensors")
    again = fd.models.load_model(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(model.predict(X[:9], verbose=0), again.predict(X[:9], verbose=0))
    assert again.layers[-1].learning_rate_factor == 2.0
    histories = [m.fit(X[:64], Y[:64] % 5, seed=1, verbose=0).history for m in (model, again)]
    assert histories[0] == histories[1]


@pytest.mark.parametrize("inference", [True, False])
def test_statistics_of_an_unfrozen_base_stay_in_inference_mode_only(base, inference):
    model = fd.transfer(base, fd.layers.Dense(5, "softmax"), inference=inference)
    assert fd.unfreeze(model) == [*LOWER, "base/hidden", "dense"]
    model.compile("sgd", CLASSES)
    normal = model.get_layer("base/batch_normalization")
    before = [np.asarray(a) for a in (normal.moving_mean, normal.gamma)]
    model.fit(X[:64], Y[:64] % 5, verbose=0)
    assert np.array_equal(before[0], normal.moving_mean) == inference
    assert not np.array_equal(before[1], normal.gamma)


# depth and rates ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("which", "learning"),
    [
        ({"last": 0}, []),
        ({"last": 1}, ["head/dense_1"]),
        ({"since": "hidden"}, ["base/hidden", "head/dense", "head/dense_1"]),
        ({"since": "head/dense"}, ["head/dense", "head/dense_1"]),
        ({}, [*LOWER, "base/hidden", "head/dense", "head/dense_1"]),
    ],
)
def test_unfreeze_by_depth(base, which, learning, tmp_path):
    model = fd.transfer(base, [fd.layers.Dense(4), fd.layers.Dense(5)])
    assert fd.unfreeze(model, **which) == learning
    model.save(tmp_path / "model.safetensors")
    for one in (model, fd.models.load_model(tmp_path / "model.safetensors")):
        assert [path for path, layer in by_depth(one).items() if layer.trainable] == learning
        one.compile("sgd", "mse")
        assert len(one.trainable_weights) == 2 * len(learning)


def small(**factors):
    fd.set_seed(5)
    names = ("low", "middle", "top")
    stack = [fd.layers.Dense(6, "tanh", name=name, learning_rate_factor=factors.get(name)) for name in names]
    return fd.Sequential([fd.Input((4,)), *stack])


ROWS = np.random.default_rng(0).normal(size=(2, 64, 4)).astype("float32")
TARGETS = np.tanh(ROWS[1][:, [0, 1, 2, 3, 0, 1]])


def trained(model, optimizer="adam", **options):
    model.compile(optimizer if not isinstance(optimizer, str) else fd.optimizers.Adam(0.01), "mse")
    history = model.fit(ROWS[0], TARGETS, batch_size=16, verbose=0, seed=1, **{"epochs": 2} | options)
    return history.history["loss"], dict(zip("abcdef", model.get_weights(), strict=True))


def same(one, other):
    return one[0] == other[0] and all(np.array_equal(one[1][k], other[1][k]) for k in one[1])


def test_factors_of_one_are_the_plain_run_bit_for_bit():
    model = small()
    assert set(fd.methods.discriminative_rates(model, decay=1).values()) == {1.0}
    assert same(trained(model), trained(small()))


OPTIMIZERS = [
    lambda rate: fd.optimizers.SGD(rate, momentum=0.9, weight_decay=0.01),
    lambda rate: fd.optimizers.Adam(rate, use_ema=True),
    lambda rate: fd.optimizers.LossScaleOptimizer(fd.optimizers.RMSprop(rate), initial_scale=4.0),
]


@pytest.mark.parametrize("make", OPTIMIZERS)
def test_a_factor_is_a_rate_of_ones_own(make):
    every = {"low": 0.25, "middle": 0.25, "top": 0.25}
    factored, plain = (trained(model, make(r)) for model, r in ((small(**every), 0.04), (small(), 0.01)))
    np.testing.assert_allclose(factored[0], plain[0], rtol=1e-6)


def test_a_factor_of_zero_freezes():
    held = small(low=0.0)
    before = held.get_weights()[0]
    frozen = small()
    fd.unfreeze(frozen, last=2)
    one, other = trained(held), trained(frozen)
    np.testing.assert_array_equal(before, held.get_weights()[0])
    np.testing.assert_allclose(one[0], other[0], rtol=1e-6)


def test_optax_takes_factors_too():
    import optax

    pair = [trained(small(low=0.0, top=f), optax.sgd(r)) for f, r in ((0.5, 0.1), (1.0, 0.1))]
    np.testing.assert_array_equal(pair[0][1]["a"], small().get_weights()[0])
    assert not np.array_equal(pair[0][1]["e"], pair[1][1]["e"])


def test_factors_are_searched_for_in_one_program():
    model = small(low=1.0)
    model.compile("sgd", "mse")
    held = (ROWS[0], TARGETS)
    options = {"search": "grid", "epochs": 2, "verbose": 0, "validation_data": held}
    study = fd.tune(model, {"low.learning_rate_factor": [0.5, 1.0, 2.0]}, *held, **options)
    assert study.best.parameters == {"low.learning_rate_factor": 2.0}
    assert study.model.layers[0].learning_rate_factor == 2.0


def test_layers_begin_to_learn_one_after_another():
    model, seen = small(top=0.5), []

    class Watch(fd.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append([np.asarray(w) for w in model.get_weights()[::2]])

    start = model.get_weights()[::2]
    trained(model, epochs=4, callbacks=[fd.methods.GradualUnfreezing(), Watch()])
    moved = [[not np.array_equal(a, b) for a, b in zip(start, now, strict=True)] for now in seen]
    assert moved == [[False, False, True], [False, True, True], [True] * 3, [True] * 3]
    assert [layer.learning_rate_factor for layer in model.layers] == [None, None, 0.5]


def test_a_training_that_does_not_begin_freezes_nothing():
    """Another callback refuses the run; and an evaluation trains nothing."""
    model = small(top=0.5)
    with pytest.raises(ValueError, match="schedule"):
        rate = fd.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
        model.compile(fd.optimizers.SGD(rate), "mse")
        both = [fd.methods.GradualUnfreezing(), fd.callbacks.ReduceLROnPlateau()]
        model.fit(ROWS[0], TARGETS, verbose=0, validation_split=0.5, callbacks=both)
    assert [layer.learning_rate_factor or 1.0 for layer in model.layers] == [1.0, 1.0, 0.5]
    model = small(top=0.5)
    model.compile("sgd", "mse")
    model.evaluate(ROWS[0], TARGETS, verbose=0, callbacks=[fd.methods.GradualUnfreezing()])
    assert [layer.learning_rate_factor for layer in model.layers] == [None, None, 0.5]


def test_loops_of_ones_own_take_factors():
    model = small(low=0.0)
    before = model.get_weights()

    @fd.train_step(model, fd.optimizers.SGD(0.1))
    def step(x):
        return (model(x) ** 2).mean()

    step(ROWS[0])
    moved = [not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)]
    assert moved[::2] == [False, True, True]


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda base: fd.transfer(3, fd.layers.Dense(1)), "expected a model. Received: 3"),
        (lambda base: fd.transfer(fd.Sequential([fd.layers.Dense(1)]), fd.layers.Dense(1)), "no weights yet"),
        (lambda base: fd.transfer(base, 5), r"head=.*Received: 5"),
        (lambda base: fd.transfer(base, fd.layers.Dense(1), cut="hiden"), "Did you mean 'hidden'"),
        (lambda base: fd.transfer(base, fd.layers.Dense(1), cut=12), "index=12"),
        (lambda base: fd.unfreeze(base, last=9), "has 5 layers with weights"),
        (lambda base: fd.unfreeze(base, last=1, since="hidden"), "expected one of them"),
        (lambda base: fd.unfreeze(base, since="hiden"), "Did you mean 'hidden'"),
        (lambda base: fd.layers.Dense(1, learning_rate_factor=-1), "learning_rate_factor=-1: expected 0 or more"),
        (lambda base: fd.methods.discriminative_rates(base, 0), "more than 0"),
        (
            lambda base: trained(small(), callbacks=fd.methods.GradualUnfreezing(start=3)),
            "3 layers with weights are not frozen, so none is left to wait",
        ),
    ],
)
def test_what_cannot_be_done_is_refused(base, call, told):
    with pytest.raises((ValueError, TypeError), match=told):
        call(base)
