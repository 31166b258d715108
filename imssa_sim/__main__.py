"""``python -m imssa_sim``."""

from __future__ import annotations

import sys

from imssa_sim.cli import main

if __name__ == "__main__":
    sys.exit(main())
