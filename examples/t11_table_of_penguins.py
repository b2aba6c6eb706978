"""T11: the species of a penguin from a table with numbers, categories and missing cells, beside simple methods.

Expect 98% and more of the 86 test penguins; the bill tells most.
"""

import numpy as np

import freedive as fd
from freedive.tasks import baseline_scores


def main(epochs=60, verbose=0):
    """Train; returns (accuracy, the best baseline's accuracy, names of columns from the most important on)."""
    (x, y), (x_test, y_test) = fd.datasets.penguins.load_data()
    species = np.array(fd.datasets.penguins.class_names)
    task = fd.TabularClassifier(epochs=epochs, calibrate=True, verbose=verbose).fit(x, species[y])
    accuracy = task.score(x_test, species[y_test])

    rows = [task.reader.encoded(part) for part in (x, x_test)]
    baselines = baseline_scores(rows[0], y, rows[1], y_test, classes=True)
    print(f"network {accuracy:.2%}")
    for line in baselines:
        print(f"{line.name} {line.score:.2%} in {line.seconds:.3f} s")
    importance = task.importance(x_test, species[y_test])
    print("most important:", ", ".join(importance.names[:3]))
    return accuracy, baselines[0].score, importance.names


if __name__ == "__main__":
    main(verbose="auto")
