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


def fit(x=X, y=LABELS, **options):
    return lambda: classifier().fit(x, y, verbose=0, **options)


REFUSED = {
    "rank": (fit(X[0]), r"\(4,\)|shape|rows"),
    "features": (fit(X[:, :3]), r"expected shape \(None, 4\). Received: \(None, 3\)"),
    "picture for flat": (fit(X.reshape(40, 2, 2)), r"Flatten each sample: x.reshape\(len\(x\), -1\)"),
    "lengths": (fit(y=LABELS[:30]), "x has 40 rows and y has 30"),
    "weight length": (fit(sample_weight=np.ones(3)), "sample_weight has 3"),
    "empty": (fit(X[:0], LABELS[:0]), "there is no data"),
    "nan": (fit(with_nan((7, 2))), r"fit\(x=...\): nan at index \(7, 2\)"),
    "infinity": (fit(np.where(np.arange(4) == 2, np.inf, X)), r"inf at index \(0, 2\)"),
    "nan in weights": (fit(sample_weight=np.full(40, np.nan)), r"fit\(sample_weight=...\)"),
    "too large for float32": (fit(X.astype(np.float64) * 1e300), "does not fit in float32"),
    "too large for int32": (fit(np.full((40, 4), 2**40)), "does not fit in int32"),
    "label too large": (fit(y=np.where(LABELS == 2, 3, LABELS)), r"fit\(y=...\): label 3 at index \d+ is outside 0..2"),
    "label negative": (fit(y=LABELS - 1), "label -1"),
    "label fractional": (fit(y=LABELS + 0.5), "0.5|whole"),
    "one-hot for sparse": (fit(y=np.eye(3)[LABELS]), "categorical_crossentropy"),
    "strings": (fit(np.array([["a"] * 4] * 40)), r"fit\(x=...\): expected numbers. Received text"),
    "string labels": (fit(y=["cat"] * 40), r"fit\(y=...\): expected numbers"),
    "objects": (fit(np.array([[None] * 4] * 40, dtype=object)), r"nan at index \(0, 0\)"),
    "ragged": (fit([[1.0, 2.0], [1.0]]), "Pad"),
    "no targets": (fit(y=None), "needs targets"),
    "batch_size 0": (fit(batch_size=0), r"fit\(batch_size=0\)"),
    "epochs -1": (fit(epochs=-1), r"fit\(epochs=-1\)"),
    "epochs 1.5": (fit(epochs=1.5), r"fit\(epochs=1.5\)"),
    "validation_split 1": (fit(validation_split=1.0), "validation_split"),
    "validation_split leaves none": (fit(X[:2], LABELS[:2], validation_split=0.99), "leaves none"),
    "validation_data": (fit(validation_data=X), r"expected \(x, y\)"),
    "class_weight lacks a class": (fit(class_weight={0: 1.0, 1: 1.0}), "no weight for class 2"),
    "unknown loss": (lambda: classifier(loss="mss").fit(X, X[:, 0]), "Did you mean 'm"),
    "unknown metric": (lambda: classifier(metrics=["acuracy"]).fit(X, LABELS), "Did you mean 'accuracy'"),
    "unknown optimizer": (lambda: classifier(optimizer="adm"), "Did you mean 'adam'"),
    "learning rate": (lambda: classifier(optimizer=fd.optimizers.Adam(float("nan"))), "learning_rate"),
    "loss for an unknown output": (lambda: two_by_two().compile("sgd", {"sise": "mse"}), "Did you mean 'size'"),
    "not compiled": (lambda: fd.Sequential([fd.Input((4,)), Dense(1)]).fit(X, LABELS), "not compiled"),
    "missing input": (lambda: two_by_two().predict({"a": X}), "no entry for input 'b'"),
    "missing target": (lambda: two_by_two().fit([X, X[:, :2]], {"size": X[:, 0]}), "outputs"),
    "empty predict": (lambda: classifier().predict(X[:0]), "expected rows of data"),
    "unknown precision": (lambda: classifier(precision="float8"), "mixed_bfloat16"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_is_one_clear_error(name):
    act, message = REFUSED[name]
    with pytest.raises((ValueError, TypeError), match=message):
        act()


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
