"""Published chips: the figures of the papers, stated here apart from the cards."""

import statistics
from functools import cache
from pathlib import Path

import pytest

from imssa_sim.errors import InputError
from imssa_sim.files import locate
from imssa_sim.validation import CHIPS, validate_chips
from imssa_sim.validation.page import page, text_table
from imssa_sim.validation.runs import product


@cache
def figures():
    """All figures by chip and name; some seconds, and none while tests are collected."""
    return {(f.chip, f.name): f for f in validate_chips()}


def ours(chip, name):
    return figures()[chip, name].ours


@pytest.mark.parametrize(
    ("name", "published", "tolerance"),
    [
        ("tile power", 330, 0.01), ("tile area", 0.372, 0.01),
        ("168 tiles power", 55.4, 0.01), ("168 tiles area", 62.5, 0.01),
        ("chip power", 65.8, 0.01), ("chip area", 85.4, 0.01),
        ("ADC share of tile power", 0.58, 0.01), ("ADC share of tile area", 0.31, 0.01),
        ("pipeline of one 16-bit input", 22, 0), ("peak throughput", 41.29, 0.001),
        ("efficiency", 627.5, 0.001), ("throughput per area", 483.5, 0.001),
    ],
)  # fmt: skip
def test_isaac(name, published, tolerance):
    assert ours("isaac_ce", name) == pytest.approx(published, rel=tolerance, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "published", "tolerance"),
    [
        ("core power", 42.37, 0.01), ("node power", 62.5, 0.01), ("node area", 90.6, 0.01),
        ("128x128 product, 16 bit, time", 2304, 1e-9),
        ("128x128 product, 16 bit, energy", 43.97, 0.001),
        # The published tile leaves out the register files of its cores.
        ("tile power", 8 * (42.382 - 0.477) + 38.98, 1e-9), ("tile power", 373.8, 0.0015),
        ("tile area", 0.479, 0.0015),
        ("node power, from the smallest parts", 62.5, 0.01),
        ("node area, from the smallest parts", 90.6, 0.01),
    ],
)  # fmt: skip
def test_puma(name, published, tolerance):
    assert ours("puma", name) == pytest.approx(published, rel=tolerance)


@pytest.mark.parametrize(
    ("name", "sum_of_the_parts", "published"),
    [
        ("core area", 0.0033 + 0.0031 + 0.00192 + 2 * 0.012 + 0.004 + 0.0006, 0.036),
        ("tile power, register files counted", 8 * 42.382 + 38.98, 373.8),
        ("tile area, register files counted", 8 * 0.03692 + 0.19925, 0.479),
    ],
)
def test_pumas_totals_that_do_not_follow_are_said_to(name, sum_of_the_parts, published):
    figure = figures()["puma", name]
    assert figure.ours == pytest.approx(sum_of_the_parts, rel=1e-9)
    assert figure.published == pytest.approx(published)
    assert not figure.reproducible


def test_pumas_peak_does_not_follow_from_its_table():
    figure = figures()["puma", "peak throughput"]
    assert not figure.reproducible
    assert figure.ours == pytest.approx(138 * 8 * 2 * 2 * 128 * 128 / 2304e-9 / 1e12)
    assert figure.published == pytest.approx(52.31)
    assert "31.40" in figure.note


@pytest.mark.parametrize(
    ("name", "published", "tolerance"),
    [
        ("throughput, 1 phase", 63.1, 0.05), ("throughput, 4 phases", 16.1, 0.05),
        ("time, 1 phase", 133, 0.05), ("time, 4 phases", 520, 0.05),
        ("efficiency, 1 phase", 9.76, 0.05), ("efficiency, 4 phases", 2.48, 0.05),
        ("energy, 1 phase", 0.86, 0.05), ("energy, 4 phases", 3.38, 0.05),
        ("power, 1 phase", 6.47, 0.05), ("power, 4 phases", 6.5, 0.05),
        ("throughput per area, 1 phase", 1.55, 0.05),
        ("throughput per area, 4 phases", 0.4, 0.05),
    ],
)  # fmt: skip
def test_hermes(name, published, tolerance):
    assert ours("hermes_64", name) == pytest.approx(published, rel=tolerance)


