"""Public sets from folders, caches and homes; no test goes to the network."""

import hashlib
import io
import urllib.error
import zipfile

import numpy as np
import pytest
import soundfile

from freedive.data import DataFileError, write_idx
from freedive.datasets import DatasetNotFoundError, cifar10, cifar100, fashion_mnist, mnist, public, spoken_digits
from freedive.datasets.idx_sets import ARRAYS, NAMES

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """Empty caches, and a network that answers only from `home`: address -> content."""
    home = {}

    def get(address, megabytes):
        if address not in home:
            raise urllib.error.URLError("no such host")
        return home[address]

    monkeypatch.setattr(public, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(public, "KERAS_CACHE", tmp_path / "keras")
    monkeypatch.setattr(public, "get", get)
    return home


def arrays(count=6, test=3):
    labels = RNG.integers(0, 10, count + test).astype(np.uint8)
    pictures = RNG.integers(0, 256, (count + test, 28, 28), np.uint8)
    return pictures[:count], labels[:count], pictures[count:], labels[count:]


def store(folder, parts, packed=True):
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in zip(NAMES, parts, strict=True):
        write_idx(folder / (name if packed else name.removesuffix(".gz")), array)


def check(found, parts):
    (x_train, y_train), (x_test, y_test) = found
    for array, expected in zip((x_train, y_train, x_test, y_test), parts, strict=True):
        np.testing.assert_array_equal(array, expected)


# pictures -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("module", [mnist, fashion_mnist])
@pytest.mark.parametrize("packed", [True, False])
def test_from_a_folder_or_a_cache(tmp_path, module, packed):
    name, parts = module.__name__.rpartition(".")[2], arrays()
    store(tmp_path / "mine", parts, packed)
    check(module.load_data(tmp_path / "mine"), parts)
    for cache in ("cache/" + name, "keras/" + name.replace("_", "-")):
        parts = arrays()
        store(tmp_path / cache, parts, packed)
        check(module.load_data(), parts)
        (tmp_path / cache).rename(tmp_path / "gone" if cache.startswith("c") else tmp_path / "gone too")


def test_from_the_archive_that_keras_keeps(tmp_path):
    parts = arrays()
    (tmp_path / "keras").mkdir()
    np.savez(tmp_path / "keras" / "mnist.npz", **dict(zip(ARRAYS, parts, strict=True)))
    check(mnist.load_data(), parts)
    check(mnist.load_data("mnist.npz"), parts)  # Keras' default argument
    check(mnist.load_data(tmp_path / "keras" / "mnist.npz"), parts)
    for wrong in (b"", b"no archive", (tmp_path / "keras" / "mnist.npz").read_bytes()[:500]):
        (tmp_path / "keras" / "mnist.npz").write_bytes(wrong)
        with pytest.raises(DataFileError, match=r"mnist\.npz: no \.npz file"):
            mnist.load_data()
    np.savez(tmp_path / "keras" / "mnist.npz", x_train=np.array([None]))
    with pytest.raises(DataFileError, match=r"no \.npz file"):  # objects are pickles
        mnist.load_data()


def test_fetched_once_and_only_with_the_published_checksum(tmp_path, alone, monkeypatch):
    parts = arrays()
    store(tmp_path / "home", parts)
    contents = {name: (tmp_path / "home" / name).read_bytes() for name in NAMES}
    sums = tuple(hashlib.md5(contents[name]).hexdigest() for name in NAMES)
    monkeypatch.setattr(mnist, "MNIST", mnist.IdxSet("mnist", ("a/", "b/"), sums, (1, 1, 1, 1), "digits"))
    alone.update({"a/" + name: content + b"changed on the way" for name, content in contents.items()})
    with pytest.raises(DatasetNotFoundError, match=r"a/: what came has the md5 .*, published is .*; b/: no such host"):
        mnist.load_data(fallback=False)
    assert not (tmp_path / "cache").exists()
    alone.update({"b/" + name: content for name, content in contents.items()})
    check(mnist.load_data(fallback=False), parts)
    alone.clear()
    check(mnist.load_data(fallback=False), parts)
    assert sorted(path.name for path in (tmp_path / "cache" / "mnist").iterdir()) == sorted(NAMES)


@pytest.mark.parametrize(("module", "count"), [(mnist, 10000), (fashion_mnist, 6000)])
def test_without_a_network_the_embedded_part_comes_with_one_loud_warning(module, count):
    name = module.__name__.rpartition(".")[2]
    with pytest.warns(UserWarning, match="GOING ON WITH AN EMBEDDED PART of the 60,000") as caught:
        (x_train, _), _ = module.load_data()
    assert len(caught) == 1 and caught[0].filename == __file__
    assert "no such host" in str(caught[0].message) and "load_data(path='...')" in str(caught[0].message)
    assert x_train.shape == (count, 28, 28)
    with pytest.raises(DatasetNotFoundError, match=rf"{name}: not found: .*no such host.*load_data\(path='\.\.\.'\)"):
        module.load_data(fallback=False)
    with pytest.raises(DatasetNotFoundError, match="download=False"):
        module.load_data(download=False, fallback=False)


def test_a_given_folder_is_never_replaced_by_something_else(tmp_path):
    parts = arrays()
    store(tmp_path / "mine", parts)
    (tmp_path / "mine" / NAMES[3]).unlink()
    with pytest.raises(DatasetNotFoundError, match="mine lacks one of train-images"):
        mnist.load_data(tmp_path / "mine")
    with pytest.raises(FileNotFoundError, match="did you mean 'mine'"):
        mnist.load_data(tmp_path / "mien")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda parts: (parts[0][:-1], *parts[1:]), "the training part has pictures"),
        (lambda parts: (*parts[:3], parts[3] + 10), "the test labels hold .* expected 0 to 9"),
        (lambda parts: (parts[0].astype(np.float32), *parts[1:]), r"float32 .* expected uint8"),
        (lambda parts: (parts[1], parts[0], *parts[2:]), "the training part"),
    ],
)
def test_parts_that_do_not_fit_are_refused(tmp_path, change, text):
    store(tmp_path / "mine", change(arrays()))
    with pytest.raises(DataFileError, match=text):
        mnist.load_data(tmp_path / "mine")


