"""Every example runs, in small: its network learns more than guessing, and what it says it gives, it gives."""

import ast
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from freedive import datasets, layers
from freedive.datasets import digits
from freedive.models import Sequential

EXAMPLES = Path(__file__).parents[2] / "examples"
PROGRAMS = [f"p{number:02d}" for number in range(1, 12)]


def example(program):
    """The module of a program: example("p01")."""
    (path,) = EXAMPLES.glob(f"{program}_*.py")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# program, arguments of main, accuracy that the test part must reach, accuracy of guessing
CLASSIFIERS = [
    ("p02", {"epochs": 2, "samples": 4000, "download": False}, 0.80, 0.1),
    ("p03", {"epochs": 1, "samples": 2000}, 0.70, 0.1),
    ("p04", {"epochs": 1, "samples": 2000}, 0.60, 0.1),
    ("p05", {"epochs": 30}, 0.50, 1 / 9),
    ("p06", {"epochs": 5, "units": 32}, 0.30, 1 / 9),
    ("p07", {"epochs": 2}, 0.68, 0.51),
    ("p08", {"epochs": 2, "units": 16}, 0.68, 0.51),
]


@pytest.mark.filterwarnings("ignore:mnist. GOING ON WITH AN EMBEDDED PART")
@pytest.mark.parametrize(("program", "arguments", "wanted", "guessing"), CLASSIFIERS, ids=[c[0] for c in CLASSIFIERS])
def test_classifier_learns_more_than_guessing(program, arguments, wanted, guessing):
    assert wanted > 1.3 * guessing
    accuracy = example(program).main(**arguments, verbose=0)
    assert wanted < accuracy <= 1


def test_lines_stay_lines_and_curves_do_not():
    program = example("p01")
    loss, line = program.main()
    assert line * 0.999 < loss < 1.1 * line  # no straight line is better than the best one
    loss, line = program.main(units=10, activation="tanh")
    assert loss < 0.5 * line


def test_recogniser_learns_by_its_own_loop():
    losses, test_loss, accuracy = example("p09").main(epochs=15, verbose=False)
    assert losses[-1] < 0.5 * losses[0]
    assert test_loss < np.log(9)  # that of guessing
    assert accuracy > 0.5


def test_translator_learns_more_than_the_commonest_character():
    assert example("p10").main(epochs=8, units=64, verbose=0) > 0.25


@pytest.mark.filterwarnings("ignore:`trainable` was changed after compile")
def test_gan_learns_and_draws(tmp_path):
    from PIL import Image

    program, picture = example("p11"), tmp_path / "grid.png"
    noise = np.random.default_rng(1).normal(size=(50, program.NOISE))
    assert abs(program.make_generator().predict(noise, verbose=0).mean()) < 0.1  # grey
    generator, discriminator = program.main(epochs=2, samples=1280, picture=picture)
    made = generator.predict(noise, verbose=0)
    assert made.shape == (50, 28, 28, 1)
    assert np.abs(made).max() <= 1
    assert made.mean() < -0.3  # light strokes on black: that of real digits is -0.74
    assert made.std(axis=0).mean() > 0.1  # not one and the same
    assert discriminator.predict(made, verbose=0).shape == (50, 1)
    assert Image.open(picture).size == (280, 280)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:`trainable` was changed after compile")
def test_gan_writes_digits_that_a_classifier_recognises(tmp_path):
    """Of 1,000 samples at least 70% are some digit to a classifier trained apart, by 90%, and every digit occurs."""
    program = example("p11")
    generator, _ = program.main(picture=tmp_path / "grid.png")
    noise = np.random.default_rng(5).normal(size=(1000, program.NOISE))
    samples = generator.predict(noise, verbose=0) / 2 + 0.5

    (x, y), _ = digits.load_data()
    classifier = Sequential([
        layers.Conv2D(32, 3, activation="relu", input_shape=(28, 28, 1)), layers.MaxPooling2D(),
        layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D(),
        layers.Flatten(), layers.Dense(64, activation="relu"), layers.Dense(10, activation="softmax"),
    ])  # fmt: skip
    classifier.compile("adam", "sparse_categorical_crossentropy")
    classifier.fit(x[..., None].astype("float32") / 255, y, epochs=10, batch_size=64, verbose=0)
    found = classifier.predict(samples, verbose=0)
    sure = found.max(axis=1) >= 0.9
    assert sure.mean() >= 0.7
    assert set(found.argmax(axis=1)[sure]) == set(range(10))


@pytest.mark.parametrize("program", PROGRAMS)
def test_example_is_short_and_says_what_it_is(program):
    (path,) = EXAMPLES.glob(f"{program}_*.py")
    text = path.read_text(encoding="utf8")
    assert len(text.splitlines()) <= 60
    assert ast.get_docstring(ast.parse(text)).startswith(f"{program.upper().replace('P0', 'P')}: ")
    assert 'if __name__ == "__main__":\n    main()' in text


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """A folder of three "digits" by two speakers, tones in noise."""
    import soundfile

    place, rng = tmp_path_factory.mktemp("recordings"), np.random.default_rng(0)
    for digit, speaker, take in np.ndindex(3, 2, 8):
        tone = np.sin(np.arange(900) * (0.3 + 0.4 * digit)) + 0.1 * rng.normal(size=900)
        soundfile.write(place / f"{digit}_{'ab'[speaker]}_{take}.wav", tone / 2, 8000)
    return place


def test_digit_strings_are_joined_and_written(recordings):
    result = example("s01").main(recordings, training=20, testing=6, epochs=1, verbose=0)
    assert result["rows"] == 6 and 0 < result["character_error_rate"] <= 2


def test_a_speaker_that_is_unseen_is_in_no_row_that_is_learned_from(recordings):
    raw, parts = datasets.spoken_digits.load_raw(recordings), example("s02").parts
    for speaker in "ab":
        learned, tested = parts(raw, speaker)
        assert set(raw["speakers"][learned]) == {"a", "b"} - {speaker} and set(raw["speakers"][tested]) == {speaker}
    learned, tested = parts(raw)
    assert len(learned) == 18 and len(tested) == 30 and raw["takes"][tested].max() == 4
