"""private: a model that learns with differential privacy, and keeps the account of it."""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterator
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from ...callbacks import Callback
from ...config import argument, real
from ...core.layer import Layer
from ...models import Model, fitting, saving
from ...models.data import Data
from ...models.fitting import Method, Options
from ...models.training import first_state, program_for
from ...train.backup import resuming
from ...train.callbacks.base import flat
from ...train.objective import Objective
from ...train.program import Program, TrainState, steps_done
from ...train.resuming import Keeper
from ..population import checked_model
from .gradient import OfRows, Terms, private_program, refuse_mixing
from .ledger import Ledger, Spent
from .sampling import Poisson

GROUP = 16  # rows whose gradients are computed together
EXACT = 64  # of the epochs of a run so many are accounted for; between them stands what the next one will come to


def private(
    model: Any,
    epsilon: float | None = None,
    noise_multiplier: float | None = None,
    clip_norm: float = 1.0,
    delta: float = 1e-5,
) -> Private:
    """A model that learns with (epsilon, delta)-differential privacy: whether a row was there hardly changes what comes
    out.

    A step takes every row with probability batch_size / rows, clips the gradient of each to `clip_norm`, adds them up
    with Gaussian noise of standard deviation noise_multiplier clip_norm, and divides by batch_size:
    g = (sum_i min(1, C / |g_i|) g_i + N(0, (sigma C)^2)) / L. The budget `epsilon` is that of all calls of `fit`
    together: each finds the noise that is enough for its epochs and what was spent before.

    Args:
        model: a compiled model; it shares its layers with the private one.
        epsilon: the privacy budget; smaller is more private. Either this or `noise_multiplier`.
        noise_multiplier: the noise, in clip norms.
        clip_norm: the norm that the gradient of a row has at most.
        delta: the probability with which epsilon may be exceeded; less than one in the number of rows.

    Returns:
        A Private model: `fit` logs `epsilon`, `.epsilon` is what was spent, `.ledger` on what.

    Raises:
        ValueError: an epsilon that cannot be reached, a delta outside 0 to 1; when it is trained: layers that mix rows.

    Reference: M. Abadi et al., "Deep learning with differential privacy", 2016, https://arxiv.org/abs/1607.00133

    >>> import numpy as np
    >>> import freedive as fd
    >>> model = fd.Sequential([fd.Input((2,)), fd.layers.Dense(3, activation="softmax")])
    >>> model.compile("adam", "sparse_categorical_crossentropy")
    >>> guarded = fd.private(model, epsilon=2.0, delta=1e-4)
    >>> x, y = np.random.default_rng(0).normal(size=(512, 2)), np.arange(512) % 3
    >>> history = guarded.fit(x, y, epochs=3, verbose=0)
    >>> guarded.epsilon <= 2.0, history.history["epsilon"][-1] == guarded.epsilon
    (True, True)
    """
    return Private(model, epsilon, noise_multiplier, clip_norm, delta)


