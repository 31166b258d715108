"""``python -m imssa_sim``."""

from __future__ import annotations

from imssa_sim.cli.main import entry

if __name__ == "__main__":
    entry()
