"""Vocabularies of other people: the JSON files of the package `tokenizers`, as they lie beside published models.

The definition is kept whole in a model's file. As it may come from a stranger, it is looked at before it is used:
its size, and that no pattern in it can take forever on a text.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Any

from ...data.opening import Path, read_text
from ...errors import VocabularyError, installed_by
from .base import END, MOST_WORDS, RESERVED, START, UNKNOWN, Vocabulary, checked

MOST_CHARACTERS = 16 * 2**20
LONGEST_PATTERN, MOST_REPEATS = 1000, 3
GROUP_REPEATED = re.compile(r"\)(?:[*+]|\{\d*,?\d*\})")
UNBOUNDED = re.compile(r"(?<!\\)(?:[*+]|\{\d+,\})")


def definition(value: Any) -> tuple[str, ...]:
    """The lines of a JSON object."""
    if isinstance(value, str) or not isinstance(value, (list, tuple)) or not all(isinstance(v, str) for v in value):
        raise VocabularyError(f"expected the lines of a tokenizers file. Received: {type(value).__name__}")
    if sum(map(len, value)) > MOST_CHARACTERS:
        raise VocabularyError(f"more than {MOST_CHARACTERS:,} characters")
    return tuple(value)


class TokenizersVocabulary(Vocabulary):
    """The vocabulary of a `tokenizers` JSON file; its numbers come after the four reserved ones.

    Needs the package `tokenizers`: `pip install ".[text]"`.

    Args:
        lines: of the JSON object; `TokenizersVocabulary.read(path)` takes them from a file.

    >>> import json
    >>> model = {"type": "WordLevel", "vocab": {"[UNK]": 0, "deep": 1, "dive": 2}, "unk_token": "[UNK]"}
    >>> given = {"version": "1.0", "model": model, "pre_tokenizer": {"type": "Whitespace"}, "added_tokens": []}
    >>> words = TokenizersVocabulary([json.dumps(given)])
    >>> words.encode("deep dive")
    [5, 6]
    """

    lines: Annotated[Any, definition]

    def __post_init__(self):
        super().__post_init__()
        try:
            described = json.loads("".join(self.lines))
        except (json.JSONDecodeError, RecursionError) as error:
            raise VocabularyError(f"TokenizersVocabulary: no JSON: {error}") from None
        if not isinstance(described, dict) or not isinstance(described.get("model"), dict):
            raise VocabularyError("TokenizersVocabulary: expected a JSON object with a 'model', a tokenizers file")
        for pattern in patterns(described):
            check_pattern(pattern)
        self._inner = _made("".join(self.lines))

    @classmethod
    def read(cls, path: Path) -> TokenizersVocabulary:
        """The vocabulary of a file, `tokenizer.json` by custom."""
        content = read_text(path)
        try:
            return cls(json.dumps(json.loads(content), ensure_ascii=False, indent=0).split("\n"))
        except (ValueError, RecursionError) as error:
            raise VocabularyError(f"{path}: no JSON: {error}") from None

    @functools.cached_property
    def tokens(self) -> tuple[str, ...]:
        places = {number: piece for piece, number in self._inner.get_vocab(with_added_tokens=True).items()}
        last = max(places, default=-1)
        if last >= MOST_WORDS:
            raise VocabularyError(f"TokenizersVocabulary: a number {last:,}; expected less than {MOST_WORDS:,}")
        return (*RESERVED, *(places.get(number, "") for number in range(last + 1)))

    def encode(self, text: str, start: bool = False, end: bool = False) -> list[int]:
        try:
            found = self._inner.encode(checked(text), add_special_tokens=False).ids
        except TypeError:
            raise
        except Exception as error:  # the package raises nothing more specific
            raise VocabularyError(f"TokenizersVocabulary: the package tokenizers cannot encode: {error}") from None
        return [START] * start + [number + len(RESERVED) for number in found] + [END] * end

    def pieces(self, text: str) -> list[str]:
        return [self.tokens[number] for number in self.encode(text)]

    def decode(self, numbers: Iterable[int]) -> str:
        kept = [number - len(RESERVED) for number in self.spoken(numbers) if number != UNKNOWN]
        return self._inner.decode(kept, skip_special_tokens=False)


def patterns(value: Any) -> Iterator[str]:
    """The regular expressions in a definition."""
    todo = [value]
    while todo:
        found = todo.pop()
        if isinstance(found, dict):
            if isinstance(found.get("Regex"), str):
                yield found["Regex"]
            todo += [inner for inner in found.values() if isinstance(inner, (dict, list))]
        elif isinstance(found, list):
            todo += [inner for inner in found if isinstance(inner, (dict, list))]


def check_pattern(pattern: str) -> None:
    r"""Refuse a regular expression that may take forever: groups that are repeated, or many repeats in a row.

    >>> check_pattern(r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s+(?!\S)|\s+")
    >>> check_pattern("(a+)+$")
    Traceback (most recent call last):
      ...
    freedive.errors.VocabularyError: the pattern '(a+)+$' may take forever on some texts
    """
    branches = pattern.split("|")
    if (
        len(pattern) > LONGEST_PATTERN
        or GROUP_REPEATED.search(pattern)
        or any(len(UNBOUNDED.findall(branch)) > MOST_REPEATS for branch in branches)
    ):
        raise VocabularyError(f"the pattern {pattern!r:.80} may take forever on some texts")


def _made(described: str) -> Any:
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise ImportError(f"a tokenizers file needs the package tokenizers: {installed_by('text')}") from None
    try:
        inner = Tokenizer.from_str(described)
    except Exception as error:  # the package raises nothing more specific
        raise VocabularyError(f"TokenizersVocabulary: the package tokenizers refuses it: {error}") from None
    inner.no_truncation()
    inner.no_padding()
    return inner
