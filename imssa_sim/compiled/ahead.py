"""Processes that compile loops while this one does something else.

Numba compiles one function at a time in a process, so threads would not help.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

from imssa_sim.compiled.notices import say
from imssa_sim.compiled.sources import PACKAGE

COMPILING = "compiling loops for this processor, once"

_helpers: dict[str, subprocess.Popen[bytes]] = {}


def start(module: str, arguments: Sequence[str], loops: Sequence[str]) -> None:
    """Start ``python -m module arguments``, which compiles and keeps loops (``file.name``)."""
    say("compiling", COMPILING)
    path = [str(PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    helper = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    for loop in loops:
        _helpers[loop] = helper


def wait_for(loop: str) -> bool:
    """Wait for the process that compiles a loop; False if there is none."""
    helper = _helpers.pop(loop, None)
    if helper is None:
        return False
    helper.wait()
    return True
