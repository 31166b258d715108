"""What a read circuit refuses, and its slices taken apart."""

from __future__ import annotations

import numpy as np
import pytest

from imssa_sim.kernels.dense import pack_dense, read_dense
from imssa_sim.kernels.read_circuit import DenseWiring, ReadCircuit, ShotNoise

GIVEN = {
    "weights": np.ones((2, 3, 4)), "rows_used": np.array([3, 1]), "columns_used": np.array([4, 2]),
    "limit": 7, "adc_scale": 1.0, "adc_offset": 0.5, "adc_low": -8, "adc_high": 7,
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": np.ones((3, 4))}, r"weights must be \(T, R, C\), not \(3, 4\)"),
        ({"rows_used": np.array([3])}, "rows_used"),
        ({"rows_used": np.array([4, 1])}, "rows_used must be .* at most 3"),
        ({"columns_used": np.array([4, -1])}, "columns_used"),
        ({"slices": 2}, "columns_used must be .* at most 2"),
        ({"adc_table": np.ones((2, 4, 15))}, r"adc_table must be \(2, 4, 16\)"),
        ({"dac_levels": np.ones(14)}, r"dac_levels must be \(15,\)"),
        ({"variance": np.ones((2, 3, 1))}, r"variance must be \(2, 3, 4\)"),
        ({"shot": ShotNoise(np.ones((2, 3)), np.ones(15))}, r"shot.variance must be"),
        ({"shot": ShotNoise(np.ones((2, 3, 4)), np.ones(7))}, r"shot.power must be \(15,\)"),
    ],
)
def test_wrong_shapes_are_named(change, message):
    ReadCircuit(**GIVEN)
    with pytest.raises(ValueError, match=message):
        ReadCircuit(**GIVEN | change)


def test_slices_apart_add_up_to_those_together():
    rng = np.random.default_rng(0)
    gain = np.tile([1.0, 4.0], (2, 2))
    circuit = ReadCircuit(
        **GIVEN | {"weights": rng.integers(-2, 3, (2, 3, 4)) * 1.0, "slices": 2,
                   "columns_used": np.array([2, 1]), "slice_gain": gain, "adc_low": -99,
                   "adc_high": 99},
    )  # fmt: skip
    codes = rng.integers(-7, 8, (5, 6)).astype(np.int16)

    def read(circuit):
        tiles = pack_dense(circuit, DenseWiring(np.array([0, 3])))
        return read_dense(
            tiles, codes, sample_ids=0, steps=np.arange(5), seed=0, chip=0, site=0
        ).outputs

    apart = read(circuit.column_by_column())
    assert apart.shape == (5, 2, 4)
    np.testing.assert_array_equal((apart * gain).reshape(5, 2, 2, 2).sum(axis=3), read(circuit))
    assert np.abs(apart).max() > 0
