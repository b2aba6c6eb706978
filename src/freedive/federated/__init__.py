"""Federated learning: clients with rows of their own teach one model; simulated in one compiled program."""

from .clients import Clients, partition
from .rounds import Failures, Strategy
from .secure import SecureSum
from .simulate import ClientPrivacy, evaluate, simulate

__all__ = ["ClientPrivacy", "Clients", "Failures", "SecureSum", "Strategy", "evaluate", "partition", "simulate"]
