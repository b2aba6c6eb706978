"""Methods against the same work in turn: an ensemble, a search, folds. One process, alternating, the best of rounds.

    python -m benchmarks.methods [ensemble] [search] [folds] [--peer keras|none] [--rounds 3]

Each side does all of the work: first runs, which compile, are told apart from later ones. The peer is Keras on the same
engine.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np

import freedive as fd
from freedive.methods import Real

Work = Callable[[], dict[str, float]]  # does all of the work; what it reached
BATCH, EPOCHS = 32, 3
SPACE = {"rate": Real(1e-4, 1e-1, log=True), "decay": Real(1e-6, 1e-2, log=True), "dropout": Real(0.05, 0.6)}


def digits(rows: int) -> tuple[Any, ...]:
    """Rows of 784 numbers from 0 to 1, their digits, and the test part."""
    (x, y), (x_test, y_test) = fd.datasets.digits.load_data()
    x, x_test = (a.reshape(len(a), -1).astype("float32") / 255 for a in (x, x_test))
    return x[:rows], y[:rows], x_test, y_test


def p2(k: Any) -> Any:
    """The articles' P2 in the words of `k`, freedive or keras."""
    return k.Sequential(
        [
            k.Input((784,)),
            k.layers.Dense(64, activation="relu"),
            k.layers.Dense(64, activation="relu"),
            k.layers.Dense(10, activation="softmax"),
        ]
    )


def small(k: Any, rate: float, decay: float, dropout: float) -> Any:
    """A small network with the three numbers that are searched for."""
    layers = [k.Input((784,)), k.layers.Dense(32, activation="relu"), k.layers.Dropout(dropout)]
    model = k.Sequential([*layers, k.layers.Dense(10, activation="softmax")])
    return compiled(model, k.optimizers.AdamW(rate, weight_decay=decay))


def compiled(model: Any, optimizer: Any = "adam") -> Any:
    """Ready to learn classes."""
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


# 16 members of P2 -----------------------------------------------------------------------------------------------------
def ensemble(peer: Any) -> dict[str, tuple[int, Work]]:
    """Name -> (models trained, work)."""
    x, y, x_test, y_test = digits(10_000)

    def single() -> dict[str, float]:
        model = compiled(p2(fd))
        model.fit(x, y, BATCH, EPOCHS, verbose=0)
        return {"accuracy": model.evaluate(x_test, y_test, verbose=0)[1]}

    def members() -> dict[str, float]:
        model = fd.Ensemble(compiled(p2(fd)), n=16)
        history = model.fit(x, y, BATCH, EPOCHS, verbose=0)
        each = model.evaluate_members(x_test, y_test)["accuracy"].mean()
        together = model.evaluate(x_test, y_test, verbose=0)[1]
        print(f"    {history.run.members}: accuracy {together:.4f}, the mean member {each:.4f}")
        return {"accuracy": together}

    def in_turn() -> dict[str, float]:
        answers = []
        for _ in range(16):
            model = compiled(p2(peer))
            model.fit(x, y, batch_size=BATCH, epochs=EPOCHS, verbose=0)
            answers.append(model.predict(x_test, verbose=0))
        return {"accuracy": float(np.mean(np.mean(answers, 0).argmax(1) == y_test))}

    found: dict[str, tuple[int, Work]] = {"freedive, one": (1, single), "freedive, 16 members": (16, members)}
    return found | ({"keras, 16 in turn": (16, in_turn)} if peer else {})


# 64 trials ------------------------------------------------------------------------------------------------------------
def search(peer: Any) -> dict[str, tuple[int, Work]]:
    """A random search over rate, decay and dropout; the peer's trials are asked for by Optuna's random sampler."""
    x, y, *_ = digits(4000)
    cut = 3200

    def members() -> dict[str, float]:
        study = fd.tune(lambda rate, decay, dropout: small(fd, rate, decay, dropout), SPACE, x, y, trials=64,
                        monitor="val_accuracy", epochs=EPOCHS, verbose=0)  # fmt: skip
        return {"best": study.best.score}

    def in_turn() -> dict[str, float]:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)

        def objective(trial: Any) -> float:
            model = small(peer, **{name: values.suggest(trial, name) for name, values in SPACE.items()})
            held_out = (x[cut:], y[cut:])
            history = model.fit(x[:cut], y[:cut], batch_size=BATCH, epochs=EPOCHS, validation_data=held_out, verbose=0)
            return history.history["val_accuracy"][-1]

        study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0))
        study.optimize(objective, n_trials=64)
        return {"best": study.best_value}

    found: dict[str, tuple[int, Work]] = {"freedive, 64 trials": (64, members)}
    return found | ({"optuna over keras, 64 trials": (64, in_turn)} if peer else {})


# 5 folds --------------------------------------------------------------------------------------------------------------
def folds(peer: Any) -> dict[str, tuple[int, Work]]:
    """Five folds of the digits."""
    x, y, *_ = digits(10_000)

    def members() -> dict[str, float]:
        scores = fd.cross_validate(compiled(p2(fd)), x, y, batch_size=BATCH, epochs=EPOCHS, verbose=0)
        return {"accuracy": scores.mean("accuracy")}

    def in_turn() -> dict[str, float]:
        from sklearn.model_selection import KFold

        found = []
        for learned, tested in KFold(5, shuffle=True, random_state=0).split(x):
            model = compiled(p2(peer))
            model.fit(x[learned], y[learned], batch_size=BATCH, epochs=EPOCHS, verbose=0)
            found.append(model.evaluate(x[tested], y[tested], verbose=0)[1])
        return {"accuracy": float(np.mean(found))}

    found: dict[str, tuple[int, Work]] = {"freedive, 5 folds": (5, members)}
    return found | ({"keras, 5 folds in turn": (5, in_turn)} if peer else {})


WORKLOADS = {"ensemble": ensemble, "search": search, "folds": folds}


def measure(works: dict[str, tuple[int, Work]], rounds: int) -> None:
    """Alternate the sides; say the first time, the least of the later ones, and how much of it a model takes."""
    times: dict[str, list[float]] = {name: [] for name in works}
    reached: dict[str, dict[str, float]] = {}
    for _ in range(rounds):
        for name, (_, work) in works.items():
            fd.set_seed(0)
            began = time.perf_counter()
            reached[name] = work()
            times[name].append(time.perf_counter() - began)
    *_, last = works
    for name, (models, _) in works.items():
        first, best = times[name][0], min(times[name][1:] or times[name])
        against = min(times[last][1:] or times[last])
        shown = ", ".join(f"{what} {value:.4f}" for what, value in reached[name].items())
        print(f"  {name:30s} first {first:7.2f} s, then {best:7.2f} s, {best / models * 1e3:8.1f} ms a model, "
              f"{against / best:6.2f} times as fast as {last}; {shown}", flush=True)  # fmt: skip


def main() -> None:
    """Read the words of the command and measure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.methods", description=__doc__)
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=", ".join(WORKLOADS))
    parser.add_argument("--peer", choices=("keras", "none"), default="keras")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    peer = None
    if options.peer == "keras":
        import keras as peer
    for name in options.workloads or WORKLOADS:
        print(f"{name}:")
        measure(WORKLOADS[name](peer), options.rounds)


if __name__ == "__main__":
    main()
