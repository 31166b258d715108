"""The commands and their options. Nothing heavy is imported before a command runs.

A new command: a file ``imssa_sim/cli/<name>.py`` with a function that does the work and prints, and
here a function with its options and help that imports and calls it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
import typer.core
import typer.main

from imssa_sim import __version__


class ClosedPipeError(Exception):
    """Whoever read the output has closed it."""


class _Group(typer.core.TyperGroup):
    """Keeps Typer from turning a closed pipe into a failure."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise ClosedPipeError from None


app = typer.Typer(
    cls=_Group,
    help="Accuracy, latency, energy and area of quantised S4D networks on memristive hardware.",
    epilog="Exit codes: 0 ok, 2 bad input, 3 a model outside its validity, 4 internal error, "
    "130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain help: quick to print, the same in a terminal and in a pipe
    pretty_exceptions_enable=False,
)

Workload = Annotated[
    str, typer.Argument(metavar="WORKLOAD", help="A workload file, or a name that `list` shows.")
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="Override a value of the workload, for example hardware.adc.bits=6. Repeatable.",
    ),
]


Figures = Annotated[
    bool, typer.Option("--figures/--no-figures", help="Draw the figures (PNG and SVG).")
]


def command() -> typer.core.TyperGroup:
    """Return the command group that `imssa_sim.cli.main` runs."""
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    return group


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"imssa_sim {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error; may stand anywhere.")
    ] = False,
) -> None:
    """Accuracy, latency, energy and area of quantised S4D networks on memristive hardware."""


@app.command("validate")
def validate_command(workload: Workload, overrides: Overrides = None) -> None:
    """Check a workload, its overrides and its cards; or the file of a card."""
    from imssa_sim.cli.validate import validate

    validate(workload, overrides or [])


@app.command("explain")
def explain_command(
    workload: Annotated[
        str,
        typer.Argument(metavar="WORKLOAD", help="A workload file, a name, or a run's directory."),
    ],
    path: Annotated[
        str | None,
        typer.Argument(
            metavar="[PATH]",
            help="A dotted path, for example hardware.adc; of a run a statistic, energy.inference.",
        ),
    ] = None,
    overrides: Overrides = None,
) -> None:
    """Show each value, and the line that it comes from; of a run, where a statistic comes from."""
    from imssa_sim.cli.explain import explain

    explain(workload, path, overrides or [])


@app.command("list")
def list_command(
    what: Annotated[
        str | None, typer.Argument(metavar="[cards|workloads|chips|data]", help="All by default.")
    ] = None,
    own: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[PATH]...", help="With cards: your own, files or folders of them."),
    ] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Cards of this kind only.")] = None,
    page: Annotated[
        Path | None,
        typer.Option("--page", metavar="FILE", help="Write docs/cards.md, number by number."),
    ] = None,
) -> None:
    """List the cards, workloads, chips to run on (hardware.base), and data sets."""
    from imssa_sim.cli.list import list_available, write_page

    if page is not None:
        write_page(page)
    else:
        list_available(what, kind, own or [])


@app.command("cite")
def cite_command(
    source: Annotated[
        str, typer.Argument(metavar="RUN_OR_WORKLOAD", help="A run's folder, or a workload.")
    ],
    overrides: Overrides = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write to this file instead.")
    ] = None,
) -> None:
    """Print the BibTeX of a run or a workload."""
    from imssa_sim.cli.cite import cite

    cite(source, overrides or [], output)


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


@app.command("export-spice")
def export_spice_command(
    workload: Workload,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="Deck to write; must not exist.")
    ],
    tiles: Annotated[
        str, typer.Option("--tiles", metavar="PATH", help="A set of tiles of the mapped network.")
    ] = "chip.layer0.kernel",
    index: Annotated[int, typer.Option("--index", min=0, help="Tile in the set.")] = 0,
    chip: Annotated[int, typer.Option("--chip", min=0, help="Chip instance.")] = 0,
    overrides: Overrides = None,
    run: Annotated[
        bool, typer.Option("--run", help="Run ngspice too and compare the column currents.")
    ] = False,
) -> None:
    """Write a programmed tile as an ngspice deck."""
    from imssa_sim.cli.export_spice import export_spice

    export_spice(workload, overrides or [], tiles, index, chip, output, run)


@app.command("train")
def train_command(
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG", help="A training file, as in workloads/train/.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="Checkpoint to write; NAME.safetensors by default.",
        ),
    ] = None,
    overrides: Overrides = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start again instead of continuing an interrupted one.")
    ] = False,
) -> None:
    """Train a network (needs the extra 'train'); an interrupted training continues."""
    from imssa_sim.cli.train import train

    train(config, output, overrides or [], fresh)


@app.command("fit-card")
def fit_card_command(
    data: Annotated[
        Path,
        typer.Argument(metavar="CSV", help="Columns target [uS], achieved [uS], time [s], …"),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="Card to write (YAML).")
    ],
) -> None:
    """Fit the card of a memory cell to measurements; with a figure of the fit."""
    from imssa_sim.cli.fit_card import fit_card

    fit_card(data, output)


@app.command("import-checkpoint")
def import_checkpoint_command(
    source: Annotated[
        Path, typer.Argument(metavar="FILE", help="A .pt, .safetensors or .npz file.")
    ],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="FILE", help="Safetensors file; must not exist."),
    ],
    family: Annotated[
        str | None, typer.Option("--family", help="s4d, qs4d, s4block, s5, lru, or a package's.")
    ] = None,
    options: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="model.NAME=VALUE", help="What the file does not say. Repeatable."
        ),
    ] = None,
    renamed: Annotated[
        list[str] | None,
        typer.Option(
            "--map", metavar="OLD=NEW", help="Another name of an array, or of its first part."
        ),
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(
            "--check", metavar="IO.npz", help="Its inputs and outputs: decides, and must agree."
        ),
    ] = None,
) -> None:
    """Import a network of S4D, QS4D, S4 blocks, S5 or LRU (.pt needs the extra 'train')."""
    from imssa_sim.cli.import_checkpoint import import_checkpoint

    import_checkpoint(source, output, family, options or [], renamed or [], check)


@app.command("compare")
def compare_command(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN…", help="Directories of runs.")],
    figure: Annotated[
        Path | None,
        typer.Option("-f", "--figure", metavar="FILE", help="Draw the comparison (png, svg, pdf)."),
    ] = None,
) -> None:
    """Compare finished runs: what differs in their configurations and results."""
    from imssa_sim.cli.compare import compare_runs

    compare_runs(runs, figure)


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


@app.command("report")
def report_command(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN…", help="Directories of runs, or that of a sweep.")
    ],
    html: Annotated[
        bool, typer.Option("--html", help="Write one HTML file that opens offline.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="With --html; report.html in the run by default."
        ),
    ] = None,
) -> None:
    """Print the screen that ended a run once more, or write a report of runs or a sweep."""
    from imssa_sim.cli.report import report

    report(runs, html, output)
