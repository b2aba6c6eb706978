"""CIFAR's binary version from a folder or an archive."""

import io
import pickle
import tarfile

import numpy as np
import pytest

from freedive.data import DataFileError, read_cifar
from freedive.data.cifar import LAYOUTS

RNG = np.random.default_rng(0)


def make(classes, count=4):
    """File name -> (pictures, labels, bytes)."""
    training, test, ranges = LAYOUTS[classes]
    files = {}
    for name in (*training, test):
        pictures = RNG.integers(0, 256, (count, 32, 32, 3), np.uint8)
        labels = np.stack([RNG.integers(0, most, count, np.uint8) for most in ranges], axis=1)
        records = np.concatenate([labels, pictures.transpose(0, 3, 1, 2).reshape(count, -1)], axis=1)
        files[name] = (pictures, labels, records.tobytes())
    return files


def store(tmp_path, files, form):
    if form == "folder":
        for name, (_, _, content) in files.items():
            (tmp_path / name).write_bytes(content)
        return tmp_path
    path = tmp_path / "cifar.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, (_, _, content) in files.items():
            member = tarfile.TarInfo(f"cifar-batches-bin/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize("form", ["folder", "archive"])
@pytest.mark.parametrize(("classes", "mode", "column"), [(10, "fine", 0), (100, "fine", 1), (100, "coarse", 0)])
def test_round_trip(tmp_path, form, classes, mode, column):
    files = make(classes)
    training, test, _ = LAYOUTS[classes]
    (x_train, y_train), (x_test, y_test) = read_cifar(store(tmp_path, files, form), classes, mode)
    np.testing.assert_array_equal(x_train, np.concatenate([files[name][0] for name in training]))
    np.testing.assert_array_equal(y_train, np.concatenate([files[name][1] for name in training])[:, [column]])
    np.testing.assert_array_equal(x_test, files[test][0])
    np.testing.assert_array_equal(y_test, files[test][1][:, [column]])
    assert x_train.dtype == y_train.dtype == np.uint8


def test_wrong_records_are_named(tmp_path):
    files = make(10)
    path = store(tmp_path, files, "folder")
    third = bytearray(files["data_batch_3.bin"][2])
    third[2 * 3073] = 10
    (path / "data_batch_3.bin").write_bytes(third)
    with pytest.raises(DataFileError, match=r"data_batch_3\.bin, record 2: label \[10\]; expected less than \[10\]"):
        read_cifar(path)
    (path / "data_batch_3.bin").write_bytes(third[:-1])
    with pytest.raises(DataFileError, match=r"data_batch_3\.bin, record 3: .* 3073 bytes each"):
        read_cifar(path)
    (path / "data_batch_3.bin").write_bytes(b"")
    with pytest.raises(DataFileError, match="record 0"):
        read_cifar(path)


def test_pickles_are_refused_unread(tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    (tmp_path / "data_batch_1").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(DataFileError, match="may run code when it is opened: take the binary version"):
        read_cifar(tmp_path)
    assert not (tmp_path / "ran").exists()


def test_archives_that_are_none(tmp_path):
    files = make(10)
    del files["test_batch.bin"]
    with pytest.raises(DataFileError, match=r"lacks test_batch\.bin"):
        read_cifar(store(tmp_path, files, "archive"))
    whole = (tmp_path / "cifar.tar.gz").read_bytes()
    for content in (b"", b"not a tar", whole[: len(whole) // 2]):
        (tmp_path / "x.tar.gz").write_bytes(content)
        with pytest.raises(DataFileError, match=r"x\.tar\.gz"):
            read_cifar(tmp_path / "x.tar.gz")
    with pytest.raises(FileNotFoundError):
        read_cifar(tmp_path / "nothing")
    with pytest.raises(ValueError, match="expected one of 10, 100"):
        read_cifar(tmp_path, classes=20)
    with pytest.raises(ValueError, match="'fine' or 'coarse'"):
        read_cifar(tmp_path, label_mode="both")
