"""Sentences of one language as sentences of another."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np

from ..config import Fraction, NonNegativeFloat, PositiveInt, fraction, one_of
from ..data.writing import composed
from ..errors import counted
from ..files.atomic import write_text_atomic
from ..losses import SparseCategoricalCrossentropy
from ..metrics import bleu, chrf
from ..models.training import make_ready
from ..networks import AttentionNetwork, Beam, SequenceToSequence, TransformerNetwork, samplers
from ..preprocessing.batches import LengthBatches, fitted
from ..preprocessing.vocabulary import END, START, BytePairVocabulary, CharacterVocabulary, Vocabulary
from ..preprocessing.vocabulary.words import HAN
from ..report.alignment import alignment
from .base import Settings, Task
from .reading.sentences import Sentences
from .targets import Target
from .translation_pictures import translation_sections


class Said(NamedTuple):
    """One translation: its pieces, and how sure the network is of them, their geometric mean probability."""

    pieces: np.ndarray
    sure: float


class Translations(Target):
    """What a translator answers: sentences.

    Args:
        vocabulary: their pieces.
        length: the most pieces of a sentence that is learned from.
        tokenize: the words that BLEU counts, see `metrics.bleu`.
        smoothing: of the labels.
    """

    metrics: ClassVar[tuple[Any, ...]] = ("accuracy",)
    main: ClassVar[str] = "bleu"
    words: ClassVar[Mapping[str, str]] = {
        "bleu": "BLEU (of 100)",
        "chrf": "chrF (of 100)",
        "brevity": "brevity penalty",
    }

    vocabulary: Vocabulary
    length: PositiveInt = 128
    tokenize: str = "13a"
    smoothing: Annotated[float, fraction] = 0.1

    @property
    def loss(self) -> Any:  # type: ignore[override]
        """Cross-entropy of the next piece, with smoothed labels."""
        return SparseCategoricalCrossentropy(from_logits=True, label_smoothing=self.smoothing)

    def encoded(self, labels: Any) -> np.ndarray:
        rows = self.vocabulary.rows([text.strip() for text in labels], start=True, end=True)
        cut, rest = np.split(rows, [self.length], axis=1)
        cut[rest.any(axis=1), -1] = END
        return cut

    def asked(self, labels: Any) -> list[str]:
        """The texts themselves: pieces are cut at a length, and some are not known."""
        known = composed if getattr(self.vocabulary, "normal", False) else str
        return [known(text.strip()) for text in labels]

    def decoded(self, outputs: Sequence[Said]) -> list[str]:
        return [self.vocabulary.decode(said.pieces).strip() for said in outputs]

    def scored(self, outputs: Any, y: Any) -> dict[str, Any]:
        """BLEU and chrF."""
        said = self.decoded(outputs)
        found = bleu(said, y, self.tokenize)
        return {"rows": len(y), "bleu": found.score, "chrf": chrf(said, y), "brevity": found.brevity_penalty}

    def told(self, result: dict[str, Any], noun: str) -> tuple[str, str, str]:
        found, rows = f"BLEU {result['bleu']:.1f} of 100", result["rows"]
        return f"test {found}", f"on {counted(rows, noun)}", f"{found} on the {counted(rows, f'test {noun}')}"

    def table(self, names: Sequence[str], outputs: Any) -> tuple[list[str], list[list[str]]]:
        rows = zip(names, self.decoded(outputs), outputs, strict=True)
        return ["sentence", "translation", "sure"], [[name, text, f"{said.sure:.1%}"] for name, text, said in rows]

    def as_json(self, names: Sequence[str], outputs: Any) -> list[dict[str, Any]]:
        rows = zip(names, self.decoded(outputs), outputs, strict=True)
        return [{"file": name, "answer": text, "sure": round(said.sure, 6)} for name, text, said in rows]


class Attention(NamedTuple):
    """Where a translator looked: the pieces read, the pieces written, and weights (written, read)."""

    source: list[str]
    target: list[str]
    weights: np.ndarray

    def svg(self) -> str:
        """As a picture."""
        return alignment(self.source, self.target, self.weights)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture, an .svg file."""
        write_text_atomic(path, self.svg())


