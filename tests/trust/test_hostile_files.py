"""Files from strangers: every family is refused with its code, in a process that sees what they cause."""

import json
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from attacks import CASES, FAMILIES, NAMES, descriptions
from attacks.files import MODELS, parts, write

import freedive as fd
from freedive.files import CODES, tensors, write_tensors

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """What came of every file: its number or name -> what the guard saw."""
    folder = tmp_path_factory.mktemp("files")
    for kind in MODELS:
        write(folder / f"valid-{kind}", *parts(kind))
    write_tensors(folder / "valid-task", *descriptions.valid())
    for name, (*_, make) in zip(NAMES, CASES, strict=True):
        make(folder / name)
    command = [sys.executable, str(HERE / "guard.py"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder.parent)
    assert done.returncode == 0, done.stderr[-2000:]
    assert not (folder.parent / "executed").exists()
    return {found["file"]: found for found in map(json.loads, done.stdout.splitlines())}


def test_there_are_enough_of_them():
    assert len(CASES) >= 300
    assert FAMILIES.keys() | {21, 25} == set(range(1, 28))  # those two are below
    assert all(FAMILIES.values())


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_a_family_is_refused_with_its_code(loaded, family):
    for file, (own, name, code, _) in zip(NAMES, CASES, strict=True):
        if own == family:
            found = loaded[file]
            assert found["code"] == code, (name, found)
            assert file in found["text"], found
            assert code == "missing" or CODES[code] in found["text"], found
            assert len(found["text"]) < 1000, found


def test_nothing_is_run_opened_or_asked_of_the_network(loaded):
    assert {found["file"]: found["events"] for found in loaded.values() if found["events"]} == {}


def test_each_takes_little_time_and_less_than_200_megabytes(loaded):
    for found in loaded.values():
        assert found["seconds"] < 3, found  # of computing; a third of one on a machine left alone
        assert found["memory"] < 200 * 2**20, found


def test_valid_files_load_there(loaded):
    assert {loaded[f"valid-{kind}"]["code"] for kind in (*MODELS, "task")} == {"loaded"}


# families that are loaded, or refused by choice -----------------------------------------------------------------
def test_weights_that_are_not_finite_are_warned_of_or_refused(tmp_path):
    found, told = parts()
    found["dense/kernel"][1, 2] = np.nan
    write(tmp_path / "m", found, told)
    message = r"1 of 4 weights hold NaN or infinity, the first is dense/kernel at \(1, 2\)"
    with pytest.warns(UserWarning, match=message):
        model = fd.models.load_model(tmp_path / "m")
    with pytest.raises(fd.ModelFileError, match=message) as caught:
        fd.models.load_model(tmp_path / "m", check_finite=True)
    assert caught.value.code == "BAD_VALUE"
    with pytest.raises(fd.ModelFileError, match=message):
        model.load_weights(tmp_path / "m", check_finite=True)


def test_a_file_that_is_swapped_while_it_is_read_changes_nothing(tmp_path, monkeypatch):
    path, genuine = tmp_path / "m", tensors.read_header
    write(path, *parts())

    def swapping(*given):
        header = genuine(*given)
        path.unlink()
        path.symlink_to("/etc/passwd")
        return header

    monkeypatch.setattr(tensors, "read_header", swapping)
    found, _ = tensors.read_tensors(path)
    np.testing.assert_array_equal(found["dense/kernel"], parts()[0]["dense/kernel"])


def test_a_link_to_a_model_is_a_model(tmp_path):
    write(tmp_path / "m", *parts())
    (tmp_path / "link").symlink_to(tmp_path / "m")
    with warnings.catch_warnings(action="error"):
        fd.models.load_model(tmp_path / "link")
