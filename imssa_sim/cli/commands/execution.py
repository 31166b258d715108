"""One run, or many of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imssa_sim.cli.group import app
from imssa_sim.cli.options import Figures, Overrides, Workload


@app.command("run")
def run_command(
    workload: Workload,
    overrides: Overrides = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Run directory; must not exist yet."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Master seed; same as --set seed=N.")
    ] = None,
    engine: Annotated[
        str, typer.Option("--engine", metavar="auto|event|recurrence", help="Timing engine.")
    ] = "auto",
    accuracy: Annotated[
        bool,
        typer.Option("--accuracy/--no-accuracy", help="Without: latency, energy and area alone."),
    ] = True,
    uncertainty: Annotated[
        bool, typer.Option("--uncertainty", help="Intervals of all totals, and what drives them.")
    ] = False,
    figures: Figures = True,
    trace: Annotated[
        str | None,
        typer.Option("--trace", metavar="vcd|perfetto", help="Also write all events of the chip."),
    ] = None,
    trace_window: Annotated[
        str | None,
        typer.Option("--trace-window", metavar="FIRST:LAST", help="Steps of the trace, from 0."),
    ] = None,
    extrapolate: Annotated[
        bool,
        typer.Option("--extrapolate", help="Use cards outside of their ranges; marked everywhere."),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the statistics as JSON instead of the summary.")
    ] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress, no summary.")] = False,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Wall time of every phase.")
    ] = False,
) -> None:
    """Run a workload through the chip: accuracy, latency, energy, area, and a run directory."""
    from imssa_sim.cli.run import run

    texts = list(overrides or [])
    if seed is not None:
        texts.append(f"seed={seed}")
    if extrapolate:
        texts.append("evaluate.extrapolate=true")
    run(
        workload,
        texts,
        output,
        engine,
        as_json=as_json,
        quiet=quiet,
        verbose=verbose,
        uncertainty=uncertainty,
        figures=figures,
        trace=trace,
        trace_window=trace_window,
        accuracy=accuracy,
    )


@app.command("why")
def why_command(
    workload: Annotated[
        str,
        typer.Argument(metavar="WORKLOAD", help="A workload file, a name, or a run's directory."),
    ],
    overrides: Overrides = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Directory; must not exist yet."),
    ] = None,
    runs: Annotated[
        int | None, typer.Option("--runs", min=1, help="Runs at most.  [default: 96]")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option("--seconds", min=1, help="Time at most.  [default: 110]")
    ] = None,
    chips: Annotated[
        int | None, typer.Option("--chips", min=1, help="Chip instances of each run.")
    ] = None,
    sequences: Annotated[
        int | None, typer.Option("--sequences", min=8, help="Test sequences on each chip.")
    ] = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress, no tables.")] = False,
) -> None:
    """Tell what the accuracy on the chip dies of, what brings it back, and at which cost."""
    from imssa_sim.cli.why import why

    why(workload, overrides or [], output, runs, seconds, chips, sequences, quiet)


@app.command("sweep")
def sweep_command(
    file: Annotated[Path, typer.Argument(metavar="SWEEP", help="A sweep file (YAML).")],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="DIR", help="Results; an interrupted sweep goes on in it."
        ),
    ] = None,
    jobs: Annotated[
        int, typer.Option("-j", "--jobs", help="Worker processes; -1 for one a core.")
    ] = -1,
    backend: Annotated[
        str, typer.Option("--backend", help="local, or dask (extra cluster); same results.")
    ] = "local",
    scheduler: Annotated[
        str | None,
        typer.Option("--scheduler", metavar="ADDRESS", help="Of Dask; without, one starts here."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", help="Of Dask: to start here, or to wait for elsewhere."),
    ] = None,
    refuse_stale: Annotated[
        bool,
        typer.Option(
            "--refuse-stale", help="Stop where stored points are out of date; else they run again."
        ),
    ] = False,
    figures: Figures = True,
    keep_runs: Annotated[
        bool, typer.Option("--keep-runs", help="Keep each point's run directory in DIR/runs.")
    ] = False,
    formats: Annotated[
        list[str] | None,
        typer.Option("--format", help="A further table: parquet or latex; may be repeated."),
    ] = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress, no table.")] = False,
) -> None:
    """Run a workload over many overrides; table, CSV and figure."""
    from imssa_sim.api.sweep import Output
    from imssa_sim.cli.sweep import sweep

    sweep(
        file,
        output,
        Output(figures, keep_runs, tuple(formats or ())),
        quiet,
        jobs=jobs,
        backend=backend,
        scheduler=scheduler,
        workers=workers,
        refuse_stale=refuse_stale,
    )


@app.command("search")
def search_command(
    file: Annotated[Path, typer.Argument(metavar="SEARCH", help="A search file (YAML).")],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="DIR", help="Folder; an interrupted search goes on in it."
        ),
    ] = None,
    trials: Annotated[
        int | None, typer.Option("--trials", min=1, help="Trials in all, instead of the file's.")
    ] = None,
    jobs: Annotated[
        int,
        typer.Option(
            "-j", "--jobs", help="Worker processes; -1 for one a core. With 1 it repeats exactly."
        ),
    ] = 1,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress, no table.")] = False,
) -> None:
    """Search the best of several objectives under constraints (needs the extra 'search')."""
    from imssa_sim.cli.search import search

    search(file, output, trials, jobs, quiet)


@app.command("compare-chips")
def compare_chips_command(
    workload: Workload,
    bases: Annotated[
        list[str] | None,
        typer.Argument(metavar="[CHIP]...", help="As `list chips` shows them; all by default."),
    ] = None,
    overrides: Overrides = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Directory; must not exist yet."),
    ] = None,
    samples: Annotated[
        int | None, typer.Option("--samples", min=1, help="Test sequences on each chip.")
    ] = None,
    chips: Annotated[
        int | None, typer.Option("--chips", min=1, help="Instances of each chip.")
    ] = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress, no tables.")] = False,
) -> None:
    """Run one network on published chips: accuracy, latency, energy, area, TOPS/W of each."""
    from imssa_sim.cli.compare_chips import compare_chips

    compare_chips(workload, bases or [], overrides or [], output, samples, chips, quiet)


@app.command("validate-chips")
def validate_chips_command(
    chips: Annotated[
        list[str] | None, typer.Argument(metavar="[CHIP]...", help="All by default.")
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option("--page", metavar="FILE", help="Write the page docs/validation.md instead."),
    ] = None,
    figure: Annotated[
        Path | None,
        typer.Option("-f", "--figure", metavar="FILE", help="Draw ours against published instead."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Recompute the published figures of ISAAC, PUMA, HERMES, NeuRRAM and others."""
    from imssa_sim.cli.validate_chips import validate

    validate(chips or [], page, figure, as_json=as_json)
