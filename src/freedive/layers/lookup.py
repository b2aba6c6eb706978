"""Words and whole numbers as ids of a vocabulary, which is given or learned by `adapt` and kept in the model's file.

The vocabulary of a file is a list in its configuration; a path to one is refused, as nothing outside a file is read.
"""

from __future__ import annotations

import collections
import functools
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, ClassVar

import numpy as np

from ..config import PositiveInt, integer, non_negative, one_of
from ..core.door import HostLayer, as_texts
from ..errors import VocabularyError
from ..preprocessing.vocabulary.base import MOST_WORDS, distinct_words
from .categories import Dense, as_vectors, vectors_shape
from .hashing import place_of, salts

LookupMode = Annotated[str, one_of("int", "one_hot", "multi_hot", "count", "tf_idf")]


def whole_numbers(value: Any) -> tuple[int, ...]:
    """Whole numbers, each once."""
    if isinstance(value, str) or not isinstance(value, (list, tuple, np.ndarray)) or len(value) > MOST_WORDS:
        raise VocabularyError(f"expected a list of up to {MOST_WORDS:,} whole numbers. Received: {value!r:.80}")
    try:
        found = tuple(integer(v) for v in value)
    except TypeError as error:
        raise VocabularyError(str(error)) from None
    if len(set(found)) < len(found):
        raise VocabularyError("a number stands twice")
    return found


class Known(tuple):
    """The values of a vocabulary, with their places."""

    @functools.cached_property
    def places(self) -> dict[Any, int]:
        """value -> place; made when it is first asked for."""
        return {value: place for place, value in enumerate(self)}


