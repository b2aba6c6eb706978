"""tune: a trial is the plain run with its parameters; searches find what is good; a study goes on where it stopped."""

import functools
import json
import re

import numpy as np
import pytest

import freedive as fd
from freedive.core.variables import derived_seed
from freedive.methods import Real, Whole
from freedive.methods.tuning.search import Halving, PopulationBased
from freedive.methods.tuning.study import Study

(X, Y), _ = fd.datasets.digits.load_data()
X, Y = X[:300, ::2, ::2].reshape(300, -1).astype("float32") / 255, Y[:300]
HELD = (X[240:], Y[240:])
FIT = {"epochs": 3, "verbose": 0, "validation_data": HELD}
NUMBERS = {"rate": Real(1e-4, 0.3, log=True), "dropout": Real(0.05, 0.5)}


def build(rate=0.01, dropout=0.1, units=8, decay=0.01):
    model = fd.Sequential(
        [
            fd.Input((196,)),
            fd.layers.Dense(units, "relu"),
            fd.layers.Dropout(dropout),
            fd.layers.Dense(10, "softmax"),
        ]
    )
    optimizer = fd.optimizers.AdamW(rate, weight_decay=decay)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def one_layer(rate, units):
    """JSON has no tuples: a study that goes on has to find them again."""
    return build(rate=rate, units=units[0])


@pytest.fixture(scope="module")
def study():
    return fd.tune(build, NUMBERS, X, Y, trials=6, **FIT)


