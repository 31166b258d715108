"""Whatever can be known before the data are read, `validate` knows, and `run` refuses then."""

from __future__ import annotations

import random
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from imssa_sim.cli.validate import validate
from imssa_sim.config import LoadedConfig, RunConfig
from imssa_sim.config.fields import Quantity
from imssa_sim.config.load import leaves
from imssa_sim.config.walk import field_at, marks
from imssa_sim.errors import ImssaError, InputError, InternalError
from imssa_sim.files import locate
from imssa_sim.files.source import dotted
from imssa_sim.simulation import checks, run
from imssa_sim.simulation.checks import check_by_trial, check_settings, doubts
from imssa_sim.units import format_exact
from imssa_sim.validity import extrapolating

Load = Callable[..., LoadedConfig]

REFUSED = {
    "more effective bits than bits": (["hardware.adc.enob=9"], "enob: 9 effective bits of bits: 8"),
    "stuck more often than always": (
        ["hardware.faults.stuck_on=.7", "hardware.faults.stuck_off=.7"],
        "add to more than 1",
    ),
    "stuck more often than always, with the card's rate": (
        ["hardware.faults.stuck_on=1"],
        "more than 1",
    ),
    "a grid of levels that the cell has not": (
        ["hardware.effects.level_grid=true", "hardware.chip.tile.cell=cells/ideal"],
        "needs a cell whose card has levels",
    ),
    "pulses that the card does not describe": (
        ["hardware.effects.write_verify=true", "hardware.chip.tile.cell=cells/ideal"],
        "write_verify",
    ),
    "a digital layer beyond the last": (
        ["hardware.mapping.digital_layers=[0,2]"],
        "names layer 2, but model.layers is 2",
    ),
    "no column left": (["hardware.chip.tile.spare_columns=96"], "leaves none"),
    "too few tiles": (["hardware.chip.tiles=1"], "the chip has 1"),
    "no mode fits": (["hardware.chip.tile.columns=4"], "cannot hold one complex mode"),
    "an unknown data set": (["data.name=sdigit"], "did you mean 'sdigits'"),
    "a class that the data have not": (
        ["data.classes=[zero, 1]", "model.classes=2"],
        "sdigits has no class 'zero'",
    ),
    "an unknown fallback": (["data.fallback=sdigit"], "did you mean 'sdigits'"),
}


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no data be read."""

    def read(config: RunConfig) -> None:
        raise AssertionError("the data were read")

    monkeypatch.setattr(run, "prepare_inputs", read)


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.usefixtures("blind")
def test_both_refuse_before_the_data(workload_file: Path, load: Load, case: str) -> None:
    overrides, message = REFUSED[case]
    with pytest.raises(InputError, match=message):
        validate(str(workload_file), overrides)
    with pytest.raises(InputError, match=message):
        run.simulate(load(*overrides))


@pytest.mark.usefixtures("blind")
@pytest.mark.parametrize("key", ["model.checkpoint", "data.fallback_checkpoint"])
def test_a_checkpoint_of_another_size_is_known(workload_file: Path, load: Load, key: str) -> None:
    from imssa_sim.files import locate

    other = next(iter(sorted(locate.checkpoints().glob("*.safetensors"))))
    overrides = [f"{key}={other}", "data.fallback=digits32"]
    with pytest.raises(InputError, match=other.name):
        validate(str(workload_file), overrides)
    with pytest.raises(InputError, match=other.name):
        run.simulate(load(*overrides))


@pytest.mark.parametrize(
    ("change", "doubt"),
    [
        ("hardware.chip.clock=20 GHz", "hardware.chip.clock: 20 GHz leaves less than 6 gate"),
        ("hardware.adc.per_tile=1000", "1000 converters for 48 bit lines"),
        ("hardware.adc.enob=0.2", "0.2 effective bits"),
    ],
)
def test_what_is_hardly_meant_is_said(
    workload_file: Path, load: Load, capsys: pytest.CaptureFixture[str], change: str, doubt: str
) -> None:
    assert doubts(load().config) == ()
    validate(str(workload_file), [change])
    (line,) = capsys.readouterr().out.splitlines()[1:]
    assert line.startswith("warning: ")
    assert doubt in line


def _values(path: tuple[Any, ...], now: Any, luck: random.Random) -> str:
    """Return a text that may be legal at a path of the schema."""
    field: Any = field_at(RunConfig, path)
    for mark in marks(field):
        if isinstance(mark, Quantity):
            size = (now or 1.0) * 10 ** luck.uniform(-1, 1)
            return format_exact(size, mark.dimension)
    words = list(_words(field.annotation))
    if words and (not isinstance(now, int) or isinstance(now, bool) or luck.random() < 0.2):
        return str(luck.choice(words))
    if isinstance(now, int):
        return str(max(0, now + luck.choice((-1, 1, 2, now, -(now // 2)))))
    if isinstance(now, float):
        return str(round(luck.choice((now, 0.5, 1.0)) * luck.uniform(0, 2), 3))
    return luck.choice(("1", "3", "0.2", "7"))


def _words(annotation: Any) -> Iterator[Any]:
    if annotation is bool:
        yield from ("true", "false")
    if typing.get_origin(annotation) is Literal:
        yield from typing.get_args(annotation)
    for argument in typing.get_args(annotation):
        yield from _words(argument)


def mutations(load: Load, seed: int) -> list[str]:
    """Return one to four overrides; small sizes, so that many can be tried."""
    luck = random.Random(seed)
    config = load().config
    apart = ("workload", "description", "baselines", "data", "seed", "evaluate.samples", "model")
    paths = [p for p in leaves(config) if not dotted(p).startswith(apart)]
    chosen = luck.sample(paths, luck.randint(1, 4))
    found = ["evaluate.samples=3", "evaluate.chips=1", "calibration.samples=4"]
    for path in chosen:
        now: Any = config
        for part in path:
            now = getattr(now, str(part))
        if not isinstance(now, str) or list(_words(field_at(RunConfig, path).annotation)):  # type: ignore[union-attr]
            found.append(f"{dotted(path)}={_values(path, now, luck)}")
    return found


@pytest.mark.parametrize("seed", range(40))
def test_what_is_accepted_is_not_refused_later(load: Load, seed: int) -> None:
    overrides = mutations(load, seed)
    try:
        loaded = load(*overrides)
        check_settings(loaded.config)
        check_by_trial(loaded.config)
    except InternalError:
        raise
    except ImssaError:
        return
    run.simulate(loaded)


def test_what_passed_is_tried_again_when_one_of_its_files_changes(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = tmp_path / "cell.yaml"
    text = (locate.device_models() / "cells" / "taox_imssa.yaml").read_text(encoding="utf-8")
    card.write_text(text, encoding="utf-8")
    config = load(f"hardware.chip.tile.cell={card}").config
    trials: list[RunConfig] = []
    real = checks._try

    def counted(tried: RunConfig) -> None:
        trials.append(tried)
        real(tried)

    monkeypatch.setattr(checks, "_try", counted)
    check_by_trial(config)
    check_by_trial(config)
    assert len(trials) == 1
    check_by_trial(load(f"hardware.chip.tile.cell={card}", "hardware.adc.bits=7").config)
    assert len(trials) == 2
    card.write_text(text.replace("title:", "title: of"), encoding="utf-8")
    check_by_trial(config)
    assert len(trials) == 3


def test_what_a_trial_extrapolates_is_said_each_time(load: Load) -> None:
    config = load("evaluate.extrapolate=true", "hardware.chip.temperature=150 degC").config
    said = []
    for _ in range(2):
        with extrapolating(True) as found:
            check_by_trial(config)
            said.append(tuple(found))
    assert said[0]
    assert said[0] == said[1]
