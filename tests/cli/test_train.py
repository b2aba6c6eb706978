"""`freedive train`: what it writes, that its numbers are true, that the seed decides, what Ctrl-C keeps."""

import csv
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image
from sklearn import metrics as sk

from freedive.cli import training
from freedive.cli.training import CompileTime
from freedive.datasets import CATALOG, digits
from freedive.models import load_model
from freedive.tasks import embedded, modelfile


def history(folder):
    with open(folder / "history.csv") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", ["zoo", "digits"])
def test_model_history_and_report_are_written(name, request):
    folder = request.getfixturevalue(name)
    assert sorted(path.name for path in folder.iterdir()) == ["history.csv", "model.safetensors", "report.html"]
    rows = history(folder)
    assert len(rows) == {"zoo": 30, "digits": 2}[name]
    assert {"loss", "accuracy", "val_loss", "val_accuracy"} <= rows[0].keys()
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])


@pytest.mark.parametrize("name", ["zoo", "digits"])
def test_the_numbers_are_those_of_the_saved_model(name, request):
    folder = request.getfixturevalue(name)
    source = embedded.load(name)
    model, about = modelfile.load(str(folder / "model.safetensors"))
    x, y = about.reader.encoded(source.x_test), about.target.encoded(source.y_test)
    given = model.predict(x, verbose=0)
    loss, accuracy = model.evaluate(x, y, verbose=0)
    assert about.test["accuracy"] == pytest.approx(sk.accuracy_score(y, given.argmax(1)))
    assert about.test["accuracy"] == pytest.approx(accuracy, abs=1e-6)
    assert about.test["loss"] == pytest.approx(loss, rel=1e-4)
    assert about.data == name and about.classes == list(CATALOG[name].class_names)
    text = (folder / "report.html").read_text()
    assert f"<dd>{accuracy:.2%}</dd>" in text
    assert f"<dd>{about.test['mistakes']:,}</dd>" in text
    assert f"<dd>{model.count_params():,}</dd>" in text


def test_the_best_epoch_is_kept(zoo):
    losses = [float(row["val_loss"]) for row in history(zoo)][15:]
    assert f"marks epoch {int(np.argmin(losses)) + 16}, whose weights were kept" in (zoo / "report.html").read_text()


def test_simple_methods_learn_from_the_rows_that_the_network_was_given(digits):
    counts = re.findall(r"<td>([\d,]+)</td><td>[\d.]+ s</td>", (digits / "report.html").read_text())
    assert counts.count("1,000") == 5 and "900" in counts, counts


def test_the_report_shows_the_worst_mistakes(digits):
    text = (digits / "report.html").read_text()
    assert text.count("data:image/png;base64,") == 24


def test_words_about_it(run, tmp_path):
    result = run("train", "zoo", "--epochs", 2, "--output", tmp_path)
    lines = result.out.splitlines()
    assert result.code == 0
    assert lines[0] == "zoo: 68 animals to learn from, 8 to choose by, 25 to test with"
    assert lines[1] == "10,887 weights, 2 epochs"
    assert lines[-4].startswith("test accuracy ") and "of 2 was kept" in lines[-4]
    assert lines[-3].startswith("beside it: ") and "majority" in lines[-3]
    assert lines[-2] == f"wrote {tmp_path}/model.safetensors, history.csv and report.html beside it"
    assert lines[-1] == f"next: freedive predict {tmp_path}/model.safetensors table.csv"


