"""Ten thousand epochs of one fit, and two hundred fits of one process: no memory, thread or file is left behind."""

import json
import subprocess
import sys

import pytest

PROGRAM = """
import gc, json, os, sys, threading
import numpy as np
import freedive as fd

def used():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

x = np.random.default_rng(0).random((100, 1)).astype("f")

def model_of():
    model = fd.Sequential([fd.layers.Dense(1, input_shape=(1,)), fd.layers.Dense(1), fd.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model

class Look(fd.callbacks.Callback):
    edge = "never"
    def on_edge(self, run):
        seen.append((run.epoch, used()))

def epochs(count):
    model_of().fit(x, x**2, epochs=count, verbose=0, callbacks=[Look()])

def fits(count):
    for number in range(count):
        options = {"resume": sys.argv[3]} if number % 10 == 0 else {}
        model = model_of()
        model.fit(x, x**2, epochs=3, verbose=0, seed=number if not options else 0, **options)
        seen.append((number + 1, used()))

seen, count = [], int(sys.argv[2])
epochs(20)
seen = []
{"epochs": epochs, "fits": fits}[sys.argv[1]](count)
early = [m for n, m in seen if n <= max(count // 10, seen[0][0])][-1]
print(json.dumps({
    "early": early, "late": seen[-1][1], "threads": threading.active_count(), "files": len(os.listdir("/proc/self/fd")),
}))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory and open files are read from /proc")
@pytest.mark.parametrize("what, count", [("epochs", 10_000), ("fits", 200)])
def test_nothing_grows(what, count, tmp_path):
    words = [sys.executable, "-c", PROGRAM, what, str(count), str(tmp_path / "run")]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["late"] <= 1.02 * found["early"], found
    assert found["threads"] == 1 and found["files"] < 20, found
