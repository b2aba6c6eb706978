"""What watching for NaN costs: `pytest -m long tests/trust/test_watching_costs.py -s` prints the shares.

Two ways: what the watch does is timed by itself (copies of the state, looking through the arrays at the end of epochs)
and put against the whole fit; and fits that are watched and not are timed in turn. The first is exact to a tenth of a
per cent, the second is the whole truth, as far as the machine is quiet.
"""

import statistics
import time

import numpy as np
import pytest

import freedive as fd
from freedive.train.guard import Guard, Part

RNG = np.random.default_rng(0)
D = fd.layers.Dense


def three_units():
    return [D(1, input_shape=(1,)), D(1), D(1)], RNG.random((3200, 1), np.float32), 400


def network():
    return [D(128, "relu", input_shape=(784,)), D(10), D(1)], RNG.random((3200, 784), np.float32), 12


def table():
    layers = [fd.Input((20,)), fd.layers.Embedding(20000, 64), fd.layers.GlobalAveragePooling1D(), D(1)]
    return layers, RNG.integers(0, 20000, (640, 20)), 25


KINDS = [three_units, network, table]


def compiled(layers, policy):
    fd.set_seed(0)
    model = fd.models.clone_model(fd.Sequential(layers))
    model.compile("adam", "mse", on_nonfinite=policy)
    return model


class Account(fd.callbacks.Callback):
    """Times what the watch of a run does."""

    edge = "never"

    def on_run_end(self, run):
        part = Part(run.line, 0, 0, 0, 0, None)  # an interval of no step
        seconds = {verify: self.timed(lambda v=verify: run.dispatch(part, v)) for verify in (False, True)}
        self.look = max(0.0, seconds[True] - seconds[False])

    def timed(self, act, times=50):
        spent = []
        for _ in range(times):
            began = time.perf_counter()
            act()
            spent.append(time.perf_counter() - began)
        return statistics.median(spent)


def accounted(model, x, y, epochs, monkeypatch):
    """(the share of a fit that the watch took, how often it kept a state, how often it looked)."""
    kept, looked, look = [], [], Account()
    through, keep = Guard.through, Guard.keep

    def counted(self, *args):
        closed = through(self, *args)
        looked.append(self.verified)
        return closed

    def timed(self, run):
        began = time.perf_counter()
        keep(self, run)
        kept.append(time.perf_counter() - began)

    monkeypatch.setattr(Guard, "through", counted)
    monkeypatch.setattr(Guard, "keep", timed)
    began = time.perf_counter()
    model.fit(x, y, epochs=epochs, verbose=0)
    whole = time.perf_counter() - began
    spent, chunks = sum(kept), sum(looked)
    model.fit(x, y, epochs=1, verbose=0, callbacks=[look])
    return (spent + chunks * look.look) / whole, len(kept), chunks


@pytest.mark.long
@pytest.mark.parametrize("make", KINDS)
def test_what_the_watch_does_takes_less_than_a_hundredth(make, monkeypatch):
    layers, x, epochs = make()
    y, model = RNG.random((len(x), 1), np.float32), compiled(layers, "stop")
    model.fit(x, y, epochs=epochs, verbose=0)
    share, kept, looked = accounted(model, x, y, 4 * epochs, monkeypatch)
    print(f"{make.__name__}: {share:.2%} of the time; {kept} copies of the state, {looked} looks")
    assert share < 0.01


@pytest.mark.long
@pytest.mark.parametrize("make", KINDS)
def test_a_watched_run_takes_the_time_of_one_that_is_not(make):
    layers, x, epochs = make()
    y = RNG.random((len(x), 1), np.float32)
    models = {policy: compiled(layers, policy) for policy in ("keep", "stop")}
    for model in models.values():
        model.fit(x, y, epochs=1, verbose=0)
    ratios = []
    for i in range(16):  # in turn, so that both see the same machine
        seconds = {}
        for policy in sorted(models, reverse=bool(i % 2)):
            began = time.process_time()
            models[policy].fit(x, y, epochs=epochs, verbose=0)
            seconds[policy] = time.process_time() - began
        ratios.append(seconds["stop"] / seconds["keep"])
    ratio = statistics.median(ratios)
    spread = 1.25 * statistics.stdev(ratios) / len(ratios) ** 0.5
    print(f"{make.__name__}: {ratio:.4f} of the processor time, give or take {spread:.4f}")
    assert ratio < 1.01 + 2 * spread
