"""From logits to labels: the likeliest path, or the likeliest sequence by prefix beam search. On the host, by numpy.

A beam of prefixes is two numbers each: the probability of its paths that end with a blank, and of those that end with
its last label. One step extends all prefixes of all samples at once by arrays (batch, beam, classes). An extension that
is a prefix of the beam already is added to it: a prefix knows itself by a hash, and its parent by the parent's.

Reference: Hannun et al. 2014, "First-pass large vocabulary continuous speech recognition using bi-directional recurrent
DNNs", arXiv 1408.2873.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

ROOT, FACTOR = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
NOBODY, ORPHAN = np.uint64(0), np.uint64(1)  # the hashes of a place that holds no prefix: nobody's child or parent


def ctc_decode(
    inputs: Any,
    sequence_lengths: Any = None,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Labels from the output of a CTC model.

    Args:
        inputs: logits (batch, frames, classes).
        sequence_lengths: frames that count, (batch,); None for all.
        strategy: "greedy" (the likeliest class of each frame) or "beam_search" (the likeliest sequences, summed over
            their paths).
        beam_width: prefixes that are kept, for "beam_search".
        top_paths: sequences to give, for "beam_search".
        merge_repeated: whether equal neighbours are one label, for "greedy".
        mask_index: the class of the blank.

    Returns:
        (labels, scores): int32 (top_paths, batch, frames), with -1 behind the last label; float32 (batch, top_paths),
        log p of the path ("greedy") or of the sequence, as far as the beam holds its paths.

    >>> logits = np.log([[[0.4, 0.6], [0.6, 0.4]]])
    >>> labels, scores = ctc_decode(logits, strategy="beam_search")
    >>> labels[0, 0].tolist(), round(float(np.exp(scores[0, 0])), 2)
    ([1, -1], 0.76)
    """
    logits = np.asarray(inputs, np.float64)
    if logits.ndim != 3:
        raise ValueError(f"ctc_decode(inputs=...): expected logits (batch, frames, classes). Received: {logits.shape}")
    batch, frames, classes = logits.shape
    lengths = np.full(batch, frames) if sequence_lengths is None else np.asarray(sequence_lengths)
    if not 0 <= mask_index < classes:
        raise ValueError(f"ctc_decode(mask_index={mask_index}): expected a class, 0..{classes - 1}")
    highest = logits.max(axis=2, keepdims=True)
    log_p = logits - highest - np.log(np.exp(logits - highest).sum(axis=2, keepdims=True))
    counted = np.arange(frames) < lengths[:, None]
    if strategy == "greedy":
        return _greedy(log_p, counted, merge_repeated, mask_index)
    if strategy != "beam_search":
        raise ValueError(f"ctc_decode(strategy={strategy!r}): expected 'greedy' or 'beam_search'")
    if not 1 <= top_paths <= beam_width:
        raise ValueError(f"ctc_decode(top_paths={top_paths}): expected 1..beam_width={beam_width}")
    return _beam_search(log_p, counted, beam_width, top_paths, mask_index)


def _greedy(log_p: np.ndarray, counted: np.ndarray, merge: bool, blank: int) -> tuple[np.ndarray, np.ndarray]:
    best = np.where(counted, log_p.argmax(axis=2), blank)
    kept = best != blank
    if merge:
        kept[:, 1:] &= best[:, 1:] != best[:, :-1]
    scores = np.where(counted, log_p.max(axis=2), 0.0).sum(axis=1)
    return _packed(np.where(kept, best, -1))[None], scores[:, None].astype(np.float32)


def _packed(labels: np.ndarray) -> np.ndarray:
    """Labels (..., frames) with all -1 behind the others."""
    order = np.argsort(labels < 0, axis=-1, kind="stable")
    return np.take_along_axis(labels, order, axis=-1).astype(np.int32)


# prefix beam search ---------------------------------------------------------------------------------------------------
class Beam(NamedTuple):
    """The prefixes of every sample, (batch, beam) each."""

    blank: np.ndarray  # log p of the paths that end with a blank
    label: np.ndarray  # log p of the paths that end with the last label
    last: np.ndarray  # the last label; -1 of the empty prefix
    itself: np.ndarray  # a hash of the prefix
    parent: np.ndarray  # that of the prefix without its last label

    @property
    def total(self) -> np.ndarray:
        """log p of the prefix."""
        return np.logaddexp(self.blank, self.label)


