"""The native convolution and its transposes, by every set of instructions, are the sums that define them."""

import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from freedive.ops import native
from freedive.ops.native.conv import CONV, Geometry
from freedive.ops.native.linear import NOTHING

pytestmark = pytest.mark.skipif(not native.available(), reason="freedive was built without a C++ compiler")

CASES = {  # pictures, sizes, channels, filters, places, taps, strides, before, dilation
    "one place": (1, (1, 1), 1, 1, (1, 1), (1, 1), (1, 1), (0, 0), (1, 1)),
    "no picture": (0, (5, 5), 3, 4, (3, 3), (3, 3), (1, 1), (0, 0), (1, 1)),
    "same, full registers": (3, (9, 13), 16, 32, (9, 13), (3, 3), (1, 1), (1, 1), (1, 1)),
    "some lanes left over": (2, (7, 29), 5, 37, (7, 29), (3, 5), (1, 1), (1, 2), (1, 1)),
    "many filters": (2, (6, 6), 20, 100, (4, 4), (3, 3), (1, 1), (0, 0), (1, 1)),
    "several bands": (2, (40, 33), 32, 16, (40, 33), (5, 3), (1, 1), (2, 1), (1, 1)),
    "several parts of a panel": (1, (7, 7), 130, 33, (7, 7), (5, 5), (1, 1), (2, 2), (1, 1)),
    "strided": (2, (11, 14), 6, 18, (4, 7), (3, 3), (3, 2), (1, 0), (1, 1)),
    "strides beyond the window": (2, (13, 9), 4, 7, (4, 2), (2, 1), (4, 5), (0, 0), (1, 1)),
    "dilated": (2, (12, 17), 3, 20, (8, 9), (3, 3), (1, 1), (0, 0), (2, 4)),
    "dilated and strided": (2, (21, 20), 3, 17, (6, 8), (3, 2), (3, 2), (1, 1), (2, 3)),
    "dilation and stride alike": (1, (20, 20), 4, 4, (8, 6), (3, 3), (2, 3), (0, 0), (2, 3)),
    "a window larger than the picture": (2, (3, 2), 4, 6, (3, 2), (7, 5), (1, 1), (3, 2), (1, 1)),
    "windows that see only zeros": (1, (2, 2), 3, 5, (9, 9), (2, 2), (1, 1), (4, 4), (1, 1)),
    "a cropped picture": (2, (10, 12), 3, 8, (4, 5), (3, 3), (1, 1), (-2, -3), (1, 1)),
    "few filters": (2, (9, 10), 20, 2, (9, 10), (3, 3), (1, 1), (1, 1), (1, 1)),
    "few channels, strided": (2, (14, 13), 1, 40, (7, 7), (5, 5), (2, 2), (1, 2), (1, 1)),
    "few filters, dilated": (2, (14, 13), 33, 1, (10, 9), (3, 3), (1, 1), (0, 0), (2, 2)),
    "a line": (3, (1, 50), 8, 24, (1, 50), (1, 4), (1, 1), (0, 3), (1, 1)),
}


def reference(case, x, kernel, y):
    """x by the kernel, y by its transpose, the kernel from x and y: tap by tap."""
    _, sizes, _, _, places, taps, strides, before, dilation = case
    room = 64  # zeros all around, for all that is seen
    wide = np.pad(x.astype("float64"), [(0, 0), (room, room), (room, room), (0, 0)])
    found, by_x, by_kernel = np.zeros(y.shape), np.zeros(wide.shape), np.zeros(kernel.shape)
    for i, j in np.ndindex(*taps):
        starts = [room - b + t * d for b, t, d in zip(before, (i, j), dilation, strict=True)]
        seen = (slice(None), *(slice(a, a + n * s, s) for a, n, s in zip(starts, places, strides, strict=True)))
        found += wide[seen] @ kernel[i, j]
        by_x[seen] += y @ kernel[i, j].T
        by_kernel[i, j] = np.einsum("nhwc,nhwf->cf", wide[seen], y)
    return found, by_x[:, room : room + sizes[0], room : room + sizes[1]], by_kernel


def check(name):
    case = CASES[name]
    pictures, sizes, channels, filters, places, taps, strides, before, dilation = case
    rng = np.random.default_rng(0)
    shapes = (pictures, *sizes, channels), (*taps, channels, filters), (pictures, *places, filters), (filters,)
    x, kernel, y, bias = (rng.normal(size=shape).astype("float32") for shape in shapes)
    geometry = Geometry(sizes, places, taps, strides, before, dilation)

    @jax.jit
    def computed(x, kernel, y, bias):
        matrix, nothing = kernel.reshape(-1, filters), jnp.zeros(NOTHING)
        return (
            CONV.apply(x, matrix, None, False, geometry),
            CONV.take_back(y, matrix, geometry),
            CONV.by_kernel.bind(x, y, nothing, ones=False, geometry=geometry),
            CONV.apply(x, matrix, bias, True, geometry),
            CONV.by_kernel.bind(x, y, nothing, ones=True, geometry=geometry)[-1],
        )

    z, by_x, by_kernel = reference(case, x, kernel, y)
    expected = z, by_x, by_kernel.reshape(-1, filters), np.maximum(z + bias, 0), y.sum((0, 1, 2))
    for got, right in zip(computed(x, kernel, y, bias), expected, strict=True):
        scale = max(1.0, np.abs(right).max(initial=0))
        np.testing.assert_allclose(got, right, rtol=0, atol=3e-6 * scale, err_msg=name)


@pytest.mark.parametrize("name", CASES)
def test_the_three_sums(name):
    check(name)


@pytest.mark.parametrize("instructions", ["base", "avx2"])
def test_older_processors_find_the_same(instructions):
    environment = {**os.environ, "FREEDIVE_NATIVE": instructions}
    found = subprocess.run([sys.executable, __file__], env=environment, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr


if __name__ == "__main__":
    for name in CASES:
        check(name)
