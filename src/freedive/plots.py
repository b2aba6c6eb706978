"""Pictures for notebooks and papers, with matplotlib: a confusion matrix, a grid of samples.

matplotlib is imported when a picture is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .report.pictures import picture_bytes
from .report.scores import confusion_matrix as count_confusions

BLUES = "Blues"
LIGHT = 0.5  # cells that are fuller than this part have white numbers


def confusion_matrix(
    y_true: Any,
    y_pred: Any,
    class_names: Sequence[str] | None = None,
    normalize: bool = False,
    ax: Any = None,
) -> Any:
    """Draw how often each class was called each class.

    Args:
        y_true: (n,) class numbers.
        y_pred: (n,) class numbers, or (n, classes) probabilities.
        class_names: what stands along the sides; the numbers unless given.
        normalize: show parts of each row, which is then recall on the diagonal.
        ax: matplotlib axes to draw on.

    Returns:
        The matplotlib axes.

    >>> import numpy as np
    >>> axes = confusion_matrix([0, 1, 1], [0, 1, 0], ["no", "yes"])
    >>> axes.get_xlabel(), [text.get_text() for text in axes.texts]
    ('predicted', ['1', '0', '1', '1'])
    """
    true, said = np.asarray(y_true).reshape(-1), np.asarray(y_pred)
    said = said.argmax(1) if said.ndim == 2 and said.shape[1] > 1 else said.reshape(-1)
    classes = len(class_names) if class_names is not None else int(max(true.max(), said.max())) + 1
    counts = count_confusions(true, said, classes)
    parts = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    names = list(map(str, range(classes))) if class_names is None else list(class_names)
    ax = _axes(ax, (1.6 + 0.55 * classes, 1.2 + 0.55 * classes))
    ax.imshow(parts, cmap=BLUES, vmin=0, vmax=1)
    for i in range(classes):
        for j in range(classes):
            shown = f"{parts[i, j]:.2f}" if normalize else str(counts[i, j])
            ax.text(j, i, shown, ha="center", va="center", color="white" if parts[i, j] > LIGHT else "black")
    ax.set_xticks(range(classes), names, rotation=45 if max(map(len, names)) > 3 else 0, ha="center")
    ax.set_yticks(range(classes), names)
    ax.set(xlabel="predicted", ylabel="true")
    return ax


def sample_grid(
    pictures: Any, titles: Sequence[Any] | None = None, columns: int = 8, rows: int | None = None, scale: float = 1.1
) -> Any:
    """Draw pictures in a grid.

    Args:
        pictures: (n, height, width) or (n, height, width, 1, 3 or 4); 0 to 255, or floats from 0 to 1.
        titles: a text above each.
        columns: pictures side by side.
        rows: at most so many rows; all pictures unless given.
        scale: inches a picture.

    Returns:
        The matplotlib figure.

    >>> import numpy as np
    >>> figure = sample_grid(np.zeros((5, 8, 8)), titles="abcde", columns=3)
    >>> [axes.get_title() for axes in figure.axes]
    ['a', 'b', 'c', 'd', 'e', '']
    """
    from matplotlib import pyplot

    pictures = np.asarray(pictures)
    if pictures.ndim not in (3, 4) or not len(pictures):
        raise ValueError(f"sample_grid: expected (n, height, width[, channels]). Received: {pictures.shape}")
    if titles is not None and len(titles) != len(pictures):
        raise ValueError(f"sample_grid: {len(pictures)} pictures, but {len(titles)} titles")
    columns = min(columns, len(pictures))
    needed = -(-len(pictures) // columns)
    rows = needed if rows is None else min(rows, needed)
    size = (columns * scale, rows * scale * (1.25 if titles is not None else 1.0))
    figure, grid = pyplot.subplots(rows, columns, squeeze=False, figsize=size, layout="constrained")
    for place, ax in enumerate(grid.ravel()):
        ax.axis("off")
        if place < len(pictures):
            pixels = picture_bytes(pictures[place])
            ax.imshow(pixels[..., 0] if pixels.shape[-1] == 1 else pixels, cmap="gray", vmin=0, vmax=255)
            if titles is not None:
                ax.set_title(str(titles[place]), fontsize="small")
    return figure


def _axes(ax: Any, size: tuple[float, float]) -> Any:
    if ax is not None:
        return ax
    from matplotlib import pyplot

    return pyplot.subplots(figsize=size, layout="constrained")[1]
