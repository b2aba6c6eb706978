"""distill: a small model learns what a large one answers, and if asked what its layers make on the way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..core.forward import running
from ..core.paths import paths
from ..losses import FunctionLoss
from ..models import Model, fitting
from ..models.data import Data
from ..models.fitting import Method, Options
from ..train.feeds import Resident
from ..train.inputs import one_array
from ..train.objective import Objective
from ..train.program import Program
from .validation import options_of

LEAST = 1e-7  # the least probability whose logarithm is taken, as in the losses


class Features(NamedTuple):
    """Layers of a student that are to make what layers of its teacher make.

    Args:
        pairs: name of a layer of the student -> name of a layer of the teacher.
        weight: what they count in the loss, all together.
    """

    pairs: Mapping[str, str]
    weight: float = 1.0


def distill(
    teacher: Any,
    student: Any,
    x: Any,
    y: Any,
    temperature: float = 3.0,
    alpha: float = 0.1,
    features: Mapping[str, str] | Features | None = None,
    **fit: Any,
) -> Any:
    """Train a model by the answers of another as much as by the targets.

    loss = alpha L(y, s) + (1 - alpha) T^2 KL(softmax(t / T) || softmax(s / T)) + P, with the logits t of the teacher
    and s of the student; where models give probabilities, their logarithms are such logits. P are the penalties of the
    student's weights and what its layers add; they count whole, whatever alpha is. With a binary loss every unit is
    yes or no, and the KL is the mean of theirs. Models of numbers match the teacher by the mean squared difference.
    With `features`, layers inside are matched too: those of equal shapes by mean (f_t - f_s)^2, others by how alike the
    rows of a batch are, mean (G_t - G_s)^2 with G = F F^T, its rows of length 1. The teacher answers every row once,
    before the training. With alpha = 1 and no features it is the plain run, bit for bit. Sample weights count in all
    parts.

    Args:
        teacher: a trained model, an ensemble, or answers that are there already, a row for each of x.
        student: a compiled model with one output, shaped as the teacher's.
        x, y: as for `fit`, arrays.
        temperature: T, above 0: the higher it is, the more the answers that are not the best count.
        alpha: from 0, the teacher alone, to 1, the targets alone.
        features: layer of the student -> layer of the teacher, or `methods.Features` with a weight.
        **fit: further arguments of `Model.fit`.

    Returns:
        The History: `loss` is the whole, `student_loss`, `distillation_loss` and `feature_loss` its parts, without
        penalties. Validation is that of the student alone.

    Raises:
        ValueError: teacher and student give answers of different shapes, temperature or alpha is out of range, or a
            layer is not there.

    Reference: G. Hinton et al., "Distilling the knowledge in a neural network", 2015, https://arxiv.org/abs/1503.02531;
    A. Romero et al., "FitNets: hints for thin deep nets", 2014, https://arxiv.org/abs/1412.6550; F. Tung and G. Mori,
    "Similarity-preserving knowledge distillation", 2019, https://arxiv.org/abs/1907.09682

    >>> import numpy as np
    >>> import freedive as fd
    >>> def network(units):
    ...     model = fd.Sequential([fd.Input((2,)), fd.layers.Dense(units, "relu"), fd.layers.Dense(3, "softmax")])
    ...     model.compile("adam", "sparse_categorical_crossentropy")
    ...     return model
    >>> x, y = np.random.default_rng(0).normal(size=(64, 2)), np.arange(64) % 3
    >>> teacher, student = network(16), network(2)
    >>> history = teacher.fit(x, y, verbose=0)
    >>> sorted(fd.distill(teacher, student, x, y, features={"dense": "dense"}, verbose=0).history)
    ['distillation_loss', 'feature_loss', 'loss', 'student_loss']
    """
    if not 0 < temperature < float("inf") or not 0 <= alpha <= 1:
        raise ValueError(
            f"distill(temperature={temperature!r}, alpha={alpha!r}): expected a temperature above 0 and an alpha from "
            "0 to 1"
        )
    options = options_of("distill", fit, ("validation_split",))
    if not student._training.compiled:
        raise ValueError(
            "distill(student=...): the student is not compiled. Call student.compile(optimizer, loss) first"
        )
    answers = answers_of(teacher, x)
    asked = features if isinstance(features, Features) or features is None else Features(features)
    made = {} if asked is None else features_of(teacher, student, x, asked)
    terms = Terms(float(temperature), float(alpha), 0.0 if asked is None else float(asked.weight), tuple(sorted(made)))
    return fitting.fit(student, x, y, options, Taught(answers, made, terms))


class Terms(NamedTuple):
    """What counts how much; `layers` are the paths of the student's layers that are matched."""

    temperature: float
    alpha: float
    weight: float = 0.0
    layers: tuple[str, ...] = ()

    @property
    def plain(self) -> bool:
        """Whether the teacher counts nothing."""
        return self.alpha == 1 and not self.layers


