"""A training that is killed at random moments and started again until it ends: `python killing.py KIND KILLS SEED`.

Prints one line of JSON: how many kills, how many of them hit the writing of a checkpoint, how many files were not
whole, how many finished checkpoints were lost, how many trainings came to their end, and how many of those had other
weights than the undisturbed one.
"""

import hashlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time

import freedive as fd
from freedive.files import ModelFileError
from freedive.train.checkpoint import read_snapshot

EPOCHS, ROWS = 30, 512
LAYERS = {
    "convolution": lambda: [
        fd.layers.Reshape((28, 28, 1)),
        *(fd.layers.Conv2D(4, 3, activation="relu"), fd.layers.MaxPooling2D(4), fd.layers.Flatten()),
        *(fd.layers.Dropout(0.3), fd.layers.Dense(256, "relu"), fd.layers.Dense(10, "softmax")),
    ],
    "lstm": lambda: [
        *(fd.layers.Reshape((28, 28)), fd.layers.LSTM(24, dropout=0.2), fd.layers.BatchNormalization()),
        *(fd.layers.Dense(256, "relu"), fd.layers.Dense(10, "softmax")),
    ],
}


class Logged(fd.callbacks.Checkpoints):
    """Says in a file which checkpoints were begun and which are written."""

    def _write(self, taken, path):
        step = os.path.basename(path)[5:-12]
        self.note(f"+{step}\n")
        super()._write(taken, path)
        self.note(f"={step}\n")

    def note(self, text):
        descriptor = os.open(os.path.join(self.place, "log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(descriptor, text.encode())
        os.close(descriptor)


def train(kind, x, y, folder, path):
    """Train to the end, unless killed before; leave the digest of the weights."""
    model = fd.Sequential([fd.Input((784,)), *LAYERS[kind]()])
    model.compile("adam", "sparse_categorical_crossentropy")
    resume = None if folder is None else Logged(folder, seconds=0.01, epochs=1)
    history = model.fit(x, y, epochs=EPOCHS, batch_size=32, verbose=0, resume=resume)
    everything = [*model.get_weights(), repr(history.history).encode()]
    with open(path, "w") as file:
        file.write(hashlib.sha256(b"".join(map(bytes, everything))).hexdigest())


def child(*args):
    """The number of a process that trains."""
    number = os.fork()
    if number == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        train(*args)
        os._exit(0)
    return number


def spent(process):
    """Seconds of computing that a child has done: on a busy machine a clock would kill it before it began."""
    fields = text(f"/proc/{process}/stat").rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK") if fields else 0.0


def text(path):
    """What stands in a file; nothing, if there is none."""
    if not os.path.exists(path):
        return ""
    with open(path) as file:
        return file.read()


def inspect(folder, found):
    """Count what a kill left: files that are not whole, written checkpoints that are gone."""
    names = sorted(name for name in os.listdir(folder) if name.startswith("step-"))
    for name in names:
        try:
            read_snapshot(os.path.join(folder, name))
        except ModelFileError:
            found["unreadable"] += 1
    log = text(os.path.join(folder, "log")).split()
    written = max((int(line[1:]) for line in log if line[0] == "="), default=0)
    newest = max((int(name[5:-12]) for name in names), default=0)
    found["lost"] += newest < written
    found["while writing"] += bool(log) and log[-1][0] == "+"


def main(kind, kills, seed):
    """Kill so often; print what came of it."""
    (x, y), _ = fd.datasets.digits.load_data()
    x, y = x[:ROWS].reshape(ROWS, 784) / 255.0, y[:ROWS]
    rng, base = random.Random(seed), tempfile.mkdtemp()
    digest, folder = os.path.join(base, "digest"), os.path.join(base, "run")

    os.waitpid(child(kind, x, y, None, digest), 0)
    expected, counts = text(digest), ("kills", "while writing", "unreadable", "lost", "trainings", "different")
    _, _, used = os.wait4(child(kind, x, y, None, digest), 0)  # again, now that it is compiled, for its time
    whole, found = used.ru_utime + used.ru_stime, dict.fromkeys(counts, 0)
    while found["kills"] < kills or os.path.exists(folder):
        process, until = child(kind, x, y, folder, digest), whole * rng.uniform(0.3, 1.0)
        ended = (0, 0)
        while not ended[0] and (spent(process) < until or found["kills"] >= kills):
            time.sleep(0.002)
            ended = os.waitpid(process, os.WNOHANG)
        if not ended[0]:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            found["kills"] += 1
            if os.path.exists(folder):
                inspect(folder, found)
            continue
        found["trainings"] += 1
        found["different"] += ended[1] != 0 or text(digest) != expected
        shutil.rmtree(folder)
    shutil.rmtree(base)
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
