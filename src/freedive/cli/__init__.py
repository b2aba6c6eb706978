"""The command line: `freedive train digits`, evaluate, predict, summary, datasets, doctor, bench.

One module a family of commands. What is slow to import is imported inside the commands, so that help comes at once.
"""

from .app import app, main

__all__ = ["app", "main"]
