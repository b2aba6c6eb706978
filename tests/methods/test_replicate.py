"""replicate: with one member the plain run bit for bit; member i of n is the single run, up to rounding."""

import numpy as np
import pytest

import freedive as fd
from freedive.core.calling import run_key
from freedive.methods.population import Population, Replicated
from freedive.models import fitting
from freedive.models.training import first_state, make_ready, objective_for, program_for
from freedive.train.chunk import Line
from freedive.train.execute import Run
from freedive.train.feeds import Resident
from freedive.train.members import UNSETTLED, Members, faster

ROWS = np.random.default_rng(0)
X = ROWS.normal(size=(203, 5)).astype("float32")
Y = (X[:, 0] > 0).astype("int32") + (X[:, 1] > 0)
EPOCHS, SEED, START = 3, 5, 3
MODELS = {
    "dense": lambda: [fd.layers.Dense(8, "relu"), fd.layers.Dense(3, "softmax")],
    "all kinds of values": lambda: [
        fd.layers.Dense(8, "relu", kernel_regularizer="l2"),
        fd.layers.BatchNormalization(),
        fd.layers.Dropout(0.3),
        fd.layers.Dense(3, "softmax"),
    ],
    "convolution": lambda: [
        fd.layers.Reshape((5, 1)),
        fd.layers.Conv1D(4, 3, activation="relu"),
        fd.layers.Flatten(),
        fd.layers.Dense(3, "softmax"),
    ],
}


def made(kind, shift=0):
    """A fresh model whose seed is `shift` higher than the first one's."""
    fd.set_seed(START)
    model = fd.Sequential(MODELS[kind]())
    model._seed += shift
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def single(kind, shift=0, order=0):
    """The plain run of one member: its values, its key and its order, by hand."""
    model = made(kind, shift)
    make_ready(model, X)
    program = program_for(model, objective_for(model, X, Y))
    line = Line(Resident((X, Y, None), 32, True), Resident((X[:50], Y[:50], None), 50, False))
    run = Run(program, first_state(model, program, run_key(SEED + shift)), line, SEED + order)
    closed = [epoch for _ in range(EPOCHS) for epoch in run.advance(line.steps)]
    fitting.ModelHost(model, program).give(run.finish())
    return model, [epoch.logs for epoch in closed]


def together(kind, n, **how):
    population = Population(made(kind), n)
    options = fitting.Options(epochs=EPOCHS, verbose=0, seed=SEED, validation_data=(X[:50], Y[:50]))
    return population, fitting.fit(population, X, Y, options, Replicated(**how))


@pytest.mark.parametrize("kind", MODELS)
def test_one_member_is_the_plain_run_bit_for_bit(kind):
    model = made(kind)
    plain = model.fit(X, Y, epochs=EPOCHS, verbose=0, seed=SEED, validation_data=(X[:50], Y[:50]))
    population, history = together(kind, 1)
    for a, b in zip(model.get_weights(), population.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b[0])
    assert {name: history.history[name] for name in plain.history} == plain.history


@pytest.mark.parametrize("way", ["batched", "in turn"])
@pytest.mark.parametrize("kind", MODELS)
def test_member_i_of_n_is_the_single_run(kind, way):
    population, history = together(kind, 3, way=way)
    for i in (0, 2):
        model, logs = single(kind, i)
        for a, b in zip(model.get_weights(), population.member(i).get_weights(), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
        for name in ("loss", "val_loss"):
            members = [values[i] for values in history.history[f"{name}_members"]]
            np.testing.assert_allclose(members, [log[name] for log in logs], rtol=1e-5)


def test_members_may_have_an_order_of_their_own():
    population, _ = together("dense", 2, orders=True, way="batched")
    model, _ = single("dense", 1, order=1)
    for a, b in zip(model.get_weights(), population.member(1).get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_a_second_population_compiles_nothing(caplog):
    import jax

    together("dense", 3, way="batched")
    with jax.log_compiles(), caplog.at_level("WARNING"):
        together("dense", 3, way="batched")
    assert not [r for r in caplog.records if "Finished XLA compilation" in r.message and "interval" in r.message]
    assert not [r for r in caplog.records if "Finished XLA compilation" in r.message and "jit(<lambda>)" in r.message]


def test_a_member_goes_on_as_a_model_of_its_own():
    population, _ = together("all kinds of values", 2, way="batched")
    member = population.member(1)
    step = int(member._training.step)
    np.testing.assert_allclose(
        member.predict(X, verbose=0), population.predict(X, verbose=0)[:, 1], rtol=1e-5, atol=1e-6
    )
    member.fit(X, Y, epochs=1, verbose=0)
    assert int(member._training.step) == step + 7
    assert population.get_weights()[0].shape == (2, 5, 8)


def test_the_faster_way_is_taken():
    seconds = {"batched": 3.0, "in turn": 2.0}
    tried = []

    def trial(members, count):
        tried.append(members.way)
        return 5.0 if count == 0 else seconds[members.way] * count

    assert faster(trial, Members(8), None, {}).way == "in turn"
    tried.clear()
    known = {}
    assert faster(trial, Members(8), 1, known).way == "batched"
    assert set(tried) == {"batched"}, "a short run does not pay for a second compilation"
    tried.clear()
    assert faster(trial, Members(8), 100, known).way == "in turn"
    assert set(tried) == {"in turn"}, "what is known is not measured again"
    assert Members(8).way == UNSETTLED


def test_a_slow_first_dispatch_decides_nothing():
    seen = set()

    def trial(members, count):
        new = count > 0 and members.way not in seen
        seen.update([members.way] if count else [])
        return {"batched": 0.002, "in turn": 0.003}[members.way] * count + (0.5 if new else 0)

    assert faster(trial, Members(8), 1000, {}).way == "batched"


@pytest.mark.parametrize(
    ("n", "model", "told"), [(0, None, "n=0"), (True, None, "n=True"), (2, "adam", "expected a model")]
)
def test_what_is_no_population_is_refused(n, model, told):
    with pytest.raises((ValueError, TypeError), match=told):
        Population(model or made("dense"), n)
