"""A run directory appears whole or not at all."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from imssa_sim.errors import InputError
from imssa_sim.report.run_directory import (
    RunDirectory,
    default_path,
    remove_left_over,
    writing,
)


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_files_appear_under_the_final_name_at_the_end(tmp_path: Path) -> None:
    with RunDirectory(tmp_path / "a" / "run") as directory:
        directory.file("x.txt").write_text("1", "utf-8")
        assert not (tmp_path / "a" / "run").exists()
    assert (tmp_path / "a" / "run" / "x.txt").read_text("utf-8") == "1"
    assert entries(tmp_path / "a") == ["run"]


@pytest.mark.parametrize("error", [RuntimeError("x"), KeyboardInterrupt()])
def test_nothing_is_left_after_a_failure(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)), RunDirectory(tmp_path / "new" / "run") as directory:
        directory.file("x.txt").write_text("1", "utf-8")
        raise error
    assert entries(tmp_path) == []


def test_an_existing_folder_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine.txt").write_text("kept", "utf-8")
    with pytest.raises(InputError, match="exists already"), RunDirectory(tmp_path / "run"):
        pytest.fail("the block must not run")
    assert (tmp_path / "run" / "mine.txt").read_text("utf-8") == "kept"
    assert entries(tmp_path) == ["run"]


def test_a_folder_that_appears_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="appeared"), RunDirectory(tmp_path / "run"):
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "mine.txt").write_text("kept", "utf-8")
    assert (tmp_path / "run" / "mine.txt").read_text("utf-8") == "kept"
    assert entries(tmp_path) == ["run"]


def test_a_parent_that_is_a_file_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(InputError, match="cannot be made"), RunDirectory(tmp_path / "file" / "run"):
        pytest.fail("the block must not run")


def test_runs_of_one_second_have_names_of_their_own(tmp_path: Path) -> None:
    path = default_path(tmp_path, "scifar", datetime(2026, 1, 2, 3, 4, 5))
    assert path.name == "scifar-20260102-030405"
    with RunDirectory(path, numbered=True) as first, RunDirectory(path, numbered=True) as second:
        with RunDirectory(path, numbered=True) as third:
            third.file("x").write_text("3", "utf-8")
        first.file("x").write_text("1", "utf-8")
        second.file("x").write_text("2", "utf-8")
    found = {folder: (tmp_path / folder / "x").read_text("utf-8") for folder in entries(tmp_path)}
    assert found == {path.name: "1", f"{path.name}-2": "2", f"{path.name}-3": "3"}
    assert [run.path.name for run in (first, second, third)] == sorted(found)


def test_a_name_that_is_being_written_is_refused(tmp_path: Path) -> None:
    with RunDirectory(tmp_path / "run"):
        with pytest.raises(InputError, match="is being written"), RunDirectory(tmp_path / "run"):
            pytest.fail("the block must not run")
        assert entries(tmp_path) == [".run.partial"]
    assert entries(tmp_path) == ["run"]


KILLED = """
import os, signal, sys
from pathlib import Path
from imssa_sim.report.run_directory import RunDirectory
with RunDirectory(Path(sys.argv[1])) as directory:
    directory.file("half").write_text("1", "utf-8")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "a")], check=False)
    assert entries(tmp_path) == [".a.partial"]
    with RunDirectory(tmp_path / "b"):
        assert entries(tmp_path) == [".b.partial"]


def test_what_living_runs_write_and_what_is_not_ours_stays(tmp_path: Path) -> None:
    (tmp_path / ".young.partial").mkdir()  # its owner is about to lock it
    (tmp_path / ".mine").mkdir()
    with RunDirectory(tmp_path / "a"):
        remove_left_over(tmp_path)
        assert entries(tmp_path) == [".a.partial", ".mine", ".young.partial"]
    os.utime(tmp_path / ".young.partial", (1, 1))
    remove_left_over(tmp_path)
    assert entries(tmp_path) == [".mine", "a"]


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("scifar", "scifar"),
        ("../esc", "esc"),
        ("/etc/passwd", "etc_passwd"),
        ("a\\b:c|d", "a_b_c_d"),
        ("..", "run"),
        ("Größe µ", "Größe_µ"),
        ("x" * 300, "x" * 80),
        ("a\nb\0c", "a_b_c"),
    ],
)
def test_a_folder_is_named_after_its_workload_and_stays_in_its_place(
    tmp_path: Path, name: str, folder: str
) -> None:
    path = default_path(tmp_path, name, datetime(2026, 1, 2, 3, 4, 5))
    assert path == tmp_path / f"{folder}-20260102-030405"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EFBIG, errno.EIO])
def test_a_disk_that_is_full_is_bad_input_that_names_the_folder(
    tmp_path: Path, number: int
) -> None:
    with (
        pytest.raises(InputError, match=r"run' cannot be written: .*; nothing was kept"),
        RunDirectory(tmp_path / "run") as directory,
        writing(directory.path, "nothing was kept"),
    ):
        raise OSError(number, os.strerror(number))
    assert entries(tmp_path) == []
