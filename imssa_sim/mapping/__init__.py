"""From a quantised network to a Program: tiles, stages, actions."""
