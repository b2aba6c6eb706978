"""The public names: imported when they are first named, and all of them are there for those who look."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import freedive


def told(code):
    """What a fresh Python prints."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("name", freedive.__all__)
def test_every_name_is_found_and_seen(name):
    assert getattr(freedive, name) is not None
    assert name in dir(freedive)


def test_type_checkers_see_the_places_that_are_imported():
    tree = ast.parse(Path(freedive.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.name: node.module for node in block.body for alias in node.names if node.module}
    assert seen == freedive._HOMES
    packages = {alias.name for node in block.body for alias in node.names if not node.module}
    assert {*seen, *packages, "doctor", "register"} == set(freedive.__all__)


def test_an_unknown_name_is_refused():
    with pytest.raises(AttributeError, match="'freedive' has no attribute 'layer'"):
        _ = freedive.layer


@pytest.mark.parametrize("words", [["--help"], ["datasets"], ["train", "--help"]])
def test_commands_that_compute_nothing_do_not_import_the_engine(words):
    code = f"import sys; from freedive.cli import main; main({words}); print('jax' in sys.modules)"
    assert told(code).splitlines()[-1] == "False"


def test_a_model_imports_no_more_than_it_needs():
    code = "import sys, freedive as fd; fd.Sequential([fd.layers.Dense(1)]).compile('adam', 'mse'); print(*sys.modules)"
    found = set(told(code).split())
    others = {f"freedive.{name}" for name in ("federated", "generative", "methods", "networks", "tasks")}
    assert "freedive.models" in found
    assert not found & others


def test_what_a_file_names_is_found_before_it_was_imported():
    code = "from freedive import config; print(config.from_json({'kind': 'sampler', 'class': 'beam', 'config': {}}))"
    assert told(code).startswith("Beam(")


def test_a_name_of_ones_own_goes_before_one_that_was_not_imported_yet():
    code = """
import freedive as fd
@fd.register
class TransformerNetwork(fd.layers.Layer):
    'Of my own.'
from freedive.config import Family
print(Family.families["layer"].find("TransformerNetwork").__doc__, fd.networks.TransformerNetwork.__name__)
print(Family.families["layer"].find("TransformerNetwork").__doc__)
"""
    assert told(code).splitlines() == ["Of my own. TransformerNetwork", "Of my own."]
