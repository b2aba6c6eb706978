"""Recurrences over time. The states of step t come from those of step t - 1 and from the input of step t.

Everything here is time-major: (time, batch, features). `steps` runs any step function, differentiated as it is written.
`recurrence` knows more of its step: a matrix product of the state and a pointwise function, the gates. It
takes the matrix products that need not wait for their turn out of the loop: the input comes to it projected, and the
gradient by the kernel is one product after the reverse loop instead of a sum over its steps. Against automatic
differentiation of the same loop this takes a third off the time of a training step (LSTM of 128 units, 100 steps,
batch of 32, on a CPU: 21 ms, not 32); `compare_lowerings` in tests/ops/test_recurrent.py measures it.

Reverse mode works to any order (a gradient of a gradient too). Forward mode (`jax.jvp`, `jax.jacfwd`, `jax.hessian`)
is refused by jax where a gradient is written by hand; with `plain=True` the loop is differentiated as it is written,
in every mode. Layers ask for that with `unroll=True`, and do it for activations that may hold weights of their own.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .. import activations
from ..numerics import widen
from . import native
from .native.recurrent import lstm as native_lstm
from .native.recurrent import simple as native_simple
from .products import CACHED, by_kernel_of, project

States = tuple[Any, ...]  # of one step, the output first: each (batch, units)
Gates = Callable[[Any, States], States]
Activation = Callable[[Any], Any]


# any step -----------------------------------------------------------------------------------------------------------
def steps(
    step: Callable[[Any, Any], tuple[Any, Any]],
    inputs: Any,
    states: Any,
    mask: Any = None,
    reverse: bool = False,
    unroll: bool = False,
) -> tuple[Any, Any, Any]:
    """Run a step over time. A masked step keeps the states and repeats the output before it.

    Args:
        step: (input of one step, states) -> (output, new states).
        inputs: arrays of (time, ...).
        states: before the first step; any tree of arrays.
        mask: booleans, (time, batch); False where a sample has no such step.
        reverse: begin at the end.
        unroll: write the loop out in full.

    Returns:
        (outputs in the order of time, the output of the step done last, the states after it). Before the first
        unmasked step the output is the first state, where that has its shape, else zeros.

    >>> outputs, last, states = steps(lambda x, s: (s + x, s + x), jnp.arange(4.0)[:, None], jnp.zeros(1))
    >>> outputs.ravel().tolist(), last.tolist()
    ([0.0, 1.0, 3.0, 6.0], [6.0])
    """
    first = jax.tree.map(lambda x: x[0], inputs)
    before = jax.eval_shape(lambda x, s: step(x, s)[0], first, states)
    start = jax.tree.leaves(states)[0]
    output = start if start.shape == before.shape else jnp.zeros(before.shape)

    def body(carry: tuple[Any, Any], now: tuple[Any, Any]) -> tuple[Any, Any]:
        (inputs_t, mask_t), (_, old) = now, carry
        output, new = step(inputs_t, old)
        kept = choose(mask_t, (output, new), carry)
        return kept, kept[0]

    carry = (output.astype(before.dtype), states)
    (last, states), outputs = jax.lax.scan(body, carry, (inputs, mask), reverse=reverse, unroll=unroll)
    return outputs, last, states


def choose(mask: Any, new: Any, old: Any) -> Any:
    """New values where a sample's step counts, old ones where it is masked; all new without a mask."""
    if mask is None:
        return jax.tree.map(lambda n, o: n.astype(o.dtype), new, old)

    def one(n: Any, o: Any) -> Any:
        return jnp.where(mask.reshape(mask.shape + (1,) * (n.ndim - mask.ndim)), n, o).astype(o.dtype)

    return jax.tree.map(one, new, old)


# gates after a product ------------------------------------------------------------------------------------------------
class Kind(NamedTuple):
    """What of a recurrence is known when it is compiled."""

    gates: Gates
    separate: bool  # the gates take (projected input, product of the state) apart, not their sum
    reverse: bool
    unroll: bool


