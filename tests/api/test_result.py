"""A finished run: tables, figures, texts, the directory and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

import imssa_sim


@pytest.fixture(scope="module")
def stored(done: imssa_sim.Run, tmp_path_factory: pytest.TempPathFactory) -> imssa_sim.Run:
    return imssa_sim.open_run(done.save(tmp_path_factory.mktemp("runs") / "a"))


def test_a_stored_run_is_equal(done: imssa_sim.Run, stored: imssa_sim.Run) -> None:
    assert stored == done
    assert stored.config == done.config
    assert stored.citations == done.citations
    assert stored.manifest == done.manifest
    for name in ("accuracy", "timing", "energy", "area", "stats", "ledger", "layers",
                 "predictions", "latency"):  # fmt: skip
        mine, theirs = getattr(done, name), getattr(stored, name)
        assert mine.equals(theirs), name
    assert stored.stream is None
    assert done != "a run"


def test_a_stored_run_is_stored_again_as_it_is(stored: imssa_sim.Run, tmp_path: Path) -> None:
    again = stored.save(tmp_path / "b")
    assert stored.path is not None
    for file in stored.path.iterdir():
        assert (again / file.name).read_bytes() == file.read_bytes()
    plain = {path.name for path in stored.save(tmp_path / "c", figures=False).iterdir()}
    assert plain == {f.name for f in stored.path.iterdir() if f.suffix not in (".png", ".svg")}


def test_the_tables_make_up_the_statistics(done: imssa_sim.Run) -> None:
    energy = done["energy.inference"]
    assert done.energy.to_numpy().sum() == pytest.approx(energy, rel=1e-12)
    assert done.layers["energy_J"].sum() == pytest.approx(energy, rel=1e-12)
    running = done.ledger[done.ledger["account"] != "programming"]
    assert running["energy"].sum() == pytest.approx(energy, rel=1e-12)
    assert done.area["area"].sum() == pytest.approx(done["area"], rel=1e-12)
    right = (done.predictions["chip0"] == done.predictions["labels"]).mean()
    assert right == pytest.approx(done.accuracy["analog.chip0"])
    assert done.timing["end_to_end"] == done["time.end_to_end"]
    assert done.stats.loc["energy.inference", "unit"] == "J"
    assert done.stats.loc["energy.inference", "value"] == energy


def test_an_unknown_statistic_or_figure_names_the_nearest(done: imssa_sim.Run) -> None:
    with pytest.raises(imssa_sim.InputError, match=r"did you mean 'energy\.inference'"):
        done["energy.inferense"]
    with pytest.raises(imssa_sim.InputError, match="did you mean 'latency'"):
        done.figure("latenzy")


def test_figures_are_the_same_from_the_directory(
    done: imssa_sim.Run, stored: imssa_sim.Run
) -> None:
    assert done.figures == stored.figures == ("energy", "energy_sunburst", "latency", "timeline")
    for name in done.figures:
        mine, theirs = done.figure(name), stored.figure(name)
        assert isinstance(mine, Figure)
        assert mine.axes[0].get_title() == theirs.axes[0].get_title()
        assert len(mine.axes[0].patches) == len(theirs.axes[0].patches)


def test_a_stream_has_a_table_and_a_figure(tiny: dict[str, Any], tmp_path: Path) -> None:
    stream = {"evaluate.stream.duration": "1 d", "evaluate.stream.points": 3,
              "evaluate.stream.reprogram_every": "12 h", "evaluate.chips": 1}  # fmt: skip
    run = imssa_sim.run(tiny, set=stream)
    again = imssa_sim.open_run(run.save(tmp_path / "s", figures=False))
    assert again == run
    assert run.stream is not None
    assert again.stream is not None
    assert again.stream.equals(run.stream)
    for found in (run, again):
        lines = found.figure("stream").axes[0].get_lines()
        assert any(line.get_label() == "written again" for line in lines)


def test_the_representations_are_short(done: imssa_sim.Run) -> None:
    assert repr(done).startswith("<Run tiny: accuracy, chip ")
    assert len(repr(done)) < 200
    page = done._repr_html_()
    assert len(page) < 3000
    assert "<td>" in page
    assert "energy per inference" in page
    assert done.summary(72).splitlines()[0] == "─" * 72


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(imssa_sim.InputError, match="does not exist"):
        imssa_sim.open_run(tmp_path / "none")
    with pytest.raises(imssa_sim.InputError, match="is a path"):
        imssa_sim.open_run(3)  # type: ignore[arg-type]


def test_a_damaged_table_is_named(done: imssa_sim.Run, tmp_path: Path) -> None:
    path = done.save(tmp_path / "d", figures=False)
    (path / "ledger.csv").write_text("a,b\n1\n", "utf-8")
    (path / "layers.csv").unlink()
    found = imssa_sim.open_run(path)
    with pytest.raises(imssa_sim.InputError, match=r"ledger\.csv is damaged"):
        _ = found.ledger
    with pytest.raises(imssa_sim.InputError, match=r"has no layers\.csv"):
        _ = found.layers
