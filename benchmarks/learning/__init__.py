"""Whether speed costs learning: the same networks on the same real data, in freedive and in its peers."""
