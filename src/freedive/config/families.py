"""The families that members are found in by name: losses, layers, optimizers, ..."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from ..errors import unknown

T = TypeVar("T")


class Family:
    """The members of one kind (losses, layers, ...), by name.

    Packages with further members are imported when one is looked for that is not there yet (`rest`).
    """

    families: ClassVar[dict[str, Family]] = {}
    rest: ClassVar[list[str]] = []  # packages with members, not imported yet

    def __init__(self, kind: str):
        self.kind = kind
        self._members: dict[str, Any] = {}
        Family.families[kind] = self

    @classmethod
    def complete(cls) -> None:
        """Import what has members and was not asked for yet."""
        for package in tuple(cls.rest):
            importlib.import_module(package)
        cls.rest.clear()

    @classmethod
    def of(cls, kind: Any) -> Family | None:
        """The family of that kind."""
        if isinstance(kind, str) and kind not in cls.families:
            cls.complete()
        return cls.families.get(kind) if isinstance(kind, str) else None

    @property
    def members(self) -> dict[str, Any]:
        """All members, by each of their names."""
        self.complete()
        return self._members

    def __contains__(self, name: Any) -> bool:
        return isinstance(name, str) and (name in self._members or name in self.members)

    def add(self, member: T, *names: str) -> T:
        """Register a class or function under its own name, its snake_case name and `names`."""
        own = getattr(member, "__name__", "")
        for name in dict.fromkeys((own, snake(own), *names)):
            self._members[name] = member
        return member

    def find(self, name: str) -> Any:
        """The member of that name; an unknown name is an error with the nearest ones."""
        if name not in self:
            raise unknown(self.kind, name, self.members)
        return self._members[name]

    def other_names(self, module: str) -> Callable[[str], Any]:
        """The `__getattr__` of a module in which members go by their other names too: `regularizers.l2` is L2."""

        def look_up(name: str) -> Any:
            if name in self._members:
                return self._members[name]
            raise AttributeError(f"module {module!r} has no attribute {name!r}")

        return look_up

    def holds(self, member: Any) -> bool:
        """Whether this very class or function is a member."""
        return any(known is member for known in self._members.values())

    def name_of(self, member: Any) -> str:
        """The first name a registered member has; how it is written in a file."""
        for name, known in self._members.items():
            if known is member:
                return name
        shown = getattr(member, "__name__", repr(member))
        raise ValueError(
            f"{self.kind} {shown!r} is not registered, so it cannot be written to a file. "
            f"Register it once, above its use: freedive.register({shown})"
        )

    def class_name(self, cls: type) -> str:
        """How a class is written in a file; one's own class by its name, which loading must then be told of."""
        if self.holds(cls):
            return self.name_of(cls)
        known = self.members.get(cls.__name__, cls)
        if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):  # equal: a cell was run again
            owner = "freedive" if known.__module__.startswith("freedive.") else known.__module__
            raise ValueError(
                f"{self.kind} {cls.__name__!r} of {cls.__module__} has the name of another {self.kind}, of {owner}, "
                "so a file could not tell them apart. Give your class another name"
            )
        return cls.__name__


def snake(name: str) -> str:
    """CamelCase as snake_case, as Keras spells it.

    >>> snake("MaxPooling2D"), snake("LSTM"), snake("MeanSquaredError")
    ('max_pooling2d', 'lstm', 'mean_squared_error')
    """
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
