"""imssa_sim: cycle-accurate simulation of S4D networks on memristive in-memory hardware.

In Python: `load_network` and `from_torch` give other people's networks as functions of sequences
(docs/import.md). Both are imported when they are asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imssa_sim.foreign.network import from_torch, load_network

__version__ = "0.1.0"
__all__ = ["__version__", "from_torch", "load_network"]


def __getattr__(name: str) -> Any:
    if name in ("from_torch", "load_network"):
        from imssa_sim.foreign import network

        return getattr(network, name)
    raise AttributeError(f"module 'imssa_sim' has no attribute '{name}'")
