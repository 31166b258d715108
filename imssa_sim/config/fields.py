"""Field types of the configuration: quantities, cards, paths, and what `explain` knows of them.

A validator here raises `PydanticCustomError`; the loader turns it into a `Problem` with a position.
The validation context carries the folder that relative paths start from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo
from pydantic_core import PydanticCustomError

from imssa_sim.config.base import nearest_base
from imssa_sim.errors import nearest
from imssa_sim.files import locate
from imssa_sim.registry import plugin_names
from imssa_sim.units import UnitError, example, parse_quantity


class Section(BaseModel):
    """A part of the configuration: frozen, strict, unknown keys forbidden."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", protected_namespaces=())


@dataclass(frozen=True)
class Quantity:
    """Marks a field that holds an SI float of a dimension of `imssa_sim.units`."""

    dimension: str


@dataclass(frozen=True)
class CardReference:
    """Marks a field that names a model card of this kind."""

    kind: str


@dataclass(frozen=True)
class BaseReference:
    """Marks the field that names the hardware which a workload's own keys are laid over."""


@dataclass(frozen=True)
class CostOnlyMark:
    """Marks a field that changes costs and times at most: no value, no count of an action.

    Runs that differ in such fields alone share one functional execution.
    """


CostOnly = CostOnlyMark()


@dataclass(frozen=True)
class FileReference:
    """Marks a field that holds a path, relative to the file that states it."""


def problem(what: str, suggestion: str = "", remedy: str = "") -> PydanticCustomError:
    """Return the error that the loader shows as ``what; did you mean 'suggestion'? remedy``."""
    context = {"what": what, "suggestion": suggestion, "remedy": remedy}
    return PydanticCustomError("imssa", "{what}", context)


