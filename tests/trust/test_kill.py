"""Killed with SIGKILL at random moments of training and saving, a training goes on and ends with the same bits."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the time of children is read from /proc")
SCRIPT = Path(__file__).parent / "killing.py"


def kill(kind, kills, seed):
    words = [sys.executable, str(SCRIPT), kind, str(kills), str(seed)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["kills"] >= kills and found["trainings"] >= 1
    assert found["unreadable"] == found["lost"] == found["different"] == 0, found
    return found


@pytest.mark.parametrize("kind", ["convolution", "lstm"])
def test_killed_some_times(kind):
    kill(kind, 4, 0)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["convolution", "lstm"])
def test_killed_five_hundred_times(kind):
    assert kill(kind, 500, 1)["while writing"] > 50, "hardly a kill hit a write: the test shows little"
