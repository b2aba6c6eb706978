"""Numerics below the layers: for each operation a plain reference and, where a platform needs one, a tuned lowering."""