def test_a_trial_is_the_plain_run_with_its_parameters(study):
    for trial in (study.trials[1], study.best):
        model = build(**trial.parameters)
        model.build(seed=derived_seed(0))
        history = model.fit(X, Y, seed=0, **FIT)
        np.testing.assert_allclose(trial.curve, history.history["val_loss"], rtol=1e-4)
    for a, b in zip(model.get_weights(), study.model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_the_best_model_is_ready(study):
    assert study.model.optimizer.learning_rate == study.best.parameters["rate"]
    assert study.model.evaluate(*HELD, verbose=0)[0] == pytest.approx(study.best.score, rel=1e-5)
    assert study.best.score == min(trial.score for trial in study.trials)
    study.model.fit(X, Y, epochs=1, verbose=0)


def test_numbers_are_one_program_and_structures_are_groups(capsys):
    space = {"rate": [0.001, 0.01], "units": [4, 8], "batch_size": [32, 64]}
    found = fd.tune(build, space, X, Y, search="grid", epochs=1, validation_data=HELD)
    lines = [line for line in capsys.readouterr().out.splitlines() if "trials" in line]
    assert len(lines) == 4 and all(line.startswith("2 trials") for line in lines)
    assert len(found.trials) == 8 and {t.parameters["units"] for t in found.trials} == {4, 8}


def test_a_model_may_stand_for_the_function():
    space = {"learning_rate": [1e-5, 0.01], "dropout.rate": [0.1, 0.2]}
    found = fd.tune(build(), space, X, Y, search="grid", **FIT)
    assert found.best.parameters["learning_rate"] == 0.01
    assert found.model.layers[1].rate == found.best.parameters["dropout.rate"]


@pytest.mark.parametrize("search", ["random", "grid", "bayesian", "halving", "population"])
def test_every_search_finds_a_good_rate(search):
    space = {"rate": Real(1e-5, 0.1, log=True, count=3)}
    found = fd.tune(build, space, X, Y, search=search, trials=None if search == "grid" else 9, **FIT)
    assert found.best.parameters["rate"] > 1e-3, found.table()
    assert len({trial.number for trial in found.trials}) == len(found.trials)
    longest = {len(trial.curve) for trial in found.trials if trial.state == "done"}
    assert longest == {3}


def test_halving_lets_the_better_go_on():
    found = fd.tune(build, NUMBERS, X, Y, search="halving", trials=9, monitor="val_accuracy", **FIT)
    stopped = [trial for trial in found.trials if trial.state == "stopped"]
    assert len(found.trials) == 9 and len(stopped) == 6 and {len(trial.curve) for trial in stopped} == {1}
    kept = found.best
    assert min(t.curve[0] for t in found.trials if t.state == "done") >= max(t.curve[0] for t in stopped)
    alone = fd.tune(build, {n: [v] for n, v in kept.parameters.items()}, X, Y, search="grid", **FIT)
    np.testing.assert_allclose(alone.model.evaluate(*HELD, verbose=0)[1], kept.score, rtol=1e-5)


def test_rungs_of_halving_are_thirds():
    assert Halving().of({}, 27, 0, 27).rungs() == [1, 3, 9, 27]
    assert Halving().of({}, 9, 0, 30).rungs() == [4, 10, 30]
    assert Halving().of({}, 2, 0, 5).rungs() == [5]
    assert Halving(factor=5).of({}, 27, 0, 27).rungs() == [2, 6, 27]


def test_the_worst_take_over_from_the_best():
    space = {"rate": Real(0.1, 10.0), "kind": fd.methods.Choice(["a", "b"])}
    plan = PopulationBased().of(space, 10, 0, 12)
    parameters = [{"rate": 1.0 + i, "kind": "a"} for i in range(10)]
    rung = plan.next(0, np.arange(10.0), parameters)
    assert rung.members[2:] == list(range(2, 10)) and set(rung.members[:2]) <= {8, 9}
    for i in (0, 1):
        before = parameters[rung.members[i]]["rate"]
        assert rung.parameters[i]["rate"] in (
            pytest.approx(min(before * 0.8, 10)),
            pytest.approx(min(before * 1.25, 10)),
        )


@pytest.mark.parametrize("search", ["grid", "bayesian"])
def test_a_stopped_study_goes_on_as_if_it_had_not_been(search, tmp_path):
    space = {"rate": Real(1e-4, 0.1, log=True, count=3), "units": [(4,), (8,)]}
    count = {"trials": 6} if search == "bayesian" else {}
    whole = fd.tune(one_layer, space, X, Y, search=search, **FIT, **count)
    calls = []

    def breaks(rate, units):
        calls.append(rate)
        if len(calls) == (5 if search == "bayesian" else 10):
            raise KeyboardInterrupt
        return one_layer(rate, units)

    file = tmp_path / "study.json"
    if search == "bayesian":
        with pytest.raises(KeyboardInterrupt):
            fd.tune(breaks, space, X, Y, search=search, resume=file, **FIT, **count)
    else:
        fd.tune(one_layer, space, X, Y, search=search, resume=file, **FIT)
        told = json.loads(file.read_text())
        told["trials"] = [trial for trial in told["trials"] if trial["parameters"]["units"] == [4]]
        file.write_text(json.dumps(told))
    before = len(json.loads(file.read_text())["trials"])
    again = fd.tune(one_layer, space, X, Y, search=search, resume=file, **FIT, **count)
    assert 0 < before < len(whole.trials)
    assert [t.parameters for t in again.trials] == [t.parameters for t in whole.trials]
    np.testing.assert_allclose([t.score for t in again.trials], [t.score for t in whole.trials], rtol=1e-5)
    read = fd.tune(one_layer, space, X, Y, search=search, resume=file, **FIT, **count)
    np.testing.assert_array_equal(read.model.predict(X, verbose=0), again.model.predict(X, verbose=0))


def test_the_file_names_no_trial_whose_weights_are_not_there(tmp_path, monkeypatch):
    file, words = tmp_path / "study.json", {"search": "bayesian", "trials": 4}
    write = Study.add

    def killed(self, trials, made):
        write(self, trials, made)
        if len(self.trials) > 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(Study, "add", killed)
    with pytest.raises(KeyboardInterrupt):
        fd.tune(build, NUMBERS, X, Y, resume=file, **FIT, **words)
    monkeypatch.setattr("freedive.methods.tuning.study.write_text_atomic", stopped)
    monkeypatch.setattr(Study, "add", write)
    with pytest.raises(KeyboardInterrupt):  # between the weights and the file
        fd.tune(build, NUMBERS, X, Y, resume=file, **FIT, **words)
    monkeypatch.undo()
    study = fd.tune(build, NUMBERS, X, Y, resume=file, **FIT, **words)
    assert len(study.trials) == 4
    assert study.model.evaluate(*HELD, verbose=0)[0] == pytest.approx(study.best.score, rel=1e-4)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"study.{study.best.number}.weights.safetensors",
        "study.json",
    ]


def stopped(*_):
    raise KeyboardInterrupt


