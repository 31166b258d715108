"""Loading: values, defaults, origins, overrides, speed."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from imssa_sim.config import RunConfig, load_config
from imssa_sim.config.load import leaves
from imssa_sim.config.walk import all_paths
from imssa_sim.errors import ConfigError
from imssa_sim.files.source import dotted

Write = Callable[..., Path]


def test_values_are_si_and_defaults_are_filled_in(write_workload: Write, folder: Path) -> None:
    config = load_config(write_workload()).config
    assert config.hardware.chip.clock == 1e9
    assert config.hardware.chip.technology == 3.2e-8
    assert config.hardware.adc.rate == 1e8
    assert config.hardware.chip.tile.rows == 64
    assert config.hardware.chip.tile.read_voltage == 0.2
    assert config.hardware.chip.tile.cell == str(folder / "cell.yaml")
    assert config.hardware.mapping.kernel == "fused_lookahead"
    assert config.evaluate.time_since_programming == 3600.0
    assert config.evaluate.samples == "all"
    assert config.evaluate.threads == "auto"
    assert config.model.modes == 2
    assert config.model.checkpoint is None
    assert config.baselines == ()
    assert config.seed == 7


def test_bits_take_the_default_and_their_own(write_workload: Write) -> None:
    bits = load_config(write_workload()).config.bits
    assert (bits.A, bits.B, bits.linear) == (6, 8, 8)
    one = load_config(write_workload({"bits:\n  default: 8\n  A: 6": "bits: 5"})).config.bits
    assert set(one.model_dump(exclude={"drive"}).values()) == {5}
    absent = load_config(write_workload({"bits:\n  default: 8\n  A: 6\n": ""})).config.bits
    assert set(absent.model_dump(exclude={"drive"}).values()) == {8}


def test_the_configuration_is_frozen_and_hashable(write_workload: Write) -> None:
    config = load_config(write_workload()).config
    with pytest.raises(ValidationError):
        config.seed = 3  # type: ignore[misc]
    with pytest.raises(ValidationError):
        config.hardware.adc.bits = 3  # type: ignore[misc]
    assert hash(config) == hash(load_config(write_workload()).config)


def test_overrides_of_one_load_are_not_there_in_the_next(write_workload: Write) -> None:
    path = write_workload()
    changed = load_config(path, ["hardware.adc.bits=5", "bits=6", "model.norm=none"])
    again = load_config(path)
    assert (changed.config.hardware.adc.bits, again.config.hardware.adc.bits) == (5, 7)
    assert again.origins["bits.A"].line == 13
    assert {leaf: str(at) for leaf, at in again.origins.items()} == {
        leaf: str(at) for leaf, at in load_config(path).origins.items()
    }


def test_a_workload_that_changes_between_two_loads_is_read_again(write_workload: Write) -> None:
    assert load_config(write_workload()).config.hardware.adc.bits == 7
    assert load_config(write_workload({"bits: 7": "bits: 6"})).config.hardware.adc.bits == 6
    assert load_config(write_workload()).config.hardware.adc.bits == 7


def test_every_value_has_an_origin(write_workload: Write) -> None:
    path = write_workload()
    loaded = load_config(path, ["hardware.adc.bits=6"])
    assert set(loaded.origins) == {dotted(leaf) for leaf in leaves(loaded.config)}
    origin = loaded.origins["hardware.chip.tile.rows"]
    assert (origin.kind, origin.line, origin.column) == ("file", 18, 13)
    assert str(origin) == f"{path}:18:13"
    # bits.B has no line of its own: it comes from bits.default.
    assert (loaded.origins["bits.A"].line, loaded.origins["bits.B"].line) == (13, 12)
    assert str(loaded.origins["hardware.chip.supply"]) == "default"
    assert str(loaded.origins["hardware.adc.bits"]) == "--set hardware.adc.bits=6"
    assert loaded.origins["hardware.adc.bits"].kind == "override"


@pytest.mark.parametrize(
    ("overrides", "path", "expected"),
    [
        (["hardware.adc.bits=6"], "hardware.adc.bits", 6),
        (["hardware.adc.bits=6", "hardware.adc.bits=5"], "hardware.adc.bits", 5),
        (["hardware.chip.clock=500 MHz"], "hardware.chip.clock", 5e8),
        (["bits=4"], "bits.A", 4),
        (["bits.B=4"], "bits.B", 4),
        (["bits.default=4"], "bits.C", 4),
        (["bits.default=4"], "bits.A", 6),
        (["bits=4", "bits.A=5"], "bits.A", 5),
        (["bits=4", "bits.A=5"], "bits.B", 4),
        (["bits.A=5", "bits=4"], "bits.A", 4),
        (["bits={A: 3, default: 9}"], "bits.A", 3),
        (["hardware.effects={drift: false}"], "hardware.effects.drift", False),
        (["hardware.effects={drift: false}"], "hardware.effects.faults", True),
        (["hardware.effects={drift: false}", "hardware.effects.faults=false"],
         "hardware.effects.drift", False),
        (["calibration.granularity.A=tensor"], "calibration.granularity.A", "tensor"),
        (["hardware.chip.tiles=12"], "hardware.chip.tiles", 12),
        (["evaluate.samples=5"], "evaluate.samples", 5),
        (["description="], "description", None),
        (["description=''"], "description", ""),
        (["description=a=b"], "description", "a=b"),
        (["data.fallback=null"], "data.fallback", None),
    ],
)  # fmt: skip
def test_overrides(
    write_workload: Write, overrides: list[str], path: str, expected: object
) -> None:
    if overrides == ["description="]:
        with pytest.raises(ConfigError, match="an empty value is not a word or text"):
            load_config(write_workload(), overrides)
        return
    loaded = load_config(write_workload(), overrides)
    value: object = loaded.config
    for name in path.split("."):
        value = getattr(value, name)
    assert value == expected
    assert loaded.overrides == tuple(overrides)


def test_origins_of_overridden_sections(write_workload: Write) -> None:
    loaded = load_config(
        write_workload(), ["bits=4", "bits.A=5", "hardware.effects={drift: false}"]
    )
    assert str(loaded.origins["bits.A"]) == "--set bits.A=5"
    assert str(loaded.origins["bits.B"]) == "--set bits=4"
    assert str(loaded.origins["hardware.effects.drift"]) == "--set hardware.effects={drift: false}"
    assert str(loaded.origins["hardware.effects.faults"]) == "default"


def test_a_single_number_of_the_file_is_the_origin_of_all_kinds(write_workload: Write) -> None:
    path = write_workload({"bits:\n  default: 8\n  A: 6": "bits: 5"})
    loaded = load_config(path, ["bits.A=3"])
    assert str(loaded.origins["bits.B"]) == f"{path}:11:7"
    assert str(loaded.origins["bits.A"]) == "--set bits.A=3"


def test_lists_can_be_overridden_whole_and_item_by_item(
    write_workload: Write, folder: Path, tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    path = write_workload()
    here = tmp_path_factory.mktemp("here")
    (folder / "gpu.yaml").rename(here / "gpu.yaml")
    monkeypatch.chdir(here)
    gpu = str(here / "gpu.yaml")
    assert load_config(path, ["baselines=[./gpu.yaml]"]).config.baselines == (gpu,)
    both = ["baselines=[./gpu.yaml, ./gpu.yaml]", "baselines.1=gpu.yaml"]
    assert load_config(path, both).config.baselines == (gpu, gpu)
    with pytest.raises(ConfigError, match=r"baselines\.3: there is no item 3 in a list of 0"):
        load_config(path, ["baselines.3=x"])


def test_paths_start_from_the_file_that_states_them(
    write_workload: Write, folder: Path, tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    here = tmp_path_factory.mktemp("here")
    (here / "b.safetensors").write_bytes(b"")
    (folder / "a.safetensors").write_bytes(b"")
    monkeypatch.chdir(here)
    path = write_workload({"classes: 10": "classes: 10\n  checkpoint: ../x/../a.safetensors"})
    with pytest.raises(ConfigError, match="there is no file"):
        load_config(path)
    path = write_workload({"classes: 10": "classes: 10\n  checkpoint: x/../a.safetensors"})
    assert load_config(path).config.model.checkpoint == folder / "a.safetensors"
    loaded = load_config(path, ["model.checkpoint=b.safetensors"])
    assert loaded.config.model.checkpoint == here / "b.safetensors"
    section = "model={layers: 1, width: 2, state: 2, classes: 2, checkpoint: b.safetensors}"
    assert load_config(path, [section]).config.model.checkpoint == here / "b.safetensors"


def test_both_checkpoints_must_be_there_whichever_is_used(write_workload: Write) -> None:
    missing = "classes: 10\n  checkpoint: none.safetensors"
    also = "name: sdigits\n  fallback: digits32\n  fallback_checkpoint: gone.safetensors"
    path = write_workload({"classes: 10": missing, "name: sdigits": also})
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert [problem.path for problem in caught.value.problems] == [
        "model.checkpoint",
        "data.fallback_checkpoint",
    ]


def test_loading_takes_less_than_100_ms(write_workload: Write) -> None:
    path = write_workload()
    load_config(path)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        load_config(path)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.1


def test_loading_imports_nothing_heavy(write_workload: Write) -> None:
    code = (
        "import sys; from imssa_sim.config import load_config; load_config(sys.argv[1]);"
        "heavy = {'numba', 'scipy', 'matplotlib', 'torch', 'pandas', 'numpy', 'rich'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(write_workload())],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "[]"


def test_config_can_be_built_without_a_file(write_workload: Write) -> None:
    config = load_config(write_workload()).config
    again = config.model_copy(update={"seed": 1})
    assert isinstance(again, RunConfig)
    assert again.seed == 1


PATHS = st.sampled_from(all_paths(RunConfig)) | st.text("abst.=-0²{}[] ", max_size=12)
YAML_TEXTS = st.sampled_from(
    ["", "~", "true", "[]", "{}", "[1, {a: 2}]", "1e999", "-1", "é", "*a", "&a [*a]", "!!x y", "'"]
) | st.text(max_size=8)


@settings(max_examples=150)
@given(st.lists(st.tuples(PATHS, YAML_TEXTS), min_size=1, max_size=3))
def test_any_override_is_applied_or_explained(
    write_workload: Write, pairs: list[tuple[str, str]]
) -> None:
    overrides = [f"{path}={value}" for path, value in pairs]
    try:
        loaded = load_config(write_workload(), overrides)
    except ConfigError:
        return
    assert set(loaded.origins) == {dotted(leaf) for leaf in leaves(loaded.config)}


@pytest.mark.parametrize(
    ("weights", "unformed", "remedy"),
    [("offset", "pairs", "one_sided or differential"), ("differential", "cells", "one_sided")],
)
def test_schemes_without_idle_cells_leave_none_unformed(
    write_workload: Write, weights: str, unformed: str, remedy: str
) -> None:
    tile = "hardware.chip.tile"
    with pytest.raises(ConfigError, match=remedy):
        load_config(write_workload(), [f"{tile}.weights={weights}", f"{tile}.unformed={unformed}"])
