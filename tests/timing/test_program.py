"""Programs as the mapping builds them: counts, agreement of the engines, barriers."""

from __future__ import annotations

import pytest

from imssa_sim.mapping.build import build_program
from imssa_sim.mapping.counts import action_counts
from imssa_sim.timing.simulate import simulate_timing

CARDS = {"digital": {"card": "digital/cmos_40nm"}, "memory": {"card": "memory/sram_32nm_puma"}}
BY_LAYER = {"digital_layers": (1,)}


def program_of(random_networks, kernel, linear, bidirectional, arbitration="fifo", length=60):
    network = random_networks.network(
        3, form=random_networks.form_of(kernel), bidirectional=bidirectional, length=length
    )
    hardware = random_networks.hardware(
        mapping={"kernel": kernel, **(BY_LAYER if linear == "by layer" else {"linear": linear})},
        chip={"arbitration": arbitration},
        **CARDS,
    )
    return build_program(network, hardware), hardware


@pytest.mark.parametrize(
    "kernel", ["fused_lookahead", "fused_delayed", "fused_delta", "two_pass", "digital"]
)
@pytest.mark.parametrize("linear", ["analog", "digital", "by layer"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_counts_and_agreement(random_networks, kernel, linear, bidirectional):
    program, hardware = program_of(random_networks, kernel, linear, bidirectional)
    expected = {key: count for key, count in action_counts(program).items() if count}
    auto = simulate_timing(program, hardware)
    full = simulate_timing(program, hardware, engine="event")
    assert auto.counts == full.counts == expected
    assert auto.end_to_end_ticks == full.end_to_end_ticks
    assert auto.first_output_ticks == full.first_output_ticks
    assert auto.busy == full.busy
    program, hardware = program_of(random_networks, kernel, linear, bidirectional, "static")
    static = [simulate_timing(program, hardware, engine=e) for e in ("auto", "recurrence")]
    assert static[0].counts == static[1].counts == expected
    assert static[0].end_to_end_ticks == static[1].end_to_end_ticks
    assert static[0].timeline == static[1].timeline
    barriers = sum(stage.barrier for stage in program.stages)
    assert len(auto.segments) == barriers + 2
    assert barriers == (len(program.network.layers) if bidirectional else 0)
    assert max(auto.utilisation.values()) <= 1


def test_the_interval_is_the_kernel_loop(random_networks):
    # Pulse width: 127 ns, sampling 1 ns, conversions, requantisation and register; at 1 conversion
    # per 10 ns the other loops (linear layers, same pulses) are no longer than the kernel's.
    program, hardware = program_of(random_networks, "fused_lookahead", "digital", False)
    result = simulate_timing(program, hardware)
    kernel = next(s for s in program.stages if s.path == "chip.layer0.kernel")
    serial = {op.kind: op.serial for op in kernel.actions[: kernel.loop]}
    loop = 127 + 1 + 10 * serial["adc"] + serial["requantiser"] + serial["register"]
    assert result.interval == pytest.approx(loop * 1e-9)
    assert result.bottleneck.path == "chip.layer0.kernel.loop"
    assert result.throughput == pytest.approx(1 / (60 * loop * 1e-9))
