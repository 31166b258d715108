"""Where cards, workloads and checkpoints are: in the checkout, or inside the installed wheel."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from imssa_sim.errors import InputError, nearest

_PACKAGE = Path(__file__).resolve().parent.parent
SUFFIXES = (".yaml", ".yml")


@lru_cache(maxsize=1)
def root() -> Path:
    """Return the folder of ``device_models/``, ``hardware/``, ``workloads/``, ``checkpoints/``.

    Raises
    ------
    InputError
        If neither a checkout surrounds the package nor the wheel's data are in it.
    """
    for candidate in (_PACKAGE / "_data", _PACKAGE.parent):
        if (candidate / "workloads").is_dir():
            return candidate
    raise InputError(
        f"cannot find workloads/ and device_models/ beside or inside {_PACKAGE}; "
        "reinstall imssa_sim, or run it from a complete checkout"
    )


def device_models() -> Path:
    """Return the folder of the model cards."""
    return root() / "device_models"


def workloads() -> Path:
    """Return the folder of the workload files."""
    return root() / "workloads"


def hardware() -> Path:
    """Return the folder of the hardware that a workload may rest on."""
    return root() / "hardware"


def checkpoints() -> Path:
    """Return the folder of the trained networks."""
    return root() / "checkpoints"


def is_path(name: str) -> bool:
    """Tell whether the name of a card or workload is a path rather than a bare name."""
    return name.endswith(SUFFIXES) or name.startswith(("/", "./", "../", "~"))


@lru_cache(maxsize=1)
def card_names() -> tuple[str, ...]:
    """Return the names ``folder/file`` of all cards that come with the package."""
    base = device_models()
    return tuple(
        sorted(p.relative_to(base).with_suffix("").as_posix() for p in base.rglob("*.yaml"))
    )


@lru_cache(maxsize=1)
def base_names() -> tuple[str, ...]:
    """Return the names ``folder/file`` of all hardware that a workload may rest on."""
    base = hardware()
    return tuple(
        sorted(p.relative_to(base).with_suffix("").as_posix() for p in base.rglob("*.yaml"))
    )


def workload_names() -> tuple[str, ...]:
    """Return the bare names of all workloads that come with the package."""
    return tuple(sorted(p.stem for p in workloads().glob("*.yaml")))


def find_card(name: str) -> Path:
    """Return the file of a card, given as ``folder/file`` or as a path.

    Raises
    ------
    InputError
        For an unknown name, with the nearest known one, or a path without a file.
    """
    if is_path(name):
        path = Path(name).expanduser()
        if not path.is_file():
            raise InputError(f"{name}: there is no such card file")
        return path
    return _shipped_card(name)


@lru_cache(maxsize=512)
def _shipped_card(name: str) -> Path:
    if name not in card_names():
        raise InputError(_unknown("card", name, card_names(), "`list cards` shows all cards"))
    return device_models() / f"{name}.yaml"


def find_workload(name: str) -> Path:
    """Return the file of a workload, given as a path or as a bare name under ``workloads/``.

    A path ``workloads/x.yaml`` that does not exist from here is looked up among the workloads
    that come with the package, so that the command of the README works from any folder.

    Raises
    ------
    InputError
        For an unknown name, with the nearest known one, or a path without a file.
    """
    if not name.strip():
        raise InputError("no workload given; `list workloads` shows those of the package")
    path = Path(name).expanduser()
    if path.exists():
        return path
    if not is_path(name) and name in workload_names():
        return workloads() / f"{name}.yaml"
    shipped = workloads() / path.name
    if path.parts[:-1] == ("workloads",) and shipped.is_file():
        return shipped
    known = workload_names()
    if is_path(name):
        neighbours = sorted(p.name for p in path.parent.iterdir()) if path.parent.is_dir() else []
        close = nearest(path.name, neighbours)
        suggestion = str(path.with_name(close)) if close else nearest(path.stem, known)
        hint = f"; did you mean '{suggestion}'?" if suggestion else ";"
        raise InputError(
            f"{name}: there is no such workload file{hint} known workloads: {', '.join(known)}"
        )
    raise InputError(_unknown("workload", name, known, "give a path, or a name that `list` shows"))


def _unknown(what: str, name: str, known: tuple[str, ...], remedy: str) -> str:
    close = nearest(name, known)
    return f"unknown {what} '{name}'" + (f"; did you mean '{close}'? " if close else "; ") + remedy
