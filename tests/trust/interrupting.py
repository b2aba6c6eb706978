"""Long work of every kind, for Ctrl-C: `python interrupting.py FOLDER NAME ...` says "now" when each is under way.

Prints for each a line of JSON: when KeyboardInterrupt came (by the clock that all processes share), the threads that
are there half a minute later at most, and what `left` says of what the work leaves behind.
"""

import json
import os
import signal
import sys
import threading
import time

import jax
import numpy as np
from PIL import Image

import freedive as fd
from freedive.data import read_image
from freedive.files import read_tensors
from freedive.networks.transformer import TransformerNetwork
from freedive.ops.ctc_decoding import ctc_decode
from freedive.tasks.reading.decoding import Decoded, ShuffledBatches

FOREVER = 10**6
MOST = 200  # seconds that one work may take
LOWERING = 0.05  # seconds that it takes to hand a large program to XLA
PICTURES = 128  # of 1,500 x 1,500, decoded in about 20 ms each
X = np.random.default_rng(0).normal(size=(64, 8)).astype(np.float32)
Y = X[:, :1]


class Unlike(fd.layers.Layer):
    """A number that no program was ever compiled with, so that none is in XLA's cache."""

    def call(self, x):
        return x * (1 + time.time_ns() % 10**6 * 1e-9)


def model_of(*layers):
    model = fd.Sequential([fd.Input((8,)), *layers, fd.layers.Dense(1)])
    model.compile("adam", "mse")
    return model


def fitting(model, x=X, y=Y, **options):
    """Fits without end, once everything is compiled."""
    short = {"steps_per_epoch": 2} if y is None else {}
    model.fit(x, y, epochs=1, verbose=0, **short, **options)
    return lambda: model.fit(x, y, epochs=FOREVER, verbose=0, **options)


def tracing(folder):
    """A first fit, before XLA has its program."""
    return lambda: deep().fit(X, Y, epochs=FOREVER, verbose=0)


def compiling(folder):
    """A first fit, when XLA has just begun to compile it."""

    def began(event, seconds, **_):
        if event.endswith("jaxpr_to_mlir_module_duration") and seconds > LOWERING:
            print("now", flush=True)
            jax.monitoring.unregister_event_duration_listener(began)

    jax.monitoring.register_event_duration_secs_listener(began)
    return tracing(folder)


def deep():
    """A network that takes some seconds to trace and to compile."""
    lines = [layer for i in range(4) for layer in (fd.layers.Conv1D(4 + i, 3), fd.layers.BatchNormalization())]
    return model_of(Unlike(), fd.layers.Dense(32), fd.layers.Reshape((32, 1)), *lines, fd.layers.Flatten())


def stream(folder):
    """A fit of batches that a function gives."""

    def batches():
        while True:
            yield X, Y

    return fitting(model_of(), batches, None)


def pictures(folder):
    """Picture files as they are decoded by threads."""
    path = os.path.join(folder, "a.jpg")
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (1500, 1500, 3), np.uint8)).save(path)
    small = lambda item: read_image(item)[:8, :8]  # noqa: E731
    return Decoded(small, [path] * PICTURES, (8, 8, 3))


def picture_fit(folder):
    """A fit of picture files that threads decode ahead of it."""
    model = fd.Sequential([fd.Input((8, 8, 3)), fd.layers.Flatten(), fd.layers.Dense(1)])
    model.compile("sgd", "mse")
    batches = ShuffledBatches(pictures(folder), np.zeros((PICTURES, 1), np.float32), None, 16, 0)
    return fitting(model, batches, None)


def picture_check(folder):
    """Looking whether pictures can be decoded."""
    held = pictures(folder)
    return lambda: [held.check() for _ in range(FOREVER)]


def ensemble(folder):
    return fitting(fd.Ensemble(model_of(fd.layers.Dense(4)), 3))


