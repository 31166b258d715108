"""A search over knobs of a workload for several objectives under constraints."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imssa_sim.api.progress import told_of
from imssa_sim.report.run_directory import folder_name, writing
from imssa_sim.report.search import WIDTH, screen, trial_rows, write_search

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from matplotlib.figure import Figure

    from imssa_sim.searches.plan import SearchPlan
    from imssa_sim.searches.run import Found
    from imssa_sim.simulation.progress import Progress


class Search:
    """What a search found: `imssa_sim.search` makes one.

    Attributes
    ----------
    found : Found
        Trials, front, knee, hypervolume and importances in plain Python.
    path : Path or None
        Its folder, where it was kept.
    """

    def __init__(self, found: Found, path: Path | None = None) -> None:
        self.found, self.path = found, path

    @property
    def interrupted(self) -> bool:
        """Whether it was, and holds what was there by then."""
        return self.found.interrupted

    @cached_property
    def trials(self) -> pd.DataFrame:
        """A row a trial: ``end``, the plan's statistics in SI, ``hypervolume``, the settings."""
        import pandas as pd

        return pd.DataFrame(trial_rows(self.found))

    @property
    def front(self) -> pd.DataFrame:
        """Rows of `trials` that hold all constraints and that none of these dominates."""
        return self.trials[self.trials["front"]]

    @property
    def knee(self) -> dict[str, Any] | None:
        """Settings of the point of the front nearest to the best of each objective."""
        return None if self.found.knee is None else dict(self.found.knee.record.settings)

    @cached_property
    def importances(self) -> pd.DataFrame:
        """Share of each objective's variance that a knob explains (fANOVA): a row a knob."""
        import pandas as pd

        names = [knob.name for knob in self.found.plan.knobs]
        columns = {k: dict(v) for k, v in self.found.importances.items()}
        return pd.DataFrame(columns, index=pd.Index(names, name="knob"))

    def figure(self) -> Figure:
        """Draw front, hypervolume and importances; a Matplotlib figure outside of pyplot."""
        from imssa_sim.report.figures.search import search_figure

        return search_figure(self.found)

    def summary(self, width: int = WIDTH) -> str:
        """Return the front and the importances as text."""
        return screen(self.found, width)

    def __repr__(self) -> str:
        found = self.found
        return (
            f"<Search {found.plan.name}: {len(found.records)} trials, front of "
            f"{len(found.front)} points>"
        )


def search(
    source: str | Path,
    knobs: Mapping[str, Any] | None = None,
    objectives: list[Any] | None = None,
    *,
    constraints: list[str] | None = None,
    set: Mapping[str, Any] | None = None,
    trials: int | None = None,
    sampler: str = "tpe",
    seed: int = 0,
    storage: str = "journal",
    jobs: int = 1,
    progress: Progress | bool = False,
    save: str | Path | None = None,
) -> Search:
    """Search values of a workload that are best in several objectives (needs Optuna).

    Parameters
    ----------
    source : str or Path
        The workload, a file or a shipped name; without ``knobs`` a search file, which has all else.
    knobs : mapping, optional
        Dotted path -> list of choices, or ``{"from": 4, "to": 8, "step": 2}``.
    objectives : list, optional
        ``accuracy``, ``energy``, ``latency``, ``area``, ``power``, ``programming``, any statistic
        of costs, or ``{statistic: "min" or "max"}``.
    constraints : list of str, optional
        ``"power.average <= 1 mW"``.
    set : mapping, optional
        Values common to all trials.
    trials : int, optional
        In all, over resumptions; 200 by default.
    sampler : {"tpe", "nsga2", "random", "grid"}
    seed : int
        Trial ``n`` draws from (seed, n).
    storage : str
        ``journal`` or ``sqlite``, in the folder; or a URL of SQLAlchemy.
    jobs : int
        Worker processes; -1: one for each processor. With one, a search is the same each time.
    progress : bool or Progress
        As for `imssa_sim.run`.
    save : str or Path, optional
        Folder; an interrupted search goes on in it. Without it nothing is kept.

    Returns
    -------
    Search

    Raises
    ------
    InputError
        A knob, objective or constraint cannot be; Optuna is absent; the folder is another search's.
    """
    from imssa_sim.errors import InputError
    from imssa_sim.searches.plan import read_search, search_of

    path = Path(source).expanduser()
    if knobs is None:
        beside = {"objectives": objectives, "constraints": constraints, "set": set}
        named = [name for name, value in beside.items() if value is not None]
        if named or (sampler, seed, storage) != ("tpe", 0, "journal"):
            raise InputError(
                "search: objectives, constraints, set, sampler, seed and storage go with knobs; a "
                "file has its own"
            )
        plan = read_search(path, trials)
    else:
        document = {
            "search": path.stem, "workload": str(source), "knobs": dict(knobs),
            "objectives": objectives, "constraints": constraints, "set": dict(set or {}),
            "sampler": sampler, "seed": seed, "storage": storage,
        }  # fmt: skip
        plan = search_of(document, Path("search"), trials)
    with ExitStack() as stack:
        folder = Path(save).expanduser() if save is not None else None
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "search"
        told = stack.enter_context(told_of(progress))
        done = run_search(plan, folder, jobs, told)
    if save is None:
        done.path = None
    return done


def run_search(plan: SearchPlan, folder: Path | None, jobs: int, told: Progress) -> Search:
    """Run the trials of a search that are not done yet, and write what all of them show.

    Raises
    ------
    InputError
        As `imssa_sim.searches.run.search`; the folder cannot be written.
    """
    from imssa_sim.report.figures.search import search_figure
    from imssa_sim.report.figures.style import save
    from imssa_sim.searches.run import search as run_all

    folder = folder or Path("runs") / folder_name(f"search-{plan.name}")
    found = run_all(plan, folder, jobs, told)
    with writing(folder, "its trials are whole, and the same command writes the rest"):
        write_search(found, folder)
        if found.records:
            save(search_figure(found), [folder / "search.png", folder / "search.svg"])
    return Search(found, folder)
