"""What a user gets from a run: the run directory, the screen, the figures."""
