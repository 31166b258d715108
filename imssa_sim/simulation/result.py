"""What one run gives back."""

from __future__ import annotations

import itertools
import math
import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from imssa_sim.baselines.gpu import BaselineResult
    from imssa_sim.components.parameters import Use
    from imssa_sim.config.load import LoadedConfig
    from imssa_sim.ledger.duty import Duty
    from imssa_sim.ledger.ledger import Ledger
    from imssa_sim.ledger.sources import Booking
    from imssa_sim.mapping.program import Program
    from imssa_sim.simulation.adaptive import Reached
    from imssa_sim.simulation.passes import InPasses
    from imssa_sim.simulation.regression import Regression
    from imssa_sim.simulation.schedule import Moment
    from imssa_sim.timing.interleave import Interleaved
    from imssa_sim.timing.real_time import RealTime
    from imssa_sim.timing.simulate import TimingResult


@dataclass(frozen=True)
class DataUsed:
    """Which data and which weights a run really used.

    ``message`` says it in one line; ``fallback`` is true when the configured data set was absent;
    ``sample_rate`` [Hz] is that of the recording, where it is known; ``lengths`` are the least,
    mean and largest steps of the evaluated sequences, where they differ from the padded ones.
    """

    name: str
    source: str
    fingerprint: str
    fallback: bool
    checkpoint: str
    samples: int
    test_size: int
    calibration_samples: int
    message: str
    sample_rate: float | None = None
    lengths: tuple[int, float, int] | None = None


@dataclass(frozen=True)
class Accuracy:
    """Correct predictions out of ``samples`` test sequences.

    ``analog_correct`` has one count per chip instance, each out of ``analog_samples`` of them:
    the same on every chip if ``analog_alike``. Where a network has a result at every step, counts
    are out of ``steps`` times as many; of sequences of unequal length ``steps`` is the most, and
    ``results`` are those of all sequences and of all that a chip instance evaluates.
    """

    samples: int
    analog_samples: int
    float_correct: int | None
    digital_correct: int | None
    analog_correct: tuple[int, ...]
    analog_alike: bool = True
    steps: int = 1
    results: tuple[int, int] | None = None

    @property
    def decisions(self) -> int:
        """Predictions of an execution."""
        return self.samples * self.steps if self.results is None else self.results[0]

    @property
    def analog_decisions(self) -> int:
        """Predictions of a chip instance."""
        return self.analog_samples * self.steps if self.results is None else self.results[1]

    @property
    def analog_mean(self) -> float | None:
        """Mean analog accuracy over the chip instances, 0 to 1."""
        if not self.analog_correct:
            return None
        return statistics.fmean(self.analog_correct) / self.analog_decisions

    @property
    def analog_deviation(self) -> float | None:
        """Sample standard deviation of the analog accuracy over chip instances."""
        if len(self.analog_correct) < 2:
            return None
        return statistics.stdev(self.analog_correct) / self.analog_decisions

    @property
    def analog_draw(self) -> float | None:
        """Standard deviation that the draw of each chip's sequences gives by itself.

        That of a binomial share; None where all chips evaluate the same sequences, so that their
        spread is the chips' alone.
        """
        mean = self.analog_mean
        if mean is None or self.analog_alike:
            return None
        return math.sqrt(mean * (1 - mean) / self.analog_decisions)


@dataclass(frozen=True)
class StreamPoint:
    """The chips at one time of a stream.

    Attributes
    ----------
    moment : Moment
    samples : int
        Evaluated on each chip instance.
    correct : tuple of int
        One count per chip instance.
    array_energy : tuple of float
        Dissipated in the cells per inference, one per chip instance [J].
    """

    moment: Moment
    samples: int
    correct: tuple[int, ...]
    array_energy: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean accuracy over the chip instances, 0 to 1."""
        return statistics.fmean(self.correct) / self.samples


@dataclass(frozen=True)
class Stream:
    """Accuracy against time, and how often the chips were written and calibrated meanwhile."""

    points: tuple[StreamPoint, ...]
    rewritings: int
    calibrations: int

    @property
    def mean(self) -> float:
        """Mean accuracy over time, straight between the points."""
        pairs = list(itertools.pairwise(self.points))
        times = [b.moment.clock - a.moment.clock for a, b in pairs]
        areas = [(a.mean + b.mean) / 2 * t for (a, b), t in zip(pairs, times, strict=True)]
        return math.fsum(areas) / math.fsum(times)

    @property
    def lowest(self) -> StreamPoint:
        """The point of the lowest mean accuracy, the first of several."""
        return min(self.points, key=lambda point: point.mean)


@dataclass(frozen=True)
class ColumnCalibration:
    """How far conversions were off in the calibrations of all chips [LSB rms].

    ``before``: as first read; ``after``: with gains and offsets taken off. ``reads`` of every tile.
    """

    before: float
    after: float
    reads: int


@dataclass(frozen=True)
class AdcSaturation:
    """Conversions of one ADC group that hit either end of the range."""

    component: str
    conversions: int
    low: int
    high: int


@dataclass(frozen=True)
class RunResult:
    """Everything that the report needs; immutable.

    ``accuracy`` of classes, ``regression`` of values: one of them, none if no values were wanted.
    """

    loaded: LoadedConfig
    data: DataUsed
    accuracy: Accuracy | None
    program: Program
    timing: TimingResult
    ledger: Ledger
    baselines: tuple[BaselineResult, ...]
    saturation: tuple[AdcSaturation, ...]
    predictions: Mapping[str, NDArray[Any]]  # "labels", "float", "digital", "chip0", …
    citations: tuple[str, ...]  # bibliography keys of the cards that this run used
    uses: Mapping[Booking, tuple[Use, ...]] = field(default_factory=dict)  # of cards, by booking
    extrapolated: tuple[str, ...] = ()  # what cards were used for outside of their ranges
    stream: Stream | None = None
    calibration: ColumnCalibration | None = None
    real_time: RealTime | None = None  # with evaluate.input: arrivals, and the energy between them
    duty: Duty | None = None
    interleaved: Interleaved | None = None  # with hardware.interleave: sequences in turn
    passes: InPasses | None = None  # with hardware.partition.passes: tiles written for each batch
    host_seconds: Mapping[str, float] = field(default_factory=dict)  # phase -> wall time [s]
    host_memory: int | None = None  # largest memory of the process so far [B], where it is known
    reached: Reached | None = None  # with evaluate.until: the interval, and how far it came
    overflow: float | None = None  # share of sums that exceed an accumulator, where there are such
    wire_residual: float = 0.0  # of the wire equations, largest of all tiles and chip instances
    regression: Regression | None = None

    @property
    def evaluated(self) -> bool:
        """Whether values were computed, not costs alone."""
        return self.accuracy is not None or self.regression is not None
