"""Settings that every test shares."""

import ctypes
import gc
import os

import pytest

os.environ["KERAS_BACKEND"] = "jax"  # the peer of the parity tables computes on the same engine
os.environ.setdefault("MPLBACKEND", "Agg")


@pytest.fixture(autouse=True)
def one_seed():
    """Every test begins with the same seed, whatever ran before it in its process."""
    import freedive as fd

    fd.set_seed(0)


@pytest.fixture(autouse=True, scope="module")
def compiled_programs_go_with_their_module():
    """Thousands of small programs would fill the memory of a laptop; what the next module needs it compiles."""
    yield
    import jax

    from freedive.core import structure

    structure._cache.clear()
    jax.clear_caches()
    gc.collect()
    if hasattr(ctypes.CDLL(None), "malloc_trim"):
        ctypes.CDLL(None).malloc_trim(0)
