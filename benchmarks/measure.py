"""What one process does: one row in one peer, from the start of the process on. Prints its numbers as JSON.

`python -m benchmarks.measure '{"row": ..., "peer": ..., "data": ..., "started": ..., "seed": ..., "cold": ...}'`
"""

from __future__ import annotations

import importlib
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from . import peers
from .workloads import WORKLOADS, Workload

MARK = "measured: "  # stands before the JSON: libraries may print what they like
CALLS, CALL_SECONDS = 200, 3.0  # of predict, call and evaluate


def measure(row: str, peer: str, data: str, started: float, seed: int, cold: bool = False) -> dict[str, Any]:
    """The numbers of a row in a peer.

    Args:
        row, peer: by name.
        data: the .npz file.
        started: when the process was started, by `time.time()`.
        seed: of first values, order and dropout.
        cold: measure the cold start only.

    Returns:
        cold: seconds from the start of the process to the end of the first fit or call.
        first: seconds of this first fit or call; step: of a step or call later on; compile: what the first cost more.
        memory: the highest of the process so far, bytes, the data apart.
        loss, accuracy: on the data it learned from, at the end.
    """
    workload, chosen = WORKLOADS[row], peers.find(peer)
    with np.load(data) as file:
        arrays = {name: file[name] for name in file.files}
    module = importlib.import_module(f".{chosen.session}", __package__)
    session = getattr(module, workload.session)(workload, arrays, chosen, seed)
    work = fit if workload.unit == "step" else ask
    found = work(workload, session, arrays, started, cold)
    found["memory"] = highest_memory() - sum(array.nbytes for array in arrays.values())
    if not cold:
        found["loss"], found["accuracy"] = session.evaluate()
    return found


def fit(workload: Workload, session: Any, arrays: Any, started: float, cold: bool) -> dict[str, Any]:
    """Train: a first time, then `fits` times `epochs`."""
    steps = -(-len(arrays["y"]) // workload.batch)
    first = seconds(lambda: session.train(workload.first))
    found: dict[str, Any] = {"cold": time.time() - started, "first": first}
    if cold:
        return found
    times = [seconds(lambda: session.train(workload.epochs)) / (workload.epochs * steps) for _ in range(workload.fits)]
    step = statistics.median(times)
    return found | {"step": step, "steps": times, "compile": max(0.0, first - workload.first * steps * step)}


def ask(workload: Workload, session: Any, arrays: Any, started: float, cold: bool) -> dict[str, Any]:
    """Train for an epoch, so that answers mean something; then predict, call or evaluate again and again."""
    session.train(1)
    x = arrays["x"][: workload.asked]
    task = session.evaluate if workload.task == "evaluate" else lambda: getattr(session, workload.task)(x)
    first = seconds(task)
    found: dict[str, Any] = {"cold": time.time() - started, "first": first}
    if cold:
        return found
    times, until = [seconds(task)], time.perf_counter() + CALL_SECONDS
    while len(times) < CALLS and time.perf_counter() < until:
        times.append(seconds(task))
    step = statistics.median(times)
    return found | {"step": step, "compile": max(0.0, first - step)}


def seconds(task: Callable[[], Any]) -> float:
    """What a task takes. Every task ends by handing over numbers, so nothing is left running."""
    began = time.perf_counter()
    task()
    return time.perf_counter() - began


def highest_memory() -> int:
    """The most memory that this process ever had, in bytes (`ru_maxrss` would count the process that started it)."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    print(MARK + json.dumps(measure(**json.loads(sys.argv[1]))), flush=True)
    os._exit(0)  # some peers take seconds to say goodbye