def test_names_of_classes_take_one_line_and_steer_no_terminal(run, tmp_path):
    (x, y), _ = digits.load_data()
    for row, name in enumerate(["zero\x1b[31m", "one\nline"] * 10):
        (tmp_path / "data" / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(x[y == row % 2][row]).save(tmp_path / "data" / name / f"{row}.png")
    told = run("train", tmp_path / "data", "--epochs", 1, "--output", tmp_path / "run").out
    assert "20 pictures in 2 class folders: one line, zero[31m\n" in told and "\x1b" not in told


def test_without_validation_rows_the_last_epoch_is_kept(run, tmp_path):
    result = run("train", "zoo", "--epochs", 2, "--set", "validation=0", "--output", tmp_path)
    assert result.out.splitlines()[-4].endswith("epoch 2 of 2 was kept, the last")
    assert "<dt>epoch kept</dt><dd>the last" in (tmp_path / "report.html").read_text()


def test_quiet_is_one_line(run, tmp_path):
    result = run("train", "zoo", "--epochs", 2, "--output", tmp_path, "-q")
    assert result.code == 0 and result.out.count("\n") == 1 and "test accuracy" in result.out
    assert all(line.startswith("Warning: ") for line in result.err.splitlines())  # some animals are alike


def test_the_seed_decides(run, tmp_path):
    folders = [tmp_path / name for name in ("a", "b", "c")]
    for folder, seed in zip(folders, (1, 1, 2), strict=True):
        assert run("train", "zoo", "--epochs", 3, "--seed", seed, "--output", folder, "-q").code == 0
    first, same, other = ([row["loss"] for row in history(folder)] for folder in folders)
    assert first == same != other
    weights = [load_model(folder / "model.safetensors").get_weights() for folder in folders]
    assert all((a == b).all() for a, b in zip(weights[0], weights[1], strict=True))


def test_options_are_heeded(run, tmp_path):
    words = ("--epochs", 3, "--batch-size", 17, "--learning-rate", 0.05, "--optimizer", "sgd", "--rows", 40)
    assert run("train", "zoo", *words, "--output", tmp_path, "-q").code == 0
    text = (tmp_path / "report.html").read_text()
    for name, value in (
        ("batch size", "17"),
        ("learning rate", "0.05, falling"),
        ("optimizer", "sgd"),
        ("training rows", "36"),
    ):
        assert f"<dt>{name}</dt><dd>{value}" in text
    model = load_model(tmp_path / "model.safetensors")
    assert type(model.optimizer).__name__ == "SGD"
    assert model.optimizer.get_config()["learning_rate"]["config"]["decay_steps"] == 3 * 3


def test_a_folder_that_cannot_be_written_is_found_at_once(run, tmp_path):
    (tmp_path / "file").write_text("x")
    result = run("train", "zoo", "--output", tmp_path / "file" / "runs")
    assert result.code == 1 and str(tmp_path / "file") in result.err
    assert "to learn from" not in result.out


@pytest.mark.parametrize("apart", [True, False], ids=["train and test", "one folder"])
@pytest.mark.parametrize("most", [None, 20])
def test_files_that_cannot_be_read_are_counted_over_the_whole_folder(run, tmp_path, apart, most):
    (x, y), _ = digits.load_data()
    for row in range(40):
        part = ("train" if row % 4 else "test") if apart else "data"
        place = tmp_path / part / str(y[row] % 2)
        place.mkdir(parents=True, exist_ok=True)
        file = place / f"{row}.png"
        file.write_bytes(b"no picture") if row % 10 == 0 else Image.fromarray(x[row]).save(file)
    folder = tmp_path if apart else tmp_path / "data"
    more = () if most is None else ("--rows", most)
    result = run("train", folder, "--epochs", 1, *more, "--output", tmp_path / "run")
    assert result.code == 1 and "4 of 40 files cannot be read; mend or remove them" in result.err
    assert all(f"{row}.png" in result.err for row in (0, 10, 20, 30))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_digits_are_learned(run, tmp_path, seed):
    assert run("train", "digits", "--seed", seed, "--output", tmp_path, "-q").code == 0
    assert run("evaluate", tmp_path / "model.safetensors", "--json").json["accuracy"] >= 0.98


def test_a_run_that_breaks_says_why(run, tmp_path):
    result = run("train", "penguins", "--learning-rate", 1e30, "--optimizer", "sgd", "--output", tmp_path)
    assert result.code == 1
    assert result.err.startswith("Error: ") and "Lower the learning rate" in result.err
    assert not (tmp_path / "model.safetensors").exists()


@pytest.mark.parametrize("name", [name for name in embedded.RECIPES if name not in ("zoo", "digits")])
def test_every_recipe_runs(run, tmp_path, name):
    words = ("train", name, "--rows", 60, "--epochs", 1, "--batch-size", 30, "--output", tmp_path, "-q")
    result = run(*words)
    assert result.code == 0, result.err
    tested = embedded.load(name)
    steps = tested.task.length + tested.task.horizon - 1 if name in embedded.SERIES else 0  # before the first forecast
    assert run("evaluate", tmp_path / "model.safetensors", "--json").json["rows"] == len(tested.y_test) - steps


# Ctrl-C ----------------------------------------------------------------------------------------------------
@pytest.mark.skipif(os.name == "nt", reason="signals are sent in another way there")
def test_ctrl_c_keeps_what_was_learned(tmp_path):
    words = [sys.executable, "-m", "freedive", "train", "zoo", "--epochs", "1000000", "--output", "out"]
    process = subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    log = tmp_path / "out" / "checkpoints" / "history.csv"
    until = time.monotonic() + 60
    while time.monotonic() < until and not (log.exists() and log.read_text().count("\n") > 3):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert "To go on: freedive train zoo --epochs 1000000 --output out --resume" in out
    assert "Stopped after " in errors and "Kept: out/model.safetensors" in errors
    model, about = modelfile.load(str(tmp_path / "out" / "model.safetensors"))
    assert about.test is None and about.data == "zoo"
    assert all(np.isfinite(w).all() for w in model.get_weights())
    assert not (tmp_path / "out" / "report.html").exists()


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_training_that_was_stopped_goes_on(run, tmp_path, monkeypatch, request, number, code):
    former = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background may ignore it
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, former))
    words, seen = ("train", "zoo", "--epochs", 30, "--seed", 1, "--output"), []
    assert run(*words, tmp_path / "whole").code == 0

    class Stop(CompileTime):
        def on_edge(self, run):
            seen.append(run.epoch)
            if run.epoch == 17:
                signal.raise_signal(number)

    with monkeypatch.context() as patch:
        patch.setattr(training, "CompileTime", Stop)
        stopped = run(*words, tmp_path / "cut")
    folder = tmp_path / "cut"
    assert stopped.code == code and "Stopped after 17 of 30 epochs" in stopped.err
    assert f"To go on: freedive train zoo --epochs 30 --seed 1 --output {folder} --resume" in stopped.out
    again = run(*words, folder, "--resume")
    assert again.code == 0 and "Going on with epoch 18" in again.out
    assert sorted(os.listdir(folder)) == ["history.csv", "model.safetensors", "report.html"]
    assert (folder / "history.csv").read_text() == (tmp_path / "whole" / "history.csv").read_text()
    models = [load_model(path / "model.safetensors").get_weights() for path in (folder, tmp_path / "whole")]
    assert all((a == b).all() for a, b in zip(*models, strict=True))
    reports = [(path / "report.html").read_text() for path in (folder, tmp_path / "whole")]
    assert ["since it went on where it was stopped" in report for report in reports] == [True, False]
    written = [(path, path.stat().st_mtime_ns) for path in folder.iterdir()]
    finished = run(*words, folder, "--resume")
    assert finished.code == 0 and finished.out.startswith(f"Nothing to do: {folder}/model.safetensors is finished")
    other = run(*words, folder, "--resume", "--batch-size", 9)
    assert other.code == 2 and "is finished, and of: freedive train zoo --epochs 30 --seed 1. To train" in other.err
    assert written == [(path, path.stat().st_mtime_ns) for path in folder.iterdir()]


