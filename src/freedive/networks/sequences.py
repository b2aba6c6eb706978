"""Networks that read a sequence and write another: what they have in common, and writing in compiled batches.

A network says three things: `encode` (what it remembers of the source), `step` (the scores of the next token, from the
one before and a state), and `call` (the same for all steps at once, told the right tokens). Training is `fit` on
[source, target without its end] -> [target without its start]; writing runs `step` in one compiled loop.
"""

from __future__ import annotations

from dataclasses import field
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..config import Fraction, PositiveInt
from ..core.calling import run_key
from ..core.forward import Pass
from ..core.structure import compiled, structure
from ..core.variables import draw_missing, gather
from ..models import Model
from ..ops.decoding import Rules
from ..ops.random import keep
from ..preprocessing.vocabulary import END, PAD, START
from . import samplers

ROWS, LENGTH = 64, 8  # a compiled batch has at most so many rows, and sources of a multiple of so many tokens


class Texts(NamedTuple):
    """What was written: a list of arrays of tokens, without start and end; and the log-probability of each."""

    tokens: list[np.ndarray]
    scores: np.ndarray


class SequenceToSequence(Model):
    """A model that reads tokens and writes tokens; as in every vocabulary 0 is padding, 2 the start and 3 the end.

    Args:
        source_tokens, target_tokens: the sizes of the vocabularies.
        sampling: scheduled sampling: the probability that a step of training is told what the network itself would
            have written before it, rather than what is right. It may change while a run goes on, from any number but
            zero: `model.sampling = ...` in a callback.

    Call arguments:
        inputs: [source (batch, steps), target (batch, time)]: the target begins with the start.

    Returns:
        Logits of the next token, (batch, time, tokens). Their mask says where the target goes on, so that padding
        counts in no loss and no metric.

    Reference: scheduled sampling: Bengio et al. 2015, arXiv 1506.03099.
    """

    source_tokens: PositiveInt
    target_tokens: PositiveInt
    sampling: Fraction = field(default=0.0, kw_only=True)
    lengths_vary: ClassVar[bool] = True
    tokens: ClassVar[Rules] = Rules(START, END, 0, PAD)

    # to write -------------------------------------------------------------------------------------------------------
    def encode(self, source: Any) -> Any:
        """What is remembered of the sources (batch, steps): a tree of arrays with the batch first."""
        raise NotImplementedError

    def begin(self, memory: Any, length: int) -> Any:
        """The state before the first of at most `length` steps: a tree of arrays with the batch first."""
        raise NotImplementedError

    def step(self, tokens: Any, state: Any, memory: Any, at: Any) -> tuple[Any, Any]:
        """(logits (batch, tokens), new state), from the tokens before (batch,) at step `at`."""
        raise NotImplementedError

    def looks(self, source: Any, target: Any) -> Any:
        """How much every step of the target looks at every step of the source: (batch, time, steps)."""
        raise NotImplementedError

    # training -------------------------------------------------------------------------------------------------------
    def compute_mask(self, inputs: Any, mask: Any) -> Any:
        return inputs[1] != PAD

    def own_choice(self, shape: tuple[int, ...]) -> Any:
        """Which steps are told the network's own choice: booleans; None where scheduled sampling is off."""
        if not self.training or self.sampling == 0:
            return None
        return ~keep(self.rng(), self.hyper("sampling"), shape)

    # use ------------------------------------------------------------------------------------------------------------
    def generate(self, source: Any, sampler: Any = "greedy", length: int | None = None, seed: int = 0) -> Texts:
        """Write a sequence for every source.

        Args:
            source: tokens (batch, steps), padded with 0; or a list of lists of tokens.
            sampler: "greedy", "beam", "sample", or a `Sampler`.
            length: the most tokens that are written; by default half as many again as the source has, and 10.
            seed: of the chances of "sample".

        Returns:
            `Texts`, in the order of the sources; of an empty source an empty one.
        """
        rows = [np.asarray(row)[np.asarray(row) != PAD] for row in source]
        sampler, nothing = samplers.get(sampler), (np.zeros(0, np.int32), np.float32(0))
        order = sorted(filter(lambda i: len(rows[i]), range(len(rows))), key=lambda i: len(rows[i]))  # alike in length
        found: list[Any] = [nothing] * len(rows)
        for at in range(0, len(order), ROWS):
            places = order[at : at + ROWS]
            written = self._write([rows[i] for i in places], sampler, length, seed + at)
            for place, *text in zip(places, *written, strict=False):
                found[place] = text
        return Texts([trimmed(tokens) for tokens, _ in found], np.array([score for _, score in found], np.float32))

    def _write(self, rows: list[np.ndarray], sampler: samplers.Sampler, length: int | None, seed: int) -> Any:
        """(tokens (batch, length), scores (batch,)) of one batch, by a program for its shape.

        Where no length is given, the end of a row stands at its own limit, whatever is beside it, and costs nothing.
        """
        source = padded(rows)
        own = most_written(np.count_nonzero(source != PAD, axis=1))
        limits = own if length is None else np.full(len(source), length)
        rules = self.tokens._replace(length=most_written(source.shape[1]) + 1 if length is None else length)

        def run(root: SequenceToSequence, source: Any, limits: Any, seed: Any, numbers: Any) -> Any:
            memory = root.encode(source)
            wide = getattr(sampler, "width", 1)
            many, limits = jax.tree.map(lambda m: jnp.repeat(m, wide, axis=0), (memory, limits))

            def step(tokens: Any, state: Any, at: Any) -> tuple[Any, Any]:
                logits, state = root.step(tokens, state, many, at)
                goes_on = (at < limits)[:, None] | (jnp.arange(logits.shape[-1]) == END)
                return jnp.where(goes_on, logits, -jnp.inf), state

            return sampler.write(step, root.begin(memory, rules.length), len(source), rules, run_key(seed), numbers)

        arrays = source, limits.astype(np.int32), np.uint32(seed), sampler.hyper()
        written = self._run(("write", structure(sampler), rules), run, *arrays)
        return np.asarray(written.tokens), np.asarray(written.scores)

    def attention(self, source: Any, target: Any) -> np.ndarray:
        """How much every token of a target looks at every token of its source.

        Args:
            source: (batch, steps).
            target: (batch, time), with the start.

        Returns:
            (batch, time, steps), rows that sum to one.
        """
        return np.asarray(self._run(("looks",), lambda root, *given: root.looks(*given), source, target))

    def _run(self, key: tuple, function: Any, *arrays: Any) -> Any:
        """A function of the model and arrays, compiled once a structure, with the model's values."""
        draw_missing(self)
        dtype = self._training.dtype

        def run(root: Any, variables: Any, *arrays: Any) -> Any:
            with Pass(root, variables, run_key(0), compute_dtype=dtype):
                return function(root, *arrays)

        call = compiled((*key, dtype, structure(self)), run)
        return call(self, gather(self), *jax.tree.map(np.asarray, arrays))


def most_written(steps: Any) -> Any:
    """How many tokens are written of so many, at most: half as many again, and 10."""
    return steps + steps // 2 + 10


def padded(rows: list[np.ndarray]) -> np.ndarray:
    """Tokens of several rows as one array of few shapes: rows a power of two, steps a multiple of `LENGTH`.

    >>> padded([np.array([4, 5]), np.array([6])]).shape
    (2, 8)
    """
    count = 1 << (len(rows) - 1).bit_length()
    steps = max(LENGTH, -(-max(map(len, rows)) // LENGTH) * LENGTH)
    filled = np.full((count, steps), PAD, np.int32)
    filled[len(rows) :, 0] = END  # a source of its own, so that nothing is a mean of nothing
    for row, tokens in zip(filled, rows, strict=False):
        row[: len(tokens)] = tokens
    return filled


def trimmed(tokens: np.ndarray) -> np.ndarray:
    """Tokens up to the end.

    >>> trimmed(np.array([5, 6, 3, 0])).tolist()
    [5, 6]
    """
    ends = np.flatnonzero((tokens == END) | (tokens == PAD))
    return tokens[: ends[0]] if len(ends) else tokens
