"""The federation of `federated` in Flower's own simulation, with the same network in PyTorch: its time and accuracy.

Flower and PyTorch are a peer's packages: pip install 'flwr[simulation]' torch.
"""

from __future__ import annotations

import functools
import os
import tempfile
import time
from typing import Any, NamedTuple

import numpy as np

THREADS = 1  # of each client: clients are simulated side by side, one a processor


class Told(NamedTuple):
    """What a client is told: how it learns."""

    rate: float
    momentum: float
    local_epochs: int
    batch_size: int
    dropout: float


def network(dropout: float) -> Any:
    """1x28x28 -> 10: two convolutions and a dense layer."""
    from torch import nn

    return nn.Sequential(
        nn.Conv2d(1, 12, 5, stride=2), nn.ReLU(), nn.Conv2d(12, 24, 3, stride=2), nn.ReLU(),
        nn.Flatten(), nn.Dropout(dropout), nn.Linear(600, 64), nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip


def weights_of(net: Any) -> list[np.ndarray]:
    """The weights of a network as arrays."""
    return [value.detach().numpy().copy() for value in net.state_dict().values()]


def with_weights(net: Any, weights: list[np.ndarray]) -> Any:
    """The network with these weights."""
    import torch

    net.load_state_dict({name: torch.tensor(w) for name, w in zip(net.state_dict(), weights, strict=True)})
    return net


def learn(net: Any, x: Any, y: Any, told: Told) -> None:
    """A client's passes over its rows."""
    import torch

    optimizer = torch.optim.SGD(net.parameters(), told.rate, momentum=told.momentum)
    loss_of = torch.nn.CrossEntropyLoss()
    for _ in range(told.local_epochs):
        for rows in torch.randperm(len(x)).split(told.batch_size):
            optimizer.zero_grad()
            loss_of(net(x[rows]), y[rows]).backward()
            optimizer.step()


def simulate(clients: Any, test: tuple[Any, Any], rounds: int, told: Told) -> tuple[list[float], list[float]]:
    """Flower's FedAvg with all clients in every round: (the seconds of each, without testing; the accuracy)."""
    from flwr.client import ClientApp
    from flwr.common import ndarrays_to_parameters
    from flwr.server import ServerApp, ServerAppComponents, ServerConfig
    from flwr.server.strategy import FedAvg
    from flwr.simulation import run_simulation

    os.environ.setdefault("FLWR_TELEMETRY_ENABLED", "0")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "clients.npz")
        np.savez(path, x=clients.x, y=clients.y, sizes=clients.sizes, offsets=clients.offsets)
        seconds, reached, began = [], [], 0.0

        def tested(number: int, weights: Any, _: Any) -> tuple[float, dict[str, Any]]:
            nonlocal began
            seconds.append(time.perf_counter() - began)
            reached.append(accuracy(with_weights(network(0.0), weights), *test))
            began = time.perf_counter()
            return 0.0, {"accuracy": reached[-1]}

        strategy = FedAvg(
            fraction_fit=1.0, fraction_evaluate=0.0, min_available_clients=len(clients), evaluate_fn=tested,
            initial_parameters=ndarrays_to_parameters(weights_of(network(0.0))),
        )  # fmt: skip
        parts = ServerAppComponents(strategy=strategy, config=ServerConfig(num_rounds=rounds))
        run_simulation(
            server_app=ServerApp(server_fn=lambda _: parts),
            client_app=ClientApp(client_fn=lambda context: client(path, context.node_config["partition-id"], told)),
            num_supernodes=len(clients),
            backend_config={"client_resources": {"num_cpus": 1, "num_gpus": 0.0}},
        )
    return seconds[1:], reached  # the first test is of the weights to begin with


def accuracy(net: Any, x: Any, y: Any) -> float:
    """The share of rows that a network answers rightly."""
    import torch

    with torch.no_grad():
        return float((net(rows_of(x)).argmax(1).numpy() == y).mean())


def rows_of(x: Any) -> Any:
    """Pictures (rows, 28, 28, 1) as PyTorch takes them."""
    import torch

    return torch.tensor(np.ascontiguousarray(np.moveaxis(x, -1, 1)))


@functools.cache  # once a process, which works for many clients
def read(path: str) -> dict[str, Any]:
    """The rows of all clients."""
    with np.load(path) as table:
        return {name: table[name] for name in table.files}


def client(path: str, number: Any, told: Told) -> Any:
    """Flower's client of this number."""
    import torch
    from flwr.client import NumPyClient

    torch.set_num_threads(THREADS)
    table = read(path)
    start, size = int(table["offsets"][int(number)]), int(table["sizes"][int(number)])
    x, y = table["x"][start : start + size], table["y"][start : start + size]

    class Client(NumPyClient):
        def fit(self, weights: Any, config: Any) -> Any:
            net = with_weights(network(told.dropout), weights)
            learn(net, rows_of(x), torch.tensor(y).long(), told)
            return weights_of(net), size, {}

    return Client().to_client()
