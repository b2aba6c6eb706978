"""Every example runs, in small: its network learns more than guessing, and what it says it gives, it gives."""

import ast
import importlib.util
from pathlib import Path

import numpy as np
import pytest

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
    assert example("p10").main(epochs=3, units=32, verbose=0) > 0.2


def test_gan_learns_and_draws(tmp_path):
    from PIL import Image

    picture = tmp_path / "grid.png"
    generator, discriminator = example("p11").main(epochs=2, samples=320, batch_size=32, picture=picture)
    assert Image.open(picture).size == (280, 280)
    made = generator.predict(np.zeros((2, generator.input_shape[-1])), verbose=0)
    assert made.shape == (2, 28, 28, 1)
    assert np.abs(made).max() <= 1
    assert discriminator.predict(made, verbose=0).shape == (2, 1)


@pytest.mark.parametrize("program", PROGRAMS)
def test_example_is_short_and_says_what_it_is(program):
    (path,) = EXAMPLES.glob(f"{program}_*.py")
    text = path.read_text(encoding="utf8")
    assert len(text.splitlines()) < 70
    assert ast.get_docstring(ast.parse(text)).startswith(f"{program.upper().replace('P0', 'P')}: ")
    assert 'if __name__ == "__main__":\n    main()' in text
