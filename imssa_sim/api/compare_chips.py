"""One network on published chips, side by side."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from imssa_sim.api.progress import told_of
from imssa_sim.api.workload import load, overrides
from imssa_sim.errors import ConfigError, InputError
from imssa_sim.report.chips import WIDTH, rows_of, screen
from imssa_sim.report.run_directory import RunDirectory, default_path, writing

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    from matplotlib.figure import Figure

    from imssa_sim.api.workload import Settings, Workload
    from imssa_sim.comparison.chips import Candidate, ChipsCompared
    from imssa_sim.simulation.progress import Progress


class ChipComparison:
    """One network on published chips: `imssa_sim.compare_chips` makes one.

    Attributes
    ----------
    comparison : ChipsCompared
        All runs, in plain Python.
    path : Path or None
        Directory that it was stored in.
    """

    def __init__(self, comparison: ChipsCompared, path: Path | None = None) -> None:
        self.comparison, self.path = comparison, path

    @property
    def interrupted(self) -> bool:
        """Whether it was, and holds what was there by then."""
        return self.comparison.interrupted

    @cached_property
    def table(self) -> pd.DataFrame:
        """A row a chip, the workload's own hardware first; all quantities in SI.

        ``accuracy`` (0 to 1) and its bounds, ``latency``, ``energy``, ``area``,
        ``tops_per_watt_useful`` and ``…_array``, ``tiles`` and ``tiles_built``; ``…_at_node`` with
        the digital parts at the workload's own node and supply; ``lacks``, ``assumed``, and
        ``error`` where a chip cannot hold the network.
        """
        import pandas as pd

        return pd.DataFrame(rows_of(self.comparison)).set_index("chip")

    def figure(self) -> Figure:
        """Draw a line a chip; a Matplotlib figure outside of pyplot."""
        from imssa_sim.report.figures.chips import chips_figure

        return chips_figure(self.comparison)

    def summary(self, width: int = WIDTH) -> str:
        """Return tables and what each chip lacks as text."""
        return screen(self.comparison, width)

    def save(self, directory: str | Path) -> Path:
        """Store ``chips.csv``, ``chips.txt``, ``chips.png`` and ``chips.svg`` in a new directory.

        Raises
        ------
        InputError
            If it exists, or cannot be written.
        """
        path = Path(directory).expanduser()
        with RunDirectory(path) as opened:
            self.write(opened)
        return path

    def write(self, directory: RunDirectory) -> None:
        """Write its files into a directory that is open."""
        from imssa_sim.config import dump_resolved
        from imssa_sim.ledger.rows import write_rows
        from imssa_sim.report.figures.style import save

        with writing(directory.path, "nothing was kept"):
            with directory.file("chips.csv").open("w", encoding="utf-8", newline="") as file:
                write_rows(file, rows_of(self.comparison))
            directory.file("chips.txt").write_text(f"{self.summary()}\n", "utf-8")
            text = dump_resolved(self.comparison.loaded)
            directory.file("config.resolved.yaml").write_text(text, "utf-8")
            save(self.figure(), [directory.file("chips.png"), directory.file("chips.svg")])

    def __repr__(self) -> str:
        c = self.comparison
        ran = sum(o.result is not None for o in c.outcomes) - 1
        return f"<ChipComparison {c.loaded.config.workload}: {ran} chips>"

    def _repr_html_(self) -> str:
        columns = ["accuracy", "latency", "energy", "area", "tops_per_watt_useful",
                   "tops_per_watt_array", "energy_at_node", "area_at_node", "error"]  # fmt: skip
        return str(self.table[columns].to_html(float_format="{:.4g}".format, na_rep=""))


def compare_chips(
    workload: Workload,
    bases: Iterable[str | Path] | None = None,
    set: Settings | None = None,
    *,
    seed: int | None = None,
    samples: int | None = None,
    chips: int | None = None,
    progress: Progress | bool = False,
    save: str | Path | bool = False,
) -> ChipComparison:
    """Run one network on every published chip: accuracy, latency, energy, area, TOPS/W.

    The workload's own hardware comes first. Each chip takes the place of the hardware section
    (``hardware.base``), with as many tiles as the network needs. One that cannot hold the network
    has the reason in the column ``error``.

    Parameters
    ----------
    workload : str, Path, mapping or configuration
        As for `imssa_sim.run`.
    bases : iterable of str or Path, optional
        Chips that ``imssa_sim list chips`` shows, or files of hardware; all that come along by
        default.
    set : mapping or iterable of str, optional
        Values that override the workload's; those of ``hardware`` are laid over every chip.
    seed : int, optional
        Master seed.
    samples, chips : int, optional
        Test sequences, and instances of each chip; by default the workload's.
    progress : bool or Progress
        As for `imssa_sim.run`.
    save : str, Path or bool
        Directory to store it in; True: ``runs/chips-NAME-DATE``.

    Returns
    -------
    ChipComparison
        After Ctrl-C with what was there by then, ``interrupted``.

    Raises
    ------
    ImssaError
        Bad input, or the workload cannot run on its own hardware.

    Examples
    --------
    >>> import imssa_sim
    >>> found = imssa_sim.compare_chips("sdigits", ["chips/puma"], samples=20)  # doctest: +SKIP
    >>> found.table["energy_at_node"]  # doctest: +SKIP
    """
    from imssa_sim.comparison.chips import compare

    texts = overrides(set, seed)
    for name, value in (("samples", samples), ("chips", chips)):
        if value is not None:
            if not value > 0:
                raise InputError(f"{name}: expected more than zero, not {value!r}")
            texts = (*texts, f"evaluate.{name}={value}")
    if any(text.partition("=")[0].strip() == "hardware.base" for text in texts):
        raise InputError(
            "hardware.base: compare-chips sets it itself; name the chips to compare instead"
        )
    candidates = _candidates(workload, bases, texts)
    changed = tuple(text for text in texts if text.startswith("hardware."))
    target = None
    if save is not False:
        own = candidates[0].loaded
        assert own is not None  # `_candidates` has loaded it
        named = default_path(Path("runs"), f"chips-{own.config.workload}", datetime.now())
        target = RunDirectory(named if save is True else Path(save).expanduser(), save is True)
    with told_of(progress) as told:
        if target is None:
            return ChipComparison(compare(candidates, told, changed))
        with target:
            done = ChipComparison(compare(candidates, told, changed), target.path)
            told.phase("writing table and figure", 0)
            done.write(target)
    done.path = target.path
    return done


def _candidates(
    workload: Workload, bases: Iterable[str | Path] | None, texts: tuple[str, ...]
) -> list[Candidate]:
    """Return the workload's own hardware, and every chip; one that cannot be has its reason.

    Raises
    ------
    ImssaError
        The workload cannot be, or there is no such chip, or its file is wrong.
    """
    from imssa_sim.comparison.chips import OWN, Candidate
    from imssa_sim.config import load_base
    from imssa_sim.files import locate

    if isinstance(bases, str | Path):
        raise InputError(f"bases: expected a list of names, not {bases!r}")
    own = load(workload, texts)
    names = locate.base_names() if bases is None else tuple(dict.fromkeys(map(str, bases)))
    found = [Candidate(OWN, own.base, own)]
    for name in names:
        base = load_base(name)
        try:
            loaded = load(workload, (f"hardware.base={name}", *texts, "evaluate.float=false"))
            found.append(Candidate(base.name, base, loaded))
        except ConfigError as error:
            found.append(Candidate(base.name, base, None, str(error).splitlines()[0]))
    return found
