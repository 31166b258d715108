"""The configuration of a run, as frozen models with SI floats.

One class per section of the workload file, attribute names equal to the file's keys
(docs/decisions/0002-configuration.md describes them one by one). Quantities are given as strings
with a unit and held as floats in the SI unit of their dimension, named in brackets.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from imssa_sim.config.fields import (
    Amount,
    AsTuple,
    CardReference,
    CheckCard,
    ClassNames,
    Conductance,
    Count,
    Delay,
    FilePath,
    FolderPath,
    Frequency,
    Length,
    Resistance,
    Section,
    Temperature,
    Time,
    Voltage,
    bits_or_list,
    problem,
)
from imssa_sim.units import format_si

Bits = Annotated[int, Field(ge=2, le=16)]
LayerBits = Annotated[int | tuple[int, ...], BeforeValidator(bits_or_list)]
Positive = Annotated[int, Field(ge=1)]
Probability = Annotated[float, Field(ge=0, le=1)]
Percentile = Annotated[float, Field(gt=50, le=100)]
RangePolicy = Literal["max", "percentile", "mse"]
Granularity = Literal["tensor", "channel", "mode"]
CellCard = Annotated[str, CheckCard, CardReference("cell")]
ArrayCard = Annotated[str, CheckCard, CardReference("array")]
WiresCard = Annotated[str, CheckCard, CardReference("wires")]
ScalingCard = Annotated[str, CheckCard, CardReference("scaling")]
AdcCard = Annotated[str, CheckCard, CardReference("adc")]
DacCard = Annotated[str, CheckCard, CardReference("dac")]
DigitalCard = Annotated[str, CheckCard, CardReference("digital")]
MemoryCard = Annotated[str, CheckCard, CardReference("memory")]
BusCard = Annotated[str, CheckCard, CardReference("bus")]
OffChipCard = Annotated[str, CheckCard, CardReference("off_chip")]
GpuCard = Annotated[str, CheckCard, CardReference("gpu")]
BIT_KINDS = (
    "A", "B", "C", "D", "dt", "state", "kernel_input", "kernel_output", "activations", "linear",
)  # fmt: skip
DEFAULT_BITS = 8


class ModelConfig(Section):
    """The S4D network: sizes, structure, and the checkpoint that holds its weights."""

    layers: Positive
    width: Positive
    """Channels H."""
    state: Annotated[int, Field(ge=2)]
    """Real state size N per channel, even; M = N/2 complex modes are stored."""
    inputs: Positive = 1
    classes: Annotated[int, Field(ge=2)]
    bidirectional: bool = False
    norm: Literal["layer", "batch", "none"] = "layer"
    norm_position: Literal["post", "pre"] = "post"
    discretisation: Literal["zoh", "bilinear"] = "zoh"
    initialisation: Literal["legs", "lin", "inv", "real"] = "legs"
    checkpoint: FilePath | None = None
    """None: random initialisation."""

    @field_validator("state")
    @classmethod
    def _even(cls, value: int) -> int:
        if value % 2:
            raise problem(
                f"{value} is odd",
                remedy="real states come in pairs, one for each complex mode: give an even number",
            )
        return value

    @property
    def modes(self) -> int:
        """Stored complex modes M per channel."""
        return self.state // 2


class MelConfig(Section):
    """Log-mel frames of sound; the defaults are those of the keywords that come along."""

    bands: Annotated[int, Field(ge=2, le=128)] = 20
    window: Time = 0.025
    """[s]"""
    hop: Time = 0.01
    """[s], from frame to frame."""
    low: Frequency = 60.0
    """[Hz], where the first band begins."""
    high: Frequency = 7600.0
    """[Hz], where the last band ends."""


class SpikesConfig(Section):
    """How spikes are counted into frames."""

    step: Time = 0.01
    """[s], of a frame."""
    duration: Time = 1.0
    """[s], from the recording's begin; later spikes are left out, missing ones are zeros."""
    group: Positive = 5
    """Neighbouring units that are counted together."""


class DataConfig(Section):
    """The data set that the network is calibrated and evaluated on."""

    name: Annotated[str, Field(min_length=1)]
    path: FolderPath = "auto"
    classes: ClassNames = None
    """The only classes to keep, in the order of their new labels; None: all."""
    fallback: Annotated[str, Field(min_length=1)] | None = None
    fallback_checkpoint: FilePath | None = None
    normalise: bool = True
    features: Literal["auto", "raw", "log_mel"] = "auto"
    """Of sound; auto: raw for speech_commands, log_mel for keywords."""
    mel: MelConfig = MelConfig()
    spikes: SpikesConfig = SpikesConfig()


