"""Builds the native loops while freedive is installed, where a C++ compiler is there; without one only speed is lost.

    python native/build.py      builds them in place, for a checkout that is used as it is

The build needs the headers of jaxlib. One source file is compiled once for each set of instructions; the library
chooses among them when it runs, so what was built on one computer runs on its neighbours too.
"""

from __future__ import annotations

import os
import platform
import runpy
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent
LIBRARY = ROOT.parent / "src" / "freedive" / "ops" / "native" / "loops.bin"
stamp = runpy.run_path(str(LIBRARY.with_name("stamp.py")))["stamp"]
OPTIONS = ["-O3", "-std=c++17", "-fPIC", "-DNDEBUG", "-fno-math-errno", "-ffp-contract=fast"]
LOOPS = ["products", "lstm", "simple", "conv", "dense", "attention", "sums", "adam", "classes", "normal"]
SETS = {  # name -> (floats in a register, options)
    "base": (4, []),
    "avx2": (8, ["-mavx2", "-mfma"]),
    "avx512": (16, ["-mavx512f", "-mavx512dq", "-mfma"]),
}


def compiler() -> str | None:
    """The C++ compiler: $CXX, or the first that is found. None on Windows, whose compilers take other options."""
    if os.name == "nt" or os.environ.get("FREEDIVE_NATIVE") == "0":
        return None
    return next(
        (found for name in (os.environ.get("CXX"), "c++", "g++", "clang++") if name and (found := shutil.which(name))),
        None,
    )


def build(library: Path = LIBRARY) -> None:
    """Compile and link the library; an error says what the compiler said."""
    import jaxlib

    cxx, headers = compiler(), Path(jaxlib.__file__).parent / "include"
    if cxx is None:
        raise OSError("no C++ compiler found; set CXX")
    told = [f'-DSOURCES="{stamp(ROOT)}"']
    sets = SETS if platform.machine() in ("x86_64", "AMD64") else {"base": SETS["base"]}
    with tempfile.TemporaryDirectory() as folder:
        jobs = [
            [*told, "-isystem", str(headers), "-c", str(ROOT / f"{source}.cc"), "-o", f"{folder}/{source}.o"]
            for source in ("doors", "recurrences", "convolutions", "pages", "finite", "few", "rows")
        ]
        for name, (width, options) in sets.items():
            for source in LOOPS:
                names = [f"-DLOOPS={name}", f"-DWIDTH={width}"]
                jobs.append([*options, *names, "-c", str(ROOT / f"{source}.cc"), "-o", f"{folder}/{source}_{name}.o"])
        for job in jobs:
            _run([cxx, *OPTIONS, *job])
        objects = sorted(str(path) for path in Path(folder).glob("*.o"))
        _run([cxx, "-shared", "-pthread", *objects, "-o", f"{folder}/loops.bin"])
        new = library.with_suffix(".new")
        shutil.copyfile(f"{folder}/loops.bin", new)
        os.replace(new, library)  # at once: a process that has the old one open goes on with it


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"{' '.join(command)}\n{done.stderr[-2000:]}")


try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # used as a script
    BuildHookInterface = object  # type: ignore[assignment,misc]


class NativeBuildHook(BuildHookInterface):  # type: ignore[misc]
    """Called by hatchling when a wheel is built, also for an editable installation."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        return ["jaxlib>=0.10"] if compiler() else []

    def initialize(self, version: str, build_data: dict) -> None:
        if compiler() is None:
            return
        try:
            build()
        except (OSError, ImportError) as error:
            print(f"freedive: built without its native loops: {error}", file=sys.stderr)
            return
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        build_data["artifacts"].append(str(LIBRARY.relative_to(ROOT.parent)))


if __name__ == "__main__":
    build()
    print(f"built {LIBRARY}")
