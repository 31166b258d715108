"""The whole timing run: latencies derived by hand, counts, engines, cost flat in the length."""

from __future__ import annotations

from fractions import Fraction

import pytest

from imssa_sim.errors import ImssaError, InputError, ValidityError
from imssa_sim.mapping.program import Bypass
from imssa_sim.timing.event import run_event
from imssa_sim.timing.simulate import simulate_stages

from .programs import operation, pipeline, stage, table

ENGINES = ("auto", "event", "recurrence")


def run(stages, tokens, *, bypasses=(), **options):
    return simulate_stages(stages, bypasses, tokens, table(stages), **options)


@pytest.mark.parametrize("engine", ENGINES)
def test_latency_derived_by_hand(engine):
    # A layer without contention, ticks of 1 ns. Stage A: 2. Stage B: a loop of 10 + 1 + 4 = 15,
    # then an output operation of 3. Stage C: 5. Per sequence, the decoder: 7 + 1 = 8.
    #
    # Token 0 waits nowhere: it leaves C after 2 + 15 + 3 + 5 = 25.
    # B is the slowest (the loop admits a token every 15), so token k starts B at 2 + 15 k and
    # leaves C at 25 + 15 k; the FIFO of 2 tokens in front of B fills and stops A, which changes
    # nothing behind it. The last of 100 tokens leaves at 25 + 15 * 99 = 1510, the decoder is
    # done at 1510 + 8 = 1518.
    stages = [
        stage("chip.a", operation("chip.a.mac", 2, "mac", "mac"), buffer=2),
        stage(
            "chip.b",
            operation("chip.b.dac", 10, "dac", "drive", count=65),
            operation("chip.b.array", 1, "array", "read", count=1),
            operation("chip.b.adc", 4, "adc", "convert", count=66),
            operation("chip.b.lut", 3, "lut", "lookup", count=2),
            loop=3,
            buffer=2,
        ),
        stage("chip.c", operation("chip.c.adder", 5, "adder", "add")),
        stage(
            "chip.decoder",
            operation("chip.decoder.mac", 7, "mac", "mac"),
            operation("chip.decoder.requantiser", 1, "requantiser", "requantise"),
            per="sequence",
        ),
    ]
    result = run(stages, 100, engine=engine)
    assert result.first_output == pytest.approx(25e-9)
    assert result.first_output_ticks == 25
    assert result.interval_ticks == Fraction(15)
    assert result.end_to_end_ticks == 1518
    assert result.end_to_end == pytest.approx(1518e-9)
    assert result.sequence_interval == pytest.approx(100 * 15e-9)
    assert result.bottleneck.path == "chip.b.loop"
    assert "adc convert 4 ns" in result.bottleneck.explanation
    assert result.counts["chip.b.dac", "drive"] == 6500
    assert result.counts["chip.b.adc", "convert"] == 6600
    assert result.counts["chip.decoder.mac", "mac"] == 7
    assert result.busy["chip.b.adc"] == pytest.approx(400e-9)
    assert result.utilisation["chip.b.dac"] == pytest.approx(1000 / 1518)
    services = [(row.component, round(row.service * 1e9)) for row in result.latency]
    assert services[:5] == [
        ("chip.a.mac", 2),
        ("chip.b.dac", 10),
        ("chip.b.array", 1),
        ("chip.b.adc", 4),
        ("chip.b.lut", 3),
    ]
    assert all(row.waiting == 0 for row in result.latency)
    second = [row for row in result.timeline if row.path == "chip.b.dac" and row.token == 1]
    assert [(row.start, row.end) for row in second] == [
        (pytest.approx(17e-9), pytest.approx(27e-9))
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_barrier_waits_for_the_whole_sequence(engine):
    # 10 tokens of 3 ticks fill the buffer by tick 30; only then the reverse stage begins: its
    # first output is at 30 + 4, its last at 30 + 10 * 4.
    stages = [
        stage("chip.forward", operation("chip.forward.unit", 3), buffer=10),
        stage("chip.reverse", operation("chip.reverse.unit", 4), barrier=True),
    ]
    result = run(stages, 10, engine=engine)
    assert result.first_output_ticks == 34
    assert result.end_to_end_ticks == 70
    # One buffer: forward of the next sequence and reverse of this one take turns.
    assert result.sequence_interval == pytest.approx(70e-9)
    twice = [stage("chip.forward", operation("chip.forward.unit", 3), buffer=20), stages[1]]
    assert run(twice, 10, engine=engine).sequence_interval == pytest.approx(40e-9)


@pytest.mark.parametrize("engine", ENGINES)
def test_late_output_costs_one_more_loop(engine):
    # The loop of 5 gives y_{k-1} in step k: the first output leaves after 2 loops and 1 more
    # operation, and the loop turns 11 times for 10 tokens.
    stages = [
        stage("chip.k", operation("chip.k.array", 5), operation("chip.k.out", 1), loop=1, extra=1)
    ]
    result = run(stages, 10, engine=engine)
    assert result.first_output_ticks == 11
    assert result.end_to_end_ticks == 11 * 5 + 1
    assert result.counts["chip.k.array", "do"] == 11 * 5
    assert result.counts["chip.k.out", "do"] == 10 * 1


@pytest.mark.parametrize("engine", ["auto", "event"])
def test_shared_unit_sets_the_interval(engine):
    stages = [
        stage("chip.a", operation("chip.vector", 4, "lut", "lookup"), buffer=4),
        stage("chip.b", operation("chip.b.unit", 6), buffer=4),
        stage("chip.c", operation("chip.vector", 5, "adder", "add"), buffer=4),
    ]
    result = run(stages, 200, engine=engine)
    assert result.interval_ticks == 9
    assert result.segments[0].exact
    assert result.bottleneck.path == "chip.vector"
    assert result.counts["chip.vector", "lookup"] == 800
    assert result.counts["chip.vector", "add"] == 1000
    assert result.utilisation["chip.vector"] == pytest.approx(1, abs=0.02)


def test_the_interval_of_a_short_sequence_is_the_mean_between_its_outputs():
    stages = [
        stage("chip.a", operation("chip.vector", 4, "lut", "lookup"), buffer=4),
        stage("chip.b", operation("chip.b.unit", 6), buffer=4),
        stage("chip.c", operation("chip.vector", 5, "adder", "add"), buffer=4),
    ]
    result = run(stages, 3)
    (segment,) = result.segments
    assert not segment.exact
    assert segment.interval == Fraction(segment.end - segment.first_output, 2)


def test_cost_is_flat_in_the_length():
    stages = [
        *pipeline([3, 5, 9, 4]),
        stage("chip.d", operation("chip.s0.unit", 2, "adder", "add")),
    ]
    results = {tokens: run(stages, tokens) for tokens in (1024, 1_000_000)}
    short, long = results[1024], results[1_000_000]
    assert long.events == short.events
    assert long.end_to_end_ticks - short.end_to_end_ticks == (1_000_000 - 1024) * 9
    assert long.counts["chip.s2.unit", "do"] == 9_000_000
    assert long.engine == "event, fast-forwarded"
    static = {n: run(stages, n, engine="recurrence", arbitration="static") for n in results}
    assert static[1_000_000].events == static[1024].events


def test_engines_give_one_answer():
    stages = [
        stage("chip.in", operation("chip.vector", 2), buffer=2),
        stage("chip.k", operation("chip.k.array", 7), operation("chip.bus", 2), loop=1, buffer=3),
        stage("chip.out", operation("chip.vector", 3, action="add"), operation("chip.bus", 1)),
    ]
    bypasses = (Bypass("chip.in", "chip.out", 6),)
    results = [
        run(stages, 500, bypasses=bypasses, engine=engine, arbitration="static")
        for engine in ENGINES
    ]
    for other in results[1:]:
        for name in (
            "first_output_ticks", "interval_ticks", "end_to_end_ticks", "sequence_interval",
            "counts", "busy", "utilisation", "bottleneck", "latency", "timeline",
        ):  # fmt: skip
            assert getattr(other, name) == getattr(results[0], name), name


def test_refusals_say_why():
    shared = [
        stage("chip.a", operation("chip.bus", 2)),
        stage("chip.b", operation("chip.bus", 3)),
    ]
    with pytest.raises(ValidityError, match=r"chip\.bus: .* depends on when they ask"):
        run(shared, 10, engine="recurrence")
    with pytest.raises(InputError, match="did you mean 'event'"):
        run(shared, 10, engine="evnt")
    with pytest.raises(InputError, match=r"holds 4 tokens, but chip\.b starts only when all 10"):
        run(
            [
                stage("chip.a", operation("chip.a.unit", 2), buffer=4),
                stage("chip.b", operation("chip.b.unit", 2), barrier=True),
            ],
            10,
        )
    with pytest.raises(InputError, match="at least 1"):
        run(shared, 0)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_bypass_that_is_too_small_locks_up(engine):
    # The kernel gives token k only after its firing k + 1, which needs token k + 1 of the source;
    # the bypass holds a single token, so the source cannot give a second one.
    stages = [
        stage("chip.a", operation("chip.a.unit", 2)),
        stage("chip.k", operation("chip.k.array", 5), loop=1, extra=1),
        stage("chip.b", operation("chip.b.unit", 1)),
    ]
    with pytest.raises(ImssaError, match="locks up") as caught:
        run(stages, 10, bypasses=(Bypass("chip.a", "chip.b", 1),), engine=engine)
    assert caught.value.exit_code == 2
    run(stages, 10, bypasses=(Bypass("chip.a", "chip.b", 2),), engine=engine)


def test_a_very_long_transient_is_left_to_the_recurrence(monkeypatch):
    monkeypatch.setattr("imssa_sim.timing.simulate.PATIENCE", 2_000)
    stages = pipeline([999, 1000, 999])
    auto, full = (run(stages, 8_000, engine=engine) for engine in ("auto", "event"))
    assert auto.engine == "recurrence"
    assert "the recurrence took over" in auto.segments[0].note
    for name in ("end_to_end_ticks", "first_output_ticks", "interval_ticks", "counts", "timeline"):
        assert getattr(auto, name) == getattr(full, name), name


def test_equal_segments_are_simulated_once_and_others_anew(monkeypatch):
    ran = []

    def counted(segment, **options):
        ran.append(segment.path)
        return run_event(segment, **options)

    monkeypatch.setattr("imssa_sim.timing.simulate.run_event", counted)

    def timed(ticks, tokens=83, **options):
        path = "chip.once"
        return run([stage(path, operation(f"{path}.mac", ticks, "mac", "mac"))], tokens, **options)

    first, again = timed(7), timed(7)
    assert len(ran) == 1
    assert (first.end_to_end_ticks, first.counts) == (again.end_to_end_ticks, again.counts)
    assert timed(7, tokens=84).end_to_end_ticks > first.end_to_end_ticks
    assert timed(7, engine="event").engine != first.engine
    assert timed(7, timeline_tokens=3).timeline != first.timeline
    assert len(ran) == 4
