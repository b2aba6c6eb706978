"""A round as one step of a program: clients are drawn, each learns from its own rows, and the server takes the mean.

    w_c = w, then for every batch of client c:  w_c <- step(w_c, gradient + mu (w_c - w))
    w   <- sum_c n_c w_c / sum_c n_c            or what a server's optimizer makes of the gradient w minus that mean

Clients take turns within the compiled program, each for as many steps as its rows need: nothing is computed for padding
but the end of a client's last batch, which is masked. Of several devices each has a turn of its own.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..core.calling import run_key
from ..core.structure import structure
from ..core.variables import Variables, merge, split
from ..methods.privacy import sampling
from ..methods.privacy.gradient import Terms, noised
from ..metrics.moments import added, merged
from ..train.objective import Objective
from ..train.order import rectangle, shuffled, shuffled_in
from ..train.program import Program, TrainState, as_floats
from . import devices
from .clients import Clients


class Strategy(NamedTuple):
    """What becomes of the clients' work.

    Args:
        mu: how strongly clients are held near the server's weights (FedProx).
        server: an optimizer for which the mean of the clients, seen from the server, is a gradient; None: the mean is
            taken as it is.
    """

    mu: float = 0.0
    server: Any = None


class Failures(NamedTuple):
    """What goes wrong in a round.

    Args:
        dropouts: the share of clients whose work never arrives.
        stragglers: the share of clients that have done only a part of their steps when the round ends.
    """

    dropouts: float = 0.0
    stragglers: float = 0.0


class Plan(NamedTuple):
    """What a round does.

    Args:
        strategy, failures: see there.
        drawn: how many clients take part in a round.
        local_epochs: passes over its own rows that a client does in a round.
        batch_size: rows a step of a client.
        terms: of privacy of clients, or None.
    """

    strategy: Strategy
    failures: Failures
    drawn: int
    local_epochs: int
    batch_size: int
    terms: Terms | None


class Rounds:
    """A feed whose every batch is a round: the rows of all clients, and where each one's are."""

    own: Any = None
    full, rest, shuffle = 1, 0, True

    def __init__(self, data: Any, clients: Clients, batch_size: int):
        self.rows, self.batch_size, self.count = len(jax.tree.leaves(data)[0]), batch_size, len(clients)
        sides = np.array([rectangle(int(size)) for size in clients.sizes])
        table = {"offset": clients.offsets, "size": clients.sizes, "height": sides[:, 0], "width": sides[:, 1]}
        table = {name: jnp.asarray(column, jnp.int32) for name, column in table.items()}
        self.arrays = (*jax.tree.map(jnp.asarray, tuple(data)), table)

    @property
    def key(self) -> Hashable:
        return ("rounds", self.rows, self.batch_size, self.count)

    def batch(self, arrays: Any, seed: Any, epoch: Any, at: Any) -> Any:
        return arrays[:-1], arrays[-1], seed, epoch

    def last(self, arrays: Any, seed: Any, epoch: Any) -> Any:
        raise NotImplementedError("a round has no short batch")


# rows that do not count -----------------------------------------------------------------------------------------------
class Masked:
    """An objective that leaves out rows that fill up a batch: weights are then {"weights": ..., "live": (rows,)}."""

    def __init__(self, own: Objective):
        self.own = own

    def __getattr__(self, name: str) -> Any:
        return getattr(self.own, name)

    def __call__(self, y: Any, outputs: Any, weights: Any, made: Any) -> tuple[Any, Any]:
        if not (isinstance(weights, dict) and "live" in weights):
            return self.own(y, outputs, weights, made)
        return self.own(y, outputs, weights["weights"], Live(made, weights["live"]))


class Live:
    """A Pass in whose masks the rows that do not count are left out."""

    def __init__(self, made: Any, live: Any):
        self.made, self.live = made, live

    def __getattr__(self, name: str) -> Any:
        return getattr(self.made, name)

    def mask_of(self, x: Any) -> Any:
        """The mask of an array, without those rows."""
        mask = self.made.mask_of(x)
        return self.live if mask is None else mask & self.live.reshape(-1, *(1,) * (mask.ndim - 1))


