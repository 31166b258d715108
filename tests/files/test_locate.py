"""Where workloads and cards are found, from a checkout and from a wheel."""

from __future__ import annotations

from pathlib import Path

import pytest

from imssa_sim.config import load_config
from imssa_sim.errors import InputError
from imssa_sim.files import locate


def test_bare_names_are_those_of_the_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in locate.workload_names():
        assert locate.find_workload(name) == locate.workloads() / f"{name}.yaml"
        # The README's path works from any folder.
        assert locate.find_workload(f"workloads/{name}.yaml").is_file()
    assert "scifar" in locate.workload_names()
    with pytest.raises(InputError, match=r"unknown workload 'scifr'; did you mean 'scifar'\?"):
        load_config("scifr")
    with pytest.raises(InputError, match="there is no such workload file"):
        load_config("elsewhere/scifar.yaml")
    (tmp_path / "mine.yaml").write_text("")
    with pytest.raises(InputError, match=r"did you mean 'mine\.yaml'\?"):
        load_config("mien.yaml")
    with pytest.raises(InputError, match="no workload"):
        load_config("")


def test_the_wheels_data_come_before_the_checkouts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site-packages" / "imssa_sim"
    monkeypatch.setattr(locate, "_PACKAGE", package)
    locate.root.cache_clear()
    try:
        with pytest.raises(InputError, match="cannot find workloads/"):
            locate.root()
        for place in (tmp_path / "site-packages", package / "_data"):
            (place / "workloads").mkdir(parents=True)
            locate.root.cache_clear()
            assert locate.root() == place
    finally:
        locate.root.cache_clear()
