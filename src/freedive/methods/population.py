"""Population: members of one model that stand side by side in its layers, and the method by which they train together.

The layers of a population hold the values of all members, the members' axis first. So gathering, saving, counting and
early stopping work on it as on any model; only the call maps the model over its members.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..core import forward
from ..core.calling import run_key
from ..core.layer import Layer
from ..core.paths import paths
from ..core.variables import Spec, Variables, claim
from ..models import Model, saving, summary
from ..models.data import Data
from ..models.fitting import Method, Options
from ..models.training import Training, first_state, program_for
from ..train.feeds import Resident
from ..train.members import UNSETTLED
from ..train.objective import Objective
from ..train.program import Program, TrainState
from .replicate import replicate
from .rows import MemberRows


class Drawn(Spec):
    """A value that every member draws from a seed of its own: member i that of a model whose seed is i higher."""

    def draw(self, seed: int, label: str) -> Any:
        one = Spec(*self)._replace(shape=self.shape[1:])
        return jnp.stack([one.draw(seed + i, label) for i in range(self.shape[0])])


class Repeated(Spec):
    """A value that all members begin with alike."""

    def draw(self, seed: int, label: str) -> Any:
        return jnp.stack([Spec(*self)._replace(shape=self.shape[1:]).draw(seed, label)] * self.shape[0])


def checked_model(model: Any, where: str) -> Model:
    """The model, if it is one that learns in the plain way."""
    if isinstance(model, Model):
        if type(model._method()) is not Method:
            kind = type(model).__name__
            raise TypeError(f"{where}(model=...): {kind} learns by a method of its own, which this would pass over")
        return model
    hint = ". Call the function that builds it: build()" if callable(model) and not isinstance(model, type) else ""
    raise TypeError(f"{where}(model=...): expected a model. Received: {model!r}{hint}")


class Population(Model):
    """Members of one model.

    Args:
        model: the model; it is copied and stays as it is. Members draw first values of their own, but for frozen
            layers, whose values they all have.
        n: the number of members.
        first: the number of the first member: member i begins as a model whose seed is first + i higher.
        alike: whether all members begin with the same values and draw the same random numbers.
    """

    def __init__(self, model: Any, n: int, first: int = 0, alike: bool = False):
        checked_model(model, type(self).__name__)
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
            raise ValueError(f"{type(self).__name__}(n={n!r}): expected a whole number of members, 1 or more")
        self.model, self.n = copy.deepcopy(model, {id(model.history): None}), int(n)
        self._arguments["model"], self.first, self.alike = self.model, first, alike
        self.resting: frozenset[int] = frozenset()  # members that do not learn
        self._seed, self._door = model._seed + first, self.model._door
        self._training = self.model._training  # one for both: what compile settles, and what the runs leave
        self._training.slots, self._training.step = None, 0
        if self.model.built:
            self._seen = self.model._seen
            self._widen()

    # what the engine asks of a model -------------------------------------------------------------------------------
    def _children(self) -> Iterator[tuple[str, Layer]]:
        yield "", self.model  # at the root: its layers keep their paths

    @property
    def _named_as(self) -> Model:
        """Whose outputs have the names of these."""
        return self.model

    def _method(self) -> Method:
        return Replicated(own=self._rest())

    def _plan_for(self, inputs: tuple, kwargs: dict[str, Any]) -> None:
        self.model._plan_for(inputs, kwargs)
        self._seen = saving.seen(inputs[0])
        self._widen()

    def _widen(self) -> None:
        """Let every layer hold the values of all members."""
        for layer in paths(self.model):
            self._widen_layer(layer)
        self._planned = True
        claim(self, self._seed, anew=True)

    def _widen_layer(self, layer: Layer) -> None:
        kind_of = Drawn if layer.trainable and not self.alike else Repeated
        for kind, specs in layer._specs.items():
            for name, spec in specs.items():
                specs[name] = kind_of(*spec)._replace(shape=(self.n, *spec.shape))
                value = layer._values[kind].pop(name, None)
                if value is not None and not layer.trainable:
                    layer._values[kind][name] = jnp.stack([value] * self.n)

    def _weigh(self, weighting: Any) -> None:
        self.model._weigh(weighting)
        if weighting is not None and self._planned:
            self._widen_layer(weighting)

    def call(self, x: Any) -> Any:  # (batch, ...) -> (batch, members, ...)
        outer = forward.current(self)
        where = {path: outer.path(layer) for layer, path in paths(self.model).items()}

        def some(tree: Any) -> Any:
            return {path: tree[place] for path, place in where.items() if place in tree}

        options = {"training": outer.training, "compute_dtype": outer.compute_dtype, "frozen": outer.frozen}

        def answer(params: Any, state: Any, number: Any) -> Any:
            key = None if outer.key is None else jax.random.fold_in(outer.key, number)
            variables = Variables(params, state, some(outer.hyper))
            return forward.apply(self.model, variables, x, key=key, **options)[0]

        return jax.vmap(answer, out_axes=1)(some(outer.params), some(outer.state), jnp.arange(self.n))

    # members --------------------------------------------------------------------------------------------------------
    def keep(self, members: Any) -> None:
        """Go on with these members, in this order; one that stands there twice is two members from now on."""
        chosen = np.asarray(members, np.int64)
        for layer in paths(self.model):
            for kind, specs in layer._specs.items():
                for name, spec in specs.items():
                    specs[name] = spec._replace(shape=(len(chosen), *spec.shape[1:]))
                    layer._values[kind][name] = layer._values[kind][name][chosen]
        training = self._training
        if training.slots is not None:
            training.slots, training.step = jax.tree.map(lambda a: a[chosen], (training.slots, training.step))
        self.n = self._arguments["n"] = len(chosen)
        self.resting = frozenset(i for i, member in enumerate(chosen.tolist()) if member in self.resting)

    def freeze_members(self, *members: int) -> None:
        """Let these members rest: `fit` leaves them as they are, and gives NaN for their results."""
        for i in members:
            self._check_member("freeze_members", i)
        resting = self.resting | {i % self.n for i in members}
        if len(resting) == self.n:
            raise ValueError(f"{type(self).__name__}.freeze_members: no member is left that learns")
        self.resting = resting

    def unfreeze_members(self, *members: int) -> None:
        """Let these members learn again, or all."""
        for i in members:
            self._check_member("unfreeze_members", i)
        self.resting = self.resting - {i % self.n for i in members} if members else frozenset()

    def _check_member(self, where: str, i: int) -> None:
        if not -self.n <= i < self.n:
            raise ValueError(f"{type(self).__name__}.{where}({i}): there are {self.n} members")

    def _rest(self) -> Any:
        """What `replicate` is told of the members' own numbers; None where all learn."""
        if not self.resting:
            return None
        active = np.array([i not in self.resting for i in range(self.n)], np.float32)
        return lambda shared: shared | {"active": active}

    def summary(
        self, line_length: int | None = None, positions: Any = None, print_fn: Any = None, **shown: Any
    ) -> None:
        """Print the table of one member, and what all of them hold; arguments as for `Model.summary`."""
        one = self.member(0) if self.built else self.model
        table = summary.text(one, line_length=line_length, title=f"{type(self).__name__} of {self.n} members", **shown)
        text = f"{table}All members: {summary.count(self):,} params\n"
        print(text, end="") if print_fn is None else print_fn(text)

    def member(self, i: int) -> Any:
        """Member i as a model of its own, compiled, its optimizer where the member's is."""
        self._check_member("member", i)
        self.build()
        arrays = [
            value for layer in paths(self.model) for values in layer._values.values() for value in values.values()
        ]
        arrays += jax.tree.leaves(self._training.slots)
        twin = copy.deepcopy(self.model, {id(a): a for a in arrays} | {id(self._training): copy.copy(self._training)})
        for layer in paths(twin):
            for kind, specs in layer._specs.items():
                for name, spec in specs.items():
                    specs[name] = Spec(*spec)._replace(shape=spec.shape[1:])
                    layer._values[kind][name] = layer._values[kind][name][i]
        training: Training = twin._training
        training.optimizer = copy.deepcopy(training.optimizer)
        if training.slots is not None:
            training.slots, training.step = jax.tree.map(lambda a: a[i], (training.slots, training.step))
        return twin


