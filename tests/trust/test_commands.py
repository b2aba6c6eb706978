"""`freedive train`, killed and stopped: it goes on with the same bits, and what it leaves belongs together."""

import csv
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from freedive.cli import training
from freedive.cli.app import main
from freedive.files import only_writer, read_tensors

WORDS = ("train", "zoo", "--epochs", "40", "--seed", "3", "--quiet", "--output")
OFTEN = """
import sys
from freedive.cli import main, training
training.EVERY = 1e-6  # a checkpoint at every edge
sys.exit(main(sys.argv[1:]))
"""
pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals are sent in another way there")


def left(folder):
    """What a training left: (weights and optimizer, history)."""
    tensors, metadata = read_tensors(folder / "model.safetensors")
    history = (folder / "history.csv").read_text()
    epochs = json.loads(metadata["about"])["made"]["epochs"]
    assert len(list(csv.DictReader(history.splitlines()))) == epochs  # they belong together
    return {name: tensor.tobytes() for name, tensor in tensors.items()}, history


def test_killed_it_goes_on_with_the_same_bits(tmp_path):
    long = [word if word != "40" else "800" for word in WORDS]
    assert main([*long, str(tmp_path / "whole")]) == 0
    words = [sys.executable, "-c", OFTEN, *long, str(tmp_path / "cut"), "--resume"]
    kept, killed = tmp_path / "cut" / "checkpoints", 0
    while killed < 1:
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        steps = set(os.listdir(kept)) if kept.exists() else set()
        until = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < until:
            new = {name for name in (os.listdir(kept) if kept.exists() else ()) if name.startswith("step-")} - steps
            if len(new) and killed < 1:
                process.send_signal(signal.SIGKILL)
            time.sleep(0.005)
        assert process.wait(60) in (-signal.SIGKILL, 0)
        if process.returncode == 0:
            break  # it was quicker than the one who watches
        killed += 1
        assert not (tmp_path / "cut" / "model.safetensors").exists()
    done = subprocess.run(words, capture_output=True, text=True)
    assert killed and done.returncode == 0, done.stderr
    assert left(tmp_path / "cut") == left(tmp_path / "whole")
    assert sorted(os.listdir(tmp_path / "cut")) == ["history.csv", "model.safetensors", "report.html"]


@pytest.mark.parametrize("epoch", [0, 5])
def test_stopped_it_leaves_what_belongs_together(tmp_path, monkeypatch, epoch):
    """Before the first epoch: all of the training before. Later: model and history of this one, and no old report."""
    words = [*WORDS, str(tmp_path)]
    assert main(words) == 0
    before = {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)}

    class Stop(training.CompileTime):
        def on_edge(self, run):
            if run.epoch >= epoch:
                signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(training, "CompileTime", Stop)
    assert main([*words, "--learning-rate", "0.01"]) == 143
    after = {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path) if name != "checkpoints"}
    if len(after) == 3:
        assert after == before
    else:
        assert sorted(after) == ["history.csv", "model.safetensors"]
        assert after["model.safetensors"] != before["model.safetensors"]
    assert (len(after) == 3) == (epoch == 0) or epoch == 0
    left(tmp_path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What an undisturbed training leaves."""
    folder = tmp_path_factory.mktemp("whole")
    assert main([*WORDS, str(folder), "--learning-rate", "0.01"]) == 0
    return left(folder)


@pytest.mark.parametrize("call", ["save", "move", "history", "report"])
def test_what_fails_while_it_is_put_in_place_mixes_and_loses_nothing(tmp_path, monkeypatch, capsys, whole, call):
    """Whatever breaks off the end of a training, no file stands beside one of another training, and it is not lost."""
    assert main([*WORDS, str(tmp_path)]) == 0
    before = (tmp_path / "model.safetensors").read_bytes()
    words = [*WORDS, str(tmp_path), "--learning-rate", "0.01"]

    def broken(*_, **__):
        raise OSError(28, "full")

    places = {"move": "move_file", "history": "write_atomic", "report": "write_text_atomic"}
    with monkeypatch.context() as patch:
        patch.setattr(*((training.Task, "save") if call == "save" else (training, places[call])), broken)
        assert main(words) == 1
    names = sorted(name for name in os.listdir(tmp_path) if name != "checkpoints")
    model = (tmp_path / "model.safetensors").read_bytes()
    if call == "save":  # the disk is full: all of the former
        assert names == ["history.csv", "model.safetensors", "report.html"] and model == before
    else:
        assert names == ["history.csv"] * (call == "report") + ["model.safetensors"]
        assert (model == before) == (call == "move")
    assert f"The training is kept in {tmp_path}/checkpoints. To go on" in capsys.readouterr().err
    assert main([*words, "--resume"]) == 0
    assert "came to the end of epoch 40" in capsys.readouterr().out  # nothing was trained again
    assert left(tmp_path) == whole
    assert sorted(os.listdir(tmp_path)) == ["history.csv", "model.safetensors", "report.html"]


def test_a_folder_has_one_training(tmp_path, capsys):
    """A second command is refused before it reads a row; the first one ends as if nothing had been."""
    with only_writer(tmp_path):
        assert main([*WORDS, str(tmp_path)]) == 1
    assert f"{tmp_path}: the folder is being written by process {os.getpid()}" in capsys.readouterr().err
    assert os.listdir(tmp_path) == []


def test_a_folder_may_be_called_anything(tmp_path):
    """Spaces, umlauts, a line break, a byte that is not UTF-8: the page says "?" where it cannot write it."""
    folder = tmp_path / os.fsdecode("a \u00e4\n".encode() + b"\xe9")
    assert main([*WORDS, str(folder)]) == 0
    assert sorted(os.listdir(folder)) == ["history.csv", "model.safetensors", "report.html"]
    assert (folder / "report.html").read_text(encoding="utf-8")
    left(folder)
