"""The examples in docstrings: every one of every module gives what it says."""

import doctest
import importlib
import pkgutil

import pytest

import freedive

SKIPPED = {"freedive.__main__"}  # runs the command line when it is imported
MODULES = sorted({"freedive", *(m.name for m in pkgutil.walk_packages(freedive.__path__, "freedive."))} - SKIPPED)


@pytest.mark.parametrize("name", MODULES)
def test_examples_give_what_they_say(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    told: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for test in doctest.DocTestFinder(exclude_empty=True).find(module, name):
        test.globs["__name__"] = "__main__"  # what an example makes is its reader's, not a part of freedive
        runner.run(test, out=told.append)
    assert runner.failures == 0, "".join(told)
