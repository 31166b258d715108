"""Compiled loops: functions that Numba translates to machine code and that are kept on disk.

To import a part of this package imports no Numba but where it compiles (`decorator`, `private`).
"""