class BitWidths(Section):
    """Bits of each kind of tensor, 2 to 16; a list has one width per layer."""

    default: Bits
    """Outside of the layers (encoder, residual stream, decoder), of kinds that have a list."""
    A: LayerBits
    B: LayerBits
    C: LayerBits
    D: LayerBits
    dt: LayerBits
    state: LayerBits
    kernel_input: LayerBits
    kernel_output: LayerBits
    activations: LayerBits
    linear: LayerBits

    def check_layers(self, layers: int) -> None:
        """Refuse lists of another length than the number of layers."""
        for kind in BIT_KINDS:
            value = getattr(self, kind)
            if isinstance(value, tuple) and len(value) != layers:
                raise problem(
                    f"bits.{kind}: {len(value)} widths for {layers} layers",
                    remedy="give one number for all layers, or a list with one per layer",
                )


class GranularityConfig(Section):
    """What shares one scale: a whole tensor, a channel, or each mode of each channel."""

    A: Granularity = "mode"
    B: Granularity = "mode"
    C: Literal["tensor", "channel"] = "channel"
    D: Literal["tensor", "channel"] = "channel"
    dt: Literal["tensor", "channel"] = "channel"
    state: Granularity = "mode"
    linear: Literal["tensor", "channel"] = "channel"


class CalibrationConfig(Section):
    """How the ranges of the quantisers are found on the training part."""

    samples: Positive = 128
    activations: RangePolicy = "mse"
    weights: RangePolicy = "max"
    percentile: Percentile = 99.9
    granularity: GranularityConfig = GranularityConfig()


class WiresConfig(Section):
    """Wires of a crossbar: their card for the costs, their resistances for effects.ir_drop."""

    card: WiresCard = "wires/cmos"
    word_resistance: Resistance = 3.13
    """[ohm], of the segment of a word line between two cells; 32 nm, cell of 48 F²."""
    bit_resistance: Resistance = 1.04
    """[ohm], of the segment of a bit line between two cells; 32 nm, cell of 48 F²."""
    source_resistance: Resistance = 0.0
    """[ohm], of a word line's driver."""
    sense_resistance: Resistance = 0.0
    """[ohm], of a bit line's virtual ground."""
    drive: Literal["left", "right", "both"] = "left"
    """End of the word lines where the drivers are; left: the first bit line's side."""
    sense: Literal["bottom", "top", "both"] = "bottom"
    """End of the bit lines that is sensed; top: the first word line's side."""


class TileConfig(Section):
    """One crossbar with its drivers."""

    rows: Annotated[int, Field(ge=3)] = 72
    """Word lines. One complex mode and the input need three."""
    columns: Annotated[int, Field(ge=3)] = 144
    """Physical bit lines."""
    cell: CellCard
    array: ArrayCard = "arrays/crossbar_1t1r"
    """Geometry and lines of the crossbar."""
    weights: Literal["differential", "one_sided", "offset"] = "differential"
    weight_scale: Literal["column", "tile"] = "column"
    """What shares one conductance per unit of weight."""
    slices: Annotated[int, Field(ge=1, le=16)] = 1
    """Columns that hold one weight, a slice of its bits each; joined by shift and add."""
    devices: Annotated[int, Field(ge=1, le=64)] = 1
    """Cells in parallel for each cell of a weight, on bit lines that join at the sense node."""
    read_voltage: Voltage = 0.2
    """[V]"""
    read_time: Time = 1e-8
    """[s], of one pulse of an amplitude or bit-serial read."""
    wires: WiresConfig = WiresConfig()
    programming_sigma: Conductance | None = None
    """[S], Gaussian programming error at all conductances; None: that of the cell's card."""
    spare_columns: Annotated[int, Field(ge=0)] = 0
    """Columns (of one slice) kept free to stand in for the worst ones."""

    @model_validator(mode="after")
    def _pairs(self) -> TileConfig:
        if self.weights != "offset" and self.columns % 2:
            raise problem(
                f"columns: {self.columns} is odd, but weights: {self.weights} needs pairs of lines",
                remedy="give an even number of columns, or weights: offset",
            )
        return self


class ChipConfig(Section):
    """What all parts of the chip share, and the number of its tiles."""

    clock: Frequency = 1e9
    """[Hz]"""
    technology: Length = 3.2e-8
    """[m], node of the digital parts."""
    supply: Voltage = 0.9
    """[V]"""
    temperature: Temperature = 300.0
    """[K]"""
    scaling: ScalingCard = "scaling/stillmaker_baas_2017"
    """From the node of a digital card to ``technology`` and ``supply``."""
    arbitration: Literal["fifo", "round_robin", "static"] = "fifo"
    """Whom a shared bus or vector unit serves next: first come, next in turn, fixed order."""
    tiles: Count = "auto"
    tile: TileConfig


