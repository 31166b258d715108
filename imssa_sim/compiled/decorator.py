"""The decorator of compiled loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit

from imssa_sim.compiled import private
from imssa_sim.compiled.cache import LoopCache

Function = Callable[..., Any]


def compiled_loop(**options: Any) -> Callable[[Function], Function]:
    """Compile a function with ``numba.njit(**options)`` and keep its machine code on disk.

    It is compiled anew when its file or any file of this package that it imports has changed, and
    for each process where nothing can be kept.
    """

    def decorate(function: Function) -> Function:
        compiled: Function = njit(**options)(function)
        if private.compiles():
            private.attach(compiled, LoopCache(function))
        return compiled

    return decorate