def test_a_file_of_another_search_is_refused(tmp_path):
    file = tmp_path / "study.json"
    asked = {"space": {"rate": [0.01]}, "search": "grid", "resume": file, **FIT}
    fd.tune(build, x=X, y=Y, **asked)
    others = [
        ("space", build, {"space": {"rate": [0.02]}}),
        ("batch_size", build, {"batch_size": 64}),
        ("data", build, {"y": 9 - Y}),
        ("model", functools.partial(build, decay=0.1), {}),
        ("model", functools.partial(build, units=9), {}),
    ]
    for what, other, given in others:
        with pytest.raises(ValueError, match=f"another search, of other {what}"):
            fd.tune(other, **({"x": X, "y": Y} | asked | given))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"space": {"rat": [1]}}, "'rat'.*no such parameter. Did you mean 'rate'"),
        (
            {"build": build(), "space": {"dropout.rte": [0.1]}},
            "the model has no such parameter. Did you mean 'dropout.rate'",
        ),
        ({"build": 3}, "expected a function"),
        ({"build": lambda rate: None}, "must give a compiled model"),
        ({"build": lambda rate: fd.Sequential([fd.layers.Dense(1)])}, "that is not compiled"),
        ({"search": "halfing"}, "unknown search 'halfing'. Did you mean 'halving'"),
        ({"search": 3}, "expected a name"),
        ({"trials": 0}, "trials=0.*1 or more"),
        ({"pruning": "median"}, "no argument 'pruning'"),
        ({"monitor": "val_acuracy"}, "direction|val_acuracy"),
        (
            {"search": "population", "space": {"units": [4, 8], "rate": [0.01]}, "trials": 8},
            "one structure. This space has 2",
        ),
        ({"epoch": 1}, "no argument 'epoch'. Did you mean 'epochs'"),
    ],
)
def test_what_cannot_be_searched_is_refused(options, told):
    given = {"build": build, "space": {"rate": [0.01]}, "x": X, "y": Y, "search": "grid", **FIT} | options
    with pytest.raises((ValueError, TypeError), match=told):
        fd.tune(**given)


def test_a_result_that_there_is_not_is_found_out_in_the_first_epochs(monkeypatch):
    asked, long = [], {**FIT, "epochs": 100_000}
    monkeypatch.setattr(fd.methods.tuning.cohort.Cohort, "worth", lambda self: asked.append(self))
    with pytest.raises(ValueError, match=r"unknown result 'val_acc'\. Did you mean 'val_accuracy'"):
        fd.tune(build, {"rate": [0.01, 0.1]}, X, Y, search="grid", monitor="val_acc", **long)
    assert not asked


def test_a_trial_that_breaks_is_the_worst():
    found = fd.tune(build, {"rate": [1e30, 0.01], "decay": [1e30]}, X, Y, search="grid", **FIT)
    assert not np.isfinite(found.trials[0].score) and len(found.table().splitlines()) == 3
    with pytest.raises(ValueError, match="no trial has come to its end"):
        _ = fd.tune(build, {"rate": [1e30], "decay": [1e30]}, X, Y, search="grid", **FIT).best


@pytest.mark.filterwarnings("ignore:fit")
@pytest.mark.parametrize("decay", [[0.0], [0.0, 1e30]])
def test_a_trial_that_breaks_is_the_worst_by_accuracy_too(decay):
    found = fd.tune(build, {"rate": [0.01], "decay": decay}, X, Y, search="grid", monitor="val_accuracy", **FIT)
    assert [np.isfinite(trial.score) for trial in found.trials] == [one == 0 for one in decay]


def test_table_picture_and_file(study, tmp_path):
    head, first = study.table().splitlines()[:2]
    assert re.split(r"\s{2,}", head.strip()) == ["trial", "rate", "dropout", "val_loss", "epochs"]
    assert first.split()[0] == str(study.best.number)
    study.to_csv(tmp_path / "study.csv")
    assert len((tmp_path / "study.csv").read_text().splitlines()) == 7
    study.plot(tmp_path / "study.png")
    assert (tmp_path / "study.png").stat().st_size > 10_000
    assert repr(study).startswith("Study(6 trials, the best val_loss ")


def test_whole_numbers_may_be_structure():
    found = fd.tune(build, {"units": Whole(3, 5)}, X, Y, search="grid", **FIT | {"epochs": 1})
    assert [trial.parameters["units"] for trial in found.trials] == [3, 4, 5]


def test_scores_are_of_the_averages_that_the_models_have():
    def averaging(rate, decay):
        model = build(rate, decay=decay)
        optimizer = fd.optimizers.AdamW(rate, weight_decay=decay, use_ema=True)
        model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    study = fd.tune(averaging, {"rate": [0.003, 0.03], "decay": [0.0, 0.1]}, X, Y, search="grid", **FIT)
    assert study.best.score == pytest.approx(study.model.evaluate(*HELD, verbose=0)[0], rel=1e-5)


def test_every_epoch_of_a_trial_is_validated():
    with pytest.raises(TypeError, match="validation_freq"):
        fd.tune(build, NUMBERS, X, Y, validation_freq=2, **FIT)


def test_trials_that_all_break_at_once_have_no_averages_to_measure():
    def averaging(rate, decay):
        model = build()
        optimizer = fd.optimizers.AdamW(rate, weight_decay=decay, use_ema=True)
        model.compile(optimizer, "sparse_categorical_crossentropy")
        return model

    study = fd.tune(averaging, {"rate": [1e30], "decay": [1e30]}, X, Y, search="grid", **FIT)
    assert not np.isfinite([trial.score for trial in study.trials]).any()