class AdcConfig(Section):
    """Analog-to-digital converters of a tile."""

    card: AdcCard
    bits: Annotated[int, Field(ge=1, le=16)] = 8
    per_tile: Positive = 16
    rate: Frequency = 1e8
    """[Hz], conversions per second of one converter."""
    range: Literal["aligned", "max", "percentile", "mse"] = "aligned"
    percentile: Percentile = 99.9
    scope: Literal["column", "tile"] = "column"
    noise: Annotated[float, Field(ge=0)] = 0.0
    """Input-referred noise [LSB rms]."""
    enob: Annotated[float, Field(gt=0)] | None = None
    """Effective bits, from which more noise follows; None: all of them."""
    gain_spread: Annotated[float, Field(ge=0)] = 0.0
    """Spread of the converters' gains that calibration leaves, relative."""
    offset_spread: Annotated[float, Field(ge=0)] = 0.0
    """Spread of the converters' offsets that calibration leaves [LSB]."""
    mismatch: Annotated[float, Field(ge=0)] = 0.0
    """Relative spread of the unit capacitors of a successive-approximation converter."""
    calibrate: bool = False
    """Gain and offset of each column are set by reads of the programmed array."""
    calibration_reads: Annotated[int, Field(ge=8, le=65536)] = 64
    """Reads of every tile that one calibration takes."""


class DacConfig(Section):
    """Drivers of the word lines."""

    card: DacCard = "dac/pwm_40nm"
    bits: Annotated[int, Field(ge=1, le=16)] = 8
    encoding: Literal["pulse_width", "amplitude", "bit_serial"] = "pulse_width"
    lsb_time: Time = 1e-9
    """[s], of one unit of a pulse-width code."""
    inl: float = 0.0
    """Integral non-linearity, a cubic bow [steps of the driver]."""
    dnl: Annotated[float, Field(ge=0)] = 0.0
    """Differential non-linearity, spread of a step [steps of the driver]."""


class DigitalConfig(Section):
    """Digital vector units beside the tiles."""

    card: DigitalCard = "digital/cmos_40nm"
    vector_lanes: Positive = 128
    vector_units: Positive = 1


class MemoryConfig(Section):
    """Buffers between the stages."""

    card: MemoryCard = "memory/sram_32nm_puma"
    buffer_tokens: Positive = 4
    """Capacity of each FIFO between stages, in tokens."""


class BusConfig(Section):
    """The interconnect of the tiles."""

    card: BusCard = "bus/isaac_32nm"
    width: Positive = 256
    """Bits per cycle."""
    links: Positive = 1


class OffChipConfig(Section):
    """The link or memory beyond the chip; card None: inputs and outputs are not charged."""

    card: OffChipCard | None = None


class MappingConfig(Section):
    """Which part of the network runs where."""

    kernel: Literal["fused_lookahead", "fused_delayed", "two_pass", "digital"] = "fused_lookahead"
    linear: Literal["analog", "digital"] = "analog"
    encoder: Literal["analog", "digital"] = "digital"
    decoder: Literal["analog", "digital"] = "digital"


class EffectsConfig(Section):
    """A switch for each departure from the ideal array."""

    programming_error: bool = True
    write_verify: bool = False
    """Programming is simulated pulse by pulse instead of by its published error."""
    relaxation: bool = True
    read_noise: bool = True
    read_duration: bool = False
    """1/f noise is that of the chip's own reads instead of the card's measurements."""
    drift: bool = True
    drift_compensation: bool = False
    """Not an effect but its remedy: one gain a tile follows what its weights have lost."""
    faults: bool = True
    level_grid: bool = False
    """Targets are rounded to the cell's levels."""
    ir_drop: bool = False
    thermal_noise: bool = False
    """Johnson noise of the cells at the sense nodes."""
    shot_noise: bool = False
    """Shot noise of the cells' currents at the sense nodes, in full (2·q·I·B)."""
    converter_errors: bool = True
    """Noise, spreads, mismatch and non-linearity that the adc and dac sections state."""
    nonlinearity: bool = True
    """Current-voltage characteristic of the cell, where its card has one."""


