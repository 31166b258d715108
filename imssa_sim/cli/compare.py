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
    from rich.box import SIMPLE
    from rich.markup import escape
    from rich.table import Table

    from imssa_sim.api.result import open_run
    from imssa_sim.report.compare import compare
    from imssa_sim.report.drawn import drawn
    from imssa_sim.report.run_directory import writing

    if len(paths) < 2:
        raise InputError("compare needs the directories of at least two runs")
    comparison = compare([open_run(path).record for path in paths])
    results, settings = (
        Table(title=title, box=SIMPLE, title_justify="left")
        for title in ("results", "what differs in the configuration")
    )
    for table in (results, settings):
        table.add_column("", overflow="fold")
        for run in comparison.runs:
            table.add_column(escape(run.name), justify="right", overflow="fold")
    for heading, cells in comparison.rows:
        results.add_row(heading, *cells)
    for key, values in comparison.differences:
        settings.add_row(key, *(escape(str(value)) for value in values))
    if comparison.differences:
        print(drawn(settings))
    else:
        print("the configurations are the same")
    print(drawn(results))
    if figure is not None:
        if figure.exists():
            raise InputError(f"'{figure}' exists already: nothing is overwritten; name another")
        if figure.suffix not in (".png", ".svg", ".pdf"):
            raise InputError(f"'{figure}': the name must end in .png, .svg or .pdf")
        from imssa_sim.report.figures.compare import comparison_figure
        from imssa_sim.report.figures.style import save

        with writing(figure, "no figure was kept"):
            save(comparison_figure(comparison), [figure])
        print(f"figure: {figure}")
