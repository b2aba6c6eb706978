"""Pictures of a run side by side, as a section of a report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..train.callbacks.samples import tiled
from .page import Html, Section, figure, html
from .pictures import data_uri


def gallery(title: str, pictures: Sequence[tuple[str, Any]], note: str = "") -> Section:
    """Pictures with their captions, as a section: what was made, what lies between two of them, what was restored.

    Args:
        title: of the section.
        pictures: (caption, picture); a picture is (height, width[, channels]), or a table of them,
            (rows, columns, height, width, channels), as `VAE.interpolate` gives.
        note: beneath the title.

    >>> path = np.zeros((2, 5, 4, 4, 1))
    >>> gallery("From one to another", [("a line", path)]).title
    'From one to another'
    """
    return Section(title, f'<div class="charts">{"".join(_figure(*each) for each in pictures)}</div>', note)


def _figure(caption: str, picture: Any) -> Html:
    picture = np.asarray(picture)
    if picture.ndim == 5:
        picture = tiled(picture.reshape(-1, *picture.shape[2:]), picture.shape[1])
    shown = f'<img class="grid" src="{data_uri(picture)}" alt="{html(f"samples, {caption}")}">'
    return figure(shown, caption)
