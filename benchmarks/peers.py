"""Who is measured: freedive, and what people use otherwise."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from .naming import unknown


@dataclasses.dataclass(frozen=True)
class Peer:
    """A library, and how it is used.

    Attributes:
        name: as it is asked for; "keras-tf@50" has 50 steps per execution.
        session: the module whose `Session` speaks to it.
        packages: the distributions that it needs; their versions are recorded.
        backend: of Keras.
        compiled: whether `torch.compile` is used.
        steps: Keras' `steps_per_execution`.
    """

    name: str
    session: str
    packages: tuple[str, ...]
    backend: str = ""
    compiled: bool = False
    steps: int = 1

    @property
    def family(self) -> str:
        """The name without its steps."""
        return self.name.split("@")[0]

    @property
    def environment(self) -> dict[str, str]:
        """What its process needs to be told."""
        return {"KERAS_BACKEND": self.backend, "TF_CPP_MIN_LOG_LEVEL": "3"} if "keras" in self.name else {}


KERAS = {"tf": ("tensorflow", "tensorflow"), "jax": ("jax", "jax"), "torch": ("torch", "torch")}
PEERS: dict[str, Peer] = {
    peer.name: peer
    for peer in (
        Peer("freedive", "in_keras_words", ("freedive", "jax", "jaxlib"), "freedive"),
        Peer("torch", "in_torch", ("torch",)),
        Peer("torch-compile", "in_torch", ("torch",), compiled=True),
        Peer("jax-hand", "in_jax", ("jax", "jaxlib")),
        *(Peer(f"keras-{n}", "in_keras_words", ("keras", package), b) for n, (b, package) in KERAS.items()),
        *(Peer(f"keras-{n}-nightly", "in_keras_words", ("keras-nightly", p), b) for n, (b, p) in KERAS.items()),
    )
}
DEFAULT = (
    *("freedive", "torch", "torch-compile", "jax-hand"),
    *(f"keras-{name}{steps}" for name in KERAS for steps in ("", "@50")),
)
QUICK = ("freedive", "torch", "jax-hand", *(f"keras-{name}" for name in KERAS))


def find(name: str) -> Peer:
    """The peer of that name; `@` and a number are Keras' steps per execution.

    >>> find("keras-jax@50").steps
    50
    """
    family, at, steps = name.partition("@")
    if family not in PEERS or (at and not (family.startswith("keras") and steps.isdigit() and int(steps))):
        raise unknown("peer", name, [*PEERS, *(n for n in DEFAULT if "@" in n)])
    return dataclasses.replace(PEERS[family], name=name, steps=int(steps)) if at else PEERS[family]


def select(names: Iterable[str] | None) -> list[Peer]:
    """The peers of these names, each once; the usual ones for None."""
    return [find(name) for name in dict.fromkeys(DEFAULT if names is None else names)]
