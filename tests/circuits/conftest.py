"""Hardware configurations for the tests of circuits."""

import pytest

from imssa_sim.config.schema import HardwareConfig

EFFECTS = (
    "programming_error",
    "relaxation",
    "read_noise",
    "drift",
    "read_duration",
    "drift_compensation",
    "faults",
    "level_grid",
    "ir_drop",
    "write_verify",
    "thermal_noise",
    "shot_noise",
    "nonlinearity",
    "converter_errors",
)


def build(
    cell="cells/taox_imssa", *, ideal=False, tile=None, adc=None, dac=None, faulty=None, **effects
):
    """A chip with one cell card; effects are switched off unless they are named."""
    off = dict.fromkeys(EFFECTS, False)
    return HardwareConfig.model_validate(
        {
            "ideal": ideal,
            "chip": {"tile": {"cell": cell, **(tile or {})}},
            "adc": {"card": "adc/survey_andrulis_2024", **(adc or {})},
            "dac": dac or {},
            "faults": faulty or {},
            "effects": {**off, **effects},
        }
    )


@pytest.fixture(scope="session")
def hardware():
    """The function that builds a chip with one cell card."""
    return build
