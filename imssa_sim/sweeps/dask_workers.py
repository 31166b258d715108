"""Workers of a Dask scheduler: here over loopback, or wherever a scheduler's address leads.

Dask gives the group of a worker that died to another one. A group whose workers die again and again
(`distributed.scheduler.allowed-failures`, three times) is taken apart, so that the one point that
kills them is lost alone.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from imssa_sim.errors import InputError
from imssa_sim.threads import available

if TYPE_CHECKING:
    from imssa_sim.simulation.progress import Progress

Item = TypeVar("Item")
Result = TypeVar("Result")

HELD = 1000
"""Groups that the scheduler is given at a time."""
PATIENCE = 60.0
"""Seconds in which workers have to come."""

_one = threading.Lock()


def _all(work: Callable[[list[Any]], Iterator[Any]], group: list[Any]) -> list[Any]:
    """Work on a group; one at a time in a process, as compiled loops use all its threads."""
    with _one:
        return list(work(group))


class DaskWorkers:
    """Workers of a Dask scheduler; results that came are kept whatever dies.

    Parameters
    ----------
    scheduler : str or None
        Its address; None: scheduler and workers are started here, and end with this process.
    workers : int or None
        How many to start here, one a processor by default; of a scheduler elsewhere, how many to
        wait for.
    progress : Progress

    Raises
    ------
    InputError
        Dask is not installed, or there are no workers to start.
    """

    def __init__(self, scheduler: str | None, workers: int | None, progress: Progress) -> None:
        try:
            import distributed
        except ImportError as error:
            raise InputError(
                f"--backend dask needs dask.distributed ({error}): pip install 'imssa_sim[cluster]'"
            ) from None
        if workers is not None and workers < 1:
            raise InputError(f"--workers {workers}: at least one")
        self._dask: Any = distributed
        self._address, self._progress = scheduler, progress
        self._workers = (available() if scheduler is None else 1) if workers is None else workers

    @property
    def elsewhere(self) -> bool:
        """Whether workers may have other files, data and code than this process."""
        return self._address is not None

    def run(
        self,
        work: Callable[[list[Item]], Iterator[Result]],
        groups: Sequence[list[Item]],
        lost: Callable[[Item, str], Result],
    ) -> Iterator[Result]:
        """Yield the results of all items, see `Executor.run`.

        Raises
        ------
        InputError
            The scheduler cannot be reached or is lost, has no workers, or these lack the package.
        """
        if not groups:
            return
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        with ExitStack() as stack:
            client = self._client(stack)
            pending: dict[Any, list[Item]] = {}
            stack.callback(lambda: client.cancel(list(pending), force=True))
            finished = self._dask.as_completed()
            waiting = iter(groups)

            def submit(group: list[Item]) -> None:
                future = client.submit(_all, work, group, pure=False)
                pending[future] = group
                finished.add(future)

            for group in islice(waiting, HELD):
                submit(group)
            while pending:
                future = next(finished)
                group = pending.pop(future)
                results, again = self._results(client, future, group, lost)
                for part in again:
                    submit(part)
                for group in islice(waiting, 1):
                    submit(group)
                yield from results

    def _client(self, stack: ExitStack) -> Any:
        """Return a client of the scheduler, started here if there is none elsewhere."""
        number, address = self._workers, self._address
        where: Any = address
        if address is None:
            threads = max(1, available() // number)
            where = stack.enter_context(
                self._dask.LocalCluster(
                    n_workers=number, threads_per_worker=1, processes=True, memory_limit=0,
                    dashboard_address="127.0.0.1:0", silence_logs=logging.CRITICAL,
                    env={"NUMBA_NUM_THREADS": str(threads)},
                )
            )  # fmt: skip
        try:
            client = stack.enter_context(self._dask.Client(where))
        except (OSError, ValueError, TimeoutError) as error:
            raise InputError(
                f"no Dask scheduler answers at {address}: {_line(error)}; "
                "start one with `dask scheduler`, and give the address that it prints"
            ) from None
        if address is not None:
            there = len(client.scheduler_info(n_workers=-1)["workers"])
            if there < number:
                self._progress.note(f"{address}: waiting for {number} workers, {there} are there")
        try:
            client.wait_for_workers(number, timeout=PATIENCE)
        except TimeoutError:
            raise InputError(
                f"{address or 'here'}: fewer than {number} workers came in {PATIENCE:g} s; "
                "start them with `dask worker ADDRESS --nthreads 1`, or give fewer --workers"
            ) from None
        return client

    def _results(
        self, client: Any, future: Any, group: list[Item], lost: Callable[[Item, str], Result]
    ) -> tuple[list[Result], list[list[Item]]]:
        """Return the results of a group that has ended, and what of it is to run again."""
        if future.status == "finished":
            with suppress(CancelledError):  # its worker died with it just now
                found: list[Result] = future.result()
                return found, []
        if future.status != "error":
            if client.status == "running":
                return [], [group]
            raise InputError(
                f"the Dask scheduler {self._address or 'here'} was lost; what is finished is kept, "
                "and the same command continues"
            )
        error = future.exception()
        if isinstance(error, self._dask.KilledWorker):
            if len(group) > 1:
                return [], [[item] for item in group]
            return [lost(group[0], "every worker that took it died, out of memory?")], []
        raise InputError(
            f"a worker of {self._address or 'this machine'} cannot run points: "
            f"{type(error).__name__}: {_line(error)}; install there what is installed here"
        )


def _line(error: BaseException | None) -> str:
    return " ".join(str(error).split())[:200]
