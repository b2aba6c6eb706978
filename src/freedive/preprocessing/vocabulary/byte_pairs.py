"""Byte-pair encoding: frequent pieces of words, learned by joining the most frequent pair again and again; what was
never seen is spelled in bytes, so that every text has numbers and comes back unchanged (in Unicode's normal form).
"""

from __future__ import annotations

import collections
import functools
import heapq
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar

from ...config import integer
from ...data.writing import JOINERS, marks, simple
from ...errors import VocabularyError
from .base import LONGEST_WORD, MOST_WORDS, OLDER, RESERVED, Vocabulary, checked, each_text, limit, prepared
from .words import HAN, single_characters

BYTES = tuple(f"<0x{byte:02X}>" for byte in range(256))
FIRST = len(RESERVED) + len(BYTES)  # the number of the first character
COVERED = 0.9995  # the share of all letters that have a number of their own
LETTER = rf"[^\W\d_{HAN}]"
HEAD, TAIL = rf" ?[{HAN}]{{1,24}}| ?{LETTER}{{1,64}}", r"| ?\d{1,24}| ?(?:[^\w\s]|_){1,24}|\s{1,24}(?!\S)|\s"
CHUNK = re.compile(HEAD + TAIL)  # every character is in one; short, because joining takes time by their length's square
Pair = tuple[int, int]


def whole_pairs(value: Any) -> tuple[Pair, ...]:
    """Pairs of whole numbers."""
    if not isinstance(value, (list, tuple)) or len(value) > MOST_WORDS:
        raise VocabularyError(f"expected a list of up to {MOST_WORDS:,} pairs of numbers")
    for place, pair in enumerate(value):
        if not isinstance(pair, (list, tuple)) or len(pair) != 2:
            raise VocabularyError(f"merge {place}: expected two numbers. Received: {pair!r:.60}")
    try:
        return tuple((integer(left), integer(right)) for left, right in value)
    except TypeError as error:
        raise VocabularyError(str(error)) from None


@functools.cache
def _marked_chunk() -> re.Pattern[str]:
    """As `CHUNK`, with the marks of letters among them."""
    return re.compile(rf"{HEAD}(?:[{marks()}{JOINERS}]{{1,4}}{LETTER}{{0,12}}){{0,12}}{TAIL}")


def chunks(text: str, marked: bool = True) -> list[str]:
    """The parts of a text that hold pieces: no piece is in two of them.

    >>> chunks("deep dive, 7"), chunks("हिन्दी में")
    (['deep', ' dive', ',', ' 7'], ['हिन्दी', ' में'])
    """
    return (_marked_chunk() if marked and not simple(text) else CHUNK).findall(text)


class BytePairVocabulary(Vocabulary):
    """Pieces of words (byte-pair encoding with byte fallback); decode(encode(text)) is text in normal form, whatever it
    is.

    Numbers: 4 reserved, 256 bytes, the characters, then one for each merge.

    Args:
        characters: those that have a number of their own.
        merges: pairs of numbers that are joined, the earliest first; merge m makes number 260 + characters + m.
        lower: small letters first; then texts come back in small letters.
        normal: whether texts are brought to Unicode's normal form C, and marks stay with the letters that they stand
            at; files from before have it off.

    Reference: R. Sennrich, B. Haddow, A. Birch, "Neural machine translation of rare words with subword units", 2016,
    https://arxiv.org/abs/1508.07909

    >>> pairs = BytePairVocabulary.learned(["deep dive, deep breath"] * 9, size=280)
    >>> pairs.pieces("deep deeper")
    ['deep', ' deep', 'e', 'r']
    >>> pairs.decode(pairs.encode("深潜 deep"))
    '深潜 deep'
    """

    characters: Annotated[Any, single_characters]
    merges: Annotated[Any, whole_pairs] = ()
    lower: bool = False
    normal: bool = True
    older: ClassVar[Mapping[str, Any]] = OLDER

    def __post_init__(self):
        super().__post_init__()
        spelled = list(self.characters)
        for place, pair in enumerate(self.merges):
            if not all(FIRST <= number < FIRST + len(spelled) for number in pair):
                raise VocabularyError(f"merge {place}: {pair} joins numbers that are not there yet")
            spelled.append("".join(spelled[number - FIRST] for number in pair))
            if len(spelled[-1]) > LONGEST_WORD:
                raise VocabularyError(f"merge {place} makes a piece of more than {LONGEST_WORD} characters")
        self._spelled = tuple(spelled)
        if len(set(self.merges)) < len(self.merges):
            raise VocabularyError("BytePairVocabulary(merges=...): a pair stands twice")

    @classmethod
    def learned(cls, texts: Iterable[str], size: int | None = 8000, lower: bool = False) -> BytePairVocabulary:
        """The vocabulary of some texts, with at most `size` numbers, 260 or more.

        Characters that make up the last 0.05% of the texts get no number of their own: their bytes spell them.
        """
        room = limit(size, least=FIRST) - FIRST
        counts = collections.Counter(chunk for text in each_text(texts) for chunk in chunks(prepared(text, lower)))
        characters = _covering(counts, room)
        numbers = {character: FIRST + i for i, character in enumerate(characters)}
        words = [([numbers.get(letter, -1) for letter in chunk], count) for chunk, count in counts.items()]
        return cls(characters, _merges(words, FIRST + len(characters), room - len(characters)), lower)

    @functools.cached_property
    def tokens(self) -> tuple[str, ...]:
        return (*RESERVED, *BYTES, *self._spelled)

    @functools.cached_property
    def _ranks(self) -> dict[Pair, int]:
        return {pair: rank for rank, pair in enumerate(self.merges)}

    @functools.cached_property
    def _known(self) -> dict[str, list[int]]:
        return {}  # chunk -> its numbers, as far as they were asked for

    def encode(self, text: str, start: bool = False, end: bool = False) -> list[int]:
        found: list[int] = []
        for chunk in chunks(prepared(checked(text), self.lower, self.normal), self.normal):
            numbers = self._known.get(chunk)
            if numbers is None:
                numbers = list(self._numbers_of(chunk))
                if len(self._known) < MOST_WORDS and len(chunk) <= LONGEST_WORD:
                    self._known[chunk] = numbers
            found += numbers
        return [RESERVED.index("[START]")] * start + found + [RESERVED.index("[END]")] * end

    def pieces(self, text: str) -> list[str]:
        return [self.tokens[number] for number in self.encode(text)]

    def decode(self, numbers: Iterable[int]) -> str:
        content = bytearray()
        for number in self.spoken(numbers):
            if len(RESERVED) <= number < FIRST:
                content.append(number - len(RESERVED))
            else:
                content += self.tokens[number].encode()
        try:
            return content.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:  # a network writes any bytes
            return content.decode("utf-8", "replace")

    def _numbers_of(self, chunk: str) -> Iterator[int]:
        """The numbers of a chunk: its characters, with the earliest merge done again and again."""
        numbers = [self._alone.get(letter, -1 - ord(letter)) for letter in chunk]
        for number in joined(numbers, self._ranks, FIRST + len(self.characters)):
            if number >= 0:
                yield number
            else:
                yield from (byte + len(RESERVED) for byte in chr(-1 - number).encode("utf-8", "surrogatepass"))

    @functools.cached_property
    def _alone(self) -> dict[str, int]:
        return {character: FIRST + i for i, character in enumerate(self.characters)}


