"""What a run is: a Program of pure functions, and the one loop that executes it in compiled chunks."""
