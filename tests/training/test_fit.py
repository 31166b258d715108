"""The training loop: which part each pass sees, which epoch is the best, which rate is whose."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from imssa_sim.data.dataset import Dataset, Split
from imssa_sim.errors import InputError
from imssa_sim.model.initialise import random_network

torch = pytest.importorskip("torch", reason="training needs PyTorch")

PARTS = {"train": (1000, 40), "validation": (2000, 16), "test": (3000, 24)}


def marked():
    """Each sequence holds its own number, which tells the part that it is from."""
    parts = {}
    for name, (first, size) in PARTS.items():
        numbers = np.arange(first, first + size)
        inputs = np.broadcast_to(numbers[:, None, None], (size, 4, 1)).astype(np.float32)
        parts[name] = Split(inputs, numbers % 2)
    return Dataset("marked", **parts, classes=("even", "odd"), source="", normalisation="")


def settings(**changes):
    values = dict(
        epochs=3, batch=8, lr=0.01, ssm_lr=0.001, weight_decay=0.05, clip=1.0, shift=0, patience=9,
        target=1.1, damping=0.0,
    )  # fmt: skip
    return SimpleNamespace(**(values | changes))


class Recorder(torch.nn.Module):
    """A classifier that notes what it sees."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 2)
        self.seen = {True: [], False: []}

    def forward(self, inputs):
        self.seen[self.training] += inputs[:, 0, 0].int().tolist()
        return self.layer(inputs.mean(dim=1) / 1000)


def test_each_epoch_sees_the_training_part_once_and_validates_on_its_own():
    from imssa_sim.training.fit import Fit

    module = Recorder()
    Fit(module, marked(), settings(), seed=0).run(lambda record: None)
    numbers = {name: list(range(first, first + size)) for name, (first, size) in PARTS.items()}
    assert sorted(module.seen[True]) == sorted(3 * numbers["train"])
    assert sorted(module.seen[False]) == sorted(3 * numbers["validation"])
    first, second = module.seen[True][:40], module.seen[True][40:80]
    assert first != second
    assert sorted(first) == sorted(second)


@pytest.mark.parametrize(
    ("results", "best"),
    [
        ([(0.9, 0.5), (0.5, 0.7), (0.4, 0.6)], 1),  # accuracy before loss
        ([(0.9, 0.5), (0.5, 0.5), (0.7, 0.5)], 1),  # the smaller loss of equal accuracies
        ([(0.5, 0.6), (0.5, 0.6), (0.6, 0.6)], 0),  # the first of equals
    ],
)
def test_the_best_epoch_is_the_most_accurate_then_the_least_loss(monkeypatch, results, best):
    from imssa_sim.training import fit as fit_module

    scripted = iter(results)
    monkeypatch.setattr(fit_module, "evaluate", lambda *given: next(scripted))
    module = Recorder()
    fit = fit_module.Fit(module, marked(), settings(), seed=0)
    kept = []
    fit.run(lambda record: kept.append(module.layer.weight.detach().clone()))
    assert fit.state.best_epoch == best
    fit.load_best()
    assert torch.equal(module.layer.weight, kept[best])


def test_each_epoch_has_an_order_of_its_own_whatever_validates_best(monkeypatch):
    """And numbers of PyTorch of its own, both by the seed alone."""
    from imssa_sim.training import fit as fit_module

    found = {}
    for seed, best in ((0, 0), (0, 2), (1, 0)):
        scores = iter([(0.5, 0.9 if epoch == best else 0.1) for epoch in range(4)])
        monkeypatch.setattr(fit_module, "evaluate", lambda *args, s=scores, **keys: next(s))
        module, drawn = Recorder(), []
        module.layer.register_forward_hook(lambda *args, d=drawn: d.append(float(torch.rand(()))))
        fit_module.Fit(module, marked(), settings(epochs=4), seed=seed).run(lambda record: None)
        seen = module.seen[True]
        orders = [tuple(seen[first : first + 40]) for first in range(0, 160, 40)]
        assert len(set(orders)) == 4
        assert len(set(drawn)) == len(drawn) == 20
        found[seed, best] = orders, drawn
    assert found[0, 0] == found[0, 2]
    assert not set(found[0, 0][0]) & set(found[1, 0][0])
    assert not set(found[0, 0][1]) & set(found[1, 0][1])


RECURRENT = {
    "s4d": {"log_dt", "log_A_real", "A_imag"}, "qs4d": {"log_dt", "log_A_real", "A_imag"},
    "s4block": {"log_dt", "log_A_real", "A_imag", "B"},
    "s5": {"Lambda_re", "Lambda_im", "log_step", "B"},
    "lru": {"nu_log", "theta_log", "gamma_log", "B"},
}  # fmt: skip


def test_every_trainable_family_is_walked_over():
    from imssa_sim.training.kernel_modules import MODULES

    assert set(RECURRENT) == set(MODULES)


@pytest.mark.parametrize("family", RECURRENT)
@pytest.mark.parametrize("integers", [False, True])
def test_each_parameter_has_the_rate_and_the_decay_of_its_kind(family, integers):
    from imssa_sim.training.fit import Fit
    from imssa_sim.training.torch_network import NetworkModule

    network = random_network(
        layers=2, width=4, state=4, inputs=1, classes=2, bidirectional=family != "lru",
        family=family, dt_range=(0.05, 0.5),
    )  # fmt: skip
    module = NetworkModule(network)
    if integers:  # as a module with quantisers names its own
        module.ranges = torch.nn.ParameterDict({"final": torch.zeros(()), "a/b": torch.ones(3)})
    for lr, ssm_lr, slow in ((0.01, 0.001, 0.001), (0.002, 0.1, 0.002)):
        given = settings(lr=lr, ssm_lr=ssm_lr)
        groups = Fit(module, marked(), given, seed=0, range_rate=0.3).optimiser.param_groups
        group_of = {id(p): group for group in groups for p in group["params"]}
        assert sum(len(group["params"]) for group in groups) == len(list(module.parameters()))
        found = set()
        for name, parameter in module.named_parameters():
            expected = (lr, 0.05)
            if ".kernel." in name and name.rsplit(".", 1)[1] in RECURRENT[family]:
                expected = (slow, 0.0)
                found.add(name.rsplit(".", 1)[1])
            if name.startswith("ranges."):
                expected = (0.3, 0.0)
            group = group_of[id(parameter)]
            assert (group["initial_rate"], group["weight_decay"]) == expected, name
        assert found == RECURRENT[family]


def test_a_batch_whose_gradient_is_not_finite_teaches_nothing():
    from imssa_sim.training.fit import Fit

    module, kept, calls = Recorder(), [], []

    def spoilt(gradient):
        kept.append(module.layer.weight.detach().clone())
        calls.append(len(calls))
        return gradient * np.inf if calls[-1] in (1, 3) else gradient

    module.layer.weight.register_hook(spoilt)
    fit = Fit(module, marked(), settings(epochs=1), seed=0)
    fit.run(lambda record: None)
    assert fit.left_out == 2
    moved = [not torch.equal(one, other) for one, other in pairwise(kept)]
    assert moved == [True, False, True, False]
    assert torch.isfinite(module.layer.weight).all()


def test_an_epoch_without_a_finite_gradient_ends_training():
    from imssa_sim.training.fit import Fit

    module = Recorder()
    module.layer.bias.register_hook(lambda gradient: gradient * np.nan)
    fit = Fit(module, marked(), settings(), seed=0)
    with pytest.raises(InputError, match=r"epoch 1: no batch has a finite gradient"):
        fit.run(lambda record: None)