class Replicated(Method):
    """How a population trains: the program of its model, for all members at once.

    Args:
        way: as of `replicate`.
        orders: whether every member has an order of the data of its own.
        bootstrap: whether every member has rows of its own, drawn with replacement, as many as there are.
        own: the numbers in which members differ, see `replicate`.
    """

    def __init__(
        self,
        way: str = UNSETTLED,
        orders: bool = False,
        bootstrap: bool = False,
        own: Callable[[Any], dict[str, Any]] | None = None,
    ):
        self.way, self.orders, self.bootstrap, self.own = way, orders, bootstrap, own

    def learner(self, model: Any) -> Any:
        return model.model

    def program(self, model: Any, objective: Objective) -> Program:
        return replicate(program_for(model.model, objective), model.n, self.way, self.own)

    def state(self, model: Any, program: Program, seed: int) -> TrainState:
        seeds = [seed + model.first + (0 if model.alike else i) for i in range(model.n)]
        return first_state(model, program, jnp.stack([run_key(number % 2**32) for number in seeds]))

    def check_stream(self) -> None:
        if self.orders or self.bootstrap:
            raise ValueError(
                "fit(x=...): members with rows or orders of their own (bootstrap=True) need arrays, not batches from a "
                "stream"
            )

    def train_feed(self, model: Any, data: Data, options: Options, seed: int) -> Resident:
        if not (self.orders or self.bootstrap):
            return super().train_feed(model, data, options, seed)
        count = len(jax.tree.leaves(data.x)[0])
        draw = (np.random.default_rng([seed, i]).integers(0, count, count) for i in range(model.n))
        rows = np.stack(list(draw)) if self.bootstrap else None
        size, shuffle = options.batch_size or 32, bool(options.shuffle)
        return MemberRows(tuple(data), size, shuffle, options.steps_per_epoch, rows, np.arange(model.n))