def recurrence(
    gates: Gates,
    projected: Any,
    kernel: Any,
    bias: Any,
    states: States,
    mask: Any = None,
    keep: Any = None,
    separate: bool = False,
    reverse: bool = False,
    unroll: bool = False,
    plain: bool = False,
) -> tuple[Any, States]:
    """states(t) = gates(projected(t) + states(t-1)[0] @ kernel + bias, states(t-1)), the output being states(t)[0].

    States and gates are computed in float32 or more, the products in the type of the kernel.

    Args:
        gates: pointwise, (sum, states) -> new states; with `separate`, ((projected, product), states) -> new states.
        projected: (time, batch, width), the input times its kernel; with `separate` it may be a tuple of its parts.
        kernel: (units, width).
        bias: (width,) or None, added to the product.
        states: before the first step, each (batch, units).
        mask: booleans, (time, batch), or None; a masked step keeps the states, and so repeats the output.
        keep: (batch, units) or None: multiplies the state in the product (dropout). It has no gradient.
        separate: how the gates are called.
        reverse: begin at the end.
        unroll: write the loop out in full; implies `plain`.
        plain: differentiate the loop as it is written.

    Returns:
        (outputs in the order of time, in the type of projected; the states after the last step).
    """
    states, dtype = tuple(map(widen, states)), jax.tree.leaves(projected)[0].dtype
    kind = Kind(gates, separate, reverse, unroll)
    run: Any = _looped if plain or unroll else _by_hand
    outputs, last = run(kind, projected, kernel, bias, states, mask, keep)
    return outputs.astype(dtype), last


def _looped(kind: Kind, *arguments: Any) -> tuple[Any, States]:
    return _forward(kind, *arguments)[0]


def _forward(kind: Kind, projected: Any, kernel: Any, bias: Any, states: States, mask: Any, keep: Any) -> Any:
    """((outputs, last states), what the reverse loop needs)."""

    def body(states: States, now: tuple[Any, Any]) -> tuple[States, Any]:
        projected_t, mask_t = now
        inner = product(states[0] if keep is None else states[0] * keep, kernel)  # (batch, width)
        inner = inner if bias is None else inner + bias
        gated = (jax.tree.map(widen, projected_t), inner) if kind.separate else projected_t + inner
        new = choose(mask_t, kind.gates(gated, states), states)
        return new, (new[0], gated, states)

    last, (outputs, gated, before) = jax.lax.scan(
        body, states, (projected, mask), reverse=kind.reverse, unroll=kind.unroll
    )
    like = jax.tree.map(lambda p: p[:0], projected)
    return (outputs, last), (gated, before, kernel, bias, mask, keep, like)


def _backward(kind: Kind, residuals: Any, cotangents: tuple[Any, States]) -> tuple[Any, ...]:
    """The gradients by projected, kernel, bias and states; none by mask and keep.

    The loop carries the gradient by the states. In every step the pointwise part is taken back by jax; what is
    left to the hand is the product, whose gradient by the state is needed at once, and by the kernel at the end.
    """
    gated, before, kernel, bias, mask, keep, like = residuals
    by_outputs, by_last = cotangents
    transposed = kernel.T  # once, not in every step

    def body(by_states: States, now: Any) -> tuple[States, Any]:
        by_output, gated_t, states, mask_t = now
        _, back = jax.vjp(lambda g, s: choose(mask_t, kind.gates(g, s), s), gated_t, states)
        by_gated, by_before = back((by_states[0] + by_output, *by_states[1:]))
        by_state = product(by_gated[1] if kind.separate else by_gated, transposed)
        by_state = by_state if keep is None else by_state * keep
        return (by_before[0] + by_state, *by_before[1:]), by_gated

    by_states, by_gated = jax.lax.scan(body, by_last, (by_outputs, gated, before, mask), reverse=not kind.reverse)
    by_projected, by_inner = by_gated if kind.separate else (by_gated, by_gated)
    state = before[0] if keep is None else before[0] * keep
    by_kernel = by_kernel_of(state, by_inner, kernel.dtype)
    by_bias = None if bias is None else by_inner.sum((0, 1)).astype(bias.dtype)
    by_projected = jax.tree.map(lambda d, p: d.astype(p.dtype), by_projected, like)
    return by_projected, by_kernel, by_bias, by_states, None, None


