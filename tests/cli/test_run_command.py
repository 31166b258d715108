"""``run`` and ``sweep`` as a user meets them: files, screen, JSON, refusals, interruptions."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from imssa_sim.cli import main

WORKLOAD = """\
workload: tiny
model: {layers: 1, width: 8, state: 4, classes: 10}
data: {name: sdigits}
calibration: {samples: 16}
hardware:
  chip: {tile: {rows: 24, columns: 48, cell: cells/taox_imssa}}
  adc: {card: adc/survey_andrulis_2024}
  dac: {card: dac/pwm_40nm}
evaluate: {samples: 6, chips: 2, threads: 1}
baselines: [gpu/jetson_nano_10w]
"""

FILES = {
    "config.resolved.yaml", "manifest.json", "stats.json", "stats.txt", "ledger.csv",
    "ledger.parquet", "area.csv", "layers.csv", "predictions.csv", "latency.csv",
    "timeline.csv", "sources.csv", "settings.csv", "citations.bib", "summary.txt",
}  # fmt: skip
FIGURES = ("energy_bars", "energy_sunburst", "latency", "timeline")


@pytest.fixture
def workload(tmp_path: Path) -> str:
    path = tmp_path / "tiny.yaml"
    path.write_text(WORKLOAD, encoding="utf-8")
    return str(path)


def left_over(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if p.name != "tiny.yaml")


def test_a_run_writes_one_directory_and_prints_one_screen(
    workload: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", workload, "-o", str(tmp_path / "out")]) == 0
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert len(lines) <= 52  # six of them say which converter model was used, and what others give
    assert max(len(line) for line in lines if not line.startswith("run ")) <= 80
    for word in ("accuracy", "latency", "energy", "TOPS/W", "assumed", "area", "bottleneck"):
        assert word in said.out
    effects = " ".join(said.out.split("effects ")[1].split("latency ")[0].split())
    on, off = effects.split("; off: ")
    assert "programming error" in on
    assert "thermal noise" in off
    assert "\x1b" not in said.out + said.err
    # A first run says before that it compiles.
    assert any(line.startswith("data: sdigits") for line in said.err.splitlines())
    assert left_over(tmp_path) == ["out"]
    figures = {f"{name}.{suffix}" for name in FIGURES for suffix in ("png", "svg")}
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES | figures


def test_the_resolved_configuration_runs_again_to_the_same_numbers(
    workload: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", workload, "-q", "--seed", "5", "-o", str(tmp_path / "a")]) == 0
    resolved = str(tmp_path / "a" / "config.resolved.yaml")
    assert main(["run", resolved, "-q", "-o", str(tmp_path / "b")]) == 0
    first, second = (
        {k: v for k, v in json.loads((tmp_path / x / "stats.json").read_text()).items()
         if not k.startswith("host.")}
        for x in "ab"
    )  # fmt: skip
    assert first == second
    assert capsys.readouterr().out == ""


def test_the_screen_names_the_effects_that_are_on_and_off(
    workload: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def shown(name: str, *settings: str) -> str:
        given = [word for setting in settings for word in ("--set", setting)]
        assert main(["run", workload, "--no-figures", "-o", str(tmp_path / name), *given]) == 0
        text = capsys.readouterr().out
        return " ".join(text.split("effects ")[1].split("latency ")[0].split())

    wired = shown("a", "hardware.effects.ir_drop=true", "hardware.effects.faults=false")
    on, off = wired.split("; off: ")
    assert "wires (IR drop)" in on
    assert "faults" in off
    assert "write verify" not in wired
    assert shown("b", "hardware.ideal=true") == "none: hardware.ideal"


def test_json_goes_to_standard_output_alone(
    workload: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", workload, "--json", "-o", str(tmp_path / "out")]) == 0
    stats = json.loads(capsys.readouterr().out)
    assert stats == json.loads((tmp_path / "out" / "stats.json").read_text("utf-8"))
    assert stats["energy.inference"] > 0


@pytest.mark.parametrize("engine", ["event", "recurrence"])
def test_engines_agree(
    workload: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], engine: str
) -> None:
    times = []
    for name in ("auto", engine):
        # The recurrence takes static arbitration only.
        words = ["run", workload, "--json", "--engine", name, "-o", str(tmp_path / name)]
        words += ["--set", "hardware.chip.arbitration=static"]
        assert main(words) == 0
        times.append(json.loads(capsys.readouterr().out)["time.end_to_end_ticks"])
    assert times[0] == times[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--set", "hardware.adc.bitz=8"], "did you mean 'hardware.adc.bits'"),
        (["--set", "hardware.chip.clock=1 ns"], "frequency"),
        (["--set", "hardware.chip.clock=5"], "unit"),
        (["--set", "bits.A=-3"], "bits.A"),
        (["--set", "hardware.adc.card=adc/survey_andrulis_2042"], "adc/survey_andrulis_2024"),
        (["--set", "model.checkpoint=no/such.safetensors"], "no/such.safetensors"),
        (["--set", "model.classes=7"], "model.classes"),
        (["--set", "data.name=sdigit"], "sdigits"),
        (["--set", "hardware.chip.tiles=1"], "tiles"),
        (["--engine", "evnt"], "event"),
    ],
)
def test_bad_input_exits_2_says_why_and_leaves_nothing(
    workload: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    said: str,
) -> None:
    assert main(["run", workload, "-o", str(tmp_path / "out"), *words]) == 2
    heard = capsys.readouterr().err
    assert said in heard
    assert "Traceback" not in heard
    assert left_over(tmp_path) == []


def test_a_model_outside_its_validity_exits_3(
    workload: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--set", "hardware.adc.bits=3", "-o", str(tmp_path / "out")]
    assert main(["run", workload, *words]) == 3
    assert "bits" in capsys.readouterr().err
    assert left_over(tmp_path) == []


def test_an_existing_output_folder_is_kept(
    workload: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("kept", encoding="utf-8")
    assert main(["run", workload, "-o", str(tmp_path / "out")]) == 2
    assert "exists already" in capsys.readouterr().err
    assert (tmp_path / "out" / "mine").read_text("utf-8") == "kept"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing(
    workload: str, tmp_path: Path, how: signal.Signals
) -> None:
    words = [sys.executable, "-m", "imssa_sim", "run", workload, "-v", "-o", str(tmp_path / "out")]
    words += ["--set", "evaluate.samples=all", "--set", "evaluate.chips=400"]
    # A process group of its own, so that the test runner does not hear the signal.
    run = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert run.stderr is not None
    for line in run.stderr:
        if line.startswith("quantised"):
            break
    time.sleep(0.2)
    os.kill(run.pid, how)
    rest = run.communicate(timeout=60)[1]
    assert run.returncode == 130
    assert "interrupted" in rest
    assert "Traceback" not in rest
    assert left_over(tmp_path) == []


SWEEP = """\
sweep: small
workload: tiny.yaml
grid:
  hardware.adc.bits: [4, 8]
  hardware.adc.card: [adc/survey_andrulis_2024, adc/zigzag_imc_28nm]
