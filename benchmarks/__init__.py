"""The bench: every workload in freedive and in each peer, side by side, in processes of their own.

Read in this order: `workloads` says what is measured, `networks` how it is said in Keras' words (freedive and Keras
share them), `in_torch` and `in_jax` how the others say it, `measure` what one process does, `compare` how processes
take turns, `report` and `picture` what becomes of it. `python -m benchmarks --help` runs it.
"""