class Private(Model):
    """A model that learns in private; see `private`, which makes it.

    Args:
        model, epsilon, noise_multiplier, clip_norm, delta: as for `private`.
        ledger: what was spent before: (noise multiplier, sampling rate, steps) of each kind of step.
    """

    bookkeeping: ClassVar[frozenset[str]] = Model.bookkeeping | frozenset(("ledger",))

    def __init__(
        self,
        model: Any,
        epsilon: float | None = None,
        noise_multiplier: float | None = None,
        clip_norm: float = 1.0,
        delta: float = 1e-5,
        ledger: Any = (),
    ):
        check_terms(epsilon, noise_multiplier, clip_norm, delta)
        super().__init__()
        self.model, self.ledger = checked_model(model, "private"), Ledger(ledger)
        self.budget, self.noise_multiplier, self.clip_norm, self.delta = epsilon, noise_multiplier, clip_norm, delta
        self._seed, self._door = model._seed, model._door
        self._training = model._training  # what compile settles is one for both
        if model.built:
            self._planned, self._seen = True, model._seen

    def _children(self) -> Iterator[tuple[str, Layer]]:
        yield "", self.model  # at the root: its layers keep their paths

    def _plan_for(self, inputs: tuple, kwargs: dict[str, Any]) -> None:
        self.model._plan_for(inputs, kwargs)
        self._planned, self._seen = True, saving.seen(inputs[0])

    def call(self, x: Any) -> Any:
        return self.model(x)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal model, with what was spent."""
        return super().get_config() | {"ledger": [list(entry) for entry in self.ledger.entries]}

    @property
    def epsilon(self) -> float:
        """What was spent so far, at `delta`."""
        return self.ledger.epsilon(self.delta)

    def _method(self) -> Method:
        return PrivateMethod(self)

    def train_on_batch(self, *args: Any, **options: Any) -> Any:
        """Refused: rows that somebody chose are not sampled."""
        raise ValueError("private: train_on_batch takes rows that somebody chose; the guarantee is of rows that are "
                         "sampled. Use fit")  # fmt: skip


def check_terms(epsilon: Any, noise: Any, clip: Any, delta: Any, owner: str = "private") -> None:
    """Refuse terms that promise nothing."""
    if (epsilon is None) == (noise is None):
        raise ValueError(f"{owner}(epsilon={epsilon!r}, noise_multiplier={noise!r}): expected one of the two")
    given = {"epsilon": epsilon, "delta": delta, "noise_multiplier": noise, "clip_norm": clip}
    for name, value in given.items():
        if value is not None:
            argument(owner, name, value, real)
    if epsilon is not None and not 0 < epsilon < math.inf:
        raise ValueError(f"{owner}(epsilon={epsilon!r}): it cannot be reached. Expected a number above 0")
    if not 0 < delta < 1:
        raise ValueError(f"{owner}(delta={delta!r}): expected a probability between 0 and 1, less than 1 / rows")
    if noise is not None and not 0 <= noise < math.inf:
        raise ValueError(f"{owner}(noise_multiplier={noise!r}): expected a number of 0 or more; 0 promises nothing")
    if not clip > 0 or (math.isinf(clip) and noise != 0):
        raise ValueError(f"{owner}(clip_norm={clip!r}): expected a finite number above 0, for the noise is made for it")


def noise_of(owner: Any, rate: float, steps: int, options: Options) -> float:
    """The noise multiplier of further steps: the one given, or the least that keeps the owner's budget.

    Args:
        owner: has the terms, and the ledger of what was spent.
        rate, steps: of the run.
        options: of the run: one that goes on keeps its noise, which was found before its own steps were spent.
    """
    if owner.noise_multiplier is not None or steps <= 0:
        return owner.noise_multiplier or 0.0
    given = [*flat(options.callbacks), *resuming(options.resume)]
    memories = [keeper.remembered().get("Account") for keeper in given if isinstance(keeper, Keeper)]
    ledger = next((Ledger(memory["before"]) for memory in memories if memory), owner.ledger)
    return ledger.noise_for(owner.budget, owner.delta, rate, steps)


def secret_key(seed: int | None) -> Any:
    """The key of a run: of the system's randomness, or of a seed."""
    words = np.random.SeedSequence(secrets.randbits(128) if seed is None else seed).generate_state(2)
    return jax.random.wrap_key_data(jnp.asarray(words, jnp.uint32), impl="threefry2x32")


