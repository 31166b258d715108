"""Crossbars as ngspice decks: written, run, and their currents read back.

The deck is the circuit of `imssa_sim.circuits.ir_drop`, element by element. Every sensed end of a
bit line goes to ground through a voltage source of zero volts, whose current is the answer.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imssa_sim.circuits.wires import Wires
from imssa_sim.devices.conduction import SinhConduction
from imssa_sim.errors import InputError

FloatArray = NDArray[np.float64]

MISSING = "ngspice is not installed; on Debian and Ubuntu: apt-get install ngspice"


def deck(
    conductance: ArrayLike,
    wires: Wires,
    voltages: ArrayLike,
    *,
    conduction: SinhConduction | None = None,
    title: str = "crossbar",
) -> str:
    """Return an ngspice deck of a crossbar at one set of word-line voltages.

    Parameters
    ----------
    conductance : array (R, P)
        Of the cells [S]; cells of zero are left out.
    wires : Wires
        A line without resistance is one node.
    voltages : array (R,)
        At the drivers [V].
    conduction : SinhConduction, optional
        Non-linear cells; linear ones by default.
    title : str
        First line of the deck.

    Raises
    ------
    InputError
        If the shapes do not agree.
    """
    g = np.asarray(conductance, dtype=np.float64)
    v = np.asarray(voltages, dtype=np.float64)
    if g.ndim != 2 or v.shape != g.shape[:1]:
        raise InputError(f"{g.shape} conductances need as many voltages as rows, not {v.shape}")
    lines = [f"* {title}", *_elements(g, wires, v, conduction)]
    saved = " ".join(f"i({name})" for name in _ammeters(g.shape[1], wires))
    # Tolerances far below the wanted precision: linear circuits are solved once anyway.
    lines += [
        ".options reltol=1e-12 abstol=1e-24 vntol=1e-15 itl1=500",
        f".save {saved}",
        ".op",
        ".end",
    ]
    return "\n".join(lines) + "\n"


def _elements(
    g: FloatArray, wires: Wires, v: FloatArray, conduction: SinhConduction | None
) -> Iterator[str]:
    rows, columns = g.shape

    def word(i: int, j: int) -> str:
        return f"w{i}_{j}" if wires.word_resistance else f"w{i}"

    def bit(i: int, j: int) -> str:
        return f"b{i}_{j}" if wires.bit_resistance else f"b{j}"

    source = wires.word_resistance + wires.source_resistance
    sense = wires.bit_resistance + wires.sense_resistance
    for i in range(rows):
        yield f"Vin{i} in{i} 0 DC {float(v[i])!r}"
        for side, j in (("left", 0), ("right", columns - 1)):
            if wires.drive in (side, "both"):
                yield _joint(f"src{i}{side[0]}", f"in{i}", word(i, j), source)
        for j in range(columns):
            if g[i, j]:
                yield _cell(f"{i}_{j}", word(i, j), bit(i, j), float(g[i, j]), conduction)
            if wires.word_resistance and j + 1 < columns:
                yield f"Rw{i}_{j} {word(i, j)} {word(i, j + 1)} {wires.word_resistance!r}"
            if wires.bit_resistance and i + 1 < rows:
                yield f"Rb{i}_{j} {bit(i, j)} {bit(i + 1, j)} {wires.bit_resistance!r}"
    for j in range(columns):
        for side, i in (("top", 0), ("bottom", rows - 1)):
            if wires.sense in (side, "both"):
                yield _joint(f"sns{j}{side[0]}", bit(i, j), f"out{j}{side[0]}", sense)
                yield f"Vout{j}{side[0]} out{j}{side[0]} 0 DC 0"


def _joint(name: str, first: str, second: str, resistance: float) -> str:
    """Return a resistor, or a short circuit where there is no resistance."""
    if resistance:
        return f"R{name} {first} {second} {resistance!r}"
    return f"V{name} {first} {second} DC 0"


def _cell(
    name: str, first: str, second: str, conductance: float, conduction: SinhConduction | None
) -> str:
    if conduction is None:
        return f"Rc{name} {first} {second} {1.0 / conductance!r}"
    scale = conduction.scale
    return (
        f"Bc{name} {first} {second} I={conductance * scale!r}*sinh(v({first},{second})/{scale!r})"
    )


def _ammeters(columns: int, wires: Wires) -> list[str]:
    sides = {"both": "tb", "top": "t", "bottom": "b"}[wires.sense]
    return [f"vout{j}{side}" for j in range(columns) for side in sides]


def run(text: str, *, timeout: float = 600.0) -> dict[str, float]:
    """Run a deck with ``ngspice -b`` and return the saved values by their names.

    Raises
    ------
    InputError
        If ngspice is missing, fails, or gives no result.
    """
    program = shutil.which("ngspice")
    if program is None:
        raise InputError(MISSING)
    with tempfile.TemporaryDirectory() as folder:
        path, raw = Path(folder, "deck.cir"), Path(folder, "deck.raw")
        path.write_text(text, encoding="ascii")
        done = subprocess.run(
            [program, "-b", "-r", str(raw), str(path)],
            capture_output=True,
            text=True,
            timeout=timeout,
            cwd=folder,
            check=False,
        )
        if done.returncode or not raw.is_file():
            last = (done.stderr or done.stdout).strip().splitlines()[-3:]
            raise InputError(f"ngspice failed ({done.returncode}): {' / '.join(last)}")
        return read_raw(raw.read_bytes())


def read_raw(content: bytes) -> dict[str, float]:
    """Return the values of the only point of a binary raw file.

    Raises
    ------
    InputError
        If the file is not one.
    """
    header, mark, data = content.partition(b"Binary:\n")
    text = header.decode("ascii", "replace").splitlines()
    if not mark or "Variables:" not in text:
        raise InputError("not a binary raw file of ngspice")
    names = [line.split()[1] for line in text[text.index("Variables:") + 1 :] if line.strip()]
    values = np.frombuffer(data, dtype=np.float64)
    if len(values) != len(names):
        raise InputError(f"the raw file holds {len(values)} values for {len(names)} variables")
    return dict(zip(names, values.tolist(), strict=True))


def column_currents(values: dict[str, float], columns: int, wires: Wires) -> FloatArray:
    """Return the current out of each bit line (P,) [A] from the values that `run` gave.

    Raises
    ------
    InputError
        If a current is missing: ngspice skips lines of a deck that it cannot read.
    """
    names = [f"i({name})" for name in _ammeters(columns, wires)]
    missing = [name for name in names if name not in values]
    if missing:
        raise InputError(
            f"ngspice gave no {missing[0]}; {len(missing)} of {len(names)} are missing"
        )
    return np.asarray(np.reshape([values[name] for name in names], (columns, -1)).sum(axis=1))
