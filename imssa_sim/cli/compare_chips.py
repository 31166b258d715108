"""``compare-chips``: one network on every published chip."""

from __future__ import annotations

from pathlib import Path

from imssa_sim.api.compare_chips import compare_chips as compare_workload
from imssa_sim.api.progress import TerminalProgress
from imssa_sim.cli.output import print_last


def compare_chips(
    workload: str,
    bases: list[str],
    overrides: list[str],
    output: Path | None,
    samples: int | None,
    chips: int | None,
    quiet: bool,
) -> None:
    """Run the network on each chip; print tables, store table and figure.

    Raises
    ------
    ImssaError
        Bad input, or the workload cannot run on its own hardware.
    KeyboardInterrupt
        It was interrupted; what was there by then is printed and stored.
    """
    with TerminalProgress(quiet) as progress:
        done = compare_workload(
            workload,
            bases or None,
            overrides,
            samples=samples,
            chips=chips,
            progress=progress,
            save=True if output is None else output,
        )
    assert done.path is not None  # it was saved
    with print_last(done.path):
        if not quiet:
            print(done.summary())
            print(f"{'chips':<11}{done.path}")
    if done.interrupted:
        raise KeyboardInterrupt
