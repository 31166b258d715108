"""Every change differs from the workload, and all single ones load or say why they cannot."""

from imssa_sim.ablation.variations import NONE, effects_on, together, variations
from imssa_sim.config.dump import plain
from imssa_sim.config.load import LoadedConfig, load_tree
from imssa_sim.mapping.kernels.registry import KERNEL_MAPPINGS


def test_every_effect_is_off_once_and_alone_once(spoilt: LoadedConfig) -> None:
    on = effects_on(spoilt.config)
    found = variations(spoilt.config)
    off = [dict(v.set) for v in found if v.part == "effect off"]
    assert off == [{f"hardware.effects.{name}": False} for name in on]
    alone = [v for v in found if v.part == "effect alone"]
    assert alone[0].words == NONE
    assert not any(alone[0].set.values())
    assert [sum(v.set.values()) for v in alone[1:]] == [1] * len(on)
    assert {p for v in alone for p in v.set} == {f"hardware.effects.{name}" for name in on}


def test_every_other_mapping_is_tried(spoilt: LoadedConfig) -> None:
    tried = [v.set.get("hardware.mapping.kernel") for v in variations(spoilt.config)]
    assert {name for name in tried if name} == set(KERNEL_MAPPINGS) - {"fused_lookahead"}


def test_every_layer_is_tried_off_and_on_tiles(spoilt: LoadedConfig) -> None:
    path = "hardware.mapping.digital_layers"
    found = {v.words: v for v in variations(spoilt.config) if path in v.set}
    assert {w: list(v.set[path]) for w, v in found.items()} == {
        "layer 0: digital": [0], "layer 1: digital": [1]
    }  # fmt: skip
    assert all(v.digital for v in found.values())
    mixed = load_tree(plain(spoilt.config), (f"{path}=[1]",)).config
    found = {v.words: v for v in variations(mixed) if path in v.set}
    assert {w: (list(v.set[path]), v.digital) for w, v in found.items()} == {
        "layer 0: digital": ([0, 1], True), "layer 1: analog": ([], False)
    }  # fmt: skip


def test_no_change_is_what_there_is(spoilt: LoadedConfig) -> None:
    for variation in variations(spoilt.config):
        for path, value in variation.set.items():
            section = spoilt.config
            for name in path.split("."):
                section = getattr(section, name)
            if variation.part not in ("effect alone", "age") and len(variation.set) == 1:
                assert section != value, variation.words


def test_spare_columns_leave_the_others_as_many(spoilt: LoadedConfig) -> None:
    (spare,) = [v for v in variations(spoilt.config) if "spare" in v.words]
    assert dict(spare.set) == {
        "hardware.chip.tile.spare_columns": 8, "hardware.chip.tile.columns": 64 + 2 * 8
    }  # fmt: skip


def test_changes_of_one_path_do_not_go_together(spoilt: LoadedConfig) -> None:
    found = {v.words: v for v in variations(spoilt.config) if v.built}
    assert together((found["ADC of 8 bits"], found["ADC of 4 bits"])) is None
    both = together((found["ADC of 8 bits"], found["column calibration"]))
    assert both is not None
    assert both.words == "ADC of 8 bits + column calibration"
    assert dict(both.set) == {"hardware.adc.bits": 8, "hardware.adc.calibrate": True}
