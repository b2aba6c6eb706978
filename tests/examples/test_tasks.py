"""The examples of tables and series, in small."""

import importlib.util
from pathlib import Path

import numpy as np

EXAMPLES = Path(__file__).parents[2] / "examples"


def example(name):
    """The module of an example."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_penguins():
    accuracy, baseline, names = example("t11_table_of_penguins").main(epochs=20)
    assert accuracy > 0.95 < baseline and len(names) == 7


def test_a_wave_is_foretold():
    hours = np.arange(600)
    table = {"date": np.datetime64("2024-01-01T00") + hours, "a": np.sin(hours * np.pi / 12), "b": np.cos(hours / 5)}
    mse, mae, task = example("t10_forecast").main(table, horizon=6, length=24, months=30, epochs=10)
    assert mse < 0.2 and mae < 0.4 and task.horizon == 6


def test_the_table_of_baselines():
    found = example("t11_against_baselines").main({"wine": 1}, epochs=40)
    network, best = found["wine"]
    assert network > 0.9 and best > 0.9
