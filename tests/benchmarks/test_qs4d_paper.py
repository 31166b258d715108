"""QS4D's network that trains gives the logits of its authors' quantised forward."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

import imssa_sim
from imssa_sim.foreign.qs4d import Levels, fake_quantised

torch = pytest.importorskip("torch")
FOLDER = Path(__file__).parents[2] / "benchmarks" / "qs4d"


@pytest.fixture
def paper(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    for name in ("paper", "paper_network", "study"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield importlib.import_module("paper")
    for name in ("paper", "paper_network", "study"):
        sys.modules.pop(name, None)


def network_of(paper):
    torch.manual_seed(0)
    network = paper.PaperNetwork(2, 8, 12, 3, 4).double()
    for norm in network.norms:
        norm.running_mean += torch.randn(8)
        norm.running_var *= 1 + torch.rand(8)
    return network.eval()


@pytest.mark.parametrize("levels", [None, 64, 16])
def test_the_forward_pass_is_that_of_the_authors(paper, levels) -> None:
    network = network_of(paper)
    x = torch.randn(3, 20, 3, dtype=torch.float64)
    imported = imssa_sim.from_torch(network, x, family="qs4d", norm_position="post")
    network.levels = levels
    wanted = fake_quantised(
        imported.network, x.numpy(), Levels() if levels is None else Levels.all(levels)
    )
    got = network(x).detach().numpy()
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-9 * np.abs(wanted).max())


def test_rounding_passes_gradients_on(paper) -> None:
    fake_quantise = sys.modules["paper_network"].fake_quantise
    values = torch.linspace(-1, 1, 7, requires_grad=True)
    (3 * fake_quantise(values, 4)).sum().backward()
    np.testing.assert_array_equal(values.grad, np.full(7, 3.0))
    assert len(np.unique(fake_quantise(torch.linspace(-1, 1, 99), 4))) == 5


def test_noise_on_a_is_drawn_anew_and_relative_to_its_spread(paper) -> None:
    network = network_of(paper)
    kernel = network.s4_layers[0].kernel
    torch.manual_seed(0)
    first, second = (kernel(10, None, 0.05) for _ in range(2))
    assert not torch.equal(first, second)
    assert torch.equal(kernel(10, None, 0.0), kernel(10, None, 0.0))


def test_metrics_are_printed(paper, monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", ["paper.py", "--metrics"])
    paper.main()
    text = capsys.readouterr().out
    assert "effort 2.0277e+08  size  787.456 kB  ADC 2.1343e+06" in text
    assert "less by 93.72, 79.17, 68.85" in text


def test_the_protocol_goes_on_where_it_stopped(paper, monkeypatch, tmp_path, capsys) -> None:
    words = ["paper.py", "--quick", "--data", "sdigits", "--work", str(tmp_path / "w")]
    words += ["-o", str(tmp_path / "o"), "--figures", str(tmp_path / "f")]
    (tmp_path / "o").mkdir()
    monkeypatch.setattr(sys, "argv", words)
    paper.main()
    rows = (tmp_path / "o" / "paper.csv").read_text()
    assert len(rows.splitlines()) == 6
    assert (tmp_path / "f" / "qs4d_paper.png").is_file()
    capsys.readouterr()
    paper.main()
    assert (tmp_path / "o" / "paper.csv").read_text() == rows
    assert "bits, noise" not in capsys.readouterr().err
