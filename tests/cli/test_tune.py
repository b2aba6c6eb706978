"""`freedive tune`: what it writes, that its numbers are true, that it goes on."""

import csv
import json
import re

import numpy as np
import pytest

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


def test_any_kind_of_data_and_its_target(run, tmp_path):
    table, folder = tmp_path / "houses.csv", tmp_path / "run"
    table.write_text("size,rooms,price\n" + "".join(f"{i % 17},{i % 5},{3 * (i % 17)}\n" for i in range(60)))
    words = ("tune", table, "--target", "price", "--trials", 2, "--epochs", 1, "--quiet", "--output", folder)
    result = run(*words, "--search", "bayesian", "--set", 'options={"units": [4]}')
    assert result.code == 0, result.err
    _, about = modelfile.load(str(folder / "model.safetensors"))
    assert about.data == str(table) and "R2" in result.out and "trials" not in result.err
