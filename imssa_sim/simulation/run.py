"""One run: data and weights, values, time, costs, baselines."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from imssa_sim.baselines.gpu import evaluate_baselines
from imssa_sim.cards import one_state_of_cards
from imssa_sim.compiled.notices import listening
from imssa_sim.costs.model import CostModel
from imssa_sim.data import known_steps
from imssa_sim.kernels.warm_up import DENSE, compile_ahead, recurrent_loops
from imssa_sim.ledger.build import build_ledger
from imssa_sim.ledger.sources import uses_of
from imssa_sim.mapping.build import build_program
from imssa_sim.mapping.kernels.registry import KERNEL_MAPPINGS
from imssa_sim.simulation.checks import check_by_trial, check_settings, doubts
from imssa_sim.simulation.clock import Clock, peak_memory
from imssa_sim.simulation.costs_alone import outline
from imssa_sim.simulation.inputs import prepare_inputs
from imssa_sim.simulation.memory import functional_key, input_key, remembered
from imssa_sim.simulation.passes import run_passes
from imssa_sim.simulation.progress import Silent
from imssa_sim.simulation.real_time import run_input
from imssa_sim.simulation.result import RunResult
from imssa_sim.simulation.values import run_in_float, run_values
from imssa_sim.threads import begun, use_threads
from imssa_sim.timing.interleave import simulate_interleaved
from imssa_sim.timing.simulate import simulate_timing
from imssa_sim.units import format_si
from imssa_sim.validity import extrapolating

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, MutableMapping

    from numpy.typing import NDArray

    from imssa_sim.config.load import LoadedConfig
    from imssa_sim.config.schema import RunConfig
    from imssa_sim.simulation.costs_alone import Outline
    from imssa_sim.simulation.inputs import Inputs
    from imssa_sim.simulation.progress import Progress
    from imssa_sim.simulation.values import Values
    from imssa_sim.threads import Begin


def _analog_loops(config: RunConfig) -> tuple[str, ...]:
    """Compiled loops that the tiles of a chip are read with, as far as the data do not matter."""
    mapping, evaluate = config.hardware.mapping, config.evaluate
    linear = DENSE if mapping.linear == "analog" else ()
    if not KERNEL_MAPPINGS[mapping.kernel].reads:
        return linear
    alone, batch = 1, evaluate.batch  # the trial's sequences, and a batch
    samples = evaluate.drawn if evaluate.chip_samples == "all" else evaluate.chip_samples
    rest = [] if samples == "all" else [samples % batch]
    if samples != "all":
        batch = min(batch, samples)
    reads = (known_steps(config.data.name) or 0) * config.model.width
    return recurrent_loops([alone, batch, *rest], reads) + linear


def _begin(
    config: RunConfig, memory: MutableMapping[str, Any] | None, begin: Begin
) -> tuple[Callable[[], Inputs], Callable[[], NDArray[Any]] | None]:
    """Begin what needs no quantised network: data and weights, and the values in floats."""
    own = input_key(config, "inputs")
    prepared = begin(lambda: remembered(memory, own, lambda: prepare_inputs(config)))
    if config.evaluate.until is not None or not config.evaluate.float:
        return prepared, None
    return prepared, begin(lambda: run_in_float(config, prepared()))


def _note_age(config: RunConfig, batch: float, told: Progress) -> None:
    """Say where cells are read at an age that weights of a batch do not reach."""
    age = config.evaluate.time_since_programming
    if age > batch:
        told.note(
            f"warning: cells are read {format_si(age, 's')} after programming, but tiles are "
            f"written anew every {format_si(batch, 's')} (evaluate.time_since_programming)"
        )


@contextmanager
def _collecting(wanted: bool) -> Iterator[None]:
    """Put the search for garbage in cycles off, unless it is wanted.

    Costs alone leave a thousand objects of it, among a hundred thousand that the search goes
    over several times: a third of their processor time.
    """
    paused = not wanted and gc.isenabled()
    if paused:
        gc.disable()
    try:
        yield
    finally:
        if paused:
            gc.enable()


def simulate(
    loaded: LoadedConfig,
    progress: Progress | None = None,
    engine: str = "auto",
    memory: MutableMapping[str, Any] | None = None,
    check_length: Callable[[int], None] | None = None,
    accuracy: bool = True,
) -> RunResult:
    """Run one workload.

    Parameters
    ----------
    loaded : LoadedConfig
        A validated configuration.
    progress : Progress, optional
        Told of phases and of what the user should know.
    engine : {"auto", "event", "recurrence"}
        Timing engine.
    memory : mutable mapping, optional
        Functional executions by `functional_key`, so that runs that differ only in costs share
        one; data and weights, for runs that differ in more. Filled here.
    check_length : callable, optional
        Told the steps of the sequences before anything is computed; may raise what it likes.
    accuracy : bool
        False: no value is computed, and the cells are priced by their fixed activity
        (`imssa_sim.simulation.costs_alone`).

    Raises
    ------
    ImssaError
        Bad input, a model outside its validity, or a broken invariant.
    """
    wanted = loaded.config.evaluate.extrapolate
    with extrapolating(wanted) as beyond, one_state_of_cards(), _collecting(accuracy):
        told = Silent() if progress is None else progress
        result = _simulate(loaded, told, engine, memory, check_length, accuracy)
        for message in beyond:
            told.note(f"warning: extrapolated: {message}")
        return replace(result, extrapolated=tuple(beyond))


def _simulate(
    loaded: LoadedConfig,
    told: Progress,
    engine: str,
    memory: MutableMapping[str, Any] | None,
    check_length: Callable[[int], None] | None,
    accuracy: bool,
) -> RunResult:
    config = loaded.config
    check_settings(config)
    for doubt in doubts(config):
        told.note(f"warning: {doubt}")
    clock = Clock(told)
    key = functional_key(config) if accuracy and memory is not None else ""
    values: Values | Outline
    if not accuracy:
        with clock.phase("network"):
            values = outline(config, memory)
        told.note(values.data.message)
        if check_length is not None:
            check_length(values.sequence_length)
    elif memory is not None and key in memory:
        values = memory[key]
    else:
        threads = config.evaluate.threads
        count = None if threads == "auto" else int(threads)
        with listening(told.note), use_threads(count) as many, begun() as begin:
            compile_ahead(_analog_loops(config), many)
            prepared, in_float = _begin(config, memory, begin)
            check_by_trial(config)
            with clock.phase("data and weights"):
                inputs = prepared()
            told.note(inputs.used.message)
            if check_length is not None:
                check_length(inputs.inputs.shape[1])
            values = run_values(config, inputs, clock, in_float)
        if memory is not None:
            memory[key] = values
    with clock.phase("timing"):
        program = build_program(
            values.network, config.hardware, values.sequence_length, values.placements
        )
        timing = simulate_timing(program, config.hardware, engine=engine)
        interleaved = None
        if config.hardware.interleave > 1:
            interleaved = simulate_interleaved(program, config.hardware, config.hardware.interleave)
    passes = None
    with clock.phase("costs"):
        costs = CostModel(program, config.hardware)
        if config.hardware.partition.passes > 1:
            passes = run_passes(program, config.hardware, costs, timing, values.upkeep, engine)
            timing = passes.timing
            _note_age(config, timing.end_to_end, told)
        ledger = build_ledger(
            program, costs, timing, values.activity, values.upkeep,
            () if passes is None else passes.rewriting.entries,
        )  # fmt: skip
        baselines = evaluate_baselines(config, values.sequence_length)
    real_time, duty = None, None
    if config.evaluate.input.on:
        with clock.phase("real time"):
            real_time, duty = run_input(config, program, costs, ledger, timing)
    if real_time is not None and real_time.dropped:
        told.note(
            f"warning: the input buffer lost {real_time.dropped:,} of {real_time.tokens:,} time "
            "steps; accuracies are those of sequences without a gap"
        )
    used = {*costs.citations, *(key for b in baselines for key in b.citations)}
    if loaded.base is not None:
        used.update(loaded.base.citations())
    return RunResult(
        loaded=loaded,
        data=values.data,
        accuracy=values.accuracy,
        regression=values.regression,
        program=program,
        timing=timing,
        ledger=ledger,
        baselines=tuple(baselines),
        saturation=values.saturation,
        overflow=values.overflow,
        reached=values.reached,
        wire_residual=values.wire_residual,
        predictions=values.predictions,
        citations=tuple(sorted(used)),
        uses=uses_of(program, costs, ledger),
        stream=values.stream,
        calibration=values.calibration,
        real_time=real_time,
        duty=duty,
        interleaved=interleaved,
        passes=passes,
        host_seconds=clock.seconds,
        host_memory=peak_memory(),
    )
