"""Pictures from files: every kind of file in one folder, files that cannot be read, folders larger than memory."""

import warnings
from pathlib import Path

import numpy as np
import pandas
import pytest
from PIL import Image

import freedive as fd
from freedive.tasks import ImageClassifier
from freedive.tasks.reading import Pictures
from freedive.tasks.reading.decoding import Decoded, UnreadableFilesError
from freedive.tasks.reading.pictures import Thumbnails

(X, Y), _ = fd.datasets.digits.load_data()
QUICK = {"epochs": 2, "verbose": 0, "network": "cnn"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """(files, labels): 90 pictures of three digits."""
    place = tmp_path_factory.mktemp("digits")
    rows = np.flatnonzero(Y < 3)[:90]
    files = [str(place / f"{row}.png") for row in rows]
    for row, file in zip(rows, files, strict=True):
        Image.fromarray(X[row]).save(file)
    return files, Y[rows].tolist()


# every kind of file ---------------------------------------------------------------------------------------------------
def corner():
    """A picture that is dark but for its upper left corner, 40 x 24."""
    grey = np.full((40, 24), 40, np.uint8)
    grey[:20, :12] = 220
    return grey


def exif(image, place, turned):
    data = image.getexif()
    data[274] = turned
    image.save(place, exif=data)


KINDS = {  # name -> a function that writes a picture that looks like `corner` to a file with that ending
    "grey.png": lambda path: Image.fromarray(corner()).save(path),
    "sixteen.png": lambda path: Image.fromarray(corner().astype(np.uint16) * 257).save(path),
    "sixteen.tif": lambda path: Image.fromarray(corner().astype(np.uint16) * 257).save(path),
    "colour.jpg": lambda path: Image.fromarray(corner()).convert("RGB").save(path, quality=95),
    "printed.jpg": lambda path: Image.fromarray(corner()).convert("RGB").convert("CMYK").save(path, quality=95),
    "palette.gif": lambda path: Image.fromarray(corner()).convert("P").save(path),
    "palette.png": lambda path: Image.fromarray(corner()).convert("RGB").quantize(8).save(path),
    "alpha.png": lambda path: Image.fromarray(np.dstack([corner()] * 3 + [np.full((40, 24), 255, "u1")])).save(path),
    "veiled.png": lambda path: Image.fromarray(veiled()).save(path),
    "bits.png": lambda path: Image.fromarray(corner() > 100).save(path),
    "turned.jpg": lambda path: exif(Image.fromarray(corner()).rotate(90, expand=True), path, 6),
    "upside.jpg": lambda path: exif(Image.fromarray(corner()).rotate(180), path, 3),
    "photo.webp": lambda path: Image.fromarray(corner()).convert("RGB").save(path, quality=95),
}


def veiled():
    """`corner` as black that is more or less transparent, on white."""
    picture = np.zeros((40, 24, 4), np.uint8)
    picture[..., 3] = 255 - corner()
    return picture


@pytest.mark.parametrize("channels", [1, 3])
def test_every_kind_of_file_is_the_same_picture(tmp_path, channels):
    for name, write in KINDS.items():
        write(tmp_path / name)
    files = [tmp_path / name for name in KINDS]
    reader = Pictures.learned(files, channels=channels)
    assert reader.shape == (40, 24, channels)
    rows = reader.encoded(files).astype(int)
    expected = corner().astype(int)[..., None]
    for name, row in zip(KINDS, rows, strict=True):
        wanted = np.where(expected > 100, 255, 0) if name == "bits.png" else expected
        inside = np.abs(row - wanted)[2:-2, 2:-2]
        assert np.median(inside) <= 3 and inside.mean() < 8, name


def test_colours_decide_the_channels(tmp_path):
    for name in ("grey.png", "sixteen.png", "colour.jpg"):
        KINDS[name](tmp_path / name)
    assert Pictures.learned([tmp_path / "grey.png", tmp_path / "sixteen.png"]).shape == (40, 24, 1)
    assert Pictures.learned([tmp_path / "grey.png", tmp_path / "colour.jpg"]).shape == (40, 24, 3)


# files that cannot be read --------------------------------------------------------------------------------------------
@pytest.fixture
def spoiled(folder, tmp_path):
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.jpg").write_bytes(b"no picture")
    (tmp_path / "half.png").write_bytes(Path(folder[0][0]).read_bytes()[:120])
    bad = [str(tmp_path / name) for name in ("empty.png", "text.jpg", "half.png", "none.png")]
    return [bad[0], *folder[0], *bad[1:]], [0, *folder[1], 1, 2, 0]


def test_unreadable_files_are_named_in_one_message(spoiled):
    with pytest.raises(UnreadableFilesError, match="remove them, or pass on_bad='skip'") as caught:
        ImageClassifier(**QUICK, validation=0).fit(*spoiled)
    assert all(name in str(caught.value) for name in ("empty.png", "text.jpg", "half.png", "none.png: there is no"))


def test_unreadable_files_can_be_left_out(spoiled, folder):
    with pytest.warns(UserWarning, match="4 of 94 files are left out"):
        task = ImageClassifier(**QUICK, validation=0, on_bad="skip").fit(*spoiled)
    same = ImageClassifier(**QUICK, validation=0).fit(*folder)
    np.testing.assert_array_equal(task.predict_proba(folder[0]), same.predict_proba(folder[0]))
    with pytest.warns(UserWarning, match="4 of 94 files are left out"):
        assert task.evaluate(*spoiled) == same.evaluate(*folder)
    with pytest.raises(UnreadableFilesError, match="4 of 94 files cannot be read; mend or remove them:"):
        task.predict(spoiled[0])  # an answer for every row


# larger than memory ---------------------------------------------------------------------------------------------------
def test_decoded_while_learning_takes_the_same_rows(folder):
    # Not the same bits: where rows are gathered inside the compiled run, XLA fuses other sums.
    given = {**QUICK, "batch_size": 16, "class_weight": "balanced", "seed": 3}
    held = ImageClassifier(**given).fit(*folder)
    later = ImageClassifier(**given, memory=1e-6).fit(*folder)
    assert isinstance(later.encoded(folder[0]), Decoded)
    for one, other in zip(held.model.get_weights(), later.model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    np.testing.assert_allclose(held.history["loss"], later.history["loss"], rtol=1e-5)
    np.testing.assert_allclose(held.predict_proba(folder[0]), later.predict_proba(folder[0]), atol=1e-5)


def test_decoded_while_learning_goes_on_where_it_was(folder, tmp_path):
    class Stop(fd.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    given = {**QUICK, "batch_size": 16, "memory": 1e-6, "validation": 0, "epochs": 3}
    whole = ImageClassifier(**given).fit(*folder)

    def keeper(restore):
        return fd.callbacks.Checkpoints(tmp_path / "kept", epochs=1, restore=restore)

    with pytest.raises(KeyboardInterrupt), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ImageClassifier(**given).prepare(*folder).train([Stop()], resume=keeper(False))
    again = ImageClassifier(**given).prepare(*folder).train(resume=keeper(True))
    for one, other in zip(whole.model.get_weights(), again.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_bad_files_of_large_folders_are_found_before_the_training(spoiled):
    with pytest.raises(UnreadableFilesError, match="4 of 94 files"):
        ImageClassifier(**QUICK, validation=0, memory=1e-6).prepare(*spoiled)


# parameters -----------------------------------------------------------------------------------------------------------
def made(shape, rows=100, **given):
    """A task that has seen pictures, and its network."""
    rng = np.random.default_rng(0)
    task = ImageClassifier(verbose=0, **given)
    return task.prepare(rng.integers(0, 255, (rows, *shape), np.uint8), np.arange(rows) % 2)


@pytest.mark.parametrize(
    ("shape", "given", "kinds"),
    [
        ((28, 28), {}, ["RandomTranslation"]),
        ((28, 28), {"augment": "strong"}, ["RandomRotation", "RandomTranslation", "RandomZoom", "RandomErasing"]),
        ((28, 28, 3), {}, ["RandomTranslation", "RandomFlip"]),
        ((28, 28, 3), {"flips": False, "colour": 0.2}, ["RandomTranslation", "RandomColorJitter"]),
        ((28, 28, 3), {"augment": None}, []),
        ((28, 28, 1), {"augment": "drawn", "zoom": 0.0}, ["RandomRotation", "RandomTranslation"]),
    ],
)
def test_augment_says_how_pictures_are_changed(shape, given, kinds):
    names = [type(layer).__name__ for layer in made(shape, **given).model.layers]
    assert [name for name in names if name.startswith("Random")] == kinds


@pytest.mark.parametrize(
    ("shape", "rows", "given", "kind"),
    [
        ((28, 28), 100, {}, "cnn"),
        ((40, 40, 3), 100, {}, "deep_cnn"),
        ((28, 28), 100, {"network": "deep_cnn"}, "deep_cnn"),
    ],
)
def test_size_and_rows_decide_the_network(shape, rows, given, kind):
    normal = any(type(layer).__name__ == "BatchNormalization" for layer in made(shape, rows, **given).model.layers)
    assert normal == (kind == "deep_cnn")


def test_classes_can_count_the_same():
    y = np.array([0] * 90 + [1] * 10)
    task = ImageClassifier(class_weight="balanced", validation=0, verbose=0)
    task.prepare(np.zeros((100, 28, 28), np.uint8), y)
    weights = task.weights(y)
    assert weights[y == 0].sum() == pytest.approx(50) and weights[y == 1].sum() == pytest.approx(50)
    assert task.set_params(class_weight={1: 3.0}).weights(y).tolist() == [1.0] * 90 + [3.0] * 10
    with pytest.raises(ValueError, match="expected None, 'balanced', or a dict"):
        ImageClassifier(class_weight="even")


def test_small_pictures_for_the_report(tmp_path):
    Image.new("RGB", (500, 250), "red").save(tmp_path / "a.png")
    shown = Thumbnails([tmp_path / "a.png"])
    assert shown[0].shape == (80, 160, 3) and len(shown) == 1


@pytest.mark.parametrize("memory", [1.0, 1e-6])
def test_columns_of_a_frame_are_rows_in_their_order(folder, memory):
    files, labels = folder
    rows = pandas.DataFrame({"file": files, "label": labels}).sample(frac=1, random_state=0)
    plain = ImageClassifier(epochs=1, verbose=0, network="cnn", memory=memory)
    plain.fit(rows["file"].tolist(), rows["label"].tolist(), (files[:9], labels[:9]))
    task = ImageClassifier(epochs=1, verbose=0, network="cnn", memory=memory)
    task.fit(rows["file"], rows["label"], (rows["file"].sort_index()[:9], rows["label"].sort_index()[:9]))
    np.testing.assert_array_equal(task.predict_proba(rows["file"]), plain.predict_proba(rows["file"].tolist()))
    assert task.evaluate(rows["file"], rows["label"]) == plain.evaluate(rows["file"].tolist(), rows["label"].tolist())
    with pytest.raises(TypeError, match=r"a table of file; give X\[name\]"):
        task.predict(rows[["file"]])


def test_columns_of_sounds_are_rows_in_their_order():
    waves = [np.sin(np.arange(800) / (3 + row % 2)).astype(np.float32) for row in range(24)]
    column = pandas.Series(waves, index=np.arange(24)[::-1])
    task = fd.SpeechClassifier(sampling_rate=8000, epochs=1, verbose=0).fit(column, pandas.Series(["low", "high"] * 12))
    np.testing.assert_array_equal(task.predict_proba(column), task.predict_proba(waves))
