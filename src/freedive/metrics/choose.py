"""From what people write in `compile(metrics=...)` to a metric."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import config
from ..errors import unknown
from .accuracy import BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy
from .base import FAMILY, Metric
from .probabilistic import BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy
from .reductions import MeanMetricWrapper

Shape = tuple[int | None, ...]


def get(identifier: Any) -> Any:
    """The metric that an argument means.

    Args:
        identifier: None, a name ("mse", "AUC", "binary_accuracy"; names of losses too), a metric, its class or
            configuration, a loss, or a function f(y_true, y_pred) that gives one value a sample.

    Returns:
        A `Metric`; None for None.

    Raises:
        ValueError: for an unknown name, with the nearest ones.

    >>> get("mse"), get("AUC").name, get(lambda y_true, y_pred: abs(y_true - y_pred)).name
    (MeanSquaredError(), 'auc', 'lambda')
    """
    if isinstance(identifier, str):
        identifier = _find(identifier)
    elif isinstance(identifier, Mapping):
        identifier = config.from_config(FAMILY, identifier)
    identifier = getattr(identifier, "loss_class", identifier)  # a function of `freedive.losses`
    if isinstance(identifier, type):
        identifier = identifier()
    if identifier is None or isinstance(identifier, Metric):
        return identifier
    if callable(identifier):
        return MeanMetricWrapper(identifier)
    raise TypeError(f"expected a name, a metric or a function as metric. Received: {identifier!r}")


def resolve(identifier: Any, loss: Any, output_shape: Shape, y_shape: Shape | None) -> Metric:
    """The metric that an argument of `compile` means for one output; "accuracy" and "crossentropy" fit the shapes.

    Outputs with one unit are binary; targets without the axis of the classes, or with one of length one, are numbers of
    classes; all else is one-hot. A metric found by name is called as it was written. Where the loss takes logits, so
    do these metrics.

    Args:
        identifier: what `get` takes, and "accuracy", "acc", "crossentropy", "ce".
        loss: the loss of the output, or None.
        output_shape: of the output, the batch first.
        y_shape: of its targets, or None where they are not known: numbers of classes then.

    >>> resolve("acc", None, (None, 10), (None,)).name, resolve("accuracy", None, (None, 10), (None, 10))
    ('acc', CategoricalAccuracy())
    """
    word = identifier.lower() if isinstance(identifier, str) else None
    from_logits = bool(getattr(loss, "from_logits", False))
    if word in ("accuracy", "acc"):
        threshold = 0.0 if from_logits else 0.5
        kinds = {"binary": BinaryAccuracy(threshold=threshold), "sparse": SparseCategoricalAccuracy()}
        metric = kinds.get(_kind(output_shape, y_shape)) or CategoricalAccuracy()
    elif word in ("crossentropy", "ce"):
        kinds = {"binary": BinaryCrossentropy, "sparse": SparseCategoricalCrossentropy}
        metric = kinds.get(_kind(output_shape, y_shape), CategoricalCrossentropy)(from_logits=from_logits)
    else:
        metric = get(identifier)
    if metric is None:
        raise TypeError("expected a metric. Received: None")
    if isinstance(identifier, str):
        metric.name = identifier
    return metric


def _kind(output_shape: Shape, y_shape: Shape | None) -> str:
    """Whether outputs are "binary", or targets are "sparse" or "one-hot"."""
    if output_shape[-1] == 1:
        return "binary"
    if y_shape is None or len(y_shape) < len(output_shape) or y_shape[-1] == 1:
        return "sparse"
    return "one-hot"


def _find(name: str) -> Any:
    """A metric, or a registered function, or a loss, of that name."""
    for family in (FAMILY, config.functions, config.Family.families["loss"]):
        if name in family:
            return family.find(name)
    raise unknown("metric", name, FAMILY.members)
