"""Looking inside: for a batch, every layer's z, a, delta and the gradients of its weights.

Forward: z = x W + b and a = f(z). Backward: delta = dL/dz, dL/dW and dL/db, by the chain rule from the loss down; the
deltas are the gradients by zeros that are added to every z.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..core.forward import Pass
from ..core.variables import Variables, gather
from .data import read
from .entering import entered
from .training import make_ready, objective_for

Values = dict[str, dict[str, np.ndarray]]


class Inspection:
    """What `Model.inspect` found: `result["dense"]["z"]`, "a", "delta", and "d_kernel", "d_bias", ... by weight.

    Args:
        values: layer -> name -> array.
        loss: the loss of the batch; None where there were no targets.
    """

    def __init__(self, values: Values, loss: float | None):
        self.values, self.loss = values, loss

    def __getitem__(self, layer: str) -> dict[str, np.ndarray]:
        return self.values[layer]

    def __iter__(self) -> Any:
        return iter(self.values)

    def keys(self) -> Any:
        """The layers."""
        return self.values.keys()

    def table(self) -> str:
        """One line an array: layer, name, shape, mean, deviation, smallest, largest, share of zeros."""
        head = f"{'layer':<24} {'what':<18} {'shape':<18} {'mean':>10} {'std':>10} {'min':>10} {'max':>10} {'zeros':>6}"
        lines = [head, "-" * len(head)]
        for layer, found in self.values.items():
            for name, array in found.items():
                numbers = (array.mean(), array.std(), array.min(), array.max())
                shown = " ".join(f"{n:>10.3g}" for n in numbers)
                zeros = f"{(array == 0).mean():>6.0%}"
                lines.append(f"{layer:<24} {name:<18} {array.shape!s:<18} {shown} {zeros}")
        return "\n".join(lines)

    __str__ = table

    def plot(self, path: str | None = None) -> Any:
        """Histograms of z, a and delta of every layer, and the size of its gradients; a matplotlib Figure."""
        import matplotlib.pyplot as plt

        columns = ("z", "a", "delta", "d_kernel")
        layers = [layer for layer, found in self.values.items() if any(c in found for c in columns)]
        figure, axes = plt.subplots(
            len(layers), 4, figsize=(11, 1.8 * len(layers) + 0.6), squeeze=False, layout="constrained"
        )
        for row, layer in zip(axes, layers, strict=True):
            for ax, column in zip(row, columns, strict=True):
                array = self.values[layer].get(column)
                ax.tick_params(labelsize=7)
                ax.set_yticks([])
                ax.spines[["top", "right", "left"]].set_visible(False)
                if array is None:
                    ax.set_axis_off()
                else:
                    ax.hist(array.ravel(), bins=40, color="#4878a8")
                if layer == layers[0]:
                    ax.set_title({"d_kernel": "dL/dW", "delta": "delta = dL/dz"}.get(column, column), fontsize=9)
            row[0].set_ylabel(layer, fontsize=8)
        if path is not None:
            figure.savefig(path, dpi=120)
        return figure


def inspect(model: Any, x: Any, y: Any = None) -> Inspection:
    """What `Model.inspect` does."""
    data = read(entered(model, x), y, None, "inspect")
    make_ready(model, data.x)
    variables = gather(model)
    objective = objective_for(model, data.x, data.y) if y is not None else None

    def run(params: Any, probes: Any) -> Any:
        taps: Values = {}
        with Pass(model, Variables(params, variables.state, variables.hyper), taps=taps, probes=probes) as made:
            outputs = made.call(model, (data.x,), {})
            value = jnp.float32(0) if objective is None else objective(data.y, outputs, None, made)[0]
        return value, taps

    shapes = jax.eval_shape(run, variables.params, {})[1]
    if objective is None:
        _, taps = jax.jit(run)(variables.params, {})
        return Inspection({layer: _arrays(found) for layer, found in taps.items()}, None)
    probes = {layer: jnp.zeros(found["z"].shape, found["z"].dtype) for layer, found in shapes.items() if "z" in found}
    step = jax.jit(jax.value_and_grad(run, argnums=(0, 1), has_aux=True))
    (loss, taps), (grads, deltas) = step(variables.params, probes)
    values: Values = {}
    for layer in (path for path in dict.fromkeys((*taps, *grads))):
        found = dict(taps.get(layer, {}))
        if layer in deltas:
            found["delta"] = deltas[layer]
        found |= {f"d_{name}": g for name, g in grads.get(layer, {}).items()}
        values[layer] = _arrays(found)
    return Inspection(values, float(loss))


def _arrays(found: Any) -> dict[str, np.ndarray]:
    order = ("z", "a", "delta", "d_kernel", *found)
    return {name: np.asarray(found[name], np.float32) for name in dict.fromkeys(order) if name in found}