def _quantity(dimension: str) -> Callable[[Any], float]:
    def parse(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise problem(
                f"{shown(value)} is not a quantity",
                remedy=f"write a number with a unit, for example '{example(dimension)}'",
            )
        try:
            return parse_quantity(str(value), dimension)
        except UnitError as error:
            raise problem(str(error)) from None

    return parse


def shown(value: Any) -> str:
    """Return a value of a YAML file as a message names it."""
    if value is None:
        return "an empty value"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    return repr(value)


def _positive(value: float) -> float:
    if not value > 0:
        raise problem("must be greater than zero")
    return value


def _not_negative(value: float) -> float:
    if value < 0:
        raise problem("must not be negative")
    return value


Frequency = Annotated[
    float, BeforeValidator(_quantity("frequency")), AfterValidator(_positive), Quantity("frequency")
]
Length = Annotated[
    float, BeforeValidator(_quantity("length")), AfterValidator(_positive), Quantity("length")
]
Voltage = Annotated[
    float, BeforeValidator(_quantity("voltage")), AfterValidator(_positive), Quantity("voltage")
]
Time = Annotated[
    float, BeforeValidator(_quantity("time")), AfterValidator(_positive), Quantity("time")
]
Energy = Annotated[
    float, BeforeValidator(_quantity("energy")), AfterValidator(_positive), Quantity("energy")
]
Resistance = Annotated[
    float,
    BeforeValidator(_quantity("resistance")),
    AfterValidator(_not_negative),
    Quantity("resistance"),
]
Conductance = Annotated[
    float,
    BeforeValidator(_quantity("conductance")),
    AfterValidator(_not_negative),
    Quantity("conductance"),
]
Temperature = Annotated[
    float,
    BeforeValidator(_quantity("temperature")),
    AfterValidator(_positive),
    Quantity("temperature"),
]
Delay = Annotated[
    float, BeforeValidator(_quantity("time")), AfterValidator(_not_negative), Quantity("time")
]


def _half_width(value: Any) -> float:
    text = value.strip().removeprefix("±").removeprefix("+-") if isinstance(value, str) else value
    half = _quantity("number")(text)
    if not 0 < half < 0.5:
        raise problem(
            f"{shown(value)} is no half width of an accuracy",
            remedy="write for example '±1 %'; it lies between 0 and 50 %",
        )
    return half


HalfWidth = Annotated[float, BeforeValidator(_half_width), Quantity("number")]
"""Half the width of an accuracy's interval, 0 to 0.5."""


def integer_or(word: str, low: int) -> BeforeValidator:
    """Return a validator for an integer of at least ``low`` or one word (``auto``, ``all``)."""

    def check(value: Any) -> int | str:
        if value == word and isinstance(value, str):
            return word
        if isinstance(value, int) and not isinstance(value, bool):
            if value < low:
                raise problem(f"{value} is too small", remedy=f"at least {low}, or '{word}'")
            return value
        raise problem(
            f"{shown(value)} is neither a whole number nor '{word}'", nearest(value, [word])
        )

    return BeforeValidator(check)


Bits = Annotated[int, Field(ge=2, le=16)]
Positive = Annotated[int, Field(ge=1)]
Probability = Annotated[float, Field(ge=0, le=1)]
Percentile = Annotated[float, Field(gt=50, le=100)]
Count = Annotated[int | Literal["auto"], integer_or("auto", 1)]
Amount = Annotated[int | Literal["all"], integer_or("all", 1)]


def bits_or_list(value: Any) -> int | tuple[int, ...]:
    """Check a bit width of 2 to 16, or a list of such, one per layer."""
    if isinstance(value, (list, tuple)) and value:
        return tuple(_bits(item) for item in value)
    return _bits(value)


def _bits(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        remedy = "give a number of bits, or a list with one per layer"
        raise problem(f"{shown(value)} is not a whole number", remedy=remedy)
    if not 2 <= value <= 16:
        bound = "at least 2" if value < 2 else "at most 16"
        raise problem(f"{value} is out of range", remedy=f"it must be {bound}")
    return value


def _sequence(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


AsTuple = BeforeValidator(_sequence)


def named(group: str, *own: str) -> BeforeValidator:
    """Return the check of a name: one of this package's own, or of an entry point group.

    What a name stands for is looked up where it is used; so the configuration needs no package
    above it.
    """

    def check(value: Any) -> Any:
        names = (*own, *plugin_names(group))
        if value not in names:
            known = f"one of {', '.join(names)}" if names else f"known, {group} has no names"
            raise problem(f"{shown(value)} is not {known}", nearest(str(value), names))
        return value

    return BeforeValidator(check)


def _class_names(value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    entries = value if isinstance(value, (list, tuple)) else ()
    plain = all(isinstance(e, (str, int)) and not isinstance(e, bool) for e in entries)
    names = tuple(str(entry) for entry in entries)
    if not plain or len(names) < 2:
        raise problem(
            f"{shown(value)} does not name at least two classes",
            remedy="write a list, for example [0, 1]",
        )
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise problem(f"class '{twice[0]}' is named twice", remedy="name each class once")
    return names


ClassNames = Annotated[tuple[str, ...] | None, BeforeValidator(_class_names)]
"""Names of classes, at least two; whole numbers are names too. None: all."""


def _folder(info: ValidationInfo) -> Path:
    context = info.context or {}
    return Path(context.get("folder", "."))


def _card(value: Any, info: ValidationInfo) -> str:
    if not isinstance(value, str) or not value.strip():
        raise problem(
            f"{shown(value)} is not the name of a card",
            remedy="write 'folder/name' as `list cards` shows it, or a path that ends in .yaml",
        )
    if locate.is_path(value):
        path = resolve_path(value, _folder(info))
        if not path.is_file():
            raise problem(f"there is no card file {path}", remedy=_neighbour(path))
        return str(path)
    names = locate.card_names()
    if value not in names:
        remedy = "`list cards` shows all cards; a card of your own is a path that ends in .yaml"
        raise problem(f"unknown card '{value}'", nearest(value, names), remedy)
    return value


def resolve_path(value: str, folder: Path) -> Path:
    """Return an absolute path without ``..``; relative ones start from ``folder``."""
    path = Path(value).expanduser()
    return path if path.is_absolute() else Path(*_collapsed((folder / path).absolute()))


def _collapsed(path: Path) -> list[str]:
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and len(parts) > 1:
            parts.pop()
        else:
            parts.append(part)
    return parts


def _neighbour(path: Path) -> str:
    """Return a hint at a file of almost this name in the same folder."""
    if not path.parent.is_dir():
        return f"the folder {path.parent} does not exist"
    close = nearest(path.name, sorted(p.name for p in path.parent.iterdir()))
    return f"the folder holds '{close}'" if close else ""


def _path(value: Any, info: ValidationInfo) -> Path:
    if not isinstance(value, (str, Path)) or not str(value).strip():
        raise problem(f"{shown(value)} is not a path")
    return resolve_path(str(value), _folder(info))


def _auto_path(value: Any, info: ValidationInfo) -> Path | str:
    return "auto" if value == "auto" else _path(value, info)


def check_file(path: Path) -> None:
    """Raise the problem that a missing or unusable input file is."""
    if path.is_dir():
        raise problem(f"{path} is a folder, not a file")
    if not path.is_file():
        raise problem(f"there is no file {path}", remedy=_neighbour(path))


FilePath = Annotated[Path, BeforeValidator(_path), FileReference()]
FolderPath = Annotated[Path | Literal["auto"], BeforeValidator(_auto_path), FileReference()]


CheckCard = BeforeValidator(_card)


def check_base(value: Any, folder: Path) -> Path:
    """Return the file of the hardware that ``hardware.base`` names; raise its problem."""
    if not isinstance(value, str) or not value.strip():
        raise problem(
            f"{shown(value)} is not the name of hardware",
            remedy="write 'chips/name' as `list chips` shows it, or a path that ends in .yaml",
        )
    if locate.is_path(value):
        path = resolve_path(value, folder)
        check_file(path)
        return path
    if value not in locate.base_names():
        remedy = "`list chips` shows what there is"
        raise problem(f"unknown hardware '{value}'", nearest_base(value), remedy)
    return locate.hardware() / f"{value}.yaml"


def _base(value: Any, info: ValidationInfo) -> str:
    path = check_base(value, _folder(info))
    return str(path) if locate.is_path(value) else str(value)


CheckBase = BeforeValidator(_base)
