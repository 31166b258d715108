"""A finished run in Python: its numbers as pandas, its figures, its directory."""

from __future__ import annotations

import html
import shutil
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imssa_sim.api.workload import one_of
from imssa_sim.errors import InputError
from imssa_sim.report.record import LiveRecord, Record
from imssa_sim.report.run_directory import RunDirectory, writing
from imssa_sim.report.screen import WIDTH
from imssa_sim.report.stored import StoredRun, read_run
from imssa_sim.report.write import write_run
from imssa_sim.units import format_si

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from matplotlib.figure import Figure

    from imssa_sim.api.why import Why
    from imssa_sim.ledger.uncertainty import Uncertainty
    from imssa_sim.report.uncertainty import Advantage
    from imssa_sim.simulation.progress import Progress
    from imssa_sim.simulation.stats import Value
    from imssa_sim.traces.write import Trace

_KEY_FIGURES = (
    ("accuracy.float", "accuracy, float", "%"),
    ("accuracy.digital", "accuracy, quantised", "%"),
    ("accuracy.analog.mean", "accuracy, chip", "%"),
    ("regression.r2.float", "R², float", ""),
    ("regression.r2.digital", "R², quantised", ""),
    ("regression.r2.analog.mean", "R², chip", ""),
    ("regression.rmse.analog.mean", "RMSE, chip", ""),
    ("time.end_to_end", "latency", "s"),
    ("time.interval", "interval per step", "s"),
    ("energy.inference", "energy per inference", "J"),
    ("energy.assumed_share", "of which on assumed numbers", "%"),
    ("power.average", "average power", "W"),
    ("tops_per_watt.useful", "TOPS/W, useful MACs", ""),
    ("area", "area", "m^2"),
)
"""Statistic, words, unit."""
_SHOWN = (
    "accuracy.analog.mean", "regression.r2.analog.mean", "time.end_to_end", "energy.inference",
    "area",
)  # fmt: skip


