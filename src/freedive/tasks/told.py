"""What people say about their data beside where it lies, as a model's file keeps it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ..errors import unknown


class ToldError(ValueError):
    """What was said about the data does not fit them."""


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

    def refuse_others(self, taken: Collection[str], what: str, uses: Mapping[str, Sequence[str]] | None = None) -> None:
        """Refuse what was said, but means nothing for the data.

        Args:
            taken: the names of what means something.
            what: the data, in words.
            uses: the kinds of data for which each name means something, in words.

        >>> Told(group="owner").refuse_others(["target"], "photos is a folder of pictures")
        Traceback (most recent call last):
        freedive.tasks.told.ToldError: --group means nothing here: photos is a folder of pictures
        """
        for name in self.given:
            if name not in (*taken, "seed"):
                use = f". It is for: {'; '.join(uses[name])}" if uses and uses.get(name) else ""
                raise ToldError(f"--{name} means nothing here: {what}{use}")

    def refuse_unknown(self, path: str, names: Iterable[str], options: Iterable[str], kind: str = "column") -> None:
        """Refuse names that the data do not have."""
        names = list(names)
        for option in options:
            if getattr(self, option) is not None and getattr(self, option) not in names:
                raise ToldError(f"{path}: --{option}: {unknown(kind, getattr(self, option), names)}")
