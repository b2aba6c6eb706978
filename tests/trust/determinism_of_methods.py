"""Trainings whose bits could depend on hashes or threads: prints a hash of each, as JSON."""

import hashlib
import json
import os
import tempfile

import numpy as np
from PIL import Image

import freedive as fd

(DIGITS, LABELS), _ = fd.datasets.digits.load_data()
X, Y = (DIGITS[:60].reshape(60, 784)[:, ::16] / 255).astype(np.float32), LABELS[:60].astype(np.int32)
SAID = "the sea is deep and the dive is free but breath is short so rise again and dive once more"
WORDS = tuple(SAID.split())
TEXTS = [" ".join(WORDS[(3 * i + k) % len(WORDS)] for k in range(5)) for i in range(40)]


def hashed(*values):
    """A hash of arrays and texts."""
    bits = b"".join(np.asarray(v).tobytes() if not isinstance(v, str) else v.encode() for v in values)
    return hashlib.sha256(bits).hexdigest()[:16]


def model_of():
    fd.set_seed(3)
    model = fd.Sequential([fd.Input((49,)), fd.layers.Dense(8, "relu"), fd.layers.Dense(10, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def task_hash(task, x, y):
    """Of all that a task's file holds."""
    task.fit(x, y)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "m.safetensors")
        task.save(path)
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()[:16]


def words():
    return task_hash(fd.TextClassifier(epochs=2, width=8, verbose=0), TEXTS, [text[:3] for text in TEXTS])


def pieces():
    kinds = ["sea" in text for text in TEXTS]
    return task_hash(fd.TextClassifier(epochs=2, width=8, vocabulary="byte pairs", verbose=0), TEXTS, kinds)


def table():
    columns = {"a": X[:, 24], "b": [WORDS[i % 7] for i in range(60)], "c": X[:, 10] > 0.1}
    return task_hash(fd.TabularClassifier(epochs=2, verbose=0), columns, Y % 3)


def pictures():
    """Files that threads decode while the network learns."""
    with tempfile.TemporaryDirectory() as folder:
        files = [os.path.join(folder, f"{i}.png") for i in range(40)]
        for file, pixels in zip(files, DIGITS, strict=False):
            Image.fromarray(pixels.reshape(28, 28).astype(np.uint8)).save(file)
        task = fd.ImageClassifier(epochs=1, size=12, memory=1e-9, augment=None, verbose=0).fit(files, Y[:40] % 2)
        return hashed(*task.model.get_weights())


def federated():
    model = model_of()
    clients = fd.federated.partition(X, Y, 4, by="dirichlet", seed=1)
    failures = fd.federated.Failures(0.2, 0.2)
    history = fd.federated.simulate(model, clients, 3, fraction=0.7, failures=failures, seed=2, verbose=0)
    return hashed(*model.get_weights(), str(history.history["loss"]))


def private():
    model = fd.private(model_of(), noise_multiplier=1.0, delta=1e-3)
    history = model.fit(X, Y, batch_size=20, epochs=2, seed=4, verbose=0)
    return hashed(*model.get_weights(), str(history.history))


KINDS = (words, pieces, table, pictures, federated, private)

if __name__ == "__main__":
    print(json.dumps({kind.__name__: kind() for kind in KINDS}))
