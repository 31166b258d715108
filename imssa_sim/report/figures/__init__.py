"""Figures of a run and of a sweep; Matplotlib is imported here and nowhere below."""
