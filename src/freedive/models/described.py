"""The layers of a model as JSON and back: every one under the name that it has there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..config import from_json, to_json
from ..core.layer import Layer
from ..errors import GraphError


def named_config(name: str, layer: Layer) -> Any:
    """A layer as JSON, under the name that it has in its model and no other layer there."""
    written = to_json(layer, name)
    return {**written, "config": {**written["config"], "name": name}}


def layers_from(written: Any) -> list[Layer]:
    """The layers of a model from JSON."""
    if not isinstance(written, list):
        raise GraphError(f"layers: expected a list. Received: {written!r:.100}")
    layers = [_layer_from(place, layer) for place, layer in enumerate(written)]
    names = [layer.name for layer in layers if layer.name is not None]
    if len(set(names)) < len(names):
        twice = next(name for i, name in enumerate(names) if name in names[:i])
        raise GraphError(f"two layers of one model have the name {twice!r}")
    return layers


def _layer_from(place: int, written: Any) -> Layer:
    try:
        layer = from_json(written)
        if not isinstance(layer, Layer):
            raise TypeError(f"expected a layer. Received: {layer!r:.100}")
    except (ValueError, TypeError) as error:
        config = written.get("config") if isinstance(written, Mapping) else None
        name = config.get("name") if isinstance(config, Mapping) else None
        raise type(error)(f"{name if isinstance(name, str) else f'layers[{place}]'}: {error}") from None
    return layer