def answers_of(teacher: Any, x: Any) -> np.ndarray:
    """What the teacher answers to every row, (rows, ...)."""
    if not hasattr(teacher, "predict"):
        return np.asarray(one_array(teacher, "distill(teacher=...)"))
    try:
        answers = teacher.predict(x, verbose=0)
    except ValueError as error:
        raise ValueError(f"distill(teacher=...): the teacher does not take these rows: {error}") from error
    if not isinstance(answers, np.ndarray):
        raise ValueError("distill(teacher=...): expected a model with one output")
    return answers


def features_of(teacher: Any, student: Any, x: Any, asked: Features) -> dict[str, np.ndarray]:
    """What the teacher's layers make of every row, by the path of the student's layer that is to make it."""
    if not asked.pairs or not asked.weight >= 0:
        raise ValueError(f"distill(features={asked!r}): expected pairs of layers, and a weight of 0 or more")
    if getattr(teacher, "_graph", None) is None:
        raise ValueError(
            "distill(features=...): the teacher's layers can be looked at where it is a Sequential or functional "
            f"model. Received: {type(teacher).__name__}"
        )
    if not student.built:
        student._plan_for((jax.tree.map(lambda a: np.asarray(a[:1]), x),), {})
    where = paths(student)
    ends = [teacher.get_layer(name).output for name in asked.pairs.values()]
    found = Model(teacher.inputs, ends).predict(x, verbose=0)
    made = found if isinstance(found, (list, tuple)) else [found]
    return {where[student.get_layer(name)]: f for name, f in zip(asked.pairs, made, strict=True)}


class Taught(Method):
    """How a student learns.

    Args:
        answers: the teacher's, of every row.
        features: what its layers made of every row, by the path of the student's layer.
        terms: see there.
    """

    def __init__(self, answers: np.ndarray, features: dict[str, np.ndarray], terms: Terms):
        self.answers, self.features, self.terms = answers, features, terms

    def check_stream(self) -> None:
        raise ValueError("distill(x=...): expected arrays: the teacher answers every row once")

    def program(self, model: Any, objective: Objective) -> Program:
        (shape, *others) = objective.shapes
        if others or tuple(shape[1:]) != self.answers.shape[1:]:
            raise ValueError(
                f"distill: the teacher answers {(None, *self.answers.shape[1:])}, the student "
                f"{[tuple(s) for s in objective.shapes] if others else tuple(shape)}: they must be alike. Give the "
                f"student one output of {self.answers.shape[-1]} units"
            )
        if self.terms.plain:
            return super().program(model, objective)
        both: Any = Both(objective, self.terms)
        program = super().program(model, both)
        return program._replace(key=("distilled", self.terms, program.key))

    def train_feed(self, model: Any, data: Data, options: Options, seed: int) -> Resident:
        if len(self.answers) != fitting.rows_in(data):
            raise ValueError(
                f"distill(teacher=...): there are {len(self.answers)} answers for {fitting.rows_in(data)} rows"
            )
        if self.terms.plain:
            return super().train_feed(model, data, options, seed)
        told = {"targets": data.y, "teacher": self.answers, "features": self.features}
        return super().train_feed(model, data._replace(y=told), options, seed)


