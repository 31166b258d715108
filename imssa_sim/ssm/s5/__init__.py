"""S5: one diagonal model with many inputs and outputs per layer (arXiv 2208.04933)."""
