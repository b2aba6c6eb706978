"""Dense layers by the native loops: see `linear`. x is (rows, features), the kernel (features, units)."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from .gradient import NOTHING
from .linear import Kind, family


def _let(y: Any, let: Any) -> Any:
    return y if let.shape == NOTHING else jnp.where(let > 0, y, 0)


def _layer(x: Any, kernel: Any, relu: bool, geometry: None) -> Any:
    y = x @ kernel[:-1] + kernel[-1]
    return jnp.maximum(y, 0) if relu else y


def _into(x: Any, kernel: Any, let: Any, ones: bool, geometry: None) -> Any:
    return _let(x @ kernel[:-1] + kernel[-1] if ones else x @ kernel, let)


def _by_x(y: Any, kernel: Any, let: Any, geometry: None) -> Any:
    return _let(y, let) @ kernel.T


def _by_kernel(x: Any, y: Any, let: Any, ones: bool, geometry: None) -> Any:
    y = _let(y, let)
    found = x.T @ y
    return jnp.concatenate([found, y.sum(0, keepdims=True)]) if ones else found


DENSE = family(
    Kind(
        "dense",
        rows=lambda x, _: (x[0],),
        x=lambda y, kernel, _: (y[0], kernel[0]),
        depth=lambda x, _: x[1],
        told=lambda _: {},
        plain=None,
        masks=True,
        beside=True,
        several={"layer": _layer, "into": _into, "by_x": _by_x, "by_kernel": _by_kernel},
    )
)
