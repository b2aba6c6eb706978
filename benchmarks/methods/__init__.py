"""How fast methods are beside the same work done in turn; run as `python -m benchmarks.methods`."""
