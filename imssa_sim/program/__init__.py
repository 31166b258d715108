"""The executable graph of a network: typed operations, their composition, and one interpreter."""
