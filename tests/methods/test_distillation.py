"""distill: with alpha 1 the plain run bit for bit; the loss is its formula; a student gains."""

import numpy as np
import pytest
from scipy.special import log_softmax, softmax

import freedive as fd
from freedive.methods.distillation import distance

(X, Y), (X_TEST, Y_TEST) = fd.datasets.digits.load_data()
X, X_TEST = (a[:, ::2, ::2].reshape(len(a), -1).astype("float32") / 255 for a in (X[:600], X_TEST[:500]))
Y, Y_TEST = Y[:600], Y_TEST[:500]


def network(units, seed=0, classes=10, activation="softmax", rate=0.001):
    fd.set_seed(seed)
    model = fd.Sequential([fd.Input((196,)), fd.layers.Dense(units, "relu"), fd.layers.Dense(classes, activation)])
    loss = fd.losses.SparseCategoricalCrossentropy(from_logits=activation is None)
    model.compile(fd.optimizers.Adam(rate), loss, metrics=["accuracy"])
    return model


@pytest.fixture(scope="module")
def teacher():
    model = network(64)
    model.fit(X, Y, epochs=15, verbose=0)
    return model


def test_with_alpha_one_it_is_the_plain_run(teacher):
    plain, taught = network(4, 1), network(4, 1)
    one = plain.fit(X, Y, epochs=2, verbose=0, seed=3)
    other = fd.distill(teacher, taught, X, Y, alpha=1.0, epochs=2, verbose=0, seed=3)
    assert one.history == other.history
    for a, b in zip(plain.get_weights(), taught.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_loss_is_its_formula(teacher):
    student, twin = network(4, 1), network(4, 1)
    options = {"epochs": 1, "batch_size": 600, "verbose": 0, "validation_data": (X_TEST, Y_TEST)}
    logs = fd.distill(teacher, student, X, Y, temperature=2.0, alpha=0.3, **options).history
    t, s = (np.log(np.clip(model.predict(X, verbose=0), 1e-7, None)) / 2.0 for model in (teacher, twin))
    told = softmax(t, -1)
    taught = 4.0 * np.mean(np.sum(told * (log_softmax(t, -1) - log_softmax(s, -1)), -1))
    own = twin.evaluate(X, Y, verbose=0)[0]
    np.testing.assert_allclose(logs["student_loss"][0], own, rtol=1e-5)
    np.testing.assert_allclose(logs["distillation_loss"][0], taught, rtol=1e-4)
    np.testing.assert_allclose(logs["loss"][0], 0.3 * own + 0.7 * taught, rtol=1e-4)
    np.testing.assert_allclose(logs["val_loss"][0], student.evaluate(X_TEST, Y_TEST, verbose=0)[0], rtol=1e-5)


@pytest.mark.parametrize("alpha", [0.0, 0.1, 1.0])
def test_penalties_count_whole(alpha):
    """With rows of zeros nothing but the penalty moves the kernel: w <- w - 2 * 0.1 w in every step."""
    dense = fd.layers.Dense(3, "softmax", kernel_regularizer=fd.regularizers.L2(1.0))
    student = fd.Sequential([fd.Input((4,)), dense])
    student.compile(fd.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    first, zeros = student.get_weights()[0], np.zeros((8, 4), "float32")
    y, answers = np.arange(8) % 3, np.full((8, 3), 1 / 3, "float32")
    logs = fd.distill(answers, student, zeros, y, alpha=alpha, epochs=2, batch_size=8, verbose=0).history
    np.testing.assert_allclose(student.get_weights()[0], first * 0.8**2, rtol=1e-5)
    np.testing.assert_allclose(logs["loss"][0], alpha * np.log(3) + (first**2).sum(), rtol=1e-5)
    if alpha < 1:  # else it is the plain run
        np.testing.assert_allclose(logs["student_loss"][0], np.log(3), rtol=1e-5)


def test_features_are_matched_by_value_or_by_likeness(teacher):
    student, twin = network(4, 1), network(4, 1)
    options = {"epochs": 1, "batch_size": 600, "verbose": 0}
    match = fd.methods.Features({"dense": "dense"}, weight=2.0)
    logs = fd.distill(teacher, student, X, Y, alpha=1.0, features=match, **options).history

    def made(model):
        return fd.Model(model.inputs, model.get_layer("dense").output).predict(X, verbose=0)

    def likeness(features):
        products = features @ features.T
        return products / np.maximum(np.linalg.norm(products, axis=1, keepdims=True), 1e-6)

    off = np.mean((likeness(made(teacher)) - likeness(made(twin))) ** 2)
    np.testing.assert_allclose(logs["feature_loss"][0], off, rtol=1e-3)
    np.testing.assert_allclose(logs["loss"][0], logs["student_loss"][0] + 2 * off, rtol=1e-4)
    alike = network(64, 7)
    before = np.mean((made(alike) - made(teacher)) ** 2)
    logs = fd.distill(teacher, alike, X, Y, features={"dense": "dense"}, epochs=6, verbose=0).history
    assert logs["feature_loss"][-1] < 0.8 * before


def test_answers_that_are_there_teach_as_the_model_does(teacher):
    histories = []
    for given in (teacher, teacher.predict(X, verbose=0)):
        histories.append(fd.distill(given, network(4, 1), X, Y, epochs=1, verbose=0, seed=3).history)
    assert histories[0] == histories[1]


def test_logits_and_probabilities_say_the_same():
    z = np.random.default_rng(0).normal(size=(2, 5, 4)).astype("float32")
    from_logits = distance(*z, "logits", 3.0)
    np.testing.assert_allclose(from_logits, distance(*softmax(z, -1), "probabilities", 3.0), atol=1e-5)
    one = z[..., :1]
    np.testing.assert_allclose(
        distance(*one, "logits", 1.0), distance(*(1 / (1 + np.exp(-one))), "probabilities", 1.0), atol=1e-5
    )
    assert float(np.abs(distance(z[0], z[0], "logits", 3.0)).max()) < 1e-6


def test_units_of_a_binary_loss_are_yes_or_no_each():
    p, q = np.random.default_rng(0).random((2, 5, 4)).astype("float32")
    each = [distance(p[:, i : i + 1], q[:, i : i + 1], "probabilities", 2.0) for i in range(4)]
    apart = distance(p, q, "probabilities", 2.0, exclusive=False)
    np.testing.assert_allclose(apart, np.mean(each, axis=0), rtol=1e-5)
    student = fd.Sequential([fd.Input((196,)), fd.layers.Dense(4, "sigmoid", kernel_initializer="zeros")])
    student.compile(fd.optimizers.SGD(5.0), "binary_crossentropy")
    wanted = np.tile(np.float32([0.9, 0.9, 0.1, 0.5]), (64, 1))
    fd.distill(wanted, student, X[:64] * 0, wanted.round(), temperature=1.0, alpha=0.0, epochs=40, verbose=0)
    np.testing.assert_allclose(student.predict(X[:1] * 0, verbose=0)[0], wanted[0], atol=0.02)


def test_rows_of_weight_0_teach_nothing(teacher):
    weight = (np.arange(len(X)) < 200).astype("float32")
    found = []
    for damage in (0, 1):  # what rows of weight 0 hold makes no difference
        student, x = network(64, 1), X.copy()
        x[200:] += damage
        match = {"features": {"dense": "dense"}, "sample_weight": weight, "shuffle": False}
        logs = fd.distill(teacher, student, x, Y, alpha=0.5, epochs=1, verbose=0, **match).history
        found.append((logs["distillation_loss"], logs["feature_loss"], student.get_weights()))
    assert found[0][:2] == found[1][:2]
    for a, b in zip(found[0][2], found[1][2], strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_student_gains_from_a_teacher_that_saw_more(teacher):
    few = 120
    for seed in (1, 2, 3):
        alone, taught = (network(6, seed, rate=0.01) for _ in range(2))
        alone.fit(X[:few], Y[:few], epochs=60, verbose=0, seed=seed)
        fd.distill(teacher, taught, X[:few], Y[:few], temperature=4.0, epochs=60, verbose=0, seed=seed)
        scores = [model.evaluate(X_TEST, Y_TEST, verbose=0)[1] for model in (alone, taught)]
        assert scores[1] > scores[0] + 0.02, scores


@pytest.mark.parametrize(
    ("student", "options", "told"),
    [
        (lambda: network(4, classes=7), {}, r"the teacher answers \(None, 10\), the student \(None, 7\)"),
        (lambda: network(4), {"temperature": 0.0}, "temperature above 0"),
        (lambda: network(4), {"alpha": 1.5}, "alpha from 0 to 1"),
        (lambda: network(4), {"epoch": 1}, "no argument 'epoch'"),
        (lambda: network(4), {"features": {"dense": "dense_7"}}, "dense_7"),
        (lambda: network(4), {"features": {}}, "expected pairs of layers"),
    ],
)
def test_what_cannot_be_taught_is_refused(teacher, student, options, told):
    small = Y % 7 if "7" in told else Y
    with pytest.raises((ValueError, TypeError), match=told):
        fd.distill(teacher, student(), X, small, **{"verbose": 0} | options)
