"""simulate: with one client it is the plain run, with mu = 0 FedProx is FedAvg; means, masks, failures and privacy are
their formulas; it learns from unequal clients.
"""

import math

import numpy as np
import pytest

import freedive as fd
from freedive.federated import ClientPrivacy, Clients, Failures, Strategy, evaluate, partition, simulate
from freedive.optimizers import LossScaleOptimizer

L = fd.layers
(X, Y), (X_TEST, Y_TEST) = fd.datasets.digits.load_data()
X, X_TEST = (a[:, ::2, ::2].reshape(len(a), -1).astype("float32") / 255 for a in (X[:1000], X_TEST[:500]))
Y, Y_TEST = Y[:1000], Y_TEST[:500]


def network(optimizer="sgd", dropout=0.0, seed=0):
    fd.set_seed(seed)
    layers = [L.Dense(16, "relu"), L.Dropout(dropout), L.Dense(10, "softmax")]
    model = fd.Sequential([fd.Input((196,)), *layers])
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def weights_of(model):
    return np.concatenate([w.ravel() for w in model.get_weights()])


# the laws ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("optimizer", "rounds", "local_epochs"), [(lambda: fd.optimizers.SGD(0.1), 3, 1), (lambda: "adam", 1, 3)]
)
def test_with_one_client_it_is_the_plain_run(optimizer, rounds, local_epochs):
    """Within rounding: batches are masked here. An Adam forgets from round to round, so that it has one round."""
    x, y = X[:210], Y[:210]
    plain, server = network(optimizer(), 0.3), network(optimizer(), 0.3)
    one = plain.fit(x, y, batch_size=40, epochs=3, verbose=0, seed=7)
    other = simulate(server, [(x, y)], rounds, local_epochs=local_epochs, batch_size=40, verbose=0, seed=7)
    np.testing.assert_allclose(weights_of(server), weights_of(plain), atol=2e-6)
    if rounds == 3:
        np.testing.assert_allclose(other.history["loss"], one.history["loss"], rtol=1e-5)
        np.testing.assert_allclose(other.history["accuracy"], one.history["accuracy"], rtol=1e-6)


def test_fedprox_without_its_term_is_fedavg_and_with_it_stays_nearer():
    clients = partition(X, Y, 8, by="dirichlet", alpha=0.3)
    begin, found = weights_of(network()), {}
    for name, strategy in {"avg": "fedavg", "none": Strategy(mu=0.0), "held": Strategy(mu=5.0)}.items():
        model = network(fd.optimizers.SGD(0.1))
        simulate(model, clients, 2, strategy, local_epochs=3, verbose=0, seed=1)
        found[name] = weights_of(model)
    np.testing.assert_array_equal(found["avg"], found["none"])
    assert np.linalg.norm(found["held"] - begin) < 0.8 * np.linalg.norm(found["avg"] - begin)


def test_the_server_takes_the_mean_weighted_by_rows():
    """Clients alone, by fit, and their mean; then a server's step along it."""
    parts = [(X[:50], Y[:50]), (X[50:180], Y[50:180])]
    each = []
    for i, (x, y) in enumerate(parts):
        model = network(fd.optimizers.SGD(0.1))
        model.fit(x, y, batch_size=50, verbose=0, seed=3 + i)
        each.append(weights_of(model))
    mean = (50 * each[0] + 130 * each[1]) / 180
    server = network(fd.optimizers.SGD(0.1))
    begin = weights_of(server)
    simulate(server, parts, 1, batch_size=50, verbose=0, seed=3)
    np.testing.assert_allclose(weights_of(server), mean, atol=2e-6)
    half = network(fd.optimizers.SGD(0.1))
    simulate(half, parts, 1, Strategy(server=fd.optimizers.SGD(0.5)), batch_size=50, verbose=0, seed=3)
    np.testing.assert_allclose(weights_of(half), (begin + mean) / 2, atol=2e-6)


