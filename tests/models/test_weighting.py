"""Weights of losses that are learned: their start is the plain run, their values are the formulas', files keep them."""

import numpy as np
import pytest

import freedive as fd
from freedive.models.training import last_shared

(X, Y), (X_TEST, Y_TEST) = fd.datasets.digits.load_data()
X, X_TEST = (a[:, ::2, ::2].reshape(len(a), -1).astype("float32") / 255 for a in (X[:1000], X_TEST[:500]))
Y, Y_TEST = Y[:1000], Y_TEST[:500]
TASKS, TASKS_TEST = ({"digit": y, "size": y[:, None] * 3.0} for y in (Y, Y_TEST))
LOSSES = {"digit": "sparse_categorical_crossentropy", "size": "mse"}


def network(loss_weights=None, seed=3, optimizer=None, units=32, **settings):
    fd.set_seed(seed)
    x = fd.Input((196,))
    shared = fd.layers.Dense(units, "relu", name="shared")(x)
    outputs = [fd.layers.Dense(10, "softmax", name="digit")(shared), fd.layers.Dense(1, name="size")(shared)]
    model = fd.Model(x, outputs)
    metrics = {"digit": "accuracy"}
    model.compile(optimizer or fd.optimizers.Adam(0.003), LOSSES, loss_weights, metrics, **settings)
    return model


def fitted(model, epochs=2, **options):
    return model.fit(X, TASKS, epochs=epochs, verbose=0, seed=1, **options).history


# laws ---------------------------------------------------------------------------------------------------------------
def test_uncertainty_that_stays_is_the_plain_run():
    plain, learned = network({"digit": 1.0, "size": 0.5}), network("uncertainty")
    learned._weighting.trainable = False
    learned._training.frozen = frozenset({"loss:weights"})
    np.testing.assert_allclose(fitted(learned)["digit_loss"], fitted(plain)["digit_loss"], rtol=1e-5)


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_gradnorm_that_stays_is_the_plain_run(precision):
    plain, learned = (network(w, precision=precision) for w in (None, fd.losses.GradNorm(learning_rate=0.0)))
    one, other = fitted(learned), fitted(plain)
    np.testing.assert_allclose(one["loss"], other["loss"], rtol=1e-5)
    np.testing.assert_allclose(one["digit_accuracy"], other["digit_accuracy"], rtol=1e-5)


def test_the_loss_is_its_formula():
    model = network("uncertainty", optimizer=fd.optimizers.SGD(0.01))
    x, y = X[:64], {name: values[:64] for name, values in TASKS.items()}
    before = model.evaluate(x, y, verbose=0, return_dict=True)
    s, losses = np.array([0.3, -0.2], "float32"), np.array([before["digit_loss"], before["size_loss"]])
    np.testing.assert_allclose(before["loss"], losses @ [1, 0.5], rtol=1e-5)
    model._weighting._values["params"]["log_variance"] = s
    after = model.evaluate(x, y, verbose=0, return_dict=True)
    np.testing.assert_allclose(after["loss"], (np.array([1, 0.5]) * np.exp(-s)) @ losses + s.sum() / 2, rtol=1e-5)
    model.train_on_batch(x, y)
    moved = s - 0.01 * (0.5 - np.array([1, 0.5]) * np.exp(-s) * losses)
    np.testing.assert_allclose(model._weighting.log_variance, moved, rtol=1e-4)


def test_a_step_of_gradnorm_is_its_formula():
    model = network(fd.losses.GradNorm(alpha=1.5, learning_rate=1e-4), optimizer=fd.optimizers.SGD(1e-4))
    x, y = X[:64], {name: values[:64] for name, values in TASKS.items()}
    for first in (None, np.array([2.0, 5000.0], "float32")):
        w = np.array([0.8, 1.2], "float32")
        model._weighting._values["state"] = {
            "weight": w,
            "first_loss": np.zeros(2, "float32") if first is None else first,
        }
        losses = model.evaluate(x, y, verbose=0, return_dict=True)
        losses = np.array([losses["digit_loss"], losses["size_loss"]])
        norms = []
        for name in LOSSES:
            twin = network({n: float(n == name) for n in LOSSES})
            twin.set_weights(model.get_weights()[:6])
            found = twin.inspect(x, y)["shared"]
            norms.append(np.sqrt((found["d_kernel"] ** 2).sum() + (found["d_bias"] ** 2).sum()))
        ratio = losses / (losses if first is None else first)
        goal = (w * norms).mean() * (ratio / ratio.mean()) ** 1.5
        moved = w - 1e-4 * np.sign(w * norms - goal) * norms
        model.train_on_batch(x, y)
        np.testing.assert_allclose(model._weighting.weight, moved * 2 / moved.sum(), rtol=1e-4)
        np.testing.assert_allclose(model._weighting.first_loss, losses if first is None else first, rtol=1e-5)


