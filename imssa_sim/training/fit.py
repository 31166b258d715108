"""The training loop: epochs, validation, early stopping, exact resumption."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from imssa_sim.data import Dataset, Split
from imssa_sim.data.dataset import SequenceArray
from imssa_sim.errors import InputError
from imssa_sim.training.augment import shift_images
from imssa_sim.training.criteria import ClassCriterion, Criterion
from imssa_sim.training.kernel_module import KernelModule
from imssa_sim.training.schema import TrainSection


@dataclass(frozen=True)
class EpochRecord:
    """What one epoch achieved: mean losses, and scores as the `Criterion` has them, at most 1."""

    epoch: int
    rate: float
    train_loss: float
    train_score: float
    validation_loss: float
    validation_score: float
    seconds: float


@dataclass
class FitState:
    """Everything that the next epoch depends on, besides the parameters themselves."""

    epoch: int = 0
    best_epoch: int = -1
    best_key: tuple[float, float] = (-math.inf, -math.inf)
    best_parameters: dict[str, Tensor] = field(default_factory=dict)
    history: list[EpochRecord] = field(default_factory=list)


class Fit:
    """A training in progress, from before its first epoch to after its last.

    Parameters
    ----------
    module : nn.Module
        Maps inputs (batch, L, d) to results (batch, K), or (batch, L, K).
    dataset : Dataset
        Its training and validation parts are used, never the test part.
    settings : TrainSection
    seed : int
        Every random choice of epoch e is a function of (seed, e), so a resumed training repeats
        the uninterrupted one.
    range_rate : float
        Learning rate of the ranges of quantisers, where the module has some.
    criterion : Criterion, optional
        By default that of classes.

    Attributes
    ----------
    earliest_end : int
        Neither a stalled validation nor the target ends training up to this epoch.
    left_out : int
        Batches of the last epoch whose gradient was not finite, so that they taught nothing.
    """

    def __init__(
        self,
        module: nn.Module,
        dataset: Dataset,
        settings: TrainSection,
        seed: int,
        range_rate: float = 0.0,
        criterion: Criterion | None = None,
    ) -> None:
        self.module = module
        self.criterion = criterion or ClassCriterion()
        self.dataset = dataset
        self.settings = settings
        self.seed = seed
        self.state = FitState()
        self.earliest_end = 0
        self.left_out = 0
        self._damp()
        self.optimiser = torch.optim.AdamW(
            _parameter_groups(module, settings, range_rate), lr=settings.lr
        )

    @property
    def finished(self) -> bool:
        """Whether the last epoch is done, validation has stalled, or the target is reached."""
        state = self.state
        if state.epoch >= self.settings.epochs:
            return True
        if state.epoch <= self.earliest_end:
            return False
        if state.epoch - 1 - state.best_epoch >= self.settings.patience:
            return True
        return bool(state.history) and state.best_key[0] >= self.settings.target

    def run(
        self,
        after_epoch: Callable[[EpochRecord], None],
        before_epoch: Callable[[int], None] = lambda epoch: None,
    ) -> None:
        """Train until `finished`, calling ``after_epoch`` whenever one is complete.

        Raises
        ------
        InputError
            An epoch's gradients are not finite, in no batch.
        """
        while not self.finished:
            before_epoch(self.state.epoch)
            after_epoch(self._epoch())

    def forget_best(self) -> None:
        """Let only the epochs to come count as the best: what is trained has changed."""
        self.state.best_key, self.state.best_epoch = (-math.inf, -math.inf), self.state.epoch - 1

    def load_best(self) -> None:
        """Put the parameters of the best epoch into the module."""
        self.module.load_state_dict(self.state.best_parameters)

    def state_dict(self) -> dict[str, Any]:
        """Return all that is needed to go on after the last complete epoch."""
        state = self.state
        return {
            "module": self.module.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "epoch": state.epoch,
            "best_epoch": state.best_epoch,
            "best_key": list(state.best_key),
            "best_parameters": state.best_parameters,
            "history": [asdict(record) for record in state.history],
        }

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        self.module.load_state_dict(saved["module"])
        self.optimiser.load_state_dict(saved["optimiser"])
        score, negative_loss = saved["best_key"]
        self.state = FitState(
            epoch=saved["epoch"],
            best_epoch=saved["best_epoch"],
            best_key=(score, negative_loss),
            best_parameters=saved["best_parameters"],
            history=[EpochRecord(**record) for record in saved["history"]],
        )

    def _epoch(self) -> EpochRecord:
        started = time.perf_counter()
        state = self.state
        rng = np.random.default_rng((self.seed, state.epoch))
        torch.manual_seed(int(rng.integers(2**63)))
        self.module.train()
        losses, sums, rate, self.left_out = 0.0, np.zeros(1), 0.0, 0
        criterion = self.criterion
        weight = 0.0
        for inputs, labels, lengths in self._batches(rng):
            rate = self._set_rate()
            outputs = results_of(self.module, inputs, lengths)
            results, labels, steps = decisions(outputs, labels, lengths)
            loss = criterion.loss_of(results, labels)
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            self._step_down()
            losses += float(loss.detach()) * len(labels) / steps
            weight += len(labels) / steps
            sums = sums + criterion.counted(results, labels, steps)
        if self.left_out == self._steps:
            raise InputError(
                f"epoch {state.epoch + 1}: no batch has a finite gradient; give a lower train.lr, "
                "train.damping, or with quantise.chip cells that err less"
            )
        loss_value, score = evaluate(
            self.module, self.dataset.validation, self.settings.batch, criterion
        )
        record = EpochRecord(
            epoch=state.epoch,
            rate=rate,
            train_loss=losses / weight,
            train_score=criterion.score(sums),
            validation_loss=loss_value,
            validation_score=score,
            seconds=time.perf_counter() - started,
        )
        state.history.append(record)
        key = (score, -loss_value)
        if key > state.best_key:
            state.best_key, state.best_epoch = key, state.epoch
            state.best_parameters = {
                name: value.clone() for name, value in self.module.state_dict().items()
            }
        state.epoch += 1
        return record

    def _step_down(self) -> None:
        """Follow the gradient, unless it is not finite.

        On a chip a state may grow without bound, where a stuck cell feeds it, and its derivative
        over a long sequence with it; nothing is to be learnt from such a batch.
        """
        gradients = [p.grad for p in self.module.parameters() if p.grad is not None]
        if not all(bool(torch.isfinite(gradient).all()) for gradient in gradients):
            self.left_out += 1
            return
        if self.settings.clip > 0:
            nn.utils.clip_grad_norm_(self.module.parameters(), self.settings.clip)
        self.optimiser.step()
        self._damp()

    @torch.no_grad()
    def _damp(self) -> None:
        """Bring modes that decay too slowly to the least damping."""
        least = self.settings.damping
        if least == 0:
            return
        for kernel in self.module.modules():
            if isinstance(kernel, KernelModule):
                kernel.damp(least)

    def _batches(self, rng: np.random.Generator) -> Iterator[tuple[Tensor, Tensor, Tensor | None]]:
        part = self.dataset.train
        order = rng.permutation(len(part))
        self._step, self._steps = 0, math.ceil(len(part) / self.settings.batch)
        for start in range(0, len(part), self.settings.batch):
            index = order[start : start + self.settings.batch]
            inputs = shift_images(self.dataset, part.inputs[index], self.settings.shift, rng)
            lengths = None if part.lengths is None else torch.from_numpy(part.lengths[index])
            yield _tensor(inputs), self.criterion.labels(part.labels[index]), lengths
            self._step += 1

    def _set_rate(self) -> float:
        """Set the cosine schedule's rates for this step and return the one of the main group."""
        done = (self.state.epoch + self._step / self._steps) / self.settings.epochs
        factor = 0.5 * (1 + math.cos(math.pi * done))
        for group in self.optimiser.param_groups:
            group["lr"] = group["initial_rate"] * factor
        return self.settings.lr * factor


