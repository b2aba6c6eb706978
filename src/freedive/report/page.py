"""A page in one file: its frame, its style sheet, and the few elements that reports are made of; text is escaped."""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

from .svg import Series

ACROSS = 7  # tiles in a line, at most; several lines are of one length


class Html(str):
    """Text that is HTML already; everything else is escaped when it enters a page."""

    __slots__ = ()


class Section(NamedTuple):
    """A part of a page with a heading."""

    title: str
    body: str
    note: str = ""


def html(value: object) -> str:
    """A value as HTML.

    >>> html("a < b"), html(Html("<b>a</b>"))
    ('a &lt; b', '<b>a</b>')
    """
    return str(value) if isinstance(value, Html) else escape(str(value))


def page(title: str, lead: str, sections: Iterable[Section], foot: str = "") -> str:
    """A whole page: no script, nothing from elsewhere; light or dark as the reader's system is."""
    style = importlib.resources.files("freedive.report").joinpath("page.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{html(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
        + lead
        + "\n".join(_section(s) for s in sections)
        + f"\n</main>\n<footer>{foot}</footer>\n</body>\n</html>\n"
    )


def _section(section: Section) -> str:
    note = f'<p class="note">{html(section.note)}</p>' if section.note else ""
    return f"<section>\n<h2>{html(section.title)}</h2>{note}\n{section.body}\n</section>"


# elements -----------------------------------------------------------------------------------------------------------
def tiles(numbers: Iterable[tuple[str, str]]) -> Html:
    """Large numbers side by side: (what, number)."""
    numbers = list(numbers)
    if not numbers:
        return Html("")
    shown = "".join(f"<div><dt>{html(what)}</dt><dd>{html(number)}</dd></div>" for what, number in numbers)
    lines = -(-len(numbers) // ACROSS)
    return Html(f'<dl class="tiles" style="--columns:{-(-len(numbers) // lines)}">{shown}</dl>')


def table(
    headers: Sequence[str], rows: Iterable[Sequence[object]], words: int = 1, heads: bool = True, kind: str = ""
) -> Html:
    """A table whose first `words` columns are text and the others numbers; `heads`: the first names its row."""
    sides = [' class="word"' if i < words else "" for i in range(len(headers))]
    top = "".join(f'<th scope="col"{side}>{html(h)}</th>' for h, side in zip(headers, sides, strict=True))
    body = "".join(f"<tr>{''.join(_cell(i, c, sides[i], heads) for i, c in enumerate(row))}</tr>" for row in rows)
    whole = f'<table class="{kind}"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>'
    return Html(f'<div class="wide">{whole}</div>')


def _cell(column: int, value: object, side: str, heads: bool) -> str:
    tag = "th" if heads and column == 0 else "td"
    scope = ' scope="row"' if tag == "th" else ""
    return f"<{tag}{scope}{side}>{html(value)}</{tag}>"


def pairs(facts: Iterable[tuple[str, object]]) -> Html:
    """Names and what they are."""
    return Html(
        '<dl class="pairs">' + "".join(f"<div><dt>{html(k)}</dt><dd>{html(v)}</dd></div>" for k, v in facts) + "</dl>"
    )


def bar(part: float | None, text: str) -> Html:
    """A number with a bar behind it that is `part` long."""
    return Html(f'<span class="bar" style="--part:{0 if part is None else part:.4f}">{html(text)}</span>')


def legend(series: Iterable[Series]) -> Html:
    """Which line is which."""
    return Html(
        '<p class="legend">' + "".join(f'<span class="{s.style}">{html(s.name)}</span>' for s in series) + "</p>"
    )


def figure(content: str, caption: str, kind: str = "") -> Html:
    """Something to look at, with words to it."""
    return Html(f'<figure class="{kind}">{content}<figcaption>{html(caption)}</figcaption></figure>')


def code(text: str, what: str) -> Html:
    """A program or command to copy."""
    program = f'<pre tabindex="0"><code>{html(text)}</code></pre>'
    return Html(f'<figure class="code"><figcaption>{html(what)}</figcaption>{program}</figure>')


def details(summary: str, body: str) -> Html:
    """Something that opens on demand."""
    return Html(f"<details><summary>{html(summary)}</summary>{body}</details>")


def shares(parts: Sequence[tuple[str, float]], total: str) -> Html:
    """A bar made of parts, in seconds, and what each took."""
    whole = sum(seconds for _, seconds in parts) or 1.0
    strips = "".join(
        f'<span class="share s{i}" style="flex-grow:{took / whole:.5f}" title="{html(name)}: {took:.1f} s"></span>'
        for i, (name, took) in enumerate(parts)
    )
    keys = "".join(
        f'<li class="s{i}"><b>{seconds:.1f} s</b> {html(name)}</li>' for i, (name, seconds) in enumerate(parts)
    )
    keys += f"<li><b>{html(total)}</b> in all</li>"
    return Html(f'<div class="shares" aria-hidden="true">{strips}</div><ul class="keys">{keys}</ul>')
