"""Work done in a copy of this process, beside what this one does meanwhile."""

from __future__ import annotations

import os
import select
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from imssa_sim.threads import available

PATIENCE = 60.0
"""Seconds after which a copy that has not ended is given up."""
_ours: list[bool] = []


def own_process() -> None:
    """Say that nobody else runs code in this process, so that it may be copied.

    A copy has one thread alone: locks that others hold at that moment stay locked there. Only the
    command line knows which threads there are. Elsewhere than on Linux nothing is copied.
    """
    _ours[:] = [sys.platform == "linux"]


@contextmanager
def beside(work: Callable[[], None]) -> Iterator[None]:
    """Do ``work``, which leaves nothing but files, in a copy of this process during the block.

    Where no copy may be made, or where it failed, ``work`` is done here behind the block, so that
    its errors arise here. It may thus be done twice.
    """
    copy = _Copy(work) if any(_ours) and available() > 1 else None
    try:
        yield
    except BaseException:
        if copy is not None:
            copy.kill()
        raise
    if copy is None or not copy.succeeded():
        work()


class _Copy:
    def __init__(self, work: Callable[[], None]) -> None:
        self._end, ours = os.pipe()
        with warnings.catch_warnings():  # of Python 3.12: see `own_process`
            warnings.simplefilter("ignore", DeprecationWarning)
            self._number = os.fork()
        if not self._number:
            _work_and_end(work)
        os.close(ours)  # what the copy holds of it closes with its end

    def succeeded(self) -> bool:
        """Wait, and tell whether the work was done."""
        if not select.select([self._end], [], [], PATIENCE)[0]:
            self.kill()
            return False
        return self._ended() == 0

    def kill(self) -> None:
        """End the copy, whatever it does."""
        with suppress(ProcessLookupError):
            os.kill(self._number, signal.SIGKILL)
        self._ended()

    def _ended(self) -> int:
        os.close(self._end)
        return os.waitpid(self._number, 0)[1]


def _work_and_end(work: Callable[[], None]) -> None:
    """Be the copy: leave nothing behind but what ``work`` writes."""
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C is answered by the original
        work()
        code = 0
    except BaseException:
        code = 1  # the original does the work again, and says what is wrong
    finally:
        os._exit(code)
