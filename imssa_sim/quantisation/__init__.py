"""Codes, their ranges and widths, and requantisers: what all integer arithmetic is made of."""
