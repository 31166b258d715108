"""Work in a copy of this process, in a process of its own each."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

BEGIN = """
import os, sys, time
from pathlib import Path
import imssa_sim.beside as module
from imssa_sim.beside import beside, own_process

here, out = os.getpid(), Path(sys.argv[1])

def work():
    with out.open("a") as file:
        file.write(f"{os.getpid() == here} {done}\\n")

done = False
"""


def lines(code: str, tmp_path, threads: str = "2") -> list[str]:
    """What ``work`` wrote: whether the process was the first, and whether the block was over."""
    out = tmp_path / "out"
    ended = subprocess.run(
        [sys.executable, "-c", BEGIN + code, str(out)],
        env={**os.environ, "NUMBA_NUM_THREADS": threads},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return out.read_text("utf-8").splitlines() if out.exists() else []


DURING = "with beside(work):\n    {}\n    done = True\n"


@pytest.mark.skipif(sys.platform != "linux", reason="nothing is copied")
def test_a_copy_works_during_the_block(tmp_path):
    assert lines("own_process()\n" + DURING.format("pass"), tmp_path) == ["False False"]


@pytest.mark.parametrize(("begin", "threads"), [("", "2"), ("own_process()\n", "1")])
def test_without_leave_or_a_second_thread_the_work_follows_the_block(tmp_path, begin, threads):
    assert lines(begin + DURING.format("pass"), tmp_path, threads) == ["True True"]


@pytest.mark.parametrize(
    "fails", ["raise OSError(28, 'full')", "os._exit(3)", "time.sleep(60)"], ids=str.split
)
def test_what_a_copy_fails_to_do_is_done_here(tmp_path, fails):
    code = f"""
def fails():
    if os.getpid() != here:
        {fails}
    work()

module.PATIENCE = 0.5
own_process()
with beside(fails):
    done = True
"""
    assert lines(code, tmp_path) == ["True True"]


def test_its_error_is_raised_here(tmp_path):
    code = """
own_process()
try:
    with beside(lambda: 1 / 0):
        done = True
except ZeroDivisionError:
    work()
"""
    assert lines(code, tmp_path) == ["True True"]


def test_an_error_of_the_block_ends_the_copy(tmp_path):
    code = """
def slowly():
    time.sleep(30)
    work()

own_process()
begin = time.monotonic()
try:
    with beside(slowly):
        raise KeyError
except KeyError:
    assert time.monotonic() - begin < 20
"""
    assert lines(code, tmp_path) == []
