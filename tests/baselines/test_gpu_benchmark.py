"""benchmarks/gpu_baseline.py without a GPU: its network, its card, its dry run."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from imssa_sim.baselines import Shape, evaluate
from imssa_sim.cards import load_card
from imssa_sim.costs.plausible import implausible

SHAPE = Shape(layers=2, width=6, state=8, length=20, inputs=2, classes=3)


@pytest.fixture
def benchmark_module(monkeypatch):
    folder = Path(__file__).parents[2] / "benchmarks"
    monkeypatch.syspath_prepend(str(folder))
    for name in ("gpu_network", "gpu_baseline"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    import gpu_baseline

    return gpu_baseline


def test_both_modes_of_the_network_are_one_function(benchmark_module):
    torch = pytest.importorskip("torch")
    network = benchmark_module.Network(torch, SHAPE, "cpu", torch.float64)
    inputs = torch.randn(3, 20, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    recurrent = network.recurrent(inputs)
    convolution = network.convolution(inputs, network.spectra(20))
    assert recurrent.shape == (3, 3)
    assert torch.allclose(recurrent, convolution, rtol=1e-9, atol=1e-12)
    # A sequence in a batch is the sequence alone, and the order of time matters.
    assert torch.allclose(network.recurrent(inputs[:1]), recurrent[:1])
    assert not torch.allclose(network.recurrent(inputs.flip(1)), recurrent, rtol=1e-3)


def test_the_card_that_a_measurement_writes_is_taken_by_the_model(benchmark_module, tmp_path):
    measured = benchmark_module.Measured
    found = {
        "name": "Device", "torch": "2", "idle": 50.0, "copied bytes": 2 * 256 * 2**20,
        "copy": measured(3e-4, 0.1, 300.0, 10), "fp16": measured(2e-3, 1.0, 600.0, 10),
        "fp32": measured(25e-3, 10.0, 500.0, 10), "launch": measured(4e-6, 5e-4, 120.0, 10),
        "recurrent": measured(0.1, 12.0, 120.0, 10),
        "recurrent graph": measured(0.02, 4.0, 200.0, 10),
        "convolution": measured(4e-4, 0.08, 200.0, 10),
        "convolution batch": measured(2e-3, 0.8, 400.0, 10),
    }  # fmt: skip
    path = tmp_path / "gpu_measured.yaml"
    path.write_text(benchmark_module.card_text(found, SHAPE, 32), encoding="utf-8")
    card = load_card(str(path))
    assert implausible(card) == []
    assert card["peak_fp16"].si == pytest.approx(2 * 8192**3 / 2e-3, rel=1e-5)
    assert card["launch_activity"].si == pytest.approx(70 / 550, rel=1e-5)
    assert card["measured_convolution_batch_energy"].si == pytest.approx(0.8 / 32)
    shape = replace(SHAPE, length=100)
    result = evaluate(card, shape, "recurrent", precision="fp32", fused=False)
    assert result.latency == pytest.approx(result.launches * 4e-6, rel=1e-5)
    rows = benchmark_module.report(found, path, shape, 32)
    assert rows[0][0] == "recurrent"
    assert float(rows[0][3]) == pytest.approx(12.0 - 50.0 * 0.1)


def test_dry_run_explains_itself(benchmark_module, capsys):
    assert benchmark_module.main(["--dry-run"]) == 0
    assert "launch overhead" in capsys.readouterr().out


def test_loops_count_calls_and_energy(benchmark_module):
    class Meter:
        def __init__(self):
            self.energy = 0.0

        def read(self):
            self.energy += 1.0
            return self.energy

    calls = []
    result = benchmark_module.loop(lambda: calls.append(0), 0.02, Meter(), lambda: None)
    assert result.calls == len(calls) - 4  # three to warm up, one to size the chunk
    assert result.joules * result.calls == pytest.approx(
        result.power * result.seconds * result.calls
    )
