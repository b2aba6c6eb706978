"""What a transcriber answers: texts, from the probabilities of characters over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

import numpy as np

from .. import layers
from ..config import PositiveInt, one_of
from ..data.writing import composed
from ..errors import counted, warn
from ..metrics import character_error_rate, word_error_rate
from ..ops.ctc_decoding import ctc_decode
from ..report.scores import spelt
from .targets import Target

MOST = 100_000  # characters of a writing


def alphabet(value: Any) -> str:
    """Characters, each once."""
    if not isinstance(value, str) or not value or len(set(value)) != len(value) or len(value) > MOST:
        raise ValueError(f"expected characters, each once. Received: {value!r:.80}")
    return value


def refuse_others(labels: Any) -> None:
    """Refuse labels that are no texts."""
    for row, text in enumerate(labels):
        if not isinstance(text, str):
            raise ValueError(f"row {row}: expected a text. Received: {text!r:.80}")


class Transcripts(Target):
    """A text for every row; the network gives logits of a blank and of each character for every moment.

    Args:
        characters: those that are written, in the order of the outputs behind the blank.
        decoding: "greedy", or "beam_search", the likeliest text over all its times.
        beam_width: texts that are kept under way, for "beam_search".
        normal: whether texts are brought to Unicode's normal form C, in which a letter and its accent are one; files
            from before have it off.

    >>> target = Transcripts("ab")
    >>> target.encoded(["ab", "b"]).tolist()
    [[1, 2], [2, 0]]
    >>> target.decoded(np.eye(3)[[[1, 1, 0, 1]]]).tolist()
    ['aa']
    """

    loss: ClassVar[Any] = "ctc"
    metrics: ClassVar[tuple[Any, ...]] = ("character_error_rate",)
    main: ClassVar[str] = "character_accuracy"

    characters: Annotated[str, alphabet]
    decoding: Annotated[str, one_of("greedy", "beam_search")] = "greedy"
    beam_width: PositiveInt = 20
    normal: bool = True
    older: ClassVar[Mapping[str, Any]] = {"normal": False}

    @classmethod
    def learned(cls, y: Any, **options: Any) -> Transcripts:
        """The characters that texts hold, sorted."""
        refuse_others(y)
        found = "".join(sorted(set("".join(map(composed, y)))))
        if not found:
            raise ValueError("y: all transcripts are empty; expected texts")
        return cls(found, **options)

    def head(self) -> Any:
        """Logits of the blank and of every character."""
        return layers.Dense(1 + len(self.characters))

    def encoded(self, labels: Any) -> np.ndarray:
        """int32 (rows, characters of the longest): places in the alphabet, from 1 on; 0 behind the end.

        Raises:
            ValueError: names the first character that is not in the alphabet, and its row.
        """
        places = {character: place for place, character in enumerate(self.characters, 1)}
        labels = self._written(labels)
        coded = np.zeros((len(labels), max([1, *map(len, labels)])), np.int32)
        for row, text in enumerate(labels):
            for place, character in enumerate(text):
                if character not in places:
                    raise ValueError(f"row {row}: the model does not know the character {character!r} of {text!r:.80}")
                coded[row, place] = places[character]
        return coded

    def asked(self, labels: Any) -> list[str]:
        """The texts themselves: what holds a character that the model cannot write is answered wrongly, no more.

        >>> Transcripts("ab").scored(np.eye(3)[[[1, 0, 2]]], Transcripts("ab").asked(["ab"]))["character_error_rate"]
        0.0
        """
        refuse_others(labels)
        labels = self._written(labels)
        strange = [row for row, text in enumerate(labels) if not set(text) <= set(self.characters)]
        if strange:
            unknown = "".join(sorted(set("".join(labels)) - set(self.characters)))
            warn(
                f"{len(strange):,} of {counted(len(labels), 'transcripts')} hold characters that the model does not "
                f"know, {unknown!r:.60}: they count as errors. The first: {labels[strange[0]]!r:.80}"
            )
        return labels

    def _written(self, labels: Any) -> list[Any]:
        return [composed(text) if self.normal else text for text in labels]

    def texts(self, coded: np.ndarray) -> np.ndarray:
        """Rows of places (0 and less are passed over) as texts."""
        return np.array(["".join(self.characters[place - 1] for place in row if place > 0) for row in coded], object)

    def written(self, output: Any) -> list[tuple[float, str]]:
        """When each character of the likeliest path begins, as a part of all moments, for logits (moments, classes).

        >>> Transcripts("ab").written(np.eye(3)[[0, 1, 1, 2]])
        [(0.375, 'a'), (0.875, 'b')]
        """
        path = np.argmax(output, axis=-1)
        begins = np.flatnonzero((path > 0) & (path != np.concatenate([[0], path[:-1]])))
        return [((float(at) + 0.5) / len(path), self.characters[path[at] - 1]) for at in begins]

    def decoded(self, outputs: Any) -> np.ndarray:
        return self.texts(ctc_decode(outputs, None, self.decoding, self.beam_width)[0][0])

    def scored(self, outputs: Any, y: Any) -> dict[str, Any]:
        """Character and word error rates, and how many texts are right to the letter."""
        right, given = list(y), self.decoded(outputs).tolist()
        wrong = character_error_rate(right, given)
        return {
            "rows": len(right),
            "character_accuracy": 1 - wrong,
            "character_error_rate": wrong,
            "word_error_rate": word_error_rate(right, given),
            "exact": float(np.mean([a == b for a, b in zip(right, given, strict=True)])),
        }

    def told(self, result: dict[str, Any], noun: str) -> tuple[str, str, str]:
        found, rows = f"{result['character_error_rate']:.2%}", f"{result['rows']:,}"
        beside = f"{result['exact']:.2%} of {rows} {noun} to the letter"
        return (
            f"test character error rate {found}",
            beside,
            f"{found} of the characters of {rows} test {noun} are wrong",
        )

    def tiles(self, result: dict[str, Any]) -> list[tuple[str, str]]:
        shown = ("character_error_rate", "word_error_rate", "exact")
        return [(f"test {spelt(name)}", f"{result[name]:.2%}") for name in shown]

    def table(self, names: Sequence[str], outputs: Any) -> tuple[list[str], list[list[str]]]:
        return ["file", "transcript"], [list(row) for row in zip(names, self.decoded(outputs), strict=True)]

    def as_json(self, names: Sequence[str], outputs: Any) -> list[dict[str, Any]]:
        return [{"file": name, "answer": text} for name, text in zip(names, self.decoded(outputs), strict=True)]
