"""A lock ends with its owner."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from imssa_sim.file_lock import FileLock

HOLD = """
import sys
from pathlib import Path
from imssa_sim.file_lock import FileLock
assert FileLock(Path(sys.argv[1])).acquire()
print("held", flush=True)
sys.stdin.read()
"""


def test_one_owner_at_a_time(tmp_path: Path) -> None:
    first, second = FileLock(tmp_path / "x"), FileLock(tmp_path / "x")
    assert first.acquire()
    assert not second.acquire()
    first.release()
    assert second.acquire()
    second.release()
    second.release()


def test_the_content_stays_readable_to_others(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("kept", "utf-8")
    lock = FileLock(path)
    assert lock.acquire()
    assert path.read_text("utf-8") == "kept"
    lock.release()


def test_it_ends_with_the_process_that_held_it(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "x")
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock.path)], stdin=-1, stdout=-1, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        assert not lock.acquire()
        other.kill()
        other.wait()
        assert lock.acquire()
    lock.release()