class _Lookup(HostLayer):
    """Values to ids: the mask, then bins for unknown values, then the vocabulary. Subclasses say of what kind."""

    checked: ClassVar[Any]

    def __post_init__(self):
        super().__post_init__()
        if self.output_mode != "int" and self.invert:
            raise ValueError(f"{type(self).__name__}: invert=True gives values, so output_mode must be 'int'")
        if self.vocabulary is not None:
            self.set_vocabulary(self.vocabulary, self.idf_weights)

    # the vocabulary -------------------------------------------------------------------------------------------------
    @property
    def _special(self) -> list[Any]:
        """What stands before the vocabulary: the mask (for ids alone), and the unknown."""
        mask = [self.mask_token] if self.mask_token is not None and self.output_mode == "int" else []
        return mask + [self.oov_token] * self.num_oov_indices

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Take a vocabulary: values, most frequent first, with or without those that stand for mask and unknown."""
        given = list(vocabulary) if isinstance(vocabulary, (list, tuple, np.ndarray)) else vocabulary
        special = self._special
        if isinstance(given, list):
            given = given[self.mask_token is not None and given[:1] == [self.mask_token] :]
            unknown = [self.oov_token] * self.num_oov_indices
            given = given[len(unknown) if given[: len(unknown)] == unknown else 0 :]
        self.vocabulary = Known(type(self).checked(given))
        for token in dict.fromkeys(special):
            if token in self.vocabulary:
                raise VocabularyError(f"{type(self).__name__}: {token!r} is reserved, and stands in the vocabulary")
        if self.max_tokens is not None and len(self.vocabulary) + len(special) > self.max_tokens:
            raise VocabularyError(
                f"{type(self).__name__}: {len(self.vocabulary)} values and {len(special)} reserved ones are more "
                f"than max_tokens={self.max_tokens}"
            )
        self._set_weights(idf_weights)

    def _set_weights(self, weights: Any) -> None:
        if self.output_mode == "tf_idf":
            kinds = [isinstance(weight, (int, float)) for weight in ([] if weights is None else weights)]
            found = np.asarray(weights if all(kinds) and kinds else [], np.float64)
            if found.shape != (len(self.vocabulary),) or not np.isfinite(found).all():
                raise VocabularyError(
                    f"{type(self).__name__}: output_mode='tf_idf' needs a finite weight for each of the "
                    f"{len(self.vocabulary)} values: idf_weights=[...], or adapt(data)"
                )
            self.idf_weights = found.tolist()

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """The values by id."""
        known = list(self.vocabulary or ())
        return self._special + known if include_special_tokens else known

    def vocabulary_size(self) -> int:
        """How many ids there are: for `Embedding`."""
        return len(self._special) + len(self.vocabulary or ())

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Learn the vocabulary: the most frequent values, of equals the last in the alphabet first, as in Keras.

        Args:
            data: an array, a list, or batches of them.
            batch_size: accepted for Keras' sake.
            steps: batches to read.
        """
        counts: collections.Counter[Any] = collections.Counter()
        documents: collections.Counter[Any] = collections.Counter()
        total = 0
        for row in self._documents(data, steps):
            counts.update(row)
            documents.update(set(row))
            total += 1
        for token in (*self._special, self.mask_token):
            counts.pop(token, None)
        ranked = sorted(sorted(counts, reverse=True), key=lambda value: -counts[value])
        kept = ranked[: None if self.max_tokens is None else max(0, self.max_tokens - len(self._special))]
        weights = [float(np.log(1 + total / (1 + documents[value]))) for value in kept]
        self.set_vocabulary(kept, weights if self.output_mode == "tf_idf" else None)

    def _documents(self, data: Any, steps: int | None) -> Iterator[list[Any]]:
        for array in batches_of(data, steps):
            yield from (np.atleast_1d(row).ravel().tolist() for row in array)

    # values to ids --------------------------------------------------------------------------------------------------
    def on_host(self, x: np.ndarray) -> np.ndarray:
        if self.vocabulary is None:
            raise self.error("has no vocabulary yet: call adapt(data), or give vocabulary=[...]")
        if self.invert:
            values = np.asarray(self.get_vocabulary(), object if self.takes == "string" else np.int64)
            known = (x >= 0) & (x < len(values))
            return np.where(known, values[np.where(known, x, 0)], self.oov_token)
        ids = self.ids(x.ravel().tolist()).reshape(x.shape)
        return self.vectors(ids)

    def ids(self, values: list[Any]) -> np.ndarray:
        """int64 (values,)."""
        special, places = len(self._special), self.vocabulary.places
        found = [places.get(value, -1) + special for value in values]
        for at, number in enumerate(found):
            if number < special:
                found[at] = self._other(values[at])
        return np.array(found, np.int64)

    def _other(self, value: Any) -> int:
        """The id of a value that is not in the vocabulary."""
        if self.mask_token is not None and value == self.mask_token:
            return 0 if self.output_mode == "int" else -1
        return len(self._special) - self.num_oov_indices + self._bin(value)

    def _bin(self, value: Any) -> int:
        """Which of the places for the unknown a value has."""
        if not self.num_oov_indices:
            raise self.error(f"the value {value!r} is not in the vocabulary, and num_oov_indices=0 leaves no id for it")
        if self.num_oov_indices == 1:
            return 0
        if getattr(self, "oov_method", "farmhash") == "floormod":
            return int(value) % self.num_oov_indices
        return place_of(str(value), self.num_oov_indices, self.salt)

    def vectors(self, ids: np.ndarray) -> np.ndarray:
        """Ids in the way of `output_mode`."""
        if self.output_mode == "int":
            return ids
        weights = None
        if self.output_mode == "tf_idf":
            unknown = float(np.mean(self.idf_weights)) if self.idf_weights else 0.0
            weights = [unknown] * len(self._special) + list(self.idf_weights)
            weights += [0.0] * (self._width() - len(weights))
        return as_vectors(ids, self._width(), self.output_mode, weights, np)

    def _width(self) -> int:
        return self.max_tokens if self.pad_to_max_tokens and self.max_tokens else self.vocabulary_size()

    def gives_for(self, shape: Any) -> Any:
        if self.invert:
            raise self.error("with invert=True it gives values, which no model takes: call it on ids")
        if self.output_mode == "int":
            return shape, "int32"
        if self.vocabulary is None and not self.pad_to_max_tokens:
            raise self.error("has no vocabulary yet, so its width is unknown: call adapt(data) before making the model")
        return vectors_shape(shape, self._width(), self.output_mode), "float32"


