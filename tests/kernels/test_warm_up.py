"""Compiling ahead of need."""

from __future__ import annotations

import pytest

from imssa_sim.compiled import ahead, private
from imssa_sim.compiled.places import is_kept
from imssa_sim.kernels import warm_up

pytestmark = pytest.mark.skipif(not private.compiles(), reason="nothing is compiled")


@pytest.fixture
def started(monkeypatch):
    found = []
    monkeypatch.setattr(ahead, "start", lambda *arguments: found.append(arguments))
    return found


@pytest.mark.parametrize("name", warm_up.LOOPS)
def test_each_loop_is_kept_under_its_name(name):
    warm_up.main([name])
    file, function = warm_up.LOOPS[name]
    assert is_kept(warm_up.FOLDER / f"{file}.py", function)


def test_nothing_is_started_for_what_is_kept(started):
    warm_up.main(warm_up.LOOPS)
    warm_up.compile_ahead(warm_up.LOOPS, threads=2)
    assert not started


def test_what_is_missing_is_shared_by_two_processes(started, monkeypatch):
    monkeypatch.setattr(warm_up, "is_kept", lambda file, name: False)
    warm_up.compile_ahead(warm_up.LOOPS, threads=4)
    assert [(names, loops) for _, names, loops in started] == [
        (["blocks"], ["_recurrent_items.run_blocks"]),
        (
            ["singles", "dense", "halves"],
            [
                "_recurrent_items.run_singles",
                "_dense_items.read_items",
                "_recurrent_items.run_halves",
            ],
        ),
    ]
    assert {module for module, *_ in started} == {"imssa_sim.kernels.warm_up"}


def test_only_what_is_asked_for_is_started(started, monkeypatch):
    monkeypatch.setattr(warm_up, "is_kept", lambda file, name: name == "run_blocks")
    warm_up.compile_ahead(warm_up.recurrent_loops([33], 1), threads=2)
    assert [names for _, names, _ in started] == [["singles"]]


@pytest.mark.parametrize(
    ("batches", "reads", "loops"),
    [
        ([1], 1, ("singles",)), ([32], 1, ("blocks",)), ([33, 0], 1, ("blocks", "singles")),
        ([10], 1 << 17, ("halves",)), ([1, 32, 18], 1 << 17, ("blocks", "singles", "halves")),
        ([10], 64 * 32, ("singles",)), ([1, 32, 18], 0, ("blocks", "singles")), ([], 1, ()),
    ],
)  # fmt: skip
def test_batches_tell_the_loops(batches, reads, loops):
    assert warm_up.recurrent_loops(batches, reads) == loops


def test_a_single_thread_compiles_what_it_needs_itself(started, monkeypatch):
    monkeypatch.setattr(warm_up, "is_kept", lambda file, name: False)
    warm_up.compile_ahead(warm_up.LOOPS, threads=1)
    monkeypatch.setattr(warm_up, "cache_folder", lambda folder: None)
    warm_up.compile_ahead(warm_up.LOOPS, threads=2)
    assert not started
