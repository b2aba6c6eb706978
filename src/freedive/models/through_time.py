"""Gradients through time: how large they are at every step of a recurrent layer, and why they vanish or explode.

Back-propagation through time is a product, dL/ds_t = dL/ds_T ds_T/ds_{T-1} ... ds_{t+1}/ds_t. Its left side is found as
the gradient by zeros that are added to the states s_t of every step, its right side as products of the Jacobians of one
step.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..core.forward import Pass, current
from ..core.layer import Layer
from ..core.variables import Variables, gather
from ..layers.cells import GRUCell, LSTMCell, SimpleRNNCell, StackedRNNCells, over_time
from ..layers.recurrent import _Recurrent
from .data import read
from .entering import entered
from .training import make_ready, objective_for

ROWS = 4  # whose Jacobians are looked at
LOST, BURST = 1e-3, 1e3  # a product below, or above


class Steps(NamedTuple):
    """What becomes of gradients in one recurrent layer; arrays have a number a step, in the order of computing.

    `gradients`: for each state ("h"; of an LSTM "c" too) the norm of dL/ds_t, of a row's loss, the mean over rows; c_t
    is what goes on to step t + 1, so nothing comes back to the last one. `jacobians`: the largest singular value of
    ds_t/ds_{t-1}, all states together. `products`: that of ds_T/ds_t, which is 1 at the last step. These two are means
    over the first rows.
    """

    gradients: dict[str, np.ndarray]
    jacobians: np.ndarray
    products: np.ndarray

    @property
    def rate(self) -> float:
        """What a step back through time multiplies a gradient by, in the geometric mean."""
        return float(self.products[0] ** (1 / max(len(self.products) - 1, 1)))

    @property
    def verdict(self) -> str:
        """What the product over all steps says: a gradient "vanishes", "explodes" or "arrives"."""
        return "vanishes" if self.products[0] < LOST else "explodes" if self.products[0] > BURST else "arrives"


class ThroughTime:
    """What `through_time` found: `found["lstm"]` is a `Steps`, by the path of each recurrent layer.

    Args:
        layers: path -> steps.
        loss: of the batch.
    """

    def __init__(self, layers: dict[str, Steps], loss: float):
        self.layers, self.loss = layers, loss

    def __getitem__(self, layer: str) -> Steps:
        return self.layers[layer]

    def __iter__(self) -> Any:
        return iter(self.layers)

    def table(self) -> str:
        """A line a layer and a step: norms of the gradients, of the Jacobian and of the product."""
        lines = []
        for path, found in self.layers.items():
            lines.append(f"{path}: a gradient {found.verdict}, {found.rate:.3g} a step")
            names = [f"|dL/d{name}_t|" for name in found.gradients]
            lines.append(f"{'step':>6} " + " ".join(f"{n:>13}" for n in (*names, "|ds_t/ds_t-1|", "|ds_T/ds_t|")))
            rows = zip(*found.gradients.values(), found.jacobians, found.products, strict=True)
            lines += [f"{t + 1:>6} " + " ".join(f"{value:>13.4g}" for value in row) for t, row in enumerate(rows)]
        return "\n".join(lines)

    __str__ = table

    def plot(self, path: Any = None) -> Any:
        """The norms over the steps, a panel a layer, on a logarithmic axis; a matplotlib Figure."""
        import matplotlib.pyplot as plt

        figure, axes = plt.subplots(
            1, len(self.layers), figsize=(5.2 * len(self.layers), 3.6), squeeze=False, layout="constrained"
        )
        for ax, (name, found) in zip(axes.flat, self.layers.items(), strict=True):
            steps = np.arange(1, len(found.products) + 1)
            for (state, norms), colour in zip(found.gradients.items(), ("#1f3a5f", "#4878a8"), strict=False):
                ax.plot(
                    steps, np.where(norms > 0, norms, np.nan), color=colour, linewidth=1.8, label=f"|dL/d{state}(t)|"
                )
            ax.plot(steps, found.products, color="#e07b39", linewidth=1.8, label="|ds(T)/ds(t)|")
            ax.plot(steps, found.jacobians, color="0.6", linewidth=1.0, linestyle="--", label="|ds(t)/ds(t-1)|")
            ax.set_yscale("log")
            ax.set(xlabel="step t")
            ax.set_title(f"{name}: {found.verdict}", fontsize=11)
            ax.grid(True, color="0.92", linewidth=0.8)
            ax.spines[["top", "right"]].set_visible(False)
            ax.legend(frameon=False, fontsize=8)
        if path is not None:
            figure.savefig(path, dpi=120)
            plt.close(figure)
        return figure


def through_time(model: Any, x: Any, y: Any) -> ThroughTime:
    """What becomes of gradients on their way back through the steps of every recurrent layer, for one batch.

    The model computes as in use, without dropout; it learns nothing.

    Args:
        model: a compiled model with `SimpleRNN`, `LSTM`, `GRU` or `RNN` layers, also inside others.
        x, y: a batch, as for `fit`.

    Returns:
        A `ThroughTime`: `found["lstm"].gradients["h"]`, `.products`, `.verdict`; `found.table()`, `found.plot()`.

    Raises:
        ValueError: the model has no recurrent layer whose states are vectors.

    Reference: S. Hochreiter, "The vanishing gradient problem during learning recurrent neural nets", 1998,
    https://doi.org/10.1142/S0218488598000094; R. Pascanu et al., "On the difficulty of training recurrent neural
    networks", 2013, https://arxiv.org/abs/1211.5063

    >>> import numpy as np
    >>> import freedive as fd
    >>> slow = fd.initializers.Orthogonal(gain=0.5)
    >>> layers = [fd.layers.SimpleRNN(4, activation="linear", recurrent_initializer=slow), fd.layers.Dense(1)]
    >>> model = fd.Sequential([fd.Input((4, 2)), *layers])
    >>> model.compile("sgd", "mse")
    >>> found = fd.models.through_time(model, np.ones((3, 4, 2)), np.ones((3, 1)))
    >>> found["simple_rnn"].products.round(4).tolist()
    [0.125, 0.25, 0.5, 1.0]
    """
    data = read(entered(model, x), y, None, "through_time")
    make_ready(model, data.x)
    variables, objective = gather(model), objective_for(model, data.x, data.y)
    walk = Walk()

    def run(params: Any, probes: Any) -> Any:
        walk.probes, walk.met = probes, {}
        with Pass(model, Variables(params, variables.state, variables.hyper), watch=walk) as made:
            outputs = made.call(model, (data.x,), {})
            value = objective(data.y, outputs, None, made)[0]
        return value, {path: (x, before, states) for path, (_, x, before, states) in walk.met.items()}

    shapes = jax.eval_shape(run, variables.params, {})[1]
    layers = {path: layer for path, (layer, *_) in walk.met.items()}
    if not layers:
        raise ValueError(
            "through_time: the model has no recurrent layer whose states are vectors: SimpleRNN, LSTM, GRU or RNN"
        )
    zeros = {path: jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), s) for path, (*_, s) in shapes.items()}
    (loss, met), by_probes = jax.jit(jax.value_and_grad(run, argnums=1, has_aux=True))(variables.params, zeros)
    found = {}
    for path in layers:
        x, before, _ = met[path]
        rows = x.shape[1]
        norms = [np.linalg.norm(np.asarray(g), axis=-1).mean(1) * rows for g in jax.tree.leaves(by_probes[path])]
        chain = one_step(model, variables, layers[path], x[:, :ROWS], jax.tree.map(lambda s: s[:, :ROWS], before))
        found[path] = Steps(dict(zip(state_names(len(norms)), norms, strict=True)), *products(np.asarray(chain)))
    return ThroughTime(found, float(loss))


class Walk:
    """Lets recurrent layers go step by step in a pass, zeros added to their states; notes where they come by."""

    def __init__(self) -> None:
        self.probes: dict[str, Any] = {}
        self.met: dict[str, tuple[Layer, Any, Any, Any]] = {}  # path -> layer, inputs, states before and after steps

    def __call__(self, layer: Any, path: str, inputs: tuple, outputs: Any) -> Any:
        """The outputs of a layer; of a recurrent one, what the steps give."""
        if not isinstance(layer, _Recurrent):
            return outputs
        sequences, *given = inputs[0] if isinstance(inputs[0], (list, tuple)) else inputs
        x = jnp.swapaxes(sequences, 0, 1)  # (time, batch, features)
        held = current(layer).mask_of(sequences)
        mask = None if held is None else held.T.astype(bool)
        if layer.go_backwards:
            x, mask = jnp.flip(x, 0), None if mask is None else jnp.flip(mask, 0)
        start, tree = layer._starting(x, jax.tree.leaves(given) or None)
        if any(s.ndim != 2 for s in jax.tree.leaves(start)):
            return outputs
        steps = (x, mask, self.probes.get(path))

        def step(states: Any, now: Any) -> Any:
            x_t, mask_t, probe = now
            mask_t = None if mask_t is None else mask_t[None]
            out, _, new = over_time(layer._recurring(), x_t[None], states, mask_t, unroll=True)
            new = jax.tree.unflatten(tree, jax.tree.leaves(new))
            moved = new if probe is None else jax.tree.map(jnp.add, new, probe)
            return moved, (out[0] + shown(layer._recurring(), probe), states, moved)

        last, (out, before, after) = jax.lax.scan(step, start, steps)
        self.met[path] = (layer, x, before, after)
        told = jnp.flip(out, 0) if layer.go_backwards else out
        mask = jnp.flip(mask, 0) if layer.go_backwards and mask is not None else mask
        y = layer._shown(told, out[-1], mask)
        return (y, *jax.tree.leaves(last)) if layer.return_state else y


def shown(cell: Any, probe: Any) -> Any:
    """What a probe of the states adds to the output of a step: h is the output too, of the last of some cells."""
    if probe is None or not isinstance(cell, (SimpleRNNCell, LSTMCell, GRUCell, StackedRNNCells)):
        return 0
    return shown(cell.cells[-1], probe[-1]) if isinstance(cell, StackedRNNCells) else jax.tree.leaves(probe)[0]


def one_step(model: Any, variables: Variables, layer: Any, x: Any, before: Any) -> Any:
    """The Jacobians of all states after a step by those before it: (time, rows, states, states)."""

    def after(states: Any, x_t: Any) -> Any:
        with Pass(model, variables):
            one = jax.tree.map(lambda s: s[None], states)
            new = over_time(layer._recurring(), x_t[None, None], one, unroll=True)[2]
        return [s[0] for s in jax.tree.leaves(new)]

    by_state = jax.jit(jax.vmap(jax.vmap(jax.jacrev(after))))(before, x)
    return jnp.concatenate([jnp.concatenate(jax.tree.leaves(row), -1) for row in by_state], -2)


def products(chain: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(norms of the Jacobians, norms of the products from each step to the last), means over rows."""
    along = np.broadcast_to(np.eye(chain.shape[-1], dtype=np.float64), chain.shape[1:]).copy()
    sizes = [np.ones(chain.shape[1])]
    for jacobian in chain[:0:-1]:
        along = along @ jacobian.astype(np.float64)
        sizes.append(np.linalg.norm(along, 2, axis=(-2, -1)))
    each = np.linalg.norm(chain.astype(np.float64), 2, axis=(-2, -1)).mean(1)
    return each, np.mean(sizes[::-1], axis=1)


def state_names(count: int) -> list[str]:
    """What the states of a layer are called: the output is the first."""
    return ["h", "c"][:count] if count < 3 else [f"state_{i + 1}" for i in range(count)]