def test_results_stand_by_client_too():
    clients = partition(X, Y, 10)
    model = network()
    history = simulate(model, clients, 2, fraction=0.3, verbose=0, seed=0, validation_data=(X_TEST, Y_TEST)).history
    part = [np.isfinite(losses) for losses in history["loss_clients"]]
    assert [p.sum() for p in part] == [3, 3] and not np.array_equal(*part)
    np.testing.assert_allclose(history["loss"][0], np.nanmean(history["loss_clients"][0]), rtol=1e-5)  # of equal sizes
    assert len(history["val_accuracy"]) == 2
    scores = evaluate(model, clients)
    np.testing.assert_allclose(scores["accuracy"].mean(), model.evaluate(X, Y, verbose=0)[1], rtol=1e-5)
    assert scores["loss"].shape == (10,)


# failures ------------------------------------------------------------------------------------------------------------
def test_where_nothing_arrives_nothing_changes_and_stragglers_do_less():
    clients = partition(X, Y, 5)
    gone, late, whole = (network(fd.optimizers.SGD(0.1)) for _ in range(3))
    begin = weights_of(gone)
    simulate(gone, clients, 2, failures=Failures(dropouts=1.0), verbose=0)
    np.testing.assert_array_equal(weights_of(gone), begin)
    simulate(late, clients, 1, failures=Failures(stragglers=1.0), verbose=0, seed=0)
    simulate(whole, clients, 1, verbose=0, seed=0)
    moved = [np.linalg.norm(weights_of(model) - begin) for model in (late, whole)]
    assert 0 < moved[0] < 0.9 * moved[1]


def test_what_does_not_arrive_ruins_nothing():
    model = network()
    model.compile(fd.optimizers.SGD(0.1), "sparse_categorical_crossentropy", on_nonfinite="keep")
    before, wild = weights_of(model), np.full_like(X[:50], 1e25)
    simulate(model, [(wild, Y[:50])], 1, failures=Failures(dropouts=1.0), batch_size=50, local_epochs=3, verbose=0)
    np.testing.assert_array_equal(weights_of(model), before)


def test_an_optimizer_of_the_server_may_be_named():
    named, given = network(), network()
    for model, server in ((named, "sgd"), (given, fd.optimizers.SGD())):
        simulate(model, partition(X, Y, 3), 1, Strategy(server=server), verbose=0, seed=1)
    np.testing.assert_array_equal(weights_of(named), weights_of(given))


# learning -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("strategy", ["fedavg", "fedprox", "fedadam"])
def test_it_learns_from_unequal_clients(strategy):
    clients = partition(X, Y, 20, by="dirichlet", alpha=0.3)
    model = network(fd.optimizers.SGD(0.05, momentum=0.9))
    failures = Failures(dropouts=0.1, stragglers=0.2)
    simulate(model, clients, 20, strategy, 0.5, 5, failures, batch_size=20, verbose=0, seed=0)
    assert model.evaluate(X_TEST, Y_TEST, verbose=0)[1] > 0.7


class Break(fd.callbacks.Callback):
    """Ends the process' part of a run, as a crash would."""

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt


def test_a_simulation_goes_on_after_an_interruption(tmp_path):
    clients, options = partition(X, Y, 6), {"fraction": 0.5, "verbose": 0, "seed": 2}
    whole, broken, again = (network() for _ in range(3))
    want = simulate(whole, clients, 4, "fedadam", **options).history
    keeper = fd.callbacks.Checkpoints(str(tmp_path), epochs=1)
    with pytest.raises(KeyboardInterrupt):
        simulate(broken, clients, 4, "fedadam", **options, resume=keeper, callbacks=Break())
    found = simulate(again, clients, 4, "fedadam", **options, resume=str(tmp_path)).history
    assert found["loss"] == want["loss"]
    np.testing.assert_array_equal(weights_of(again), weights_of(whole))


# privacy of clients ---------------------------------------------------------------------------------------------------
def test_a_client_changes_the_server_by_the_clip_norm_at_most():
    x, y = np.concatenate([X[:100]] * 2), np.concatenate([Y[:100]] * 2)
    clients = Clients(x, y, [100, 100])
    server = network(fd.optimizers.SGD(1.0))
    begin = weights_of(server)
    simulate(server, clients, 1, privacy=ClientPrivacy(noise_multiplier=0.0, clip_norm=0.01), verbose=0, seed=0)
    assert 0.005 < np.linalg.norm(weights_of(server) - begin) <= 0.01 + 1e-6


