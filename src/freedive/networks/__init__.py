"""Networks by name: functions that make a model for the shape of some data, out of layers."""

from . import series, tables

__all__ = ["series", "tables"]
