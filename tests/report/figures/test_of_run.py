"""What the figures of a run draw: lengths, places, colours and words, against what was given."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgba

from imssa_sim.report.colours import PALETTE, kind_colour
from imssa_sim.report.figures.energy import energy_bars, energy_sunburst
from imssa_sim.report.figures.latency import latency_bars, timeline
from imssa_sim.report.figures.real_time import latency_and_fill
from imssa_sim.report.figures.stream import accuracy_over_time
from imssa_sim.report.figures.style import plain_ticks, save
from imssa_sim.report.scale import engineering, scale_of
from imssa_sim.report.tables import EnergyTable
from imssa_sim.timing.result import Occupancy

TABLE = EnergyTable(
    ("encoder", "layer0", "decoder"),
    ("adc", "array", "lut", "bus", "leakage"),
    np.array(
        [[4e-6, 3e-6, 0.0, 1e-9, 5e-7], [9e-6, 1e-6, 2e-9, 0.0, 3e-7], [0.0, 2e-6, 1e-9, 3e-9, 0.0]]
    ),
)
SMALL = [1e-9, 2e-9, 1e-9 + 3e-9]  # lut and bus are below half a percent, and drawn as other


def bars(axes):
    """Return (place, left, width, colour) of every horizontal bar."""
    return [
        (round(b.get_y() + b.get_height() / 2, 9), b.get_x(), b.get_width(),
         to_hex(b.get_facecolor()).upper())
        for b in axes.patches
    ]  # fmt: skip


def entries(axes):
    legend = axes.get_legend()
    return [text.get_text() for text in legend.get_texts()]


def ticks(axis):
    return [text.get_text() for text in axis.get_ticklabels()]


def test_energy_bars():
    (axes,) = energy_bars(TABLE).axes
    columns = {
        "adc": [4.0, 9.0, 0.0], "array": [3.0, 1.0, 2.0], "leakage": [0.5, 0.3, 0.0],
        "other": [1e6 * value for value in SMALL],
    }  # fmt: skip
    expected, left = [], [0.0] * 3
    for kind, widths in columns.items():
        for lane, width in enumerate(widths):
            expected.append((lane, left[lane], width, kind_colour(kind)))
            left[lane] += width
    found = bars(axes)
    assert [(b[0], b[3]) for b in found] == [(b[0], b[3].upper()) for b in expected]
    for column in (1, 2):
        assert [b[column] for b in found] == pytest.approx([b[column] for b in expected])
    assert entries(axes) == list(columns)
    assert ticks(axes.yaxis) == ["encoder", "layer0", "decoder"]
    assert axes.yaxis_inverted()
    assert axes.get_xlabel() == "energy per inference [µJ]"
    assert axes.get_title() == f"Energy by layer and component kind, total {sum(left):.4g} µJ"


def test_energy_sunburst():
    (axes,) = energy_sunburst(TABLE, 0.12).axes
    total = TABLE.total
    inner = {"adc": 13e-6, "array": 6e-6, "leakage": 8e-7, "other": sum(SMALL)}
    rings = {}
    for wedge in axes.patches:
        rings.setdefault(wedge.r, []).append(wedge)
    assert sorted(rings) == [0.66, 1.0]
    sizes = [(w.theta2 - w.theta1) / 360 for w in rings[0.66]]
    assert sizes == pytest.approx([value / total for value in inner.values()], abs=1e-6)
    colours = [to_hex(w.get_facecolor()).upper() for w in rings[0.66]]
    assert colours == [kind_colour(kind).upper() for kind in inner]
    shares = [4, 9, 3, 1, 2, 0.5, 0.3, *[1e6 * v for v in SMALL]]
    sizes = [(w.theta2 - w.theta1) / 360 for w in rings[1.0]]
    assert sizes == pytest.approx([1e-6 * value / total for value in shares], abs=1e-6)
    names = [t.get_text() for t in axes.texts]
    limit = 0.12 * total * 1e6
    named = ["encoder", "layer0", "encoder", "layer0", "decoder", "encoder", "layer0",
             "encoder", "layer0", "decoder"]  # fmt: skip
    outer = [n if s >= limit else "" for n, s in zip(named, shares, strict=True)]
    assert [n for n in names if n][:-1] == [n for n in outer if n]
    assert names[-1] == f"{total * 1e6:.4g}\nµJ"
    assert entries(axes) == [f"{kind}  {value / total:.1%}" for kind, value in inner.items()]
    alphas = [w.get_facecolor()[3] for w in rings[1.0]][2:5]  # of the array's layers
    assert alphas == sorted(alphas, reverse=True)
    assert alphas[0] == pytest.approx(225 / 255)
    assert alphas[1] == pytest.approx(int(225 - 120 / 3) / 255)
    # Both rings begin at the top and run clockwise, so that layers lie outside their kind.
    for ring in rings.values():
        assert ring[0].theta2 == pytest.approx(90)
        assert ring[1].theta2 == pytest.approx(ring[0].theta1)


def test_latency_bars():
    rows = [("a", "dac", 2e-7), ("a", "adc", 5e-7), ("b", "adc", 9.5e-7), ("b", "dac", 1e-7),
            ("c", "lut", 3e-7)]  # fmt: skip
    (axes,) = latency_bars(rows).axes
    assert len(bars(axes)) == len(rows)
    found = {(lane, colour): (left, width) for lane, left, width, colour in bars(axes)}
    for lane, kind, left, width in (
        (0, "dac", 0, 0.2), (0, "adc", 0.2, 0.5), (1, "adc", 0, 0.95), (1, "dac", 0.95, 0.1),
        (2, "lut", 0, 0.3),
    ):  # fmt: skip
        assert found[lane, kind_colour(kind).upper()] == pytest.approx((left, width))
    assert axes.get_xlabel() == "service time of one time step [µs]"
    assert ticks(axes.yaxis) == ["a", "b", "c"]
    assert entries(axes) == ["dac", "adc", "lut"]


def test_timeline():
    rows = [
        Occupancy("chip.encoder.tile0.adc", "convert", 0, 0.0, 2e-9),
        Occupancy("chip.layer0.kernel.tile0.adc", "convert", 0, 2e-9, 5e-9),
        Occupancy("chip.encoder.tile0.adc", "convert", 3, 3e-9, 6e-9),
        Occupancy("chip.layer0.kernel.tile0.adc", "convert", 3, 6e-9, 9e-9),
        Occupancy("chip.decoder.tile0.adc", "convert", 0, 800e-9, 900e-9),
    ]
    (axes,) = timeline(rows).axes
    (collection,) = axes.collections
    boxes = [box for path in collection.get_paths() for box in path.to_polygons()]
    found = [(b[:, 0].min(), b[:, 0].max(), b[:4, 1].mean()) for b in boxes]
    assert np.array(found) == pytest.approx(
        np.array([(0, 2, 0), (2, 5, 1), (3, 6, 0), (6, 9, 1)]), abs=1e-9
    )
    assert [len(path.to_polygons()) for path in collection.get_paths()] == [2, 2]  # of each step
    heights = {round(float(np.ptp(b[:, 1])), 9) for b in boxes}
    assert heights == {0.8}
    colours = [to_rgba(c) for c in collection.get_facecolor()]
    assert colours == [to_rgba(PALETTE[n]) for n in (0, 1)]
    assert ticks(axes.yaxis) == ["encoder.tile0.adc", "layer0.kernel.tile0.adc"]
    assert axes.get_xlabel() == "simulated time [ns]"
    assert axes.get_title() == "The first 2 time steps (one colour a step)"
    assert axes.yaxis_inverted()


BINS = [(1e-5, 3), (2e-5, 5), (3e-5, 0), (4e-5, 7), (5e-5, 0)]
FILL = [(0.0, 0), (2e-3, 1), (4e-3, 2), (6e-3, 1)]


@pytest.mark.parametrize(
    ("deadline", "line", "words"),
    [
        (None, None, None),
        (6e-5, 60.0, "deadline 60 µs"),
        (1.5e-4, 150.0, "deadline 150 µs"),
        (1.6e-4, None, "deadline 160 µs, beyond"),
    ],
)
def test_latency_and_fill(deadline, line, words):
    left, right = latency_and_fill(BINS, FILL, deadline, 2.5e-5).axes
    (stairs,) = left.patches
    assert stairs.get_data().values.tolist() == [3, 5, 0, 7]
    assert stairs.get_data().edges == pytest.approx([10, 20, 30, 40, 50])
    assert left.lines[0].get_xdata() == pytest.approx([25, 25])
    drawn = [float(s[0, 0]) for c in left.collections for s in c.get_segments()]
    assert drawn == ([] if line is None else pytest.approx([line]))
    assert entries(left) == ["median", *([words] if words else [])]
    assert left.get_xlabel() == "latency of a time step [µs]"
    assert left.get_ylabel() == "time steps"
    assert left.get_yscale() == "log"
    assert right.lines[0].get_xdata() == pytest.approx([0, 2, 4, 6])
    assert list(right.lines[0].get_ydata()) == [0, 1, 2, 1]
    assert right.lines[0].get_drawstyle() == "steps-post"
    assert right.get_xlabel() == "time since the first arrival [ms]"
    assert right.get_ylim() == pytest.approx((0, 2.1))
    assert len(right.texts) == 0


@pytest.mark.parametrize(
    ("largest", "unit", "scale"),
    [
        (2.0, "s", 1.0),
        (1.9, "ms", 1e-3),
        (2e-3, "ms", 1e-3),
        (3e-6, "µs", 1e-6),
        (1e-10, "ns", 1e-9),
    ],
)
def test_times_have_the_unit_of_at_least_two(largest, unit, scale):
    left, right = latency_and_fill([(0.0, 1), (largest, 0)], [(0.0, 0)], None, 0.0).axes
    assert left.get_xlabel().endswith(f"[{unit}]")
    assert left.patches[0].get_data().edges[-1] == pytest.approx(largest / scale)
    assert right.texts[0].get_text().startswith("always empty")
    assert right.get_ylim() == pytest.approx((0, 1.05))


POINTS = [(0.0, (0.1, 0.2)), (3600.0, (0.9, 0.8, 0.4)), (9000.0, (0.6, 0.5, 0.1))]


@pytest.mark.parametrize("logarithmic", [False, True])
def test_accuracy_over_time(logarithmic):
    (axes,) = accuracy_over_time(POINTS, [1800.0, 5400.0], 0.95, logarithmic=logarithmic).axes
    lines = {line.get_label(): line for line in axes.lines}
    assert lines["quantised, digital"].get_ydata() == pytest.approx([95, 95])
    shown = POINTS[1:] if logarithmic else POINTS
    mean = lines["mean of the chips"]
    assert mean.get_xdata() == pytest.approx([t / 3600 for t, _ in shown])
    assert mean.get_ydata() == pytest.approx([100 * sum(a) / len(a) for _, a in shown])
    written = [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == ":"]
    assert written == pytest.approx([0.5, 1.5])
    (band,) = axes.collections
    corners = {(round(x, 9), round(y, 9)) for x, y in band.get_paths()[0].vertices}
    for time, found in shown:
        for end in (min, max):
            assert (round(time / 3600, 9), round(100 * end(found), 9)) in corners
    assert entries(axes) == [
        "quantised, digital", "written again", "mean of the chips", "lowest to highest chip",
    ]  # fmt: skip
    assert axes.get_xlabel() == "time since the first programming [h]"
    assert axes.get_xscale() == ("log" if logarithmic else "linear")
    assert axes.get_ylim() == (0, 102)


@pytest.mark.parametrize(
    ("last", "unit", "length"),
    [(172800.0, "d", 86400), (172799.0, "h", 3600), (7199.0, "min", 60), (119.0, "s", 1)],
)
def test_a_stream_without_chips_beside_each_other_has_no_band(last, unit, length):
    (axes,) = accuracy_over_time([(last, (0.5,))], [], None, logarithmic=False).axes
    assert entries(axes) == ["mean of the chips"]
    assert axes.get_xlabel().endswith(f"[{unit}]")
    assert axes.lines[0].get_xdata() == pytest.approx([last / length])
    many = [float(n) for n in range(100)]
    (axes,) = accuracy_over_time([(last, (0.5,))], many, None, logarithmic=False).axes
    assert sum(line.get_linestyle() == ":" for line in axes.lines) == 60


@pytest.mark.parametrize(
    ("values", "factor", "prefix"),
    [
        ([9.99e-13], 1e-15, "f"), ([1e-12], 1e-12, "p"), ([-5e-9, 1e-9], 1e-9, "n"),
        ([1.1e-6], 1e-6, "µ"), ([0.5], 1e-3, "m"), ([999.0], 1.0, ""), ([1000.0], 1e3, "k"),
        ([9.9e5], 1e3, "k"), ([1e6], 1e6, "M"), ([], 1e-15, "f"),
    ],
)  # fmt: skip
def test_prefixes(values, factor, prefix):
    assert engineering(values) == (factor, prefix)
    assert scale_of(values, "J") == (factor, f"{prefix}J")


def test_scales_without_prefixes():
    assert scale_of([0.2], "%") == (0.01, "%")
    assert scale_of([2.0], "m2") == (1e-6, "mm²")
    assert scale_of([5e9], "") == (1.0, "")


@pytest.mark.parametrize("name", ["a.png", "a.svg", "a.pdf", "a.svg.partial"])
def test_a_figure_is_saved_in_the_format_of_its_name(tmp_path, name):
    figure = energy_bars(TABLE)
    plain_ticks(figure.axes[0].xaxis)
    (tmp_path / "second").mkdir()
    save(figure, [tmp_path / name, tmp_path / "second" / name])
    begin = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[name.split(".")[1]]
    written = (tmp_path / name).read_bytes()
    assert written.startswith(begin)
    if "svg" in name:
        assert b"<dc:date>" not in written
        assert b"energy per inference" in written
        assert written == (tmp_path / "second" / name).read_bytes()
