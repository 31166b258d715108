"""The training configuration: the ``model`` and ``data`` sections of a workload, and ``train``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from imssa_sim.config.fields import Section, problem
from imssa_sim.config.schema import DataConfig, ModelConfig, Positive

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
    dt_min: Annotated[float, Field(gt=0)] = 0.001
    dt_max: Annotated[float, Field(gt=0)] = 0.1
    """Range of the initial time steps, log-uniform."""
    shift: Annotated[int, Field(ge=0)] = 0
    """Augmentation: images move by up to this many pixels, rows and columns independently."""
    patience: Positive = 20
    """Epochs without a better validation result after which training ends."""
    target: Rate = 1.0
    """Validation accuracy at which training ends at once."""
    threads: Positive = 1
    """Threads of PyTorch; results repeat bit for bit only at the same number."""

    @model_validator(mode="after")
    def _ascending(self) -> TrainSection:
        if self.dt_min > self.dt_max:
            raise problem(f"dt_min: {self.dt_min} is greater than dt_max: {self.dt_max}")
        return self


class TrainConfig(Section):
    """A training run. ``model.checkpoint`` is where it starts from; None: random parameters."""

    name: Annotated[str, Field(min_length=1)]
    description: str = ""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    model: ModelConfig
    data: DataConfig
    train: TrainSection = TrainSection()
