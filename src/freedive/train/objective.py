"""What a run minimises and measures: the losses and metrics of every output, as totals that are merged by addition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from .. import losses as loss_family
from .. import metrics as metric_family
from ..core.forward import refuse_flagged
from ..errors import nearest

if TYPE_CHECKING:
    from ..core.forward import Pass
    from ..core.layer import Layer


class Objective:
    """Losses, their weights, and metrics, bound to the outputs of a model.

    Args:
        names: the names of the outputs, in order.
        shapes: their shapes, the batch first.
        target_shapes: the shapes of the targets, in order; None where there are none.
        loss, loss_weights, metrics, weighted_metrics: as `compile` takes them: one thing, a list by output, or a dict
            by output name.
    """

    def __init__(
        self,
        names: list[str],
        shapes: list[tuple],
        target_shapes: list[tuple] | None,
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
    ):
        self.names, self.shapes = names, shapes
        self.root: Layer | None = None  # the model, for messages
        self.refuses = True  # whether wrong values that came into a layer are an error
        self.losses = [loss_family.get(l) for l in by_output(loss, names, "loss")]
        self.weighting = loss_weights if isinstance(loss_weights, loss_family.Weighting) else None
        given = by_output(None if self.weighting is not None else loss_weights, names, "loss_weights")
        self.loss_weights = [1.0 if w is None else float(w) for w in given]
        self.metrics = {}  # label -> (output, metric, whether weights count)
        for given, weighted in ((metrics, False), (weighted_metrics, True)):
            for i, wanted in enumerate(by_output(given, names, "metrics", lists=True)):
                for identifier in wanted if isinstance(wanted, (list, tuple)) else [wanted]:
                    if identifier is not None:
                        self._add(identifier, i, shapes[i], target_shapes[i] if target_shapes else None, weighted)

    def _add(self, identifier: Any, i: int, shape: tuple, target_shape: tuple | None, weighted: bool) -> None:
        metric = metric_family.resolve(identifier, self.losses[i], shape, target_shape)
        base = metric.name if len(self.names) == 1 else f"{self.names[i]}_{metric.name}"
        if base in ("loss", "epoch", *(f"{name}_loss" for name in self.names if len(self.names) > 1)):
            raise ValueError(
                f"compile(metrics=...): a metric of the name {metric.name!r} would stand in the place of "
                f"another result, {base!r}. Give it another: a function by its name, a metric by name=..."
            )
        label, n = base, 1
        while label in self.metrics:
            label, n = f"{base}_{n}", n + 1
        self.metrics[label] = (i, metric, weighted)

    def __call__(self, y: Any, outputs: Any, weights: Any, made: Any) -> tuple[Any, Any]:
        """(the number to minimise, the sums) of one batch; `made` is its Pass, or what stands for it."""
        outputs = jax.tree.leaves(outputs)
        targets = jax.tree.leaves(y) if y is not None else [None] * len(outputs)
        weights = jax.tree.leaves(weights) if weights is not None else []
        weights = weights if len(weights) == len(outputs) else (weights or [None]) * len(outputs)
        masks = [made.mask_of(o) for o in outputs]
        rows = jnp.float32(outputs[0].shape[0])
        value, totals = jnp.float32(0), {}
        for i, loss in enumerate(self.losses):
            if loss is not None:
                totals[self.names[i]] = loss.totals(targets[i], outputs[i], weights[i], masks[i])
                value = value + self.loss_weights[i] * loss.reduce(*totals[self.names[i]])
        weighed: dict[str, Any] = {}
        if self.weighting is not None:
            value, weighed = self._weighed(totals, made)
        penalties = made.penalties()
        if made.training and not totals and not penalties:
            raise ValueError(
                "fit: there is nothing to minimise: compile(loss=...) was given none, and no layer adds one by add_loss"
            )
        penalty = sum(penalties.values(), jnp.float32(0))
        counted = {
            label: metric.sums(targets[i], outputs[i], weights[i] if weighted else None, masks[i])
            for label, (i, metric, weighted) in self.metrics.items()
        }
        sums: dict[str, Any] = {"loss": totals, "metric": counted}
        if weighed:
            sums["weighted"] = jax.tree.map(lambda number: number * rows, weighed) | {"count": rows}
        if made.flags:
            sums["flags"] = made.flags
        if penalties:
            sums["penalty"] = {"total": penalty * rows, "count": rows}
        return value + penalty, sums

    def value(self, sums: Any) -> Any:
        """The number to minimise, from the sums of a batch or of many."""
        if "weighted" in sums:
            value = sums["weighted"]["total"] / sums["weighted"]["count"]
        else:
            terms = zip(self.loss_weights, self.losses, self.names, strict=True)
            value = sum(w * loss.reduce(*sums["loss"][name]) for w, loss, name in terms if loss is not None)
        return value + (sums["penalty"]["total"] / sums["penalty"]["count"] if "penalty" in sums else 0.0)

    def each(self, sums: Any) -> Any:
        """The losses of a batch from its sums, one number an output that has one."""
        pairs = zip(self.names, self.losses, strict=True)
        return jnp.stack([loss.reduce(*sums["loss"][name]) for name, loss in pairs if loss is not None])

    def _weighed(self, totals: Any, made: Pass) -> tuple[Any, dict[str, Any]]:
        """The losses by learned weights, and what is told of it."""
        weighting = cast(loss_family.Weighting, self.weighting)
        place = made.where[weighting]
        have = made.params.get(place, {}) | made.state.get(place, {})
        weights, rest = weighting.coefficients(have)
        value = jnp.sum(weights * self.each({"loss": totals})) + rest
        return value, {"total": value} | ({"weights": weights} if made.training else {})

    def check(self, y: Any, where: str) -> None:
        """Refuse targets that do not fit the losses; once, on the host."""
        targets = jax.tree.leaves(y)
        for i, loss in enumerate(self.losses):
            if loss is not None:
                if i >= len(targets):
                    raise ValueError(f"{where}: the loss {type(loss).__name__} needs targets, received none")
                loss.check(
                    np.asarray(targets[i]),
                    self.shapes[i],
                    where if len(targets) == 1 else f"{where}[{self.names[i]!r}]",
                )

    def check_inputs(self, x: Any, y: Any, where: str) -> None:
        """Refuse inputs that the losses cannot be of; most look at targets alone."""

    def results(self, sums: Any) -> dict[str, Any]:
        """The numbers of an epoch from its sums: the loss, the loss of each of several outputs, the metrics."""
        if self.root is not None and self.refuses:
            refuse_flagged(self.root, sums.get("flags", {}))
        logs: dict[str, Any] = {"loss": float(self.value(sums))}
        pairs = zip(self.names, self.losses, strict=True)
        each = {name: float(loss.reduce(*sums["loss"][name])) for name, loss in pairs if loss is not None}
        if len(self.names) > 1:
            logs |= {f"{name}_loss": value for name, value in each.items()}
        if "weights" in sums.get("weighted", {}):
            means = sums["weighted"]["weights"] / sums["weighted"]["count"]
            logs |= {f"{name}_loss_weight": float(w) for name, w in zip(each, means, strict=True)}
        for label, (_, metric, _) in self.metrics.items():
            value = np.asarray(metric.compute(sums["metric"][label]))
            logs[label] = float(value) if value.ndim == 0 else value
        return logs

    def structure(self) -> Any:
        """What makes two objectives equal."""
        return [
            self.names,
            self.losses,
            self.weighting or self.loss_weights,
            [[label, *m] for label, m in self.metrics.items()],
        ]


def by_output(given: Any, names: list[str], argument: str, lists: bool = False) -> list[Any]:
    """What was given for each output: one thing for all, a list in order, or a dict by name.

    >>> by_output({"b": 1}, ["a", "b"], "loss")
    [None, 1]
    """
    if isinstance(given, Mapping):
        for name in given:
            if name not in names:
                close = nearest(name, names)
                hint = f" Did you mean {close[0]!r}?" if close else ""
                raise ValueError(f"{argument}={name!r}: no output has this name.{hint} Outputs: {names}")
        return [given.get(name) for name in names]
    if not isinstance(given, (list, tuple)) or (lists and len(names) == 1):
        return [given] * len(names)
    if len(given) == len(names):
        return list(given)
    if lists:
        return [list(given)] * len(names)
    raise ValueError(f"{argument}: expected one for each of the {len(names)} outputs {names}. Received {len(given)}")
