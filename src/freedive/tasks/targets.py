"""What a network is to answer: classes or amounts; how they are learned from, told, and scored.

A target is kept in the model's file beside the reader: the reader turns raw rows into the network's input, the target
turns its output into an answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

import numpy as np

from .. import layers
from ..config import Configured, Family, PositiveFloat, finite, positive, real
from ..data.writing import composed
from ..errors import counted
from ..methods import tempered
from ..preprocessing.scaling import spread
from ..report.scores import accuracy, class_scores, confusion_matrix, r2, spelt

TINY = 1e-7  # the least probability that counts, as in Keras
LONGEST = 200  # characters of a class name
SHOWN = 8  # numbers of a row in a table


STANDARDISED = "Losses and errors while learning are of amounts brought to mean 0 and deviation 1."


class Target(Configured):
    """What answers look like.

    A subclass says with which loss and metrics they are learned, and writes the methods.
    """

    family: ClassVar[Family | None] = Family("target")
    loss: ClassVar[Any]
    metrics: ClassVar[tuple[Any, ...]] = ()
    main: ClassVar[str] = "loss"  # the score that people ask for first; the more the better
    words: ClassVar[Mapping[str, str]] = {}  # of results whose name does not say enough
    scale_of_learning: ClassVar[str] = ""  # a sentence, where losses are not in the units of the labels

    def head(self) -> Any:
        """The last layer of a network that answers so."""
        raise NotImplementedError

    def encoded(self, labels: Any) -> Any:
        """Labels, as people give them, as the loss takes them."""
        raise NotImplementedError

    def asked(self, labels: Any) -> Any:
        """Labels as `scored` compares outputs with them: as the loss takes them, unless that loses something."""
        return self.encoded(labels)

    def decoded(self, outputs: Any) -> Any:
        """Outputs of the network as labels."""
        raise NotImplementedError

    def scored(self, outputs: Any, y: Any) -> dict[str, Any]:
        """Numbers about outputs whose right answers `y` (of `asked`) are known; "rows" and `main` are among them."""
        raise NotImplementedError

    def told(self, result: dict[str, Any], noun: str) -> tuple[str, str, str]:
        """A result in words: the number that matters, what stands beside it, and both as a sentence's beginning."""
        found = f"{spelt(self.main)} {result[self.main]:.4g}"
        on, rows = counted(result["rows"], noun), counted(result["rows"], f"test {noun}")
        return f"test {found}", f"on {on}", f"{found[:1].upper()}{found[1:]} on the {rows}"

    def called(self, name: str) -> str:
        """What people call a number of a result."""
        return self.words.get(name, spelt(name))

    def tiles(self, result: dict[str, Any]) -> list[tuple[str, str]]:
        """(what, number) of the numbers of a result that matter most."""
        told = {name: value for name, value in result.items() if isinstance(value, float)}
        return [(f"test {self.called(name)}", f"{value:.4g}") for name, value in told.items()]

    def table(self, names: Sequence[str], outputs: Any) -> tuple[list[str], list[list[str]]]:
        """(headers, rows) for people."""
        rows = np.asarray(outputs).reshape(len(names), -1)
        return ["file", "output"], [[name, _numbers(row)] for name, row in zip(names, rows, strict=True)]

    def as_json(self, names: Sequence[str], outputs: Any) -> list[dict[str, Any]]:
        """A list of answers for programs."""
        return [{"file": n, "output": np.asarray(row).tolist()} for n, row in zip(names, outputs, strict=True)]


def class_values(values: Any) -> Any:
    """Classes, each once: texts, whole numbers, numbers or True and False."""
    found = [plain(value) for value in values]
    for value in found:
        if not isinstance(value, (str, int, float)) or len(str(value)) > LONGEST:
            raise ValueError(f"expected texts of at most {LONGEST} characters, or numbers. Received: {value!r:.80}")
    if len({_text(value) for value in found}) != len(found):
        raise ValueError("expected classes, each once")
    return found


def plain(value: Any) -> Any:
    """A value of numpy's as one of Python's; any other as it is."""
    return value.item() if isinstance(value, np.generic) else value


