"""The first signal asks, the second does what it always did; afterwards everything is as before."""

import signal
import subprocess
import sys
import threading

import pytest

from freedive.train.interrupts import Signals, error_of


@pytest.fixture(autouse=True)
def interrupts_are_heeded():
    """As in a terminal; a job in the background may ignore them."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_asks_and_the_second_does_what_it_did(number, capfd):
    came, former = [], signal.signal(number, lambda *_: came.append(1))
    try:
        before = signal.getsignal(number)
        signals = Signals()
        signal.raise_signal(number)
        assert signals.asked == number and not came
        assert "Stopping as soon as" in capfd.readouterr().err
        assert signal.getsignal(number) is before
        signal.raise_signal(number)
        assert came == [1]
    finally:
        signal.signal(number, former)


def test_what_is_ignored_stays_ignored():
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        signals = Signals()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        signals.give_back()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, former)


def test_threads_cannot_take_signals_over():
    former, found = signal.getsignal(signal.SIGINT), []

    def work():
        signals = Signals()
        found.append(signal.getsignal(signal.SIGINT))
        signals.give_back()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [former]


def test_what_ends_the_program():
    assert type(error_of(signal.SIGINT, "a")) is KeyboardInterrupt
    assert error_of(signal.SIGTERM, "a").code == 143


TRAINING = """
import signal, sys, time
import numpy as np
import freedive as fd

signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background may ignore it

class Show(fd.callbacks.Callback):
    edge = "never"
    def on_edge(self, run):
        print("at", run.epoch, run.at, flush=True)

def slow():
    for i in range(8):
        if i == 5 and BLOCK:
            time.sleep(1000)
        yield np.ones((4, 3), "f"), np.ones((4, 1), "f")

BLOCK = sys.argv[2] == "block"
model = fd.Sequential([fd.Input((3,)), fd.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(slow, epochs=10**6 if sys.argv[2] != "end" else 3, verbose=0, resume=sys.argv[1], callbacks=[Show()])
print("ended")
"""


@pytest.mark.parametrize("how, number, code", [("run", signal.SIGTERM, 143), ("block", signal.SIGINT, -signal.SIGINT)])
def test_a_program_that_is_stopped(how, number, code, tmp_path):
    """Also while its data source lets it wait, it ends soon, with a checkpoint, and says how to go on."""
    words = [sys.executable, "-c", TRAINING, str(tmp_path / "run"), how]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not process.stdout.readline().startswith("at 2" if how == "run" else "at 0 5"):
        assert process.poll() is None
    process.send_signal(number)
    out, errors = process.communicate(timeout=20)
    assert process.returncode == code, errors
    assert "Stopped at epoch" in out and f"To go on: the same program, with fit(..., resume='{tmp_path}/run')" in out
    if how == "block":
        done = subprocess.run([*words[:-1], "end"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert "Going on with epoch 1 after 5 batches" in done.stdout and "ended" in done.stdout
