"""Connectionist temporal classification: the probability of a short sequence of labels, whatever their times.

A path gives each of T frames a label or a blank; joining equal neighbours and taking out blanks makes the sequence of
it. The probability of a sequence is the sum over all its paths. Over the positions s = 0..2 L of
blank, l_1, blank, l_2, ..., l_L, blank, that sum is a recursion in time:

    alpha[t, s] = p[t, label(s)] (alpha[t-1, s] + alpha[t-1, s-1] + skip(s) alpha[t-1, s-2])

where skip(s) says that s is a label other than the one two positions before. The same recursion from the other end
gives beta, and alpha beta / (emission p) the probability of being at s at time t. The gradient by the logits is softmax
minus these, summed over the positions of a class. Both recursions are one scan, of twice the batch, in logarithms.

Reference: Graves et al. 2006, "Connectionist temporal classification", ICML, https://doi.org/10.1145/1143844.1143891
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

NEVER = -1e30  # the logarithm of zero: far below every sum of logarithms, and its sums are finite


def ctc_loss(
    target: Any,
    output: Any,
    target_length: Any,
    output_length: Any = None,
    mask_index: int = 0,
    mask: Any = None,
) -> jax.Array:
    """-log p(target | output), one value a sample; infinite where the frames are too few for the labels.

    Args:
        target: labels, whole numbers (batch, labels); those from target_length on may be anything.
        output: logits (batch, frames, classes).
        target_length: labels that count, (batch,); may be 0.
        output_length: frames that count, (batch,); None for all.
        mask_index: the class of the blank.
        mask: (batch, frames), which frames count, instead of output_length: any pattern.

    Returns:
        float32 (batch,). Its gradient by the logits is zero where it is infinite.

    Of the nine paths of two frames and three equally likely classes, three give the label: 1 1, 1 - and - 1.

    >>> logits = jnp.zeros((1, 2, 3))
    >>> print((9 * jnp.exp(-ctc_loss([[1]], logits, [1]))).round(4))
    [3.]
    """
    output = jnp.asarray(output)
    target, length = jnp.asarray(target, jnp.int32), jnp.asarray(target_length, jnp.int32)
    frames = output.shape[1]
    if mask is None:
        last = frames if output_length is None else jnp.asarray(output_length)[:, None]
        mask = jnp.broadcast_to(jnp.arange(frames) < last, output.shape[:2])
    wide = output.astype(jnp.promote_types(output.dtype, jnp.float32))
    return _loss(mask_index, wide, target, length, jnp.asarray(mask, bool))


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _loss(blank: int, logits: Any, labels: Any, length: Any, mask: Any) -> jax.Array:
    log_p, positions, skip = _prepared(blank, logits, labels, length)
    emit = _emitted(log_p, positions)
    alpha, _ = _recursion(emit, skip, jnp.zeros_like(length), mask)
    return _infinite_or(_total(alpha, length))


def _forward(blank: int, logits: Any, labels: Any, length: Any, mask: Any) -> tuple[jax.Array, Any]:
    """The loss, and its gradient by the logits."""
    log_p, positions, skip = _prepared(blank, logits, labels, length)
    emit = _emitted(log_p, positions)
    size = positions.shape[1]
    # Turned round, time and positions alike, the second half is the first: padding then stands before the start.
    back = _skips(blank, positions[:, ::-1])
    there = (emit, skip, jnp.zeros_like(length), mask)
    turned = (emit[:, ::-1, ::-1], back, size - 1 - 2 * length, mask[:, ::-1])
    last, paths = _recursion(*map(jnp.concatenate, zip(there, turned, strict=True)), keep=True)
    batch = len(length)
    total = _total(last[:batch], length)
    alpha, beta = paths[:batch], paths[batch:, ::-1, ::-1]
    feasible = total > NEVER / 2
    held = jnp.exp(alpha + beta - emit - jnp.where(feasible, total, 0.0)[:, None, None])  # (batch, frames, positions)
    classes = jax.nn.one_hot(positions, logits.shape[-1], dtype=logits.dtype)
    share = jnp.einsum("bts,bsk->btk", held, classes)
    counted = mask[..., None] & feasible[:, None, None]
    gradient = jnp.where(counted, jnp.exp(log_p) - share, 0.0)
    return _infinite_or(total), gradient


def _backward(blank: int, gradient: Any, by_loss: Any) -> tuple[Any, None, None, None]:
    return jnp.where(gradient == 0, 0.0, gradient * by_loss[:, None, None]), None, None, None


_loss.defvjp(_forward, _backward)


def _prepared(blank: int, logits: Any, labels: Any, length: Any) -> tuple[jax.Array, jax.Array, jax.Array]:
    """(log probabilities, the class at each position, whether it may be reached from two positions before)."""
    log_p = jnp.maximum(jax.nn.log_softmax(logits), NEVER)
    counted = jnp.arange(labels.shape[1]) < length[:, None]
    labels = jnp.where(counted, labels, blank)
    positions = jnp.full((len(labels), 2 * labels.shape[1] + 1), blank, jnp.int32).at[:, 1::2].set(labels)
    return log_p, positions, _skips(blank, positions)


def _skips(blank: int, positions: Any) -> jax.Array:
    two_before = jnp.pad(positions, ((0, 0), (2, 0)), constant_values=blank)[:, :-2]
    return (positions != blank) & (positions != two_before)


def _emitted(log_p: Any, positions: Any) -> jax.Array:
    """log p of the class at every position: (batch, frames, positions)."""
    return jnp.take_along_axis(log_p, positions[:, None], axis=2, mode="clip")


def _recursion(emit: Any, skip: Any, start: Any, mask: Any, keep: bool = False) -> tuple[jax.Array, Any]:
    """(alpha behind the last frame (batch, positions), with `keep` that of every frame (batch, frames, positions)).

    Before the first frame all stands at `start`; a frame that does not count changes nothing.
    """
    first = jnp.where(jnp.arange(emit.shape[2]) == start[:, None], 0.0, NEVER).astype(emit.dtype)
    closed = jnp.where(skip, 0.0, NEVER).astype(emit.dtype)

    def frame(alpha: Any, each: Any) -> tuple[Any, Any]:
        emit, counts = each
        one = jnp.pad(alpha, ((0, 0), (1, 0)), constant_values=NEVER)[:, :-1]
        two = jnp.pad(alpha, ((0, 0), (2, 0)), constant_values=NEVER)[:, :-2] + closed
        highest = jnp.maximum(jnp.maximum(alpha, one), two)
        ways = jnp.exp(alpha - highest) + jnp.exp(one - highest) + jnp.exp(two - highest)
        new = jnp.where(counts[:, None], jnp.maximum(highest + jnp.log(ways) + emit, NEVER), alpha)
        return new, new if keep else None

    last, paths = lax.scan(frame, first, (emit.swapaxes(0, 1), mask.T))
    return last, None if paths is None else paths.swapaxes(0, 1)


def _total(alpha: Any, length: Any) -> jax.Array:
    """log p of all paths: those that end with the last label, and those that end with a blank behind it."""
    at = jnp.arange(alpha.shape[1])
    ends = (at == 2 * length[:, None]) | (at == 2 * length[:, None] - 1)
    return jax.nn.logsumexp(jnp.where(ends, alpha, NEVER), axis=1)


def _infinite_or(total: Any) -> jax.Array:
    """The loss from log p: infinite where there is no path."""
    return jnp.where(total > NEVER / 2, -total, jnp.inf)
