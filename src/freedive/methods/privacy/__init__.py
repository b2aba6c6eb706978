"""private: learning with differential privacy: sampling, clipping and noise in the compiled run, and the account."""

from .ledger import Ledger, Spent
from .model import Private, private

__all__ = ["Ledger", "Private", "Spent", "private"]
