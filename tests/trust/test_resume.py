"""A run that is broken off anywhere and goes on has the bits of one that was not: weights, optimizer, history."""

import hashlib

import jax
import numpy as np
import pytest

from .kinds import EPOCHS, KINDS, STEPS, BreakOff, fit

STOPS = {"first step": 1, "mid-epoch": STEPS + 2, "epoch": 2 * STEPS}


def digest(model):
    values = [*model.get_weights(), *jax.tree.leaves(model._training.slots)]
    return hashlib.sha256(b"".join(np.asarray(v).tobytes() for v in values)).hexdigest()


@pytest.mark.parametrize("name", KINDS)
def test_the_same_bits(name, tmp_path):
    whole, expected = fit(KINDS[name])
    assert len(expected.epoch) == EPOCHS
    for place, step in STOPS.items():
        with pytest.raises(KeyboardInterrupt):
            fit(KINDS[name], tmp_path / place, BreakOff(step))
        assert (tmp_path / place / f"step-{step:012d}.safetensors").exists()
        model, history = fit(KINDS[name], tmp_path / place)
        assert digest(model) == digest(whole), place
        assert history.history == expected.history and history.epoch == expected.epoch, place


def test_the_digest_sees_a_bit():
    model, _ = fit(KINDS["dense"])
    before = digest(model)
    weights = model.get_weights()
    weights[0].flat[0] = np.nextafter(weights[0].flat[0], np.float32(1))
    model.set_weights(weights)
    assert digest(model) != before
