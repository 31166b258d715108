"""What is printed arrives on every terminal, and what cannot be printed costs no result."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from imssa_sim.cli import main, output
from imssa_sim.report.run_directory import RunDirectory

WORKLOAD = """\
workload: {name}
description: "σ of 5 µS ± 1 Ω·m² → \\U0001F600 [red]x"
model: {{layers: 1, width: 8, state: 4, classes: 10}}
data: {{name: sdigits}}
calibration: {{samples: 16}}
hardware:
  chip: {{tile: {{rows: 24, columns: 48, cell: cells/taox_imssa}}}}
  adc: {{card: adc/survey_andrulis_2024}}
  dac: {{card: dac/pwm_40nm}}
evaluate: {{samples: 3, chips: 1, threads: 1}}
baselines: [gpu/jetson_nano_10w]
"""
SWEEP = "workload: tiny.yaml\ndescription: µ[red]\ngrid: {hardware.adc.bits: [3, 8]}\n"
ENCODINGS = ("ascii", "latin-1", "cp1252", "cp437", "utf-8", "utf-16")


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(WORKLOAD.format(name="'µ [red]x'"), "utf-8")
    (tmp_path / "s.yaml").write_text(SWEEP, "utf-8")
    return tmp_path


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two finished runs with names that mean something to markup, formulas and shells."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "tiny.yaml").write_text(WORKLOAD.format(name="tiny"), "utf-8")
    names = ["[red]x", "$a_{$ µ" + "n" * 200]
    for number, name in enumerate(names):
        words = ["run", str(folder / "tiny.yaml"), "-q", "--no-figures", "--seed", str(number)]
        assert main([*words, "-o", str(folder / name)]) == 0
    return [folder / name for name in names]


def console(encoding: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """Stand a terminal of an encoding in for both outputs; return how to read it."""
    raw = [io.BytesIO(), io.BytesIO()]
    streams = [io.TextIOWrapper(part, encoding=encoding, errors="strict") for part in raw]
    monkeypatch.setattr(sys, "stdout", streams[0])
    monkeypatch.setattr(sys, "stderr", streams[1])

    def read() -> str:
        for stream in streams:
            stream.flush()
        return "".join(part.getvalue().decode(encoding) for part in raw)

    return read


COMMANDS = {
    "run": ["run", "tiny.yaml", "--no-figures"],
    "uncertainty": ["run", "tiny.yaml", "--no-figures", "--uncertainty"],
    "sweep": ["sweep", "s.yaml", "-j", "1", "--no-figures", "-o", "sw"],
    "explain": ["explain", "tiny.yaml"],
    "list": ["list"],
    "cite": ["cite", "tiny.yaml"],
    "validate": ["validate", "tiny.yaml"],
    "bad value": ["validate", "tiny.yaml", "--set", "hardware.chip.clock=5 µΩ"],
    "bad name": ["validate", "größe-µ.yaml"],
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_speaks_every_encoding(
    base: Path, monkeypatch: pytest.MonkeyPatch, encoding: str, name: str
) -> None:
    read = console(encoding, monkeypatch)
    code = main(COMMANDS[name])
    said = read()
    assert code == (2 if name.startswith("bad") else 0)
    assert "internal error" not in said
    assert said
    if name == "run" and encoding == "ascii":
        assert " nJ per inference" in said
        assert "uW" in said or "mW" in said


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_compare_and_report_speak_every_encoding(
    runs: list[Path], monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    read = console(encoding, monkeypatch)
    assert main(["compare", *map(str, runs)]) == 0
    assert main(["report", str(runs[0])]) == 0
    said = read()
    assert "[red]x" in said
    assert "n" * 20 in "".join(said.split())


def test_names_are_names_in_figures(runs: list[Path], tmp_path: Path) -> None:
    for suffix in ("png", "svg", "pdf"):
        picture = tmp_path / f"$a_{{$.{suffix}"
        assert main(["compare", *map(str, runs), "-f", str(picture)]) == 0
        assert picture.stat().st_size > 3000


def test_what_stands_for_a_letter_is_plain() -> None:
    for letter, plain in output._PLAIN.items():
        assert not letter.isascii()
        assert plain.isascii()


def test_a_workload_writes_inside_runs_alone(base: Path) -> None:
    for name in ("../esc", "/abs", "a/b", "..", "C:\\x", "x" * 250):
        quoted = name.replace("\\", "\\\\")
        (base / "tiny.yaml").write_text(WORKLOAD.format(name=f'"{quoted}"'), "utf-8")
        assert main(["run", "tiny.yaml", "-q", "--no-figures"]) == 0
    assert sorted(path.name for path in base.iterdir()) == ["runs", "s.yaml", "tiny.yaml"]
    assert len(list((base / "runs").iterdir())) == 6
    (base / "s.yaml").write_text(f"sweep: ../../esc\n{SWEEP}", "utf-8")
    assert main(["sweep", "s.yaml", "-q", "-j", "1", "--no-figures"]) == 0
    assert sorted(path.name for path in base.iterdir()) == ["runs", "s.yaml", "tiny.yaml"]


FILES = (
    "config.resolved.yaml", "manifest.json", "stats.json", "stats.txt", "ledger.csv",
    "ledger.parquet", "area.csv", "layers.csv", "predictions.csv", "citations.bib",
    "energy_bars.png", "latency.svg", "uncertainty.json", "tornado_energy.png", "summary.txt",
)  # fmt: skip


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_told_whatever_file_it_hits(
    base: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from imssa_sim.simulation import run as module

    simulate, found = module.simulate, {}

    def once(loaded, *args, **kwargs):  # type: ignore[no-untyped-def]
        if not found:
            found["result"] = simulate(loaded, *args, **kwargs)
        return found["result"]

    monkeypatch.setattr(module, "simulate", once)
    file, chosen = RunDirectory.file, [""]

    def full(self: RunDirectory, name: str) -> Path:
        path = file(self, name)
        if name == chosen[0]:
            path.symlink_to("/dev/full")
        return path

    monkeypatch.setattr(RunDirectory, "file", full)
    for name in FILES:
        chosen[0] = name
        words = ["run", "tiny.yaml", "--uncertainty", "-o", "out"]
        assert main(words) == 2, name
        said = capsys.readouterr()
        assert "'out' cannot be written: No space left on device; nothing was kept" in said.err
        assert said.out == ""
        assert sorted(path.name for path in base.iterdir()) == ["s.yaml", "tiny.yaml"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("closed", ["full", "closed", "pipe"])
@pytest.mark.parametrize("command", ["run", "sweep"])
def test_results_are_whole_where_nobody_hears_of_them(
    base: Path, closed: str, command: str
) -> None:
    ends = {"full": "> /dev/full", "closed": ">&-", "pipe": "| true"}
    words = {"run": "run tiny.yaml", "sweep": "sweep s.yaml -j 1"}[command]
    line = f"{sys.executable} -m imssa_sim {words} --no-figures -o out {ends[closed]}"
    script = f"set -o pipefail; {line}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "standard output cannot be written" in done.stderr
    assert "whole in 'out'" in done.stderr
    assert "Traceback" not in done.stderr
    inside = {path.name for path in (base / "out").iterdir()}
    assert "table.csv" in inside or "summary.txt" in inside
    assert not any("partial" in path.name for path in base.rglob("*"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("end", ["> /dev/full", ">&-"])
@pytest.mark.parametrize("words", ["list cards", "validate sdigits", "--help"])
def test_a_screen_that_cannot_be_written_is_told(words: str, end: str) -> None:
    line = f"{sys.executable} -m imssa_sim {words} {end}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: output cannot be written: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("width", [40, 60, 80])
def test_the_screen_fits_the_terminal(
    base: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    assert main(["run", "tiny.yaml", "--no-figures", "-o", "out"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    assert any("TOPS/W" in line for line in lines)
    stored = (base / "out" / "summary.txt").read_text("utf-8").splitlines()
    assert 70 < max(map(len, stored)) <= 80


def test_report_repeats_the_uncertainty(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "tiny.yaml", "--no-figures", "--uncertainty", "-o", "out"]) == 0
    said = capsys.readouterr().out
    assert "uncertainty: " in said
    assert main(["report", "out"]) == 0
    assert capsys.readouterr().out == said
