"""simulate: many clients, each with rows of its own, teach one model; all of them in one compiled program."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import optimizers
from ..callbacks import Callback
from ..config import argument, finite, non_negative, real
from ..config import fraction as share
from ..core.structure import compiled
from ..core.variables import gather, scatter
from ..methods.population import checked_model
from ..methods.privacy.gradient import Terms, refuse_mixing
from ..methods.privacy.ledger import Ledger
from ..methods.privacy.model import Account, check_terms, noise_of, secret_key
from ..methods.validation import options_of
from ..metrics.moments import added
from ..models import fitting
from ..models.data import Data, read
from ..models.fitting import Method, Options
from ..models.predicting import check_counts
from ..models.training import first_state, make_ready, objective_for, program_for
from ..train.objective import Objective
from ..train.program import Program, TrainState
from . import devices
from .clients import Clients, as_clients
from .rounds import Failures, Masked, Plan, Rounds, Strategy, federated_program, of_clients, rows_of_client

STRATEGIES = {
    "fedavg": Strategy(),
    "fedprox": Strategy(mu=0.01),
    "fedadam": Strategy(server=optimizers.Adam(0.03, beta_2=0.99, epsilon=1e-3)),
}
REFUSED = ("epochs", "sample_weight", "class_weight", "validation_split", "shuffle", "steps_per_epoch", "on_bad")


@dataclasses.dataclass
class ClientPrivacy:
    """Privacy of clients: whether a client took part at all hardly changes the model.

    A round takes every client with probability `fraction`, clips the way from the server's weights to the client's to
    `clip_norm`, adds them up with noise, and divides by the number of clients that is expected. The account is as for
    `private`, with clients in place of rows.

    Args:
        epsilon: the budget of all simulations with this object. Either this or `noise_multiplier`.
        noise_multiplier: the noise, in clip norms.
        clip_norm: the length that the change by a client has at most.
        delta: less than one in the number of clients.
        ledger: what was spent.

    Reference: H. B. McMahan et al., "Learning differentially private recurrent language models", 2018,
    https://arxiv.org/abs/1710.06963
    """

    epsilon: float | None = None
    noise_multiplier: float | None = None
    clip_norm: float = 1.0
    delta: float = 1e-3
    ledger: Ledger = dataclasses.field(default_factory=Ledger)

    def __post_init__(self) -> None:
        check_terms(self.epsilon, self.noise_multiplier, self.clip_norm, self.delta, "ClientPrivacy")
        self.budget = self.epsilon

    @property
    def spent(self) -> float:
        """The epsilon of what was done, at `delta`."""
        return self.ledger.epsilon(self.delta)


def simulate(
    model: Any,
    clients: Clients | Iterable[tuple[Any, Any]],
    rounds: int,
    strategy: str | Strategy = "fedavg",
    fraction: float = 1.0,
    local_epochs: int = 1,
    failures: Failures = Failures(),  # noqa: B008
    privacy: ClientPrivacy | None = None,
    **fit: Any,
) -> Any:
    """Federated learning, simulated: in every round some clients learn from their own rows, and the server takes the
    mean of their weights, each counted by its rows: w <- sum_c n_c w_c / sum_c n_c.

    A client begins a round with the server's weights and an optimizer that remembers nothing. "fedprox" adds
    mu (w_c - w) to its gradients; "fedadam" gives w minus the mean to a server's Adam as a gradient. A round is a step
    of an ordinary run, so callbacks, validation, `resume` and progress work as in `Model.fit`, round for epoch.

    Args:
        model: a compiled model: what clients train, with its optimizer, and what the server's weights are left in.
        clients: what `partition` gives, or a list of (x, y), one a client.
        rounds: how many.
        strategy: "fedavg", "fedprox" (mu 0.01), "fedadam" (rate 0.03), or a `Strategy(mu=..., server=...)`.
        fraction: the share of clients that take part in a round, at least one.
        local_epochs: passes over its rows that a client does in a round.
        failures: the shares of clients that drop out and that straggle, see `Failures`.
        privacy: of clients, see `ClientPrivacy`.
        **fit: further arguments of `Model.fit`: batch_size, validation_data, callbacks, seed, resume, verbose, ...

    Returns:
        The History, round by round: the losses and metrics of the clients' batches together, and under
        `<name>_clients` those of each client, NaN where it did not take part.

    Raises:
        ValueError: a client without data, a fraction outside 0 to 1, a strategy that is not known.

    Reference: H. B. McMahan et al., "Communication-efficient learning of deep networks from decentralized data", 2017,
    https://arxiv.org/abs/1602.05629; T. Li et al., "Federated optimization in heterogeneous networks", 2020,
    https://arxiv.org/abs/1812.06127; S. Reddi et al., "Adaptive federated optimization", 2021,
    https://arxiv.org/abs/2003.00295

    >>> import numpy as np
    >>> import freedive as fd
    >>> x = np.random.default_rng(0).normal(size=(60, 2)).astype("float32")
    >>> model = fd.Sequential([fd.Input((2,)), fd.layers.Dense(1)])
    >>> model.compile(fd.optimizers.SGD(0.1), "mse")
    >>> clients = fd.federated.partition(x, x[:, :1], clients=6)
    >>> history = fd.federated.simulate(model, clients, rounds=3, fraction=0.5, verbose=0)
    >>> history.history["loss"][2] < history.history["loss"][0], history.history["loss_clients"][0].shape
    (True, (6,))
    """
    checked_model(model, "simulate")
    clients = as_clients(clients)
    check_counts("simulate", {"rounds": rounds, "local_epochs": local_epochs}, required=True)
    for name, value, kind in (("failures", failures, Failures), ("privacy", privacy, ClientPrivacy)):
        if not isinstance(value, kind) and (value is not None or name == "failures"):
            raise TypeError(f"simulate({name}={value!r:.60}): expected a {kind.__name__}")
    plan = checked_plan(strategy, fraction, int(local_epochs), failures, clients)
    options = options_of("simulate", fit, REFUSED)._replace(epochs=int(rounds))
    training = model._training
    _refuse_memory(training.optimizer)
    before = training.slots, training.step
    training.slots, training.step = None, 0
    try:
        return fitting.fit(model, clients.x, clients.y, options, Federation(clients, plan, float(fraction), privacy))
    finally:
        values = gather(model)
        scatter(model, *devices.anywhere((values.params, values.state)))
        training.slots, training.step = None if before[0] is None else before[0], before[1]


def _refuse_memory(optimizer: Any) -> None:
    """Refuse optimizers whose work outlasts the turn of a client, after which they are forgotten."""
    if getattr(optimizer, "use_ema", False):
        raise ValueError("simulate: the optimizer of a client remembers nothing, so use_ema has no average to keep")
    inside = [getattr(optimizer, "inner_optimizer", None), *getattr(optimizer, "optimizers", {}).values()]
    for one in (optimizer, *inside):
        if (getattr(one, "gradient_accumulation_steps", None) or 1) > 1:
            raise ValueError(
                f"simulate: the optimizer of a client remembers nothing, so gradient_accumulation_steps="
                f"{one.gradient_accumulation_steps} would lose what it gathers. Give a larger batch_size instead"
            )


def checked_plan(strategy: Any, fraction: float, local_epochs: int, failures: Failures, clients: Clients) -> Plan:
    """The plan of a round, but for its batch size and privacy."""
    if not isinstance(strategy, (Strategy, str)) or (isinstance(strategy, str) and strategy not in STRATEGIES):
        known = ", ".join(map(repr, STRATEGIES))
        raise ValueError(f"simulate(strategy={strategy!r}): expected one of {known}, or a Strategy")
    strategy = strategy if isinstance(strategy, Strategy) else STRATEGIES[strategy]
    argument("Strategy", "mu", strategy.mu, real, non_negative, finite)
    if strategy.server is not None:
        strategy = strategy._replace(server=optimizers.get(strategy.server))
    if not 0 < argument("simulate", "fraction", fraction, real) <= 1:
        raise ValueError(f"simulate(fraction={fraction!r}): expected a share of the clients, above 0 and up to 1")
    for name, value in failures._asdict().items():
        argument("Failures", name, value, real, share)
    return Plan(strategy, failures, max(1, round(fraction * len(clients))), local_epochs, 0, None)


class Federation(Method):
    """How a model learns from clients."""

    def __init__(self, clients: Clients, plan: Plan, fraction: float, privacy: ClientPrivacy | None):
        self.clients, self.plan, self.fraction, self.privacy = clients, plan, fraction, privacy
        self.seed: int | None = None

    def train_feed(self, model: Any, data: Data, options: Options, seed: int) -> Any:
        self.seed = options.seed
        self.plan = self.plan._replace(batch_size=min(options.batch_size or 32, int(self.clients.sizes.max())))
        if self.privacy is not None:
            count, rounds = len(self.clients), options.epochs - options.initial_epoch
            if self.privacy.delta >= 1 / count:
                raise ValueError(
                    f"ClientPrivacy(delta={self.privacy.delta}): expected less than one in {count} clients"
                )
            refuse_mixing(model, data.x, model._training.frozen)
            noise = noise_of(self.privacy, self.fraction, rounds, options)
            terms = Terms(noise, self.privacy.clip_norm, self.fraction * count, count, 1)
            self.plan = self.plan._replace(terms=terms)
        return spread(Rounds(data, self.clients, self.plan.batch_size))

    def test_feed(self, *given: Any) -> Any:
        return spread(super().test_feed(*given))

    def objective(self, model: Any, x: Any, y: Any) -> Objective:
        masked: Any = Masked(super().objective(model, x, y))
        return masked

    def program(self, model: Any, objective: Objective) -> Program:
        plain = super().program(model, objective)
        return federated_program(plain, model._training.frozen, len(self.clients), self.plan)

    def state(self, model: Any, program: Program, seed: int) -> TrainState:
        ts = super().state(model, program, seed)
        return devices.everywhere(ts if self.privacy is None else ts._replace(key=secret_key(self.seed)))

    def callbacks(self, model: Any, options: Options) -> list[Callback]:
        return [] if self.plan.terms is None else [Account(self.privacy, self.plan.terms, options)]


def spread(feed: Any) -> Any:
    """A feed whose data every device has, so that no dispatch sends them again."""
    if feed is not None:
        feed.arrays = devices.everywhere(feed.arrays)
    return feed


def evaluate(model: Any, clients: Clients | Iterable[tuple[Any, Any]], batch_size: int = 128) -> dict[str, np.ndarray]:
    """The loss and metrics of a model on the rows of each client: name -> (clients,).

    Args:
        model: a compiled model.
        clients: what `partition` gives, or a list of (x, y).
        batch_size: rows computed together.

    >>> import numpy as np
    >>> import freedive as fd
    >>> model = fd.Sequential([fd.Input((2,)), fd.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> clients = [(np.ones((rows, 2)), np.ones((rows, 1))) for rows in (3, 5)]
    >>> fd.federated.evaluate(model, clients)["loss"].shape
    (2,)
    """
    clients = as_clients(clients)
    check_counts("evaluate", {"batch_size": batch_size}, required=True)
    data = read(clients.x, clients.y, None, "evaluate")
    make_ready(model, clients.x)
    objective = objective_for(model, clients.x, clients.y)
    fitting.checked(model, objective, data, "evaluate")
    masked: Any = Masked(objective)
    program = program_for(model, masked)
    feed = Rounds((clients.x, clients.y, None), clients, min(batch_size, int(clients.sizes.max())))

    def each(subject: Any, ts: TrainState, arrays: Any) -> Any:
        program, feed = subject

        def of_client(client: Any) -> Any:
            def step(i: Any, sums: Any) -> Any:
                batch = rows_of_client(arrays[:-1], client, i, feed.batch_size)
                return added(sums, program.test(ts, batch))

            shapes = jax.eval_shape(lambda: program.test(ts, rows_of_client(arrays[:-1], client, 0, feed.batch_size)))
            zero = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)
            return jax.lax.fori_loop(0, (client["size"] + feed.batch_size - 1) // feed.batch_size, step, zero)

        return jax.lax.map(of_client, arrays[-1])

    call = compiled(("clients", program.key, feed.key), each)
    sums = call((program, feed), first_state(model, program, jax.random.key(0)), feed.arrays)
    found = of_clients(program, jax.tree.map(np.asarray, sums))
    return {name.removesuffix("_clients"): values for name, values in found.items()}
