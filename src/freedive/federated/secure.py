"""A secure sum: the server learns what clients send only together, for masks of pairs of clients cancel in the sum.

Client i sends encode(x_i) + sum_{j > i} m_ij - sum_{j < i} m_ij, in whole numbers modulo 2^64, where m_ij is drawn
from a secret that only i and j know. Each message alone is uniform, and their sum is exactly the sum of what was
encoded. Where clients drop out, the others tell their secrets with those: so the masks that did not cancel come off.
Masks and secrets are for one sum: a second message under the same masks would show how its values differ.

How two clients come to share a secret is left to whoever connects them; here they are given.

Reference: K. Bonawitz et al., "Practical secure aggregation for privacy-preserving machine learning", 2017,
https://doi.org/10.1145/3133956.3133982
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np


class SecureSum:
    """The sum of what some clients have, without anybody seeing one client's part; another sum needs another agreement.

    Args:
        clients: how many.
        bits: of the fraction: numbers are rounded to multiples of 2^-bits. With 24 of them, sums up to 2^39 fit.

    >>> import numpy as np
    >>> agreed = SecureSum(3)
    >>> messages = {i: agreed.message(i, {"w": np.array([i + 0.5, 1.0])}) for i in range(3)}
    >>> agreed.total(messages)["w"].tolist()
    [4.5, 3.0]
    >>> del messages[1]                                          # who drops out takes no one's masks along
    >>> agreed.total(messages)["w"].tolist()
    [3.0, 2.0]
    """

    def __init__(self, clients: int, bits: int = 24):
        if clients < 2:
            raise ValueError(f"SecureSum(clients={clients}): alone, a client's part is the sum. Expected 2 or more")
        self.clients, self.bits = clients, bits
        self._sent: set[int] = set()  # clients whose masks are used up
        self.secrets = {(i, j): secrets.randbits(128) for j in range(clients) for i in range(j)}

    def message(self, client: int, values: Any) -> Any:
        """What a client sends: its values, masked; a tree of uint64 arrays.

        Args:
            client: its number, from 0.
            values: a tree of finite arrays.

        Raises:
            ValueError: the client has sent a message before.
        """
        encoded = jax.tree.map(self.encode, values)
        if client in self._sent:
            raise ValueError(
                f"SecureSum.message(client={client}): it has sent one, and a second under the same masks would show "
                "how its values differ. Make a new SecureSum for every sum, such as every round"
            )
        self._sent.add(client)
        others = [other for other in range(self.clients) if other != client]
        for other in others:
            encoded = jax.tree.map(np.add, encoded, self.mask(client, other, encoded))
        return encoded

    def total(self, messages: Mapping[int, Any]) -> Any:
        """The sum of the values of the clients whose messages came: a tree of float64 arrays.

        Args:
            messages: client -> what `message` gave.
        """
        if len(messages) < 2:
            raise ValueError(f"SecureSum.total: {len(messages)} messages came, which would show a client's part alone")
        summed = jax.tree.map(lambda *parts: sum(parts[1:], parts[0]), *messages.values())
        for gone in set(range(self.clients)) - set(messages):
            for other in messages:  # who is left tells the secret it had with who is gone
                summed = jax.tree.map(np.subtract, summed, self.mask(other, gone, summed))
        return jax.tree.map(lambda a: a.astype(np.int64) / 2.0**self.bits, summed)

    def mask(self, client: int, other: int, like: Any) -> Any:
        """What a client adds because of another; the other adds the opposite."""
        pair = (min(client, other), max(client, other))
        rng = np.random.Generator(np.random.Philox(key=self.secrets[pair]))
        leaves, tree = jax.tree.flatten(like)
        drawn = [rng.integers(0, 2**64, leaf.shape, np.uint64) for leaf in leaves]
        return jax.tree.unflatten(tree, drawn if client < other else [np.negative(mask) for mask in drawn])

    def encode(self, values: Any) -> np.ndarray:
        """Numbers as whole multiples of 2^-bits, modulo 2^64."""
        array = np.asarray(values, np.float64) * 2.0**self.bits
        if not np.all(np.abs(array) < 2.0**62 / self.clients):
            raise ValueError(f"SecureSum: values must be finite and below 2^{62 - self.bits} / {self.clients} clients")
        return np.round(array).astype(np.int64).astype(np.uint64)