def joined(numbers: Sequence[int], ranks: dict[Pair, int], first: int) -> list[int]:
    """Numbers after all merges, the earliest first; merge r makes the number first + r.

    >>> joined([1, 2, 1, 2, 3], {(1, 2): 0, (10, 3): 1}, 10)
    [10, 11]
    """
    numbers, last = list(numbers), len(ranks)
    while len(numbers) > 1:
        rank, at = min((ranks.get(pair, last), at) for at, pair in enumerate(itertools.pairwise(numbers)))
        if rank == last:
            break
        numbers[at : at + 2] = [first + rank]
    return numbers


def _covering(counts: dict[str, int], room: int) -> list[str]:
    """The most frequent characters, until nearly all letters are covered."""
    letters: collections.Counter[str] = collections.Counter()
    for chunk, count in counts.items():
        for letter in chunk:
            letters[letter] += count
    left, kept = COVERED * sum(letters.values()), []
    for letter, count in letters.most_common(room):
        if left <= 0:
            break
        kept.append(letter)
        left -= count
    return kept


def _merges(words: list[tuple[list[int], int]], first: int, most: int) -> list[Pair]:
    """The most frequent pair of neighbours, joined everywhere, and again, `most` times or until none occurs twice.

    Only the words that hold a pair are looked at again; a heap of counts, of which outdated ones are passed over,
    finds the next pair.
    """
    counts: collections.Counter[Pair] = collections.Counter()
    holders: dict[Pair, set[int]] = collections.defaultdict(set)
    for place, (numbers, count) in enumerate(words):
        for pair in _pairs(numbers):
            counts[pair] += count
            holders[pair].add(place)
    heap = [(-count, pair) for pair, count in counts.items()]
    heapq.heapify(heap)
    merges: list[Pair] = []
    while heap and len(merges) < most:
        minus, pair = heapq.heappop(heap)
        if -minus != counts[pair]:
            continue  # its count has changed, and stands in the heap once more
        if -minus < 2:
            break
        changed = _join(words, holders.pop(pair), pair, first + len(merges), counts, holders)
        merges.append(pair)
        del counts[pair]
        for other in changed - {pair}:
            heapq.heappush(heap, (-counts[other], other))
    return merges


def _join(words: Any, places: set[int], pair: Pair, new: int, counts: Any, holders: Any) -> set[Pair]:
    """Write `new` for a pair in some words; the pairs whose counts changed."""
    changed: set[Pair] = set()
    for place in places:
        numbers, count = words[place]
        before = collections.Counter(_pairs(numbers))
        at = 0
        while at < len(numbers) - 1:
            if (numbers[at], numbers[at + 1]) == pair:
                numbers[at : at + 2] = [new]
            at += 1
        after = collections.Counter(_pairs(numbers))
        for other in before.keys() | after.keys():
            if before[other] != after[other]:
                counts[other] += (after[other] - before[other]) * count
                changed.add(other)
                if after[other]:
                    holders[other].add(place)
    return changed


def _pairs(numbers: Sequence[int]) -> list[Pair]:
    """Neighbours that may be joined: not those that are spelled in bytes."""
    return [pair for pair in itertools.pairwise(numbers) if pair[0] >= 0 and pair[1] >= 0]
