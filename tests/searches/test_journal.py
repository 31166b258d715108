"""A line that a kill cut off does not spoil the journal."""

from pathlib import Path

import pytest

pytest.importorskip("optuna")

from imssa_sim.searches.journal import _mend, journal


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", b""),
        (b'{"a":1}\n', b'{"a":1}\n'),
        (b'{"a":1}\n{"b"', b'{"a":1}\n'),
        (b'{"a"', b""),
        (b"{}\n" + b"x" * 9000, b"{}\n"),
        (b"y" * 5000 + b"\n" + b"x" * 5000, b"y" * 5000 + b"\n"),
    ],
)
def test_mends_the_end(tmp_path: Path, before: bytes, after: bytes) -> None:
    path = tmp_path / "journal.log"
    path.write_bytes(before)
    _mend(path)
    assert path.read_bytes() == after


def test_a_study_goes_on_after_a_cut_line(tmp_path: Path) -> None:
    import optuna

    path = tmp_path / "journal.log"
    first = optuna.create_study(storage=journal(path), study_name="s")
    first.tell(first.ask(), 1.0)
    with path.open("ab") as file:
        file.write(b'{"op_code":')
    second = optuna.load_study(storage=journal(path), study_name="s")
    second.tell(second.ask(), 2.0)
    third = optuna.load_study(storage=journal(path), study_name="s")
    assert [trial.value for trial in third.trials] == [1.0, 2.0]
