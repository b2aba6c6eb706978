"""The memory of compiled programs: large pages for what a dispatch computes in, and what compiling left given back.

XLA takes the memory of a dispatch anew from the system, which hands it over in pages of 4 KiB, cleared when they are
first touched: 44,000 of them for a small Transformer, a tenth of its step. Pages of 2 MiB are cleared at once, and the
processor finds its way among fewer of them. Keeping the memory instead needs one heap for all threads of the process,
and takes half as much again.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable
from typing import Any

import jax

from .native import by_native


def on_large_pages(number: Any) -> Any:
    """A whole number, unchanged. Where Linux gives large pages to who asks, what is computed after it has them.

    Args:
        number: () int32, on which all depends that is to come after this.
    """
    call = jax.ffi.ffi_call("freedive_large_pages", jax.ShapeDtypeStruct((), number.dtype), vmap_method="sequential")
    return by_native(True, call, lambda number: number, number)


def give_back() -> None:
    """Hand memory that is free, but kept by the C library, back to the system: after compiling, tens of megabytes.

    With another C library than glibc nothing happens.
    """
    _trim()(0)


@functools.cache
def _trim() -> Callable[[int], Any]:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, TypeError, AttributeError):  # macOS, musl; Windows has no library of that name
        return lambda padding: 0