_by_hand = functools.partial(jax.custom_vjp, nondiff_argnums=(0,))(_looped)
_by_hand.defvjp(_forward, _backward)


def product(x: Any, kernel: Any) -> Any:
    """x (batch, units) times the kernel, in the kernel's type, summed in float32 or more."""
    total = jnp.promote_types(kernel.dtype, jnp.float32)
    return jnp.matmul(x.astype(kernel.dtype), kernel, preferred_element_type=total)


def lstm(
    activation: Activation,
    recurrent_activation: Activation,
    x: Any,
    input_kernel: Any,
    kernel: Any,
    bias: Any,
    states: States,
    mask: Any = None,
    keep: Any = None,
    **options: bool,
) -> tuple[Any, States]:
    """`recurrence` with `lstm_gates` of x times its kernel; the usual gates in float32 by the native loop, on a CPU.

    Kernels that a cache holds are multiplied in the native loop, and what comes of x is never written.

    Args:
        activation, recurrent_activation: of the cell and of its gates.
        x: (time, batch, features).
        input_kernel: (features, width); or None where x is projected already.
        options: `reverse`, `unroll` and `plain`; these and all others as for `recurrence`.
    """
    gates = lstm_gates(activation, recurrent_activation)
    if input_kernel is not None and (not x.shape[-1] or input_kernel.size + kernel.size > CACHED):
        x, input_kernel = project(x, input_kernel), None

    def reference(x: Any, input_kernel: Any, bias: Any, kernel: Any, h: Any, c: Any, mask: Any, keep: Any) -> Any:
        projected = x if input_kernel is None else project(x, input_kernel)
        projected = projected if bias is None else projected + bias
        return recurrence(gates, projected, kernel, None, (h, c), mask, keep, **options)

    usual = activation is activations.tanh and recurrent_activation is activations.sigmoid
    arguments = (x, input_kernel, bias, kernel, *states, mask, keep)
    by_hand = functools.partial(native_lstm, lambda *a: _flat(reference(*a)), options.get("reverse", False))
    suits = usual and _suits((x, kernel, *states), mask, keep, options)
    suits = suits and (input_kernel is None or input_kernel.dtype == jnp.float32)
    return native.by_native(suits, by_hand, reference, *arguments)


def simple(
    activation: Activation,
    projected: Any,
    kernel: Any,
    states: States,
    mask: Any = None,
    keep: Any = None,
    **options: bool,
) -> tuple[Any, States]:
    """`recurrence` with `simple_gates`; of tanh and relu in float32 by the native loop, on a CPU that has it.

    Args:
        activation: f.
        options: as for `lstm`; these and all others as for `recurrence`.
    """

    def reference(projected: Any, kernel: Any, h: Any, mask: Any, keep: Any) -> Any:
        return recurrence(simple_gates(activation), projected, kernel, None, (h,), mask, keep, **options)[0]

    reverse, arguments = options.get("reverse", False), (projected, kernel, *states, mask, keep)
    rectified = activation is activations.relu
    suits = (rectified or activation is activations.tanh) and _suits((projected, kernel, *states), mask, keep, options)
    by_hand = functools.partial(native_simple, reference, reverse, rectified)
    outputs = native.by_native(suits, by_hand, reference, *arguments)
    return outputs, ((outputs[0 if reverse else -1] if len(outputs) else states[0]),)


def _suits(arrays: Sequence[Any], mask: Any, keep: Any, options: dict[str, bool]) -> bool:
    """Whether the native loops take a recurrence over these arrays: (x or projected, kernel, *states)."""
    x, kernel, *states = arrays
    state = x.shape[1], kernel.shape[0]
    whole = [*(s.shape == state for s in states), mask is None or mask.shape == x.shape[:2]]
    whole += [keep is None or keep.shape == state]
    single = all(a.dtype == jnp.float32 for a in (*arrays, *(() if keep is None else (keep,))))
    return single and all(whole) and len(x) > 0 and not (options.get("plain") or options.get("unroll"))


def _flat(found: tuple[Any, States]) -> tuple[Any, Any]:
    """(outputs, c): the last h is among the outputs."""
    return found[0], found[1][1]


