"""Valid model files to spoil, and the tools to spoil them with: parts, and files made of parts with right checksums."""

import copy
import functools
import json
import tempfile
from pathlib import Path

import numpy as np

import freedive as fd
from freedive.files import read_tensors, write_tensors
from freedive.layers import Add, Dense, Dropout, Embedding, GlobalAveragePooling1D, TextVectorization


@functools.cache
def _parts(kind):
    fd.set_seed(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.safetensors"
        MODELS[kind]().save(path)
        tensors, metadata = read_tensors(path)
    return tensors, {key: json.loads(text) for key, text in metadata.items()}


def parts(kind="row"):
    """(tensors, metadata as JSON values) of a valid file, to be changed at will."""
    return copy.deepcopy(_parts(kind))


def write(path, tensors, told, **texts):
    """A file of parts, with right checksums; `texts` are entries of metadata as they are to stand there."""
    metadata = {key: json.dumps(value) for key, value in told.items()} | texts
    write_tensors(path, tensors, {key: text for key, text in metadata.items() if text is not None})


def changed(change, kind="row", **texts):
    """What writes a valid file after `change(tensors, told)`."""

    def make(path):
        tensors, told = parts(kind)
        change(tensors, told)
        write(path, tensors, told, **texts)

    return make


def raw(content):
    """What writes these bytes."""
    return lambda path: path.write_bytes(content)


def spoiled(change, kind="row"):
    """What writes a valid file after `change(bytes) -> bytes`."""

    def make(path):
        write(path, *parts(kind))
        path.write_bytes(change(path.read_bytes()))

    return make


def row():
    model = fd.Sequential([fd.Input((4,)), Dense(3, "relu"), Dropout(0.5), Dense(2)])
    model.compile("adam", "mse")
    model.fit(np.ones((4, 4)), np.arange(8.0).reshape(4, 2), verbose=0)
    return model


def graph():
    x = fd.Input((4,), name="x")
    h = Dense(3, "relu", name="h")(x)
    return fd.Model(x, Dense(2, name="y")(Add(name="both")([h, Dense(3, name="side")(x)])))


def words():
    text = TextVectorization(vocabulary=["good", "bad"], name="text_vectorization")
    return fd.Sequential([text, Embedding(4, 2), GlobalAveragePooling1D(), Dense(1)])


MODELS = {"row": row, "graph": graph, "words": words}
