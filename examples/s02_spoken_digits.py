"""Spoken digits: which digit it is, said by speakers that the network knows, or by one that it never heard.

The Free Spoken Digit Dataset: 3,000 recordings of ten digits by six speakers. With known speakers, takes 0 to 4 are the
test, as its authors do; with an unseen one, all recordings of that speaker, and none of them is learned from.

    python examples/s02_spoken_digits.py recordings.zip known      # known speakers
    python examples/s02_spoken_digits.py recordings.zip george     # one speaker unseen
    python examples/s02_spoken_digits.py recordings.zip each       # each in turn: six trainings, and their mean
    python examples/s02_spoken_digits.py recordings.zip each 1     # from another seed
"""

import sys

import numpy as np

import freedive as fd
from freedive.tasks import SpeechClassifier


def parts(raw, unseen=None):
    """(rows to learn from, rows to test with)."""
    held = raw["takes"] < 5 if unseen is None else raw["speakers"] == unseen
    return np.flatnonzero(~held), np.flatnonzero(held)


def accuracy(raw, unseen=None, **parameters):
    """Train without the test rows; the share of these that is recognised."""
    learned, tested = parts(raw, unseen)
    task = SpeechClassifier(sampling_rate=8000, seconds=0.8, **parameters)
    task.fit([raw["clips"][row] for row in learned], raw["digits"][learned])
    return task.score([raw["clips"][row] for row in tested], raw["digits"][tested])


def main(path=None, unseen=None, **parameters):
    """Train and test; returns the accuracy, of "each" the mean."""
    raw = fd.datasets.spoken_digits.load_raw(path)
    speakers = np.unique(raw["speakers"]).tolist() if unseen == "each" else [None if unseen == "known" else unseen]
    found = []
    for speaker in speakers:
        found.append(accuracy(raw, speaker, **parameters))
        print(f"{speaker or 'known speakers'}: {found[-1]:.2%}", flush=True)
    if unseen == "each":
        print(f"mean: {np.mean(found):.2%}")
    return float(np.mean(found))


if __name__ == "__main__":
    main(*sys.argv[1:3], seed=int("".join(sys.argv[3:4]) or 0))
