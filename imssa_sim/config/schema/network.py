"""The network: sizes, structure, checkpoint."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from imssa_sim.config.fields import FilePath, Positive, Section, problem


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
    family: str = "s4d"
    """Family of the state-space models: one of this package, or of another one."""
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
