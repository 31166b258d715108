"""Which data and which weights a run uses, and what it tells the user about them."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imssa_sim.data import resolve_dataset
from imssa_sim.data.streamed import StreamedSequences
from imssa_sim.errors import InputError
from imssa_sim.model.checkpoint import load_checkpoint, structure_of_config
from imssa_sim.model.initialise import network_of_config
from imssa_sim.model.target_scaling import scaling_from
from imssa_sim.simulation.result import DataUsed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imssa_sim.config.schema import ModelConfig, RunConfig
    from imssa_sim.data import Dataset
    from imssa_sim.model.checkpoint import Checkpoint
    from imssa_sim.model.network import Network
    from imssa_sim.model.scales import TrainedQuantisers
    from imssa_sim.model.target_scaling import TargetScaling

    Sequences = NDArray[np.float32] | StreamedSequences


_LARGEST = 1 << 22
"""Numbers of test sequences whose results are kept."""
_BY_WEIGHTS = {"network", "quantisers", "scaling", "weights"}
"""Fields of `Inputs` that follow from the hash ``weights``."""
_BEHIND = {"labels", "sample_ids", "used"}
"""Fields that no network sees."""
_EVALUATED = {"inputs", "lengths"}
"""Fields that a quantised network does not depend on, but its results do."""


@dataclass(frozen=True)
class Inputs:
    """A network, calibration sequences, and the test sequences to evaluate.

    ``sample_ids`` (n,) are places in the test part; they enter the noise coordinates, so that a
    sample meets the same noise in whatever company it is evaluated. ``labels`` are classes (n,), or
    targets as a `Split` has them, in their unit, which ``scaling`` gives the network's results.
    ``weights`` is a hash of all that the network was read or drawn from; without one, nothing that
    follows from it is kept for other runs.
    """

    network: Network
    calibration: NDArray[np.float32]  # (n_cal, L, d)
    inputs: Sequences  # (n, L, d)
    labels: NDArray[Any]
    sample_ids: NDArray[np.int64]  # (n,)
    used: DataUsed
    quantisers: TrainedQuantisers | None = None
    scaling: TargetScaling | None = None
    lengths: NDArray[np.int64] | None = None  # (n,) of the test sequences; None: L each
    calibration_lengths: NDArray[np.int64] | None = None  # (n_cal,)
    weights: str | None = None

    def lengths_of(self, places: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """Return the lengths of the test sequences at ``places``; None where all are whole."""
        return None if self.lengths is None else self.lengths[places]

    @cached_property
    def calibrated(self) -> tuple[str, ...] | None:
        """All that a quantised network depends on beside settings; None: it is not kept.

        A field that is not known here not to matter does.
        """
        if self.weights is None:
            return None
        own = (f.name for f in fields(self) if f.name not in _BY_WEIGHTS | _BEHIND | _EVALUATED)
        shape = str(self.inputs.shape[1:])
        return self.weights, shape, *(f"{name} {_hash(getattr(self, name))}" for name in own)

    @cached_property
    def evaluated(self) -> tuple[str, ...] | None:
        """All that results without a chip depend on beside settings; None: they are not kept."""
        given = self.inputs
        if self.calibrated is None or isinstance(given, StreamedSequences) or given.size > _LARGEST:
            return None
        return (*self.calibrated, *(_hash(getattr(self, name)) for name in sorted(_EVALUATED)))


def prepare_inputs(config: RunConfig) -> Inputs:
    """Load data and weights as the workload asks, with its fallback where the data are absent.

    Calibration sequences come from the training part, never from the test part.

    Raises
    ------
    InputError
        If neither the data set nor its fallback is there, sizes do not fit together, or the
        checkpoint is unusable.
    """
    resolved = resolve_dataset(config.data, config.model.outputs)
    dataset = resolved.dataset
    _check_fit(config, dataset)
    weights = load_weights(config, resolved.fallback)
    checkpoint = weights.checkpoint
    chosen = _pick(len(dataset.test), config.evaluate.drawn, config.seed)
    calibration = _pick(len(dataset.train), config.calibration.samples, config.seed + 1)
    of_test, of_train = (
        None if part.lengths is None else part.lengths[places]
        for part, places in ((dataset.test, chosen), (dataset.train, calibration))
    )
    return Inputs(
        network=weights.network,
        calibration=dataset.train.inputs[calibration],
        inputs=part_of(dataset.test.inputs, chosen),
        labels=dataset.test.labels[chosen],
        sample_ids=chosen,
        used=DataUsed(
            name=dataset.name,
            source=dataset.source,
            fingerprint=dataset.fingerprint,
            fallback=resolved.fallback,
            checkpoint=checkpoint.name if checkpoint else "none (random weights)",
            samples=len(chosen),
            test_size=len(dataset.test),
            calibration_samples=len(calibration),
            message=_message(config, dataset, weights, resolved.fallback),
            sample_rate=dataset.sample_rate,
            lengths=None if of_test is None else _span(of_test),
        ),
        lengths=of_test,
        calibration_lengths=of_train,
        quantisers=weights.quantisers,
        scaling=weights.scaling,
        weights=weights.fingerprint,
    )


def _span(lengths: NDArray[np.int64]) -> tuple[int, float, int]:
    return int(lengths.min()), float(lengths.mean()), int(lengths.max())


def first_drawn(inputs: Inputs, wanted: int, seed: int) -> NDArray[np.int64]:
    """Return the places, among the inputs, of those that a run of ``wanted`` samples draws."""
    chosen = _pick(inputs.used.test_size, wanted, seed)
    return np.flatnonzero(np.isin(inputs.sample_ids, chosen)).astype(np.int64)


def only(inputs: Inputs, places: NDArray[np.int64]) -> Inputs:
    """Return inputs with the test sequences at ``places`` alone."""
    return replace(
        inputs,
        inputs=part_of(inputs.inputs, places),
        labels=inputs.labels[places],
        sample_ids=inputs.sample_ids[places],
        lengths=(chosen := inputs.lengths_of(places)),
        used=replace(
            inputs.used,
            samples=len(places),
            lengths=None if chosen is None else _span(chosen),
        ),
    )


@dataclass(frozen=True)
class Weights:
    """A float network, and a hash of what it comes from.

    With its trained quantisers, file, and scaling of targets, where it has them.
    """

    network: Network
    fingerprint: str
    quantisers: TrainedQuantisers | None = None
    checkpoint: Path | None = None
    scaling: TargetScaling | None = None


def load_weights(config: RunConfig, fallback: bool) -> Weights:
    """Return the network that a run uses, random where no checkpoint is named.

    Parameters
    ----------
    config : RunConfig
    fallback : bool
        Whether it is the one for ``data.fallback``.

    Raises
    ------
    InputError
        The checkpoint is unusable, of another size than the ``model`` section, trained for
        another task, or written to meanwhile.
    """
    path, fingerprint = _checkpoint(config, fallback), weights_fingerprint(config, fallback)
    if path is None:
        return Weights(network_of_config(config.model, seed=config.seed), fingerprint)
    loaded = load_checkpoint(path, structure_of_config(config.model))
    if weights_fingerprint(config, fallback) != fingerprint:
        raise InputError(f"{path}: the file changed while it was read")
    check_task(config.model, loaded)
    scaling = scaling_from(loaded.metadata, loaded.network.classes, str(path))
    return Weights(loaded.network, fingerprint, loaded.quantisers, path, scaling)


def check_task(model: ModelConfig, checkpoint: Checkpoint) -> None:
    """Refuse a network that was trained for another task, as far as its file tells.

    Raises
    ------
    InputError
    """
    trained = checkpoint.metadata.get("config", {}).get("model", {})
    task = trained.get("task", "classification") if trained else model.task
    if task != model.task:
        count = checkpoint.network.classes
        meant = f"outputs: {count}" if task == "regression" else f"classes: {count}"
        raise InputError(
            f"model.task is {model.task}, but {checkpoint.path} was trained for {task}; give "
            f"model.task: {task} and {meant}, or another checkpoint"
        )


def weights_fingerprint(config: RunConfig, fallback: bool = False) -> str:
    """Return a hash of all that `load_weights` depends on, the bytes of the checkpoint for one.

    Of a file that cannot be read it says nothing; `load_weights` says why.
    """
    path = _checkpoint(config, fallback)
    found = hashlib.sha256(config.model.model_dump_json().encode())
    with suppress(OSError):
        found.update(str(config.seed).encode() if path is None else path.read_bytes())
    return found.hexdigest()


def _checkpoint(config: RunConfig, fallback: bool) -> Path | None:
    return config.data.fallback_checkpoint if fallback else config.model.checkpoint


def _hash(values: NDArray[Any] | None) -> str:
    if values is None:
        return "none"
    whole = hashlib.sha256(np.ascontiguousarray(values).data).hexdigest()
    return f"{values.shape} {values.dtype} {whole}"


def part_of(inputs: Sequences, places: NDArray[np.int64]) -> Sequences:
    """Return the sequences at ``places``; those that are streamed stay in their files."""
    return inputs.select(places) if isinstance(inputs, StreamedSequences) else inputs[places]


def _message(config: RunConfig, dataset: Dataset, weights: Weights, fallback: bool) -> str:
    first = f"data: {dataset.name}, {dataset.source}"
    if fallback:
        first = f"data: {config.data.name} was not found, so this run uses {dataset.called} instead"
        if config.model.checkpoint is not None:
            first += f" (and not model.checkpoint, which is for {config.data.name})"
    first = "; ".join((first, *dataset.notes))
    m = config.model
    if weights.checkpoint is not None:
        text = f"{first}; weights: {weights.checkpoint.name}"
        if m.task == "classification":
            return text
        return f"{text}, {_scaled(weights.scaling)}"
    what = f"{m.classes} classes" if m.task == "classification" else f"outputs {m.outputs}"
    measure = "accuracy means" if m.task == "classification" else "R² and errors mean"
    return (
        f"{first}; weights: RANDOM, {measure} nothing. Needed: a checkpoint of {m.layers} "
        f"layers, H = {m.width}, N = {m.state}, {m.inputs} inputs, {what} trained on "
        f"{dataset.name} (--set model.checkpoint=FILE; `imssa_sim train` makes one)"
    )


def _scaled(scaling: TargetScaling | None) -> str:
    """Say in which unit a network gives its results."""
    if scaling is None:
        return "whose results are taken in the unit of the targets"
    each = ", ".join(
        f"{m:.4g} and {d:.4g}" for m, d in zip(scaling.mean, scaling.deviation, strict=True)
    )
    return (
        f"whose results are scaled back by mean and deviation of the targets it was trained on "
        f"({each})"
    )


def check_targets_fit(model: ModelConfig, dataset: Dataset) -> None:
    """Refuse targets of each step where the network has one result a sequence.

    Raises
    ------
    InputError
    """
    if dataset.test.labels.ndim == 3 and model.pooling != "none":
        raise InputError(
            f"{dataset.name} has a target for each step, but with model.pooling: {model.pooling} "
            "there is one result a sequence; give model.pooling: none, or targets of whole "
            "sequences"
        )


def _check_fit(config: RunConfig, dataset: Dataset) -> None:
    model = config.model
    if dataset.features != model.inputs:
        raise InputError(
            f"model.inputs is {model.inputs}, but {dataset.name} has {dataset.features} features "
            f"per step; set model.inputs to {dataset.features} or choose other data"
        )
    if model.task == "regression":
        check_targets_fit(model, dataset)
        return
    if len(dataset.classes) != model.classes:
        raise InputError(
            f"model.classes is {model.classes}, but {dataset.name} has {len(dataset.classes)} "
            f"classes; set model.classes to {len(dataset.classes)} or choose other data"
        )


def _pick(available: int, wanted: int | str, seed: int) -> NDArray[np.int64]:
    """Return sorted places of ``wanted`` of ``available`` sequences, drawn without replacement."""
    if wanted == "all" or int(wanted) >= available:
        return np.arange(available)
    generator = np.random.Generator(np.random.PCG64(seed))
    return np.sort(generator.permutation(available)[: int(wanted)]).astype(np.int64)
