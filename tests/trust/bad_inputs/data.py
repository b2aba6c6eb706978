"""What is handed to fit, evaluate and predict."""

import jax
import numpy as np
import scipy.sparse

import freedive as fd
from freedive.layers import BatchNormalization, Dense, Embedding

from .models import NAN, X, Y, classifier, fit, own_words, put, regress, two_by_two, words

IDS, NUMBERS = np.array([[0, 1], [2, 9]] * 4), np.arange(8.0)


def stream(*batches, times=1):
    return lambda: iter([*batches] * times)


def failing():
    yield X, Y
    raise ValueError("the disk is on fire")


def trained_words():
    model = own_words()
    model.fit(IDS % 3, NUMBERS, verbose=0)
    return model


def normalised(rows, **options):
    model = fd.Sequential([fd.Input((4,)), BatchNormalization(), Dense(1)])
    model.compile("sgd", "mse")
    model.fit(X[:rows], X[:rows, 0], verbose=0, **options)


def nested_words():
    return fd.Sequential([fd.Input((2,)), fd.Sequential([fd.Input((2,)), Embedding(5, 3)])])


REFUSED = {
    # x
    "x None": (fit(None, None), r"fit\(x=...\): there is no data"),
    "x a number": (fit(3.0), "expected an array with a batch axis. Received the single number 3.0"),
    "x text": (fit("abc"), r"fit\(x=...\): expected numbers. Received text"),
    "x bytes": (fit(b"abc"), r"fit\(x=...\): expected numbers"),
    "x texts": (fit(np.array([["a"] * 4] * 40)), r"fit\(x=...\): expected numbers. Received text"),
    "x objects": (fit(np.array([[None] * 4] * 40, dtype=object)), r"nan at index \(0, 0\)"),
    "x empty": (fit(X[:0], Y[:0]), "there is no data"),
    "x an empty list": (fit([]), "there is no data"),
    "x ragged": (fit([[1.0, 2.0], [1.0]]), "Pad"),
    "x one row": (fit(X[0]), r"\(4,\)|shape|rows"),
    "x dates": (fit(np.full((40, 4), "2020-01-01", "datetime64[D]")), "Received an array of datetime64"),
    "x complex": (fit(jax.numpy.ones((40, 4), complex)), "expected numbers"),
    "x masked": (fit(np.ma.masked_array(X, X > 0.5)), "a masked array"),
    "x sparse": (fit(scipy.sparse.csr_matrix(X)), r"give it as .toarray\(\)"),
    "x a dict": (fit({"a": X}), "expected one array, since the input has no name"),
    "x two for one": (fit([X, X]), "the model has 1 inputs, received 2 arrays"),
    "x of 3 features": (fit(X[:, :3]), r"expected shape \(None, 4\). Received: \(None, 3\)"),
    "x of 5 features": (fit(np.ones((40, 5))), r"expected shape \(None, 4\). Received: \(None, 5\)"),
    "x a picture": (fit(X.reshape(40, 2, 2)), r"Flatten each sample: x.reshape\(len\(x\), -1\)"),
    "x nan": (fit(put(X, (7, 2), NAN)), r"fit\(x=...\): nan at index \(7, 2\) of \(40, 4\), and 1 such values"),
    "x inf": (fit(put(X, (0, 2), np.inf)), r"inf at index \(0, 2\)"),
    "x 1e300": (fit(X.astype(np.float64) * 1e300), "does not fit in float32"),
    "x 2**40": (fit(np.full((40, 4), 2**40)), "does not fit in int32"),
    "x missing input": (lambda: two_by_two().predict({"a": X}), "no entry for input 'b'"),
    "x inside a jit": (lambda: jax.jit(lambda x: classifier().fit(x, Y, verbose=0).history)(X), "outside jax.jit"),
    # y
    "y None": (fit(y=None), "needs targets"),
    "y a number": (fit(y=1), "Received the single number 1"),
    "y texts": (fit(y=["cat"] * 40), r"fit\(y=...\): expected numbers"),
    "y complex": (fit(y=Y + 1j), r"fit\(y=...\): expected numbers"),
    "y of 30 rows": (fit(y=Y[:30]), "x has 40 rows and y has 30"),
    "y two for one": (fit(y=[Y, Y]), r"the model has 1 outputs \['dense'\], received 2"),
    "y lacks an output": (lambda: two_by_two().fit([X, X[:, :2]], {"size": X[:, 0]}), "outputs"),
    "y label 3": (
        fit(y=put(Y, 5, 3)),
        r"fit\(y=...\): label 3 at index 5 is outside 0..2 \(the model's output has 3 cl",
    ),
    "y label 10**6": (fit(y=put(Y, 5, 10**6)), r"label 1000000 at index 5 is outside 0..2"),
    "y label -1": (fit(y=put(Y, 5, -1)), "label -1 at index 5 is outside 0..2"),
    "y label 0.5": (fit(y=Y + 0.5), "label .*5 at index 0 is no whole number"),
    "y from 1": (fit(y=put(Y, slice(None), np.arange(40) % 3 + 1)), "Labels start at 0 here: give y - 1"),
    "y one-hot for sparse": (fit(y=np.eye(3)[Y]), "categorical_crossentropy"),
    "y labels for one-hot": (
        lambda: classifier(loss="categorical_crossentropy").fit(X, Y, verbose=0),
        "Use loss='sparse_categorical_crossentropy' for numbers of classes",
    ),
    "y rows that sum to 3": (
        lambda: classifier(loss="categorical_crossentropy").fit(X, np.ones((40, 3)), verbose=0),
        "the row at index 0 sums to 3",
    ),
    "y -1 and 1 for yes or no": (
        regress(y=np.where(X[:, 0] > 0, 1, -1), model={"loss": "binary_crossentropy"}),
        "is outside 0..1. For labels -1 and 1 use loss='hinge'",
    ),
    "y (40, 3) for (40, 1)": (regress(y=X[:, :3]), r"\(40, 3\) does not fit the model's output of shape \(None, 1\)"),
    "y nan": (regress(y=put(X[:, :1], (4, 0), NAN)), r"fit\(y=...\): nan at index \(4, 0\)"),
    "y inf": (regress(y=put(X[:, :1], (4, 0), np.inf)), r"fit\(y=...\): inf at index \(4, 0\)"),
    # ids
    "an id too large": (lambda: words().fit(np.array([[0, 10]]), np.ones((1, 1))), r"id 10 at index \(0, 1\)"),
    "an id below zero": (lambda: words().predict(np.array([[-1, 0]])), r"predict\(x=...\): id -1 at index \(0, 0\)"),
    "an id inside a nested model": (lambda: nested_words().predict(np.array([[7, 0]])), "id 7 at index"),
    "ids made within a model, in fit": (
        lambda: own_words().fit(IDS, NUMBERS, verbose=0),
        "table: received 4 ids that are",
    ),
    "ids made within, in evaluate": (lambda: trained_words().evaluate(IDS, NUMBERS, verbose=0), "received 4 ids"),
    "ids made within, in predict": (
        lambda: trained_words().predict(IDS),
        r"predict\(x=...\): table: received ids that are no whole numbers in 0..4",
    ),
    "ids made within, in a call": (lambda: trained_words()(IDS), "received 4 ids that are no whole numbers in 0..4"),
    "ids made within, on a batch": (lambda: trained_words().train_on_batch(IDS, NUMBERS), "received 4 ids"),
    # weights and validation
    "weight nan": (fit(sample_weight=np.full(40, NAN)), r"fit\(sample_weight=...\): nan at index \(0\)"),
    "weights of 3 rows": (fit(sample_weight=np.ones(3)), "sample_weight has 3"),
    "weights as text": (fit(sample_weight=["a"] * 40), r"fit\(sample_weight=...\): expected numbers"),
    "weights of 7 columns": (fit(sample_weight=np.ones((40, 7))), r"sample_weight has shape \(\d+, 7\)"),
    "weights one number": (fit(sample_weight=2.0), "Received the single number 2.0"),
    "class weight lacks a class": (fit(class_weight={0: 1.0, 1: 1.0}), "no weight for class 2"),
    "class weight nan": (fit(class_weight={0: 1, 1: 1, 2: NAN}), "finite weight of 0 or more"),
    "class weight of class -1": (fit(class_weight={-1: 1, 0: 1, 1: 1, 2: 1}), "Received -1"),
    "class weight as text": (fit(class_weight="balanced"), "expected a dict"),
    "class weight for numbers": (regress(class_weight={0: 1.0}), "y holds no classes"),
    "split 1": (fit(validation_split=1.0), r"fit\(validation_split=1.0\)"),
    "split -0.5": (fit(validation_split=-0.5), r"fit\(validation_split=-0.5\): expected a number between 0 and 1"),
    "split nan": (fit(validation_split=NAN), r"fit\(validation_split=nan\)"),
    "split text": (fit(validation_split="0.2"), r"fit\(validation_split='0.2'\)"),
    "split leaves none": (fit(X[:2], Y[:2], validation_split=0.99), "leaves none"),
    "validation of x alone": (fit(validation_data=X), r"expected \(x, y\)"),
    "validation of four": (fit(validation_data=(X, Y, Y, Y)), r"fit\(validation_data=...\): expected \(x, y\)"),
    "validation without y": (fit(validation_data=(X,)), "needs targets, received none"),
    "validation nan": (fit(validation_data=(X * NAN, Y)), r"validation_data=...\)\(x=...\): nan"),
    "validation label": (fit(validation_data=(X, put(Y, 2, 7))), r"validation_data=...\)\(y=...\): label 7 at index 2"),
    "validation of 2 features": (fit(validation_data=(X[:, :2], Y)), r"expected shape \(None, 4\)"),
    "validation of 3 rows": (fit(validation_data=(X, Y[:3])), "x has 40 rows and y has 3"),
    "validation empty": (fit(validation_data=(X[:0], Y[:0])), "there is no data"),
    # streams
    "stream empty": (fit(stream(), None), "there is no data: it gave no batch"),
    "stream ends early": (fit(iter([(X, Y)] * 3), None, steps_per_epoch=5), "ended after 3 batches of this epoch, 5"),
    "stream raises": (fit(failing, None), "the disk is on fire"),
    "stream gives nothing": (fit(lambda: None, None), r"the function gave None. Expected something that gives batches"),
    "stream gives x alone": (fit(stream(X), None), "needs targets"),
    "stream gives text": (fit(stream("a"), None), "batch 0, x: expected numbers"),
    "stream of 3 labels": (fit(stream((X, Y[:3])), None), "batch 0: x has 40 rows and y has 3"),
    "stream nan": (fit(stream((X, Y), (X * NAN, Y)), None), "batch 1: nan at index"),
    "stream label": (fit(stream((X, Y), (X, put(Y, 4, 9))), None), r"batch 1\(y=...\): label 9 at index 4"),
    "stream changes shape": (fit(stream((X, Y), (X, np.eye(3)[Y])), None), r"batch 1\(y=...\): rows of 3 numbers"),
    "stream changes features": (fit(stream((X, Y), (X[:, :2], Y)), None), r"expected shape \(None, 4\)"),
    "stream and y": (fit(stream((X, Y)), Y), r"fit\(y=...\): x gives batches"),
    "stream and class_weight": (fit(stream((X, Y)), None, class_weight={0: 1}), r"fit\(class_weight=...\): x gives"),
    "stream and batch_size": (fit(stream((X, Y)), None, batch_size=2), r"fit\(batch_size=...\): x gives batches"),
    "stream and validation_split": (
        fit(stream((X, Y)), None, validation_split=0.2),
        r"fit\(validation_split=...\): x gi",
    ),
    "a set": (fit({1, 2}, None), "batch 0, x: expected an array with a batch axis"),
    # evaluate, predict, one batch
    "evaluate nothing": (
        lambda: classifier().evaluate(X[:0], Y[:0], verbose=0),
        r"evaluate\(x=...\): there is no data",
    ),
    "evaluate lengths": (lambda: classifier().evaluate(X, Y[:3], verbose=0), "evaluate: x has 40 rows and y has 3"),
    "evaluate nan": (lambda: classifier().evaluate(X * NAN, Y, verbose=0), r"evaluate\(x=...\): nan at index"),
    "evaluate label": (
        lambda: classifier().evaluate(X, put(Y, 1, 3), verbose=0),
        r"evaluate\(y=...\): label 3 at index 1",
    ),
    "evaluate without y": (lambda: classifier().evaluate(X, verbose=0), "needs targets, received none"),
    "evaluate 2 features": (lambda: classifier().evaluate(X[:, :2], Y, verbose=0), r"expected shape \(None, 4\)"),
    "predict nothing": (lambda: classifier().predict(X[:0]), "expected rows of data"),
    "predict an empty list": (lambda: classifier().predict([]), "expected rows of data"),
    "predict None": (lambda: classifier().predict(None), r"predict\(x=...\)"),
    "predict nan": (lambda: classifier().predict(put(X, (3, 1), NAN)), r"predict\(x=...\): nan at index \(3, 1\)"),
    "predict 3 features": (
        lambda: classifier().predict(X[:, :3]),
        r"expected shape \(None, 4\). Received: \(None, 3\)",
    ),
    "predict one row": (lambda: classifier().predict(X[0]), r"expected shape \(None, 4\)"),
    "predict text": (lambda: classifier().predict(["a"]), r"predict\(x=...\): expected numbers"),
    "predict two for one": (lambda: classifier().predict([X, X]), "received 2 arrays"),
    "predict ragged": (lambda: classifier().predict([[1, 2], [3]]), "Pad"),
    "predict an empty stream": (lambda: classifier().predict(iter([])), "ended after 0 batches"),
    "train on nothing": (
        lambda: classifier().train_on_batch(X[:0], Y[:0]),
        r"train_on_batch\(x=...\): there is no data",
    ),
    "train on nan": (lambda: classifier().train_on_batch(X * NAN, Y), r"train_on_batch\(x=...\): nan"),
    "train on a label": (lambda: classifier().train_on_batch(X, put(Y, 9, 3)), "label 3 at index 9"),
    "test on a label": (lambda: classifier().test_on_batch(X, put(Y, 9, 3)), "label 3 at index 9"),
    "predict one feature": (lambda: classifier().predict_on_batch(X[:, :1]), r"expected shape \(None, 4\)"),
}
WARNED = {
    "targets all the same": (fit(y=Y * 0), r"all 40 targets are 0: there is nothing to learn from them"),
    "validation is training": (
        fit(validation_data=(X[5:15], Y[5:15])),
        r"10 of 10 rows for validation \(the first is 0\) are among the training rows",
    ),
    "rows of the split stand twice": (
        fit(np.concatenate([X, X[:10]]), np.concatenate([Y, Y[:10]]), validation_split=0.2),
        "10 of 10 rows",
    ),
    "weights below zero": (fit(sample_weight=put(np.ones(40), 7, -1)), r"fit\(sample_weight=...\): -1 at index 7"),
    "weights all zero": (fit(sample_weight=np.zeros(40)), "all are 0: there is nothing to learn"),
    "batch normalisation of one row": (lambda: normalised(40, batch_size=1), "a batch of one row has no variance"),
    "one row left over": (lambda: normalised(33), "a number of rows that leaves no single one over"),
}
