"""Linear recurrent units (arXiv 2303.06349)."""
