"""One training run: configuration in, checkpoint with metadata and training curve out."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

import imssa_sim
from imssa_sim.config.cards import cards_used
from imssa_sim.config.dump import plain
from imssa_sim.config.load import load_config
from imssa_sim.data import Dataset, Split
from imssa_sim.data.lengths import true_steps
from imssa_sim.data.registry import resolve_dataset
from imssa_sim.errors import InputError
from imssa_sim.functional.digital import numba_threads, run_digital
from imssa_sim.model.checkpoint import (
    Checkpoint,
    load_checkpoint,
    save_checkpoint,
    structure_of_config,
)
from imssa_sim.model.initialise import network_of_config
from imssa_sim.model.network import Network
from imssa_sim.model.scales import TrainedQuantisers
from imssa_sim.model.target_scaling import TargetScaling, scaling_from
from imssa_sim.model.tensors import network_from_tensors
from imssa_sim.reference.forward import forward
from imssa_sim.reference.pruning import mode_saliency, prune_modes, prune_shares
from imssa_sim.simulation.inputs import check_targets_fit, check_task
from imssa_sim.training.criteria import ClassCriterion, Criterion, ValueCriterion
from imssa_sim.training.curve import write_curve
from imssa_sim.training.fit import EpochRecord, Fit, decisions
from imssa_sim.training.schema import TrainConfig
from imssa_sim.training.stages import Stages
from imssa_sim.training.torch_network import NetworkModule

Report = Callable[[str], None]
MEASURED_AT_ONCE = 1024
"""Sequences."""


@dataclass(frozen=True)
class TrainResult:
    """What a finished training left behind.

    Attributes
    ----------
    checkpoint : Checkpoint
        As stored; its metadata tell data, split, seed, command, accuracies and versions.
    history : tuple of EpochRecord
    """

    checkpoint: Checkpoint
    history: tuple[EpochRecord, ...]


def train(
    config: TrainConfig,
    output: Path,
    *,
    command: str = "",
    fresh: bool = False,
    report: Report = print,
) -> TrainResult:
    """Train a network, float or quantised, and store the epoch that validates best.

    After each epoch the state goes to ``OUTPUT.resume.pt``; the same call continues from there,
    with the same result as an uninterrupted training. Beside the checkpoint come
    ``OUTPUT.curve.csv`` and ``OUTPUT.curve.png`` (with the stem of ``output``).

    Parameters
    ----------
    config : TrainConfig
    output : Path
        The checkpoint to write, ``*.safetensors``.
    command : str
        Command line to record.
    fresh : bool
        Ignore the state of an interrupted training.
    report : callable
        Receives one line of progress at a time.

    Raises
    ------
    InputError
        The output or the state of an interrupted training cannot be used, the data do not fit the
        network, or the starting checkpoint is bad.
    """
    _check_output(output)
    torch.set_num_threads(config.train.threads)
    torch.use_deterministic_algorithms(True)
    resolved = resolve_dataset(config.data, config.model.outputs)
    dataset = resolved.dataset
    for note in (resolved.note, *(f"{dataset.name}: {note}" for note in dataset.notes)):
        if note:
            report(note)
    _check_fit(config, dataset)
    start, stored, scaling = _initial_network(config, dataset)
    criterion = _criterion(config, dataset, scaling, report)
    stages: Stages | None = None
    module: NetworkModule
    if config.quantise is None:
        module = NetworkModule(start, config.train.dropout, config.train.noise_A)
        fit = Fit(module, dataset, config.train, config.seed, criterion=criterion)
    else:
        stages = Stages(config, dataset, start, stored)
        module = stages.module
        rate = config.quantise.range_lr
        fit = Fit(module, dataset, config.train, config.seed, rate, criterion)
        fit.earliest_end = stages.last_start
    identity = _identity(config, dataset)
    resume = output.with_suffix(".resume.pt")
    if not fresh:
        _resume(fit, stages, resume, identity, report)
    report(
        f"training {config.name}: {start.parameters:,} parameters, {len(dataset.train)} sequences "
        f"of {dataset.length} steps ({dataset.called}), at most {config.train.epochs} epochs"
    )

    def after_epoch(record: EpochRecord) -> None:
        course = None if stages is None else stages.state_dict()
        _store(resume, {"identity": identity, "fit": fit.state_dict(), "stages": course})
        report(_line(record, config.train.epochs, fit.state.best_epoch, criterion))
        if fit.left_out:
            report(f"  batches left out, as their gradient is not finite: {fit.left_out}")

    def before_epoch(epoch: int) -> None:
        if stages is not None and stages.enter(epoch):
            report(f"now at {stages.described}")
            fit.forget_best()

    with numba_threads(None if stages is None else config.train.threads):
        fit.run(after_epoch, before_epoch)
        fit.load_best()
        network = network_from_tensors(
            module.tensors(), str(output), module.structure, structure_of_config(config.model)
        )
        trained = None if stages is None else stages.module.trained()
        metadata = _metadata(config, dataset, network, trained, fit, command)
    save_checkpoint(output, network, metadata, trained)
    write_curve(output, fit.state.history, config.name, criterion)
    resume.unlink(missing_ok=True)
    measured = metadata[criterion.column]
    shown = [criterion.shown(measured[part]).strip() for part in ("validation", "test")]
    name = "accuracy " if criterion.column == "accuracy" else ""
    report(
        f"{output}: epoch {metadata['epochs']['best']}, {name}{shown[0]} validation, {shown[1]} "
        "test"
    )
    return TrainResult(load_checkpoint(output), tuple(fit.state.history))


def _check_output(output: Path) -> None:
    if output.suffix != ".safetensors":
        raise InputError(f"{output}: the trained network is stored as *.safetensors; name it so")
    if not output.parent.is_dir():
        raise InputError(f"{output}: the folder {output.parent} does not exist")
    if output.exists():
        raise InputError(f"{output} exists already; name another file with -o or remove it first")
    if not os.access(output.parent, os.W_OK):
        raise InputError(f"{output}: the folder {output.parent} is not writable")


def _check_fit(config: TrainConfig, dataset: Dataset) -> None:
    if dataset.train.lengths is not None and (config.quantise or config.prune):
        section = "quantise" if config.quantise else "prune"
        raise InputError(
            f"{section}: it reads sequences of one length, and those of {dataset.name} are padded; "
            f"train the float network, without `{section}`, or give data.padding: zeros, which "
            "reads padding as steps"
        )
    wanted = {"inputs": dataset.features}
    if config.model.task == "classification":
        wanted["classes"] = len(dataset.classes)
    else:
        check_targets_fit(config.model, dataset)
    for name, value in wanted.items():
        if getattr(config.model, name) != value:
            raise InputError(
                f"model.{name} is {getattr(config.model, name)}, but {dataset.name} has {value}"
            )


def _criterion(
    config: TrainConfig, dataset: Dataset, scaling: TargetScaling | None, report: Report
) -> Criterion:
    """Return what is minimised; targets are scaled as before, or by the training part."""
    if config.model.task == "classification":
        return ClassCriterion()
    targets, lengths = dataset.train.labels, dataset.train.lengths
    if lengths is not None and targets.ndim == 3:
        targets = targets[true_steps(lengths, targets.shape[1])]
    found = scaling or TargetScaling.of(targets)
    each = ", ".join(
        f"{m:.4g} and {d:.4g}" for m, d in zip(found.mean, found.deviation, strict=True)
    )
    of = "the checkpoint that training starts from" if scaling else "the training part"
    report(f"targets are scaled by mean and deviation of {of} ({each}); runs undo it")
    return ValueCriterion(found)


def _initial_network(
    config: TrainConfig, dataset: Dataset
) -> tuple[Network, TrainedQuantisers | None, TargetScaling | None]:
    """Return the network that training starts from, its quantisers, its scaling of targets."""
    model = config.model
    if model.checkpoint is not None:
        expected = structure_of_config(model)
        if config.prune is None:
            loaded = load_checkpoint(model.checkpoint, expected)
            return loaded.network, loaded.quantisers, _scaling_of(config, loaded)
        section, inputs = config.prune, dataset.train.inputs[: config.prune.samples]
        expected = replace(expected, state=section.state or model.state)
        loaded = load_checkpoint(model.checkpoint, expected)
        network = loaded.network
        if section.state is not None:
            network = prune_modes(network, model.modes, mode_saliency(network, inputs))
        if section.kernels or section.modes:
            network = prune_shares(network, inputs, section.kernels, section.modes)
        return network, None, _scaling_of(config, loaded)
    dt_range = (config.train.dt_min, config.train.dt_max)
    return network_of_config(model, seed=config.seed, dt_range=dt_range), None, None


def _scaling_of(config: TrainConfig, loaded: Checkpoint) -> TargetScaling | None:
    check_task(config.model, loaded)
    return scaling_from(loaded.metadata, loaded.network.classes, str(loaded.path))


def _described(config: TrainConfig) -> dict[str, Any]:
    """Return the configuration without paths, which mean nothing on another machine."""
    content = config.model_dump(mode="json")
    if config.model.checkpoint is not None:
        content["model"]["checkpoint"] = config.model.checkpoint.name
    for name in ("path", "fallback_checkpoint"):
        content["data"].pop(name)
    if config.quantise is not None and config.quantise.chip is not None:
        content["quantise"]["chip"] = config.quantise.chip.name
    return content


def _identity(config: TrainConfig, dataset: Dataset) -> str:
    """Fingerprint of all that decides a training's course, files by their contents."""
    content = _described(config) | {"data": dataset.fingerprint}
    files = [] if config.model.checkpoint is None else [config.model.checkpoint]
    chip = None if config.quantise is None else config.quantise.chip
    if chip is not None:
        workload = load_config(chip).config
        content["hardware"] = plain(workload)["hardware"]
        content["time"] = workload.evaluate.time_since_programming
        files += sorted({card.path for card in cards_used(workload).values()})
    content["files"] = [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _resume(fit: Fit, stages: Stages | None, path: Path, identity: str, report: Report) -> None:
    if not path.exists():
        return
    try:
        saved = torch.load(path, weights_only=True)
        same = saved["identity"] == identity
        if same:
            fit.load_state_dict(saved["fit"])
            if stages is not None:
                stages.load_state_dict(saved["stages"], fit.state.epoch)
    except Exception as error:
        # torch.load raises whatever a damaged file provokes.
        raise InputError(
            f"{path}: the state of the interrupted training is damaged ({type(error).__name__}); "
            "start again with --fresh"
        ) from error
    if not same:
        raise InputError(
            f"{path} belongs to a training with another configuration or other data; go on with "
            "that one, name another output, or discard it with --fresh"
        )
    report(f"continuing after epoch {fit.state.epoch} from {path}")


def _store(path: Path, content: dict[str, Any]) -> None:
    temporary = path.with_name(path.name + ".part")
    try:
        torch.save(content, temporary)
        os.replace(temporary, path)
    except (OSError, RuntimeError) as error:
        temporary.unlink(missing_ok=True)
        raise InputError(f"cannot write {path}: {error}") from error


def _line(record: EpochRecord, epochs: int, best: int, criterion: Criterion) -> str:
    mark = " *" if record.epoch == best else ""
    return (
        f"epoch {record.epoch + 1:3d}/{epochs}  loss {record.train_loss:.4f}  "
        f"train {criterion.shown(record.train_score)}  "
        f"validation {criterion.shown(record.validation_score)}  "
        f"{record.seconds:.1f} s{mark}"
    )


def _metadata(
    config: TrainConfig,
    dataset: Dataset,
    network: Network,
    trained: TrainedQuantisers | None,
    fit: Fit,
    command: str,
) -> dict[str, Any]:
    quantised = None if trained is None else trained.quantise(network)
    criterion = fit.criterion

    def measured(part: Split) -> float:
        """Return accuracy or R²; a part at a time, as the inputs may be streamed."""
        sums = np.zeros(1)
        for start in range(0, len(part), MEASURED_AT_ONCE):
            chosen = slice(start, start + MEASURED_AT_ONCE)
            inputs, labels = part.inputs[chosen], criterion.labels(part.labels[chosen])
            lengths = None if part.lengths is None else part.lengths[chosen]
            if quantised is None:
                found = forward(network, inputs, lengths=lengths)
            else:
                found = run_digital(quantised, inputs).logits
            known = None if lengths is None else torch.from_numpy(lengths)
            sums = sums + criterion.counted(*decisions(torch.from_numpy(found), labels, known))
        return criterion.score(sums)

    shift = config.train.shift
    return {
        "name": config.name,
        "description": config.description,
        "command": command,
        "seed": config.seed,
        "config": _described(config),
        "data": {
            "name": dataset.name,
            "source": dataset.source,
            "normalisation": dataset.normalisation,
            "sha256": dataset.fingerprint,
            "length": dataset.length,
        },
        "split": {
            "train": len(dataset.train),
            "validation": len(dataset.validation),
            "test": len(dataset.test),
        },
        "augmentation": f"shifts of up to {shift} pixels" if shift else "none",
        **({"targets": asdict(criterion.scaling)} if isinstance(criterion, ValueCriterion) else {}),
        criterion.column: {
            "train": measured(dataset.train),
            "validation": measured(dataset.validation),
            "test": measured(dataset.test),
            "of": "float network, convolution mode" if quantised is None else "integers",
        },
        "epochs": {"run": fit.state.epoch, "best": fit.state.best_epoch + 1},
        "parameters": network.parameters,
        "versions": {
            "imssa_sim": imssa_sim.__version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
            "torch": str(torch.__version__),
        },
    }
