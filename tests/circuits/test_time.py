"""Time on a written chip: compensation measured earlier, and weights written again."""

import numpy as np
import pytest
from scipy.stats import ks_2samp

from imssa_sim.circuits.array import write_tiles
from imssa_sim.errors import ValidityError
from imssa_sim.functional.configured import cell_array

WEIGHTS = np.random.default_rng(2).integers(-127, 128, (2, 40, 30))
HOUR, DAY = 3600.0, 86400.0


def written(chip, limit=127, **coordinates):
    where = {"seed": 3, "chip": 1, "site": 4, **coordinates}
    tiles, rows, columns = WEIGHTS.shape
    return write_tiles(
        WEIGHTS, np.full(tiles, rows), np.full(tiles, columns), cell_array(chip, limit), **where
    )


def test_compensation_keeps_the_gain_of_its_last_measurement(hardware):
    plain = written(hardware("cells/pcm_joshi_2020", drift=True, read_noise=True))
    tiles = written(
        hardware("cells/pcm_joshi_2020", drift=True, drift_compensation=True, read_noise=True)
    )
    lost, now = plain.at(DAY), tiles.at(DAY)
    then, at_once = plain.at(HOUR), tiles.at(HOUR)
    stale = tiles.at(DAY, compensated_at=HOUR)
    gain = (at_once.weights.sum((1, 2)) / then.weights.sum((1, 2)))[:, None, None]
    np.testing.assert_allclose(stale.weights, lost.weights * gain, rtol=1e-12)
    noise = lost.variance + lost.flat_variance[:, None, :]
    found = stale.variance + stale.flat_variance[:, None, :]
    np.testing.assert_allclose(found, noise * gain**2, rtol=1e-9)
    # Joshi: of the drift from an hour to a day a stale gain leaves 24^-ν, ν between .049 and .1.
    left = np.abs(stale.weights).sum() / np.abs(now.weights).sum()
    assert 24**-0.1 < left < 24**-0.045
    np.testing.assert_array_equal(tiles.at(DAY, compensated_at=DAY).weights, now.weights)


@pytest.mark.parametrize("looped", [False, True])
def test_a_second_writing_draws_anew_on_the_same_cells(hardware, looped):
    chip = hardware(
        "cells/hfox_neurram", programming_error=True, write_verify=looped, relaxation=True,
        faults=True, read_noise=True,
    )  # fmt: skip
    first, second = written(chip), written(chip, writing=1)
    np.testing.assert_array_equal(written(chip, writing=0).written, first.written)
    np.testing.assert_array_equal(second.faults, first.faults)
    good = first.faults == 0
    np.testing.assert_array_equal(second.written[~good], first.written[~good])
    empty = good & (first.targets == first.cell.g_min)
    changed = good & ~empty
    assert np.mean(second.written[changed] != first.written[changed]) > 0.95
    assert np.mean(second.relaxation != first.relaxation) > 0.99
    errors = [(w.written - w.targets)[changed] for w in (first, second)]
    assert abs(np.corrcoef(*errors)[0, 1]) < 5 / np.sqrt(changed.sum())
    assert ks_2samp(*errors).pvalue > 1e-4


def test_drift_exponents_are_drawn_anew_too(hardware):
    chip = hardware("cells/pcm_joshi_2020", drift=True)
    first, second = (written(chip, writing=n).conductance(DAY) for n in (0, 1))
    used = WEIGHTS[0, 0, 0] != 0
    assert used
    assert np.mean(first != second) > 0.9


def test_writings_do_not_collide_with_other_draws(hardware):
    """The n-th pulse of one writing is not a pulse of another: no shared normals."""
    from imssa_sim.circuits.draws import Coordinates, normals

    found = [
        normals(Coordinates(0, 0, 0, writing), 0, purpose, 4, 4, turn=turn).tobytes()
        for writing in range(3)
        for purpose in ("programming", "write_pulse", "write_verify")
        for turn in (0, 1, 2, 9999)
    ]
    assert len(set(found)) == len(found)


def test_read_duration_follows_the_drivers(hardware):
    """A bit-serial read of short pulses is noisier than the card's 250 ns."""

    def noise(limit, read_time="10 ns", **dac):
        chip = hardware(
            "cells/pcm_joshi_2020", dac=dac, tile={"read_time": read_time}, read_noise=True,
            read_duration=bool(dac),
        )  # fmt: skip
        tiles = written(chip, limit).at(HOUR)
        return (tiles.variance + tiles.flat_variance[:, None, :]).sum()

    own = noise(127)
    serial = {"encoding": "bit_serial", "card": "dac/isaac_1bit"}
    held = {"encoding": "amplitude", "card": "dac/mnsim_amplitude"}
    for limit, t_read, dac in (
        (127, 127e-9, {"lsb_time": "1 ns", "bits": 8}),
        (127, 1270e-9, {"lsb_time": "10 ns", "bits": 8}),
        (127, 31e-9, {"lsb_time": "1 ns", "bits": 6}),  # as many steps as the driver has
        (31, 31e-9, {"lsb_time": "1 ns", "bits": 8}),  # and never more than the codes have
        (127, 70e-9, serial | {"bits": 1}),  # a pulse for each bit of the code
        (127, 70e-9, serial | {"bits": 8}),
        (31, 50e-9, serial | {"bits": 1}),
        (127, 10e-9, held | {"bits": 4}),
    ):
        expected = np.log((HOUR + t_read) / (2 * t_read)) / np.log((HOUR + 250e-9) / 500e-9)
        assert noise(limit, **dac) / own == pytest.approx(expected, rel=1e-9), (limit, dac)


def test_a_read_outside_of_the_cards_durations_is_refused(hardware, tmp_path):
    card = tmp_path / "slow.yaml"
    card.write_text(
        "name: slow\nkind: cell\ntitle: x\nparameters:\n"
        "  g_min: {value: 1, unit: uS, status: assumed}\n"
        "  g_max: {value: 9, unit: uS, status: assumed}\n"
        "valid:\n  read_time: [1 us, 1 ms]\n",
        encoding="utf-8",
    )
    written(hardware(str(card)))
    with pytest.raises(ValidityError, match="read time 127 ns"):
        written(hardware(str(card), read_duration=True))
