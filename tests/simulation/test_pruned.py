"""A pruned network on the chip: less of everything, and `run` says so."""

from pathlib import Path

import pytest

from imssa_sim.config.load import load_config
from imssa_sim.data import load_dataset
from imssa_sim.model.checkpoint import load_checkpoint, save_checkpoint
from imssa_sim.reference.pruning import prune_shares
from imssa_sim.report.screen import screen
from imssa_sim.simulation.run import simulate
from imssa_sim.simulation.stats import collect

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """The sdigits network, whole and pruned, on an ideal chip of TaOx cells."""
    whole = load_checkpoint(ROOT / "checkpoints" / "sdigits.safetensors")
    lean = prune_shares(whole.network, load_dataset("sdigits").train.inputs[:32], 0.25, 0.5)
    target = tmp_path_factory.mktemp("pruned") / "lean.safetensors"
    save_checkpoint(target, lean, {})
    settings = ["evaluate.samples=3", "evaluate.chips=1", "hardware.ideal=true", "baselines=[]"]
    return [
        simulate(
            load_config(ROOT / "workloads" / "sdigits_taox.yaml",
                        [f"model.checkpoint={path}", *settings])
        )
        for path in (whole.path, target)
    ]  # fmt: skip


def test_pruning_saves_tiles_area_energy_and_conversions(results):
    whole, lean = results
    assert lean.program.tiles_needed < whole.program.tiles_needed
    assert lean.ledger.area < 0.8 * whole.ledger.area
    assert lean.ledger.energy < 0.8 * whole.ledger.energy
    assert lean.timing.end_to_end <= whole.timing.end_to_end
    # 48 of 64 kernels, half of their 8 modes each: 2·192 states and 48 outputs per step.
    converted = {
        row.count
        for row in lean.ledger.rows
        if row.action == "convert" and ".kernel." in row.component
    }
    assert sum(converted) == 64 * (2 * 192 + 48)


def test_the_screen_and_the_statistics_tell(results):
    whole, lean = results
    found = {stat.name: stat.value for stat in collect(lean)}
    assert (found["network.kernels"], found["network.kernels_whole"]) == (48, 64)
    assert found["network.states"] == 384
    assert "48 of 64 kernels are there, with 384 states" in screen(lean, Path("runs"))
    assert "pruned" not in screen(whole, Path("runs"))
