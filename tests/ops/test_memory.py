"""Large pages and memory given back: numbers pass unchanged, and the system is asked for few pages."""

import platform
import resource
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from freedive.ops.memory import give_back, on_large_pages
from freedive.ops.native import available

SETTING = Path("/sys/kernel/mm/transparent_hugepage/enabled")
ROWS = 1 << 24  # floats: 64 MiB, 16,384 pages of 4 KiB


def computed(ask: bool):
    """A program that needs 64 MiB to compute in."""

    def run(count):
        count = on_large_pages(count) if ask else count
        turn = lambda i, a: jnp.roll(a, i) + count  # noqa: E731
        return jax.lax.fori_loop(0, count, turn, jnp.full((ROWS,), count, jnp.float32)).sum()

    return jax.jit(run)


def test_numbers_pass_unchanged():
    assert int(jax.jit(on_large_pages)(np.int32(-7))) == -7
    assert jax.jit(jax.vmap(on_large_pages))(np.arange(3, dtype=np.int32)).tolist() == [0, 1, 2]
    assert float(computed(True)(np.int32(2))) == float(computed(False)(np.int32(2))) == 6 * ROWS


@pytest.mark.skipif(not SETTING.exists() or "[never]" in SETTING.read_text(), reason="Linux gives no large pages here")
@pytest.mark.skipif("[always]" in (SETTING.read_text() if SETTING.exists() else ""), reason="they come unasked")
@pytest.mark.skipif(not available(), reason="the native loops are not built")
def test_few_pages_are_asked_for():
    program, count = computed(True), np.int32(1)
    program(count).block_until_ready()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(4):
        program(count).block_until_ready()
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 4 < ROWS * 4 / 4096 / 8


def used():
    """Megabytes of the process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries keep nothing")
def test_memory_is_given_back_and_what_is_in_use_stays():
    kept = [bytes([i % 251]) * 3000 for i in range(40_000)]  # 120 MB in pieces, of which the last ones stay
    sums = [sum(piece) for piece in kept[36_000:]]
    del kept[:36_000]
    before = used()
    give_back()
    assert used() < before - 60
    assert [sum(piece) for piece in kept] == sums
