"""Sources that raise, end early, block or change shape; data larger than memory."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import freedive as fd
from freedive.train.checkpoint import read_snapshot

X = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32)


def model_of():
    fd.set_seed(0)
    model = fd.Sequential([fd.Input((4,)), fd.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("freedive")]


def raising(at, error):
    def batches():
        for i in range(10):
            if i == at:
                raise error
            yield X, X[:, :1]

    return batches


@pytest.mark.parametrize("at", [0, 1, 7])
@pytest.mark.parametrize("error", [ValueError("no such picture"), OSError(5, "the disk"), MemoryError("full")])
def test_an_error_comes_with_the_number_of_the_batch(at, error):
    error = type(error)(*error.args)  # notes stay with an exception
    with pytest.raises(type(error)) as caught:
        model_of().fit(raising(at, error), epochs=2, verbose=0)
    assert any(f"while it made batch {at}" in note for note in caught.value.__notes__)
    assert not threads()


def test_batches_before_an_error_are_learned_and_kept(tmp_path):
    model = model_of()
    with pytest.raises(ValueError):
        model.fit(raising(7, ValueError("torn")), verbose=0, resume=tmp_path)
    assert int(model._training.step) == 7
    saved = read_snapshot(tmp_path / "step-000000000007.safetensors")
    assert (saved.position["epoch"], saved.position["at"]) == (0, 7)


def test_an_early_end():
    with pytest.raises(ValueError, match="ended after 2 batches of this epoch, 5 batches expected"):
        model_of().fit(iter([(X, X[:, :1])] * 2), steps_per_epoch=5, verbose=0)
    assert not threads()


def test_uneven_shapes_are_learned_in_their_order():
    sizes = [8, 8, 3, 8, 1, 1, 5]
    plain = model_of()
    for size in sizes:
        plain.train_on_batch(X[:size], X[:size, :1])
    streamed = model_of()
    streamed.fit([(X[:size], X[:size, :1]) for size in sizes], verbose=0)
    for a, b in zip(plain.get_weights(), streamed.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_a_slow_source_holds_no_batch_back():
    """What is there is learned, though no block is full."""
    go, seen = threading.Event(), []

    class Look(fd.callbacks.Callback):
        edge = "never"

        def on_edge(self, run):
            seen.append(run.at)
            if run.at == 3:
                go.set()

    def batches():
        for i in range(5):
            if i == 3:
                assert go.wait(60)
            yield X, X[:, :1]

    model_of().fit(batches, verbose=0, callbacks=[Look()])
    assert 3 in seen and seen[-1] == 0


@pytest.mark.parametrize("kept", [False, True])
def test_ctrl_c_while_a_source_blocks(kept, tmp_path):
    wake = threading.Event()

    def batches():
        yield X, X[:, :1]
        began.append(time.monotonic())
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
        wake.wait(60)

    former = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background may ignore it
    model, began = model_of(), []
    model.fit(X, X[:, :1], verbose=0)  # so that nothing is left to compile but the stream's program
    try:
        with pytest.raises(KeyboardInterrupt):
            model.fit(batches, verbose=0, resume=tmp_path if kept else None)
    finally:
        signal.signal(signal.SIGINT, former)
        wake.set()
    assert time.monotonic() - began[0] < 0.5 + (1 if os.getloadavg()[0] < 2 else 10)
    assert len(list(tmp_path.glob("step-*"))) == kept


LARGE = """
import json, os, resource, sys
import numpy as np
import freedive as fd

path, megabytes = sys.argv[1], int(sys.argv[2])
with open(path, "wb") as file:
    file.truncate(megabytes * 2**20)  # a sparse file: zeros that take no room on the disk

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

def batches(rows=1024, limit=None):
    def read():
        with open(path, "rb") as file:
            for _ in range(limit or megabytes // 4):
                yield np.fromfile(file, np.float32, rows * 1024).reshape(rows, 1024), np.ones((rows, 1), "f")
    return read

model = fd.Sequential([fd.Input((1024,)), fd.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(batches(limit=2), verbose=0)
before = peak()
history = model.fit(batches(), verbose=0)
print(json.dumps({"before": before, "after": peak(), "steps": int(model._training.step)}))
"""


def large(folder, megabytes):
    words = [sys.executable, "-c", LARGE, str(folder / "data"), str(megabytes)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["steps"] == 2 + megabytes // 4
    return found


def test_data_of_a_gigabyte_takes_a_fraction_of_it(tmp_path):
    found = large(tmp_path, 1024)
    assert found["after"] - found["before"] < 350, found


@pytest.mark.long
def test_data_of_four_gigabytes_under_one(tmp_path):
    found = large(tmp_path, 4096)
    assert found["after"] < 1000, found
