"""A stored point is used again only while all that its result depends on is as it was."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from imssa_sim.config import RunConfig, load_config
from imssa_sim.config.cards import cards_used
from imssa_sim.config.fields import FileReference
from imssa_sim.config.load import leaves
from imssa_sim.config.walk import field_at, marks
from imssa_sim.errors import InputError
from imssa_sim.files import locate
from imssa_sim.files.source import dotted
from imssa_sim.sweeps import basis as module
from imssa_sim.sweeps.basis import Bases, changes

GRID = "grid: {seed: [1, 2]}\n"


def without_host(stats: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in stats.items() if not name.startswith("host.")}


def test_nothing_is_run_twice(bench, counted) -> None:  # type: ignore[no-untyped-def]
    first = bench.run(GRID)
    assert len(counted) == 2
    assert bench.run(GRID) == first
    assert len(counted) == 2
    assert bench.listener.notes == []


def new_package(bench, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(module, "_sources", lambda: "edited")


def new_library(bench, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(module, "_version", lambda name: "99.0")


def new_data(bench, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    resolve = module.resolve_dataset

    def changed(config, outputs):  # type: ignore[no-untyped-def]
        found = resolve(config, outputs)
        dataset = found.dataset
        part = type(dataset.test)(dataset.test.inputs * 2, dataset.test.labels)
        return replace(found, dataset=replace(dataset, test=part))

    monkeypatch.setattr(module, "resolve_dataset", changed)


EDITS: dict[str, tuple[Callable[..., None], str]] = {
    "the workload": (
        lambda bench, _: bench.edit("tiny.yaml", "samples: 6", "samples: 7"),
        r"evaluate\.samples \(6 → 7\)",
    ),
    "a card": (
        lambda bench, _: bench.edit("cell.yaml", "title:", "title: another"),
        r"card \S*cell \(its contents\)|card .*\(its contents\)",
    ),
    "the package": (new_package, "the package imssa_sim"),
    "a library": (new_library, r"numpy \(.* → 99\.0\)"),
    "the data": (new_data, r"data \(its contents\)"),
}


@pytest.mark.parametrize("what", EDITS)
def test_what_changed_is_run_again_and_named(  # type: ignore[no-untyped-def]
    bench, counted, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    edit, said = EDITS[what]
    bench.run(GRID)
    edit(bench, monkeypatch)
    with pytest.raises(InputError, match=f"(?s)2 of 2 stored points are out of date: .*{said}"):
        bench.run(GRID, refuse_stale=True)
    assert len(counted) == 2
    again = bench.run(GRID)
    assert len(counted) == 4
    assert "they are run again" in bench.listener.notes[0]
    fresh = bench.fresh(GRID)
    assert [without_host(r.stats) for r in again] == [without_host(r.stats) for r in fresh]
    lines = (bench.folder / "results.jsonl").read_text("utf-8").splitlines()
    assert len(lines) == 2  # nothing doubled


def files_of_the_schema() -> list[str]:
    """Paths of all fields that name a file; the folder of a data set counts by its data."""
    found = []
    for path in leaves(load_config("sdigits").config):
        named = any(isinstance(mark, FileReference) for mark in marks(field_at(RunConfig, path)))
        if named and path != ("data", "path"):
            found.append(dotted(path))
    return found


@pytest.mark.parametrize("key", files_of_the_schema())
def test_a_file_counts_by_its_contents(key: str, tmp_path: Path) -> None:
    kind = "checkpoint" if key.endswith("checkpoint") else "file"
    file = tmp_path / "named.safetensors"
    if kind == "checkpoint":
        shutil.copy(locate.checkpoints() / "sdigits_chip.safetensors", file)
    else:
        file.write_text("".join(f"{n / 1e4}\n" for n in range(64)), "utf-8")
    loaded = load_config("sdigits", [f"{key}={file}"])
    before = Bases().of(loaded)
    file.write_bytes(file.read_bytes() + b" ")
    assert changes(before, Bases().of(loaded)) == (f"{kind} named.safetensors (its contents)",)


def test_two_files_of_one_name_both_count(tmp_path: Path) -> None:
    files = [tmp_path / folder / "net.safetensors" for folder in "ab"]
    for file in files:
        file.parent.mkdir()
        shutil.copy(locate.checkpoints() / "sdigits_chip.safetensors", file)
    names = ("model.checkpoint", "data.fallback_checkpoint")
    overrides = [f"{name}={file}" for name, file in zip(names, files, strict=True)]
    cards = [tmp_path / folder / "cell.yaml" for folder in "ab"]
    for card in cards:
        shutil.copy(locate.find_card("gpu/a100"), card)
        card.write_text(card.read_text("utf-8").replace("name: gpu/a100", "name: cell"), "utf-8")
    overrides.append(f"baselines=[{cards[0]}, {cards[1]}]")
    loaded = load_config("sdigits", overrides)
    for edited, said in ((files, "checkpoint net.safetensors"), (cards, "card ")):
        for file in edited:
            before = Bases().of(loaded)
            file.write_bytes(file.read_bytes() + b"\n")
            (found,) = changes(before, Bases().of(loaded))
            assert found.startswith(said)


def test_every_setting_is_part_of_the_basis(bench) -> None:  # type: ignore[no-untyped-def]
    loaded = load_config(bench.base / "tiny.yaml")
    basis = Bases().of(loaded)
    missing = [
        path
        for path in loaded.origins
        if path not in basis and not any(key.startswith(f"{path}.") for key in basis)
    ]
    assert missing == []
    json.dumps(basis)


def test_the_package_counts_by_what_results_pass_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import imssa_sim

    for name in ("cli/a.py", "kernels/a.py"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("x = 1\n", "utf-8")
    monkeypatch.setattr(imssa_sim, "__file__", str(tmp_path / "__init__.py"))
    found = []
    for name in ("", "cli/a.py", "kernels/a.py"):
        if name:
            (tmp_path / name).write_text("x = 2\n", "utf-8")
        found.append(module._sources.__wrapped__())
    assert found[0] == found[1] != found[2]


def test_every_card_counts_by_itself() -> None:
    """Two cards of one kind are two."""
    loaded = load_config("sdigits", ["baselines=[gpu/a100, gpu/h200]"])
    found = {name.removeprefix("card ") for name in Bases().of(loaded) if name.startswith("card ")}
    assert found == {card.name for card in cards_used(loaded.config).values()}
    assert {"gpu/a100", "gpu/h200"} <= found


def test_no_result_passes_through_what_the_package_is_fingerprinted_without() -> None:
    """What a simulation imports, and what that imports, early or late."""
    import imssa_sim

    root = Path(imssa_sim.__file__).parent
    imported: dict[str, set[str]] = {}
    for path in root.rglob("*.py"):
        own = path.relative_to(root).parts[0].removesuffix(".py")
        found = re.findall(r"^ *(?:from|import) imssa_sim\.(\w+)", path.read_text("utf-8"), re.M)
        imported.setdefault(own, set()).update(found)
    reached, ahead = set[str](), {"simulation", "sweeps"}
    while ahead:
        reached |= ahead
        ahead = {name for package in ahead for name in imported.get(package, ())} - reached
    assert {"devices", "cards", "kernels", "data"} <= reached
    assert not reached & set(module._ABOVE)
