"""Dense layers by the native loops: see `linear`. x is (rows, features), the kernel (features, units)."""

from __future__ import annotations

from .linear import Kind, family

DENSE = family(
    Kind(
        "dense",
        rows=lambda x, _: (x[0],),
        x=lambda y, kernel, _: (y[0], kernel[0]),
        depth=lambda x, _: x[1],
        told=lambda _: {},
        plain=None,
        masks=True,
    )
)
