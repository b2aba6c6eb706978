"""Ensemble: a model whose answer is its members' together; votes, spread, files, callbacks, calibration."""

import numpy as np
import pytest

import freedive as fd
from freedive.methods import Spread, calibration
from freedive.methods.ensemble import entropy

(X, Y), (X_TEST, Y_TEST) = fd.datasets.digits.load_data()
X, Y, X_TEST, Y_TEST = (a[:400] for a in (X, Y, X_TEST, Y_TEST))
X, X_TEST = (a[:, ::2, ::2].reshape(len(a), -1) / 255 for a in (X, X_TEST))


def network(activation="softmax", units=10):
    return fd.Sequential([fd.Input((196,)), fd.layers.Dense(16, "relu"), fd.layers.Dense(units, activation)])


def ensemble(n=4, **options):
    fd.set_seed(1)
    model = network()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return fd.Ensemble(model, n, **options)


@pytest.fixture(scope="module")
def trained():
    members = ensemble()
    members.fit(X, Y, epochs=8, verbose=0)
    return members


def test_an_average_is_the_mean_of_the_members(trained):
    each = trained.predict_members(X_TEST)
    assert each.shape == (4, 400, 10)
    np.testing.assert_allclose(trained.predict(X_TEST, verbose=0), each.mean(0), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(trained.member(2).predict(X_TEST, verbose=0), each[2], rtol=1e-5, atol=1e-7)


def test_evaluate_is_of_the_answer_together_and_evaluate_members_of_each(trained):
    loss, accuracy = trained.evaluate(X_TEST, Y_TEST, verbose=0)
    together = trained.predict(X_TEST, verbose=0)
    np.testing.assert_allclose(accuracy, np.mean(together.argmax(1) == Y_TEST), rtol=1e-6)
    np.testing.assert_allclose(loss, -np.log(together[np.arange(400), Y_TEST]).mean(), rtol=1e-5)
    each = trained.evaluate_members(X_TEST, Y_TEST)
    np.testing.assert_allclose(each["accuracy"][1], trained.member(1).evaluate(X_TEST, Y_TEST, verbose=0)[1], rtol=1e-6)
    assert loss < each["loss"].mean(), "the mean of convex losses is above the loss of the mean (Jensen)"
    assert accuracy > each["accuracy"].mean()


def test_a_majority_counts_votes(trained):
    counted = ensemble(vote="majority")
    counted.build()
    counted.set_weights(trained.get_weights())
    votes = trained.predict_members(X_TEST).argmax(-1)
    expected = np.eye(10)[votes].mean(0)
    np.testing.assert_allclose(counted.predict(X_TEST, verbose=0), expected, atol=1e-6)


@pytest.mark.parametrize(("units", "loss"), [(1, "binary"), (10, "binary"), (10, "sparse_categorical")])
def test_a_majority_of_logits_is_a_logit_again(units, loss):
    kind = {"binary": fd.losses.BinaryCrossentropy, "sparse_categorical": fd.losses.SparseCategoricalCrossentropy}[loss]
    model = network("linear", units)
    model.compile("adam", kind(from_logits=True))
    members = fd.Ensemble(model, 5, vote="majority")
    members.build()
    raw, answer = members.predict_members(X_TEST), members.predict(X_TEST, verbose=0)
    shares = (raw > 0).mean(0) if loss == "binary" else np.eye(10)[raw.argmax(-1)].mean(0)
    back = 1 / (1 + np.exp(-answer)) if loss == "binary" else np.exp(answer)
    np.testing.assert_allclose(back, shares, atol=1e-5)


@pytest.mark.parametrize("named", [True, False])
def test_a_majority_counts_every_output_by_its_own_loss(named):
    """One of three classes, and four that are true or not each."""
    x = fd.Input((3,))
    outputs = {name: fd.layers.Dense(n, a, name=name)(x) for name, n, a in (("a", 3, "softmax"), ("b", 4, "sigmoid"))}
    model = fd.Model(x, outputs)
    kinds = {"b": "binary_crossentropy", "a": "categorical_crossentropy"}
    model.compile("sgd", kinds if named else [kinds["a"], kinds["b"]], metrics=["binary_accuracy"])
    members = fd.Ensemble(model, 5, vote="majority")
    rows = np.random.default_rng(0).normal(size=(12, 3)).astype("float32")
    answer, raw = members.predict(rows), members.predict_members(rows)
    np.testing.assert_allclose(answer["a"], np.eye(3)[raw["a"].argmax(-1)].mean(0), atol=1e-6)
    np.testing.assert_allclose(answer["b"], (raw["b"] > 0.5).mean(0), atol=1e-6)
    y = {"a": np.eye(3)[np.arange(12) % 3], "b": answer["b"] > 0.5}
    assert members.evaluate(rows, y, verbose=0, return_dict=True)["b_binary_accuracy"] == 1  # by the model's names


def test_how_far_members_lie_apart():
    sure, torn = [[1.0, 0.0]], [[0.5, 0.5]]
    for members, total, own in (
        ([sure, sure], 0, 0),
        ([torn, torn], np.log(2), np.log(2)),
        ([sure, [[0.0, 1.0]]], np.log(2), 0),
    ):
        spread = Spread(np.array(members))
        np.testing.assert_allclose([spread.entropy[0], spread.expected_entropy[0]], [total, own], atol=1e-9)
        np.testing.assert_allclose(spread.disagreement, spread.entropy - spread.expected_entropy, atol=1e-9)
    np.testing.assert_allclose(entropy(np.array([[0.3]])), entropy(np.array([[0.7, 0.3]])))


def test_classes_that_do_not_exclude_each_other_are_questions_of_their_own():
    model = network("sigmoid")
    model.compile("adam", "binary_crossentropy")
    spread = fd.Ensemble(model, 3).spread(X_TEST[:4])
    mean = spread.mean
    alone = [entropy(mean[:, [k]]) for k in range(mean.shape[1])]
    np.testing.assert_allclose(spread.entropy, np.sum(alone, axis=0), rtol=1e-5)
    assert (spread.disagreement >= 0).all()


def test_an_entropy_of_logits_is_refused():
    with pytest.raises(ValueError, match=r"expected probabilities.*from -2 to 3: let the model end in a softmax"):
        entropy(np.array([[-2.0, 3.0]]))


def test_members_disagree_more_about_noise_than_about_digits(trained):
    noise = np.random.default_rng(0).uniform(size=X_TEST.shape).astype("float32")
    assert trained.spread(noise).disagreement.mean() > trained.spread(X_TEST).disagreement.mean()


def test_one_file_holds_all_members(trained, tmp_path):
    trained.save(tmp_path / "members.safetensors")
    read = fd.models.load_model(tmp_path / "members.safetensors")
    assert (read.n, read.vote, read.bootstrap) == (4, "average", False)
    np.testing.assert_array_equal(read.predict(X_TEST, verbose=0), trained.predict(X_TEST, verbose=0))
    read.fit(X, Y, epochs=1, verbose=0, seed=1)
    assert read.member(0).count_params() * 4 == read.count_params()


def test_training_in_two_parts_is_training_at_once():
    once, twice = ensemble(2), ensemble(2)
    once.fit(X, Y, epochs=2, verbose=0, seed=3, shuffle=False)
    for _ in range(2):
        twice.fit(X, Y, epochs=1, verbose=0, seed=3, shuffle=False)
    for a, b in zip(once.get_weights(), twice.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_callbacks_work_on_all_members():
    members = ensemble(2)
    stop = fd.callbacks.EarlyStopping("val_loss", patience=0, min_delta=10.0, restore_best_weights=True)
    rate = fd.callbacks.LearningRateScheduler(lambda epoch: 0.0 if epoch else 0.001)
    history = members.fit(X, Y, epochs=9, verbose=0, validation_split=0.2, callbacks=[stop, rate])
    assert len(history.epoch) == 2 and history.history["learning_rate"] == [0.001, 0.0]
    losses = history.history["loss_members"]
    assert len(losses) == 2 and history.history["loss"][1] == pytest.approx(losses[1].mean())


def test_a_broken_off_training_goes_on_with_the_same_bits(tmp_path):
    class Break(fd.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    whole, broken, again = ensemble(2), ensemble(2), ensemble(2)
    whole.fit(X, Y, epochs=3, verbose=0, seed=3)
    backup = lambda: fd.callbacks.BackupAndRestore(tmp_path / "backup")  # noqa: E731
    with pytest.raises(KeyboardInterrupt):
        broken.fit(X, Y, epochs=3, verbose=0, seed=3, callbacks=[Break(), backup()])
    again.fit(X, Y, epochs=3, verbose=0, seed=3, callbacks=backup())
    for a, b in zip(whole.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_bootstrap_gives_members_rows_of_their_own():
    same, own = (ensemble(2, bootstrap=bootstrap) for bootstrap in (False, True))
    results = [members.fit(X, Y, epochs=1, verbose=0, seed=0).history["loss_members"][0] for members in (same, own)]
    assert not np.allclose(*results)
    batches = ((X[i : i + 50], Y[i : i + 50]) for i in range(0, 400, 50))
    with pytest.raises(ValueError, match="bootstrap"):
        own.fit(batches, epochs=1, verbose=0)


def test_frozen_layers_are_the_same_in_all_members():
    model = network()
    model.layers[0].trainable = False
    model.compile("adam", "sparse_categorical_crossentropy")
    members = fd.Ensemble(model, 3)
    members.fit(X, Y, epochs=1, verbose=0)
    kernel, head = members.get_weights()[0], members.get_weights()[2]
    np.testing.assert_array_equal(kernel, np.stack([model.get_weights()[0]] * 3))
    assert not np.allclose(head[0], head[1])


def test_a_model_without_shapes_gets_them_from_its_first_data():
    model = fd.Sequential([fd.layers.Dense(4, "relu"), fd.layers.Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    members = fd.Ensemble(model, 2)
    members.fit(X, Y, epochs=1, verbose=0)
    assert members.get_weights()[0].shape == (2, 196, 4) and not model.built


def test_what_makes_no_sense_is_refused():
    model = network()
    with pytest.raises(ValueError, match="vote='most'"):
        fd.Ensemble(model, 2, vote="most")
    with pytest.raises(ValueError, match="nothing to count"):
        fd.Ensemble(model, 2, vote="majority").compile("sgd", "mse")


def test_members_do_not_learn_batch_by_batch_and_stay_whole():
    members = ensemble(n=2)
    with pytest.raises(ValueError, match=r"train_on_batch.*members.*fit\(x, y, batch_size=len\(x\)\)"):
        members.train_on_batch(X, Y)
    assert members.member(0).predict(X, verbose=0).shape == (400, 10)


def test_calibration_against_its_definition():
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(4), 500)
    y = np.array([rng.choice(4, p=row) for row in p])
    found = calibration(p, y, bins=8)
    confidence, right = p.max(1), p.argmax(1) == y
    expected = 0.0
    for low in np.arange(8) / 8:
        inside = (confidence >= low) & (confidence < low + 1 / 8)
        if inside.any():
            expected += abs(right[inside].mean() - confidence[inside].mean()) * inside.mean()
    assert found.expected_error == pytest.approx(expected) and found.expected_error < 0.1
    assert found.brier == pytest.approx(np.mean(((p - np.eye(4)[y]) ** 2).sum(1)))
    assert found.count.sum() == 500
    with pytest.raises(ValueError, match="softmax"):
        calibration(p * 3, y)
    with pytest.raises(ValueError, match="4 classes"):
        calibration(p, y + 1)


def test_pictures(trained, tmp_path):
    trained.calibration(X_TEST, Y_TEST).plot(tmp_path / "calibration.png")
    trained.history.plot(path=tmp_path / "history.png")
    assert (tmp_path / "calibration.png").stat().st_size > 5000 and (tmp_path / "history.png").stat().st_size > 5000


def test_members_at_rest_stay_as_they_are_and_the_others_learn_on(trained):
    members, _ = ensemble(), trained
    members.fit(X, Y, epochs=1, verbose=0)
    before = members.get_weights()
    members.freeze_members(1, -1)
    logs = members.fit(X, Y, epochs=2, verbose=0, validation_data=(X_TEST, Y_TEST)).history
    for old, new in zip(before, members.get_weights(), strict=True):
        np.testing.assert_array_equal(old[[1, 3]], new[[1, 3]])
        assert (old[[0, 2]] != new[[0, 2]]).any()
    for name in ("loss_members", "val_accuracy_members"):
        assert np.isnan(logs[name][-1][[1, 3]]).all() and np.isfinite(logs[name][-1][[0, 2]]).all()
    assert logs["loss"][-1] == pytest.approx(logs["loss_members"][-1][[0, 2]].mean())
    members.unfreeze_members()
    assert np.isfinite(members.fit(X, Y, epochs=1, verbose=0).history["loss_members"][-1]).all()
    with pytest.raises(ValueError, match="no member is left"):
        members.freeze_members(*range(4))
    with pytest.raises(ValueError, match="there are 4 members"):
        members.freeze_members(4)


def test_the_summary_is_that_of_a_member_and_of_all(trained):
    shown = []
    trained.summary(print_fn=shown.append)
    assert "Ensemble of 4 members" in shown[0] and "(None, 16)" in shown[0]
    assert "Total params: 3,322" in shown[0] and "All members: 13,288 params" in shown[0]
