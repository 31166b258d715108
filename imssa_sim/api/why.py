"""What the accuracy of a workload dies of, and what brings it back."""

from __future__ import annotations

import html
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from imssa_sim.api.progress import told_of
from imssa_sim.api.workload import load
from imssa_sim.errors import InputError
from imssa_sim.report.run_directory import RunDirectory, default_path, writing
from imssa_sim.report.why import WIDTH, rows_of, screen

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from imssa_sim.ablation.study import Study
    from imssa_sim.api.workload import Settings, Workload
    from imssa_sim.simulation.progress import Progress


class Why:
    """What the accuracy of a workload dies of: `imssa_sim.why` makes one.

    Attributes
    ----------
    study : Study
        All runs, in plain Python.
    path : Path or None
        Directory that it was stored in.
    """

    def __init__(self, study: Study, path: Path | None = None) -> None:
        self.study, self.path = study, path

    @property
    def interrupted(self) -> bool:
        """Whether it was, and holds what was there by then."""
        return self.study.interrupted

    @cached_property
    def table(self) -> pd.DataFrame:
        """A row a run: ``part``, ``change``, ``accuracy`` and ``gain`` (0 to 1) and their bounds.

        Also energy per inference [J], latency [s], area [m²], ``set`` for the command line, and
        ``error`` where a change has no result. The first row is the workload as it is.
        """
        import pandas as pd

        return pd.DataFrame(rows_of(self.study))

    @property
    def findings(self) -> list[str]:
        """What the table shows, in sentences."""
        from imssa_sim.ablation.findings import findings

        return findings(self.study)

    def figure(self) -> Figure:
        """Draw the accuracies with their intervals; a Matplotlib figure outside of pyplot."""
        from imssa_sim.report.figures.why import why_figure

        return why_figure(self.study)

    def summary(self, width: int = WIDTH) -> str:
        """Return tables and findings as text."""
        return screen(self.study, width)

    def save(self, directory: str | Path) -> Path:
        """Store ``why.csv``, ``why.txt`` and ``why.png`` in a directory that does not exist yet.

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
            with directory.file("why.csv").open("w", encoding="utf-8", newline="") as file:
                write_rows(file, rows_of(self.study))
            directory.file("why.txt").write_text(f"{self.summary()}\n", "utf-8")
            text = dump_resolved(self.study.loaded)
            directory.file("config.resolved.yaml").write_text(text, "utf-8")
            save(self.figure(), [directory.file("why.png")])

    def __repr__(self) -> str:
        base = self.study.base.accuracy
        share = "-" if base is None else f"{base.value:.1%}"
        return f"<Why {self.study.loaded.config.workload}: {share}, {self.study.runs} runs>"

    def _repr_html_(self) -> str:
        points = "".join(f"<li>{html.escape(text)}</li>" for text in self.findings)
        shown = self.table[self.table["error"] == ""]
        columns = ["part", "change", "accuracy", "accuracy_low", "accuracy_high", "gain"]
        formats = dict.fromkeys(columns[2:], "{:.1%}".format)
        return f"<ul>{points}</ul>" + shown[[*columns, "energy", "latency", "area"]].to_html(
            index=False, formatters=formats, float_format="{:.4g}".format, na_rep=""
        )


def why(
    workload: Workload,
    set: Settings | None = None,
    *,
    seed: int | None = None,
    runs: int | None = None,
    seconds: float | None = None,
    chips: int | None = None,
    sequences: int | None = None,
    progress: Progress | bool = False,
    save: str | Path | bool = False,
) -> Why:
    """Find what the accuracy of a workload on its chip dies of, and what brings it back.

    Each default effect is switched off, and left on alone; each other mapping, pair scheme,
    calibration, number of spare columns, converters of two bits more and less, and ages of the
    chip run one at a time; then the changes that help run together. Data, the float pass and the
    quantised networks are shared.

    Parameters
    ----------
    workload : str, Path, mapping or configuration
        As for `imssa_sim.run`; also the directory of a run.
    set : mapping or iterable of str, optional
        Values that override the workload's.
    seed : int, optional
        Master seed.
    runs : int, optional
        Runs at most; 96.
    seconds : float, optional
        Time at most [s]; 110. No run is begun that would not end before. Where all changes would
        not fit, they run on one chip, then on fewer sequences.
    chips, sequences : int, optional
        Chip instances (two at most by default) and test sequences a chip of each run.
    progress : bool or Progress
        As for `imssa_sim.run`.
    save : str, Path or bool
        Directory to store it in; True: ``runs/why-NAME-DATE``.

    Returns
    -------
    Why
        After Ctrl-C with what was there by then, ``interrupted``.

    Raises
    ------
    ImssaError
        Bad input, or the workload as it is cannot be run.
    """
    from imssa_sim.ablation.study import Budget, study

    for name, value in (("runs", runs), ("seconds", seconds), ("chips", chips),
                        ("sequences", sequences)):  # fmt: skip
        if value is not None and not value > 0:
            raise InputError(f"{name}: expected more than zero, not {value!r}")
    given = Budget()
    budget = Budget(runs or given.runs, seconds or given.seconds)
    loaded = load(_stored(workload), set, seed)
    target = None
    if save is not False:
        numbered = save is True
        named = default_path(Path("runs"), f"why-{loaded.config.workload}", datetime.now())
        target = RunDirectory(
            named if numbered else Path(str(save)).expanduser(), numbered=numbered
        )
    with told_of(progress) as told:
        if target is None:
            return Why(study(loaded, told, budget, chips, sequences))
        with target:
            done = Why(study(loaded, told, budget, chips, sequences), target.path)
            told.phase("writing table and figure", 0)
            done.write(target)
    done.path = target.path
    return done


def _stored(workload: Workload) -> Workload:
    """Return the resolved configuration of a run's directory, and anything else as it is."""
    if isinstance(workload, str | Path):
        path = Path(workload).expanduser()
        if path.is_dir():
            config = path / "config.resolved.yaml"
            if not config.exists():
                raise InputError(f"'{path}' is not the directory of a run: it has no {config.name}")
            return config
    return workload
