"""T11, M31: four tables of scikit-learn, several splits of each, beside the best of simple methods.

    python examples/t11_against_baselines.py

Prints accuracy (of diabetes R2), mean and deviation over the splits, and seconds a fit. Small tables have more splits,
for one row of a test of 45 is two points.
"""

import time

import numpy as np

import freedive as fd
from freedive.preprocessing import train_test_split
from freedive.tasks import baseline_scores

SPLITS = {"breast_cancer": 10, "wine": 20, "digits": 3, "diabetes": 10}


def main(tables=SPLITS, **options):
    """Train; `tables`: name -> splits. Returns name -> (score, best baseline's score), means over the splits."""
    from sklearn import datasets

    found = {}
    for name, splits in tables.items():
        x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
        amounts, scores, seconds = name == "diabetes", [], 0.0
        for seed in range(splits):
            x_train, x_test, y_train, y_test = train_test_split(x, y, stratify=None if amounts else y, seed=seed)
            kind = fd.TabularRegressor if amounts else fd.TabularClassifier
            began = time.perf_counter()
            task = kind(seed=seed, verbose=0, **options).fit(x_train, y_train)
            seconds += (time.perf_counter() - began) / splits
            simple = baseline_scores(x_train, y_train, x_test, y_test, classes=not amounts)
            scores.append({"network": task.score(x_test, y_test), **{line.name: line.score for line in simple}})
        means = {method: float(np.mean([score[method] for score in scores])) for method in scores[0]}
        best = max((score, method) for method, score in means.items() if method != "network")
        spread = np.std([score["network"] for score in scores])
        print(f"{name}: {means['network']:.3f} +- {spread:.3f} in {seconds:.1f} s; {best[1]} {best[0]:.3f}", flush=True)
        found[name] = (means["network"], best[0])
    return found


if __name__ == "__main__":
    main()
