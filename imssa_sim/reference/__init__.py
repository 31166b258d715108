"""The float reference of a network, and what follows from running it: ranges, PTQ, pruning."""
