"""The manifest of a run: what ran, where, with which data."""

from __future__ import annotations

import platform
from dataclasses import asdict
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from imssa_sim import __version__
from imssa_sim.report.adaptive import adaptive_tree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imssa_sim.simulation.result import RunResult

_LIBRARIES = ("numpy", "numba", "scipy", "simpy", "pandas", "pydantic", "scikit-learn")


def manifest(result: RunResult, command: Sequence[str]) -> dict[str, Any]:
    """Return version, libraries, command, data, seed and wall times of a run."""
    reached = result.reached
    return {
        "imssa_sim": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "libraries": {name: version(name) for name in _LIBRARIES},
        "command": list(command),
        "workload": result.loaded.config.workload,
        "overrides": list(result.loaded.overrides),
        "seed": result.loaded.config.seed,
        "data": asdict(result.data),
        **({} if reached is None else {"until": adaptive_tree(reached)}),
        "timing_engine": result.timing.engine,
        "wall_time_s": dict(result.host_seconds),
    }
