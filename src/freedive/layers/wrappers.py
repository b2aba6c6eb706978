"""Layers that run another layer: in both directions of time, or on every step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from ..config import configured_fields, hand_written
from ..core.layer import Layer
from ..errors import show_shape

MERGES: dict[str, Callable[[Any, Any], Any]] = {
    "concat": lambda y, z: jnp.concatenate([y, z], axis=-1),
    "sum": jnp.add,
    "mul": jnp.multiply,
    "ave": lambda y, z: (y + z) / 2,
}


class Bidirectional(Layer):
    """Runs a recurrent layer from the start and another like it from the end of time.

    Args:
        layer: a recurrent layer; it is the forward one. It may go backwards; then the other goes forwards.
        merge_mode: how the outputs become one: "concat" on the last axis, "sum", "mul", "ave"; None gives both.
        weights: refused; use `set_weights` on the built layer.
        backward_layer: the layer against time; by default one with the configuration of `layer`.

    Call arguments:
        sequences: (batch, time, features).
        initial_state: the states of the forward layer, then those of the backward one.
        mask: (batch, time); with `return_sequences` masked steps give zeros.

    Returns:
        The merged outputs, all in the order of time; with the layers' `return_state` a tuple of them, the states of
        the forward layer and those of the backward one.

    Reference: Schuster and Paliwal 1997, https://doi.org/10.1109/78.650093.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.Bidirectional(fd.layers.LSTM(5, return_sequences=True))(np.ones((2, 7, 3))).shape
    (2, 7, 10)
    """

    supports_masking: ClassVar[bool] = True

    def __init__(
        self, layer: Any, merge_mode: str | None = "concat", weights: Any = None, backward_layer: Any = None
    ) -> None:
        if weights is not None:
            raise ValueError("Bidirectional(weights=...) is not supported: build the layer, then call set_weights(...)")
        if merge_mode is not None and merge_mode not in MERGES:
            known = ", ".join(map(repr, MERGES))
            raise ValueError(f"Bidirectional(merge_mode=...): expected {known} or None. Received: {merge_mode!r}")
        self.forward_layer = _recurrent(layer, "layer")
        self.backward_layer = (
            _mirrored(layer) if backward_layer is None else _recurrent(backward_layer, "backward_layer")
        )
        self.merge_mode = merge_mode
        self._check_pair()

    def _check_pair(self) -> None:
        if self.forward_layer.go_backwards == self.backward_layer.go_backwards:
            raise ValueError(
                "Bidirectional: one layer has to go backwards and the other not. Received both with "
                f"go_backwards={self.forward_layer.go_backwards}"
            )
        for name in ("return_sequences", "return_state"):
            one, other = getattr(self.forward_layer, name), getattr(self.backward_layer, name)
            if one != other:
                raise ValueError(
                    f"Bidirectional: both layers need the same {name}. Received: {one} forward, {other} backward"
                )

    @property
    def return_sequences(self) -> bool:
        """Whether the outputs of all steps are given."""
        return self.forward_layer.return_sequences

    @property
    def return_state(self) -> bool:
        """Whether the states are given too."""
        return self.forward_layer.return_state

    def compute_mask(self, inputs: Any, mask: Any) -> Any:
        mask = mask[0] if isinstance(mask, (list, tuple)) else mask
        if not self.return_sequences:
            return None
        return [mask, mask] if self.merge_mode is None else mask

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None) -> Any:
        if isinstance(sequences, (list, tuple)):
            sequences, *given = sequences
            initial_state = given or initial_state
        mask = mask[0] if isinstance(mask, (list, tuple)) else mask
        forward, backward = _halves(self, initial_state)
        y, *states = _listed(self.forward_layer(sequences, initial_state=forward, mask=mask))
        z, *more = _listed(self.backward_layer(sequences, initial_state=backward, mask=mask))
        if self.return_sequences:  # what goes backwards gives its outputs in the order in which it computes them
            y, z = (jnp.flip(y, 1), z) if self.forward_layer.go_backwards else (y, jnp.flip(z, 1))
        if self.return_sequences and mask is not None:
            y, z = (jnp.where(mask[..., None], a, 0) for a in (y, z))
        merged = (y, z) if self.merge_mode is None else (MERGES[self.merge_mode](y, z),)
        outputs = [*merged, *states, *more]
        return tuple(outputs) if len(outputs) > 1 else outputs[0]


def _recurrent(layer: Any, argument: str) -> Any:
    """The layer, if it runs over time."""
    if not isinstance(layer, Layer) or not hasattr(layer, "go_backwards"):
        raise ValueError(
            f"Bidirectional({argument}=...) expects a recurrent layer, such as LSTM or RNN. Received: {layer!r}"
        )
    return layer


def _mirrored(layer: Any) -> Any:
    """A new layer of the same arguments against the other direction of time."""
    return _anew(layer, go_backwards=not layer.go_backwards)


def _anew(thing: Any, **other: Any) -> Any:
    """A layer of the same arguments but these, and the layers among them made anew; its name and weights are its own.

    Not by way of its configuration, which knows functions by name only.
    """
    if isinstance(thing, (list, tuple)):
        return type(thing)(_anew(each) for each in thing)
    if not isinstance(thing, Layer):
        return thing
    fields = [field.name for field in configured_fields(type(thing))]
    own = thing._arguments if hand_written(type(thing)) else {name: getattr(thing, name) for name in fields}
    common = {"trainable": thing._trainable, "learning_rate_factor": thing.learning_rate_factor, "dtype": thing.dtype}
    if thing._given_shape is not None:
        common["input_shape"] = thing._given_shape
    made = {name: _anew(value) for name, value in own.items()} | other
    return type(thing)(**{name: value for name, value in common.items() if name not in made}, **made)


def _halves(layer: Layer, states: Any) -> tuple[Any, Any]:
    if states is None:
        return None, None
    if not isinstance(states, (list, tuple)) or len(states) % 2:
        raise layer.error("initial_state: expected a list, the forward layer's states and then as many of the other")
    half = len(states) // 2
    return list(states[:half]), list(states[half:])


def _listed(outputs: Any) -> list[Any]:
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]


class TimeDistributed(Layer):
    """Runs a layer on every step of time apart, with the same weights.

    The steps are laid out as one long batch, so the layer is called once: dropout draws anew for every step, and batch
    statistics are those of all steps.

    Args:
        layer: takes one step, (batch, ...).

    Call arguments:
        inputs: (batch, time, ...), or a list of such arrays.
        mask: (batch, time), which is handed on; or (batch, time, ...), of which a layer that takes masks gets its part.

    Returns:
        What the layer gives, with the time axis after the batch axis.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.TimeDistributed(fd.layers.Dense(5))(np.ones((2, 7, 3))).shape
    (2, 7, 5)
    """

    layer: Any
    supports_masking: ClassVar[bool] = True

    def __post_init__(self):
        super().__post_init__()
        if not isinstance(self.layer, Layer):
            raise ValueError(f"TimeDistributed expects a layer. Received: {self.layer!r}")

    def compute_mask(self, inputs: Any, mask: Any) -> Any:
        mask = super().compute_mask(inputs, mask)
        return mask if mask is None or mask.ndim == 2 else mask.any(axis=tuple(range(2, mask.ndim)))

    def call(self, inputs: Any, mask: Any = None) -> Any:
        steps = self._steps(inputs)

        def folded(x: Any) -> Any:  # (batch, time, ...) -> (batch * time, ...)
            return x.reshape(-1, *x.shape[2:])

        inner = jax.tree.map(lambda m: folded(m) if m.ndim > 2 else None, mask)
        options = {"mask": inner} if jax.tree.leaves(inner) else {}
        outputs = self.layer(jax.tree.map(folded, inputs), **options)
        return jax.tree.map(lambda y: y.reshape(*steps, *y.shape[1:]), outputs)

    def _steps(self, inputs: Any) -> tuple[int, int]:
        """(batch, time), which all inputs share."""
        shapes = [x.shape for x in jax.tree.leaves(inputs)]
        if any(len(shape) < 3 for shape in shapes):
            raise self.error(f"expected inputs of shape (batch, time, ...). Received {min(map(len, shapes))} axes")
        if len({shape[:2] for shape in shapes}) > 1:
            received = ", ".join(show_shape((None, *shape[1:])) for shape in shapes)
            raise self.error(f"expected inputs with the same number of steps. Received: {received}")
        return shapes[0][:2]
