"""Arguments of a network by name, as the parameter `options` of a task takes them."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..config import argument, boolean, integer, list_of, real, text
from ..errors import unknown

CHECKS: dict[Any, Callable[[Any], Any]] = {
    int: integer,
    float: real,
    bool: boolean,
    str: text,
    Sequence[int]: list_of(integer),
}


def check_options(owner: str, network: Callable[..., Any], options: Any) -> None:
    """Refuse what a network does not take: other names, and values that are not as its annotations say.

    Args:
        owner: the task.
        network: its arguments that may be given are those with a default, but for the head and the sizes of tables.
        options: None or a dict.

    >>> from freedive.networks.tables import mlp
    >>> check_options("TabularClassifier", mlp, {"units": 64})
    Traceback (most recent call last):
    TypeError: TabularClassifier: options(units=64): expected a list. Received: 64
    """
    if options is None:
        return
    if not isinstance(options, Mapping):
        raise TypeError(f"{owner}(options={options!r:.80}): expected a network's arguments by name, {{'dropout': 0.1}}")
    hints, parameters = typing.get_type_hints(network), inspect.signature(network).parameters
    known = [name for name, p in parameters.items() if p.default is not p.empty and name not in ("head", "sizes")]
    for name, value in options.items():
        if name not in known:
            raise ValueError(f"{owner}(options=...): {unknown(f'argument of {network.__name__}', name, known)}")
        argument(f"{owner}: options", name, value, CHECKS[hints[name]])