def checkpointed(folder):
    """A fit that keeps checkpoints."""
    path = os.path.join(folder, "run")
    return fitting(model_of(), resume=path)


def tuning(folder):
    """A search that keeps its study in a file."""

    def build(rate):
        model = fd.Sequential([fd.Input((8,)), fd.layers.Dense(1)])
        model.compile(fd.optimizers.SGD(rate), "mse")
        return model

    def search(trials, epochs, path):
        fd.tune(
            build,
            {"rate": fd.methods.Real(1e-4, 1e-2)},
            X,
            Y,
            trials=trials,
            epochs=epochs,
            resume=path,
            validation_split=0.2,
        )

    path = os.path.join(folder, "study.json")
    search(2, 1, path)
    return lambda: search(64, FOREVER, os.path.join(folder, "long.json"))


def predicting(folder):
    model, rows = model_of(fd.layers.Dense(512), fd.layers.Dense(512)), np.zeros((2**21, 8), np.float32)
    model.predict(rows[:8192], verbose=0)
    return lambda: [model.predict(rows, verbose=0) for _ in range(FOREVER)]


def evaluating(folder):
    model, rows = model_of(fd.layers.Dense(512), fd.layers.Dense(512)), np.zeros((2**21, 8), np.float32)
    model.evaluate(rows[:8192], rows[:8192, :1], verbose=0)
    return lambda: [model.evaluate(rows, rows[:, :1], verbose=0) for _ in range(FOREVER)]


def translating(folder):
    """Writing translations by beam search, none of which ends before its greatest length."""
    network = TransformerNetwork(30, 30, units=16, depth=1, intermediate=16, num_heads=1)
    source = np.random.default_rng(0).integers(4, 30, (64, 8))
    network([source[:2], source[:2]])
    network.generate(source, "beam", length=40)
    return lambda: [network.generate(source, "beam", length=40) for _ in range(FOREVER)]


def transcribing(folder):
    logits = np.random.default_rng(0).normal(size=(32, 2000, 30))
    return lambda: [ctc_decode(logits, strategy="beam_search") for _ in range(FOREVER)]


def saving(folder):
    model, path = model_of(fd.layers.Dense(20_000)), os.path.join(folder, "model.safetensors")
    model.save(path)
    return lambda: [model.save(path) for _ in range(FOREVER)]


def reading(folder):
    """A table of text."""
    path = os.path.join(folder, "a.csv")
    with open(path, "w") as file:
        file.write("a,b\n" + "1.5,x\n" * 300_000)
    return lambda: [fd.data.read_table(path) for _ in range(FOREVER)]


WORK = {
    work.__name__: work
    for work in (tracing, compiling, stream, picture_fit, picture_check, ensemble, checkpointed, tuning, predicting,
                 evaluating, translating, transcribing, saving, reading)
}  # fmt: skip


def left(folder):
    """The files of a folder, of which every one must be whole, and none temporary."""
    found = []
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            if name.endswith(".safetensors"):
                read_tensors(path)
            elif name.endswith(".json"):
                with open(path) as file:
                    json.load(file)
            found.append(os.path.relpath(path, folder))
    return sorted(found)


def interrupted(name, folder):
    """Do work of a kind until Ctrl-C."""
    signal.alarm(MOST)  # the end of the process, where a signal is lost
    work = WORK[name](folder)
    before = set(threading.enumerate())
    if name != "compiling":  # which says it when XLA begins
        print("now", flush=True)
    try:
        work()
        came = None
    except KeyboardInterrupt:
        came = time.monotonic()
    more, until = [], time.monotonic() + 30
    while time.monotonic() < until and (more := [t.name for t in threading.enumerate() if t not in before]):
        time.sleep(0.05)
    return {"came": came, "threads": more, "left": left(folder)}


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background may ignore it
    for name in sys.argv[2:]:
        place = os.path.join(sys.argv[1], name)
        os.makedirs(place)
        print(json.dumps(interrupted(name, place)), flush=True)
