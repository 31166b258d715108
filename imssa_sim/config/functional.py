"""The part of a configuration that values and counts depend on."""

from __future__ import annotations

from typing import Any

from imssa_sim.config.fields import CostOnly, Section
from imssa_sim.config.walk import marks


def functional_part(config: Section) -> dict[str, Any]:
    """Return all fields but those that the schema marks `CostOnly`, as nested dict of JSON values.

    Two configurations with equal parts give the same values and counts, and differ in costs and
    times at most.
    """
    dumped = config.model_dump(mode="json")
    return {
        name: functional_part(value) if isinstance(value, Section) else dumped[name]
        for name, value in config
        if CostOnly not in marks(type(config).model_fields[name])
    }
