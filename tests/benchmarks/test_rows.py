"""The rows of the bench: each is learned by freedive, and the same network stands in JAX by hand."""

import dataclasses
import math

import jax
import numpy as np
import pytest
from benchmarks.workloads import WORKLOADS

from benchmarks import data, in_jax, in_keras_words, peers, rate

SMALLER = {"depth": 1, "blocks": 1}  # of many equal layers one is enough
DISTINCT = {repr((w.network, w.sizes, w.task, w.loss)): name for name, w in reversed(WORKLOADS.items())}
NAMES = [name for name in WORKLOADS if name in DISTINCT.values()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


def small(name, folder, rows=8):
    """A row with batches of four and two steps an epoch, and its data."""
    sizes = {key: SMALLER.get(key, value) for key, value in WORKLOADS[name].sizes.items()}
    workload = dataclasses.replace(WORKLOADS[name], batch=4, sizes=sizes)
    with np.load(data.prepare(workload.data, folder, rows)) as file:
        return workload, {key: file[key] for key in file.files}


def session(module, peer, workload, arrays):
    return getattr(module, workload.session)(workload, arrays, peers.find(peer), seed=0)


def parameters(own):
    """The number of weights that are learned."""
    models = [own.stack] if hasattr(own, "stack") else [own.model]
    if hasattr(own, "discriminator"):
        own.discriminator.trainable = True
    return sum(math.prod(w.shape) for model in models for w in model.trainable_weights)


@pytest.mark.parametrize("name", NAMES)
def test_freedive_learns_it_for_two_steps(name, folder):
    workload, arrays = small(name, folder)
    own = session(in_keras_words, "freedive", workload, arrays)
    own.train(1)
    loss, accuracy = own.evaluate()
    assert 0 < loss < 20
    assert accuracy is None or 0 <= accuracy <= 1
    by_hand = session(in_jax, "jax-hand", workload, arrays)
    assert parameters(own) == sum(math.prod(by_hand.state[0][slot].shape) for slot in by_hand.state[1])


@pytest.mark.parametrize("name", ["P1", "P4", "P7", "P10"])
def test_jax_by_hand_learns_it_for_two_steps(name, folder):
    workload, arrays = small(name, folder)
    by_hand = session(in_jax, "jax-hand", workload, arrays)
    before = jax.tree.map(np.asarray, by_hand.state[0])
    by_hand.train(1)
    assert int(by_hand.state[3]) == 3
    assert all(np.abs(before[slot] - by_hand.state[0][slot]).max() > 0 for slot in by_hand.state[1])
    assert 0 < by_hand.evaluate()[0] < 20


@pytest.mark.parametrize("task", ["predict", "call"])
def test_answers_are_probabilities_in_freedive_and_logits_by_hand(task, folder):
    workload, arrays = small(f"{task}-1", folder)
    own, by_hand = (session(m, p, workload, arrays) for m, p in ((in_keras_words, "freedive"), (in_jax, "jax-hand")))
    own.model.build((None, 784))
    answers = np.asarray(getattr(own, task)(arrays["x"][:1]))
    np.testing.assert_allclose(answers.sum(), 1, rtol=1e-5)
    assert getattr(by_hand, task)(arrays["x"][:1]).shape == answers.shape == (1, 10)


@pytest.mark.parametrize(
    ("name", "forward", "last"),
    [
        # a step of a dense network: forward, its weights, and its inputs but for the first layer
        ("P2", 2 * 4 * (784 * 64 + 64 * 64 + 64 * 10), 2 * 4 * 784 * 64),
        # 30 turns of the recurrence, forward and backward
        ("P7", 2 * 4 * (30 * (32 * 128 + 32 * 128) + 32), 0),
    ],
)
def test_the_work_of_a_step_is_counted(name, forward, last, folder):
    workload, arrays = small(name, folder)
    assert rate.work(workload, arrays) == pytest.approx(3 * forward - last, rel=1e-6)


def test_all_of_mnist_is_taken_from_a_folder(monkeypatch):
    from freedive import datasets

    def load_data(path, download):
        assert path == "folder" and not download
        return (np.full((3, 28, 28), 255, np.uint8), np.array([1, 2, 3], np.uint8)), None

    monkeypatch.setattr(datasets.mnist, "load_data", load_data)
    arrays = data.pictures("folder")
    assert arrays["x"].shape == (3, 28, 28, 1) and arrays["x"].max() == 1 and arrays["y"].tolist() == [1, 2, 3]