def rows_of_client(data: Any, client: Any, at: Any, size: int, order: Any = None) -> Any:
    """Batch `at` of a client: (x, y, weights); at the end of its rows others of its own fill it up and do not count.

    Args:
        order: (seed, epoch) of a shuffled pass; None: rows as they stand.
    """
    places = at * size + jnp.arange(size, dtype=jnp.int32)
    live, places = places < client["size"], places % client["size"]
    if order is not None:
        places = shuffled_in(places, (client["size"], client["height"], client["width"]), *order)
    x, y, weights = jax.tree.map(lambda a: a[client["offset"] + places], data)
    return x, y, {"weights": weights, "live": live}


# the program ----------------------------------------------------------------------------------------------------------
def federated_program(plain: Program, frozen: frozenset[str], clients: int, plan: Plan) -> Program:
    """A program whose step is a round.

    Args:
        plain: what a client does, its objective `Masked`.
        frozen: the paths that gradients leave alone.
        clients: how many there are.
        plan: of a round.
    """
    server = plan.strategy.server

    def learned(params: Any) -> Any:
        return split(params, lambda path, _: path not in frozen)[0]

    def init(key: Any, variables: Variables) -> TrainState:
        slots = {} if server is None else server.init(learned(variables.params))
        return plain.init(key, variables)._replace(optimizer=slots)

    def turns(number: Any, given: Any) -> Any:
        """The weighted sum of what every so manieth client sends, from this one on, and each one's sums."""
        ts, (data, table, seed, round_), (drawn, weights, shares) = given

        def turn(i: Any, carry: Any) -> Any:
            total, sums = carry
            c = drawn.order[number + i * devices.count()]
            client = {name: column[c] for name, column in table.items()}
            after, found = local(plain, ts, data, client, (seed + c.astype(jnp.uint32), round_), shares[c], plan)
            part = {"params": learned(after.params), "state": after.state}
            arrived = weights[c] > 0  # what does not arrive may be no number, and must not count as 0 times that

            def added(t: Any, p: Any) -> Any:
                return t + jnp.where(arrived, weights[c] * p, 0).astype(t.dtype)

            total = jax.tree.map(added, total, change(part, ts, plan))
            return total, jax.tree.map(lambda all_, one: all_.at[c].set(one), sums, found)

        zeros = jax.tree.map(jnp.zeros_like, {"params": learned(ts.params), "state": ts.state})
        shapes = jax.eval_shape(
            lambda: plain.step(fresh(plain, ts), rows_of_client(data, one_of(table), 0, plan.batch_size))[1]
        )
        empty = jax.tree.map(lambda s: jnp.zeros((clients, *s.shape), s.dtype), shapes)
        return lax.fori_loop(0, -((number - drawn.count) // devices.count()), turn, (zeros, empty))

    def gradient(ts: TrainState, batch: Any) -> Any:
        drawn, weights, shares = draws(ts, batch[1]["size"], plan)
        total, sums = devices.added(turns, (ts, batch, (drawn, weights, shares)))
        mean = settled(total, ts, weights, learned, plan)
        return mean["params"], mean["state"], {"clients": sums}

    def update(ts: TrainState, mean: Any) -> TrainState:
        if server is None:
            return ts._replace(params=merge(ts.params, mean), step=ts.step + 1)
        mine = learned(ts.params)
        away = jax.tree.map(jnp.subtract, mine, mean)
        mine, slots = server.update(away, ts.optimizer, mine, as_floats(server.hyper()), ts.step)
        return ts._replace(params=merge(ts.params, mine), optimizer=slots, step=ts.step + 1)

    def results(sums: Any) -> dict[str, Any]:
        if "clients" not in sums:
            return plain.results(sums)
        return plain.results(merged(sums["clients"])) | of_clients(plain, sums["clients"])

    def examine(ts: TrainState, batch: Any) -> Any:
        assert plain.examine is not None
        return plain.examine(fresh(plain, ts), rows_of_client(batch[0], one_of(batch[1]), 0, plan.batch_size))

    key = ("federated", clients, plan._replace(strategy=None), plan.strategy.mu, structure(server), plain.key)
    return plain._replace(init=init, gradient=gradient, update=update, results=results, examine=examine, key=key)


class Drawn(NamedTuple):
    """The clients of a round: their numbers in order, and how many of those take part."""

    order: Any
    count: Any


def draws(ts: TrainState, sizes: Any, plan: Plan) -> tuple[Drawn, Any, Any]:
    """(who takes part, the weight of each client's work, the share of its steps that it does)."""
    clients = len(sizes)
    first, second = jax.random.bits(ts.key_for("clients"), (2,), jnp.uint32)
    everyone = jnp.arange(clients, dtype=jnp.int32)
    everyone = everyone if plan.drawn == clients and plan.terms is None else shuffled(everyone, clients, first, second)
    limits = None if plan.terms is None else sampling.thresholds(clients, plan.terms.rate)
    count = plan.drawn if limits is None else sampling.size_of(ts.key_for("how many"), limits, clients)
    chance = jax.random.uniform(ts.key_for("failures"), (3, clients))
    arrived = (chance[0] >= plan.failures.dropouts) & (jnp.zeros(clients).at[everyone].set(jnp.arange(clients)) < count)
    weights = arrived.astype(jnp.float32) * (1.0 if plan.terms is not None else sizes)
    if plan.terms is None:
        weights = weights / jnp.maximum(weights.sum(), 1.0)
    return Drawn(everyone, count), weights, jnp.where(chance[1] < plan.failures.stragglers, chance[2], 1.0)


def fresh(plain: Program, ts: TrainState) -> TrainState:
    """What a client begins with: the server's weights, an optimizer that remembers nothing."""
    return ts._replace(optimizer=plain.init(ts.key, Variables(ts.params, ts.state, {})).optimizer)


def one_of(table: Any) -> Any:
    """The first client."""
    return {name: column[0] for name, column in table.items()}


def local(plain: Program, ts: TrainState, data: Any, client: Any, order: Any, share: Any, plan: Plan) -> Any:
    """(the state, the sums) after a client's steps."""
    seed, number = order
    each = (client["size"] + plan.batch_size - 1) // plan.batch_size
    steps = jnp.maximum(1, jnp.ceil(share * each * plan.local_epochs).astype(jnp.int32))
    before = number * plan.local_epochs
    begin = fresh(plain, ts)._replace(key=run_key(seed), step=(before * each).astype(ts.step.dtype))

    def batch(i: Any) -> Any:
        return rows_of_client(data, client, i % each, plan.batch_size, (seed, before + i // each))

    def step(i: Any, carry: Any) -> Any:
        mine, sums = carry
        grads, state, found = plain.gradient(mine, batch(i))
        if plan.strategy.mu:
            held = lambda g, w, w0: g + plan.strategy.mu * (w - w0)  # noqa: E731
            now, then = ({p: tree[p] for p in grads} for tree in (mine.params, ts.params))
            grads = jax.tree.map(held, grads, now, then)
        return plain.update(mine._replace(state=state), grads), added(sums, found)

    shapes = jax.eval_shape(lambda: plain.step(begin, batch(0))[1])
    return lax.fori_loop(0, steps, step, (begin, jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)))


def change(part: Any, ts: TrainState, plan: Plan) -> Any:
    """What a client sends: its values, or with privacy the clipped way from the server's weights to its own."""
    if plan.terms is None:
        return part
    away = jax.tree.map(jnp.subtract, part["params"], {p: ts.params[p] for p in part["params"]})
    norm = jnp.sqrt(sum(jnp.sum(jnp.square(a)) for a in jax.tree.leaves(away)))
    scale = jnp.where(jnp.isfinite(norm), jnp.minimum(1.0, plan.terms.clip / jnp.maximum(norm, 1e-30)), 0.0)
    return part | {"params": jax.tree.map(lambda a: jnp.where(scale > 0, scale * a, 0.0), away)}


def settled(total: Any, ts: TrainState, weights: Any, learned: Any, plan: Plan) -> Any:
    """The mean of the clients; where nothing arrived, what there was."""
    before = {"params": learned(ts.params), "state": ts.state}
    if plan.terms is None:
        return jax.tree.map(lambda new, old: jnp.where(weights.sum() > 0, new, old), total, before)
    away = noised(total["params"], ts.key_for("noise"), plan.terms)
    params = jax.tree.map(lambda w, a: w + a / plan.terms.batch_size, before["params"], away)  # type: ignore[union-attr]
    return {"params": params, "state": ts.state}


def of_clients(plain: Program, sums: Any) -> dict[str, np.ndarray]:
    """The results of each client, NaN for those that did not take part."""
    counts = jax.tree.leaves(sums["loss"])[1]
    each = [plain.results(jax.tree.map(lambda s, i=i: s[i], sums)) if n else {} for i, n in enumerate(counts)]
    names = next((list(one) for one in each if one), [])
    return {f"{name}_clients": np.array([one.get(name, np.nan) for one in each]) for name in names}
