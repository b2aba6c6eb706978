"""What freedive brings as machine code, where built: recurrent loops, convolution, attention, dense layers, layer
normalisation, the sums of batch normalisation, softmax and accuracy of many classes, steps of Adam, the rows of a small
batch, the look at whether arrays are finite, and the call that asks the system for large pages.

`native/` has the source; it is built when freedive is installed and a C++ compiler is there, for several sets of
instructions among which the library chooses. Without it, and for everything it does not do, array code does the work:
the same numbers, within rounding.
"""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax

from ...errors import warn
from .stamp import stamp

LIBRARY = Path(__file__).with_name("loops.bin")
SOURCES = LIBRARY.parents[4] / "native"  # in a checkout
DOORS = (
    "lstm_forward",
    "lstm_backward",
    "simple_forward",
    "simple_backward",
    "conv",
    "conv_by_x",
    "conv_by_kernel",
    "dense",
    "dense_by_x",
    "dense_by_kernel",
    "attention",
    "attention_back",
    "sums",
    "adam",
    "softmax",
    "softmax_back",
    "class_sums",
    "class_largest",
    "normal",
    "normal_back",
    "rows",
    "large_pages",
    "finite",
)


@functools.cache
def available() -> bool:
    """Whether the native loops are there and this XLA takes them; FREEDIVE_NATIVE=0 leaves them alone."""
    if os.environ.get("FREEDIVE_NATIVE") == "0" or not LIBRARY.exists():
        return False
    try:
        library = ctypes.CDLL(str(LIBRARY))
        check_sources(library)
        for door in (f"freedive_{name}" for name in DOORS):
            jax.ffi.register_ffi_target(door, jax.ffi.pycapsule(getattr(library, door)), platform="cpu")
    except (OSError, AttributeError, RuntimeError) as error:
        warn(
            f"freedive's native loops cannot be used, so convolutional and recurrent layers are slower: {error}. "
            "Install freedive again to build them",
        )
        return False
    return True


def by_native(suits: bool, by_hand: Callable[..., Any], reference: Callable[..., Any], *arrays: Any) -> Any:
    """What native loops compute of arrays that suit them, on a CPU that has them; what array code computes, elsewhere.

    Args:
        suits: whether the native loops take arrays of these shapes and types.
        by_hand: the call of a native loop.
        reference: the same numbers, within rounding, by array code.
        arrays: what both take; some may be None.
    """
    if not (suits and available()):
        return reference(*arrays)
    return jax.lax.platform_dependent(*arrays, cpu=by_hand, default=reference)


@functools.cache
def edition() -> str:
    """Which native loops compute: their sources and the set of instructions asked for; "none" without them."""
    if not available():
        return "none"
    return " ".join(filter(None, (_sources(ctypes.CDLL(str(LIBRARY))), os.environ.get("FREEDIVE_NATIVE"))))


def check_sources(library: ctypes.CDLL) -> None:
    """Refuse a library that was built from other sources than those of this checkout: its doors may be others.

    Raises:
        RuntimeError: says how to build it anew.
    """
    if (SOURCES / "doors.cc").exists() and _sources(library) != stamp(SOURCES):
        raise RuntimeError("they were built from other sources: python native/build.py")


def _sources(library: ctypes.CDLL) -> str:
    told = library.freedive_sources
    told.restype = ctypes.c_char_p
    return told().decode()
