"""validate, explain, list and cite on good input."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from imssa_sim.cards import parse_bibtex
from imssa_sim.cli import main
from imssa_sim.config import dump_resolved, load_config
from imssa_sim.files import locate

Write = Callable[..., Path]
Run = Callable[..., str]


@pytest.fixture
def output(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: str | Path, code: int = 0) -> str:
        assert main([str(word) for word in words]) == code
        captured = capsys.readouterr()
        assert (captured.err == "") is (code == 0)
        return captured.out if code == 0 else captured.err

    return run


def test_validate_counts_values_by_origin(output: Run) -> None:
    path = locate.find_workload("digits32")
    loaded = load_config(path)
    settings = ("--set", "hardware.adc.bits=5", "--set", "data.normalise=false")
    line = output("validate", path, *settings)
    kinds = {key: origin.kind for key, origin in loaded.origins.items()}
    known = [kinds["hardware.adc.bits"], kinds["data.normalise"]]
    numbers = [list(kinds.values()).count(kind) - known.count(kind) for kind in ("file", "default")]
    assert line == (
        f"{path}: valid ({len(kinds)} values: {numbers[0]} from the file, "
        f"2 overridden, {numbers[1]} defaults; 12 cards)\n"
    )


def test_explain_shows_every_value_and_its_origin(write_workload: Write, output: Run) -> None:
    path = write_workload()
    lines = output("explain", path, "--set", "seed=9").splitlines()
    assert lines[0] == f"# small.yaml: {path}"
    values = [line for line in lines[1:] if not line.startswith(" ")]
    assert len(values) == len(load_config(path).origins)
    assert "hardware.chip.clock = 1 GHz  # small.yaml:16:12" in values
    assert "bits.B = 8  # small.yaml:12:12" in values
    assert "seed = 9  # --set seed=9" in values
    assert "hardware.chip.technology = 32 nm  # default" in values
    assert "model.checkpoint = null  # default" in values
    assert "hardware.ideal = false  # default" in values
    assert "baselines = []  # default" in values


def test_explain_a_section(write_workload: Write, output: Run, folder: Path) -> None:
    path = write_workload()
    lines = output("explain", path, "hardware.adc").splitlines()
    assert lines[0] == f"hardware.adc.card = {folder}/adc.yaml  # small.yaml:22:11"
    assert lines[1] == f"    adc: a adc for tests  # {folder}/adc.yaml"
    assert lines[2].startswith("    energy = 1.5 pJ, 1 pJ to 2 pJ (assumed)  # ")
    assert lines[2].endswith("adc.yaml:5")
    assert "area = 30 um^2 (measured: shafiee2016isaac, Table 6)" in lines[3]
    assert lines[4] == "hardware.adc.bits = 7  # small.yaml:23:11"


def test_explain_one_value_and_one_number_of_a_card(
    write_workload: Write, output: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    write_workload()
    line = "hardware.adc.rate = 100 MHz  # small.yaml:24:11\n"
    assert output("explain", "small.yaml", "hardware.adc.rate") == line
    line = "energy = 1.5 pJ, 1 pJ to 2 pJ (assumed)  # adc.yaml:5\n"
    assert output("explain", "small.yaml", "hardware.adc.card.energy") == line


@pytest.mark.parametrize(
    ("path", "suggestion"),
    [
        ("hardware.adc.rat", "hardware.adc.rate"),
        ("hardwear.adc", "hardware.adc"),
        ("hardware.adc.card.enrgy", "hardware.adc.card.energy"),
    ],
)
def test_explain_suggests_paths(
    write_workload: Write, output: Run, path: str, suggestion: str
) -> None:
    message = output("explain", write_workload(), path, code=2)
    assert message.endswith(f"has no value at '{path}'; did you mean '{suggestion}'?\n")


def test_list_everything(output: Run) -> None:
    text = output("list")
    assert text.startswith("cards\n")
    for name in (*locate.card_names(), *locate.workload_names(), "sdigits", "digits32"):
        assert f"\n  {name}" in text


@pytest.mark.parametrize("what", ["cards", "workloads", "data"])
def test_list_one_sort(output: Run, what: str) -> None:
    from imssa_sim.data import dataset_names

    names = {
        "cards": locate.card_names(),
        "workloads": locate.workload_names(),
        "data": dataset_names(),
    }[what]
    assert tuple(line.split()[0] for line in output("list", what).splitlines()) == names


def test_list_cards_of_one_kind(output: Run) -> None:
    names = [line.split()[0] for line in output("list", "--kind", "adc").splitlines()]
    assert names == [name for name in locate.card_names() if name.startswith("adc/")]


def test_list_shows_own_cards(output: Run, folder: Path) -> None:
    (folder / "other.yaml").write_text("workload: x\n", encoding="utf-8")
    shipped = output("list", "cards").splitlines()
    lines = output("list", "cards", folder).splitlines()
    own = sorted(folder / f"{kind}.yaml" for kind in ("adc", "bus", "cell", "dac", "digital"))
    named = [line.split()[0] for line in lines[len(shipped) :]]
    assert {str(path) for path in own} <= set(named)
    assert str(folder / "other.yaml") not in named
    assert "a adc for tests" in lines[len(shipped)]
    only = output("list", "cards", folder / "adc.yaml", "--kind", "adc").splitlines()
    assert only[-1].split()[0] == str(folder / "adc.yaml")
    assert "there is no such file" in output("list", "cards", folder / "no.yaml", code=2)
    assert "go with `list cards` alone" in output("list", "data", folder, code=2)


def test_validate_checks_own_cards(output: Run, folder: Path) -> None:
    card = folder / "adc.yaml"
    assert output("validate", card) == (
        f"{card}: valid adc card (2 numbers: 1 assumed, 1 measured)\n"
    )
    card.write_text(card.read_text("utf-8").replace("unit: pJ", "unit: pX"), "utf-8")
    assert "adc.yaml:5:" in output("validate", card, code=2)
    assert "card" in output("validate", folder / "bus.yaml", "--set", "seed=1", code=2)


def test_list_suggests(output: Run) -> None:
    assert "did you mean 'cards'?" in output("list", "crads", code=2)
    assert "did you mean 'adc'?" in output("list", "cards", "--kind", "acd", code=2)


def test_cite_a_workload(write_workload: Write, output: Run) -> None:
    keys = list(parse_bibtex(output("cite", write_workload()), "x"))
    assert keys.count("shafiee2016isaac") == 1
    assert "gu2022s4d" in keys
    overrides = ["--set", "hardware.adc.card=adc/survey_andrulis_2024"]
    text = output("cite", write_workload(), *overrides)
    assert "andrulis2024adc" in parse_bibtex(text, "x")


def test_cite_a_run(write_workload: Write, output: Run, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    message = output("cite", run, code=2)
    assert "is not the folder of a run" in message
    loaded = load_config(write_workload())
    (run / "config.resolved.yaml").write_text(dump_resolved(loaded), encoding="utf-8")
    assert output("cite", run) == output("cite", write_workload())
    (run / "citations.bib").write_text("@misc{only, title = {This}}\n", encoding="utf-8")
    assert output("cite", run) == "@misc{only, title = {This}}\n"
    assert "--set applies to a workload" in output("cite", run, "--set", "seed=1", code=2)


def test_cite_into_a_file(write_workload: Write, output: Run, tmp_path: Path) -> None:
    path = write_workload()
    target = tmp_path / "out.bib"
    assert output("cite", path, "-o", target) == ""
    assert target.read_text(encoding="utf-8") == output("cite", path)
    assert "exists; remove it" in output("cite", path, "-o", target, code=2)
    assert "cannot be written" in output("cite", path, "-o", tmp_path / "no" / "x.bib", code=2)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_workload(write_workload: Write, output: Run) -> None:
    path = write_workload()
    path.chmod(0)
    assert "cannot be read: Permission denied" in output("validate", path, code=2)


def test_every_shipped_workload_is_valid(output: Run) -> None:
    for name in locate.workload_names():
        assert ": valid (" in output("validate", name)


def test_validate_finds_an_operating_point_outside_a_card(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The survey's converters have four bits and more: a run would stop there too."""
    assert main(["validate", "sdigits", "--set", "hardware.adc.bits=3"]) == 3
    assert "holds for bits from 4 to 16, not for 3" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("hardware.chip.tile.read_voltage=0.5 V", "read voltage 500 mV"),
        ("hardware.chip.temperature=400 K", "temperature 400 K"),
    ],
)
def test_validate_finds_conditions_outside_the_cells_card(
    capsys: pytest.CaptureFixture[str], setting: str, message: str
) -> None:
    assert main(["validate", "sdigits_taox", "--set", setting]) == 3
    assert f"{message} is outside of what cells/taox_imssa holds for" in capsys.readouterr().err


def test_validate_finds_a_senseless_cell(tmp_path: Path, output: Run) -> None:
    card = tmp_path / "inverted.yaml"
    card.write_text(
        "name: inverted\nkind: cell\ntitle: a cell\nparameters:\n"
        "  g_min: {value: 2, unit: uS, status: assumed}\n"
        "  g_max: {value: 1, unit: uS, status: assumed}\n",
        encoding="utf-8",
    )
    found = output("validate", "sdigits_taox", "--set", f"hardware.chip.tile.cell={card}", code=2)
    assert "inverted.yaml:6:1: parameters.g_max: 1 µS is not above g_min, 2 µS" in found