class Both:
    """The objective of a student: its own, and how far it is from the teacher; without the teacher, its own alone."""

    def __init__(self, own: Objective, terms: Terms):
        self.own, self.terms = own, terms
        loss, temperature = own.losses[0], terms.temperature
        kind = None if loss is None else loss.expects()

        def apart(teacher: Any, student: Any) -> Any:
            scale = 1.0 if kind is None else temperature**2
            return scale * distance(teacher, student, kind, temperature, loss is None or loss.exclusive)

        by_weight = loss is not None and loss.reduction == "mean_with_sample_weight"
        reduction = "mean_with_sample_weight" if by_weight else "mean"
        self.apart, self.unlike = (FunctionLoss(of_row, reduction=reduction) for of_row in (apart, unlike))

    def watch(self, layer: Any, path: str, inputs: Any, outputs: Any) -> Any:
        """Keep what the matched layers make."""
        made = running()
        if made is not None and made.training and path in self.terms.layers:
            made.kept[path] = outputs
        return outputs

    def __call__(self, y: Any, outputs: Any, weights: Any, made: Any) -> tuple[Any, Any]:
        if not (isinstance(y, dict) and "teacher" in y):
            return self.own(y, outputs, weights, made)
        value, sums = self.own(y["targets"], outputs, weights, made)
        (answer,), (weight,) = jax.tree.leaves(outputs), jax.tree.leaves(weights) or [None]
        alpha, taught = self.terms.alpha, self.apart.totals(y["teacher"], answer, weight, made.mask_of(answer))
        other = self.apart.reduce(*taught) + penalty_of(sums)  # as L has it, so that it counts whole
        value, sums = alpha * value + (1 - alpha) * other, sums | {"taught": taught}
        if self.terms.layers:
            for path in set(self.terms.layers) - set(made.kept):
                raise ValueError(f"distill(features=...): {path} computes inside a loop, where it cannot be looked at")
            of_row = None if weight is None else weight.reshape(len(weight), -1).mean(1)
            each = [self.unlike.totals(y["features"][path], made.kept[path], of_row) for path in self.terms.layers]
            off = (sum(total for total, _ in each), each[0][1])
            value, sums = value + self.terms.weight * self.unlike.reduce(*off), sums | {"features": off}
        return value, sums

    def results(self, sums: Any) -> dict[str, Any]:
        """The numbers of an epoch: the whole, its parts, the metrics."""
        if "taught" not in sums:
            return self.own.results(sums)
        aside = ("taught", "features", "penalty")
        own = self.own.results({name: part for name, part in sums.items() if name not in aside})
        student, penalty = own.pop("loss"), float(penalty_of(sums))
        taught, *off = (float(sums[name][0] / sums[name][1]) for name in ("taught", "features") if name in sums)
        whole = self.terms.alpha * student + (1 - self.terms.alpha) * taught + self.terms.weight * sum(off) + penalty
        parts = {"loss": whole, "student_loss": student, "distillation_loss": taught}
        return parts | ({"feature_loss": off[0]} if off else {}) | own

    def structure(self) -> Any:
        """What makes two objectives equal."""
        return self.own.structure()


def penalty_of(sums: Any) -> Any:
    """The mean of the penalties, from sums."""
    return sums["penalty"]["total"] / sums["penalty"]["count"] if "penalty" in sums else 0.0


def distance(teacher: Any, student: Any, kind: str | None, temperature: float, exclusive: bool = True) -> Any:
    """How far answers are from the teacher's, one number a row: KL of tempered classes, its mean over units that are
    yes or no each, or the mean squared difference."""
    if kind is None:
        return jnp.mean((teacher - student) ** 2, axis=-1)
    exclusive = exclusive and teacher.shape[-1] > 1
    told, said = (jax.nn.log_softmax(logits(a, kind, exclusive) / temperature) for a in (teacher, student))
    apart = jnp.sum(jnp.exp(told) * (told - said), axis=-1)
    return apart if exclusive else jnp.mean(apart, axis=-1)


def unlike(teacher: Any, student: Any) -> Any:
    """How far features (batch, ...) are from the teacher's, one number a row: value by value, or where shapes differ by
    what they say of how alike the rows are."""
    if teacher.shape != student.shape:
        teacher, student = likeness(teacher), likeness(student)
    return jnp.mean(jnp.square(student - teacher).reshape(len(student), -1), axis=1)


def likeness(features: Any) -> Any:
    """(batch, batch) products of the features of rows, every row of length 1."""
    flat = features.reshape(len(features), -1)
    products = flat @ flat.T
    return products * lax.rsqrt(jnp.maximum(jnp.sum(jnp.square(products), axis=1, keepdims=True), 1e-12))


def logits(answers: Any, kind: str, exclusive: bool) -> Any:
    """Logits of classes from logits or probabilities; of units that are yes or no each, (..., units, 2)."""
    answers = answers.astype(jnp.float32)
    if not exclusive:
        no = jnp.zeros_like(answers) if kind == "logits" else 1 - answers
        answers = jnp.stack([no, answers], -1)
    return answers if kind == "logits" else jnp.log(jnp.clip(answers, LEAST))
