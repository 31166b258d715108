"""What a run's accuracy dies of and what brings it back: one change at a time, then together."""
