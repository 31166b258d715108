"""imssa_sim: cycle-accurate simulation of S4D networks on memristive in-memory hardware."""

from __future__ import annotations

__version__ = "0.1.0"
__all__ = ["__version__"]
