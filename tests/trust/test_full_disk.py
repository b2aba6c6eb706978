"""A disk that is really full, really read-only, or holds no larger file: a small file system in memory is mounted."""

import errno
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import freedive as fd
from freedive.files import FileNotWrittenError, read_tensors
from freedive.train.checkpoint import read_snapshot

X = np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)
ROOM = 256 * 2**10  # bytes of the file system


def command(*words):
    return subprocess.run(words, capture_output=True, text=True)


@pytest.fixture
def disk(tmp_path):
    """A folder with a file system of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    if not sys.platform.startswith("linux") or shutil.which("mount") is None:
        pytest.skip("no file systems in memory here")
    done = command("mount", "-t", "tmpfs", "-o", f"size={ROOM}", "none", str(place))
    if done.returncode:
        pytest.skip(f"this process may not mount: {done.stderr.strip()}")
    yield place
    command("umount", "-l", str(place))


def model_of(units=3):
    fd.set_seed(0)
    model = fd.Sequential([fd.Input((4,)), fd.layers.Dense(units), fd.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def fill(place, left):
    """Leave so many bytes of a file system."""
    (place / "filling").unlink(missing_ok=True)
    free = os.statvfs(place)
    (place / "filling").write_bytes(bytes(free.f_bavail * free.f_bsize - left))


def refused(model, path, code):
    """A save fails with one error that names the file; what was there is there byte by byte, and nothing beside it."""
    before, names = path.read_bytes(), sorted(os.listdir(path.parent))
    with pytest.raises(FileNotWrittenError, match="what was there before is untouched") as caught:
        model.save(path)
    assert caught.value.errno == code and str(path) in str(caught.value)
    assert path.read_bytes() == before and sorted(os.listdir(path.parent)) == names
    fd.models.load_model(path)


def test_a_full_disk(disk):
    path, larger = disk / "m.safetensors", model_of(2000)
    model_of().save(path)
    for left in (0, 4096, 16384):  # nothing, less than the header, less than the weights
        fill(disk, left)
        refused(larger, path, errno.ENOSPC)
    (disk / "filling").unlink()
    larger.save(path)  # as soon as there is room
    assert read_tensors(path)[0]["dense/kernel"].shape == (4, 2000)


def test_a_read_only_disk(disk):
    path = disk / "m.safetensors"
    model_of().save(path)
    assert command("mount", "-o", "remount,ro", str(disk)).returncode == 0
    refused(model_of(), path, errno.EROFS)


def test_training_goes_on_though_its_checkpoints_do_not_fit(disk):
    """The checkpoint of the first epoch fits, then the disk is full: training ends well, and the first one is whole."""

    class Full(fd.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                keeper._background.wait()
                fill(disk, 0)

    folder, plain = disk / "run", model_of()
    plain.fit(X, X[:, :1], epochs=4, seed=1, verbose=0)
    keeper, model = fd.callbacks.Checkpoints(folder, epochs=1, keep=9), model_of()
    with pytest.warns(UserWarning, match="No checkpoint could be written: .*No space left.*Training goes on"):
        model.fit(X, X[:, :1], epochs=4, seed=1, verbose=0, callbacks=[keeper, Full()])
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), plain.get_weights(), strict=True))
    names = [name for name in os.listdir(folder) if name.endswith(".safetensors")]
    assert names and not [name for name in os.listdir(folder) if ".tmp-" in name]
    assert {read_snapshot(folder / name).position["epoch"] for name in names} <= {1, 2}


LIMITED = """
import resource, sys
sys.path.insert(0, sys.argv[2])
from test_full_disk import errno, model_of, pathlib_path, refused
path = pathlib_path(sys.argv[1])
model_of().save(path)
larger = model_of(20_000)
larger.build()
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
refused(larger, path, errno.EFBIG)
"""
pathlib_path = Path


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="there is no limit of file sizes here")
def test_a_quota_of_a_process(tmp_path):
    """No file may become larger than 64 KB."""
    words = [sys.executable, "-c", LIMITED, str(tmp_path / "m.safetensors"), str(Path(__file__).parent)]
    done = command(*words)
    assert done.returncode == 0, done.stderr
