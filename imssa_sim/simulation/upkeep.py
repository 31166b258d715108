"""What was done to the chips of a run beside inferences: writing and calibration."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from imssa_sim.devices.cell import load_cell
from imssa_sim.ledger.one_off import Upkeep, mean_writing
from imssa_sim.simulation.result import ColumnCalibration

if TYPE_CHECKING:
    from imssa_sim.circuits.programming import ProgrammingEffort
    from imssa_sim.config.schema import RunConfig
    from imssa_sim.functional.calibrate_columns import ColumnFit
    from imssa_sim.simulation.schedule import StreamSchedule


def upkeep_of(
    config: RunConfig,
    chips: list[dict[str, ProgrammingEffort]],
    plan: StreamSchedule | None,
) -> Upkeep:
    """Return what was done to the chips: writing, calibrations of each kind that is configured.

    Drift compensation reads known codes, as many as a tile has word lines, once after each
    programming and in every calibration. Without chips, writing is by the card's mean.
    """
    hardware = config.hardware
    if hardware.ideal:
        return Upkeep()
    effects, cell = hardware.effects, load_cell(hardware.chip.tile.cell)
    written = {}
    if effects.write_verify and chips:
        written = {path: mean_writing(chip[path] for chip in chips) for path in chips[0]}
    compensated = effects.drift and effects.drift_compensation and cell.drift is not None
    each = hardware.chip.tile.rows if compensated else 0
    columns = hardware.adc.calibration_reads if hardware.adc.calibrate else 0
    return Upkeep(
        written=written,
        calibration_reads=2 * each + columns,
        recalibration_reads=plan.calibrations * (each + columns) if plan else 0,
        rewritings=plan.rewritings if plan else 0,
    )


def column_calibration(fits: list[ColumnFit], reads: int) -> ColumnCalibration | None:
    """Return how far conversions were off in the calibrations of all chips; None without any."""
    readings = sum(fit.readings for fit in fits)
    if not readings:
        return None
    before, after = (math.fsum(getattr(fit, name) for fit in fits) for name in ("before", "after"))
    return ColumnCalibration(math.sqrt(before / readings), math.sqrt(after / readings), reads)
