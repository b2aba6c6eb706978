"""The n-th write, sync, rename or removal of a save fails, for every n: the old file or the new one is there."""

import errno
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

import freedive as fd
from freedive.callbacks import Callback, Checkpoints, CSVLogger
from freedive.files import FileNotDurableError, FileNotWrittenError
from freedive.train.checkpoint import read_snapshot

CALLS = ("open", "posix_fallocate", "write", "ftruncate", "fsync", "close", "replace", "remove", "unlink")
CODES = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS)
X = np.random.default_rng(0).normal(size=(16, 4)).astype(np.float32)


class FailNth:
    """Makes the n-th of the file calls of `os` under a folder fail, from 1; `failed` is its name."""

    def __init__(self, monkeypatch, n, code, folder):
        self.left, self.code, self.folder, self.failed = n, code, str(folder), None
        self.descriptors = set()
        for name in CALLS:
            monkeypatch.setattr(os, name, self.wrap(name, getattr(os, name)))

    def wrap(self, name, real):
        def call(first, *args, **options):
            if not (first in self.descriptors or str(first).startswith(self.folder)):
                return real(first, *args, **options)  # another file's
            self.left -= 1
            if self.left == 0:
                self.failed = name
                if name == "close":
                    self.descriptors.discard(first)
                    real(first)  # the system has closed it even when it reports an error
                raise OSError(self.code, os.strerror(self.code))
            result = real(first, *args, **options)
            if name == "close":
                self.descriptors.discard(first)  # the number may be another file's soon
            if name == "open":
                self.descriptors.add(result)
            return result

        return call


def model_of():
    fd.set_seed(0)
    model = fd.Sequential([fd.Input((4,)), fd.layers.Dense(3, "tanh"), fd.layers.Dense(1)])
    model.compile("adam", "mse")
    return model


@pytest.mark.parametrize("code", CODES, ids=errno.errorcode.get)
def test_saving_a_model(code, tmp_path):
    old, new = model_of(), model_of()
    new.fit(X, X[:, :1], verbose=0)
    path, failed, ids = tmp_path / "model.safetensors", [], {}
    new.save(path)
    ids[path.read_bytes()] = "new"
    for n in range(1, 100):
        old.save(path)
        before = path.read_bytes()
        ids[before] = "old"
        with pytest.MonkeyPatch.context() as patch:
            failing = FailNth(patch, n, code, tmp_path)
            expected = "new"
            try:
                new.save(path)
            except FileNotWrittenError as error:
                expected = "old"
                assert error.errno == code and str(path) in str(error)
            except FileNotDurableError as error:
                assert error.errno == code
        assert ids[path.read_bytes()] == expected, (n, failing.failed)
        assert os.listdir(tmp_path) == [path.name]
        failed.append(failing.failed)
        if failing.failed is None:
            break
    assert {*CALLS} - {"remove", "unlink"} < {*failed} and len(failed) > 8
    new.fit(X, X[:, :1], verbose=0)  # training can go on


def test_checkpoints_of_a_run(tmp_path, recwarn):
    """Whatever fails, training comes to its end, and a checkpoint of that place or one before it is whole."""

    class Wait(Callback):
        """Lets each checkpoint be written before the next step, so that the n-th call is always the same."""

        last = True

        def on_edge(self, run):
            keeper._background.wait()

    def fit(**options):
        model = model_of()
        model.fit(X, X[:, :1], batch_size=8, verbose=0, seed=1, **options)
        return model

    expected = fit(epochs=2).get_weights()
    fit(epochs=1, resume=tmp_path / "begun")
    for n in range(1, 200):
        folder = shutil.copytree(tmp_path / "begun", tmp_path / str(n))
        keeper = Checkpoints(folder, epochs=1)
        with pytest.MonkeyPatch.context() as patch:
            failing = FailNth(patch, n, errno.EIO, folder)
            try:
                weights = fit(epochs=2, callbacks=[keeper, Wait()]).get_weights()
                assert all(np.array_equal(a, b) for a, b in zip(weights, expected, strict=True)), n
            except OSError as error:  # before the first step: nothing is lost yet
                assert error.errno == errno.EIO and not keeper._written[1:], (n, failing.failed)
        found = [read_snapshot(folder / name).position["epoch"] for name in os.listdir(folder) if name[:4] == "step"]
        assert found and max(found) >= 1, (n, failing.failed)
        assert not [name for name in os.listdir(folder) if ".tmp-" in name], (n, failing.failed)
        if failing.failed is None:
            break
    assert n > 20 and max(found) == 2
    assert any("No checkpoint could be written" in str(warning.message) for warning in recwarn)


KILL_AT_EACH = """
import os, shutil, signal, sys
import numpy as np
from freedive.files import read_tensors, remove_stale_temporaries, write_tensors

path = os.path.join(sys.argv[1], "model.safetensors")
old, new = ({"w": np.full(50_000, value, "float32")} for value in (1, 2))
states, n = [], 0
while True:
    n += 1
    write_tensors(path, old)
    child = os.fork()
    if child == 0:
        left = n
        def patched(real):
            def call(*args, **options):
                global left
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return real(*args, **options)
            return call
        for name in ("open", "posix_fallocate", "write", "ftruncate", "fsync", "close", "replace", "unlink"):
            setattr(os, name, patched(getattr(os, name)))
        write_tensors(path, new)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    states.append(int(read_tensors(path)[0]["w"][0]))
    remove_stale_temporaries(sys.argv[1])
    assert os.listdir(sys.argv[1]) == ["model.safetensors"]
    if status == 0:
        break
print(*states)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="children are made by fork")
def test_killed_at_every_call(tmp_path):
    """Every state of the file is the old one up to some call, and the new one from there on."""
    words = [sys.executable, "-c", KILL_AT_EACH, str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    states = [int(word) for word in done.stdout.split()]
    assert states == sorted(states) and set(states) == {1, 2} and len(states) > 8


def test_a_history_that_cannot_be_written(tmp_path, monkeypatch):
    """The error names the file; rows that were written stay whole."""
    path = tmp_path / "log.csv"
    real = os.write

    class Full(Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                monkeypatch.setattr(os, "write", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))

    model = model_of()
    with pytest.raises(FileNotWrittenError, match=r"could not add to the file.*log\.csv"):
        model.fit(X, X[:, :1], epochs=5, verbose=0, callbacks=[CSVLogger(path), Full()])
    monkeypatch.setattr(os, "write", real)
    assert [line.split(",")[0] for line in path.read_text().split()] == ["epoch", "0", "1"]
    model.fit(X, X[:, :1], verbose=0)  # training can go on
