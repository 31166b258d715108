"""What the chip does while it waits for its input."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import model_validator

from imssa_sim.config.fields import CardReference, CheckCard, CostOnly, Section, problem

PowerCard = Annotated[str, CheckCard, CardReference("power")]


class PowerConfig(Section):
    """Power states while nothing is under way; for runs with ``evaluate.input``."""

    policy: Annotated[Literal["never", "break_even", "until_next"], CostOnly] = "never"
    """The chip sleeps never; once it has been idle for the break-even time; or at once, woken by a
    timer in time for the next arrival."""
    card: Annotated[PowerCard | None, CostOnly] = None
    """States, wake-up time and energy."""

    @model_validator(mode="after")
    def _with_card(self) -> PowerConfig:
        if self.policy != "never" and self.card is None:
            raise problem(
                f"policy: {self.policy} needs what sleeping and waking take",
                remedy="give card, for example power/header_switch",
            )
        return self
