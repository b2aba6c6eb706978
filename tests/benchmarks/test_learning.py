"""The peers of the lessons: given a task's weights, its network elsewhere says the same."""

import dataclasses

import numpy as np
import pytest
from benchmarks.learning import pictures, prepared, translation

TONES = ("ab", "ba", "aba", "bab")


def waves(texts):
    """A tone for each letter."""
    t = np.arange(900) / 8000
    tones = {letter: np.sin(2 * np.pi * hertz * t) for letter, hertz in zip("ab", (300, 900), strict=True)}
    return [np.concatenate([tones[letter] for letter in text]) for text in texts]


def raw(name):
    """Rows that the task of a lesson takes."""
    if name == "rt-polarity":
        x, y = ["deep and good", "good", "bad and long", "bad"] * 6, [1, 1, 0, 0] * 6
    else:
        y = list(TONES) * 6
        x = waves(y)
    return x, np.array(y, object) if name == "strings" else np.array(y), x[:8], np.array(y[:8])


@pytest.mark.parametrize("name", ["rt-polarity", "spoken", "strings"])
def test_the_network_in_keras_is_the_tasks(name):
    from benchmarks.in_keras_words import keras_words

    lesson = prepared.LESSONS[name]
    x, y, x_test, _ = raw(name)
    task = lesson.task(0).set_params(verbose=0).prepare(x, y)
    x_test = task.encoded(x_test)
    expected = task.answer(x_test)
    own = task.model.layers
    heard = next((at for at, layer in enumerate(own, 1) if type(layer).__name__ == "SpecAugment"), 0)
    model = lesson.network(keras_words(), task)
    model.set_weights([weights for layer in own[heard:] for weights in layer.get_weights()])
    found = model.predict(lesson.before(task, x_test, False), verbose=0)
    many = [row for row, numbers in enumerate(x_test) if np.count_nonzero(numbers) > 1]  # of one word: see `with_pairs`
    np.testing.assert_allclose(found[many], expected[many], atol=2e-5)


@pytest.mark.parametrize("library", ["freedive", "keras"])
def test_a_lesson_is_learned(library):
    lesson = dataclasses.replace(prepared.LESSONS["rt-polarity"], split=lambda data, seed: raw("rt-polarity"))
    found = lesson.learn(None, library, seed=0, epochs=30)
    assert found["accuracy"] == 1 and found["CPU seconds"] > 0


def test_the_network_in_torch_is_the_translators():
    torch = pytest.importorskip("torch", reason="PyTorch is no dependency")
    from benchmarks import torch_networks
    from freedive.networks import AttentionNetwork

    own = AttentionNetwork(12, 14, units=6, embedding=6)
    source, told = np.array([[5, 6, 7, 0], [8, 9, 10, 11]]), np.array([[2, 7, 6], [2, 9, 0]])
    expected = np.asarray(own([source, told]))
    module = torch_networks.attentive(12, 14, 6, 0.2).eval()
    values = {
        "source.weight": own.source_embedding.get_weights()[0],
        "target.weight": own.target_embedding.get_weights()[0],
    }
    for name, layer in {"query": own.query, "key": own.key, "combine": own.combine}.items():
        values |= dict(zip((f"{name}.weight", f"{name}.bias"), (w.T for w in layer.get_weights()), strict=False))
    recurrent = zip(("encoder.{}_l0", "encoder.{}_l0_reverse", "decoder.{}_l0"), _lstms(own), strict=True)
    for name, weights in recurrent:
        values |= {
            name.format(part): w.T for part, w in zip(("weight_ih", "weight_hh", "bias_ih"), weights, strict=True)
        }
        values[name.format("bias_hh")] = 0 * weights[2]
    module.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in values.items()})
    with torch.no_grad():
        found = module(torch.from_numpy(source), torch.from_numpy(told)).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)


def _lstms(network):
    """The weights of the three LSTMs."""
    both = network.encoder.get_weights()
    return both[:3], both[3:], network.decoder.get_weights()


def test_every_library_learns_to_translate():
    pytest.importorskip("torch", reason="PyTorch is no dependency")
    pairs = ["one two", "two one", "one", "two"] * 12, ["eins zwei", "zwei eins", "eins", "zwei"] * 12
    lesson = translation.Lesson(epochs=10, units=8)
    found = {library: lesson.learn((pairs, pairs), library, seed=0) for library in lesson.libraries}
    assert abs(found["torch"]["loss"] - found["freedive"]["loss"]) < 0.5


def test_pictures_are_learned_in_both_words():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 255, (64, 12, 12, 1)).astype(np.uint8), np.arange(64) % 2
    x[y == 1, :6] //= 8
    lesson = pictures.Lesson(lambda path: None, pictures.plain, epochs=6, batch=8)
    for library in lesson.libraries:
        assert lesson.learn((x, y, x, y), library, 0)["accuracy"] > 0.9