def test_hermes_power_is_constant_across_modes():
    """0.86 uJ in 133 ns, 3.38 uJ in 520 ns; one of the four numbers is taken."""
    powers = [ours("hermes_64", f"power, {modes}") for modes in ("1 phase", "4 phases")]
    assert powers[1] == pytest.approx(powers[0], rel=0.06)
    cases = {name: f.case for (chip, name), f in figures().items() if chip == "hermes_64"}
    assert cases["energy, 1 phase"] == "calibrated"
    assert cases["energy, 4 phases"] == cases["time, 1 phase"] == "out of sample"
    assert {f.basis for f in figures().values() if f.chip.startswith("hermes")} == {"run"}
    assert ours("hermes_core", "throughput") == pytest.approx(1.008, rel=0.05)
    assert ours("hermes_core", "efficiency") == pytest.approx(10.5, rel=0.1)


LAYERS = {
    "ResNet-9 layer": ((6.79, 6.88, 1131, 0.97), (1.74, 1.74, 1518, 1.51)),
    "LSTM step": ((30.6, 9.34, 1043, 3.46), (7.82, 2.37, 1430, 5.24)),
}
"""Throughput, efficiency, time and energy of all, of Table I; in one phase and in four."""


def test_energy_of_a_read_follows_activity_within_the_published_spread(tmp_path):
    """A core takes 13.4 nJ a product at full use, 13.6 in the LSTM and 16.4 in ResNet-9."""
    text = (locate.device_models() / "arrays" / "crossbar_1t1r_logic.yaml").read_text("utf-8")
    marked = "  activity_mean:\n    value: 0.25\n"
    assert marked in text
    runs = {}
    for activity in (0.1, 0.25, 0.5):
        path = tmp_path / f"a{activity}.yaml"
        path.write_text(text.replace(marked, marked.replace("0.25", f"{activity}")), "utf-8")
        runs[activity] = product("hermes_64", (f"hardware.chip.tile.array={path}",))
    reads = {activity: run.dynamic["array"] for activity, run in runs.items()}
    assert reads[0.5] / reads[0.25] == pytest.approx(2)
    assert reads[0.1] / reads[0.25] == pytest.approx(0.4)
    rest = {activity: run.energy() - reads[activity] for activity, run in runs.items()}
    assert rest[0.5] == pytest.approx(rest[0.1])
    published = [0.86e-6 / 64, 2 * 1008 * 2016 / 9.34e12 / 32, 2 * 2016 * 224 / 6.88e12 / 8]
    spread = max(published) / min(published)
    assert 1.05 < runs[0.5].energy() / runs[0.1].energy() < spread == pytest.approx(1.22, abs=0.01)


FAR = {
    ("hermes_64", "efficiency, ResNet-9 layer, 1 phase"),
    ("hermes_64", "efficiency, ResNet-9 layer, 4 phases"),
    ("neurram", "efficiency, 7 b out, 5 b in, one phase, from a run"),
}
"""Predictions of products that are further off than a fifth; their notes say why."""


DENSITIES = {"ResNet-9 layer": (1.34, 0.34), "LSTM step": (1.50, 0.38)}


@pytest.mark.parametrize("layer", LAYERS)
def test_layers_on_hermes(layer):
    names = ("throughput", "efficiency", "time of all", "energy of all")
    for mode, density in zip(("1 phase", "4 phases"), DENSITIES[layer], strict=True):
        assert ours("hermes_64", f"throughput per area, {layer}, {mode}") == pytest.approx(
            density, rel=0.05
        )
    for mode, published in zip(("1 phase", "4 phases"), LAYERS[layer], strict=True):
        for name, value in zip(names, published, strict=True):
            figure = figures()["hermes_64", f"{name}, {layer}, {mode}"]
            assert figure.published == pytest.approx(value)
            assert figure.case == "out of sample"
    assert ours("hermes_64", f"throughput, {layer}, 4 phases") == pytest.approx(
        LAYERS[layer][1][0], rel=0.02
    )


