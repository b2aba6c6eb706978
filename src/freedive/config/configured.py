"""Things described by their fields: checked when made, found by name, written as JSON.

Layers, losses, metrics, optimizers, schedules, initializers, regularizers and constraints are all `Configured`: a
dataclass whose annotations say how each argument is checked and converted, registered in a `Family` so that a name in
a program or in a file finds it. A file can only name what is registered: nothing is imported from it.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, ClassVar, TypeVar, dataclass_transform

import numpy as np

from ..errors import nearest, refuse_misspelt, unknown
from .checks import argument, boolean, integer, real, text
from .families import Family

T = TypeVar("T")


@dataclass_transform(eq_default=False, field_specifiers=(dataclasses.field,))
class Configured:
    """Base of everything that is described by its fields.

    A subclass writes its arguments as annotated fields; it becomes a dataclass, its arguments are checked and
    converted as the annotations say, `get_config` gives them back as JSON values and `from_config` makes an equal
    object. A class of this package is registered in its `family` under its own name, its snake_case name and its
    `aliases`; others by `freedive.register`.
    """

    family: ClassVar[Family | None] = None
    aliases: ClassVar[tuple[str, ...]] = ()
    older: ClassVar[Mapping[str, Any]] = {}  # fields that are not in older files, as those were meant

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        if "__init__" not in vars(cls) and ("__annotations__" in vars(cls) or not hand_written(cls)):
            dataclasses.dataclass(eq=False, repr=False)(cls)
        founder = "family" in vars(cls)  # the base of a family is none of its members
        public = cls.__module__.startswith("freedive.") and not cls.__name__.startswith("_")
        if cls.family is not None and public and not founder:
            cls.family.add(cls, *vars(cls).get("aliases", ()))

    def __new__(cls, *_: Any, **given: Any):
        if given and not hand_written(cls):
            refuse_misspelt(cls.__name__, given, [f.name for f in configured_fields(cls)])
        return super().__new__(cls)

    def __post_init__(self):
        for name, convert in field_converters(type(self)).items():
            object.__setattr__(self, name, argument(type(self).__name__, name, getattr(self, name), convert))

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal object, as JSON values, and large arrays as they are."""
        return {
            f.name: to_json(getattr(self, f.name), f"{type(self).__name__}.{f.name}")
            for f in configured_fields(type(self))
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]):
        """An object with these arguments."""
        fields = configured_fields(cls)
        required = [f.name for f in fields if f.default is f.default_factory is dataclasses.MISSING]
        check_names(config, required, [f.name for f in fields], cls.__name__)
        return cls(**{name: from_json(value) for name, value in {**cls.older, **config}.items()})

    def __repr__(self) -> str:
        shown = []
        for f in (f for f in configured_fields(type(self)) if f.repr):
            value = getattr(self, f.name)
            if f.default is dataclasses.MISSING or not _same(value, f.default):
                shown.append(f"{f.name}={getattr(value, '__name__', None) or repr(value)}")
        return f"{type(self).__name__}({', '.join(shown)})"


def check_names(config: Any, required: Iterable[str], optional: Iterable[str], owner: str) -> None:
    """Refuse a configuration that lacks a name, or has one too many."""
    if not isinstance(config, Mapping):
        raise TypeError(f"{owner}: expected its fields by name. Received: {config!r:.100}")
    known = list(dict.fromkeys((*required, *optional)))
    for name in config:
        if name not in known:
            close = nearest(name, known)
            hint = f"Did you mean {close[0]!r}?" if close else "Known: " + ", ".join(known) + "."
            raise ValueError(f"{owner} has no field {name!r:.80}. {hint}")
    for name in required:
        if name not in config:
            raise ValueError(f"{owner} needs the field {name!r}")


def hand_written(cls: type) -> bool:
    """Whether a class has an __init__ that somebody wrote, rather than one made from its fields."""
    owner = next(c for c in cls.__mro__ if "__init__" in vars(c))
    made = vars(owner).get("__dataclass_params__")
    return owner is not object and (made is None or not made.init)


def get(family: Family, identifier: Any, base: type | tuple[type, ...] = Configured) -> Any:
    """What an argument means: an object as it is, a class made with its defaults, a name looked up, a config read."""
    if identifier is None or isinstance(identifier, base):
        return identifier
    if isinstance(identifier, str):
        identifier = family.find(identifier)
    if isinstance(identifier, Mapping):
        made = from_config(family, identifier)
        if isinstance(made, base) or callable(made):
            return made
    if isinstance(identifier, type):
        return identifier()
    if callable(identifier):
        return identifier
    raise TypeError(f"expected a name, an object or a function as {family.kind}. Received: {identifier!r}")


