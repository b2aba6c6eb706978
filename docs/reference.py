"""The reference pages of the documentation, written from the docstrings when the site is built.

`mkdocs.yml` names this file as a hook: a page for every public module of freedive, and one for the package itself.
Nothing of them is kept, so they cannot drift from the code. A public name is one that stands in `__all__`, or, where a
module has none, a class or function that it defines under a name without an underscore.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import re
import types
from collections.abc import Iterator
from typing import Any, NamedTuple

ROOT = "freedive"
NAMED = ("Args", "Call arguments", "Attributes", "Raises")  # sections of "name: text" entries
SECTIONS = (*NAMED, "Returns", "Yields", "Reference", "References", "Input", "Output")


class Entry(NamedTuple):
    """One public thing: the module it is read from, its name there, and what it is."""

    module: str
    name: str
    thing: Any

    @property
    def full_name(self) -> str:
        """As people import it."""
        return f"{self.module}.{self.name}"


# what is public -------------------------------------------------------------------------------------------------------
def public_modules(name: str = ROOT) -> Iterator[types.ModuleType]:
    """The package, then every module that its `__all__`, or that of a module in it, names."""
    module = importlib.import_module(name)
    yield module
    for child in vars(module).get("__all__", ()):
        if isinstance(getattr(module, child), types.ModuleType):
            yield from public_modules(f"{name}.{child}")


def public_names(module: types.ModuleType) -> list[str]:
    """The names of a module that are public."""
    if hasattr(module, "__all__"):
        return list(module.__all__)
    own = ((name, thing) for name, thing in vars(module).items() if not name.startswith("_"))
    return [name for name, thing in own if callable(thing) and getattr(thing, "__module__", "") == module.__name__]


def entries(module: types.ModuleType) -> list[Entry]:
    """The public things of a module, modules inside it apart."""
    found = (Entry(module.__name__, name, getattr(module, name)) for name in public_names(module))
    return [entry for entry in found if not isinstance(entry.thing, types.ModuleType)]


def own_doc(thing: Any) -> str:
    """The docstring that somebody wrote for a thing; "" where there is none or it was made by `dataclass`."""
    written = vars(thing).get("__doc__") if inspect.isclass(thing) else getattr(thing, "__doc__", None)
    made = inspect.isclass(thing) and (written or "").startswith(f"{thing.__name__}(")
    return "" if made or not written else inspect.cleandoc(written)


# pages ----------------------------------------------------------------------------------------------------------------
@functools.cache
def pages() -> dict[str, str]:
    """Name of the page -> its text, for every public module right below the package, and the package last."""
    modules = list(public_modules())
    tops = {module.__name__.split(".")[1]: None for module in modules[1:]}
    told: dict[int, str] = {}  # what was described -> where
    texts = {}
    for top in tops:
        inside = [m for m in modules if m.__name__ == f"{ROOT}.{top}" or m.__name__.startswith(f"{ROOT}.{top}.")]
        texts[top] = page(inside, top, told)
    texts[ROOT] = page(modules[:1], ROOT, told)
    return texts


def page(modules: list[types.ModuleType], name: str, told: dict[int, str]) -> str:
    """One page: a module and those inside it."""
    parts = []
    for depth, module in enumerate(modules):
        parts.append(f"# {module.__name__}" if depth == 0 else f"## {module.__name__}")
        parts.append(markdown(inspect.getdoc(module) or ""))
        again = []
        for entry in entries(module):
            known = told.get(id(entry.thing)) if callable(entry.thing) else None
            if known is None:
                told[id(entry.thing)] = f"{name}.md#{anchor(entry.full_name)}"
                parts.append(described(entry))
            else:
                again.append(f"[`{entry.name}`]({known.removeprefix(f'{name}.md')})")
        if again:
            parts.append(f"Described elsewhere: {', '.join(again)}.")
    return "\n\n".join(part for part in parts if part) + "\n"


def described(entry: Entry) -> str:
    """A heading, the call, the docstring, and the methods of a class."""
    thing = entry.thing
    parts = [f"### {entry.name} {{: #{anchor(entry.full_name)} }}"]
    if not callable(thing):
        return "\n\n".join([*parts, f"A {type(thing).__name__} of {len(thing)} entries." if sized(thing) else ""])
    parts += [call_of(entry.full_name, thing), markdown(own_doc(thing))]
    if inspect.isclass(thing):
        parts += [method for name in methods(thing) if (method := described_method(entry, name))]
    return "\n\n".join(part for part in parts if part)


def methods(cls: type) -> list[str]:
    """The public methods and properties that a class itself defines."""
    kinds = (types.FunctionType, classmethod, staticmethod, property)
    return [name for name, value in vars(cls).items() if not name.startswith("_") and isinstance(value, kinds)]


def described_method(entry: Entry, name: str) -> str:
    """A method with a docstring of its own; others are as the base says."""
    value = inspect.getattr_static(entry.thing, name)
    if not (doc := inspect.cleandoc(value.__doc__ or "")):
        return ""
    label = f"**`{entry.name}.{name}`**"
    if isinstance(value, property):
        return f"{label}: {markdown(doc)}"
    return f"{label}\n\n{call_of(f'{entry.name}.{name}', getattr(entry.thing, name))}\n\n{markdown(doc)}"


def call_of(name: str, thing: Any) -> str:
    """How a thing is called, without annotations, as a block of code."""
    try:
        signature = inspect.signature(thing.__init__ if inspect.isclass(thing) else thing)
    except (TypeError, ValueError):
        return ""
    parameters = [p.replace(annotation=p.empty) for p in signature.parameters.values() if p.name not in ("self", "cls")]
    parameters = [p if p.default is p.empty else p.replace(default=Shown(p.default)) for p in parameters]
    words = re.split(r", (?![^(\[]*[)\]])", str(inspect.Signature(parameters))[1:-1])  # not inside a default
    line = f"{name}({', '.join(words)})"
    if len(line) > 100:
        line = f"{name}(\n    " + ",\n    ".join(", ".join(row) for row in rows(words, 90)) + ",\n)"
    return f"```python\n{line}\n```"


class Shown:
    """A default as people write it."""

    def __init__(self, value: Any):
        self.value = value

    def __repr__(self) -> str:
        made = repr(self.value)
        return getattr(self.value, "__name__", "...") if made.startswith("<") else made


def rows(words: list[str], most: int) -> Iterator[list[str]]:
    """Words in lines of at most so many characters."""
    line: list[str] = []
    for word in words:
        if line and len(", ".join([*line, word])) > most:
            yield line
            line = []
        line.append(word)
    yield line


def sized(thing: Any) -> bool:
    """Whether it has a length."""
    return hasattr(thing, "__len__")


def anchor(full_name: str) -> str:
    """Where a name stands on its page."""
    return full_name.removeprefix(f"{ROOT}.")


# docstrings -----------------------------------------------------------------------------------------------------------
def markdown(doc: str) -> str:
    """A docstring as markdown: sections as lists, examples as blocks of code, the rest as it is."""
    out: list[str] = []
    lines = doc.splitlines()
    i = 0
    while i < len(lines):
        title = re.match(rf"({'|'.join(SECTIONS)})( \(.*\))?:\s*(.*)$", lines[i])
        if lines[i].startswith(">>>"):
            block, i = taken(lines, i, lambda line: bool(line.strip()))
            out += ["", "```python", *block, "```", ""]
        elif title and not title[3] and i + 1 < len(lines) and lines[i + 1].startswith("    "):
            block, i = taken(lines, i + 1, lambda line: line.startswith("    ") or not line.strip())
            told = items(block) if title[1] in NAMED else [escaped(line[4:]) for line in block]
            out += ["", f"**{title[1]}**{title[2] or ''}", "", *told, ""]
        elif lines[i].startswith("    "):
            block, i = taken(lines, i, lambda line: line.startswith("    ") or not line.strip())
            out += ["", "```text", *(line[4:] for line in block), "```", ""]
        else:
            out.append(escaped(f"**{title[1]}**: {title[3]}" if title and title[3] else lines[i]))
            i += 1
    return re.sub(r"\n{3,}", "\n\n", "\n".join(out)).strip()


def taken(lines: list[str], start: int, fits: Any) -> tuple[list[str], int]:
    """The lines from `start` on that fit, without empty ones at their end, and the place after them."""
    end = start
    while end < len(lines) and fits(lines[end]):
        end += 1
    block = lines[start:end]
    while block and not block[-1].strip():
        block.pop()
    return block, end


def items(block: list[str]) -> list[str]:
    """The entries of a section, "name: text" each, as a list; a section of plain text stays text."""
    out: list[str] = []
    for line in (line[4:] for line in block):
        entry = re.match(r"([\w*][\w*.,() ]{0,80}?): (.*)$", line)
        if entry and not line.startswith(" "):
            names = ", ".join(f"`{name}`" for name in entry[1].split(", "))
            out.append(f"- {names}: {escaped(entry[2])}")
        elif line.startswith("    ") and out:
            out.append("  " + escaped(line.strip()))
        else:
            out.append(escaped(line))
    return out


def escaped(text: str) -> str:
    """Text whose signs mean themselves, outside `code` and **titles**."""
    parts = re.split(r"(`[^`]*`|^\*\*\w+\*\*)", text)
    return "".join(part if i % 2 else re.sub(r"([\\*_<\[])", r"\\\1", part) for i, part in enumerate(parts))


# the hooks of mkdocs --------------------------------------------------------------------------------------------------
def on_config(config: Any) -> Any:
    """Give the site its reference pages, after those that are written by hand."""
    config.nav.append({"Reference": [{page: f"api/{page}.md"} for page in pages()]})
    return config


def on_files(files: Any, config: Any) -> Any:
    """Make the reference pages."""
    from mkdocs.structure.files import File

    for name, text in pages().items():
        files.append(File.generated(config, f"api/{name}.md", content=text))
    return files
