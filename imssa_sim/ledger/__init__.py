"""The ledger: every action of a run, what it cost, and that the parts make up the whole."""

from __future__ import annotations

from imssa_sim.ledger.build import build_ledger
from imssa_sim.ledger.ledger import AreaRow, Ledger, Row

__all__ = ["AreaRow", "Ledger", "Row", "build_ledger"]