def test_real_answers_are_bounded(monkeypatch):
    monkeypatch.undo()

    class Answer(io.BytesIO):
        pass

    monkeypatch.setattr("urllib.request.urlopen", lambda request, timeout: Answer(bytes(4 * 10**6)))
    assert len(public.get("https://example.org/file", 2)) == 4 * 10**6
    with pytest.raises(OSError, match="more than 3,000,000 bytes came"):
        public.get("https://example.org/file", 1)


@pytest.mark.parametrize("module", [cifar10, cifar100])
def test_cifar_says_what_to_do(module):
    name = module.__name__.rpartition(".")[2]
    with pytest.raises(DatasetNotFoundError, match=f"{name}: not found: .*cifar-1.*-binary.tar.gz from https://www"):
        module.load_data()


def test_cifar_from_a_folder(tmp_path):
    record = bytes([3]) + bytes(3072)
    for name in (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"):
        (tmp_path / name).write_bytes(record * 2)
    (x_train, y_train), (x_test, y_test) = cifar10.load_data(tmp_path)
    assert x_train.shape == (10, 32, 32, 3) and y_train.tolist() == [[3]] * 10
    assert x_test.shape == (2, 32, 32, 3) and y_test.shape == (2, 1)
    for name in ("train.bin", "test.bin"):
        (tmp_path / name).write_bytes(bytes([7]) + record)
    (_, y_train), _ = cifar100.load_data(path=tmp_path)
    (_, coarse), _ = cifar100.load_data("coarse", tmp_path)
    assert y_train.tolist() == [[3]] and coarse.tolist() == [[7]]


# sounds -------------------------------------------------------------------------------------------------------------
def recording(length, rate=8000):
    buffer = io.BytesIO()
    soundfile.write(buffer, np.full(length, 0.25), rate, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


CLIPS = {
    f"{digit}_{who}_{take}.wav": recording(100 + 10 * digit + take)
    for digit in (0, 7)
    for who in ("ann", "bo")
    for take in (0, 4, 5, 10)
}


def save(tmp_path, form):
    if form == "zip":
        with zipfile.ZipFile(tmp_path / "v1.0.10.zip", "w") as archive:
            for name, content in CLIPS.items():
                archive.writestr(f"free-spoken-digit-dataset-1.0.10/recordings/{name}", content)
            archive.writestr("free-spoken-digit-dataset-1.0.10/README.md", "no recording")
        return tmp_path / "v1.0.10.zip"
    folder = tmp_path / "recordings"
    folder.mkdir()
    for name, content in CLIPS.items():
        (folder / name).write_bytes(content)
    (folder / "notes.txt").write_text("no recording")
    return folder if form == "recordings" else tmp_path


@pytest.mark.parametrize("form", ["zip", "recordings", "folder above"])
def test_spoken_digits(tmp_path, form):
    path = save(tmp_path, form)
    raw = spoken_digits.load_raw(path)
    assert raw["takes"].tolist() == [0, 4, 5, 10] * 4 and raw["digits"].tolist() == [0] * 8 + [7] * 8
    assert raw["speakers"].tolist() == (["ann"] * 4 + ["bo"] * 4) * 2
    (x_train, y_train), (x_test, y_test) = spoken_digits.load_data(path)
    assert [len(clip) for clip in x_train] == [105, 110, 105, 110, 175, 180, 175, 180]
    assert y_train.tolist() == y_test.tolist() == [0] * 4 + [7] * 4 and y_train.dtype == np.uint8
    assert [len(clip) for clip in x_test] == [100, 104, 100, 104, 170, 174, 170, 174]
    (x_train, _), (x_test, _) = spoken_digits.load_data(path, frames=150)
    assert x_train.shape == x_test.shape == (8, 150) and x_train.dtype == np.float32
    assert x_train[0, 104] == 0.25 and x_train[0, 105] == 0


def test_spoken_digits_from_the_cache_or_not_at_all(tmp_path):
    with pytest.raises(DatasetNotFoundError, match="spoken_digits: not found"):
        spoken_digits.load_data()
    (tmp_path / "cache" / "spoken_digits").mkdir(parents=True)
    save(tmp_path / "cache" / "spoken_digits", "zip")
    assert len(spoken_digits.load_raw()["clips"]) == 16


def test_wrong_recordings_are_named(tmp_path):
    folder = save(tmp_path, "recordings")
    (folder / "1_ann_0.wav").write_bytes(recording(100, rate=16000))
    with pytest.raises(DataFileError, match=r"1_ann_0\.wav: 16000 samples a second; expected 8000"):
        spoken_digits.load_data(folder)
    (folder / "1_ann_0.wav").write_bytes(b"broken")
    with pytest.raises(DataFileError, match=r"1_ann_0\.wav: cannot be read as a sound"):
        spoken_digits.load_data(folder)
    (tmp_path / "x.zip").write_bytes(b"no zip")
    with pytest.raises(DataFileError, match=r"x\.zip: no \.zip file"):
        spoken_digits.load_data(tmp_path / "x.zip")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataFileError, match="no recordings called DIGIT_SPEAKER_TAKE"):
        spoken_digits.load_data(tmp_path / "empty")
    with pytest.raises(FileNotFoundError, match="no such file"):
        spoken_digits.load_data(tmp_path / "nothing")