class Run:
    """A finished run.

    `imssa_sim.run` makes one, `imssa_sim.open_run` reads one back; both give the same numbers and
    figures. All quantities are in SI. ``run["energy.inference"]`` gives one statistic.

    Attributes
    ----------
    path : Path or None
        Directory of the run, where it has one.
    """

    def __init__(
        self,
        record: LiveRecord | StoredRun,
        uncertainty: tuple[Uncertainty, tuple[Advantage, ...]] | None = None,
        trace: Trace | None = None,
    ) -> None:
        self._record = record
        self._trace = trace
        self._uncertainty = uncertainty

    @property
    def path(self) -> Path | None:
        """Directory of the run, where it has one."""
        return self._record.path

    @property
    def name(self) -> str:
        """Name of its directory, or of its workload where it has none."""
        return self._record.name

    @property
    def config(self) -> dict[str, Any]:
        """Resolved configuration, by dotted path; quantities as text with their unit."""
        return dict(self._record.config)

    @property
    def manifest(self) -> dict[str, Any]:
        """Version, libraries, command, data, seed and wall times [s]."""
        return dict(self._record.manifest)

    @property
    def citations(self) -> str:
        """BibTeX of what the numbers rest on."""
        return self._record.citations

    @property
    def record(self) -> Record:
        """What the run says of itself, in plain Python."""
        return self._record

    def __getitem__(self, name: str) -> Value:
        one_of("statistic", name, tuple(self._record.values))
        return self._record.values[name]

    @cached_property
    def stats(self) -> pd.DataFrame:
        """All statistics: ``value``, ``unit`` and ``description`` by name."""
        import pandas as pd

        stats = self._record.stats
        return pd.DataFrame(
            {
                "value": pd.Series([s.value for s in stats], dtype=object),
                "unit": [s.unit for s in stats],
                "description": [s.description for s in stats],
            }
        ).set_index(pd.Index([s.name for s in stats], name="statistic"))

    @cached_property
    def accuracy(self) -> pd.Series[Any]:
        """Accuracies, 0 to 1, and numbers of samples; ``analog.mean`` is that on the chip.

        Of a regression there is none: see `regression`.
        """
        if "regression.samples" in self._record.values:
            raise InputError(f"{self.name} is a regression and has no accuracy: see run.regression")
        return self._numbers("accuracy")

    @cached_property
    def regression(self) -> pd.Series[Any]:
        """How near values come to their targets, with the bounds of 95 % intervals.

        ``r2.float``, ``r2.digital``, ``r2.analog.mean`` and the same of ``mse`` and ``rmse``, in
        the unit of the targets.
        """
        if "accuracy.samples" in self._record.values:
            raise InputError(f"{self.name} is a classification: see run.accuracy")
        return self._numbers("regression")

    @cached_property
    def timing(self) -> pd.Series[Any]:
        """Times [s], throughput [1/s], steps and ticks; ``end_to_end`` is the latency.

        ``run["time.bottleneck"]`` names what sets the interval.
        """
        return self._numbers("time")

    def _numbers(self, prefix: str) -> pd.Series[Any]:
        import pandas as pd

        values = {
            name.removeprefix(f"{prefix}."): value
            for name, value in self._record.values.items()
            if name.startswith(f"{prefix}.") and not isinstance(value, str)
        }
        return pd.Series(values, name=prefix, dtype=float)

    @cached_property
    def energy(self) -> pd.DataFrame:
        """Energy per inference [J]: a row a layer, a column a component kind, and leakage."""
        import pandas as pd

        from imssa_sim.report.tables import energy_of_record

        table = energy_of_record(self._record)
        return pd.DataFrame(
            table.energy,
            index=pd.Index(table.layers, name="layer"),
            columns=pd.Index(table.kinds, name="kind"),
        )

    @cached_property
    def area(self) -> pd.DataFrame:
        """Area [m²] and leakage [W] of the components: a row a path."""
        return self._table("area")

    @cached_property
    def ledger(self) -> pd.DataFrame:
        """Every action of an inference: a row a component, action and stage, with its count.

        Times [s], energies [J]; the last four columns split the energy by the weakest status of
        what it rests on. The account ``programming`` is spent once on a chip.
        """
        return self._table("ledger")

    @cached_property
    def layers(self) -> pd.DataFrame:
        """A row a layer: tiles, cells, energy per inference [J], area [m²], time of a step [s]."""
        return self._table("layers").set_index("layer")

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """A row a test sequence: ``labels``, and the class that each execution gave.

        Columns ``float``, ``digital``, ``chip0``, …; -1 where a chip was not given a sequence. Of a
        regression a row a target: ``sequence``, with several ``step`` and ``output``, ``targets``,
        and the values, not a number where a chip was not given a sequence.
        """
        if "predictions" not in self._record.tables:
            raise InputError(f"{self.name} has no predictions: it was run for its costs alone")
        return self._table("predictions")

    @cached_property
    def latency(self) -> pd.DataFrame:
        """What the first token waits for: a row an action, its service and waiting time [s]."""
        return self._table("latency")

    @cached_property
    def stream(self) -> pd.DataFrame | None:
        """Accuracy against time [s] since programming, a row a point and chip; None without one."""
        return self._table("stream") if "stream" in self._record.tables else None

    def _table(self, name: str) -> pd.DataFrame:
        import pandas as pd

        return pd.DataFrame(self._record.table(name))

    @cached_property
    def sources(self) -> pd.DataFrame:
        """What the costs rest on: a row a card entry and a kind of booking that uses it."""
        return self._table("sources")

    def explain(self, name: str) -> str:
        """Return where a statistic comes from: accounts, counts, card entries, their sources.

        Raises
        ------
        InputError
            There is no such statistic; names the nearest.
        """
        from imssa_sim.report.explain import explain_statistic

        return explain_statistic(self._record, name)

    def why(
        self,
        *,
        runs: int | None = None,
        seconds: float | None = None,
        chips: int | None = None,
        sequences: int | None = None,
        progress: Progress | bool = False,
        save: str | Path | bool = False,
    ) -> Why:
        """Find what the accuracy of this run's workload dies of; see `imssa_sim.why`."""
        from imssa_sim.api.why import why

        record = self._record
        source = record.path if isinstance(record, StoredRun) else record.result.loaded
        return why(
            source, runs=runs, seconds=seconds, chips=chips, sequences=sequences,
            progress=progress, save=save,
        )  # fmt: skip

    @property
    def figures(self) -> tuple[str, ...]:
        """Names that `figure` takes."""
        from imssa_sim.report.figures.of_run import figures_of

        return tuple(figures_of(self._record))

    def figure(self, name: str = "energy") -> Figure:
        """Draw a figure.

        Parameters
        ----------
        name : str
            ``energy`` (by layer and kind), ``energy_sunburst``, ``latency`` (by stage),
            ``timeline`` (of the first steps), ``stream`` (accuracy against time, where there was a
            stream), ``input`` (latencies and buffer of time steps that arrive in real time).

        Returns
        -------
        Figure
            Of Matplotlib, outside of pyplot: a notebook shows it, ``figure.savefig`` writes it.

        Raises
        ------
        InputError
            There is no such figure.
        """
        from imssa_sim.report.figures.of_run import draw

        one_of("figure", name, self.figures)
        return draw(self._record, name)

    def summary(self, width: int = WIDTH) -> str:
        """Return the screen that ends a run, at most ``width`` columns wide.

        One that was read from a directory has the width that it was stored with.
        """
        text = self._record.summary(width)
        return text if self._uncertainty is None else text + self._uncertain_lines()

    def report(self, file: str | Path | None = None) -> Path:
        """Write a report as one HTML file, ``report.html`` in its directory by default.

        See `imssa_sim.write_report`.
        """
        from imssa_sim.api.report import write_report

        return write_report(self, file)

    def save(self, directory: str | Path, figures: bool = True) -> Path:
        """Store the run in a directory that does not exist yet, whole or not at all.

        Parameters
        ----------
        directory : str or Path
        figures : bool
            Draw the figures (PNG and SVG) too.

        Returns
        -------
        Path
            The directory.

        Raises
        ------
        InputError
            If it exists, or cannot be written.
        """
        path = Path(directory).expanduser()
        with RunDirectory(path) as opened:
            self.write(opened, figures)
        return path

    def write(
        self, directory: RunDirectory, figures: bool = True, told: Progress | None = None
    ) -> None:
        """Write the files of the run into a directory that is open."""
        record = self._record
        with writing(directory.path, "nothing was kept"):
            if isinstance(record, StoredRun):
                for file in sorted(record.path.iterdir()):
                    if figures or file.suffix not in (".png", ".svg"):
                        shutil.copyfile(file, directory.file(file.name))
                return
            more = "" if self._uncertainty is None else self._uncertain_lines()
            write_run(directory, record.at(directory.path), figures, more)
            if self._uncertainty is not None:
                from imssa_sim.report.uncertainty import write_uncertainty

                write_uncertainty(directory, *self._uncertainty, figures=figures)
            if self._trace is not None:
                from imssa_sim.traces.write import write_trace

                write_trace(record.result, self._trace, directory.file, told)

    def _uncertain_lines(self) -> str:
        from imssa_sim.report.uncertainty import uncertainty_lines

        assert self._uncertainty is not None  # the callers'
        return "\n".join(["", "", *uncertainty_lines(*self._uncertainty)])

    def __eq__(self, other: object) -> bool:
        """Tell whether two runs gave the same numbers from the same configuration."""
        if not isinstance(other, Run):
            return NotImplemented
        mine, theirs = self._record, other._record
        return (
            (mine.values, mine.config, mine.tables) == (theirs.values, theirs.config, theirs.tables)
            and mine.stats == theirs.stats
            and all(mine.table(name) == theirs.table(name) for name in mine.tables)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{words} {text}"
            for statistic, words, text in self._key_figures()
            if statistic in _SHOWN
        )
        return f"<Run {self.name}: {shown}>"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left'>{html.escape(words)}</th><td>{html.escape(text)}</td>"
            "</tr>"
            for _, words, text in self._key_figures()
        )
        return f"<table><caption>{html.escape(self.name)}</caption>{rows}</table>"

    def _key_figures(self) -> list[tuple[str, str, str]]:
        values: Mapping[str, Value] = self._record.values
        found = []
        for statistic, words, unit in _KEY_FIGURES:
            value = values.get(statistic)
            if isinstance(value, int | float):
                text = f"{value:.1%}" if unit == "%" else format_si(value, unit)
                found.append((statistic, words, text if unit else f"{value:.4g}"))
        return found


def open_run(directory: str | Path) -> Run:
    """Read a run back from its directory.

    Parameters
    ----------
    directory : str or Path
        As `Run.save` and the command line leave it.

    Returns
    -------
    Run
        Equal to the one that was stored; tables are read when they are asked for.

    Raises
    ------
    InputError
        If it is missing, not a run's, or a file in it is damaged.
    """
    if not isinstance(directory, str | Path):
        raise InputError(f"a run's directory is a path, not {directory!r}")
    return Run(read_run(Path(directory).expanduser()))
