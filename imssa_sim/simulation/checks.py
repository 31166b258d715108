"""What can be known of a run before its data are read; `validate` and `run` both ask here.

Some of it is written down as a rule. The rest is found by trying: one layer of the network runs
through every part of a run, on a few steps of made-up numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from imssa_sim.baselines.gpu import evaluate_baselines
from imssa_sim.config.cards import cards_used
from imssa_sim.costs.card_prices import check_operating_point
from imssa_sim.costs.model import CostModel
from imssa_sim.data import check_class_names, check_dataset_name, check_targets, known_steps
from imssa_sim.devices.cell import check_conditions
from imssa_sim.errors import InputError
from imssa_sim.files.stamp import Stamp, stamp
from imssa_sim.ledger.build import build_ledger
from imssa_sim.ledger.passes import check_wear
from imssa_sim.mapping.build import build_program
from imssa_sim.mapping.partition import check_partition
from imssa_sim.model.runnable import check_runnable
from imssa_sim.reference.quantise import quantise
from imssa_sim.simulation.clock import Clock
from imssa_sim.simulation.inputs import Inputs, load_weights, weights_fingerprint
from imssa_sim.simulation.passes import run_passes
from imssa_sim.simulation.progress import Silent
from imssa_sim.simulation.quantisation import network_bits, output_form
from imssa_sim.simulation.result import DataUsed
from imssa_sim.simulation.schedule import check_times
from imssa_sim.simulation.upkeep import upkeep_of
from imssa_sim.simulation.values import run_values
from imssa_sim.timing.arrivals import read_times
from imssa_sim.timing.interleave import simulate_interleaved
from imssa_sim.timing.real_time import feed
from imssa_sim.timing.simulate import simulate_timing
from imssa_sim.units import format_si
from imssa_sim.validity import beyond, extrapolating

if TYPE_CHECKING:
    from imssa_sim.config.schema import RunConfig
    from imssa_sim.model.network import Network

_SEQUENCES, _STEPS = 2, 8  # of the trial: enough for each kernel to look ahead, and for a batch
FO4_PER_LENGTH = 360e-12 / 1e-6
"""Delay of an inverter with a fan-out of four per gate length [s/m] (Ho, Mai, Horowitz 2001)."""
FO4_PER_CYCLE = 6
"""Least useful logic depth of a pipeline stage (Hrishikesh et al., ISCA 2002)."""


def check_settings(config: RunConfig) -> None:
    """Refuse what the rules forbid; takes no time.

    Raises
    ------
    InputError
        A network that cannot be quantised, an unknown data set, or more or fewer classes named than
        the network has.
    ValidityError
        Bits, rate, node, supply, voltage, temperature or times outside of what a card holds for.
    """
    check_runnable(config.model.checkpoint)
    if config.model.pooling == "none" and config.evaluate.stream.duration:
        raise InputError(
            "evaluate.stream counts one result a sequence, but with model.pooling: none there is "
            "one at every step; leave the stream out, or give pooling: mean or last"
        )
    if config.model.task == "regression":
        _check_regression(config)
    check_dataset_name(config.data.name)
    if config.data.fallback is not None:
        check_dataset_name(config.data.fallback)
    check_class_names(config.data)
    chosen, classes = config.data.classes, config.model.classes
    if chosen is not None and classes is not None and len(chosen) != classes:
        raise InputError(
            f"model.classes is {classes}, but data.classes names {len(chosen)}; set model.classes "
            f"to {len(chosen)}, or name others"
        )
    check_operating_point(config.hardware)
    check_conditions(config.hardware, config.evaluate.time_since_programming)
    check_times(config)
    check_partition(config.hardware, config.model.layers, ())
    check_wear(config.hardware)
    if config.evaluate.input.times is not None:
        read_times(config.evaluate.input.times)


def _check_regression(config: RunConfig) -> None:
    """Refuse what needs classes."""
    if config.evaluate.until is not None:
        raise InputError(
            "evaluate.until is half the interval of an accuracy, and with model.task: regression "
            "there is none; leave it out: evaluate.samples and chips say how much is run"
        )
    if config.evaluate.stream.duration:
        raise InputError(
            "evaluate.stream follows an accuracy over time, and with model.task: regression there "
            "is none; leave it out, and give evaluate.time_since_programming for one age"
        )
    if config.data.classes is not None:
        raise InputError(
            "data.classes keeps some classes, and with model.task: regression there are none; "
            "leave it out"
        )
    for name in (config.data.name, config.data.fallback):
        if name is not None:
            check_dataset_name(name)
            check_targets(name)


def check_by_trial(config: RunConfig) -> None:
    """Refuse what a run would come upon behind its data: some hundredths of a second.

    A configuration that has passed is not tried again in this process, unless one of its files is
    another.

    Raises
    ------
    ImssaError
        As `imssa_sim.simulation.run.simulate`, of all that does not depend on the data.
    """
    if config.evaluate.input.on:  # recorded arrivals are a file more
        _try(config)
        return
    for message in _passed(_Tried.of(config)):
        beyond(message, "")


@dataclass(frozen=True)
class _Tried:
    """All that a trial depends on: a configuration, its weights, and the state of its cards."""

    config: RunConfig
    weights: tuple[str, ...]
    cards: tuple[tuple[Path, Stamp], ...]

    @staticmethod
    def of(config: RunConfig) -> _Tried:
        weights = tuple(weights_fingerprint(config, fallback) for fallback in (False, True))
        paths = dict.fromkeys(card.path for card in cards_used(config).values())
        return _Tried(config, weights, tuple((path, stamp(path)) for path in paths))


@lru_cache(maxsize=32)
def _passed(tried: _Tried) -> tuple[str, ...]:
    """Try a configuration; return what cards were used for beyond their ranges, where wanted."""
    with extrapolating(tried.config.evaluate.extrapolate) as found:
        _try(tried.config)
        return tuple(found)


def _try(config: RunConfig) -> None:
    network = load_weights(config, fallback=False).network
    if config.data.fallback is not None and config.data.fallback_checkpoint is not None:
        load_weights(config, fallback=True)
    hardware = config.hardware
    noise = np.random.Generator(np.random.PCG64(0))
    made_up = noise.standard_normal((_SEQUENCES, _STEPS, network.inputs)).astype(np.float32)
    if hardware.chip.tiles != "auto" or hardware.partition.passes > 1:
        # Only the whole network tells how many tiles it needs, and what writing them takes.
        whole = quantise(network, network_bits(config), made_up, output_form(config))
        program = build_program(whole, hardware, known_steps(config.data.name) or _STEPS)
        if hardware.partition.passes > 1:
            timing = simulate_timing(program, hardware)
            costs = CostModel(program, hardware)
            run_passes(program, hardware, costs, timing, upkeep_of(config, [], None))
    tried = _one_layer(config)
    inputs = _made_up_inputs(replace(network, layers=network.layers[:1]), made_up)
    if config.model.outputs is not None:
        inputs = replace(inputs, labels=np.zeros((_SEQUENCES, config.model.outputs)))
    values = run_values(tried, inputs, Clock(Silent()))
    program = build_program(values.network, tried.hardware, _STEPS, values.placements)
    timing = simulate_timing(program, tried.hardware)
    if tried.hardware.interleave > 1:
        simulate_interleaved(program, tried.hardware, tried.hardware.interleave)
    if config.evaluate.input.on:
        # Recorded time stamps must hold a whole sequence; only the data may tell its length.
        length = known_steps(config.data.name) or 1
        whole_length = build_program(values.network, tried.hardware, length, values.placements)
        feed(whole_length, tried.hardware, config.evaluate.input)
    costs = CostModel(program, tried.hardware)
    build_ledger(program, costs, timing, values.activity, values.upkeep)
    evaluate_baselines(config, _STEPS)


def _one_layer(config: RunConfig) -> RunConfig:
    """Return the configuration of the trial: one layer, one chip, no stream."""
    first = {kind: width[0] if isinstance(width, tuple) else width for kind, width in config.bits}
    chip = config.hardware.chip.model_copy(update={"tiles": "auto"})
    stream = config.evaluate.stream.model_copy(update={"duration": 0.0})
    unfed = type(config.evaluate.input)()
    whole = type(config.hardware.partition)()
    evaluate = {
        "chips": 1, "stream": stream, "input": unfed, "chip_samples": "all", "threads": 1,
        "until": None,
    }  # fmt: skip
    return config.model_copy(
        update={
            "model": config.model.model_copy(update={"layers": 1}),
            "bits": config.bits.model_copy(update=first),
            "hardware": config.hardware.model_copy(update={"chip": chip, "partition": whole}),
            "evaluate": config.evaluate.model_copy(update=evaluate),
        }
    )


def _made_up_inputs(network: Network, sequences: np.ndarray) -> Inputs:
    numbers = np.arange(len(sequences))
    used = DataUsed(
        name="", source="", fingerprint="", fallback=False, checkpoint="", samples=len(sequences),
        test_size=len(sequences), calibration_samples=len(sequences), message="",
    )  # fmt: skip
    return Inputs(network, sequences, sequences, np.zeros_like(numbers), numbers, used)


def doubts(config: RunConfig) -> tuple[str, ...]:
    """Return what is legal in a configuration and hardly meant, one sentence for each."""
    hardware, tile = config.hardware, config.hardware.chip.tile
    found = []
    fastest = 1 / (FO4_PER_CYCLE * FO4_PER_LENGTH * hardware.chip.technology)
    if hardware.chip.clock > fastest:
        found.append(
            f"hardware.chip.clock: {format_si(hardware.chip.clock, 'Hz')} leaves less than "
            f"{FO4_PER_CYCLE} gate delays (FO4) in a cycle at "
            f"{format_si(hardware.chip.technology, 'm')}; "
            f"up to {format_si(fastest, 'Hz')} is plausible"
        )
    if hardware.adc.per_tile > tile.columns:
        found.append(
            f"hardware.adc.per_tile: {hardware.adc.per_tile} converters for {tile.columns} bit "
            "lines; those beyond never convert, but take area and leak"
        )
    if hardware.adc.enob is not None and hardware.adc.enob < 1:
        found.append(
            f"hardware.adc.enob: {hardware.adc.enob:g} effective bits: the noise is larger than "
            "the range"
        )
    return tuple(found)
