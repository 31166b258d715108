"""Where the points of a sweep run: in processes here, or on workers of a Dask scheduler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from imssa_sim.errors import InputError, nearest
from imssa_sim.sweeps.workers import run_groups

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from imssa_sim.simulation.progress import Progress

Item = TypeVar("Item")
Result = TypeVar("Result")

BACKENDS = ("local", "dask")


class Executor(Protocol):
    """Runs groups of items in other places."""

    @property
    def elsewhere(self) -> bool:
        """Whether workers may have other files, data and code than this process."""

    def run(
        self,
        work: Callable[[list[Item]], Iterator[Result]],
        groups: Sequence[list[Item]],
        lost: Callable[[Item, str], Result],
    ) -> Iterator[Result]:
        """Yield the results of all items of all groups, in whatever order they come.

        Parameters
        ----------
        work : callable
            Yields one result an item, in order; a function of a module, as it goes to the workers.
        groups : sequence of lists
            Each is worked on by one process.
        lost : callable
            Makes the result of an item that has none, of the item and why.
        """


@dataclass(frozen=True)
class Local:
    """Processes on this machine; ``jobs``: how many, -1 for one a processor."""

    jobs: int = -1
    elsewhere = False

    def run(
        self,
        work: Callable[[list[Item]], Iterator[Result]],
        groups: Sequence[list[Item]],
        lost: Callable[[Item, str], Result],
    ) -> Iterator[Result]:
        """Yield the results of all items, see `Executor.run`."""
        return run_groups(work, groups, self.jobs, lost)


def executor_of(
    name: str, jobs: int, scheduler: str | None, workers: int | None, progress: Progress
) -> Executor:
    """Return what runs points, by the name of its backend.

    Parameters
    ----------
    name : {"local", "dask"}
    jobs : int
        Processes of ``local``.
    scheduler : str or None
        Address of a Dask scheduler; None: one is started here.
    workers : int or None
        Dask workers to start here, by default one a processor; of a scheduler elsewhere, how many
        to wait for.
    progress : Progress
        Told of what is waited for.

    Raises
    ------
    InputError
        No such backend, settings of another one, or Dask is not installed.
    """
    if name == "local":
        if scheduler is not None or workers is not None:
            raise InputError(
                "--scheduler and --workers go with --backend dask; here -j gives the processes"
            )
        return Local(jobs)
    if name == "dask":
        if jobs != -1:
            raise InputError("-j goes with --backend local; with dask, --workers says how many")
        from imssa_sim.sweeps.dask_workers import DaskWorkers

        return DaskWorkers(scheduler, workers, progress)
    close = nearest(name, BACKENDS)
    hint = f"; did you mean '{close}'?" if close else ""
    raise InputError(f"backend: '{name}' is not one of {', '.join(BACKENDS)}{hint}")
