"""What people hand to fit: arrays, frames, dicts, several inputs and outputs, weights, splits; and what is refused."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

import freedive as fd
from freedive.layers import Dense

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 4)).astype(np.float32)
LABELS = RNG.integers(0, 3, 40)


def classifier(**options):
    fd.set_seed(2)
    model = fd.Sequential([fd.Input((4,)), Dense(8, "relu"), Dense(3, "softmax")])
    model.compile(**{"optimizer": "adam", "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]} | options)
    return model


def trained(x, y, **options):
    model = classifier()
    model.fit(x, y, epochs=2, verbose=0, **options)
    return model.get_weights()


def assert_same(a, b):
    for one, other in zip(a, b, strict=True):
        np.testing.assert_array_equal(one, other)


class Interface:
    """Something with __array__ only."""

    def __init__(self, data):
        self.data = data

    def __array__(self, dtype=None, copy=None):
        return self.data


KINDS = {
    "lists": (X.tolist(), LABELS.tolist()),
    "float64": (X.astype(np.float64), LABELS.astype(np.int8)),
    "pandas": (pd.DataFrame(X), pd.Series(LABELS)),
    "polars": (pl.DataFrame(X), pl.Series(LABELS)),
    "__array__": (Interface(X), Interface(LABELS)),
    "columns": (X, LABELS[:, None]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_of_arrays_train_alike(kind):
    assert_same(trained(X, LABELS), trained(*KINDS[kind]))


def test_torch_tensors_and_loaders():
    torch = pytest.importorskip("torch", reason="PyTorch is no dependency")
    pair = torch.from_numpy(X), torch.from_numpy(LABELS)
    assert_same(trained(X, LABELS), trained(*pair))
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*pair), batch_size=32)
    assert_same(trained(X, LABELS, shuffle=False), trained(loader, None))


def test_validation_split_takes_the_last_rows():
    model, other = classifier(), classifier()
    split = model.fit(X, LABELS, validation_split=0.25, epochs=2, verbose=0)
    given = other.fit(X[:30], LABELS[:30], validation_data=(X[30:], LABELS[30:]), epochs=2, verbose=0)
    assert split.history == given.history


def test_class_weight_is_a_sample_weight():
    table = {0: 1.0, 1: 3.0, 2: 0.5}
    assert_same(
        trained(X, LABELS, class_weight=table), trained(X, LABELS, sample_weight=np.array([table[c] for c in LABELS]))
    )


def test_validation_counts_every_class_alike():
    table = {0: 1.0, 1: 10.0, 2: 100.0}
    for given in ({"validation_split": 0.5}, {"validation_data": (X[len(X) // 2 :], LABELS[len(X) // 2 :])}):
        model = fd.Sequential([fd.layers.Dense(3, "softmax", kernel_initializer="zeros")])
        model.compile(fd.optimizers.SGD(0.0), "sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
        history = model.fit(X, LABELS, class_weight=table, epochs=1, verbose=0, **given).history
        np.testing.assert_allclose(history["val_loss"], np.log(3), rtol=1e-5)


def by_step(y, loss="sparse_categorical_crossentropy", **given):
    """The loss at four rows of four steps, of the same network every time."""
    fd.set_seed(3)
    model = fd.Sequential([Dense(3, "softmax")])
    model.compile(fd.optimizers.SGD(0.0), loss)
    x = np.random.default_rng(2).normal(size=(4, 4, 2)).astype("float32")
    return model.fit(x, y, batch_size=4, epochs=1, verbose=0, **given).history["loss"][0]


def test_classes_of_steps_have_weights():
    y, table = np.arange(16).reshape(4, 4) % 3, {0: 1.0, 1: 10.0, 2: 100.0}
    weights, first = np.array([1.0, 10.0, 100.0])[y], np.array([1.0, 0.0, 0.0, 0.0])
    told = by_step(y, sample_weight=weights)
    assert by_step(np.eye(3)[y], "categorical_crossentropy", class_weight=table) == pytest.approx(told, rel=1e-5)
    told_first = by_step(y, sample_weight=weights * first[:, None])
    for labels in (y, y[..., None]):
        assert by_step(labels, class_weight=table) == pytest.approx(told, rel=1e-5)
        for of_rows in (first, first[:, None]):
            found = by_step(labels, class_weight=table, sample_weight=of_rows)
            assert found == pytest.approx(told_first, rel=1e-5)


def test_rows_of_several_classes_have_no_class_weight():
    model = fd.Sequential([fd.layers.Dense(3, "sigmoid")])
    model.compile("sgd", "binary_crossentropy")
    with pytest.raises(ValueError, match="a row may be of several classes or of none"):
        model.fit(np.zeros((2, 2)), np.array([[1, 1, 0], [0, 0, 0]]), class_weight={0: 1, 1: 2, 2: 3}, verbose=0)


def test_a_row_of_weight_two_counts_as_two_rows():
    model = classifier(loss=fd.losses.SparseCategoricalCrossentropy(reduction="mean_with_sample_weight"))
    twice = np.concatenate([X, X[:5]]), np.concatenate([LABELS, LABELS[:5]])
    weights = np.ones(40)
    weights[:5] = 2
    plain = model.evaluate(*twice, verbose=0)[0]
    assert model.evaluate(X, LABELS, sample_weight=weights, verbose=0)[0] == pytest.approx(plain, rel=1e-6)


def test_validation_freq():
    history = classifier().fit(X, LABELS, epochs=5, validation_data=(X, LABELS), validation_freq=2, verbose=0).history
    assert len(history["loss"]) == 5
    assert len(history["val_loss"]) == 2


def test_steps_per_epoch_and_initial_epoch():
    model = classifier()
    history = model.fit(X, LABELS, batch_size=4, epochs=5, initial_epoch=3, steps_per_epoch=2, verbose=0)
    assert history.epoch == [3, 4]
    assert model._training.step == 4


def test_second_fit_goes_on():
    once, twice = classifier(), classifier()
    once.fit(X, LABELS, epochs=4, shuffle=False, verbose=0)
    twice.fit(X, LABELS, epochs=2, shuffle=False, verbose=0)
    twice.fit(X, LABELS, epochs=2, shuffle=False, verbose=0)
    assert_same(once.get_weights(), twice.get_weights())


def two_by_two():
    fd.set_seed(3)
    a, b = fd.Input((4,), name="a"), fd.Input((2,), name="b")
    both = fd.Model([a, b], [Dense(1, name="size")(Dense(3)(a)), Dense(3, "softmax", name="kind")(b)])
    both.compile(
        "adam",
        loss={"size": "mse", "kind": "sparse_categorical_crossentropy"},
        loss_weights={"size": 0.5, "kind": 2.0},
        metrics={"kind": ["accuracy"]},
    )
    return both


def test_several_inputs_and_outputs_as_lists_and_dicts():
    second, size = X[:, :2], X[:, 0]
    results = []
    for x in ([X, second], {"a": X, "b": second}, {"b": second, "a": X}):
        for y in ([size, LABELS], {"size": size, "kind": LABELS}, {"kind": LABELS, "size": size}):
            model = two_by_two()
            results.append(model.fit(x, y, epochs=2, verbose=0).history)
    assert all(r == results[0] for r in results)
    first = results[0]
    assert list(first) == ["loss", "size_loss", "kind_loss", "kind_accuracy"]
    assert first["loss"][0] == pytest.approx(0.5 * first["size_loss"][0] + 2 * first["kind_loss"][0], rel=1e-6)


def test_sample_weights_by_output():
    weights = {"kind": np.zeros(40), "size": np.ones(40)}
    found = two_by_two().evaluate(
        [X, X[:, :2]], {"size": X[:, 0], "kind": LABELS}, sample_weight=weights, return_dict=True, verbose=0
    )
    assert found["kind_loss"] == 0
    assert found["size_loss"] > 0


def test_predict_returns_numpy_for_any_number_of_rows():
    model = classifier()
    whole = model.predict(np.tile(X, (20, 1)))
    assert isinstance(whole, np.ndarray)
    assert whole.shape == (800, 3)
    for count in (1, 2, 3, 33):
        np.testing.assert_allclose(model.predict(X[:count]), whole[:count], atol=1e-6)


def test_inputs_are_not_modified():
    x, y = X.copy(), LABELS.copy()
    trained(x, y, sample_weight=np.ones(40))
    assert np.array_equal(x, X)
    assert np.array_equal(y, LABELS)


def with_nan(index):
    x = X.copy()
    x[index] = np.nan
    return x


def test_bad_input_changes_nothing():
    model = classifier()
    model.fit(X, LABELS, verbose=0)
    before = model.get_weights()
    for bad in ((with_nan((0, 0)), LABELS), (X, LABELS + 1), (X[:, :2], LABELS)):
        with pytest.raises(ValueError):
            model.fit(*bad, verbose=0)
    assert_same(before, model.get_weights())


def test_softmax_outputs_for_logits_are_warned_about():
    model = classifier(loss=fd.losses.SparseCategoricalCrossentropy(from_logits=True))
    with pytest.warns(UserWarning, match="expects logits, but the layer 'dense_1' gives probabilities"):
        model.fit(X, LABELS, verbose=0)


def test_linear_outputs_for_probabilities_are_warned_about():
    model = fd.Sequential([fd.Input((4,)), Dense(3)])
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.warns(UserWarning, match="expects probabilities, but the layer 'dense' gives logits"):
        model.fit(X, LABELS, verbose=0)


def test_a_batch_may_be_lists():
    net = fd.Sequential([fd.Input((2,)), fd.layers.Dense(1)])
    net.compile("sgd", "mse")
    x, y = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], [[1.0], [2.0], [3.0]]
    assert net.test_on_batch(x, y) == net.evaluate(np.array(x), np.array(y), verbose=0)


@pytest.mark.parametrize("rows", [1, 3, 40])
def test_answers_may_be_written_into(rows):
    answers = classifier().predict(X[:rows], batch_size=4, verbose=0)
    answers[answers < 0.5] = 0


@pytest.mark.parametrize("dtype", [">f4", ">f8", ">i4", ">i2"])
def test_numbers_of_other_machines_are_read(dtype):
    model, x = classifier(), np.round(X * 10)
    expected = model.predict(x.astype(dtype[1:]), verbose=0)
    np.testing.assert_array_equal(model.predict(x.astype(dtype), verbose=0), expected)
    model.fit(x.astype(dtype), LABELS.astype(">i4"), epochs=1, verbose=0)


def test_an_output_without_weights_counts_every_row():
    entry = fd.Input((4,))
    model = fd.Model(entry, [Dense(1, name="a")(entry), Dense(1, name="b")(entry)])
    model.compile(fd.optimizers.SGD(0.0), ["mse", "mae"])
    y, weights = X[:, :1], np.linspace(0, 1, 40)

    def losses(given, stream=False):
        source = ([(X, [y, y], given)], None) if stream else (X, [y, y])
        history = model.fit(*source, sample_weight=None if stream else given, verbose=0).history
        return [history["a_loss"][0], history["b_loss"][0]]

    for none, ones in (([weights, None], [weights, np.ones(40)]), ([None, weights], [np.ones(40), weights])):
        told = losses(ones)
        assert told != pytest.approx(losses([weights, weights]), rel=1e-2)
        for found in (losses(none), losses(dict(zip("ab", none, strict=True))), losses(none, stream=True)):
            assert found == pytest.approx(told, rel=1e-5)


@pytest.mark.parametrize("streamed", [False, True])
def test_batches_of_several_lengths_are_tested(streamed):
    """Each length has a program; what it counts adds up to what Keras counts batch by batch."""
    random = np.random.default_rng(0)

    def batch(rows, steps):
        x = random.normal(size=(rows, steps, 3)).astype("float32")
        return x, (x.sum((1, 2)) > 0).astype(int), random.random(rows).astype("float32")

    batches = [batch(rows, steps) for rows, steps in ((2, 3), (4, 5), (3, 3), (1, 7), (150, 5))]
    model = fd.Sequential([fd.Input((None, 3)), fd.layers.LSTM(4), Dense(2, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"], weighted_metrics=["accuracy"])
    found = model.evaluate(batches, return_dict=True)
    said = [model.predict(x, verbose=0) for x, _, _ in batches]
    y, w, rows = (np.concatenate(part) for part in ([b[1] for b in batches], [b[2] for b in batches], said))
    losses = -np.log(rows[np.arange(len(y)), y])
    right = rows.argmax(1) == y
    assert found["loss"] == pytest.approx((losses * w).mean(), rel=1e-5)
    assert found["accuracy"] == pytest.approx(right.mean(), rel=1e-6)
    assert found["accuracy_1"] == pytest.approx((right * w).sum() / w.sum(), rel=1e-5)
    train = batches[:2] if streamed else batches[4]
    x, y = (train, None) if streamed else train[:2]
    model.compile(fd.optimizers.SGD(0.0), "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, epochs=3, validation_data=batches, validation_freq=2, verbose=0).history
    assert history["val_accuracy"] == pytest.approx([found["accuracy"]], rel=1e-6)
    assert history["val_loss"] == pytest.approx([found["loss"]], rel=1e-5)


def test_answers_of_several_lengths_make_no_array():
    model = fd.Sequential([fd.Input((None, 1)), Dense(1)])
    batches = [(np.zeros((2, steps, 1)), np.zeros((2, steps, 1))) for steps in (3, 5)]
    with pytest.raises(ValueError, match=r"batch 0 have shape \(2, 3, 1\), those to batch 1 \(2, 5, 1\), and do not"):
        model.predict(batches, verbose=0)
    model.compile("sgd", "mse")
    assert model.evaluate(batches, verbose=0) is not None  # a target for each step
