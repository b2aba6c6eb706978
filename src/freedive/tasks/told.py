"""What people say about their data beside where it lies, as a model's file keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Told(NamedTuple):
    """What the user said about the data; None: to be found.

    Attributes:
        target: the column or array that holds the labels.
        group: the column whose equal values must not be parted between training and test.
        horizon: how many steps a forecast looks ahead.
        text: the column of a table whose texts are learned from.
        seed: of the split.
    """

    target: str | None = None
    group: str | None = None
    horizon: int | None = None
    text: str | None = None
    seed: int = 0

    @property
    def given(self) -> dict[str, Any]:
        """What was said, by name.

        >>> Told(target="price").given
        {'target': 'price', 'seed': 0}
        """
        return {name: value for name, value in self._asdict().items() if value is not None}

    @classmethod
    def read(cls, given: Mapping[str, Any] | None) -> Told:
        """The same again, from a file.

        Raises:
            TypeError: names what cannot have been said.
        """
        for name, value in (given or {}).items():
            kind = int if name in ("seed", "horizon") else str
            if name not in cls._fields or type(value) is not kind:
                raise TypeError(f"told: expected what was said of the data, by name. Received: {name}={value!r:.60}")
        return cls(**(given or {}))