series: hardware.adc.card
"""


def test_a_sweep_resumes_where_it_stopped(
    workload: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, folder = tmp_path / "s.yaml", tmp_path / "results"
    file.write_text(SWEEP, encoding="utf-8")
    assert main(["sweep", str(file), "-o", str(folder), "-j", "1"]) == 0
    said = capsys.readouterr().out
    for word in ("zigzag_imc_28nm", "acc.", "TOPS/W", "[mm²]"):
        assert word in said
    results = folder / "results.jsonl"
    lines = results.read_text("utf-8").splitlines()
    assert len(lines) == 4
    # An interruption leaves a line that is cut off; what is complete is not run again.
    results.write_text("\n".join(lines[:2]) + "\n" + lines[2][:30], encoding="utf-8")
    assert main(["sweep", str(file), "-o", str(folder), "-j", "1", "-q"]) == 0
    again = results.read_text("utf-8").splitlines()
    assert again[:2] == lines[:2]
    assert len(again) == 4
    table = (folder / "table.csv").read_text("utf-8").splitlines()
    assert len(table) == 5
    assert (folder / "sweep.png").stat().st_size > 10_000


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_interrupted_sweep_says_how_to_go_on(workload: str, tmp_path: Path, jobs: str) -> None:
    file, folder = tmp_path / "s.yaml", tmp_path / "results"
    seeds = list(range(400))
    file.write_text(f"workload: tiny.yaml\ngrid: {{seed: {seeds}}}\n", encoding="utf-8")
    words = [sys.executable, "-m", "imssa_sim", "sweep", str(file), "-j", jobs, "-o", str(folder)]
    run = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, start_new_session=True)
    results, end = folder / "results.jsonl", time.monotonic() + 90
    while time.monotonic() < end and not (results.exists() and results.stat().st_size):
        time.sleep(0.05)
    os.kill(run.pid, signal.SIGINT)
    rest = run.communicate(timeout=60)[1]
    assert run.returncode == 130
    assert "the same command continues" in rest
    assert "Traceback" not in rest
    assert sorted(path.name for path in folder.iterdir()) == ["results.jsonl", "sweep.json"]


def test_a_sweep_does_not_mix_with_another(
    workload: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, folder = tmp_path / "s.yaml", tmp_path / "results"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    file.write_text(SWEEP, encoding="utf-8")
    assert main(["sweep", str(file), "-o", str(folder)]) == 2
    assert "not a sweep's folder" in capsys.readouterr().err


def test_a_run_imports_only_what_it_needs(tmp_path: Path) -> None:
    code = (
        "import sys; from imssa_sim.cli.main import main; "
        f"main(['run', 'sdigits', '-q', '-o', {str(tmp_path / 'run')!r}, "
        "'--set', 'evaluate.samples=2', '--set', 'evaluate.chips=1']); "
        "print([n for n in ('pandas', 'sklearn', 'scipy.stats', 'torch') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
