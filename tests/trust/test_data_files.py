"""Data from strangers: folders, archives, tables, pictures and sounds that lie, loop, point outside or are broken."""

import gzip
import io
import os
import struct
import tarfile
import time
import warnings
import zlib

import numpy as np
import pytest
import soundfile
from PIL import Image

import freedive as fd
from freedive.data import (
    DataFileError,
    read_audio,
    read_audio_folder,
    read_cifar,
    read_idx,
    read_image,
    read_image_folder,
    read_table,
    write_idx,
)

RNG = np.random.default_rng(0)


# files ----------------------------------------------------------------------------------------------------------
def picture(form="PNG", size=6):
    held = io.BytesIO()
    Image.fromarray(RNG.integers(0, 256, (size, size, 3), np.uint8)).save(held, form)
    return held.getvalue()


def sound(form="WAV", frames=200):
    held = io.BytesIO()
    soundfile.write(held, RNG.normal(size=frames).astype(np.float32) / 9, 8000, format=form)
    return held.getvalue()


def claimed_png(width, height):
    """A PNG that says how large it is and holds nothing."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def claimed_wave(size):
    """A WAV whose header announces so many bytes."""
    content = bytearray(sound())
    content[4:8] = struct.pack("<I", size)
    return bytes(content)


def claimed_flac(frames):
    """A FLAC whose header announces so many samples."""
    content = bytearray(sound("FLAC"))
    content[21:26] = bytes([content[21] & 0xF0 | frames >> 32]) + struct.pack(">I", frames & 0xFFFFFFFF)
    return bytes(content)


def idx(code=8, *sizes, data=b""):
    return bytes([0, 0, code, len(sizes)]) + b"".join(struct.pack(">I", size) for size in sizes) + data


def archive(*members):
    """A tar of (name, kind, size, bytes)."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:gz") as file:
        for name, kind, content in members:
            member = tarfile.TarInfo(name)
            member.type, member.size, member.linkname = kind, len(content), "/etc/passwd"
            file.addfile(member, io.BytesIO(content))
    return held.getvalue()


