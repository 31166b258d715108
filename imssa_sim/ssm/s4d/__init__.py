"""S4D: independent diagonal models, one per channel (arXiv 2206.11893)."""
