"""The articles' programs run by changing where their names come from, and learn as the peer does, loss by loss."""

import re

import keras
import numpy as np
import pytest

from programs import P8, PROGRAMS, in_words_of

pytestmark = pytest.mark.filterwarnings("ignore:`trainable` was changed after compile")

FOLLOWED = [*PROGRAMS[:7], P8._replace(model=re.sub(r"dropout=0\.2", "dropout=0.0", P8.model))]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.name)
def test_program_runs_in_our_words(program):
    text = in_words_of(program.text, "freedive")
    assert "tensorflow" not in text
    assert "tf." not in text
    variables = program.given()
    exec(compile(text, program.name, "exec"), variables)  # its last lines assert what it learned
    assert np.isfinite(variables["result"]).all()


@pytest.mark.filterwarnings("ignore:Do not pass an `input_shape`", "ignore:Argument `input_length` is deprecated")
@pytest.mark.parametrize("program", FOLLOWED, ids=lambda p: p.name)
def test_training_follows_the_peer(program):
    """From the same weights, without shuffling, three epochs: losses within 1e-4 of the peer's.

    The weights are settled: from some, float32 rounding alone, grown by ReLU and Adam, parts the two by up to 1e-3 in
    P4. That it is rounding was settled by the peer in float64, from the same weights, ten times: in the first epoch
    ours is within 1e-7 of it but once (the peer in float32: 5e-7); in the third ours strays three times by 2e-4 to
    8e-4, the peer three times by 1e-4 to 1e-3, mostly from other weights than ours.
    """
    keras.utils.set_random_seed(1)
    ours = program.given()
    exec(in_words_of(program.prepare, "freedive"), ours)
    theirs = dict(ours)  # the same data
    exec(in_words_of(program.model, "freedive"), ours)
    exec(in_words_of(program.model, "keras"), theirs)
    x, y = (ours.get(name + "_train", ours.get(name)) for name in "xy")
    mine, peer = ours["model"], theirs["model"]
    assert isinstance(peer, keras.Model)
    assert not isinstance(mine, keras.Model)
    for model in (peer, mine):
        if not model.built:
            model.build((None, *np.shape(x)[1:]))
    mine.set_weights(peer.get_weights())

    options = {"epochs": 3, "batch_size": 32, "shuffle": False, "verbose": 0}
    expected = peer.fit(x, y, **options).history
    found = mine.fit(x, y, **options).history
    np.testing.assert_allclose(found["loss"], expected["loss"], rtol=1e-4)
    assert len(set(expected["loss"])) == 3  # the losses moved
    if "accuracy" in expected:
        np.testing.assert_allclose(found["accuracy"], expected["accuracy"], atol=1 / len(x) + 1e-6)
