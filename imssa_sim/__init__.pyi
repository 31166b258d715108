from imssa_sim.api.chip import Chip, chip
from imssa_sim.api.compare_chips import ChipComparison, compare_chips
from imssa_sim.api.crossbar import Crossbar
from imssa_sim.api.fit_card import fit_card
from imssa_sim.api.report import write_report
from imssa_sim.api.result import Run, open_run
from imssa_sim.api.run import run
from imssa_sim.api.search import Search, search
from imssa_sim.api.sweep import sweep
from imssa_sim.api.why import Why, why
from imssa_sim.errors import ImssaError, InputError, ValidityError
from imssa_sim.foreign.network import from_torch, load_network

__version__: str
__all__ = [
    "Chip",
    "ChipComparison",
    "Crossbar",
    "ImssaError",
    "InputError",
    "Run",
    "Search",
    "ValidityError",
    "Why",
    "__version__",
    "chip",
    "compare_chips",
    "fit_card",
    "from_torch",
    "load_network",
    "open_run",
    "run",
    "search",
    "sweep",
    "why",
    "write_report",
]
