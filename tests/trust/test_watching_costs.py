"""What watching for NaN costs: `pytest -m long tests/trust/test_watching_costs.py -s` prints the ratios."""

import statistics
import time

import numpy as np
import pytest

import freedive as fd

RNG = np.random.default_rng(0)
D = fd.layers.Dense


def three_units():
    return [D(1, input_shape=(1,)), D(1), D(1)], RNG.random((3200, 1), np.float32), 400


def network():
    return [D(128, "relu", input_shape=(784,)), D(10), D(1)], RNG.random((3200, 784), np.float32), 12


def table():
    layers = [fd.Input((20,)), fd.layers.Embedding(20000, 64), fd.layers.GlobalAveragePooling1D(), D(1)]
    return layers, RNG.integers(0, 20000, (640, 20)), 25


@pytest.mark.long
@pytest.mark.parametrize("make", [three_units, network, table])
def test_a_watched_run_takes_the_time_of_one_that_is_not(make):
    layers, x, epochs = make()
    y = RNG.random((len(x), 1), np.float32)
    models = {}
    for policy in ("keep", "stop"):
        fd.set_seed(0)
        models[policy] = fd.models.clone_model(fd.Sequential(layers))
        models[policy].compile("adam", "mse", on_nonfinite=policy)
        models[policy].fit(x, y, epochs=1, verbose=0)
    ratios = []
    for _ in range(15):  # one after the other, so that both see the same machine
        seconds = {}
        for policy, model in models.items():
            began = time.process_time()
            model.fit(x, y, epochs=epochs, verbose=0)
            seconds[policy] = time.process_time() - began
        ratios.append(seconds["stop"] / seconds["keep"])
    ratio = statistics.median(ratios)
    spread = statistics.stdev(ratios) / len(ratios) ** 0.5
    print(f"{make.__name__}: {ratio:.4f} of the processor time, give or take {spread:.4f}")
    assert ratio < 1.01 + 2 * spread
