"""How peers take turns: every measurement is a process of its own, and the order turns round from repeat to repeat."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .measure import MARK
from .naming import unknown
from .peers import PEERS, Peer
from .workloads import Workload

ROOT = Path(__file__).resolve().parents[1]
LIMIT = 900  # seconds a process may take
PROBE = """
import importlib.metadata, json, platform, sys
def version(name):
    for name in (name, name + "-cpu"):
        try: return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError: pass
print(json.dumps({"python": platform.python_version(), **{name: version(name) for name in sys.argv[1:]}}))
"""


@dataclasses.dataclass
class Bench:
    """A run of the bench.

    Attributes:
        rows, peers: what is compared.
        repeats: how often.
        warm: whether every turn has a second process, which finds the caches of compiled programs filled.
        pythons: peer -> the Python that has it, where that is not this one.
        data: name and number of rows -> the file.
        say: told how it goes.
    """

    rows: Mapping[str, Workload]
    peers: Sequence[Peer]
    repeats: int
    warm: bool
    pythons: Mapping[str, str]
    data: Callable[[Workload], Path]
    say: Callable[[str], None]

    def python(self, peer: Peer) -> str:
        """The interpreter of a peer."""
        return self.pythons.get(peer.family, sys.executable)

    def versions(self, peer: Peer) -> dict[str, str]:
        """Package -> version, of the packages that a peer needs."""
        command = [self.python(peer), "-c", PROBE, *peer.packages]
        return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    def present(self) -> dict[str, dict[str, str]]:
        """The peers that are installed, with their versions; says which are not."""
        found = {peer.name: self.versions(peer) for peer in self.peers}
        for name, versions in found.items():
            missing = [package for package, version in versions.items() if version is None]
            if missing:
                self.say(f"{name} is left out: it needs {', '.join(missing)}")
        return {name: versions for name, versions in found.items() if None not in versions.values()}

    def run(self, keep: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        """{"machine", "versions": peer -> package -> version, "rows": row -> {"peers", "rate", "work"}}.

        Args:
            keep: gets what is measured so far after every row, so that a long run that is broken off is not lost.
        """
        versions = self.present()
        peers = [peer for peer in self.peers if peer.name in versions]
        results: dict[str, Any] = {"machine": machine_facts(), "versions": versions, "rows": {}}
        for name, workload in self.rows.items():
            data = self.data(workload)
            rates = {library: self.rate(library, name, data) for library in ("jax", "torch")}
            facts = {f"{lib} {key}": r[key] for lib, r in rates.items() for key in ("devices", "threads") if key in r}
            results["machine"] |= facts
            results["rows"][name] = {
                "peers": self.row(name, data, peers),
                "rate": max(r.get("rate", 0.0) for r in rates.values()),
                "work": rates["jax"].get("work"),
            }
            keep(results)
        return results

    def rate(self, library: str, row: str, data: Path) -> dict[str, Any]:
        """What `rate` finds out with a library; nothing where it is not installed."""
        python = self.pythons.get(library, sys.executable)
        found = started([python, "-m", "benchmarks.rate", library, row, str(data)], {})
        if "error" in found and "ModuleNotFoundError" not in found["error"]:
            self.say(f"the rate with {library} could not be measured: {found['error']}")
        return found

    def row(self, name: str, data: Path, peers: Sequence[Peer]) -> dict[str, dict[str, Any]]:
        """peer -> its numbers on one row."""
        measured: dict[str, list[dict[str, Any]]] = {peer.name: [] for peer in peers}
        with tempfile.TemporaryDirectory() as caches:
            for repeat in range(self.repeats):
                for peer in list(peers)[:: -1 if repeat % 2 else 1]:
                    if any("error" in found for found in measured[peer.name]):
                        continue  # it would fail again
                    measured[peer.name].append(self.turn(name, peer, data, repeat, Path(caches)))
                    self.say(told(name, peer.name, repeat, measured[peer.name][-1]))
        return {peer: summary(found) for peer, found in measured.items()}

    def turn(self, row: str, peer: Peer, data: Path, repeat: int, caches: Path) -> dict[str, Any]:
        """One turn of a peer: a process with empty caches and, if asked, another that finds them filled."""
        cache = caches / f"{peer.name}-{repeat}"
        order = {"row": row, "peer": peer.name, "data": str(data), "seed": repeat}
        ever = self.process(peer, order | {"cold": True}, cache) if self.warm else {}
        found = self.process(peer, order, cache)
        if "error" in ever or "error" in found:
            return found if "error" in found else ever
        return found | {"cold_ever": ever["cold"]} if self.warm else found | {"cold_ever": found["cold"], "cold": None}

    def process(self, peer: Peer, order: dict[str, Any], cache: Path) -> dict[str, Any]:
        """What a process measures; {"error": ...} with its last words if it failed."""
        caches = {"XDG_CACHE_HOME": str(cache), "TORCHINDUCTOR_CACHE_DIR": str(cache / "inductor")}
        order = order | {"started": time.time()}
        command = [self.python(peer), "-m", "benchmarks.measure", json.dumps(order)]
        return started(command, peer.environment | caches)


def started(command: Sequence[str], environment: Mapping[str, str]) -> dict[str, Any]:
    """What a process of the bench prints; {"error": ...} if it failed."""
    paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, **environment, "PYTHONPATH": paths}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed comes compiled, a checkout must keep its own
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        return {"error": f"took longer than {LIMIT} seconds"}
    lines = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
    return json.loads(lines[-1].removeprefix(MARK)) if lines else {"error": last_words(done)}


def machine_facts() -> dict[str, Any]:
    """What the figures were measured on."""
    from freedive.cli import doctor

    cpu = [line.split(":")[1].strip() for line in lines_of("/proc/cpuinfo") if line.startswith("model name")]
    return {
        "processor": cpu[0] if cpu else platform.processor(),
        "cores": doctor.cores(),
        "memory": doctor.memory(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "date": datetime.date.today().isoformat(),
    }


def lines_of(path: str) -> list[str]:
    """The lines of a file that not every system has."""
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def last_words(done: subprocess.CompletedProcess[str]) -> str:
    """Why a process failed: the line that names an error, or its last one."""
    said = [line for line in done.stderr.splitlines() if line.strip()] or [f"exit code {done.returncode}"]
    named = [line for line in said if re.match(r"[\w.]+(Error|Exception)\b", line)]
    return (named or said)[-1][:200]


def summary(repeats: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Medians of the repeats, and the least time of a step."""
    for found in repeats:
        if "error" in found:
            return found
    numbers = {key for key, value in repeats[0].items() if isinstance(value, (int, float))}
    medians = {key: statistics.median(found[key] for found in repeats) for key in sorted(numbers)}
    return medians | {"least": min(found["step"] for found in repeats), "repeats": list(repeats)}


def told(row: str, peer: str, repeat: int, found: dict[str, Any]) -> str:
    """A line about one turn."""
    if "error" in found:
        return f"{row} {peer}: {found['error']}"
    return f"{row} {peer} {repeat + 1}: {found['step'] * 1e6:,.0f} us, first ever {found['cold_ever']:.1f} s"


def pythons(given: Sequence[str]) -> dict[str, str]:
    """`--python keras-tf=/path/to/python` as a table: peer -> interpreter."""
    table = dict(entry.partition("=")[::2] for entry in given)
    for name, python in table.items():
        if name not in PEERS:
            raise unknown("peer", name, PEERS)
        if not Path(python).is_file():
            raise ValueError(f"--python {name}={python}: there is no such file")
    return table
