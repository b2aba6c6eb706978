"""Settings that every test shares."""

import os

os.environ["KERAS_BACKEND"] = "jax"  # the peer of the parity tables computes on the same engine
os.environ.setdefault("MPLBACKEND", "Agg")