class Classes(Target):
    """One of a few classes; the network gives a probability for each.

    Args:
        values: the classes, in the order of the outputs: texts or numbers.
        temperature: by what the logarithms of the probabilities are divided, so that they fit outcomes; see
            `methods.temperature`.

    >>> target = Classes(["no", "yes"])
    >>> target.encoded(["yes", "no"]).tolist(), target.decoded(np.array([[0.2, 0.8]])).tolist()
    ([1, 0], ['yes'])
    """

    loss: ClassVar[Any] = "sparse_categorical_crossentropy"
    metrics: ClassVar[tuple[Any, ...]] = ("accuracy",)
    main: ClassVar[str] = "accuracy"

    values: Annotated[Any, class_values]
    temperature: PositiveFloat = 1.0

    @classmethod
    def learned(cls, y: Any, values: Any = None) -> Classes:
        """The classes that labels name, sorted; or those given, which must be all that are named."""
        odd = next((label for label in y if not isinstance(label, (str, bool, int, float, np.generic))), None)
        if odd is not None:
            raise TypeError(
                f"y: expected texts or numbers as classes. Received: {odd!r:.60} of type {type(odd).__name__}"
            )
        try:
            found = np.unique(np.asarray(y))
        except TypeError:
            message = "y: some classes are texts, others numbers. Write all as texts: [str(label) for label in y]"
            raise TypeError(message) from None
        target = cls(sorted(set(map(composed, found.tolist()))) if values is None else values)
        if len(target.values) < 2:
            raise ValueError(
                f"y: all rows are of one class, {target.values[0]!r}; expected two or more classes to tell apart"
            )
        target.encoded(found)
        return target

    @property
    def names(self) -> list[str]:
        """The classes as texts."""
        return [str(value) for value in self.values]

    def head(self) -> Any:
        """A softmax."""
        return layers.Dense(len(self.values), activation="softmax")

    def encoded(self, labels: Any) -> np.ndarray:
        """int32 (rows,): places in the list of classes. A class is known by how it is written, 1.0 as 1, and
        a letter with its accent is one, in whichever of Unicode's forms.

        Where classes are words, and no number could be meant for one of them, the places themselves are labels too.

        Raises:
            ValueError: names the first label that is none of them, and its row.

        >>> Classes([2, 4]).encoded([4.0, 2.0]).tolist(), Classes(["no", "yes"]).encoded([1, 0]).tolist()
        ([1, 0], [1, 0])
        """
        labels = np.asarray(labels)
        places = {_text(value): place for place, value in enumerate(self.values)}
        if not any(map(_is_number, self.values)):
            places = {str(place): place for place in range(len(self.values))} | places
        places = {composed(name): place for name, place in places.items()} | places
        found, rows = np.unique(labels.reshape(len(labels)), return_inverse=True)
        asked = map(_text, found.tolist())
        found_places = np.array([places.get(label, places.get(composed(label), -1)) for label in asked], np.int32)[rows]
        if len(found_places) and found_places.min() < 0:
            row = int(np.argmin(found_places))
            shown = ", ".join(self.names[:12]) + (", ..." if len(self.values) > 12 else "")
            raise ValueError(f"row {row}: the class {plain(labels[row])!r} is none of the model's: {shown}")
        return found_places

    def decoded(self, outputs: Any) -> np.ndarray:
        return np.asarray(self.values)[np.argmax(self.probabilities(outputs), axis=1)]

    def probabilities(self, outputs: Any) -> np.ndarray:
        """(rows, classes); one output for two classes is the probability of the second.

        >>> Classes(["no", "yes"]).probabilities(np.array([[0.25]])).tolist()
        [[0.75, 0.25]]
        """
        outputs = np.asarray(outputs)
        if outputs.shape[1:] == (1,) and len(self.values) == 2:
            outputs = np.concatenate([1 - outputs, outputs], axis=1)
        if outputs.shape[1:] != (len(self.values),):
            raise ValueError(f"the model's outputs are not one number for each of its {len(self.values)} classes")
        return outputs if self.temperature == 1 else tempered(outputs, self.temperature)

    def scored(self, outputs: Any, y: Any) -> dict[str, Any]:
        """Accuracy, cross-entropy, mistakes and the scores of every class.

        >>> Classes(["a", "b"]).scored(np.array([[0.5, 0.5], [0.0, 1.0]]), [0, 1])["accuracy"]
        1.0
        """
        y, given = np.asarray(y).reshape(-1).astype(np.int64), self.probabilities(outputs)
        matrix = confusion_matrix(y, given.argmax(1), len(self.values))
        loss = -np.log(np.clip(given[np.arange(len(y)), y].astype(np.float64), TINY, 1 - TINY)).mean()
        fields = ("class", "precision", "recall", "f1", "rows")
        return {
            "rows": len(y),
            "accuracy": accuracy(matrix),
            "loss": float(loss),
            "mistakes": int(matrix.sum() - np.trace(matrix)),
            "classes": [dict(zip(fields, score, strict=True)) for score in class_scores(matrix, self.names)],
        }

    def told(self, result: dict[str, Any], noun: str) -> tuple[str, str, str]:
        found, wrong, rows = f"{result['accuracy']:.2%}", counted(result["mistakes"], "mistakes"), result["rows"]
        sentence = f"{found} of the {counted(rows, f'test {noun}')} are recognised"
        return f"test accuracy {found}", f"{wrong} in {counted(rows, noun)}", sentence

    def tiles(self, result: dict[str, Any]) -> list[tuple[str, str]]:
        return [
            ("test accuracy", f"{result['accuracy']:.2%}"),
            ("test loss", f"{result['loss']:.4f}"),
            (f"mistakes of {result['rows']:,}", f"{result['mistakes']:,}"),
        ]

    def table(self, names: Sequence[str], outputs: Any) -> tuple[list[str], list[list[str]]]:
        table = []
        for name, row in zip(names, self.probabilities(outputs), strict=True):
            order = np.argsort(-row, kind="stable")
            next_best = f"{self.names[order[1]]} {row[order[1]]:.1%}" if len(order) > 1 else ""
            table.append([name, self.names[order[0]], f"{row[order[0]]:.1%}", next_best])
        return ["file", "answer", "sure", "or"], table

    def as_json(self, names: Sequence[str], outputs: Any) -> list[dict[str, Any]]:
        return [
            {
                "file": name,
                "answer": self.names[int(row.argmax())],
                "sure": round(float(row.max()), 6),
                "probabilities": {c: round(float(p), 6) for c, p in zip(self.names, row, strict=True)},
            }
            for name, row in zip(names, self.probabilities(outputs), strict=True)
        ]


