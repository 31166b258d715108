"""Measurements as files: what is read, and every kind of bad file with its message."""

from __future__ import annotations

import numpy as np
import pytest

from imssa_sim.errors import InputError
from imssa_sim.measurements.read import read_measurements

ROWS = [f"{n % 5 + 1},{n % 5 + 1.1 + n / 1000}" for n in range(60)]


def written(tmp_path, header, rows):
    path = tmp_path / "cells.csv"
    path.write_text("\n".join([header, *rows]) + "\n", "utf-8")
    return path


def test_units_become_si(tmp_path):
    rows = [f"{row},1,25,0.5,a{n}" for n, row in enumerate(ROWS)]
    header = "target [uS],Achieved (uS),time [ms],temperature [degC],read1 [nS],cell"
    found = read_measurements(written(tmp_path, header, rows))
    assert found.rows == 60
    assert found.target[:2] == pytest.approx([1e-6, 2e-6])
    assert found.time[0] == pytest.approx(1e-3)
    assert found.temperature[0] == pytest.approx(298.15)
    assert found.reads[0, 0] == pytest.approx(0.5e-9)
    assert len(set(found.cell.tolist())) == 60


def test_order_ties_readings_together_where_cells_have_no_names(tmp_path):
    rows = [f"{row},{time}" for time in (1, 100) for row in ROWS[:30]]
    found = read_measurements(written(tmp_path, "target [uS],achieved [uS],time [s]", rows))
    assert found.cell.tolist() == [*range(30), *range(30)]
    with pytest.raises(InputError, match="column 'cell' is missing"):
        read_measurements(
            written(tmp_path, "target [uS],achieved [uS],time [s]", [rows[1], rows[0], *rows[2:]])
        )


@pytest.mark.parametrize(
    ("header", "rows", "message"),
    [
        ("target [uS],achievd [uS]", ROWS, r"csv:1.*unknown column 'achievd'.*'achieved'"),
        ("target [uS]", [r.split(",")[0] for r in ROWS], r"column 'achieved' is missing"),
        ("target,achieved [uS]", ROWS, r"'target' has no unit.*write 'target \[uS\]'"),
        ("target [uV],achieved [uS]", ROWS, r"'uV' is of dimension voltage, not conductance"),
        ("target [furlong],achieved [uS]", ROWS, r"column 'target': .*furlong"),
        ("target [uS],target [uS]", ROWS, r"'target' is there twice"),
        ("target [uS],achieved [uS]", [*ROWS, "1,nan"], r"csv:62.*'nan' is not a finite number"),
        ("target [uS],achieved [uS]", [*ROWS, "1,"], r"csv:62.*there is no number"),
        ("target [uS],achieved [uS]", [*ROWS, "1,x2"], r"csv:62.*'x2' is not a number"),
        ("target [uS],achieved [uS]", [*ROWS, "-1,2"], r"csv:62.*-1 is negative"),
        ("target [uS],achieved [uS]", [*ROWS, "1,2,3"], r"csv:62.*3 values for 2 columns"),
        ("target [uS],achieved [uS]", ROWS[:10], r"10 rows are too few.*at least 50"),
        ("target [uS],achieved [uS],cell", [f"{r},same" for r in ROWS], r"a cell has the targets"),
        ("target [uS],achieved [uS]", ["a,b"] * 99, r"and \d+ more lines like these"),
    ],
)
def test_bad_files(tmp_path, header, rows, message):
    with pytest.raises(InputError, match=f"(?s){message}"):
        read_measurements(written(tmp_path, header, rows))


def test_a_file_that_is_not_there_and_an_empty_one(tmp_path):
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_measurements(tmp_path / "none.csv")
    (tmp_path / "empty.csv").write_bytes(b"")
    with pytest.raises(InputError, match="is empty"):
        read_measurements(tmp_path / "empty.csv")
    (tmp_path / "binary.csv").write_bytes(np.arange(200, dtype=np.uint8).tobytes())
    with pytest.raises(InputError, match="cannot be read"):
        read_measurements(tmp_path / "binary.csv")
