"""From measurements of memory cells to a card."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from imssa_sim.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from imssa_sim.measurements.fit import CellFit


@dataclass(frozen=True, repr=False)
class FittedCard:
    """A card that was fitted to measurements.

    Attributes
    ----------
    fit : CellFit
        Bias, spread, drift or relaxation, read noise and stuck cells, with standard errors.
    text : str
        The card, as YAML.
    path : Path or None
        Where it was written.
    """

    fit: CellFit
    text: str
    path: Path | None

    def figure(self) -> Figure:
        """Draw the measurements and the fit."""
        from imssa_sim.report.figures.cell_fit import cell_fit

        return cell_fit(self.fit)

    def summary(self) -> str:
        """Return what was found, a line each."""
        from imssa_sim.measurements.summary import summary

        return summary(self.fit)

    def __repr__(self) -> str:
        return f"<FittedCard of {self.fit.data.rows} readings: {self.fit.programming.spread.name}>"


def fit_card(data: str | Path, output: str | Path | None = None) -> FittedCard:
    """Fit the card of a memory cell to measurements.

    Parameters
    ----------
    data : str or Path
        CSV file, the units in its first line: ``target [uS]`` and ``achieved [uS]``; optional are
        ``time [s]`` since programming, ``cell``, ``temperature [K]``, and further reads of a row
        ``read1 [uS]``, ``read2 [uS]``, ….
    output : str or Path, optional
        Card to write (YAML, must not exist), and beside it the figure of the fit (PNG).

    Returns
    -------
    FittedCard

    Raises
    ------
    InputError
        For what is wrong with the file, with its line; where there is nothing to fit.
    """
    from imssa_sim.measurements.card import card_text
    from imssa_sim.measurements.fit import fit_cell
    from imssa_sim.measurements.read import read_measurements

    source = Path(data).expanduser()
    path = None if output is None else Path(output).expanduser()
    figure = None if path is None else path.with_suffix(".png")
    for file in (path, figure):
        if file is not None and file.exists():
            raise InputError(f"'{file}' exists already: nothing is overwritten; choose another -o")
    if path is not None and path.suffix not in (".yaml", ".yml"):
        raise InputError(f"'{path}': a card is a YAML file, such as {path.stem or 'cell'}.yaml")
    try:
        fit = fit_cell(read_measurements(source))
    except InputError as error:
        raise error if str(source) in str(error) else InputError(f"{source}: {error}") from None
    text = card_text(fit, source, "cells/own" if path is None else f"cells/{path.stem}")
    fitted = FittedCard(fit, text, path)
    if path is not None and figure is not None:
        from imssa_sim.report.figures.style import save
        from imssa_sim.report.run_directory import writing

        with writing(path, "nothing was kept"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            save(fitted.figure(), [figure])
    return fitted
