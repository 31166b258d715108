"""A family of state-space models of another package: initialised, run, quantised, stored."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from imssa_sim.errors import InputError
from imssa_sim.functional.digital import run_digital
from imssa_sim.model.checkpoint import load_checkpoint, save_checkpoint
from imssa_sim.model.initialise import random_network
from imssa_sim.quantisation.widths import BIT_KINDS, BitWidths
from imssa_sim.reference.forward import forward
from imssa_sim.reference.quantise import quantise
from imssa_sim.ssm.families import FAMILIES

OSCILLATORS = '''
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imssa_sim.ssm.interface import Sizes, StateSpaceModel
from imssa_sim.ssm.recurrence import Recurrence


@dataclass(frozen=True)
class Oscillators(StateSpaceModel):
    """Damped oscillators with a frequency and an output weight each, in discrete time."""

    frequency: np.ndarray
    weight: np.ndarray
    through: np.ndarray

    anchors = {"frequency": 2}

    @classmethod
    def initial(cls, rng, sizes, initialisation, dt_range):
        shape = (sizes.width, sizes.state // 2)
        return cls(rng.uniform(0, 1, shape), rng.normal(size=shape), rng.normal(size=sizes.width))

    @classmethod
    def shapes(cls, sizes):
        shape = (sizes.width, sizes.state // 2)
        return {"frequency": shape, "weight": shape, "D": (sizes.width,)}

    @classmethod
    def sizes_of(cls, shapes):
        width, modes = shapes["frequency"]
        return Sizes(width, 2 * modes)

    @classmethod
    def from_arrays(cls, arrays):
        return cls(arrays["frequency"], arrays["weight"], arrays["D"])

    def arrays(self):
        return {"frequency": self.frequency, "weight": self.weight, "D": self.through}

    @property
    def sizes(self):
        return self.sizes_of({"frequency": self.frequency.shape})

    @property
    def modes(self):
        return self.frequency.shape[1]

    @property
    def alive(self):
        return self.weight != 0

    @property
    def feedthrough(self):
        return self.through

    def recurrences(self, discretisation):
        a = 0.9 * np.exp(1j * self.frequency)
        ones = np.ones(a.shape, dtype=bool)
        c = 2 * self.weight[:, None] + 0j
        return (Recurrence(a, 0.1 * np.ones((*a.shape, 1)) + 0j, c, self.through, ones),)
'''


@pytest.fixture
def oscillators(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Install a package with the family; return its name."""
    info = tmp_path / "swing-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: swing\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[imssa_sim.ssm]\nswing = swing_family:Oscillators\n")
    (tmp_path / "swing_family.py").write_text(OSCILLATORS)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "swing_family", raising=False)
    return "swing"


def test_a_family_of_another_package_runs_is_quantised_and_stored(
    oscillators: str, tmp_path: Path
) -> None:
    network = random_network(
        layers=2, width=4, state=6, inputs=1, classes=3, family=oscillators, seed=1
    )
    x = np.random.default_rng(0).normal(size=(4, 30, 1)).astype(np.float32)
    logits = forward(network, x)
    np.testing.assert_allclose(forward(network, x, "recurrent"), logits, atol=1e-10)
    bits = BitWidths(**dict.fromkeys(BIT_KINDS, 14))
    error = np.abs(run_digital(quantise(network, bits, x), x).logits - logits).max()
    assert error < 0.02 * np.abs(logits).max()
    path = tmp_path / "swing.safetensors"
    save_checkpoint(path, network, {})
    again = load_checkpoint(path).network
    assert again.family == oscillators
    np.testing.assert_allclose(forward(again, x), logits, atol=1e-5)
    assert network.parameters == again.parameters


def test_what_a_family_does_not_say_is_refused(oscillators: str) -> None:
    (layer,) = random_network(
        layers=1, width=4, state=6, inputs=1, classes=3, family=oscillators
    ).layers
    with pytest.raises(InputError, match="Oscillators cannot be pruned"):
        layer.kernel.with_modes(np.zeros((4, 1), dtype=np.int64))


def test_an_unknown_family_is_answered_with_the_nearest() -> None:
    with pytest.raises(InputError, match="unknown family of state-space models 's4b'; did you"):
        FAMILIES["s4b"]
