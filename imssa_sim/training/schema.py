"""The training configuration: the ``model`` and ``data`` sections of a workload, and ``train``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from imssa_sim.config.fields import AsTuple, Bits, FilePath, Positive, Section, problem
from imssa_sim.config.schema import (
    BitsConfig,
    CalibrationConfig,
    DataConfig,
    ModelConfig,
    expand_bits,
)

Rate = Annotated[float, Field(ge=0, le=1)]


class TrainSection(Section):
    """How a float network is trained.

    Defaults are the authors' settings for the small sequential CIFAR-10 network
    (arXiv 2206.11893, appendix C, and their code): AdamW with 0.01, state-space parameters with at
    most 0.001 and no weight decay, cosine schedule, batches of 64, dropout 0.1.
    """

    epochs: Positive = 100
    batch: Positive = 64
    lr: Annotated[float, Field(gt=0)] = 0.01
    """Learning rate of all parameters but those of the state-space recurrence."""
    ssm_lr: Annotated[float, Field(gt=0)] = 0.001
    """Upper bound of the learning rate of log dt, A (and B, if there is one)."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    """Not applied to log dt, A and B."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Probability with which a channel of a block is dropped."""
    noise_A: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Gaussian noise on A in continuous time, fresh in each forward pass of training, with or
    without ``quantise``; its deviation relative to max - min of Re A and of Im A of a layer (QS4D's
    authors, arXiv 2507.06079). Nothing keeps Re A negative. Validation has none."""
    dt_min: Annotated[float, Field(gt=0)] = 0.001
    dt_max: Annotated[float, Field(gt=0)] = 0.1
    """Range of the initial time steps, log-uniform."""
    shift: Annotated[int, Field(ge=0)] = 0
    """Augmentation: images move by up to this many pixels, rows and columns independently."""
    patience: Positive = 20
    """Epochs without a better validation result after which training ends."""
    damping: Annotated[float, Field(ge=0)] = 0.0
    """Least damping of a mode in one step, -Re(A) dt, to which slower modes are brought."""
    clip: Annotated[float, Field(ge=0)] = 0.0
    """Largest norm of the gradient of all parameters together; 0: any."""
    target: Rate = 1.0
    """Validation accuracy, or R² with model.task: regression, at which training ends at once."""
    threads: Positive = 1
    """Threads of PyTorch; results repeat bit for bit only at the same number."""

    @model_validator(mode="after")
    def _ascending(self) -> TrainSection:
        if self.dt_min > self.dt_max:
            raise problem(f"dt_min: {self.dt_min} is greater than dt_max: {self.dt_max}")
        return self


class NoiseSection(Section):
    """Gaussian noise of training, standard deviations relative to range; 0: none."""

    state: Annotated[float, Field(ge=0, le=1)] = 0.0
    output: Annotated[float, Field(ge=0, le=1)] = 0.0
    weights: Annotated[float, Field(ge=0, le=1)] = 0.0
    """One error per weight and batch, relative to the largest weight that shares its scale."""


class QuantiseSection(Section):
    """Quantisation-aware training (docs/qat.md): the forward pass in integers, or on chips."""

    bits: Annotated[BitsConfig, BeforeValidator(expand_bits)]
    lowering: Annotated[tuple[Bits, ...], AsTuple] = ()
    """Widths on the way down: in equal shares of the epochs, no tensor has fewer bits than each of
    these in turn, and last its own."""
    form: Literal["lookahead", "separate", "delta", "delta_feedback"] = "lookahead"
    """How kernels form states and outputs: lookahead for mapping fused_lookahead, separate for
    digital and fused_delayed, delta for fused_delta, delta_feedback for that with error
    feedback."""
    calibration: CalibrationConfig = CalibrationConfig()
    """Of the ranges that training starts from, and of the weights' ranges throughout."""
    range_lr: Annotated[float, Field(ge=0)] = 0.002
    """Learning rate of the logarithms of the ranges; 0 keeps them as calibrated."""
    noise: NoiseSection = NoiseSection()
    """Added in training, not in validation."""
    chip: FilePath | None = None
    """A workload file: training runs on chips of its ``hardware`` section, a new one each batch."""
    chip_from: Annotated[int, Field(ge=0)] = 0
    """First epoch on chips; before it, the forward pass is digital."""


class PruneSection(Section):
    """Structural pruning before training: what is least salient in ``model.checkpoint`` goes."""

    state: Annotated[int, Field(ge=2)] | None = None
    """Real state size N of the checkpoint, where ``model.state`` is to be smaller for every kernel;
    None: that of ``model``."""
    kernels: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of all kernels (layers times H) that goes; each layer keeps one at least."""
    modes: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the modes of the other kernels that goes; each kernel keeps a number of its own, one
    at least."""
    samples: Positive = 128
    """Training sequences that saliencies are measured on."""


class TrainConfig(Section):
    """A training run. ``model.checkpoint`` is where it starts from; None: random parameters."""

    name: Annotated[str, Field(min_length=1)]
    description: str = ""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    model: ModelConfig
    data: DataConfig
    train: TrainSection = TrainSection()
    quantise: QuantiseSection | None = None
    """None: a float network."""
    prune: PruneSection | None = None

    @model_validator(mode="after")
    def _bits_for_all_layers(self) -> TrainConfig:
        if self.quantise is not None:
            self.quantise.bits.check_layers(self.model.layers)
        return self

    @model_validator(mode="after")
    def _something_to_prune(self) -> TrainConfig:
        if self.prune is not None and self.model.checkpoint is None:
            raise problem(
                "prune: there is nothing to prune",
                remedy="name the network as model.checkpoint",
            )
        return self