def numbers(values: Any) -> list[float]:
    """Finite numbers."""
    return [finite(real(value)) for value in values]


def scales(values: Any) -> list[float]:
    """Finite numbers over 0."""
    return [positive(value) for value in numbers(values)]


class Amounts(Target):
    """Numbers. The network learns them with mean 0 and deviation 1.

    Args:
        mean: what is subtracted, one number for every output.
        scale: by what is then divided.
        flat: whether labels are (rows,) rather than (rows, outputs).
    """

    loss: ClassVar[Any] = "mean_squared_error"
    metrics: ClassVar[tuple[Any, ...]] = ("mean_absolute_error",)
    main: ClassVar[str] = "r2"
    scale_of_learning: ClassVar[str] = STANDARDISED

    mean: Annotated[Any, numbers] = (0.0,)
    scale: Annotated[Any, scales] = (1.0,)
    flat: bool = True

    @classmethod
    def learned(cls, y: Any, values: Any = None) -> Amounts:
        """The means and deviations of labels."""
        given = np.asarray(y)
        if given.dtype.kind not in "biuf":
            raise TypeError(f"y: expected amounts. Received: {given.ravel()[:1].tolist()} of {given.dtype}")
        given = given.astype(np.float64)
        table = given.reshape(len(given), -1)
        return cls(table.mean(axis=0).tolist(), spread(table).tolist(), given.ndim == 1)

    def head(self) -> Any:
        """One linear unit for every number."""
        return layers.Dense(len(self.mean))

    def encoded(self, labels: Any) -> np.ndarray:
        """float32 (rows, outputs)."""
        given = np.asarray(labels, np.float64)
        return ((given.reshape(len(given), -1) - np.array(self.mean)) / np.array(self.scale)).astype(np.float32)

    def decoded(self, outputs: Any) -> np.ndarray:
        table = np.asarray(outputs, np.float64) * np.array(self.scale) + np.array(self.mean)
        return table[:, 0] if self.flat else table

    def scored(self, outputs: Any, y: Any) -> dict[str, Any]:
        """Errors in the units of the labels, and the part of the variance that is explained (R2).

        Of several amounts, each is the mean over the amounts.
        """
        given, true = self.decoded(outputs), self.decoded(y)
        return {
            "rows": len(true),
            "r2": r2(true, given),
            "rmse": float(np.sqrt(((given - true) ** 2).mean(axis=0)).mean()),
            "mean_absolute_error": float(np.abs(given - true).mean()),
        }

    def table(self, names: Sequence[str], outputs: Any) -> tuple[list[str], list[list[str]]]:
        return super().table(names, self.decoded(outputs))

    def as_json(self, names: Sequence[str], outputs: Any) -> list[dict[str, Any]]:
        answers = self.decoded(outputs).tolist()
        return [{"file": name, "answer": answer} for name, answer in zip(names, answers, strict=True)]


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return not isinstance(value, bool)


def _text(label: Any) -> str:
    whole = isinstance(label, float) and label.is_integer()
    return str(int(label)) if whole else str(label)


def _numbers(row: np.ndarray) -> str:
    shown = " ".join(f"{value:.5g}" for value in row[:SHOWN])
    return shown + (f" ... ({len(row)} numbers)" if len(row) > SHOWN else "")
