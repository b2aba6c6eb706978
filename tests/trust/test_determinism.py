"""The same seed gives the same bits: in fresh processes, in chunks of any length, watched or not, resumed or not."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import freedive as fd
from freedive.files import read_tensors

SCRIPT = Path(__file__).with_name("determinism.py")
SURROUNDINGS = [  # what must not matter
    {"PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo"},
    {"PYTHONHASHSEED": "2", "LC_ALL": "C", "OMP_NUM_THREADS": "1"},
    {"PYTHONHASHSEED": "3", "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"},
    {"PYTHONHASHSEED": "4", "JAX_ENABLE_COMPILATION_CACHE": "false"},
]
METHODS = Path(__file__).with_name("determinism_of_methods.py")
FILES = [told for told in SURROUNDINGS if "XLA_FLAGS" not in told]  # these are named in a file: its bytes differ


def tables(processes, folder, script=SCRIPT, surroundings=SURROUNDINGS):
    for i in range(processes):
        environment = os.environ | surroundings[i % len(surroundings)]
        place = folder / str(i)
        place.mkdir()
        done = subprocess.run(
            [sys.executable, str(script)], env=environment, cwd=place, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, done.stderr
        yield json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("processes", [4, pytest.param(20, marks=pytest.mark.long)])
def test_all_hashes_are_equal(processes, tmp_path):
    found = list(tables(processes, tmp_path))
    for kind in ("shuffled", "in order"):
        hashes = {h for table in found for h in table[kind].values()}
        assert len(hashes) == 1, [table[kind] for table in found]
    assert found[0]["shuffled"]["plain"] != found[0]["in order"]["resident"]


@pytest.mark.parametrize("processes", [2, pytest.param(12, marks=pytest.mark.long)])
def test_tasks_and_methods_give_equal_bits(processes, tmp_path):
    """Vocabularies and tables learned under other hash seeds, pictures decoded by threads, clients, private noise."""
    first, *others = tables(processes, tmp_path, METHODS, FILES)
    assert len(set(first.values())) == len(first) == 6
    assert all(found == first for found in others), [first, *others]


def test_the_doctor_and_the_file_say_what_bits_depend_on(tmp_path):
    model = fd.Sequential([fd.Input((2,)), fd.layers.Dense(1)])
    model.save(tmp_path / "m.safetensors")
    made = json.loads(read_tensors(tmp_path / "m.safetensors")[1]["made"])
    bits = fd.doctor()["bits"]
    assert made == bits
    assert {"freedive", "jax", "device", "devices", "processor", "cores", "native", "XLA_FLAGS", "precision"} <= set(
        bits
    )