def test_the_budget_of_clients_is_kept_and_told():
    clients, privacy = partition(X, Y, 50), ClientPrivacy(epsilon=5.0, delta=1e-2)
    model = network(fd.optimizers.SGD(0.1))
    history = simulate(model, clients, 4, fraction=0.2, privacy=privacy, verbose=0).history
    assert history["epsilon"][-1] == privacy.spent <= 5.0 and privacy.spent > 4.9
    assert privacy.ledger.entries[0].rate == 0.2 and privacy.ledger.entries[0].steps == 4
    with pytest.raises(ValueError, match="nothing is left"):
        simulate(model, clients, 1, fraction=0.2, privacy=privacy, verbose=0)


def test_how_many_clients_a_private_round_has_is_drawn():
    clients = partition(X, Y, 50)
    privacy = ClientPrivacy(noise_multiplier=1.0, delta=1e-2)
    history = simulate(network(), clients, 12, fraction=0.2, privacy=privacy, verbose=0, seed=0).history
    counts = [np.isfinite(losses).sum() for losses in history["loss_clients"]]
    assert len(set(counts)) > 3 and abs(np.mean(counts) - 10) < 5 * math.sqrt(8 / 12)


# dealing out ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("by", "alpha"), [("iid", 1.0), ("dirichlet", 0.3), ("dirichlet", 100.0)])
def test_every_row_is_dealt_out_once(by, alpha):
    x = np.arange(1000)[:, None]
    clients = partition(x, Y, 40, by, alpha)
    assert sorted(clients.x.ravel().tolist()) == list(range(1000))
    np.testing.assert_array_equal(Y[clients.x.ravel()], clients.y)
    assert clients.sizes.min() >= 1 and clients.sizes.sum() == 1000 and len(clients) == 40
    kinds = np.mean([len(np.unique(y)) for _, y in (clients[i] for i in range(40))])
    assert kinds < 6 if alpha == 0.3 else kinds > 8
    if by == "iid":
        assert np.ptp(clients.sizes) <= 1


def gathering(model, around):
    model.compile(around(fd.optimizers.SGD(gradient_accumulation_steps=4)), "mse")
    return model


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda m: partition(X, Y, 1001), "1000 rows are enough for 1 to 1000 clients"),
        (lambda m: partition(X, Y, 0), "1000 rows are enough"),
        (lambda m: partition(X, Y, 5, by="labels"), "expected one of 'iid', 'dirichlet'"),
        (lambda m: partition(X, Y, 5, "dirichlet", 0.0), "expected more than 0"),
        (lambda m: simulate(m, [(X[:5], Y[:5]), (X[:0], Y[:0])], 1), "client 1 has no data"),
        (lambda m: simulate(m, [], 1), "a list of"),
        (lambda m: simulate(m, [(X, Y)], 0), "a whole number, 1 or more"),
        (lambda m: simulate(m, [(X, Y)], 1, "fedsgd"), "expected one of 'fedavg', 'fedprox', 'fedadam'"),
        (lambda m: simulate(m, [(X, Y)], 1, fraction=0.0), "above 0 and up to 1"),
        (lambda m: simulate(m, [(X, Y)], 1, local_epochs=0), "a whole number, 1 or more"),
        (lambda m: simulate(m, [(X, Y)], 1, failures=Failures(dropouts=1.5)), "a number from 0 to 1"),
        (lambda m: simulate(m, [(X, Y)], 1, Strategy(mu=-1.0)), "expected 0 or more"),
        (lambda m: simulate(m, partition(X, Y, 50), 1, privacy=ClientPrivacy(1.0, delta=0.1)), "less than one in 50"),
        (lambda m: simulate(gathering(m, lambda o: o), [(X, Y)], 1), "gradient_accumulation_steps=4 would lose"),
        (lambda m: simulate(gathering(m, LossScaleOptimizer), [(X, Y)], 1), "gradient_accumulation_steps=4 would lose"),
        (lambda m: ClientPrivacy(1.0, delta=1.0), "a probability between 0 and 1"),
    ],
)
def test_what_cannot_be_is_refused(call, told):
    with pytest.raises(ValueError, match=told):
        call(network())
