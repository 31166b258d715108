"""The diagonal models of the S4 authors' general block (S4Block, mode diag)."""
