"""Each kind of bad input: position, dotted path, suggestion, exit code 2, no traceback."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from imssa_sim.cli import main

Write = Callable[..., Path]
Run = Callable[..., list[str]]


@pytest.fixture
def rejected(capsys: pytest.CaptureFixture[str]) -> Run:
    """Validate a workload that must be rejected, and return the lines of the message."""

    def run(path: Path | str, *overrides: str) -> list[str]:
        words = [w for text in overrides for w in ("--set", text)]
        code = main(["validate", str(path), *words])
        captured = capsys.readouterr()
        assert code == 2
        assert captured.out == ""
        assert "Traceback" not in captured.err
        return captured.err.rstrip("\n").split("\n")

    return run


# (replace this, by that, what the line says after the file's name)
ONE_PROBLEM = {
    "misspelt key": (
        "  width: 8",
        "  widht: 8",
        ":6:3: model.widht: unknown key 'widht'; did you mean 'width'?",
    ),
    "misspelt section": (
        "hardware:",
        "hardwear:",
        ":14:1: hardwear: unknown key 'hardwear'; did you mean 'hardware'?",
    ),
    "key in the wrong section": (
        "    clock: 1 GHz",
        "    clock: 1 GHz\n    per_tile: 8",
        ":17:5: hardware.chip.per_tile: unknown key 'per_tile'; "
        "valid keys here: clock, technology, supply, temperature, scaling, arbitration, tiles, "
        "tile; 'per_tile' stands at hardware.adc.per_tile",
    ),
    "key of nowhere": (
        "seed: 7",
        "seed: 7\nqqqq: 1",
        ":4:1: qqqq: unknown key 'qqqq'; valid keys here: workload, description, seed, model, "
        "data, bits, calibration, hardware, evaluate, baselines",
    ),
    "missing key": (
        "  width: 8\n",
        "",
        ":4:1: model.width: missing key 'width'; it has no default: add it",
    ),
    "missing section": (
        "data:\n  name: sdigits\n",
        "",
        ":1:1: data: missing key 'data'; it has no default: add it",
    ),
    "wrong dimension": (
        "clock: 1 GHz",
        "clock: 1 ns",
        ":16:12: hardware.chip.clock: '1 ns' is a time; "
        "expected a frequency, for example '1 GHz'",
    ),
    "wrong unit": (
        "clock: 1 GHz",
        "clock: 0.2 V",
        ":16:12: hardware.chip.clock: '0.2 V' is a voltage; "
        "expected a frequency, for example '1 GHz'",
    ),
    "missing unit": (
        "rate: 100 MHz",
        "rate: 1e8",
        ":24:11: hardware.adc.rate: '100000000.0' has no unit; "
        "expected a frequency, for example '1 GHz'",
    ),
    "unknown unit": (
        "rate: 100 MHz",
        "rate: 100 Mhz",
        ":24:11: hardware.adc.rate: unknown unit 'Mhz' in 'Mhz'; did you mean 'MHz'?; "
        "expected a frequency, for example '1 GHz'",
    ),
    "quantity of zero": (
        "clock: 1 GHz",
        "clock: 0 GHz",
        ":16:12: hardware.chip.clock: must be greater than zero",
    ),
    "negative time": (
        "time_since_programming: 1 h",
        "time_since_programming: -1 h",
        ":32:27: evaluate.time_since_programming: must not be negative",
    ),
    "a word for a quantity": (
        "clock: 1 GHz",
        "clock: true",
        ":16:12: hardware.chip.clock: true is not a quantity; "
        "write a number with a unit, for example '1 GHz'",
    ),
    "negative bits": (
        "bits: 7",
        "bits: -7",
        ":23:11: hardware.adc.bits: -7 is out of range; it must be at least 1",
    ),
    "too many bits": (
        "  A: 6",
        "  A: 17",
        ":13:6: bits.A: 17 is out of range; it must be at most 16",
    ),
    "bad default of bits, once": (
        "  default: 8",
        "  default: 1",
        ":12:12: bits.default: 1 is out of range; it must be at least 2",
    ),
    "unknown kind of bits": (
        "  A: 6",
        "  actvations: 6",
        ":13:3: bits.actvations: unknown key 'actvations'; did you mean 'activations'?",
    ),
    "fractional bits": (
        "bits: 7",
        "bits: 7.5",
        ":23:11: hardware.adc.bits: 7.5 is not a whole number",
    ),
    "quoted number": (
        "bits: 7",
        "bits: '7'",
        ":23:11: hardware.adc.bits: '7' is not a whole number; remove the quotes",
    ),
    "true for a number": (
        "layers: 2",
        "layers: true",
        ":5:11: model.layers: true is not a whole number",
    ),
    "a YAML 1.1 word for true": (
        "classes: 10",
        "classes: 10\n  bidirectional: yes",
        ":9:18: model.bidirectional: 'yes' is not true or false; write true",
    ),
    "a number for true": (
        "classes: 10",
        "classes: 10\n  bidirectional: 1",
        ":9:18: model.bidirectional: 1 is not true or false",
    ),
    "unknown choice": (
        "classes: 10",
        "classes: 10\n  norm: lyer",
        ":9:9: model.norm: 'lyer' is not one of layer, batch, none; did you mean 'layer'?",
    ),
    "odd state": (
        "state: 4",
        "state: 5",
        ":7:10: model.state: 5 is odd; "
        "real states come in pairs, one for each complex mode: give an even number",
    ),
    "odd columns": (
        "columns: 64",
        "columns: 63",
        ":18:7: hardware.chip.tile: columns: 63 is odd, but weights: differential needs pairs of "
        "lines; give an even number of columns, or weights: offset",
    ),
    "too few rows": (
        "rows: 64",
        "rows: 2",
        ":18:13: hardware.chip.tile.rows: 2 is out of range; it must be at least 3",
    ),
    "percentile": (
        "seed: 7",
        "seed: 7\ncalibration: {percentile: 101}",
        ":4:27: calibration.percentile: 101 is out of range; it must be at most 100",
    ),
    "percentile of the small ones": (
        "seed: 7",
        "seed: 7\ncalibration: {percentile: 50}",
        ":4:27: calibration.percentile: 50 is out of range; it must be more than 50",
    ),
    "not a number": (
        "seed: 7",
        "seed: 7\ncalibration: {percentile: .nan}",
        ":4:27: calibration.percentile: nan is out of range; it must be at most 100",
    ),
    "granularity that the tensor does not have": (
        "seed: 7",
        "seed: 7\ncalibration: {granularity: {C: mode}}",
        ":4:32: calibration.granularity.C: 'mode' is not one of tensor, channel",
    ),
    "neither a number nor a word": (
        "samples: all",
        "samples: some",
        ":31:12: evaluate.samples: 'some' is neither a whole number nor 'all'",
    ),
    "no samples": (
        "samples: all",
        "samples: 0",
        ":31:12: evaluate.samples: 0 is too small; at least 1, or 'all'",
    ),
    "a value for a section": (
        "  bus: {card: ./bus.yaml}",
        "  bus: 5",
        ":29:8: hardware.bus: 5 is not a section of 'key: value' lines",
    ),
    "an empty section": (
        "model:\n  layers: 2\n  width: 8\n  state: 4\n  classes: 10",
        "model:",
        ":4:1: model: an empty value is not a section of 'key: value' lines",
    ),
    "a value for a list": (
        "seed: 7",
        "seed: 7\nbaselines: gpu/x",
        ":4:12: baselines: 'gpu/x' is not a list",
    ),
    "seed out of range": (
        "seed: 7",
        "seed: -1",
        ":3:7: seed: -1 is out of range; it must be at least 0",
    ),
    "unknown card": (
        "card: ./adc.yaml",
        "card: adc/survey_andrulis",
        ":22:11: hardware.adc.card: unknown card 'adc/survey_andrulis'; did you mean "
        "'adc/survey_andrulis_2024'? `list cards` shows all cards; "
        "a card of your own is a path that ends in .yaml",
    ),
    "missing card file": (
        "card: ./adc.yaml",
        "card: ./acd.yaml",
        ":22:11: hardware.adc.card: there is no card file FOLDER/acd.yaml; "
        "the folder holds 'adc.yaml'",
    ),
    "card of another kind": (
        "card: ./adc.yaml",
        "card: ./dac.yaml",
        ":22:11: hardware.adc.card: 'FOLDER/dac.yaml' is a card of kind 'dac', not 'adc'; "
        "`list --kind adc` shows those of the package",
    ),
    "card that is no name": (
        "card: ./adc.yaml",
        "card: 8",
        ":22:11: hardware.adc.card: 8 is not the name of a card; "
        "write 'folder/name' as `list cards` shows it, or a path that ends in .yaml",
    ),
    "missing baseline": (
        "seed: 7",
        "seed: 7\nbaselines: [./gpu.yaml, ./gpv.yaml]",
        ":4:25: baselines.1: there is no card file FOLDER/gpv.yaml; the folder holds 'gpu.yaml'",
    ),
    "missing checkpoint": (
        "classes: 10",
        "classes: 10\n  checkpoint: net.safetensors",
        ":9:15: model.checkpoint: there is no file FOLDER/net.safetensors",
    ),
    "checkpoint in a missing folder": (
        "classes: 10",
        "classes: 10\n  checkpoint: nets/net.safetensors",
        ":9:15: model.checkpoint: there is no file FOLDER/nets/net.safetensors; "
        "the folder FOLDER/nets does not exist",
    ),
    "checkpoint is a folder": (
        "classes: 10",
        "classes: 10\n  checkpoint: .",
        ":9:15: model.checkpoint: FOLDER is a folder, not a file",
    ),
    "unknown data set": (
        "name: sdigits",
        "name: sdigts",
        ":10:9: data.name: unknown data set 'sdigts'; did you mean 'sdigits'? DATASETS",
    ),
    "duplicate key": (
        "  state: 4",
        "  state: 4\n  width: 9",
        ":8:3: model.width: key 'width' stands twice, first in line 6; remove one of them",
    ),
    "merge key": (
        "seed: 7",
        "seed: 7\n<<: {seed: 8}",
        ":4:1: <<: merge keys ('<<') are not supported; write the keys out",
    ),
    "key that is no name": (
        "seed: 7",
        "seed: 7\n[1, 2]: 3",
        ":4:1: a key must be a name",
    ),
    "tag": (
        "seed: 7",
        "seed: !!python/object:os.system 7",
        ":3:7: seed: cannot read the value '7' (tag tag:yaml.org,2002:python/object:os.system); "
        "remove the tag, or quote it",
    ),
    "alias to itself": (
        "seed: 7",
        "seed: 7\nbaselines: &a [*a]",
        ":4:12: baselines.0: alias to itself",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ONE_PROBLEM)
def test_one_problem_is_one_line(
    case: str, write_workload: Write, folder: Path, rejected: Run
) -> None:
    from imssa_sim.data import dataset_names

    old, new, expected = ONE_PROBLEM[case]
    path = write_workload({old: new})
    expected = expected.replace("FOLDER", str(folder))
    expected = expected.replace("DATASETS", f"data sets: {', '.join(dataset_names())}")
    assert rejected(path) == [f"{path}{expected}"]


def test_all_problems_are_shown_at_once(write_workload: Write, rejected: Run) -> None:
    path = write_workload(
        {
            "  width: 8": "  widht: 8",
            "clock: 1 GHz": "clock: 1 ns",
            "bits: 7": "bits: -7",
            "card: ./adc.yaml": "card: ./acd.yaml",
            "name: sdigits": "name: sdigits\n  fallback: x\n  fallback_checkpoint: no.safetensors",
        }
    )
    lines = rejected(path, "model.lyers=3", "evaluate.chips=0")
    assert [re.sub(r"^.*small\.yaml", "", line).split(": ")[:2] for line in lines] == [
        ["--set evaluate.chips=0", "evaluate.chips"],
        ["--set model.lyers=3", "model.lyers"],
        [":6:3", "model.widht"],
        [":12:24", "data.fallback_checkpoint"],
        [":18:12", "hardware.chip.clock"],
        [":24:11", "hardware.adc.card"],
        [":25:11", "hardware.adc.bits"],
    ]


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        (
            "hardware.adc.bit=8",
            "hardware.adc.bit: unknown key 'bit'; did you mean 'hardware.adc.bits'?",
        ),
        (
            "hardwear.adc.bits=8",
            "hardwear.adc.bits: unknown key 'hardwear'; did you mean 'hardware.adc.bits'?",
        ),
        ("adc.bits=8", "adc.bits: unknown key 'adc'; did you mean 'hardware.adc.bits'?"),
        (
            "hardware.adc.bits.x=8",
            "hardware.adc.bits.x: 'hardware.adc.bits' is a value and has no key 'x'",
        ),
        (
            "hardware.adc.bits=eight",
            "hardware.adc.bits: 'eight' is not a whole number",
        ),
        (
            "hardware.adc.bits=40",
            "hardware.adc.bits: 40 is out of range; it must be at most 16",
        ),
        (
            "hardware.adc.rate=5",
            "hardware.adc.rate: '5' has no unit; expected a frequency, for example '1 GHz'",
        ),
        ("bits=1", "bits: 1 is out of range; it must be at least 2"),
        ("bits.Q=8", "bits.Q: unknown key 'Q'; valid keys here: default, A, B, C, D, dt, state, "
         "kernel_input, kernel_output, activations, linear, drive"),
        ("hardware.adc.bits", "is not 'path=value'; write --set path.to.key=value, for example "
         "--set hardware.adc.bits=6"),
        ("=8", "is not 'path=value'; write --set path.to.key=value, for example "
         "--set hardware.adc.bits=6"),
        ("hardware.effects={drft: false}", "hardware.effects.drft: unknown key 'drft'; "
         "did you mean 'drift'?"),
        ("hardware=5", "hardware: 5 is not a section of 'key: value' lines"),
        ("model.checkpoint=/nowhere/x", "model.checkpoint: there is no file /nowhere/x; "
         "the folder /nowhere does not exist"),
        ("data.name=cifr10", None),
    ],
)  # fmt: skip
def test_overrides_pass_the_same_checks(
    override: str, expected: str | None, write_workload: Write, rejected: Run
) -> None:
    lines = rejected(write_workload(), override)
    assert len(lines) == 1
    assert lines[0].startswith(f"--set {override}: ")
    if expected is not None:
        assert lines[0] == f"--set {override}: {expected}"


def test_an_override_that_is_not_yaml(write_workload: Write, rejected: Run) -> None:
    (line,) = rejected(write_workload(), "baselines=[a")
    assert line.startswith("--set baselines=[a: baselines: is not valid YAML: ")


FILES = {
    "empty": (b"", ": is empty; `list workloads` shows examples"),
    "only a comment": (b"# nothing\n", ": is empty; `list workloads` shows examples"),
    "a list": (b"- 1\n- 2\n", ":1:1: must hold 'key: value' lines at its top"),
    "a word": (b"hello\n", ":1:1: must hold 'key: value' lines at its top"),
    "a tab": (
        b"model:\n\tlayers: 2\n",
        ":2:1: is not valid YAML: found character '\\t' that cannot start any token; "
        "indent with spaces, not tabs",
    ),
    "an open bracket": (b"a: [1, 2\nb: 3\n", ":2:2: is not valid YAML: "),
    "not UTF-8": (
        b"workload: x\ndescription: \xff\n",
        ":2:14: byte 0xff is not UTF-8 text; save the file as UTF-8",
    ),
    "binary": (b"\x00\x01\x02", ": is not valid YAML: "),
    "two documents": (b"a: 1\n---\nb: 2\n", ":2:1: is not valid YAML: but found another document"),
    "unknown alias": (b"a: *b\n", ":1:4: is not valid YAML: found undefined alias"),
    "deep nesting": (b"[" * 1000 + b"]" * 1000, ": is not valid YAML: "),
    "nesting": (b"a: " + b"[" * 60 + b"]" * 60, "too deeply nested or too large"),
    "aliases without bound": (
        b"a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
        + b"".join(b"a%d: &a%d [%s]\n" % (i, i, b",".join([b"*a%d" % (i - 1)] * 10))
                   for i in range(1, 9)),
        "too deeply nested or too large",
    ),
    "a huge number": (b"seed: " + b"9" * 5000 + b"\n", ":1:7: seed: cannot read the value"),
}  # fmt: skip


@pytest.mark.parametrize("case", FILES)
def test_files_that_are_no_workloads(case: str, tmp_path: Path, rejected: Run) -> None:
    content, expected = FILES[case]
    path = tmp_path / "w.yaml"
    path.write_bytes(content)
    (line,) = rejected(path)
    assert line.startswith(f"{path}:")
    assert expected in line


def test_a_byte_order_mark_is_no_problem(write_workload: Write, folder: Path) -> None:
    path = write_workload()
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert main(["explain", str(path)]) == 0


def test_a_folder_is_no_workload(tmp_path: Path, rejected: Run) -> None:
    assert rejected(tmp_path) == [f"{tmp_path}: is a folder, not a YAML file"]


def test_a_file_that_is_too_large(tmp_path: Path, rejected: Run) -> None:
    path = tmp_path / "w.yaml"
    path.write_bytes(b"#" * (5 << 20))
    assert rejected(path) == [f"{path}: is larger than 4 MiB"]


def test_missing_workloads(tmp_path: Path, rejected: Run, write_workload: Write) -> None:
    (line,) = rejected("scifr")
    assert line.startswith("error: unknown workload 'scifr'; did you mean 'scifar'?")
    write_workload()
    (line,) = rejected(tmp_path / "smal.yaml")
    assert line.startswith(f"error: {tmp_path}/smal.yaml: there is no such workload file; did you")
    assert f"did you mean '{tmp_path}/small.yaml'?" in line


def test_problems_of_cards_are_shown_with_their_own_position(
    write_workload: Write, folder: Path, rejected: Run
) -> None:
    (folder / "adc.yaml").write_text("name: a\nkind: adc\ntitle: t\nparameters: {e: 5}\n")
    (folder / "dac.yaml").write_text("name: a\nkind: dca\ntitle: t\nparameters: {e: 5}\n")
    lines = rejected(write_workload())
    assert [line.split(": ")[0] for line in lines] == [
        f"{folder}/adc.yaml:4:17",
        f"{folder}/dac.yaml:2:7",
        f"{folder}/dac.yaml:4:17",
    ]
