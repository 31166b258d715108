"""``compare``: two or more finished runs side by side."""

from __future__ import annotations

from pathlib import Path

from imssa_sim.errors import InputError


def compare_runs(paths: list[Path], figure: Path | None) -> None:
    """Print what differs in the configurations and the results of runs; draw it if asked.

    Raises
    ------
    InputError
        If there are fewer than two runs, one is not a run's directory, or the figure exists.
    """
    from rich.console import Console
    from rich.table import Table

    from imssa_sim.report.compare import compare, comparison_figure
    from imssa_sim.report.stored import read_run

    if len(paths) < 2:
        raise InputError("compare needs the directories of at least two runs")
    comparison = compare([read_run(path) for path in paths])
    console = Console()
    results, settings = Table(title="results"), Table(title="what differs in the configuration")
    for table in (results, settings):
        table.add_column("")
        for run in comparison.runs:
            table.add_column(run.name, justify="right", overflow="fold")
    for heading, cells in comparison.rows:
        results.add_row(heading, *cells)
    for key, values in comparison.differences:
        settings.add_row(key, *(str(value) for value in values))
    if comparison.differences:
        console.print(settings)
    else:
        console.print("the configurations are the same")
    console.print(results)
    if figure is not None:
        if figure.exists():
            raise InputError(f"'{figure}' exists already: nothing is overwritten; name another")
        if figure.suffix not in (".png", ".svg", ".pdf"):
            raise InputError(f"'{figure}': the name must end in .png, .svg or .pdf")
        from imssa_sim.report.figures.style import save

        save(comparison_figure(comparison), [figure])
        console.print(f"figure: {figure}", soft_wrap=True)