NAMES = (
    "data_batch_1.bin",
    "data_batch_2.bin",
    "data_batch_3.bin",
    "data_batch_4.bin",
    "data_batch_5.bin",
    "test_batch.bin",
)
RECORD = bytes(3073)
PLAIN, LINK, DEVICE = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE
BOMB = gzip.compress(bytes(100_000_000), 9)
FILES = {
    # pictures
    "a picture of 60,000 x 60,000": (
        read_image,
        claimed_png(60000, 60000),
        "60000 x 60000|cannot be read as a picture",
    ),
    "a picture of 8,000 x 8,000": (read_image, claimed_png(8000, 8000), "at most 50,000,000 are read"),
    "a picture of no bytes": (read_image, b"", "cannot identify"),
    "a picture of text": (read_image, b"GIF89a but no picture", "cannot be read as a picture"),
    "a picture that runs programs": (
        read_image,
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        "cannot identify",
    ),
    "a picture of links": (read_image, b"<svg><image href='file:///etc/passwd'/></svg>", "cannot identify"),
    **{f"a cut {form}": (read_image, picture(form, 99)[:-99], "cannot be read") for form in ("JPEG", "BMP", "WEBP")},
    **{f"a PNG cut by {cut}": (read_image, picture()[:-cut], "cannot be read") for cut in (8, 12, 20, 90)},
    # sounds
    "a sound of no bytes": (read_audio, b"", "the file is empty"),
    "a sound of text": (read_audio, b"RIFF, I said", "cannot be read as a sound|cut"),
    "a sound of 2 GB": (read_audio, claimed_wave(2**31), "the file is cut: .* of 2,147,483,656 bytes"),
    "a sound of 2**35 samples": (read_audio, claimed_flac(2**35), "samples announced; at most 268,435,456 are read"),
    "a cut sound": (read_audio, sound()[:-100], "the file is cut"),
    "a playlist": (read_audio, b"#EXTM3U\nfile:///etc/passwd\n", "cannot be read as a sound"),
    # numbers
    "numbers of 10**18 bytes": (read_idx, idx(8, 2**31, 2**31), "bytes announced; at most"),
    "numbers of 255 axes": (read_idx, idx(8, *[1] * 255), "255 axes; expected 1 to 8"),
    "numbers of a type 0x7f": (read_idx, idx(0x7F, 1), "unknown IDX type 0x7f"),
    "numbers that end": (read_idx, idx(8, 9, 2, data=bytes(7)), "record 3: the file ends within"),
    "numbers and more": (read_idx, idx(8, 2, data=bytes(7)), "more bytes than the shape"),
    "numbers that are text": (read_idx, b"1,2,3\n", "no IDX file"),
    "a packed bomb of numbers": (
        read_idx,
        gzip.compress(idx(8, 300_000_000, data=bytes(300_000_000))),
        "if it is no bomb",
    ),
    "packed and cut": (read_idx, gzip.compress(idx(8, 999, data=bytes(999)))[:-9], "gzipped content is damaged"),
    # tables
    "a packed bomb of text": (read_table, BOMB, "if it is no bomb"),
    "a table of no bytes": (read_table, b"", "the table is empty"),
    "a table with a zero byte": (read_table, b"a,b\n1,2\n3,\0\n", "line 3: a zero byte"),
    "a table in UTF-16": (read_table, "a,b\n1,2".encode("utf-16"), "line 1: byte 0xff is not utf-8"),
    "a table not UTF-8": (read_table, b"a,b\n1,2\n3,\xff\n", "line 3: byte 0xff is not utf-8"),
    "a row too long": (read_table, b"a,b\n1,2\n3,4,5\n", "line 3: 3 cells, but the first line has 2"),
    "a quote left open": (read_table, b'a,b\n1,"2\n3,4\n', "a quote left open"),
    "a cell of a megabyte": (read_table, b"a,b\n1," + b"x" * 10**6 + b"\n", "line 2: field larger"),
    "a picture as a table": (read_table, picture(), "line 1: byte 0x89"),
    # archives
    "an archive of links": (read_cifar, archive(*((name, LINK, b"") for name in NAMES)), "the archive lacks"),
    "an archive of devices": (read_cifar, archive(*((name, DEVICE, b"") for name in NAMES)), "the archive lacks"),
    "an archive with one twice": (
        read_cifar,
        archive(*((name, PLAIN, RECORD) for name in (*NAMES, f"../../{NAMES[0]}"))),
        "data_batch_1.bin stands twice",
    ),
    "an archive of cut records": (
        read_cifar,
        archive(*((name, PLAIN, RECORD[:-1]) for name in NAMES)),
        "record 0: 3,072",
    ),
    "an archive of pickles": (read_cifar, archive(("data_batch_1", PLAIN, b"\x80\x04.")), "take the binary version"),
    "a cut archive": (read_cifar, archive(*((name, PLAIN, RNG.bytes(3073)) for name in NAMES))[:-900], "damaged one"),
    "no archive": (read_cifar, b"PK\x03\x04", "no tar archive"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_lies_is_refused_by_its_name(tmp_path, name):
    read, content, message = FILES[name]
    path = tmp_path / "from-a-stranger"
    path.write_bytes(content)
    began = time.process_time()
    with pytest.raises(DataFileError, match=message) as caught:
        read(path)
    assert str(caught.value).startswith(str(path))
    assert time.process_time() - began < 3


def test_what_an_archive_names_is_never_written(tmp_path):
    members = [(f"../../{name}", PLAIN, RNG.integers(0, 10, 3073).astype(np.uint8).tobytes()) for name in NAMES]
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.tar.gz").write_bytes(archive(*members))
    (x_train, _), _ = read_cifar(tmp_path / "deep" / "a.tar.gz")
    assert x_train.shape == (5, 32, 32, 3)
    assert os.listdir(tmp_path) == ["deep"] and os.listdir(tmp_path / "deep") == ["a.tar.gz"]


# things that are no files ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("read", [read_image, read_audio, read_idx, read_table, read_cifar])
@pytest.mark.parametrize("kind", ["pipe", "device", "link to a device"])
def test_nothing_waits_for_a_pipe_or_reads_a_device(tmp_path, read, kind):
    path = tmp_path / "a"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path = "/dev/zero"
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(DataFileError, match="not a regular file, expected a file"):
        read(path)


# folders --------------------------------------------------------------------------------------------------------
@pytest.fixture
def folder(tmp_path):
    for name in ("cat/a.png", "cat/b.png", "dog/c.png"):
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture())
    (tmp_path / "secret.png").write_bytes(picture())
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "d.png").write_bytes(picture())
    return tmp_path / "pictures"


