"""Families 19 to 21 and 23 to 26: tensors and states that are not what the configuration builds."""

import io
import zipfile

import numpy as np

from .files import changed, raw, spoiled


def tensors(change, kind="row"):
    return changed(lambda found, told: change(found), kind)


def step(text):
    return changed(lambda found, told: None, step=text)


def flipped(share):
    """A file with one bit of its data flipped: weights first, then the optimizer's state."""

    def change(content):
        content = bytearray(content)
        start = 8 + int.from_bytes(content[:8], "little")
        content[start + int((len(content) - start) * share)] ^= 4
        return bytes(content)

    return spoiled(change)


def replaced(old, new):
    """A file with other words of the same length in its header."""
    return spoiled(lambda content: content.replace(old.encode(), new.encode()))


ODD = np.zeros(9, np.float32)
WORDS = {
    "relu": "selu",
    "Dense": "dense",
    "mse": "mae",
    "Adam": "adam",
    "units": "Units",
    "0.001": "0.999",
    "F32": "I32",
}


def resized(name, shape, dtype="float32"):
    return tensors(lambda found: found.update({name: np.zeros(shape, dtype)}))


def keras_archive():
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as file:
        file.writestr("config.json", '{"module": "os", "class_name": "system"}')
        file.writestr("assets/../../x", b"")
    return held.getvalue()


FAMILIES = {
    19: {
        "missing": ("TENSOR_MISMATCH", tensors(lambda found: found.pop("dense/bias"))),
        "unexpected": ("TENSOR_MISMATCH", tensors(lambda found: found.update(extra=np.zeros(2, "float32")))),
        "renamed": ("TENSOR_MISMATCH", tensors(lambda found: found.update({"dense/Bias": found.pop("dense/bias")}))),
        "other shape": ("TENSOR_MISMATCH", resized("dense/bias", (4,))),
        "other order of axes": ("TENSOR_MISMATCH", resized("dense/kernel", (3, 4))),
        "one axis more": ("TENSOR_MISMATCH", resized("dense/bias", (3, 1))),
        "larger": ("TENSOR_MISMATCH", resized("dense/bias", (30_000,))),
        **{
            f"dtype {dtype}": ("TENSOR_MISMATCH", resized("dense/bias", (3,), dtype))
            for dtype in ("int8", "float64", "float16", "int32", "bool", "complex64")
        },
        "slot missing": ("TENSOR_MISMATCH", tensors(lambda found: found.pop(_slot(found)))),
        "slot unexpected": ("TENSOR_MISMATCH", tensors(lambda found: found.update({"optimizer:x": np.zeros(1, "f")}))),
        "slot of other shape": ("TENSOR_MISMATCH", tensors(lambda found: found.update({_slot(found): ODD}))),
        "no tensors": ("TENSOR_MISMATCH", tensors(lambda found: found.clear())),
        "one tensor": ("TENSOR_MISMATCH", tensors(lambda found: [found.pop(name) for name in list(found)[:-1]])),
    },
    20: {
        **{f"bit of the data at {place} of 30": ("CHECKSUM", flipped(place / 30)) for place in range(30)},
        **{f"a word of the header: {old}": ("CHECKSUM", replaced(old, new)) for old, new in WORDS.items()},
    },
    24: {
        **{f"step {text!r:.12}": ("BAD_STATE", step(text)) for text in (
            "-1", "1.5", "", "one", "٣", "1e3", "NaN", str(2**31), str(2**62 + 1), "9" * 5000, "0x10", " 1", "null",
        )},
        "no step": ("BAD_STATE", step(None)),
    },
    26: {
        "keras": ("NOT_A_MODEL", raw(keras_archive())),
        "hdf5 with an external link": ("NOT_A_MODEL", raw(b"\x89HDF\r\n\x1a\n" + b"/etc/passwd" + bytes(99))),
        "onnx with external data": ("NOT_A_MODEL", raw(b"\x08\x07\x12\x04location\x12\x0b/etc/passwd" + bytes(40))),
        "torch": ("NOT_A_MODEL", raw(b"PK\x03\x04archive/data.pkl\x80\x02cposix\nsystem\n" + bytes(40))),
        "tensorflow": ("NOT_A_MODEL", raw(b"\x08\x01\x12\xd8\x03saved_model" + bytes(60))),
        "gguf": ("NOT_A_MODEL", raw(b"GGUF\x03\0\0\0" + bytes(60))),
        "yaml": ("NOT_A_MODEL", raw(b"!!python/object/apply:os.system ['touch executed']")),
        "a link that leads nowhere": ("missing", lambda path: path.symlink_to("/nonexistent/model")),
    },
}  # fmt: skip


def _slot(found):
    return next(name for name in found if name.startswith("optimizer:"))
