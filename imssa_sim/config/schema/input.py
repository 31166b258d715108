"""How time steps arrive at the chip in real time."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from imssa_sim.config.fields import (
    Delay,
    Energy,
    FilePath,
    Frequency,
    Positive,
    Section,
    Time,
    check_file,
    problem,
)


class InputConfig(Section):
    """Time steps that arrive by a clock of their own, sequence after sequence; off by default."""

    rate: Frequency | None = None
    """[Hz], time steps per second, in the mean; with ``times`` none."""
    arrival: Literal["periodic", "poisson"] = "periodic"
    jitter: Delay = 0.0
    """[s], each arrival is late by a time drawn uniformly from zero to this."""
    burst: Positive = 1
    """Time steps that arrive together; ``rate`` stays the mean."""
    times: FilePath | None = None
    """Recorded time stamps, in seconds, one a line."""
    duration: Time | None = None
    """[s], rounded up to whole sequences; None: a second, 10,000 steps at most."""
    buffer: Annotated[Positive, Field(le=1_000_000)] = 16
    """Time steps that the input buffer holds."""
    overflow: Literal["stall", "drop_oldest", "error"] = "stall"
    """Stall: further steps wait outside, their latency counted on."""
    deadline: Time | None = None
    """[s], from a time step's arrival to when it left the last layer; None: one period."""
    battery: Energy | None = None
    """[J], of a cell that feeds the chip alone."""

    @property
    def on(self) -> bool:
        """Whether arrivals are simulated."""
        return self.rate is not None or self.times is not None

    def _given(self) -> set[str]:
        """Return the keys whose values are not the defaults."""
        fields = type(self).model_fields
        return {name for name, value in self if value != fields[name].default}

    @model_validator(mode="after")
    def _one_clock(self) -> InputConfig:
        if self.times is not None:
            check_file(self.times)
            given = self._given() & {"rate", "arrival", "jitter", "burst", "duration"}
            if given:
                raise problem(
                    f"times: recorded time stamps leave no choice of {', '.join(sorted(given))}",
                    remedy="give one or the other",
                )
            return self
        if self.rate is None:
            if given := self._given():
                raise problem(
                    f"{', '.join(sorted(given))} without a rate",
                    remedy="give rate, for example '16 kHz', or times, a file",
                )
            return self
        if self.jitter and self.arrival == "poisson":
            raise problem("jitter: Poisson arrivals have no clock to be late against")
        if self.jitter > self.burst / self.rate:
            raise problem(
                "jitter: arrivals would overtake each other",
                remedy=f"at most {self.burst / self.rate:g} s, the time between arrivals",
            )
        return self
