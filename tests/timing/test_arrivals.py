"""Arrival times: exact clocks, draws with the stated rates, recorded stamps."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from imssa_sim.config.schema import InputConfig
from imssa_sim.errors import InputError
from imssa_sim.timing.arrivals import make_arrivals, read_times

TICK = Fraction(1, 10**9)


def made(sequence=10, seed=3, **keys):
    return make_arrivals(InputConfig(**keys), TICK, sequence, seed)


def test_a_clock_is_exact_and_whole_sequences_arrive():
    found = made(rate="16 kHz", duration="10 ms")
    assert found.number == 160
    assert [found.at(n) for n in (0, 1, 159)] == [0, 62_500, 159 * 62_500]
    assert found.span == 160 * 62_500
    assert made(rate="16 kHz", duration="1 us").number == 10
    assert made(rate="1 Hz").number == 10


def test_a_burst_keeps_the_mean_rate():
    found = made(rate="16 kHz", burst=4, duration="10 ms")
    assert [found.at(n) for n in (0, 3, 4, 8)] == [0, 0, 250_000, 500_000]
    assert found.span == 160 * 62_500


def test_jitter_is_late_by_at_most_so_much():
    found = made(rate="16 kHz", jitter="20 us", duration="1 s")
    late = found.times - np.arange(found.number) * 62_500
    assert late.min() >= 0
    assert late.max() <= 20_000
    assert late.mean() == pytest.approx(10_000, rel=0.03)
    assert found.span == found.number * 62_500


def test_poisson_gaps_are_exponential():
    found = made(rate="16 kHz", arrival="poisson", duration="2 s")
    gaps = np.diff(found.times)
    assert gaps.mean() == pytest.approx(62_500, rel=0.03)
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.03)


WAYS = [
    {"arrival": "periodic"}, {"arrival": "periodic", "jitter": "20 us"}, {"arrival": "poisson"},
]  # fmt: skip


@pytest.mark.parametrize("burst", [1, 4, 7])
@pytest.mark.parametrize("way", WAYS, ids=lambda way: " ".join(way.values()))
def test_every_way_to_arrive_has_the_rate_and_whole_bursts(way, burst):
    found = made(rate="16 kHz", burst=burst, duration="1 s", sequence=16, **way)
    assert found.number == 16_000
    times = np.array([found.at(n) for n in range(found.number)])
    groups = times[::burst]
    assert (times == np.repeat(groups, burst)[: found.number]).all()
    assert (np.diff(times) >= 0).all()
    gap = np.diff(groups).mean()
    drawn = way["arrival"] == "poisson"
    assert gap == pytest.approx(62_500 * burst, rel=4 / len(groups) ** 0.5 if drawn else 1e-4)
    assert (way["arrival"] == "poisson") == (found.period == 0)
    # The tokens stand for as long as the next ones would follow: number over mean rate.
    rate = found.number / float(found.span)
    assert rate == pytest.approx(1 / 62_500, rel=4 / len(groups) ** 0.5 if drawn else 1e-12)
    assert found.periodic == (way == WAYS[0])


def test_recorded_times_stand_for_their_mean_gap_a_token(tmp_path):
    path = tmp_path / "stamps.txt"
    path.write_text("1\n1.5\n3\n4\n9\n", "utf-8")
    found = made(sequence=2, times=str(path))
    assert (found.number, found.burst, found.period) == (4, 1, 0)
    assert found.span == 4 * 10**9  # three gaps of a second in the mean, and one more
    assert [found.at(n) for n in (3, 4, 9)] == [3 * 10**9] * 3


def test_a_seed_gives_its_times():
    keys = {"rate": "16 kHz", "arrival": "poisson", "duration": "10 ms"}
    assert (made(**keys).times == made(**keys).times).all()
    assert (made(**keys).times != made(seed=4, **keys).times).any()


def test_recorded_times_start_at_the_first(tmp_path):
    path = tmp_path / "stamps.txt"
    path.write_text("# s\n5\n5.5  # a comment\n\n7.25\n8\n", "utf-8")
    found = made(sequence=3, times=str(path))
    assert found.times.tolist() == [0, 500_000_000, 2_250_000_000]
    with pytest.raises(InputError, match="4 time stamps; a sequence has 5"):
        made(sequence=5, times=str(path))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0\n1\n0.5\n", r":3: 0\.5 s is earlier"),
        ("0\nsoon\n", r":2: 'soon' is no time"),
        ("0\nnan\n", r":2: 'nan' is no time"),
        ("# nothing\n", "no time stamp"),
    ],
)
def test_bad_stamps_are_named(tmp_path, text, message):
    path = tmp_path / "stamps.txt"
    path.write_text(text, "utf-8")
    with pytest.raises(InputError, match=message):
        read_times(path)


def test_too_many_tokens_are_refused():
    with pytest.raises(InputError, match="give a shorter duration"):
        made(rate="1 GHz", duration="1 s")
