"""The registry of kernel mappings has the names that a configuration may give."""

import pytest

from imssa_sim.config.schema import MappingConfig
from imssa_sim.mapping.kernels.registry import KERNEL_MAPPINGS


@pytest.mark.parametrize("name", list(KERNEL_MAPPINGS))
def test_every_mapping_may_be_configured(name):
    assert MappingConfig(kernel=name).kernel == KERNEL_MAPPINGS[name].name == name
