"""``why``: what the accuracy of a workload dies of, and what brings it back."""

from __future__ import annotations

from pathlib import Path

from imssa_sim.api.progress import TerminalProgress
from imssa_sim.api.why import why as study_workload
from imssa_sim.cli.output import print_last


def why(
    workload: str,
    overrides: list[str],
    output: Path | None,
    runs: int | None,
    seconds: float | None,
    chips: int | None,
    sequences: int | None,
    quiet: bool,
) -> None:
    """Change one thing at a time, then what helps together; print tables, store table and figure.

    Raises
    ------
    ImssaError
        Bad input, or the workload as it is cannot be run.
    KeyboardInterrupt
        It was interrupted; what was there by then is printed and stored.
    """
    with TerminalProgress(quiet) as progress:
        done = study_workload(
            workload,
            overrides,
            runs=runs,
            seconds=seconds,
            chips=chips,
            sequences=sequences,
            progress=progress,
            save=True if output is None else output,
        )
    assert done.path is not None  # it was saved
    with print_last(done.path):
        if not quiet:
            print(done.summary())
            print(f"{'why':<11}{done.path}")
    if done.interrupted:
        raise KeyboardInterrupt
