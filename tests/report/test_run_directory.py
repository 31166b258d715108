"""A run directory appears whole or not at all."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from imssa_sim.errors import InputError
from imssa_sim.report.run_directory import RunDirectory, default_path


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


def test_default_paths_do_not_collide(tmp_path: Path) -> None:
    now = datetime(2026, 1, 2, 3, 4, 5)
    first = default_path(tmp_path, "scifar", now)
    assert first.name == "scifar-20260102-030405"
    first.mkdir()
    assert default_path(tmp_path, "scifar", now) != first