class Translator(Task):
    """Translate sentences; learned from pairs of them.

    Args:
        network: "transformer", or "attention": recurrent, with attention.
        units: the size of the network's vectors; None: by the number of pairs.
        depth: blocks of the Transformer's encoder and of its decoder.
        dropout: the share that is dropped in training.
        pieces: how many pieces a vocabulary has at most.
        shared: whether both languages share a vocabulary of byte pairs; None: unless one of them is Chinese, whose
            pieces are characters.
        length: the most pieces of a sentence.
        smoothing: of the labels.
        sampling: scheduled sampling, see `networks.SequenceToSequence`.
        beams, penalty: how translations are searched for, see `networks.Beam`.

    The epoch that is kept is chosen by sentences that are no longer than 19 of 20 that are learned from.

    >>> pairs = [("one two", "eins zwei"), ("two", "zwei"), ("one", "eins")] * 8
    >>> translator = Translator(network="attention", units=8, epochs=1, pieces=280, beams=1, verbose=0)
    >>> translator.fit(*zip(*pairs)).attention("one", "eins").weights.shape
    (1, 1)
    """

    noun: ClassVar[str] = "sentences"
    warm: ClassVar[float] = 0.1

    _: dataclasses.KW_ONLY
    network: Annotated[Any, one_of("transformer", "attention")] = "transformer"
    units: PositiveInt | None = None
    depth: PositiveInt = 2
    dropout: Fraction | None = None
    pieces: PositiveInt = 4000
    shared: bool | None = None
    length: PositiveInt = 96
    smoothing: Fraction = 0.1
    sampling: Fraction = 0.0
    beams: PositiveInt = 4
    penalty: NonNegativeFloat = 1.0

    # learning -------------------------------------------------------------------------------------------------------
    def checked(self, X: Any, y: Any) -> tuple[Any, Any]:
        sides = [[text.strip() for text in texts(side, name)] for side, name in ((X, "X"), (y, "y"))]
        return super().checked(*sides)

    def parted(self, X: Any, y: Any, validation_data: Any = None, groups: Any = None) -> Any:
        """All translations of a sentence are learned from, or kept aside."""
        return super().parted(X, y, validation_data, X if groups is None else groups)

    def learn(self, X: Any, y: Any, every: Any) -> None:
        source, written = self.learn_vocabularies(X, y)
        self.reader = Sentences(source, self.length)
        self.target = Translations(written, self.length, "zh" if mostly_chinese(y) else "13a", self.smoothing)

    def learn_vocabularies(self, X: Sequence[str], y: Sequence[str]) -> tuple[Vocabulary, Vocabulary]:
        """(of the sources, of the targets)."""
        sides = [mostly_chinese(X), mostly_chinese(y)]
        if self.shared or (self.shared is None and not any(sides)):
            both = BytePairVocabulary.learned([*X, *y], size=self.pieces)
            return both, both
        made = [(CharacterVocabulary if chinese else BytePairVocabulary) for chinese in sides]
        first, second = (kind.learned(side, size=self.pieces) for kind, side in zip(made, (X, y), strict=True))
        return first, second

    def usual(self, rows: int) -> Settings:
        rate = 1.5e-3 if self.network == "transformer" else 1e-3
        return Settings(epochs=15 if rows > 5000 else 40, batch_size=96 if rows > 5000 else 32, learning_rate=rate)

    def make_network(self, x: Any, y: Any) -> SequenceToSequence:
        source, written = self.reader.vocabulary, self.target.vocabulary
        sizes = source.size, written.size
        units = self.units or (256 if len(x) > 5000 else 128)
        dropout = self.dropout if self.dropout is not None else 0.15 if self.network == "transformer" else 0.2
        common = {"units": units, "dropout": dropout, "sampling": self.sampling}
        if self.network == "attention":
            network: SequenceToSequence = AttentionNetwork(*sizes, embedding=units, **common)
        else:
            more = {"depth": self.depth, "intermediate": 2 * units, "num_heads": max(1, units // 64)}
            network = TransformerNetwork(*sizes, **common, **more, shared=source is written)
        make_ready(network, [x, x])  # so that its weights can be counted before it learns
        return network

    def steps(self, rows: int) -> int:
        return len(self.batches())

    def stepping(self) -> dict[str, Any]:
        return {"global_clipnorm": 1.0, **({"beta_2": 0.98} if self.optimizer == "adam" else {})}

    def batches(self) -> LengthBatches:
        """The rows to learn from, in batches of about one length."""
        return LengthBatches(self.rows.x, self.rows.y, self.settings.batch_size, self.seed)

    def given(self) -> dict[str, Any]:
        batches = self.batches()
        found: dict[str, Any] = {"x": batches}
        if self.rows.x_validation is not None:
            found["validation_data"] = batches.usual(self.rows.x_validation, self.rows.y_validation)
        return found

    # use ------------------------------------------------------------------------------------------------------------
    def answer(self, x: Any, sampler: Any = None) -> list[Said]:
        found = self.model.generate(x, sampler or Beam(self.beams, self.penalty), seed=self.seed)
        sure = np.exp(found.scores / [len(tokens) + 1 for tokens in found.tokens])  # the end is a piece, too
        return [Said(*row) for row in zip(found.tokens, sure.tolist(), strict=True)]

    def translate(self, texts: Any, sampler: Any = None) -> Any:
        """The translation of a text, or of each of several.

        Args:
            texts: one or more; of nothing, nothing is the translation.
            sampler: "greedy", "beam", "sample", or a `networks.Sampler`; beam search with `beams` unless given.
        """
        one = isinstance(texts, str)
        self.check_fitted()
        sampler = None if sampler is None else samplers.get(sampler)
        found = self.target.decoded(self.answer(self.reader.encoded([texts] if one else texts), sampler))
        return found[0] if one else found

    def attention(self, text: str, translation: str | None = None) -> Attention:
        """Where the network looks in a text while it writes a translation, its own unless one is given."""
        self.check_fitted()
        x = self.reader.encoded([text])
        written = self.answer(x)[0].pieces if translation is None else self.target.encoded([translation])[0, 1:-1]
        target = np.concatenate([[START], written])[None]
        weights = self.model.attention(x, fitted(target, target.shape[1]))[0, : len(written)]
        return Attention(spelled(self.reader.vocabulary, x[0]), spelled(self.target.vocabulary, written), weights)

    def sections(self, X: Any, outputs: Any, y: Any) -> list[Any]:
        """Translations beside what people wrote, how far to trust them, and where the network looked."""
        return translation_sections(self, X, outputs, y)


def texts(rows: Any, name: str) -> list[str]:
    """A list of texts, or an error that says which is none."""
    if isinstance(rows, str):
        raise TypeError(f"Translator.fit({name}=...): expected a list of texts. Received one text: {rows[:40]!r}")
    rows = [] if rows is None else list(rows)
    for place, row in enumerate(rows):
        if not isinstance(row, str) or not row.strip():
            raise ValueError(f"Translator.fit({name}=...): row {place}: expected a text. Received: {row!r:.40}")
    return rows


def mostly_chinese(sentences: Sequence[str]) -> bool:
    """Whether more than a third of the letters are Chinese characters.

    >>> mostly_chinese(["我要喂狗。"]), mostly_chinese(["I'll feed the dog."])
    (True, False)
    """
    joined = "".join(sentences[:1000])
    return len(re.findall(f"[{HAN}]", joined)) > len(joined) / 3


def spelled(vocabulary: Vocabulary, numbers: Any) -> list[str]:
    """The pieces of numbers, for people to read."""
    return [vocabulary.tokens[number] for number in vocabulary.spoken(numbers)]
