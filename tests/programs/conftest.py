"""Lets the tests import `programs`, whatever pytest's import mode; MNIST by its name is a small embedded portion."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def small_mnist(monkeypatch):
    import freedive.datasets

    def portion():
        (x_train, y_train), (x_test, y_test) = freedive.datasets.digits.load_data()
        return (x_train[:320], y_train[:320]), (x_test[:200], y_test[:200])

    monkeypatch.setattr(freedive.datasets.mnist, "load_data", portion)
