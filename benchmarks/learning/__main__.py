"""Whether speed costs learning: the same network on the same real data, in freedive and in Keras or PyTorch.

    python -m benchmarks.learning clothing FOLDER [--library keras] [--seeds 0,1,2] [--epochs 20]

Pictures are learned by one piece of code for both libraries, texts and sounds by freedive's tasks, whose prepared rows
the same network in Keras then learns from, and translation by `Translator` and the same network in PyTorch. Neither the
number of epochs nor anything else is chosen by the test rows. CPU time is that of training and answers, of all threads,
compiling included. Keras computes with JAX unless KERAS_BACKEND says otherwise.

MNIST and Fashion-MNIST are folders of IDX files, clothing one with "train", "validation" and "test" of class folders,
rt-polarity one with rt-polarity.pos and rt-polarity.neg, the three lessons of spoken digits the archive of the Free
Spoken Digit Dataset, and translation the folder of Multi30k. A seed of rt-polarity is a fold, too.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np

from . import pictures, prepared, translation

LESSONS = {**pictures.LESSONS, **prepared.LESSONS, **translation.LESSONS}


def main() -> None:
    """Read the words of the command, train, and say what came out."""
    parser = argparse.ArgumentParser(
        "benchmarks.learning", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("lesson", choices=LESSONS)
    parser.add_argument("path", type=Path)
    parser.add_argument("--library", choices=("freedive", "keras", "torch"), default="freedive")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--epochs", type=int, help="in place of the lesson's own")
    options = parser.parse_args()
    lesson = LESSONS[options.lesson]
    if options.library not in lesson.libraries:
        parser.error(f"{options.lesson} is learned in {' or '.join(lesson.libraries)}")
    os.environ.setdefault("KERAS_BACKEND", "jax")
    data, found = lesson.read(options.path), []
    for seed in options.seeds.split(","):
        found.append(lesson.learn(data, options.library, int(seed), options.epochs))
        print(f"{options.library} {seed}: {told(found[-1])}", flush=True)
    print(f"mean: {told({name: float(np.mean([one[name] for one in found])) for name in found[0]})}")


def told(numbers: dict[str, float]) -> str:
    """Numbers with their names.

    >>> told({"accuracy": 0.5, "CPU seconds": 12.34})
    'accuracy 0.5000, CPU seconds 12.3'
    """
    return ", ".join(f"{name} {value:.{1 if name == 'CPU seconds' else 4}f}" for name, value in numbers.items())


if __name__ == "__main__":
    main()
