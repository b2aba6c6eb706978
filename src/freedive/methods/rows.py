"""Rows for members: arrays that all share, of which every member may take rows and an order of its own."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..train.feeds import Resident
from ..train.order import shuffled
from ..train.windows import on_device, take


class MemberRows(Resident):
    """Resident arrays for members.

    Args:
        arrays: a tree of arrays with equal first sizes, shared by all members.
        batch_size: rows a batch.
        shuffle: whether every epoch has its own order.
        steps: batches an epoch takes, where that is fewer than there are.
        rows: (members, rows), the rows that each member has; None: all have all.
        orders: (members,) whole numbers added to the run's seed: members with different ones have different orders.
            None: all have the same order, and what they compute on a batch can share its reading.
        apart: which parts of `arrays` have the members' axis first, 0 for those; None: none has.
    """

    def __init__(
        self,
        arrays: Any,
        batch_size: int,
        shuffle: bool,
        steps: int | None = None,
        rows: Any = None,
        orders: Any = None,
        apart: Any = None,
    ):
        count = len(jax.tree.leaves(arrays)[0])
        super().__init__(np.zeros(count if rows is None else np.shape(rows)[1], bool), batch_size, shuffle, steps)
        self.arrays = {
            "data": on_device(arrays) if apart is None else jax.tree.map(jnp.asarray, arrays),
            "rows": None if rows is None else jnp.asarray(rows, jnp.int32),
            "orders": None if orders is None else jnp.asarray(orders, jnp.uint32),
        }
        self.own = {"data": apart, "rows": 0, "orders": 0}

    @property
    def key(self) -> Hashable:
        return ("members", super().key, *(self.arrays[name] is None for name in ("rows", "orders")))

    def _take(self, arrays: Any, start: Any, size: int, seed: Any, epoch: Any) -> Any:
        places = start + jnp.arange(size)
        if self.shuffle:
            seed = seed if arrays["orders"] is None else seed + arrays["orders"]
            places = shuffled(places, self.rows, seed, epoch)
        rows = places if arrays["rows"] is None else arrays["rows"][places]
        return take(arrays["data"], rows)
