"""The first Ctrl-C asks, the second interrupts; afterwards everything is as before."""

import signal
import threading

import numpy as np
import pytest

import freedive as fd
from freedive.cli.interrupts import stops_at_edge


def test_the_first_asks_and_the_second_interrupts(capsys):
    former = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), stops_at_edge() as stop:
        assert not stop.asked
        signal.raise_signal(signal.SIGINT)
        assert stop.asked
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is former
    assert "Stopping as soon as" in capsys.readouterr().err


def test_a_run_that_is_asked_ends_at_the_next_edge_with_whole_values():
    model = fd.Sequential([fd.Input((2,)), fd.layers.Dense(1)])
    model.compile("sgd", "mse")
    with stops_at_edge() as stop:
        stop.asked = True
        history = model.fit(np.ones((8, 2)), np.ones((8, 1)), epochs=1000, verbose=0, callbacks=[stop])
    assert len(history.epoch) < 1000
    assert all(np.isfinite(w).all() for w in model.get_weights())


def test_threads_cannot_take_signals_over():
    former, found = signal.getsignal(signal.SIGINT), []

    def work():
        with stops_at_edge():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [former]
