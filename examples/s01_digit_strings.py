"""Digit strings: numbers spoken digit by digit, written down without knowing when each was said.

Spoken digits of the Free Spoken Digit Dataset are joined to strings of three to six, one speaker a string, with silence
between them and noise over all. The test strings are made of takes that no training string has. `Transcriber` learns by
connectionist temporal classification.

    python examples/s01_digit_strings.py [recordings.zip [SEED]]
"""

import sys

import numpy as np

import freedive as fd
from freedive.tasks import Transcriber

RATE = 8000


def strings(raw, rows, count, rng, longest=6):
    """Waves of joined digits, and the digits as texts."""
    clips, speakers, digits = raw["clips"], raw["speakers"][rows], raw["digits"][rows]
    waves, texts = [], []
    for _ in range(count):
        own = np.flatnonzero(speakers == rng.choice(np.unique(speakers)))
        chosen = rng.choice(own, rng.integers(3, longest + 1))
        parts = [np.zeros(rng.integers(0, RATE // 4))]
        for place in chosen:
            clip = clips[rows[place]][:RATE]
            parts += [clip / np.abs(clip).max() * rng.uniform(0.5, 1), np.zeros(rng.integers(0, RATE // 4))]
        wave = np.concatenate(parts)
        waves.append((wave + rng.normal(size=len(wave)) * 10 ** rng.uniform(-3, -1.7)).astype(np.float32))
        texts.append("".join(str(digit) for digit in digits[chosen]))
    return waves, texts


def split(raw, seed=0, training=2000, testing=300):
    """Waves and texts to learn from, and others to test with."""
    rng = np.random.default_rng(seed)
    known, held = np.flatnonzero(raw["takes"] >= 5), np.flatnonzero(raw["takes"] < 5)
    return *strings(raw, known, training, rng), *strings(raw, held, testing, rng)


def main(path=None, training=2000, testing=300, epochs=15, seed=0, verbose="auto"):
    """Train and test; returns the results on the test strings."""
    raw = fd.datasets.spoken_digits.load_raw(path)
    known, written, waves, texts = split(raw, seed, training, testing)
    task = Transcriber(sampling_rate=RATE, epochs=epochs, seed=seed, verbose=verbose).fit(known, written)
    result = task.evaluate(waves, texts)
    for text, answer in zip(texts[:5], task.predict(waves[:5]), strict=True):
        print(f"said {text:7} written {answer}")
    print({name: round(value, 4) for name, value in result.items()})
    return result


if __name__ == "__main__":
    main(*sys.argv[1:2], seed=int("".join(sys.argv[2:3]) or 0))
