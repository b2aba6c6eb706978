"""`freedive tune`: what it writes, that its numbers are true, that it goes on."""

import csv
import json
import re

import numpy as np
import pytest

from freedive import TabularClassifier
from freedive.cli.tuning import searched
from freedive.tasks import embedded, modelfile


def test_a_search_writes_model_table_and_picture(run, tmp_path):
    words = ("tune", "zoo", "--trials", 4, "--epochs", 5, "--output", tmp_path)
    result = run(*words)
    assert result.code == 0, result.err
    names = sorted(path.name for path in tmp_path.iterdir())
    names = [re.sub(r"\.\d+\.", ".N.", name) for name in names]
    assert names == ["model.safetensors", "study.N.weights.safetensors", "study.json", "study.png", "trials.csv"]
    with open(tmp_path / "trials.csv") as file:
        trials = list(csv.DictReader(file))
    assert len(trials) == 4 and {"learning_rate", "weight_decay", "val_loss"} <= trials[0].keys()
    model, about = modelfile.load(str(tmp_path / "model.safetensors"))
    source = embedded.load("zoo")
    said = about.target.decoded(model.predict(about.reader.encoded(source.x_test), verbose=0))
    right = np.mean(said == source.y_test)
    assert about.test["accuracy"] == pytest.approx(right) and f"{right:.2%}" in result.out
    best = min(json.loads((tmp_path / "study.json").read_text())["trials"], key=lambda trial: trial["score"])
    assert about.made["learning_rate"] == best["parameters"]["learning_rate"]
    again = run(*words)
    assert again.code == 0 and "4 trials" not in again.out and f"{right:.2%}" in again.out


def test_what_is_saved_is_what_training_gives_with_the_same_numbers(run, tmp_path):
    assert run("tune", "zoo", "--trials", 2, "--epochs", 4, "--quiet", "--output", tmp_path).code == 0
    model, about = modelfile.load(str(tmp_path / "model.safetensors"))
    numbers = {name: about.made[name] for name in ("learning_rate", "weight_decay")}
    options = {"dropout": about.made["dropout"]}
    source = embedded.load("zoo")
    task = source.task.set_params(epochs=4, verbose=0, options=options, **numbers)
    task.fit(source.x_train, source.y_train)
    for ours, theirs in zip(model.get_weights(), task.model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_trials_learn_along_the_schedule_of_training():
    x, y = np.random.default_rng(0).normal(size=(80, 3)), ["p", "q"] * 40
    task = TabularClassifier(epochs=3, verbose=0).prepare(x, y)
    study = searched(task, search="random", trials=2, verbose=0)
    assert len({trial.score for trial in study.trials}) == 2
    steps, rate = task.settings.epochs * task.steps(72), task.rate(72, study.best.parameters["learning_rate"])
    for step in (0, steps // 2, steps):
        ours = float(study.model.optimizer.learning_rate_at(step))
        assert ours == pytest.approx(float(rate(step)), rel=1e-6, abs=1e-9)


def test_any_kind_of_data_and_its_target(run, tmp_path):
    table, folder = tmp_path / "houses.csv", tmp_path / "run"
    table.write_text("size,rooms,price\n" + "".join(f"{i % 17},{i % 5},{3 * (i % 17)}\n" for i in range(60)))
    words = ("tune", table, "--target", "price", "--trials", 2, "--epochs", 1, "--quiet", "--output", folder)
    result = run(*words, "--search", "bayesian", "--set", 'options={"units": [4]}')
    assert result.code == 0, result.err
    _, about = modelfile.load(str(folder / "model.safetensors"))
    assert about.data == str(table) and "R2" in result.out and "trials" not in result.err


def test_trials_learn_with_the_weights_of_their_classes():
    x, y = np.random.default_rng(0).normal(size=(80, 3)), ["p", "q", "q", "q"] * 20
    losses = []
    for weight in (None, "balanced", {"p": 50}):
        task = TabularClassifier(class_weight=weight, epochs=2, verbose=0).prepare(x, y)
        study = searched(task, search="random", trials=2, verbose=0)
        losses.append([trial.score for trial in study.trials])
    assert losses[0] != losses[1] != losses[2] != losses[0]


def test_the_best_one_is_calibrated_where_asked(run, tmp_path):
    table, folder = tmp_path / "two.csv", tmp_path / "run"
    table.write_text("a,b,kind\n" + "".join(f"{i % 17},{i % 5},{'pq'[i % 3 > 0]}\n" for i in range(120)))
    words = ("tune", table, "--target", "kind", "--trials", 2, "--epochs", 2, "--quiet", "--output", folder)
    assert run(*words, "--set", "calibrate=true").code == 0
    assert modelfile.load(str(folder / "model.safetensors"))[1].target.temperature != 1


def test_translations_are_refused_before_anything_is_done(run, tmp_path):
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("".join(f"number {i} is here\tnummer {i} ist da\n" for i in range(40)))
    result = run("tune", pairs, "--output", tmp_path / "run")
    assert result.code == 2 and "of a translator" in result.err and not (tmp_path / "run").exists()
