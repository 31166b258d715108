"""Costs: energy of actions, area and leakage of components, from cards."""