class PrivateMethod(Method):
    """How a private model trains."""

    loops = False

    def __init__(self, owner: Private):
        self.owner, self.terms, self.seed = owner, None, None

    def learner(self, model: Any) -> Any:
        return model.model

    def check_stream(self) -> None:
        raise ValueError(
            "private: fit(x=...) expected arrays, from which rows are sampled. Received a stream of batches"
        )

    def train_feed(self, model: Any, data: Data, options: Options, seed: int) -> Any:
        rows, size = fitting.rows_in(data), options.batch_size or 32
        if not options.shuffle:
            raise ValueError(
                "private: fit(shuffle=False) gives rows in order; the guarantee is of rows that are sampled"
            )
        if size > rows:
            raise ValueError(f"private: fit(batch_size={size}) of {rows} rows: expected as many at most")
        if self.owner.delta >= 1 / rows:
            raise ValueError(
                f"private(delta={self.owner.delta}): of {rows} rows, that lets one be published whole. Expected less "
                f"than {1 / rows:.1e}"
            )
        refuse_mixing(model.model, data.x, model._training.frozen)
        steps = options.steps_per_epoch or -(-rows // size)
        steps_ahead = steps * (options.epochs - options.initial_epoch)
        noise = noise_of(self.owner, size / rows, steps_ahead, options)
        self.terms = Terms(noise, self.owner.clip_norm, size, rows, min(GROUP, rows))
        self.seed = options.seed
        return Poisson(tuple(data), size, steps)

    def program(self, model: Any, objective: Objective) -> Program:
        training = model._training
        if training.optimizer.scale_loss(1.0) != 1.0 or training.dtype == "float16":
            raise ValueError("private: gradients are clipped as they are, so the loss must not be scaled. Compile with "
                             'precision="mixed_bfloat16"')  # fmt: skip
        of_rows: Any = OfRows(objective)
        assert self.terms is not None
        plain = program_for(model.model, of_rows)
        return private_program(plain, model.model, training.frozen, self.terms, of_rows, training.dtype)

    def state(self, model: Any, program: Program, seed: int) -> TrainState:
        """The first state. Unless a seed was given nobody can guess its key: who knows the noise can take it off."""
        return first_state(model, program, secret_key(self.seed))

    def callbacks(self, model: Any, options: Options) -> list[Callback]:
        assert self.terms is not None
        return [Account(self.owner, self.terms, options)]


class Account(Callback):
    """Writes down the steps of a run as they are done, and puts the epsilon beside the other results of an epoch.

    Args:
        owner: has the `ledger` that is written, and the `delta`.
        terms: of the steps.
        options: of the run.
    """

    edge: ClassVar[Any] = "never"

    def __init__(self, owner: Any, terms: Terms, options: Options):
        super().__init__()
        self.owner, self.terms, self.first, self.epochs = owner, terms, options.initial_epoch, options.epochs
        self.before, self.start, self.done, self.steps = owner.ledger, 0, 0, 0
        self.known: dict[int, float] = {}  # epsilon by steps of this run

    def on_run_begin(self, run: Any, callbacks: Any) -> None:
        self.before, self.start, self.steps = Ledger(self.owner.ledger.entries), steps_done(run.ts), run.training

    def on_chunk_end(self, run: Any) -> None:
        self.note(steps_done(run.ts) - self.start)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        every = -(-(self.epochs - self.first) // EXACT)
        epochs = min(-(-(epoch + 1 - self.first) // every) * every, self.epochs - self.first)
        if logs is not None:
            logs["epsilon"] = self.after(epochs * self.steps)

    def note(self, done: int) -> None:
        """So many steps of this run are done."""
        self.done = max(done, self.done)
        self.owner.ledger = self.before.and_(self.spent(self.done))

    def spent(self, steps: int) -> Spent:
        """Steps of this run."""
        return Spent(self.terms.noise, self.terms.rate, steps)

    def after(self, steps: int) -> float:
        """The epsilon after so many steps of this run."""
        if steps not in self.known:
            self.known[steps] = self.before.and_(self.spent(steps)).epsilon(self.owner.delta)
        return self.known[steps]

    def get_state(self) -> dict[str, Any]:
        return {"before": [list(entry) for entry in self.before.entries], "start": self.start, "done": self.done}

    def set_state(self, state: dict[str, Any]) -> None:
        before, steps = Ledger(state["before"]), (self.epochs - self.first) * self.steps
        if not self.before.within(before.and_(self.spent(steps))):
            raise ValueError(
                "private: the model has learned something else in private since this run was broken off, which going "
                "on with it would forget. Give another folder"
            )
        self.before, self.start = before, state["start"]
        self.note(state["done"])
