"""``export-spice``: one programmed tile as an ngspice deck."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from imssa_sim.config import load_config
from imssa_sim.errors import InputError, nearest

if TYPE_CHECKING:
    from imssa_sim.config.schema import RunConfig
    from imssa_sim.mapping.program import KernelTiles, LinearTiles


def export_spice(
    workload: str, overrides: list[str], tiles: str, index: int, chip: int, output: Path, run: bool
) -> None:
    """Write the deck of a tile, all word lines at the read voltage, and print what it is.

    Parameters
    ----------
    workload, overrides
        As in the other commands.
    tiles : str
        Dotted path of a tile set, for example ``chip.layer0.kernel``.
    index : int
        Number of the tile in the set.
    chip : int
        Chip instance.
    output : Path
        File to write; must not exist.
    run : bool
        Run ngspice too, and compare its column currents.

    Raises
    ------
    InputError
        For an unknown tile, or a file that exists or cannot be written.
    """
    import numpy as np

    from imssa_sim.circuits.array import write_tiles
    from imssa_sim.circuits.spice import column_currents, deck
    from imssa_sim.circuits.spice import run as run_deck
    from imssa_sim.circuits.transfer import transfer_matrix
    from imssa_sim.functional.columns import slices_of
    from imssa_sim.functional.configured import cell_array, wires
    from imssa_sim.mapping.tiles import rows_and_columns_held

    loaded = load_config(workload, overrides)
    config = loaded.config
    if output.exists():
        raise InputError(f"{output} exists already; nothing is overwritten, give another name")
    chosen = _tile_set(config, tiles)
    if not 0 <= index < chosen.tiles:
        raise InputError(f"{tiles} has tiles 0 to {chosen.tiles - 1}, not {index}")
    rows, columns = rows_and_columns_held(chosen)
    slices = slices_of(chosen, config.hardware.chip.tile)
    written = write_tiles(
        slices.weights,
        rows * slices.lines_per_row,
        columns * slices.number,
        cell_array(config.hardware),
        seed=config.seed,
        chip=chip,
        site=chosen.site,
    )
    time = config.evaluate.time_since_programming
    written.cell.check(time=time)
    used = written.in_use[index]
    cells = written.conductance(time)[index][np.ix_(used.any(axis=1), used.any(axis=0))]
    around = wires(config.hardware.chip.tile.wires)
    voltages = np.full(len(cells), config.hardware.chip.tile.read_voltage)
    title = f"{loaded.path.name} {tiles} tile {index} chip {chip}, {time:g} s after programming"
    text = deck(cells, around, voltages, title=title)
    try:
        output.write_text(text, encoding="ascii", errors="replace")
    except OSError as error:
        raise InputError(f"{output}: cannot be written: {error.strerror}") from None
    print(f"{output}: {cells.shape[0]} word lines, {cells.shape[1]} bit lines; ngspice -b {output}")
    if run:
        spice = column_currents(run_deck(text), cells.shape[1], around)
        ours = voltages @ transfer_matrix(cells, around).matrix
        worst = float(np.abs(ours / spice - 1).max())
        print(f"largest relative difference of the column currents to ngspice: {worst:.1e}")


def _tile_set(config: RunConfig, path: str) -> KernelTiles | LinearTiles:
    """Return the tiles of a path; the error names the nearest path."""
    from imssa_sim.mapping.build import build_program
    from imssa_sim.simulation.inputs import prepare_inputs
    from imssa_sim.simulation.quantisation import quantise_network

    network = quantise_network(config, prepare_inputs(config))
    program = build_program(network, config.hardware)
    every: tuple[KernelTiles | LinearTiles, ...] = (*program.kernels, *program.linears)
    sets = {tiles.path: tiles for tiles in every}
    if path not in sets:
        close = nearest(path, sets)
        hint = f"did you mean '{close}'?" if close else f"there are {', '.join(sets) or 'none'}"
        raise InputError(f"no tiles at '{path}'; {hint}")
    return sets[path]
