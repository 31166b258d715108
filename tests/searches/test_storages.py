"""Two processes on one study, one of them killed: no trial is lost, none is made twice."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

pytest.importorskip("optuna")

from imssa_sim.searches.plan import read_search
from imssa_sim.searches.run import search
from imssa_sim.searches.study import Shared
from imssa_sim.simulation.progress import Silent

Write = Callable[..., Path]
TRIALS = 8
COUNT = {"trials": str(TRIALS), "sampler": "random", "race": "[]"}
pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")


def _programs() -> Path | None:
    """The folder of PostgreSQL's server: on the path, or where Debian has it."""
    found = shutil.which("initdb")
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return Path(found).resolve().parent if found else places[-1] if places else None


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    """URL of a server of the test's own, on loopback."""
    if not any(map(find_spec, ("psycopg", "psycopg2"))):
        pytest.skip("no driver of PostgreSQL is installed (psycopg)")
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed")
    user = None
    if os.geteuid() == 0:  # the server refuses to run as root
        import pwd

        try:
            pwd.getpwnam(user := "postgres")
        except KeyError:
            pytest.skip("root without a user postgres cannot start PostgreSQL")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    if user is not None:
        shutil.chown(folder, user)
    quiet = {"user": user, "check": True, "stdout": subprocess.DEVNULL, "cwd": folder}
    data = folder / "data"
    control = [str(programs / "pg_ctl"), "-D", str(data), "-w", "-s"]
    settings = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
    try:
        make = [str(programs / "initdb"), "-D", str(data), "-A", "trust", "-U", "tester", "-N"]
        subprocess.run(make, **quiet)  # type: ignore[call-overload]
        start = [*control, "-l", str(folder / "log"), "-o", settings, "start"]
        subprocess.run(start, **quiet)  # type: ignore[call-overload]
        yield f"postgresql://tester@127.0.0.1:{port}/postgres"
        subprocess.run([*control, "-m", "immediate", "stop"], **quiet)  # type: ignore[call-overload]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def two_of_which_one_dies(write: Write, storage: str) -> None:
    file = write(storage=storage, **COUNT)
    folder = file.parent / "out"
    command = [sys.executable, "-m", "imssa_sim", "search", str(file), "-q", "-o", str(folder)]
    first, second = (subprocess.Popen(command) for _ in range(2))
    plan = read_search(file, None)
    while first.poll() is None and second.poll() is None:
        if (folder / "search.json").exists():
            with Shared(plan, folder) as shared:
                if len(shared.records()) >= 2:
                    break
        time.sleep(0.1)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert second.wait(timeout=120) == 0
    subprocess.run(command, check=True)  # what the killed one had begun
    with (folder / "trials.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    with Shared(plan, folder) as shared:
        found = {number: dict(r.settings) for number, r in shared.records().items()}
    assert [int(row["trial"]) for row in rows] == sorted(found)
    alone = search(read_search(write(**COUNT), None), file.parent / "alone", 1, Silent())
    # Each trial draws from the seed and its own number, whoever runs it.
    assert found == {number: dict(r.settings) for number, r in alone.records.items()}
    assert len(found) == TRIALS


@pytest.mark.parametrize("storage", [pytest.param("journal", marks=pytest.mark.slow), "sqlite"])
def test_a_file_holds_all_trials_of_two_processes(search_file: Write, storage: str) -> None:
    two_of_which_one_dies(search_file, storage)


def test_postgresql_holds_all_trials_of_two_processes(search_file: Write, postgresql: str) -> None:
    two_of_which_one_dies(search_file, postgresql)