def test_gradnorm_does_not_see_what_penalties_pull():
    x, y = X[:64], {name: values[:64] for name, values in TASKS.items()}
    found = []
    for strength in (1e-12, 10.0):
        model = network("gradnorm")
        model.get_layer("shared").kernel_regularizer = fd.regularizers.L2(strength)
        model.compile("sgd", LOSSES, loss_weights="gradnorm")
        layer = model.get_layer("shared")
        layer._specs["params"]["kernel"] = layer._specs["params"]["kernel"]._replace(regularizer="kernel_regularizer")
        model.train_on_batch(x, y)
        found.append(np.asarray(model._weighting.weight))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-3)


# what it does -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["uncertainty", "gradnorm"])
def test_outputs_of_other_sizes_are_learned_side_by_side(kind):
    """Tens squared drown classes, unless losses are weighed."""
    plain, learned = network(), network(kind)
    accuracy = [fitted(model, epochs=8)["digit_accuracy"][-1] for model in (plain, learned)]
    assert accuracy[1] > accuracy[0] + 0.05, accuracy
    assert learned.loss_weights["size"] < 0.8 * learned.loss_weights["digit"]


@pytest.mark.parametrize("kind", ["uncertainty", "gradnorm"])
def test_what_was_learned_is_saved_and_goes_on(kind, tmp_path):
    model = network(kind)
    history = fitted(model)
    assert {"digit_loss_weight", "size_loss_weight"} <= set(history) and len(model.layers) == 4
    model.save(tmp_path / "model.safetensors")
    again = fd.models.load_model(tmp_path / "model.safetensors")
    assert again.loss_weights == model.loss_weights != {"digit": 1.0, "size": 1.0}
    assert fitted(again, 1) == fitted(model, 1)
    bare = fd.models.load_model(tmp_path / "model.safetensors", compile=False)
    np.testing.assert_array_equal(bare.predict(X_TEST, verbose=0)[0].shape, (500, 10))
    model.compile("sgd", LOSSES)
    assert model.loss_weights == {"digit": 1.0, "size": 1.0} and len(model.get_weights()) == 6


@pytest.mark.parametrize("kind", ["uncertainty", "gradnorm"])
def test_members_learn_weights_of_their_own(kind, tmp_path):
    ensemble = fd.Ensemble(network(kind), n=2)
    fitted(ensemble, 1)
    single = network(kind)
    single._seed = ensemble._seed
    assert fitted(single, 1)["loss"] == pytest.approx(ensemble.history.history["loss_members"][0][:1], rel=1e-4)
    again = fd.Ensemble(network(), n=2)
    again.compile("adam", LOSSES, loss_weights=kind)
    fitted(again, 1)
    assert again.member(1).loss_weights != again.member(0).loss_weights


def test_the_last_shared_layer_is_found():
    layers = fd.layers
    x = fd.Input((4,))
    low = layers.Dense(5, name="low")(x)
    top = layers.Dropout(0.1)(layers.Dense(5, name="top")(low))
    model = fd.Model(
        x, [layers.Dense(1)(top), layers.Dense(2)(layers.Dense(3, name="apart")(top)), layers.Dense(1)(top)]
    )
    assert last_shared(model, fd.losses.GradNorm()) == "top"
    model.get_layer("top").trainable = False
    assert last_shared(model, fd.losses.GradNorm()) == "low"
    assert last_shared(model, fd.losses.GradNorm(shared="low")) == "low"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (
            {"loss_weights": "uncertanty"},
            "expected finite numbers, 'uncertainty' or 'gradnorm'. Received: 'uncertanty'",
        ),
        ({"loss": {"size": "mse"}, "loss_weights": "gradnorm"}, "nothing to weigh: it takes two losses or more"),
    ],
)
def test_what_cannot_be_weighed_is_refused(settings, told):
    with pytest.raises(ValueError, match=told):
        network().compile("adam", **{"loss": LOSSES} | settings)
