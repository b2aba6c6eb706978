"""Clients and a server in processes of their own, by Flower: the same model learns across machines.

Flower (`pip install ".[federated]"`) connects, waits and retries; what travels are the arrays of `get_weights`.
It tells its makers how it is used unless FLWR_TELEMETRY_ENABLED=0 stands in the environment.

    # on every owner's machine
    flower.client(model, x, y, epochs=1).start("server:8080")
    # on the server
    history = flower.server(model, rounds=10, clients=3, address="0.0.0.0:8080", validation_data=(x_test, y_test))

The connection is not encrypted.
"""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np

from ..core.variables import draw_missing
from ..errors import installed_by
from ..methods.population import checked_model
from ..models.training import make_ready


class Client(NamedTuple):
    """A client: Flower's, in `made`, for its own ways to run one; `start` runs it here until the server is done."""

    made: Any

    def start(self, address: str = "127.0.0.1:8080") -> None:
        """Learn whenever the server asks for it.

        Args:
            address: of the server, host and port.
        """
        from flwr.client import start_client

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            start_client(server_address=address, client=self.made, insecure=True)


def client(model: Any, x: Any, y: Any, **fit: Any) -> Client:
    """A client of a Flower server that learns from its own rows.

    In a round it takes the server's weights, begins with an optimizer that remembers nothing, and learns as `fit` does.

    Args:
        model: a compiled model.
        x, y: the rows, as for `fit`.
        **fit: further arguments of `Model.fit`: epochs, batch_size, ...
    """
    flwr = engine()
    checked_model(model, "flower.client")
    make_ready(model, np.asarray(x))
    rows = len(x)
    if not rows:
        raise ValueError("flower.client(x=...): this client has no data")

    class Learner(flwr.client.NumPyClient):
        """What Flower asks of a client."""

        def get_parameters(self, config: Any) -> list[np.ndarray]:
            return model.get_weights()

        def fit(self, parameters: list[np.ndarray], config: Any) -> tuple[list[np.ndarray], int, dict[str, Any]]:
            begin(model, parameters)
            history = model.fit(x, y, **{"verbose": 0} | fit)
            last = {name: float(history.history[name][-1]) for name in history.scalars()}
            return model.get_weights(), rows, last

        def evaluate(self, parameters: list[np.ndarray], config: Any) -> tuple[float, int, dict[str, Any]]:
            model.set_weights(parameters)
            logs = model.evaluate(x, y, verbose=0, return_dict=True)
            return float(logs.pop("loss")), rows, {name: float(v) for name, v in logs.items() if np.ndim(v) == 0}

    return Client(Learner().to_client())


def server(
    model: Any,
    rounds: int,
    clients: int = 2,
    address: str = "127.0.0.1:8080",
    validation_data: Any = None,
    strategy: Any = None,
) -> Any:
    """Serve rounds of federated averaging.

    A client that is gone, or fails, is left out of the round; rounds go on as long as one is there.

    Args:
        model: a compiled model that is built.
        rounds: how many.
        clients: how many must be there before the first round.
        address: to listen at, host and port.
        validation_data: (x, y) to look at after every round.
        strategy: one of Flower's; by default its FedAvg.

    Returns:
        Flower's History: `losses_centralized` has (round, loss), `metrics_centralized` the metrics. With the default
        strategy the model has the server's weights afterwards.
    """
    flwr = engine()
    checked_model(model, "flower.server").build()
    draw_missing(model)

    def look(number: int, parameters: list[np.ndarray], config: Any) -> Any:
        model.set_weights(parameters)
        if validation_data is None:
            return None
        logs = model.evaluate(*validation_data, verbose=0, return_dict=True)
        return float(logs.pop("loss")), {name: float(value) for name, value in logs.items() if np.ndim(value) == 0}

    class Patient(flwr.server.strategy.FedAvg):
        """Waits for all clients once; after that it goes on with those that are there."""

        def configure_fit(self, server_round: int, parameters: Any, client_manager: Any) -> Any:
            if server_round == 1:
                client_manager.wait_for(clients)
            return super().configure_fit(server_round, parameters, client_manager)

    if strategy is None:
        weights = flwr.common.ndarrays_to_parameters(model.get_weights())
        least = {"min_fit_clients": 1, "min_available_clients": 1}
        strategy = Patient(fraction_evaluate=0.0, evaluate_fn=look, initial_parameters=weights, **least)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        config = flwr.server.ServerConfig(num_rounds=rounds)
        return flwr.server.start_server(server_address=address, config=config, strategy=strategy)


def engine() -> Any:
    """Flower, if it is installed."""
    try:
        import flwr
        import flwr.client
        import flwr.common
        import flwr.server
    except ModuleNotFoundError:
        raise ImportError(f"freedive.federated.flower needs Flower: {installed_by('federated')}") from None
    return flwr


def begin(model: Any, weights: list[np.ndarray]) -> None:
    """Let a model begin a round."""
    model.set_weights(weights)
    model._training.slots, model._training.step = None, 0