class StringLookup(_Lookup):
    """Words as ids of a vocabulary, or ids as words.

    Args:
        max_tokens: ids at most, those of mask and unknown included.
        num_oov_indices: ids for unknown words; more than one are told apart by a hash; with 0 they are an error.
        mask_token: the word for padding, id 0.
        oov_token: what unknown words are called, for `invert`.
        vocabulary: the words; None: `adapt(data)` learns them.
        idf_weights: a weight for each word, for "tf_idf".
        invert: ids to words.
        output_mode: "int", "one_hot", "multi_hot", "count" or "tf_idf".
        pad_to_max_tokens: whether vectors have `max_tokens` numbers whatever the vocabulary.
        sparse: False; nothing here is sparse.
        encoding: "utf-8", the only one.
        salt: another number tells unknown words apart in another way.

    Works on the host: by itself, or first in a `Sequential` or functional model.

    >>> import freedive as fd
    >>> lookup = fd.layers.StringLookup(vocabulary=["deep", "dive"])
    >>> lookup(["dive", "breath"]).tolist()
    [2, 0]
    >>> fd.layers.StringLookup(vocabulary=["deep", "dive"], invert=True)([2, 0]).tolist()
    ['dive', '[UNK]']
    """

    checked: ClassVar[Any] = staticmethod(distinct_words)

    max_tokens: PositiveInt | None = None
    num_oov_indices: Annotated[int, non_negative] = 1
    mask_token: Any = None
    oov_token: str = "[UNK]"
    vocabulary: Any = None
    idf_weights: Any = None
    invert: bool = False
    output_mode: LookupMode = "int"
    pad_to_max_tokens: bool = False
    sparse: Dense = False
    encoding: Annotated[str, one_of("utf-8")] = "utf-8"
    salt: Annotated[Any, salts] = None


class IntegerLookup(_Lookup):
    """Whole numbers as ids of a vocabulary, or ids as whole numbers; arguments as of `StringLookup`.

    Args:
        vocabulary_dtype: "int64" or "int32".
        oov_method: how unknown numbers are told apart: "floormod", or "farmhash" of their digits.

    >>> import freedive as fd
    >>> fd.layers.IntegerLookup(vocabulary=[12, 36, 1138, 42])([[12, 1138, 42], [42, 1000, 36]]).tolist()
    [[1, 3, 4], [4, 0, 2]]
    """

    checked: ClassVar[Any] = staticmethod(whole_numbers)
    takes: ClassVar[str] = "int32"

    max_tokens: PositiveInt | None = None
    num_oov_indices: Annotated[int, non_negative] = 1
    mask_token: Any = None
    oov_token: int = -1
    vocabulary: Any = None
    vocabulary_dtype: Annotated[str, one_of("int64", "int32")] = "int64"
    idf_weights: Any = None
    invert: bool = False
    output_mode: LookupMode = "int"
    sparse: Dense = False
    pad_to_max_tokens: bool = False
    oov_method: Annotated[str, one_of("floormod", "farmhash")] = "floormod"
    salt: Annotated[Any, salts] = None


def batches_of(data: Any, steps: int | None) -> Iterable[np.ndarray]:
    """Arrays of values from an array, a list, or batches, of which the first part counts."""
    if isinstance(data, str):
        raise TypeError(f"adapt expects several texts. Received one: {data[:40]!r}; put it into a list")
    if isinstance(data, (list, tuple, np.ndarray)) or hasattr(data, "to_numpy"):
        return [as_texts(data)]
    batches = (batch[0] if isinstance(batch, tuple) else batch for batch in data)
    return (as_texts(batch) for place, batch in enumerate(batches) if steps is None or place < steps)
