"""Backends by name, and what does not go together."""

from __future__ import annotations

import builtins

import pytest

from imssa_sim.errors import InputError
from imssa_sim.simulation.progress import Silent
from imssa_sim.sweeps.executors import Local, executor_of


def test_local_takes_jobs() -> None:
    assert executor_of("local", 3, None, None, Silent()) == Local(3)
    assert not Local().elsewhere


@pytest.mark.parametrize(
    ("name", "jobs", "scheduler", "workers", "said"),
    [
        ("local", -1, "tcp://there:8786", None, "go with --backend dask"),
        ("local", -1, None, 2, "go with --backend dask"),
        ("dask", 2, None, None, "--workers says how many"),
        ("dsk", -1, None, None, "did you mean 'dask'"),
    ],
)
def test_what_does_not_go_together_is_refused(
    name: str, jobs: int, scheduler: str | None, workers: int | None, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        executor_of(name, jobs, scheduler, workers, Silent())


def test_without_dask_the_command_to_install_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def without(name: str, *args: object, **kwargs: object) -> object:
        if name.startswith("distributed"):
            raise ImportError(f"No module named '{name}'")
        return original(name, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=r"pip install 'imssa_sim\[cluster\]'"):
        executor_of("dask", -1, None, None, Silent())
