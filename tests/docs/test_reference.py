"""The reference: every public name has a docstring and stands in it; the site builds without a warning."""

import ast
import importlib.util
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def loaded():
    spec = importlib.util.spec_from_file_location("freedive_reference", ROOT / "docs" / "reference.py")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


reference = loaded()
MODULES = list(reference.public_modules())
ENTRIES = [entry for module in MODULES for entry in reference.entries(module)]
CALLABLE = [entry for entry in ENTRIES if callable(entry.thing)]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_every_module_tells_what_lives_there(module):
    assert (inspect.getdoc(module) or "").strip()


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_no_submodule_hides_a_public_function(module):
    """After `from ..losses import hinge`, `from .hinge import Hinge` puts the module in the function's place."""
    tree = ast.parse(inspect.getsource(module))
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module]
    names = {alias.asname or alias.name for node in imports for alias in node.names} & set(
        reference.public_names(module)
    )
    assert not [name for name in names if inspect.ismodule(getattr(module, name))]


@pytest.mark.parametrize("entry", CALLABLE, ids=lambda entry: entry.full_name)
def test_every_public_name_has_a_docstring(entry):
    assert reference.own_doc(entry.thing), f"{entry.full_name} has no docstring of its own"
    if inspect.isclass(entry.thing):
        bare = [name for name in reference.methods(entry.thing) if not inspect.getdoc(getattr(entry.thing, name))]
        assert not bare, f"{entry.full_name}: methods without a docstring: {bare}"


def test_every_public_name_stands_in_the_reference():
    pages = reference.pages()
    for entry in ENTRIES:
        top = entry.module.split(".")[1] if "." in entry.module else "freedive"
        assert f"### {entry.name} " in pages[top] or f"[`{entry.name}`](" in pages[top], entry.full_name


def test_a_docstring_as_markdown():
    doc = """One line with a * sign.

    Formula: a_b <= 2, see `a_b`.

    Args:
        units: the number of
            outputs.
        x, y: pairs.

    Returns:
        The thing: always.

    >>> 1 + 1
    2
    """
    assert reference.markdown(inspect.cleandoc(doc)).splitlines() == [
        r"One line with a \* sign.",
        "",
        r"Formula: a\_b \<= 2, see `a_b`.",
        "",
        "**Args**",
        "",
        "- `units`: the number of",
        "  outputs.",
        "- `x`, `y`: pairs.",
        "",
        "**Returns**",
        "",
        "The thing: always.",
        "",
        "```python",
        ">>> 1 + 1",
        "2",
        "```",
    ]


def test_the_site_builds_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    layers = (tmp_path / "api" / "layers" / "index.html").read_text()
    assert 'id="layers.Dense"' in layers and "kernel_initializer" in layers
