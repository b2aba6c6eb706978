"""What makes two runs the same: layers, data and settings, told apart by digests and shown in words.

A checkpoint keeps it, so that a run never goes on with what another left. Numbers that may change without compiling,
such as the learning rate, are no part of it: those of the checkpoint are taken.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
from jax.tree_util import tree_flatten_with_path

from ..core.paths import paths
from ..core.structure import fingerprint, structure
from .chunk import Line
from .feeds import Feed, parts_of

if TYPE_CHECKING:
    from .execute import Run

Identity = dict[str, dict[str, list[str]]]  # section -> name -> [what to compare, what to show]
ARRAYS = ("x", "y", "sample_weight", "clients")


def identity(run: Run, model: Any) -> Identity:
    """The sections of a run: layers, data, settings, and the program as a whole."""
    own = model is not None
    optimizer = getattr(model, "optimizer", None)
    return {
        "layers": {path or "model": _layer(layer) for layer, path in paths(model).items()} if own else {},
        "data": _data(run.line.train, "") | _data(run.validation, "validation "),
        "optimizer": {type(optimizer).__name__: [fingerprint(structure(optimizer)), _short(repr(optimizer))]},
        "settings": {name: [str(value)] * 2 for name, value in _settings(run.line, run).items()},
        "program": {"joined, trained or measured otherwise": [fingerprint(run.program.key), "as then"]},
    }


def digest(identity: Identity, seed: int) -> str:
    """A short name for a run: another for another model, data, settings or seed."""
    compared = [(section, name, entry[0]) for section, names in identity.items() for name, entry in names.items()]
    return hashlib.sha256(repr((seed, compared)).encode()).hexdigest()[:12]


def differences(then: Identity, now: Identity) -> list[str]:
    """What is missing from, unexpected in and different in a run of `then`, seen from now; empty for the same run."""
    found = []
    for section, want in now.items():
        have = then.get(section, {})
        lists = {
            "missing": [name for name in want if name not in have],
            "unexpected": [name for name in have if name not in want],
            "different": [
                f"{name} ({have[name][1]} then, {want[name][1]} now)" if have[name][1] != want[name][1] else name
                for name in want
                if name in have and have[name][0] != want[name][0]
            ],
        }
        shown = [f"{what}: {', '.join(names[:5])}{' ...' * (len(names) > 5)}" for what, names in lists.items() if names]
        if shown and not (section == "program" and found):  # which only says again that something differs
            found.append(f"{section} {'; '.join(shown)}")
    return found


def _layer(layer: Any) -> list[str]:
    """A layer by its own fields; one that holds others by its class, since they stand beside it."""
    if any(True for _ in layer._children()):
        return [type(layer).__qualname__] * 2
    return [fingerprint(structure(layer)), _short(repr(layer))]


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:76] + " ..."


def _data(feed: Feed | None, kind: str) -> dict[str, list[str]]:
    """The arrays of a feed by what is in them; those of a stream, whose content is not known, by their shapes."""
    if feed is None:
        return {}
    given = [arrays for _, arrays, _ in parts_of(feed, feed.arrays)]
    leaves = [(place, *leaf) for place, part in enumerate(given) for leaf in tree_flatten_with_path(part)[0]]
    found = {}
    for place, (first, *rest), leaf in leaves:
        which = f"{place + 1} " if place else ""
        what = ARRAYS[first.idx] if hasattr(first, "idx") else str(first.key)
        name = kind + which + what + "".join(map(str, rest))
        if getattr(feed, "streamed", False):
            found[name] = [f"stream of {leaf.dtype} {leaf.shape[2:]}"] * 2
        else:
            array, content = np.asarray(leaf), content_of(leaf)
            found[name] = [f"{array.dtype} {array.shape} {content}", f"{array.dtype} {array.shape} {content[:6]}"]
    return found


def content_of(array: Any) -> str:
    """A digest of what is in an array."""
    return hashlib.sha256(np.ascontiguousarray(np.asarray(array)).reshape(-1).view(np.uint8).data).hexdigest()[:16]


def _settings(line: Line, run: Run) -> dict[str, Any]:
    shuffle = getattr(line.train, "shuffle", None)
    streamed = line.train is None or getattr(line.train, "streamed", False)
    return {
        "batch_size": "that of the stream" if streamed else line.train.batch_size,  # pyright: ignore
        "shuffle": shuffle,
        "steps of an epoch": run.stream.steps if run.stream is not None else line.training,
        "validation's batch size": run.validation.batch_size if run.validation is not None else None,
        "validation_freq": line.every,
    }
