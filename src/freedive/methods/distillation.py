"""distill: a small model learns what a large one answers."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..models import fitting
from ..models.data import Data
from ..models.fitting import Method, Options
from ..train.feeds import Resident
from ..train.objective import Objective
from ..train.program import Program
from .validation import options_of

LEAST = 1e-7  # the least probability whose logarithm is taken, as in the losses


def distill(
    teacher: Any, student: Any, x: Any, y: Any, temperature: float = 3.0, alpha: float = 0.1, **fit: Any
) -> Any:
    """Train a model by the answers of another as much as by the targets.

    loss = alpha L(y, s) + (1 - alpha) T^2 KL(softmax(t / T) || softmax(s / T)), with the logits t of the teacher and s
    of the student; where models give probabilities, their logarithms are such logits. Models of numbers match the
    teacher by the mean squared difference. The teacher answers every row once, before the training. With alpha = 1 it
    is the plain run, bit for bit.

    Args:
        teacher: a trained model, or an ensemble.
        student: a compiled model with one output, shaped as the teacher's.
        x, y: as for `fit`, arrays.
        temperature: T, above 0: the higher it is, the more the answers that are not the best count.
        alpha: from 0, the teacher alone, to 1, the targets alone.
        **fit: further arguments of `Model.fit`.

    Returns:
        The History: `loss` is the whole, `student_loss` and `distillation_loss` its parts. Validation is that of the
        student alone.

    Raises:
        ValueError: teacher and student give answers of different shapes, or temperature or alpha is out of range.

    Reference: G. Hinton et al., "Distilling the knowledge in a neural network", 2015, https://arxiv.org/abs/1503.02531

    >>> import numpy as np
    >>> import freedive as fd
    >>> def network(units):
    ...     model = fd.Sequential([fd.Input((2,)), fd.layers.Dense(units, "relu"), fd.layers.Dense(3, "softmax")])
    ...     model.compile("adam", "sparse_categorical_crossentropy")
    ...     return model
    >>> x, y = np.random.default_rng(0).normal(size=(64, 2)), np.arange(64) % 3
    >>> teacher, student = network(16), network(2)
    >>> history = teacher.fit(x, y, verbose=0)
    >>> sorted(fd.distill(teacher, student, x, y, verbose=0).history)
    ['distillation_loss', 'loss', 'student_loss']
    """
    if not 0 < temperature < float("inf") or not 0 <= alpha <= 1:
        raise ValueError(
            f"distill(temperature={temperature!r}, alpha={alpha!r}): expected a temperature above 0 and an alpha from "
            "0 to 1"
        )
    options = options_of("distill", fit, ("validation_split",))
    answers = teacher.predict(x, verbose=0)
    if not isinstance(answers, np.ndarray):
        raise ValueError("distill(teacher=...): expected a model with one output")
    return fitting.fit(student, x, y, options, Taught(answers, float(temperature), float(alpha)))


class Taught(Method):
    """How a student learns.

    Args:
        answers: the teacher's, of every row.
        temperature, alpha: see `distill`.
    """

    def __init__(self, answers: np.ndarray, temperature: float, alpha: float):
        self.answers, self.temperature, self.alpha = answers, temperature, alpha

    def check_stream(self) -> None:
        raise ValueError("distill(x=...): expected arrays: the teacher answers every row once")

    def program(self, model: Any, objective: Objective) -> Program:
        (shape, *others) = objective.shapes
        if others or tuple(shape[1:]) != self.answers.shape[1:]:
            raise ValueError(
                f"distill: the teacher answers {(None, *self.answers.shape[1:])}, the student "
                f"{[tuple(s) for s in objective.shapes] if others else tuple(shape)}: they must be alike"
            )
        if self.alpha == 1:
            return super().program(model, objective)
        both: Any = Both(objective, self.temperature, self.alpha)
        program = super().program(model, both)
        return program._replace(key=("distilled", self.temperature, self.alpha, program.key))

    def train_feed(self, model: Any, data: Data, options: Options, seed: int) -> Resident:
        if self.alpha == 1:
            return super().train_feed(model, data, options, seed)
        return super().train_feed(model, data._replace(y={"targets": data.y, "teacher": self.answers}), options, seed)


class Both:
    """The objective of a student: its own, and how far it is from the teacher; without the teacher, its own alone."""

    def __init__(self, own: Objective, temperature: float, alpha: float):
        self.own, self.temperature, self.alpha = own, temperature, alpha

    def __call__(self, y: Any, outputs: Any, weights: Any, made: Any) -> tuple[Any, Any]:
        if not (isinstance(y, dict) and "teacher" in y):
            return self.own(y, outputs, weights, made)
        value, sums = self.own(y["targets"], outputs, weights, made)
        (answer,) = jax.tree.leaves(outputs)
        kind = self.own.losses[0].expects() if self.own.losses[0] is not None else None
        apart = distance(y["teacher"], answer, kind, self.temperature)
        scaled = self.temperature**2 * jnp.mean(apart) if kind else jnp.mean(apart)
        rows = jnp.float32(answer.shape[0])
        return self.alpha * value + (1 - self.alpha) * scaled, sums | {"taught": (scaled * rows, rows)}

    def results(self, sums: Any) -> dict[str, Any]:
        """The numbers of an epoch: the whole, its parts, the metrics."""
        if "taught" not in sums:
            return self.own.results(sums)
        own = self.own.results({name: part for name, part in sums.items() if name != "taught"})
        student, taught = own.pop("loss"), float(sums["taught"][0] / sums["taught"][1])
        whole = self.alpha * student + (1 - self.alpha) * taught
        return {"loss": whole, "student_loss": student, "distillation_loss": taught, **own}

    def structure(self) -> Any:
        """What makes two objectives equal."""
        return self.own.structure()


def distance(teacher: Any, student: Any, kind: str | None, temperature: float) -> Any:
    """How far answers are from the teacher's: KL of tempered classes, or the mean squared difference; one a row."""
    if kind is None:
        return jnp.mean((teacher - student) ** 2, axis=-1)
    told, said = (jax.nn.log_softmax(logits(a, kind) / temperature) for a in (teacher, student))
    return jnp.sum(jnp.exp(told) * (told - said), axis=-1)


def logits(answers: Any, kind: str) -> Any:
    """Logits of classes from logits or probabilities; one unit is the second of two classes."""
    answers = answers.astype(jnp.float32)
    if answers.shape[-1] == 1:
        pair = [jnp.zeros_like(answers), answers] if kind == "logits" else [1 - answers, answers]
        answers = jnp.concatenate(pair, -1)
    return answers if kind == "logits" else jnp.log(jnp.clip(answers, LEAST))
