"""Sentiment of 10,662 sentences of film reviews (rt-polarity), in ten folds, beside logistic regression.

    python examples/rt_polarity.py FOLDER [--folds 10]

FOLDER holds rt-polarity.pos and rt-polarity.neg of Pang and Lee 2005 (cp1252). Expect 78% for averaged embeddings that
are learned from nothing, and as much for words and pairs of words; Kim 2014 has 76.1% for a CNN. A fold takes half a
minute on one slow processor.
"""

import argparse
from pathlib import Path

import numpy as np

import freedive as fd
from freedive.tasks.text_baselines import ngram_logistic


def read(folder):
    """(sentences, "neg" or "pos")."""
    texts, labels = [], []
    for label in ("neg", "pos"):
        lines = (Path(folder) / f"rt-polarity.{label}").read_text("cp1252").split("\n")
        lines = [line.strip() for line in lines if line.strip()]
        texts, labels = texts + lines, labels + [label] * len(lines)
    return np.array(texts), np.array(labels)


def parted(rows, count):
    """(rows to learn from, rows to test with) of every fold."""
    parts = np.array_split(np.random.default_rng(0).permutation(rows), count)
    return [(np.concatenate(parts[:at] + parts[at + 1 :]), parts[at]) for at in range(count)]


def main(folder, folds=10, count=10, baseline=True, **parameters):
    """Train on all parts but one and test on that, for `folds` of `count` parts; returns the accuracies."""
    (texts, labels), found = read(folder), []
    for fold, (train, test) in enumerate(parted(len(texts), count)[:folds]):
        task = fd.TextClassifier(**{"network": "average", "verbose": 0, "seed": fold, **parameters})
        ours = task.fit(texts[train], labels[train]).score(texts[test], labels[test])
        theirs = ngram_logistic(texts[train], labels[train]).score(texts[test], labels[test]) if baseline else 0.0
        found.append((ours, theirs))
        print(f"fold {fold}: TextClassifier {ours:.4f}, words and pairs of words {theirs:.4f}")
    for name, row in zip(("TextClassifier", "words and pairs of words"), np.transpose(found), strict=True):
        print(f"{name}: mean {row.mean():.4f}, deviation {row.std():.4f}")
    return found


if __name__ == "__main__":
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("folder")
    told.add_argument("--folds", type=int, default=10)
    main(**vars(told.parse_args()))
