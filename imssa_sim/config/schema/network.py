"""The network: sizes, structure, checkpoint."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from imssa_sim.config.fields import FilePath, Positive, Section, problem

Activation = Literal[
    "gelu", "gelu_tanh", "relu", "tanh", "silu", "sigmoid", "elu", "softplus", "glu", "none"
]
Mixing = Literal[
    "glu", "half_glu1", "half_glu2", "plain", "none",
    "gelu", "gelu_tanh", "relu", "tanh", "silu", "sigmoid", "elu", "softplus",
]  # fmt: skip


class ModelConfig(Section):
    """The network: sizes, blocks and head, and the checkpoint that holds its weights."""

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
    discretisation: Literal["zoh", "bilinear", "dss"] = "zoh"
    family: str = "s4d"
    """Family of the state-space models: one of this package, or of another one."""
    activation: Activation = "gelu"
    """Between kernels and mixing map; glu halves the channels."""
    mixing: Mixing = "glu"
    """The linear map over the channels and what follows it: glu (H -> 2H and a gate), a function, a
    plain map, none, or S5's half_glu1 and half_glu2, whose map gives the gate alone."""
    residual: bool = True
    copies: Positive = 1
    """Kernels on each channel."""
    pooling: Literal["mean", "last", "none"] = "mean"
    """What the decoder sees: the mean over the steps, the last one, or each."""
    output: Literal["logits", "log_softmax"] = "logits"
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
    def composition_keys(self) -> dict[str, Any]:
        """How blocks and head are put together, by the names of `imssa_sim.model.network`."""
        names = "activation", "mixing", "residual", "copies", "pooling", "output"
        return {name: getattr(self, name) for name in names}

    @property
    def modes(self) -> int:
        """Stored complex modes M per channel."""
        return self.state // 2