def test_predictions_of_runs_are_close_but_for_those_named():
    found = {(f.chip, f.name): f for f in figures().values() if f.case == "out of sample"}
    alone = {key: abs(f.error) for key, f in found.items() if not f.stand_ins}
    assert len(found) >= 32
    assert len(alone) >= 23
    assert statistics.fmean(alone.values()) <= 0.08
    assert {key for key, error in alone.items() if error > 0.2} == FAR
    assert max(abs(f.error) for f in found.values()) < 0.95
    assert all(f.note for f in found.values() if abs(f.error) > 0.1)
    assert {f.basis for f in found.values()} == {"run"}


def test_figures_with_stand_ins_are_counted_and_told_apart():
    marked = [f for f in figures().values() if f.stand_ins]
    assert {(f.chip, f.case) for f in marked} == {
        ("hermes_64", "out of sample"), ("cim_ssm", "out of sample"),
    }  # fmt: skip
    assert all("instead of the" in f.note for f in marked)
    line = text_table(validate_chips(["hermes_64"])).splitlines()[-1]
    assert "out of sample: 23 figures" in line
    assert "(15 figures, " in line


def test_a_run_is_what_the_engine_gives_for_a_workload():
    """Energy by hand from the ledger's counts and the cards, for the arrays of ISAAC."""
    run = product("isaac_ce")
    conversions = 128 * 8 * 15
    assert run.dynamic["adc"] == pytest.approx(conversions * 1.67e-12 * 0.9)
    assert run.time == pytest.approx(15 * 100e-9 + 121 / 1.28e9 + 1 / 1.2e9, rel=0.002)
    assert product("hermes_64").tiles == 64


NEURRAM = [
    (3, 1, 2.122), (4, 2, 1.793), (5, 3, 1.165), (6, 4, 0.744), (7, 5, 0.525),
    (8, 6, 0.4177), (9, 7, 0.3439), (10, 8, 0.2639),
]  # fmt: skip


def test_neurrams_throughputs_through_the_engine():
    errors = []
    for outputs, inputs, published in NEURRAM:
        phases = ", two phases" if inputs >= 5 else ""
        figure = figures()["neurram", f"throughput, {outputs} b out, {inputs} b in{phases}"]
        assert figure.basis == ("events" if phases else "run")
        errors.append(abs(figure.ours / published - 1))
    assert statistics.fmean(errors) <= 0.05
    assert max(errors) <= 0.10