class FaultsConfig(Section):
    """Faulty cells and lines, beyond what the cell's card says; for effects.faults."""

    stuck_on: Probability | None = None
    """Probability of a cell to be stuck on; None: the card's."""
    stuck_off: Probability | None = None
    """Probability of a cell to be stuck off; None: the card's."""
    clustering: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Correlation of the luck of neighbouring cells."""
    cluster_size: Positive = 8
    """Side of the blocks of neighbours."""
    dead_rows: Probability = 0.0
    """Probability of a word line to carry no current."""
    dead_columns: Probability = 0.0
    """Probability of a bit line to give none."""
    dead_converters: Probability = 0.0
    """Probability of a converter to give code 0 for all columns that it serves."""


class ProgrammingConfig(Section):
    """How the weights are written; for the one-off account."""

    parallel: Literal["none", "tiles", "rows"] = "tiles"
    """What is written at a time: one cell of the chip, one of each tile, one row of each tile."""


class HardwareConfig(Section):
    """The chip."""

    ideal: bool = False
    """True: no programming error, noise, drift, faults; lossless converters (values only)."""
    chip: ChipConfig
    adc: AdcConfig
    dac: DacConfig = DacConfig()
    digital: DigitalConfig = DigitalConfig()
    memory: MemoryConfig = MemoryConfig()
    bus: BusConfig = BusConfig()
    off_chip: OffChipConfig = OffChipConfig()
    mapping: MappingConfig = MappingConfig()
    effects: EffectsConfig = EffectsConfig()
    faults: FaultsConfig = FaultsConfig()
    programming: ProgrammingConfig = ProgrammingConfig()
    power_gating: bool = False

    @model_validator(mode="after")
    def _shifts(self) -> HardwareConfig:
        tile = self.chip.tile
        if tile.slices > 1 and self.adc.scope == "tile" and tile.weight_scale == "column":
            raise problem(
                "adc.scope: tile with chip.tile.slices needs one conductance per unit of weight in "
                "a tile; with chip.tile.weight_scale: column no shift relates the slices' steps",
                remedy="give adc.scope: column, or chip.tile.weight_scale: tile",
            )
        return self


class StreamConfig(Section):
    """Inferences over hours, from ``time_since_programming`` on."""

    duration: Delay = 0.0
    """[s], zero: none."""
    points: Annotated[int, Field(ge=2, le=1000)] = 11
    """Times at which samples run, both ends included."""
    spacing: Literal["linear", "logarithmic"] = "linear"
    """Of the points, in the time since the first programming."""
    samples: Literal["repeated", "divided"] = "repeated"
    """Every point evaluates all samples, or each sample runs once, in blocks."""
    reprogram_every: Time | None = None
    """[s], all weights are written again; None: never."""
    recalibrate_every: Time | None = None
    """[s], drift compensation and converters are calibrated again; None: before each point."""


class EvaluateConfig(Section):
    """What is run: test samples, chip instances, time since programming."""

    samples: Amount = 200
    chips: Positive = 3
    chip_samples: Amount = "all"
    """How many of ``samples`` each chip instance evaluates, evenly spread."""
    batch: Positive = 32
    threads: Count = "auto"
    time_since_programming: Delay = 3600.0
    """[s]"""
    stream: StreamConfig = StreamConfig()
    float: bool = True
    digital: bool = True

    @model_validator(mode="after")
    def _written_before(self) -> EvaluateConfig:
        every = self.stream.reprogram_every
        if self.stream.duration and every is not None and every < self.time_since_programming:
            raise problem(
                f"stream.reprogram_every: {format_si(every, 's')} is over before the first "
                f"inference, at time_since_programming: "
                f"{format_si(self.time_since_programming, 's')}",
                remedy="write less often, or begin earlier",
            )
        return self


class RunConfig(Section):
    """A whole run, as one workload file describes it."""

    workload: Annotated[str, Field(min_length=1)]
    description: str = ""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    model: ModelConfig
    data: DataConfig
    bits: BitWidths = BitWidths(**dict.fromkeys(("default", *BIT_KINDS), DEFAULT_BITS))
    calibration: CalibrationConfig = CalibrationConfig()
    hardware: HardwareConfig
    evaluate: EvaluateConfig = EvaluateConfig()
    baselines: Annotated[tuple[GpuCard, ...], AsTuple] = ()
    """Cards of the devices to compare with."""

    @model_validator(mode="after")
    def _bits_for_all_layers(self) -> RunConfig:
        self.bits.check_layers(self.model.layers)
        return self


def expand_bits(value: Any) -> Any:
    """Return the ``bits`` section with all kinds: from one number, or a map with a ``default``."""
    kinds = ("default", *BIT_KINDS)
    if isinstance(value, int) and not isinstance(value, bool):
        return dict.fromkeys(kinds, value)
    if isinstance(value, dict):
        return dict.fromkeys(kinds, value.get("default", DEFAULT_BITS)) | value
    return value