OUTSIDE = {
    "a linked file": ("cat/x.png", "../../secret.png"),
    "a linked file by its full name": ("cat/x.png", "/etc/hostname"),
    "a linked class": ("x", "../secrets"),
    "a link to a link": ("cat/x.png", "../../link.png"),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_links_do_not_lead_out_of_a_folder(folder, name):
    place, target = OUTSIDE[name]
    (folder.parent / "link.png").symlink_to("secret.png")
    (folder / place).symlink_to(target)
    with pytest.raises(DataFileError, match=r"x(/d)?\.png: a link leads out of the folder, to /.*follow_links=True"):
        read_image_folder(folder)
    if "hostname" not in target:
        assert len(read_image_folder(folder, follow_links=True)) == 4


def test_links_within_a_folder_and_links_to_it_are_fine(folder):
    (folder / "dog" / "same.png").symlink_to("../cat/a.png")
    (folder.parent / "link").symlink_to("pictures")
    assert len(read_image_folder(folder.parent / "link")) == 4


def test_loops_of_links_end(folder):
    (folder / "cat" / "loop").symlink_to("..")
    assert len(read_image_folder(folder)) == 3


def test_a_pipe_among_pictures_is_named_or_skipped(folder):
    os.mkfifo(folder / "cat" / "pipe.png")
    with pytest.raises(DataFileError, match=r"pipe\.png: not a regular file"):
        read_image_folder(folder)
    with pytest.warns(UserWarning, match="1 of 4 files skipped"):
        assert len(read_image_folder(folder, on_error="skip")) == 3


# two thousand ---------------------------------------------------------------------------------------------------
def broken(content, way):
    """A file broken in one of eight ways."""
    size = len(content)
    return (
        b"", content[:7], content[: size // 2], content[: size * 9 // 10], RNG.bytes(size), bytes(size),
        b"<!DOCTYPE html><title>404</title>", b"\0" * 20 + content,
    )[way % 8]  # fmt: skip


def fill(folder, make, ending, count=1000, bad=40):
    """A folder of two classes with `count` files, `bad` of them broken: (the folder, the broken ones)."""
    spoiled = set(RNG.choice(count, bad, replace=False).tolist())
    names = []
    for number in range(count):
        path = folder / ("one", "two")[number % 2] / f"{number:04}{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(broken(make(), number) if number in spoiled else make())
        if number in spoiled:
            names.append(str(path))
    return folder, sorted(names)


@pytest.mark.parametrize(
    ("make", "ending", "read"),
    [
        (picture, ".png", lambda folder, **options: read_image_folder(folder, size=(6, 6), **options)),
        (lambda: sound(frames=64), ".wav", lambda folder, **options: read_audio_folder(folder, frames=64, **options)),
    ],
    ids=["pictures", "sounds"],
)
def test_the_corrupt_among_two_thousand_are_all_named_and_training_goes_on(tmp_path, make, ending, read):
    folder, names = fill(tmp_path, make, ending)
    with pytest.raises(DataFileError) as caught:
        read(folder)
    assert caught.value.path == names[0]
    with pytest.warns(UserWarning, match="40 of 1000 files skipped: "):
        found = read(folder, on_error="skip")
    assert sorted(error.path for error in found.skipped) == names
    assert len(found) == len(found.y) == 960 and not set(found.files) & set(names)
    model = fd.Sequential([fd.layers.Flatten(), fd.layers.Dense(2, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    with warnings.catch_warnings(action="error"):
        model.fit(found.x / 256, found.y, verbose=0)
    assert all(np.isfinite(w).all() for w in model.get_weights())


def test_what_was_written_is_read_again(tmp_path):
    write_idx(tmp_path / "a.gz", np.zeros((60_000, 28), np.uint8))  # packs as well as a bomb
    assert read_idx(tmp_path / "a.gz").shape == (60_000, 28)
