"""Workloads with something wrong in them: a message and 2 or 3, or a run and 0, nothing else."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from imssa_sim.cli import main

WORKLOAD = """\
workload: mutated
seed: 1
model:
  layers: 1
  width: 8
  state: 4
  classes: 10
  bidirectional: false
data:
  name: sdigits
bits: {default: 8, A: 7}
calibration: {samples: 16}
hardware:
  ideal: false
  chip:
    clock: 1 GHz
    technology: 32 nm
    supply: 0.9 V
    temperature: 300 K
    tile: {rows: 24, columns: 48, cell: cells/taox_imssa, read_voltage: 0.1 V}
  adc: {card: adc/survey_andrulis_2024, bits: 8, rate: 100 MHz}
  dac: {card: dac/pwm_40nm, bits: 8}
  effects: {read_noise: true}
evaluate: {samples: 2, chips: 1, threads: 1, time_since_programming: 1 h}
baselines: [gpu/jetson_nano_10w]
"""
# Small enough that what turns out to be valid runs at once.
WORDS = (
    "-1", "0", "1", "2", "3", "7", "16", "33", ".5", "1e-9", "1e400", ".inf", ".nan", "null", "~",
    "true", "no", "[]", "{}", "[1, 2]", "{a: 1}", "x", "''", "1 ns", "0.1 V", "-5 GHz", "3 K",
    "1 year", "50 uS", "1 TOPS", "&a 1", "*a", "!!python/object:os.system x", "'", '"', ":", "- ",
    "#", "\t", "µ", "\x00", "\ud7ff", "2026-01-02", "0x10", "0o7", "1_000", "<<: 1", "|", ">", "%",
    "@", "`", "../x.yaml", "cells/ideal", "adc/isaac_saberi", "dac/isaac_1bit", "sdigits", "auto",
    "all", "static", "none", "bit_serial", "one_sided", "1 2 3", "١", "9" * 400,
)  # fmt: skip


def mutated(chance: random.Random) -> str:
    """Return the workload with one to three things changed."""
    text = WORKLOAD
    for _ in range(chance.randint(1, 3)):
        lines = text.splitlines()
        at = chance.randrange(len(lines))
        kind = chance.randrange(8)
        if kind == 0:
            del lines[at]
        elif kind == 1:
            lines.insert(at, lines[at])
        elif kind == 2:
            other = chance.randrange(len(lines))
            lines[at], lines[other] = lines[other], lines[at]
        elif kind == 3:
            lines[at] = " " * chance.randrange(5) + lines[at].lstrip()
        elif kind == 4:
            place = chance.randrange(len(lines[at]) + 1)
            lines[at] = lines[at][:place] + chance.choice(WORDS) + lines[at][place:]
        elif kind == 5:
            lines[at] = lines[at][: chance.randrange(len(lines[at]) + 1)]
        else:
            key, colon, _ = lines[at].rpartition(": ")
            lines[at] = f"{key}{colon}{chance.choice(WORDS)}" + ("}" if "{" in key else "")
        text = "\n".join(lines) + "\n"
    return text


def seeds(number: int, start: int) -> Iterator[random.Random]:
    for seed in range(start, start + number):
        yield random.Random(seed)


def try_all(
    number: int, start: int, folder: Path, capsys: pytest.CaptureFixture[str]
) -> dict[int, int]:
    file = folder / "mutated.yaml"
    codes: dict[int, int] = {}
    for chance in seeds(number, start):
        file.write_text(mutated(chance), "utf-8", errors="surrogatepass")
        validated = main(["validate", str(file)])
        out = folder / "out"
        code = main(["run", str(file), "-q", "--no-figures", "-o", str(out)])
        heard = capsys.readouterr()
        shown = f"{file.read_text('utf-8')}\n{heard.err}"
        assert code in (0, 2, 3), shown
        assert validated in (0, 2, 3), shown
        assert "internal error" not in heard.err, shown
        assert "Traceback" not in heard.err, shown
        if validated:
            assert code == validated, shown
        if code:
            assert heard.err.strip(), shown
            assert [path.name for path in folder.iterdir()] == ["mutated.yaml"], shown
        else:
            for path in sorted(out.rglob("*"), reverse=True):
                path.unlink()
            out.rmdir()
        codes[code] = codes.get(code, 0) + 1
    return codes


def test_sixty_mutated_workloads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    codes = try_all(60, 0, tmp_path, capsys)
    assert codes[2] > 20  # most mutants are caught …
    assert codes.get(0, 0) > 0  # … and some are as good as before


@pytest.mark.slow
def test_a_thousand_mutated_workloads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    try_all(1000, 1000, tmp_path, capsys)
