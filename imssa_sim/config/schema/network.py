"""The network: sizes, structure, checkpoint."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

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
    task: Literal["classification", "regression"] = "classification"
    """Whether a result is a class, or values."""
    classes: Annotated[int, Field(ge=2)] | None = None
    """Of classification, which needs it."""
    outputs: Positive | None = None
    """Values of a result, which regression needs; None with classification."""
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

    @model_validator(mode="after")
    def _results(self) -> ModelConfig:
        regression = self.task == "regression"
        if regression and self.classes is not None:
            raise problem(
                "classes: with task: regression results are values",
                remedy="give outputs, the values of a result, and leave classes out "
                "(classes: null)",
            )
        if not regression and self.outputs is not None:
            raise problem(
                "outputs: with task: classification results are classes",
                remedy="leave it out, or give task: regression in the place of classes",
            )
        if self.classes is None and self.outputs is None:
            key = "outputs" if regression else "classes"
            meant = "" if regression else "; of values instead of classes, task and outputs"
            raise problem(f"missing key '{key}'", remedy=f"it has no default: add it{meant}")
        if regression and self.output != "logits":
            raise problem(
                f"output: {self.output} is a distribution over classes",
                remedy="with task: regression leave it out",
            )
        return self

    @property
    def measure(self) -> str:
        """What executions are judged by, in words."""
        return "accuracy" if self.task == "classification" else "errors"

    @property
    def results(self) -> int:
        """Numbers of a result: one for each class, or the outputs."""
        found = self.classes or self.outputs
        assert found is not None  # validated
        return found

    @property
    def composition_keys(self) -> dict[str, Any]:
        """How blocks and head are put together, by the names of `imssa_sim.model.network`."""
        names = "activation", "mixing", "residual", "copies", "pooling", "output"
        return {name: getattr(self, name) for name in names}

    @property
    def modes(self) -> int:
        """Stored complex modes M per channel."""
        return self.state // 2
