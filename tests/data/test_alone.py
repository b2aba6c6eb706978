"""What is numpy only is documented, and imports nothing heavy."""

import pathlib
import subprocess
import sys

import pytest

import freedive.data
import freedive.datasets
import freedive.files
import freedive.preprocessing

PACKAGES = (freedive.data, freedive.datasets, freedive.files, freedive.preprocessing)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_every_public_thing_is_documented(package):
    for name in package.__all__:
        thing = getattr(package, name)
        assert thing.__doc__ or not callable(thing), name


ALONE = """
import sys, types
root = types.ModuleType("freedive")  # the package without what its __init__ imports
root.__path__ = [sys.argv[1]]
sys.modules["freedive"] = root
import freedive.data, freedive.datasets, freedive.files, freedive.preprocessing
heavy = {"jax", "PIL", "soundfile", "pandas", "matplotlib", "sklearn"} & set(sys.modules)
assert not heavy, heavy
"""


def test_nothing_here_imports_the_engine_or_anything_heavy():
    folder = str(pathlib.Path(freedive.data.__file__).parent.parent)
    done = subprocess.run([sys.executable, "-c", ALONE, folder], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
