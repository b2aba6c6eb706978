"""Errors for names that nothing has, with the nearest ones. The measured processes may not import freedive for it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def unknown(kind: str, name: str, known: Iterable[str]) -> ValueError:
    """An error that tells the names most like this one.

    >>> print(unknown("peer", "troch", ["torch", "freedive"]))
    unknown peer 'troch'. Did you mean 'torch'?
    """
    folded = {k.lower(): k for k in known}
    close = [folded[k] for k in difflib.get_close_matches(name.lower(), folded, n=3, cutoff=0.5)]
    hint = f"Did you mean {' or '.join(map(repr, close))}?" if close else f"Known: {', '.join(folded.values())}."
    return ValueError(f"unknown {kind} {name!r}. {hint}")