@pytest.mark.parametrize(
    ("outputs", "inputs", "phases"),
    [(3, 1, 1), (4, 2, 1), (5, 3, 1), (6, 4, 1), (7, 5, 2), (8, 6, 2), (6, 6, 3), (2, 2, 1)],
)
def test_neurrams_events_take_the_time_of_the_formula(outputs, inputs, phases):
    """T = .27 us sum(2^p - 1) + .3 us (steps) + .3 us (phases), p split over the phases.

    The first phase has steps for all bits of the output, the others for those that are left.
    """
    from imssa_sim.cards import load_card
    from imssa_sim.validation.figure import FigureMaker
    from imssa_sim.validation.neurram import product_time

    magnitude = max(1, inputs - 1)
    split = {
        1: [magnitude],
        2: [-(-magnitude // 2), magnitude // 2],
        3: [-(-magnitude // 3), -(-(magnitude - 1) // 3), magnitude // 3],
    }[phases]
    left = [outputs - sum(split[:i]) for i in range(phases)]
    steps = sum(max(bits, 0) for bits in left)
    expected = 0.27 * sum(2**p - 1 for p in split) + 0.3 * steps + 0.3 * phases
    card = FigureMaker(load_card("chips/neurram"))
    assert product_time(card, outputs, inputs, phases) * 1e6 == pytest.approx(expected)


def test_neurrams_efficiencies_are_the_sum_of_their_parts():
    published = [43.08, 40.33, 23.09, 15.95, 11.03, 8.257, 7.75, 6.437]
    own = [f for f in figures().values() if f.chip == "neurram" and "efficiency" in f.name]
    sums = [f for f in own if f.basis == "sum"]
    follow = [f.ours for f in sums if f.reproducible]
    assert follow == pytest.approx([p for p in published if p != 8.257], rel=0.02)
    (apart,) = (f for f in sums if not f.reproducible)
    assert apart.name == "efficiency, 8 b out, 6 b in, two phases"
    assert "108.9 fJ/MAC" in apart.note
    assert "121.1" in apart.note
    runs = [f.ours for f in own if f.case == "calibrated"]
    assert runs == pytest.approx(published[:4], rel=0.2)


def test_networks_on_the_charge_domain_array():
    """105.2 and 5.31 uJ an image; a layer by hand from what the figure states a column."""
    for bits, published in (("4 b", 105.2), ("1 b", 5.31)):
        figure = figures()["jia_2020", f"network for CIFAR-10, {bits}, energy of an image"]
        assert figure.published == pytest.approx(published)
        assert figure.case == "out of sample"
        assert figure.error == pytest.approx(0, abs=0.15)
    run = product("jia_cifar10", ("model.inputs=1024", "model.width=10"))
    assert run.dynamic["adc"] == pytest.approx(10 * 4 * 4 * (1.79 + 8.3) * 1e-12, rel=0.02)
    assert run.dynamic["dac"] == pytest.approx(1024 * 4 * 12e-12 / 32, rel=0.02)


def test_jia_per_column():
    assert ours("jia_2020", "1-bit efficiency, 0.85 V") == pytest.approx(400, rel=0.01)
    assert ours("jia_2020", "1-bit efficiency, 1.2 V") == pytest.approx(192, rel=0.01)


def test_imssa_claims_nothing_published():
    assert all(f.published is None for f in figures().values() if f.chip == "imssa")


def test_every_compared_figure_has_source_and_locator():
    for figure in figures().values():
        assert figure.published is None or (figure.source and figure.locator)


def test_the_page_is_up_to_date():
    written = Path(locate.root() / "docs" / "validation.md").read_text(encoding="utf-8")
    assert written == page(validate_chips()), (
        "run python -m imssa_sim validate-chips --page docs/validation.md"
    )


def test_the_table_names_every_chip():
    table = text_table(validate_chips())
    assert table.count("out of sample:") >= 4
    assert "all chips: out of sample: " in table
    assert "does not follow from the paper's own numbers" in table


def test_a_changed_copy_of_a_chip(tmp_path):
    """A row more of NeuRRAM, and a card whose name no chip has."""
    from imssa_sim.files import locate

    text = (locate.device_models() / "chips" / "neurram.yaml").read_text(encoding="utf-8")
    changed = text.replace("value: 0.3, unit: us", "value: 0.6, unit: us")
    assert changed != text
    path = tmp_path / "mine.yaml"
    path.write_text(changed, encoding="utf-8")
    slower = {f.name: f for f in validate_chips([str(path)])}
    name = "throughput, 3 b out, 1 b in"
    expected = 48 * 256 * 128 * 2 / (0.27 + 3 * 0.6 + 0.6) * 1e-6
    assert slower[name].ours == pytest.approx(expected, rel=0.01)
    path.write_text(text.replace("name: chips/neurram", "name: chips/other"), encoding="utf-8")
    with pytest.raises(InputError, match="unknown chip"):
        validate_chips([str(path)])


def test_unknown_chip():
    with pytest.raises(InputError, match="did you mean 'neurram'"):
        validate_chips(["neuram"])
    assert set(CHIPS) == {f.chip for f in figures().values()}


def test_the_figure_shows_every_case(tmp_path):
    from imssa_sim.report.figures.validation import validation_figure

    drawing = validation_figure(list(figures().values()))
    words = [text.get_text() for text in drawing.axes[0].get_legend().get_texts()]
    assert [word.split(",")[0] for word in words] == ["out of sample", "calibrated", "arithmetic"]


def test_the_figure_is_written_and_other_kinds_are_refused(tmp_path, capsys):
    from imssa_sim.cli import main

    path = tmp_path / "validation.png"
    assert main(["validate-chips", "jia_2020", "--figure", str(path)]) == 0
    assert path.stat().st_size > 1000
    assert main(["validate-chips", "jia_2020", "--figure", str(tmp_path / "v.txt")]) == 2
    assert "a figure is drawn as .png" in capsys.readouterr().err
