"""replicate: a program for many members. Ensembles, folds, seeds and searches are built on it.

Its law: with one member it is the plain run, bit for bit; member i of n is the single run with the values, the key and
the rows of member i, up to rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..config import argument, one_of
from ..core.variables import Variables
from ..train.members import UNSETTLED, WAYS, Members
from ..train.program import Program, TrainState


def replicate(
    program: Program, n: int, way: str = UNSETTLED, own: Callable[[Any], dict[str, Any]] | None = None
) -> Program:
    """A program that runs for n members at once, each with values, numbers and a random key of its own.

    Every leaf of its train state has a first axis, a place a member. Its results are the means of the members, and
    under `<name>_members` those of each.

    Args:
        program: what one member does.
        n: the number of members.
        way: "batched", "in turn", "over devices", or as it is, to let the run measure which is fastest here.
        own: changes the numbers of the members, a tree of arrays (n,), where they are not those of `program` for all.

    Returns:
        A Program. `init` takes n keys and variables with the members' axis.
    """

    argument("replicate", "way", way, one_of(UNSETTLED, *WAYS))

    def hyper() -> Any:
        shared = jax.tree.map(lambda number: jnp.full((n,), number, jnp.float32), program.hyper())
        return shared if own is None else jax.tree.map(jnp.array, own(shared))  # copies: a run gives its own away

    def init(keys: Any, variables: Variables) -> TrainState:
        ts = jax.vmap(program.init, in_axes=(0, Variables(0, 0, None)))(keys, variables)  # type: ignore[arg-type]
        return ts._replace(hyper=hyper())

    def results(sums: Any) -> dict[str, Any]:
        active = np.asarray(hyper().get("active", np.ones(n)))
        return together([program.results(jax.tree.map(lambda s, i=i: s[i], sums)) if on else None
                         for i, on in enumerate(active)])  # fmt: skip

    key = ("members", n, tuple(sorted(hyper())), program.key)
    return program._replace(init=init, results=results, hyper=hyper, key=key, members=Members(n, way))


def together(members: list[dict[str, Any] | None]) -> dict[str, Any]:
    """The results of members as one: their means, then each result's values, a place a member; NaN for those at rest.

    >>> together([{"loss": 1.0}, {"loss": 2.0}])
    {'loss': 1.5, 'loss_members': array([1., 2.])}
    """
    first = next(member for member in members if member is not None)
    values = {name: np.array([np.full(np.shape(of), np.nan) if member is None else member[name] for member in members])
              for name, of in first.items()}  # fmt: skip
    going = [member is not None for member in members]
    means = {name: float(v[going].mean()) if v.ndim == 1 else v[going].mean(0) for name, v in values.items()}
    return means | {f"{name}_members": v for name, v in values.items()}