def _tensor(inputs: SequenceArray) -> Tensor:
    """Copy an array into PyTorch's own, aligned memory.

    Vectorised sums round by the alignment of their operands, and NumPy's varies from run to run.
    """
    return torch.from_numpy(inputs).clone()


def results_of(module: nn.Module, inputs: Tensor, lengths: Tensor | None) -> Tensor:
    """Return what a module gives; one that is told no lengths need not know of any."""
    found: Tensor = module(inputs) if lengths is None else module(inputs, lengths)
    return found


def decisions(
    results: Tensor, labels: Tensor, lengths: Tensor | None = None
) -> tuple[Tensor, Tensor, int]:
    """Return results (n, K), their labels (n, …), and how many of them weigh as one.

    Results of every step (B, L, K) each get their own target, or their sequence's label, and those
    of a sequence weigh as one together. Where sequences have ``lengths`` (B,), results of true
    steps alone are there, and each of them weighs as one.
    """
    if results.dim() == 2:
        return results, labels, 1
    steps = results.shape[1]
    each = labels.flatten(0, 1) if labels.dim() == 3 else labels.repeat_interleave(steps, dim=0)
    if lengths is None:
        return results.flatten(0, 1), each, steps
    true = (torch.arange(steps) < lengths[:, None]).flatten()
    return results.flatten(0, 1)[true], each[true], 1


@torch.no_grad()
def evaluate(
    module: nn.Module, part: Split, batch: int, criterion: Criterion | None = None
) -> tuple[float, float]:
    """Return mean loss and score of a module on a part of a data set; by default of classes."""
    module.eval()
    judge = criterion or ClassCriterion()
    loss, weight, sums = 0.0, 0.0, np.zeros(1)
    for start in range(0, len(part), batch):
        chosen = slice(start, start + batch)
        labels = judge.labels(part.labels[chosen])
        lengths = None if part.lengths is None else torch.from_numpy(part.lengths[chosen])
        outputs = results_of(module, _tensor(part.inputs[chosen]), lengths)
        results, labels, steps = decisions(outputs, labels, lengths)
        weight += len(labels) / steps
        loss += float(judge.loss_of(results, labels, "sum")) / steps
        sums = sums + judge.counted(results, labels, steps)
    return loss / weight, judge.score(sums)


def _parameter_groups(
    module: nn.Module, settings: TrainSection, range_rate: float
) -> list[dict[str, Any]]:
    slow: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    ranges: list[nn.Parameter] = []
    recurrent = {
        id(getattr(part, name))
        for part in module.modules()
        if isinstance(part, KernelModule)
        for name in part.slow
    }
    for name, parameter in module.named_parameters():
        if name.startswith("ranges."):
            ranges.append(parameter)
        else:
            (slow if id(parameter) in recurrent else others).append(parameter)
    slow_rate = min(settings.ssm_lr, settings.lr)
    groups = [
        {"params": others, "weight_decay": settings.weight_decay, "initial_rate": settings.lr},
        {"params": slow, "weight_decay": 0.0, "initial_rate": slow_rate},
        {"params": ranges, "weight_decay": 0.0, "initial_rate": range_rate},
    ]
    return [group for group in groups if group["params"]]
