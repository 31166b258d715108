"""Compiled inner loops (Numba): bare arrays in SI units or integer codes, NumPy and Numba only."""
