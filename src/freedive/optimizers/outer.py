"""What optimizers share that hand their updates to others inside them."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from ..config import configured_fields
from .base import Optimizer

OF_ALL = frozenset(f.name for f in configured_fields(Optimizer)) - {"name"}  # fields that belong inside


class _Outer(Optimizer):
    """Base of optimizers around others: clipping, decay, averages and the learning rate belong to those inside.

    A subclass writes `rate()`, what its `learning_rate` reads as, and looks at its own fields before this
    `__post_init__`.
    """

    learning_rate: Any = field(default=None, init=False, repr=False)

    def __post_init__(self):
        for f in configured_fields(Optimizer):
            if f.name in OF_ALL - {"learning_rate"} and getattr(self, f.name) != f.default:
                raise ValueError(f"{type(self).__name__}({f.name}=...): give it to the optimizer inside")
        super().__post_init__()

    def rate(self) -> Any:
        """The learning rate of what is inside."""
        raise NotImplementedError(f"{type(self).__name__} must write rate(self)")

    def get_config(self) -> dict[str, Any]:
        return {name: value for name, value in super().get_config().items() if name not in OF_ALL}


# Not in the class: there its name is a field, which makes it one that is read from a file, too.
_Outer.learning_rate = property(lambda self: self.rate(), doc="What is inside has it.")  # type: ignore[assignment]