def from_config(family: Family, config: Mapping[str, Any]) -> Any:
    """What a configuration describes: freedive's, or Keras' {"class_name": ..., "config": ...}."""
    if "class_name" in config and "kind" not in config:
        return family.find(config["class_name"]).from_config(config.get("config") or {})
    return from_json(config)


def register(thing: T, *names: str) -> T:
    """Let files and strings name this class or function; use it as a decorator.

    >>> @register
    ... def double(x):
    ...     return 2 * x
    """
    family = getattr(thing, "family", None)
    if family is None:
        if isinstance(thing, type):
            raise TypeError(f"register expects a Layer, Loss, Metric, ... class or a function. Received: {thing!r}")
        family = functions
    Family.complete()  # before one's own, which goes before names of the same spelling
    family.add(thing, *names)
    return thing


functions = Family("function")  # registered by people: Lambda layers, custom losses and activations


# fields ------------------------------------------------------------------------------------------------------------
def configured_fields(cls: type) -> list[dataclasses.Field]:
    """The fields that are arguments."""
    return [f for f in dataclasses.fields(cls) if f.init] if dataclasses.is_dataclass(cls) else []


@functools.cache
def field_converters(cls: type) -> dict[str, Callable[[Any], Any]]:
    """For each field, what checks and converts its value, read from its annotation."""
    hints = typing.get_type_hints(cls, include_extras=True)
    found = {f.name: _converter(hints[f.name]) for f in configured_fields(cls)}
    return {name: convert for name, convert in found.items() if convert is not None}


def _converter(hint: Any) -> Callable[[Any], Any] | None:
    """What an annotation asks of a value; None where it asks nothing."""
    origin = typing.get_origin(hint)
    if origin is Annotated:
        inner, *checks = typing.get_args(hint)
        steps = [c for c in (_converter(inner), *checks) if callable(c)]
        return lambda value: functools.reduce(lambda v, step: step(v), steps, value)
    if origin in (typing.Union, types.UnionType):
        kinds = typing.get_args(hint)
        some = [k for k in kinds if k is not type(None)]
        if len(some) == 1:
            inner = _converter(some[0])
            if inner is not None and len(kinds) == 2:
                return lambda value: None if value is None else inner(value)
        return None
    if isinstance(hint, type) and issubclass(hint, Configured):
        return getattr(hint, "convert", None)  # a class may say how arguments become its objects
    return _plain.get(hint) if isinstance(hint, type) else None


_plain: dict[type, Callable[[Any], Any]] = {int: integer, float: real, bool: boolean, str: text}


# JSON --------------------------------------------------------------------------------------------------------------
MOST_NUMBERS = 1000  # of an array that is written as text


def to_json(value: Any, where: str = "value") -> Any:
    """A configuration value as JSON; what cannot be written is an error that names the field.

    Arrays of more than `MOST_NUMBERS` numbers stay what they are: a file keeps them beside its configuration.
    """
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value)
    if isinstance(value, (list, tuple)):
        return [to_json(v, f"{where}[{i}]") for i, v in enumerate(value)]
    if isinstance(value, Mapping):
        return {str(k): to_json(v, f"{where}[{k!r}]") for k, v in value.items()}
    if isinstance(value, np.ndarray):
        return value if value.size > MOST_NUMBERS and value.dtype.kind in "iuf" else to_json(value.tolist(), where)
    if isinstance(value, Configured) and type(value).family is not None:
        family = typing.cast(Family, type(value).family)
        return {"kind": family.kind, "class": family.class_name(type(value)), "config": value.get_config()}
    if callable(value):
        for family in Family.families.values():
            if family.holds(value):
                return {"kind": family.kind, "class": family.name_of(value)}
        functions.name_of(value)
    raise ValueError(f"{where}: a {type(value).__name__} cannot be written to a file")


def from_json(value: Any) -> Any:
    """The value that `to_json` wrote."""
    if isinstance(value, list):
        return [v if type(v) is str else from_json(v) for v in value]  # as vocabularies: long, and all of texts
    if isinstance(value, Mapping):
        if "class" in value and "kind" in value:
            return _named(value)
        return {k: from_json(v) for k, v in value.items()}
    return value


def _named(value: Mapping[str, Any]) -> Any:
    """A member of a family; an object of it where a configuration stands beside the name, as it must for a class."""
    kind, name = value["kind"], value["class"]
    family = Family.of(kind)
    if family is None:
        raise unknown("kind", kind, Family.families)
    member = family.find(name)
    described = isinstance(member, type)
    check_names(value, ("kind", "class", *["config"] * described), (), f"the {kind} {name!r}")
    return member.from_config(value["config"]) if described else member


def _same(a: Any, b: Any) -> bool:
    try:
        return bool(a is b or a == b)
    except ValueError:
        return False
