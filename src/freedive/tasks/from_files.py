"""Tasks whose rows are files, of which some cannot be read."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import numpy as np

from ..config import one_of
from ..errors import warn
from ..preprocessing.split import rows_of
from .base import Task
from .reading.decoding import SKIP, UnreadableFilesError


class FilesTask(Task):
    """A task whose rows may be files.

    Args:
        on_bad: what happens where files cannot be read: "error" names them, "skip" leaves them out with a warning.
    """

    _: dataclasses.KW_ONLY
    on_bad: Annotated[str, one_of("error", "skip")] = "error"

    def checked(self, X: Any, y: Any) -> tuple[Any, Any]:
        return super().checked(one_column(X), y)

    def outputs(self, X: Any) -> Any:
        return super().outputs(one_column(X))

    def taken(self, X: Any, y: Any) -> tuple[Any, Any, Any]:
        X = one_column(X)
        try:
            return super().taken(X, y)
        except UnreadableFilesError as error:
            kept = [row for row in range(len(X)) if row not in error.causes]
            if self.on_bad == "error":
                raise UnreadableFilesError(error.causes, len(X), SKIP, error.decode) from None
            if not kept:
                raise
            first = next(iter(error.causes.values()))
            warn(f"{len(error.causes)} of {len(X)} files are left out (on_bad='skip'), the first: {first}")
            return self.taken(rows_of(X, np.array(kept)), rows_of(y, np.array(kept)))


def one_column(X: Any) -> Any:
    """A column of pandas' or polars' as a list: what its rows are called is no place in it. Other rows as they are.

    >>> one_column(["a.png"])
    ['a.png']
    """
    if hasattr(X, "columns"):
        names = ", ".join(map(str, X.columns))
        raise TypeError(f"X: expected rows, such as one column of a table. Received a table of {names}; give X[name]")
    return list(X) if hasattr(X, "to_numpy") else X
