"""`freedive tune`: what it writes, that its numbers are true, that it goes on."""

import csv
import json

import numpy as np
import pytest

from freedive.tasks import embedded, modelfile


def test_a_search_writes_model_table_and_picture(run, tmp_path):
    words = ("tune", "zoo", "--trials", 4, "--epochs", 5, "--output", tmp_path)
    result = run(*words)
    assert result.code == 0, result.err
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["model.safetensors", "study.json", "study.png", "study.weights.safetensors", "trials.csv"]
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


def test_an_unknown_search_is_wrong_usage(run):
    result = run("tune", "zoo", "--search", "best")
    assert result.code == 2 and "population" in result.err