def test_only_what_was_kept_is_promised(run, tmp_path, tmp_path_factory, monkeypatch):
    elsewhere = tmp_path_factory.mktemp("another disk")

    def full(*_, **__):
        raise OSError(28, "No space left on device", "there")

    def full_there(self, path, **more):
        return full() if str(tmp_path) in str(path) else save(self, path, **more)

    save = training.Task.save
    monkeypatch.setattr(training.Task, "save", full)
    kept = run("train", "zoo", "--epochs", 1, "--output", tmp_path / "kept")
    assert kept.code == 1 and f"kept in {tmp_path}/kept/checkpoints. To go on as soon as" in kept.err
    monkeypatch.setattr("freedive.train.resuming.Snapshot.write", full)
    lost = run("train", "zoo", "--epochs", 1, "--output", tmp_path / "lost")
    assert lost.code == 1 and "it has to begin anew" in lost.err and "To go on" not in lost.err + lost.out
    monkeypatch.setattr(training.Task, "save", full_there)
    monkeypatch.setattr(training.tempfile, "mkdtemp", lambda prefix: str(elsewhere))
    moved = run("train", "zoo", "--epochs", 1, "--output", tmp_path / "moved")
    assert moved.code == 1 and f"What it learned is in {elsewhere}/model.safetensors: move it" in moved.err
    assert run("summary", elsewhere / "model.safetensors").code == 0


def test_a_training_that_begins_anew_says_what_is_there(run, tmp_path):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "step-000000000007.safetensors").write_bytes(b"")
    result = run("train", "zoo", "--epochs", 2, "--output", tmp_path, "-q")
    assert result.code == 0
    assert f"To go on with it: freedive train zoo --epochs 2 --output {tmp_path} --resume" in result.err
