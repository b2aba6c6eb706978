"""Commands run in this process, and two models that the commands made."""

import json
from typing import NamedTuple

import pytest

from freedive.cli import main


class Result(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def run(capsys):
    """run("train", "zoo") -> exit code, standard output, standard error."""

    def command(*words):
        capsys.readouterr()
        code = main([str(word) for word in words])
        return Result(code, *capsys.readouterr())

    return command


@pytest.fixture(scope="session")
def zoo(tmp_path_factory):
    """The folder of a table model."""
    folder = tmp_path_factory.mktemp("zoo")
    assert main(["train", "zoo", "--epochs", "30", "--quiet", "--output", str(folder)]) == 0
    return folder


@pytest.fixture(scope="session")
def digits(tmp_path_factory):
    """The folder of a picture model that learned a little."""
    folder = tmp_path_factory.mktemp("digits")
    words = [
        "train",
        "digits",
        "--rows",
        "1000",
        "--epochs",
        "2",
        "--batch-size",
        "32",
        "--quiet",
        "--output",
        str(folder),
    ]
    assert main(words) == 0
    return folder
