"""One run of a workload."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imssa_sim.api.progress import told_of
from imssa_sim.api.workload import load, one_of
from imssa_sim.errors import InputError
from imssa_sim.report.run_directory import RunDirectory, default_path

if TYPE_CHECKING:
    from collections.abc import MutableMapping, Sequence

    from imssa_sim.api.result import Run
    from imssa_sim.api.workload import Settings, Workload
    from imssa_sim.simulation.progress import Progress

ENGINES = ("auto", "event", "recurrence")


def run(
    workload: Workload,
    set: Settings | None = None,
    *,
    seed: int | None = None,
    engine: str = "auto",
    accuracy: bool = True,
    progress: Progress | bool = False,
    uncertainty: bool = False,
    save: str | Path | bool = False,
    figures: bool = True,
    trace: str | None = None,
    trace_window: str | tuple[int, int] | None = None,
    memory: MutableMapping[str, Any] | None = None,
    command: Sequence[str] = ("imssa_sim.run",),
) -> Run:
    """Run a workload through the chip: accuracy, latency, energy and area.

    Runs of one process share what does not depend on the chip, by the contents of files: the
    quantised network and its predictions, those in floating point, parsed files, a passed trial.

    Parameters
    ----------
    workload : str, Path, mapping or configuration
        A YAML file, the bare name of a shipped workload (``"sdigits"``), or its content.
    set : mapping or iterable of str, optional
        Values that override the workload's, ``{"hardware.adc.bits": 6}``.
    seed : int, optional
        Master seed; by default the workload's.
    engine : {"auto", "event", "recurrence"}
        Timing engine.
    accuracy : bool
        False: latency, energy and area alone, in some hundredths of a second. No data are read
        where their length is known, no value is computed, and cells are priced by their fixed
        activity; write-verify pulses by their card's mean.
    progress : bool or Progress
        True shows phases on standard error; False notes alone (data used, a fallback, a warning),
        because results depend on them; an object with the methods ``phase``, ``advance`` and
        ``note`` (`imssa_sim.simulation.progress.Progress`) is told of both.
    uncertainty : bool
        Also intervals of all totals over the ranges of the cards.
    save : str, Path or bool
        Directory to store the run in, reserved before anything is computed; True: as the command
        line does, ``runs/NAME-DATE``. `Run.save` stores one later.
    figures : bool
        Whether the directory gets figures.
    trace : {"vcd", "perfetto"}, optional
        Also write everything that happens on the chip to the run's directory, when it is saved:
        ``trace.vcd`` for GTKWave, or ``trace.perfetto.json`` for https://ui.perfetto.dev. The
        timing then runs once more event by event, without fast-forward.
    trace_window : str or tuple, optional
        First and last step of the trace, ``"10:19"`` or ``(10, 19)``; by default all.
    memory : mutable mapping, optional
        Functional executions to share between runs that differ in costs only; filled here.
    command : sequence of str
        What the manifest names as the command.

    Returns
    -------
    Run

    Raises
    ------
    ImssaError
        Bad input (nothing is written then), a model outside its validity, a broken invariant.

    Examples
    --------
    >>> import imssa_sim
    >>> run = imssa_sim.run("sdigits", set={"hardware.adc.bits": 7, "evaluate.chips": 1})
    >>> float(run.energy.to_numpy().sum())  # doctest: +SKIP
    2.1e-06
    """
    one_of("engine", engine, ENGINES)
    wanted = None
    if trace is not None or trace_window is not None:
        from imssa_sim.traces.write import wanted_trace

        wanted = wanted_trace(trace, trace_window)
    loaded = load(workload, set, seed)
    if wanted is not None and loaded.config.hardware.partition.passes > 1:
        raise InputError(
            "a trace shows one sequence, hardware.partition.passes writes tiles for a batch of "
            "them; leave one of them out"
        )
    target = None
    if save is not False:
        path = default_path(Path("runs"), loaded.config.workload, datetime.now())
        target = RunDirectory(path if save is True else Path(save).expanduser(), save is True)
    with target or nullcontext(), told_of(progress) as told:
        from imssa_sim.api.result import Run
        from imssa_sim.report.record import LiveRecord
        from imssa_sim.simulation.run import simulate
        from imssa_sim.simulation.stats import collect

        imports = threading.Thread(target=_import_writers, args=(figures,), daemon=True)

        def begins(steps: int) -> None:
            if wanted is not None:
                wanted.check(steps)
            if target is not None:
                imports.start()  # while compiled loops leave the interpreter free

        result = simulate(
            loaded,
            told,
            engine=engine,
            memory=memory,
            check_length=begins,
            accuracy=accuracy,
        )
        found, tree, stats = None, None, collect(result)
        if uncertainty:
            from imssa_sim.report.uncertainty import (
                run_uncertainty,
                uncertainty_stats,
                uncertainty_tree,
            )

            told.phase("uncertainty", 0)
            found = run_uncertainty(result)
            stats = (*stats, *uncertainty_stats(found[0]))
            tree = uncertainty_tree(*found)
        place = None if target is None else target.path
        done = Run(LiveRecord(result, stats, command, place, tree), found, wanted)
        if target is not None:
            told.phase("writing tables and figures", 0)
            if imports.ident is not None:
                imports.join()
            done.write(target, figures, told)
    return done


def _import_writers(figures: bool) -> None:
    """Import what writes a run's files."""
    import pyarrow.parquet  # noqa: F401

    if figures:
        import imssa_sim.report.figures.of_run  # noqa: F401
