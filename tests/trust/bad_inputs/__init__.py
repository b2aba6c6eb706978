"""Bad inputs to the public API: tables of name -> (what to do, words of the error or warning)."""

from . import data, layers, methods, others, settings, tasks

TABLES = (data, settings, layers, others, methods, tasks)
REFUSED = {name: row for table in TABLES for name, row in table.REFUSED.items()}
WARNED = {**data.WARNED, **methods.WARNED}
