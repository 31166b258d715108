"""Whatever names a workload."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imssa_sim.api.workload import load, overrides
from imssa_sim.config import dump_resolved
from imssa_sim.errors import ConfigError, InputError


def test_all_forms_give_one_configuration(tiny: dict[str, Any], tmp_path: Path) -> None:
    first = load(tiny)
    path = tmp_path / "tiny.yaml"
    path.write_text(dump_resolved(first), "utf-8")
    for other in (path, str(path), first, first.config, dict(tiny)):
        assert load(other).config == first.config
    for other in (tiny, path, first, first.config):
        changed = load(other, {"hardware.adc.bits": np.int64(6)}, seed=np.int64(4))
        assert (changed.config.hardware.adc.bits, changed.config.seed) == (6, 4)
        assert str(changed.origins["hardware.adc.bits"]) == "--set hardware.adc.bits=6"
    assert load(tiny, ["hardware.adc.bits=6"]).config.hardware.adc.bits == 6


def test_a_seed_of_its_own_counts_more_than_a_set_one(tiny: dict[str, Any]) -> None:
    assert load(tiny, {"seed": 1}, seed=4).config.seed == 4


def test_a_mapping_stays_as_it_was(tiny: dict[str, Any]) -> None:
    before = repr(tiny)
    load(tiny, {"bits.A": 5, "model.layers": 2})
    assert repr(tiny) == before


def test_a_list_and_none_and_a_path_can_be_set(tiny: dict[str, Any]) -> None:
    found = load(tiny, {"baselines": [], "hardware.chip.technology": "28 nm"}).config
    assert found.baselines == ()
    assert found.hardware.chip.technology == 28e-9
    assert load({**tiny, "bits": 6}, {"bits.A": 5}).config.bits.A == 5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"modell": {}}, "workload: modell: unknown key 'modell'; did you mean 'model'"),
        ({"data": {"name": 3}}, "workload: data.name"),
        ({"evaluate": 4}, "workload: evaluate"),
        ({"model": {"checkpoint": "no.safetensors"}}, "no.safetensors"),
    ],
)
def test_a_mistake_in_a_mapping_is_named_by_its_path(
    tiny: dict[str, Any], change: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load({**tiny, **change})
    assert said in str(caught.value)
    assert "pydantic" not in str(caught.value)


@pytest.mark.parametrize("workload", [3, None, ["sdigits"], b"x"])
def test_what_is_no_workload_is_refused(workload: Any) -> None:
    with pytest.raises(InputError, match="a workload is a path, a name, a mapping"):
        load(workload)


@pytest.mark.parametrize(
    ("given", "seed", "said"),
    [
        ("hardware.adc.bits=6", None, "set: expected a mapping"),
        (3, None, "set: expected a mapping"),
        ({"seed": object()}, None, "set: seed: object"),
        (None, -1, "seed: expected an integer"),
        (None, True, "seed: expected an integer"),
        (None, "1", "seed: expected an integer"),
    ],
)
def test_what_cannot_be_set_is_refused(given: Any, seed: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        overrides(given, seed)
