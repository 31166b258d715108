"""Time over a Program: two engines on one timed event graph, and its maximum cycle ratio."""