def _beam_search(
    log_p: np.ndarray, counted: np.ndarray, width: int, top_paths: int, blank: int
) -> tuple[np.ndarray, np.ndarray]:
    batch, frames, _ = log_p.shape
    beam, steps = _start(batch, width), []
    for t in range(frames):
        live = counted[:, t, None]
        new, origin, label = _extended(beam, log_p[:, t], blank)
        beam = Beam(*(np.where(live, a, b) for a, b in zip(new, beam, strict=True)))
        steps.append((np.where(live, origin, np.arange(width)), np.where(live, label, -1)))
    best = np.argsort(-beam.total, axis=1, kind="stable")[:, :top_paths]
    scores = np.take_along_axis(beam.total, best, axis=1)
    labels = np.full((batch, top_paths, frames), -1)
    for t in reversed(range(frames)):
        origin, label = steps[t]
        labels[..., t] = np.take_along_axis(label, best, axis=1)
        best = np.take_along_axis(origin, best, axis=1)
    return _packed(labels).swapaxes(0, 1), scores.astype(np.float32)


def _start(batch: int, width: int) -> Beam:
    """The empty prefix, and places that hold none."""
    never = np.full((batch, width), -np.inf)
    blank = never.copy()
    blank[:, 0] = 0.0
    itself = np.full((batch, width), NOBODY)
    itself[:, 0] = ROOT
    return Beam(blank, never, np.full((batch, width), -1), itself, np.full((batch, width), ORPHAN))


def _extended(beam: Beam, log_p: np.ndarray, blank: int) -> tuple[Beam, np.ndarray, np.ndarray]:
    """(The beam one frame on, for each prefix the place of the one it was made from, the label it got or -1)."""
    batch, width = beam.last.shape
    classes = log_p.shape[1]
    last = np.maximum(beam.last, 0)
    of_last = np.where(beam.last >= 0, np.take_along_axis(log_p, last, axis=1), -np.inf)
    stay_blank, stay_label = beam.total + log_p[:, [blank]], beam.label + of_last
    longer = np.repeat(beam.total[:, :, None], classes, axis=2)  # (batch, beam, classes)
    np.put_along_axis(longer, last[:, :, None], np.where(beam.last >= 0, beam.blank, beam.total)[:, :, None], axis=2)
    longer += log_p[:, None]
    longer[:, :, blank] = -np.inf
    # An extension that is a prefix of the beam already: its paths are added there.
    related = beam.parent[:, :, None] == beam.itself[:, None]  # (batch, child, parent)
    row, child, parent = np.nonzero(related)
    same = (row, parent, beam.last[row, child])
    stay_label[row, child] = np.logaddexp(stay_label[row, child], longer[same])
    longer[same] = -np.inf
    scores = np.concatenate([np.logaddexp(stay_blank, stay_label), longer.reshape(batch, -1)], axis=1)
    best = np.argpartition(-scores, width - 1, axis=1)[:, :width]
    stays, score = best < width, np.take_along_axis(scores, best, axis=1)
    origin, label = np.where(stays, best, (best - width) // classes), np.where(stays, -1, (best - width) % classes)
    at = lambda values: np.take_along_axis(values, origin, axis=1)  # noqa: E731
    with np.errstate(over="ignore"):
        child_hash = (at(beam.itself) ^ (label + 2).astype(np.uint64)) * FACTOR
    child_hash ^= child_hash >> np.uint64(32)
    dead = score == -np.inf
    new = Beam(
        np.where(stays, at(stay_blank), -np.inf),
        np.where(stays, at(stay_label), score),
        np.where(stays, at(beam.last), label),
        np.where(dead, NOBODY, np.where(stays, at(beam.itself), child_hash)),
        np.where(dead, ORPHAN, np.where(stays, at(beam.parent), at(beam.itself))),
    )
    return new, origin, label