# gates --------------------------------------------------------------------------------------------------------------
def simple_gates(activation: Activation) -> Gates:
    """h = f(z)."""
    return lambda z, states: (activation(z),)


def lstm_gates(activation: Activation, recurrent_activation: Activation) -> Gates:
    """With i, f, g, o the parts of z: c' = r(f) c + r(i) a(g) and h' = r(o) a(c').

    Reference: Hochreiter and Schmidhuber 1997, https://doi.org/10.1162/neco.1997.9.8.1735; forget gate: Gers et al.
    2000, https://doi.org/10.1162/089976600300015015.
    """
    a, r = activation, recurrent_activation

    def gates(z: Any, states: States) -> States:  # (batch, 4 units)
        i, f, g, o = blocks(z, (r, r, a, r))
        c = f * states[1] + i * g
        return o * a(c), c

    return gates


def gru_gates(activation: Activation, recurrent_activation: Activation) -> Gates:
    """With x the three parts of the projected input and y those of the product of the state: z = r(x1 + y1),
    candidate = a(x3 + r(x2 + y2) y3) and h' = z h + (1 - z) candidate; the reset gate acts after the product.

    The parts of x come apart, as a tuple: slices of an input that a loop slices already make XLA's loops slow
    (measured: 13 ms against 8 for 100 steps).

    Reference: Cho et al. 2014, arXiv 1406.1078.
    """
    gate = quick(recurrent_activation)

    def gates(gated: tuple[Any, Any], states: States) -> States:  # three of (batch, units), (batch, 3 units)
        (x1, x2, x3), product_ = gated
        y1, y2, y3 = jnp.split(product_, 3, axis=-1)
        update, reset = gate(x1 + y1), gate(x2 + y2)
        candidate = activation(x3 + reset * y3)
        return (update * states[0] + (1 - update) * candidate,)

    return gates


def reset_before(activation: Activation, recurrent_activation: Activation, kernel: Any, keep: Any = None) -> Any:
    """The step of a GRU whose reset gate acts before the product: candidate = a(x3 + (r h) kernel3); for `steps`.

    Args:
        activation, recurrent_activation: a, and that of the gates.
        kernel: (units, 3 units).
        keep: (batch, units) or None: multiplies the state in the products.
    """
    k1, k2, k3 = jnp.split(kernel, 3, axis=-1)
    gate = quick(recurrent_activation)

    def step(projected_t: Any, states: States) -> tuple[Any, States]:  # three of (batch, units)
        h, (x1, x2, x3) = states[0], map(widen, projected_t)
        kept = h if keep is None else h * keep
        update, reset = gate(x1 + product(kept, k1)), gate(x2 + product(kept, k2))
        candidate = activation(x3 + product(reset * kept, k3))
        h = update * h + (1 - update) * candidate
        return h, (h,)

    return step


def blocks(z: Any, functions: Sequence[Activation]) -> list[Any]:
    """The parts of z side by side, each through its own activation.

    Where all are tanh or sigmoid, one tanh over all of z does it: XLA makes that one wide loop, and many short ones of
    functions of slices (measured: 10 ms against 14 for 100 steps).

    >>> [part.tolist() for part in blocks(jnp.zeros((1, 4)), (activations.tanh, activations.sigmoid))]
    [[[0.0, 0.0]], [[0.5, 0.5]]]
    """
    known: dict[Any, float] = {activations.tanh: 1.0, activations.sigmoid: 0.5}
    if not all(f in known for f in functions):
        return [quick(f)(part) for f, part in zip(functions, jnp.split(z, len(functions), axis=-1), strict=True)]
    scale = np.repeat([known[f] for f in functions], z.shape[-1] // len(functions)).astype(z.dtype)
    parts = jnp.split(jnp.tanh(z * scale), len(functions), axis=-1)
    return [part if known[f] == 1 else 0.5 * part + 0.5 for f, part in zip(functions, parts, strict=True)]


def quick(function: Activation) -> Activation:
    """The activation itself; for sigmoid tanh(x / 2) / 2 + 1 / 2, which is the same and quicker on a CPU."""
    return (lambda x: 0.5 * jnp.tanh(0.5 * x) + 0.5) if function is activations.sigmoid else function
